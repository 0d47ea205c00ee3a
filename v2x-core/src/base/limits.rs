//! Every bound of the station and its reason. No table in the core grows beyond these, whatever a peer sends.

use core::time::Duration;

use v2x_proto::Class;

use super::rate::Rate;

/// Neighbours kept unless the configuration says otherwise. 802.11p carries at most about 2,000 frames/s, so 896
/// stations at the slowest awareness rate (1 Hz) already fill half the channel. Seven eighths of 1,024: what a hash
/// table holds before it takes the next size.
pub const NEIGHBOURS: usize = 896;

/// Neighbours a configuration may ask for ([`Config::max_neighbours`](super::config::Config::max_neighbours)): what a
/// roadside unit on a roof above a stadium's car parks sees in 20 s. At 1.1 KB each they take 11 MB.
pub const MAX_NEIGHBOURS: usize = 10_000;

/// Neighbours whose received power along their way is judged at once: more than a channel full of beacons, some 800 a
/// second, lets send twice a second; 140 KB.
pub const MAX_WAYS: usize = 512;

/// Neighbours heard longest ago in the same moment that are compared when one has to make room. Each is verified for
/// 35 us, so that few share a moment on a real clock; in virtual time a whole table can, and eviction still costs the same.
pub const MAX_EVICTION_TIES: usize = 64;

/// Neighbours forgotten in one turn. When the antenna's plug falls out a whole table expires at once: 64 take some 30
/// us, the others wait for the next turn, which is due immediately and verifies an alert in between.
pub const MAX_EXPIRIES: usize = 64;

/// A neighbour not heard for this long is forgotten (EN 302 636-4-1 `itsGnLifetimeLocTE`: 20 s).
pub const NEIGHBOUR_LIFETIME: Duration = Duration::from_secs(20);

/// A neighbour keeps its link address for this long after its last beacon from there, whoever repeats its frames from
/// elsewhere: three of the slowest beacons.
pub const LINK_KEPT: Duration = Duration::from_secs(3);

/// Stations whose replay windows are kept after they left the neighbour table: twice as many as the table usually
/// holds, because up to thirty tables of neighbours can pass in the 600 s a message may live, and few of them send
/// messages that live that long. It does not grow with a larger table, so that making room never costs more.
pub const MAX_REMEMBERED: usize = 2 * NEIGHBOURS;

/// Checked credentials under which no message was verified yet: of newcomers whose first message was lost, and all that
/// somebody repeats.
pub const MAX_UNPROVEN_CREDENTIALS: usize = 256;

/// Hashes of credentials that failed their check, so that each is paid for once.
pub const MAX_BAD_CREDENTIALS: usize = 256;

/// Frames in the name of one neighbour and from its link address, own and forwarded ones apart, that are verified in good
/// order. A whole channel carries 2,000/s from all stations together; a roadside unit that forwards hazards sends a tenth
/// of it, with half a second's worth at once. Beyond it they are demoted.
pub const LINK_RATE: Rate = Rate::new(200, LINK_RATE_BURST as u32);

/// Of them at once.
pub const LINK_RATE_BURST: usize = 100;

/// A neighbour's name under which a signature failed is demoted for this long: at 896 names an attacker gets 90
/// signatures a second verified in good order, a fiftieth of a processor that needs 200 us for one. Being demoted costs
/// nothing where the processor keeps up.
pub const FAILED_LATELY: Duration = Duration::from_secs(10);

/// Verified messages of one signer per second: awareness at 10 Hz with slack for a clock that runs fast, an alert's 10
/// Hz and its copies at 0/25/50/75 ms, pre-crash copies in a burst, the phases of two intersections at 10 Hz with
/// answers and corrections beside them. Each message of D3 is a flood that all stations of its area send on: five a second
/// are thirty-two events that are signed anew each 40 s and updated now and then, twenty at once their ends; see
/// [`NEW_EVENT_RATE`] too.
pub const fn signer_rate(class: Class) -> Rate {
    match class {
        Class::D0 => Rate::new(10, 20),
        Class::D1 => Rate::new(20, 20),
        Class::D2 => Rate::new(12, 12),
        Class::D3 => Rate::new(5, 20),
        Class::D4 => Rate::new(30, 30),
        Class::D5 => Rate::new(10, 10),
    }
}

