//! A vehicle's use of roadside messages: the lane it is on, the time to green there, priority, signs.
//!
//! [`Infrastructure`] is a component beside the [`Node`](v2x_core::Node), not a part of it: a vehicle's application
//! shows it every [`Event`] and every fix, and polls. So it costs the receive path nothing, nor
//! stations that do not use it (roadside units, replays of thousands). It is a state machine like the node: no clock,
//! no IO, no randomness; the same calls give the same outputs. What it sends goes through [`Input::Send`], and so is in
//! the node's recording.
//!
//! 1. After each call, take [outputs](Infrastructure::next_output) until there is nothing.
//! 2. Call [`timeout`](Infrastructure::timeout) at [`deadline`](Infrastructure::deadline); early or extra calls are
//!    harmless.
//!
//! Only verified messages of signers that are not suspect count, and what such signers contradict each other about is
//! unknown ([`intersection`] has the rule).
//!
//! [`Input::Send`]: v2x_core::Input::Send

pub mod claims;
pub mod intersection;
pub mod lane;
pub mod map;
pub mod map_matching;
pub mod priority;
pub mod refusal;
pub mod sign;
pub mod signal;
pub mod state;

use core::fmt;
use core::time::Duration;
use std::collections::VecDeque;

use arrayvec::ArrayVec;
use v2x_core::limits::MAX_FIX_AGE;
use v2x_core::{
    Event, Fix, HeldHeading, Input, Instant, NeighbourTable, Position, Received, SendRequest, WireTime,
};
use v2x_proto::Digest;
use v2x_proto::payload::{self, Message};
use v2x_proto::v1::{self, MessageType, SignalPhase};

pub use claims::Speaker;
pub use intersection::{Contest, Contested, Intersections};
pub use map_matching::LaneMatch;
pub use priority::{Ask, AskError, End, Progress};
pub use refusal::Refusal;
pub use signal::{Ends, Showing, Signal, SpeedWindow, Unknown, Violation};
pub use v2x_proto::IntersectionId;

use crate::application::Application;
use crate::limits;
use crate::moment::Moment;
use map_matching::Matcher;
use priority::{Approach, Request, Requests, Step};
use sign::Signs;

/// A vehicle's view of roadside infrastructure.
#[derive(Clone, Debug)]
pub struct Infrastructure {
    intersections: Intersections,
    matcher: Matcher,
    signs: Signs,
    requests: Requests,
    fix: Option<Fix>,
    heading: HeldHeading,
    told: Option<Told>,
    /// The two intersections that claim the vehicle's lane, when that was told.
    rivals_told: Option<(IntersectionId, IntersectionId)>,
    outputs: VecDeque<Output>,
    refusals: [u64; Refusal::ALL.len()],
}

/// One output.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Hand this to the node.
    Send(SendRequest),
    /// For the application.
    News(News),
}

/// Something a driver may want to know.
#[derive(Clone, Debug, PartialEq)]
pub enum News {
    /// The lane, or what a signal for it shows, changed; `None`: no longer on a known lane, or without a position.
    /// That a state became stale is reported once, as [`Unknown::Stale`].
    Lane(Option<Box<Advice>>),
    /// A sign came into force, was revised in force, or is no longer in force.
    Sign {
        /// The signer that posted it.
        signer: Digest,
        /// Its content.
        info: v1::SignInfo,
        /// Whether it is in force.
        in_force: bool,
    },
    /// One of the station's requests for priority changed state.
    Priority {
        /// Which intersection's.
        intersection: IntersectionId,
        /// Its state.
        progress: Progress,
    },
    /// Signers contradict each other about an intersection, and what they say of it counts as unknown. Told once, and again
    /// when it goes on for long.
    Contest(Box<Contest>),
}

/// The lane a vehicle is on and the signals for it, at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Advice {
    /// The lane; the distance is carried on from the last fix by the speed.
    pub lane: LaneMatch,
    /// One for each way on that has a group of signals.
    pub signals: ArrayVec<Signal, 16>,
    /// Own speed, m/s.
    pub speed_mps: Option<f64>,
    /// Speed limit by the map, m/s.
    pub speed_limit_mps: Option<f64>,
}

/// What was last reported of the lane; figures that only count down are no news.
#[derive(Clone, Debug, PartialEq)]
struct Told {
    intersection: IntersectionId,
    lane: u8,
    shows: ArrayVec<(u8, Result<SignalPhase, Unknown>), 16>,
}

