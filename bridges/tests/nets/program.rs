//! Programs that the lab starts, which end with it.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// A program that runs; ended when dropped.
#[derive(Debug)]
pub struct Program {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Program {
    /// Starts it in a namespace. It ends with this process, however that ends.
    pub fn start(namespace: &str, name: &str, program: &Path, arguments: &[&str], log: &Path) -> Self {
        let open = || File::options().create(true).append(true).open(log);
        let (output, errors) = (open().expect("a log can be written"), open().expect("a log can be written"));
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "ip", "netns", "exec", namespace])
            .arg(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .spawn()
            .unwrap_or_else(|error| panic!("{name}: cannot be started: {error}"));
        Self { name: name.to_owned(), child, log: log.to_owned() }
    }

    /// Everything that it has said, and said before when it was started anew.
    pub fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Waits until it has said this.
    pub fn until_said(&mut self, text: &str, within: Duration) {
        let end = Instant::now() + within;
        while !self.said().contains(text) {
            if let Ok(Some(status)) = self.child.try_wait() {
                panic!("{} ended ({status}) before it said {text:?}:\n{}", self.name, self.said());
            }
            assert!(
                Instant::now() < end,
                "{} has not said {text:?} within {within:?}:\n{}",
                self.name,
                self.said()
            );
            thread::sleep(LOOK);
        }
    }

    /// Ends it at once (SIGKILL), as a power cut does.
    pub fn kill(mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }

    /// Stops it where it stands (SIGSTOP), as one that hangs; or lets it go on.
    pub fn hang(&self, hang: bool) {
        self.signal(if hang { Signal::SIGSTOP } else { Signal::SIGCONT });
    }

    /// Asks it to end (SIGTERM), so that what it writes is whole.
    pub fn end(mut self) -> ExitStatus {
        self.signal(Signal::SIGTERM);
        let end = Instant::now() + TO_END;
        while Instant::now() < end {
            if let Ok(Some(status)) = self.child.try_wait() {
                return status;
            }
            thread::sleep(LOOK);
        }
        panic!("{} does not end when it is asked to:\n{}", self.name, self.said());
    }

    /// Its resident memory now, and at its most, kB.
    pub fn memory_kb(&self) -> (u64, u64) {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or_default()
        };
        (field("VmRSS:"), field("VmHWM:"))
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).expect("a process number fits");
        // One that has ended gets none.
        kill(Pid::from_raw(pid), signal).unwrap_or_default();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // One that has ended needs no end.
        drop(self.child.kill());
        drop(self.child.wait());
        if thread::panicking() {
            let said = self.said();
            let lines: Vec<&str> = said.lines().collect();
            let last = &lines[lines.len().saturating_sub(LAST_LINES)..];
            eprintln!("--- {}\n{}", self.name, last.join("\n"));
        }
    }
}

/// Runs a program to its end with `input`, and returns what it printed.
pub fn run(program: impl AsRef<Path>, arguments: &[&str], input: &str) -> String {
    let program = program.as_ref();
    let what = || format!("{} {}", program.display(), arguments.join(" "));
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}", what()));
    let mut to = child.stdin.take().expect("it is piped");
    // One that ends without reading tells why by its status.
    drop(to.write_all(input.as_bytes()));
    drop(to);
    let output = child.wait_with_output().unwrap_or_else(|error| panic!("{}: {error}", what()));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}: {}{}\n{input}", what(), text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

/// How often something is looked at that tells nobody when it changes.
pub const LOOK: Duration = Duration::from_millis(20);
/// A daemon ends within a second; a machine may be busy.
const TO_END: Duration = Duration::from_secs(20);
const LAST_LINES: usize = 12;
