//! The process that serves HTTP beside a station: started, started again when it dies, and ended with the station.
//!
//! A thread of its own looks after it, which the station never waits for. The process has no capabilities and cannot get any, reads
//! what strangers send, and knows the station by its control socket alone.

use core::time::Duration;
use std::collections::VecDeque;
use std::io::{self, Read as _};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use nix::sys::prctl;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use radio_adapters::privilege::{self, CapabilitySet};

use crate::config::{ListenAddress, WebConfig};
use crate::daemon::listening::Listening;
use crate::error::Error;

/// The process, and what looks after it. Ends with this.
#[derive(Debug)]
pub struct WebProcess {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    address: ListenAddress,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    ending: bool,
    ended: bool,
    /// Our end of the pair that the process has as standard output, and its number.
    running: Option<(UnixStream, Pid)>,
}

impl WebProcess {
    /// Listens, and starts the process. It asks the station at the first of `sockets` that answers. To be called before real-time
    /// scheduling is asked for, which the process would have too.
    ///
    /// # Errors
    /// The address cannot be had, or there is no thread or process.
    pub fn start(web: &WebConfig, sockets: &[PathBuf]) -> Result<Self, Error> {
        let failed = |source| Error::System { what: "starting the process that serves HTTP", source };
        let listening = Listening::open(&web.listen)?;
        let address = listening.address().map_err(failed)?;
        let (words, shared) = (words_of(web, sockets), Arc::new(Shared::default()));
        let keeper = Keeper { listening, words, shared: Arc::clone(&shared) };
        let (tell, told) = std::sync::mpsc::sync_channel(1);
        let thread = thread::Builder::new().name("web".to_owned()).spawn(move || {
            // Of this thread, and so of the process; the station keeps its own.
            let given_up = privilege::give_up(CapabilitySet(u64::MAX));
            let begun = given_up.and_then(|_| Ok(prctl::set_no_new_privs()?)).and_then(|()| keeper.spawn());
            match begun {
                Ok(child) => {
                    drop(tell.send(Ok(())));
                    keeper.keep(child);
                }
                Err(error) => drop(tell.send(Err(error))),
            }
        });
        let this = Self { shared, thread: Some(thread.map_err(failed)?), address };
        told.recv().unwrap_or_else(|_| Err(io::ErrorKind::BrokenPipe.into())).map_err(failed)?;
        Ok(this)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> &ListenAddress {
        &self.address
    }
}

impl Drop for WebProcess {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.ending = true;
        if let Some((end, _)) = &state.running {
            // The process sees its end by this.
            drop(end.shutdown(Shutdown::Both));
        }
        self.shared.changed.notify_all();
        for wait in [END_PATIENCE, KILL_PATIENCE] {
            let ended = self.shared.changed.wait_timeout_while(state, wait, |state| !state.ended);
            state = ended.unwrap_or_else(PoisonError::into_inner).0;
            if !state.ended
                && let Some((_, number)) = &state.running
            {
                // It hangs, or has just ended.
                let _killed = kill(*number, Signal::SIGKILL);
            }
        }
        let ended = state.ended;
        drop(state);
        if ended && let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What looks after the process.
struct Keeper {
    listening: Listening,
    words: Vec<String>,
    shared: Arc<Shared>,
}

/// Tells that nobody looks after the process any longer, however that came.
struct Ended<'s>(&'s Shared);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.lock().ended = true;
        self.0.changed.notify_all();
    }
}

impl Keeper {
    fn spawn(&self) -> io::Result<Child> {
        let (ours, theirs) = UnixStream::pair()?;
        let socket = self.listening.for_a_process()?;
        // The program itself, also when its file was replaced meanwhile.
        let mut command = Command::new("/proc/self/exe");
        command.arg0("roadcast").args(&self.words);
        command.stdin(Stdio::from(socket)).stdout(Stdio::from(OwnedFd::from(theirs)));
        // What ends the station by a terminal's signal must not end it before.
        command.process_group(0);
        let child = command.spawn()?;
        let mut state = self.shared.lock();
        if state.ending {
            drop(ours.shutdown(Shutdown::Both));
        }
        state.running = Some((ours, Pid::from_raw(child.id().cast_signed())));
        drop(state);
        Ok(child)
    }

