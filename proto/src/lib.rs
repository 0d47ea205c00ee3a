//! Roadcast's messages and frames: bytes <-> types.
//!
//! A frame is a fixed binary [`hop`] header, unsigned, followed by a protobuf `SignedMessage`
//! ([`envelope`]). What is signed is kept as the exact bytes received and never re-encoded. The
//! payload inside ([`payload`], types in [`v1`]) is parsed only after its signature was verified;
//! everything needed before that is read by checked views that allocate nothing. What a frame is on its link is in
//! [`link`].
//!
//! This crate has no clock, no IO and no randomness, and no input makes it panic.

pub mod area;
pub mod cause;
pub mod class;
pub mod credential;
pub mod digest;
pub mod envelope;
pub mod hop;
pub mod link;
pub mod name;
pub mod payload;
pub mod wire;

pub use area::{AreaView, Shape};
pub use class::Class;
pub use digest::Digest;
pub use name::{EventId, EventIdError, IntersectionId};

/// The messages of package `v2x.v1`, generated from `proto/schema` and committed.
#[rustfmt::skip]
#[allow(
    missing_docs,
    clippy::doc_markdown,
    clippy::doc_lazy_continuation,
    clippy::large_enum_variant,
    unused_qualifications,
    reason = "generated: the schema's comments are the documentation"
)]
pub mod v1 {
    include!("gen/v2x.v1.rs");
}
