//! A fixed position, repeated often enough that it never becomes stale.

use core::time::Duration;

use radio_adapters::clock;
use radio_adapters::timer::DeadlineTimer;
use v2x_core::{Fix, Position};

use super::publisher::Publisher;
use super::wait::{nanos, wait_until, wire_now};

/// A place that does not change.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fixed {
    pub position: Position,
    pub altitude_cm: Option<i32>,
}

impl Fixed {
    pub fn fix(self) -> Fix {
        Fix {
            position: self.position,
            altitude_cm: self.altitude_cm,
            speed: Some(0),
            heading: None,
            acceleration: None,
            yaw_rate: None,
            accuracy_cm: None,
            time: wire_now(),
        }
    }
}

/// Repeats a place that was published once already.
pub(super) async fn run(place: Fixed, mut timer: DeadlineTimer, publisher: Publisher) {
    let mut next = clock::monotonic_ns();
    loop {
        // After a suspend there is no sense in making up for what was missed.
        next = (next + nanos(REFRESH)).max(clock::monotonic_ns());
        if wait_until(&mut timer, next).await.is_err() {
            return;
        }
        publisher.fix(place.fix());
    }
}

/// A quarter of the age at which the core stops believing a fix.
const REFRESH: Duration = Duration::from_millis(500);
