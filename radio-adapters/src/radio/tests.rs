use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use v2x_proto::link::{AccessCategory, DataRate};

use super::*;
use crate::fault::{Fault, FaultConfig};
use crate::mem::MemHub;
use crate::tap::{Tap, TapLink};
use crate::testnet::run;

/// Rate and power a frame was to be sent with.
#[derive(Debug, PartialEq)]
struct Manner(Option<DataRate>, Option<i8>);

/// A radio that can do everything: it keeps what it is asked to send, and has loads to report.
#[derive(Debug, Default)]
struct Able {
    sent: Arc<Mutex<Vec<Manner>>>,
    loads: VecDeque<ChannelLoad>,
    statuses: VecDeque<TransmitStatus>,
}

impl Radio for Able {
    fn poll_recv(&mut self, _: &mut Context<'_>, _: &mut BytesMut) -> Poll<io::Result<RxMeta>> {
        Poll::Pending
    }

    fn poll_send(&mut self, _: &mut Context<'_>, frame: &TxFrame<'_>) -> Poll<io::Result<u64>> {
        self.sent.lock().unwrap().push(Manner(frame.rate, frame.power_dbm));
        Poll::Ready(Ok(1))
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            max_frame_bytes: 700,
            source_per_frame: true,
            access: AccessSupport::Honoured,
            rate_per_frame: true,
            power_per_frame: true,
            receive_stamps: true,
            signal: true,
            channel_load: true,
            transmit_status: true,
        }
    }

    fn poll_channel_load(&mut self, _: &mut Context<'_>) -> Poll<ChannelLoad> {
        self.loads.pop_front().map_or(Poll::Pending, Poll::Ready)
    }

    fn poll_transmit_status(&mut self) -> Poll<TransmitStatus> {
        self.statuses.pop_front().map_or(Poll::Pending, Poll::Ready)
    }

    fn link_address(&self) -> LinkAddress {
        LinkAddress::default()
    }

    fn counters(&self) -> Counters {
        Counters::default()
    }

    fn describe(&self) -> String {
        "able".to_owned()
    }
}

const LOAD: ChannelLoad = ChannelLoad { busy_permille: 420, measured: true };
const STATUS: TransmitStatus = TransmitStatus { sent_ns: 1, took_ns: 250_000 };

#[test]
fn what_a_radio_can_do_reaches_through_what_is_around_it() {
    run(async {
        let able = Able { loads: [LOAD].into(), statuses: [STATUS].into(), ..Able::default() };
        let (sent, able_to) = (Arc::clone(&able.sent), able.capabilities());
        let fault = Fault::new(able, &FaultConfig::default()).unwrap();
        let (tap, watch) = Tap::create(fault, &TapLink::new("able"), "/dev/null", Box::new(|_| ())).unwrap();
        let mut radio: Box<dyn Radio> = Box::new(tap);
        assert_eq!(radio.capabilities(), able_to);
        let mut cx = Context::from_waker(std::task::Waker::noop());
        assert_eq!(radio.poll_channel_load(&mut cx), Poll::Ready(LOAD));
        assert_eq!(radio.poll_channel_load(&mut cx), Poll::Pending);
        assert_eq!(radio.poll_transmit_status(), Poll::Ready(STATUS));
        assert_eq!(radio.poll_transmit_status(), Poll::Pending);
        let frame = TxFrame::new(b"x", AccessCategory::Voice);
        radio.send(&frame).await.unwrap();
        radio.send(&frame.at_rate(DataRate::Mbps12).at_power_dbm(23)).await.unwrap();
        assert_eq!(*sent.lock().unwrap(), [Manner(None, None), Manner(Some(DataRate::Mbps12), Some(23))]);
        drop(watch);
    });
}

#[test]
fn a_link_that_cannot_measure_says_so_and_never_reports() {
    run(async {
        let mut radio = MemHub::new().join(LinkAddress::default());
        let able_to = radio.capabilities();
        assert_eq!(
            (able_to.channel_load, able_to.rate_per_frame, able_to.power_per_frame),
            (false, false, false)
        );
        // Requested all the same, they have no effect.
        let frame = TxFrame::new(b"x", AccessCategory::Voice).at_rate(DataRate::Mbps3).at_power_dbm(-5);
        radio.send(&frame).await.unwrap();
        let mut cx = Context::from_waker(std::task::Waker::noop());
        assert_eq!(radio.poll_channel_load(&mut cx), Poll::Pending);
        assert_eq!(radio.poll_transmit_status(), Poll::Pending);
    });
}