/// Events new to the receiver that one signer may bring up in D3 per second, whatever it says of them, with a few at once:
/// one crash has several aspects.
pub const NEW_EVENT_RATE: Rate = Rate::new(2, 4);

/// The same in D0 and D1: more at once than the [`MAX_OWN_ALERTS`] a station keeps, and more a second than a drive has.
/// They go no farther than a hop or two, and each is something a driver is told.
pub const NEW_ALERT_RATE: Rate = Rate::new(4, 16);

/// Events known at a time, including our own and ended ones: what 250 stations declare in a bad minute. 150 kB.
pub const MAX_EVENTS: usize = 512;

/// Events of one station among them: as many as it may keep declared itself.
pub const MAX_EVENTS_PER_SIGNER: usize = MAX_OWN_EVENTS;

/// Events one station keeps declared at a time: the work zones of a long road, or all that one crash blocks.
pub const MAX_OWN_EVENTS: usize = 32;

/// Alerts and imminent warnings among them, D1 and D0: with three signatures a second each they stay within what
/// receivers accept from one station ([`signer_rate`]).
pub const MAX_OWN_ALERTS: usize = 6;

/// Area hazards this station declares or redeclares per second: within [`NEW_EVENT_RATE`] even by a clock that runs
/// fast.
pub const OWN_NEW_EVENT_RATE: Rate = Rate::new(2, 2);

/// Revocation lists kept, one per issuer and series. An issuer uses few: whole series take one each, single
/// credentials fit in any.
pub const MAX_REVOCATION_LISTS: usize = 256;

/// Revocation lists kept of one issuer, so that none fills the room of all others.
pub const MAX_REVOCATION_LISTS_PER_ISSUER: usize = 64;

/// Digests kept per revocation list: eight full deltas. Credentials live hours to days, so an issuer that has to revoke
/// more of them revokes series, or is revoked itself.
pub const MAX_REVOKED_PER_LIST: usize = 1024;

/// Credentials seen and found revoked, so that a frame with only their digest is dropped as revoked at once.
pub const MAX_KNOWN_REVOKED: usize = NEIGHBOURS;

/// A carrier whose delta failed its issuer's signature is listened to again after this long: one check of 200 us.
pub const CARRIER_PENALTY: Duration = Duration::from_secs(60);

/// Carriers remembered for that: each signed a delta that it had not checked, under a credential of its own.
pub const MAX_BAD_CARRIERS: usize = 256;

/// One station passes a delta on this often: a car at 30 m/s passes a roadside unit's 600 m in 20 s and hears it twice;
/// at 1.2 kB the channel pays under 0.1 % for it.
pub const SPREAD_INTERVAL: Duration = Duration::from_secs(10);

/// Jitter of that, so that units that learned of a delta together do not send it together.
pub const SPREAD_JITTER: Duration = Duration::from_secs(1);

/// Digests of credentials heard lately, so that each is hashed once: a table of neighbours' worth, 16 KB.
pub const CREDENTIAL_NAMES: usize = 1024;

/// Exact-copy cache: entries of one generation. Two generations of 8,192 remember over four seconds of
/// a saturated channel.
pub const COPY_CACHE_GENERATION: usize = 8192;

/// A generation of the exact-copy cache is retired after this long. Longer than the oldest acceptable
/// D2 frame (1 s), so that a copy that would still be fresh is still known.
pub const COPY_CACHE_AGE: Duration = Duration::from_secs(2);

/// Frames held while their credential is requested, in all: as many as a whole channel of 2,000 frames/s carries in
/// [`HOLD_TIME`], because anybody can make up a signer for each.
pub const MAX_HELD: usize = 512;

/// Held frames that are compared when one has to give way.
pub const HELD_COMPARED: usize = 4;

/// A held frame is dropped after this long: two beacon intervals and an answer.
pub const HOLD_TIME: Duration = Duration::from_millis(250);

