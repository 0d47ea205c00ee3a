//! Signal states: ten times a second (SAE CTI 4501) by a fixed-time plan, or as the controller last reported,
//! and only while it keeps reporting.

use core::time::Duration;

use prost::Message as _;
use v2x_core::{Instant, SendRequest, WireTime};
use v2x_proto::{Class, v1};

use super::client::ClientId;
use super::line::{ControllerState, LeftOut, LineError};
use super::message::{next_after, request};
use super::plan;
use super::second_speaker::{Phases, SecondSpeakers};
use crate::roadside::content::Intersection;

/// The signals of all intersections of a unit.
#[derive(Clone, Debug)]
pub struct Signals {
    all: Vec<Signal>,
    news: Vec<String>,
}

/// The signals of one intersection.
#[derive(Clone, Debug)]
struct Signal {
    intersection: Intersection,
    /// When it is to be sent next.
    next: Instant,
    /// When it was last sent.
    last: Option<Instant>,
    /// `None`: it follows its plan.
    live: Option<Live>,
}

/// What a controller reports about an intersection.
#[derive(Clone, Debug)]
struct Live {
    state: v1::SignalState,
    /// The client that speaks for the intersection, until it leaves or falls silent.
    speaker: Option<ClientId>,
    /// The others that report something about it.
    others: SecondSpeakers,
    /// The state may be sent until then.
    until: Instant,
    silent: bool,
    /// When the present silence began.
    since: Instant,
    silences: u64,
    /// Those of them in which lines came that were refused, and whether the present one is such.
    refusals: u64,
    refusing: bool,
    silence: Duration,
    /// When a line about it was last refused, and why.
    refused: Option<(Instant, String)>,
}

impl Signals {
    /// Those of the `intersections` that have any; `fed`: a controller reports what they show, else their plans decide.
    pub fn new(intersections: &[Intersection], fed: bool, now: Instant) -> Self {
        let live = || Live {
            state: v1::SignalState::default(),
            speaker: None,
            others: SecondSpeakers::default(),
            until: now + STALE,
            silent: false,
            since: now,
            silences: 0,
            refusals: 0,
            refusing: false,
            silence: Duration::ZERO,
            refused: None,
        };
        let signal = |one: &Intersection| Signal {
            intersection: one.clone(),
            next: if fed { Instant::FAR_FUTURE } else { now },
            last: None,
            live: fed.then(live),
        };
        let all = intersections.iter().filter(|one| !one.groups.is_empty()).map(signal).collect();
        Self { all, news: Vec::new() }
    }

    /// When [`due`](Self::due) has something to do next.
    pub fn next_due(&self) -> Option<Instant> {
        self.all.iter().map(Signal::next_due).filter(|next| *next < Instant::FAR_FUTURE).min()
    }

    /// The states due at `now`, which is `wire` on the air, for `say`. A late call sends the newest once.
    pub fn due(&mut self, now: Instant, wire: WireTime, mut say: impl FnMut(SendRequest)) {
        for signal in self.all.iter_mut().filter(|signal| signal.next_due() <= now) {
            if let Some(live) = signal.live.as_mut().filter(|live| now >= live.until) {
                // What it shows now is unknown here.
                signal.next = Instant::FAR_FUTURE;
                if !live.silent {
                    (live.silent, live.since, live.speaker) = (true, live.until, None);
                    live.silences += 1;
                    let id = signal.intersection.id;
                    let refused = live.refused.take().filter(|(when, _)| now.since(*when) <= STALE);
                    live.refusing = refused.is_some();
                    live.refusals += u64::from(live.refusing);
                    let why = match refused {
                        Some((_, why)) => format!("the lines of its controller are refused ({why})"),
                        None if live.state.groups.is_empty() => "its controller is silent".to_owned(),
                        None => "nothing from its controller for 1 s".to_owned(),
                    };
                    let then = if live.state.groups.is_empty() {
                        "so no signal states are sent"
                    } else {
                        "signal states stop"
                    };
                    self.news.push(format!("intersection {id}: {why}, {then}"));
                }
                continue;
            }
            if let Some(live) = signal.live.as_mut().filter(|live| live.others.is_contested()) {
                live.compare(now);
                if live.others.is_contested() {
                    // Nobody can tell what it shows, until one of them is silent.
                    signal.next = Instant::FAR_FUTURE;
                    continue;
                }
                signal.next = now;
            }
            let due = signal.next;
            let state = match &signal.live {
                None => plan::signal_state(&signal.intersection, wire).encode_to_vec(),
                Some(live) => live.state.encode_to_vec(),
            };
            signal.last = Some(now);
            signal.next = next_after(due, INTERVAL, now);
            let subject = signal.intersection.id;
            say(request(v1::MessageType::SignalState, Class::D4, subject, LIFETIME_MS, due, state));
        }
    }

