//! The station's requests for priority at intersections, and the answers to them.
//!
//! A request is sent when the arrival can be estimated, again each [`RETRY`] until an answer is heard, as an update when
//! the estimate has moved by more than [`ARRIVAL_STEP`], and withdrawn when the stop line is passed. A withdrawal is
//! repeated when an answer still lists the request.
//!
//! # Who reads them
//!
//! A request says where a vehicle drives and what for. It is sealed for each signer that speaks for the intersection and has an
//! encryption key in its credential; open where one has none, unless sealing is required. An insider that speaks for the
//! intersection as well reads it too, as it could read an open one.
//!
//! # Pseudonyms
//!
//! Answers name a request by the digest that signed it. After a change of pseudonym the station cannot sign for its
//! former digest, and answers to that one would link both for an observer that sees the vehicle obey them. So they
//! no longer count: every open request is sent anew under the new digest, with numbers that start from zero again, and
//! the former one lapses at the unit by its arrival and duration.

use core::time::Duration;

use arrayvec::ArrayVec;
use bytes::Bytes;
use prost::Message as _;
use v2x_core::{Fix, Instant, Recipients, SendRequest, WireTime};
use v2x_proto::v1::{self, PriorityAction, PriorityRole, PriorityState};
use v2x_proto::{Class, Digest};

use crate::limits;
use crate::moment::Moment;
use v2x_proto::IntersectionId;

/// What the application asks an intersection for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ask {
    /// Which intersection.
    pub intersection: IntersectionId,
    /// The role; the station's credential needs the permission `priority-request`.
    pub role: PriorityRole,
    /// Lane it wants to leave by; `None` when it does not know.
    pub egress_lane: Option<u8>,
    /// Urgency within its role, 0..=14; `None`: not given.
    pub importance: Option<u8>,
    /// How long it needs the green, at most 60 s.
    pub duration: Duration,
}

/// The state of one of the station's requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Not sent yet: the arrival cannot be estimated.
    Waiting,
    /// Sent, no answer yet.
    Asked,
    /// Sent several times, and no answer for [`UNANSWERED_AFTER`]; it is still sent.
    Unanswered,
    /// Several signers answered, and contradict each other: none is believed, and it is still sent.
    Contested,
    /// What the intersection answered.
    Answered {
        /// Its state there.
        state: PriorityState,
        /// When the green signal is expected.
        expected: Option<WireTime>,
    },
    /// Closed, with the reason; it is forgotten after this.
    Ended(End),
}

/// Why one of the station's requests is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The vehicle passed the stop line.
    Passed,
    /// The application withdrew it.
    Withdrawn,
    /// The arrival could not be estimated for [`GIVE_UP`]: the vehicle went another way.
    GivenUp,
}

/// Why a request was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// There is one for this intersection.
    #[error("this intersection is already asked for priority: withdraw that request first")]
    AlreadyAsked,
    /// As many requests as there may be.
    #[error("{} requests for priority are open: withdraw one first", limits::MAX_PRIORITY_REQUESTS)]
    TooMany,
    /// No role.
    #[error("a request for priority needs a role: emergency, public transport, road works or truck")]
    NoRole,
    /// A value out of range.
    #[error("`{0}` is out of range: importance is 0..=14, duration at most 60 s, a lane 1..=255")]
    OutOfRange(&'static str),
}

/// What is known of the way to an intersection.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Approach {
    /// Lane the vehicle is on.
    pub lane: Option<u8>,
    /// When it will be at the stop line.
    pub arrival: Option<WireTime>,
    /// It is past the stop line.
    pub passed: bool,
    /// Those that speak for the intersection.
    pub speakers: Speakers,
}

/// Digests of those that speak for an intersection.
pub type Speakers = ArrayVec<Digest, { limits::MAX_CLAIMANTS }>;

/// One of the station's requests.
#[derive(Clone, Debug)]
pub struct Request {
    ask: Ask,
    progress: Progress,
    lane: Option<u8>,
    arrival: Option<WireTime>,
    /// When the arrival was last estimated, or the request made.
    estimated: Instant,
    sent: Option<SentRequest>,
    /// Those that the request is sealed for.
    speakers: Speakers,
    /// The last answer of each signer that gave one lately.
    answers: ArrayVec<Answer, { limits::MAX_CLAIMANTS }>,
}

/// What one signer answered.
#[derive(Clone, Copy, Debug)]
struct Answer {
    signer: Digest,
    state: PriorityState,
    heard: Instant,
}

/// The request as the unit knows it.
#[derive(Clone, Copy, Debug)]
struct SentRequest {
    number: u8,
    arrival: WireTime,
    first: Instant,
    last: Instant,
}

