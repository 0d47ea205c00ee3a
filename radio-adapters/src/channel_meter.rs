//! Channel load on a monitor interface: by the driver's survey, or else by the airtime of everything that the interface hears.

use std::io;
use std::os::fd::AsRawFd;
use std::task::{Context, Poll};

use nix::sys::socket::{MsgFlags, recv};
use socket2::{Domain, Socket, Type};
use v2x_proto::link::{ChannelWidth, radiotap};

use crate::clock::monotonic_ns;
use crate::load::MonitoredAirtime;
use crate::packet::{ignore_outgoing, link_layer_address};
use crate::radio::ChannelLoad;
use crate::radio_watch::RadioWatch;
use crate::socket;
use crate::timer::DeadlineTimer;

/// Measures the channel of one monitor interface.
///
/// It has a socket of its own, of which it reads the first bytes of each frame: that of the link gets frames of its own protocol
/// alone, from the kernel's filter. No frame wakes it, because the station's own would at the very moment at which others should
/// have them: it reads what has come whenever its timer says so.
#[derive(Debug)]
pub(crate) struct ChannelMeter {
    survey: Option<RadioWatch>,
    /// When the survey last gave a load.
    surveyed_ns: Option<u64>,
    socket: Socket,
    /// When the socket was last read, and how long it is left alone then.
    listened_ns: u64,
    pause_ns: u64,
    airtime: MonitoredAirtime,
    timer: DeadlineTimer,
}

impl ChannelMeter {
    /// Begins on the interface of this index, whose channel has this width.
    ///
    /// # Errors
    /// The kernel's own.
    pub(crate) fn open(index: u32, width: ChannelWidth) -> io::Result<Self> {
        let socket = Socket::new(Domain::PACKET, Type::RAW, None)?;
        socket::set_receive_buffer(&socket, RECEIVE_BUFFER)?;
        // What is injected comes back once it was sent, as a frame received.
        ignore_outgoing(&socket)?;
        socket.bind(&link_layer_address(libc::ETH_P_ALL as u16, index))?;
        let now_ns = monotonic_ns();
        let mut meter = Self {
            survey: RadioWatch::start(index, false).ok(),
            surveyed_ns: None,
            socket,
            listened_ns: now_ns,
            pause_ns: LONGEST_PAUSE_NS,
            airtime: MonitoredAirtime::new(width, now_ns),
            timer: DeadlineTimer::new()?,
        };
        meter.timer.set(Some(meter.listen_ns()))?;
        Ok(meter)
    }

    /// The next load. What the interface hears counts while the driver gives none.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ChannelLoad> {
        if let Some(survey) = &mut self.survey {
            survey.wake(cx);
            let load = survey.take_load();
            if load.is_ready() {
                self.surveyed_ns = Some(monotonic_ns());
                return load;
            }
        }
        loop {
            let now_ns = monotonic_ns();
            if now_ns >= self.listen_ns() {
                self.listen(now_ns);
                if let Some(load) = self.airtime.take(now_ns) {
                    let surveyed = self.surveyed_ns.is_some_and(|at_ns| now_ns - at_ns < SURVEY_COUNTS_NS);
                    if !surveyed {
                        return Poll::Ready(load);
                    }
                }
            }
            // Without its timer a load comes when the link is polled next.
            let _unarmed = self.timer.set(Some(self.listen_ns()));
            if self.timer.poll_expired(cx).is_pending() {
                return Poll::Pending;
            }
        }
    }

    /// Reads what was heard until now, or some of it when there is much.
    fn listen(&mut self, now_ns: u64) {
        let heard = (0..MOST_IN_A_ROW).take_while(|_| self.read_one()).count() as u64;
        let passed_ns = now_ns.saturating_sub(self.listened_ns);
        self.pause_ns = match heard == MOST_IN_A_ROW {
            true => 0,
            false => (passed_ns * FRAMES_AT_ONCE / heard.max(1)).clamp(SHORTEST_PAUSE_NS, LONGEST_PAUSE_NS),
        };
        self.listened_ns = now_ns;
    }

    /// When the socket is read next. A report has all that was heard before it.
    fn listen_ns(&self) -> u64 {
        (self.listened_ns + self.pause_ns).min(self.airtime.due_ns())
    }

    /// Whether there was a frame.
    fn read_one(&mut self) -> bool {
        let mut start = [0; START_BYTES];
        // With the flag, the length is that of the whole frame.
        let flags = MsgFlags::MSG_TRUNC | MsgFlags::MSG_DONTWAIT;
        // An error: the interface goes down, of which its link will hear.
        let Ok(length) = recv(self.socket.as_raw_fd(), &mut start, flags) else { return false };
        if let Some((mpdu_bytes, nominal_rate)) = mpdu(&start[..length.min(START_BYTES)], length) {
            self.airtime.add(mpdu_bytes, nominal_rate);
        }
        true
    }
}

