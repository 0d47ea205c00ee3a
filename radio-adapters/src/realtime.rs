//! Asking the machine for punctuality: real-time scheduling, a processor for this thread alone, and memory
//! that is never paged out. All optional; without it a station runs, but is late now and then.
#![allow(unsafe_code, reason = "scheduling policies have no safe wrapper in nix")]

use std::fmt;
use std::io;
use std::mem;
use std::sync::OnceLock;

use nix::errno::Errno;
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::mman::{MlockAllFlags, mlockall};
use nix::unistd::Pid;

/// Schedules the calling thread ahead of all ordinary ones (`SCHED_FIFO`). Threads it starts later
/// inherit this.
///
/// A thread that never sleeps under this policy starves its processor: the kernel then stops it for
/// about 50 ms of each second (`sched_rt_runtime_us`).
///
/// # Errors
/// [`RealtimeError::Priority`] outside 1..=99; [`RealtimeError::NoPrivilege`]; the kernel's own.
pub fn set_fifo(priority: u8) -> Result<(), RealtimeError> {
    if !(1..=99).contains(&priority) {
        return Err(RealtimeError::Priority { priority });
    }
    // SAFETY: sched_param is plain integers, so all-zero is a value of it (musl has more fields).
    let mut parameters: libc::sched_param = unsafe { mem::zeroed() };
    parameters.sched_priority = i32::from(priority);
    // SAFETY: the pointer is to a live sched_param; 0 is the calling thread.
    let result = unsafe { libc::sched_setscheduler(0, libc::SCHED_FIFO, &raw const parameters) };
    Errno::result(result).map(drop).map_err(|errno| {
        RealtimeError::of(
            errno,
            "real-time scheduling",
            "CAP_SYS_NICE or a limit (ulimit -r, LimitRTPRIO=) of at least this priority",
        )
    })
}

/// Lets the calling thread run on processor `cpu` (counted from 0) only. Threads it starts later
/// inherit this.
///
/// # Errors
/// [`RealtimeError::NoCpu`], naming those allowed; the kernel's own.
pub fn pin_to_cpu(cpu: usize) -> Result<(), RealtimeError> {
    let no_cpu = || RealtimeError::NoCpu { cpu, allowed: ranges(&allowed_cpus()) };
    let mut set = CpuSet::new();
    set.set(cpu).map_err(|_| no_cpu())?;
    if let Ok(before) = sched_getaffinity(Pid::from_raw(0)) {
        BEFORE_PINNING.get_or_init(|| before);
    }
    sched_setaffinity(Pid::from_raw(0), &set).map_err(|errno| match errno {
        Errno::EINVAL => no_cpu(),
        errno => RealtimeError::of(errno, "pinning to a processor", "CAP_SYS_NICE"),
    })
}

/// Makes the calling thread an ordinary one again, whatever it inherited: `SCHED_OTHER`, no nice value below 0, and every
/// processor that was allowed before [`pin_to_cpu`]. What the kernel refuses stays as it was; none of this needs
/// a privilege.
pub fn make_ordinary() {
    // SAFETY: sched_param is plain integers, so all-zero is a value of it; ordinary policies have the priority 0.
    let parameters: libc::sched_param = unsafe { mem::zeroed() };
    // SAFETY: the pointer is to a live sched_param; 0 is the calling thread.
    let _refused = unsafe { libc::sched_setscheduler(0, libc::SCHED_OTHER, &raw const parameters) };
    // SAFETY: takes no pointers; on Linux a nice value belongs to a thread, and 0 is the calling one.
    let nice = unsafe { libc::getpriority(libc::PRIO_PROCESS, 0) };
    if nice < 0 {
        // SAFETY: as above.
        let _refused = unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, 0) };
    }
    if let Some(before) = BEFORE_PINNING.get() {
        let _refused = sched_setaffinity(Pid::from_raw(0), before);
    }
}

/// Has the calling thread run only while no other thread wants its processor (`SCHED_IDLE`): any other that wakes up runs at once.
/// Otherwise it is made an [ordinary](make_ordinary) one. Needs no privilege; what the kernel refuses stays as it was.
pub fn make_idle() {
    make_ordinary();
    // SAFETY: sched_param is plain integers, so all-zero is a value of it; SCHED_IDLE has the priority 0.
    let parameters: libc::sched_param = unsafe { mem::zeroed() };
    // SAFETY: the pointer is to a live sched_param; 0 is the calling thread.
    let _refused = unsafe { libc::sched_setscheduler(0, libc::SCHED_IDLE, &raw const parameters) };
}

