//! What no station does, for the tests on simulated radios (`tests/radio-vm`): frames of many senders from one radio, frames
//! of any rate, power and length at any pace, each frame on the air with what its header and the radio say of it, how busy a
//! channel is, and how long a frame takes from the link of one station to that of another.
//!
//! ```text
//! air flood INTERFACE SENDERS FRAMES INTERVAL_MS    FRAMES frames from each of SENDERS addresses, an interval apart
//! air inject INTERFACE FRAMES INTERVAL_US BYTES RATE [DBM]
//!     FRAMES frames on a monitor interface, an interval apart, of BYTES from 802.11 header to check sequence, at RATE times
//!     500 kb/s of a channel of 20 MHz, with DBM in their radiotap header
//! air listen INTERFACE SECONDS                      a line for each data frame on a monitor interface
//! air busy INTERFACE WIDTH_MHZ SECONDS              how busy the link finds the channel of a monitor interface, thousandths
//! air stamp INTERFACE MONITOR FRAMES INTERVAL_MS    urgent frames of an interface in OCB that say when they were handed over; by
//!                                                   injection on MONITOR beside it unless that is -
//! air age INTERFACE SECONDS                         how old those are when the kernel of the other station has them, and its link
//! air beacon INTERFACE ADDRESS NAME                 a beacon of an IBSS, by injection, as if of a station whose clock is far ahead
//! ```

use std::future::poll_fn;
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::process::ExitCode;
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use nix::ifaddrs::getifaddrs;
use nix::sys::socket::{self, AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, sockopt};
use nix::sys::time::{TimeVal, TimeValLike as _};
use radio_adapters::auto::AutoRadio;
use radio_adapters::clock::monotonic_ns;
use radio_adapters::monitor::{MonitorConfig, MonitorRadio};
use radio_adapters::packet::{PacketConfig, PacketRadio};
use radio_adapters::timer::DeadlineTimer;
use radio_adapters::wlan::Cell;
use radio_adapters::{AccessCategory, LinkAddress, Radio, RadioExt as _, TxFrame};
use v2x_proto::link::ieee80211::{BROADCAST, QosData};
use v2x_proto::link::radiotap::{self, Transmit};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words[..] {
        ["flood", interface, senders, frames, interval_ms] => {
            numbers([senders, frames, interval_ms]).and_then(|numbers| flood(interface, numbers))
        }
        ["inject", interface, frames, interval_us, bytes, rate] => {
            numbers([frames, interval_us, bytes, rate])
                .and_then(|numbers| said(inject(interface, numbers, None)))
        }
        ["inject", interface, frames, interval_us, bytes, rate, dbm] => {
            numbers([frames, interval_us, bytes, rate]).and_then(|numbers| {
                let dbm = dbm.parse().map_err(|_| format!("found {dbm:?}, expected a power in dBm"))?;
                said(inject(interface, numbers, Some(dbm)))
            })
        }
        ["listen", interface, seconds] => {
            numbers([seconds]).and_then(|[seconds]| said(listen(interface, seconds)))
        }
        ["stamp", interface, monitor, frames, interval_ms] => {
            numbers([frames, interval_ms]).and_then(|numbers| stamp(interface, monitor, numbers))
        }
        ["age", interface, seconds] => numbers([seconds]).and_then(|[seconds]| age(interface, seconds)),
        ["busy", interface, width_mhz, seconds] => {
            numbers([width_mhz, seconds]).and_then(|numbers| busy(interface, numbers))
        }
        ["beacon", interface, address, name] => {
            let right = || format!("found {address:?}, expected an address such as 02:ca:fe:ca:fe:00");
            Cell::bssid(address).ok_or_else(right).and_then(|cell| said(beacon(interface, cell, name)))
        }
        _ => Err("expected flood, inject, listen, busy, stamp, age or beacon; the first lines of examples/air.rs say what with"
            .to_owned()),
    };
    match done {
        Ok(said) => {
            println!("{said}");
            ExitCode::SUCCESS
        }
        Err(wrong) => {
            eprintln!("air: {wrong}");
            ExitCode::from(2)
        }
    }
}

