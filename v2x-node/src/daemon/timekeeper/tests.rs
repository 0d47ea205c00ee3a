//! Clocks as time daemons leave them, second by second.

use radio_adapters::clock::{KernelClock, TaiOffset};
use v2x_core::Anchor;

use super::evidence::ChronyAnswer;
use super::tracking::Tracking;
use super::*;

/// A machine whose clock a program keeps, or not. One reading a second.
struct Machine {
    keeper: Timekeeper,
    awake_s: u64,
    slept_s: u64,
    /// The clock against the truth.
    set_s: i64,
    kernel: Option<KernelClock>,
}

impl Machine {
    fn new() -> Self {
        Self {
            keeper: Timekeeper::new(ClockTrust::Kernel, None),
            awake_s: 1_000,
            slept_s: 0,
            set_s: 0,
            kernel: Some(started()),
        }
    }

    /// The next second: the kernel's bound is this many microseconds, flagged or not.
    fn second(&mut self, flagged: bool, max_error_us: u64) -> ClockState {
        if let Some(kernel) = &mut self.kernel {
            (kernel.flagged, kernel.max_error_us) = (flagged, max_error_us);
        }
        self.answered(None)
    }

    /// The next second, with an answer of chrony.
    fn answered(&mut self, chrony: Option<(Tracking, u64)>) -> ClockState {
        self.awake_s += 1;
        let truth_s = self.awake_s + self.slept_s;
        let wire_s = 720_000_000 + truth_s.saturating_add_signed(self.set_s);
        let instant = Instant::from_millis(self.awake_s * 1000);
        self.keeper.read(&Reading {
            anchor: Anchor { instant, wire: WireTime::from_micros(wire_s * 1_000_000) },
            slept: Duration::from_secs(self.slept_s),
            kernel: self.kernel,
            chrony: chrony.map(|(tracking, ago_s)| ChronyAnswer {
                asked: instant,
                measured_ago: if ago_s == AHEAD { Duration::MAX } else { Duration::from_secs(ago_s) },
                tracking,
            }),
        })
    }

    /// Seconds of `0..length` in which it is not signed, when the bound is `bound(second)`.
    fn silent(&mut self, length: u64, flagged: bool, bound: impl Fn(u64) -> u64) -> Vec<u64> {
        (0..length).filter(|s| self.second(flagged, bound(*s)) == ClockState::Untrusted).collect()
    }

    /// Seconds until it is untrusted, when nobody writes a bound from `from_us` on; `None`: not within a day.
    fn until_untrusted(&mut self, flagged: bool, from_us: u64) -> Option<u64> {
        (1..86_400)
            .find(|s| self.second(flagged, (from_us + 500 * s).min(16_000_000)) == ClockState::Untrusted)
    }
}

/// For how long ago chrony measured: the clock was set back since.
const AHEAD: u64 = u64::MAX;

/// A kernel that has just started.
fn started() -> KernelClock {
    KernelClock {
        flagged: false,
        max_error_us: 16_000_000,
        estimated_error_us: 16_000_000,
        frequency_ppb: 0,
        kernel_steers: false,
        tai_offset: TaiOffset::Unset(0),
    }
}

/// chrony over a network: bound 3 ms, skew 0.2 ppm.
fn tracking() -> Tracking {
    Tracking {
        reference: 0xc000_0201,
        synchronised: true,
        measured: Duration::from_secs(1_795_986_223),
        correction_s: 1e-5,
        residual_ppm: 0.0,
        skew_ppm: 0.2,
        root_delay_s: 0.004,
        root_dispersion_s: 0.000_9,
    }
}

#[test]
fn chrony_with_rtcsync_and_512_s_polls_is_trusted_all_the_time() {
    let mut machine = Machine::new();
    assert_eq!(machine.silent(4 * 512, true, |s| 15_123 + 500 * (s % 512)), Vec::<u64>::new());
    assert_eq!(machine.keeper.state(), ClockState::Locked);
}

#[test]
fn chrony_s_default_of_1024_s_polls_is_trusted_from_the_middle_of_one() {
    let mut machine = Machine::new();
    assert_eq!(machine.silent(3 * 1024, true, |s| 15_123 + 500 * ((s + 100) % 1024)), Vec::<u64>::new());
}