/// Has a write beyond the file size limit (`ulimit -f`, `LimitFSIZE=`) return an error, which is told, and not end the process.
pub fn ignore_file_size_signal() {
    // SAFETY: SIG_IGN is no handler of ours, so nothing runs in a signal's context.
    let _refused = unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
}

/// Keeps all memory of the process, present and future, in RAM: no page fault waits for a disk.
///
/// # Errors
/// [`RealtimeError::NoPrivilege`]; the kernel's own.
pub fn lock_memory() -> Result<(), RealtimeError> {
    mlockall(MlockAllFlags::MCL_CURRENT | MlockAllFlags::MCL_FUTURE).map_err(|errno| {
        let errno = if errno == Errno::ENOMEM { Errno::EPERM } else { errno };
        RealtimeError::of(
            errno,
            "locking memory",
            "CAP_IPC_LOCK or an unlimited ulimit -l (LimitMEMLOCK=infinity)",
        )
    })
}

/// What is in force for the calling thread and its process, as the kernel reports.
///
/// # Errors
/// The kernel's own.
pub fn effective() -> io::Result<Effective> {
    // SAFETY: takes no pointers; 0 is the calling thread.
    let policy = Errno::result(unsafe { libc::sched_getscheduler(0) })?;
    // SAFETY: sched_param is plain integers, so all-zero is a value of it.
    let mut parameters: libc::sched_param = unsafe { mem::zeroed() };
    // SAFETY: the pointer is to a live, exclusively borrowed sched_param; 0 is the calling thread.
    Errno::result(unsafe { libc::sched_getparam(0, &raw mut parameters) })?;
    Ok(Effective {
        policy: Policy::from_raw(policy),
        priority: u8::try_from(parameters.sched_priority).unwrap_or(0),
        cpus: allowed_cpus(),
        locked_bytes: locked_bytes(),
    })
}

/// What is in force; see [`effective`]. `Display` is one line for a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effective {
    /// Scheduling policy of the thread.
    pub policy: Policy,
    /// Real-time priority, 1..=99; 0 for ordinary policies.
    pub priority: u8,
    /// Processors the thread may run on, ascending.
    pub cpus: Vec<usize>,
    /// Memory of the process that is locked, bytes; `None` where /proc is not available.
    pub locked_bytes: Option<u64>,
}

impl fmt::Display for Effective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}, CPU {}", self.policy, self.priority, ranges(&self.cpus))?;
        match self.locked_bytes {
            Some(bytes) => write!(f, ", {} KiB locked", bytes / 1024),
            None => write!(f, ", locked memory unknown"),
        }
    }
}

/// Scheduling policies of sched(7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// `SCHED_OTHER`: the ordinary one.
    Other,
    /// `SCHED_FIFO`.
    Fifo,
    /// `SCHED_RR`.
    RoundRobin,
    /// `SCHED_IDLE`: while no other thread wants the processor.
    Idle,
    /// One this program never asks for, by the kernel's number.
    Unknown(i32),
}

impl Policy {
    /// Whether it comes before every ordinary thread.
    #[must_use]
    pub const fn is_real_time(self) -> bool {
        matches!(self, Self::Fifo | Self::RoundRobin)
    }

    fn from_raw(policy: i32) -> Self {
        // The kernel adds a flag about children to the number.
        match policy & !libc::SCHED_RESET_ON_FORK {
            libc::SCHED_OTHER => Self::Other,
            libc::SCHED_FIFO => Self::Fifo,
            libc::SCHED_RR => Self::RoundRobin,
            libc::SCHED_IDLE => Self::Idle,
            other => Self::Unknown(other),
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Other => write!(f, "SCHED_OTHER"),
            Self::Fifo => write!(f, "SCHED_FIFO"),
            Self::RoundRobin => write!(f, "SCHED_RR"),
            Self::Idle => write!(f, "SCHED_IDLE"),
            Self::Unknown(number) => write!(f, "policy {number}"),
        }
    }
}

/// Why the machine refused.
#[derive(Debug, thiserror::Error)]
pub enum RealtimeError {
    /// No such priority.
    #[error("real-time priority {priority}; it must be 1 to 99 (50 is usual)")]
    Priority {
        /// What was asked for.
        priority: u8,
    },
    /// No such processor, or not ours to use.
    #[error("cannot run on CPU {cpu}; this process may use {allowed}")]
    NoCpu {
        /// What was asked for.
        cpu: usize,
        /// Those available, such as `0-3,6`.
        allowed: String,
    },
    /// The privilege is missing.
    #[error("{what} needs {need}")]
    NoPrivilege {
        /// What was tried.
        what: &'static str,
        /// What would be right.
        need: &'static str,
    },
    /// Another refusal.
    #[error("{what}: {source}")]
    System {
        /// What was tried.
        what: &'static str,
        /// The kernel's error.
        #[source]
        source: io::Error,
    },
}

