//! What carries frames between the stations of a world.
//!
//! [`Medium`] is the seam: a world hands it each transmission and asks which stations it reached.
//! [`RangeLimited`] is the ideal one, a baseline for radio models; [`Ether`] is an 802.11p channel.

use core::fmt;

use bytes::Bytes;
use hashbrown::HashMap;
use v2x_core::Position;
use v2x_proto::Class;
use v2x_proto::link::{AccessCategory, DataRate, Origin, airtime_ns};

pub use buildings::{Buildings, Crossed};
pub use ether::Ether;
pub use losses::{LossCause, LossesByDistance};
pub use places::{Neighbour, Places};
pub use power::Power;
pub use profile::{
    AirProfile, CaptureRule, ErrorTable, ObstacleLoss, Overlap, PathLoss, ProfileError, RadioProfile,
    VehicleLoss,
};
pub(crate) use random::mix as hash;
use range_factors::RangeFactors;
pub use streets::Streets;
pub use traffic::VehicleBody;

mod buildings;
mod contention;
mod ear;
mod ether;
mod frame_errors;
mod losses;
mod obstacles;
mod places;
mod power;
mod profile;
mod propagation;
mod random;
mod range_factors;
mod streets;
mod traffic;

/// Decides which stations a transmission reaches and when, and why others miss it. Must be deterministic: the same
/// calls give the same answers.
///
/// # Example
///
/// A medium on which every second frame is lost, whoever sends it.
///
/// ```
/// use bytes::Bytes;
/// use v2x_core::Position;
/// use v2x_proto::Class;
/// use v2x_proto::link::{DataRate, Origin, airtime_ns};
/// use v2x_replay::medium::{Fate, Medium, Neighbour, Outcome, Places, Reception, Transmission, TransmissionState};
///
/// #[derive(Debug, Default)]
/// struct EverySecond {
///     frames: u64,
///     near: Vec<Neighbour>,
/// }
///
/// impl Medium for EverySecond {
///     fn range_m(&self) -> f64 {
///         300.0
///     }
///
///     fn transmit(
///         &mut self,
///         _ticket: u32,
///         transmission: &Transmission<'_>,
///         places: &Places,
///         fates: &mut Vec<Fate>,
///     ) -> TransmissionState {
///         self.frames += 1;
///         let on_air_ns = transmission.at_ns + airtime_ns(transmission.bytes.len(), DataRate::default());
///         places.within(transmission.position, self.range_m(), transmission.sender, &mut self.near);
///         // One fate for each station that is meant to hear: a loss has a name, which reports count.
///         fates.extend(self.near.iter().map(|near| Fate {
///             station: near.station,
///             outcome: if self.frames.is_multiple_of(2) {
///                 Outcome::Lost("every_second")
///             } else {
///                 let arrival_ns = on_air_ns + (f64::from(near.distance_m) * 3.336) as u64;
///                 Outcome::Heard(Reception { on_air_ns, arrival_ns, signal_dbm: None, changed: None })
///             },
///         }));
///         // A medium that lets frames wait is `Pending`, names its next event, and answers in `advance`.
///         TransmissionState::Decided { end_ns: on_air_ns }
///     }
/// }
///
/// let here = Position { latitude: 496_116_000, longitude: 61_319_000 };
/// let mut places = Places::new(300.0);
/// for (station, east_m) in [(0, 0.0), (1, 100.0), (2, 1000.0)] {
///     places.set(station, here.moved(east_m, 0.0));
/// }
/// let mut medium = EverySecond::default();
/// let bytes = Bytes::from_static(&[0; 300]);
/// let (class, origin) = (Class::D2, Origin::Own);
/// let transmission = Transmission { sender: 0, at_ns: 0, position: here, bytes: &bytes, class, origin };
/// let mut fates = Vec::new();
/// for ticket in 0..2 {
///     let state = medium.transmit(ticket, &transmission, &places, &mut fates);
///     assert!(matches!(state, TransmissionState::Decided { .. }));
/// }
/// assert_eq!(fates.len(), 2, "the station a kilometre away was not meant");
/// assert!(matches!(fates[0].outcome, Outcome::Heard(_)));
/// assert_eq!(fates[1].outcome, Outcome::Lost("every_second"));
/// ```
pub trait Medium: fmt::Debug {
    /// Stations within this distance, m, are meant to receive what a station sends.
    fn range_m(&self) -> f64;

