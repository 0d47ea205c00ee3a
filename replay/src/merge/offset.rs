//! How far one clock is ahead of another, from frames heard both ways.
//!
//! A frame that `a` sends at `s` by its clock and `b` hears at `r` by its own says that `b` is ahead by at most `r - s`, since
//! nothing is heard before it is sent; a frame the other way, that it is ahead by at least `s - r`. Over a piece of time in which
//! both clocks run evenly the true difference is a straight line below all points of the one kind and above all of the
//! other. Of the lines that are, the lowest and the highest value at each end of the piece are found: the estimate is midway, the
//! bound half of what lies between. With a single frame each way that is half the difference of both one-way times, and
//! half their sum.
//!
//! The estimate is a straight line from end to end and so is the true difference, so the bound between the ends is
//! what lies between the bounds at the ends.

use std::collections::BTreeMap;

/// What is known of two clocks from the frames between them.
#[derive(Debug, Default)]
pub(super) struct PairPoints {
    /// By the piece's number: at most so much ahead, at least so much ahead; each at a time by the first clock.
    pieces: BTreeMap<i64, [OneSide; 2]>,
    frames: [u64; 2],
}

/// The points of one kind in a piece, ns: time, difference. Only corners of their hull matter.
#[derive(Debug, Default)]
struct OneSide(Vec<(i64, i64)>);

impl PairPoints {
    /// A frame from the first station to the second.
    pub(super) fn there(&mut self, sent_ns: i64, received_ns: i64) {
        self.push(0, sent_ns, received_ns - sent_ns);
    }

    /// A frame from the second station to the first.
    pub(super) fn back(&mut self, sent_ns: i64, received_ns: i64) {
        self.push(1, received_ns, sent_ns - received_ns);
    }

    /// Whether frames were heard from the first to the second, and back.
    pub(super) fn ways(&self) -> [bool; 2] {
        self.frames.map(|frames| frames > 0)
    }

    fn push(&mut self, side: usize, at_ns: i64, ahead_ns: i64) {
        self.frames[side] += 1;
        let piece = at_ns.div_euclid(PIECE_NS);
        let full = self.pieces.len() >= MAX_PIECES && !self.pieces.contains_key(&piece);
        if !full {
            self.pieces.entry(piece).or_default()[side].push(side, (at_ns, ahead_ns));
        }
    }

    /// The difference of both clocks over time; `None` without frames both ways within a piece.
    pub(super) fn solve(&self) -> Option<ClockOffset> {
        let mut lines = Vec::new();
        let mut wanders = false;
        for sides in self.pieces.values() {
            let hulls = [0, 1].map(|side| hull(side, sides[side].0.clone()));
            wanders |= solve(&hulls, 0, &mut lines);
        }
        (!lines.is_empty()).then_some(ClockOffset { lines, wanders })
    }
}

impl OneSide {
    fn push(&mut self, side: usize, point: (i64, i64)) {
        self.0.push(point);
        if self.0.len() >= MAX_POINTS {
            self.0 = hull(side, core::mem::take(&mut self.0));
            if self.0.len() > MAX_POINTS / 2 {
                // Fewer points leave more lines, so the bound only grows.
                let mut number = 0;
                self.0.retain(|_| {
                    number += 1;
                    number % 2 == 0
                });
            }
        }
    }
}

/// How far the second clock is ahead of the first, over time.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ClockOffset {
    /// By time, at least one.
    lines: Vec<OffsetLine>,
    /// In some piece the clocks did not run evenly.
    pub(super) wanders: bool,
}

/// A piece of it.
#[derive(Clone, Copy, Debug, PartialEq)]
struct OffsetLine {
    /// Its ends by the first clock, ns.
    ends_ns: [i64; 2],
    /// The estimate at the ends, ns.
    ahead_ns: [i64; 2],
    /// Its bound there, ns.
    bound_ns: [i64; 2],
}

impl OffsetLine {
    fn at(&self, values: [i64; 2], at_ns: i64) -> i64 {
        let [from, to] = self.ends_ns;
        let share = at_ns.saturating_sub(from) as f64 / (to - from).max(1) as f64;
        values[0].saturating_add(((values[1].saturating_sub(values[0])) as f64 * share).round() as i64)
    }
}

