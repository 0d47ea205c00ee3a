//! Attackers in a world: what they do ([`AttackPlan`]), how they lie and forge, and how well they are found out.
//!
//! Insiders have valid credentials: their node behaves, and its messages are altered and signed anew before they are
//! sent. Forgers have a transmitter only: their frames leave from a link address of their own, go through the medium
//! like any other, and their signatures are always checked. The catalogue is that of VeReMi and F2MD, and the
//! frame attacks that the receive path is built against.

mod frames;
mod insider;
mod plan;
mod score;

pub(crate) use frames::{flooding, forge, ghost};
pub(crate) use insider::{Air, Insider, Overheard};
pub use plan::{Attack, AttackKind, AttackPlan, Targets};
pub use score::{AttackerHeard, HonestHeard, Tally, detections, false_positive_ratio};
pub(crate) use score::{Score, during, link_of};
