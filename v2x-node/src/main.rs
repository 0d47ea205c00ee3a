//! The `roadcast` binary.
fn main() {}