    /// How far anything is heard at all, m.
    fn reach_m(&self) -> f64 {
        self.range_m()
    }

    /// Stations within this distance, m, hear that the channel is busy while a station sends.
    fn sense_m(&self) -> f64 {
        self.range_m()
    }

    /// A station hears and is heard this many times as far as others, as with another antenna; a medium may not know of
    /// such.
    fn reaches(&mut self, _station: u32, _factor: f64) {}

    /// Whether a frame sent at one place can be meant for another at all, within the range.
    fn meant(&self, _from: Position, _to: Position) -> bool {
        true
    }

    /// Frames that a station's transmitter holds at once: a world reports a station's link as full as soon as
    /// this many have not ended, and hands over no others. At least 1.
    fn transmitter_frames(&self) -> usize {
        TRANSMITTER_FRAMES
    }

    /// A frame was handed to the medium. Adds one fate for each station it is meant for, and for any other it reaches;
    /// or, while that is not decided yet, adds none: [`advance`](Self::advance) does later.
    /// The ticket names the frame until its fates are there. Nobody has a frame sooner than its airtime after it was handed over.
    fn transmit(
        &mut self,
        ticket: u32,
        transmission: &Transmission<'_>,
        places: &Places,
        fates: &mut Vec<Fate>,
    ) -> TransmissionState;

    /// Before this time, ns, no fate is decided of a frame that is pending now: the sooner, the less can stations be worked out
    /// ahead of the medium. A frame that is handed over later has its fates its airtime later at the soonest.
    fn settled_until_ns(&self) -> u64 {
        self.next_ns().unwrap_or(u64::MAX)
    }

    /// When something happens next to a frame that is pending, ns.
    fn next_ns(&self) -> Option<u64> {
        None
    }

    /// It is `now_ns`: the medium comes as far, or to the first frame whose fates are known. Adds them, and returns the
    /// frame; `None` when nothing is left to do until now.
    fn advance(&mut self, _now_ns: u64, _places: &Places, _fates: &mut Vec<Fate>) -> Option<EndedFrame> {
        None
    }

    /// Whether the medium knows of noise: see [`make_noise`](Self::make_noise).
    fn hears_noise(&self) -> bool {
        false
    }

    /// A source of noise, by its number, goes on in an area, or off. Returns for how long stations had found the channel busy
    /// when it became idle with that, all together, ns.
    fn make_noise(&mut self, _source: u32, _area: Option<&NoiseArea>, _now_ns: u64, _places: &Places) -> u64 {
        0
    }

    /// How long the channel has been busy for a station until now, with its own frames and others', ns; `None` where the
    /// medium does not know it.
    fn occupied_ns(&self, _station: u32, _now_ns: u64) -> Option<u64> {
        None
    }

    /// Frames received and lost so far by distance, where the medium knows why.
    fn losses(&self) -> Option<&LossesByDistance> {
        None
    }
}

/// Noise that every station within a range of a place hears alike.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NoiseArea {
    /// Where its source is.
    pub at: Position,
    /// How far it reaches, m.
    pub range_m: f64,
    /// Its power at each receiver there, dBm.
    pub noise_dbm: f64,
}

/// How far a transmission has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransmissionState {
    /// Its fates are not decided yet.
    Pending,
    /// Its fates are there.
    Decided {
        /// When its last bit is on the air and the sender's transmitter is done with it, ns.
        end_ns: u64,
    },
}

