//! An 802.11p channel, event by event: stations wait for it, send, and receive or lose frames.
//!
//! Times are whole nanoseconds. A frame begins and ends for all stations when it does for its sender; the propagation delay,
//! at most a microsecond or two where a frame can be received, decides which of two frames arrives first and when a frame is
//! delivered. A station hears a frame's preamble some microseconds after its first bit: one that was to begin before that does.
//! The channel is busy while a station sends, follows a frame to its end, or measures more energy than its threshold: the end of a
//! frame whose preamble it missed is no more than energy.
//!
//! At a beginning and an end only the stations within reach are touched, each in one place of an array. Powers are integers, so
//! that their sums come back to nothing when the frames are over.

use core::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use v2x_core::Position;
use v2x_proto::link::{AccessCategory, airtime_ns};

use super::contention::{Contender, WaitingFrame};
use super::ear::{Ear, Followed, NONE};
use super::frame_errors::{ErrorCurve, FrameErrors};
use super::losses::{LossCause, LossesByDistance};
use super::obstacles::{Obstacles, Spot};
use super::profile::RadioProfile;
use super::propagation::{LinkEnd, PowerUnits, Propagation};
use super::random::{DrawPurpose, RandomDraws};
use super::range_factors::RangeFactors;
use super::traffic::Traffic;
use super::{
    Buildings, EndedFrame, Fate, Medium, Neighbour, NoiseArea, Outcome, Places, Reception, Streets,
    Transmission, TransmissionState, VehicleBody, propagation_ns,
};

mod noise;

/// A channel of 10 MHz and the radios on it, by a profile.
#[derive(Debug)]
pub struct Ether {
    profile: RadioProfile,
    propagation: Propagation,
    errors: FrameErrors,
    draws: RandomDraws,
    noise: u64,
    sensing: PowerUnits,
    energy: u64,
    streets: Option<Streets>,
    obstacles: Option<Obstacles>,
    traffic: Option<Traffic>,
    factors: RangeFactors,
    /// By station, as far as they were asked for.
    stands: Vec<Option<Stand>>,
    /// By station.
    ears: Vec<Ear>,
    contenders: Vec<Contender>,
    /// Frames that each station has sent, and their airtime, ns.
    sent: Vec<(u64, u64)>,
    frames: Vec<AirFrame>,
    free: Vec<u32>,
    events: BinaryHeap<Reverse<(u64, EtherEvent)>>,
    near: Vec<Neighbour>,
    losses: LossesByDistance,
    /// Frames of these stations alone are counted in `losses`.
    counted: Option<Vec<bool>>,
    /// Sources of noise that are on, by number: what each adds at which stations.
    noises: Vec<Option<(PowerUnits, Vec<u32>)>>,
}

/// At one time frames end before others begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum EtherEvent {
    End { frame: u32 },
    Begin { station: u32, turn: u32 },
}

/// A frame in the air.
#[derive(Debug, Default)]
struct AirFrame {
    sender: u32,
    ticket: u32,
    category: Option<AccessCategory>,
    number: u64,
    start_ns: u64,
    end_ns: u64,
    curve: ErrorCurve,
    reached: Vec<Reached>,
}

/// Where a station stands, and what follows from that.
#[derive(Clone, Copy, Debug)]
struct Stand {
    position: Position,
    end: LinkEnd,
    /// Where there are buildings.
    spot: Option<Spot>,
}

/// A station that a frame reaches.
#[derive(Clone, Copy, Debug)]
struct Reached {
    power: PowerUnits,
    station: u32,
    distance_m: f32,
    heard: FirstBit,
}

impl Reached {
    /// Nothing of a frame comes through to this one.
    fn not_at_all(Neighbour { station, distance_m }: &Neighbour) -> Self {
        Self { power: PowerUnits(0), station: *station, distance_m: *distance_m, heard: FirstBit::Nothing }
    }
}

/// What a station's receiver made of a frame's beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FirstBit {
    /// Of what comes through nothing is left.
    Nothing,
    TooWeak,
    Busy,
    /// Too much disturbed to be followed.
    Drowned,
    Followed,
}

