//! The table of a running daemon, as lines of a terminal.

use std::collections::BTreeMap;

use serde::Deserialize;
use v2x_api::display::{seconds, way};
use v2x_api::{AfarFigures, Neighbour, Stats, Status};
use v2x_report::{ClassReport, human};

use super::order::Column;
use crate::colour::{Mark, Paint};
use crate::commands::status::why_silent;
use crate::daemon::channel_figures::in_words;
use crate::daemon::congestion_figures;

/// What is shown.
pub(super) struct Shown<'s> {
    pub status: &'s Status,
    pub stats: &'s Stats,
    /// Sorted.
    pub stations: &'s [Neighbour],
    pub by: Column,
    pub reversed: bool,
    /// Stations above the first that is shown.
    pub above: usize,
    pub paint: Paint,
}

/// Lines of at most `columns`, and at most `rows`; where there are too many stations, the rest is counted. All columns show in 80,
/// but for the reasons of a standing.
pub(super) fn lines(shown: &Shown<'_>, columns: usize, rows: usize) -> Vec<String> {
    let mut lines = head(shown);
    lines.push(String::new());
    lines.extend(classes(shown));
    lines.push(String::new());
    let room = rows.saturating_sub(lines.len() + 2);
    lines.extend(stations(shown, room));
    // Not where it is printed once, nor where stations need the row.
    if rows != usize::MAX && lines.len() + 1 < rows {
        lines.resize(rows - 1, String::new());
        lines.push(KEYS.to_owned());
    }
    lines.truncate(rows);
    lines.iter().map(|line| cut(line, columns)).collect()
}

fn head(shown: &Shown<'_>) -> Vec<String> {
    let Shown { status, stats, paint, .. } = shown;
    let role = if status.role == "roadside" { "roadside unit" } else { &status.role };
    let sending = match (status.sending, &status.not_sending_because) {
        (true, _) => paint.of(Mark::Good, "sending"),
        (false, because) => {
            let because = because.as_deref().map_or("for no reason it says", why_silent);
            paint.of(Mark::Warn, &format!("listening only: {because}"))
        }
    };
    let link = if status.link_up { "up".to_owned() } else { paint.of(Mark::Bad, "DOWN") };
    let position = match &status.position {
        None => paint.of(Mark::Warn, "no position"),
        Some(position) => format!(
            "{:.5}, {:.5}, {} old",
            position.latitude_deg,
            position.longitude_deg,
            seconds(position.age_ms.max(0.0) / 1000.0)
        ),
    };
    let channel = stats.channel_busy.zip(stats.channel_source.as_deref());
    let channel =
        channel.map_or_else(String::new, |(busy, source)| format!("   channel {}", in_words(busy, source)));
    let rate = stats.congestion.as_ref().filter(|it| it.rule != "off" || it.regulation != "none");
    let rate = rate.map(|it| format!("congestion {}", congestion_figures::in_words(it)));
    let per_second = &stats.per_second;
    let mut lines = vec![
        format!("{role} {}   up {}   {sending}", status.digest, seconds(status.uptime_s)),
        format!("clock {}   {position}{channel}", status.clock),
        format!("link {link}, {}   verifying {:.0} %", status.link, stats.verification_load * 100.0),
        format!(
            "a second: {:.0} received, {:.0} delivered, {:.0} dropped, {:.0} sent, {:.0} forwarded",
            per_second.received,
            per_second.delivered,
            per_second.dropped,
            per_second.sent,
            per_second.forwarded,
        ),
        format!("dropped: {}", worst(&stats.drops)),
    ];
    lines.extend(rate);
    let AfarFigures { received, delivered, aired, dropped, drops, .. } = &stats.afar;
    if *received > 0 {
        let why = if *dropped > 0 { format!(": {}", worst(drops)) } else { String::new() };
        lines.push(format!(
            "from afar: {received} received, {delivered} delivered, {aired} sent on the air, {dropped} dropped{why}"
        ));
    }
    lines
}

/// The reasons of most drops.
fn worst(drops: &BTreeMap<String, u64>) -> String {
    let mut worst: Vec<_> = drops.iter().collect();
    worst.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
    let worst = worst.iter().take(MOST_REASONS).map(|(reason, count)| format!("{reason} {count}"));
    let worst: Vec<_> = worst.collect();
    if worst.is_empty() { "none".to_owned() } else { worst.join(", ") }
}