/// A frame that was pending and whose fates are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndedFrame {
    /// Which.
    pub ticket: u32,
    /// When its first bit was on the air, ns.
    pub start_ns: u64,
    /// When its last bit was, ns.
    pub end_ns: u64,
    /// For how long stations had found the channel busy when it became idle with this frame, all together, ns.
    pub busy_ns: u64,
}

/// A frame on its way to the air.
#[derive(Clone, Copy, Debug)]
pub struct Transmission<'a> {
    /// The sending station.
    pub sender: u32,
    /// When the station handed the frame over, ns.
    pub at_ns: u64,
    /// True position of the sender.
    pub position: Position,
    /// Hop header and signed message.
    pub bytes: &'a Bytes,
    /// Deadline class.
    pub class: Class,
    /// Whether it is the sender's own message or another's.
    pub origin: Origin,
}

impl Transmission<'_> {
    /// How it asks for the channel.
    pub fn access(&self) -> AccessCategory {
        AccessCategory::of(self.class, self.origin)
    }

    /// How long it is on the air, ns: all stations send at the rate of ITS-G5.
    pub(crate) fn airtime_ns(&self) -> u64 {
        airtime_ns(self.bytes.len(), DataRate::default())
    }
}

/// The outcome of a transmission at one station.
#[derive(Clone, Debug, PartialEq)]
pub struct Fate {
    /// Which station.
    pub station: u32,
    /// Heard, or why not.
    pub outcome: Outcome,
}

/// Heard, or why not.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The station has the frame.
    Heard(Reception),
    /// The station missed it: the cause by its stable name in reports.
    Lost(&'static str),
}

/// A frame as one station received it.
#[derive(Clone, Debug, PartialEq)]
pub struct Reception {
    /// When the sender's last bit was on the air, ns.
    pub on_air_ns: u64,
    /// When the station had it all, ns; an airtime after the frame was handed over at the soonest.
    pub arrival_ns: u64,
    /// Received power, where the medium models it.
    pub signal_dbm: Option<i8>,
    /// The bytes that arrived where they are not those that were sent.
    pub changed: Option<Bytes>,
}

/// The ideal medium: everyone within range hears everything, after its airtime and the propagation delay.
///
/// A station's own frames leave one after the other. There are no collisions, no waiting for others, no half duplex,
/// and nothing is lost. Frames have a power only when requested, and reception does not depend on it.
#[derive(Clone, Debug)]
pub struct RangeLimited {
    range_m: f64,
    streets: Option<Streets>,
    /// Until when each station's own transmitter is busy, ns. One entry for each station that ever sent.
    busy_until_ns: HashMap<u32, u64>,
    near: Vec<Neighbour>,
    power: Option<Power>,
    factors: RangeFactors,
}

impl RangeLimited {
    /// With a range in metres.
    pub fn new(range_m: f64) -> Self {
        Self {
            range_m,
            streets: None,
            busy_until_ns: HashMap::new(),
            near: Vec::new(),
            power: None,
            factors: RangeFactors::default(),
        }
    }

    /// With buildings between the stations.
    #[must_use]
    pub fn among(mut self, streets: Option<Streets>) -> Self {
        self.streets = streets;
        self
    }

    /// With the power of each reception, by a model.
    #[must_use]
    pub fn with_power(self, power: Power) -> Self {
        Self { power: Some(power), ..self }
    }
}

impl Medium for RangeLimited {
    fn range_m(&self) -> f64 {
        self.range_m
    }

    fn reaches(&mut self, station: u32, factor: f64) {
        self.factors.set(station, factor);
    }

    fn meant(&self, from: Position, to: Position) -> bool {
        self.streets.is_none_or(|streets| streets.sees(from, to))
    }

