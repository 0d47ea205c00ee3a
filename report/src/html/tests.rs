//! Tests of the page.

use v2x_proto::Class;

use super::*;
use crate::machine::{Machine, Processor};
use crate::report::{DeliveryBin, Frames, InputFile, Kind, Verify, WhatRan, WorstPair, WorstStation};
use crate::stats::{Stage, Stats};
use crate::timeline::Timeline;

#[test]
fn whatever_comes_from_outside_is_escaped() {
    let nasty = "<script>alert('x')</script>\"&";
    let (mut report, mut map) = sample();
    report.version = nasty.to_owned();
    report.digest = Some("\u{fc}\u{fc}\u{fc}<b>\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}".to_owned());
    report.warnings = vec![nasty.to_owned()];
    report.notes = vec![nasty.to_owned()];
    report.run.command = nasty.to_owned();
    report.run.commit = Some(nasty.to_owned());
    report.run.medium = Some(nasty.to_owned());
    report.run.forwarding = vec![nasty.to_owned()];
    let role = nasty.to_owned();
    report.run.inputs = vec![InputFile { role, name: nasty.to_owned(), sha256: Some(nasty.to_owned()) }];
    report.classes[2].apart = [(nasty.to_owned(), 1)].into();
    report.drops = [(nasty.to_owned(), 7)].into();
    report.classes[2].undelivered = [(nasty.to_owned(), 7)].into();
    report.classes[2].class = nasty.to_owned();
    let summary = report.classes[2].send_to_delivered;
    report.classes[3].stages.insert(nasty.to_owned(), summary);
    report.worst_pairs[0].sender = nasty.to_owned();
    report.worst_pairs[1].receiver = nasty.to_owned();
    report.worst_stations[0].station = nasty.to_owned();
    map.tracks[0].name = nasty.to_owned();
    map.units[0].name = nasty.to_owned();
    let page = render(&report, &map);
    assert!(
        !page.contains("<script") && !page.contains("alert('x')"),
        "the page carries what it should show"
    );
    assert!(!page.contains("\u{fc}<b>"));
    assert!(page.matches("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&quot;&amp;").count() >= 8);
}

#[test]
fn the_page_stands_alone() {
    let (report, map) = sample();
    let page = render(&report, &map);
    // Links hold what they lead to, or lead to a place of the page.
    let inside = ["href=\"data:text/csv;", "href=\"#"].map(|link| page.matches(link).count());
    assert_eq!(page.matches("href=").count(), inside[0] + inside[1]);
    for outside in ["http:", "https:", "src=", "url(", "@import"] {
        assert!(!page.contains(outside), "the page refers to something outside: {outside}");
    }
    for (open, close) in
        [("<svg", "</svg>"), ("<section", "</section>"), ("<figure", "</figure>"), ("<g>", "</g>")]
    {
        assert_eq!(page.matches(open).count(), page.matches(close).count(), "{open}");
    }
}

#[test]
fn verdict_and_classes_are_told_first() {
    let (report, map) = sample();
    let page = render(&report, &map);
    let order = [
        "Deadlines missed",
        "D0 of 4 classes with traffic",
        "imminent danger",
        "deadline 20 ms",
        "Map of the run",
    ];
    let places: Vec<_> = order.iter().map(|text| page.find(text).expect(text)).collect();
    assert!(places.is_sorted(), "{places:?}");
    assert!(page.contains("No traffic, not judged: D1 alert."));
}

#[test]
fn a_report_of_nothing_makes_a_page() {
    let report = Report::new(Kind::Demo, "0", Verify::Every, &Stats::new());
    let page = render(&report, &MapData::default());
    assert!(page.contains("<header class=\"none\">") && page.contains("<h1>Nothing to judge</h1>"), "{page}");
    assert!(page.contains("No station was in reach of another."), "{page}");
    assert!(!page.contains("<svg"));
}

#[test]
fn a_page_says_what_was_run_and_what_the_machine_kept() {
    let (mut report, map) = sample();
    let processor = Processor { used_s: 6.0, waited_s: 14.0, given: 0.3, ..Processor::default() };
    report.set_machine(Machine::new(30.0, 30.0, Some(processor)));
    report.run.commit = Some("0123456789ab".to_owned());
    let page = render(&report, &map);
    for wanted in [
        "<code>roadcast demo --seconds 30</code>",
        "0.1.0 (0123456789ab)",
        "<dt>seed</dt><dd>7</dd>",
        "This machine gave the demo 30 % of the processor time",
    ] {
        assert!(page.contains(wanted), "{wanted}");
    }
}

