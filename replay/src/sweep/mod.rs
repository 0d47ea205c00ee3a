//! Sweeps: traces and plans, each with every combination of settings under every seed; the reports of all of them, and one table.
//!
//! A sweep's points have an order and an identity, so that a part of them ([`Shard`]) can be run anywhere, an interrupted sweep goes
//! on where it stopped, and parts are put together to the same table. How one point is run is up to the caller.

mod definition;
mod folder;
mod manifest;
mod merge;
mod parquet;
mod points;
mod table;

pub use definition::{Base, BaseKind, MAX_POINTS, Setting, SettingValue, Sweep, SweepError};
pub use folder::{FolderError, SweepFolder};
pub use manifest::{ManifestPoint, SweepManifest};
pub use merge::merge;
pub use points::{Shard, SweepPoint};
pub use table::{ResultCell, ResultColumn, ResultKind, ResultTable};

#[cfg(test)]
mod tests;
