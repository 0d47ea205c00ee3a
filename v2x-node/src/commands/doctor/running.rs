//! What a running daemon says of itself.

use v2x_api::Status;
use v2x_api::display::seconds;

use super::finding::Finding;
use crate::daemon::congestion_figures;

/// Its status, link by link of the chain.
pub(super) fn running(status: &Status) -> Vec<Finding> {
    let mut findings = vec![
        Finding::good("daemon", format!("{}, running for {}", status.software, seconds(status.uptime_s))),
        link(status),
        clock(status),
        position(status),
        sending(status),
        neighbours(status),
    ];
    findings.extend(congestion(status));
    findings.extend(drops(status));
    findings.extend(not_sent(status));
    if let Some(other) = &status.heard_elsewhere {
        findings.push(Finding::bad(
            "credential",
            format!("{} is used by another station too, at {}", other.credential, other.link_address),
            "issue this station one of its own: roadcast keys issue --name NAME",
        ));
    }
    findings
}

fn link(status: &Status) -> Finding {
    if status.link_up {
        return Finding::good("link", format!("up, {}", status.link));
    }
    Finding::bad(
        "link",
        format!("down: {}", status.link),
        "the daemon's log says why; ip link, and for a radio: roadcast link probe",
    )
}

fn clock(status: &Status) -> Finding {
    match status.clock.as_str() {
        "locked" => Finding::good("clock", "trusted (locked)"),
        "holdover" => Finding::warn(
            "clock",
            "trusted for some minutes more: what kept it has gone (holdover)",
            "chronyc sources, or timedatectl timesync-status",
        ),
        other => Finding::bad(
            "clock",
            format!("not trusted ({other})"),
            "apt install chrony; chronyc tracking. In a laboratory: clock.trust = \"always\"",
        ),
    }
}

fn position(status: &Status) -> Finding {
    let mend = "gpspipe -w -n 5 shows what the receiver says; it needs a view of the sky";
    let Some(position) = &status.position else {
        return Finding::bad("position", "none since the start", mend);
    };
    let age = position.age_ms / 1000.0;
    if age > OLD_POSITION_S {
        return Finding::bad("position", format!("lost: the last one is {} old", seconds(age)), mend);
    }
    let within = position.accuracy_m.map_or_else(String::new, |metres| format!(" within {metres:.1} m"));
    let said = format!("{:.5}, {:.5}{within}", position.latitude_deg, position.longitude_deg);
    match position.accuracy_m.filter(|metres| *metres > POOR_M) {
        None => Finding::good("position", said),
        Some(_) => Finding::warn("position", said, "an aerial with a view of the sky: lanes are 3.5 m wide"),
    }
}

fn sending(status: &Status) -> Finding {
    if status.sending {
        return Finding::good("sending", "yes");
    }
    let (said, mend) = match status.not_sending_because.as_deref() {
        Some("no_fix") => ("no: it does not know where it is", "see position"),
        Some("clock_untrusted") => ("no: the clock is not trusted", "see clock"),
        Some("credential_not_valid") => {
            ("no: its credential is not valid now", "roadcast keys issue --force")
        }
        Some("credential_revoked") => {
            ("no: its credential is revoked", "ask the authority why, and for a new one")
        }
        Some("outside_region") => {
            ("no: it is outside its credential's region", "roadcast keys show FILE says which region")
        }
        _ => ("no", "the daemon's log says why"),
    };
    Finding::bad("sending", said, mend)
}

fn neighbours(status: &Status) -> Finding {
    match (status.neighbours, status.frames_received) {
        (0, 0) => Finding::warn(
            "neighbours",
            "not one frame was received",
            "are others in range, on the same group, EtherType or channel? roadcast dump --config FILE shows what comes in",
        ),
        (0, frames) => Finding::warn(
            "neighbours",
            format!("none now; {frames} frames were received"),
            "see drops: frames that come in and are dropped make nobody a neighbour",
        ),
        (1, _) => Finding::good("neighbours", "1 station heard"),
        (many, _) => Finding::good("neighbours", format!("{many} stations heard")),
    }
}

