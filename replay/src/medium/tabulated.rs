//! Reception drawn by distance from a published table.
//!
//! The table: M. Sepulcre, M. Gonzalez-Martin, J. Gozalvez, R. Molina-Masegosa, B. Coll-Perales, "Analytical models of
//! the performance of IEEE 802.11p vehicle to vehicle communications", IEEE Transactions on Vehicular Technology
//! 71(1), 2022: simulated delivery ratio of broadcast frames of 190 B at 6 Mb/s on a highway of 60 vehicles per km,
//! linear between its points. It holds all losses of that scenario: path loss, receivers that were busy, collisions.
//!
//! Whether a station gets a frame is a hash of seed, sender, receiver, and the number of the frame among its sender's.
//! So an additional station, or another order of events, does not change the draws of others.
//!
//! # Interference
//!
//! The channel that the table was made on carries awareness and nothing else, so what awareness does to other frames
//! is in it and is not modelled again. With [`Tabulated::interference`] all other frames (floods, alerts,
//! infrastructure) contend with each other as [`channel`](super::channel) says. Without it each goes out by itself
//! after the shortest wait of its access category.

use core::hash::Hasher as _;

use hashbrown::HashMap;
use siphasher::sip::SipHasher13;
use v2x_core::Position;
use v2x_proto::Class;

use super::channel::{Channel, SENSE_M};
use super::on_way::{Access, OnWay};
use super::range_factors::RangeFactors;
use super::{
    Fate, Medium, Neighbour, Outcome, Places, Reception, Streets, Transmission, TransmissionState,
    propagation_ns,
};

/// A medium on which reception is drawn by distance.
#[derive(Debug)]
pub struct Tabulated {
    column: Column,
    streets: Option<Streets>,
    draws: Draws,
    /// Until when each station's own transmitter is busy, ns, and its frames so far.
    senders: HashMap<u32, (u64, u64)>,
    channel: Option<Channel>,
    near: Vec<Neighbour>,
    factors: RangeFactors,
}

impl Tabulated {
    /// By a column of the table.
    pub fn new(column: Column, seed: u64) -> Self {
        Self {
            column,
            streets: None,
            draws: Draws { seed },
            senders: HashMap::new(),
            channel: None,
            near: Vec::new(),
            factors: RangeFactors::default(),
        }
    }

    /// With buildings between the stations.
    #[must_use]
    pub fn among(mut self, streets: Option<Streets>) -> Self {
        self.streets = streets;
        self
    }

    /// With frames other than awareness that wait for each other and collide, or without.
    #[must_use]
    pub fn interference(mut self, interference: bool) -> Self {
        self.channel = interference.then(|| Channel::new(self.streets));
        self
    }

    fn deliver(&self, frame: &OnWay, places: &Places, near: &mut Vec<Neighbour>, fates: &mut Vec<Fate>) {
        places.within(frame.position, self.reach_m() * self.factors.most(), frame.sender, near);
        for near in near.iter() {
            let Some(position) = places.position(near.station) else { continue };
            // As far as it is for stations with the usual antennas.
            let distance_m = f64::from(near.distance_m) / self.factors.between(frame.sender, near.station);
            let far = !self.factors.alike() && distance_m > self.reach_m();
            if far || !self.meant(frame.position, position) {
                continue;
            }
            let drawn = self.draws.draw(frame.sender, near.station, frame.number);
            let collided = self
                .channel
                .as_ref()
                .and_then(|channel| channel.collision(frame, near.station, position, distance_m));
            let outcome = if let Some(cause) = collided {
                Outcome::Lost(cause)
            } else if drawn < self.column.reception(distance_m) {
                Outcome::Heard(Reception {
                    on_air_ns: frame.end_ns,
                    arrival_ns: frame.end_ns.saturating_add(propagation_ns(near.distance_m)),
                    signal_dbm: None,
                    changed: None,
                })
            } else {
                Outcome::Lost(NOT_RECEIVED)
            };
            fates.push(Fate { station: near.station, outcome });
        }
    }
}

impl Medium for Tabulated {
    fn range_m(&self) -> f64 {
        MEANT_M
    }

    fn reach_m(&self) -> f64 {
        LAST_M
    }

    fn sense_m(&self) -> f64 {
        SENSE_M
    }

    fn reaches(&mut self, station: u32, factor: f64) {
        self.factors.set(station, factor);
    }

    fn meant(&self, from: Position, to: Position) -> bool {
        self.streets.is_none_or(|streets| streets.sees(from, to))
    }

    fn transmit(
        &mut self,
        ticket: u32,
        transmission: &Transmission<'_>,
        places: &Places,
        fates: &mut Vec<Fate>,
    ) -> TransmissionState {
        let &Transmission { sender, at_ns, position, class, .. } = transmission;
        let (busy_until_ns, number) = self.senders.entry(sender).or_default();
        *number += 1;
        let number = *number;
        let airtime_ns = transmission.airtime_ns();
        let access = Access::of(transmission.access());
        let from_ns = at_ns.max(*busy_until_ns);
        let start_ns = from_ns + access.wait_ns(self.draws.draw(sender, sender, number));
        let reach = self.factors.of(sender);
        let frame = OnWay { sender, position, reach, number, start_ns, end_ns: start_ns + airtime_ns };
        // A frame waits for the one before it in its sender's queue, however long that takes.
        *busy_until_ns = frame.end_ns;
        match &mut self.channel {
            Some(channel) if class != Class::D2 => {
                TransmissionState::Pending { ask_ns: channel.queue(ticket, frame, access) }
            }
            _ => {
                let mut near = core::mem::take(&mut self.near);
                self.deliver(&frame, places, &mut near, fates);
                self.near = near;
                TransmissionState::Decided { end_ns: frame.end_ns }
            }
        }
    }

