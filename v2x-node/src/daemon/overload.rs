//! Whether the machine keeps up with verifying what it hears: told when that ceases and when it is so again.

use core::time::Duration;
use std::collections::BTreeMap;

use v2x_core::{DropReason, Instant};

use crate::log::{Line, events};

/// Watches the drops of frames that waited for verification.
#[derive(Debug, Default)]
pub struct Overload {
    frames: u64,
    /// Since when frames are dropped, how many there were before, and when the last look found one.
    spell: Option<(Instant, u64, Instant)>,
}

impl Overload {
    /// Looks at the counts of drops by reason, once a second.
    pub fn look(&mut self, drops: &BTreeMap<&'static str, u64>, now: Instant) -> Option<Line> {
        let reasons = [DropReason::VerifyQueueFull, DropReason::VerifyTooLate];
        let frames = reasons.iter().filter_map(|reason| drops.get(reason.name())).sum();
        let before = core::mem::replace(&mut self.frames, frames);
        let more = frames > before;
        match &mut self.spell {
            None if more => {
                self.spell = Some((now, before, now));
                let text =
                    format!("{} frames dropped: more comes than this machine verifies", frames - before);
                Some(Line::new(&events::VERIFICATION_OVERLOADED, text).with("frames", frames - before))
            }
            Some((_, _, last)) if more => {
                *last = now;
                None
            }
            Some((since, before, last)) if now.since(*last) >= QUIET => {
                let (count, seconds) = (frames - *before, last.since(*since).as_secs());
                self.spell = None;
                let text =
                    format!("verification keeps up again, after {count} frames dropped in {seconds} s");
                let line = Line::new(&events::VERIFICATION_RELIEVED, text);
                Some(line.with("frames", count).with("seconds", seconds))
            }
            _ => None,
        }
    }
}

/// Without a drop for this long, the machine keeps up.
const QUIET: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_overload_is_told_when_it_begins_and_when_it_has_ended() {
        let (mut overload, mut told) = (Overload::default(), Vec::new());
        for second in 0..40 {
            let full = if second < 5 { 0 } else { second.min(20) * 10 - 40 };
            let drops = BTreeMap::from([("verify_queue_full", full), ("replayed", 1000 * second)]);
            let line = overload.look(&drops, Instant::from_millis(second * 1000));
            told.extend(line.map(|line| (second, line.to_string())));
        }
        let began = "10 frames dropped: more comes than this machine verifies".to_owned();
        let ended = "verification keeps up again, after 160 frames dropped in 15 s".to_owned();
        assert_eq!(told, [(5, began), (30, ended)]);
    }
}
