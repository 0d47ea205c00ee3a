//! Capabilities of the calling thread (capabilities(7)): which it has, where they came from, and giving them up.
//!
//! They belong to a thread and are inherited by those it starts, so giving them up is for the start of a program.
#![allow(unsafe_code, reason = "capget, capset and the ambient set have no safe wrapper in nix")]

use std::io;

use nix::errno::Errno;
use nix::unistd::geteuid;

/// Capabilities, a bit for each by its number in `linux/capability.h`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CapabilitySet(pub u64);

impl CapabilitySet {
    /// None.
    pub const NONE: Self = Self(0);
    /// `CAP_NET_ADMIN`: changes of interfaces.
    pub const NET_ADMIN: Self = Self(1 << 12);
    /// `CAP_NET_RAW`: packet sockets.
    pub const NET_RAW: Self = Self(1 << 13);

    /// Those in both.
    #[must_use]
    pub const fn both(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Those that `other` does not have.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// The capabilities of the calling thread that came with the program's file (`setcap`), and that whoever started it did not
/// have: any user who may run the file gets them. None for root, and none for a service whose manager granted them
/// (`AmbientCapabilities=`) or for a user who holds them by login (pam_cap(8), inheritable).
///
/// # Errors
/// The kernel's own.
pub fn of_the_file() -> io::Result<CapabilitySet> {
    if geteuid().is_root() {
        return Ok(CapabilitySet::NONE);
    }
    let Sets { permitted, inheritable, .. } = Sets::read()?;
    Ok(permitted.without(inheritable).without(ambient(permitted)))
}

/// Gives up, for good, what the program's file brought, but for `kept`. Returns whether anything was.
///
/// # Errors
/// The kernel's own; nothing is given up then.
pub fn keep_of_the_file(kept: CapabilitySet) -> io::Result<bool> {
    let excess = of_the_file()?.without(kept);
    if excess.is_empty() {
        return Ok(false);
    }
    let Sets { effective, permitted, inheritable } = Sets::read()?;
    let permitted = permitted.without(excess);
    Sets { effective: effective.both(permitted), permitted, inheritable }.write()?;
    Ok(true)
}

/// The capabilities that the kernel asks the calling thread for.
///
/// # Errors
/// The kernel's own.
pub fn effective() -> io::Result<CapabilitySet> {
    Ok(Sets::read()?.effective)
}

/// Gives up `excess` for good, wherever it came from: the calling thread, those it starts and the programs they execute no
/// longer have it (but programs that root executes: the kernel gives them all). Returns whether there was any.
///
/// # Errors
/// The kernel's own, as under a filter that forbids `capset`; nothing is given up then.
pub fn give_up(excess: CapabilitySet) -> io::Result<bool> {
    let Sets { effective, permitted, inheritable } = Sets::read()?;
    if permitted.both(excess).is_empty() && inheritable.both(excess).is_empty() {
        return Ok(false);
    }
    let without = |set: CapabilitySet| set.without(excess);
    Sets { effective: without(effective), permitted: without(permitted), inheritable: without(inheritable) }
        .write()?;
    Ok(true)
}

/// Three of the calling thread's sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sets {
    effective: CapabilitySet,
    permitted: CapabilitySet,
    inheritable: CapabilitySet,
}

impl Sets {
    fn read() -> io::Result<Self> {
        let (mut header, mut halves) = (Header::of_this_thread(), [Half::default(); 2]);
        // SAFETY: the header is live, and version 3 fills the two halves, which are live and exclusively borrowed.
        let result = unsafe { libc::syscall(libc::SYS_capget, &raw mut header, halves.as_mut_ptr()) };
        Errno::result(result)?;
        let whole =
            |of: fn(&Half) -> u32| CapabilitySet(u64::from(of(&halves[0])) | u64::from(of(&halves[1])) << 32);
        Ok(Self {
            effective: whole(|half| half.effective),
            permitted: whole(|half| half.permitted),
            inheritable: whole(|half| half.inheritable),
        })
    }

    fn write(self) -> io::Result<()> {
        let half = |shift: u32| Half {
            effective: (self.effective.0 >> shift) as u32,
            permitted: (self.permitted.0 >> shift) as u32,
            inheritable: (self.inheritable.0 >> shift) as u32,
        };
        let (mut header, halves) = (Header::of_this_thread(), [half(0), half(32)]);
        // SAFETY: the header is live, and version 3 reads two halves, which are live.
        let result = unsafe { libc::syscall(libc::SYS_capset, &raw mut header, halves.as_ptr()) };
        Errno::result(result)?;
        Ok(())
    }
}

/// Those of `among` that are in the ambient set. A kernel older than 4.3 has none.
fn ambient(among: CapabilitySet) -> CapabilitySet {
    let [asks, none] = [libc::PR_CAP_AMBIENT_IS_SET as libc::c_ulong, 0];
    let is_set = |number: u32| {
        // SAFETY: PR_CAP_AMBIENT_IS_SET takes numbers, no pointers.
        unsafe { libc::prctl(libc::PR_CAP_AMBIENT, asks, libc::c_ulong::from(number), none, none) == 1 }
    };
    let numbers = (0..u64::BITS).filter(|number| among.0 >> number & 1 == 1 && is_set(*number));
    CapabilitySet(numbers.fold(0, |all, number| all | 1 << number))
}

/// `__user_cap_header_struct`.
#[repr(C)]
struct Header {
    version: u32,
    pid: libc::c_int,
}

impl Header {
    fn of_this_thread() -> Self {
        Self { version: VERSION_3, pid: 0 }
    }
}

/// `__user_cap_data_struct`: 32 capabilities of each set.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
struct Half {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

/// `_LINUX_CAPABILITY_VERSION_3`.
const VERSION_3: u32 = 0x2008_0522;

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    const SYS_NICE: CapabilitySet = CapabilitySet(1 << 23);
    const BOTH: CapabilitySet = CapabilitySet(CapabilitySet::NET_RAW.0 | SYS_NICE.0);
    const NOBODY: libc::c_ulong = 65_534;

