//! Hazard commands of an application: declare, update, cancel or negate an event (EN 302 637-3).

use core::time::Duration;

use v2x_proto::{AreaView, Class, v1};

use crate::base::{Instant, Position};
use v2x_proto::EventId;

/// What an application wants done with an event.
///
/// # Example
///
/// ```
/// use core::time::Duration;
///
/// use v2x_core::{Event, EventState, HazardChange, HazardCommand, HazardDraft, Input, Instant, Node, Output};
/// use v2x_proto::{Class, cause};
///
/// /// Hands in one input and returns the events it brought; its frames go to the link.
/// fn tell(node: &mut Node, now: Instant, input: Input) -> Vec<Event> {
///     node.handle_input(now, input);
///     let mut events = Vec::new();
///     loop {
///         match node.poll_output() {
///             Output::Event(event) => events.push(event),
///             Output::Transmit(frame) => drop(frame),
///             Output::Timeout(..) => return events,
///         }
///     }
/// }
/// # use ed25519_dalek::SigningKey;
/// # use v2x_core::{
/// #     Anchor, Authority, ClockState, Config, CredentialRequest, Fix, Permissions, Position, WireTime,
/// # };
/// # let mut now = Instant::ZERO;
/// # let anchor = Anchor { instant: now, wire: WireTime::from_secs(720_000_000) };
/// # let [root_key, issuer_key, key] = [1, 2, 3].map(|n| SigningKey::from_bytes(&[n; 32]));
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
/// # let own = request(&key, all.without(Permissions::ISSUE));
/// # let mut node = Node::new(Config::vehicle(), authority.identity(key, &own)?, authority.trust, 7, anchor);
/// # tell(&mut node, now, Input::Clock { wire: anchor.wire, state: ClockState::Locked });
/// # let fix = Fix {
/// #     position: Position { latitude: 496_000_000, longitude: 61_300_000 },
/// #     altitude_cm: None,
/// #     speed: Some(0),
/// #     heading: Some(0),
/// #     acceleration: None,
/// #     yaw_rate: None,
/// #     accuracy_cm: None,
/// #     time: anchor.wire,
/// # };
/// # tell(&mut node, now, Input::Fix(Some(fix)));
///
/// // An accident at the station's position, relevant to all stations within a kilometre.
/// let accident = HazardDraft { quality: Some(5), ..HazardDraft::new(Class::D3, cause::ACCIDENT) };
/// let events = tell(&mut node, now, Input::Hazard { command: HazardCommand::New(accident.clone()), token: None });
/// let outcome = events.iter().find_map(|event| match event {
///     Event::HazardAccepted { id, .. } => Some(Ok(*id)),
///     Event::HazardRefused { refusal, .. } => Some(Err(*refusal)),
///     _ => None,
/// });
/// let id = outcome.expect("every command is accepted or refused")?;
///
/// // It turns out to be worse, and later it is over.
/// # now = now + Duration::from_secs(1);
/// let worse = HazardDraft { quality: Some(7), validity: Duration::from_secs(3600), ..accident };
/// tell(&mut node, now, Input::Hazard { command: HazardCommand::Update(id, worse), token: None });
/// # now = now + Duration::from_millis(500);
/// let events = tell(&mut node, now, Input::Hazard { command: HazardCommand::Cancel(id), token: None });
///
/// // What becomes of events, our own and those of others, comes as one event each ...
/// let over = events.iter().any(|event| {
///     matches!(event, Event::Hazard(changed) if changed.event.id == id && changed.change == HazardChange::Cancelled)
/// });
/// assert!(over);
/// // ... and what is known can be listed at any time.
/// assert!(node.hazards().any(|known| known.own && known.state == EventState::Cancelled));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum HazardCommand {
    /// Declares a new event; its id comes back in [`Event::HazardAccepted`](crate::node::Event::HazardAccepted).
    New(HazardDraft),
    /// Updates one of our events. Its class stays the same.
    Update(EventId, HazardDraft),
    /// Cancels one of our events.
    Cancel(EventId),
    /// Negates another station's event: states that it is not there; needs the permission `negation`.
    Negate(EventId),
}

/// An application's description of an event.
#[derive(Clone, Debug, PartialEq)]
pub struct HazardDraft {
    /// D0, D1 or D3.
    pub class: Class,
    /// Cause, TS 102 894-2 CauseCodeType, 1..=255.
    pub cause: u8,
    /// Sub-cause, 0: none given.
    pub sub_cause: u8,
    /// Where it is; `None`: where the station is.
    pub position: Option<Position>,
    /// Speed of the event, 0.01 m/s, 0..=16382.
    pub speed: Option<u16>,
    /// Heading of the event, 0.1 degree clockwise from north, 0..=3599.
    pub heading: Option<u16>,
    /// The application's confidence, 1..=7.
    pub quality: Option<u8>,
    /// How long it is valid from its declaration or update, 1 s to a day; rounded up to seconds.
    pub validity: Duration,
    /// Area in which it is relevant, in D3. `None`: a circle of `relevance_distance_m` about the event.
    pub area: Option<AreaView>,
    /// Within this distance of the event it is relevant, metres.
    pub relevance_distance_m: Option<u16>,
    /// Traffic for which it is relevant.
    pub relevance_direction: v1::RelevanceDirection,
    /// How it is repeated; `None`: by the defaults of its class.
    pub repeat: Option<HazardRepeat>,
    /// Stations in the area repeat it when they have not heard it for twice this time, 1 ms to 10 s.
    pub keep_alive: Option<Duration>,
    /// When it was due, if that is known better than by the moment of the command: a stall of the host counts
    /// from here. It moves a stamp and no decision, so a recording leaves it out.
    pub due: Option<Instant>,
}

/// How often, and for how long, an event is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HazardRepeat {
    /// Time between two messages, 100 ms to an hour.
    pub every: Duration,
    /// For how long from its declaration or last update; never longer than it is valid.
    pub during: Duration,
}

impl HazardDraft {
    /// An event of `class` at the station's position, valid for ten minutes and relevant within a kilometre.
    #[must_use]
    pub fn new(class: Class, cause: u8) -> Self {
        Self {
            class,
            cause,
            sub_cause: 0,
            position: None,
            speed: None,
            heading: None,
            quality: None,
            validity: DEFAULT_VALIDITY,
            area: None,
            relevance_distance_m: None,
            relevance_direction: v1::RelevanceDirection::Unspecified,
            repeat: None,
            keep_alive: None,
            due: None,
        }
    }
}

/// Validity of an event that states none (TS 102 894-2 ValidityDuration).
pub const DEFAULT_VALIDITY: Duration = Duration::from_secs(600);

/// The longest validity of an event (TS 102 894-2 ValidityDuration).
pub const MAX_VALIDITY: Duration = Duration::from_secs(86_400);

/// Relevance distance of an event that states none, metres.
pub const DEFAULT_RELEVANCE_M: u16 = 1_000;
