//! A car with a good credential that lies about where it is.

use core::future::poll_fn;
use core::time::Duration;
use std::io;

use radio_adapters::timer::DeadlineTimer;
use v2x_core::{ClockState, Event, Fix, Input, Instant, Position, Transmit};

use super::air::Air;
use crate::daemon::station::{Observer, Station, monotonic};

/// Keeps no books: what a liar sends is owed to nobody.
struct Nobody;

impl Observer for Nobody {
    fn event(&mut self, _event: &Event) {}
    fn transmitted(&mut self, _frame: &Transmit, _on_air: Instant) {}
    fn transmit_failed(&mut self, _frame: &Transmit, _error: &io::Error) {}
}

/// Stands at `place` as station `number` from `begin` to `end`, and claims a place elsewhere ten times a second.
pub(super) async fn lie(
    mut station: Station,
    number: u32,
    place: Position,
    air: Air,
    begin: Instant,
    end: Instant,
) -> io::Result<()> {
    let mut timer = DeadlineTimer::new()?;
    let wire = station.node().anchor().wire_at(monotonic());
    station.input(Input::Clock { wire, state: ClockState::Locked }, &mut Nobody);
    let (mut next, mut step) = (begin, 0);
    loop {
        let now = monotonic();
        if now >= end {
            return Ok(());
        }
        if next <= now {
            let wire = station.node().anchor().wire_at(now);
            air.place(number, Some(place));
            station.input(Input::Fix(Some(claim(place, step, wire))), &mut Nobody);
            step += 1;
            next = next + INTERVAL;
        }
        timer.set(Some(next.min(end).as_nanos()))?;
        tokio::select! {
            biased;
            ended = poll_fn(|cx| station.poll(cx, &mut Nobody)) => {
                let Err(error) = ended;
                return Err(error);
            }
            expired = timer.expired() => expired?,
        }
    }
}

/// A place up to 50 m away, never twice the same way: no path that a car could drive.
fn claim(place: Position, step: u32, time: v2x_core::WireTime) -> Fix {
    let offset = |factor: u32| f64::from(step * factor % 101) - 50.0;
    Fix {
        position: place.moved(offset(37), offset(53)),
        altitude_cm: None,
        speed: Some(1000),
        heading: Some((step * 700 % 3600) as u16),
        acceleration: None,
        yaw_rate: None,
        accuracy_cm: Some(150),
        time,
    }
}

const INTERVAL: Duration = Duration::from_millis(100);