fn said(done: io::Result<String>) -> Result<String, String> {
    done.map_err(|error| error.to_string())
}

fn numbers<const N: usize>(words: [&str; N]) -> Result<[u16; N], String> {
    let mut numbers = [0; N];
    for (number, word) in numbers.iter_mut().zip(words) {
        *number = word.parse().map_err(|_| format!("found {word:?}, expected a number up to 65535"))?;
    }
    Ok(numbers)
}

fn flood(interface: &str, [senders, frames, interval_ms]: [u16; 3]) -> Result<String, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
    runtime.map_err(|error| error.to_string())?.block_on(async {
        let mut radio = PacketRadio::open(PacketConfig::new(interface)).map_err(|error| error.to_string())?;
        let mut timer = DeadlineTimer::new().map_err(|error| error.to_string())?;
        for _ in 0..frames {
            for sender in 0..senders {
                let [high, low] = sender.to_be_bytes();
                let frame = TxFrame::new(NO_MESSAGE, AccessCategory::BestEffort)
                    .from_source(Some(LinkAddress([0x02, 0xba, 0xd0, 0, high, low])));
                radio.send(&frame).await.map_err(|error| format!("{interface}: {error}"))?;
                let next = timer.set(Some(monotonic_ns() + 1_000_000 * u64::from(interval_ms)));
                next.map_err(|error| error.to_string())?;
                poll_fn(|cx| timer.poll_expired(cx)).await.map_err(|error| error.to_string())?;
            }
        }
        Ok(format!("{frames} frames of {senders} senders"))
    })
}

/// By headers of its own making, of an EtherType that no station listens to.
fn inject(
    interface: &str,
    [frames, interval_us, bytes, rate]: [u16; 4],
    power_dbm: Option<i8>,
) -> io::Result<String> {
    let (socket, source) = socket_on(interface, None)?;
    let rate = u8::try_from(rate).map_err(io::Error::other)?;
    let payload = usize::from(bytes).checked_sub(QosData::LEN + CHECK_SEQUENCE_BYTES);
    let payload = payload.ok_or_else(|| io::Error::other("a frame that short has no header"))?;
    let (mut room, interval) = ([0; Transmit::MAX_LEN], Duration::from_micros(interval_us.into()));
    let how = Transmit { rate_half_mbps: Some(rate), power_dbm }.encode(&mut room);
    let began = Instant::now();
    for number in 0..frames {
        sleep_until(began + interval * number.into());
        let header = QosData {
            destination: BROADCAST,
            source,
            user_priority: 3,
            sequence: number & 0x0fff,
            ether_type: NO_STATIONS_TYPE,
        };
        let frame = [how, &header.encode(), &vec![0; payload]].concat();
        socket::send(socket.as_raw_fd(), &frame, MsgFlags::empty())?;
    }
    // Until the next one were due.
    sleep_until(began + interval * frames.into());
    Ok(format!("{frames} frames in {} us", began.elapsed().as_micros()))
}

#[expect(clippy::disallowed_methods, reason = "nothing else happens on this thread")]
fn sleep_until(moment: Instant) {
    thread::sleep(moment.saturating_duration_since(Instant::now()));
}

