//! What attackers cost honest stations: the same run without them and with them.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::class::ClassReport;
use super::flood::Flood;
use super::human::{count, percent};

/// Two runs of one plan and seed, without attackers and with them. Attackers are in no figure of honest stations, neither
/// as senders nor as those a message is meant for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Damage {
    /// The attackers' frames, one entry for each attack of the plan.
    pub attacks: Vec<AttackFrames>,
    /// Honest stations without attackers.
    pub without: HonestFigures,
    /// The same with them.
    pub with: HonestFigures,
}

/// What one attack put on the air.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttackFrames {
    /// Name of the attack.
    pub attack: String,
    /// Frames.
    pub frames: u64,
    /// Bytes of them, hop header and signed message.
    pub bytes: u64,
}

/// How honest stations fared in one run, or in several together.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct HonestFigures {
    /// Each deadline class with traffic.
    pub classes: Vec<HonestClass>,
    /// Share of the stations in a flood's area, within 3 km, that had it within 300 ms; `null` without floods.
    pub reach_300ms: Option<f64>,
    /// Share of all stations in a flood's area that had it at the end; `null` without floods.
    pub reach_final: Option<f64>,
    /// Share of the stations within 150 m of an imminent warning that had it within 20 ms; `null` without any.
    pub d0_20ms: Option<f64>,
    /// Frames that honest stations put on the air, repetitions and others' floods included.
    pub frames: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Frames read, for each second of an honest station.
    pub reads_per_s: f64,
    /// Signatures checked, of frames and of credentials, for each second of an honest station.
    pub checks_per_s: f64,
    /// Share of its time that an honest station's processor was busy; `null` where work takes no virtual time.
    pub processor_share: Option<f64>,
    /// Frames that came while a station's socket was full.
    pub overflowed: u64,
    /// Honest stations that some honest station isolated.
    pub isolated: u64,
    /// Honest stations that some honest station suspected, these included.
    pub suspected: u64,
    /// Names under which honest stations named a flood by which an attacker wants to recognise them; only with such attackers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub marked_names: Option<u64>,
    /// Beacons that named one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub marked_beacons: Option<u64>,
    /// Share of looks at a signal, by drivers who had heard of it, that showed what its unit says; only where somebody else
    /// speaks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal_right: Option<f64>,
    /// Share of them that showed something else; the others showed nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal_wrong: Option<f64>,
    /// Honest stations that learnt of the revocation of the attacker's credential; only where it would keep that from them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revocation_known: Option<u64>,
}

/// One deadline class of honest stations: pairs of a message and a station it was meant for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HonestClass {
    /// `"D0"` to `"D5"`.
    pub class: String,
    /// Pairs.
    pub expected: u64,
    /// Of `expected`: delivered, in time or late.
    pub delivered: u64,
    /// Of `expected`: not delivered in time.
    pub missed: u64,
}

impl HonestFigures {
    /// The classes with traffic, and the floods.
    pub fn new(classes: &[ClassReport], flood: Option<&Flood>) -> Self {
        let of = |class: &ClassReport| HonestClass {
            class: class.class.clone(),
            expected: class.expected,
            delivered: class.delivered,
            missed: class.missed,
        };
        let floods = flood.filter(|flood| flood.floods > 0);
        Self {
            classes: classes.iter().filter(|class| class.has_traffic()).map(of).collect(),
            reach_300ms: floods.map(|flood| flood.reach_300ms_3km),
            reach_final: floods.map(|flood| flood.reach_final),
            d0_20ms: flood.and_then(|flood| flood.d0_20ms_150m),
            ..Self::default()
        }
    }

    /// One class.
    pub fn class(&self, name: &str) -> Option<&HonestClass> {
        self.classes.iter().find(|class| class.class == name)
    }
}

impl Damage {
    /// Each figure by its name, without attackers and with them.
    pub fn rows(&self) -> Vec<(String, String, String)> {
        let mut rows = Vec::new();
        for before in &self.without.classes {
            let after = self.with.class(&before.class);
            let missed = |class: Option<&HonestClass>| {
                class.map_or_else(
                    || "-".to_owned(),
                    |class| format!("{} of {}", count(class.missed), count(class.expected)),
                )
            };
            let lost = |class: Option<&HonestClass>| {
                class.map_or_else(|| "-".to_owned(), |class| count(class.expected - class.delivered))
            };
            rows.push((format!("{} missed", before.class), missed(Some(before)), missed(after)));
            rows.push((format!("{} never delivered", before.class), lost(Some(before)), lost(after)));
        }
        let mut row = |name: &str, of: &dyn Fn(&HonestFigures) -> Option<String>| {
            if let (Some(before), Some(after)) = (of(&self.without), of(&self.with)) {
                rows.push((name.to_owned(), before, after));
            }
        };
        row("D0 within 20 ms", &|of| of.d0_20ms.map(percent));
        row("floods' reach in 300 ms", &|of| of.reach_300ms.map(|share| format!("{share:.3}")));
        row("floods' reach at the end", &|of| of.reach_final.map(|share| format!("{share:.3}")));
        row("frames on the air", &|of| Some(count(of.frames)));
        row("bytes on the air", &|of| Some(count(of.bytes)));
        row("frames read a second", &|of| Some(format!("{:.1}", of.reads_per_s)));
        row("signatures checked a second", &|of| Some(format!("{:.1}", of.checks_per_s)));
        row("processor busy", &|of| of.processor_share.map(percent));
        row("frames lost at a full socket", &|of| Some(count(of.overflowed)));
        row("suspected", &|of| Some(count(of.suspected)));
        row("isolated", &|of| Some(count(of.isolated)));
        row("names with a mark", &|of| of.marked_names.map(count));
        row("beacons with a mark", &|of| of.marked_beacons.map(count));
        row("signal shown, right", &|of| of.signal_right.map(percent));
        row("signal shown, wrong", &|of| of.signal_wrong.map(percent));
        row("know of the revocation", &|of| of.revocation_known.map(count));
        rows
    }

    /// The table for a terminal.
    pub(super) fn render(&self, out: &mut String) {
        let mut line = |one: &str, two: &str, three: &str| {
            writeln!(out, "{one:<36} {two:>20} {three:>20}")
                .expect("invariant: writing to a String does not fail");
        };
        line("\nhonest stations", "without attackers", "with them");
        for (name, before, after) in self.rows() {
            line(&format!("  {name}"), &before, &after);
        }
        for attack in &self.attacks {
            let frames = format!("{} frames", count(attack.frames));
            line(
                &format!("  on the air of {}", attack.attack),
                &frames,
                &format!("{} B", count(attack.bytes)),
            );
        }
    }
}
