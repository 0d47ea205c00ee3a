//! Real network interfaces for tests: a veth pair in a network namespace of its own.
//!
//! The namespace is anonymous and belongs to the test's thread, so the kernel removes it, with all
//! that is in it, when the thread and its sockets are gone: also when a test panics or is killed.

use std::future::poll_fn;
use std::pin::pin;
use std::process::Command;
use std::thread;

use nix::sched::{CloneFlags, unshare};

use crate::clock::monotonic_ns;
use crate::timer::DeadlineTimer;

/// The two ends of the pair.
pub(crate) const ENDS: [&str; 2] = ["rc0", "rc1"];

/// Runs `test` on a thread inside a namespace with the pair up. Prints why and does nothing where
/// that is not allowed or the `ip` program is missing.
pub(crate) fn with_veth_pair(test: impl FnOnce() + Send + 'static) {
    let thread = thread::spawn(|| match enter() {
        Ok(()) => test(),
        Err(reason) => eprintln!("skipped: {reason}"),
    });
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
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
    unshare(CloneFlags::CLONE_NEWNET).map_err(|e| format!("a network namespace needs root: {e}"))?;
    ip("link add rc0 type veth peer name rc1")?;
    for end in ENDS {
        ip(&format!("link set {end} addrgenmode none"))?;
        ip(&format!("link set {end} up"))?;
    }
    Ok(())
}
