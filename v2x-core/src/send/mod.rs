//! Send path: fields, signature, hop header, queue.

mod outgoing;
mod queue;
mod seal;
mod sender;
mod signed_log;
pub mod warm_up;

pub use outgoing::{Here, Outgoing, OwnFlood, OwnFrame, SealTo, SendResult};
pub use queue::SendStage;
pub use sender::{Sender, Signed};
pub use signed_log::SignedLog;
