//! Two network namespaces joined by a veth pair, and processes inside them: all gone when the lab is.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{self, ChildStdout, Command, Stdio};
use std::thread;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tokio::signal::unix::{SignalKind, signal};

/// Interface of either end, in its namespace.
pub const INTERFACE: &str = "rc0";
/// Environment variable by which this program, run again, learns which part it plays.
pub const ROLE: &str = "ROADCAST_LOOPBACK_ROLE";

/// The two namespaces and a directory for keys and configurations.
#[derive(Debug)]
pub struct Lab {
    namespaces: [String; 2],
    directory: PathBuf,
}

impl Lab {
    /// Makes everything; what an earlier run that was killed left behind is removed first. The error names what
    /// the machine refused.
    pub fn new() -> Result<Self, String> {
        sweep();
        remove_when_interrupted()?;
        let pid = process::id();
        let namespaces = names(pid);
        let directory = std::env::temp_dir().join(format!("roadcast-loopback-{pid}"));
        let lab = Self { namespaces, directory };
        lab.set_up()?;
        Ok(lab)
    }

    fn set_up(&self) -> Result<(), String> {
        let [a, b] = &self.namespaces;
        ip(&format!("netns add {a}"))?;
        ip(&format!("netns add {b}"))?;
        ip(&format!("-n {a} link add {INTERFACE} type veth peer name {INTERFACE} netns {b}"))?;
        for namespace in &self.namespaces {
            // No IPv6 chatter on the link.
            ip(&format!("-n {namespace} link set {INTERFACE} addrgenmode none"))?;
            ip(&format!("-n {namespace} link set {INTERFACE} up"))?;
            ip(&format!("-n {namespace} link set lo up"))?;
        }
        fs::create_dir_all(&self.directory).map_err(|error| format!("{}: {error}", self.directory.display()))
    }

    /// Directory for keys and configurations.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Runs this program again as `role` with `arguments` at one end of the link, 0 or 1.
    pub fn spawn(&self, end: usize, role: &str, arguments: &[String]) -> Result<Child, String> {
        let failed = |error| format!("cannot run this program again as {role}: {error}");
        let program = std::env::current_exe().map_err(failed)?;
        let mut child = Command::new("ip")
            .args(["netns", "exec", &self.namespaces[end]])
            .arg(program)
            .args(arguments)
            .env(ROLE, role)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let output = child.stdout.take().map(BufReader::new).ok_or("invariant: the output is piped")?;
        Ok(Child { role: role.to_owned(), child, output })
    }
}

impl Lab {
    /// Runs another program at one end of the link; its output goes to `NAME.log` of the directory.
    pub fn program(
        &self,
        end: usize,
        name: &str,
        program: &Path,
        arguments: &[&str],
    ) -> Result<Program, String> {
        let failed = |error| format!("{}: {error}", program.display());
        let log = fs::File::create(self.directory.join(format!("{name}.log"))).map_err(failed)?;
        let child = Command::new("ip")
            .args(["netns", "exec", &self.namespaces[end]])
            .arg(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(log.try_clone().map_err(failed)?)
            .stderr(log)
            .spawn()
            .map_err(failed)?;
        Ok(Program(child))
    }
}

/// Another program; killed when dropped.
#[derive(Debug)]
pub struct Program(process::Child);

impl Drop for Program {
    fn drop(&mut self) {
        let killed = self.0.kill();
        let waited = self.0.wait();
        drop((killed, waited));
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        remove(process::id());
    }
}

/// A part played by this program in a process of its own; killed when dropped before it ended.
#[derive(Debug)]
pub struct Child {
    role: String,
    child: process::Child,
    output: BufReader<ChildStdout>,
}

impl Child {
    /// Waits for its first line, which reports that it is ready.
    pub fn ready(&mut self) -> Result<(), String> {
        let mut line = String::new();
        let read = self.output.read_line(&mut line).map_err(|error| self.failed(error))?;
        if read == 0 { Err(self.failed("it ended before it was ready")) } else { Ok(()) }
    }

    /// Asks it to end (SIGTERM).
    pub fn terminate(&self) -> Result<(), String> {
        let pid = i32::try_from(self.child.id()).map_err(|error| self.failed(error))?;
        kill(Pid::from_raw(pid), Signal::SIGTERM).map_err(|error| self.failed(error))
    }

    /// Waits for its end, and returns the result it printed last.
    pub fn result(mut self) -> Result<Value, String> {
        let mut text = String::new();
        self.output.read_to_string(&mut text).map_err(|error| self.failed(error))?;
        let status = self.child.wait().map_err(|error| self.failed(error))?;
        let result = text.lines().rev().find_map(|line| line.strip_prefix(RESULT));
        match result {
            Some(result) if status.success() => serde_json::from_str(result).map_err(|e| self.failed(e)),
            _ => Err(self.failed(format!("ended without a result ({status}): {}", text.trim()))),
        }
    }

    /// Waits for its end, and only checks that it ends well.
    pub fn end(mut self) -> Result<(), String> {
        let mut text = String::new();
        self.output.read_to_string(&mut text).map_err(|error| self.failed(error))?;
        let status = self.child.wait().map_err(|error| self.failed(error))?;
        if status.success() { Ok(()) } else { Err(self.failed(format!("{status}: {}", text.trim()))) }
    }

    fn failed(&self, error: impl std::fmt::Display) -> String {
        format!("{}: {error}", self.role)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // It may have ended by itself: then there is nothing to kill, and that is no error.
        let killed = self.child.kill();
        let waited = self.child.wait();
        drop((killed, waited));
    }
}

/// In a child: prints what the parent gets from [`Child::result`].
pub fn print_result(value: &Value) {
    println!("{RESULT}{value}");
}

/// In a child: ends the process when the parent is gone, however it went.
pub fn end_with_parent() {
    thread::spawn(|| {
        let mut nothing = Vec::new();
        let parent_gone = std::io::stdin().read_to_end(&mut nothing);
        drop(parent_gone);
        process::exit(1);
    });
}

/// Reports progress.
pub fn say(line: &str) {
    println!("{line}");
    // A reader that left misses nothing but this.
    drop(std::io::stdout().flush());
}

fn remove_when_interrupted() -> Result<(), String> {
    let failed = |error| format!("listening for signals: {error}");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().map_err(failed)?;
    let guard = runtime.enter();
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    drop(guard);
    thread::spawn(move || {
        runtime.block_on(async {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        });
        remove(process::id());
        process::exit(130);
    });
    Ok(())
}

/// Removes what runs left behind whose process is gone.
fn sweep() {
    let Ok(entries) = fs::read_dir("/run/netns") else { return };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let pid = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next()?.parse().ok());
        if let Some(pid) = pid.filter(|pid: &u32| !Path::new(&format!("/proc/{pid}")).exists()) {
            remove(pid);
        }
    }
}

fn remove(pid: u32) {
    for namespace in names(pid) {
        // The link goes with either of its ends, and what is not there needs no removing.
        drop(ip(&format!("netns del {namespace}")));
    }
    drop(fs::remove_dir_all(std::env::temp_dir().join(format!("roadcast-loopback-{pid}"))));
}

fn names(pid: u32) -> [String; 2] {
    ["a", "b"].map(|end| format!("{PREFIX}{pid}-{end}"))
}

fn ip(words: &str) -> Result<(), String> {
    let output =
        Command::new("ip").args(words.split(' ')).output().map_err(|e| format!("cannot run ip: {e}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("ip {words}: {}", String::from_utf8_lossy(&output.stderr).trim()))
}

const PREFIX: &str = "roadcast-bench-";
const RESULT: &str = "RESULT ";
