//! Requests for priority and their states (TS 103 301 clauses 8 and 9, SREM and SSEM).
//!
//! A request is `processing` from the moment it was heard. A controller that speaks for the intersection gets it as a
//! line and reports what becomes of it. Where none does, or it does not answer, it is `rejected` after a few seconds: a
//! vehicle must not wait for a green that no controller works on. A request whose time is over is `max_presence` for a
//! moment, then forgotten.
//!
//! Who asked sealed is answered sealed, by messages of its own: the open answers do not name it.

mod log;

use core::time::Duration;

use bytes::Bytes;
use prost::Message as _;
use v2x_core::{Instant, Permissions, Received, Recipients, SendRequest, WireTime};
use v2x_proto::{Class, Digest, v1};

pub use self::log::PriorityCounts;
use self::log::{Cause, Name, PriorityLog};
use super::line::{Answer, request_line};
use super::message::{next_after, request};
use crate::roadside::content::Intersection;

/// The requests at all intersections of a unit.
#[derive(Clone, Debug)]
pub struct Priorities {
    intersections: Vec<(u32, u32)>,
    requests: Vec<Request>,
    /// One per intersection, as `intersections`.
    status: Vec<Status>,
    lines: Vec<(u32, String)>,
    log: PriorityLog,
}

/// When an intersection's answers are sent.
#[derive(Clone, Copy, Debug)]
struct Status {
    next: Instant,
    last: Option<Instant>,
    /// The last open answers named somebody.
    named: bool,
    /// Which of those who asked sealed is answered first.
    turn: usize,
}

#[derive(Clone, Debug)]
struct Request {
    intersection: u32,
    requester: Digest,
    message: v1::PriorityRequest,
    /// It came sealed.
    confidential: bool,
    state: v1::PriorityState,
    expected: Option<WireTime>,
    /// Whether it was sent to the controller that speaks now.
    told: bool,
    /// Rejected then, if no answer has come.
    answer_by: Instant,
    answered: bool,
    /// It claims a role without its permission: no controller gets it.
    barred: bool,
    /// Its time is over then.
    ends: Instant,
    /// The states it was in.
    was: Vec<v1::PriorityState>,
}

impl Priorities {
    /// None yet, at those of `intersections` that have signals.
    pub fn new(intersections: &[Intersection]) -> Self {
        let with_signals = intersections.iter().filter(|one| !one.groups.is_empty());
        let intersections: Vec<_> = with_signals.map(|one| (one.id, one.region)).collect();
        let status = vec![
            Status { next: Instant::FAR_FUTURE, last: None, named: false, turn: 0 };
            intersections.len()
        ];
        Self { intersections, requests: Vec::new(), status, lines: Vec::new(), log: PriorityLog::default() }
    }