#[test]
fn timesyncd_with_any_poll_interval_is_trusted_all_the_time_from_any_second_on() {
    for (poll, into) in [(32, 0), (256, 200), (512, 300), (2_048, 0), (2_048, 2_000)] {
        let mut machine = Machine::new();
        machine.kernel = Some(KernelClock { estimated_error_us: 0, kernel_steers: true, ..started() });
        let silent = machine.silent(3 * poll, true, |s| 500 * ((s + into) % poll));
        assert_eq!(silent, Vec::<u64>::new(), "polls of {poll} s, {into} s after one");
    }
}

#[test]
fn phc2sys_writes_zero_every_second_and_is_trusted() {
    let mut machine = Machine::new();
    assert_eq!(machine.silent(600, true, |s| 500 * (s % 2)), Vec::<u64>::new());
    assert!(machine.keeper.evidence.error_us().unwrap() >= 20_000, "a bound of 0 is no bound");
}

#[test]
fn chrony_without_rtcsync_is_trusted_by_the_bound_it_writes_and_that_is_told_once() {
    let mut machine = Machine::new();
    if let Some(kernel) = &mut machine.kernel {
        kernel.estimated_error_us = 200;
    }
    assert_eq!(machine.silent(300, false, |_| 5_000), Vec::<u64>::new());
    let news = machine.keeper.take_news();
    assert!(news.len() == 1 && news[0].contains("disciplined but not flagged"), "{news:?}");
    assert!(machine.keeper.take_news().is_empty());
    // Its reference clock bounds the error by 9 us, seen up to a second later.
    let mut machine = Machine::new();
    assert_eq!(machine.silent(300, false, |s| 9 + 500 * (s % 2)), Vec::<u64>::new());
}

#[test]
fn a_clock_that_nothing_disciplines_is_never_trusted() {
    let mut machine = Machine::new();
    assert_eq!(machine.silent(7_200, false, |_| 16_000_000).len(), 7_200);
    assert!(machine.keeper.silence().contains("nothing disciplines it"), "{}", machine.keeper.silence());
    let mut machine = Machine::new();
    machine.kernel = None;
    assert_eq!(machine.silent(60, false, |_| 0).len(), 60);
    assert!(machine.keeper.silence().contains("adjtimex"), "{}", machine.keeper.silence());
    // Neither flag nor bound.
    let mut machine = Machine::new();
    assert_eq!(machine.silent(60, false, |_| 0).len(), 60);
    // chrony with a local stratum and no source writes 10 s.
    let mut machine = Machine::new();
    assert_eq!(machine.silent(60, false, |s| 10_000_000 + 500 * s).len(), 60);
}

#[test]
fn a_clock_set_once_and_left_alone_is_trusted_for_as_long_as_the_kernel_s_own_bound() {
    let mut machine = Machine::new();
    // chronyd -q: 60 ms when the station starts, and nobody to write again: 50 ms more.
    assert_eq!(machine.until_untrusted(false, 60_003), Some(100));
    assert!(machine.keeper.silence().contains("disciplined but not flagged"), "{}", machine.keeper.silence());
}

#[test]
fn a_daemon_that_dies_ends_the_trust_when_the_bound_has_grown_and_not_before() {
    for flagged in [true, false] {
        let mut machine = Machine::new();
        machine.silent(1_024, flagged, |s| 5_123 + 500 * (s % 64));
        // 1 ppm for the hour that was watched, then 500: 110 ms.
        let held = machine.until_untrusted(flagged, 5_123 + 500 * 63).unwrap();
        assert!((3_600..3_900).contains(&held), "{held} s, flagged {flagged}");
        let silence = machine.keeper.silence();
        assert!(silence.contains("it has grown since the last poll, 3"), "{silence}");
    }
}

#[test]
fn an_oscillator_that_wanders_is_held_over_for_less_long() {
    let mut machine = Machine::new();
    for s in 0..3_600 {
        if let Some(kernel) = &mut machine.kernel {
            kernel.frequency_ppb = s as i64 / 60 * 1_000;
        }
        machine.second(true, 5_123 + 500 * (s % 64));
    }
    let held = machine.until_untrusted(true, 5_123 + 500 * 15).unwrap();
    assert!((1_700..2_200).contains(&held), "105 ms at some 53 ppm, not {held} s");
}

