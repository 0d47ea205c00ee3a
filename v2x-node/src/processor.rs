//! The processor time this process had and was denied, as Linux counts it.

#[cfg(feature = "replay")]
use core::time::Duration;
use std::fs;

#[cfg(feature = "replay")]
use nix::time::{ClockId, clock_gettime};
use v2x_report::{Machine, Processor, ProcessorCounters};

/// Counts from its making on.
#[derive(Clone, Copy, Debug)]
pub struct ProcessorMeter {
    began: Option<ProcessorCounters>,
}

impl ProcessorMeter {
    /// Starts to count.
    pub fn start() -> Self {
        Self { began: counters() }
    }

    /// What the machine gave a live run that has lasted `wall_s`.
    pub fn machine(&self, wall_s: f64) -> Machine {
        Machine::new(wall_s, wall_s, self.processor())
    }

    /// The processor time since; `None` where the system does not tell.
    pub fn processor(&self) -> Option<Processor> {
        Some(counters()?.since(&self.began?))
    }
}

/// What the process has had since its start, threads that have ended included; `None` where the system does not tell.
#[cfg(feature = "replay")]
pub(crate) fn process_time() -> Option<Duration> {
    clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID).ok().map(Duration::from)
}

/// The counters now. Threads that have ended are not in them.
fn counters() -> Option<ProcessorCounters> {
    let mut counters = ProcessorCounters::default();
    // The file of the process itself has its first thread only.
    for thread in fs::read_dir("/proc/self/task").ok()?.take(MAX_THREADS).flatten() {
        let Some((ran_ns, waited_ns)) =
            fs::read_to_string(thread.path().join("schedstat")).ok().and_then(|text| schedstat(&text))
        else {
            continue;
        };
        counters.ran_ns = counters.ran_ns.saturating_add(ran_ns);
        counters.waited_ns = counters.waited_ns.saturating_add(waited_ns);
    }
    if counters.ran_ns == 0 {
        return None;
    }
    if let Some((stolen, all)) = fs::read_to_string("/proc/stat").ok().and_then(|text| ticks(&text)) {
        (counters.stolen_ticks, counters.all_ticks) = (stolen, all);
    }
    counters.throttled_ns =
        quota_files().into_iter().find_map(|path| throttled_ns(&fs::read_to_string(path).ok()?)).unwrap_or(0);
    Some(counters)
}

/// Time on a processor and on a run queue, ns: `ran waited slices`.
fn schedstat(text: &str) -> Option<(u64, u64)> {
    let mut words = text.split_ascii_whitespace().map(str::parse);
    Some((words.next()?.ok()?, words.next()?.ok()?))
}

/// Stolen and all clock ticks of all processors. Guests are counted in `user` already.
fn ticks(text: &str) -> Option<(u64, u64)> {
    let all = text.lines().find_map(|line| line.strip_prefix("cpu "))?;
    let words: Vec<u64> = all.split_ascii_whitespace().take(8).map_while(|word| word.parse().ok()).collect();
    let stolen = *words.get(7)?;
    Some((stolen, words.iter().fold(0, |sum, ticks| u64::saturating_add(sum, *ticks))))
}

/// Where the quota of this process's control group is accounted, versions 2 and 1.
fn quota_files() -> Vec<String> {
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    groups.lines().take(MAX_GROUPS).filter_map(quota_file).collect()
}

fn quota_file(line: &str) -> Option<String> {
    let mut parts = line.splitn(3, ':').skip(1);
    let (controllers, path) = (parts.next()?, parts.next()?.trim_end_matches('/'));
    match controllers {
        "" => Some(format!("/sys/fs/cgroup{path}/cpu.stat")),
        _ if controllers.split(',').any(|name| name == "cpu") => {
            Some(format!("/sys/fs/cgroup/{controllers}{path}/cpu.stat"))
        }
        _ => None,
    }
}

/// Time held back, ns: `throttled_usec` of version 2, `throttled_time` of version 1.
fn throttled_ns(text: &str) -> Option<u64> {
    text.lines().find_map(|line| {
        let (name, value) = line.split_once(' ')?;
        let value: u64 = value.trim().parse().ok()?;
        match name {
            "throttled_usec" => Some(value.saturating_mul(1000)),
            "throttled_time" => Some(value),
            _ => None,
        }
    })
}

/// A process of ours has a few.
const MAX_THREADS: usize = 300;
const MAX_GROUPS: usize = 32;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn linux_counters_are_read() {
        assert_eq!(schedstat("52830134 7264001 133\n"), Some((52_830_134, 7_264_001)));
        assert_eq!(schedstat("0 \n"), None);
        let stat = "cpu  100 2 30 400 5 6 7 50 11 0\ncpu0 1 2 3 4 5 6 7 8 9 0\nintr 5\n";
        assert_eq!(ticks(stat), Some((50, 600)));
        assert_eq!(ticks("cpu  100 2 30 400\n"), None);
        let two = "usage_usec 5\nnr_periods 7\nnr_throttled 3\nthrottled_usec 1500\n";
        assert_eq!(throttled_ns(two), Some(1_500_000));
        assert_eq!(throttled_ns("nr_periods 1\nnr_throttled 2\nthrottled_time 77\n"), Some(77));
        assert_eq!(throttled_ns("usage_usec 5\n"), None, "a group without the controller");
        assert_eq!(quota_file("0::/"), Some("/sys/fs/cgroup/cpu.stat".to_owned()));
        assert_eq!(quota_file("0::/user/a:b"), Some("/sys/fs/cgroup/user/a:b/cpu.stat".to_owned()));
        assert_eq!(quota_file("4:cpu,cpuacct:/x"), Some("/sys/fs/cgroup/cpu,cpuacct/x/cpu.stat".to_owned()));
        assert_eq!(quota_file("3:cpuset:/x"), None);
    }

    #[test]
    fn a_meter_counts_this_process() {
        let meter = ProcessorMeter::start();
        let work: u64 = (0..200_000u64).map(|number| number.rotate_left(7)).fold(0, u64::wrapping_add);
        assert_ne!(work, 1);
        let machine = meter.machine(2.0);
        assert_eq!((machine.wall_s, machine.realtime_factor), (2.0, 1.0));
        if let Some(processor) = machine.processor {
            assert!(processor.used_s >= 0.0 && (0.0..=1.0).contains(&processor.given));
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "\\PC{0,200}|(cpu |throttled_usec )?[0-9 ]{0,120}\n") {
            let _ = (schedstat(&text), ticks(&text), throttled_ns(&text), quota_file(&text));
        }
    }
}
