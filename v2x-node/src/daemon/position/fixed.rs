//! A fixed position, repeated often enough that it never becomes stale.

use core::time::Duration;

use radio_adapters::clock;
use radio_adapters::timer::DeadlineTimer;
use v2x_core::{Fix, Position};

use super::publisher::Publisher;
use super::wait::{nanos, wait_until, wire_now};

pub(super) async fn run(
    position: Position,
    altitude_cm: Option<i32>,
    mut timer: DeadlineTimer,
    publisher: Publisher,
) {
    publisher.opened();
    let mut next = clock::monotonic_ns();
    loop {
        publisher.fix(Fix {
            position,
            altitude_cm,
            speed: Some(0),
            heading: None,
            acceleration: None,
            yaw_rate: None,
            accuracy_cm: None,
            time: wire_now(),
        });
        // After a suspend there is no sense in making up for what was missed.
        next = (next + nanos(REFRESH)).max(clock::monotonic_ns());
        if wait_until(&mut timer, next).await.is_err() {
            return;
        }
    }
}

/// A quarter of the age at which the core stops believing a fix.
const REFRESH: Duration = Duration::from_millis(500);