    /// A verified request came; `controlled` tells whether a controller speaks for an intersection. One for elsewhere,
    /// or by a station whose messages are implausible, changes nothing.
    pub fn heard(
        &mut self,
        received: &Received,
        now: Instant,
        wire: WireTime,
        controlled: impl Fn(u32) -> bool,
    ) {
        let Ok(message) = v1::PriorityRequest::decode(received.payload.clone()) else { return };
        let (id, requester) = (message.intersection_id, received.id.signer);
        let here = self.intersections.contains(&(id, message.region_id));
        if !here || !received.verified || received.suspect {
            return;
        }
        let name = Name { intersection: id, requester };
        let arrival = WireTime::from_micros(message.arrival_us);
        let takes = arrival.since(wire) + Duration::from_millis(u64::from(message.duration_ms));
        let ends = now + takes.min(LONGEST) + AFTER;
        let known = self.requests.iter().position(|one| {
            (one.intersection, one.requester, one.message.request_id) == (id, requester, message.request_id)
        });
        if let Some(at) = known {
            self.requests[at].confidential |= received.confidential;
        }
        match known {
            Some(at) if message.action() == v1::PriorityAction::Cancel => {
                self.requests.remove(at);
                self.log.ended(name);
            }
            // A vehicle repeats it until it is answered.
            Some(at) if same(&self.requests[at].message, &message) => return,
            Some(at) => {
                let known = &mut self.requests[at];
                known.message = v1::PriorityRequest { action: v1::PriorityAction::Update as i32, ..message };
                known.ends = ends;
            }
            None if message.action() == v1::PriorityAction::Cancel => return,
            None => {
                let permitted = role_permitted(message.role(), Permissions(received.permissions));
                let state =
                    if permitted { v1::PriorityState::Processing } else { v1::PriorityState::Rejected };
                let new = Request {
                    intersection: id,
                    requester,
                    message,
                    confidential: received.confidential,
                    state,
                    expected: None,
                    told: false,
                    answer_by: now + if controlled(id) { CONTROLLER_ANSWERS } else { NOBODY_ANSWERS },
                    answered: !permitted,
                    barred: !permitted,
                    ends,
                    was: Vec::new(),
                };
                if !self.admit(new) {
                    self.log.crowded_out(name);
                    return;
                }
                self.log.asked(name, &message, arrival.since(wire).as_secs_f64());
                if let Some(new) = self.requests.last_mut().filter(|_| !permitted) {
                    new.stands(state, None, Cause::NotPermitted, &mut self.log);
                }
                return self.changed(id, now);
            }
        }
        // A change or the end of a request the controller knows.
        let barred = known.and_then(|at| self.requests.get(at)).is_some_and(|one| one.barred);
        if controlled(id) && !barred {
            let arrival_s = arrival.since(wire).as_secs_f64();
            self.lines.push((id, request_line(id, requester, &message, arrival_s)));
        }
        self.changed(id, now);
    }

    /// Takes a request in; when there is no room, in place of a less urgent one.
    fn admit(&mut self, new: Request) -> bool {
        let mine = self.requests.iter().filter(|one| one.requester == new.requester).count();
        if mine >= MOST_OF_ONE {
            return false;
        }
        let here = |one: &&Request| one.intersection == new.intersection;
        if self.requests.iter().filter(here).count() >= MOST {
            let least = self.requests.iter().enumerate().filter(|(_, one)| here(one));
            let Some((at, least)) = least.max_by_key(|(_, one)| urgency(one)) else { return false };
            if urgency(least) <= urgency(&new) {
                return false;
            }
            let least = self.requests.remove(at);
            self.log.crowded_out(least.name());
        }
        self.requests.push(new);
        true
    }

    /// The controller reported the state of requests at an intersection. Returns how many it named that are not known.
    pub fn answered(&mut self, intersection: u32, answers: &[Answer], now: Instant, wire: WireTime) -> usize {
        let mut unknown = 0;
        for answer in answers {
            let known = self.requests.iter_mut().find(|one| {
                one.intersection == intersection
                    && one.requester == answer.requester
                    && one.message.request_id == u32::from(answer.request)
            });
            let Some(known) = known else {
                unknown += 1;
                continue;
            };
            let expected = answer.expected_s.map(|seconds| wire + Duration::from_secs_f64(seconds));
            // Given in seconds from now, an expected time moves with every line; only a larger move is a change.
            let moved = match (known.expected, expected) {
                (Some(before), Some(after)) => {
                    before.since(after).max(after.since(before)) > Duration::from_millis(500)
                }
                (before, after) => before.is_some() != after.is_some(),
            };
            known.answered = true;
            if known.state != answer.state || moved {
                if known.state != answer.state {
                    known.stands(answer.state, answer.expected_s, Cause::Controller, &mut self.log);
                }
                known.expected = expected;
                self.changed(intersection, now);
            }
        }
        unknown
    }

    /// Passes requests that the controller does not know to it, as soon as one speaks.
    pub fn tell(&mut self, now: Instant, wire: WireTime, controlled: impl Fn(u32) -> bool) {
        for one in self.requests.iter_mut().filter(|one| !one.told && !one.answered) {
            if controlled(one.intersection) {
                one.told = true;
                one.answer_by = one.answer_by.max(now + CONTROLLER_ANSWERS);
                let arrival = WireTime::from_micros(one.message.arrival_us).since(wire).as_secs_f64();
                let line = request_line(one.intersection, one.requester, &one.message, arrival);
                self.lines.push((one.intersection, line));
            }
        }
    }

