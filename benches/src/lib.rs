//! What the benchmarks in `benches/` share: an allocator that counts, a fleet that sends real frames,
//! and how figures are summed up and printed. `README.md` explains how to run them and what to trust.

pub mod cpu;
pub mod figures;
pub mod fleet;
pub mod heap;
pub mod stack;
