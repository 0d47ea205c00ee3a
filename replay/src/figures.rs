//! The figures of a report, one by one, by stable names: what tables have in columns and comparisons in rows.

use serde::Serialize;
use v2x_report::{DistanceBin, Machine, Report, SeedRun};

/// One figure of a report.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// Its place among all figures: first by this, then by name.
    pub rank: (u8, u32),
    /// Lower-case words with `_` between; a class's begin with its name, as `D2_miss_ratio`.
    pub name: String,
    /// How it is shown.
    pub unit: FigureUnit,
    /// Its value.
    pub value: FigureValue,
}

/// How a figure is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FigureUnit {
    /// A number of things.
    Count,
    /// 0 to 1, shown in per cent.
    Share,
    /// Nanoseconds.
    Nanoseconds,
    /// Seconds.
    Seconds,
    /// Any other number, whose name says its unit.
    Plain,
}

/// A figure's value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FigureValue {
    /// A whole number.
    Count(u64),
    /// Any number that is finite.
    Real(f64),
}

impl FigureValue {
    /// As a number to calculate with.
    pub fn as_f64(self) -> f64 {
        match self {
            Self::Count(count) => count as f64,
            Self::Real(real) => real,
        }
    }
}

/// All figures of a report but those of its machine, in order of rank and name. A figure that the run does not have, such as those
/// of a class without traffic, is left out.
pub fn figures(report: &Report) -> Vec<Figure> {
    let mut all = Vec::new();
    let mut list = List::new(&mut all);
    list.count("stations_seen", report.stations);
    for class in report.classes.iter().filter(|class| class.has_traffic()) {
        let name = |figure: &str| format!("{}_{figure}", class.class);
        list.begin(10 + class.class.as_bytes().get(1).copied().unwrap_or_default() % 10);
        list.count(name("sent"), class.sent);
        list.count(name("expected"), class.expected);
        list.count(name("delivered"), class.delivered);
        list.count(name("late"), class.delivered_late);
        list.count(name("missed"), class.missed);
        list.share(name("miss_ratio"), class.miss_ratio);
        let latency = &class.send_to_delivered;
        if latency.count > 0 {
            list.ns(name("p50_ns"), latency.p50_ns);
            list.ns(name("p99_ns"), latency.p99_ns);
            list.ns(name("p999_ns"), latency.p999_ns);
            list.ns(name("max_ns"), latency.max_ns);
        }
    }
    list.begin(30);
    list.count("frames_received", report.frames.received);
    list.count("frames_delivered", report.frames.delivered);
    list.count("frames_dropped", report.frames.dropped);
    list.begin_by_name(31, 0);
    for (reason, count) in &report.drops {
        list.count(format!("dropped_{}", plain(reason)), *count);
    }
    for bin in &report.delivery_by_distance {
        list.begin_by_name(40, bin.from_m);
        if let Some(ratio) = bin.ratio() {
            list.share(format!("delivered_{}", range(bin.from_m, bin.to_m)), ratio);
        }
    }
    list.begin(41);
    let aired: u64 = report.losses_by_distance.iter().map(|bin| bin.frames).sum();
    if aired > 0 {
        let share = |count: u64| count as f64 / aired as f64;
        list.share("air_received", share(report.losses_by_distance.iter().map(|bin| bin.received).sum()));
        let mut causes: Vec<&String> =
            report.losses_by_distance.iter().flat_map(|bin| bin.lost.keys()).collect();
        causes.sort_unstable();
        causes.dedup();
        for cause in causes {
            let lost = report.losses_by_distance.iter().filter_map(|bin| bin.lost.get(cause)).sum();
            list.share(format!("air_lost_{}", plain(cause)), share(lost));
        }
    }
    list.distances(50, "age", &report.age_of_information);
    list.distances(51, "gap", &report.inter_packet_gap);
    if let Some(flood) = &report.flood {
        list.begin(60);
        if flood.floods > 0 {
            list.share("flood_reach_300ms_3km", flood.reach_300ms_3km);
            list.share("flood_reach_final", flood.reach_final);
            list.real("flood_transmissions", flood.transmissions);
            list.real("flood_transmissions_per_station", flood.transmissions_per_station);
        }
        list.maybe("flood_delay_ms_per_km", flood.delay_ms_per_km);
        list.maybe("flood_hops_per_km", flood.hops_per_km);
        if let Some(share) = flood.d0_20ms_150m {
            list.share("flood_d0_20ms_150m", share);
        }
    }
    if let Some(link) = &report.linkability {
        list.begin(70);
        list.count("pseudonym_changes", link.changes);
        list.share("pseudonym_linked", link.ratio);
    }
    for (number, attack) in report.detection.iter().flatten().enumerate() {
        list.begin_by_name(71, u32::try_from(number).unwrap_or(u32::MAX));
        let name = |figure: &str| format!("detect_{}_{figure}", plain(&attack.attack));
        list.share(name("precision"), attack.precision);
        list.share(name("recall"), attack.recall);
        list.share(name("f1"), attack.f1);
        list.maybe(name("median_s"), attack.median_detect_s);
    }
    if let Some(share) = report.false_positive_ratio {
        list.begin(72);
        list.share("false_positive_ratio", share);
    }
    if let Some(damage) = &report.damage {
        list.begin(73);
        list.count("honest_frames", damage.with.frames);
        list.count("honest_bytes", damage.with.bytes);
        list.real("honest_checks_per_s", damage.with.checks_per_s);
        if let Some(share) = damage.with.processor_share {
            list.share("honest_processor_share", share);
        }
        list.count("honest_suspected", damage.with.suspected);
        list.count("honest_isolated", damage.with.isolated);
    }
    sorted(all)
}

