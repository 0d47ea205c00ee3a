//! Ctrl-C and SIGTERM during a computation, which polls for them.

use std::io;
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::Builder;

use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::error::Error;

/// Whether the user asked to stop.
#[derive(Clone, Debug)]
pub(super) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Listens from now on, for the life of the process. The first signal is a request; a second one ends the process.
    pub(super) fn listen() -> Result<Self, Error> {
        let failed = |source| Error::System { what: "listening for Ctrl-C", source };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().map_err(failed)?;
        let signals = {
            let _inside = runtime.enter();
            both().map_err(failed)?
        };
        let asked = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&asked);
        Builder::new()
            .name("interrupt".to_owned())
            .spawn(move || wait(&runtime, signals, &flag))
            .map_err(failed)?;
        Ok(Self(asked))
    }

    pub(super) fn asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

fn both() -> io::Result<(Signal, Signal)> {
    Ok((signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?))
}

fn wait(runtime: &Runtime, (mut interrupt, mut terminate): (Signal, Signal), asked: &AtomicBool) {
    runtime.block_on(async {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if asked.swap(true, Ordering::Relaxed) {
                process::exit(INTERRUPTED);
            }
        }
    });
}

/// What a shell calls a program that Ctrl-C ended: 128 + SIGINT.
const INTERRUPTED: i32 = 130;
