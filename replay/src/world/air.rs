//! Frames between the medium and their receivers.

use bytes::Bytes;
use v2x_core::{Instant, MessageId, ReceivedFrame, SendStamps, Way};
use v2x_proto::link::{DataRate, Origin, airtime_ns};

use super::World;
use super::address::link_address;
use super::flight::{Flight, Handed};
use super::schedule::Due;
use crate::faults::{FaultSetting, OnLink, Passage};
use crate::medium::{Outcome, Reception, Transmission, TransmissionState};
use crate::tables::Aired;

impl World {
    /// Hands a frame to the medium; `message` identifies it when a node made it.
    pub(super) fn launch(
        &mut self,
        transmission: &Transmission<'_>,
        source: Option<[u8; 6]>,
        message: Option<(MessageId, SendStamps)>,
    ) {
        let slot = self.free_flights.pop().unwrap_or_else(|| {
            self.flights.push(Flight::default());
            (self.flights.len() - 1) as u32
        });
        let flight = &mut self.flights[slot as usize];
        flight.bytes = transmission.bytes.clone();
        flight.sender = transmission.sender;
        flight.number = self.troubles.number(transmission.sender);
        flight.source = source;
        flight.message = message;
        let Transmission { at_ns, class, origin, position, .. } = *transmission;
        flight.handed = Some(Handed { at_ns, class, origin, position });
        flight.next = 0;
        flight.arrivals.clear();
        self.fates.clear();
        let state = self.medium.transmit(slot, transmission, &self.places, &mut self.fates);
        if let TransmissionState::Decided { end_ns } = state {
            self.occupy(slot, end_ns);
            let start_ns = end_ns.saturating_sub(transmission.airtime_ns());
            self.come_down(slot, (start_ns, end_ns), transmission.at_ns + self.lookahead_ns());
        }
    }

    /// The time of the medium's next event has come.
    pub(super) fn advance(&mut self, now_ns: u64) {
        self.fates.clear();
        while let Some(ended) = self.medium.advance(now_ns, &self.places, &mut self.fates) {
            self.journal.channel(ended.start_ns, ended.busy_ns, 0);
            self.come_down(ended.ticket, (ended.start_ns, ended.end_ns), now_ns);
        }
    }

    /// The fates of a frame are known; its transmitter is done with it at `end_ns`, and nobody has it before `soonest_ns`.
    fn come_down(&mut self, slot: u32, (start_ns, end_ns): (u64, u64), soonest_ns: u64) {
        self.tabulate(slot, (start_ns, end_ns));
        let flight = &self.flights[slot as usize];
        // An attacker's forgeries leave from a transmitter of their own.
        if flight.message.is_some() {
            self.schedule.push(end_ns.max(soonest_ns), Due::Ended(flight.sender));
        }
        self.decide(slot, soonest_ns);
    }

    /// Writes a frame whose fates are known into the tables, where there are any.
    fn tabulate(&mut self, slot: u32, (start_ns, end_ns): (u64, u64)) {
        let Some(tables) = self.journal.tables() else { return };
        let flight = &self.flights[slot as usize];
        let Some(handed) = flight.handed else { return };
        let mut received_by = 0;
        for fate in &self.fates {
            let received = matches!(fate.outcome, Outcome::Heard(_));
            received_by += u64::from(received);
            tables.stations().met(fate.station, received);
        }
        tables.aired(&Aired {
            transmitter: flight.sender,
            honest: !self.excluded.contains(&flight.sender),
            message: flight.message.map(|(id, _)| id),
            class: handed.class,
            forwarded: handed.origin == Origin::Forwarded,
            frame_bytes: flight.bytes.len(),
            handed_ns: handed.at_ns,
            air_ns: (start_ns < end_ns).then_some((start_ns, end_ns)),
            position: handed.position,
            received_by,
            lost_by: self.fates.len() as u64 - received_by,
        });
    }

    /// Stations hear the channel busy with a frame that ends at `end_ns`.
    fn occupy(&mut self, slot: u32, end_ns: u64) {
        let flight = &self.flights[slot as usize];
        let start_ns = end_ns.saturating_sub(airtime_ns(flight.bytes.len(), DataRate::default()));
        self.occupancy.send(flight.sender, end_ns - start_ns);
        let Some(position) = self.places.position(flight.sender) else { return };
        self.places.within(position, self.medium.sense_m(), flight.sender, &mut self.hearers);
        let mut busy_ns = 0;
        for near in &self.hearers {
            if self.places.position(near.station).is_some_and(|there| self.medium.meant(position, there)) {
                busy_ns += self.occupancy.hear(near.station, start_ns, end_ns);
            }
        }
        self.journal.channel(start_ns, busy_ns, 0);
    }

