//! Remote control: the control protocol of a daemon, over a link to its unit.
//!
//! At the unit each stream of a peer is a connection to a daemon's control socket, whose rights are lowered first to those of the
//! peer; what asks for more than reading is logged before it is passed on. At the operator's machine a Unix socket of a private
//! directory stands for the unit's, and `roadcast` itself runs against it.

mod audit;
mod line;
mod opening;
mod request;
mod visit;

pub use self::audit::{AuditError, AuditLog};