impl Ether {
    /// With the draws of a seed.
    pub fn new(profile: &RadioProfile, seed: u64) -> Self {
        Self {
            propagation: Propagation::new(profile, seed),
            errors: FrameErrors::new(profile),
            draws: RandomDraws::new(seed),
            noise: PowerUnits::of_dbm(profile.noise_dbm as f32).0,
            sensing: PowerUnits::of_dbm(profile.sensing_dbm as f32),
            energy: PowerUnits::of_dbm(profile.energy_dbm as f32).0,
            profile: profile.clone(),
            streets: None,
            obstacles: None,
            traffic: None,
            factors: RangeFactors::default(),
            stands: Vec::new(),
            ears: Vec::new(),
            contenders: Vec::new(),
            sent: Vec::new(),
            frames: Vec::new(),
            free: Vec::new(),
            events: BinaryHeap::new(),
            near: Vec::new(),
            losses: LossesByDistance::new(),
            counted: None,
            noises: Vec::new(),
        }
    }

    /// With buildings that no frame passes between the stations.
    #[must_use]
    pub fn among(mut self, streets: Option<Streets>) -> Self {
        self.streets = streets;
        self
    }

    /// With buildings that weaken what passes through them, by the profile.
    #[must_use]
    pub fn behind(mut self, buildings: Option<Arc<Buildings>>) -> Self {
        self.obstacles = buildings.map(|buildings| Obstacles::new(buildings, self.profile.obstacles));
        self
    }

    /// With stations of these sizes, by their number, in each other's way, where the profile has vehicles take anything.
    #[must_use]
    pub fn between(mut self, bodies: Option<Arc<[VehicleBody]>>) -> Self {
        self.traffic = bodies.zip(self.profile.vehicles).map(|(bodies, loss)| Traffic::new(bodies, loss));
        self
    }

    /// From now on counts the losses of these stations' frames alone; others send and disturb. What was counted is forgotten.
    pub fn count_only(&mut self, senders: Vec<bool>) {
        self.losses = LossesByDistance::new();
        self.counted = Some(senders);
    }

    /// How long the channel was busy for a station until now, with others' frames and its own, and how long it sent, ns.
    pub fn busy_ns(&self, station: u32, now_ns: u64) -> (u64, u64) {
        let index = station as usize;
        let sent_ns = self.sent.get(index).map_or(0, |(_, airtime_ns)| *airtime_ns);
        (self.ears.get(index).map_or(0, |ear| ear.busy_until_ns(now_ns)), sent_ns)
    }

    fn know(&mut self, station: u32) {
        let least = station as usize + 1;
        if self.ears.len() < least {
            self.stands.resize(least, None);
            self.ears.resize(least, Ear::default());
            self.contenders.resize_with(least, Contender::default);
            self.sent.resize(least, (0, 0));
        }
    }

    /// The station begins its next frame then.
    fn schedule(&mut self, station: u32, at_ns: u64) {
        let contender = &mut self.contenders[station as usize];
        contender.turn = contender.turn.wrapping_add(1);
        self.events.push(Reverse((at_ns, EtherEvent::Begin { station, turn: contender.turn })));
    }

    /// A station begins; `Some` with the frame's ticket when it is not there any more.
    fn begin(&mut self, station: u32, now_ns: u64, places: &Places) -> Option<EndedFrame> {
        let index = station as usize;
        let draws = self.draws;
        let draw = |number| back_off(draws, station, number);
        let idle_since_ns = self.ears[index].idle_since_ns();
        let (category, waiting) = self.contenders[index].begin(idle_since_ns, now_ns, draw)?;
        let Some(position) = places.position(station) else {
            let idle_since_ns = self.ears[index].idle_since_ns();
            let next_ns = idle_since_ns.and_then(|since_ns| self.contenders[index].idle(since_ns));
            if let Some(next_ns) = next_ns {
                self.schedule(station, next_ns.max(now_ns));
            }
            return Some(EndedFrame { ticket: waiting.ticket, start_ns: now_ns, end_ns: now_ns, busy_ns: 0 });
        };
        let ear = &mut self.ears[index];
        ear.frame = NONE;
        ear.sending = true;
        if let Some(since_ns) = ear.note(now_ns, self.energy) {
            self.contenders[index].busy(since_ns, now_ns, true, draw);
        }
        let airtime_ns = airtime_ns(waiting.frame_bytes as usize, self.profile.rate);
        let (sent, sent_ns) = &mut self.sent[index];
        *sent += 1;
        *sent_ns += airtime_ns;
        let number = *sent;
        let slot = self.free.pop().unwrap_or_else(|| {
            self.frames.push(AirFrame::default());
            (self.frames.len() - 1) as u32
        });
        let mut frame = core::mem::take(&mut self.frames[slot as usize]);
        frame.sender = station;
        frame.ticket = waiting.ticket;
        frame.category = Some(category);
        frame.number = number;
        frame.start_ns = now_ns;
        frame.end_ns = now_ns + airtime_ns;
        frame.curve = self.errors.curve(waiting.frame_bytes + MAC_BYTES);
        self.reach(slot, &mut frame, places, position);
        self.events.push(Reverse((frame.end_ns, EtherEvent::End { frame: slot })));
        self.frames[slot as usize] = frame;
        None
    }