fn busy(interface: &str, [width_mhz, seconds]: [u16; 2]) -> Result<String, String> {
    let width_mhz = u8::try_from(width_mhz).map_err(|error| error.to_string())?;
    let config = MonitorConfig { width_mhz, ..MonitorConfig::new(interface) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
    runtime.map_err(|error| error.to_string())?.block_on(async {
        let mut radio = MonitorRadio::open(config).map_err(|error| error.to_string())?;
        let end = Instant::now() + Duration::from_secs(seconds.into());
        while Instant::now() < end {
            let load = poll_fn(|cx| radio.poll_channel_load(cx)).await;
            println!("busy {}", load.busy_permille);
        }
        Ok(format!("{seconds} s"))
    })
}

/// In turns as a station's are.
fn stamp(interface: &str, monitor: &str, [frames, interval_ms]: [u16; 2]) -> Result<String, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
    runtime.map_err(|error| error.to_string())?.block_on(async {
        let packet = PacketConfig::new(interface);
        let mut radio: Box<dyn Radio> = match monitor {
            "-" => Box::new(PacketRadio::open(packet).map_err(|error| error.to_string())?),
            monitor => {
                let auto = AutoRadio::open(packet, MonitorConfig::new(monitor))
                    .map_err(|error| error.to_string())?;
                if !auto.injects() {
                    return Err(format!("{monitor} does not inject"));
                }
                Box::new(auto)
            }
        };
        let mut timer = DeadlineTimer::new().map_err(|error| error.to_string())?;
        let (mut bytes, mut heard, mut next_ns) = ([0; STAMPED_BYTES], BytesMut::new(), monotonic_ns());
        for _ in 0..frames {
            next_ns += 1_000_000 * u64::from(interval_ms);
            timer.set(Some(next_ns)).map_err(|error| error.to_string())?;
            let turns = poll_fn(|cx| {
                while radio.poll_recv(cx, &mut heard).is_ready() {
                    heard.clear();
                }
                while radio.poll_channel_load(cx).is_ready() || radio.poll_transmit_status().is_ready() {}
                timer.poll_expired(cx)
            });
            turns.await.map_err(|error| error.to_string())?;
            bytes[..8].copy_from_slice(&monotonic_ns().to_be_bytes());
            let sent = radio.send(&TxFrame::new(&bytes, AccessCategory::Voice)).await;
            sent.map_err(|error| error.to_string())?;
        }
        let counters = radio.counters();
        Ok(format!(
            "{} frames, {} injected, {} confirmed",
            counters.sent, counters.injected, counters.confirmed
        ))
    })
}

fn age(interface: &str, seconds: u16) -> Result<String, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
    runtime.map_err(|error| error.to_string())?.block_on(async {
        let mut radio = PacketRadio::open(PacketConfig::new(interface)).map_err(|error| error.to_string())?;
        let mut end = DeadlineTimer::new().map_err(|error| error.to_string())?;
        let end_ns = monotonic_ns() + 1_000_000_000 * u64::from(seconds);
        end.set(Some(end_ns)).map_err(|error| error.to_string())?;
        let (mut kernel, mut user, mut bytes) = (Vec::new(), Vec::new(), BytesMut::new());
        poll_fn(|cx| {
            while let Poll::Ready(heard) = radio.poll_recv(cx, &mut bytes) {
                let frame = bytes.split();
                let (Ok(meta), Some(stamp)) = (heard, frame.first_chunk()) else { continue };
                if frame.len() == STAMPED_BYTES {
                    let sent_ns = u64::from_be_bytes(*stamp);
                    user.push(meta.user_receive_ns.saturating_sub(sent_ns));
                    kernel.extend(meta.kernel_receive_ns.map(|at_ns| at_ns.saturating_sub(sent_ns)));
                }
            }
            end.poll_expired(cx)
        })
        .await
        .map_err(|error| error.to_string())?;
        let quantiles = |mut ages: Vec<u64>| {
            ages.sort_unstable();
            let at = |share: usize| ages.get(ages.len() * share / 100).map_or(0, |ns| *ns);
            format!("p50 {} ns p99 {} ns", at(50), at(99))
        };
        Ok(format!(
            "{} frames: in the kernel {}, in the link {}",
            user.len(),
            quantiles(kernel),
            quantiles(user)
        ))
    })
}

/// A packet socket on this interface, for every frame that it gives or, without a protocol, for sending alone; and its address.
fn socket_on(interface: &str, protocol: Option<SockProtocol>) -> io::Result<(OwnedFd, [u8; 6])> {
    let socket = socket::socket(AddressFamily::Packet, SockType::Raw, SockFlag::SOCK_CLOEXEC, protocol)?;
    // Until bound it hears every interface.
    let address = getifaddrs()?
        .filter(|one| one.interface_name == interface)
        .find_map(|one| one.address?.as_link_addr().copied())
        .ok_or_else(|| io::Error::other(format!("no interface {interface}")))?;
    socket::bind(socket.as_raw_fd(), &address)?;
    Ok((socket, address.addr().ok_or_else(|| io::Error::other("an interface without address"))?))
}

