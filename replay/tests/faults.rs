//! Faults of plans: what each takes, and what stations do about it.

#![allow(clippy::unwrap_used, reason = "helpers of tests, which clippy does not take for tests")]

use std::ops::ControlFlow;
use std::path::Path;

use v2x_proto::Class;
use v2x_replay::plan::{Plan, PlanOptions, run};
use v2x_report::{ClassReport, FaultReport, Report, Verify};

/// Twenty seconds of ten standing cars that all hear each other, each with a message a second, and what goes wrong.
fn road(faults: &str) -> Report {
    let text = format!(
        "warm_up_s = 4\nsettle_s = 16\nseeds = [5]\n\
         [scenario]\nkind = \"highway\"\nlength_m = 200\ndensity_per_km = 50\nlanes = 1\ndirections = 1\n\
         speed_mps = 0\njitter = 0.1\n[medium]\nkind = \"range\"\nrange_m = 300\n{faults}"
    );
    report(&Plan::parse("road.toml", &text).unwrap(), 1)
}

fn report(plan: &Plan, threads: usize) -> Report {
    let options = PlanOptions { threads, verify: Verify::Once, seconds: None, attack: None };
    let outcome = run(plan, &options, &mut |_| ControlFlow::Continue(())).unwrap();
    outcome.report.check().unwrap();
    outcome.report
}

fn beacons(report: &Report) -> &ClassReport {
    report.class(Class::D2).unwrap()
}

fn undelivered(report: &Report, cause: &str) -> u64 {
    beacons(report).undelivered.get(cause).copied().unwrap_or(0)
}

fn dropped(report: &Report, reason: &str) -> u64 {
    report.drops.get(reason).copied().unwrap_or(0)
}

fn only(report: &Report) -> &FaultReport {
    let [fault] = &report.faults[..] else { panic!("{:?}", report.faults) };
    fault
}

#[test]
fn without_faults_nothing_is_lost_and_no_fault_is_told() {
    let report = road("");
    let class = beacons(&report);
    assert_eq!((class.missed, report.faults.len()), (0, 0));
    assert!(class.expected > 1_500, "{class:?}");
}

#[test]
fn bursts_lose_what_the_links_state_says_and_another_fault_changes_no_draw() {
    let fault = "[[fault]]\nkind = \"burst_loss\"\nto_bad = 0.2\nto_good = 0.2\n";
    let report = road(fault);
    let fault_lost = only(&report).frames;
    assert_eq!(fault_lost, undelivered(&report, "burst_loss"));
    // Bad half of the time, once the links have settled.
    let share = fault_lost as f64 / beacons(&report).expected as f64;
    assert!((0.3..0.5).contains(&share), "{share}");
    assert_eq!(only(&report).lasted_s, 16.0);
    let another = "[[fault]]\nkind = \"gnss_outage\"\nfrom_s = 3000\n";
    let both = road(&format!("{another}{fault}"));
    assert_eq!(both.faults[1].frames, fault_lost);
    let told = "road.toml:15: gnss_outage begins 3000 s after the warm-up; the run ends after 16 s, so it has no effect";
    assert_eq!((&both.warnings[..], &report.warnings[..]), (&[told.to_owned()][..], &[][..]));
    // One link alone.
    let one = road(&format!("{fault}senders = [\"car 1\"]\nreceivers = [\"car 2\"]\nloss_good = 1.0\n"));
    assert_eq!((only(&one).frames, only(&one).stations), (16, 1));
}

#[test]
fn a_crashed_station_hears_nothing_and_comes_back_under_another_name_without_taking_what_is_old() {
    let crash = "[[fault]]\nkind = \"crash\"\nstations = [\"car 3\", \"car 4\"]\nat_s = 5.2\ndown_s = 4\n";
    let report = road(crash);
    let fault = only(&report);
    assert_eq!((fault.stations, fault.lasted_s), (2, 8.0));
    assert_eq!(fault.frames, undelivered(&report, "crashed"));
    assert!((60..=80).contains(&fault.frames), "eight cars, four seconds: {fault:?}");
    // Nothing else is missed: the new ones know the others' credentials with the next beacons that bring them.
    let class = beacons(&report);
    assert!(class.sent < beacons(&road("")).sent - 4, "{class:?}");
    // Every frame comes again 1.5 s later, to stations with an empty memory too: all of them are too old by then.
    let again = road(&format!("{crash}[[fault]]\nkind = \"duplicate\"\nprobability = 1\ndelay_ms = 1500\n"));
    assert!(again.faults[1].frames > 1_000, "{:?}", again.faults);
    assert_eq!(
        again.frames.delivered,
        beacons(&again).delivered,
        "none is delivered twice, none is replayed"
    );
    assert!(dropped(&again, "stale") > 0 && again.frames.dropped > 1_000, "{:?}", again.drops);
}

