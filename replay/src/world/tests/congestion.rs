//! Congestion control in worlds.

use v2x_core::{Congestion, Regulation};

use super::*;
use crate::medium::{Ether, RadioProfile};

fn controlled(threads: usize, control: (Congestion, Regulation), medium: Box<dyn Medium>) -> Counted {
    let trace = standing(60, 3.0, 40);
    let mut world = World::new(&trace, settings(Verify::Once, threads), medium).unwrap();
    world.regulate(control.0, control.1);
    world.fill_beacons(1_200);
    world.run_until(world.end_ns());
    let end_ns = world.end_ns();
    world.finish(end_ns).unwrap()
}

fn radio() -> Box<dyn Medium> {
    Box::new(Ether::new(&RadioProfile::published(), 3))
}

#[test]
fn beacons_are_held_on_a_full_channel_whoever_works_it_out() {
    let adaptive = (Congestion::Adaptive, Regulation::None);
    let [one, three] = [1, 3].map(|threads| controlled(threads, adaptive, radio()));
    assert_eq!(one.digest, three.digest);
    let off = controlled(1, (Congestion::Off, Regulation::None), radio());
    let report = one.gates.report(adaptive.0, adaptive.1, Imminent::Lab).unwrap();
    // Sixty stations with ten beacons of 1.7 ms want all of the channel.
    assert!(one.frames_sent * 10 < off.frames_sent * 9, "{} of {}", one.frames_sent, off.frames_sent);
    assert!(report.beacons_held > 100 && (0.4..0.75).contains(&report.busy), "{report:?}");
    assert_eq!(report.source, "survey");
    let (share, interval_ms) = (report.share.unwrap(), report.interval_ms.unwrap());
    assert!((0.0006..=0.03).contains(&share) && interval_ms > 100.0, "sixty share the channel: {report:?}");
    assert!(off.gates.report(Congestion::Off, Regulation::None, Imminent::Lab).is_none());
}

#[test]
fn an_ideal_medium_tells_how_busy_it_is_too() {
    let reactive = (Congestion::Reactive, Regulation::None);
    let counted = controlled(1, reactive, ideal());
    let report = counted.gates.report(reactive.0, reactive.1, Imminent::Lab).unwrap();
    assert!(report.busy > 0.2 && report.beacons_held > 100, "{report:?}");
}

#[test]
fn the_law_alone_holds_frames_too() {
    let law = (Congestion::Off, Regulation::En302571);
    let held = controlled(1, law, radio());
    let off = controlled(1, (Congestion::Off, Regulation::None), radio());
    assert!(held.frames_sent < off.frames_sent, "3 % of a second is no ten frames of 1.7 ms and more");
}