    /// What follows from where a station stands; stations move less often than they send and hear.
    fn stand(&mut self, station: u32, position: Position) -> Stand {
        let known = &mut self.stands[station as usize];
        match known {
            Some(stand) if stand.position == position => *stand,
            _ => {
                let end = self.propagation.end(station, position);
                let spot = self.obstacles.as_ref().map(|obstacles| obstacles.spot(position));
                *known.insert(Stand { position, end, spot })
            }
        }
    }

    /// A frame's first bit goes to all stations within reach.
    fn reach(&mut self, slot: u32, frame: &mut AirFrame, places: &Places, position: Position) {
        let now_ns = frame.start_ns;
        let reach_m = self.propagation.reach_m() * self.factors.most();
        let mut near = core::mem::take(&mut self.near);
        places.within(position, reach_m, frame.sender, &mut near);
        if let Some(last) = near.last() {
            self.know(last.station);
        }
        let Stand { end: from, spot, .. } = self.stand(frame.sender, position);
        if let Some(traffic) = &mut self.traffic {
            traffic.look_about(frame.sender, position, &near, places);
        }
        frame.reached.clear();
        for neighbour in &near {
            let Some(there) = places.position(neighbour.station) else { continue };
            if self.streets.is_some_and(|streets| !streets.sees(position, there)) {
                continue;
            }
            let Stand { end: to, spot: other, .. } = self.stand(neighbour.station, there);
            // As far as it is for stations with the usual antennas.
            let factor = self.factors.between(frame.sender, neighbour.station) as f32;
            let distance_m = neighbour.distance_m / factor;
            let mut lost_db = self.propagation.path_loss_db(distance_m);
            if let (Some(obstacles), Some(spot), Some(other)) = (&mut self.obstacles, spot, other) {
                let much_db = self.propagation.most_lost_db() - lost_db;
                match obstacles.db((frame.sender, neighbour.station), spot, other, much_db) {
                    Some(db) => lost_db += db,
                    // As nothing as beyond the reach, but within it, and so counted.
                    None => {
                        frame.reached.push(Reached::not_at_all(neighbour));
                        continue;
                    }
                }
            }
            let traffic = self.traffic.as_ref();
            let blocked =
                traffic.and_then(|traffic| traffic.blocked(neighbour.station, there, neighbour.distance_m));
            if let Some(blocked) = blocked {
                lost_db += self.propagation.blocked_db(&from, &to, blocked);
            }
            let power = self.propagation.received(&from, &to, distance_m, frame.number, lost_db);
            let heard = self.arrive(slot, frame, neighbour, power, now_ns);
            frame.reached.push(Reached {
                power,
                station: neighbour.station,
                distance_m: neighbour.distance_m,
                heard,
            });
        }
        self.near = near;
    }

