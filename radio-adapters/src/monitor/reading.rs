//! What a frame that the monitor interface gave is to the link.

use v2x_proto::link::ieee80211::BROADCAST;
use v2x_proto::link::radiotap::{self, Report};
use v2x_proto::link::{DataRate, Unread};

use crate::radio::{LinkAddress, RxMeta};

/// What a frame is to the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading<'a> {
    /// A message of a station.
    Heard {
        /// Who sent it.
        source: LinkAddress,
        /// The message.
        payload: &'a [u8],
        /// What the radio reports of it.
        report: Report,
    },
    /// A message that this machine's radio has sent, or has given up.
    Sent {
        /// The message.
        payload: &'a [u8],
        /// It was sent.
        on_air: bool,
    },
    /// A message to one station.
    Unicast,
    /// A message in a cell.
    OfCell,
    /// Another protocol.
    OtherProtocol,
    /// Not a message, or a broken one.
    Unread(Unread),
}

impl<'a> Reading<'a> {
    /// Reads a frame that begins with its radiotap header.
    pub(super) fn of(frame: &'a [u8], wanted: &Wanted) -> Self {
        let read = radiotap::read(frame)
            .and_then(|(report, body)| Ok((report, radiotap::strip_body(&report, body)?)));
        let (report, data) = match read {
            Ok(read) => read,
            Err(unread) => return Self::Unread(unread),
        };
        let stripped = data.stripped;
        if stripped.ether_type != wanted.ether_type {
            return Self::OtherProtocol;
        }
        if let Some(flags) = report.tx_flags {
            return Self::Sent { payload: stripped.payload, on_air: flags & GIVEN_UP == 0 };
        }
        if data.destination[0] & 1 == 0 {
            return Self::Unicast;
        }
        if data.bssid != Some(BROADCAST) && !wanted.of_cells {
            return Self::OfCell;
        }
        Self::Heard { source: LinkAddress(stripped.source), payload: stripped.payload, report }
    }
}

/// Which frames are messages for the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) ether_type: u16,
    pub(super) of_cells: bool,
}

/// Adds what the radio reports to what is known of a frame; `width_mhz` is the channel's, where the driver does not tell.
pub(super) fn with_report(meta: RxMeta, report: &Report, width_mhz: u8) -> RxMeta {
    // Where the driver tells the width of a narrow channel, the rate is what it was in that channel.
    let narrowing = if report.narrow().is_some() { 1 } else { NOMINAL_MHZ / u32::from(width_mhz.max(1)) };
    RxMeta {
        signal_dbm: report.signal_dbm,
        rate_kbps: report.rate_half_mbps.map(|rate| u32::from(rate) * 500 / narrowing.max(1)),
        frequency_mhz: report.frequency_mhz,
        hardware_us: report.time_us,
        ..meta
    }
}

/// A rate as injection takes it, in units of 500 kb/s: that of the same modulation in a channel of 20 MHz.
pub(super) const fn nominal(rate: DataRate) -> u8 {
    2 * rate.half_mbps()
}

