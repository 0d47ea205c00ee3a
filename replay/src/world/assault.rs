//! The attackers of a world: which stations they are, and what they put on the air.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;
use prost::Message as _;
use v2x_core::{Event, Input, Purpose, SendRequest, Stream, Transmit};
use v2x_proto::cause;
use v2x_proto::envelope::{SignedView, SignerRef};
use v2x_proto::link::Origin;
use v2x_proto::{Class, Digest, hop, v1};

use super::attackers::{Assault, Attacker};
use super::clock::wire_at;
use super::schedule::Due;
use super::{World, fix, moment};
use crate::attack::{
    Air, AttackKind, AttackPlan, Insider, Overheard, Score, Tally, Targets, during, flooding, forge, ghost,
    link_of,
};
use crate::identities::Part;
use crate::medium::Transmission;
use crate::source::{StationKind, Trace};

impl World {
    /// Makes the stations of a plan attack. Call it before the first event.
    pub fn attack(&mut self, trace: &Trace, plan: &AttackPlan) {
        let mut assault = Assault {
            plan: plan.clone(),
            attackers: BTreeMap::new(),
            bad: BTreeSet::new(),
            air: Air::default(),
            score: Score::default(),
        };
        let chosen = chosen_in_all(trace, plan);
        for ((number, attack), stations) in plan.attacks.iter().enumerate().zip(chosen) {
            for station in stations {
                let kind = self.kinds.get(station as usize).copied().unwrap_or_default();
                let part = Part::from(kind);
                let insider = Insider::new(self.cast.identity(station, part), plan.seed, attack);
                let ghosts: Vec<_> = if attack.kind.has_ghosts() {
                    (0..attack.ghosts)
                        .map(|ghost| self.cast.identity(GHOSTS + station * 16 + ghost, part))
                        .collect()
                } else {
                    Vec::new()
                };
                if ghosts.is_empty() {
                    assault.score.attacker(insider.digest(), number);
                }
                if !ghosts.is_empty() {
                    assault.score.accomplice(insider.digest());
                }
                for ghost in &ghosts {
                    assault.score.attacker(ghost.digest(), number);
                }
                let restarts_ns = ((attack.start_s + attack.delay_s.min(FIRST_RESTART_S)) * 1e9) as u64;
                let tape = VecDeque::new();
                let attacker = Attacker { attack: number, insider, ghosts, sequence: 0, tape, restarts_ns };
                assault.attackers.insert(station, attacker);
                assault.bad.insert(station);
                self.exclude(station);
                if attack.kind.has_rate() || attack.kind == AttackKind::Delay {
                    self.schedule.push((attack.start_s * 1e9) as u64, Due::Attack(station));
                }
            }
        }
        self.assault = Some(Box::new(assault));
    }

    /// Leaves out of all figures the stations that attack in the world this one is compared with. Call it before the
    /// first event.
    pub fn leave_out(&mut self, trace: &Trace, plan: &AttackPlan) {
        chosen_in_all(trace, plan).iter().flatten().for_each(|station| self.exclude(*station));
    }

    /// Whether a station attacks.
    pub(super) fn attacks(&self, station: u32) -> bool {
        self.assault.as_ref().is_some_and(|assault| assault.attackers.contains_key(&station))
    }

    /// The attack that a station takes part in.
    pub(super) fn attack_of(&self, station: u32) -> Option<usize> {
        self.assault.as_ref()?.attackers.get(&station).map(|attacker| attacker.attack)
    }

    /// What an event of an honest station says of the damage: of others that are honest too, and of what attackers are after.
    pub(super) fn judge(&mut self, station: u32, now_ns: u64, event: &Event) {
        let may_tell = self.aims.are_there() || matches!(event, Event::Suspicion(_));
        if !may_tell || self.excluded.contains(&station) {
            return;
        }
        let drives = self.kinds.get(station as usize) != Some(&StationKind::Roadside);
        if let Some(own) = self.stations[station as usize].signer().filter(|_| drives) {
            let signer = if let Event::Received(received) = event { Some(received.id.signer) } else { None };
            let holder = signer.and_then(|signer| self.journal.holder(&signer));
            let honest = holder.is_some_and(|holder| !self.excluded.contains(&holder));
            self.aims.event((station, own), honest, event, moment(now_ns));
        }
        let Event::Suspicion(suspicion) = event else { return };
        let accused = self.journal.holder(&suspicion.digest);
        if let Some(accused) = accused.filter(|accused| !self.excluded.contains(accused)) {
            self.toll.judged(accused, suspicion);
        }
    }

