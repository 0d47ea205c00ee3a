//! Receive path: cheapest check first, and a drop reason for every exit.

mod afar_book;
mod afar_queue;
mod copy_cache;
mod credential_clone;
mod digest_cache;
mod frame;
mod lot;
mod pending;
mod preview;
pub(crate) mod rates;
mod reading;
mod receiver;
mod rules;
mod situation;
pub(crate) mod urgency;
mod verify_queue;

pub use afar_queue::AfarTicket;
pub use copy_cache::CopyCache;
pub use credential_clone::HeardElsewhere;
pub use preview::{FrameName, Preview};
pub use rates::Unverified;
pub use receiver::{Admission, Content, HeardRevocation, Receiver, SignatureCheck, Verified};
pub use rules::{FrameRead, judge};
pub use situation::Situation;