    /// A controller reported what an intersection's signals show. Returns the groups that were left out because the
    /// intersection does not have them.
    ///
    /// # Errors
    /// Why it is refused, and what would be accepted.
    pub fn heard(
        &mut self,
        client: ClientId,
        intersection: u32,
        mut state: ControllerState,
        now: Instant,
        wire: WireTime,
    ) -> Result<Vec<LeftOut>, LineError> {
        let signal = find(&mut self.all, intersection)?;
        let Some(live) = &mut signal.live else {
            let why = format!("intersection {intersection} goes by its fixed-time plan");
            return Err(LineError::Refused(why));
        };
        let alive = now < live.until && !live.silent;
        let first = live.speaker.filter(|speaker| alive && *speaker != client);
        let news = &mut self.news;
        let mut refuse = |why: String| {
            if live.silent && !live.refusing {
                // It was told to be silent, and is not.
                live.refusing = true;
                live.refusals += 1;
                news.push(format!(
                    "intersection {intersection}: the lines of its controller are refused ({why}), so no signal states \
                     are sent"
                ));
            }
            live.refused = Some((now, why.clone()));
            Err(LineError::Refused(why))
        };
        let known = |group: &v1::SignalGroup| {
            signal.intersection.groups.iter().any(|one| u32::from(*one) == group.group)
        };
        let mut left_out = Vec::new();
        for unknown in state.groups.iter().filter(|group| !known(group)) {
            left_out.push(LeftOut {
                field: "unmapped group".to_owned(),
                of: format!("intersection {intersection}"),
                found: unknown.group.to_string(),
                right: "a signal group that the intersection's file names",
            });
        }
        state.groups.retain(known);
        state.groups.truncate(MOST_GROUPS);
        if state.groups.is_empty() {
            let groups: Vec<String> = signal.intersection.groups.iter().map(ToString::to_string).collect();
            return refuse(format!(
                "none of the groups is one of intersection {intersection}, which has {}",
                groups.join(", ")
            ));
        }
        let time = match state.time {
            Ok(time) => time.unwrap_or(wire),
            Err(error) => return refuse(error.to_string()),
        };
        let age = wire.since(time);
        if age >= STALE || time.since(wire) > FUTURE {
            let (off, way) = if age >= STALE { (age, "past") } else { (time.since(wire), "future") };
            let hint = scale(off, age >= STALE)
                .map_or_else(String::new, |scale| format!(", as {scale} in place of UTC would be"));
            return refuse(format!(
                "time is {:.1} s in the {way} by this machine's clock{hint}: states are sent for 1 s from their time; \
                 leave it out for now",
                off.as_secs_f64()
            ));
        }
        if let Some(first) = first {
            live.others.hear(client, phases(&state.groups), now + (STALE - age));
            let contested = live.compare_and_tell(intersection, now, news);
            let why = if contested { "another state than" } else { "the same state as" };
            return Err(LineError::Refused(format!(
                "{client} reports {why} {first}, which speaks for intersection {intersection}: while two controllers differ no \
                 state is sent, and a second one is heard when the first has been silent for 1 s; over UDP a controller sends \
                 all from one port"
            )));
        }
        if alive && time.as_micros() < live.state.state_time_us {
            return refuse("older than the state before it: send each once, in their order".to_owned());
        }
        let first = live.state.groups.is_empty();
        let changed = phases(&live.state.groups) != phases(&state.groups);
        live.state = v1::SignalState {
            intersection_id: intersection,
            region_id: signal.intersection.region,
            map_revision: signal.intersection.revision(),
            state_time_us: time.as_micros(),
            status: state.status,
            groups: state.groups,
        };
        if live.silent {
            let silence = now.since(live.since);
            live.silence += silence;
            self.news.push(format!(
                "intersection {intersection}: its controller reports again after {:.1} s, signal states continue",
                silence.as_secs_f64()
            ));
        } else if first {
            self.news
                .push(format!("intersection {intersection}: its controller reports, signal states begin"));
        }
        (live.silent, live.speaker, live.until) = (false, Some(client), now + (STALE - age));
        live.others.speaks(client);
        if live.compare_and_tell(intersection, now, &mut self.news) {
            return Ok(left_out);
        }
        if changed || signal.next == Instant::FAR_FUTURE {
            // News does not wait for the next of the ten, but there are never more than twenty.
            let soon = signal.last.map_or(now, |last| now.max(last + INTERVAL / 2));
            signal.next = signal.next.min(soon);
        }
        Ok(left_out)
    }

    /// A controller's connection ended: another may speak at once, unless one contradicts it; its last state is valid for its
    /// second.
    pub fn gone(&mut self, client: ClientId) {
        let all = self.all.iter_mut().filter_map(|signal| signal.live.as_mut());
        for live in all.filter(|live| !live.others.is_contested()) {
            live.speaker = live.speaker.filter(|speaker| *speaker != client);
        }
    }

    /// The client that speaks for an intersection now.
    pub fn speaker(&self, intersection: u32) -> Option<ClientId> {
        let signal = self.all.iter().find(|signal| signal.intersection.id == intersection)?;
        let live = signal.live.as_ref().filter(|live| !live.silent && !live.others.is_contested());
        live.and_then(|live| live.speaker)
    }

