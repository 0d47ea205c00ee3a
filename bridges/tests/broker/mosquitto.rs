//! A mosquitto of a test's own, on a free port of loopback.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::timeout;

/// A broker that runs; it ends, and its directory goes, when this is dropped.
pub struct Mosquitto {
    directory: PathBuf,
    port: u16,
    child: Option<Child>,
}

impl Mosquitto {
    /// Starts one with more lines of configuration, in which `{dir}` is its directory. Nothing where there is no mosquitto.
    pub fn start(lines: &str) -> Option<Self> {
        let plain = "listener {port} 127.0.0.1\nallow_anonymous true\n";
        Self::start_with(|_| format!("{plain}{lines}"))
    }

    /// Starts one; the configuration may name files that are put into the directory.
    pub fn start_with(configuration: impl FnOnce(&Path) -> String) -> Option<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let missing = program("mosquitto").is_none() || program("mosquitto_sub").is_none();
        if missing {
            assert!(std::env::var_os("ROADCAST_CI").is_none(), "mosquitto and mosquitto-clients are missing");
            eprintln!("skipped: needs mosquitto and mosquitto-clients");
            return None;
        }
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let directory = std::env::temp_dir().join(format!("roadcast-broker-{}-{number}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let port = free_port();
        let lines = configuration(&directory)
            .replace("{port}", &port.to_string())
            .replace("{dir}", directory.to_str().unwrap());
        // As root it would become a user that cannot read its files.
        let text =
            format!("per_listener_settings false\nuser root\nlog_dest stderr\nlog_type all\n{lines}\n");
        fs::write(directory.join("mosquitto.conf"), text).unwrap();
        let mut broker = Self { directory, port, child: None };
        broker.begin();
        Some(broker)
    }

    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Its process, while it runs.
    pub fn process(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Starts it again, on the same port and with the same files.
    pub fn begin(&mut self) {
        assert!(self.child.is_none(), "it runs");
        let mut child = Command::new(program("mosquitto").unwrap())
            .arg("-c")
            .arg(self.directory.join("mosquitto.conf"))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        self.child = Some(child);
        let (running, runs) = mpsc::channel();
        // It reads on, or the broker would wait for a reader of its log.
        thread::spawn(move || {
            for line in log.lines().map_while(Result::ok) {
                if line.ends_with(" running") {
                    running.send(()).ok();
                }
            }
        });
        runs.recv_timeout(PATIENCE).expect("mosquitto says that it is running");
    }

    /// Ends it at once, without a chance to save anything.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Another client, which prints each message as `topic retained expiry payload-in-hex`, with more arguments of `mosquitto_sub`.
    pub fn subscriber(&self, arguments: &[&str]) -> Lines {
        let mut child = Command::new(program("mosquitto_sub").unwrap())
            .args(["-V", "5", "-h", "127.0.0.1", "-p", &self.port.to_string(), "-F", "%t %r %E %x"])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let (to, lines) = unbounded_channel();
        thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| to.send(line)));
        Lines { child, lines }
    }

    /// Another client that publishes, with arguments of `mosquitto_pub`.
    pub fn publish(&self, arguments: &[&str]) {
        let status = Command::new(program("mosquitto_pub").unwrap())
            .args(["-V", "5", "-h", "127.0.0.1", "-p", &self.port.to_string(), "-q", "1"])
            .args(arguments)
            .status()
            .unwrap();
        assert!(status.success(), "mosquitto_pub: {status}");
    }

    /// A file for a client, or one that it wrote.
    pub fn file(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        self.kill();
        drop(fs::remove_dir_all(&self.directory));
    }
}

/// What another client prints.
pub struct Lines {
    child: Child,
    lines: UnboundedReceiver<String>,
}

impl Lines {
    /// The next line.
    pub async fn next(&mut self) -> String {
        let line = timeout(PATIENCE, self.lines.recv()).await;
        line.expect("another client prints a line in time").expect("another client runs")
    }

    /// Every line until it ends by itself.
    pub async fn all(mut self) -> Vec<String> {
        let mut lines = Vec::new();
        let end = async {
            while let Some(line) = self.lines.recv().await {
                lines.push(line);
            }
        };
        timeout(PATIENCE, end).await.expect("another client ends in time");
        let status = self.child.wait().unwrap();
        // 27: it timed out with what it had.
        assert!(status.success() || status.code() == Some(27), "{status}");
        lines
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A program of the `PATH`, or where Debian has daemons.
fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain([PathBuf::from("/usr/sbin")])
        .map(|directory| directory.join(name))
        .find(|file| file.is_file())
}

/// A port that is free now.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

const PATIENCE: Duration = Duration::from_secs(20);