impl ClockOffset {
    /// How far ahead the second clock is at a time by the first, ns, and the bound where there is one.
    pub(super) fn at(&self, at_ns: i64) -> (i64, Option<i64>) {
        let next = self.lines.partition_point(|line| line.ends_ns[1] < at_ns).min(self.lines.len() - 1);
        let within =
            |line: &OffsetLine| (line.ends_ns[0] - EDGE_NS..=line.ends_ns[1] + EDGE_NS).contains(&at_ns);
        let line = match next.checked_sub(1).map(|before| &self.lines[before]) {
            Some(before) if !within(&self.lines[next]) && within(before) => before,
            _ => &self.lines[next],
        };
        let held = at_ns.clamp(line.ends_ns[0] - EDGE_NS, line.ends_ns[1] + EDGE_NS);
        let bound = within(line).then(|| {
            let outside = (line.ends_ns[0] - at_ns).max(at_ns - line.ends_ns[1]).max(0);
            let inside = at_ns.clamp(line.ends_ns[0], line.ends_ns[1]);
            // Beyond its end both lines go on, and their distance with them: at most as steeply as between the ends.
            let length = (line.ends_ns[1] - line.ends_ns[0]).max(1) as f64;
            let spread = (line.bound_ns[0] + line.bound_ns[1]) as f64;
            line.at(line.bound_ns, inside) + (spread * outside as f64 / length).ceil() as i64
        });
        (line.at(line.ahead_ns, held), bound)
    }

    /// The same by the second clock's time.
    pub(super) fn at_second(&self, second_ns: i64) -> (i64, Option<i64>) {
        let mut found = self.at(second_ns.saturating_sub(self.lines[0].ahead_ns[0]));
        for _ in 0..3 {
            found = self.at(second_ns.saturating_sub(found.0));
        }
        found
    }

    /// The time from the first to the last piece's end by the first clock, ns.
    pub(super) fn span(&self) -> [i64; 2] {
        [self.lines[0].ends_ns[0], self.lines[self.lines.len() - 1].ends_ns[1]]
    }

    /// How much faster the second clock runs, parts per million; `None` when the estimate's ends are too near.
    pub(super) fn drift_ppm(&self) -> Option<f64> {
        let (first, last) = (&self.lines[0], &self.lines[self.lines.len() - 1]);
        let [from, to] = self.span();
        let changed = last.ahead_ns[1].saturating_sub(first.ahead_ns[0]) as f64;
        (to - from >= SHORTEST_DRIFT_NS).then(|| changed / (to - from) as f64 * 1e6)
    }

    /// By how much that is uncertain, parts per million.
    pub(super) fn drift_bound_ppm(&self) -> f64 {
        let (first, last) = (&self.lines[0], &self.lines[self.lines.len() - 1]);
        let [from, to] = self.span();
        (first.bound_ns[0] + last.bound_ns[1]) as f64 / (to - from).max(1) as f64 * 1e6
    }

    /// The mean bound over the pieces, ns.
    pub(super) fn mean_bound_ns(&self) -> i64 {
        let sum: f64 = self.lines.iter().map(|line| (line.bound_ns[0] + line.bound_ns[1]) as f64 / 2.0).sum();
        (sum / self.lines.len() as f64) as i64
    }
}

/// Points as seen from the start of a piece: seconds and nanoseconds.
struct Region {
    most: Vec<(f64, f64)>,
    least: Vec<(f64, f64)>,
}

impl Region {
    /// The highest that all points of the first kind leave a line of this slope at the start.
    fn high(&self, slope: f64) -> f64 {
        self.most.iter().map(|(x, y)| y - slope * x).fold(f64::INFINITY, f64::min)
    }

    fn low(&self, slope: f64) -> f64 {
        self.least.iter().map(|(x, y)| y - slope * x).fold(f64::NEG_INFINITY, f64::max)
    }

    fn room(&self, slope: f64) -> f64 {
        self.high(slope) - self.low(slope)
    }
}

