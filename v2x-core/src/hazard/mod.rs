//! Hazards: what a station declares, what it hears of others', and whom that concerns.
//!
//! An event is named once, by the credential that declared it and a number, and has one state; messages say what becomes
//! of it (EN 302 637-3). [`Command`] is what an application wants of an event, [`Known`] what a station knows of one,
//! [`HazardGist`] what a message says.

pub mod alert;
pub mod cause;
pub mod conflict;
mod draft;
pub mod event_table;
mod gist;
pub mod own;
mod refusal;
pub mod relevance;
pub mod repetition;
#[cfg(test)]
mod testing;

use core::fmt;
use core::str::FromStr;
use core::time::Duration;

use v2x_proto::{AreaView, Class, Digest, v1};

pub use self::gist::HazardGist;
pub use self::refusal::Refusal;
use crate::position::Position;
use crate::time::WireTime;

/// Names an event for its whole life: `"<16 hex digits>/<number>"` (TS 102 894-2 ActionId).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId {
    /// Digest of the credential that declared it.
    pub origin: Digest,
    /// Its number among that credential's events.
    pub number: u32,
}

/// What an application wants of an event.
///
/// # Example
///
/// ```
/// use core::time::Duration;
///
/// use v2x_core::hazard::{Change, Command, Draft, State, cause};
/// use v2x_core::io::{Event, Input, Output};
/// use v2x_core::node::Node;
/// use v2x_core::time::Instant;
/// use v2x_proto::Class;
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
/// # use v2x_core::config::Config;
/// # use v2x_core::io::{ClockState, Fix};
/// # use v2x_core::position::Position;
/// # use v2x_core::security::{Authority, CredentialRequest, Permissions};
/// # use v2x_core::time::{Anchor, WireTime};
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
/// // An accident where the station is, for everybody within a kilometre.
/// let accident = Draft { quality: Some(5), ..Draft::new(Class::D3, cause::ACCIDENT) };
/// let events = tell(&mut node, now, Input::Hazard(Command::New(accident.clone())));
/// let outcome = events.iter().find_map(|event| match event {
///     Event::HazardAccepted(id) => Some(Ok(*id)),
///     Event::HazardRefused(refusal) => Some(Err(*refusal)),
///     _ => None,
/// });
/// let id = outcome.expect("every command is accepted or refused")?;
///
/// // It turns out to be worse, and later it is over.
/// # now = now + Duration::from_secs(1);
/// let worse = Draft { quality: Some(7), validity: Duration::from_secs(3600), ..accident };
/// tell(&mut node, now, Input::Hazard(Command::Update(id, worse)));
/// # now = now + Duration::from_millis(500);
/// let events = tell(&mut node, now, Input::Hazard(Command::Cancel(id)));
///
/// // What becomes of events, own ones and those of others, comes as one event each ...
/// let over = events.iter().any(|event| {
///     matches!(event, Event::Hazard(changed) if changed.event.id == id && changed.change == Change::Cancelled)
/// });
/// assert!(over);
/// // ... and what is known can be looked at any time.
/// assert!(node.hazards().any(|known| known.own && known.state == State::Cancelled));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Declares a new event; its id comes back in [`Event::HazardAccepted`](crate::io::Event::HazardAccepted).
    New(Draft),
    /// Changes an own event. Its class stays what it was.
    Update(EventId, Draft),
    /// Ends an own event.
    Cancel(EventId),
    /// Says that another's event is not there; needs the permission `negation`.
    Negate(EventId),
}

/// What an application says of an event.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// D0, D1 or D3.
    pub class: Class,
    /// Cause, TS 102 894-2 CauseCodeType, 1..=255.
    pub cause: u8,
    /// Sub-cause, 0: not said.
    pub sub_cause: u8,
    /// Where it is; `None`: where the station is.
    pub position: Option<Position>,
    /// How fast it moves, 0.01 m/s, 0..=16382.
    pub speed: Option<u16>,
    /// Which way, 0.1 degree clockwise from north, 0..=3599.
    pub heading: Option<u16>,
    /// How sure the application is, 1..=7.
    pub quality: Option<u8>,
    /// How long it holds from its declaration or update, 1 s to a day; rounded up to seconds.
    pub validity: Duration,
    /// Where it concerns anyone, in D3. `None`: a circle of `relevance_distance_m` about the event.
    pub area: Option<AreaView>,
    /// Within this distance of the event it matters, metres.
    pub relevance_distance_m: Option<u16>,
    /// Whom it concerns.
    pub relevance_direction: v1::RelevanceDirection,
    /// How it is said again; `None`: as its class has it.
    pub repeat: Option<Repeat>,
    /// Stations in the area say it again when they have not heard it for twice this, 1 ms to 10 s.
    pub keep_alive: Option<Duration>,
}

/// How often, and for how long, an event is said again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repeat {
    /// Time between two messages, 100 ms to an hour.
    pub every: Duration,
    /// For how long from its declaration or last update; never longer than it holds.
    pub during: Duration,
}

