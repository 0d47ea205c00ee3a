//! What `roadcast priority` and a roadside unit refuse, as a user meets it. Time is as in `hazard.rs`.

mod town;

use town::Town;

const STANDS: &str = "source = \"fixed\"\nlatitude = 49.6116\nlongitude = 6.1319";

fn ask<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&["priority", "request"], more].concat()
}

#[test]
fn who_may_not_ask_or_says_too_little_is_told_what_would_be_right() {
    let town = Town::new("asks");
    town.vehicle("car", Some(49.6116), "");
    town.station("lorry", "vehicle", &["--also", "priority-request"], STANDS, "");
    let mut car = town.start(&["--config", "car.toml"]);
    let mut lorry = town.start(&["--config", "lorry.toml"]);
    car.until("sending");
    lorry.until("sending");
    let cases: [(&[&str], &str); 3] = [
        (&["--config", "car.toml", "--intersection", "18"], "lacks the permission priority-request:"),
        (&["--config", "lorry.toml"], "give its role, road_works or truck"),
        (&["--config", "lorry.toml", "--role", "truck"], "on no lane that leads to an intersection it knows"),
    ];
    for (args, expected) in cases {
        let refused = town.bad(1, &ask(args));
        assert!(
            refused.starts_with("roadcast: refused: ") && refused.contains(expected),
            "{args:?}: {refused}"
        );
        assert_eq!(refused.lines().count(), 1, "{refused}");
    }
    let named = town.good(&ask(&["--config", "lorry.toml", "--role", "truck", "--intersection", "3/18"]));
    assert_eq!(
        named,
        "priority at intersection 3/18: waiting, nothing was heard of this intersection yet (given up after 30 s)\n"
    );
    let cancel = ["priority", "cancel", "--config", "lorry.toml", "--intersection", "18"];
    assert!(town.bad(1, &cancel).contains("no request for priority at intersection 18;"));
    town.good(&["priority", "cancel", "--config", "lorry.toml"]);
    assert!(
        town.bad(1, &["priority", "cancel", "--config", "lorry.toml"])
            .contains("no request for priority is open")
    );

    let cases: [(&[&str], &str); 4] = [
        (
            &["--intersection", "x"],
            "expected an intersection's number, 0 to 65535, such as 18, or 3/18 in region 3",
        ),
        (&["--role", "tram"], "expected emergency, public_transport, road_works or truck"),
        (&["--duration", "2m"], "expected 1ms to 60s"),
        (&["--importance", "15"], "15 is not in 0..=14"),
    ];
    for (args, expected) in cases {
        let complaint = town.bad(2, &ask(args));
        assert!(complaint.contains(expected), "{args:?}: {complaint}\nlacks\n{expected}");
    }
    car.end();
    lorry.end();
}

#[test]
fn a_unit_that_may_not_say_what_it_is_to_say_does_not_start() {
    let town = Town::new("mute");
    let signals = "[[roadside.intersection]]\nid = 17\nlatitude = 49.6117\nlongitude = 6.1321\n\
        groups = [{ group = 1, green_s = 24, yellow_s = 3, red_s = 33, offset_s = 0 }]\n\
        [[roadside.adverts]]\nservice_id = 7\ndescription = \"charging\"";
    town.station("unit", "roadside", &["--role", "vehicle"], STANDS, signals);
    let refused = town.bad(2, &["run", "--config", "unit.toml", "--seconds", "1"]);
    let expected = "unit.toml: roadside: the unit's credential lacks the permissions signal-state, service-advert; issue one with --role roadside (roadcast keys issue), ";
    assert!(refused.contains(expected), "{refused}");
    assert_eq!(refused.lines().count(), 1, "{refused}");
    // Slips of the pen put intersections elsewhere.
    let far = signals.replace("49.6117", "4.6117");
    town.station("unit", "roadside", &["--role", "roadside", "--force"], STANDS, &far);
    let refused = town.bad(2, &["run", "--config", "unit.toml", "--seconds", "1"]);
    assert!(
        refused.contains("latitude: found an intersection 5005 km from the unit, expected one within"),
        "{refused}"
    );
}