/// The width by whose rates drivers name modulations.
const NOMINAL_MHZ: u32 = 20;
/// Bit of the transmit flags: not sent after all attempts.
const GIVEN_UP: u16 = 0x0001;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use v2x_proto::link::ieee80211::QosData;

    use super::*;

    const WANTED: Wanted = Wanted { ether_type: 0x88b5, of_cells: false };
    const RECEIVED: &[u8] =
        &[0, 0, 26, 0, 0x2f, 0x48, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 24, 0x0c, 0x17, 0x40, 1, 183, 0, 0, 0];

    fn header() -> QosData {
        QosData {
            destination: BROADCAST,
            source: [2, 0, 0, 0, 0, 7],
            user_priority: 6,
            sequence: 1,
            ether_type: 0x88b5,
        }
    }

    fn frame(radiotap: &[u8], header: QosData, change: impl FnOnce(&mut [u8])) -> Vec<u8> {
        let mut body = [&header.encode()[..], b"hello"].concat();
        change(&mut body);
        [radiotap, &body].concat()
    }

    #[test]
    fn a_message_comes_with_what_the_radio_reports() {
        let bytes = frame(RECEIVED, header(), |_| {});
        let Reading::Heard { source, payload, report } = Reading::of(&bytes, &WANTED) else {
            panic!("not heard")
        };
        assert_eq!((source, payload), (LinkAddress([2, 0, 0, 0, 0, 7]), &b"hello"[..]));
        let meta = with_report(RxMeta { source, ..RxMeta::default() }, &report, 10);
        let wanted = RxMeta {
            source,
            signal_dbm: Some(-73),
            rate_kbps: Some(6000),
            frequency_mhz: Some(5900),
            hardware_us: Some(7),
            ..RxMeta::default()
        };
        assert_eq!(meta, wanted, "12 Mb/s of a 20 MHz channel are 6 in one of 10");
        let rates = [5, 10, 20].map(|width| with_report(meta, &report, width).rate_kbps);
        assert_eq!(rates, [Some(3000), Some(6000), Some(12_000)]);
    }

    #[test]
    fn a_driver_that_tells_the_width_tells_the_rate_in_it() {
        let mut radiotap = RECEIVED.to_vec();
        radiotap[17] = 12;
        radiotap[21] |= 0x40;
        let bytes = frame(&radiotap, header(), |_| {});
        let Reading::Heard { report, .. } = Reading::of(&bytes, &WANTED) else { panic!("not heard") };
        assert_eq!(with_report(RxMeta::default(), &report, 20).rate_kbps, Some(6000));
        assert_eq!(nominal(DataRate::Mbps6), 24);
    }

    #[test]
    fn what_the_own_radio_sent_is_told_from_what_it_heard() {
        for (flags, on_air) in [(0, true), (8, true), (1, false)] {
            let status = [0, 0, 13, 0, 0x04, 0x80, 2, 0, 24, 0, flags, 0, 0];
            let wanted = Reading::Sent { payload: b"hello", on_air };
            assert_eq!(Reading::of(&frame(&status, header(), |_| {}), &WANTED), wanted);
        }
    }

    #[test]
    fn each_other_frame_has_its_name() {
        fn of(bytes: &[u8]) -> Reading<'_> {
            Reading::of(bytes, &WANTED)
        }
        assert_eq!(
            of(&frame(RECEIVED, QosData { destination: [2; 6], ..header() }, |_| {})),
            Reading::Unicast
        );
        assert_eq!(
            of(&frame(RECEIVED, QosData { ether_type: 0x0800, ..header() }, |_| {})),
            Reading::OtherProtocol
        );
        let in_cell = frame(RECEIVED, header(), |body| body[16] = 2);
        assert_eq!(of(&in_cell), Reading::OfCell);
        assert!(matches!(Reading::of(&in_cell, &Wanted { of_cells: true, ..WANTED }), Reading::Heard { .. }));
        for (at, bits, unread) in [
            (0, 0x08, Unread::NoData),
            (1, 0x40, Unread::Encrypted),
            (24, 0x80, Unread::Aggregate),
            (22, 0x01, Unread::Fragment),
            (1, 0x04, Unread::Fragment),
            (26, 0x01, Unread::Llc),
        ] {
            let bytes = frame(RECEIVED, header(), |body| body[at] ^= bits);
            assert_eq!(of(&bytes), Reading::Unread(unread));
        }
        let mut damaged = frame(RECEIVED, header(), |_| {});
        damaged[16] = 0x40;
        assert_eq!(of(&damaged), Reading::Unread(Unread::BadCheckSequence));
        damaged[3] = 9;
        assert_eq!(of(&damaged), Reading::Unread(Unread::Short));
        damaged[0] = 1;
        assert_eq!(of(&damaged), Reading::Unread(Unread::Header));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..120), length in 0..60_u8) {
            let _read = Reading::of(&bytes, &WANTED);
            let bytes = [&[0, 0, length, 0][..], &bytes].concat();
            if let Reading::Heard { payload, report, .. } = Reading::of(&bytes, &WANTED) {
                prop_assert!(payload.len() < bytes.len());
                for width in [0, 5, 10, 20, 255] {
                    let _added = with_report(RxMeta::default(), &report, width);
                }
            }
        }
    }
}