#[test]
fn duplicates_are_dropped_as_copies() {
    let report = road("[[fault]]\nkind = \"duplicate\"\nprobability = 0.5\ndelay_ms = 3\n");
    let doubled = only(&report).frames;
    assert!(doubled > 500, "{doubled}");
    assert_eq!((report.frames.dropped, beacons(&report).missed), (doubled, 0), "{:?}", report.drops);
}

#[test]
fn a_frame_that_others_overtake_is_late_and_no_replay() {
    let report = road("[[fault]]\nkind = \"reorder\"\nprobability = 0.5\ndelay_ms = 150\n");
    let class = beacons(&report);
    assert_eq!((class.delivered, report.frames.dropped), (class.expected, 0), "{:?}", report.drops);
    assert_eq!(class.delivered_late, only(&report).frames, "150 ms is past the deadline");
    assert!(class.delivered_late > 500, "{class:?}");
}

#[test]
fn corrupted_frames_are_refused_by_form_or_by_signature_and_never_delivered() {
    let report = road("[[fault]]\nkind = \"corrupt\"\nprobability = 0.5\nbits = 3\n");
    let changed = only(&report).frames;
    assert!(changed > 500, "{changed}");
    let signatures = dropped(&report, "signature_invalid") + dropped(&report, "credential_signature");
    assert!(signatures > changed / 4 && dropped(&report, "malformed_fields") > 20, "{:?}", report.drops);
    assert!(report.drops.len() >= 3, "in several ways: {:?}", report.drops);
    // The hop header is not signed: what changed there alone may pass.
    let class = beacons(&report);
    assert!(class.expected - class.delivered > changed * 8 / 10, "{class:?}");
}

#[test]
fn a_clock_behind_makes_stale_messages_and_one_ahead_silences_itself() {
    let clean = beacons(&road("")).sent;
    let clock = |keys: &str| {
        road(&format!("[[fault]]\nkind = \"clock\"\nstations = [\"car 2\"]\nfrom_s = 4\n{keys}\n"))
    };
    let behind = clock("offset_ms = -3000");
    assert!(dropped(&behind, "stale") > 80, "{:?}", behind.drops);
    assert!(dropped(&behind, "from_future") > 80, "to its clock others are ahead: {:?}", behind.drops);
    // Its positions are 5 s old by its clock, too old to send by.
    let ahead = clock("offset_ms = 5000");
    assert!(beacons(&ahead).sent <= clean - 10 && dropped(&ahead, "stale") > 80, "{:?}", ahead.drops);
    // Its host notices after 2 s: from then on it signs nothing.
    let noticed = clock("offset_ms = -3000\nnoticed_s = 2");
    assert!((9..=11).contains(&(clean - beacons(&noticed).sent)), "{} of {clean}", beacons(&noticed).sent);
    assert!(dropped(&noticed, "stale") < 30, "{:?}", noticed.drops);
    // Right again after a while, it is heard again.
    let mended = clock("offset_ms = -3000\nto_s = 8");
    assert!(dropped(&mended, "stale") < dropped(&behind, "stale") / 2, "{:?}", mended.drops);
    let drifting = clock("drift_ppm = 1000");
    assert_eq!(beacons(&drifting).missed, 0, "12 ms in 12 s are within what receivers tolerate");
    assert_eq!((only(&drifting).stations, only(&drifting).lasted_s), (1, 12.0));
}

#[test]
fn a_station_without_positions_falls_silent_until_it_has_some_again() {
    let outage = "[[fault]]\nkind = \"gnss_outage\"\nstations = [\"car 2\"]\nfrom_s = 4\nto_s = 12\n";
    let report = road(outage);
    let silent = beacons(&road("")).sent - beacons(&report).sent;
    // A position is good for two seconds.
    assert!((5..=7).contains(&silent), "{silent}");
    let fault = only(&report);
    assert_eq!((fault.fixes, fault.frames, fault.lasted_s), (8, 0, 8.0));
}

#[test]
fn a_position_that_jumps_is_told_as_it_is_and_found_out_by_neighbours() {
    let jump = "[[fault]]\nkind = \"gnss_jump\"\nstations = [\"car 2\"]\nfrom_s = 6\njump_m = [0, 3000]\n";
    let report = road(jump);
    assert_eq!((only(&report).stations, only(&report).fixes > 8), (1, true));
    assert!(dropped(&report, "out_of_reach") > 50, "{:?}", report.drops);
}

