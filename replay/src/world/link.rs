//! Frames from a node to its transmitter and on to the medium.

use v2x_core::{Input, Instant, Transmit};

use super::World;
use super::station::Station;

impl World {
    /// A node lets a frame go.
    pub(super) fn transmit(&mut self, station: u32, now_ns: u64, frame: Transmit) {
        let frames = self.medium.transmitter_frames().max(1);
        let transmitter = &mut self.stations[station as usize].transmitter;
        if transmitter.held >= frames || !transmitter.waiting.is_empty() {
            transmitter.waiting.push_back(frame);
        } else if self.hand_over(station, now_ns, &frame) {
            self.stations[station as usize].transmitter.held += 1;
        }
    }

    /// A frame of a station is on the air to its last bit: there is room for another one.
    pub(super) fn ended(&mut self, station: u32, now_ns: u64) {
        let frames = self.medium.transmitter_frames().max(1);
        let transmitter = &mut self.stations[station as usize].transmitter;
        transmitter.held = transmitter.held.saturating_sub(1);
        while self.stations[station as usize].transmitter.held < frames {
            let Some(frame) = self.stations[station as usize].transmitter.waiting.pop_front() else { break };
            if frame.expires <= Instant::from_nanos(now_ns) {
                self.journal.expired(&frame);
            } else if self.hand_over(station, now_ns, &frame) {
                self.stations[station as usize].transmitter.held += 1;
            }
        }
        self.tell_of_room(station, now_ns);
    }

    /// A node that was told of a full transmitter learns that there is room again; while it is busy, later.
    pub(super) fn tell_of_room(&mut self, station: u32, now_ns: u64) {
        let frames = self.medium.transmitter_frames().max(1);
        let Station { transmitter, work, .. } = &mut self.stations[station as usize];
        if transmitter.told_full && transmitter.held < frames && !work.in_progress {
            transmitter.told_full = false;
            self.input(station, now_ns, Input::Link { ready: true });
        }
    }
}