    /// A frame's first bit reaches a station.
    fn arrive(
        &mut self,
        slot: u32,
        frame: &AirFrame,
        neighbour: &Neighbour,
        power: PowerUnits,
        now_ns: u64,
    ) -> FirstBit {
        let index = neighbour.station as usize;
        let ear = &mut self.ears[index];
        ear.settle(now_ns, self.noise, self.profile.overlap, &self.errors);
        let before = ear.total;
        ear.total += power.0;
        let mut heard = FirstBit::TooWeak;
        if power >= self.sensing {
            let followed = Followed {
                arrived_ns: now_ns + propagation_ns(neighbour.distance_m),
                airtime_ns: (frame.end_ns - now_ns) as u32,
                curve: frame.curve,
            };
            let stands_out = stands_out(self.profile.preamble_db, power, before + self.noise);
            let takes_over = ear.frame != NONE
                && self.profile.capture.is_some_and(|capture| {
                    power.0 as f32 >= ratio(capture.by_db) * ear.signal().0 as f32
                        && (now_ns.saturating_sub(ear.followed.arrived_ns) as f64) <= capture.within_us * 1e3
                });
            heard = if ear.sending {
                FirstBit::Busy
            } else if ear.frame == NONE {
                if stands_out { FirstBit::Followed } else { FirstBit::Drowned }
            } else if takes_over && stands_out {
                ear.captured = ear.frame;
                FirstBit::Followed
            } else if followed.arrived_ns < ear.followed.arrived_ns {
                // It began no earlier, but nearer.
                FirstBit::Followed
            } else {
                FirstBit::Busy
            };
            if heard == FirstBit::Followed {
                ear.follow(slot, power, now_ns, followed);
            }
        }
        if let Some(since_ns) = ear.note(now_ns, self.energy)
            && ear.waits
        {
            let draws = self.draws;
            let draw = |number| back_off(draws, neighbour.station, number);
            let contender = &mut self.contenders[index];
            if contender.busy(since_ns, now_ns, false, draw) {
                contender.turn = contender.turn.wrapping_add(1);
            }
        }
        heard
    }

    /// A frame's last bit is over.
    fn end(&mut self, slot: u32, fates: &mut Vec<Fate>) -> EndedFrame {
        let mut frame = core::mem::take(&mut self.frames[slot as usize]);
        let now_ns = frame.end_ns;
        let counts = self
            .counted
            .as_ref()
            .is_none_or(|counted| counted.get(frame.sender as usize).copied().unwrap_or_default());
        let mut busy_ns = 0;
        for reached in &frame.reached {
            let lost = if reached.heard == FirstBit::Nothing {
                Some(LossCause::BelowSensing)
            } else {
                self.end_at(reached, slot, &frame, &mut busy_ns)
            };
            if counts {
                self.losses.count(reached.distance_m, lost);
            }
            if lost.is_none() || f64::from(reached.distance_m) <= MEANT_M {
                let outcome = match lost {
                    None => Outcome::Heard(Reception {
                        on_air_ns: now_ns,
                        arrival_ns: now_ns + propagation_ns(reached.distance_m),
                        signal_dbm: Some(reached.power.dbm().round().clamp(-127.0, 20.0) as i8),
                        changed: None,
                    }),
                    Some(cause) => Outcome::Lost(cause.name()),
                };
                fates.push(Fate { station: reached.station, outcome });
            }
        }
        busy_ns += self.rest(frame.sender, frame.category, now_ns);
        let ended = EndedFrame { ticket: frame.ticket, start_ns: frame.start_ns, end_ns: now_ns, busy_ns };
        frame.reached.clear();
        self.frames[slot as usize] = frame;
        self.free.push(slot);
        ended
    }

    /// A frame's last bit is over at a station; why it is lost there.
    fn end_at(
        &mut self,
        reached: &Reached,
        slot: u32,
        frame: &AirFrame,
        busy_ns: &mut u64,
    ) -> Option<LossCause> {
        let now_ns = frame.end_ns;
        let ear = &mut self.ears[reached.station as usize];
        ear.settle(now_ns, self.noise, self.profile.overlap, &self.errors);
        let lost = match reached.heard {
            FirstBit::Nothing | FirstBit::TooWeak => Some(LossCause::BelowSensing),
            FirstBit::Busy => Some(LossCause::ReceiverBusy),
            FirstBit::Drowned if stands_out(self.profile.preamble_db, reached.power, self.noise) => {
                Some(LossCause::Collision)
            }
            FirstBit::Drowned => Some(LossCause::Propagation),
            FirstBit::Followed if ear.frame == slot => {
                let (survives, alone) = ear.survival(self.noise, &self.errors);
                ear.frame = NONE;
                let drawn =
                    self.draws.uniform(DrawPurpose::Reception, frame.sender, reached.station, frame.number);
                if drawn >= alone {
                    Some(LossCause::Propagation)
                } else if drawn >= survives {
                    Some(LossCause::Collision)
                } else {
                    None
                }
            }
            FirstBit::Followed if ear.captured == slot => Some(LossCause::Collision),
            FirstBit::Followed => Some(LossCause::ReceiverBusy),
        };
        ear.total -= reached.power.0;
        if let Some(since_ns) = ear.note(now_ns, self.energy) {
            *busy_ns += now_ns - since_ns;
            if ear.waits
                && let Some(next_ns) = self.contenders[reached.station as usize].idle(now_ns)
            {
                self.schedule(reached.station, next_ns);
            }
        }
        lost
    }

