//! Real network interfaces for tests: a veth pair in a network namespace of its own.
//!
//! The namespace is anonymous and belongs to the test's thread, so the kernel removes it, with all
//! that is in it, when the thread and its sockets are gone: also when a test panics or is killed.

use std::fs::File;
use std::future::poll_fn;
use std::os::fd::AsRawFd;
use std::pin::pin;
use std::process::Command;
use std::thread;

use nix::sched::{CloneFlags, setns, unshare};

use crate::clock::monotonic_ns;
use crate::timer::DeadlineTimer;

/// The two ends of the pair.
pub(crate) const ENDS: [&str; 2] = ["rc0", "rc1"];

/// Runs `test` on a thread inside a namespace with the pair up. Prints why and does nothing where
/// that is not allowed, the `ip` program is missing, or `ROADCAST_WITHOUT_NAMESPACES` says why not.
pub(crate) fn with_veth_pair(test: impl FnOnce() + Send + 'static) {
    let thread = thread::spawn(|| match enter() {
        Ok(()) => test(),
        Err(reason) => eprintln!("skipped: {reason}"),
    });
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

/// A network namespace, for tests that need one for each end.
pub(crate) struct Namespace(File);

impl Namespace {
    /// That of the calling thread.
    pub(crate) fn current() -> Self {
        Self(File::open("/proc/thread-self/ns/net").expect("proc(5) is there"))
    }

    /// A new one, with `interface` moved there. The calling thread stays where it is.
    pub(crate) fn with(interface: &str) -> Self {
        let here = Self::current();
        unshare(CloneFlags::CLONE_NEWNET).expect("one was made before");
        let new = Self::current();
        new.take_from(&here, interface);
        new
    }

    /// The calling thread, its sockets to come and its children are there from now on.
    pub(crate) fn enter(&self) {
        setns(&self.0, CloneFlags::CLONE_NEWNET).expect("it was entered before");
    }

    /// Moves `interface` there from `other`, where the calling thread is then.
    pub(crate) fn take_from(&self, other: &Self, interface: &str) {
        other.enter();
        let path = format!("/proc/{}/fd/{}", std::process::id(), self.0.as_raw_fd());
        ip(&format!("link set {interface} netns {path}")).unwrap();
    }
}

/// Runs `ip` with these words in the calling thread's namespace.
pub(crate) fn ip(words: &str) -> Result<(), String> {
    let output =
        Command::new("ip").args(words.split(' ')).output().map_err(|e| format!("cannot run ip: {e}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("ip {words}: {}", String::from_utf8_lossy(&output.stderr).trim()))
}

/// Drives `future` on a runtime of the calling thread. Panics after half a minute: a bound for a
/// broken build, so that a frame that never comes is a failure and not a hang.
pub(crate) fn run<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    runtime.block_on(async {
        let mut limit = DeadlineTimer::new().unwrap();
        limit.set(Some(monotonic_ns() + 30_000_000_000)).unwrap();
        let mut future = pin!(future);
        poll_fn(|cx| {
            assert!(limit.poll_expired(cx).is_pending(), "nothing came for half a minute");
            future.as_mut().poll(cx)
        })
        .await
    })
}

fn enter() -> Result<(), String> {
    if let Some(reason) = std::env::var_os("ROADCAST_WITHOUT_NAMESPACES") {
        return Err(reason.to_string_lossy().into_owned());
    }
    unshare(CloneFlags::CLONE_NEWNET).map_err(|e| format!("a network namespace needs root: {e}"))?;
    ip("link add rc0 type veth peer name rc1")?;
    for end in ENDS {
        ip(&format!("link set {end} addrgenmode none"))?;
        ip(&format!("link set {end} up"))?;
    }
    Ok(())
}