/// A withdrawn request: kept until the unit has surely heard it.
#[derive(Clone, Debug)]
struct Withdrawn {
    request: Request,
    number: u8,
    until: Instant,
    last: Instant,
    repeats_left: u8,
}

/// The station's requests, at most [`limits::MAX_PRIORITY_REQUESTS`].
#[derive(Clone, Debug)]
pub struct Requests {
    own: Digest,
    seal_required: bool,
    next_number: u8,
    open: ArrayVec<Request, { limits::MAX_PRIORITY_REQUESTS }>,
    withdrawn: ArrayVec<Withdrawn, { limits::MAX_PRIORITY_REQUESTS }>,
}

/// What a step of the requests gives.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// To be sent.
    Send(SendRequest),
    /// The state of a request changed.
    Progress(IntersectionId, Progress),
}

impl Request {
    /// What was asked.
    #[must_use]
    pub fn ask(&self) -> &Ask {
        &self.ask
    }

    /// Its state.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.progress
    }

    /// Lane it was last matched to, on the way to this intersection.
    #[must_use]
    pub fn lane(&self) -> Option<u8> {
        self.lane
    }

    /// Keeps an answer; false when another signer's of late says something else.
    fn hear(&mut self, answer: Answer) -> bool {
        self.answers.retain(|known| {
            known.signer != answer.signer && answer.heard.since(known.heard) < limits::SIGNAL_OWNER_SILENCE
        });
        let agrees = |known: &Answer| known.state == answer.state;
        let alike = self.answers.windows(2).all(|two| two[0].state == two[1].state);
        if !alike {
            return false;
        }
        if self.answers.is_full() {
            self.answers.remove(0);
        }
        self.answers.push(answer);
        self.answers.iter().all(agrees)
    }

    fn message(
        &self,
        action: PriorityAction,
        number: u8,
        arrival: WireTime,
        fix: Option<&Fix>,
        seal_required: bool,
    ) -> SendRequest {
        let IntersectionId { region, number: intersection } = self.ask.intersection;
        let request = v1::PriorityRequest {
            intersection_id: intersection,
            region_id: u32::from(region),
            request_id: u32::from(number),
            action: action as i32,
            ingress_lane: self.lane.map(u32::from),
            egress_lane: self.ask.egress_lane.map(u32::from),
            arrival_us: arrival.as_micros(),
            duration_ms: self.ask.duration.as_millis() as u32,
            role: self.ask.role as i32,
            importance: self.ask.importance.map(u32::from),
            speed: fix.and_then(|fix| fix.speed).map(|speed| u32::from(speed.min(MAX_SPEED))),
            heading: fix.and_then(|fix| fix.heading).map(|heading| u32::from(heading % 3600)),
        };
        // Nobody is asked while it is not known who speaks for the intersection, and open is out of the question.
        let known = seal_required || !self.speakers.is_empty();
        let to = known.then(|| Recipients { stations: self.speakers.clone(), required: seal_required });
        SendRequest {
            to,
            message_type: v1::MessageType::PriorityRequest as u32,
            class: Class::D4,
            lifetime_ms: LIFETIME_MS,
            max_hops: 1,
            area: None,
            // A newer message about the same request replaces a queued one; another request's does not.
            subject: intersection ^ u32::from(region).rotate_left(16) ^ u32::from(number).rotate_left(24),
            due: None,
            token: None,
            payload: Bytes::from(request.encode_to_vec()),
        }
    }
}

impl Requests {
    /// None yet, of the station with this digest.
    #[must_use]
    pub fn new(own: Digest) -> Self {
        Self { own, seal_required: false, next_number: 0, open: ArrayVec::new(), withdrawn: ArrayVec::new() }
    }

    /// Requests are sent sealed or not at all; else open where the unit's credential has no encryption key.
    pub fn require_seal(&mut self, required: bool) {
        self.seal_required = required;
    }

    /// Those that are open.
    pub fn iter(&self) -> impl Iterator<Item = &Request> {
        self.open.iter()
    }

    /// Takes a request of the application; it is sent by the next [`step`](Self::step) that can.
    ///
    /// # Errors
    /// Why it was not taken.
    pub fn ask(&mut self, ask: Ask, now: Instant) -> Result<(), AskError> {
        if ask.role == PriorityRole::Unspecified {
            return Err(AskError::NoRole);
        }
        if ask.importance.is_some_and(|importance| importance > 14) {
            return Err(AskError::OutOfRange("importance"));
        }
        if ask.duration > MAX_DURATION {
            return Err(AskError::OutOfRange("duration"));
        }
        if ask.egress_lane == Some(0) {
            return Err(AskError::OutOfRange("egress_lane"));
        }
        if self.open.iter().any(|request| request.ask.intersection == ask.intersection) {
            return Err(AskError::AlreadyAsked);
        }
        let request = Request {
            ask,
            progress: Progress::Waiting,
            lane: None,
            arrival: None,
            estimated: now,
            sent: None,
            speakers: Speakers::new(),
            answers: ArrayVec::new(),
        };
        self.open.try_push(request).map_err(|_| AskError::TooMany)
    }

