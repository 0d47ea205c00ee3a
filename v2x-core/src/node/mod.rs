//! The station as a state machine: this module only orders the steps, its siblings are the mechanisms.

mod afar;
mod deadline_cache;
mod forward;
mod gate;
mod hazard;
mod io;
mod misbehaviour;
mod pseudonym;
mod revocation;
mod sending;
mod tables;
mod timers;
mod together;
mod turn;
mod verify;

use core::time::Duration;
pub use io::{Event, Input, Misbehaviour, Output, TimerKind};
use std::collections::VecDeque;
pub use together::Together;

use v2x_proto::{Class, Digest};

use self::deadline_cache::DeadlineCache;
use crate::awareness::Awareness;
use crate::base::{
    Anchor, ChangeRule, ClockState, Config, Dropped, Fix, HeldHeading, Host, Imminent, Instant, Moment,
    Plane, Purpose, ReceivedFrame, Regulation, Role, Seed, SendingState, Stream, TimedFix, TimedVehicle,
    VehicleState, Virtual, WireTime, limits,
};
use crate::congestion::{BusyRatio, ChannelLoad, TransmitGate};
use crate::forward::Forwarder;
use crate::hazard::Hazards;
use crate::misbehaviour::{Claim, MisbehaviourDetector, Suspicion, TrustLevel, report_request};
use crate::neighbour::{Neighbour, NeighbourTable};
use crate::receive::{Admission, CopyCache, FrameName, Preview, Receiver, Situation, Unverified};
use crate::send::Sender;
use crate::trust::{ChangeSchedule, CredentialDistribution, KeyCache, Permissions, Pool, TrustStore};