#[test]
fn a_bound_that_a_source_too_vague_gives_is_named() {
    let mut machine = Machine::new();
    assert_eq!(machine.silent(60, true, |s| 131_001 + 500 * s).len(), 60);
    let silence = machine.keeper.silence();
    assert!(silence.contains("the clock's error bound is 131 ms, 100 ms at most"), "{silence}");
    assert!(silence.contains("maxpoll 6"), "{silence}");
}

#[test]
fn chrony_s_answers_are_trusted_although_the_kernel_knows_nothing() {
    let mut machine = Machine::new();
    for n in 0..600 {
        let answer = (n % 4 == 0).then(|| (tracking(), n));
        assert_eq!(machine.answered(answer), ClockState::Locked, "{n}");
    }
    assert!(machine.keeper.evidence.error_us().unwrap() < 5_000);
    assert!(machine.keeper.take_news().is_empty());
    // It is stopped: the last bound grows by what the frequency wanders, for an hour.
    for _ in 0..30 {
        machine.answered(None);
    }
    let news = machine.keeper.take_news();
    assert!(
        news.len() == 1 && news[0].starts_with("chrony no longer answers: the clock's error bound is 2."),
        "{news:?}"
    );
    let silent = (0..7_200).find(|_| machine.answered(None) == ClockState::Untrusted).unwrap();
    assert!((3_560..3_860).contains(&silent), "{silent}");
    assert_eq!(machine.answered(Some((tracking(), 1))), ClockState::Locked);
    assert_eq!(machine.keeper.take_news(), ["chrony keeps the clock again"]);
}

#[test]
fn why_chrony_s_own_bound_is_too_wide_is_named() {
    let correcting = Tracking { correction_s: -0.5, ..tracking() };
    let vague = Tracking { root_delay_s: 0.4, ..tracking() };
    let old = Tracking { root_dispersion_s: 0.3, ..tracking() };
    for (answer, ago_s, words) in [
        (correcting, 4, "makestep 1 3"),
        (vague, 4, "which source is that vague"),
        (old, 90_000, "does not answer"),
    ] {
        let mut machine = Machine::new();
        assert_eq!(machine.answered(Some((answer, ago_s))), ClockState::Untrusted);
        assert!(machine.keeper.silence().contains(words), "{}", machine.keeper.silence());
    }
}

#[test]
fn chrony_that_does_not_touch_the_clock_shows_how_far_off_it_is() {
    let mut machine = Machine::new();
    let off = |correction_s| Some((Tracking { correction_s, ..tracking() }, 1));
    assert_eq!(machine.answered(off(0.05)), ClockState::Locked);
    assert_eq!(machine.answered(off(-0.105)), ClockState::Holdover);
    assert_eq!(machine.answered(off(-0.12)), ClockState::Untrusted);
    assert!(
        machine.keeper.silence().contains("error bound by chrony is 122 ms"),
        "{}",
        machine.keeper.silence()
    );
}

#[test]
fn chrony_that_follows_nothing_is_not_trusted_and_named() {
    let lost = Tracking { synchronised: false, ..tracking() };
    let local = Tracking { reference: 0x7f7f_0101, root_delay_s: 0.0, ..tracking() };
    for (answer, words) in [(lost, "follows nothing yet"), (local, "serves its own time")] {
        let mut machine = Machine::new();
        for _ in 0..60 {
            assert_eq!(machine.answered(Some((answer, 1))), ClockState::Untrusted);
        }
        assert!(machine.keeper.silence().contains(words), "{}", machine.keeper.silence());
    }
}

#[test]
fn a_clock_set_by_hand_is_untrusted_until_it_is_measured_again() {
    for by in [3_600, -3_600, 1] {
        let mut machine = Machine::new();
        machine.silent(100, true, |s| 5_123 + 500 * s);
        machine.set_s = by;
        assert_eq!(machine.second(false, 16_000_000), ClockState::Untrusted, "{by}");
        assert!(machine.keeper.silence().contains("was set by"), "{}", machine.keeper.silence());
        assert_eq!(machine.silent(50, false, |_| 16_000_000).len(), 50);
        assert_eq!(machine.second(true, 5_000), ClockState::Locked, "measured");
        // A program that keeps the clock may set it: it writes the bound with it.
        machine.set_s = 0;
        assert_eq!(machine.second(true, 1_100), ClockState::Locked);
    }
}