    /// No controller speaks for an intersection any longer: earlier answers no longer apply.
    pub fn abandoned(&mut self, intersection: u32, now: Instant) {
        let here = |one: &&mut Request| one.intersection == intersection && !one.barred && now < one.ends;
        let mut any = false;
        for one in self.requests.iter_mut().filter(here) {
            if one.state != v1::PriorityState::Processing {
                one.stands(v1::PriorityState::Processing, None, Cause::NoAnswer, &mut self.log);
            }
            one.expected = None;
            (one.told, one.answered, one.answer_by) = (false, false, now + NOBODY_ANSWERS);
            any = true;
        }
        if any {
            self.changed(intersection, now);
        }
    }

    /// When [`due`](Self::due) has something to do next.
    pub fn next_due(&self) -> Option<Instant> {
        let status = self.status.iter().map(|status| status.next);
        let over = self.requests.iter().map(Request::next);
        status.chain(over).filter(|next| *next < Instant::FAR_FUTURE).min()
    }

    /// The answers due at `now`, for `say`.
    pub fn due(&mut self, now: Instant, mut say: impl FnMut(SendRequest)) {
        let mut changed = Vec::new();
        for one in &mut self.requests {
            if now >= one.ends && one.state != v1::PriorityState::MaxPresence {
                one.stands(v1::PriorityState::MaxPresence, None, Cause::Controller, &mut self.log);
                (one.answered, one.expected) = (true, None);
                changed.push(one.intersection);
            } else if !one.answered && now >= one.answer_by {
                one.stands(v1::PriorityState::Rejected, None, Cause::NoAnswer, &mut self.log);
                one.answered = true;
                changed.push(one.intersection);
            }
        }
        let before = self.requests.len();
        self.requests.retain(|one| now < one.ends + LINGER);
        if self.requests.len() < before {
            changed.extend(self.intersections.iter().map(|(id, _)| *id));
        }
        for id in changed {
            self.changed(id, now);
        }
        for (&(id, region), status) in self.intersections.iter().zip(&mut self.status) {
            if now < status.next {
                continue;
            }
            let here = || self.requests.iter().filter(|one| one.intersection == id);
            let due = status.next;
            status.last = Some(now);
            status.next =
                if here().next().is_some() { next_after(due, EVERY, now) } else { Instant::FAR_FUTURE };
            let answers = |to: Option<Digest>, answers: Vec<v1::PriorityAnswer>| {
                let payload = v1::PriorityStatus { intersection_id: id, region_id: region, answers };
                let payload = payload.encode_to_vec();
                let status =
                    request(v1::MessageType::PriorityStatus, Class::D4, id, LIFETIME_MS, due, payload);
                let stations = to.into_iter().collect();
                SendRequest { to: to.map(|_| Recipients { stations, required: false }), ..status }
            };
            let open: Vec<_> = here().filter(|one| !one.confidential).map(Request::answer).collect();
            let named = !open.is_empty();
            if core::mem::replace(&mut status.named, named) || named {
                say(answers(None, open));
            }
            let mut sealed: Vec<_> = here().filter(|one| one.confidential).map(|one| one.requester).collect();
            sealed.sort_unstable();
            sealed.dedup();
            for turn in 0..sealed.len().min(SEALED_AT_ONCE) {
                let requester = sealed[(status.turn + turn) % sealed.len()];
                let own = here().filter(|one| one.confidential && one.requester == requester);
                say(answers(Some(requester), own.map(Request::answer).collect()));
            }
            if sealed.len() > SEALED_AT_ONCE {
                status.turn = (status.turn + SEALED_AT_ONCE) % sealed.len();
                status.next = status.next.min(now + LEAST);
            }
        }
    }

    /// Lines for the controllers of intersections since the last call.
    pub fn take_lines(&mut self) -> Vec<(u32, String)> {
        core::mem::take(&mut self.lines)
    }

    /// What is worth a line each for people since the last call.
    pub fn take_news(&mut self) -> Vec<String> {
        self.log.take_lines()
    }

    /// The requests so far.
    pub fn counts(&self) -> PriorityCounts {
        self.log.counts
    }

