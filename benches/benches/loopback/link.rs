//! The bare link: the same frames at the same times over the same sockets, with no station at either end.

use core::time::Duration;

use bytes::BytesMut;
use radio_adapters::clock::monotonic_ns;
use radio_adapters::packet::{PacketConfig, PacketRadio};
use radio_adapters::timer::DeadlineTimer;
use radio_adapters::{AccessCategory, RadioExt, TxFrame};
use serde_json::{Value, json};
use v2x_report::{StageHistogram, Summary};

use crate::lab::{INTERFACE, Lab, print_result};
use crate::placement::{Placement, Seat};

/// What the link alone takes.
#[derive(Clone, Debug)]
pub struct LinkRun {
    /// Frames sent.
    pub sent: u64,
    /// Due time at the sender -> frame read by the receiver.
    pub due_to_user: Summary,
    /// Kernel's receive stamp -> frame read by the receiver.
    pub kernel_to_user: Summary,
}

impl LinkRun {
    /// For the results.
    pub fn json(&self) -> Value {
        json!({
            "sent": self.sent,
            "received": self.due_to_user.count,
            "due_to_user_receive": self.due_to_user,
            "kernel_receive_to_user_receive": self.kernel_to_user,
        })
    }
}

/// Runs the link at `rate` frames a second for `time`, frames of `lengths` in turn.
pub fn run(
    lab: &Lab,
    placement: &Placement,
    rate: u32,
    time: Duration,
    lengths: &[usize],
) -> Result<LinkRun, String> {
    let mut receiver = lab.spawn(1, "link-receive", &placement.receiver.arguments())?;
    receiver.ready()?;
    let mut arguments = placement.sender.arguments().to_vec();
    arguments.extend([rate.to_string(), time.as_secs().to_string()]);
    arguments.extend(lengths.iter().map(usize::to_string));
    let sent = lab.spawn(0, "link-send", &arguments)?.result()?;
    let received = receiver.result()?;
    let summary = |name: &str| {
        serde_json::from_value(received[name].clone()).map_err(|error| format!("link-receive: {error}"))
    };
    Ok(LinkRun {
        sent: sent["sent"].as_u64().unwrap_or(0),
        due_to_user: summary("due_to_user")?,
        kernel_to_user: summary("kernel_to_user")?,
    })
}

/// The sender's process: seat, rate, seconds, lengths.
pub async fn send(arguments: &[String]) -> Result<(), String> {
    let [cpu, fifo, rate, seconds, lengths @ ..] = arguments else {
        return Err("expected cpu, priority, rate, seconds, lengths".to_owned());
    };
    let number = |text: &String| text.parse::<u64>().map_err(|error| format!("{text:?}: {error}"));
    let (rate, seconds) = (number(rate)?, number(seconds)?);
    let lengths = lengths.iter().map(number).collect::<Result<Vec<_>, _>>()?;
    let mut radio = open()?;
    let mut timer = DeadlineTimer::new().map_err(|error| error.to_string())?;
    Seat::parse(cpu, fifo).take().map_err(|error| error.to_string())?;
    let start = monotonic_ns() + START_DELAY_NS;
    let longest = lengths.iter().copied().max().unwrap_or(0).max(8) as usize;
    let mut frame = vec![0; longest];
    let total = rate * seconds;
    for (number, length) in (0..total).zip(lengths.iter().copied().cycle()) {
        let due = start + number * 1_000_000_000 / rate;
        if monotonic_ns() < due {
            timer.set(Some(due)).map_err(|error| error.to_string())?;
            timer.expired().await.map_err(|error| error.to_string())?;
        }
        frame[..8].copy_from_slice(&due.to_le_bytes());
        transmit(&mut radio, &frame[..(length as usize).max(8)]).await?;
    }
    for _ in 0..END_COPIES {
        transmit(&mut radio, &END.to_le_bytes()).await?;
    }
    print_result(&json!({"sent": total}));
    Ok(())
}

/// The receiver's process: seat.
pub async fn receive(arguments: &[String]) -> Result<(), String> {
    let [cpu, fifo] = arguments else { return Err("expected cpu and priority".to_owned()) };
    let mut radio = open()?;
    let (mut due_to_user, mut kernel_to_user) = (StageHistogram::new(), StageHistogram::new());
    Seat::parse(cpu, fifo).take().map_err(|error| error.to_string())?;
    println!("ready");
    let mut buffer = BytesMut::new();
    loop {
        buffer.clear();
        let meta = radio.recv(&mut buffer).await.map_err(|error| error.to_string())?;
        let Some(due) = buffer.first_chunk().map(|bytes| u64::from_le_bytes(*bytes)) else { continue };
        if due == END {
            break;
        }
        due_to_user.record(meta.user_receive_ns.saturating_sub(due));
        if let Some(kernel) = meta.kernel_receive_ns {
            kernel_to_user.record(meta.user_receive_ns.saturating_sub(kernel));
        }
    }
    print_result(&json!({
        "due_to_user": due_to_user.summary(),
        "kernel_to_user": kernel_to_user.summary(),
    }));
    Ok(())
}

async fn transmit(radio: &mut PacketRadio, bytes: &[u8]) -> Result<(), String> {
    let frame = TxFrame::new(bytes, AccessCategory::BestEffort);
    radio.send(&frame).await.map(drop).map_err(|error| error.to_string())
}

fn open() -> Result<PacketRadio, String> {
    PacketRadio::open(PacketConfig::new(INTERFACE)).map_err(|error| error.to_string())
}

/// A due time that never is: no more frames come.
const END: u64 = u64::MAX;
const END_COPIES: u32 = 3;
/// As a daemon's load.
const START_DELAY_NS: u64 = 1_000_000_000;