    /// A sender's frame is over: it counts before its next one. Returns for how long the channel was busy for it, if that
    /// ends now.
    fn rest(&mut self, station: u32, category: Option<AccessCategory>, now_ns: u64) -> u64 {
        let index = station as usize;
        let draws = self.draws;
        let contender = &mut self.contenders[index];
        if let Some(category) = category {
            contender.ended(category, |number| back_off(draws, station, number));
        }
        let ear = &mut self.ears[index];
        ear.sending = false;
        ear.waits = contender.waits();
        let Some(since_ns) = ear.note(now_ns, self.energy) else { return 0 };
        if let Some(next_ns) = contender.idle(now_ns) {
            self.schedule(station, next_ns);
        }
        now_ns - since_ns
    }
}

impl Medium for Ether {
    fn range_m(&self) -> f64 {
        MEANT_M
    }

    fn reach_m(&self) -> f64 {
        self.propagation.reach_m()
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
        _places: &Places,
        _fates: &mut Vec<Fate>,
    ) -> TransmissionState {
        let &Transmission { sender, at_ns, bytes, .. } = transmission;
        self.know(sender);
        let draws = self.draws;
        let ear = &mut self.ears[sender as usize];
        ear.waits = true;
        let frame = WaitingFrame { ticket, queued_ns: at_ns, frame_bytes: bytes.len() as u32 };
        let contender = &mut self.contenders[sender as usize];
        let draw = |number| back_off(draws, sender, number);
        let next_ns = contender.queue(transmission.access(), frame, ear.channel(at_ns), draw);
        if let Some(next_ns) = next_ns {
            self.schedule(sender, next_ns);
        }
        TransmissionState::Pending
    }

    fn settled_until_ns(&self) -> u64 {
        // Frames that have not begun take their airtime once they have.
        let ends = self.events.iter().filter_map(|Reverse((at_ns, event))| match event {
            EtherEvent::End { .. } => Some(*at_ns),
            EtherEvent::Begin { .. } => None,
        });
        ends.min().unwrap_or(u64::MAX)
    }

    fn next_ns(&self) -> Option<u64> {
        self.events.peek().map(|Reverse((at_ns, _))| *at_ns)
    }

    fn advance(&mut self, now_ns: u64, places: &Places, fates: &mut Vec<Fate>) -> Option<EndedFrame> {
        while let Some(Reverse((at_ns, event))) = self.events.peek().copied() {
            if at_ns > now_ns {
                return None;
            }
            self.events.pop();
            let ended = match event {
                EtherEvent::End { frame } => Some(self.end(frame, fates)),
                EtherEvent::Begin { station, turn } if self.contenders[station as usize].turn == turn => {
                    self.begin(station, at_ns, places)
                }
                EtherEvent::Begin { .. } => None,
            };
            if ended.is_some() {
                return ended;
            }
        }
        None
    }

    fn occupied_ns(&self, station: u32, now_ns: u64) -> Option<u64> {
        Some(Self::busy_ns(self, station, now_ns).0)
    }

    fn losses(&self) -> Option<&LossesByDistance> {
        Some(&self.losses)
    }

    fn hears_noise(&self) -> bool {
        true
    }

    fn make_noise(&mut self, source: u32, area: Option<&NoiseArea>, now_ns: u64, places: &Places) -> u64 {
        self.switch_noise(source, area, now_ns, places)
    }
}

fn back_off(draws: RandomDraws, station: u32, number: u64) -> u32 {
    (draws.bits(DrawPurpose::BackOff, station, station, number) >> 33) as u32
}

/// Whether a frame's preamble can be found over what else there is.
fn stands_out(preamble_db: Option<f64>, power: PowerUnits, over: u64) -> bool {
    preamble_db.is_none_or(|db| power.0 as f32 >= ratio(db) * over as f32)
}

fn ratio(db: f64) -> f32 {
    10f64.powf(db / 10.0) as f32
}

/// Within this distance of its sender a message of one hop is meant for every station: the targets of all classes are
/// stated for it or for more.
const MEANT_M: f64 = 150.0;
/// What a MAC frame has around a Roadcast frame.
const MAC_BYTES: u32 = 38;

#[cfg(test)]
mod tests;
