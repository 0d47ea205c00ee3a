//! `roadcast-bridge`.

fn main() {}