/// A station as a state machine.
///
/// # Contract
///
/// 1. After each [`handle_input`](Self::handle_input), drain [`poll_output`](Self::poll_output) until it
///    returns [`Output::Timeout`].
/// 2. While output is queued, a frame waits for verification, or frames that waited for a full link leave
///    one by one, the deadline is "now".
/// 3. Sleeping exactly to the deadline and then sending [`Input::Timeout`] always makes progress.
/// 4. Extra or early timeouts change nothing.
/// 5. Same configuration, identity, seed and inputs: the same outputs, byte for byte (except for the stages' stamps,
///    which the host's clock makes).
/// 6. Time that runs backwards is clamped and counted ([`Counters::time_clamped`]), never asserted.
/// 7. Every received frame ends in exactly one [`Event::Received`] or [`Event::Dropped`].
/// 8. No bytes make it panic; no peer makes any table grow beyond [`limits`].
/// 9. Nothing unverified writes state that a verified frame depends on.
/// 10. Signed bytes are relayed untouched; the hop header and the form of the signer (digest or credential) are the
///     relay's own.
///
/// Frames are admitted by the cheap checks as they arrive and verified one per [`Input::Timeout`], the most urgent
/// first: a host that reads a burst of frames before it sends `Timeout` has them verified in order of their deadlines.
///
/// # Example
///
/// The whole loop of a host: hand in what arrived, take out what leaves, sleep to the deadline. Time is virtual here,
/// so the loop jumps instead of sleeping.
///
/// ```
/// use v2x_core::{
///     Anchor, ClockState, Config, Event, Fix, Input, Instant, Node, Output, Position, ReceivedFrame, Way, WireTime,
/// };
/// # use ed25519_dalek::SigningKey;
/// # use v2x_core::{Authority, CredentialRequest, Permissions};
/// # let [root_key, issuer_key] = [1, 2].map(|n| SigningKey::from_bytes(&[n; 32]));
/// # let all = Permissions(u64::MAX);
/// # let request = |key: &SigningKey, permissions| CredentialRequest {
/// #     public_key: key.verifying_key().to_bytes(),
/// #     permissions,
/// #     not_before_s: 719_999_000,
/// #     duration_min: 120,
/// #     region: None,
/// #     station_class: 2,
/// #     revocation_series: 0,
/// #     encryption_key: None,
/// # };
/// # let issuer = request(&issuer_key, all);
/// # let authority = Authority::new(root_key, issuer_key, &issuer)?;
/// # let identity = |number| {
/// #     let key = SigningKey::from_bytes(&[number; 32]);
/// #     let own = request(&key, all.without(Permissions::ISSUE));
/// #     authority.identity(key, &own)
/// # };
/// # let trust = authority.trust.clone();
/// // Two stations: each with a credential and its key, and the authorities that it trusts.
/// let anchor = Anchor { instant: Instant::ZERO, wire: WireTime::from_secs(720_000_000) };
/// let mut nodes = [
///     Node::new(Config::vehicle(), identity(3)?, trust.clone(), 7, anchor),
///     Node::new(Config::roadside(), identity(4)?, trust, 8, anchor),
/// ];
///
/// // Inputs waiting for each station: first its clock state and its position.
/// let fix = Fix {
///     position: Position { latitude: 496_116_000, longitude: 61_319_000 },
///     altitude_cm: None,
///     speed: Some(0),
///     heading: Some(900),
///     acceleration: None,
///     yaw_rate: None,
///     accuracy_cm: None,
///     time: anchor.wire,
/// };
/// let clock = Input::Clock { wire: anchor.wire, state: ClockState::Locked };
/// let mut inputs = nodes.each_ref().map(|_| vec![clock.clone(), Input::Fix(Some(fix))]);
///
/// let mut heard = 0;
/// let mut now = Instant::ZERO;
/// while now < Instant::from_millis(1500) {
///     let mut deadline = Instant::FAR_FUTURE;
///     for index in 0..nodes.len() {
///         for input in std::mem::take(&mut inputs[index]).into_iter().chain([Input::Timeout]) {
///             nodes[index].handle_input(now, input);
///             // After each input: drain, until the station returns its next deadline.
///             loop {
///                 match nodes[index].poll_output() {
///                     // A host hands the frame to its link; this one to the other station.
///                     Output::Transmit(transmit) => inputs[1 - index].push(Input::Frame(ReceivedFrame {
///                         bytes: transmit.bytes,
///                         link_source: [2, 0, 0, 0, 0, index as u8],
///                         kernel_receive: None,
///                         user_receive: None,
///                         signal_dbm: None,
///                         way: Way::Air,
///                     })),
///                     Output::Event(Event::Received(_)) => heard += 1,
///                     Output::Event(_) => {}
///                     Output::Timeout(at, _) => {
///                         deadline = deadline.min(at);
///                         break;
///                     }
///                 }
///             }
///         }
///     }
///     // Sleep until the earliest deadline, or until a frame comes.
///     if inputs.iter().all(Vec::is_empty) {
///         now = now.max(deadline);
///     }
/// }
/// assert!(heard >= 2, "both sent at least one beacon");
/// assert!(nodes.iter().all(|node| node.neighbours().count() == 1));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Node {
    config: Config,
    moment: Moment,
    fix: Option<TimedFix>,
    vehicle: TimedVehicle,
    heading: HeldHeading,
    sending: SendingState,
    receiver: Receiver,
    sender: Sender,
    awareness: Awareness,
    neighbours: NeighbourTable,
    distribution: CredentialDistribution,
    channel_load: ChannelLoad,
    gate: TransmitGate,
    pseudonyms: ChangeSchedule,
    seed: Seed,
    watch: MisbehaviourDetector,
    outputs: VecDeque<Output>,
    counters: Counters,
    host: Box<dyn Host>,
    spread: Stream,
    forwarder: Forwarder,
    hazards: Hazards,
    deadline_cache: Option<DeadlineCache>,
}

/// How much waits in a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Queues {
    /// Frames to be transmitted, by class.
    pub send: [usize; Class::ALL.len()],
    /// Frames to be verified.
    pub verify: usize,
    /// Multi-hop messages known, some of which wait to be forwarded.
    pub forward: usize,
}

/// Counters of a node; drops and deliveries are events, counted by the host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Frames handed in.
    pub frames: u64,
    /// Inputs whose time was before an earlier input's.
    pub time_clamped: u64,
    /// Channel loads above 100 %, which were ignored.
    pub loads_refused: u64,
    /// Outputs lost because the host did not drain them ([`limits::MAX_OUTPUTS`]).
    pub outputs_lost: u64,
}

impl Node {
    /// A station in virtual time. `anchor` ties the core's time to wire time; the clock counts as
    /// untrusted, and nothing is sent, until an [`Input::Clock`] says otherwise.
    ///
    /// `identities` is one [`Identity`](crate::trust::Identity) or a [`Pool`] of them. `seed` has no default: stations that share one still differ, because each stream of random numbers
    /// is mixed with the station's digest.
    pub fn new(
        config: Config,
        identities: impl Into<Pool>,
        trust: TrustStore,
        seed: u64,
        anchor: Anchor,
    ) -> Self {
        Self::with_host(config, identities, trust, seed, anchor, Box::new(Virtual))
    }

