//! A station's inputs and outputs, on file.
//!
//! [`record`] is the file: inputs as they were handled, each before the outputs it led to. [`transcript`] is the canonical
//! form of an output, by which runs are compared. [`check`](mod@check) reads a recording, feeds it to a fresh node and
//! compares every output.

pub mod check;
pub mod record;
pub mod transcript;
