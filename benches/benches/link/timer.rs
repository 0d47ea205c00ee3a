//! How late the daemon's timer is, and a bare `timerfd` in its place, while every processor is busy.

use core::future::poll_fn;
use core::task::Poll;
use core::time::Duration;
use std::io;
use std::thread;

use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use radio_adapters::clock::monotonic_ns;
use radio_adapters::timer::DeadlineTimer;
use serde_json::{Value, json};

use crate::lab::{Lab, print_result, say};
use crate::placement::Seat;
use crate::turns::{Contest, Plan, header, in_turn, row};

const KINDS: [&str; 2] = ["DeadlineTimer", "bare timerfd"];

/// Runs both in turns on `seat`, beside an ordinary program on each processor that never rests.
pub fn run(lab: &Lab, seat: Seat, plan: &Plan) -> Result<Value, String> {
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let busy = (0..processors).map(|cpu| {
        let mut child = lab.spawn(0, "busy", &Seat { cpu: Some(cpu), fifo: None }.arguments())?;
        child.ready()?;
        Ok(child)
    });
    let busy: Vec<_> = busy.collect::<Result<_, String>>()?;
    let mut contest = Contest::new(KINDS.len());
    for round in 0..plan.rounds {
        for kind in in_turn([0, 1], round) {
            let mut arguments = seat.arguments().to_vec();
            arguments.extend([kind.to_string(), plan.turn.as_nanos().to_string(), round.to_string()]);
            let result = lab.spawn(0, "timer", &arguments)?.result()?;
            let late: Vec<u64> =
                serde_json::from_value(result["late"].clone()).map_err(|error| format!("timer: {error}"))?;
            contest.add(kind, &late);
        }
    }
    drop(busy);
    say(&format!("\ntimer, due -> awake beside busy processors, {} turns each; microseconds", plan.rounds));
    say(&header());
    for (kind, name) in KINDS.iter().enumerate() {
        say(&row(name, &contest.summary(kind)));
    }
    let (whole, median) = contest.p99_ratios(0, 1);
    say(&format!("p99_ratio: {whole:.3}; median of the rounds {median:.3}"));
    Ok(json!({
        "deadline_timer": contest.summary(0),
        "bare": contest.summary(1),
        "p99_ratio": whole,
        "p99_ratio_of_rounds": median,
    }))
}

/// The process that sleeps: seat, which timer, how long, seed.
pub fn sleep(arguments: &[String]) -> Result<(), String> {
    let [cpu, fifo, numbers @ ..] = arguments else { return Err("expected cpu and priority".to_owned()) };
    let numbers = numbers.iter().map(|text| text.parse().map_err(|error| format!("{text:?}: {error}")));
    let numbers: Vec<u64> = numbers.collect::<Result<_, _>>()?;
    let &[kind, time_ns, seed] = &numbers[..] else { return Err("expected timer, time, seed".to_owned()) };
    Seat::parse(cpu, fifo).take().map_err(|error| error.to_string())?;
    let waits = Waits::new(time_ns, seed);
    let late =
        if kind == 0 { deadline_timer(waits) } else { bare(waits) }.map_err(|error| error.to_string())?;
    print_result(&json!({"late": late}));
    Ok(())
}

/// As the station's turn does it: what is due is seen by the clock, then the timer is set and asked.
fn deadline_timer(mut waits: Waits) -> io::Result<Vec<u64>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(async {
        let mut timer = DeadlineTimer::new()?;
        let mut deadline = waits.next_deadline();
        poll_fn(|cx| {
            loop {
                let now = monotonic_ns();
                if now >= deadline {
                    if waits.woke(deadline, now) {
                        return Poll::Ready(Ok(()));
                    }
                    deadline = waits.next_deadline();
                }
                timer.set(Some(deadline))?;
                if timer.poll_expired(cx)?.is_pending() {
                    return Poll::Pending;
                }
            }
        })
        .await
        .map(|()| waits.late)
    })
}

fn bare(mut waits: Waits) -> io::Result<Vec<u64>> {
    let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::empty())?;
    loop {
        let deadline = waits.next_deadline();
        let at = Expiration::OneShot(TimeSpec::from(Duration::from_nanos(deadline)));
        timer.set(at, TimerSetTimeFlags::TFD_TIMER_ABSTIME)?;
        timer.wait()?;
        if waits.woke(deadline, monotonic_ns()) {
            return Ok(waits.late);
        }
    }
}

/// Deadlines 100 to 624 us apart, the same for both timers, and how late each was met.
#[derive(Debug)]
struct Waits {
    end: u64,
    state: u64,
    late: Vec<u64>,
}

impl Waits {
    fn new(time_ns: u64, seed: u64) -> Self {
        Self { end: monotonic_ns() + time_ns, state: seed, late: Vec::with_capacity(MOST_WAITS) }
    }

    fn next_deadline(&mut self) -> u64 {
        // Knuth's constants for a linear congruence modulo 2^64; its upper bits are the good ones.
        self.state =
            self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        monotonic_ns() + 100_000 + (self.state >> 45)
    }

    /// Keeps one; true when the time is over.
    fn woke(&mut self, deadline: u64, now: u64) -> bool {
        self.late.push(now.saturating_sub(deadline));
        now >= self.end || self.late.len() == MOST_WAITS
    }
}

/// An ordinary program that never rests: seat.
pub fn spin(arguments: &[String]) -> Result<(), String> {
    let [cpu, fifo] = arguments else { return Err("expected cpu and priority".to_owned()) };
    Seat::parse(cpu, fifo).take().map_err(|error| error.to_string())?;
    println!("spinning");
    // Until its parent is gone or kills it.
    loop {
        core::hint::spin_loop();
    }
}

const MOST_WAITS: usize = 10_000;