/// What keeps the rate to what the channel bears, and how much it has to.
fn congestion(status: &Status) -> Option<Finding> {
    let figures = status.congestion.as_ref()?;
    let said = congestion_figures::in_words(figures);
    if figures.source == "assumed" && figures.rule != "off" {
        let mend =
            "nothing measures the channel and nobody is heard; docs/congestion.md says what the rate goes by";
        return Some(Finding::warn("congestion", said, mend));
    }
    if figures.busy > FULL && figures.rule == "off" {
        let mend = "others send less for it when this station does not: congestion = \"adaptive\"";
        return Some(Finding::warn("congestion", said, mend));
    }
    Some(Finding::good("congestion", said))
}

/// Reasons of drops that somebody can do something about, the most frequent first.
fn drops(status: &Status) -> Vec<Finding> {
    let mut known: Vec<_> = status
        .drops
        .iter()
        .filter_map(|(reason, count)| Some((*count, reason, explained(reason)?)))
        .collect();
    known.sort_by(|a, b| b.cmp(a));
    let share = |count: u64| 100.0 * count as f64 / status.frames_received.max(1) as f64;
    let mut findings: Vec<_> = known
        .into_iter()
        .filter(|(count, ..)| share(*count) >= WORTH_PERCENT)
        .take(MOST_DROPS)
        .map(|(count, reason, (what, mend))| {
            Finding::warn("drops", format!("{count} frames ({:.0} %) {reason}: {what}", share(count)), mend)
        })
        .collect();
    if findings.is_empty() {
        findings
            .push(Finding::good("drops", format!("{}, none that points to a fault", status.frames_dropped)));
    }
    findings
}

/// What a reason means where it is more than an accident, and what mends that.
fn explained(reason: &str) -> Option<(&'static str, &'static str)> {
    Some(match reason {
        "unknown_issuer" => (
            "their senders are certified by an authority that this station does not know",
            "identity.issuers and identity.roots: the same authority for all, or add theirs",
        ),
        "unknown_credential" => (
            "their senders' credentials did not come in time: many losses, or stations that send none",
            "compare signal strengths (roadcast neighbours); more range or fewer stations on the channel",
        ),
        "credential_expired" | "credential_not_yet_valid" => (
            "their senders' credentials are not valid by this station's clock",
            "compare the clocks of both (date -u; chronyc tracking), then roadcast keys show THEIR.cred",
        ),
        "stale" | "from_future" | "bad_lifetime" => (
            "their times do not fit this station's clock",
            "compare the clocks of both: chronyc tracking; a wrong TAI offset is 37 s",
        ),
        "revoked" => {
            ("their senders' credentials are revoked", "nothing here: their operators need new ones")
        }
        "credential_region" | "out_of_reach" => (
            "they say to be where they cannot be, or outside their region",
            "roadcast neighbours: is this station's own position right?",
        ),
        "permission_denied" | "role_denied" => (
            "they say what their credentials do not permit",
            "roadcast keys show THEIR.cred; roadcast keys issue --also LIST adds permissions",
        ),
        "signature_invalid" | "credential_signature" => (
            "their signatures are wrong: damaged frames, or somebody forges them",
            "roadcast dump --config FILE shows from which link addresses",
        ),
        "verify_queue_full" | "verify_too_late" => (
            "this machine does not verify as fast as they come",
            "a release build, fewer other programs, [realtime]; benches/README.md has frames a second",
        ),
        "test_traffic" => ("they are marked as test traffic", "[station] test = true takes them too"),
        "bad_version" | "unknown_kind" | "truncated" | "reserved_bits" => (
            "they are of another protocol or version",
            "another EtherType or group for one of the two: link.ethertype, link.group",
        ),
        "isolated" => (
            "their senders were found out lying",
            "roadcast neighbours shows them; plausibility = \"flag\" only marks them",
        ),
        _ => return None,
    })
}