    /// What is worth a line each since the last call.
    pub fn take_news(&mut self) -> Vec<String> {
        core::mem::take(&mut self.news)
    }

    /// Warnings for a report about silent controllers.
    pub fn warnings(&self, now: Instant) -> impl Iterator<Item = String> {
        let with = self.all.iter().filter_map(|signal| Some((signal.intersection.id, signal.live.as_ref()?)));
        with.filter(|(_, live)| live.silences > 0).map(move |(id, live)| {
            let (present, now_too) =
                if live.silent { (now.since(live.since), ", silent now") } else { (Duration::ZERO, "") };
            let times =
                if live.silences == 1 { "once".to_owned() } else { format!("{} times", live.silences) };
            let refused = match live.refusals {
                0 => String::new(),
                refusals if refusals == live.silences => ", with lines that were refused".to_owned(),
                refusals => format!(", {refusals} of them with lines that were refused"),
            };
            format!(
                "intersection {id}: its controller was silent {times}, {:.1} s in all{now_too}{refused}",
                (live.silence + present).as_secs_f64()
            )
        })
    }

    /// Warnings for a report about controllers that contradicted each other.
    pub fn contests(&self) -> impl Iterator<Item = String> {
        let counts = self
            .all
            .iter()
            .filter_map(|signal| Some((signal.intersection.id, signal.live.as_ref()?.others.count())));
        counts.filter(|(_, count)| *count > 0).map(|(id, count)| {
            format!("intersection {id}: two controllers contradicted each other {count} times, and no states were sent meanwhile")
        })
    }
}

impl Live {
    fn compare(&mut self, now: Instant) {
        let phases = phases(&self.state.groups);
        self.others.compare(&phases, now);
    }

    /// Compares what clients report; true while they contradict each other, which is told once when it lasts.
    fn compare_and_tell(&mut self, intersection: u32, now: Instant, news: &mut Vec<String>) -> bool {
        self.compare(now);
        if let Some((first, second)) = self.speaker.zip(self.others.take_news(now)) {
            news.push(format!(
                "intersection {intersection}: {first} and {second} report different phases, so no signal states are sent; one of \
                 them has to stop"
            ));
        }
        self.others.is_contested()
    }
}

impl Signal {
    /// When it is to be sent, or its controller's silence noticed.
    fn next_due(&self) -> Instant {
        match &self.live {
            Some(live) if live.silent => Instant::FAR_FUTURE,
            Some(live) => {
                self.next.min(live.until).min(live.others.next_silence().unwrap_or(Instant::FAR_FUTURE))
            }
            None => self.next,
        }
    }
}

fn find(all: &mut [Signal], intersection: u32) -> Result<&mut Signal, LineError> {
    let known: Vec<String> = all.iter().map(|signal| signal.intersection.id.to_string()).collect();
    all.iter_mut().find(|signal| signal.intersection.id == intersection).ok_or_else(|| {
        LineError::Refused(format!(
            "no intersection {intersection} with signals here: the ids are {}",
            known.join(", ")
        ))
    })
}

/// The time that is so far off from UTC, in the `past` or in the future.
fn scale(off: Duration, past: bool) -> Option<&'static str> {
    let near = |seconds: f64| (off.as_secs_f64() - seconds).abs() < 3.0;
    match past {
        true if near(GPS_SINCE_1980_S) => Some("GPS time, which counts from 1980,"),
        false if near(TAI_AHEAD_S) => Some("TAI"),
        false if near(GPS_AHEAD_S) => Some("GPS time"),
        _ => is_local_time(off).then_some("local time"),
    }
}

/// Time zones are apart by quarters of an hour, of which halves are in use nearly everywhere; a day at most.
fn is_local_time(off: Duration) -> bool {
    let (seconds, half_hour) = (off.as_secs_f64(), 1_800.0);
    let rest = seconds % half_hour;
    seconds > half_hour - 3.0 && seconds < 86_400.0 && (rest < 3.0 || rest > half_hour - 3.0)
}

fn phases(groups: &[v1::SignalGroup]) -> Phases {
    let mut phases: Vec<_> = groups.iter().map(|group| (group.group, group.phase)).collect();
    phases.sort_unstable();
    phases
}

/// TAI is ahead of UTC by this since 2017, GPS time by 19 s less; its epoch is 1980-01-06.
const TAI_AHEAD_S: f64 = 37.0;
const GPS_AHEAD_S: f64 = TAI_AHEAD_S - 19.0;
const GPS_SINCE_1980_S: f64 = 315_964_800.0 - GPS_AHEAD_S;
const INTERVAL: Duration = Duration::from_millis(100);
/// A state older than this is the one before last.
const LIFETIME_MS: u32 = 1_000;
/// A controller silent for this long may be dead while its lamps still change.
const STALE: Duration = Duration::from_secs(1);
/// As many as one message holds (`v2x.v1.SignalState`), and as an intersection has at most.
const MOST_GROUPS: usize = 32;
/// A controller's clock may be ahead by this.
const FUTURE: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests;