impl RealtimeError {
    fn of(errno: Errno, what: &'static str, need: &'static str) -> Self {
        match errno {
            Errno::EPERM | Errno::EACCES => Self::NoPrivilege { what, need },
            errno => Self::System { what, source: errno.into() },
        }
    }
}

/// Where this process could run before it was first pinned.
static BEFORE_PINNING: OnceLock<CpuSet> = OnceLock::new();

fn allowed_cpus() -> Vec<usize> {
    let Ok(set) = sched_getaffinity(Pid::from_raw(0)) else { return Vec::new() };
    (0..CpuSet::count()).filter(|cpu| set.is_set(*cpu).unwrap_or(false)).collect()
}

fn locked_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmLck:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

/// Ascending numbers as people write them: `0-3,6`.
fn ranges(numbers: &[usize]) -> String {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for number in numbers {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == *number => *last = *number,
            _ => runs.push((*number, *number)),
        }
    }
    let texts: Vec<_> = runs
        .into_iter()
        .map(|(first, last)| if first == last { first.to_string() } else { format!("{first}-{last}") })
        .collect();
    texts.join(",")
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    /// Scheduling belongs to a thread, so each test brings its own.
    fn on_a_thread<T: Send + 'static>(test: impl FnOnce() -> T + Send + 'static) -> T {
        thread::spawn(test).join().unwrap()
    }

    #[test]
    fn a_thread_is_pinned_where_it_asked() {
        let (cpu, after) = on_a_thread(|| {
            let cpu = *effective().unwrap().cpus.last().unwrap();
            pin_to_cpu(cpu).unwrap();
            (cpu, effective().unwrap())
        });
        assert_eq!(after.cpus, [cpu]);
        assert!(after.to_string().contains(&format!("CPU {cpu}")), "{after}");
    }

    #[test]
    fn a_processor_that_is_not_there_is_answered_with_those_that_are() {
        for cpu in [1000, 100_000] {
            let error = on_a_thread(move || pin_to_cpu(cpu)).unwrap_err();
            assert!(matches!(error, RealtimeError::NoCpu { .. }), "{error}");
            assert!(error.to_string().contains(&format!("CPU {cpu}; this process may use")));
        }
    }

    #[test]
    fn fifo_is_in_force_or_refused_in_words() {
        on_a_thread(|| match set_fifo(10) {
            Ok(()) => {
                let effective = effective().unwrap();
                assert_eq!((effective.policy, effective.priority), (Policy::Fifo, 10));
                assert!(effective.to_string().starts_with("SCHED_FIFO 10, CPU "));
            }
            Err(error) => assert!(error.to_string().contains("CAP_SYS_NICE"), "{error}"),
        });
    }

    #[test]
    fn an_idle_thread_is_idle_whatever_it_inherited() {
        on_a_thread(|| {
            let (cpus, _refused) = (effective().unwrap().cpus, set_fifo(10));
            pin_to_cpu(cpus[0]).unwrap();
            let idle = on_a_thread(|| {
                make_idle();
                effective().unwrap()
            });
            assert_eq!((idle.policy, idle.priority, idle.cpus.len()), (Policy::Idle, 0, cpus.len()));
            assert!(!idle.policy.is_real_time() && Policy::Fifo.is_real_time());
            assert!(idle.to_string().starts_with("SCHED_IDLE 0, CPU "));
        });
    }

    #[test]
    fn priorities_outside_their_range_are_refused() {
        for priority in [0, 100, 255] {
            let error = set_fifo(priority).unwrap_err();
            assert!(matches!(error, RealtimeError::Priority { .. }), "{error}");
        }
    }

    #[test]
    fn memory_is_locked_or_refused_in_words() {
        match lock_memory() {
            Ok(()) => {
                assert!(effective().unwrap().locked_bytes.is_none_or(|bytes| bytes > 0));
                // The other tests of this process start threads; their stacks need not be locked.
                nix::sys::mman::munlockall().unwrap();
            }
            Err(error) => assert!(error.to_string().contains("CAP_IPC_LOCK"), "{error}"),
        }
    }

    #[test]
    fn numbers_are_written_as_ranges() {
        assert_eq!(ranges(&[0, 1, 2, 3, 6, 8, 9]), "0-3,6,8-9");
        assert_eq!(ranges(&[]), "");
    }
}
