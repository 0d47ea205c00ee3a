//! What is wrong with the clock, and the one setting that mends it.

use core::time::Duration;

use radio_adapters::clock::TaiOffset;

use super::bound::NEVER_US;
use super::evidence::{Chrony, Disturbance, Evidence};
use super::fix_times::{Agreement, Moved};
use crate::config::ClockTrust;

/// Why nothing is signed by the clock, whose error has to be under `limit_us`.
pub fn untrusted(evidence: &Evidence, limit_us: u64) -> String {
    let waiting = "the next measurement ends that (chronyc burst 4/4; systemctl restart systemd-timesyncd)";
    match evidence.disturbed() {
        Some(Disturbance::Set(by)) => {
            return format!(
                "the clock was set by {:.3} s and not measured since: {waiting}",
                by.as_secs_f64()
            );
        }
        Some(Disturbance::Slept(by)) => {
            return format!(
                "the machine slept for {} s and the clock was not measured since: {waiting}",
                by.as_secs()
            );
        }
        None => {}
    }
    if let Some(error_us) = evidence.error_us() {
        return grown(evidence, error_us, limit_us);
    }
    match evidence.chrony() {
        Some(Chrony::Lost) => {
            return "the clock is not synchronised: chrony runs and follows nothing yet (chronyc sources says why; iburst in its \
                    server lines makes it seconds)"
                .to_owned();
        }
        Some(Chrony::Local) => {
            return "the clock is not synchronised: chrony serves its own time and follows nothing (add a server or a refclock \
                    beside its local stratum)"
                .to_owned();
        }
        Some(Chrony::Stale) => {
            return "the clock is not synchronised: it was set back since chrony last measured it (chronyc burst 4/4 measures it now)"
                .to_owned();
        }
        Some(Chrony::Follows) | None => {}
    }
    if evidence.is_slewing() {
        return "the clock is being set slowly: makestep 1 3 in chrony.conf sets it at once, chronyc makestep now".to_owned();
    }
    let Some(clock) = evidence.kernel_clock() else {
        return "the kernel does not say how good the clock is (a sandbox forbids adjtimex: with systemd, SystemCallFilter=@clock)"
            .to_owned();
    };
    if clock.max_error_us < NEVER_US {
        let bound = seconds(clock.max_error_us);
        return format!(
            "the clock is not synchronised: what keeps it has lost its source (the kernel's error bound is {bound}; chronyc sources \
             or timedatectl timesync-status says why)"
        );
    }
    if evidence.is_steered() {
        return "the clock is disciplined but not flagged: something steers it and states no error bound (run chrony, timesyncd or \
                phc2sys in its place)"
            .to_owned();
    }
    "the clock is not synchronised: nothing disciplines it (run chrony with rtcsync; in a laboratory set clock.trust = \"always\")"
        .to_owned()
}

/// What the times of fixes say.
pub fn agreement(agreement: Agreement, trust: ClockTrust, baud: Option<u32>) -> String {
    match agreement {
        Agreement::Agree => "positions and the clock agree again".to_owned(),
        Agreement::Late { lag, jitter } => late(lag, jitter, baud),
        Agreement::Disagree { ahead_s, moved } => disagree(ahead_s, moved, trust, baud),
    }
}

/// That the clock is trusted although the kernel calls it unsynchronised.
pub fn unflagged(evidence: &Evidence) -> String {
    let bound = evidence.error_us().map_or_else(String::new, |error| format!(", {}", seconds(error)));
    let by = match evidence.chrony() {
        Some(Chrony::Follows) => "chrony",
        _ => "a program",
    };
    format!(
        "the clock is disciplined but not flagged as synchronised: judged by the error bound of {by}{bound} (rtcsync in chrony.conf \
         sets the flag)"
    )
}

/// That chrony has ceased to keep the clock, or does again.
pub fn chrony(evidence: &Evidence) -> String {
    let change = match evidence.chrony() {
        Some(Chrony::Follows) => return "chrony keeps the clock again".to_owned(),
        Some(Chrony::Lost | Chrony::Local) => "chrony no longer follows a source",
        Some(Chrony::Stale) => "chrony has not measured the clock since it was set or the machine slept",
        None => "chrony no longer answers",
    };
    let rest = match evidence.error_us() {
        Some(error) => format!("the clock's error bound is {} and grows", seconds(error)),
        None => "nothing bounds the clock's error".to_owned(),
    };
    format!("{change}: {rest}")
}

/// That the kernel's offset to TAI is not used.
pub fn tai(offset: TaiOffset) -> String {
    let kernel = match offset {
        TaiOffset::Set(kernel) | TaiOffset::Unset(kernel) | TaiOffset::Wrong(kernel) => kernel,
    };
    format!(
        "the kernel's offset from UTC to TAI is {kernel} s and cannot be right: {} s are used (chrony: leapsectz right/UTC; ptp4l: \
         utc_offset 37 at the grandmaster)",
        offset.seconds()
    )
}

