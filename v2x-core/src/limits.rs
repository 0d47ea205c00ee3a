//! Every bound of the station and its reason. Nothing in the core grows past these, whatever a peer sends.

use core::time::Duration;

/// Neighbours kept. 802.11p carries at most about 2,000 frames/s, so 1,024 stations at the slowest
/// awareness rate (1 Hz) already fill half the channel.
pub const MAX_NEIGHBOURS: usize = 1024;
/// A neighbour not heard for this long is forgotten (EN 302 636-4-1 `itsGnLifetimeLocTE`: 20 s).
pub const NEIGHBOUR_LIFETIME: Duration = Duration::from_secs(20);

/// Credentials of other stations kept with their decompressed keys: one per neighbour.
pub const MAX_CREDENTIALS: usize = MAX_NEIGHBOURS;
/// Hashes of credentials that failed their check, so that each is paid for once.
pub const MAX_BAD_CREDENTIALS: usize = 256;
/// New credentials checked per second: each costs a signature verification before anything is known of
/// its sender; 128 cost under 1 % of a core and admit a platoon of newcomers in half a second.
pub const NEW_CREDENTIALS_PER_SECOND: u32 = 128;

/// Exact-copy cache: entries of one generation. Two generations of 8,192 remember over four seconds of
/// a saturated channel.
pub const COPY_CACHE_GENERATION: usize = 8192;
/// A generation of the exact-copy cache is retired after this long. Longer than the oldest acceptable
/// D2 frame (1 s), so that a copy that would still be fresh is still known.
pub const COPY_CACHE_AGE: Duration = Duration::from_secs(2);

/// Frames held while their credential is asked for, in all and for one signer, and for how long
/// (`standards` 5.3: small and brief, because nothing about them is verified).
pub const MAX_HELD: usize = 64;
/// Frames held for one unknown signer.
pub const MAX_HELD_PER_SIGNER: usize = 8;
/// A held frame is dropped after this long: two beacon intervals and an answer.
pub const HOLD_TIME: Duration = Duration::from_millis(250);

/// Frames waiting for verification. At 35 us each, 512 are 18 ms of work: more would be late for D0 anyway.
pub const MAX_VERIFY_QUEUE: usize = 512;

/// Own frames waiting for the link, per class (D2 holds one: the newest replaces).
pub const MAX_SEND_QUEUE: usize = 64;
/// Outputs waiting to be drained. A host that keeps the contract never has more than a handful.
pub const MAX_OUTPUTS: usize = 4096;

/// Unknown signers remembered to be asked for.
pub const MAX_REQUESTS: usize = 8;

/// A single-hop message from farther away than this is not believed: three times the range of 23 dBm
/// at 6 Mb/s in the open.
pub const MAX_SINGLE_HOP_REACH_M: f64 = 1500.0;
/// A multi-hop message generated farther away than this is not believed: the largest area (10 km^2) is
/// at most this far across.
pub const MAX_MULTI_HOP_REACH_M: f64 = 20_000.0;

/// A position this old no longer says where the station is; safety messages stop.
pub const MAX_FIX_AGE: Duration = Duration::from_secs(2);
/// Shortest awareness interval (EN 302 637-2 6.1.3, `T_GenCamMin`).
pub const MIN_AWARENESS_INTERVAL: Duration = Duration::from_millis(100);
/// Longest awareness interval (EN 302 637-2 6.1.3, `T_GenCamMax`).
pub const MAX_AWARENESS_INTERVAL: Duration = Duration::from_secs(1);
/// Low-frequency data is at least this far apart (EN 302 637-2 6.1.3).
pub const LOW_FREQUENCY_INTERVAL: Duration = Duration::from_millis(500);
/// Points of the path history, as many as EN 302 637-2 allows in a basic vehicle container.
pub const MAX_PATH_POINTS: usize = 23;