/// The figures that a report about several seeds has of each: those of its classes.
pub fn seed_figures(run: &SeedRun) -> Vec<Figure> {
    let mut all = Vec::new();
    let mut list = List::new(&mut all);
    for class in &run.classes {
        let name = |figure: &str| format!("{}_{figure}", class.class);
        list.begin(10 + class.class.as_bytes().get(1).copied().unwrap_or_default() % 10);
        list.count(name("sent"), class.sent);
        list.count(name("expected"), class.expected);
        list.count(name("missed"), class.missed);
        list.share(name("miss_ratio"), class.miss_ratio);
        for (figure, ns) in [("p50_ns", class.p50_ns), ("p99_ns", class.p99_ns), ("p999_ns", class.p999_ns)] {
            if let Some(ns) = ns {
                list.ns(name(figure), ns);
            }
        }
    }
    sorted(all)
}

/// What the machine took: unlike all other figures, these differ from one run to the next of the same.
pub fn machine_figures(machine: &Machine) -> Vec<Figure> {
    let mut all = Vec::new();
    let mut list = List::new(&mut all);
    list.begin(90);
    list.seconds("machine_wall_s", machine.wall_s);
    list.real("machine_realtime_factor", machine.realtime_factor);
    if let Some(processor) = &machine.processor {
        list.seconds("machine_processor_s", processor.used_s);
    }
    sorted(all)
}

/// The figures so far, and where the next one goes.
struct List<'a> {
    all: &'a mut Vec<Figure>,
    section: u8,
    place: u32,
    by_name: bool,
}

impl<'a> List<'a> {
    fn new(all: &'a mut Vec<Figure>) -> Self {
        Self { all, section: 0, place: 0, by_name: false }
    }

    /// A section whose figures stand in the order in which they are added.
    fn begin(&mut self, section: u8) {
        (self.section, self.place, self.by_name) = (section, 0, false);
    }

    /// Figures at one place of a section, in the order of their names.
    fn begin_by_name(&mut self, section: u8, place: u32) {
        (self.section, self.place, self.by_name) = (section, place, true);
    }

    fn add(&mut self, name: impl Into<String>, unit: FigureUnit, value: FigureValue) {
        // A number that is none cannot be written, nor compared.
        if value.as_f64().is_finite() {
            self.place += u32::from(!self.by_name);
            self.all.push(Figure { rank: (self.section, self.place), name: name.into(), unit, value });
        }
    }

    fn count(&mut self, name: impl Into<String>, count: u64) {
        self.add(name, FigureUnit::Count, FigureValue::Count(count));
    }

    fn ns(&mut self, name: impl Into<String>, ns: u64) {
        self.add(name, FigureUnit::Nanoseconds, FigureValue::Count(ns));
    }

    fn share(&mut self, name: impl Into<String>, share: f64) {
        self.add(name, FigureUnit::Share, FigureValue::Real(share));
    }

    fn seconds(&mut self, name: impl Into<String>, seconds: f64) {
        self.add(name, FigureUnit::Seconds, FigureValue::Real(seconds));
    }

    fn real(&mut self, name: impl Into<String>, real: f64) {
        self.add(name, FigureUnit::Plain, FigureValue::Real(real));
    }

    fn maybe(&mut self, name: impl Into<String>, real: Option<f64>) {
        if let Some(real) = real {
            self.real(name, real);
        }
    }

    fn distances(&mut self, section: u8, name: &str, bins: &[DistanceBin]) {
        for bin in bins.iter().filter(|bin| bin.count > 0) {
            self.begin_by_name(section, bin.from_m);
            let range = range(bin.from_m, bin.to_m);
            self.ns(format!("{name}_p50_{range}_ns"), bin.p50_ns);
            self.ns(format!("{name}_p95_{range}_ns"), bin.p95_ns);
        }
    }
}

fn sorted(mut all: Vec<Figure>) -> Vec<Figure> {
    all.sort_by(|one, other| (one.rank, &one.name).cmp(&(other.rank, &other.name)));
    all
}

/// `50_100m`, or `500m_up` for an open range.
fn range(from_m: u32, to_m: Option<u32>) -> String {
    match to_m {
        Some(to_m) => format!("{from_m}_{to_m}m"),
        None => format!("{from_m}m_up"),
    }
}

/// A name from a file as part of a column's.
fn plain(name: &str) -> String {
    let plain = |symbol: char| if symbol.is_ascii_alphanumeric() { symbol.to_ascii_lowercase() } else { '_' };
    name.chars().take(LONGEST_NAME).map(plain).collect()
}

const LONGEST_NAME: usize = 60;
