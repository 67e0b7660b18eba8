//! Tests of what only a browser can tell. There is nothing here but `tests/`, in Rust, and the page tests, in
//! JavaScript (`page/`, `peers/`, `gltf/`, on `harness.mjs`).
//!
//! What can be tested natively is tested beside what it tests; a test here says the same in both worlds.
