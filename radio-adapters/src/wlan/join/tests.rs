use super::super::channel::{Channel, Width};
use super::super::testkernel::{Radio, State};
use super::*;
use crate::radio::LinkAddress;

const ITS: Channel = Channel { frequency_mhz: 5900, width: Width::Mhz10 };

fn plan() -> JoinPlan {
    let (rate_kbps, power_dbm, mtu) = (None, None, None);
    JoinPlan { interface: "wlan0".to_owned(), cell: Cell::Ocb(ITS), rate_kbps, power_dbm, mtu }
}

fn ibss(bssid: Option<[u8; 6]>) -> JoinPlan {
    let ssid = Ssid::new(b"v2x").unwrap();
    JoinPlan { cell: Cell::Ibss { channel: ITS, ssid, bssid: bssid.map(LinkAddress) }, ..plan() }
}

fn radio() -> (Radio, Wlan) {
    let radio = Radio::new();
    (radio.clone(), Wlan::on(radio))
}

fn words(changes: &[Change]) -> String {
    changes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn refusal(wlan: &mut Wlan, plan: &JoinPlan) -> String {
    join(wlan, plan).unwrap_err().to_string()
}

#[test]
fn a_fresh_interface_joins_and_is_restored() {
    let (radio, mut wlan) = radio();
    let wishes = JoinPlan { rate_kbps: Some(6_000), power_dbm: Some(20), mtu: Some(2304), ..plan() };
    let joined = join(&mut wlan, &wishes).unwrap();
    let expected =
        "type managed -> ocb, MTU 1500 -> 2304, up, joined 5900 MHz (10 MHz wide), rate 6 Mb/s, power 20 dBm";
    assert_eq!(words(&joined.changes), expected);
    let steps = "kind ocb, mtu 2304, up, join 5900 width 7, rate 120, power 2000";
    assert_eq!(radio.changes().join(", "), steps);
    assert!(is_joined(&mut wlan, &wishes).unwrap());

    let undone = restore(&mut wlan, &joined.before).unwrap();
    let expected = "power as the driver chooses, left 5900 MHz (10 MHz wide), type ocb -> managed, MTU 2304 -> 1500, down";
    assert_eq!(words(&undone), expected);
    assert_eq!(radio.changes().join(", "), "power automatic, leave, down, kind managed, mtu 1500");
    assert!(!is_joined(&mut wlan, &wishes).unwrap());
    assert!(restore(&mut wlan, &Before { power_set: false, ..joined.before }).unwrap().is_empty());
}

#[test]
fn a_monitor_interface_is_tuned_and_restored() {
    let (radio, mut wlan) = radio();
    let tuned = JoinPlan { cell: Cell::Monitor(ITS), ..plan() };
    let joined = join(&mut wlan, &tuned).unwrap();
    assert_eq!(words(&joined.changes), "type managed -> monitor, up, tuned to 5900 MHz (10 MHz wide)");
    assert_eq!(radio.changes().join(", "), "kind monitor, up, channel 5900, down, up");
    assert!(is_joined(&mut wlan, &tuned).unwrap());
    assert_eq!(join(&mut wlan, &tuned).unwrap().changes, []);
    // To another channel and back.
    let elsewhere = Channel { frequency_mhz: 5890, ..ITS };
    let moved = join(&mut wlan, &JoinPlan { cell: Cell::Monitor(elsewhere), ..plan() }).unwrap();
    assert_eq!(words(&moved.changes), "tuned to 5890 MHz (10 MHz wide)");
    assert_eq!(words(&restore(&mut wlan, &moved.before).unwrap()), "tuned to 5900 MHz (10 MHz wide)");
    assert_eq!(words(&restore(&mut wlan, &joined.before).unwrap()), "type monitor -> managed, down");
    join(&mut wlan, &tuned).unwrap();
    assert_eq!(
        words(&leave(&mut wlan, "wlan0").unwrap()),
        "power as the driver chooses, type monitor -> managed, down"
    );
}

#[test]
fn joining_twice_changes_nothing_but_what_the_kernel_does_not_tell() {
    let (radio, mut wlan) = radio();
    join(&mut wlan, &plan()).unwrap();
    radio.changes();
    assert_eq!(join(&mut wlan, &plan()).unwrap().changes, []);
    assert!(radio.changes().is_empty());
    let again = join(&mut wlan, &JoinPlan { rate_kbps: Some(12_000), ..plan() }).unwrap();
    assert_eq!((again.changes.len(), again.changes[0].is_certain()), (1, false));
    assert_eq!(radio.changes(), ["rate 240"]);
}

#[test]
fn what_the_kernel_forgot_when_the_interface_was_down_is_joined_again() {
    let (radio, mut wlan) = radio();
    join(&mut wlan, &plan()).unwrap();
    wlan.set_up(3, false).unwrap();
    wlan.set_up(3, true).unwrap();
    radio.changes();
    assert!(!is_joined(&mut wlan, &plan()).unwrap());
    assert_eq!(words(&join(&mut wlan, &plan()).unwrap().changes), "joined 5900 MHz (10 MHz wide)");
}

#[test]
fn another_cell_is_left_first_and_joined_again_at_the_end() {
    let (radio, mut wlan) = radio();
    radio.with(|state| (state.kind, state.up, state.joined) = (WlanKind::Ocb, true, Some((5890, 7))));
    let joined = join(&mut wlan, &plan()).unwrap();
    assert_eq!(words(&joined.changes), "left 5890 MHz (10 MHz wide), joined 5900 MHz (10 MHz wide)");
    let undone = restore(&mut wlan, &joined.before).unwrap();
    assert_eq!(words(&undone), "left 5900 MHz (10 MHz wide), joined 5890 MHz (10 MHz wide)");
    assert_eq!(radio.with(|state| state.joined), Some((5890, 7)));
}

#[test]
fn what_was_joined_before_stays_joined_at_the_end() {
    let (radio, mut wlan) = radio();
    radio.with(|state| (state.kind, state.up, state.joined) = (WlanKind::Ocb, true, Some((5900, 7))));
    let joined = join(&mut wlan, &plan()).unwrap();
    assert_eq!(restore(&mut wlan, &joined.before).unwrap(), []);
    assert!(radio.changes().is_empty());
}

#[test]
fn an_interface_that_is_up_is_taken_down_to_change_its_type_and_up_again_at_the_end() {
    let (radio, mut wlan) = radio();
    radio.with(|state| state.up = true);
    let joined = join(&mut wlan, &plan()).unwrap();
    assert_eq!(words(&joined.changes), "type managed -> ocb, joined 5900 MHz (10 MHz wide)");
    assert_eq!(radio.changes().join(", "), "down, kind ocb, up, join 5900 width 7");
    restore(&mut wlan, &joined.before).unwrap();
    assert_eq!(radio.with(|state| (state.kind, state.up)), (WlanKind::Managed, true));
}

#[test]
fn a_cell_of_equals_is_known_by_name_and_address() {
    let (radio, mut wlan) = radio();
    let bssid = [2, 0xca, 0xfe, 0, 0, 1];
    join(&mut wlan, &ibss(Some(bssid))).unwrap();
    assert!(is_joined(&mut wlan, &ibss(Some(bssid))).unwrap() && is_joined(&mut wlan, &ibss(None)).unwrap());
    assert!(!is_joined(&mut wlan, &ibss(Some([2, 0, 0, 0, 0, 2]))).unwrap());
    radio.with(|state| state.ssid = Some(b"other".to_vec()));
    assert!(!is_joined(&mut wlan, &ibss(None)).unwrap());
    let again = join(&mut wlan, &ibss(Some(bssid))).unwrap();
    let expected =
        "left 5900 MHz (10 MHz wide), joined the cell \"v2x\" (02:ca:fe:00:00:01) at 5900 MHz (10 MHz wide)";
    assert_eq!(words(&again.changes), expected);
}

#[test]
fn a_cell_that_is_still_looked_for_is_not_joined_twice() {
    let (radio, mut wlan) = radio();
    join(&mut wlan, &ibss(None)).unwrap();
    // Without an address to go by the kernel scans first.
    radio.with(|state| state.joined = None);
    radio.changes();
    assert!(is_joined(&mut wlan, &ibss(None)).unwrap());
    assert_eq!(join(&mut wlan, &ibss(None)).unwrap().changes, []);
    let fixed = ibss(Some([2, 0, 0, 0, 0, 2]));
    assert!(!is_joined(&mut wlan, &fixed).unwrap());
    radio.with(|state| state.looking = true);
    join(&mut wlan, &fixed).unwrap();
    assert_eq!(radio.changes(), ["leave", "join 5900 width 7 fixed"]);
}

#[test]
fn a_step_that_fails_undoes_those_before_it() {
    // Joining, taking up, the rate.
    for (command, error, told) in [
        (108, libc::EINVAL, "wlan0: the driver does not take 5900 MHz (10 MHz wide): Invalid argument"),
        (0, libc::ERFKILL, "the radio of wlan0 is switched off: rfkill unblock wifi, or its switch"),
        (92, libc::EIO, "wlan0: setting its rate: Input/output error"),
        (6, libc::EPERM, "changing wlan0 needs CAP_NET_ADMIN: run it as root (sudo)"),
        (6, libc::EBUSY, "wlan0: changing its type: Device or resource busy"),
    ] {
        let (radio, mut wlan) = radio();
        radio.with(|state| state.refuse = vec![(command, error)]);
        let told_so = refusal(&mut wlan, &JoinPlan { rate_kbps: Some(6_000), ..plan() });
        assert!(told_so.starts_with(told), "{told_so}");
        let after = radio.with(|state| (state.kind, state.up, state.joined));
        assert_eq!(after, (WlanKind::Managed, false, None), "{told}");
    }
}

#[test]
fn an_interface_whose_type_cannot_be_changed_is_up_as_before() {
    let (radio, mut wlan) = radio();
    radio.with(|state| (state.up, state.refuse) = (true, vec![(6, libc::EBUSY)]));
    refusal(&mut wlan, &JoinPlan { power_dbm: Some(20), ..plan() });
    assert_eq!(radio.changes(), ["down", "up"]);
}

#[test]
fn each_obstacle_is_told_before_anything_is_changed() {
    let narrow = Cell::Ocb(Channel { frequency_mhz: 5900, width: Width::Mhz20 });
    let elsewhere = Cell::Ocb(Channel { frequency_mhz: 5905, width: Width::Mhz10 });
    let check = |prepare: fn(&mut State), plan: JoinPlan, told: &str| {
        let (radio, mut wlan) = radio();
        radio.with(prepare);
        assert_eq!(refusal(&mut wlan, &plan), told);
        assert!(radio.changes().is_empty(), "{told}");
    };
    check(
        |state| state.kinds = vec![1, 2],
        plan(),
        "the driver of wlan0 does not offer ocb: it offers ibss, managed; use another radio, or link.kind = \"ibss\"",
    );
    check(
        |state| state.half_channels = false,
        plan(),
        "the driver of wlan0 has no channels of 10 MHz: it has 20 MHz; use one of these",
    );
    check(
        |state| state.its_band = false,
        plan(),
        "5900 MHz is disabled by the regulatory domain 99: set one that permits it (iw reg set XX, with a wireless-regdb that has the rule), or use another channel, such as 5180 MHz",
    );
    check(
        |_| (),
        JoinPlan { cell: elsewhere, ..plan() },
        "the radio of wlan0 has no channel at 5905 MHz; near it: 5180, 5890, 5900",
    );
    check(
        |_| (),
        JoinPlan { power_dbm: Some(34), ..plan() },
        "34 dBm is more than 33 dBm, which is permitted at 5900 MHz: give at most that",
    );
    check(
        |_| (),
        JoinPlan { rate_kbps: Some(4_500), cell: narrow, ..plan() },
        "4.5 Mb/s is no rate at 20 MHz: use one of 6, 9, 12, 18, 24, 36, 48, 54",
    );
    check(
        |_| (),
        JoinPlan { mtu: Some(9000), ..plan() },
        "wlan0 does not take an MTU of 9000 bytes: 802.11 has at most 2304",
    );
    check(
        |state| (state.up, state.joined, state.ssid) = (true, Some((5180, 1)), Some(b"home".to_vec())),
        plan(),
        "wlan0 is in the network \"home\" as managed: end the program that connected it (such as iwd), or iw dev wlan0 disconnect",
    );
    check(
        |state| state.index = None,
        plan(),
        "no network interface \"wlan0\"; this machine has no 802.11 interface: use link.kind = \"udp\" or \"packet\" on another",
    );
}

#[test]
fn an_interface_without_a_radio_or_name_is_told_from_one_with() {
    let (_radio, mut wlan) = radio();
    let told = refusal(&mut wlan, &JoinPlan { interface: "wlan7".to_owned(), ..plan() });
    assert_eq!(told, "no network interface \"wlan7\"; wireless ones: wlan0");
    let mut machine = Wlan::open().unwrap();
    let told = refusal(&mut machine, &JoinPlan { interface: "lo".to_owned(), ..plan() });
    assert!(told.starts_with("lo is no 802.11 interface: use link.kind = \"udp\" or \"packet\""), "{told}");
}

#[test]
fn leaving_makes_a_client_that_is_down() {
    let (radio, mut wlan) = radio();
    assert_eq!(leave(&mut wlan, "wlan0").unwrap(), []);
    join(&mut wlan, &JoinPlan { mtu: Some(1600), ..plan() }).unwrap();
    let changes = words(&leave(&mut wlan, "wlan0").unwrap());
    let expected = "power as the driver chooses, left 5900 MHz (10 MHz wide), type ocb -> managed, MTU 1600 -> 1500, down";
    assert_eq!(changes, expected);
    assert_eq!(leave(&mut wlan, "wlan0").unwrap(), []);
    // In OCB, and joined no more.
    radio.with(|state| (state.kind, state.up) = (WlanKind::Ocb, false));
    let changes = words(&leave(&mut wlan, "wlan0").unwrap());
    assert_eq!(changes, "power as the driver chooses, type ocb -> managed");
}

#[test]
fn an_interface_made_anew_is_left_alone_at_the_end() {
    let (radio, mut wlan) = radio();
    let joined = join(&mut wlan, &plan()).unwrap();
    radio.with(|state| state.index = Some(4));
    radio.changes();
    assert_eq!(restore(&mut wlan, &joined.before).unwrap(), []);
    assert!(radio.changes().is_empty());
}