/// What a station knows of an event.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Known {
    /// Its name.
    pub id: EventId,
    /// This station declared it.
    pub own: bool,
    /// Whether it is there.
    pub state: State,
    /// Class of the message that said so.
    pub class: Class,
    /// Cause, TS 102 894-2 CauseCodeType; see [`cause`].
    pub cause: u8,
    /// Sub-cause, 0: not said.
    pub sub_cause: u8,
    /// Where it was at `reference`.
    pub position: Position,
    /// How fast it moves, 0.01 m/s.
    pub speed: Option<u16>,
    /// Which way, 0.1 degree clockwise from north.
    pub heading: Option<u16>,
    /// How sure its declarer is, 1..=7.
    pub quality: Option<u8>,
    /// When it was detected.
    pub detection: WireTime,
    /// When this version of it was made.
    pub reference: WireTime,
    /// When it ends by itself.
    pub valid_until: WireTime,
    /// Where it concerns anyone, from a flood.
    pub area: Option<AreaView>,
    /// Within this distance it matters, metres.
    pub relevance_distance_m: Option<u16>,
    /// Whom it concerns.
    pub relevance_direction: v1::RelevanceDirection,
    /// Stations in the area say it again when they have not heard it for twice this.
    pub keep_alive: Option<Duration>,
    /// What its declarer says does not add up: not to be relied on alone.
    pub suspect: bool,
    /// That it concerns this station, as of the last position.
    pub concern: Option<Concern>,
}

/// Whether an event is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// It is.
    Active,
    /// Its declarer ended it.
    Cancelled,
    /// Another station, permitted to, says that it is not there.
    Negated,
}

/// An event concerns this station.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Concern {
    /// Time until both are at one place if nothing changes; `None` when they do not close.
    pub time_to_conflict: Option<Duration>,
    /// Metres from here to the event now.
    pub distance_m: f32,
    /// Where they would meet.
    pub at: Position,
}

/// An event, and what became of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Changed {
    /// As it is known from now on; when it has expired, as it was.
    pub event: Known,
    /// What changed.
    pub change: Change,
}

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// It was not known.
    New,
    /// Something about it changed.
    Updated,
    /// Its declarer ended it.
    Cancelled,
    /// Another station says that it is not there.
    Negated,
    /// Its validity ended, or it made room.
    Expired,
}

impl Draft {
    /// An event of `class` where the station is, that holds for ten minutes and matters to all within a kilometre.
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
        }
    }
}

impl State {
    /// All states, in their order.
    pub const ALL: [Self; 3] = [Self::Active, Self::Cancelled, Self::Negated];

    /// Name in logs and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Cancelled => "cancelled",
            Self::Negated => "negated",
        }
    }
}

impl Change {
    /// All changes, in their order.
    pub const ALL: [Self; 5] = [Self::New, Self::Updated, Self::Cancelled, Self::Negated, Self::Expired];

    /// Name in logs and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Updated => "updated",
            Self::Cancelled => "cancelled",
            Self::Negated => "negated",
            Self::Expired => "expired",
        }
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.origin, self.number)
    }
}

impl FromStr for EventId {
    type Err = EventIdError;

    fn from_str(text: &str) -> Result<Self, EventIdError> {
        let error = || EventIdError(text.chars().take(40).collect());
        let (origin, number) = text.split_once('/').ok_or_else(error)?;
        if origin.len() != 16 || !origin.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(error());
        }
        let origin = u64::from_str_radix(origin, 16).map_err(|_| error())?;
        let digits = number.bytes().all(|byte| byte.is_ascii_digit());
        let number = number.parse().ok().filter(|_| digits).ok_or_else(error)?;
        Ok(Self { origin: Digest(origin.to_be_bytes()), number })
    }
}

/// A text that names no event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} names no event: 16 hex digits, a slash and a number, as in 00112233aabbccdd/7")]
pub struct EventIdError(String);

/// How long an event holds that says nothing of it (TS 102 894-2 ValidityDuration).
pub const DEFAULT_VALIDITY: Duration = Duration::from_secs(600);
/// The longest an event may hold (TS 102 894-2 ValidityDuration).
pub const MAX_VALIDITY: Duration = Duration::from_secs(86_400);
/// Within this distance an event matters that says nothing of it, metres.
pub const DEFAULT_RELEVANCE_M: u16 = 1_000;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_names_no_event_is_refused_with_an_example() {
        for text in
            ["", "/", "0011223344556677", "0011223344556677/", "001122334455667/1", "+011223344556677/1"]
        {
            assert!(text.parse::<EventId>().is_err(), "{text}");
        }
        let error = "0011223344556677/+1".parse::<EventId>().unwrap_err();
        assert!(error.to_string().contains("00112233aabbccdd/7"), "{error}");
        assert!("0011223344556677/4294967296".parse::<EventId>().is_err());
    }

    proptest! {
        #[test]
        fn an_event_s_name_is_read_back(origin in any::<[u8; 8]>(), number in any::<u32>()) {
            let id = EventId { origin: Digest(origin), number };
            prop_assert_eq!(id.to_string().parse(), Ok(id));
        }

        #[test]
        fn any_text_names_an_event_or_none(text in "\\PC{0,60}") {
            if let Ok(id) = text.parse::<EventId>() {
                prop_assert_eq!(id.to_string().parse(), Ok(id));
            }
        }
    }
}
