//! Misbehaviour detection: plausibility checks on verified messages, and what they cost the sender.

mod braking;
mod checks;
mod detector;
mod isolation;
mod kalman;
mod places;
mod reputation;
mod rssi_position;
mod signal;
mod sybil;
mod testimony;
mod thresholds;
mod track;
mod trajectory_copy;

pub use checks::{Basis, Check};
pub use detector::{MisbehaviourDetector, Observation, Suspicion, Verdict, report_request};
pub use reputation::TrustLevel;
pub use track::Claim;
