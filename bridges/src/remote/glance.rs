//! What is shown of one unit among many, from what its daemon answers.

use serde::Serialize;
use serde_json::Value;
use v2x_api::{Stats, Status};

use super::opening::printable;

/// A station as of its last answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Glance {
    /// `met`, `missed` or `nothing to judge`: whether it kept its deadlines.
    pub verdict: String,
    /// Why it sends nothing, where it sends nothing.
    pub silent_because: Option<String>,
    pub link_up: bool,
    /// `locked`, `holdover` or `untrusted`.
    pub clock: String,
    /// Degrees.
    pub latitude_deg: Option<f64>,
    pub longitude_deg: Option<f64>,
    pub position_age_s: Option<f64>,
    pub neighbours: u64,
    pub hazards: u64,
    /// Frames dropped since its start.
    pub drops: u64,
    /// Messages that did not come before their deadline, since its start.
    pub missed: u64,
    pub uptime_s: f64,
    pub software: String,
    pub digest: String,
}

impl Glance {
    /// Of two answers. Texts are a unit's: made printable here.
    pub fn of(status: &Status, stats: &Stats) -> Self {
        let classes = stats.report.get("classes").and_then(Value::as_array);
        let missed = classes.into_iter().flatten().filter_map(|class| class.get("missed")?.as_u64());
        let verdict = stats.report.get("verdict").and_then(Value::as_str).unwrap_or("unknown");
        let silent =
            (!status.sending).then(|| status.not_sending_because.as_deref().unwrap_or("no reason given"));
        let position = status.position.as_ref();
        Self {
            verdict: printable(verdict).replace('_', " "),
            silent_because: silent.map(|reason| printable(reason).replace('_', " ")),
            link_up: status.link_up,
            clock: printable(&status.clock),
            latitude_deg: position.map(|position| position.latitude_deg),
            longitude_deg: position.map(|position| position.longitude_deg),
            position_age_s: position.map(|position| position.age_ms.max(0.0) / 1000.0),
            neighbours: status.neighbours,
            hazards: status.hazards,
            drops: status.frames_dropped,
            missed: missed.fold(0, u64::saturating_add),
            uptime_s: status.uptime_s,
            software: printable(&status.software),
            digest: printable(&status.digest),
        }
    }

    /// Whether somebody should look.
    pub fn is_well(&self) -> bool {
        self.verdict != "missed" && self.silent_because.is_none() && self.link_up && self.clock == "locked"
    }

    /// The verdict in a word, or why there is nothing to judge.
    pub fn verdict_shown(&self) -> &str {
        match (&self.silent_because, self.link_up) {
            (_, false) => "link down",
            (Some(_), _) => "silent",
            _ if self.verdict == "nothing to judge" => "no traffic",
            _ => &self.verdict,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn deadlines_are_counted_over_all_classes_and_texts_are_printable() {
        let report = json!({ "verdict": "missed", "classes": [{ "missed": 3 }, {}, { "missed": 4 }, { "missed": u64::MAX }] });
        let status =
            Status { clock: "lo\u{1b}[2Jcked".to_owned(), link_up: true, sending: true, ..Status::default() };
        let glance = Glance::of(&status, &Stats { report, ..Stats::default() });
        assert_eq!(
            (glance.missed, &*glance.verdict, &*glance.clock),
            (u64::MAX, "missed", "lo\u{fffd}[2Jcked")
        );
        assert!(!glance.is_well());
    }

    #[test]
    fn a_unit_that_cannot_send_is_judged_by_that() {
        let status =
            Status { link_up: true, not_sending_because: Some("no_fix".to_owned()), ..Status::default() };
        let glance = Glance::of(&status, &Stats::default());
        assert_eq!((glance.verdict_shown(), glance.silent_because.as_deref()), ("silent", Some("no fix")));
        let glance = Glance { link_up: false, ..glance };
        assert_eq!(glance.verdict_shown(), "link down");
        let sending =
            Glance { link_up: true, silent_because: None, verdict: "nothing to judge".to_owned(), ..glance };
        assert_eq!(sending.verdict_shown(), "no traffic");
    }
}
