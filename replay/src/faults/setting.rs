//! The faults of a plan among the stations of a scenario.

use v2x_core::Position;
use v2x_report::FaultReport;
use v2x_settings::SettingsError;

use super::burst_loss::BurstLoss;
use super::clock_error::ClockError;
use super::draws::FaultDraws;
use super::fault::{Fault, FaultKind};
use super::gnss::GnssError;
use super::jammer::JammerCycle;
use super::link_faults::{LinkFault, LinkFaultKind, LinkFaults};
use super::members::{Chosen, choose};
use super::partition::PartitionSides;
use super::took::Took;

/// What is wrong in a world. Each has its number, by which `took` counts.
#[derive(Clone, Debug, Default)]
pub struct FaultSetting {
    pub(crate) links: LinkFaults,
    pub(crate) clocks: Vec<(usize, ClockError)>,
    pub(crate) gnss: Vec<(usize, GnssError)>,
    pub(crate) crashes: Vec<(usize, CrashTime)>,
    pub(crate) jammers: Vec<(usize, JammerCycle)>,
    pub(crate) took: Vec<Took>,
}

/// Stations whose process ends, and when another begins, ns.
#[derive(Clone, Debug)]
pub(crate) struct CrashTime {
    pub(crate) who: Chosen,
    pub(crate) down_ns: u64,
    pub(crate) up_ns: u64,
}

impl FaultSetting {
    /// With the draws of a seed; times count from `start_ns`, places from `origin`.
    ///
    /// # Errors
    /// A station that is not there, at its place in the plan.
    pub fn new(
        faults: &[Fault],
        names: &[String],
        seed: u64,
        (start_ns, origin): (u64, Position),
    ) -> Result<Self, SettingsError> {
        let mut all = Self::default();
        for (number, fault) in faults.iter().enumerate() {
            let draws = FaultDraws::new(seed, fault.kind.name(), fault.of_its_kind);
            let [who, receivers] = [(&fault.who, 0), (&fault.receivers, 1)].map(|(members, place)| {
                choose(members, names, draws).map_err(|name| SettingsError::Wrong {
                    place: fault.places[place].clone(),
                    found: format!("{name:?}"),
                    right: format!("a station of the scenario, such as {}", some(names)),
                })
            });
            let (who, receivers) = (who?, receivers?);
            let (from_ns, to_ns) = fault.span.ns(start_ns);
            let moments = matches!(fault.kind, FaultKind::Crash { .. } | FaultKind::Jammer(_));
            let span = (!moments).then_some((from_ns, to_ns));
            all.took.push(Took::new(fault.kind.name(), span));
            let mut link = |who, kind| {
                let senders = who;
                let receivers = receivers.clone();
                all.links.faults.push(LinkFault { number, from_ns, to_ns, senders, receivers, draws, kind });
            };
            match fault.kind {
                FaultKind::BurstLoss { to_bad, to_good, loss_good, loss_bad } => {
                    let links = BurstLoss::new(draws, to_bad, to_good, (loss_good, loss_bad));
                    link(who, LinkFaultKind::BurstLoss(links));
                }
                FaultKind::Partition { split_m } => {
                    let line = |east| PartitionSides::Line(origin.moved(east, 0.0));
                    let sides = split_m.map_or_else(|| PartitionSides::Members(who), line);
                    link(Chosen::All, LinkFaultKind::Partition(sides));
                }
                FaultKind::Duplicate { probability, delay_ms } => {
                    link(who, LinkFaultKind::Duplicate { probability, delay_ns: ns_of_ms(delay_ms) });
                }
                FaultKind::Reorder { probability, delay_ms } => {
                    link(who, LinkFaultKind::Reorder { probability, delay_ns: ns_of_ms(delay_ms) });
                }
                FaultKind::Corrupt { probability, bits } => {
                    link(who, LinkFaultKind::Corrupt { probability, bits });
                }
                FaultKind::Crash { down_s } => {
                    let up_ns = from_ns.saturating_add(ns_of_ms(down_s * 1e3));
                    all.crashes.push((number, CrashTime { who, down_ns: from_ns, up_ns }));
                }
                FaultKind::Clock { offset_ms, drift_ppm, noticed_s } => {
                    let offset_ns = (offset_ms * 1e6) as i64;
                    let noticed_ns = noticed_s.map(|s| from_ns.saturating_add(ns_of_ms(s * 1e3)));
                    let clock = ClockError { who, from_ns, to_ns, offset_ns, drift_ppm, noticed_ns };
                    all.clocks.push((number, clock));
                }
                FaultKind::GnssOutage => {
                    all.gnss.push((number, GnssError { who, from_ns, to_ns, jump_m: None }))
                }
                FaultKind::GnssJump { jump_m } => {
                    all.gnss.push((number, GnssError { who, from_ns, to_ns, jump_m: Some(jump_m) }));
                }
                FaultKind::Jammer(jammer) => {
                    let period_ns = ns_of_ms(jammer.period_ms).max(1);
                    all.jammers.push((
                        number,
                        JammerCycle {
                            at: origin.moved(jammer.at_m.0, jammer.at_m.1),
                            range_m: jammer.range_m,
                            noise_dbm: jammer.noise_dbm,
                            from_ns,
                            to_ns,
                            period_ns,
                            on_ns: ((period_ns as f64 * jammer.duty).round() as u64).clamp(1, period_ns),
                        },
                    ));
                }
            }
        }
        Ok(all)
    }