fn grown(evidence: &Evidence, error_us: u64, limit_us: u64) -> String {
    let (bound, limit) = (seconds(error_us), seconds(limit_us));
    if let Some(answer) = evidence.chrony_answer().filter(|_| evidence.chrony() == Some(Chrony::Follows)) {
        let mend = if answer.is_correcting() {
            "it is working off an offset: makestep 1 3 in chrony.conf sets it at once, chronyc makestep now"
        } else if answer.measured_ago > LONG_AGO {
            "chronyc sources says which source does not answer"
        } else {
            "chronyc sources says which source is that vague; maxpoll 6 asks it every minute"
        };
        let ago = answer.measured_ago.as_secs();
        return format!(
            "the clock's error bound by chrony is {bound}, {limit} at most is allowed; measured {ago} s ago ({mend})"
        );
    }
    let mend = match evidence.kernel_clock() {
        Some(clock) if !clock.flagged => {
            "disciplined but not flagged; chrony: rtcsync sets the flag, and cmdport 323 tells the true bound"
        }
        Some(clock) if clock.kernel_steers && clock.estimated_error_us == 0 => {
            "timesyncd: PollIntervalMaxSec=64"
        }
        Some(clock) if clock.kernel_steers => "ntpd: maxpoll 6",
        _ => "chrony: maxpoll 6, or cmdport 323, which tells the true bound; ptp4l: phc2sys has to run",
    };
    let since = match evidence.age() {
        Some(age) if evidence.has_seen_poll() => format!("the last poll, {} s ago", age.as_secs()),
        _ => "the last poll, before this station started".to_owned(),
    };
    format!(
        "the clock's error bound is {bound}, {limit} at most is allowed; it has grown since {since} ({mend})"
    )
}

fn late(lag: Duration, jitter: Duration, baud: Option<u32>) -> String {
    let line = baud.unwrap_or(USUAL_BAUD);
    let needed = f64::from(line) * lag.as_secs_f64() / GOOD_LAG_S;
    let faster = SPEEDS.iter().find(|speed| f64::from(**speed) >= needed).filter(|speed| **speed > line);
    let mend = match (faster, baud) {
        (Some(speed), Some(_)) => format!("set the receiver and position.baud to {speed}"),
        (Some(speed), None) => format!("set the receiver's line to {speed} baud: gpsctl -s {speed}"),
        (None, _) => "let the receiver send fewer positions a second".to_owned(),
    };
    format!(
        "positions come {:.2} s late each time (they differ by {:.2} s): the way from the receiver is slow, the clock is not to blame ({mend}, \
         or leave out its GSV sentences)",
        lag.as_secs_f64(),
        jitter.as_secs_f64()
    )
}

fn disagree(ahead_s: f64, moved: Moved, trust: ClockTrust, baud: Option<u32>) -> String {
    let by = ahead_s.abs();
    let way = if ahead_s > 0.0 { "ahead of" } else { "behind" };
    let cause = match moved {
        _ if near_multiple(by, ROLLOVER_S, DAY_S) => match baud {
            Some(_) => "the receiver's week number has rolled over: read it through gpsd, which mends that",
            None => "the receiver's week number has rolled over: its firmware has to be renewed",
        },
        _ if ahead_s < 0.0 && near_multiple(by, 1.0, 0.4) && by < LEAPS_S => {
            "the receiver has not heard the leap seconds yet: it does within 13 minutes under open sky"
        }
        _ if (by - TAI_S).abs() < 1.5 => "TAI is taken for UTC: phc2sys -w, or -O -37",
        _ if near_multiple(by, 1800.0, 2.0) && by < DAY_S => match moved {
            Moved::Clock => {
                "the clock was set, as to local time in place of UTC: chronyc makestep sets it right"
            }
            Moved::Fixes => {
                "the receiver's time jumped, as to local time in place of UTC: restart the receiver"
            }
            Moved::Unknown => "local time is taken for UTC: timedatectl set-local-rtc 0",
        },
        Moved::Clock => "the clock was set: chronyc makestep sets it right",
        Moved::Fixes => "the receiver's time jumped: restart the receiver, and look at it with gpsmon",
        Moved::Unknown => "one of them is wrong from the start: compare chronyc tracking and gpsmon",
    };
    let result = match trust {
        ClockTrust::Kernel => "not signing by it",
        ClockTrust::Always => "trusted all the same, by clock.trust",
    };
    format!("the clock is {by:.1} s {way} the positions' time, {result} ({cause})")
}

/// Whether `value` lies within `tolerance` of a multiple of `unit`, but 0.
fn near_multiple(value: f64, unit: f64, tolerance: f64) -> bool {
    let count = (value / unit).round();
    count >= 1.0 && (value - count * unit).abs() < tolerance
}

fn seconds(us: u64) -> String {
    match us {
        0..10_000 => format!("{:.1} ms", us as f64 / 1e3),
        10_000..1_000_000 => format!("{} ms", us / 1000),
        NEVER_US.. => "16 s or more".to_owned(),
        _ => format!("{:.1} s", us as f64 / 1e6),
    }
}

/// Longer than chrony's usual longest poll interval, 1,024 s, twice missed.
const LONG_AGO: Duration = Duration::from_secs(2 * 1024);
/// A receiver's usual line, where gpsd has opened it and it is not known.
const USUAL_BAUD: u32 = 9600;
/// What is aimed at: a position that is as late as a beacon's interval hurts nobody.
const GOOD_LAG_S: f64 = 0.3;
/// Speeds that receivers have.
const SPEEDS: [u32; 7] = [9600, 19_200, 38_400, 57_600, 115_200, 230_400, 460_800];
/// GPS counts 1,024 weeks and begins anew (IS-GPS-200, 20.3.3.3.1.1).
const ROLLOVER_S: f64 = 1024.0 * 7.0 * DAY_S;
const DAY_S: f64 = 86_400.0;
/// TAI - UTC since 2017.
const TAI_S: f64 = 37.0;
/// GPS time was 18 s ahead of UTC in 2017; a receiver that does not know is off by that or less.
const LEAPS_S: f64 = 20.0;