    fn proceed(
        &mut self,
        ticket: u32,
        now_ns: u64,
        places: &Places,
        fates: &mut Vec<Fate>,
    ) -> TransmissionState {
        let over = TransmissionState::Decided { end_ns: now_ns };
        let Some(channel) = &mut self.channel else { return over };
        let draws = self.draws;
        let again = channel.proceed(ticket, now_ns, |frame, attempt| {
            draws.draw(frame.sender, frame.sender, frame.number | attempt << 32)
        });
        if let Some((at_ns, frame)) = again {
            if let Some((busy_until_ns, _)) = self.senders.get_mut(&frame.sender) {
                *busy_until_ns = (*busy_until_ns).max(frame.end_ns);
            }
            return TransmissionState::Pending { ask_ns: at_ns };
        }
        let Some(frame) = channel.take(ticket) else { return over };
        let mut near = core::mem::take(&mut self.near);
        self.deliver(&frame, places, &mut near, fates);
        self.near = near;
        over
    }
}

/// Random numbers as hashes of what they are used for.
#[derive(Clone, Copy, Debug)]
struct Draws {
    seed: u64,
}

impl Draws {
    /// From 0 to below 1.
    fn draw(self, sender: u32, receiver: u32, number: u64) -> f64 {
        let mut hasher = SipHasher13::new_with_keys(self.seed, DRAW_KEY);
        hasher.write_u32(sender);
        hasher.write_u32(receiver);
        hasher.write_u64(number);
        (hasher.finish() >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// A column of the table: 60 vehicles per km, 6 Mb/s, 190 B.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// 10 Hz, 23 dBm: channel busy ratio 0.103. Column `0.06vehm_6Mbps_10Hz_Pt23_190Bytes`.
    Hz10,
    /// 25 Hz, 23 dBm: channel busy ratio 0.244. Column `0.06vehm_6Mbps_25Hz_Pt23_190Bytes`.
    Hz25,
    /// 10 Hz, 15 dBm. Column `0.06vehm_6Mbps_10Hz_Pt15_190Bytes`.
    Hz10Dbm15,
    /// 10 Hz, 30 dBm; the table ends at 500 m, where one frame in seven still arrives. Column
    /// `0.06vehm_6Mbps_10Hz_Pt30_190Bytes`.
    Hz10Dbm30,
}

impl Column {
    /// Every column.
    pub const ALL: [Self; 4] = [Self::Hz10, Self::Hz25, Self::Hz10Dbm15, Self::Hz10Dbm30];

    /// Name in plans.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hz10 => "10hz_23dbm",
            Self::Hz25 => "25hz_23dbm",
            Self::Hz10Dbm15 => "10hz_15dbm",
            Self::Hz10Dbm30 => "10hz_30dbm",
        }
    }

    /// The column of this name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|column| column.name() == name)
    }

    /// The share of frames received at a distance, m; 0 beyond the table's end.
    pub fn reception(self, distance_m: f64) -> f64 {
        let at = distance_m.max(0.0) / STEP_M;
        // Past the end, and whatever is no number.
        if !(0.0..=(POINTS - 1) as f64).contains(&at) {
            return 0.0;
        }
        let points = self.points();
        let from = points[at as usize];
        let to = points.get(at as usize + 1).copied().unwrap_or(from);
        from + (to - from) * at.fract()
    }

    const fn points(self) -> &'static [f64; POINTS] {
        match self {
            Self::Hz10 => &HZ_10_DBM_23,
            Self::Hz25 => &HZ_25_DBM_23,
            Self::Hz10Dbm15 => &HZ_10_DBM_15,
            Self::Hz10Dbm30 => &HZ_10_DBM_30,
        }
    }
}

/// Within this distance of its sender a message of one hop is meant for every station: the targets of all classes are
/// stated for it or for more.
const MEANT_M: f64 = 150.0;
/// The table's end.
const LAST_M: f64 = STEP_M * (POINTS - 1) as f64;
const STEP_M: f64 = 25.0;
const POINTS: usize = 21;
const DRAW_KEY: u64 = 0x7265_6365_7074_696f;
/// Lost by the table: too weak, or lost to the awareness of others.
const NOT_RECEIVED: &str = "not_received";

const HZ_10_DBM_15: [f64; POINTS] = [
    0.9883, 0.9870, 0.9785, 0.9687, 0.9491, 0.8939, 0.7468, 0.4830, 0.2322, 0.0881, 0.0259, 0.0064, 0.0015,
    0.0003, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0,
];
const HZ_10_DBM_23: [f64; POINTS] = [
    0.9833, 0.9822, 0.9763, 0.9710, 0.9627, 0.9469, 0.9278, 0.9003, 0.8519, 0.7670, 0.6281, 0.4581, 0.2971,
    0.1742, 0.0906, 0.0438, 0.0195, 0.0081, 0.0032, 0.0012, 0.0006,
];
const HZ_10_DBM_30: [f64; POINTS] = [
    0.9747, 0.9737, 0.9698, 0.9662, 0.9619, 0.9552, 0.9458, 0.9331, 0.9158, 0.8970, 0.8737, 0.8462, 0.8071,
    0.7487, 0.6768, 0.5832, 0.4794, 0.3687, 0.2732, 0.1891, 0.1389,
];
const HZ_25_DBM_23: [f64; POINTS] = [
    0.9598, 0.9549, 0.9453, 0.9306, 0.9098, 0.8751, 0.8304, 0.7770, 0.7021, 0.6067, 0.4818, 0.3395, 0.2152,
    0.1247, 0.0644, 0.0305, 0.0136, 0.0055, 0.0022, 0.0008, 0.0004,
];

#[cfg(test)]
mod tests;