#[test]
fn a_jammer_takes_what_is_on_the_air_while_it_is_on_and_within_its_range() {
    let jam = |keys: &str| {
        road(&format!("[[fault]]\nkind = \"jammer\"\nat_m = [0, 0]\nfrom_s = 4\nto_s = 12\n{keys}\n"))
    };
    let whole = jam("duty = 1\nrange_m = 1000");
    let fault = only(&whole);
    assert_eq!((fault.frames, fault.lasted_s, fault.stations), (undelivered(&whole, "jammed"), 8.0, 10));
    // Ten cars, a message a second, for eight seconds, to nine others.
    assert!((640..=810).contains(&fault.frames), "{fault:?}");
    let part = jam("duty = 0.25\nperiod_ms = 40.1\nrange_m = 1000");
    assert!((only(&part).lasted_s - 2.0).abs() < 0.01);
    assert!((100..=300).contains(&only(&part).frames), "{:?}", part.faults);
    let near = jam("duty = 1\nrange_m = 60");
    assert!(only(&near).stations < 6 && only(&near).frames < fault.frames, "{:?}", near.faults);
}

#[test]
fn a_jammer_on_a_radio_channel_is_noise_and_makes_it_busy() {
    let radio = |fault: &str| {
        let text = format!(
            "warm_up_s = 2\nsettle_s = 8\n[scenario]\nkind = \"highway\"\nlength_m = 200\ndensity_per_km = 50\n\
             lanes = 1\ndirections = 1\nspeed_mps = 20\njitter = 0.1\n[medium]\nkind = \"radio\"\nprofile = \"highway\"\n{fault}"
        );
        report(&Plan::parse("road.toml", &text).unwrap(), 1)
    };
    let clean = radio("");
    let jammer = "[[fault]]\nkind = \"jammer\"\nat_m = [100, 0]\nrange_m = 500\nfrom_s = 1\nto_s = 7\nperiod_ms = 20\n";
    let strong = radio(&format!("{jammer}duty = 0.5\nnoise_dbm = -50\n"));
    let weak = radio(&format!("{jammer}duty = 1\nnoise_dbm = -70\n"));
    let busy = |report: &Report| {
        let over_time = report.over_time.as_ref().unwrap();
        over_time.channel_busy_ns.iter().sum::<u64>() as f64
            / over_time.listened_ns.iter().sum::<u64>() as f64
    };
    assert!(busy(&strong) > busy(&clean) + 0.2, "{} and {}", busy(&strong), busy(&clean));
    let lost = |report: &Report| {
        report.losses_by_distance.iter().flat_map(|bin| bin.lost.get("collision")).sum::<u64>()
    };
    assert!(lost(&weak) > lost(&clean) + 20, "{} and {}", lost(&weak), lost(&clean));
    assert_eq!((only(&strong).lasted_s, only(&strong).frames), (3.0, 0));
    // Above the threshold everybody waits for it, so less collides and all is later.
    let p50 = |report: &Report| beacons(report).send_to_delivered.p50_ns;
    assert!(p50(&strong) > p50(&clean), "{} and {}", p50(&strong), p50(&clean));
}

#[test]
fn a_hazard_crosses_a_partition_when_it_heals_though_its_origin_is_gone() {
    let run = |more: &str| {
        let text = format!(
            "warm_up_s = 4\nsettle_s = 25\n[scenario]\nkind = \"highway\"\nlength_m = 600\ndensity_per_km = 40\n\
             lanes = 1\ndirections = 1\nspeed_mps = 0\njitter = 0.1\n[medium]\nkind = \"range\"\nrange_m = 300\n\
             [[unit]]\nname = \"unit 1\"\nat_m = [20, -15]\n[[event]]\nby = \"unit 1\"\nat_s = 2\nvalidity_s = 60\n\
             area = {{ shape = \"rectangle\", half_length_m = 400, half_width_m = 50, azimuth_deg = 90, centre_m = [300, 0] }}\n\
             [[fault]]\nkind = \"partition\"\nsplit_m = 300\nfrom_s = 0.5\nto_s = 12\n{more}"
        );
        report(&Plan::parse("road.toml", &text).unwrap(), 1)
    };
    let healed = run("[[fault]]\nkind = \"crash\"\nstations = [\"unit 1\"]\nat_s = 5\ndown_s = 600\n");
    let flood = healed.flood.as_ref().unwrap();
    assert!(flood.reach_300ms_3km < 0.6 && flood.reach_final > 0.9, "{flood:?}");
    assert!(healed.faults[0].frames > 100 && undelivered(&healed, "partition") > 100, "{:?}", healed.faults);
}

#[test]
fn the_shipped_plan_has_every_fault_and_each_takes_something() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("plans/flood/faults.toml");
    let plan = Plan::read(&path).unwrap();
    let one = report(&plan, 1);
    for fault in &one.faults {
        let took = fault.frames > 0 || fault.fixes > 0 || fault.fault == "clock";
        assert!(took && fault.stations > 0 && fault.lasted_s > 0.0, "{fault:?}");
    }
    let kinds: std::collections::BTreeSet<_> = one.faults.iter().map(|fault| &fault.fault[..]).collect();
    assert_eq!(kinds.len(), 10, "{kinds:?}");
    assert_eq!((report(&plan, 3).digest, report(&plan, 3).faults), (one.digest, one.faults));
}
