//! Why a run has nothing to judge, or little, and what to do about it.

use super::human::percent;
use super::{Kind, Report};

impl Report {
    /// Why there is nothing to judge, and what to do about it: one sentence each.
    pub fn nothing_because(&self) -> Vec<String> {
        let frames = self.frames;
        if frames.received == 0 {
            return vec![match self.kind {
                Kind::Run => "nothing was received from another station".to_owned(),
                _ => "no station was in reach of another".to_owned(),
            }];
        }
        if frames.delivered > 0 {
            return vec!["no message with a deadline was due to a station".to_owned()];
        }
        let mut lines = vec![format!("{} frames received, none delivered", frames.received)];
        if let Some((reason, count)) = self.most_dropped() {
            lines[0] += &format!("; {} dropped as {reason}", percent(count as f64 / frames.received as f64));
            lines.extend(self.remedy(reason).map(str::to_owned));
        }
        lines
    }

    /// Warns when at least half of the frames that arrived were dropped for a reason that somebody can remove.
    pub fn warn_of_drops(&mut self) {
        let received = self.frames.received;
        let worst = self.most_dropped().filter(|(_, count)| count * 2 >= received);
        if let Some((reason, count)) = worst
            && self.frames.delivered > 0
            && let Some(remedy) = self.remedy(reason)
        {
            let share = percent(count as f64 / received as f64);
            self.warnings.push(format!("{share} of the frames received were dropped as {reason}: {remedy}"));
        }
    }

    /// What somebody can do about frames dropped for this reason. Where an issuer is not known, its stations' credentials
    /// never become known either.
    fn remedy(&self, reason: &str) -> Option<&'static str> {
        let unknown = reason == "unknown_credential" && self.drops.contains_key("unknown_issuer");
        remedy(if unknown { "unknown_issuer" } else { reason })
    }

    /// The most frequent reason for which frames were dropped; of equal ones the first by name.
    fn most_dropped(&self) -> Option<(&str, u64)> {
        let most = self.drops.iter().rev().max_by_key(|(_, count)| **count)?;
        Some((most.0, *most.1))
    }
}

/// What somebody can do about frames dropped for this reason; `None` where the reason is the air, a peer or an attack.
fn remedy(reason: &str) -> Option<&'static str> {
    Some(match reason {
        "unknown_credential" => "their credentials have not come yet: let both stations run for some seconds",
        "unknown_issuer" => {
            "the senders' issuer is not known here: copy root.cred and issuer.cred from the machine that has the authority"
        }
        "test_traffic" => "the senders or this station are set up for tests, the others are in service",
        "stale" | "from_future" | "credential_not_yet_valid" | "credential_expired" => {
            "compare the clocks of both stations, then the validity of the senders' credentials (roadcast keys show)"
        }
        "replayed" | "own" => "is the same credential in use twice? Each station needs one of its own",
        "out_of_reach" => {
            "compare the positions of both stations: they say that they are too far apart to hear each other"
        }
        "bad_version" | "unknown_kind" | "unknown_type" => {
            "the senders run another version: see --version there and here"
        }
        "credential_signature" | "credential_nesting" | "credential_known_bad" => {
            "issuer.cred here is not the one that issued the senders' credentials: copy it from the machine that has the authority"
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use v2x_core::DropReason;

    use super::*;
    use crate::report::{Frames, Verdict, Verify};
    use crate::stats::Stats;

    fn report(kind: Kind, frames: (u64, u64), drops: &[(&str, u64)]) -> Report {
        let mut report = Report::new(kind, "1", Verify::Every, &Stats::new());
        report.frames = Frames { received: frames.0, delivered: frames.1, dropped: frames.0 - frames.1 };
        report.drops = drops.iter().map(|(reason, count)| ((*reason).to_owned(), *count)).collect();
        report
    }

    #[test]
    fn a_run_that_delivered_nothing_names_the_reason_and_the_remedy() {
        let drops = [("unknown_credential", 257), ("unknown_issuer", 33)];
        let report = report(Kind::Run, (290, 0), &drops);
        assert_eq!(report.verdict, Verdict::NothingToJudge);
        let lines = report.nothing_because();
        assert_eq!(lines[0], "290 frames received, none delivered; 88.6 % dropped as unknown_credential");
        assert!(lines[1].contains("copy root.cred and issuer.cred"), "{lines:?}");
        assert!(report.table().contains("verdict: NOTHING TO JUDGE - 290 frames received"));
        assert_eq!(report.check(), Ok(()));
    }

    #[test]
    fn a_run_without_neighbours_says_that_nobody_was_heard() {
        let alone = report(Kind::Run, (0, 0), &[]).nothing_because();
        assert_eq!(alone, ["nothing was received from another station"]);
        let apart = report(Kind::Replay, (0, 0), &[]).nothing_because();
        assert_eq!(apart, ["no station was in reach of another"]);
        let late = report(Kind::Run, (3, 3), &[]).nothing_because();
        assert_eq!(late, ["no message with a deadline was due to a station"]);
    }

    #[test]
    fn a_warning_names_what_half_of_the_frames_were_dropped_for() {
        let mut mixed = report(Kind::Run, (100, 20), &[("unknown_issuer", 60), ("exact_copy", 20)]);
        mixed.warn_of_drops();
        assert!(
            mixed.warnings[0].starts_with("60.0 % of the frames received were dropped as unknown_issuer: ")
        );
        // Copies are how a flood travels.
        let mut copies = report(Kind::Run, (100, 20), &[("exact_copy", 80)]);
        copies.warn_of_drops();
        assert!(copies.warnings.is_empty());
    }

    #[test]
    fn a_remedy_is_for_a_reason_that_exists() {
        let named = [
            "unknown_issuer",
            "unknown_credential",
            "test_traffic",
            "stale",
            "from_future",
            "credential_not_yet_valid",
            "credential_expired",
            "replayed",
            "own",
            "out_of_reach",
            "bad_version",
            "unknown_kind",
            "unknown_type",
            "credential_signature",
            "credential_nesting",
            "credential_known_bad",
        ];
        for name in named {
            assert!(remedy(name).is_some(), "{name}");
            assert!(DropReason::ALL.iter().any(|reason| reason.name() == name), "{name}");
        }
        let known = DropReason::ALL.iter().filter(|reason| remedy(reason.name()).is_some());
        assert_eq!(known.count(), named.len());
    }
}
