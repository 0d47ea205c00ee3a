//! The receivers: the two adapters as a station reads them, and the least that a program can do.

use std::io::Read as _;
use std::time::Duration;

use bytes::BytesMut;
use nix::time::{ClockId, clock_gettime};
use radio_adapters::clock::monotonic_ns;
use radio_adapters::packet::{PacketConfig, PacketRadio};
use radio_adapters::pnet::PnetRadio;
use radio_adapters::{Counters, DEFAULT_ETHER_TYPE, Radio, RadioExt};
use serde_json::{Value, json};
use socket2::{Domain, Protocol, Socket, Type};

use crate::lab::{Child, INTERFACE, Lab, print_result};
use crate::placement::Seat;
use crate::send;

/// Who receives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Receiver {
    /// The `packet` adapter.
    Packet,
    /// The `pnet` adapter.
    Pnet,
    /// A socket that blocks, and a loop that reads it (recvfrom(2)).
    Bare,
}

/// What a receiver does with a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// Counts it.
    Count,
    /// Reads the clock and keeps how long the frame took.
    Time,
    /// Counts it and computes for [`WORK_NS`], a signature check's time.
    Work,
}

/// What a receiver counted.
#[derive(Clone, Debug)]
pub struct Received {
    /// Frames it was given, the end's mark left out.
    pub received: u64,
    /// Processor time of its process, all threads, from when it was ready to its end.
    pub processor_ns: u64,
    /// From when each frame was due to when the receiver had it, ns.
    pub due_to_received: Vec<u64>,
    /// From its sender's system call, ns.
    pub call_to_received: Vec<u64>,
    /// The adapter's counters, all zero for the bare loop.
    pub counters: Value,
}

impl Receiver {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Packet, Self::Pnet, Self::Bare];

    /// Its name in the results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Packet => "packet",
            Self::Pnet => "pnet",
            Self::Bare => "bare",
        }
    }

    /// Starts it at end 1 and waits until it is ready.
    pub fn start(self, lab: &Lab, seat: Seat, task: Task) -> Result<Child, String> {
        let mut arguments = seat.arguments().to_vec();
        arguments.extend([self.name(), task.name()].map(str::to_owned));
        let mut child = lab.spawn(1, "receive", &arguments)?;
        child.ready()?;
        Ok(child)
    }
}

impl Task {
    const ALL: [Self; 3] = [Self::Count, Self::Time, Self::Work];

    fn name(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Time => "time",
            Self::Work => "work",
        }
    }
}

impl Received {
    /// What the process printed.
    pub fn of(child: Child) -> Result<Self, String> {
        let result = child.result()?;
        let number = |name: &str| result[name].as_u64().ok_or_else(|| format!("receive: no {name}"));
        let times = |name: &str| {
            serde_json::from_value(result[name].clone()).map_err(|error| format!("receive: {name}: {error}"))
        };
        Ok(Self {
            received: number("received")?,
            processor_ns: number("processor_ns")?,
            due_to_received: times("due_to_received")?,
            call_to_received: times("call_to_received")?,
            counters: result["counters"].clone(),
        })
    }
}

/// The receiver's process: seat, receiver, task.
pub fn receive(arguments: &[String]) -> Result<(), String> {
    let [cpu, fifo, receiver, task] = arguments else {
        return Err("expected cpu, priority, receiver, task".to_owned());
    };
    let receiver =
        Receiver::ALL.into_iter().find(|known| known.name() == receiver).ok_or("no such receiver")?;
    let task = Task::ALL.into_iter().find(|known| known.name() == task).ok_or("no such task")?;
    // First, so that the thread of pnet's adapter has it too.
    Seat::parse(cpu, fifo).take().map_err(|error| error.to_string())?;
    let tally = Tally::new(task);
    match receiver {
        Receiver::Bare => bare(tally),
        Receiver::Packet => adapter(tally, || {
            PacketRadio::open(PacketConfig::new(INTERFACE)).map_err(|error| error.to_string())
        }),
        Receiver::Pnet => adapter(tally, || {
            PnetRadio::open(INTERFACE, DEFAULT_ETHER_TYPE, false).map_err(|error| error.to_string())
        }),
    }
}

fn adapter<R: Radio>(mut tally: Tally, open: impl FnOnce() -> Result<R, String>) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
    let runtime = runtime.map_err(|error| format!("starting the event loop: {error}"))?;
    runtime.block_on(async {
        let mut radio = open()?;
        let mut buffer = BytesMut::with_capacity(1 << 16);
        tally.begin();
        loop {
            buffer.clear();
            // An error concerns one call; the adapter counts it.
            if radio.recv(&mut buffer).await.is_ok() && tally.take(&buffer) {
                break;
            }
        }
        tally.print(&radio.counters());
        Ok(())
    })
}

/// Of all interfaces of its namespace, which has one.
fn bare(mut tally: Tally) -> Result<(), String> {
    let text = |error: std::io::Error| error.to_string();
    let protocol = Protocol::from(i32::from(DEFAULT_ETHER_TYPE.to_be()));
    let socket = Socket::new(Domain::PACKET, Type::RAW, Some(protocol)).map_err(text)?;
    socket.set_recv_buffer_size(PacketConfig::new(INTERFACE).receive_buffer).map_err(text)?;
    let mut buffer = [0; 4096];
    tally.begin();
    loop {
        let length = (&socket).read(&mut buffer).map_err(text)?;
        if tally.take(buffer[..length].get(ETHERNET_HEADER..).unwrap_or_default()) {
            break;
        }
    }
    tally.print(&Counters::default());
    Ok(())
}

#[derive(Debug)]
struct Tally {
    task: Task,
    received: u64,
    began_ns: u64,
    due_to_received: Vec<u64>,
    call_to_received: Vec<u64>,
}

impl Tally {
    fn new(task: Task) -> Self {
        let room = || Vec::with_capacity(MOST_TIMES);
        Self { task, received: 0, began_ns: 0, due_to_received: room(), call_to_received: room() }
    }

    fn begin(&mut self) {
        println!("ready");
        self.began_ns = processor_ns();
    }

    /// Takes a frame; true at the end.
    fn take(&mut self, bytes: &[u8]) -> bool {
        let Some((due, called)) = send::times(bytes) else { return true };
        self.received += 1;
        match self.task {
            Task::Count => {}
            Task::Time => {
                let now = monotonic_ns();
                if self.due_to_received.len() < MOST_TIMES {
                    self.due_to_received.push(now.saturating_sub(due));
                    self.call_to_received.push(now.saturating_sub(called));
                }
            }
            Task::Work => {
                let end = monotonic_ns() + WORK_NS;
                while monotonic_ns() < end {}
            }
        }
        false
    }

    fn print(&self, counters: &Counters) {
        let processor_ns = processor_ns() - self.began_ns;
        print_result(&json!({
            "received": self.received,
            "processor_ns": processor_ns,
            "due_to_received": self.due_to_received,
            "call_to_received": self.call_to_received,
            "counters": {
                "received": counters.received,
                "kernel_dropped": counters.kernel_dropped,
                "oversized": counters.oversized,
                "foreign": counters.foreign,
                "filtered": counters.filtered,
            },
        }));
    }
}

fn processor_ns() -> u64 {
    let time = clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID);
    let time = Duration::from(time.expect("invariant: Linux has had this clock since 2.6"));
    time.as_nanos() as u64
}

/// Processor time of [`Task::Work`]: about a signature check.
pub const WORK_NS: u64 = 30_000;
const ETHERNET_HEADER: usize = 14;
/// More than a turn has.
const MOST_TIMES: usize = 20_000;
