//! What no station does, for the tests on simulated radios (`tests/radio-vm`): frames of many senders from one radio, and each
//! frame on the air with what its header and the radio say of it.
//!
//! ```text
//! air flood INTERFACE SENDERS FRAMES INTERVAL_MS    FRAMES frames from each of SENDERS addresses, an interval apart
//! air listen INTERFACE SECONDS                      a line for each data frame on a monitor interface
//! air beacon INTERFACE ADDRESS NAME                 a beacon of an IBSS, by injection, as if of a station whose clock is far ahead
//! ```

use std::future::poll_fn;
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::process::ExitCode;

use nix::ifaddrs::getifaddrs;
use nix::sys::socket::{self, AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, sockopt};
use nix::sys::time::{TimeVal, TimeValLike as _};
use radio_adapters::clock::monotonic_ns;
use radio_adapters::packet::{PacketConfig, PacketRadio};
use radio_adapters::timer::DeadlineTimer;
use radio_adapters::wlan::Cell;
use radio_adapters::{AccessCategory, LinkAddress, RadioExt as _, TxFrame};
use v2x_proto::link::radiotap::{self, Transmit};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done =
        match words[..] {
            ["flood", interface, senders, frames, interval_ms] => {
                numbers([senders, frames, interval_ms]).and_then(|numbers| flood(interface, numbers))
            }
            ["listen", interface, seconds] => numbers([seconds])
                .and_then(|[seconds]| listen(interface, seconds).map_err(|error| error.to_string())),
            ["beacon", interface, address, name] => {
                let right = || format!("found {address:?}, expected an address such as 02:ca:fe:ca:fe:00");
                Cell::bssid(address)
                    .ok_or_else(right)
                    .and_then(|cell| beacon(interface, cell, name).map_err(|error| error.to_string()))
            }
            _ => Err("expected: flood INTERFACE SENDERS FRAMES INTERVAL_MS, listen INTERFACE SECONDS, or beacon INTERFACE \
                      ADDRESS NAME"
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

/// By a socket and a loop of its own, so that it hears what the adapters leave out.
fn listen(interface: &str, seconds: u16) -> io::Result<String> {
    let socket = bound(interface)?;
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
    let socket = bound(interface)?;
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

/// A packet socket of one interface.
fn bound(interface: &str) -> io::Result<OwnedFd> {
    let all = SockProtocol::EthAll;
    let socket = socket::socket(AddressFamily::Packet, SockType::Raw, SockFlag::SOCK_CLOEXEC, all)?;
    // Until bound it hears every interface.
    let address = getifaddrs()?
        .filter(|one| one.interface_name == interface)
        .find_map(|one| one.address?.as_link_addr().copied())
        .ok_or_else(|| io::Error::other(format!("no interface {interface}")))?;
    socket::bind(socket.as_raw_fd(), &address)?;
    Ok(socket)
}

/// 6 Mb/s as at 20 MHz, in half a Mb/s.
const SLOWEST: u8 = 12;
/// Some thousand years from 1970, us.
const FAR_AHEAD_US: u64 = 1 << 56;
/// A station drops it by its first byte.
const NO_MESSAGE: &[u8] = b"another protocol";