fn classes(shown: &Shown<'_>) -> Vec<String> {
    let mut lines = vec![format!(
        "{:<6}{:>9}{:>10}{:>11}{:>9}{:>11}{:>11}{:>11}",
        "class", "deadline", "sent", "delivered", "missed", "p50", "p99", "max"
    )];
    // Not the whole report: reading one takes more code than the rest of this command.
    let classes = shown.stats.report.get("classes").map(Vec::<ClassReport>::deserialize);
    for class in classes.into_iter().flatten().flatten() {
        if class.sent == 0 && class.expected == 0 {
            continue;
        }
        let deadline = class.deadline_ms.map_or_else(|| "-".to_owned(), |ms| format!("{ms} ms"));
        let latency = |nanos: u64| if class.delivered == 0 { "-".to_owned() } else { human::time(nanos) };
        let row = format!(
            "{:<6}{deadline:>9}{:>10}{:>11}{:>9}{:>11}{:>11}{:>11}",
            class.class,
            class.sent,
            class.delivered,
            class.missed,
            latency(class.send_to_delivered.p50_ns),
            latency(class.send_to_delivered.p99_ns),
            latency(class.send_to_delivered.max_ns),
        );
        lines.push(if class.met { row } else { shown.paint.of(Mark::Bad, &row) });
    }
    if lines.len() == 1 {
        lines.push("nothing sent or expected yet".to_owned());
    }
    lines
}

fn stations(shown: &Shown<'_>, room: usize) -> Vec<String> {
    let head = Column::ALL.map(|column| {
        let name = match column {
            Column::Station => "station",
            Column::Distance => "where",
            Column::Speed => "m/s",
            Column::Signal => "dBm",
            Column::Delivery => "share",
            Column::Heard => "heard",
            Column::Standing => "standing",
        };
        // One column wide, and no letter.
        let sorted = match (column == shown.by, shown.reversed) {
            (false, _) => "",
            (true, false) => ">",
            (true, true) => "<",
        };
        format!("{sorted}{name}")
    });
    let [station, place, speed, signal, share, heard, standing] = head;
    let total = shown.stations.len();
    let mut lines = vec![format!(
        "{station:<17}{:<14}{place:<16}{speed:>5}{signal:>5}{share:>6}{heard:>7} {standing}",
        "type"
    )];
    if total == 0 {
        lines.push("no neighbours: nothing verified was heard within 20 s".to_owned());
    }
    let above = shown.above.min(total.saturating_sub(1));
    lines.extend(shown.stations.iter().skip(above).take(room).map(|one| row(one, shown.paint)));
    let last = (above + room).min(total);
    if above > 0 || last < total {
        lines.push(format!("{} to {last} of {total}; arrows and PgUp, PgDn show the others", above + 1));
    }
    lines
}

fn row(station: &Neighbour, paint: Paint) -> String {
    let number = |value: Option<f64>, digits: usize| {
        value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
    };
    let place = station.distance_m.map(|metres| way(metres, None, station.bearing_deg));
    let share = station.delivery_ratio.map(|share| format!("{:.0} %", share * 100.0));
    let heard = station.heard_ms.map(|ms| seconds(ms.max(0.0) / 1000.0));
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let standing = station.standing.as_deref().unwrap_or("-");
    let why = if station.why.is_empty() { String::new() } else { format!(": {}", station.why.join(", ")) };
    let standing = match standing {
        "isolated" => paint.of(Mark::Bad, &format!("{standing}{why}")),
        "suspect" => paint.of(Mark::Warn, &format!("{standing}{why}")),
        other => other.to_owned(),
    };
    let kind = station.station_type.as_deref().unwrap_or("-").replace('_', " ");
    format!(
        "{:<17}{kind:<14.13}{:<16}{:>5}{:>5}{:>6}{:>7} {standing}",
        station.digest,
        or_dash(place),
        number(station.speed_m_s, 1),
        number(station.signal_dbm, 0),
        or_dash(share),
        or_dash(heard),
    )
}

/// The line without what would go beyond the last column. Colours take no column.
fn cut(line: &str, columns: usize) -> String {
    let mut cut = String::with_capacity(line.len());
    let (mut used, mut colour) = (0, false);
    for char in line.chars() {
        match (colour, char) {
            (false, '\x1b') => colour = true,
            (true, 'm') => {
                colour = false;
                cut.push(char);
                continue;
            }
            _ => {}
        }
        if colour || used < columns {
            cut.push(char);
        }
        used += usize::from(!colour);
    }
    cut
}

