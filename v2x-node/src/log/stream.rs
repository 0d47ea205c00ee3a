//! Standard error, which nobody has to read for the station to go on: through a thread while a station runs.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, OnceLock, TryLockError};
use std::time::Duration;

use crate::console::{Console, ConsoleState};
use crate::error::without_numbers;

/// Sends everything that is logged from now on through a thread of its own.
///
/// # Errors
/// There is no thread.
pub fn start() -> io::Result<()> {
    let console = Console::start("standard error", io::stderr(), |_| ())?;
    // Started once, by the command line; a second start would be another program's, and changes nothing.
    drop(LOG.set((console.state(), Mutex::new(Some(console)))));
    Ok(())
}

/// What became of the log's lines; `None` when it is written directly.
pub fn state() -> Option<Arc<ConsoleState>> {
    LOG.get().map(|(state, _)| Arc::clone(state))
}

/// Waits until what was logged is written, a moment at most. Afterwards lines are lost.
pub fn finish() {
    let console = LOG.get().and_then(|(_, console)| console.lock().ok()?.take());
    if let Some(console) = console {
        // Nothing is left to do when even this fails.
        drop(console.finish(LAST_WAIT));
    }
}

/// Standard error: through the thread once that was started, directly before.
#[derive(Clone, Copy, Debug)]
pub struct Log;

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some((state, console)) = LOG.get() else { return io::stderr().write(bytes) };
        for _ in 0..ATTEMPTS {
            match console.try_lock() {
                Ok(mut console) => {
                    if let Some(console) = console.as_mut() {
                        return match str::from_utf8(bytes) {
                            Ok(text) if text.contains(" (os error ") => {
                                console.write_all(without_numbers(text).as_bytes()).map(|()| bytes.len())
                            }
                            _ => console.write(bytes),
                        };
                    }
                    break;
                }
                // Another thread copies a line, which takes less time than asking the kernel to wait.
                Err(TryLockError::WouldBlock) => core::hint::spin_loop(),
                Err(TryLockError::Poisoned(_)) => break,
            }
        }
        state.lose();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

static LOG: OnceLock<(Arc<ConsoleState>, Mutex<Option<Console>>)> = OnceLock::new();

/// Tens of microseconds: a thread that holds the lock for longer was stopped by the kernel, and a line is not worth the wait.
const ATTEMPTS: u32 = 1000;
/// How long the end waits for a reader.
const LAST_WAIT: Duration = Duration::from_millis(500);