/// Adds the lines of a piece; true when the clocks did not run evenly in it.
fn solve(hulls: &[Vec<(i64, i64)>; 2], depth: u32, lines: &mut Vec<OffsetLine>) -> bool {
    let [most, least] = hulls;
    let times = || most.iter().chain(least).map(|(at, _)| *at);
    let (Some(from), Some(to)) = (times().min(), times().max()) else { return false };
    if most.is_empty() || least.is_empty() {
        return false;
    }
    let base = most[0].1;
    let seen = |points: &[(i64, i64)]| {
        points
            .iter()
            .map(|(x, y)| ((x - from) as f64 / 1e9, y.saturating_sub(base) as f64))
            .collect::<Vec<_>>()
    };
    let region = Region { most: seen(most), least: seen(least) };
    // Both limits are made of straight pieces, the one bent down, the other up, so all that is sought has one peak.
    let widest = peak(-STEEPEST, STEEPEST, |slope| region.room(slope));
    let slack = (-region.room(widest)).max(0.0);
    // Rounding of stamps to whole nanoseconds is no wandering.
    if slack > 1.0 && depth < DEEPEST {
        let middle = from.midpoint(to);
        let (mut before, mut after) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
        for (side, points) in hulls.iter().enumerate() {
            for point in points {
                (if point.0 < middle { &mut before } else { &mut after })[side].push(*point);
            }
        }
        let count = lines.len();
        solve(&before, depth + 1, lines);
        solve(&after, depth + 1, lines);
        if lines.len() > count {
            return true;
        }
    }
    let fits = |slope: f64| region.room(slope) + slack >= -1e-6;
    let flattest = edge(widest, -STEEPEST, fits);
    let steepest = edge(widest, STEEPEST, fits);
    let length = (to - from) as f64 / 1e9;
    let [mut ahead_ns, mut bound_ns] = [[0; 2]; 2];
    for (end, at) in [0.0, length].into_iter().enumerate() {
        let top = peak(flattest, steepest, |slope| region.high(slope) + slope * at);
        let bottom = peak(flattest, steepest, |slope| -(region.low(slope) + slope * at));
        let (high, low) = (region.high(top) + top * at, region.low(bottom) + bottom * at);
        ahead_ns[end] = base.saturating_add(high.midpoint(low).round() as i64);
        bound_ns[end] = (((high - low) / 2.0).abs() + slack + 1.0).ceil().min(WIDEST_NS) as i64;
    }
    lines.push(OffsetLine { ends_ns: [from, to], ahead_ns, bound_ns });
    slack > 1.0
}

/// Where a function with one peak has it.
fn peak(mut from: f64, mut to: f64, of: impl Fn(f64) -> f64) -> f64 {
    for _ in 0..ROUNDS {
        let (one, other) = (from + (to - from) / 3.0, to - (to - from) / 3.0);
        if of(one) < of(other) { from = one } else { to = other }
    }
    from.midpoint(to)
}

/// The last place on the way from one that fits to `end` that fits too.
fn edge(fitting: f64, end: f64, fits: impl Fn(f64) -> bool) -> f64 {
    let (mut inside, mut outside) = (fitting, end);
    if fits(end) {
        return end;
    }
    for _ in 0..ROUNDS {
        let middle = inside.midpoint(outside);
        if fits(middle) { inside = middle } else { outside = middle }
    }
    inside
}

/// The corners that a line below (side 0) or above (side 1) all points can touch, by time.
fn hull(side: usize, mut points: Vec<(i64, i64)>) -> Vec<(i64, i64)> {
    let up = if side == 0 { 1 } else { -1 };
    points.sort_unstable_by_key(|(x, y)| (*x, i128::from(*y) * up));
    points.dedup_by_key(|(x, _)| *x);
    let mut kept: Vec<(i64, i64)> = Vec::new();
    for point in points {
        while let [.., one, other] = kept[..] {
            let wide = |a: i64, b: i64| i128::from(a) - i128::from(b);
            let turn =
                wide(other.0, one.0) * wide(point.1, one.1) - wide(other.1, one.1) * wide(point.0, one.0);
            if turn * up > 0 {
                break;
            }
            kept.pop();
        }
        kept.push(point);
    }
    kept
}

