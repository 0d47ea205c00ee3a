//! Lines for people, which a station prints without waiting for whoever reads them.
//!
//! A thread writes them ([`radio_adapters::writer`]); the queue before it is bounded. What cannot be written is counted, said once
//! on the other stream, and tried again with the next lines.

use std::fmt;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use radio_adapters::blocks::{Blocks, Medium};
use radio_adapters::queue::{Queue, Records, queue};
use radio_adapters::writer::{Work, Writer};

/// A stream of lines. Writing to it never fails and never waits.
#[derive(Debug)]
pub struct Console {
    queue: Queue,
    line: Vec<u8>,
    state: Arc<ConsoleState>,
    writer: Writer<Lines>,
}

/// What became of the lines of a console.
#[derive(Debug, Default)]
pub struct ConsoleState {
    /// Lines that had no room in the queue, because nobody read those before.
    unread: AtomicU64,
    /// Lines that were refused by what the stream leads to.
    refused: AtomicU64,
    failing: AtomicBool,
    error: Mutex<Option<io::Error>>,
}

impl ConsoleState {
    /// Lines lost so far: not read in time, and refused with an error.
    pub fn lost(&self) -> [u64; 2] {
        [self.unread.load(Relaxed), self.refused.load(Relaxed)]
    }

    /// Counts a line that was not even queued.
    pub fn lose(&self) {
        self.unread.fetch_add(1, Relaxed);
    }
}

/// Says that lines are lost, from the thread.
pub type Complain = fn(&str);

impl Console {
    /// Starts the thread; `name` is what the stream is called. Start it before the program asks for real-time scheduling.
    ///
    /// # Errors
    /// The stream cannot be doubled, or there is no thread.
    pub fn start(name: &'static str, stream: impl AsFd, complain: Complain) -> io::Result<Self> {
        Self::on(name, Stream::new(File::from(stream.as_fd().try_clone_to_owned()?)), complain)
    }

    fn on(name: &'static str, stream: Stream<File>, complain: Complain) -> io::Result<Self> {
        let (queue, records) = queue(QUEUE_BYTES);
        let state = Arc::new(ConsoleState::default());
        let lines = Lines {
            name,
            records,
            blocks: Blocks::new(stream),
            state: Arc::clone(&state),
            complain,
            troubled: None,
        };
        Ok(Self {
            queue,
            line: Vec::with_capacity(LONGEST_LINE),
            state,
            writer: Writer::start("console", lines)?,
        })
    }

    /// What became of the lines.
    pub fn state(&self) -> Arc<ConsoleState> {
        Arc::clone(&self.state)
    }

    /// Waits until everything is written, for `within` at most.
    ///
    /// # Errors
    /// The last lines could not be written, or nobody read them in time.
    pub fn finish(mut self, within: Duration) -> io::Result<()> {
        self.push_line();
        let ended = self.writer.wait(Instant::now() + within).is_some();
        if !ended {
            return Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "nobody reads it, so the last lines are lost",
            ));
        }
        let failing = self.state.failing.load(Relaxed);
        let error = self.state.error.lock().ok().and_then(|mut error| error.take());
        error.filter(|_| failing).map_or(Ok(()), Err)
    }

    fn push_line(&mut self) {
        if !self.line.is_empty() && !self.queue.push(&[&self.line]) {
            self.state.lose();
        }
        self.line.clear();
    }
}

impl Write for Console {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            for piece in part.chunks(LONGEST_LINE) {
                if self.line.len() + piece.len() > LONGEST_LINE {
                    self.push_line();
                }
                self.line.extend_from_slice(piece);
            }
            if part.ends_with(b"\n") {
                self.push_line();
            }
        }
        Ok(bytes.len())
    }

    /// Does nothing: whole lines are on their way.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The thread's side.
struct Lines {
    name: &'static str,
    records: Records,
    blocks: Blocks<Stream<File>>,
    state: Arc<ConsoleState>,
    complain: Complain,
    /// The last error, until lines were written for a while.
    troubled: Option<Instant>,
}

impl Work for Lines {
    fn round(&mut self) {
        let mut bytes = 0;
        while bytes < QUEUE_BYTES {
            let mut lines = 0;
            while lines < LINES_AT_ONCE
                && let Some(line) = self.records.take()
            {
                lines += 1;
                bytes += line.len();
                // The buffer has room for so many; errors come with the flush.
                drop(self.blocks.push(line));
            }
            if lines == 0 {
                return;
            }
            self.flush();
        }
    }
}

impl Lines {
    fn flush(&mut self) {
        let Err(unwritten) = self.blocks.flush() else {
            self.state.failing.store(false, Relaxed);
            if self.troubled.is_some_and(|since| since.elapsed() >= RECOVERED) {
                self.troubled = None;
                let lost = self.state.refused.load(Relaxed);
                (self.complain)(&format!("{}: takes lines again; {lost} are lost", self.name));
            }
            return;
        };
        self.state.refused.fetch_add(unwritten.blocks, Relaxed);
        self.state.failing.store(true, Relaxed);
        if self.troubled.replace(Instant::now()).is_none() {
            (self.complain)(&format!("{}: {unwritten}; going on without it", self.name));
        }
        if let Ok(mut error) = self.state.error.lock() {
            *error = Some(unwritten.source);
        }
    }
}

impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lines").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A pipe, a terminal or a file that is only ever added to.
struct Stream<W> {
    out: W,
    /// The last write ended within a line, of which the rest is lost.
    broken: bool,
    within_line: bool,
}

impl<W: Write> Stream<W> {
    fn new(out: W) -> Self {
        Self { out, broken: false, within_line: false }
    }
}

impl<W: Write> Write for Stream<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.broken {
            self.out.write_all(b"\n")?;
            self.broken = false;
        }
        loop {
            match self.out.write(bytes) {
                // Another program made the stream non-blocking: its reader is behind.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::park_timeout(AGAIN),
                result => {
                    if let Some(last) = result.as_ref().ok().and_then(|taken| bytes[..*taken].last()) {
                        self.within_line = *last != b'\n';
                    }
                    return result;
                }
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl<W: Write + Send> Medium for Stream<W> {
    /// What was written of a line stays; the next one starts on its own.
    fn cut(&mut self, _length: u64) -> io::Result<()> {
        self.broken = self.within_line;
        Ok(())
    }
}

/// Lines that wait for a reader: a report has a hundred, a busy minute some hundreds.
const QUEUE_BYTES: usize = 256 * 1024;
/// A longer one is written in pieces.
const LONGEST_LINE: usize = 4096;
/// Lines written in one go: the longest ones fill the thread's buffer.
const LINES_AT_ONCE: usize = 60;
/// How long nothing must fail before it is said that lines are taken again.
const RECOVERED: Duration = Duration::from_secs(5);
/// Between two attempts at a stream whose reader is behind.
const AGAIN: Duration = Duration::from_millis(20);

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;
    use std::io::Read as _;
    use std::os::fd::OwnedFd;

    use super::*;

    fn quiet(_: &str) {}

    fn patient() -> Duration {
        Duration::from_secs(60)
    }

    #[test]
    fn lines_come_out_in_order_and_whole() {
        let (mut reader, writer) = io::pipe().unwrap();
        let mut console = Console::start("out", writer, quiet).unwrap();
        for number in 0..500 {
            writeln!(console, "line {number}").unwrap();
        }
        write!(console, "{}", "x".repeat(3 * LONGEST_LINE)).unwrap();
        console.finish(patient()).unwrap();
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        let lines: Vec<_> = (0..500).map(|number| format!("line {number}\n")).collect();
        assert_eq!(text, lines.concat() + &"x".repeat(3 * LONGEST_LINE));
    }

    #[test]
    fn a_full_disk_is_said_at_the_end_and_fails_nothing_before() {
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut console = Console::start("out", full, quiet).unwrap();
        writeln!(console, "lost").unwrap();
        let state = console.state();
        assert_eq!(console.finish(patient()).unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!(state.lost(), [0, 1]);
    }

    #[test]
    fn a_reader_that_has_gone_is_a_closed_pipe() {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let mut console = Console::start("out", writer, quiet).unwrap();
        writeln!(console, "lost").unwrap();
        assert_eq!(console.finish(patient()).unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }

    #[test]
    fn a_pipe_that_nobody_reads_costs_lines_and_not_time() {
        let (reader, writer) = io::pipe().unwrap();
        let mut console = Console::start("out", writer, quiet).unwrap();
        for _ in 0..10_000 {
            writeln!(console, "{}", "x".repeat(100)).unwrap();
        }
        let state = console.state();
        assert_eq!(console.finish(Duration::ZERO).unwrap_err().kind(), io::ErrorKind::TimedOut);
        let [unread, refused] = state.lost();
        assert!(unread > 1000, "{unread}");
        assert_eq!(refused, 0);
        drop(reader);
    }

    #[test]
    fn a_stream_that_another_program_made_non_blocking_loses_nothing() {
        let (mut reader, writer) = io::pipe().unwrap();
        let writer = OwnedFd::from(writer);
        nix::fcntl::fcntl(&writer, nix::fcntl::FcntlArg::F_SETFL(nix::fcntl::OFlag::O_NONBLOCK)).unwrap();
        let mut console = Console::start("out", writer, quiet).unwrap();
        for _ in 0..2000 {
            writeln!(console, "{}", "x".repeat(99)).unwrap();
        }
        let state = console.state();
        let reading = thread::spawn(move || {
            let mut text = Vec::new();
            reader.read_to_end(&mut text).map(|_| text.len())
        });
        console.finish(patient()).unwrap();
        assert_eq!((reading.join().unwrap().unwrap(), state.lost()), (200_000, [0, 0]));
    }

    #[test]
    fn a_line_that_broke_off_does_not_run_into_the_next() {
        struct Disk(Vec<u8>, usize);
        impl Write for Disk {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                let taken = bytes.len().min(self.1);
                self.1 -= taken;
                self.0.extend_from_slice(&bytes[..taken]);
                if taken == 0 { Err(io::ErrorKind::StorageFull.into()) } else { Ok(taken) }
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut stream = Stream::new(Disk(Vec::new(), 3));
        stream.write_all(b"first\n").unwrap_err();
        stream.cut(0).unwrap();
        stream.out.1 = 100;
        stream.write_all(b"second\n").unwrap();
        assert_eq!(stream.out.0, b"fir\nsecond\n");
    }
}
