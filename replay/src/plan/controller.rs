//! What a roadside unit sends when a controller feeds it: the newest state ten times a second, and nothing once that
//! is a second old.
//!
//! The unit's application here is a model; the daemon's, in `v2x-node`, uses the same two figures.

use super::{Controller, ns};

/// When the unit sends, s after the warm-up, and the controller's report that a message carries for the
/// first time; a repetition carries none.
pub(super) fn messages(controller: &Controller) -> Vec<(f64, Option<f64>)> {
    let reports = ((controller.until_s - controller.from_s) * controller.rate_hz).floor() as u64;
    let report_s = |number: u64| controller.from_s + number as f64 / controller.rate_hz;
    let last_s = report_s(reports);
    let ticks = ((last_s - controller.from_s + STALE_S) * UNIT_HZ).ceil() as u64;
    let mut said = None;
    let mut messages = Vec::new();
    for tick in 0..ticks {
        let at_s = controller.from_s + tick as f64 / UNIT_HZ;
        let newest = (((at_s - controller.from_s) * controller.rate_hz + 1e-9).floor() as u64).min(reports);
        if ns(at_s) >= ns(report_s(newest) + STALE_S) {
            continue;
        }
        messages.push((at_s, (said != Some(newest)).then(|| report_s(newest))));
        said = Some(newest);
    }
    messages
}

/// SAE J2735 and ISO/TS 19091 practice: signal states at 10 Hz.
const UNIT_HZ: f64 = 10.0;
/// A state older than this is not repeated.
const STALE_S: f64 = 1.0;

#[cfg(test)]
mod tests {
    use super::*;

    fn controller(rate_hz: f64) -> Controller {
        Controller { unit: "unit".to_owned(), intersection: 1, rate_hz, from_s: 2.0, until_s: 4.0 }
    }

    #[test]
    fn states_go_out_ten_times_a_second_and_stop_a_second_after_the_controller() {
        for rate_hz in [2.0, 5.0, 10.0, 20.0] {
            let messages = messages(&controller(rate_hz));
            let last_report = messages.iter().filter_map(|(_, report)| *report).fold(0.0, f64::max);
            let (first, last) = (messages[0], messages[messages.len() - 1]);
            assert_eq!(first, (2.0, Some(2.0)));
            assert!((last_report - 4.0).abs() < 0.11, "{rate_hz} Hz: {last_report}");
            assert!(last.0 < 5.0 && last.0 > 4.8, "{rate_hz} Hz: {last:?}");
            assert!(messages.windows(2).all(|pair| (pair[1].0 - pair[0].0 - 0.1).abs() < 1e-6));
        }
    }

    #[test]
    fn a_slow_controller_s_states_are_repeated_while_they_are_fresh() {
        let messages = messages(&controller(0.5));
        let silent = messages.iter().filter(|(at_s, _)| (3.0..4.0).contains(at_s)).count();
        assert_eq!(silent, 0);
        assert_eq!(messages.iter().filter(|(_, report)| report.is_some()).count(), 2);
    }
}