#[test]
fn one_message_is_one_message() {
    let (mut report, map) = sample();
    let class = report.classes.iter_mut().find(|class| class.sent > 1).unwrap();
    (class.sent, class.expected) = (1, 1);
    assert!(render(&report, &map).contains(">1 message,<br>1 expected delivery<"));
}

#[test]
fn an_honest_run_has_no_orange_box_and_its_notes_come_last() {
    let (mut report, map) = sample();
    report.warnings.clear();
    report.notes = vec!["954 deliveries outside the count".to_owned()];
    let page = render(&report, &map);
    assert!(!page.contains("class=\"warnings\""));
    assert!(page.find("954 deliveries").unwrap() > page.find("Dropped frames").unwrap());
}

#[test]
fn a_map_has_colours_by_what_was_missed_and_says_which() {
    let (report, mut map) = sample();
    let page = render(&report, &map);
    for words in [
        "missed more than 20 %",
        "missed 5 % or less",
        "nothing was meant for it",
        "thick: emergency vehicle",
    ] {
        assert!(page.contains(words), "{words}");
    }
    assert!(
        page.contains("<title>car 2, missed 40.0 %</title><path class=\"track\" stroke=\"var(--bad)\""),
        "{page}"
    );
    map.tracks.truncate(1);
    map.units.truncate(1);
    let page = render(&report, &map);
    assert!(page.contains("1 moving station (") && page.contains("1 roadside unit ("));
    assert!(!page.contains("missed more than 20 %"));
}

#[test]
fn a_map_of_odd_points_makes_a_picture() {
    let (report, _) = sample();
    let odd = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, 0.0, -0.0, 5.0];
    let points: Vec<_> = odd.iter().flat_map(|x| odd.iter().map(move |y| (*x, *y))).collect();
    let map = MapData {
        lanes: vec![points.clone(), vec![]],
        tracks: vec![TrackLine {
            name: "odd".to_owned(),
            kind: TrackKind::Vehicle,
            missed: Some(f64::NAN),
            points,
        }],
        units: vec![UnitMark { name: "nowhere".to_owned(), position: (f64::NAN, 0.0) }],
        moments: vec![MapMoment { time_s: 1.0, places: vec![(0, (f64::NAN, 0.0)), (7, (0.0, 0.0))] }],
    };
    let page = render(&report, &map);
    assert!(page.contains("Map of the run"));
    assert!(!page.contains("NaN") && !page.contains("inf "));
    let lanes_only = MapData { tracks: vec![], units: vec![], ..map };
    assert!(render(&report, &lanes_only).contains("Map of the run"));
}

#[test]
fn a_long_run_does_not_make_a_long_page() {
    let (report, mut map) = sample();
    let circle = |index: u32| {
        let angle = f64::from(index) / 1_000.0;
        (angle.cos() * 5_000.0, angle.sin() * 5_000.0)
    };
    map.tracks = vec![TrackLine {
        name: "tour".to_owned(),
        kind: TrackKind::Vehicle,
        missed: None,
        points: (0..1_000_000).map(circle).collect(),
    }];
    assert!(render(&report, &map).len() < 1_500_000);
}

#[test]
fn a_page_shows_deliveries_by_distance_who_was_served_worst_and_its_figures_as_files() {
    let (report, map) = sample();
    let page = render(&report, &map);
    assert!(page.contains("<title>50-100 m: 8940 of 9000 delivered</title>"), "{page}");
    assert!(page.contains("<td class=\"words\" data-name=\"receiver\">bus &lt;0&gt;</td>"), "{page}");
    assert!(
        page.contains("download=\"roadcast-demo-delivery-by-distance.csv\" href=\"data:text/csv;"),
        "{page}"
    );
    assert!(page.contains("from_m,to_m,expected,delivered%0A0,50,9000,9000%0A50,100,9000,8940%0A"), "{page}");
}