/// Bytes of an 802.11 frame with its check sequence, and its rate as in a channel of 20 MHz, 0 where it is not told; of a
/// frame of `length` bytes, radiotap included, that begins with `captured`.
fn mpdu(captured: &[u8], length: usize) -> Option<(usize, u8)> {
    let (report, body) = radiotap::read(captured).ok()?;
    let header = captured.len() - body.len();
    let check_sequence = if report.has_check_sequence() { 0 } else { CHECK_SEQUENCE_BYTES };
    // Where the driver tells the width of a narrow channel, the rate is what it was in that channel.
    let narrowing = match report.narrow() {
        Some(5) => 4,
        Some(10) => 2,
        _ => 1,
    };
    let nominal_rate = report.rate_half_mbps.unwrap_or(0).saturating_mul(narrowing);
    Some((length.checked_sub(header)? + check_sequence, nominal_rate))
}

/// The longest radiotap header that drivers make, and some of the frame.
const START_BYTES: usize = 256;
const CHECK_SEQUENCE_BYTES: usize = 4;
/// Frames read before the station gets its turn.
const MOST_IN_A_ROW: u64 = 64;
/// As many frames are let come, if that takes neither less than the shortest pause nor longer than the longest: fewer than fit into
/// the queue where the kernel makes it short.
const FRAMES_AT_ONCE: u64 = 32;
const SHORTEST_PAUSE_NS: u64 = 2_000_000;
const LONGEST_PAUSE_NS: u64 = 50_000_000;
/// Bytes of frames that may wait to be read, with what drivers and the kernel take beside them: a thousand a twentieth of a second.
const RECEIVE_BUFFER: usize = 1 << 20;
/// A driver's figure is the better one for as long as a station believes it.
const SURVEY_COUNTS_NS: u64 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use proptest::prelude::*;

    use super::*;
    use crate::interface;
    use crate::testnet::{ENDS, run, with_veth_pair};

    /// Flags, rate, channel.
    fn radiotap(flags: u8, rate: u8, channel_flags: u16) -> Vec<u8> {
        let head = [0, 0, 14, 0, 0x0e, 0, 0, 0, flags, rate];
        [&head[..], &5900_u16.to_le_bytes(), &channel_flags.to_le_bytes()].concat()
    }

    #[test]
    fn a_frame_has_the_length_it_had_on_the_air_and_its_rate() {
        let frame = |flags, channel_flags| [radiotap(flags, 12, channel_flags), vec![0; 334]].concat();
        let of = |frame: &[u8]| mpdu(&frame[..frame.len().min(START_BYTES)], frame.len());
        assert_eq!(of(&frame(0, 0x0140)), Some((338, 12)), "its check sequence was taken off");
        assert_eq!(of(&frame(0x10, 0x0140)), Some((334, 12)), "or not");
        assert_eq!(of(&frame(0x40, 0x0140)), Some((338, 12)), "damaged, it was on the air all the same");
        assert_eq!(of(&frame(0, 0x4140)), Some((338, 24)), "the rate of a half channel");
        assert_eq!(of(&frame(0, 0x8140)), Some((338, 48)), "and of a quarter");
        assert_eq!(of(b"\0\0\x08\0\0\0\0\0\xd4\0"), Some((6, 0)), "no rate is told");
        assert_eq!(of(b"\0\0\x09\0\0\0\0\0"), None, "no header");
    }

    #[test]
    fn what_an_interface_hears_is_the_load() {
        with_veth_pair(|| {
            run(async {
                let index = |name: &str| {
                    interface::list().unwrap().into_iter().find(|found| found.name == name).unwrap().index
                };
                let other = Socket::new(Domain::PACKET, Type::RAW, None).unwrap();
                other.bind(&link_layer_address(0, index(ENDS[1]))).unwrap();
                let mut meter = ChannelMeter::open(index(ENDS[0]), ChannelWidth::Mhz10).unwrap();
                // 496 us each, of the half second: more than that when the machine is slow to ask.
                for _ in 0..200 {
                    other.send(&[radiotap(0, 24, 0x0140), vec![0; 334]].concat()).unwrap();
                }
                let began_ns = monotonic_ns();
                let load = poll_fn(|cx| meter.poll(cx)).await;
                let passed_ns = monotonic_ns() - began_ns + 500_000_000;
                assert!(!load.measured);
                let least = 200 * 496_000 * 1000 / passed_ns;
                assert!((least..=199).contains(&u64::from(load.busy_permille)), "{load:?}, {least}");
            });
        });
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_are_read_without_a_panic(
            captured in prop::collection::vec(any::<u8>(), 0..START_BYTES),
            more in 0usize..3_000,
        ) {
            let length = captured.len() + more;
            let found = mpdu(&captured, length);
            prop_assert!(found.is_none_or(|(bytes, _)| bytes <= length + CHECK_SEQUENCE_BYTES));
        }
    }
}
