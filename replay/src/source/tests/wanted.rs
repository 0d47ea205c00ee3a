//! Parts of a trace: a window, some of its stations, another view of what they are, and a net to place them by.

use std::collections::BTreeSet;

use super::*;

const MIXED: &str = "\
time;id;x;y;type;speed
0;a;1000;0;car;10
0;b;1000;10;tram_1;10
0;c;1000;20;ICE;10
1;a;1010;0;car;10
1;b;1010;10;tram_1;10
1;c;1010;20;ICE;10
";

fn with(text: &str, options: ReadOptions) -> Result<Trace, TraceError> {
    read_from(text.as_bytes(), "t", &options)
}

fn only(only: Selection) -> ReadOptions {
    ReadOptions { only, ..ReadOptions::default() }
}

fn named(names: &[&str]) -> Selection {
    let names: BTreeSet<String> = names.iter().map(|name| (*name).to_owned()).collect();
    Selection { names: Some(names), ..Selection::default() }
}

#[test]
fn stations_are_selected_by_name_and_the_others_are_as_if_not_there() {
    let trace = with(MIXED, only(named(&["b"]))).unwrap();
    assert_eq!((&trace.names[..], trace.samples.len()), (&["b".to_owned()][..], 2));
    assert_eq!(trace.kinds, [StationKind::Tram]);
    let without = "time;id;x;y;type;speed\n0;b;1000;10;tram_1;10\n1;b;1010;10;tram_1;10\n";
    assert_eq!(trace.samples, parse(without).unwrap().samples);
}

#[test]
fn left_out_rows_are_in_no_bound() {
    let options = ReadOptions { max_samples: 2, ..only(named(&["a"])) };
    assert_eq!(with(MIXED, options).unwrap().samples.len(), 2);
}

#[test]
fn names_that_are_not_there_are_told_and_nobody_at_all_is_an_error() {
    let trace = with(MIXED, only(named(&["a", "x", "y"]))).unwrap();
    assert_eq!(
        trace.warnings[0].to_string(),
        "2 of the 3 stations wanted are not in what was read, such as \"x\""
    );
    let error = with(MIXED, only(named(&["x"]))).unwrap_err().to_string();
    assert_eq!(
        error,
        "t: no usable sample: the selection takes none of its 3 stations: a (passenger), b (tram), c (passenger)"
    );
}

#[test]
fn stations_are_selected_by_kind_after_the_map_of_kinds_has_spoken() {
    let kinds =
        KindRules::parse("k", "[[kind]]\ntype = \"ICE\"\nis = \"train\"\nlength_m = 100.5\n").unwrap();
    let trains = Selection { kinds: Some(vec![StationKind::Train]), ..Selection::default() };
    let trace = with(MIXED, ReadOptions { kinds: kinds.clone(), ..only(trains) }).unwrap();
    assert_eq!((&trace.names[..], &trace.kinds[..]), (&["c".to_owned()][..], &[StationKind::Train][..]));
    assert_eq!(trace.sizes, [StationSize { length_dm: Some(1005), width_dm: None }]);
    assert_eq!((trace.begin_ns, trace.samples[0].station), (0, 0));
    let all = with(MIXED, ReadOptions { kinds, ..ReadOptions::default() }).unwrap();
    assert_eq!(all.kinds, [StationKind::Passenger, StationKind::Tram, StationKind::Train]);
    assert_eq!(all.sizes.len(), 3);
}

#[test]
fn a_rule_that_fits_nobody_is_told() {
    let kinds = KindRules::parse("k", "[[kind]]\ntype = \"trum*\"\nis = \"tram\"\n").unwrap();
    let trace = with(MIXED, ReadOptions { kinds, ..ReadOptions::default() }).unwrap();
    assert_eq!(
        trace.warnings[0].to_string(),
        "the rule with type = \"trum*\" of the map of kinds fits no station"
    );
}

#[test]
fn a_share_of_the_stations_is_the_same_whatever_the_order_of_rows() {
    let rows = |ids: &mut dyn Iterator<Item = u32>| {
        let rows: String = ids.map(|id| format!("0;v{id};{};0\n", 1000 + id * 10)).collect();
        format!("time;id;x;y\n{rows}")
    };
    let half = || only(Selection { share: Some(Share { percent: 50.0, seed: 4 }), ..Selection::default() });
    let names = |text: &str| -> BTreeSet<String> { with(text, half()).unwrap().names.into_iter().collect() };
    let there = names(&rows(&mut (0..200)));
    assert!(there.len().abs_diff(100) < 30, "{}", there.len());
    assert_eq!(names(&rows(&mut (0..200).rev())), there);
}

