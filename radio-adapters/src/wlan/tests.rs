use proptest::prelude::*;

use super::testkernel::{Radio, station_message, survey_message};
use super::*;
use crate::radio::LinkAddress;
use crate::testnet::with_veth_pair;

const ITS: Channel = Channel { frequency_mhz: 5900, width: Width::Mhz10 };

fn radio() -> (Radio, Wlan) {
    let radio = Radio::new();
    (radio.clone(), Wlan::on(radio))
}

#[test]
fn an_interface_and_its_radio_are_described() {
    let (radio, mut wlan) = radio();
    let wlan0 = wlan.interface_named("wlan0").unwrap().unwrap();
    assert_eq!((wlan0.index, wlan0.phy, wlan0.kind), (3, 0, WlanKind::Managed));
    assert_eq!(wlan0.address, Some(LinkAddress([2, 0, 0, 0, 0, 1])));
    assert_eq!((wlan0.joined(), wlan0.power_dbm), (false, Some(30)));
    assert_eq!(wlan.interface_named("eth0").unwrap(), None);
    assert_eq!(wlan.interface(7).unwrap(), None);
    assert_eq!(wlan.interfaces().unwrap(), [wlan0]);

    // It comes in four messages.
    let phy = wlan.phy(0).unwrap().unwrap();
    assert_eq!(phy.name, "phy0");
    assert!(phy.offers(WlanKind::Ocb) && !phy.offers(WlanKind::Mesh));
    assert_eq!(
        phy.channels.iter().map(|channel| channel.frequency_mhz).collect::<Vec<_>>(),
        [5180, 5890, 5900]
    );
    assert!(phy.may_use(ITS) && phy.beside(WlanKind::Ocb, WlanKind::Monitor));
    assert!(!phy.beside(WlanKind::Ocb, WlanKind::Ibss));
    assert_eq!(phy.channel(5900).unwrap().max_power_dbm, Some(33));

    radio.with(|state| (state.its_band, state.half_channels) = (false, false));
    let phy = wlan.phy(0).unwrap().unwrap();
    assert!(phy.channel(5900).unwrap().disabled && !phy.may_use(ITS));
    assert!(!phy.has_width(Width::Mhz10) && phy.has_width(Width::Mhz20));
    assert_eq!(wlan.phy(1).unwrap(), None);
}

#[test]
fn the_regulatory_domain_is_read_with_its_rules() {
    let (_radio, mut wlan) = radio();
    let regulatory = wlan.regulatory(Some(0)).unwrap().unwrap();
    assert_eq!(regulatory.domain, "99");
    assert_eq!(regulatory.rule(5_895_000, 5_905_000).unwrap().max_eirp_mbm, 3300);
    assert_eq!(regulatory.rule(5_170_000, 5_190_000), None);
}

#[test]
fn a_cell_is_joined_and_left() {
    let (radio, mut wlan) = radio();
    wlan.set_kind(3, WlanKind::Ocb).unwrap();
    let down = wlan.join(3, &Cell::Ocb(ITS)).unwrap_err();
    assert_eq!(down.raw_os_error(), Some(libc::ENETDOWN));
    wlan.set_up(3, true).unwrap();
    wlan.join(3, &Cell::Ocb(ITS)).unwrap();
    assert_eq!(wlan.interface(3).unwrap().unwrap().channel(), Some(ITS));
    // 6 Mb/s at 10 MHz.
    wlan.set_multicast_rate(3, Width::Mhz10.nominal_kbps(6_000).unwrap()).unwrap();
    wlan.set_power_dbm(3, Some(-5)).unwrap();
    wlan.set_power_dbm(3, None).unwrap();
    wlan.set_mtu(3, 1500).unwrap();
    wlan.leave(3, WlanKind::Ocb).unwrap();
    let twice = wlan.leave(3, WlanKind::Ocb).unwrap_err();
    assert_eq!(twice.raw_os_error(), Some(libc::ENOTCONN));
    let expected = "kind ocb, up, join 5900 width 7, rate 120, power -500, power automatic, mtu 1500, leave";
    assert_eq!(radio.changes().join(", "), expected);
}

#[test]
fn a_cell_of_equals_has_a_name_and_an_address() {
    let (radio, mut wlan) = radio();
    radio.with(|state| (state.kind, state.up) = (WlanKind::Ibss, true));
    let bssid = Some(LinkAddress([2, 0xca, 0xfe, 0xca, 0xfe, 0]));
    let channel = Channel { frequency_mhz: 5180, width: Width::Mhz20 };
    wlan.join(3, &Cell::Ibss { channel, ssid: Ssid::new(b"v2x").unwrap(), bssid }).unwrap();
    assert_eq!(radio.changes(), ["join 5180 width 0 fixed"]);
    let wlan0 = wlan.interface(3).unwrap().unwrap();
    assert_eq!(wlan0.ssid.as_deref(), Some(&b"v2x"[..]));
    assert_eq!(wlan.bssid(3).unwrap(), bssid);
    wlan.leave(3, WlanKind::Ibss).unwrap();
    assert_eq!(wlan.bssid(3).unwrap(), None);
    assert_eq!((Ssid::new(b""), Ssid::new(&[b'x'; 33])), (None, None));
}

