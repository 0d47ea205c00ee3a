//! Faults that a plan lists: what goes wrong, with whom, and when.
//!
//! Each draw is a function of the seed, the fault, the link and the number of the sender's transmission: another fault or
//! station changes no other draw. `docs/faults.md` lists every key.

mod burst_loss;
mod clock_error;
mod corruption;
mod draws;
mod fault;
mod gnss;
mod jammer;
mod link_faults;
mod members;
mod parse;
mod partition;
mod passage;
mod setting;
mod took;

pub use fault::{Fault, FaultKind, FaultSpan, Jammer};
pub use members::Members;
pub(crate) use parse::{FAULT_KEYS, fault, together};
pub(crate) use passage::{OnLink, Passage};
pub use setting::FaultSetting;
