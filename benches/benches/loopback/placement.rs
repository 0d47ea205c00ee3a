//! Where the two ends run and how they are scheduled.

use std::thread;

use radio_adapters::realtime::{self, RealtimeError};
use serde_json::{Value, json};

/// Scheduling of one process.
#[derive(Clone, Copy, Debug)]
pub struct Seat {
    /// Processor to stay on.
    pub cpu: Option<usize>,
    /// `SCHED_FIFO` priority; `None` for the ordinary scheduler.
    pub fifo: Option<u8>,
}

impl Seat {
    /// As arguments for a child.
    pub fn arguments(self) -> [String; 2] {
        [
            self.cpu.map_or("-".to_owned(), |cpu| cpu.to_string()),
            self.fifo.map_or("-".to_owned(), |fifo| fifo.to_string()),
        ]
    }

    /// From the arguments of a child.
    pub fn parse(cpu: &str, fifo: &str) -> Self {
        Self { cpu: cpu.parse().ok(), fifo: fifo.parse().ok() }
    }

    /// Takes it, with all memory locked when it is a real-time one.
    pub fn take(self) -> Result<(), RealtimeError> {
        if let Some(cpu) = self.cpu {
            realtime::pin_to_cpu(cpu)?;
        }
        if let Some(fifo) = self.fifo {
            realtime::lock_memory()?;
            realtime::set_fifo(fifo)?;
        }
        Ok(())
    }

    /// As the `[realtime]` table of a configuration.
    pub fn toml(self) -> String {
        let mut text = "[realtime]\n".to_owned();
        if let Some(cpu) = self.cpu {
            text += &format!("cpu = {cpu}\n");
        }
        if let Some(fifo) = self.fifo {
            text += &format!("fifo_priority = {fifo}\nlock_memory = true\n");
        }
        text
    }
}

/// Seats of the sender and the receiver.
#[derive(Clone, Copy, Debug)]
pub struct Placement {
    /// Name in the results.
    pub name: &'static str,
    /// The sender's.
    pub sender: Seat,
    /// The receiver's.
    pub receiver: Seat,
}

impl Placement {
    /// Both on one processor, the receiver first: a frame is handed over without waking another processor. That
    /// wake-up costs tens of microseconds in a virtual machine and has nothing to do with the software.
    pub fn same_cpu_fifo() -> Self {
        let cpu = Some(last_cpu());
        let (sender, receiver) = (Seat { cpu, fifo: Some(50) }, Seat { cpu, fifo: Some(60) });
        Self { name: "fifo_same_cpu", sender, receiver }
    }

    /// A processor for each; `None` where there is only one.
    pub fn other_cpu_fifo() -> Option<Self> {
        let last = last_cpu();
        let sender = Seat { cpu: Some(last.checked_sub(1)?), fifo: Some(50) };
        Some(Self { name: "fifo_other_cpu", sender, receiver: Seat { cpu: Some(last), fifo: Some(60) } })
    }

    /// As an ordinary program: wherever the scheduler puts both.
    pub fn ordinary() -> Self {
        let seat = Seat { cpu: None, fifo: None };
        Self { name: "sched_other", sender: seat, receiver: seat }
    }

    /// For the results.
    pub fn json(&self) -> Value {
        let seat = |seat: Seat| json!({"cpu": seat.cpu, "fifo_priority": seat.fifo});
        json!({"name": self.name, "sender": seat(self.sender), "receiver": seat(self.receiver)})
    }
}

/// Whether this process may use `SCHED_FIFO` and lock memory; otherwise why not. Asked on a thread of its own, which
/// is gone afterwards.
pub fn fifo_allowed() -> Result<(), String> {
    let asked = thread::spawn(|| realtime::set_fifo(1)).join();
    match asked {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("the question panicked".to_owned()),
    }
}

fn last_cpu() -> usize {
    thread::available_parallelism().map_or(0, |count| count.get() - 1)
}
