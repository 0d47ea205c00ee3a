//! How well attackers are detected, compared with which stations really attacked.
//!
//! The truth is a pair: a receiver that does not attack, and a signer it heard [`ENOUGH`] false messages of.
//! A message that happens to be true, as from an attacker at a red light that always states a speed of 0, does not
//! count. A pair is detected once the receiver holds the signer for suspect or worse, or drops what it sends for a
//! reason that the attack is bound to run into. A pair with an honest signer held so is a false alarm. Forged frames
//! have no signer to hold: they are detected when dropped for a reason meant for them, and the false alarms are the
//! honest frames dropped beyond those of the same run without attackers.
//!
//! An exact copy is an attack only on a receiver that had the message before. Where the copy is the first to arrive, it
//! is the message itself, fresh, true and signed by its sender, so there is nothing to detect: it is counted as first
//! heard. A message that is delivered twice at one receiver is missed.
//!
//! Frames replayed after a restart are scored at the restarted station only; messages that it misses because it has
//! forgotten all credentials are not blamed on the attack. Attacks that provoke answers are charged with what honest
//! stations sent beyond the run without attackers.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use v2x_core::{Check, DropReason, Dropped, Event, MessageId, TrustLevel};
use v2x_proto::Digest;
use v2x_report::{Detection, Provoked};

use super::{Attack, AttackKind, AttackPlan};

/// What was seen of attackers and others in one world.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    pairs: BTreeMap<(u32, Digest), Pair>,
    /// By attack: forged frames that were received, and those dropped for a reason meant for them.
    forged: BTreeMap<usize, (u64, u64)>,
    /// Honest frames dropped.
    honest_drops: BTreeMap<DropReason, u64>,
    attackers: BTreeMap<Digest, usize>,
    /// By honest station: frames it sent, and those with the whole credential.
    sent: BTreeMap<u32, (u64, u64)>,
    /// By attack: frames that its stations put on the air.
    on_air: BTreeMap<usize, u64>,
    /// Attackers whose newest message was true.
    truthful: BTreeSet<Digest>,
    /// Other credentials of attackers, with which they do not lie: not scored.
    accomplices: BTreeSet<Digest>,
    /// Copies that were the first their receiver heard of a message.
    first_heard: u64,
}

#[derive(Clone, Debug, Default)]
struct Pair {
    first_ns: u64,
    heard: u64,
    suspect: Option<(u64, Option<Check>)>,
    isolated_ns: Option<u64>,
    dropped: Vec<(DropReason, u64)>,
}

/// What a receiver made of one attacker; times from the first message that it heard, s.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AttackerHeard {
    /// The receiver's number.
    pub receiver: u32,
    /// The attacker.
    pub signer: Digest,
    /// Messages of it that were heard while it lied.
    pub heard: u64,
    /// When it was suspected.
    pub suspect_s: Option<f64>,
    /// When it was isolated.
    pub isolated_s: Option<f64>,
}

/// Honest stations, each counted once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HonestHeard {
    /// Heard by anybody.
    pub heard: u64,
    /// Suspected by anybody.
    pub suspected: u64,
    /// Isolated by anybody.
    pub isolated: u64,
}

/// Listens to the events of a world.
#[derive(Debug, Default)]
pub(crate) struct Score {
    pub(crate) tally: Tally,
    /// By the link address of the attacker that caused it: the station that restarted last, and when.
    restarted: BTreeMap<[u8; 6], (u32, u64)>,
    /// What was delivered lately, for runs with exact copies.
    delivered: BTreeSet<Delivery>,
    order: VecDeque<(u64, Delivery)>,
}

/// Receiver and message.
type Delivery = (u32, MessageId);

impl Score {
    /// This credential is used in an attack.
    pub(crate) fn attacker(&mut self, signer: Digest, attack: usize) {
        self.tally.attackers.insert(signer, attack);
    }

    /// A station that does not attack sends a frame, with its whole credential or without.
    pub(crate) fn sent(&mut self, station: u32, full: bool) {
        let (frames, credentials) = self.tally.sent.entry(station).or_default();
        *frames += 1;
        *credentials += u64::from(full);
    }

