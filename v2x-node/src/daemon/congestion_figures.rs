//! How congestion control stands, for reports and answers.

use v2x_api::CongestionFigures;
use v2x_core::{Imminent, Node, Regulation};
use v2x_report::CongestionReport;

/// For an answer.
pub fn answer(node: &Node) -> CongestionFigures {
    let state = node.congestion();
    let ms = |duration: core::time::Duration| (duration.as_secs_f64() * 1e6).round() / 1e3;
    let counts = state.counts;
    CongestionFigures {
        rule: state.congestion.name().to_owned(),
        regulation: state.regulation.name().to_owned(),
        imminent: imminent(node).name().to_owned(),
        busy: rounded(state.busy, 1e3),
        source: state.basis.name().to_owned(),
        share: state.share.map(|share| rounded(share, 1e5)),
        step: state.step.map(|step| step as u64),
        interval_ms: ms(state.interval),
        power_cap_dbm: state.power_cap_dbm,
        frames: counts.frames,
        beacons_held: counts.beacons_held,
        hold_mean_ms: match u32::try_from(counts.beacons_held) {
            Ok(0) | Err(_) => 0.0,
            Ok(held) => ms(counts.held / held),
        },
        hold_max_ms: ms(counts.longest_hold),
        tracking_errors: counts.tracking_errors,
    }
}

/// For a report; `None` where there is neither a rule nor a law.
pub fn report(node: &Node) -> Option<CongestionReport> {
    let figures = answer(node);
    if figures.rule == "off" && figures.regulation == "none" {
        return None;
    }
    Some(CongestionReport {
        congestion: figures.rule,
        regulation: figures.regulation,
        imminent: figures.imminent,
        source: figures.source,
        busy: figures.busy,
        busy_range: None,
        share: figures.share,
        step: figures.step,
        interval_ms: Some(figures.interval_ms),
        power_cap_dbm: figures.power_cap_dbm,
        beacons_held: figures.beacons_held,
        hold_mean_ms: figures.hold_mean_ms,
        hold_max_ms: figures.hold_max_ms,
        tracking_errors: figures.tracking_errors,
    })
}

/// `adaptive, a frame each 31 ms; regulation none, imminent lab`.
pub fn in_words(figures: &CongestionFigures) -> String {
    let CongestionFigures { rule, regulation, imminent, .. } = figures;
    let mut text = rule.clone();
    if rule != "off" {
        text += &format!(", a frame each {:.0} ms", figures.interval_ms);
        if figures.source == "assumed" {
            text += &format!(" (channel assumed {:.0} % busy)", figures.busy * 100.0);
        }
    }
    if figures.beacons_held > 0 {
        text += &format!(", {} beacons held for {:.0} ms", figures.beacons_held, figures.hold_mean_ms);
    }
    text + &format!("; regulation {regulation}, imminent {imminent}")
}

fn imminent(node: &Node) -> Imminent {
    match node.config().regulation {
        Regulation::None => node.config().imminent,
        Regulation::En302571 => Imminent::Regulated,
    }
}

fn rounded(value: f64, scale: f64) -> f64 {
    (value * scale).round() / scale
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_the_rule_its_pace_and_the_law() {
        let mut figures = CongestionFigures {
            rule: "adaptive".to_owned(),
            regulation: "none".to_owned(),
            imminent: "lab".to_owned(),
            busy: 0.5,
            source: "assumed".to_owned(),
            interval_ms: 31.2,
            ..CongestionFigures::default()
        };
        let line = "adaptive, a frame each 31 ms (channel assumed 50 % busy); regulation none, imminent lab";
        assert_eq!(in_words(&figures), line);
        (figures.source, figures.beacons_held, figures.hold_mean_ms) = ("survey".to_owned(), 7, 12.4);
        assert_eq!(
            in_words(&figures),
            "adaptive, a frame each 31 ms, 7 beacons held for 12 ms; regulation none, imminent lab"
        );
        figures = CongestionFigures {
            rule: "off".to_owned(),
            regulation: "en302571".to_owned(),
            imminent: "regulated".to_owned(),
            ..CongestionFigures::default()
        };
        assert_eq!(in_words(&figures), "off; regulation en302571, imminent regulated");
    }
}