/// Frames under one of our digests that we did not sign: about this many signatures a second are checked, those of a beacon's
/// rate. Of more frames a lot is drawn.
pub const OWN_NAME_CHECKS: u32 = 10;

/// Messages of each class that we signed and recognise by number and time; what is older than those that were forgotten counts
/// as ours. Six seconds of the fastest beacons, which is longer than any but a flood is fresh.
pub const MAX_SIGNED_KEPT: usize = 64;

/// While another station uses our credential, our numbers jump ahead of its numbers at most this often. A jump in this time
/// is about as far as the clock's numbers go, so that a restart is still ahead of them.
pub const OUTRUN_INTERVAL: Duration = Duration::from_secs(1);

/// After a change because another station uses our pseudonym, the next such change comes this much later: whoever stole the
/// whole pool does not use it up in seconds.
pub const STOLEN_PSEUDONYM_INTERVAL: Duration = Duration::from_secs(10);

/// Stations that one message is sealed for: as many as may speak for one intersection.
pub const MAX_RECIPIENTS: usize = 3;

/// The encryption key of a former pseudonym is wiped this long after the change. What was sealed to it just before has come by
/// then (a second is the longest lifetime in D4); what comes later was sealed to a name that no longer answers, and an answer
/// would tell who it was.
pub const FORMER_KEY_GRACE: Duration = Duration::from_secs(2);

/// Credentials of one station: a hundred a week for ten weeks.
pub const MAX_PSEUDONYMS: usize = 1000;

/// This many unused credentials left, or fewer, is worth a warning: two more changes.
pub const LOW_SPARES: usize = 2;

/// Credentials that all end within this are worth a warning: time enough to fetch new ones.
pub const LOW_VALIDITY: Duration = Duration::from_secs(3600);

/// Frames waiting for verification. At 35 us each, 512 are 18 ms of work: more would be too late for D0 anyway.
pub const MAX_VERIFY_QUEUE: usize = 512;

/// Alerts and floods among the demoted frames, and as many of the others. Where frames come faster than they are
/// verified each waits for as long as this many take to come: 6 ms at 10,000/s, so that few D0 are too old by then. Where
/// they come slower it is a burst of 13 ms of work at 200 us.
pub const MAX_LOT: usize = 64;

/// Demoted frames waiting for verification.
pub const MAX_DEMOTED: usize = 2 * MAX_LOT;

/// One in this many demoted frames of other classes is verified as early as an alert: a neighbour that beacons at 10 Hz
/// is heard within its 20 s in the table, though forged alerts in its name come five times as fast as they are verified.
pub const LOT_SHARE: usize = 8;

/// Awareness of a neighbour farther than this that is driving away may be verified by sample
/// ([`Config::sample_far_awareness`](super::config::Config::sample_far_awareness)): over 4 s at 70 m/s of closing.
pub const SAMPLE_BEYOND_M: f64 = 300.0;

/// Our frames waiting for the link, per class (D2 holds one: the newest replaces).
pub const MAX_SEND_QUEUE: usize = 64;

/// Frames that wait to be sent a second time after a change of link address. A station sends no more than a few in
/// the 8 ms until then; those beyond go once.
pub const MAX_WARM_UP_COPIES: usize = 8;

/// Outputs waiting to be drained. A host that keeps the contract never has more than a handful.
pub const MAX_OUTPUTS: usize = 4096;

/// Unknown signers remembered in order to request their credentials: three bytes each in a beacon, and more would flood
/// the answers.
pub const MAX_REQUESTS: usize = 8;

/// One digest is requested at most this often: a beacon or two must return before the request counts as failed.
pub const ASK_INTERVAL: Duration = Duration::from_millis(250);

/// A request is held back for up to this long, so that of all stations that miss one credential the first requests it
/// for all (IEEE 1609.2 peer-to-peer distribution: 0 to 250 ms).
pub const MAX_REQUEST_BACK_OFF: Duration = Duration::from_millis(250);

/// An unknown digest not heard for this long is no longer requested: a station sends awareness once a second at least.
pub const REQUEST_LIFETIME: Duration = Duration::from_secs(1);

