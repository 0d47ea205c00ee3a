use proptest::prelude::*;
use v2x_settings::Document;

use super::*;

fn read(text: &str) -> Result<Vec<Fault>, SettingsError> {
    let document = Document::parse(std::path::Path::new("p.toml"), text)?;
    let top = document.top(&["fault"])?;
    let tables = top.tables("fault", FAULT_KEYS, 256)?;
    let faults = tables.iter().map(fault).collect::<Result<_, _>>()?;
    together(&tables, faults)
}

#[test]
fn every_kind_reads_back_with_what_it_leaves_out() {
    let text = |(kind, _): &(&str, &[&str])| match *kind {
        "clock" => "[[fault]]\nkind = \"clock\"\ndrift_ppm = 50\n".to_owned(),
        "gnss_jump" => "[[fault]]\nkind = \"gnss_jump\"\njump_m = [10, -20]\n".to_owned(),
        "jammer" => "[[fault]]\nkind = \"jammer\"\nat_m = [0, 0]\n".to_owned(),
        kind => format!("[[fault]]\nkind = \"{kind}\"\n"),
    };
    let all: String = KINDS.iter().map(text).collect();
    let faults = read(&all).unwrap();
    let names: Vec<_> = faults.iter().map(|fault| fault.kind.name()).collect();
    assert_eq!(names, KINDS.map(|(name, _)| name));
    assert_eq!(
        faults[0].kind,
        FaultKind::BurstLoss { to_bad: 0.01, to_good: 0.1, loss_good: 0.0, loss_bad: 1.0 }
    );
    assert_eq!((&faults[1].who, &faults[2].who), (&Members::Share(0.5), &Members::All));
    assert_eq!(faults[2].kind, FaultKind::Crash { down_s: 5.0 });
    assert_eq!(faults[5].kind, FaultKind::GnssJump { jump_m: (10.0, -20.0) });
    let FaultKind::Jammer(jammer) = &faults[9].kind else { panic!("{:?}", faults[9]) };
    assert_eq!((jammer.range_m, jammer.duty, jammer.period_ms, jammer.noise_dbm), (300.0, 0.5, 10.0, -60.0));
    assert!(faults.iter().all(|fault| fault.span == FaultSpan { from_s: 0.0, to_s: f64::INFINITY }));
    assert!(faults.iter().all(|fault| fault.places[0].file == "p.toml"));
}

#[test]
fn what_is_wrong_is_named_with_file_line_key_and_what_would_be_right() {
    let said = |text: &str| {
        let error = read(&format!("[[fault]]\n{text}\n")).unwrap_err().to_string();
        assert_eq!(error.lines().count(), 1, "{error}");
        error
    };
    for (text, wanted) in [
        ("", "p.toml:1: fault[1].kind is missing: \"burst_loss\", \"partition\", "),
        ("kind = \"rust\"", "p.toml:2: fault[1].kind: found \"rust\", expected \"burst_loss\""),
        ("kind = \"crash\"\nat_s = -1", "p.toml:3: fault[1].at_s: found -1, expected a number, 0 to 3600 s"),
        (
            "kind = \"corrupt\"\nfrom_s = -0.5",
            "p.toml:3: fault[1].from_s: found -0.5, expected a number, 0 to 3600 s",
        ),
        (
            "kind = \"crash\"\nfrom_s = 1",
            "p.toml:3: fault[1].from_s: does not go with this kind; at_s says when",
        ),
        (
            "kind = \"crash\"\nduty = 1",
            "p.toml:3: fault[1].duty: does not go with kind = \"crash\"; keys that do: kind, at_s, stations",
        ),
        (
            "kind = \"gnss_outage\"\nat_s = 1",
            "p.toml:3: fault[1].at_s: does not go with this kind; from_s and to_s",
        ),
        (
            "kind = \"gnss_outage\"\nfrom_s = 4\nto_s = 4",
            "p.toml:4: fault[1].to_s: found 4 with from_s = 4, expected a time after",
        ),
        ("kind = \"gnss_jump\"", "p.toml:1: fault[1].jump_m is missing: how far east and north"),
        (
            "kind = \"clock\"",
            "p.toml:1: fault[1].offset_ms is missing: how far the clock is off, ms, or drift_ppm",
        ),
        (
            "kind = \"clock\"\ndrift_ppm = 1001",
            "p.toml:3: fault[1].drift_ppm: found 1001, expected a number, -1000 to 1000",
        ),
        (
            "kind = \"jammer\"\nat_m = [0, 0]\nduty = 1.5",
            "p.toml:4: fault[1].duty: found 1.5, expected a number, 0 to 1",
        ),
        (
            "kind = \"jammer\"\nat_m = [0, 0]\nduty = 0",
            "p.toml:4: fault[1].duty: found 0, expected above 0 and at most 1",
        ),
        ("kind = \"jammer\"", "p.toml:1: fault[1].at_m is missing: a place"),
        (
            "kind = \"burst_loss\"\nto_bad = 2",
            "p.toml:3: fault[1].to_bad: found 2, expected a number, 0 to 1",
        ),
        (
            "kind = \"corrupt\"\nbits = 0",
            "p.toml:3: fault[1].bits: found 0, expected a whole number, 1 to 64",
        ),
        ("kind = \"duplicate\"\ndelay_ms = nan", "p.toml:3: fault[1].delay_ms: found nan, expected a number"),
        (
            "kind = \"duplicate\"\nsenders = []",
            "p.toml:3: fault[1].senders: found an empty list, expected names",
        ),
        (
            "kind = \"partition\"\nshare = 0.5\nsplit_m = 3",
            "p.toml:3: fault[1].share: does not go with split_m; give one of the two",
        ),
        (
            "kind = \"clock\"\noffset_ms = 1\nshare = 0.5\nstations = [\"a\"]",
            "p.toml:5: fault[1].stations: does not go with share; give either",
        ),
        ("kind = \"crash\"\ncolour = 1", "p.toml:3: fault[1].colour: unknown key; known keys here: kind, "),
        (
            "kind = \"partition\"\nfrom_s = 1\nto_s = 5\n[[fault]]\nkind = \"partition\"\nfrom_s = 4",
            "p.toml:7: fault[2].from_s: found 4, expected one partition at a time: that of line 1 lasts from 1 s to 5 s",
        ),
        (
            "kind = \"partition\"\n[[fault]]\nkind = \"partition\"",
            "p.toml:3: fault[2].from_s: found 0, expected one partition at a time: that of line 1 lasts from 0 s to the end",
        ),
    ] {
        assert!(said(text).starts_with(wanted), "found {:?}, wanted {wanted:?}", said(text));
    }
    let apart = "[[fault]]\nkind = \"partition\"\nto_s = 5\n[[fault]]\nkind = \"partition\"\nfrom_s = 5\n";
    assert_eq!(read(apart).unwrap()[1].of_its_kind, 1);
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC*", value in "[-0-9a-z.\"\\[\\], ]{0,16}", from in -1.0..9.0, to in -1.0..9.0) {
        drop(read(&text));
        for (kind, _) in KINDS {
            for key in FAULT_KEYS {
                let text = format!("[[fault]]\nkind = \"{kind}\"\n{key} = {value}\n");
                if let Ok(faults) = read(&text) {
                    prop_assert!(faults.iter().all(|fault| fault.span.from_s < fault.span.to_s));
                }
            }
            let spans = format!("[[fault]]\nkind = \"{kind}\"\nfrom_s = {from}\nto_s = {to}\n").repeat(2);
            prop_assert!(kind != "partition" || read(&spans).is_err());
        }
    }
}
