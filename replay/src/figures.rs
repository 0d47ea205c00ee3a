//! The figures of a report, one by one, by stable names: what tables have in columns and comparisons in rows.

use serde::Serialize;
use v2x_proto::Class;
use v2x_report::{ClassReport, DistanceBin, Machine, Report, SeedRun};

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
    for reason in VERIFICATION.into_iter().filter(|reason| !report.drops.contains_key(*reason)) {
        list.count(format!("dropped_{reason}"), 0);
    }
    for reason in GATE {
        let of = |class: &ClassReport| class.undelivered.get(reason).copied().unwrap_or(0);
        list.count(format!("withheld_{reason}"), report.classes.iter().map(of).sum());
    }
    channel(&mut list, report);
    if let Some(processor) = &report.processor {
        list.begin(34);
        list.share("processor_busy", processor.busy());
        list.share("processor_busiest", processor.busiest);
        list.count("socket_waiting_most", processor.waiting_max);
        list.count("socket_full", processor.socket_full);
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

/// How busy the channel was, and what congestion control did about it.
fn channel(list: &mut List<'_>, report: &Report) {
    list.begin(32);
    if let Some(channel) = &report.channel {
        list.share("channel_busy_mean", channel.busy_mean);
        list.share("channel_busy_most", channel.busy_max);
    } else if let Some(time) = &report.over_time {
        let sum = |all: &[u64]| all.iter().map(|ns| *ns as f64).sum::<f64>();
        let (busy_ns, listened_ns) = (sum(&time.channel_busy_ns), sum(&time.listened_ns));
        if listened_ns > 0.0 {
            list.share("channel_busy_mean", (busy_ns / listened_ns).min(1.0));
            let steps = (0..time.listened_ns.len()).filter_map(|step| time.channel_busy(step));
            list.share("channel_busy_most", steps.fold(0.0, f64::max));
            // Stations listen for as long as they are there.
            let beacons = report.classes.iter().find(|class| class.class == Class::D2.name());
            list.maybe("beacon_rate_hz", beacons.map(|class| class.sent as f64 / (listened_ns / 1e9)));
        }
    }
    let Some(congestion) = &report.congestion else { return };
    list.begin(33);
    list.share("gate_busy_mean", congestion.busy);
    if let Some((least, most)) = congestion.busy_range {
        list.share("gate_busy_least", least);
        list.share("gate_busy_most", most);
    }
    if let Some(share) = congestion.share {
        list.share("gate_share", share);
    }
    list.maybe("gate_interval_ms", congestion.interval_ms);
    list.count("beacons_held", congestion.beacons_held);
    list.real("beacons_held_mean_ms", congestion.hold_mean_ms);
    list.real("beacons_held_most_ms", congestion.hold_max_ms);
    list.count("beacons_ahead_of_rate", congestion.tracking_errors);
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
/// Why a station that cannot keep up drops frames: 0 where it kept up, so that both sides of a comparison have them.
const VERIFICATION: [&str; 2] = ["verify_queue_full", "verify_too_late"];
/// Why a message does not pass the sender's gate in time: it expires there, a newer one takes its place, or there is no room.
/// Likewise.
const GATE: [&str; 4] = ["send_burst_budget", "send_expired", "send_queue_full", "send_replaced"];

#[cfg(test)]
mod tests {
    use v2x_report::{ChannelReport, CongestionReport, Kind, ProcessorReport, Stats, Timeline, Verify};

    use super::*;

    fn report() -> Report {
        let mut stats = Stats::new();
        let class = stats.class_mut(Class::D2);
        class.sent = 200;
        class.record_undelivered("send_expired");
        class.record_undelivered("never_received");
        let mut report = Report::new(Kind::Replay, "1", Verify::Once, &stats);
        report.drops = [("verify_too_late".to_owned(), 3)].into();
        report
    }

    fn value(report: &Report, name: &str) -> Option<f64> {
        let all = figures(report);
        assert!(all.iter().filter(|figure| figure.name == name).count() <= 1, "{name}");
        all.into_iter().find(|figure| figure.name == name).map(|figure| figure.value.as_f64())
    }

    #[test]
    fn what_a_gate_and_a_verification_queue_drop_is_there_where_they_dropped_nothing() {
        let report = report();
        let of = |name: &str| value(&report, name);
        assert_eq!((of("withheld_send_expired"), of("withheld_send_replaced")), (Some(1.0), Some(0.0)));
        assert_eq!((of("dropped_verify_too_late"), of("dropped_verify_queue_full")), (Some(3.0), Some(0.0)));
        for absent in ["channel_busy_mean", "gate_busy_mean", "processor_busy", "beacon_rate_hz"] {
            assert_eq!(of(absent), None, "{absent}");
        }
    }

    #[test]
    fn how_busy_the_channel_was_and_the_rate_on_it_are_figures_under_any_rule() {
        let mut report = report();
        let mut time = Timeline::new();
        time.add_channel(0, 200_000_000, 50_000_000_000);
        time.add_channel(1_000_000_000, 800_000_000, 50_000_000_000);
        report.over_time = Some(time);
        let of = |report: &Report, name: &str| value(report, name).unwrap();
        assert_eq!(of(&report, "channel_busy_mean"), 0.01);
        assert_eq!(of(&report, "channel_busy_most"), 0.016);
        // Two hundred beacons in a hundred seconds of stations.
        assert_eq!(of(&report, "beacon_rate_hz"), 2.0);
        report.channel = Some(ChannelReport { busy_mean: 0.2, busy_max: 0.4, ..ChannelReport::default() });
        assert_eq!((of(&report, "channel_busy_mean"), of(&report, "channel_busy_most")), (0.2, 0.4));
    }

    #[test]
    fn congestion_control_and_processors_have_their_figures() {
        let mut report = report();
        report.congestion = Some(CongestionReport {
            busy: 0.5,
            busy_range: Some((0.4, 0.6)),
            share: Some(0.01),
            interval_ms: Some(120.0),
            beacons_held: 7,
            hold_mean_ms: 20.0,
            hold_max_ms: 90.0,
            tracking_errors: 2,
            ..CongestionReport::default()
        });
        report.processor = Some(ProcessorReport {
            present_s: 10.0,
            busy_s: 4.0,
            busiest: 0.9,
            waiting_max: 3,
            socket_full: 5,
            ..ProcessorReport::default()
        });
        for (name, wanted) in [
            ("gate_busy_mean", 0.5),
            ("gate_busy_least", 0.4),
            ("gate_busy_most", 0.6),
            ("gate_share", 0.01),
            ("gate_interval_ms", 120.0),
            ("beacons_held", 7.0),
            ("beacons_held_mean_ms", 20.0),
            ("beacons_held_most_ms", 90.0),
            ("beacons_ahead_of_rate", 2.0),
            ("processor_busy", 0.4),
            ("processor_busiest", 0.9),
            ("socket_waiting_most", 3.0),
            ("socket_full", 5.0),
        ] {
            assert_eq!(value(&report, name), Some(wanted), "{name}");
        }
    }
}