/// In which two clocks are taken to run evenly against each other: the rate of a quartz changes with its temperature, by about a
/// millionth for some degrees.
const PIECE_NS: i64 = 600_000_000_000;
/// Where they do not, the piece is halved up to this often.
const DEEPEST: u32 = 4;
/// 600 days of frames.
const MAX_PIECES: usize = 86_400;
/// Of one kind in a piece before they are thinned out to corners.
const MAX_POINTS: usize = 512;
/// The most by which one clock runs faster than the other, ns per s: five times what a cheap quartz has, and what a daemon
/// that sets the clock slews it by.
const STEEPEST: f64 = 500_000.0;
/// How far beyond its last frame a piece is trusted.
const EDGE_NS: i64 = 5_000_000_000;
/// A bound that says nothing, so that sums of them fit.
const WIDEST_NS: f64 = 4e18;
const SHORTEST_DRIFT_NS: i64 = 10_000_000_000;
const ROUNDS: u32 = 100;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_frame_each_way_gives_half_the_difference_and_half_the_sum() {
        let mut points = PairPoints::default();
        // Ahead by 1000 ns; 300 ns there, 100 ns back, at one time.
        points.there(5_000, 6_300);
        points.back(5_900, 5_000);
        let offset = points.solve().unwrap();
        assert_eq!(offset.at(5_000), (1_100, Some(201)));
    }

    #[test]
    fn one_direction_alone_gives_nothing() {
        let mut points = PairPoints::default();
        for at in 0..100 {
            points.there(at * 1_000, at * 1_000 + 500);
        }
        assert_eq!(points.solve(), None);
        assert_eq!(points.ways(), [true, false]);
    }

    #[test]
    fn a_clock_that_does_not_run_evenly_is_told_and_split() {
        let mut points = PairPoints::default();
        for step in 0..400i64 {
            let at = step * 1_000_000_000;
            let ahead = if step < 200 { 0 } else { (step - 200) * 100_000 };
            points.there(at, at + ahead + 20_000);
            points.back(at + ahead, at + 20_000);
        }
        let offset = points.solve().unwrap();
        assert!(offset.wanders && offset.lines.len() > 1, "{offset:?}");
    }

    proptest! {
        #[test]
        fn the_estimate_is_within_its_bound(
            ahead in -1_000_000_000_000i64..1_000_000_000_000,
            ppm in -100.0f64..100.0,
            frames in proptest::collection::vec((any::<bool>(), 0i64..1_500_000_000_000, 1i64..3_000_000), 2..300),
        ) {
            let second = |at: i64| at + ahead + (at as f64 * ppm / 1e6).round() as i64;
            let mut points = PairPoints::default();
            for (there, at, takes) in frames {
                if there {
                    points.there(at, second(at + takes));
                } else {
                    points.back(second(at), at + takes);
                }
            }
            if let Some(offset) = points.solve() {
                prop_assert!(!offset.wanders);
                for at in (0..1_500_000_000_000i64).step_by(7_000_000_000) {
                    if let (found, Some(bound)) = offset.at(at) {
                        prop_assert!((found - (second(at) - at)).abs() <= bound + 2, "{at}: {found} {bound}");
                    }
                    if let (found, Some(bound)) = offset.at_second(second(at)) {
                        prop_assert!((found - (second(at) - at)).abs() <= bound + 2, "{at}: {found} {bound}");
                    }
                }
            }
        }

        #[test]
        fn any_points_are_solved_without_panic(
            points in proptest::collection::vec((any::<bool>(), -(1i64 << 61)..1 << 61, -(1i64 << 61)..1 << 61), 0..60),
        ) {
            let mut pair = PairPoints::default();
            for (there, sent, received) in points {
                if there { pair.there(sent, received) } else { pair.back(sent, received) }
            }
            if let Some(offset) = pair.solve() {
                let _any = (offset.at(0), offset.at_second(1 << 61), offset.drift_ppm());
            }
        }
    }
}