#[test]
fn chrony_is_believed_after_a_clock_was_set_when_it_has_measured_it_since() {
    let mut machine = Machine::new();
    assert_eq!(machine.answered(Some((tracking(), 30))), ClockState::Locked);
    machine.set_s = 5;
    assert_eq!(machine.answered(Some((tracking(), 31))), ClockState::Untrusted, "chrony has not noticed");
    assert_eq!(machine.answered(Some((tracking(), 32))), ClockState::Untrusted);
    assert_eq!(machine.answered(Some((tracking(), 0))), ClockState::Locked);
}

#[test]
fn a_clock_that_is_set_slowly_is_trusted_when_that_is_done() {
    let mut machine = Machine::new();
    machine.silent(100, true, |s| 5_123 + 500 * s);
    if let Some(kernel) = &mut machine.kernel {
        kernel.frequency_ppb = 83_333_000;
    }
    let silent = machine.silent(10, true, |s| 55_123 + 500 * s);
    assert_eq!(silent.len(), 10);
    assert!(machine.keeper.silence().contains("set slowly"), "{}", machine.keeper.silence());
    if let Some(kernel) = &mut machine.kernel {
        kernel.frequency_ppb = 0;
    }
    assert_eq!(
        machine.second(true, 60_123),
        ClockState::Locked,
        "the bound was stated for the clock as it is then"
    );
}

#[test]
fn a_jump_that_the_kernel_does_not_know_of_is_a_reading_that_was_interrupted() {
    let mut machine = Machine::new();
    machine.silent(100, true, |s| 5_123 + 500 * s);
    machine.set_s = 1;
    assert_eq!(machine.second(true, 55_123), ClockState::Locked);
}

#[test]
fn after_sleep_nothing_stated_before_counts() {
    let mut machine = Machine::new();
    machine.silent(100, true, |s| 5_123 + 500 * s);
    machine.slept_s = 3_600;
    // The kernel did not count while it slept, so its bound looks as good as before.
    let silent = machine.silent(20, true, |s| 55_123 + 500 * s);
    assert_eq!(silent.len(), 20);
    assert!(machine.keeper.silence().contains("slept for 3600 s"), "{}", machine.keeper.silence());
    assert_eq!(machine.second(true, 3_000), ClockState::Locked);
}

#[test]
fn a_bound_that_is_taken_back_leaves_the_clock_held_over() {
    let mut machine = Machine::new();
    machine.silent(100, true, |s| 5_123 + 500 * s);
    assert_eq!(machine.second(false, 10_000_000), ClockState::Holdover);
    assert_eq!(machine.second(true, 5_000), ClockState::Locked);
}

fn wire(millis: u64) -> WireTime {
    WireTime::from_micros(720_000_000_000_000 + millis * 1000)
}

#[test]
fn fixes_that_disagree_end_the_trust_and_are_told_once() {
    let mut machine = Machine::new();
    let at = |n: u64| Instant::from_millis(n * 100);
    machine.second(true, 1_100);
    for n in 0..5 {
        machine.keeper.fix(wire(n * 100), wire(n * 100 + 5_000), at(n));
    }
    let news = machine.keeper.take_news();
    assert!(
        news.len() == 1 && news[0].starts_with("the clock is 5.0 s ahead of the positions' time"),
        "{news:?}"
    );
    assert!(machine.keeper.take_news().is_empty());
    assert_eq!(machine.second(true, 1_600), ClockState::Untrusted);
    assert!(machine.keeper.silence().contains("5.0 s ahead"), "{}", machine.keeper.silence());
    for n in 5..8 {
        machine.keeper.fix(wire(n * 100), wire(n * 100 + 200), at(n));
    }
    assert_eq!(machine.keeper.take_news(), ["positions and the clock agree again"]);
    assert_eq!(machine.keeper.fixes_refused(), None);
    assert_eq!(machine.second(true, 2_100), ClockState::Locked);
}