#[test]
fn surveys_and_stations_are_listed() {
    let (radio, mut wlan) = radio();
    assert_eq!(wlan.survey(3).unwrap(), []);
    assert_eq!(wlan.stations(3).unwrap(), []);
    radio.with(|state| {
        state.surveys = vec![
            survey_message(5890, false, None, None),
            survey_message(5900, true, Some(10_000), Some(2_500)),
        ];
        state.stations = vec![[2, 0, 0, 0, 0, 9]];
    });
    let surveys = wlan.survey(3).unwrap();
    assert_eq!(
        (surveys[0].frequency_mhz, surveys[0].in_use, surveys[0].active_ms),
        (Some(5890), false, None)
    );
    let busy = &surveys[1];
    assert_eq!((busy.in_use, busy.active_ms, busy.busy_ms), (true, Some(10_000), Some(2_500)));
    assert_eq!((busy.noise_dbm, busy.receive_ms), (Some(-92), None));
    let stations = wlan.stations(3).unwrap();
    let expected =
        Neighbour { address: LinkAddress([2, 0, 0, 0, 0, 9]), signal_dbm: Some(-71), silent_ms: Some(40) };
    assert_eq!(stations, [expected]);
    // A driver that keeps neither.
    radio.with(|state| state.refuse = vec![(50, libc::EOPNOTSUPP), (17, libc::EOPNOTSUPP)]);
    assert_eq!((wlan.survey(3).unwrap().len(), wlan.stations(3).unwrap().len()), (0, 0));
    // One that is gone.
    radio.with(|state| state.index = None);
    assert_eq!((wlan.survey(3).unwrap().len(), wlan.stations(3).unwrap().len()), (0, 0));
}

#[test]
fn a_monitor_is_added_and_tuned() {
    let (radio, mut wlan) = radio();
    assert_eq!(wlan.add_monitor(0, "mon0", true).unwrap(), 9);
    assert_eq!(wlan.add_monitor(0, "mon0", false).unwrap(), 9);
    wlan.set_channel(3, ITS).unwrap();
    assert_eq!(radio.changes(), ["add active monitor", "add monitor", "channel 5900"]);
}

#[test]
fn rates_are_named_as_at_20_mhz() {
    assert_eq!(Width::Mhz10.rates_kbps(), [3_000, 4_500, 6_000, 9_000, 12_000, 18_000, 24_000, 27_000]);
    assert_eq!(Width::Mhz5.nominal_kbps(2_250), Some(9_000));
    assert_eq!(Width::Mhz10.nominal_kbps(6_000), Some(12_000));
    assert_eq!(Width::Mhz20.nominal_kbps(4_500), None);
}

#[test]
fn a_machine_s_kernel_is_asked_without_any_radio() {
    with_veth_pair(|| {
        let mut wlan = Wlan::open().unwrap();
        assert_eq!(wlan.interfaces().unwrap(), []);
        assert_eq!(wlan.interface_named("rc0").unwrap(), None);
        assert_eq!(wlan.interface_named("nosuch0").unwrap(), None);
        // Not the network namespace's, but the machine's.
        wlan.phys().unwrap();
        wlan.regulatory(None).unwrap();
    });
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        drop((WlanInterface::read(&bytes), Survey::read(&bytes), Neighbour::read(&bytes), Regulatory::read(&bytes)));
        let mut phy = Phy::new(0);
        phy.add(&bytes);
        prop_assert!(phy.channels.len() <= bytes.len() / 4);
        prop_assert!(phy.kinds.len() <= bytes.len() / 4);
    }

    #[test]
    fn a_true_answer_cut_off_or_changed_is_read_without_a_panic(
        cut in 0_usize..120,
        flip in 0_usize..120,
        to in any::<u8>(),
    ) {
        let (radio, _) = radio();
        let mut messages = radio.with(|state| state.messages());
        messages.push(survey_message(5900, true, Some(1), Some(1)));
        messages.push(station_message(&[1; 6]));
        for mut message in messages {
            if let Some(byte) = message.get_mut(flip) {
                *byte = to;
            }
            let message = &message[..cut.min(message.len())];
            drop((WlanInterface::read(message), Survey::read(message), Neighbour::read(message), Regulatory::read(message)));
            let mut phy = Phy::new(0);
            phy.add(message);
            prop_assert!(phy.channels.len() <= message.len());
        }
    }
}