#[test]
fn persons_known_by_their_edge_alone_are_selected_by_their_name() {
    let text = "time;id;x;y;lane;edge\n0;0;1000;1;e_0;\n0;0;1005;5;;e\n1;0;1002;1;e_0;\n1;0;1005;6;;e\n";
    let trace = with(text, only(named(&["person:0"]))).unwrap();
    assert_eq!((&trace.names[..], trace.samples.len()), (&["person:0".to_owned()][..], 2));
}

const NET: &str = r#"<net><location netOffset="-292000.00,-5498000.00" convBoundary="0.00,0.00,2000.00,3000.00" origBoundary="0,0,1,1" projParameter="+proj=utm +zone=32 +ellps=WGS84"/></net>"#;

fn placed(text: &str) -> Result<Trace, TraceError> {
    let net = Net::read_from(NET.as_bytes(), "x.net.xml").unwrap();
    with(text, ReadOptions { net: Some(net), ..ReadOptions::default() })
}

#[test]
fn a_net_places_its_own_metres_and_those_of_its_projection_alike() {
    let own = placed("time;id;x;y\n0;a;627.8176;115.1736\n").unwrap();
    assert_eq!(own.samples[0].point().degrees(), (49.6, 6.13));
    let utm = placed("time;id;x;y\n0;a;292627.8176;5498115.1736\n").unwrap();
    assert_eq!((&utm.samples, utm.warnings), (&own.samples, Vec::new()));
    let degrees = placed("time;id;lon;lat\n0;a;6.13;49.6\n").unwrap();
    assert_eq!(degrees.samples, own.samples);
}

#[test]
fn a_net_of_another_projection_than_the_trace_is_refused() {
    for (text, place) in [
        ("time;id;x;y\n0;a;92627;5498115\n", "x 92627, y 5498115"),
        ("time;id;lon;lat\n0;a;8.5;49.6\n", "x 8.5, y 49.6"),
    ] {
        let error = placed(text).unwrap_err().to_string();
        let said = format!(
            "t:2: {place} lie outside x.net.xml (x 0 to 2000, y 0 to 3000): a net of another projection than the trace"
        );
        assert!(error.starts_with(&said), "{error}");
    }
}

#[test]
fn signals_and_sizes_are_read_and_a_blue_light_makes_an_emergency_vehicle() {
    let text = "time;id;x;y;type;signals;length;width\n\
        0;a;1000;0;car;0;4.5;1.8\n0;b;1100;0;car;0;;\n\
        1;a;1010;0;car;8;4.5;1.8\n1;b;1110;0;car;2048;;\n\
        2;a;1020;0;car;0;4.5;1.8\n2;b;1120;0;car;2048;;\n";
    let trace = parse(text).unwrap();
    assert_eq!(trace.kinds, [StationKind::Passenger, StationKind::Emergency]);
    assert_eq!(trace.sizes[0], StationSize { length_dm: Some(45), width_dm: Some(18) });
    let change = |station, second: u64, signals| SignalChange {
        station,
        time_ns: second * 1_000_000_000,
        signals: Signals(signals),
    };
    assert_eq!(trace.signals, [change(0, 1, 8), change(0, 2, 0), change(1, 1, 2048)]);
    assert_eq!(trace.signals_at(0, 500_000_000), Some(Signals(0)));
    assert_eq!(trace.signals_at(0, 1_500_000_000), Some(Signals(8)));
    assert_eq!(trace.signals_at(1, 9_000_000_000), Some(Signals(2048)));
    let silent = parse(MIXED).unwrap();
    assert_eq!((silent.signals_at(0, 0), silent.sizes.len()), (None, 0));
}

#[test]
fn a_file_that_ends_in_the_middle_of_a_step_says_in_which() {
    let cut = &XML[..XML.find("    <timestep time=\"10.10\"").unwrap() + 60];
    let told = parse(cut).unwrap().warnings[0].to_string();
    assert!(
        told.starts_with("cut short in line 1") && told.contains("the middle of the step at 10.1 s"),
        "{told}"
    );
    let between = &XML[..XML.find("    <timestep time=\"10.10\"").unwrap()];
    let told = parse(between).unwrap().warnings[0].to_string();
    assert!(told.starts_with("cut short") && !told.contains("middle"), "{told}");
    let csv = &CSV[..CSV.find("300").unwrap()];
    let told = parse(csv).unwrap().warnings[0].to_string();
    assert!(told.contains("in the middle of the step at 10"), "{told}");
}