    /// A station whose host measures stages, or caches verified signatures.
    pub fn with_host(
        config: Config,
        identities: impl Into<Pool>,
        trust: TrustStore,
        seed: u64,
        anchor: Anchor,
        host: Box<dyn Host>,
    ) -> Self {
        let now = anchor.instant;
        let mut pool = identities.into();
        pool.start(seed, anchor.wire, config.pseudonym.change != ChangeRule::Off);
        let own = pool.active().digest();
        let changes = Stream::new(seed, own, Purpose::PseudonymChange);
        let step = Awareness::check_interval(config.awareness).as_nanos() as u64;
        let phase = Stream::new(seed, own, Purpose::AwarenessPhase).below(step);
        let stream = |purpose| Stream::new(seed, own, purpose);
        let reserve = config.reserve;
        let copies = CopyCache::new(&mut stream(Purpose::CopyCacheKey), reserve);
        let hasher = copies.hasher();
        let room = config.max_neighbours.clamp(1, limits::MAX_NEIGHBOURS);
        let lots = [Purpose::VerifyLot, Purpose::HoldLot].map(stream);
        let distribution = CredentialDistribution::new(&own, stream(Purpose::RequestBackOff));
        let keeps_alive =
            config.role == Role::Roadside && pool.active().permissions().contains(Permissions::KEEP_ALIVE);
        let forwarder =
            Forwarder::new(config.forwarding, keeps_alive, config.test, &mut stream(Purpose::Forwarding));
        let forwarder = if config.from_afar { forwarder.bringing_what_comes_from_afar() } else { forwarder };
        let hazards = Hazards::new(match config.regulation {
            Regulation::None => config.imminent,
            Regulation::En302571 => Imminent::Regulated,
        });
        let sending = SendingState::ClockUntrusted;
        let mut outputs = VecDeque::with_capacity(reserve.at_start(OUTPUTS));
        outputs.push_back(Output::Event(Event::Sending(sending)));
        Self {
            moment: Moment::starting(anchor),
            fix: None,
            vehicle: TimedVehicle::default(),
            heading: HeldHeading::default(),
            sending,
            receiver: Receiver::new(
                trust,
                copies,
                Unverified::new(room, reserve),
                KeyCache::for_neighbours(room, reserve),
                lots,
                now,
                reserve,
            ),
            sender: Sender::new(pool, hasher, config.test, reserve),
            awareness: Awareness::new(config.awareness, now, Duration::from_nanos(phase)),
            neighbours: NeighbourTable::with_capacity(room, reserve),
            distribution,
            channel_load: ChannelLoad::default(),
            gate: TransmitGate::new(
                config.congestion,
                config.regulation,
                now,
                &mut stream(Purpose::Congestion),
            ),
            pseudonyms: ChangeSchedule::new(config.pseudonym, now, changes),
            seed: Seed(seed),
            watch: MisbehaviourDetector::new(config.plausibility, config.awareness, now)
                .for_neighbours(room, reserve),
            outputs,
            counters: Counters::default(),
            config,
            host,
            spread: Stream::new(seed, own, Purpose::RevocationSpread),
            forwarder,
            hazards,
            deadline_cache: None,
        }
    }

    /// Takes one input at `now`. Drain [`poll_output`](Self::poll_output) afterwards.
    pub fn handle_input(&mut self, now: Instant, input: Input) {
        let rest = self.begin_turn(now);
        match input {
            Input::Frame(frame) => return self.take_frame(frame, None, rest),
            Input::Fix(fix) => self.take_fix(fix),
            Input::Vehicle(state) => self.vehicle.take(state, self.moment.now, &self.moment.anchor),
            Input::Clock { wire, state } => self.set_clock(wire, state),
            Input::Send(request) => self.send(&request),
            Input::Hazard { command, token } => self.command(&command, token),
            Input::Revocation(delta) => self.revoke(&delta),
            Input::Trust { roots, issuers } => self.replace_trust(&roots, &issuers),
            Input::Identities(identities) => self.replace_identities(&identities),
            Input::Link { ready } => self.sender.set_link(ready),
            Input::ChannelLoad { busy_permille, source } => {
                let believed = self.channel_load.report(self.moment.now, busy_permille, source);
                self.counters.loads_refused += u64::from(!believed);
            }
            Input::Timeout => {
                let in_time = self.begin_verification(rest.as_ref());
                let quiet = self.verify_next(in_time);
                return self.end_turn_of(rest, quiet);
            }
        }
        self.end_turn();
    }

