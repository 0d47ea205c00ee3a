//! Remote control: the control protocol of a daemon, over a link to its unit.
//!
//! At the unit each stream of a peer is a connection to a daemon's control socket, whose rights are lowered first to those of the
//! peer; what asks for more than reading is logged before it is passed on. At the operator's machine a Unix socket of a private
//! directory stands for the unit's, and `roadcast` itself runs against it.

mod all;
mod audit;
mod errand;
mod error;
mod glance;
mod line;
mod link;
mod opening;
mod order;
mod request;
mod serve;
mod site;
mod table;
#[cfg(test)]
mod testing;
mod tunnel;
mod visit;
mod watch;

pub use self::audit::{AuditError, AuditLog};
pub use self::error::RemoteError;
pub use self::opening::RemoteRefusal;
pub use self::order::{Asked, HELP, HelpErrand, Order, RemoteArgs};
pub use self::serve::RemoteDesk;