impl Infrastructure {
    /// Knows nothing yet. `own` is the station's digest.
    #[must_use]
    pub fn new(own: Digest) -> Self {
        Self {
            intersections: Intersections::default(),
            matcher: Matcher::default(),
            signs: Signs::default(),
            requests: Requests::new(own),
            fix: None,
            heading: HeldHeading::default(),
            told: None,
            rivals_told: None,
            outputs: VecDeque::new(),
            refusals: [0; Refusal::ALL.len()],
        }
    }

    /// Requests for priority are sent sealed or not at all; else open where the unit's credential has no encryption key.
    pub fn require_seal(&mut self, required: bool) {
        self.requests.require_seal(required);
    }

    /// Takes an event of the node; most are ignored at the cost of one comparison.
    pub fn event(&mut self, event: &Event, at: Moment) {
        match event {
            Event::Received(received) if concerns(received.message_type) => {
                if let Err(refusal) = self.hear(received, at) {
                    let index = Refusal::ALL.iter().position(|known| *known == refusal);
                    self.refusals[index.expect("ALL has every refusal")] += 1;
                }
                self.tell_contests(at);
                self.tell_lane(at);
            }
            Event::PseudonymChanged { new, .. } => {
                let Self { requests, outputs, .. } = self;
                requests.pseudonym_changed(*new, &mut |step| take(outputs, step));
                self.timeout(at);
            }
            _ => {}
        }
    }

    /// Takes the next position, or its loss.
    pub fn fix(&mut self, fix: Option<&Fix>, at: Moment) {
        let fix = fix.map(|fix| self.heading.held(fix));
        let fix = fix.as_ref();
        self.fix = fix.copied();
        self.intersections.expire(at.now);
        self.matcher.fix(fix, &self.intersections);
        self.tell_rivals();
        let Self { requests, intersections, matcher, signs, outputs, .. } = self;
        requests.approach(at.now, |request| approach(request, fix, matcher.matched(), intersections));
        signs.look(fix, at.wire, |posted| {
            let news = News::Sign {
                signer: posted.signer(),
                info: posted.info().clone(),
                in_force: posted.in_force(),
            };
            push(outputs, Output::News(news));
        });
        signs.expire(at.now, at.wire);
        self.timeout(at);
    }

    /// Does what is due at `at`.
    pub fn timeout(&mut self, at: Moment) {
        let Self { requests, outputs, fix, .. } = self;
        requests.step(at, fix.as_ref(), &mut |step| take(outputs, step));
        self.intersections.expire(at.now);
        self.tell_lane(at);
    }

    /// When [`timeout`](Self::timeout) has something to do, as far as that is a matter of time.
    #[must_use]
    pub fn deadline(&self, at: Moment) -> Option<Instant> {
        let turn = |wire: WireTime| {
            let turn = wire + Duration::from_micros(1);
            (turn > at.wire).then(|| at.now + turn.since(at.wire))
        };
        let told = self.told.as_ref().and_then(|told| self.intersections.find(told.intersection));
        let stale = told
            .and_then(|entry| entry.state())
            .and_then(|state| turn(state.time() + limits::MAX_SIGNAL_AGE));
        let silent = told.and_then(|entry| entry.next_silence()).filter(|silent| *silent > at.now);
        let lost = self.told.as_ref().and(self.fix).and_then(|fix| turn(fix.time + MAX_FIX_AGE));
        [self.requests.deadline(), stale, silent, lost].into_iter().flatten().min()
    }

    /// The next output, if there is one: news, and what is to be sent unless [`Application::poll`] gave it.
    pub fn next_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// The lane and its signals now; `None` without a recent fix on a known lane.
    #[must_use]
    pub fn advice(&self, wire: WireTime) -> Option<Advice> {
        let fix = self.fix.filter(|fix| wire.since(fix.time) <= MAX_FIX_AGE)?;
        let mut lane = *self.matcher.matched()?;
        let intersection = self.intersections.find(lane.intersection)?;
        let map = intersection.map()?;
        let connections = map.lane(lane.lane)?.connections();
        let speed_mps = fix.speed.map(|speed| f64::from(speed) / 100.0);
        lane.distance_m -= speed_mps.unwrap_or(0.0) * wire.since(fix.time).as_secs_f64();
        let rival = self.matcher.rival();
        let state = match intersection.state() {
            _ if rival.is_some() || intersection.is_contested() => Err(Unknown::Contested),
            state => state.ok_or(Unknown::NoState),
        };
        Some(Advice {
            lane,
            signals: connections
                .iter()
                .filter(|connection| connection.group != 0)
                .map(|connection| signal::signal(map, state, *connection, wire))
                .take(16)
                .collect(),
            speed_mps,
            speed_limit_mps: map
                .speed_limit()
                .filter(|_| rival.is_none())
                .map(|limit| f64::from(limit) / 100.0),
        })
    }

