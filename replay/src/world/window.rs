//! Windows: what stations do in a short time ahead, worked out by all threads.
//!
//! No frame reaches anybody sooner than its airtime after it was handed over. So at any time all that can reach a station within
//! the shortest airtime is already on its way, unless somebody outside the traffic is at work: with a medium that decides
//! about frames when they are handed over, the arrivals of those; with a channel, those up to the next end of a frame in the
//! air. Together with where stations move, and when their nodes want to be woken, these inputs are certain, and the nodes' answers are
//! worked out for all stations at once ([`Share`]). The world then goes on event by event, on one thread and in its order,
//! and takes an answer that is known where it would have asked a node.
//!
//! Foreseeing ends, for one station, at any other event of it, where two things fall together, and with a frame that it
//! sends: what its transmitter says to that comes first. It ends for all at what attackers and applications do.

use core::mem;

use v2x_proto::link::{DataRate, airtime_ns};

use super::address::link_address;
use super::schedule::Due;
use super::share::{Certain, Outlook, Share};
use super::window_plan::{Expected, What, WindowPlan};
use super::{World, fix};

impl World {
    /// No frame reaches anybody sooner after it was handed over, ns.
    pub(super) fn lookahead_ns(&self) -> u64 {
        let others = self.assault.is_some() || self.radios.are_there() || self.saboteurs.are_there();
        if others { OF_ANY_NS } else { OF_NODES_NS }
    }

    /// Works out what is certain from `from_ns` on, the time of the next event, and before `until_ns`.
    pub(super) fn foresee(&mut self, from_ns: u64, until_ns: u64) {
        // What work costs a station depends on what it did before; and a fault may strike at any time.
        let certain = self.processor.is_instant() && self.troubles.is_empty();
        let Some(crew) = self.crew.take_if(|_| certain) else { return };
        let settled_ns = self.medium.settled_until_ns();
        let mut end_ns = until_ns
            .min(settled_ns)
            .min(from_ns.saturating_add(self.lookahead_ns()))
            .min(self.second_ends_ns());
        let mut plan = mem::take(&mut self.window);
        self.expect(&mut plan, &mut end_ns);
        plan.until_ns = end_ns.max(from_ns + 1);
        self.verifier.turn();
        self.share_out(&mut plan, crew.threads(), end_ns);
        if !plan.shares.is_empty() {
            let journal = &mut self.journal;
            crew.work_out(&mut plan.shares, || journal.catch_up());
            for mut share in plan.shares.drain(..) {
                for outlook in share.outlooks.drain(..) {
                    let state = &mut self.stations[outlook.station as usize];
                    state.node = outlook.node;
                    state.foreseen = Some(outlook.foreseen);
                }
                if let Some(failure) = share.failed.take() {
                    self.verifier.failed(failure);
                }
                plan.spare.push(share);
            }
        }
        self.window = plan;
        self.crew = Some(crew);
    }

    /// Collects what happens to which station.
    fn expect(&mut self, plan: &mut WindowPlan, end_ns: &mut u64) {
        plan.certain.clear();
        let certain = &mut plan.certain;
        let mut expect = |station, at_ns, what| {
            certain.push(Expected { station, order: certain.len() as u32, at_ns, what });
        };
        for (at_ns, due) in self.schedule.look_ahead(*end_ns) {
            match due {
                Due::Arrive(slot) => {
                    let flight = &self.flights[slot as usize];
                    for (arrival, (station, reception)) in
                        flight.arrivals.iter().enumerate().skip(flight.next)
                    {
                        if reception.arrival_ns >= *end_ns {
                            break;
                        }
                        let arrival = arrival as u32;
                        expect(*station, reception.arrival_ns, What::Arrival { slot, arrival });
                    }
                }
                Due::Move(station) => {
                    // An alert that goes with a place is handed in before it.
                    let plain = !self.alerting && !self.tracks[station as usize].has_signals();
                    expect(station, at_ns, if plain { What::Fix } else { What::Unknown });
                }
                Due::Wake(station) => expect(station, at_ns, What::Wake),
                Due::Leave(station) | Due::Turn(station) | Due::Ended(station) | Due::Survey(station) => {
                    expect(station, at_ns, What::Unknown);
                }
                Due::Errand(_) | Due::Attack(_) | Due::Revoke(_) | Due::Radio(_) | Due::Fault(_) => {
                    *end_ns = at_ns;
                    break;
                }
            }
        }
        // At one time in order of the events.
        plan.certain.sort_unstable_by_key(|expected| (expected.station, expected.at_ns, expected.order));
    }