    /// Runs `test` on a thread that is no longer root's and holds `BOTH`, as from the program's file. Prints why and does
    /// nothing where that is not allowed.
    fn as_nobody(test: impl FnOnce() + Send + 'static) {
        let thread = thread::spawn(|| {
            // SAFETY: takes numbers, no pointers; the flag is the thread's.
            unsafe {
                libc::prctl(
                    libc::PR_SET_KEEPCAPS,
                    1 as libc::c_ulong,
                    0 as libc::c_ulong,
                    0 as libc::c_ulong,
                    0 as libc::c_ulong,
                )
            };
            // SAFETY: takes numbers, no pointers; the bare call changes this thread's user alone.
            let result = unsafe { libc::syscall(libc::SYS_setresuid, NOBODY, NOBODY, NOBODY) };
            let sets = Sets { effective: BOTH, permitted: BOTH, inheritable: CapabilitySet::NONE };
            match Errno::result(result).map_err(io::Error::from).and_then(|_| sets.write()) {
                Ok(()) => test(),
                Err(error) => eprintln!("skipped: changing the user needs root: {error}"),
            }
        });
        thread.join().unwrap();
    }

    #[test]
    fn rights_of_the_file_are_given_up_for_good_but_for_one() {
        as_nobody(|| {
            assert_eq!(of_the_file().unwrap(), BOTH);
            assert!(keep_of_the_file(CapabilitySet::NET_RAW).unwrap());
            assert_eq!(of_the_file().unwrap(), CapabilitySet::NET_RAW);
            let now = Sets::read().unwrap();
            assert_eq!((now.effective, now.permitted), (CapabilitySet::NET_RAW, CapabilitySet::NET_RAW));
            assert!(!keep_of_the_file(CapabilitySet::NET_RAW).unwrap());
            assert!(Sets { permitted: BOTH, ..now }.write().is_err(), "taken back");
            assert!(keep_of_the_file(CapabilitySet::NONE).unwrap());
            assert_eq!(Sets::read().unwrap().permitted, CapabilitySet::NONE);
        });
    }

    #[test]
    fn rights_of_whoever_started_the_program_are_not_the_file_s() {
        as_nobody(|| {
            Sets { effective: BOTH, permitted: BOTH, inheritable: SYS_NICE }.write().unwrap();
            assert_eq!(of_the_file().unwrap(), CapabilitySet::NET_RAW, "one is inherited");
            assert!(keep_of_the_file(CapabilitySet::NONE).unwrap());
            assert_eq!(Sets::read().unwrap().permitted, SYS_NICE);
        });
    }

    #[test]
    fn ambient_rights_are_told_apart_by_their_number() {
        as_nobody(|| {
            Sets { effective: BOTH, permitted: BOTH, inheritable: BOTH }.write().unwrap();
            let [raise, number, none] = [libc::PR_CAP_AMBIENT_RAISE as libc::c_ulong, 13, 0];
            // SAFETY: PR_CAP_AMBIENT_RAISE takes numbers, no pointers.
            let result = unsafe { libc::prctl(libc::PR_CAP_AMBIENT, raise, number, none, none) };
            Errno::result(result).unwrap();
            assert_eq!(ambient(BOTH), CapabilitySet::NET_RAW);
            assert_eq!(of_the_file().unwrap(), CapabilitySet::NONE);
        });
    }

    #[test]
    fn a_right_is_given_up_for_good_wherever_it_came_from() {
        as_nobody(|| {
            Sets { effective: BOTH, permitted: BOTH, inheritable: SYS_NICE }.write().unwrap();
            assert_eq!(effective().unwrap(), BOTH);
            assert!(give_up(SYS_NICE).unwrap());
            let now = Sets::read().unwrap();
            let left = CapabilitySet::NET_RAW;
            assert_eq!(now, Sets { effective: left, permitted: left, inheritable: CapabilitySet::NONE });
            assert!(!give_up(SYS_NICE).unwrap());
            assert!(Sets { permitted: BOTH, ..now }.write().is_err(), "taken back");
        });
    }

    #[test]
    fn root_s_rights_are_its_own() {
        if geteuid().is_root() {
            assert_eq!(of_the_file().unwrap(), CapabilitySet::NONE);
            assert!(!keep_of_the_file(CapabilitySet::NONE).unwrap());
        }
    }
}