#[test]
fn fixes_that_come_late_leave_the_trust_and_name_the_line() {
    for (baud, words) in [
        (Some(9_600), "set the receiver and position.baud to 38400"),
        (Some(4_800), "position.baud to 19200"),
        (None, "gpsctl -s 38400"),
        (Some(460_800), "fewer positions a second"),
    ] {
        let mut machine = Machine::new();
        machine.keeper.baud = baud;
        for n in 0..20 {
            machine.second(true, 5_000);
            machine.keeper.fix(
                wire(n * 1000),
                wire(n * 1000 + 1_110 + n * 7 % 60),
                Instant::from_millis(machine.awake_s * 1000),
            );
        }
        assert_eq!(machine.keeper.state(), ClockState::Locked);
        let refused = machine.keeper.fixes_refused().unwrap_or_default();
        assert!(refused.contains("late each time"), "{refused}");
        let news = machine.keeper.take_news();
        assert!(news.len() == 1 && news[0].contains(words) && news[0].contains("GSV"), "{news:?}");
        for _ in 0..6 {
            machine.second(true, 5_000);
        }
        assert_eq!(machine.keeper.fixes_refused(), None, "none come");
        assert!(!news[0].contains("chrony"), "{news:?}");
    }
}

#[test]
fn a_receiver_whose_weeks_rolled_over_is_named() {
    let mut keeper = Timekeeper::new(ClockTrust::Always, None);
    for n in 0..5 {
        keeper.fix(wire(n), wire(n + 619_315_200_000), Instant::from_millis(n));
    }
    let news = keeper.take_news();
    assert!(
        news.len() == 1 && news[0].contains("week number") && news[0].contains("619315200.0 s"),
        "{news:?}"
    );
}

#[test]
fn a_laboratory_s_clock_is_trusted_whatever_happens() {
    let mut machine = Machine::new();
    machine.keeper = Timekeeper::new(ClockTrust::Always, None);
    for n in 0..5 {
        machine.keeper.fix(wire(n), wire(n + 86_400_000), Instant::from_millis(n));
    }
    assert_eq!(machine.second(false, 16_000_000), ClockState::Locked);
    let news = machine.keeper.take_news();
    assert!(news.len() == 1 && news[0].contains("trusted all the same"), "{news:?}");
    assert_eq!(machine.keeper.fixes_refused(), None, "the clock is no reason to be silent");
}

#[test]
fn an_offset_to_tai_that_cannot_be_right_is_told_once() {
    let mut machine = Machine::new();
    machine.kernel = Some(KernelClock { tai_offset: TaiOffset::Wrong(36), ..started() });
    machine.second(true, 1_100);
    let news = machine.keeper.take_news();
    assert!(news.len() == 1 && news[0].contains("is 36 s and cannot be right: 37 s are used"), "{news:?}");
    machine.second(true, 1_600);
    assert!(machine.keeper.take_news().is_empty());
}

#[test]
fn a_clock_that_was_set_back_since_chrony_measured_it_is_not_trusted() {
    let mut machine = Machine::new();
    assert_eq!(machine.answered(Some((tracking(), AHEAD))), ClockState::Untrusted);
    let silence = machine.keeper.silence();
    assert!(silence.contains("set back since chrony last measured it"), "{silence}");
    assert_eq!(machine.answered(Some((tracking(), 1))), ClockState::Locked);
}

#[test]
fn a_skew_beyond_measure_is_an_error_beyond_measure() {
    let mut machine = Machine::new();
    let worst = Tracking { skew_ppm: 2.0_f64.powi(62), ..tracking() };
    assert_eq!(machine.answered(Some((worst, 1))), ClockState::Locked);
    for _ in 0..2 * 3_600 {
        assert_eq!(machine.answered(None), ClockState::Untrusted);
    }
    assert!(machine.keeper.silence().contains("16 s or more"), "{}", machine.keeper.silence());
}

#[test]
fn which_of_clock_and_receiver_went_to_local_time_is_told() {
    let hour = |clock: u64, fixes: u64| {
        let mut keeper = Timekeeper::new(ClockTrust::Kernel, None);
        for n in 0..10 {
            let (set, jumped) = if n < 5 { (0, 0) } else { (clock, fixes) };
            keeper.fix(wire(n * 100 + jumped), wire(n * 100 + set), Instant::from_millis(n * 100));
        }
        keeper.take_news().pop().unwrap()
    };
    let news = hour(3_600_000, 0);
    assert!(news.contains("the clock was set, as to local time") && news.contains("makestep"), "{news}");
    let news = hour(0, 3_600_000);
    assert!(news.contains("the receiver's time jumped, as to local time"), "{news}");
}
