//! Frames that wait for a station: area hazards before background, and of each the ends in turn.
//!
//! The station reads as fast as it verifies, and ends hand in as fast as their budgets allow. An end's frames keep their order; a frame
//! waits for one of each other end at most before each of its own, however many an end hands in. When there is no room, the
//! end with the most waiting loses its last: background first. Stations do the same with what they are handed.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::hand_in::HandIn;

/// The station's side: dropping it ends the queue.
#[derive(Debug)]
pub struct StationFrames {
    queue: Arc<StationQueue>,
}

/// The hub's side, which holds it weakly.
#[derive(Debug)]
pub(super) struct StationQueue {
    waiting: Mutex<FairWaiting>,
    changed: Notify,
}

/// What waits.
#[derive(Debug)]
struct FairWaiting {
    most: usize,
    count: usize,
    /// Of each end that has any waiting, what that is.
    ends: HashMap<u16, Lines>,
    /// The ends in turn: those with area hazards, those with background.
    turns: [VecDeque<u16>; 2],
}

/// An end's area hazards and its background.
type Lines = [VecDeque<HandIn>; 2];

impl StationFrames {
    /// The next frame, as soon as there is one.
    pub async fn recv(&mut self) -> HandIn {
        loop {
            if let Some(frame) = self.try_recv() {
                return frame;
            }
            self.queue.changed.notified().await;
        }
    }

    /// The next frame, if there is one.
    pub fn try_recv(&mut self) -> Option<HandIn> {
        self.queue.waiting().pop()
    }
}

impl StationQueue {
    /// Room for `most` frames, of all ends together.
    pub fn new(most: usize) -> (Arc<Self>, StationFrames) {
        let waiting =
            FairWaiting { most, count: 0, ends: HashMap::new(), turns: [VecDeque::new(), VecDeque::new()] };
        let queue = Arc::new(Self { waiting: Mutex::new(waiting), changed: Notify::new() });
        (Arc::clone(&queue), StationFrames { queue })
    }

    /// Puts a frame in, and never waits: the one that made room for it, where there was none, which may be itself.
    pub fn push(&self, frame: HandIn) -> Option<HandIn> {
        let lost = self.waiting().push(frame);
        self.changed.notify_one();
        lost
    }

    fn waiting(&self) -> MutexGuard<'_, FairWaiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FairWaiting {
    fn push(&mut self, frame: HandIn) -> Option<HandIn> {
        let (end, kind) = (frame.end, usize::from(frame.is_background));
        let line = &mut self.ends.entry(end).or_default()[kind];
        if line.is_empty() {
            self.turns[kind].push_back(end);
        }
        line.push_back(frame);
        self.count += 1;
        if self.count > self.most { self.shed(end) } else { None }
    }

    fn pop(&mut self) -> Option<HandIn> {
        let kind = self.turns.iter().position(|turns| !turns.is_empty())?;
        let end = self.turns[kind].pop_front()?;
        let lines = self.ends.get_mut(&end)?;
        let frame = lines[kind].pop_front();
        if !lines[kind].is_empty() {
            self.turns[kind].push_back(end);
        }
        self.left(end);
        frame
    }

    /// Takes out the last frame of the end with the most; of several such ends, of `newest`, which brought the last one.
    fn shed(&mut self, newest: u16) -> Option<HandIn> {
        let waiting = |lines: &Lines| lines.iter().map(VecDeque::len).sum::<usize>();
        let most = self.ends.iter().max_by_key(|(end, lines)| (waiting(lines), **end == newest, **end))?;
        let end = *most.0;
        let lines = self.ends.get_mut(&end)?;
        let kind = lines.iter().rposition(|line| !line.is_empty())?;
        let last = lines[kind].pop_back();
        if lines[kind].is_empty() {
            self.turns[kind].retain(|other| *other != end);
        }
        self.left(end);
        last
    }