    /// A frame of an attack is on the air.
    pub(crate) fn attacked(&mut self, attack: usize) {
        *self.tally.on_air.entry(attack).or_default() += 1;
    }

    /// A station restarts, and the attacker at this link address is there.
    pub(crate) fn restarted(&mut self, now_ns: u64, link: [u8; 6], station: u32) {
        self.restarted.insert(link, (station, now_ns));
    }

    /// This credential belongs to an attacker too, though what it signs is true.
    pub(crate) fn accomplice(&mut self, signer: Digest) {
        self.tally.accomplices.insert(signer);
    }

    /// An attacker sends a message, false or true.
    pub(crate) fn says(&mut self, signer: Digest, falsely: bool) {
        if falsely {
            self.tally.truthful.remove(&signer);
        } else {
            self.tally.truthful.insert(signer);
        }
    }

    /// An event of a receiver that does not attack.
    pub(crate) fn event(&mut self, now_ns: u64, receiver: u32, event: &Event, plan: &AttackPlan) {
        let (link, reason) = match event {
            Event::Received(received) => (received.link_source, None),
            Event::Dropped(dropped) => (dropped.link_source, Some(dropped.reason)),
            _ => ([0; 6], None),
        };
        let replay =
            |number: usize| plan.attacks.get(number).is_some_and(|one| one.kind == AttackKind::RestartReplay);
        if attack_of(&link).is_some_and(replay)
            && self.restarted.get(&link).is_none_or(|(by, _)| *by != receiver)
        {
            return;
        }
        if reason == Some(DropReason::UnknownCredential) && self.forgot(now_ns, receiver) {
            return;
        }
        let first = self.is_first(now_ns, receiver, event, plan);
        match event {
            Event::Received(received) => match attack_of(&received.link_source) {
                Some(attack)
                    if first
                        && plan.attacks.get(attack).is_some_and(|one| one.kind == AttackKind::ExactCopy) =>
                {
                    self.tally.first_heard += 1;
                }
                Some(attack) if plan.attacks.get(attack).is_some_and(|attack| attack.kind.forges()) => {
                    self.tally.forged.entry(attack).or_default().0 += 1;
                }
                _ => self.heard(now_ns, receiver, received.id.signer, plan, None),
            },
            Event::Dropped(dropped) => match attack_of(&dropped.link_source) {
                Some(number) if plan.attacks.get(number).is_some_and(|attack| attack.kind.forges()) => {
                    let kind = plan.attacks[number].kind;
                    let meant = kind.reasons().contains(&dropped.reason);
                    if first && !meant && kind == AttackKind::ExactCopy {
                        self.tally.first_heard += 1;
                        return;
                    }
                    let (received, caught) = self.tally.forged.entry(number).or_default();
                    *received += 1;
                    *caught += u64::from(meant);
                }
                from => {
                    if let Some(claimed) = &dropped.claimed {
                        self.heard(now_ns, receiver, claimed.signer, plan, Some(dropped.reason));
                        if from.is_none() && !self.tally.attackers.contains_key(&claimed.signer) {
                            *self.tally.honest_drops.entry(dropped.reason).or_default() += 1;
                        }
                    }
                }
            },
            Event::Suspicion(suspicion) if suspicion.standing > TrustLevel::Trusted => {
                let pair = self.tally.pairs.entry((receiver, suspicion.digest)).or_default();
                pair.suspect.get_or_insert((now_ns, suspicion.check));
                if suspicion.standing == TrustLevel::Isolated {
                    pair.isolated_ns.get_or_insert(now_ns);
                }
            }
            _ => {}
        }
    }

