//! Neighbours that come, go, or are not believed, one line each, for the operator of the daemon.
//!
//! In a town stations come and go by the hundred: a few lines are printed by name in each `WINDOW`, the rest are counted
//! in one.

use core::time::Duration;
use std::collections::VecDeque;

use v2x_core::{Check, DropReason, Dropped, Event, Instant, NeighbourTable, Suspicion, TrustLevel};
use v2x_proto::{Digest, v1};

use crate::daemon::control::view::View;
use crate::log::{Line, events};

/// What happened among the neighbours and was not printed yet.
#[derive(Debug)]
pub struct NeighbourNews {
    waiting: VecDeque<News>,
    /// Stations whose coming was printed, and their type: their going is printed too. The oldest makes room.
    named: VecDeque<(Digest, u8)>,
    /// Stations whose frames are refused, each with one reason. The oldest makes room.
    refused: VecDeque<Refused>,
    /// Lines that may still be printed in this window, and what was not.
    left: usize,
    /// None before the first call.
    window_ends: Option<Instant>,
    hidden: Hidden,
}

#[derive(Clone, Copy, Debug)]
enum News {
    Heard { digest: Digest, since: Option<Instant> },
    Lost(Digest),
    Believed(Suspicion),
    Refused(Digest, &'static str),
}

#[derive(Clone, Copy, Debug)]
struct Refused {
    digest: Digest,
    why: &'static str,
    frames: u32,
}

#[derive(Clone, Copy, Debug, Default)]
struct Hidden {
    heard: u64,
    lost: u64,
    others: u64,
}

impl Default for NeighbourNews {
    fn default() -> Self {
        // All room is taken now: nothing is allocated when a frame comes.
        Self {
            waiting: VecDeque::with_capacity(MOST_WAITING),
            named: VecDeque::with_capacity(MOST_NAMED),
            refused: VecDeque::with_capacity(MOST_REFUSED),
            left: LINES_PER_WINDOW,
            window_ends: None,
            hidden: Hidden::default(),
        }
    }
}

impl NeighbourNews {
    /// Takes an event of the station.
    pub fn event(&mut self, event: &Event) {
        match event {
            Event::NeighbourAdded(digest) => self.wait(News::Heard { digest: *digest, since: None }),
            Event::NeighbourLost(digest) => self.wait(News::Lost(*digest)),
            Event::Suspicion(suspicion) => self.wait(News::Believed(*suspicion)),
            Event::Dropped(dropped) if !dropped.way.is_afar() => self.dropped(dropped),
            _ => {}
        }
    }

    fn dropped(&mut self, dropped: &Dropped) {
        let Some((why, frames_needed)) = refusal(dropped.reason) else { return };
        let Some(claimed) = dropped.claimed else { return };
        let its = |one: &&mut Refused| one.digest == claimed.signer && one.why == why;
        let frames = match self.refused.iter_mut().find(its) {
            Some(one) => {
                one.frames = one.frames.saturating_add(1);
                one.frames
            }
            None => {
                if self.refused.len() == MOST_REFUSED {
                    self.refused.pop_front();
                }
                self.refused.push_back(Refused { digest: claimed.signer, why, frames: 1 });
                1
            }
        };
        if frames == frames_needed {
            self.wait(News::Refused(claimed.signer, why));
        }
    }