    /// A frame of this end has left.
    fn left(&mut self, end: u16) {
        self.count -= 1;
        if self.ends.get(&end).is_some_and(|lines| lines.iter().all(VecDeque::is_empty)) {
            self.ends.remove(&end);
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;

    fn frame(end: u16, is_background: bool, number: u32) -> HandIn {
        HandIn { frame: Bytes::copy_from_slice(&number.to_be_bytes()), end, is_background }
    }

    fn waiting(most: usize) -> FairWaiting {
        let (queue, frames) = StationQueue::new(most);
        drop(frames);
        Arc::into_inner(queue).unwrap().waiting.into_inner().unwrap()
    }

    #[test]
    fn a_quiet_end_s_frame_waits_for_one_of_each_other_end() {
        let mut queue = waiting(100);
        for number in 0..50 {
            assert!(queue.push(frame(1, false, number)).is_none());
        }
        let quiet = [frame(2, false, 0), frame(2, false, 1), frame(3, false, 0)];
        for each in &quiet {
            assert!(queue.push(each.clone()).is_none());
        }
        let ends: Vec<u16> = core::iter::from_fn(|| queue.pop()).map(|frame| frame.end).take(6).collect();
        assert_eq!(ends, [1, 2, 3, 1, 2, 1]);
    }

    #[test]
    fn the_end_with_the_most_gives_way_and_its_background_first() {
        let mut queue = waiting(10);
        for number in 0..8 {
            assert!(queue.push(frame(1, number % 2 == 1, number)).is_none());
        }
        for number in 0..2 {
            assert!(queue.push(frame(2, true, number)).is_none());
        }
        assert_eq!(queue.push(frame(2, true, 2)), Some(frame(1, true, 7)));
        for number in [5, 3] {
            assert_eq!(queue.push(frame(2, true, 8)), Some(frame(1, true, number)));
        }
        // Both have five: whoever brings one more has the most.
        assert_eq!(queue.push(frame(1, false, 9)), Some(frame(1, true, 1)));
        assert_eq!(queue.push(frame(2, true, 9)), Some(frame(2, true, 9)));
        assert_eq!(queue.push(frame(1, false, 10)), Some(frame(1, false, 10)));
    }

    proptest! {
        #[test]
        fn nothing_is_lost_but_what_it_says_and_each_end_keeps_its_share_and_order(
            steps in prop::collection::vec((0..5_u16, any::<bool>(), 0..4_u8), 0..400),
        ) {
            const MOST: usize = 20;
            let mut queue = waiting(MOST);
            let (mut put, mut lost, mut out) = (0_usize, 0_usize, 0_usize);
            let mut last = HashMap::new();
            for (number, (end, is_background, pops)) in (0..).zip(steps) {
                let held = |queue: &FairWaiting, end| {
                    queue.ends.get(&end).map_or(0, |lines: &Lines| lines.iter().map(VecDeque::len).sum::<usize>())
                };
                let gave_way = queue.push(frame(end, is_background, number));
                put += 1;
                if let Some(gone) = gave_way {
                    lost += 1;
                    // Five ends have four each: whoever loses one had more than its share.
                    prop_assert!(held(&queue, gone.end) >= MOST / 5);
                    prop_assert!(gone.is_background || queue.ends[&gone.end][1].is_empty());
                }
                for _ in 0..pops / 3 {
                    let hazards = !queue.turns[0].is_empty();
                    let Some(next) = queue.pop() else { break };
                    out += 1;
                    prop_assert_eq!(hazards, !next.is_background);
                    let number = u32::from_be_bytes(next.frame[..].try_into().unwrap());
                    let before = last.insert((next.end, next.is_background), number);
                    prop_assert!(before.is_none_or(|before| before < number));
                }
                prop_assert!(queue.count <= MOST);
                prop_assert_eq!(queue.count, put - lost - out);
                let each: usize = queue.ends.keys().map(|end| held(&queue, *end)).sum();
                prop_assert_eq!(queue.count, each);
                prop_assert!(queue.turns.iter().flatten().count() <= 2 * queue.ends.len());
            }
        }
    }
}
