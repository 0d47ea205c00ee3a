use proptest::prelude::*;

use super::*;

const LEAST: &str = "[scenario]\nkind = \"highway\"\n[[event]]\nat_m = [0, 0]\narea = { shape = \"circle\", radius_m = 500 }\n";

#[test]
fn a_plan_reads_back_with_what_it_leaves_out() {
    let plan = Plan::parse("p.toml", LEAST).unwrap();
    assert_eq!((plan.seeds, plan.forwarding), (vec![1], vec![Forwarding::Roadcast]));
    assert_eq!(plan.medium, MediumPlan::Table { column: Column::Hz10, interference: true });
    let Scenario::Highway(highway) = plan.scenario else { panic!("{:?}", plan.scenario) };
    assert_eq!((highway.length_m, highway.lanes, highway.directions), (5000.0, 4, 2));
    let event = &plan.events[0];
    assert_eq!((event.class, event.validity_s, event.times), (Class::D3, 2, 1));
    assert_eq!(event.by, Origin::Nearest((0.0, 0.0)));
}

#[test]
fn what_is_wrong_is_named_with_file_line_key_and_what_would_be_right() {
    let said = |text: &str| Plan::parse("p.toml", text).unwrap_err().to_string();
    let more = |text: &str| said(&format!("{LEAST}{text}"));
    let scenario = |text: &str| said(&format!("[scenario]\n{text}\n"));
    for (found, wanted) in [
        (said(""), "p.toml:1: scenario: expected a table [scenario]"),
        (said("[scenario\n"), "p.toml:1: not TOML: "),
        (said("scenario = 3"), "p.toml:1: scenario: expected a table"),
        (
            said("seed = 1\n[[attack]]\nkind = \"stale\"\n"),
            "p.toml:2: attack: expected a plan of floods; one of attacks on a trace is run by: roadcast replay run TRACE",
        ),
        (
            scenario("kind = \"sea\""),
            "p.toml:2: scenario.kind: expected one of highway, grid, partition, trace",
        ),
        (scenario("kind = \"trace\""), "p.toml:1: scenario.file: expected the name of a trace"),
        (
            scenario("kind = \"grid\"\nlanes = 2"),
            "p.toml:3: scenario.lanes: expected one of the keys kind, blocks",
        ),
        (
            scenario("kind = \"highway\"\nlanes = 2.5"),
            "p.toml:3: scenario.lanes: expected a whole number from 1 to 16",
        ),
        (
            scenario("kind = \"highway\"\ndensity_per_km = 900"),
            "p.toml:3: scenario.density_per_km: expected fewer",
        ),
        (said("[scenario]\nkind = \"highway\"\n"), "p.toml:1: event: expected at least one table [[event]]"),
        (more("class = \"D2\""), "p.toml:6: event.class: expected one of D0, D1, D3"),
        (more("class = \"D0\""), "p.toml:5: event.area: expected no area"),
        (more("by = \"car 1\""), "p.toml:4: event.at_m: expected either by or at_m"),
        (more("validity_s = 0.1"), "p.toml:6: event.validity_s: expected a whole number from 1 to 86400"),
        (more("max_hops = 3"), "p.toml:6: event.max_hops: expected one of the keys by, at_m, "),
        (more("times = 1000\nevery_s = 600"), "p.toml:3: event: expected events that end within 7200 s"),
        (more("[[event]]\nat_m = [1]"), "p.toml:7: event.at_m: expected two numbers"),
        (more("[[event]]\n"), "p.toml:6: event.by: expected by = "),
        (more("[medium]\nkind = \"fog\""), "p.toml:7: medium.kind: expected one of range, table"),
        (
            more("[medium]\nkind = \"table\"\ncolumn = \"1hz\""),
            "p.toml:8: medium.column: expected one of 10hz_23dbm, ",
        ),
        (
            more("[medium]\nkind = \"table\"\ninterference = 1"),
            "p.toml:8: medium.interference: expected true or false",
        ),
        (
            more("[medium]\nkind = \"range\"\nrange_m = 1501"),
            "p.toml:8: medium.range_m: expected a number from 1 to 1500",
        ),
        (
            more("[[attacker]]\nkind = \"rudeness\"\nat_m = [0, 0]"),
            "p.toml:7: attacker.kind: expected one of blockage, ",
        ),
        (
            more("[[unit]]\nname = \"u\"\nat_m = [0, 0]\n[[unit]]\nname = \"u\"\nat_m = [1, 0]"),
            "p.toml:6: unit: expected different names",
        ),
        (
            more("[[controller]]\nunit = \"u\"\nuntil_s = 5"),
            "p.toml:6: controller: expected the name of a [[unit]]",
        ),
    ] {
        assert!(found.starts_with(wanted), "found {found:?}, wanted {wanted:?}");
        assert!(!found.contains('\n'), "{found:?}");
    }
    let top = |text: &str| said(&format!("{text}\n{LEAST}"));
    assert!(top("speed = 1").starts_with("p.toml:1: speed: expected one of the keys about, seeds"));
    assert!(top("seeds = []").starts_with("p.toml:1: seeds: expected 1 to 1000 whole numbers"));
    assert!(top("seeds = [1, -1]").starts_with("p.toml:1: seeds: expected 1 to 1000 whole numbers"));
    assert!(
        top("forwarding = [\"etsi\", \"etsi\"]")
            .starts_with("p.toml:1: forwarding: expected one of roadcast")
    );
    assert!(top("warm_up_s = nan").starts_with("p.toml:1: warm_up_s: expected a number"));
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