/// The full credential goes out at least this often (TS 103 097 7.1.1).
pub const FULL_CREDENTIAL_INTERVAL: Duration = Duration::from_secs(1);

/// And this often while the channel is quiet: 2.5 Hz.
pub const QUIET_FULL_CREDENTIAL_INTERVAL: Duration = Duration::from_millis(400);

/// Requests and unknown stations trigger it at most this often, whatever their number: below the shortest interval of
/// awareness, which alone answers, so that each beacon may carry it.
pub const CREDENTIAL_ON_DEMAND_GAP: Duration = Duration::from_millis(50);

/// Answers to verified requests and new neighbours beyond what is sent anyway. One answer serves all that wait for it, so
/// nobody waits for longer than half a second; four at once are the newcomers of a junction. 300 B/s at most.
pub const ANSWER_RATE: Rate = Rate::new(2, 4);

/// Answers to digests that are not known, which anybody may make up: one in two seconds beyond what is sent anyway, and
/// two at once, should the first be lost. 75 B/s at most.
pub const UNVERIFIED_ANSWER_RATE: Rate = Rate { each_ns: 2_000_000_000, burst: 2 };

/// A single-hop message from farther away than this is not believed: three times the range of 23 dBm at 6 Mb/s in the
/// open.
pub const MAX_SINGLE_HOP_REACH_M: f64 = 1500.0;

/// A multi-hop message generated farther away than this is not believed: the largest area (10 km^2) is
/// at most this far across.
pub const MAX_MULTI_HOP_REACH_M: f64 = 20_000.0;

/// A reported channel load counts for this long. Links measure it over 100 ms (ETSI TS 102 687): ten missing reports in
/// a row mean that the measurement has stopped.
pub const MAX_LOAD_AGE: Duration = Duration::from_secs(1);

/// Alerts that leave although the rate is closed: the four copies of a new one, and its repetitions after that.
pub const ALERT_RESERVATION: Rate = Rate::new(10, 4);

/// What a vehicle's bus said this long ago is unknown: buses repeat their signals each 10 to 100 ms, and a pedal is released
/// faster than that.
pub const MAX_VEHICLE_AGE: Duration = Duration::from_millis(500);

/// A position this old no longer tells where the station is; safety messages stop.
pub const MAX_FIX_AGE: Duration = Duration::from_secs(2);

/// Shortest awareness interval (EN 302 637-2 6.1.3, `T_GenCamMin`).
pub const MIN_AWARENESS_INTERVAL: Duration = Duration::from_millis(100);

/// Longest awareness interval (EN 302 637-2 6.1.3, `T_GenCamMax`).
pub const MAX_AWARENESS_INTERVAL: Duration = Duration::from_secs(1);

/// Low-frequency data is at least this far apart (EN 302 637-2 6.1.3).
pub const LOW_FREQUENCY_INTERVAL: Duration = Duration::from_millis(500);

/// Points of the path history, as many as EN 302 637-2 allows in a basic vehicle container.
pub const MAX_PATH_POINTS: usize = 23;

/// Stations isolated at a time. Each took five seconds of lies under a credential of its own.
pub const MAX_ISOLATED: usize = 1024;

/// Signed messages kept as evidence against suspects, in all.
pub const MAX_EVIDENCE_FRAMES: usize = 128;

/// Bytes of them, in all.
pub const MAX_EVIDENCE_BYTES: usize = 64 * 1024;

/// Messages kept against one station: two contradict each other, and a third shows that it was no accident.
pub const MAX_EVIDENCE_PER_STATION: usize = 3;

/// Time between two of them, so that a flood of findings costs next to nothing.
pub const EVIDENCE_SPACING: Duration = Duration::from_millis(500);

/// Messages in one report (bound of `MisbehaviourReport.evidence`).
pub const MAX_REPORT_EVIDENCE_FRAMES: usize = 4;

/// Bytes of them: a report is to fit into one frame of 1,398 bytes. A longer message is not kept at all.
pub const MAX_REPORT_EVIDENCE_BYTES: usize = 1024;

/// One station is reported at most this often: the authority needs no reminders.
pub const MISBEHAVIOUR_REPORT_INTERVAL: Duration = Duration::from_secs(600);

