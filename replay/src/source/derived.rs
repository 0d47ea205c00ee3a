//! Speeds and headings where a file has places alone.

use super::trace::{Sample, Trace};
use super::track::MAX_GAP_NS;
use crate::geodesy::{distance_m, heading_deg};

/// Gives samples that have no speed or heading those of the places around them: from the one before to the one after, or the
/// one of both that is near enough. A station that stands keeps its heading.
pub(super) fn derive_motion(trace: &mut Trace) {
    if trace.samples.iter().all(|sample| sample.speed.is_some() && sample.heading.is_some()) {
        return;
    }
    // By station, in order of time: the numbers of its samples.
    let mut order: Vec<u32> = (0..trace.samples.len() as u32).collect();
    order.sort_by_key(|number| trace.samples[*number as usize].station);
    let samples = &mut trace.samples;
    let mut from = 0;
    while from < order.len() {
        let number = |at: usize| order[at] as usize;
        let station = samples[number(from)].station;
        let len = order[from..].iter().take_while(|at| samples[**at as usize].station == station).count();
        let own = from..from + len;
        let mut heading = None;
        for at in own.clone() {
            // What is changed here is never the place.
            let here = samples[number(at)];
            let near = |other: Option<usize>| {
                let other = samples[number(other.filter(|other| own.contains(other))?)];
                (other.time_ns.abs_diff(here.time_ns) <= MAX_GAP_NS).then_some(other)
            };
            let before = near(at.checked_sub(1)).unwrap_or(here);
            let after = near(at.checked_add(1)).unwrap_or(here);
            let (speed, turned) = motion(&before, &after);
            heading = turned.or(heading);
            let sample = &mut samples[number(at)];
            sample.speed = sample.speed.or(speed);
            sample.heading = sample.heading.or(heading);
        }
        // It stood before it first moved.
        if let Some(first) = own.clone().find_map(|at| samples[number(at)].heading) {
            for at in own.clone() {
                let sample = &mut samples[number(at)];
                sample.heading = sample.heading.or(Some(first));
            }
        }
        from = own.end;
    }
}

/// Speed in 0.01 m/s and heading in 0.1 degrees from one place to another.
fn motion(from: &Sample, to: &Sample) -> (Option<u16>, Option<u16>) {
    let seconds = to.time_ns.saturating_sub(from.time_ns) as f64 / 1e9;
    if seconds <= 0.0 {
        return (None, None);
    }
    let metres = distance_m(from.point(), to.point());
    let speed = (metres / seconds * 100.0).round().min(f64::from(u16::MAX)) as u16;
    let heading = (metres >= STANDS_M)
        .then(|| (heading_deg(from.point(), to.point()).rem_euclid(360.0) * 10.0).round() as u16 % 3600);
    (Some(speed), heading)
}

/// Shorter ways say nothing of a direction: places are rounded to a centimetre.
const STANDS_M: f64 = 0.2;

#[cfg(test)]
mod tests {
    use super::*;

    fn trace(metres: &[f64]) -> Trace {
        let sample = |(second, metres): (usize, &f64)| Sample {
            time_ns: second as u64 * 1_000_000_000,
            station: 0,
            latitude: 0,
            longitude: (metres / 0.011_132) as i32,
            speed: None,
            heading: None,
            acceleration: None,
        };
        let samples = metres.iter().enumerate().map(sample).collect();
        Trace { names: vec!["a".to_owned()], samples, ..Trace::default() }
    }

    #[test]
    fn a_station_has_the_motion_between_its_neighbouring_places() {
        let mut trace = trace(&[0.0, 0.0, 10.0, 30.0, 30.0, 30.0]);
        derive_motion(&mut trace);
        let speeds: Vec<u16> = trace.samples.iter().map(|sample| sample.speed.unwrap()).collect();
        for (found, right) in speeds.iter().zip([0u16, 500, 1500, 1000, 0, 0]) {
            assert!(found.abs_diff(right) <= 2, "{speeds:?}");
        }
        assert!(trace.samples.iter().all(|sample| sample.heading == Some(900)));
    }

    #[test]
    fn what_the_file_says_stays() {
        let mut trace = trace(&[0.0, 10.0]);
        trace.samples[0].speed = Some(7);
        trace.samples[1].heading = Some(1);
        derive_motion(&mut trace);
        assert_eq!((trace.samples[0].speed, trace.samples[1].heading), (Some(7), Some(1)));
        assert_eq!(trace.samples[0].heading, Some(900));
    }
}
