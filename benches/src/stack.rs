//! Runs code at varying stack depths.
//!
//! The cost of one Ed25519 verification depends on where its frame lies within a 4 KiB page: at a
//! quarter of all places it is up to a quarter dearer, because its stores and the loads of other data
//! then agree in their low address bits. The place changes from process to process and from caller to
//! caller, so two sides of a comparison must each be measured at many places.

use core::hint::black_box;

/// Runs `work` about `depth` times 192 bytes further down the stack.
#[inline(never)]
pub fn at_depth<T>(depth: u32, work: &mut dyn FnMut() -> T) -> T {
    let room = [0_u8; 128];
    black_box(&room);
    let result = if depth == 0 { work() } else { at_depth(depth - 1, work) };
    black_box(&room);
    result
}

/// Depths that together cover a page evenly, in an order that returns to none soon.
#[derive(Clone, Copy, Debug, Default)]
pub struct Depths(u32);

impl Depths {
    /// The next depth.
    pub fn next_depth(&mut self) -> u32 {
        self.0 = (self.0 + 29) % DEPTHS;
        self.0
    }
}

/// Some three pages of 192-byte steps; a prime, so that every stride visits all.
const DEPTHS: u32 = 67;
