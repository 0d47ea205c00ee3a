use proptest::prelude::*;

use super::*;

const LEAST: &str = "[scenario]\nkind = \"highway\"\n[[event]]\nat_m = [0, 0]\narea = { shape = \"circle\", radius_m = 500 }\n";

#[test]
fn a_plan_reads_back_with_what_it_leaves_out() {
    let plan = Plan::parse("p.toml", LEAST).unwrap();
    assert_eq!((plan.seeds, plan.forwarding), (vec![1], vec![Forwarding::Roadcast]));
    assert_eq!(plan.medium, MediumPlan::named("published").unwrap());
    let Scenario::Highway(highway) = plan.scenario else { panic!("{:?}", plan.scenario) };
    assert_eq!((highway.length_m, highway.lanes, highway.directions), (5000.0, 4, 2));
    let event = &plan.events[0];
    assert_eq!((event.class, event.validity_s, event.times), (Class::D3, 2, 1));
    assert_eq!(event.by, Origin::Nearest((0.0, 0.0)));
}

#[test]
fn a_law_takes_warnings_that_leave_once() {
    let plan = |top: &str| Plan::parse("p.toml", &format!("{top}\n{LEAST}"));
    let law = plan("regulation = \"en302571\"\ncongestion = \"adaptive\"").unwrap();
    assert_eq!((law.imminent(), law.congestion), (Imminent::Regulated, Congestion::Adaptive));
    let free = plan("").unwrap();
    assert_eq!((free.imminent(), free.congestion), (Imminent::Lab, Congestion::Off));
    let said = plan("regulation = \"en302571\"\nimminent = \"lab\"").unwrap_err().to_string();
    assert!(said.starts_with("p.toml:2: imminent") && said.contains("regulation = \"en302571\""), "{said}");
}

#[test]
fn a_trace_and_what_says_how_it_is_read_are_named_from_the_plan_s_folder() {
    let text = "[scenario]\nkind = \"trace\"\nfile = \"t.csv\"\nkinds = \"../k.toml\"\nfrom = 3\n";
    let plan = Plan::parse("some/p.toml", text).unwrap();
    let Scenario::Trace(trace) = plan.scenario else { panic!("{:?}", plan.scenario) };
    assert_eq!(trace.file, Path::new("some/t.csv"));
    let reading = Reading { kinds: Some("some/../k.toml".into()), from_s: Some(3.0), ..Reading::default() };
    assert_eq!(*trace.reading, reading);
}