    /// Withdraws a request; false when there is none.
    pub fn withdraw(
        &mut self,
        id: IntersectionId,
        now: Instant,
        fix: Option<&Fix>,
        tell: &mut impl FnMut(Step),
    ) -> bool {
        let at = self.open.iter().position(|request| request.ask.intersection == id);
        if let Some(at) = at {
            self.end(at, End::Withdrawn, now, fix, tell);
        }
        at.is_some()
    }

    /// The station signs under another digest: every open request is sent anew.
    pub fn pseudonym_changed(&mut self, new: Digest, tell: &mut impl FnMut(Step)) {
        self.own = new;
        self.next_number = 0;
        self.withdrawn.clear();
        for request in &mut self.open {
            request.sent = None;
            request.answers.clear();
            if request.progress != Progress::Waiting {
                request.progress = Progress::Waiting;
                tell(Step::Progress(request.ask.intersection, Progress::Waiting));
            }
        }
    }

    /// Takes the answers that `signer` gives for an intersection. True when one of them stands against another signer's:
    /// then neither is believed, until one of the two has been silent.
    pub fn answered(
        &mut self,
        status: &v1::PriorityStatus,
        signer: Digest,
        now: Instant,
        fix: Option<&Fix>,
        tell: &mut impl FnMut(Step),
    ) -> bool {
        let mut contested = false;
        let id = IntersectionId { region: status.region_id as u16, number: status.intersection_id };
        for answer in status.answers.iter().filter(|answer| answer.requester.as_ref() == self.own.0) {
            let state = PriorityState::try_from(answer.state).unwrap_or_default();
            let asked = |request: &Request, number: u8| {
                request.ask.intersection == id && u32::from(number) == answer.request_id
            };
            let open =
                self.open.iter_mut().find(|open| open.sent.is_some_and(|sent| asked(open, sent.number)));
            if let Some(request) = open {
                let expected = answer.expected_us.map(WireTime::from_micros);
                let alone = request.hear(Answer { signer, state, heard: now });
                contested |= !alone;
                let progress =
                    if alone { Progress::Answered { state, expected } } else { Progress::Contested };
                if request.progress != progress {
                    request.progress = progress;
                    tell(Step::Progress(id, progress));
                }
            } else if let Some(over) =
                self.withdrawn.iter_mut().find(|over| asked(&over.request, over.number))
            {
                let still_open = !matches!(state, PriorityState::Rejected | PriorityState::MaxPresence);
                if still_open && over.repeats_left > 0 && now.since(over.last) >= WITHDRAWAL_GAP {
                    over.repeats_left -= 1;
                    over.last = now;
                    let arrival = over.request.arrival.unwrap_or_default();
                    let action = PriorityAction::Cancel;
                    let seal = self.seal_required;
                    tell(Step::Send(over.request.message(action, over.number, arrival, fix, seal)));
                }
            }
        }
        contested
    }

    /// Nobody can tell who speaks for an intersection: what it answered is not known any longer.
    pub fn doubt(&mut self, id: IntersectionId, tell: &mut impl FnMut(Step)) {
        let here = |request: &&mut Request| request.ask.intersection == id;
        for request in self.open.iter_mut().filter(here) {
            if matches!(request.progress, Progress::Answered { .. }) {
                request.progress = Progress::Contested;
                tell(Step::Progress(id, Progress::Contested));
            }
        }
    }

    /// Takes what is known of the way to each intersection, with each fix.
    pub fn approach(&mut self, now: Instant, approach: impl Fn(&Request) -> Approach) {
        for request in &mut self.open {
            let way = approach(request);
            request.lane = way.lane.or(request.lane);
            if way.arrival.is_some() {
                request.arrival = way.arrival;
                request.estimated = now;
            }
            if !way.speakers.is_empty() {
                request.speakers = way.speakers;
            }
            if way.passed {
                request.progress = Progress::Ended(End::Passed);
            }
        }
    }