    /// The next output. [`Output::Timeout`] means that there is none, and when to come back.
    pub fn poll_output(&mut self) -> Output {
        if let Some(output) = self.outputs.pop_front() {
            return output;
        }
        let (at, kind) = self.come_to_rest();
        Output::Timeout(at, kind)
    }

    /// The station's digest: that of the pseudonym in use.
    pub fn digest(&self) -> Digest {
        self.sender.digest()
    }

    /// The neighbours, in a fixed order.
    pub fn neighbours(&self) -> impl Iterator<Item = &Neighbour> {
        self.neighbours.iter()
    }

    /// The neighbour table.
    pub fn neighbour_table(&self) -> &NeighbourTable {
        &self.neighbours
    }

    /// The position last given, when there is one, with its heading [held](HeldHeading::held) while the station stands; it may
    /// be too old to send by.
    pub fn last_fix(&self) -> Option<Fix> {
        self.fix.map(|fix| fix.fix)
    }

    /// What the vehicle said last, while it counts.
    pub fn vehicle(&self, now: Instant) -> Option<VehicleState> {
        self.vehicle.fresh(now)
    }

    /// How busy the channel is at `now`.
    pub fn channel_busy(&self, now: Instant) -> BusyRatio {
        self.channel_load.ratio(now)
    }

    /// Whether the station sends safety messages now.
    pub fn sending(&self) -> SendingState {
        self.sending
    }

    /// Trust levels of other stations, and their findings.
    pub fn watch(&self) -> &MisbehaviourDetector {
        &self.watch
    }

    /// The known multi-hop messages, and the measured reach.
    pub fn forwarder(&self) -> &Forwarder {
        &self.forwarder
    }

    /// What waits in the node: frames to be transmitted by class, frames to be verified, floods known.
    pub fn queues(&self) -> Queues {
        Queues { send: self.sender.waiting(), verify: self.receiver.waiting(), forward: self.forwarder.len() }
    }

    /// What the credential of a station permits, as long as it is known.
    pub fn permissions_of(&self, station: &Digest) -> Option<Permissions> {
        self.receiver.permissions(station)
    }

    /// The node's counters.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// The last issuer of a credential that was refused because neither roots nor issuers know it, and the link address its
    /// station sent from. Nothing of it is verified: anybody can make such a credential.
    pub fn unknown_issuer(&self) -> Option<(Digest, [u8; 6])> {
        self.receiver.unknown_issuer()
    }

    /// The configuration it runs with.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// How far the clock is trusted, as of the last [`Input::Clock`].
    pub fn clock(&self) -> ClockState {
        self.moment.clock
    }

    /// Ties the core's time to wire time, as of the last [`Input::Clock`].
    pub fn anchor(&self) -> Anchor {
        self.moment.anchor
    }

    /// The station's identities.
    pub fn pool(&self) -> &Pool {
        self.sender.pool()
    }

    /// Takes a frame, whose name was perhaps worked out before.
    fn take_frame(&mut self, frame: ReceivedFrame, name: Option<FrameName>, rest: Option<DeadlineCache>) {
        let news = self.admit(frame, name);
        if !news && rest.is_some() {
            self.deadline_cache = rest;
            return;
        }
        self.end_turn();
    }

    /// Handles a frame; false when it changed nothing that the end of a turn or a timer depends on.
    fn admit(&mut self, frame: ReceivedFrame, name: Option<FrameName>) -> bool {
        self.counters.frames += 1;
        if frame.way.is_afar() {
            self.admit_afar(frame);
            return false;
        }
        self.channel_load.hear(self.moment.now, frame.bytes.len());
        let (situation, receiver, neighbours, distribution, host) = self.receiving();
        let admission = receiver.admit(frame, name, &situation, neighbours, distribution, host);
        let news = !self.is_no_news(&admission);
        self.note(admission);
        if news {
            self.release_held();
        }
        news
    }

    fn release_held(&mut self) {
        loop {
            let (situation, receiver, neighbours, distribution, host) = self.receiving();
            let Some(admission) = receiver.release_held(&situation, neighbours, distribution, host) else {
                break;
            };
            self.note(admission);
        }
    }

    fn note(&mut self, admission: Admission) {
        let dropped = match admission {
            Admission::Queued(dropped) | Admission::Held(dropped) => dropped,
            Admission::Dropped(dropped) => Some(dropped),
            Admission::Copy(dropped, copy) => {
                self.hear_copy(&copy);
                Some(dropped)
            }
            Admission::Unverified(received) => return self.event(Event::Received(received)),
        };
        if let Some(dropped) = dropped {
            self.drop_frame(dropped);
        }
    }