    fn transmit(
        &mut self,
        _ticket: u32,
        transmission: &Transmission<'_>,
        places: &Places,
        fates: &mut Vec<Fate>,
    ) -> TransmissionState {
        let busy_until_ns = self.busy_until_ns.entry(transmission.sender).or_default();
        let start_ns = transmission.at_ns.max(*busy_until_ns);
        let on_air_ns = start_ns.saturating_add(transmission.airtime_ns());
        *busy_until_ns = on_air_ns;
        let (sender, range_m) = (transmission.sender, self.range_m);
        places.within(transmission.position, range_m * self.factors.most(), sender, &mut self.near);
        let factors = &self.factors;
        self.near.retain(|near| {
            factors.alike() || f64::from(near.distance_m) <= range_m * factors.between(sender, near.station)
        });
        if let Some(streets) = self.streets {
            let sees = |position| streets.sees(transmission.position, position);
            self.near.retain(|near| places.position(near.station).is_some_and(sees));
        }
        let power = |near: &Neighbour| {
            let to = places.position(near.station)?;
            let Transmission { sender, position, .. } = transmission;
            Some(self.power.as_ref()?.received_dbm((*sender, *position), (near.station, to), on_air_ns))
        };
        fates.extend(self.near.iter().map(|near| Fate {
            station: near.station,
            outcome: Outcome::Heard(Reception {
                on_air_ns,
                arrival_ns: on_air_ns.saturating_add(propagation_ns(near.distance_m)),
                signal_dbm: power(near),
                changed: None,
            }),
        }));
        TransmissionState::Decided { end_ns: on_air_ns }
    }
}

fn propagation_ns(distance_m: f32) -> u64 {
    (f64::from(distance_m) * NS_PER_METRE).round() as u64
}

const NS_PER_METRE: f64 = 1e9 / 299_792_458.0;

/// The frame that contends or is on the air, and the next one, so that the transmitter never idles: as in a driver that
/// limits its queue to what the hardware needs. Frames cannot be withdrawn from there and leave in order, so this is
/// also how many frames may be ahead of an imminent warning. On a live link the kernel holds what
/// the socket's send buffer takes (`net.core.wmem_default`, some hundred frames) before the station hears of it.
pub const TRANSMITTER_FRAMES: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Position = Position { latitude: 496_000_000, longitude: 61_300_000 };
    /// Of 300 B.
    const AIRTIME_NS: u64 = airtime_ns(300, DataRate::Mbps6);

    fn transmit(medium: &mut RangeLimited, places: &Places, at_ns: u64) -> Vec<(u32, u64)> {
        let bytes = Bytes::from(vec![0; 300]);
        let mut fates = Vec::new();
        let transmission = Transmission {
            sender: 0,
            at_ns,
            position: HERE,
            bytes: &bytes,
            class: Class::D2,
            origin: Origin::Own,
        };
        let state = medium.transmit(0, &transmission, places, &mut fates);
        let on_air_ns = fates.iter().find_map(|fate| match &fate.outcome {
            Outcome::Heard(reception) => Some(reception.on_air_ns),
            Outcome::Lost(_) => None,
        });
        assert_eq!(state, TransmissionState::Decided { end_ns: on_air_ns.unwrap() });
        fates
            .into_iter()
            .map(|fate| match fate.outcome {
                Outcome::Heard(reception) => (fate.station, reception.arrival_ns),
                Outcome::Lost(cause) => panic!("lost: {cause}"),
            })
            .collect()
    }

    #[test]
    fn who_is_within_range_hears_and_nobody_else() {
        let mut places = Places::new(300.0);
        for (station, east) in [(0, 0.0), (1, 299.0), (2, 301.0), (3, -30.0)] {
            places.set(station, HERE.moved(east, 0.0));
        }
        let heard = transmit(&mut RangeLimited::new(300.0), &places, 1_000);
        assert_eq!(heard, [(1, 1_000 + AIRTIME_NS + 997), (3, 1_000 + AIRTIME_NS + 100)]);
    }

    #[test]
    fn a_station_s_own_frames_wait_for_one_another() {
        let mut places = Places::new(300.0);
        places.set(1, HERE);
        let mut medium = RangeLimited::new(300.0);
        let first = transmit(&mut medium, &places, 0);
        let second = transmit(&mut medium, &places, 10);
        assert_eq!(second[0].1, first[0].1 + AIRTIME_NS);
    }
}