    /// Sends and reports what is due.
    pub fn step(&mut self, at: Moment, fix: Option<&Fix>, tell: &mut impl FnMut(Step)) {
        self.withdrawn.retain(|over| over.until > at.now);
        let mut index = 0;
        while index < self.open.len() {
            let request = &self.open[index];
            let end = match request.progress {
                Progress::Ended(end) => Some(end),
                _ if at.now.since(request.estimated) >= GIVE_UP => Some(End::GivenUp),
                _ => None,
            };
            if let Some(end) = end {
                self.end(index, end, at.now, fix, tell);
                continue;
            }
            self.send_due(index, at, fix, tell);
            index += 1;
        }
    }

    /// When [`step`](Self::step) has something to do next, as far as that is a matter of time.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let open = self.open.iter().map(|request| {
            let retry = match (request.progress, &request.sent) {
                (Progress::Asked | Progress::Unanswered | Progress::Contested, Some(sent)) => {
                    sent.last + RETRY
                }
                _ => Instant::FAR_FUTURE,
            };
            retry.min(request.estimated + GIVE_UP)
        });
        open.chain(self.withdrawn.iter().map(|over| over.until)).min()
    }

    fn send_due(&mut self, index: usize, at: Moment, fix: Option<&Fix>, tell: &mut impl FnMut(Step)) {
        let request = &mut self.open[index];
        let Some(arrival) = request.arrival.map(|arrival| arrival.max(at.wire)) else { return };
        let Some(sent) = &mut request.sent else {
            let number = self.next_number;
            self.next_number = number.wrapping_add(1);
            request.sent = Some(SentRequest { number, arrival, first: at.now, last: at.now });
            request.progress = Progress::Asked;
            tell(Step::Progress(request.ask.intersection, Progress::Asked));
            return tell(Step::Send(request.message(
                PriorityAction::Request,
                number,
                arrival,
                fix,
                self.seal_required,
            )));
        };
        if at.now.since(sent.last) < RETRY {
            return;
        }
        let moved = arrival.since(sent.arrival).max(sent.arrival.since(arrival)) > ARRIVAL_STEP;
        let action = match request.progress {
            // The unit may never have received it, and an update of an unknown request has no effect.
            Progress::Asked | Progress::Unanswered | Progress::Contested => PriorityAction::Request,
            _ if moved => PriorityAction::Update,
            _ => return,
        };
        (sent.last, sent.arrival) = (at.now, arrival);
        let (number, first) = (sent.number, sent.first);
        if request.progress == Progress::Asked && at.now.since(first) >= UNANSWERED_AFTER {
            request.progress = Progress::Unanswered;
            tell(Step::Progress(request.ask.intersection, Progress::Unanswered));
        }
        tell(Step::Send(request.message(action, number, arrival, fix, self.seal_required)));
    }

    fn end(&mut self, index: usize, end: End, now: Instant, fix: Option<&Fix>, tell: &mut impl FnMut(Step)) {
        let request = self.open.remove(index);
        tell(Step::Progress(request.ask.intersection, Progress::Ended(end)));
        let Some(SentRequest { number, arrival, .. }) = request.sent else { return };
        tell(Step::Send(request.message(PriorityAction::Cancel, number, arrival, fix, self.seal_required)));
        if self.withdrawn.is_full() {
            self.withdrawn.remove(0);
        }
        let until = now + WITHDRAWAL_TIME;
        self.withdrawn.push(Withdrawn {
            request,
            number,
            until,
            last: now,
            repeats_left: WITHDRAWAL_REPEATS,
        });
    }
}

/// A request is sent again this long after, until it is answered; updates are at least as far apart.
pub const RETRY: Duration = Duration::from_secs(1);
/// An arrival that moved by more than this is worth an update.
pub const ARRIVAL_STEP: Duration = Duration::from_secs(1);
/// Without an answer for this long the application is notified: three tries.
pub const UNANSWERED_AFTER: Duration = Duration::from_secs(3);
/// A request whose arrival could not be estimated for this long is withdrawn.
pub const GIVE_UP: Duration = Duration::from_secs(30);
/// A withdrawal is remembered for as long as answers may still list the request.
const WITHDRAWAL_TIME: Duration = Duration::from_secs(5);
/// Between two withdrawals of a request that is still listed: two answers.
const WITHDRAWAL_GAP: Duration = Duration::from_millis(200);
/// Times a withdrawal is repeated.
const WITHDRAWAL_REPEATS: u8 = 2;
/// As the schema.
const MAX_DURATION: Duration = Duration::from_secs(60);
/// A later request is better informed.
const LIFETIME_MS: u32 = 1000;
/// As the schema, 0.01 m/s.
const MAX_SPEED: u16 = 16_382;

#[cfg(test)]
mod tests;