    /// Remembers what was delivered to a receiver; true when the message is new to it. Used with exact copies only.
    fn is_first(&mut self, now_ns: u64, receiver: u32, event: &Event, plan: &AttackPlan) -> bool {
        if plan.attacks.iter().all(|attack| attack.kind != AttackKind::ExactCopy) {
            return false;
        }
        while self.order.front().is_some_and(|(at_ns, _)| at_ns + REMEMBERS_NS < now_ns) {
            let gone = self.order.pop_front();
            self.delivered.remove(&gone.expect("the front was just seen").1);
        }
        match event {
            Event::Received(received) => {
                let delivery = (receiver, received.id);
                let first = self.delivered.insert(delivery);
                if first {
                    self.order.push_back((now_ns, delivery));
                }
                first
            }
            Event::Dropped(Dropped { claimed: Some(id), .. }) => !self.delivered.contains(&(receiver, *id)),
            _ => false,
        }
    }

    /// Whether a station restarted a moment ago.
    fn forgot(&self, now_ns: u64, receiver: u32) -> bool {
        let restarts = self.restarted.values();
        restarts.into_iter().any(|(station, at_ns)| *station == receiver && now_ns < at_ns + LEARNS_NS)
    }

    fn heard(
        &mut self,
        now_ns: u64,
        receiver: u32,
        signer: Digest,
        plan: &AttackPlan,
        reason: Option<DropReason>,
    ) {
        let attack = self.tally.attackers.get(&signer).and_then(|number| plan.attacks.get(*number));
        if attack.is_some_and(|attack| !during(attack, now_ns)) || self.tally.truthful.contains(&signer) {
            return;
        }
        let pair = self.tally.pairs.entry((receiver, signer)).or_default();
        if pair.heard == 0 {
            pair.first_ns = now_ns;
        }
        pair.heard += 1;
        if let Some(reason) = reason
            && pair.dropped.iter().all(|(known, _)| *known != reason)
        {
            pair.dropped.push((reason, now_ns));
        }
    }
}

impl Pair {
    /// When it was detected, and by what.
    fn detected(&self, reasons: &[DropReason]) -> Option<(u64, &'static str)> {
        let drops = self.dropped.iter().filter(|(reason, _)| reasons.contains(reason));
        let suspect = self.suspect.map(|(at_ns, check)| (at_ns, check.map_or("time", Check::name)));
        drops.map(|(reason, at_ns)| (*at_ns, reason.name())).chain(suspect).min()
    }
}

/// The scores of a plan's attacks, by what was seen with and without them.
pub fn detections(plan: &AttackPlan, attacked: &Tally, clean: &Tally) -> Vec<Detection> {
    plan.attacks
        .iter()
        .enumerate()
        .map(|(number, attack)| {
            if attack.kind.forges() {
                let (received, caught) = attacked.forged.get(&number).copied().unwrap_or_default();
                let extra = attacked.honest_drops.iter().map(|(reason, count)| {
                    count.saturating_sub(clean.honest_drops.get(reason).copied().unwrap_or(0))
                });
                let at_once = (caught > 0).then_some(0.0);
                let first_heard = (attack.kind == AttackKind::ExactCopy).then_some(attacked.first_heard);
                let score =
                    Detection::new(attack.kind.name(), caught, received - caught, extra.sum(), at_once);
                return Detection { first_heard, ..score };
            }
            let provoked =
                (attack.kind == AttackKind::CredentialRequestFlood).then(|| attacked.provoked(number, clean));
            Detection { provoked, ..attacked.score(number, attack) }
        })
        .collect()
}

/// Stations that any receiver suspected, of all that were heard; for a run without attackers.
pub fn false_positive_ratio(clean: &Tally) -> f64 {
    let heard: BTreeSet<_> = clean.pairs.keys().map(|(_, signer)| signer).collect();
    let held: BTreeSet<_> = clean
        .pairs
        .iter()
        .filter(|(_, pair)| pair.suspect.is_some())
        .map(|((_, signer), _)| signer)
        .collect();
    if heard.is_empty() { 0.0 } else { held.len() as f64 / heard.len() as f64 }
}