    fn keep(self, mut child: Child) {
        let _ended = Ended(&self.shared);
        let mut starts = Starts::default();
        loop {
            let status = self.wait(&mut child);
            if self.shared.lock().ending {
                return;
            }
            let mut pause = starts.pause(Instant::now());
            let when = match pause.as_secs() {
                0 => "is started again".to_owned(),
                secs => format!("has ended too often, and is started again in {secs} s"),
            };
            tracing::warn!(
                "web: the process that serves HTTP ended ({status}) and {when}; the station goes on"
            );
            child = loop {
                let wait =
                    self.shared.changed.wait_timeout_while(self.shared.lock(), pause, |state| !state.ending);
                if wait.unwrap_or_else(PoisonError::into_inner).0.ending {
                    return;
                }
                match self.spawn() {
                    Ok(child) => break child,
                    Err(error) => {
                        pause = MINUTE;
                        let secs = pause.as_secs();
                        tracing::warn!("web: no process to serve HTTP: {error}; trying again in {secs} s");
                    }
                }
            };
        }
    }

    /// Waits for its end, without a lock, and takes it off the system's list.
    fn wait(&self, child: &mut Child) -> String {
        let end = self.shared.lock().running.as_ref().map(|(end, _)| end.try_clone());
        if let Some(Ok(mut end)) = end {
            // It writes nothing: there is but its end.
            while end.read(&mut [0; 64]).is_ok_and(|length| length > 0) {}
        }
        let status = child.wait();
        self.shared.lock().running = None;
        status.map_or_else(|error| error.to_string(), |status: ExitStatus| status.to_string())
    }
}

/// When the process was started again.
#[derive(Debug, Default)]
struct Starts {
    times: VecDeque<Instant>,
}

impl Starts {
    /// Counts a start, and says how long it has to wait so that there are no more than [`MOST_STARTS`] a minute.
    fn pause(&mut self, now: Instant) -> Duration {
        let mut at = now;
        if self.times.len() >= MOST_STARTS {
            at = at.max(self.times.pop_front().map_or(now, |first| first + MINUTE));
        }
        self.times.push_back(at);
        at - now
    }
}

/// The process's command line.
fn words_of(web: &WebConfig, sockets: &[PathBuf]) -> Vec<String> {
    let mut words = vec!["web".to_owned(), "--inherited".to_owned()];
    let mut option = |name: &str, value: String| words.push(format!("--{name}={value}"));
    option("listen", web.listen.to_string());
    for socket in sockets {
        option("socket", socket.display().to_string());
    }
    for token in &web.tokens {
        option("token-file", format!("{}={}", token.right, token.file.display()));
    }
    for name in &web.names {
        option("name", name.clone());
    }
    if web.metrics_only {
        words.push("--metrics-only".to_owned());
    }
    words
}

const MOST_STARTS: usize = 5;
const MINUTE: Duration = Duration::from_secs(60);
/// How long the station's end waits for the process's, and then for the kernel's.
const END_PATIENCE: Duration = Duration::from_secs(2);
const KILL_PATIENCE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_is_started_again_at_once_and_no_more_than_five_times_a_minute() {
        let (mut starts, begun) = (Starts::default(), Instant::now());
        let second = Duration::from_secs(1);
        for number in 0..5 {
            assert_eq!(starts.pause(begun + second * number), Duration::ZERO);
        }
        assert_eq!(starts.pause(begun + second * 5), second * 55, "the first was a minute before");
        assert_eq!(starts.pause(begun + second * 60), second);
        assert_eq!(starts.pause(begun + second * 1000), Duration::ZERO);
    }
}