    fn suspect(&mut self, suspicion: Suspicion) {
        self.event(Event::Suspicion(suspicion));
        if suspicion.standing < TrustLevel::Isolated {
            return;
        }
        let (subject, wire) = (suspicion.digest, self.moment.wire());
        let Some(until) = self.receiver.credential_end(&subject, wire) else { return };
        let Some(report) = self.watch.isolate(subject, until, self.moment.now, wire) else { return };
        self.event(Event::Misbehaviour(Misbehaviour { subject, report: report.clone() }));
        if self.sending == SendingState::Allowed
            && self.sender.pool().active().permissions().contains(Permissions::MISBEHAVIOUR_REPORT)
        {
            self.send(&report_request(report));
        }
    }

    fn set_clock(&mut self, wire: WireTime, state: ClockState) {
        let believed = self.moment.wire();
        self.moment.anchor = Anchor { instant: self.moment.now, wire };
        self.moment.clock = state;
        if wire < believed {
            self.neighbours.clock_stepped_back(wire);
            self.receiver.clock_stepped_back(wire);
        }
    }

    fn take_fix(&mut self, fix: Option<Fix>) {
        let fix = fix.map(|fix| self.heading.held(&fix));
        self.fix = fix.map(|fix| TimedFix::new(fix, self.moment.now, &self.moment.anchor));
        if let Some(fix) = &fix {
            self.moment.here = Some(Plane::at(fix.position));
            self.moment.velocity =
                fix.speed.zip(fix.heading).map_or((0.0, 0.0), |(s, h)| crate::base::velocity(s, h));
        }
        self.pseudonyms.moved(self.moment.now, fix.as_ref());
        self.look_around(fix.as_ref());
    }

    /// Does what is due, before a frame is verified: nothing while the rest of the last turn holds. Whether it is time for a frame
    /// from afar, which waits for whatever else is due, too.
    fn begin_verification(&mut self, rest: Option<&DeadlineCache>) -> bool {
        let in_time = !self.receiver.afar_waits() || self.next_timer().0 > self.moment.now;
        match rest {
            Some(_) => self.neighbours.advance(self.moment.wire()),
            None => self.run_timers(),
        }
        in_time
    }

    fn update_sending_state(&mut self) {
        let may_sign = self.moment.clock.may_sign();
        let mut state = self.sender.state(self.moment.now, &self.moment.anchor, may_sign, self.fix.as_ref());
        if self.receiver.revokes_own(self.sender.pool().active()) {
            state = SendingState::CredentialRevoked;
        } else if state == SendingState::CredentialNotValid && self.change_pseudonym(true) {
            state = self.sender.state(self.moment.now, &self.moment.anchor, may_sign, self.fix.as_ref());
        }
        if state != self.sending {
            self.sending = state;
            self.event(Event::Sending(state));
            if state == SendingState::Allowed {
                self.warn_of_low_pool();
            }
        }
    }

    /// Some of all that a frame is judged by, and changes: to have it fetched.
    fn kept_of(&mut self, preview: &Preview, name: &FrameName) -> u64 {
        let Preview { signer, generation, position, motion, .. } = preview;
        let claim =
            Claim { generation: *generation, position: *position, motion: *motion, accuracy_cm: None };
        self.neighbours.spread(signer)
            ^ self.receiver.kept_of(name)
            ^ self.watch.kept_of(signer, &claim)
            ^ self.counters.frames
            ^ self.host.stamp(self.moment.now).as_nanos()
    }

    fn receiving(
        &mut self,
    ) -> (Situation<'_>, &mut Receiver, &mut NeighbourTable, &mut CredentialDistribution, &mut dyn Host) {
        let situation = Situation {
            moment: &self.moment,
            own: self.sender.pool(),
            signed: self.sender.signed_log(),
            test: self.config.test,
            sample: self.config.sample_far_awareness,
            watch: &self.watch,
            floods: &self.forwarder,
        };
        (situation, &mut self.receiver, &mut self.neighbours, &mut self.distribution, &mut *self.host)
    }

    fn drop_frame(&mut self, dropped: Dropped) {
        self.event(Event::Dropped(dropped));
    }

    fn event(&mut self, event: Event) {
        self.push(Output::Event(event));
    }

    fn push(&mut self, output: Output) {
        if self.outputs.len() >= limits::MAX_OUTPUTS {
            self.counters.outputs_lost += 1;
            return;
        }
        self.outputs.push_back(output);
    }
}

/// Outputs that a turn makes, and some more.
const OUTPUTS: usize = 64;