#[test]
fn the_map_has_moments_to_choose_from_without_a_script_and_leads_to_each_station_and_back() {
    let (report, mut map) = sample();
    map.tracks.truncate(2);
    map.moments = (0..20)
        .map(|second| MapMoment { time_s: f64::from(second), places: vec![(0, (5.0, 5.0)), (1, (9.0, 9.0))] })
        .collect();
    let page = render(&report, &map);
    assert!(!page.contains("The whole run only"));
    assert_eq!(page.matches("name=\"moment\" id=\"moment-").count(), 1 + MOST_MOMENTS);
    assert_eq!(page.matches("<g class=\"moment moment-").count(), MOST_MOMENTS);
    let style = format!("#moment-{MOST_MOMENTS}:checked ~ svg .moment-{MOST_MOMENTS} {{ display: inline; }}");
    assert!(page.contains(&style) && !page.contains("<script"));
    for number in 0..2 {
        for (id, other) in [("track", "station"), ("station", "track")] {
            assert!(page.contains(&format!("id=\"{id}-{number}\"")), "{id}");
            assert!(page.contains(&format!("href=\"#{other}-{number}\"")), "{other}");
        }
    }
}

#[test]
fn the_stations_that_missed_most_come_first_and_a_crowd_has_no_moments() {
    let (report, mut map) = sample();
    let track = |number: u32| TrackLine {
        name: format!("car <{number}>"),
        kind: TrackKind::Vehicle,
        missed: Some(f64::from(number % 997) / 1_000.0),
        points: vec![(0.0, f64::from(number)), (30.0, f64::from(number) + 40.0)],
    };
    map.tracks = (0..5_000).map(track).collect();
    let places = (0..5_000).map(|number| (number, (1.0, 1.0))).collect();
    map.moments = vec![MapMoment { time_s: 0.0, places }];
    let page = render(&report, &map);
    assert!(!page.contains("id=\"moment-0\"") && page.len() < 3_000_000, "{} bytes", page.len());
    assert!(page.contains("The whole run only: a page has room for single moments of at most 250 stations."));
    let first = page.find("<tr id=\"station-").unwrap();
    assert!(
        page[first..]
            .starts_with("<tr id=\"station-996\"><th><a href=\"#track-996\">car &lt;996&gt;</a></th>")
    );
    assert!(page[first..].contains("<td data-name=\"way\">50 m</td>") && page.contains("And 4700 stations."));
    assert_eq!(page.matches("<tr id=\"station-").count(), 300);
}

/// Writes the sample to the path in `ROADCAST_SAMPLE_HTML`, to look at it in a browser.
#[test]
fn the_sample_can_be_looked_at() {
    let (report, map) = sample();
    let page = render(&report, &map);
    assert!(page.ends_with("</html>\n"));
    if let Some(path) = std::env::var_os("ROADCAST_SAMPLE_HTML") {
        std::fs::write(path, page).expect("the page is written");
    }
}