const KEYS: &str = "q ends; n d v s l h t sort by a column, the same again or r turns it round";
/// Reasons of drops in their line.
const MOST_REASONS: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    fn station(number: u32) -> Neighbour {
        Neighbour {
            digest: format!("{number:016x}"),
            station_type: Some("passenger_car".to_owned()),
            distance_m: Some(f64::from(number) * 10.0),
            bearing_deg: Some(90.0),
            speed_m_s: Some(13.9),
            signal_dbm: Some(-71.4),
            delivery_ratio: Some(0.97),
            heard_ms: Some(340.0),
            standing: Some(if number == 1 { "suspect" } else { "trusted" }.to_owned()),
            why: if number == 1 { vec!["position".to_owned()] } else { Vec::new() },
            ..Neighbour::default()
        }
    }

    fn drawn(count: u32, above: usize, columns: usize, rows: usize) -> Vec<String> {
        drawn_with(AfarFigures::default(), count, above, columns, rows)
    }

    fn drawn_with(afar: AfarFigures, count: u32, above: usize, columns: usize, rows: usize) -> Vec<String> {
        let status = Status {
            role: "vehicle".to_owned(),
            digest: "d899000000000001".to_owned(),
            sending: true,
            link: "udp on lo".to_owned(),
            link_up: true,
            clock: "locked".to_owned(),
            ..Status::default()
        };
        let mut stats = Stats {
            channel_busy: Some(0.25),
            channel_source: Some("survey".to_owned()),
            afar,
            ..Stats::default()
        };
        stats.drops.insert("exact_copy".to_owned(), 7);
        let stations: Vec<_> = (1..=count).map(station).collect();
        let (by, reversed, paint) = (Column::Distance, false, Paint::PLAIN);
        lines(
            &Shown { status: &status, stats: &stats, stations: &stations, by, reversed, above, paint },
            columns,
            rows,
        )
    }

    #[test]
    fn the_table_says_how_the_station_is_and_whom_it_hears() {
        let lines = drawn(2, 0, 120, 40);
        let text = lines.join("\n");
        for words in [
            "vehicle d899000000000001   up 0.0 s   sending",
            "clock locked   no position   channel 25.0 % busy (survey)",
            "link up, udp on lo   verifying 0 %",
            "dropped: exact_copy 7",
            "nothing sent or expected yet",
            "station          type          >where            m/s  dBm share  heard standing",
            "0000000000000001 passenger car 10 m east        13.9  -71  97 %  0.3 s suspect: position",
        ] {
            assert!(text.contains(words), "{words:?} is not in\n{text}");
        }
        assert!(drawn(0, 0, 120, 40).join("\n").contains("no neighbours: "));
    }

    #[test]
    fn frames_from_afar_have_a_line_where_there_were_any() {
        assert!(!drawn(2, 0, 120, 40).join("\n").contains("afar"));
        let drops = [("stale", 2), ("afar_budget", 30), ("replayed", 1), ("own", 1), ("out_of_reach", 5)];
        let drops = drops.map(|(reason, count)| (reason.to_owned(), count)).into();
        let afar = AfarFigures {
            received: 139,
            delivered: 100,
            aired: 8,
            dropped: 39,
            drops,
            ..AfarFigures::default()
        };
        let lines = drawn_with(afar, 2, 0, 200, 40);
        assert_eq!(
            lines[5],
            "from afar: 139 received, 100 delivered, 8 sent on the air, 39 dropped: afar_budget 30, out_of_reach 5, stale 2, own 1"
        );
        let one = AfarFigures { received: 1, delivered: 1, ..AfarFigures::default() };
        let told = "from afar: 1 received, 1 delivered, 0 sent on the air, 0 dropped";
        assert_eq!(drawn_with(one, 0, 0, 80, 40)[5], told);
    }

    #[test]
    fn every_column_shows_in_eighty() {
        let lines = drawn(2, 0, 80, 24);
        let whole = drawn(2, 0, 200, 24);
        for (line, whole) in lines.iter().zip(&whole).filter(|(_, whole)| !whole.contains("suspect")) {
            assert_eq!(line, whole);
        }
    }

    #[test]
    fn the_last_line_has_the_keys_where_there_is_room() {
        assert!(drawn(2, 0, 80, 24)[23].starts_with("q ends; "));
        assert!(
            !drawn(2, 0, usize::MAX, usize::MAX).join("\n").contains("q ends"),
            "what is printed once has no keys"
        );
    }

    #[test]
    fn it_fits_the_terminal_whatever_that_is() {
        for (columns, rows) in [(80, 24), (40, 12), (200, 60), (1, 1), (0, 0)] {
            let lines = drawn(500, 3, columns, rows);
            assert!(lines.len() <= rows && lines.iter().all(|line| line.chars().count() <= columns));
        }
        let lines = drawn(500, 3, 100, 24);
        assert_eq!(lines.len(), 24);
        assert!(lines.iter().any(|line| line.starts_with("0000000000000004")), "the first three are above");
        assert!(lines[23].starts_with("4 to ") && lines[23].contains(" of 500; "), "{}", lines[23]);
        assert!(drawn(2, 99, 100, 24).iter().any(|line| line.starts_with("0000000000000002")));
    }

    #[test]
    fn a_cut_takes_no_colour_away() {
        assert_eq!(cut("ab\x1b[31mcd\x1b[0m", 3), "ab\x1b[31mc\x1b[0m");
        assert_eq!(cut("abc", 9), "abc");
    }
}