    /// A jammer on a medium that does not know of noise: frames that it meets are lost.
    pub(crate) fn jam_links(&mut self) {
        let jam = |(number, jammer): &(usize, JammerCycle)| LinkFault {
            number: *number,
            from_ns: 0,
            to_ns: u64::MAX,
            senders: Chosen::All,
            receivers: Chosen::All,
            draws: FaultDraws::new(0, "jammer", 0),
            kind: LinkFaultKind::Jammer(*jammer),
        };
        self.links.faults.extend(self.jammers.iter().map(jam));
        self.links.faults.sort_by_key(|fault| fault.number);
    }

    /// Whether nothing is wrong.
    pub(crate) fn is_empty(&self) -> bool {
        self.took.is_empty()
    }

    /// What each fault took until `end_ns`, in order.
    pub(crate) fn close(&mut self, end_ns: u64) -> Vec<FaultReport> {
        for (number, jammer) in &self.jammers {
            self.took[*number].lasted_ns = jammer.lasted_ns(end_ns);
        }
        self.took.iter().map(|took| took.report(end_ns)).collect()
    }
}

fn ns_of_ms(ms: f64) -> u64 {
    (ms * 1e6).round() as u64
}

/// The first and the last of the names.
fn some(names: &[String]) -> String {
    match names {
        [] => "none: it has none".to_owned(),
        [one] => format!("{one:?}"),
        [first, .., last] => format!("{first:?} to {last:?}"),
    }
}

#[cfg(test)]
mod tests {
    use v2x_settings::Document;

    use super::super::parse;
    use super::*;

    fn setting(text: &str, seed: u64) -> Result<FaultSetting, SettingsError> {
        let document = Document::parse(std::path::Path::new("p.toml"), text).unwrap();
        let top = document.top(&["fault"]).unwrap();
        let tables = top.tables("fault", parse::FAULT_KEYS, 9).unwrap();
        let faults = tables.iter().map(parse::fault).collect::<Result<_, _>>().unwrap();
        let faults = parse::together(&tables, faults).unwrap();
        let names: Vec<_> = (1..=500).map(|car| format!("car {car}")).collect();
        let origin = Position { latitude: 496_000_000, longitude: 61_300_000 };
        FaultSetting::new(&faults, &names, seed, (10_000_000_000, origin))
    }

    #[test]
    fn a_station_that_is_not_there_is_told_at_its_line() {
        let said = |text| setting(text, 1).unwrap_err().to_string();
        assert_eq!(
            said("[[fault]]\nkind = \"crash\"\nstations = [\"car 3\", \"bus 1\"]\n"),
            "p.toml:3: fault[1].stations: found \"bus 1\", expected a station of the scenario, such as \"car 1\" to \"car 500\""
        );
        let one = said("[[fault]]\nkind = \"corrupt\"\nreceivers = [\"car 501\"]\n");
        assert!(one.starts_with("p.toml:3: fault[1].receivers: found \"car 501\""), "{one}");
    }

    #[test]
    fn times_count_from_the_end_of_the_warm_up_and_shares_are_drawn_by_the_seed() {
        let text = "[[fault]]\nkind = \"crash\"\nat_s = 2\ndown_s = 1.5\nshare = 0.2\n";
        let of = |seed, before: &str| {
            let setting = setting(&format!("{before}{text}"), seed).unwrap();
            let (_, crash) = setting.crashes.into_iter().next_back().unwrap();
            assert_eq!((crash.down_ns, crash.up_ns), (12_000_000_000, 13_500_000_000));
            crash.who.each(500)
        };
        let chosen = of(1, "");
        assert!(chosen.len().abs_diff(100) < 30, "{}", chosen.len());
        assert_ne!(of(2, ""), chosen);
        assert_eq!(of(1, "[[fault]]\nkind = \"gnss_outage\"\n"), chosen, "another fault changes no draw");
    }
}