/// A town: four classes with traffic, D0 beyond its target, losses, distances, streets and cars.
fn sample() -> (Report, MapData) {
    let mut stats = Stats::new();
    // A small generator of our own: skewed latencies without a dependency.
    let mut state = 7u64;
    let mut random = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 53) as f64
    };
    for (class, messages, receivers, usual_us, lost) in [
        (Class::D0, 40u64, 9u32, 1_700.0, 0.02),
        (Class::D2, 4_000, 12, 900.0, 0.006),
        (Class::D3, 60, 20, 9_000.0, 0.002),
        (Class::D4, 600, 10, 1_100.0, 0.003),
        (Class::D5, 80, 10, 4_000.0, 0.02),
    ] {
        let stats = stats.class_mut(class);
        stats.sent = messages;
        for _ in 0..messages * u64::from(receivers) {
            if random() < lost {
                stats.record_undelivered(if random() < 0.7 { "never_received" } else { "rate_limited" });
                continue;
            }
            let skew = (1.0 - random()).powf(-0.42);
            stats.record_delivered((usual_us * skew * (600.0 + 400.0 * random())) as u64);
            for (stage, usual_ns) in [
                (Stage::GeneratedToBuilt, 600.0),
                (Stage::BuiltToSigned, 13_500.0),
                (Stage::SignedToQueued, 400.0),
                (Stage::QueuedToGate, 2_000.0),
                (Stage::GateToAir, 450_000.0),
                (Stage::KernelToUser, 19_000.0),
                (Stage::UserToPrefiltered, 350.0),
                (Stage::PrefilteredToVerified, 34_500.0),
                (Stage::VerifiedToDelivered, 700.0),
                (Stage::KernelToDelivered, 55_000.0),
            ] {
                stats.record(stage, (usual_ns * (0.9 + 0.2 * random()) * (1.0 - random()).powf(-0.2)) as u64);
            }
        }
    }
    let mut report = Report::new(Kind::Demo, "0.1.0", Verify::Every, &stats);
    report.stations = 24;
    report.simulated_s = 30.0;
    report.machine = Some(Machine::new(30.0, 30.0, None));
    report.run =
        WhatRan { command: "roadcast demo --seconds 30".to_owned(), seeds: vec![7], ..WhatRan::default() };
    let mut over_time = Timeline::new();
    for second in 0..30 {
        over_time.add(
            second * 1_000_000_000,
            150 + second * 7 % 40,
            1_900,
            if second == 17 { 230 } else { second % 9 },
        );
    }
    report.over_time = Some(over_time);
    report.frames = Frames { received: 61_210, delivered: 55_030, dropped: 6_180 };
    report.drops = [("duplicate", 5_400), ("rate_limited", 611), ("out_of_reach", 120), ("stale", 49)]
        .map(|(reason, count)| (reason.to_owned(), count))
        .into();
    let edges = [0u32, 50, 100, 150, 200, 300, 400, 500];
    let bins = |base_ns: u64| {
        edges
            .iter()
            .enumerate()
            .map(|(index, &from_m)| {
                let growth = base_ns / 9 * index as u64;
                DistanceBin {
                    from_m,
                    to_m: edges.get(index + 1).copied(),
                    count: if from_m < 400 { 5_000 } else { 0 },
                    p50_ns: if from_m < 400 { base_ns + growth / 3 } else { 0 },
                    p95_ns: if from_m < 400 { base_ns * 2 + growth } else { 0 },
                    p99_ns: if from_m < 400 { base_ns * 3 + growth * 2 } else { 0 },
                    max_ns: if from_m < 400 { base_ns * 6 } else { 0 },
                }
            })
            .collect::<Vec<_>>()
    };
    report.age_of_information = bins(70_000_000);
    report.inter_packet_gap = bins(110_000_000);
    report.delivery_by_distance = edges
        .iter()
        .enumerate()
        .map(|(index, &from_m)| DeliveryBin {
            from_m,
            to_m: edges.get(index + 1).copied(),
            expected: if from_m < 400 { 9_000 } else { 0 },
            delivered: if from_m < 400 { 9_000 - 60 * (index * index * index) as u64 } else { 0 },
        })
        .collect();
    report.worst_pairs = (0..10)
        .map(|number| WorstPair {
            sender: format!("car {}", number * 3),
            receiver: format!("bus <{number}>"),
            expected: 90 + number,
            missed: 30 - number,
            mean_ns: (number != 3).then_some(900_000 + number * 40_000),
        })
        .collect();
    report.worst_stations = (0..10)
        .map(|number| WorstStation { station: format!("bus <{number}>"), expected: 900, missed: 90 - number })
        .collect();
    report.warnings = vec!["3 deliveries went to stations the message was not meant for".to_owned()];

    let street = |at: f64| (at, [0.0, 650.0]);
    let streets = [100.0, 250.0, 400.0, 550.0].map(street);
    let along = streets.map(|(y, ends)| ends.map(|x| (x, y)).to_vec());
    let across = streets.map(|(x, ends)| ends.map(|y| (x, y)).to_vec());
    let mut map = MapData { lanes: [along, across].concat(), ..MapData::default() };
    map.tracks = (0..40)
        .map(|car| {
            let lane = &map.lanes[car % map.lanes.len()];
            let way = |share: f64| {
                let ((x, y), (east, north)) = (lane[0], lane[1]);
                (x + (east - x) * share, y + (north - y) * share)
            };
            let points = (car..car + 30).map(|step| way(step as f64 / 70.0)).collect();
            TrackLine {
                name: format!("car {car}"),
                kind: TrackKind::Vehicle,
                missed: [Some(0.01), Some(0.1), Some(0.4), None][car % 4],
                points,
            }
        })
        .collect();
    map.tracks[5].kind = TrackKind::Emergency;
    map.units = [("RSU B1", (250.0, 250.0)), ("RSU C2", (400.0, 400.0))]
        .map(|(name, position)| UnitMark { name: name.to_owned(), position })
        .to_vec();
    (report, map)
}