/// Floods known at a time, from their verification to their expiry: a city's hazards, a dozen about each kilometre.
pub const MAX_FLOODS: usize = 256;

/// Floods of one signer: at [`NEW_EVENT_RATE`] eight seconds' worth. The oldest makes room.
pub const MAX_FLOODS_PER_SIGNER: usize = 16;

/// Copies remembered of frames that may still wait for their verification: what a dozen forwarders send of two floods
/// within half a second.
pub const MAX_EARLY_COPIES: usize = 32;

/// One station gives one flood to neighbours that lack it at most this often: a newcomer at the edge of the reach gets
/// several tries within its first second, and a station that always claims to lack all costs four frames a second.
pub const SERVE_RATE: Rate = Rate::new(4, 8);

/// Floods one station gives to neighbours that lack them, all together: after a partition thirty at once. A station
/// that claims to lack two hundred floods gets a fortieth of the channel, not two fifths.
pub const SERVING_RATE: Rate = Rate::new(50, MAX_SERVED_AT_ONCE as u32);

/// Floods one beacon of a neighbour makes a station give it: what [`SERVING_RATE`] lets through at once. The walk over the
/// floods ends there, and its next beacon shows what it lacks then.
pub const MAX_SERVED_AT_ONCE: usize = 32;

/// Neighbours examined to see whether any is ahead of a flood: where there are more, one in a hundred ahead is enough
/// to carry it on.
pub const MAX_LOOKED_AHEAD: usize = 256;

/// A station that hears of floods it lacks sends an early beacon at most this often, whichever neighbours name them: a few
/// at once, since the first may be lost, and one in two seconds after that. What is named may not exist, and all stations
/// in reach would answer.
pub const LACK_RATE: Rate = Rate { each_ns: 2_000_000_000, burst: 4 };

/// Floods are kept alive at no shorter interval than this, whatever they ask for: one copy a second of each, from all
/// stations together. A hazard that asked for a millisecond would fill the channel for its whole life.
pub const MIN_KEEP_ALIVE: Duration = Duration::from_millis(500);

/// A roadside unit that keeps events alive repeats those without a keep-alive interval as if they had this one.
pub const ANCHOR_INTERVAL: Duration = Duration::from_secs(2);

/// No area reaches farther than this from its centre, whatever its signer (EN 302 636-4-1 has at most 10 km^2; a
/// rectangle along a motorway is long and narrow).
pub const MAX_AREA_M: u32 = 10_000;

/// Hops of a message without an area (topological scope), at most.
pub const MAX_SCOPE_HOPS: u8 = 10;

/// Hops of an imminent message: straight to nearby stations, and one relay by two of them past an obstacle.
pub const MAX_IMMINENT_HOPS: u8 = 2;

/// Frames from afar that a station looks at in a second: what twenty busy stations send in D3 and D5 together, and a sixtieth of a
/// processor that needs 35 us for a signature.
pub const AFAR_PER_SECOND: u32 = 500;

/// Of them at once, from one peer that is alone: after a break of the link a bridge hands in what it kept. As many are left for
/// peers that come then.
pub const AFAR_BURST: u32 = 100;

/// The rate of frames from afar, of which peers have [fair shares](super::FairShares); what is beyond it is dropped before it is read.
pub const AFAR_RATE: Rate = Rate::new(AFAR_PER_SECOND, AFAR_BURST);

/// Frames from afar that wait for their verification, which is when nothing by air waits: those that come at once, and some more.
pub const MAX_AFAR_WAITING: usize = 256;

/// Signers heard from afar within 20 s, and their credentials: those that a busy peer's hazards are of. Beyond it the one heard
/// longest ago makes room, and its windows are kept as a neighbour's are.
pub const MAX_AFAR_SIGNERS: usize = 256;

/// Floods from afar among the [`MAX_FLOODS`]: more than one peer's [`AFAR_BURST`], so that none makes room before it was sent on, and
/// never all. A flood by air takes the place of one from afar.
pub const MAX_AFAR_FLOODS: usize = 128;