    /// What to print now, a line each. Call it about once a second.
    pub fn lines(&mut self, table: &NeighbourTable, view: &View, now: Instant) -> Vec<Line> {
        let mut lines = Vec::new();
        if self.window_ends.is_none_or(|end| now >= end) {
            if self.window_ends.is_some() {
                lines.extend(core::mem::take(&mut self.hidden).line().map(news_line));
            }
            self.window_ends = Some(now + WINDOW);
            self.left = LINES_PER_WINDOW;
        }
        for _ in 0..self.waiting.len() {
            let Some(news) = self.waiting.pop_front() else { break };
            match news {
                News::Heard { digest, since } => {
                    let Some(neighbour) = table.get(&digest) else { continue };
                    let kind = neighbour.motion().station_type;
                    let since = since.unwrap_or(now);
                    if kind == 0 && now.since(since) < BEACON_WAIT {
                        // It says what it is in its first beacon.
                        self.waiting.push_back(News::Heard { digest, since: Some(since) });
                    } else if self.may_print() {
                        self.name(digest, kind);
                        let place = view.way_from_here(neighbour.position());
                        let place = place.map_or_else(String::new, |place| format!(": {place}"));
                        lines.push(news_line(format!("heard {} {digest}{place}", kind_name(kind))));
                    } else {
                        self.hidden.heard += 1;
                    }
                }
                News::Lost(digest) => {
                    let named = self.named.iter().position(|(named, _)| *named == digest);
                    match named.and_then(|index| self.named.remove(index)) {
                        Some((_, kind)) if self.may_print() => {
                            lines.push(news_line(format!("lost {} {digest}", kind_name(kind))));
                        }
                        _ => self.hidden.lost += 1,
                    }
                }
                News::Believed(suspicion) if self.may_print() => {
                    let kind = table.get(&suspicion.digest);
                    let kind = kind.map_or(0, |neighbour| neighbour.motion().station_type);
                    lines.push(belief(kind, &suspicion));
                }
                News::Refused(digest, why) if self.may_print() => {
                    lines.push(news_line(format!("refusing station {digest}: {why}")));
                }
                News::Believed(_) | News::Refused(..) => self.hidden.others += 1,
            }
        }
        lines
    }

    fn may_print(&mut self) -> bool {
        let may = self.left > 0;
        self.left -= usize::from(may);
        may
    }

    fn name(&mut self, digest: Digest, kind: u8) {
        self.named.retain(|(named, _)| *named != digest);
        if self.named.len() == MOST_NAMED {
            self.named.pop_front();
        }
        self.named.push_back((digest, kind));
    }

    fn wait(&mut self, news: News) {
        if self.waiting.len() < MOST_WAITING {
            return self.waiting.push_back(news);
        }
        match news {
            News::Heard { .. } => self.hidden.heard += 1,
            News::Lost(_) => self.hidden.lost += 1,
            News::Believed(_) | News::Refused(..) => self.hidden.others += 1,
        }
    }
}

impl Hidden {
    fn line(self) -> Option<String> {
        let Self { heard, lost, others } = self;
        let counts = [(heard, "heard"), (lost, "lost"), (others, "refused or no longer believed")];
        let counts: Vec<_> = counts
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} more {what}"))
            .collect();
        (!counts.is_empty())
            .then(|| format!("and {} (roadcast neighbours shows the nearest)", counts.join(", ")))
    }
}

/// Why frames of a station are refused, in words, and how many must be before that is worth a line: none for reasons that
/// are no fault of the station, or that are reported elsewhere.
fn refusal(reason: DropReason) -> Option<(&'static str, u32)> {
    Some(match reason {
        DropReason::Revoked => ("its credential is revoked", 1),
        DropReason::CredentialExpired => ("its credential has expired", 1),
        DropReason::CredentialNotYetValid => {
            ("its credential is not valid yet, or its clock or ours is wrong", 1)
        }
        DropReason::CredentialRegion => ("it sends from outside its credential's region", 1),
        DropReason::CredentialSignature => ("its credential's signature is invalid", 1),
        DropReason::CredentialNesting => ("its credential claims more than its issuer may grant", 1),
        DropReason::PermissionDenied => ("its credential does not permit what it sends", 1),
        DropReason::RoleDenied => ("it claims a role that its credential does not permit", 1),
        DropReason::TestTraffic => ("one of us sends test traffic and the other does not", 1),
        DropReason::SignatureInvalid => ("the signature of a frame in its name is invalid", 1),
        // A frame may have been held up on its way; many have not.
        DropReason::FromFuture => ("its messages come from the future: its clock or ours is wrong", SEVERAL),
        DropReason::Stale => {
            ("its messages come too late: its clock or ours is wrong, or the link delays", SEVERAL)
        }
        DropReason::OutOfReach => ("it claims to be farther away than a link reaches", SEVERAL),
        _ => return None,
    })
}

