//! A station's turns: what is handed to its node, when what comes of it takes effect, and when it goes on.

use core::mem;

use v2x_core::{Input, Node, ReceivedFrame};

use super::foreseen::Cause;
use super::schedule::Due;
use super::{World, now};

impl World {
    pub(super) fn wake(&mut self, station: u32, now_ns: u64) {
        let state = &mut self.stations[station as usize];
        if state.wake_ns != now_ns {
            // An earlier one replaced it.
            return;
        }
        state.wake_ns = u64::MAX;
        // A processor that is busy comes to it when it is free: see `turn`.
        if state.work.in_progress {
            return;
        }
        if state.deadline_ns <= now_ns {
            self.input(station, now_ns, Input::Timeout);
        } else {
            self.schedule_wake(station);
        }
    }

    /// A station goes on with what is due: what came of the work it has done, what came while its processor was busy, then a
    /// step of its own.
    pub(super) fn turn(&mut self, station: u32, now_ns: u64) {
        let state = &mut self.stations[station as usize];
        state.turn_scheduled = false;
        if state.work.busy_until_ns > now_ns {
            return self.schedule_turn(station, now_ns);
        }
        if mem::take(&mut state.work.in_progress) {
            self.take_outputs(station, now_ns);
            self.tell_of_room(station, now_ns);
        }
        while !self.stations[station as usize].work.in_progress {
            match self.stations[station as usize].work.next(now_ns) {
                Some(input) => self.input(station, now_ns, input),
                None => {
                    self.input(station, now_ns, Input::Timeout);
                    if !self.stations[station as usize].work.has_waiting() {
                        break;
                    }
                }
            }
        }
    }

    pub(super) fn schedule_turn(&mut self, station: u32, now_ns: u64) {
        let state = &mut self.stations[station as usize];
        if !state.turn_scheduled {
            state.turn_scheduled = true;
            self.schedule.push(now_ns.max(state.work.busy_until_ns), Due::Turn(station));
        }
    }

    /// A frame reaches a station: read at once, or when its processor is free.
    pub(super) fn hand_in(&mut self, station: u32, now_ns: u64, frame: ReceivedFrame) -> bool {
        let state = &mut self.stations[station as usize];
        if state.node.is_some() && state.work.in_progress {
            return state.work.wait(frame);
        }
        self.input(station, now_ns, Input::Frame(frame));
        true
    }

    pub(super) fn schedule_wake(&mut self, station: u32) {
        let state = &mut self.stations[station as usize];
        if state.deadline_ns < state.wake_ns {
            state.wake_ns = state.deadline_ns;
            self.schedule.push(state.deadline_ns, Due::Wake(station));
        }
    }

    /// Hands an input to a node, and does what follows; when the node is at work, later.
    pub(super) fn input(&mut self, station: u32, now_ns: u64, input: Input) {
        let state = &mut self.stations[station as usize];
        if state.work.in_progress {
            return state.work.put_off(input);
        }
        if let Some(mut node) = state.node.take() {
            self.charged(station, now_ns, &mut node, input);
            self.stations[station as usize].node = Some(node);
            self.take_outputs(station, now_ns);
        }
    }

    /// Takes a node's outputs when its work is done, lets it do what is due, and schedules its wake-up.
    pub(super) fn take_outputs(&mut self, station: u32, now_ns: u64) {
        let Some(mut node) = self.stations[station as usize].node.take() else {
            return;
        };
        let frames = self.medium.transmitter_frames().max(1);
        while !self.stations[station as usize].work.in_progress {
            let mut deadline_ns = self.drain(station, now_ns, &mut node);
            if self.stations[station as usize].transmitter.tells_full(frames) {
                node.handle_input(now(now_ns), Input::Link { ready: false });
                deadline_ns = self.drain(station, now_ns, &mut node);
            }
            let state = &mut self.stations[station as usize];
            state.deadline_ns = deadline_ns;
            // Work due now runs after events scheduled earlier for this time; when there are none,
            // that is now. What came while the processor was busy goes first.
            if deadline_ns > now_ns || state.work.has_waiting() || !self.schedule.is_clear_until(now_ns) {
                break;
            }
            self.charged(station, now_ns, &mut node, Input::Timeout);
        }
        let state = &mut self.stations[station as usize];
        state.node = Some(node);
        if state.work.in_progress || state.deadline_ns <= now_ns {
            self.schedule_turn(station, now_ns);
        } else {
            self.schedule_wake(station);
        }
    }

    /// Hands an input to a node, and charges its work.
    fn charged(&mut self, station: u32, now_ns: u64, node: &mut Node, input: Input) {
        let frame = matches!(input, Input::Frame(_));
        let state = &mut self.stations[station as usize];
        let text = self.journal.transcripts();
        let foreseen = state
            .foreseen
            .as_mut()
            .is_some_and(|foreseen| foreseen.take(now(now_ns), Cause::of(&input), text));
        if !foreseen {
            state.work.meter.begin(self.processor, frame);
            node.handle_input(now(now_ns), input);
        }
        state.work.charge(self.processor, now_ns, frame);
    }
}