/// By a socket and a loop of its own, so that it hears what the adapters leave out.
fn listen(interface: &str, seconds: u16) -> io::Result<String> {
    let (socket, _) = socket_on(interface, Some(SockProtocol::EthAll))?;
    socket::setsockopt(&socket, sockopt::ReceiveTimeout, &TimeVal::milliseconds(100))?;
    let (end, mut frames) = (monotonic_ns() + 1_000_000_000 * u64::from(seconds), 0);
    let mut room = [0; 4096];
    while monotonic_ns() < end {
        let Ok(length) = socket::recv(socket.as_raw_fd(), &mut room, MsgFlags::empty()) else { continue };
        let Ok((report, body)) = radiotap::read(&room[..length]) else { continue };
        let Ok(data) = radiotap::strip_body(&report, body) else { continue };
        // What this radio sends comes back with what became of it.
        let way = if report.tx_flags.is_some() { "sent" } else { "heard" };
        let told =
            |number: Option<i32>| number.map_or_else(|| "none".to_owned(), |number| number.to_string());
        frames += 1;
        println!(
            "{way} from {} type {:#06x} bytes {} priority {} rate {} signal {}",
            LinkAddress(data.stripped.source),
            data.stripped.ether_type,
            data.stripped.payload.len(),
            told(data.user_priority.map(i32::from)),
            told(report.rate_half_mbps.map(i32::from)),
            told(report.signal_dbm.map(i32::from)),
        );
    }
    Ok(format!("{frames} frames"))
}

/// A beacon (IEEE Std 802.11-2020, 9.3.3.2) of a cell on the channel of a monitor interface. Stations of another cell of this name
/// compare its timestamp with their own clock, and join the one that is ahead (11.1.4).
fn beacon(interface: &str, LinkAddress(cell): LinkAddress, name: &str) -> io::Result<String> {
    let (socket, _) = socket_on(interface, None)?;
    let mut room = [0; Transmit::MAX_LEN];
    let how = Transmit { rate_half_mbps: Some(SLOWEST), power_dbm: None };
    let mut frame = how.encode(&mut room).to_vec();
    let length = u8::try_from(name.len()).ok().filter(|length| (1..=32).contains(length));
    let length = length.ok_or_else(|| io::Error::other("expected a name of 1 to 32 bytes"))?;
    // Management, beacon; no duration; to everybody, from the first station of the cell, of it; its number.
    frame.extend_from_slice(&[0x80, 0, 0, 0]);
    frame.extend_from_slice(&[[0xff; 6], [0x02, 0xbe, 0xac, 0, 0, 1], cell].concat());
    frame.extend_from_slice(&[0, 0]);
    frame.extend_from_slice(&FAR_AHEAD_US.to_le_bytes());
    // Every 100 time units; of an IBSS.
    frame.extend_from_slice(&[100, 0, 0x02, 0]);
    frame.extend_from_slice(&[0, length]);
    frame.extend_from_slice(name.as_bytes());
    // The rates of OFDM, and no announcement of traffic.
    frame.extend_from_slice(&[1, 8, 0x8c, 0x12, 0x98, 0x24, 0xb0, 0x48, 0x60, 0x6c]);
    frame.extend_from_slice(&[6, 2, 0, 0]);
    socket::send(socket.as_raw_fd(), &frame, MsgFlags::empty())?;
    Ok(format!("a beacon of {} bytes", frame.len()))
}

/// 6 Mb/s as at 20 MHz, in half a Mb/s.
const SLOWEST: u8 = 12;
/// Some thousand years from 1970, us.
const FAR_AHEAD_US: u64 = 1 << 56;
/// A station drops it by its first byte.
const NO_MESSAGE: &[u8] = b"another protocol";
/// For local experiments (IEEE Std 802, 9.2.4).
const NO_STATIONS_TYPE: u16 = 0x88b6;
const CHECK_SEQUENCE_BYTES: usize = 4;
/// As long as most messages.
const STAMPED_BYTES: usize = 300;