#[test]
fn what_is_wrong_is_named_with_file_line_key_and_what_would_be_right() {
    let said = |text: &str| Plan::parse("p.toml", text).unwrap_err().to_string();
    let more = |text: &str| said(&format!("{LEAST}{text}"));
    let scenario = |text: &str| said(&format!("[scenario]\n{text}\n"));
    for (found, wanted) in [
        (said(""), "p.toml:1: scenario is missing: a table [scenario]"),
        (said("[scenario\n"), "p.toml:1: not TOML: "),
        (said("scenario = 3"), "p.toml:1: scenario: found 3, expected a table: [scenario]"),
        (
            said("seed = 1\n[[attack]]\nkind = \"stale\"\n"),
            "p.toml:2: attack: found an attack, expected a plan of floods; one of attacks on a trace is run by: roadcast replay run TRACE",
        ),
        (
            scenario("kind = \"sea\""),
            "p.toml:2: scenario.kind: found \"sea\", expected \"highway\", \"grid\", \"partition\" or \"trace\"",
        ),
        (scenario("kind = \"trace\""), "p.toml:1: scenario.file is missing: the name of a trace"),
        (
            scenario("kind = \"trace\"\nfile = \"t.csv\"\nshare = 0"),
            "p.toml:4: scenario.share: found 0, expected above 0 to 100 per cent",
        ),
        (
            scenario("kind = \"trace\"\nfile = \"t.csv\"\nmax-samples = 9"),
            "p.toml:4: scenario.max-samples: unknown key; known keys here: kind, length_m, ",
        ),
        (
            scenario("kind = \"trace\"\nfile = \"t.csv\"\nlanes = 9"),
            "p.toml:4: scenario.lanes: does not go with kind = \"trace\"; keys that do: kind, file, geographic, origin",
        ),
        (
            scenario("kind = \"highway\"\nshare = 20"),
            "p.toml:3: scenario.share: does not go with kind = \"highway\"; keys that do: kind, length_m",
        ),
        (
            scenario("kind = \"trace\"\nfile = \"t.csv\"\npolygons = \"x\"\n[medium]\nkind = \"range\""),
            "p.toml:4: scenario.polygons: does not go with the medium \"range\", a range and no radio channel; take published",
        ),
        (
            scenario("kind = \"grid\"\nlanes = 2"),
            "p.toml:3: scenario.lanes: does not go with kind = \"grid\"; keys that do: kind, blocks",
        ),
        (
            scenario("kind = \"highway\"\nlanes = 2.5"),
            "p.toml:3: scenario.lanes: found 2.5, expected a whole number, 1 to 16",
        ),
        (
            scenario("kind = \"highway\"\ndensity_per_km = 900"),
            "p.toml:3: scenario.density_per_km: found 900 per km, expected fewer",
        ),
        (
            said("[scenario]\nkind = \"partition\"\n"),
            "p.toml:1: event is missing: what crosses a partition: at least one table [[event]]",
        ),
        (more("class = \"D2\""), "p.toml:6: event[1].class: found \"D2\", expected \"D0\", \"D1\" or \"D3\""),
        (
            more("class = \"D0\""),
            "p.toml:5: event[1].area: does not go with class = \"D0\"; only floods have an area",
        ),
        (more("by = \"car 1\""), "p.toml:4: event[1].at_m: does not go with by; give one of the two"),
        (
            more("validity_s = 0.1"),
            "p.toml:6: event[1].validity_s: found 0.1, expected a whole number, 1 to 86400",
        ),
        (more("max_hops = 3"), "p.toml:6: event[1].max_hops: unknown key; known keys here: by, at_m, "),
        (more("times = 1000\nevery_s = 600"), "p.toml:3: event: found a run of "),
        (more("[[event]]\nat_m = [1]"), "p.toml:7: event[2].at_m: found [1], expected two numbers"),
        (more("[[event]]\n"), "p.toml:6: event[2].by is missing: by = "),
        (
            more("[medium]\nkind = \"fog\""),
            "p.toml:7: medium.kind: found \"fog\", expected \"range\" or \"radio\"",
        ),
        (
            more("[medium]\nkind = \"radio\"\nprofile = \"rural\""),
            "p.toml:8: medium.profile: found \"rural\", expected \"published\", \"highway\", ",
        ),
        (
            more("[medium]\nkind = \"radio\"\nrange_m = 200"),
            "p.toml:8: medium.range_m: does not go with kind = \"radio\"",
        ),
        (
            more("[medium]\nkind = \"range\"\nrange_m = 1501"),
            "p.toml:8: medium.range_m: found 1501, expected a number, 1 to 1500",
        ),
        (
            more("[[attacker]]\nkind = \"rudeness\"\nat_m = [0, 0]"),
            "p.toml:7: attacker[1].kind: found \"rudeness\", expected \"blockage\"",
        ),
        (
            more("[[unit]]\nname = \"u\"\nat_m = [0, 0]\n[[unit]]\nname = \"u\"\nat_m = [1, 0]"),
            "p.toml:6: unit: found two named \"u\", expected different names",
        ),
        (
            more("[[controller]]\nunit = \"u\"\nuntil_s = 5"),
            "p.toml:6: controller: found unit = \"u\", expected the name of a [[unit]]",
        ),
    ] {
        assert!(found.starts_with(wanted), "found {found:?}, wanted {wanted:?}");
        assert!(!found.contains('\n'), "{found:?}");
    }
    let top = |text: &str| said(&format!("{text}\n{LEAST}"));
    assert!(top("speed = 1").starts_with("p.toml:1: speed: unknown key; known keys here: about, seeds"));
    assert!(top("seeds = []").starts_with("p.toml:1: seeds: found [], expected 1 to 1000 whole numbers"));
    assert!(
        top("seeds = [1, -1]")
            .starts_with("p.toml:1: seeds: found [1, -1], expected 1 to 1000 whole numbers")
    );
    assert!(
        top("forwarding = [\"etsi\", \"etsi\"]")
            .starts_with("p.toml:1: forwarding: found [\"etsi\", \"etsi\"], expected \"roadcast\"")
    );
    assert!(top("warm_up_s = nan").starts_with("p.toml:1: warm_up_s: found nan, expected a number"));
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC*", value in "[-0-9a-z.\"\\[\\], ]{0,16}") {
        prop_assert!(Plan::parse("p.toml", &text).is_err());
        for key in ["seeds", "forwarding", "warm_up_s", "scenario", "medium", "event", "unit", "about"] {
            drop(Plan::parse("p.toml", &format!("{key} = {value}\n{LEAST}")));
        }
        for key in ["length_m", "density_per_km", "lanes", "directions", "speed_mps", "jitter", "kind"] {
            let text = LEAST.replace("kind", &format!("{key} = {value}\nkind"));
            if let Ok(plan) = Plan::parse("p.toml", &text) {
                prop_assert!(plan.length_s() <= MAX_LENGTH_S);
            }
        }
    }
}