    /// The frame to transmit for a station's frame, perhaps altered; `None` for nothing.
    pub(super) fn on_air(&mut self, station: u32, now_ns: u64, frame: &Transmit) -> Option<Bytes> {
        let Some(assault) = &mut self.assault else { return Some(frame.bytes.clone()) };
        let Assault { plan, attackers, air, score, .. } = &mut **assault;
        let mut bytes = Some(frame.bytes.clone());
        let attacker = attackers.get_mut(&station);
        if attacker.is_none() {
            score.sent(station, is_full(&frame.bytes));
        }
        if let Some(attacker) = attacker
            && let Some(attack) = plan.attacks.get(attacker.attack).filter(|attack| during(attack, now_ns))
        {
            bytes = attacker.insider.restate(now_ns, &frame.bytes, attack, air, station);
            score.attacked(attacker.attack);
            score.says(attacker.insider.digest(), !attacker.insider.is_truthful());
        }
        air.hear(now_ns, station, &frame.id, bytes.as_ref().unwrap_or(&frame.bytes));
        bytes
    }

    /// An event of a station, for the score.
    pub(super) fn score(&mut self, station: u32, now_ns: u64, event: &Event) {
        // Frames of transmitters beside the road name anybody, and are not scored.
        if let Some(assault) = &mut self.assault
            && !assault.attackers.contains_key(&station)
            && (assault.plan.radios.is_empty() || !assault.plan.attacks.is_empty())
        {
            assault.score.event(now_ns, station, event, &assault.plan);
        }
    }

    /// What was seen of attackers so far.
    pub fn tally(&self) -> Tally {
        self.assault.as_ref().map(|assault| assault.score.tally.clone()).unwrap_or_default()
    }

    /// A station's node is gone, with all it knew, and a new one is there.
    fn restart(&mut self, station: u32, now_ns: u64) {
        let Some(sample) = self.tracks[station as usize].at(now_ns) else { return };
        if self.stations[station as usize].node.is_some() {
            self.enter(station, now_ns);
            self.input(station, now_ns, Input::Fix(Some(fix(&sample))));
        }
    }

    /// An attacker's next frame or message is due.
    pub(super) fn strike(&mut self, station: u32, now_ns: u64) {
        let Some(mut assault) = self.assault.take() else { return };
        let (mut frames, mut request, mut restart) = (Vec::new(), None, None);
        let number = assault.attackers.get(&station).map_or(0, |attacker| attacker.attack);
        let place = self.places.position(station);
        if let (Some(attacker), Some(attack)) =
            (assault.attackers.get_mut(&station), assault.plan.attacks.get(number))
        {
            let end_ns = (attack.end_s * 1e9) as u64;
            let rate = if attack.kind == AttackKind::Delay { LATE_RATE } else { attack.rate_per_s };
            let next_ns = now_ns + (1e9 / rate) as u64;
            let gone = self.tracks[station as usize].leave_ns().saturating_add(self.step_ns) < next_ns;
            if next_ns < end_ns && !gone {
                self.schedule.push(next_ns, Due::Attack(station));
            }
            let own = assault.air.newest_of(station);
            match (attack.kind, place) {
                (_, None) => {}
                (AttackKind::Delay, _) => {
                    frames.extend(core::iter::from_fn(|| attacker.insider.late(now_ns)))
                }
                (AttackKind::Dos | AttackKind::DosRandom | AttackKind::CredentialRequestFlood, _) => {
                    request = own.and_then(again);
                }
                (AttackKind::PseudonymChangeInFlood, Some(place)) => {
                    attacker.sequence += 1;
                    let which = (now_ns / PSEUDONYM_NS) as usize % attacker.ghosts.len().max(1);
                    let micros = wire_at(now_ns).as_micros();
                    let identity = attacker.ghosts.get_mut(which).zip(own);
                    frames.extend(identity.and_then(|(identity, own)| {
                        flooding(identity, attacker.sequence, micros, own, place)
                    }));
                }
                (AttackKind::RestartReplay, Some(place)) => {
                    if now_ns >= attacker.restarts_ns {
                        attacker.restarts_ns = now_ns + (attack.delay_s * 1e9) as u64;
                        let heard: Vec<_> = assault
                            .air
                            .near(station, place, now_ns.saturating_sub(HEARD_NS), now_ns)
                            .take(MAX_TAPE)
                            .collect();
                        // Twice each: what is taken once must not be taken again.
                        let twice = heard.iter().flat_map(|heard| [heard.bytes.clone(), heard.bytes.clone()]);
                        attacker.tape = twice.collect();
                        restart =
                            heard.iter().map(|heard| heard.station).find(|near| !assault.bad.contains(near));
                    } else {
                        frames.extend(attacker.tape.pop_front());
                    }
                }
                (AttackKind::FeignedBraking, _) => {
                    attacker.sequence += 1;
                    let origin = attacker.insider.digest();
                    request = own.map(|own| braking(origin, attacker.sequence, own, now_ns));
                }
                (AttackKind::SybilGrid, Some(place)) => {
                    attacker.sequence += 1;
                    for (index, identity) in attacker.ghosts.iter_mut().enumerate() {
                        let micros = wire_at(now_ns).as_micros();
                        let made = own.and_then(|own| {
                            let spacing = attack.distance_m;
                            ghost(index as u32, identity, attacker.sequence, micros, own, place, spacing)
                        });
                        frames.extend(made);
                    }
                }
                (kind, Some(place)) => {
                    let until_ns = match kind {
                        AttackKind::ReplayedFrames => now_ns.saturating_sub((attack.delay_s * 1e9) as u64),
                        // Frames on the air now have ended in two milliseconds.
                        _ => now_ns.saturating_sub(2_000_000),
                    };
                    let from_ns = until_ns.saturating_sub(HEARD_NS);
                    let heard = assault.air.near(station, place, from_ns, until_ns).next();
                    frames.extend(heard.and_then(|heard| forge(kind, heard, &mut attacker.insider)));
                }
            }
        }
        if let Some(victim) = restart {
            assault.score.restarted(now_ns, link_of(number, station), victim);
        }
        let late = assault.plan.attacks.get(number).is_some_and(|attack| attack.kind == AttackKind::Delay);
        self.assault = Some(assault);
        if let Some(victim) = restart {
            self.restart(victim, now_ns);
        }
        for bytes in frames {
            let source = (!late).then(|| link_of(number, station));
            let Some(position) = place else { continue };
            self.toll.attacked(number, bytes.len());
            let transmission = Transmission {
                sender: station,
                at_ns: now_ns,
                position,
                bytes: &bytes,
                class: Class::D2,
                origin: Origin::Own,
            };
            self.launch(&transmission, source, None);
        }
        if let Some(request) = request {
            self.input(station, now_ns, Input::Send(request));
        }
    }
}