    /// Where the vehicle is, as of the last fix.
    #[must_use]
    pub fn position(&self) -> Option<Position> {
        self.fix.map(|fix| fix.position)
    }

    /// The intersections heard of.
    #[must_use]
    pub fn intersections(&self) -> &Intersections {
        &self.intersections
    }

    /// The signs heard of.
    #[must_use]
    pub fn signs(&self) -> &Signs {
        &self.signs
    }

    /// The station's requests for priority.
    #[must_use]
    pub fn requests(&self) -> &Requests {
        &self.requests
    }

    /// Messages of roadside units that changed nothing, by reason; none that are zero.
    pub fn refusals(&self) -> impl Iterator<Item = (Refusal, u64)> {
        Refusal::ALL.into_iter().zip(self.refusals).filter(|(_, count)| *count > 0)
    }

    /// Asks an intersection for priority; the request is sent as soon as the arrival can be estimated.
    ///
    /// # Errors
    /// Why it was not taken.
    pub fn ask_priority(&mut self, ask: Ask, at: Moment) -> Result<(), AskError> {
        self.requests.ask(ask, at.now)?;
        let (fix, matched) = (self.fix, self.matcher.matched());
        let intersections = &self.intersections;
        self.requests.approach(at.now, |request| approach(request, fix.as_ref(), matched, intersections));
        self.timeout(at);
        Ok(())
    }

    /// Withdraws a request for priority; false when there is none for this intersection.
    pub fn withdraw_priority(&mut self, intersection: IntersectionId, at: Moment) -> bool {
        let Self { requests, outputs, fix, .. } = self;
        requests.withdraw(intersection, at.now, fix.as_ref(), &mut |step| take(outputs, step))
    }

    fn hear(&mut self, received: &Received, at: Moment) -> Result<(), Refusal> {
        if !received.verified || received.suspect {
            return Err(Refusal::NotTrusted);
        }
        let signer = received.id.signer;
        let speaker = Speaker { signer, place: received.position };
        match payload::decode(received.message_type, received.payload.clone()) {
            Ok(Message::IntersectionMap(map)) => self.intersections.hear_map(&map, speaker, at.now),
            Ok(Message::SignalState(state)) => {
                let id = IntersectionId { region: state.region_id as u16, number: state.intersection_id };
                let believed = self.intersections.hear_state(state, speaker, at);
                if believed == Err(Refusal::Contested) {
                    let Self { requests, outputs, .. } = self;
                    requests.doubt(id, &mut |step| take(outputs, step));
                }
                believed
            }
            Ok(Message::SignInfo(info)) => {
                if let Some(gone) = self.signs.hear(info, signer, at.now)? {
                    let news =
                        News::Sign { signer: gone.signer(), info: gone.info().clone(), in_force: false };
                    push(&mut self.outputs, Output::News(news));
                }
                Ok(())
            }
            Ok(Message::PriorityStatus(status)) => {
                let id = IntersectionId { region: status.region_id as u16, number: status.intersection_id };
                if self.intersections.find(id).is_some_and(|entry| !entry.may_answer(&signer, at.now)) {
                    return Err(Refusal::Contested);
                }
                let Self { requests, outputs, fix, .. } = self;
                match requests
                    .answered(&status, signer, at.now, fix.as_ref(), &mut |step| take(outputs, step))
                {
                    true => Err(Refusal::Contested),
                    false => Ok(()),
                }
            }
            _ => Err(Refusal::NotForVehicles),
        }
    }

    fn tell_contests(&mut self, at: Moment) {
        while let Some(contest) = self.intersections.take_contest(at.now) {
            push(&mut self.outputs, Output::News(News::Contest(Box::new(contest))));
        }
    }

