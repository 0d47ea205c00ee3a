//! The sockets of stations and bridges: a line of JSON asks, lines of JSON answer.

use std::io::{BufRead as _, BufReader, ErrorKind, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::nets::program::LOOK;

/// A connection.
#[derive(Debug)]
pub struct Socket {
    lines: BufReader<UnixStream>,
    half: String,
}

impl Socket {
    /// Connects as soon as somebody answers there.
    pub fn open(path: &Path) -> Self {
        let end = Instant::now() + PATIENCE;
        loop {
            match UnixStream::connect(path) {
                Ok(stream) => return Self { lines: BufReader::new(stream), half: String::new() },
                Err(error) => assert!(Instant::now() < end, "{}: {error}", path.display()),
            }
            thread::sleep(LOOK);
        }
    }

    /// Connects and begins a watch.
    pub fn watch(path: &Path, request: &Value) -> Self {
        let mut socket = Self::open(path);
        socket.ask(request);
        socket
    }

    /// Asks, and returns the answer, which must not be a refusal.
    pub fn ask(&mut self, request: &Value) -> Value {
        let answer = self.ask_anything(request);
        assert_eq!(answer["ok"], true, "{request}: {answer}");
        answer
    }

    /// Asks, and returns whatever is answered.
    pub fn ask_anything(&mut self, request: &Value) -> Value {
        writeln!(self.lines.get_mut(), "{request}").unwrap_or_else(|error| panic!("{request}: {error}"));
        let answer = |line: &Value| line.get("ok").is_some().then(|| line.clone());
        self.next(PATIENCE, answer).unwrap_or_else(|| panic!("{request}: no answer"))
    }

    /// The first line that `wanted` takes, if it comes within this time; lines before it are passed over.
    pub fn next<T>(&mut self, within: Duration, mut wanted: impl FnMut(&Value) -> Option<T>) -> Option<T> {
        let end = Instant::now() + within;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            self.lines.get_ref().set_read_timeout(Some(left)).expect("a time that is not zero");
            match self.lines.read_line(&mut self.half) {
                Ok(0) => panic!("the connection was ended"),
                Ok(_) if self.half.ends_with('\n') => {
                    let line = std::mem::take(&mut self.half);
                    let line: Value =
                        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line}: {error}"));
                    if let Some(found) = wanted(&line) {
                        return Some(found);
                    }
                }
                Ok(_) => panic!("the connection was ended in the middle of a line"),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    return None;
                }
                Err(error) => panic!("the connection broke: {error}"),
            }
        }
    }
}

/// Asks a bridge or a station one thing on a connection of its own.
pub fn ask(path: &Path, request: &Value) -> Value {
    Socket::open(path).ask(request)
}

/// No program takes this long to answer, however busy the machine is.
pub const PATIENCE: Duration = Duration::from_secs(30);