    /// The fates of a frame are known.
    fn decide(&mut self, slot: u32, soonest_ns: u64) {
        let flight = &mut self.flights[slot as usize];
        let mut on_air_ns = None;
        for fate in self.fates.drain(..) {
            match fate.outcome {
                Outcome::Heard(mut reception) => {
                    reception.arrival_ns = reception.arrival_ns.max(soonest_ns);
                    on_air_ns.get_or_insert(reception.on_air_ns);
                    if self.troubles.is_empty() {
                        flight.arrivals.push((fate.station, reception));
                        continue;
                    }
                    let (from, to) = (flight.sender, fate.station);
                    let airtime_ns = airtime_ns(flight.bytes.len(), DataRate::default());
                    let on = OnLink {
                        from,
                        to,
                        number: flight.number,
                        start_ns: reception.on_air_ns.saturating_sub(airtime_ns),
                        end_ns: reception.on_air_ns,
                        from_at: self.places.position(from),
                        to_at: self.places.position(to),
                    };
                    let FaultSetting { links, took, .. } = &mut self.troubles.setting;
                    match links.pass(&on, &flight.bytes, &mut reception.changed, took) {
                        Passage::Lost(cause) => {
                            if let Some((id, _)) = flight.message {
                                self.journal.lost(id, to, cause);
                            }
                        }
                        Passage::Arrives { later_ns, again_ns } => {
                            reception.arrival_ns += later_ns;
                            if let Some(again_ns) = again_ns {
                                let arrival_ns = reception.arrival_ns + again_ns;
                                flight.arrivals.push((to, Reception { arrival_ns, ..reception.clone() }));
                            }
                            flight.arrivals.push((to, reception));
                        }
                    }
                }
                Outcome::Lost(cause) => {
                    if let Some((id, _)) = flight.message {
                        self.journal.lost(id, fate.station, cause);
                    }
                }
            }
        }
        if let (Some((id, stamps)), Some(on_air_ns)) = (flight.message, on_air_ns) {
            self.journal.aired(soonest_ns, id, stamps, on_air_ns);
        }
        flight.arrivals.sort_by_key(|(station, reception)| (reception.arrival_ns, *station));
        match flight.arrivals.first() {
            Some((_, first)) => self.schedule.push(first.arrival_ns, Due::Arrive(slot)),
            None => self.land(slot),
        }
    }

    /// A frame arrives at its next receivers.
    pub(super) fn arrive(&mut self, slot: u32, now_ns: u64) {
        let mut quiet_until_ns = self.independent_until_ns(now_ns);
        loop {
            let flight = &mut self.flights[slot as usize];
            let Some((station, reception)) = flight.arrivals.get_mut(flight.next) else {
                self.receive_together();
                return self.land(slot);
            };
            let at_ns = reception.arrival_ns;
            if at_ns > now_ns && at_ns >= quiet_until_ns {
                self.receive_together();
                return self.schedule.push(at_ns, Due::Arrive(slot));
            }
            let (station, sender) = (*station, flight.sender);
            let message = flight.message.map(|(id, _)| id);
            if self.stations[station as usize].is_foreseen() {
                flight.next += 1;
                self.journal.floods.heard(at_ns, sender, station);
                self.received.push((station, at_ns));
                continue;
            }
            let frame = ReceivedFrame {
                bytes: reception.changed.take().unwrap_or_else(|| flight.bytes.clone()),
                link_source: flight.source.unwrap_or_else(|| link_address(flight.sender)),
                kernel_receive: Some(Instant::from_nanos(at_ns)),
                user_receive: Some(Instant::from_nanos(at_ns)),
                signal_dbm: reception.signal_dbm,
                way: Way::Air,
            };
            flight.next += 1;
            self.journal.floods.heard(at_ns, sender, station);
            if self.troubles.is_down(station) {
                self.troubles.missed(station);
                if let Some(message) = message {
                    self.journal.lost(message, station, CRASHED);
                }
                continue;
            }
            let beside = self.radios.are(station) || self.saboteurs.are(station);
            // A frame may reach a station twice.
            let again = !self.troubles.is_empty() && self.received.iter().any(|(one, _)| *one == station);
            if beside || again {
                self.receive_together();
                quiet_until_ns = self.independent_until_ns(now_ns);
            }
            if self.radios.are(station) {
                // They leave each other's frames alone.
                if message.is_some() {
                    self.overhear(station, frame.link_source, at_ns, &frame.bytes);
                }
            } else if !beside {
                if !self.gather(station, at_ns, frame)
                    && let Some(message) = message
                {
                    self.journal.lost(message, station, SOCKET_FULL);
                }
            } else if let Some(message) = message {
                self.sabotage(station, sender, message, at_ns, &frame.bytes);
            }
        }
    }

    fn land(&mut self, slot: u32) {
        let flight = &mut self.flights[slot as usize];
        flight.bytes = Bytes::new();
        flight.arrivals.clear();
        self.free_flights.push(slot);
    }
}

/// The station's processor was busy for so long that its socket was full.
const SOCKET_FULL: &str = "socket_full";
/// The station had no process when the frame came.
const CRASHED: &str = "crashed";
