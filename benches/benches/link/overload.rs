//! More frames than a station reads: whatever it does not get, a counter of the adapter has to tell.

use core::time::Duration;

use serde_json::{Value, json};

use crate::lab::{Lab, say};
use crate::placement::Placement;
use crate::receive::{Received, Receiver, Task, WORK_NS};
use crate::send::{self, Load, Sent};
use crate::turns::Plan;

/// Two runs at 100,000 frames/s: the receiver only reads; and it computes for each frame as long as a signature check takes, so that
/// the kernel has to drop.
///
/// # Errors
/// Also when a frame is in no counter.
pub fn run(lab: &Lab, plan: &Plan) -> Result<Value, String> {
    let placement = Placement::ordinary();
    let load = Load { burst: 100, period: Duration::from_millis(1), turn: plan.overload, rest: REST };
    say("\noverload of packet, 100,000 frames/s");
    say(&format!(
        "{:<22} {:>9} {:>9} {:>9} {:>15} {:>9}",
        "", "sent", "refused", "received", "kernel dropped", "others"
    ));
    let mut runs = Vec::new();
    for (task, name) in
        [(Task::Count, "reads".to_owned()), (Task::Work, format!("and works {} us", WORK_NS / 1000))]
    {
        let child = Receiver::Packet.start(lab, placement.receiver, task)?;
        let Sent { sent, refused } = send::run(lab, placement.sender, &load)?;
        let Received { received, counters, .. } = Received::of(child)?;
        let count = |name: &str| counters[name].as_u64().ok_or_else(|| format!("receive: no {name}"));
        let dropped = count("kernel_dropped")?;
        let others = count("oversized")? + count("foreign")? + count("filtered")?;
        say(&format!("{name:<22} {sent:>9} {refused:>9} {received:>9} {dropped:>15} {others:>9}"));
        if sent != received + dropped + others {
            return Err(format!(
                "{name}: {sent} sent, but {received} received, {dropped} dropped by the kernel and {others} left out: \
                 {} in no counter",
                sent.abs_diff(received + dropped + others)
            ));
        }
        runs.push(json!({
            "name": name,
            "sent": sent,
            "refused": refused,
            "received": received,
            "kernel_dropped": dropped,
            "others": others,
        }));
    }
    Ok(Value::Array(runs))
}

/// A full receive queue, 1,600 frames, takes a receiver that works 50 ms; the rest is for other programs.
const REST: Duration = Duration::from_millis(400);