    /// Two maps lay lanes over the vehicle's way: told once for each two.
    fn tell_rivals(&mut self) {
        let Some((matched, rival)) = self.matcher.matched().zip(self.matcher.rival()) else { return };
        let both = (matched.intersection, rival);
        if self.rivals_told.replace(both) == Some(both) {
            return;
        }
        let drawn = [both.0, both.1].into_iter().filter_map(|id| self.intersections.find(id));
        let between = drawn.filter_map(|entry| entry.drawn_by().next()).collect();
        let contest = Contest { intersection: both.0, about: Contested::Lane, between };
        push(&mut self.outputs, Output::News(News::Contest(Box::new(contest))));
    }

    fn tell_lane(&mut self, at: Moment) {
        let advice = self.advice(at.wire);
        let telling = advice.as_ref().map(|advice| Told {
            intersection: advice.lane.intersection,
            lane: advice.lane.lane,
            shows: advice
                .signals
                .iter()
                .map(|signal| (signal.connection.to, signal.shows.map(|showing| showing.phase)))
                .collect(),
        });
        if telling != self.told {
            self.told = telling;
            push(&mut self.outputs, Output::News(News::Lane(advice.map(Box::new))));
        }
    }
}

impl Application for Infrastructure {
    fn event(&mut self, event: &Event, at: Moment) {
        Infrastructure::event(self, event, at);
    }

    fn fix(&mut self, fix: Option<&Fix>, _neighbours: &NeighbourTable, at: Moment) {
        Infrastructure::fix(self, fix, at);
    }

    fn deadline(&self, at: Moment) -> Option<Instant> {
        let waiting = self.outputs.iter().any(|output| matches!(output, Output::Send(_)));
        if waiting { Some(at.now) } else { Infrastructure::deadline(self, at) }
    }

    fn poll(&mut self, at: Moment) -> Option<Input> {
        if Infrastructure::deadline(self, at).is_some_and(|due| due <= at.now) {
            self.timeout(at);
        }
        let next = self.outputs.iter().position(|output| matches!(output, Output::Send(_)))?;
        match self.outputs.remove(next) {
            Some(Output::Send(request)) => Some(Input::Send(request)),
            _ => None,
        }
    }
}

impl Advice {
    /// The speeds at which the stop line is passed in green whichever way on is taken, up to the map's limit, or up to
    /// the vehicle's speed where the map has none. See [`Showing::green_window`].
    #[must_use]
    pub fn green_window(&self) -> Option<SpeedWindow> {
        let limit = self.speed_limit_mps.or(self.speed_mps)?;
        let mut windows =
            self.signals.iter().map(|signal| signal.shows.ok()?.green_window(self.lane.distance_m, limit));
        let first = windows.next()??;
        let window = windows.try_fold(first, |both, window| {
            let window = window?;
            Some(SpeedWindow {
                min_mps: both.min_mps.max(window.min_mps),
                max_mps: both.max_mps.min(window.max_mps),
            })
        })?;
        (window.min_mps <= window.max_mps).then_some(window)
    }

    /// Whether the vehicle crosses at red, at its speed, whichever way on it takes. See [`Showing::violation`].
    #[must_use]
    pub fn violation(&self) -> Option<Violation> {
        let speed = self.speed_mps?;
        let mut all =
            self.signals.iter().map(|signal| signal.shows.ok()?.violation(self.lane.distance_m, speed));
        let first = all.next()??;
        all.all(|violation| violation.is_some()).then_some(first)
    }

    /// The red-light warning, for a driver who would have had to brake by now: `red light ahead: braking needs 4.5
    /// m/s^2`. See [`Violation::is_imminent`].
    #[must_use]
    pub fn red_light_warning(&self) -> Option<String> {
        let violation = self.violation().filter(Violation::is_imminent)?;
        Some(format!("red light ahead: braking needs {:.1} m/s^2", violation.deceleration))
    }
}

impl Advice {
    /// The same as [`Display`](fmt::Display), on lines of at most `columns` where its parts allow it; those after the
    /// first are indented.
    #[must_use]
    pub fn lines(&self, columns: usize) -> Vec<String> {
        let mut lines = vec![String::new()];
        for part in self.parts() {
            let last = lines.last_mut().expect("invariant: there is a first line");
            if !last.is_empty() && last.chars().count() + part.trim_end().chars().count() > columns {
                last.truncate(last.trim_end().len());
                lines.push(format!("    {part}"));
            } else {
                last.push_str(&part);
            }
        }
        lines
    }

