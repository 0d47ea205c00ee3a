//! Every bound of the applications and its reason. Nothing here grows past these, whatever a peer sends.

use core::time::Duration;

/// Intersections kept by a vehicle that listens to them: what a city has within the 1.5 km a message is believed from.
pub const MAX_INTERSECTIONS: usize = 32;
/// Intersections of one signer, so that none fills the table: its rate in D4 serves three at 10 Hz.
pub const MAX_INTERSECTIONS_PER_SIGNER: usize = 8;
/// Lanes kept of one intersection: those that enter it. Eight arms of eight lanes.
pub const MAX_INGRESS_LANES: usize = 64;
/// Fragments of a map come once a second, or one of sixteen each second; what is not whole by then never will be.
pub const MAP_ASSEMBLY_TIME: Duration = Duration::from_secs(20);
/// A map is renewed once a second; its signer lost ten in a row, and no longer stands against another.
pub const MAP_OWNER_SILENCE: Duration = Duration::from_secs(10);
/// Roads do not move: a map outlives a gap in reception, not the way to the next town.
pub const MAP_LIFETIME: Duration = Duration::from_secs(60);
/// A signal state older than this, by the controller's time in it, is no longer meaningful: amber lasts three seconds,
/// and a state comes each 100 ms. Roadside units stop by the same rule when their controller falls silent.
pub const MAX_SIGNAL_AGE: Duration = Duration::from_secs(1);
/// Three states lost at the slowest rate (1 Hz): their signer no longer stands against another.
pub const SIGNAL_OWNER_SILENCE: Duration = Duration::from_secs(3);
/// Signers whose words about one intersection are kept: two units at a large one, and one that contradicts them. Of any
/// further one it is only kept that it contradicts those.
pub const MAX_CLAIMANTS: usize = 3;
/// Two units that pass on one controller's reports differ for a state or two when a phase changes. What lasts longer is told.
pub const CONTEST_PATIENCE: Duration = Duration::from_millis(300);
/// Signers that contradict each other by turns are told once in this time.
pub const CONTEST_TOLD_AGAIN: Duration = Duration::from_secs(60);
/// A unit stands at its intersection or, when it serves several of one road, within sight of them: farther than this from
/// the reference of its map it is not believed.
pub const MAX_UNIT_DISTANCE_M: f64 = 1_000.0;
/// Stop lines of two maps that lay lanes over each other, on one way: farther apart they are two intersections, one behind
/// the other.
pub const SAME_STOP_LINE_M: f64 = 100.0;
/// A controller's time may be ahead of our clock by this, as a message's may.
pub const MAX_SIGNAL_AHEAD: Duration = Duration::from_millis(220);
/// Sign informations kept.
pub const MAX_SIGNS: usize = 64;
/// Sign informations of one signer.
pub const MAX_SIGNS_PER_SIGNER: usize = 16;
/// A sign without an end is forgotten this long after it was last heard: a zone is left in that time.
pub const SIGN_LIFETIME: Duration = Duration::from_secs(600);
/// Own requests for priority at a time: the next intersections of a route.
pub const MAX_PRIORITY_REQUESTS: usize = 4;
/// News of roads and signals waiting to be polled; the oldest makes room.
pub const MAX_NEWS: usize = 64;