impl Tally {
    /// What each receiver made of each attacker that it heard.
    pub fn attackers(&self) -> impl Iterator<Item = AttackerHeard> {
        self.pairs.iter().filter(|((_, signer), _)| self.attackers.contains_key(signer)).map(
            |((receiver, signer), pair)| {
                let since_s = |at_ns: u64| at_ns.saturating_sub(pair.first_ns) as f64 / 1e9;
                AttackerHeard {
                    receiver: *receiver,
                    signer: *signer,
                    heard: pair.heard,
                    suspect_s: pair.suspect.map(|(at_ns, _)| since_s(at_ns)),
                    isolated_s: pair.isolated_ns.map(since_s),
                }
            },
        )
    }

    /// What was made of those who do not attack.
    pub fn honest(&self) -> HonestHeard {
        let mut stations: BTreeMap<Digest, (bool, bool)> = BTreeMap::new();
        let is_honest =
            |signer: &Digest| !self.attackers.contains_key(signer) && !self.accomplices.contains(signer);
        for ((_, signer), pair) in self.pairs.iter().filter(|((_, signer), _)| is_honest(signer)) {
            let (suspected, isolated) = stations.entry(*signer).or_default();
            *suspected |= pair.suspect.is_some();
            *isolated |= pair.isolated_ns.is_some();
        }
        let count = |of: fn(&(bool, bool)) -> bool| stations.values().filter(|one| of(one)).count() as u64;
        HonestHeard {
            heard: stations.len() as u64,
            suspected: count(|one| one.0),
            isolated: count(|one| one.1),
        }
    }

    /// How much more the stations that are honest in both runs sent in this one.
    fn provoked(&self, number: usize, clean: &Self) -> Provoked {
        let mut provoked =
            Provoked { by: self.on_air.get(&number).copied().unwrap_or(0), ..Provoked::default() };
        for (station, (frames, credentials)) in &self.sent {
            let (before, full_before) = clean.sent.get(station).copied().unwrap_or_default();
            provoked.frames += frames.saturating_sub(before);
            provoked.credentials += credentials.saturating_sub(full_before);
        }
        provoked
    }

    fn score(&self, number: usize, attack: &Attack) -> Detection {
        let (mut detected, mut missed, mut false_alarms) = (0, 0, 0);
        let mut times = Vec::new();
        let mut findings = BTreeMap::new();
        for ((_, signer), pair) in
            self.pairs.iter().filter(|((_, signer), _)| !self.accomplices.contains(signer))
        {
            let found = pair.detected(attack.kind.reasons());
            match (self.attackers.get(signer), found) {
                (Some(by), Some((at_ns, what))) if *by == number && pair.heard > 0 => {
                    detected += 1;
                    *findings.entry(what.to_owned()).or_insert(0) += 1;
                    times.push(at_ns.saturating_sub(pair.first_ns));
                }
                (Some(by), None) if *by == number && pair.heard >= ENOUGH => missed += 1,
                (None, Some(_)) => false_alarms += 1,
                _ => {}
            }
        }
        times.sort_unstable();
        let median_s = times.get(times.len() / 2).map(|ns| *ns as f64 / 1e9);
        let score = Detection::new(attack.kind.name(), detected, missed, false_alarms, median_s);
        Detection { findings, ..score }
    }
}

/// Whether an attack takes place at a time.
pub(crate) fn during(attack: &Attack, now_ns: u64) -> bool {
    let now_s = now_ns as f64 / 1e9;
    attack.start_s <= now_s && now_s < attack.end_s
}

/// The link address from which a station's forged frames leave.
pub(crate) fn link_of(attack: usize, station: u32) -> [u8; 6] {
    let [a, b, c, d] = station.to_be_bytes();
    [FORGED, attack as u8, a, b, c, d]
}

fn attack_of(link: &[u8; 6]) -> Option<usize> {
    (link[0] == FORGED).then_some(usize::from(link[1]))
}

/// False messages a receiver must have heard before it can be expected to detect the signer.
const ENOUGH: u64 = 5;
/// Time in which a restarted station learns the credentials of all stations around it again.
const LEARNS_NS: u64 = 2_000_000_000;
/// Copies come within two seconds of what they are made of (`world::assault`).
const REMEMBERS_NS: u64 = 5_000_000_000;
/// First byte of forged frames' link addresses: locally administered, no station's.
const FORGED: u8 = 0x06;