    /// What is shown for each way on, the distance, and the warning or the window. Ways of one signal state are one part.
    fn parts(&self) -> Vec<String> {
        let mut ways: Vec<(Vec<String>, &Signal)> = Vec::new();
        for signal in &self.signals {
            let to = signal.connection.to.to_string();
            match ways.iter_mut().find(|(_, known)| known.shows == signal.shows) {
                Some((lanes, _)) => lanes.push(to),
                None => ways.push((vec![to], signal)),
            }
        }
        let mut parts: Vec<_> = match &*ways {
            [] => vec!["no signal".to_owned()],
            [(_, signal)] => vec![signal.to_string()],
            _ => ways.iter().map(|(lanes, signal)| format!("to {} {signal}", lanes.join(", "))).collect(),
        };
        parts[0].insert_str(0, &format!("intersection {} lane {}: ", self.lane.intersection, self.lane.lane));
        let (last, before) = parts.split_last_mut().expect("invariant: at least one part");
        before.iter_mut().for_each(|part| part.push_str("; "));
        last.push_str(", ");
        parts.push(format!("{:.0} m to the stop line", self.lane.distance_m.max(0.0)));
        let more = self.red_light_warning().or_else(|| {
            let (min, max) = self.green_window()?.whole_kmh();
            (min <= max).then(|| format!("green window: {min} to {max} km/h"))
        });
        if let Some(more) = more {
            parts.last_mut().expect("invariant: the distance").push_str("; ");
            parts.push(more);
        }
        parts
    }
}

impl fmt::Display for Advice {
    /// `intersection 17 lane 3: red, green in 4.2 s, 63 m to the stop line; green window: 20 to 53 km/h`, or at the end
    /// [`red_light_warning`](Advice::red_light_warning). Where the ways on differ: `to 4, 5 green for 7.0 s; to 6 red,
    /// green in 4.2 s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts().iter().try_for_each(|part| f.write_str(part))
    }
}

/// On a lane: along it. Before that: the straight way to the reference of the map.
fn approach(
    request: &Request,
    fix: Option<&Fix>,
    matched: Option<&LaneMatch>,
    intersections: &Intersections,
) -> Approach {
    let id = request.ask().intersection;
    let known = intersections.find(id);
    let speakers = known.map(|entry| entry.speakers()).unwrap_or_default();
    let map = known.and_then(|entry| entry.map());
    let Some((fix, map)) = fix.zip(map) else { return Approach { speakers, ..Approach::default() } };
    let speed = fix.speed.map(|speed| (f64::from(speed) / 100.0).max(MIN_APPROACH_MPS));
    let arrival = |metres: f64| {
        let seconds = metres.max(0.0) / speed?;
        Some(fix.time + Duration::try_from_secs_f64(seconds).ok()?)
    };
    if let Some(matched) = matched.filter(|matched| matched.intersection == id) {
        let (lane, arrival) = (Some(matched.lane), arrival(matched.distance_m));
        return Approach { lane, arrival, passed: false, speakers };
    }
    let (east, north) = map.plane().offset(fix.position);
    let Some(number) = request.lane() else {
        let metres = (east * east + north * north).sqrt();
        return Approach { lane: None, arrival: arrival(metres), passed: false, speakers };
    };
    let passed = map.lane(number).is_some_and(|lane| lane.beyond_stop_line(east, north) > PASSED_M);
    Approach { lane: None, arrival: None, passed, speakers }
}

fn concerns(message_type: u32) -> bool {
    const TYPES: [u32; 4] = [
        MessageType::IntersectionMap as u32,
        MessageType::SignalState as u32,
        MessageType::SignInfo as u32,
        MessageType::PriorityStatus as u32,
    ];
    TYPES.contains(&message_type)
}

fn take(outputs: &mut VecDeque<Output>, step: Step) {
    push(
        outputs,
        match step {
            Step::Send(request) => Output::Send(request),
            Step::Progress(intersection, progress) => Output::News(News::Priority { intersection, progress }),
        },
    );
}

fn push(outputs: &mut VecDeque<Output>, output: Output) {
    if outputs.len() >= limits::MAX_NEWS {
        outputs.pop_front();
    }
    outputs.push_back(output);
}

/// A vehicle that waits in a queue arrives some time: at walking speed.
const MIN_APPROACH_MPS: f64 = 1.0;
/// Beyond the stop line by more than its antenna and the noise.
const PASSED_M: f64 = 3.0;

#[cfg(test)]
mod tests;