/// Whether a frame has its signer's whole credential.
fn is_full(bytes: &[u8]) -> bool {
    let signed = hop::parse(bytes).ok().and_then(|(_, len)| SignedView::parse(&bytes[len..]).ok());
    signed.is_some_and(|signed| matches!(signed.signer, SignerRef::Credential(_)))
}

/// The stations of each attack.
fn chosen_in_all(trace: &Trace, plan: &AttackPlan) -> Vec<Vec<u32>> {
    let mut taken = BTreeSet::new();
    let of = |number| {
        let stations = chosen(trace, plan, number, &taken);
        taken.extend(stations.iter().copied());
        stations
    };
    (0..plan.attacks.len()).map(of).collect()
}

/// The stations of an attack that do not take part in another, in order.
fn chosen(trace: &Trace, plan: &AttackPlan, number: usize, taken: &BTreeSet<u32>) -> Vec<u32> {
    let mut free: Vec<u32> =
        (0..trace.names.len() as u32).filter(|station| !taken.contains(station)).collect();
    match &plan.attacks[number].targets {
        Targets::Named(names) => {
            free.retain(|station| names.contains(&trace.names[*station as usize]));
            free
        }
        Targets::Share(share) => {
            let count = ((trace.names.len() as f64 * share).round() as usize).clamp(1, free.len().max(1));
            let mut random = Stream::new(plan.seed, Digest((number as u64).to_le_bytes()), Purpose::Attack);
            let mut drawn = Vec::new();
            while drawn.len() < count && !free.is_empty() {
                drawn.push(free.swap_remove(random.below(free.len() as u64) as usize));
            }
            drawn.sort_unstable();
            drawn
        }
    }
}

/// The station's last awareness repeated as a new message.
fn again(own: &Overheard) -> Option<SendRequest> {
    let payload = own.payload()?;
    Some(SendRequest {
        to: None,
        message_type: v1::MessageType::Awareness as u32,
        class: Class::D2,
        lifetime_ms: 900,
        max_hops: 1,
        area: None,
        subject: 0,
        due: None,
        token: None,
        payload,
    })
}

/// A false warning that the station brakes hard.
fn braking(origin: Digest, number: u32, own: &Overheard, now_ns: u64) -> SendRequest {
    let micros = wire_at(now_ns).as_micros();
    let hazard = v1::Hazard {
        id: Some(v1::EventId { origin: Bytes::copy_from_slice(&origin.0), number }),
        state: v1::HazardState::New as i32,
        detection_time_us: micros,
        reference_time_us: micros,
        position: Some(v1::Position {
            latitude: own.position.latitude,
            longitude: own.position.longitude,
            ..v1::Position::default()
        }),
        cause: cause::DANGEROUS_SITUATION.into(),
        sub_cause: cause::EMERGENCY_BRAKE.into(),
        validity_s: Some(2),
        speed: own.speed,
        heading: own.heading,
        ..v1::Hazard::default()
    };
    SendRequest {
        to: None,
        message_type: v1::MessageType::Hazard as u32,
        class: Class::D0,
        lifetime_ms: 100,
        max_hops: 1,
        area: None,
        subject: 0,
        due: None,
        token: None,
        payload: hazard.encode_to_vec().into(),
    }
}

/// Numbers of ghost cars begin here: no trace has as many stations.
const GHOSTS: u32 = 1 << 24;
/// How often a second late messages are looked for.
const LATE_RATE: f64 = 100.0;
/// Forgeries are made from frames heard within this time.
const HEARD_NS: u64 = 2_000_000_000;
/// A flood changes to another credential this often.
const PSEUDONYM_NS: u64 = 1_000_000_000;
/// The first restart waits until there are frames to replay.
const FIRST_RESTART_S: f64 = 1.0;
/// Frames an attacker records for one restart.
const MAX_TAPE: usize = 512;