fn not_sent(status: &Status) -> Option<Finding> {
    let total: u64 = status.not_sent.values().sum();
    let (reason, count) = status.not_sent.iter().max_by_key(|(_, count)| **count)?;
    Some(Finding::warn(
        "not sent",
        format!("{total} own messages, {count} of them {reason}"),
        "the daemon's log and report say when; a link that is full has too much to carry",
    ))
}

/// Above it the adaptive rule would hold stations back.
const FULL: f64 = 0.6;
/// A position this old is lost (`limits::MAX_FIX_AGE`).
const OLD_POSITION_S: f64 = 2.0;
/// Beyond this a position does not tell lanes and directions apart.
const POOR_M: f64 = 10.0;
/// Drops of at least this share of all frames received are shown.
const WORTH_PERCENT: f64 = 1.0;
const MOST_DROPS: usize = 4;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use v2x_api::StationPosition;
    use v2x_core::DropReason;

    use super::*;
    use crate::colour::Mark;

    fn healthy() -> Status {
        Status {
            software: "roadcast 0.1.0".to_owned(),
            link_up: true,
            sending: true,
            clock: "locked".to_owned(),
            position: Some(StationPosition { accuracy_m: Some(1.5), ..StationPosition::default() }),
            neighbours: 2,
            frames_received: 100,
            frames_delivered: 100,
            ..Status::default()
        }
    }

    fn faults(status: &Status) -> Vec<&'static str> {
        running(status).iter().filter(|one| one.mark != Mark::Good).map(|one| one.subject).collect()
    }

    #[test]
    fn a_station_that_is_well_has_no_fault_and_one_that_is_not_says_where() {
        assert_eq!(faults(&healthy()), [""; 0]);
        assert_eq!(faults(&Status { link_up: false, ..healthy() }), ["link"]);
        assert_eq!(faults(&Status { clock: "untrusted".to_owned(), ..healthy() }), ["clock"]);
        assert_eq!(faults(&Status { neighbours: 0, ..healthy() }), ["neighbours"]);
        let blind = Status {
            position: None,
            sending: false,
            not_sending_because: Some("no_fix".to_owned()),
            ..healthy()
        };
        assert_eq!(faults(&blind), ["position", "sending"]);
        for because in ["clock_untrusted", "credential_not_valid", "credential_revoked", "outside_region"] {
            let silent =
                Status { sending: false, not_sending_because: Some(because.to_owned()), ..healthy() };
            let found = running(&silent).into_iter().find(|one| one.subject == "sending").unwrap();
            assert!(found.said.len() > 4 && found.mend.is_some(), "{because}: {found:?}");
        }
    }

    #[test]
    fn drops_that_point_to_a_fault_are_explained_the_most_frequent_first() {
        let drops: BTreeMap<String, u64> =
            [("exact_copy", 70), ("stale", 10), ("unknown_issuer", 20), ("revoked", 0)]
                .map(|(reason, count)| (reason.to_owned(), count))
                .into();
        let found = running(&Status { drops, frames_dropped: 100, ..healthy() });
        let said: Vec<_> =
            found.iter().filter(|one| one.subject == "drops").map(|one| one.said.as_str()).collect();
        assert_eq!(said.len(), 2);
        assert!(
            said[0].starts_with("20 frames (20 %) unknown_issuer: ") && said[1].contains("stale"),
            "{said:?}"
        );
    }

    #[test]
    fn only_reasons_that_there_are_are_explained() {
        let all: Vec<_> = DropReason::ALL.iter().map(|reason| reason.name()).collect();
        let source = include_str!("running.rs");
        let arms = source.split("fn explained").nth(1).unwrap().split("_ => return None").next().unwrap();
        let named: Vec<_> = arms
            .lines()
            .filter(|line| line.trim_start().starts_with('"') && line.contains("=>"))
            .flat_map(|line| line.split("=>").next().unwrap_or_default().split('|'))
            .map(|name| name.trim().trim_matches('"'))
            .collect();
        assert!(named.len() >= 20, "{named:?}");
        for name in named {
            assert!(all.contains(&name), "{name}");
            assert!(explained(name).is_some());
        }
    }
}
