//! The sender of a turn: bursts of frames by due time, however late it is.

use core::time::Duration;
use std::io;
use std::thread;

use radio_adapters::clock::monotonic_ns;
use radio_adapters::packet::{PacketConfig, PacketRadio};
use radio_adapters::timer::DeadlineTimer;
use radio_adapters::{AccessCategory, Radio, RadioExt, TxFrame};
use serde_json::json;

use crate::lab::{INTERFACE, Lab, print_result};
use crate::placement::Seat;

/// What is sent in one turn.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Frames of one burst.
    pub burst: u32,
    /// From one burst's due time to the next.
    pub period: Duration,
    /// Length of the turn.
    pub turn: Duration,
    /// From the last burst to the marks that end the turn: a receiver that is behind reads what is queued meanwhile.
    pub rest: Duration,
}

/// What the sender counted.
#[derive(Clone, Copy, Debug)]
pub struct Sent {
    /// Frames the kernel took, the end's marks left out.
    pub sent: u64,
    /// Frames it refused.
    pub refused: u64,
}

/// Sends `load` from end 0 and waits for its end.
pub fn run(lab: &Lab, seat: Seat, load: &Load) -> Result<Sent, String> {
    let mut arguments = seat.arguments().to_vec();
    arguments.push(load.burst.to_string());
    arguments.extend([load.period, load.turn, load.rest].map(|time| time.as_nanos().to_string()));
    let result = lab.spawn(0, "send", &arguments)?.result()?;
    let count = |name: &str| result[name].as_u64().ok_or_else(|| format!("send: no {name}"));
    Ok(Sent { sent: count("sent")?, refused: count("refused")? })
}

/// The sender's process: seat, burst, period, turn, rest.
pub fn send(arguments: &[String]) -> Result<(), String> {
    let [cpu, fifo, numbers @ ..] = arguments else { return Err("expected cpu and priority".to_owned()) };
    let numbers = numbers.iter().map(|text| text.parse().map_err(|error| format!("{text:?}: {error}")));
    let numbers: Vec<u64> = numbers.collect::<Result<_, _>>()?;
    let &[burst, period_ns, turn_ns, rest_ns] = &numbers[..] else {
        return Err("expected burst, period, turn, rest".to_owned());
    };
    let text = |error: io::Error| error.to_string();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().map_err(text)?;
    runtime.block_on(async {
        let config = PacketConfig::new(INTERFACE);
        let mut radio = PacketRadio::open(config).map_err(|error| error.to_string())?;
        let mut timer = DeadlineTimer::new().map_err(text)?;
        Seat::parse(cpu, fifo).take().map_err(|error| error.to_string())?;
        let start = monotonic_ns() + START_DELAY.as_nanos() as u64;
        for tick in 0..turn_ns / period_ns {
            let due = start + tick * period_ns;
            if monotonic_ns() < due {
                timer.set(Some(due)).map_err(text)?;
                timer.expired().await.map_err(text)?;
            }
            for _ in 0..burst {
                transmit(&mut radio, due).await?;
            }
        }
        let counters = radio.counters();
        thread::sleep(Duration::from_nanos(rest_ns));
        for _ in 0..END_COPIES {
            transmit(&mut radio, END).await?;
            thread::sleep(BETWEEN_ENDS);
        }
        print_result(&json!({"sent": counters.sent, "refused": counters.send_errors}));
        Ok(())
    })
}

async fn transmit(radio: &mut PacketRadio, due: u64) -> Result<(), String> {
    let mut bytes = [0x5a; FRAME_BYTES];
    bytes[..8].copy_from_slice(&due.to_le_bytes());
    bytes[8..16].copy_from_slice(&monotonic_ns().to_le_bytes());
    match radio.send(&TxFrame::new(&bytes, AccessCategory::BestEffort)).await {
        // Counted; a full queue is no fault of the sender's.
        Err(error) if error.raw_os_error() != Some(nix::libc::ENOBUFS) => Err(error.to_string()),
        _ => Ok(()),
    }
}

/// When a frame was due and when its sender called the kernel, `CLOCK_MONOTONIC` ns; `None` for one of the end's marks.
pub fn times(bytes: &[u8]) -> Option<(u64, u64)> {
    let (due, rest) = bytes.split_first_chunk().map(|(due, rest)| (u64::from_le_bytes(*due), rest))?;
    let called = rest.first_chunk().map(|called| u64::from_le_bytes(*called))?;
    (due != END).then_some((due, called))
}

/// Bytes of a frame behind its Ethernet header: an awareness message with its credential.
pub const FRAME_BYTES: usize = 300;
/// A due time that never is: no more frames come.
const END: u64 = u64::MAX;
const END_COPIES: u32 = 3;
const BETWEEN_ENDS: Duration = Duration::from_millis(5);
const START_DELAY: Duration = Duration::from_millis(20);