fn belief(kind: u8, suspicion: &Suspicion) -> Line {
    let station = format!("{} {}", kind_name(kind), suspicion.digest);
    let why = suspicion.check.map_or("its messages are implausible", fault);
    let (kind, standing, text) = match suspicion.standing {
        TrustLevel::Trusted => {
            (&events::NEIGHBOUR_SUSPECTED, "trusted", format!("{station} is trusted again"))
        }
        TrustLevel::Suspect => {
            (&events::NEIGHBOUR_SUSPECTED, "suspect", format!("{station} is suspect: {why}"))
        }
        TrustLevel::Isolated => (
            &events::NEIGHBOUR_ISOLATED,
            "isolated",
            format!("{station} isolated, its messages are dropped from now on: {why}"),
        ),
    };
    Line::new(kind, text)
        .with("neighbour", suspicion.digest.to_string())
        .with("standing", standing)
        .with("score", suspicion.score)
}

fn news_line(text: String) -> Line {
    Line::new(&events::NEIGHBOUR_NEWS, text)
}

/// What a failed check says of a station.
fn fault(check: Check) -> &'static str {
    match check {
        Check::Range | Check::Reach => "it claims to be farther away than a link reaches",
        Check::Speed => "it claims a speed that no vehicle has",
        Check::Position => "its position jumps",
        Check::PositionSpeed => "its positions and its speed disagree",
        Check::PositionHeading => "its positions and its heading disagree",
        Check::SpeedChange => "its speed changes as no vehicle's does",
        Check::HeadingChange => "its heading changes as no vehicle's does",
        Check::Overlap => "it claims a place where another vehicle is",
        Check::SuddenAppearance => "it appeared suspiciously near",
        Check::BeaconRate => "it sends more beacons than the rules allow",
        Check::Residual => "its positions are not where its motion leads",
        Check::Braking => "it warns of hard braking and did not brake",
        Check::Copied => "it repeats another station's messages as its own",
        Check::Company => "it moves as another station's shadow",
        Check::Signal => "its signal is too strong or too weak for the place it claims",
        Check::Elsewhere => "its signal comes from another place than it claims",
    }
}

/// A type of station in a word (ETSI TS 102 894-2 `StationType`).
fn kind_name(kind: u8) -> &'static str {
    match v1::StationType::try_from(i32::from(kind)) {
        Ok(v1::StationType::Pedestrian) => "pedestrian",
        Ok(v1::StationType::Cyclist) => "cyclist",
        Ok(v1::StationType::Moped) => "moped",
        Ok(v1::StationType::Motorcycle) => "motorcycle",
        Ok(v1::StationType::PassengerCar) => "car",
        Ok(v1::StationType::Bus) => "bus",
        Ok(v1::StationType::LightTruck | v1::StationType::HeavyTruck) => "truck",
        Ok(v1::StationType::Trailer) => "trailer",
        Ok(v1::StationType::SpecialVehicle) => "special vehicle",
        Ok(v1::StationType::Tram) => "tram",
        Ok(v1::StationType::RoadsideUnit) => "roadside unit",
        _ => "station",
    }
}

/// Lines by name in each of these times: a person reads one a second.
const LINES_PER_WINDOW: usize = 10;
const WINDOW: Duration = Duration::from_secs(10);
/// News until the next second: more neighbours than that come at once only at a flood, and are counted.
const MOST_WAITING: usize = 256;
/// Stations whose going is printed: some minutes of lines.
const MOST_NAMED: usize = 64;
/// Refused stations remembered, so that each is named once.
const MOST_REFUSED: usize = 32;
/// Frames that are no longer a coincidence.
const SEVERAL: u32 = 5;
/// Beacons come at least once a second.
const BEACON_WAIT: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests;