    /// An answer changed: it is sent at once, but not more than a few times a second.
    fn changed(&mut self, intersection: u32, now: Instant) {
        let at = self.intersections.iter().position(|(id, _)| *id == intersection);
        if let Some(status) = at.and_then(|at| self.status.get_mut(at)) {
            let soon = status.last.map_or(now, |last| now.max(last + LEAST));
            status.next = status.next.min(soon);
        }
    }
}

impl Request {
    fn answer(&self) -> v1::PriorityAnswer {
        v1::PriorityAnswer {
            requester: Bytes::copy_from_slice(&self.requester.0),
            request_id: self.message.request_id,
            state: self.state as i32,
            expected_us: self.expected.map(WireTime::as_micros),
        }
    }

    fn name(&self) -> Name {
        Name { intersection: self.intersection, requester: self.requester }
    }

    fn stands(
        &mut self,
        state: v1::PriorityState,
        expected_s: Option<f64>,
        cause: Cause,
        log: &mut PriorityLog,
    ) {
        self.state = state;
        let first = !self.was.contains(&state);
        if first {
            self.was.push(state);
        }
        log.stands(self.name(), state, expected_s, cause, first);
    }

    fn next(&self) -> Instant {
        let over = if self.state == v1::PriorityState::MaxPresence { self.ends + LINGER } else { self.ends };
        if self.answered { over } else { over.min(self.answer_by) }
    }
}

/// Whether a request contains nothing new.
fn same(one: &v1::PriorityRequest, other: &v1::PriorityRequest) -> bool {
    let moved = one.arrival_us.abs_diff(other.arrival_us);
    let rest = |message: &v1::PriorityRequest| v1::PriorityRequest {
        action: 0,
        arrival_us: 0,
        speed: None,
        heading: None,
        ..*message
    };
    moved < ARRIVAL_MOVED_US && rest(one) == rest(other)
}

/// Roles that need a permission beside the one to ask at all.
fn role_permitted(role: v1::PriorityRole, permissions: Permissions) -> bool {
    match role {
        v1::PriorityRole::Emergency => permissions.contains(Permissions::EMERGENCY),
        v1::PriorityRole::PublicTransport => permissions.contains(Permissions::PUBLIC_TRANSPORT),
        _ => true,
    }
}

/// Smaller is more urgent: emergency vehicles, then public transport, then others; importance within a role.
fn urgency(one: &Request) -> (bool, bool, i32, u32) {
    let role = one.message.role();
    let rank = match role {
        v1::PriorityRole::Emergency => 0,
        v1::PriorityRole::PublicTransport => 1,
        _ => 2,
    };
    let over = matches!(one.state, v1::PriorityState::MaxPresence);
    (
        over,
        one.state == v1::PriorityState::Rejected,
        rank,
        14_u32.saturating_sub(one.message.importance.unwrap_or(0)),
    )
}

/// How often answers are sent while there are requests.
const EVERY: Duration = Duration::from_secs(1);
/// And how often at most, when they change: receivers take 30 messages of D4 a second from one station, and signal
/// states need them.
const LEAST: Duration = Duration::from_millis(500);
const LIFETIME_MS: u32 = 1_000;
/// Sealed answers sent in one go, half a second apart: beside a controller's states at 10 Hz they stay within the rate of D4.
const SEALED_AT_ONCE: usize = 4;
/// Requests at one intersection: as many as one answer holds (`v2x.v1.PriorityStatus`).
const MOST: usize = 32;
/// Requests of one station, so that none fills the room of all others.
const MOST_OF_ONE: usize = 4;
/// A request reaches no further ahead than this.
const LONGEST: Duration = Duration::from_secs(120);
/// A vehicle that is late by this is still coming.
const AFTER: Duration = Duration::from_secs(5);
/// How long the end of a request is repeated.
const LINGER: Duration = Duration::from_secs(3);
const NOBODY_ANSWERS: Duration = Duration::from_secs(3);
const CONTROLLER_ANSWERS: Duration = Duration::from_secs(10);
/// A vehicle's guess of its arrival wanders; this much is news to a controller.
const ARRIVAL_MOVED_US: u64 = 1_000_000;

#[cfg(test)]
mod tests;
