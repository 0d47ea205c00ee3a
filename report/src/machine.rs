//! What a machine gave a run: wall time, and the processor time that was asked for and denied.
//!
//! A live run is judged by the wall clock. When other programs have the processor, its misses are the machine's: the
//! report says so. The counters are the caller's to read; nothing here reads a clock or a file.

use serde::{Deserialize, Serialize};

/// What a machine gave a run. Absent from a report of virtual time, which does not depend on the machine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// Length of the run on the wall clock, s.
    pub wall_s: f64,
    /// Time of the stations by time of the wall clock; 0 when that is unknown.
    pub realtime_factor: f64,
    /// The processor time; absent where the machine does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub processor: Option<Processor>,
}

/// Processor time of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Processor {
    /// Had, s, all threads together.
    pub used_s: f64,
    /// Ready to run, and waiting for a processor, s.
    pub waited_s: f64,
    /// `used_s / (used_s + waited_s)`; 1 when nothing was asked for.
    pub given: f64,
    /// Of the wall time: held back by the quota of its control group, s.
    pub throttled_s: f64,
    /// Of the time of all this machine's processors: what its hypervisor kept for others, 0..=1.
    pub stolen: f64,
}

/// The counters of a process and its machine at one moment; they only grow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ProcessorCounters {
    /// On a processor, ns.
    pub ran_ns: u64,
    /// On a run queue, ns.
    pub waited_ns: u64,
    /// Held back by a quota, ns.
    pub throttled_ns: u64,
    /// Of the machine: kept by its hypervisor, clock ticks.
    pub stolen_ticks: u64,
    /// Of the machine: all there was, clock ticks.
    pub all_ticks: u64,
}

impl Machine {
    /// Of a run of `simulated_s` that took `wall_s`.
    pub fn new(simulated_s: f64, wall_s: f64, processor: Option<Processor>) -> Self {
        let realtime_factor = if wall_s > 0.0 { simulated_s / wall_s } else { 0.0 };
        Self { wall_s, realtime_factor, processor }
    }

    /// The factor as text: of one below 1 three digits, because that is where runs differ.
    pub(crate) fn factor(&self) -> String {
        let factor = self.realtime_factor;
        // What would round to 1 is as fast as real time.
        if factor < 0.9995 { format!("{factor:.3}") } else { format!("{factor:.1}") }
    }

    /// What the machine kept from a run, when that was so much that the figures are the machine's; `what` names the run,
    /// such as `the demo`.
    ///
    /// That is when the run waited for a processor during `WAITED` of its time, which by itself is all that the widest
    /// miss target allows, and had less than `GIVEN` of what it asked for: a program that waits for nobody but itself is
    /// slow by its own fault.
    pub fn denial(&self, what: &str) -> Option<String> {
        let Processor { waited_s, given, throttled_s, stolen, .. } = self.processor?;
        let of_the_run = |seconds: f64| self.wall_s > 0.0 && seconds / self.wall_s >= WAITED;
        let percent = |share: f64| format!("{:.0} %", share * 100.0);
        let denied = of_the_run(waited_s) && given < GIVEN;
        let quota = of_the_run(throttled_s);
        let mut text = if denied {
            format!("this machine gave {what} {} of the processor time it asked for", percent(given))
        } else if quota {
            format!("a quota held {what} back for {throttled_s:.1} s")
        } else if stolen >= WAITED {
            format!("this machine's hypervisor kept {} of its processor time", percent(stolen))
        } else {
            return None;
        };
        if denied && quota {
            text.push_str(" (its control group has a quota: cpu.max)");
        } else if denied && stolen >= WAITED {
            text.push_str(&format!(" (its hypervisor kept {})", percent(stolen)));
        }
        Some(text + ": the figures say little about Roadcast")
    }
}

impl ProcessorCounters {
    /// What was used and denied since `before`.
    pub fn since(&self, before: &Self) -> Processor {
        let seconds = |now: u64, before: u64| now.saturating_sub(before) as f64 / 1e9;
        let used_s = seconds(self.ran_ns, before.ran_ns);
        let waited_s = seconds(self.waited_ns, before.waited_ns);
        let asked_s = used_s + waited_s;
        let ticks = self.all_ticks.saturating_sub(before.all_ticks);
        let stolen = self.stolen_ticks.saturating_sub(before.stolen_ticks).min(ticks);
        Processor {
            used_s,
            waited_s,
            given: if asked_s > 0.0 { used_s / asked_s } else { 1.0 },
            throttled_s: seconds(self.throttled_ns, before.throttled_ns),
            stolen: if ticks > 0 { stolen as f64 / ticks as f64 } else { 0.0 },
        }
    }
}

/// The widest miss target of a class.
const WAITED: f64 = 0.05;
/// Of the processor time asked for.
const GIVEN: f64 = 0.8;

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(ran_s: f64, waited_s: f64, wall_s: f64) -> Machine {
        let ns = |seconds: f64| (seconds * 1e9) as u64;
        let now = ProcessorCounters { ran_ns: ns(ran_s), waited_ns: ns(waited_s), ..Default::default() };
        Machine::new(wall_s, wall_s, Some(now.since(&ProcessorCounters::default())))
    }

    #[test]
    fn a_run_that_waited_for_the_processor_says_how_little_it_had() {
        let text = machine(3.0, 7.0, 20.0).denial("the demo").unwrap();
        let wanted = "this machine gave the demo 30 % of the processor time it asked for: the figures say little about Roadcast";
        assert_eq!(text, wanted);
    }

    #[test]
    fn short_waits_and_a_program_that_is_slow_by_itself_are_no_excuse() {
        assert_eq!(
            machine(0.05, 0.04, 10.0).denial("x"),
            None,
            "an idle station waits some microseconds a wake-up"
        );
        assert_eq!(
            machine(10.0, 0.6, 10.0).denial("x"),
            None,
            "it had what it asked for, and that was not enough"
        );
        assert_eq!(machine(0.0, 0.0, 0.0).denial("x"), None);
        assert_eq!(Machine::new(1.0, 1.0, None).denial("x"), None);
    }

    #[test]
    fn a_quota_and_a_hypervisor_are_named() {
        let mut machine = machine(3.0, 7.0, 20.0);
        let processor = machine.processor.as_mut().unwrap();
        processor.throttled_s = 6.0;
        assert!(machine.denial("the demo").unwrap().contains("has a quota: cpu.max"));
        *machine.processor.as_mut().unwrap() = Processor { given: 1.0, stolen: 0.4, ..Processor::default() };
        assert!(machine.denial("the demo").unwrap().contains("hypervisor kept 40 %"));
    }

    #[test]
    fn a_factor_below_one_has_three_digits() {
        let text = |wall_s| Machine::new(6.0, wall_s, None).factor();
        assert_eq!([36.36, 6.06, 6.001, 6.0, 0.24].map(text), ["0.165", "0.990", "1.0", "1.0", "25.0"]);
    }

    #[test]
    fn counters_that_went_backwards_count_as_nothing() {
        let before =
            ProcessorCounters { ran_ns: 5, waited_ns: 5, throttled_ns: 5, stolen_ticks: 5, all_ticks: 5 };
        let processor = ProcessorCounters::default().since(&before);
        assert_eq!(
            (processor.used_s, processor.waited_s, processor.given, processor.stolen),
            (0.0, 0.0, 1.0, 0.0)
        );
    }
}