    /// Makes shares of stations to which something is certain to happen; none when there is too little to do.
    fn share_out(&mut self, plan: &mut WindowPlan, threads: usize, end_ns: u64) {
        let stations = plan.certain.chunk_by(|one, other| one.station == other.station).count();
        if stations < LEAST_STATIONS {
            return;
        }
        let each = (stations / (threads * SHARES_OF_A_THREAD)).clamp(LEAST_SHARE, MOST_SHARE);
        let WindowPlan { certain, shares, spare, open, .. } = plan;
        let mut fresh = |owner| {
            let mut share: Share = spare.pop().unwrap_or_default();
            share.clear();
            share.owner = owner;
            share
        };
        let checks = self.verifier.deferred();
        if checks.len() > 0 {
            // This thread has the books to keep.
            let mut share = fresh(threads - 1);
            share.checks = checks;
            shares.push(share);
        }
        open.extend((0..threads).map(&mut fresh));
        for expected in certain.chunk_by(|one, other| one.station == other.station) {
            // Always the same: what a station has learnt lies in one processor's cache, and in one thread's part of the memory.
            let owner = expected[0].station as usize % threads;
            self.outlook(expected, &mut open[owner], end_ns);
            if open[owner].outlooks.len() >= each {
                shares.push(mem::replace(&mut open[owner], fresh(owner)));
            }
        }
        for share in open.drain(..) {
            if share.outlooks.is_empty() { spare.push(share) } else { shares.push(share) }
        }
        shares.sort_by_key(|share| share.owner);
    }

    /// Adds a station to a share, when something is certain to happen to it.
    fn outlook(&mut self, expected: &[Expected], share: &mut Share, end_ns: u64) {
        let Some(station) = expected.first().map(|expected| expected.station) else { return };
        let beside = self.saboteurs.are(station) || self.radios.are(station) || self.attacks(station);
        let frames = self.medium.transmitter_frames().max(1);
        let state = &mut self.stations[station as usize];
        if beside || state.is_foreseen() || state.transmitter.has_news(frames) {
            return;
        }
        let first = &expected[0];
        let idle = match first.what {
            What::Unknown => true,
            What::Wake => expected.len() == 1 && state.deadline_ns >= end_ns,
            What::Arrival { .. } | What::Fix => state.deadline_ns == first.at_ns,
        };
        if idle {
            return;
        }
        let Some(node) = state.node.take() else { return };
        share.add(Outlook::new(
            station,
            node,
            state.foreseen.take().unwrap_or_default(),
            state.deadline_ns,
            end_ns,
        ));
        for (index, one) in expected.iter().enumerate() {
            let at_once = |other: Option<&Expected>| {
                other.is_some_and(|other| other.at_ns == one.at_ns && !matches!(other.what, What::Wake))
            };
            let together = at_once(expected.get(index + 1)) || index > 0 && at_once(expected.get(index - 1));
            let input = match one.what {
                What::Wake => continue,
                What::Arrival { slot, arrival } if !together => {
                    let flight = &self.flights[slot as usize];
                    let reception = &flight.arrivals[arrival as usize].1;
                    let source = flight.source.unwrap_or_else(|| link_address(flight.sender));
                    Certain::Frame {
                        frame: share.frame(slot, &flight.bytes, source),
                        signal_dbm: reception.signal_dbm,
                        changed: reception.changed.clone(),
                    }
                }
                What::Fix if !together => match self.tracks[station as usize].at(one.at_ns) {
                    Some(sample) => Certain::Fix(fix(&sample)),
                    None => continue,
                },
                _ => {
                    share.ends_at(one.at_ns);
                    break;
                }
            };
            share.hand_in(one.at_ns, input);
        }
    }
}

/// The airtime of the shortest frame that anybody may send, ns, and that of what a node sends: a hop header, and a signature
/// with what it signs.
const OF_ANY_NS: u64 = airtime_ns(0, DataRate::Mbps6);
const OF_NODES_NS: u64 = airtime_ns(100, DataRate::Mbps6);
/// Fewer stations are not worth waking other threads for.
const LEAST_STATIONS: usize = 8;
/// So that threads that take longer take fewer.
const SHARES_OF_A_THREAD: usize = 3;
const LEAST_SHARE: usize = 4;
/// As many as take their steps together.
const MOST_SHARE: usize = 32;
