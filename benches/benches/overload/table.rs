//! The runs as a table for `benches/README.md`: a row for each attack, host and load.

use v2x_proto::Class;

use crate::overload::alerts::{Group, Tally};
use crate::overload::machine::Wakes;

/// Rows of one table.
#[derive(Clone, Debug, Default)]
pub struct Table(Vec<String>);

impl Table {
    /// Adds a run.
    pub fn add(&mut self, run: [&str; 3], tallies: &[Tally], fair: impl Fn(&Tally) -> f64, machine: &Wakes) {
        let of = |class, group| tallies.iter().find(|tally| (tally.class, tally.group) == (class, group));
        let counts = [(Class::D0, Group::Unused), (Class::D1, Group::Unused)].map(|(class, group)| {
            of(class, group).map_or(String::new(), |tally| format!("{}/{}", tally.delivered, tally.sent))
        });
        let lots = [(Class::D0, Group::Used), (Class::D1, Group::Used), (Class::D0, Group::Newcomer)].map(
            |(class, group)| {
                of(class, group).map_or(String::new(), |tally| {
                    format!("{}/{} ({:.0})", tally.delivered, tally.sent, fair(tally).ceil())
                })
            },
        );
        let first = of(Class::D0, Group::Newcomer).map_or(String::new(), |tally| millis(tally.first.max()));
        let slowest = |class| {
            let of_class = tallies.iter().filter(|tally| tally.class == class);
            of_class.map(|tally| tally.beyond.value_at_quantile(0.999)).max().map_or(String::new(), millis)
        };
        let [attack, checks, load] = run;
        let [d0, d1] = counts;
        let [d0_used, d1_used, newcomers] = lots;
        self.0.push(format!(
            "| `{attack}` | {checks} | {load} | {d0} | {d0_used} | {d1} | {d1_used} | {newcomers} | {first} | {} / {} | {} |",
            slowest(Class::D0),
            slowest(Class::D1),
            millis(machine.latency.max()),
        ));
    }

    /// The table as Markdown.
    pub fn markdown(&self) -> String {
        format!("{HEAD}\n|---|---|---|--:|--:|--:|--:|--:|--:|--:|--:|\n{}\n", self.0.join("\n"))
    }
}

fn millis(ns: u64) -> String {
    let ms = ns as f64 / 1e6;
    if ms < 10.0 { format!("{ms:.2}") } else { format!("{ms:.0}") }
}

const HEAD: &str = "| attack | checks | load | D0 unused | D0 used (lot) | D1 unused | D1 used (lot) | D0 newcomers (lot) | \
                    slowest first | p99.9 D0 / D1 beyond the machine | machine's latest |";
