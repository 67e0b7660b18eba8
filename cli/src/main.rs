//! The `citytwin` command.
fn main() {}
