//! Honest alerts: how many of each group arrived, and how late beyond what the machine was.

use std::collections::BTreeMap;
use std::error::Error;

use hdrhistogram::Histogram;
use serde_json::{Value, json};
use v2x_core::Instant;
use v2x_proto::Class;

use crate::overload::attack::Attack;
use crate::overload::machine::Wakes;
use crate::overload::town::{Alert, FIRST_NEWCOMER, copies};

/// Who sent an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// A known station whose name or address the attacker uses.
    Used,
    /// A known station whose name and address it does not use.
    Unused,
    /// A station that is heard for the first time during the attack, with its credential.
    Newcomer,
}

/// The alerts of one group and class.
#[derive(Clone, Debug)]
pub struct Tally {
    /// Who sent them.
    pub group: Group,
    /// Their class.
    pub class: Class,
    /// Alerts sent; the copies of one count once.
    pub sent: u64,
    /// Alerts of which a copy was delivered.
    pub delivered: u64,
    /// From due to delivered, ns.
    pub latency: Histogram<u64>,
    /// The same without the time in which the machine was late, ns.
    pub beyond: Histogram<u64>,
    /// Newcomers: from when a station's first alert was due to its first delivery, ns.
    pub first: Histogram<u64>,
    /// Newcomers of which nothing was delivered.
    pub never: u64,
}

impl Group {
    /// All, in the order of the report.
    pub const ALL: [Self; 3] = [Self::Unused, Self::Used, Self::Newcomer];

    /// As in the report.
    pub fn name(self) -> &'static str {
        match self {
            Self::Used => "used",
            Self::Unused => "unused",
            Self::Newcomer => "newcomers",
        }
    }

    fn of(speaker: usize, attack: Attack) -> Self {
        if speaker >= FIRST_NEWCOMER {
            Self::Newcomer
        } else if attack.used().iter().any(|names| names.contains(&speaker)) {
            Self::Used
        } else {
            Self::Unused
        }
    }
}

impl Tally {
    /// One for each group and class that sent something.
    ///
    /// # Errors
    ///
    /// None: the histograms' bounds are constant.
    pub fn of(
        sent: &[Alert],
        delivered: &[(u32, Instant)],
        attack: Attack,
        machine: &Wakes,
    ) -> Result<Vec<Self>, Box<dyn Error>> {
        let mut first = BTreeMap::new();
        for (sequence, at) in delivered {
            let earliest = first.entry(*sequence).or_insert(*at);
            *earliest = (*earliest).min(*at);
        }
        let mut tallies = Vec::new();
        for group in Group::ALL {
            for class in [Class::D0, Class::D1] {
                let of_it =
                    |alert: &&Alert| alert.class == class && Group::of(alert.speaker, attack) == group;
                let mut tally = Self::new(group, class)?;
                let mut newcomers = BTreeMap::new();
                for alert in sent.iter().filter(of_it) {
                    let at = first.get(&alert.sequence).copied();
                    tally.add(alert, at, machine)?;
                    let (_, heard) = newcomers.entry(alert.speaker).or_insert((alert.due, None));
                    *heard = heard.or(at);
                }
                for (due, heard) in newcomers.into_values().filter(|_| group == Group::Newcomer) {
                    match heard {
                        Some(at) => tally.first.record(at.nanos_since(due))?,
                        None => tally.never += 1,
                    }
                }
                tallies.extend(Some(tally).filter(|tally| tally.sent > 0));
            }
        }
        Ok(tallies)
    }

    fn new(group: Group, class: Class) -> Result<Self, Box<dyn Error>> {
        let [latency, beyond, first] = [Histogram::new(3)?, Histogram::new(3)?, Histogram::new(3)?];
        Ok(Self { group, class, sent: 0, delivered: 0, latency, beyond, first, never: 0 })
    }

    fn add(&mut self, alert: &Alert, at: Option<Instant>, machine: &Wakes) -> Result<(), Box<dyn Error>> {
        self.sent += 1;
        let Some(at) = at else { return Ok(()) };
        self.delivered += 1;
        self.latency.record(at.nanos_since(alert.due))?;
        let late = machine.late_within(alert.due, at);
        self.beyond.record(at.since(alert.due).saturating_sub(late).as_nanos() as u64)?;
        Ok(())
    }

    /// The alerts a fair lot would deliver when `attack_per_s` frames compete for `checks_per_s` signature checks, less
    /// three standard deviations; all of them where there are checks for everybody.
    pub fn fair(&self, attack_per_s: u64, checks_per_s: f64) -> f64 {
        let times = attack_per_s as f64 / checks_per_s;
        if times <= 1.0 {
            return self.sent as f64;
        }
        let lot = 1.0 - (1.0 - 1.0 / times).powi(copies(self.class).len() as i32);
        let sent = self.sent as f64;
        (sent * lot - 3.0 * (sent * lot * (1.0 - lot)).sqrt()).max(0.0)
    }

    /// For the report's line of JSON.
    pub fn json(&self, fair: f64) -> Value {
        let mut value = json!({
            "group": self.group.name(),
            "class": format!("{:?}", self.class),
            "sent": self.sent,
            "delivered": self.delivered,
            "fair_lot": fair.ceil(),
            "latency": histogram_json(&self.latency),
            "beyond_machine": histogram_json(&self.beyond),
        });
        if self.group == Group::Newcomer {
            value["first"] = histogram_json(&self.first);
            value["never_heard"] = self.never.into();
        }
        value
    }
}

/// Quantiles of a histogram, ns.
pub fn histogram_json(histogram: &Histogram<u64>) -> Value {
    json!({
        "count": histogram.len(),
        "p50_ns": histogram.value_at_quantile(0.5),
        "p90_ns": histogram.value_at_quantile(0.9),
        "p99_ns": histogram.value_at_quantile(0.99),
        "p999_ns": histogram.value_at_quantile(0.999),
        "max_ns": histogram.max(),
    })
}
