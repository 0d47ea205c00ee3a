//! Attackers in a world: what they do ([`AttackPlan`]), how they lie and forge, and how well they are found out.
//!
//! Insiders have valid credentials: their node behaves, and its messages are altered and signed anew before they are
//! sent. Forgers have a transmitter only: their frames leave from a link address of their own, go through the medium
//! like any other, and their signatures are always checked. The catalogue is that of VeReMi and F2MD, and the
//! frame attacks that the receive path is built against.
//!
//! Beside the road stand the transmitters of a red team ([`RadioAttack`]), without a credential or with one: they are judged
//! by what they cost honest stations.

mod frames;
mod insider;
mod plan;
mod radio_attack;
mod radio_frames;
mod radio_post;
mod score;
mod shipped;

pub(crate) use frames::{flooding, forge, ghost};
pub(crate) use insider::{Air, Insider, Overheard};
pub use plan::{Attack, AttackKind, AttackPlan, Targets};
pub use radio_attack::{RadioAddress, RadioAttack, RadioAttackKind};
pub(crate) use radio_frames::{Made, RadioMessage, as_own, claims, made_up, padded, sent_on, stripped};
pub use radio_post::{OutOfReach, RadioPost, post_radios};
pub use score::{AttackerHeard, HonestHeard, Tally, detections, false_positive_ratio};
pub(crate) use score::{Score, during, link_of};
pub use shipped::ShippedPlan;
