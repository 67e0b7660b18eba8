//! The wasm-bindgen exports behind the npm package `citytwin`.
//!
//! # Conventions
//! * Every exported function converts, calls, converts. One with a decision in it has logic that belongs in the
//!   viewer, in `core`, or (words for JavaScript people) in `ts/`.
//! * Nobody outside `ts/` calls these exports: the public interface is the TypeScript there, camelCase and documented.
//! * `shapes` says what crosses the border, as plain objects; it is tested natively.
//! * Failures: an exported function throws an `Error` with a `code`; `ts/` turns it into a `CityTwinError`.

#[cfg(target_arch = "wasm32")]
mod handle;
mod shapes;

#[cfg(target_arch = "wasm32")]
pub use handle::Handle;
pub use shapes::{
    DiagnosticsShape, EventShape, HitShape, OptionsShape, ShownLabelShape, StatsShape, error_code, event_type,
    style_error_code,
};
