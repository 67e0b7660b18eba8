//! The public shell: a city full screen, with its words, panels and controls.
//!
//! # Conventions
//! * Whatever a person reads in the app comes from [`words`] (both languages, checked by the compiler) or from the
//!   manifest. `index.html` holds the few words that are needed before the app or instead of it.
//! * Text from tiles and manifests is only ever set as text, never as markup.
//! * No inline style or script: the Content-Security-Policy forbids both. Moving parts use `style:` bindings, which
//!   go through the CSS object model.
//! * What the camera does and what is loaded belongs to the viewer; the shell listens to its events and keeps only
//!   the last one of each kind, to show it.
//! * Degrees, metres and CSS pixels, as the names say.
//!
//! Words, numbers, links and facts are pure and tested natively. Everything under `ui` needs a browser and exists on
//! `wasm32` only. This crate knows no tile rules: it hands a manifest to the viewer and shows what the viewer tells.

pub mod daytime;
pub mod facts;
pub mod fault;
pub mod highlight;
pub mod link;
pub mod number;
pub mod sheet;
pub mod words;

#[cfg(target_arch = "wasm32")]
#[allow(unreachable_pub)] // what Leptos and wasm-bindgen generate for a component or an export is `pub`
mod ui;
