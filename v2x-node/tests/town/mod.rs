//! Running daemons of one directory, which hear only each other, and the program that asks them.
//!
//! Real time passes here, so no test depends on how much: each step waits until a daemon printed what it expects,
//! and a reader that waits in vain for a minute fails.

#![allow(clippy::unwrap_used, reason = "helpers of tests, which clippy does not take for tests")]
#![allow(dead_code, reason = "not every test uses all of it")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use v2x_api::{Client, Watch};

/// A directory of its own with an authority, also where its daemons have their sockets.
pub struct Town {
    pub directory: PathBuf,
    group: String,
}

/// What a program printed, and its exit code.
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Town {
    pub fn new(name: &str) -> Self {
        let directory = std::env::temp_dir().join(format!("rc-{name}-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        // A port that was free a moment ago, so that tests of one machine do not hear each other.
        let port = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let town = Self { directory, group: format!("239.255.86.79:{port}") };
        town.good(&["keys", "init", "--dir", "keys"]);
        town
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_roadcast"));
        command.args(args).current_dir(&self.directory);
        command
            .env_remove("ROADCAST_LOG")
            .env_remove("NOTIFY_SOCKET")
            .env_remove("CREDENTIALS_DIRECTORY")
            .env("XDG_RUNTIME_DIR", &self.directory);
        command
    }

    pub fn run(&self, args: &[&str]) -> Said {
        self.run_with(args, &[])
    }

    fn run_with(&self, args: &[&str], environment: &[(&str, &str)]) -> Said {
        let mut command = self.command(args);
        let output = command.envs(environment.iter().copied()).stdin(Stdio::null()).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Said { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Runs what has to go well and returns what it printed.
    pub fn good(&self, args: &[&str]) -> String {
        let said = self.run(args);
        assert_eq!(said.code, 0, "{args:?}: {}", said.err);
        said.out
    }

    /// Runs what has to fail with `code` and returns the complaint.
    pub fn bad(&self, code: i32, args: &[&str]) -> String {
        self.bad_with(code, args, &[])
    }

    /// The same with more in its environment.
    pub fn bad_with(&self, code: i32, args: &[&str], environment: &[(&str, &str)]) -> String {
        let said = self.run_with(args, environment);
        assert_eq!(said.code, code, "{args:?}: {}{}", said.out, said.err);
        assert_eq!(said.out, "", "{args:?}");
        said.err
    }

    /// Writes the configuration of a vehicle, with a position that does not change or without any.
    pub fn vehicle(&self, name: &str, latitude: Option<f64>, control: &str) {
        let position = match latitude {
            Some(latitude) => format!("source = \"fixed\"\nlatitude = {latitude}\nlongitude = 6.1319"),
            // No process listens on the discard port.
            None => "source = \"gpsd\"\naddress = \"127.0.0.1:9\"".to_owned(),
        };
        self.station(name, "vehicle", &[], &position, control);
    }

    /// Issues a credential as `issue` says and writes the configuration of a station of `role` that ends with `more`.
    pub fn station(&self, name: &str, role: &str, issue: &[&str], position: &str, more: &str) {
        self.good(&[&["keys", "issue", "--dir", "keys", "--name", name], issue].concat());
        let text = format!(
            "role = \"{role}\"\n[identity]\ncredential = \"keys/{name}.cred\"\nkey = \"keys/{name}.key\"\n\
             roots = [\"keys/root.cred\"]\nissuers = [\"keys/issuer.cred\"]\n\
             [link]\nkind = \"udp\"\ninterface = \"lo\"\ngroup = \"{}\"\n\
             [position]\n{position}\n[clock]\ntrust = \"always\"\n{more}\n",
            self.group
        );
        fs::write(self.directory.join(format!("{name}.toml")), text).unwrap();
    }

    pub fn start(&self, args: &[&str]) -> Daemon {
        self.start_with(args, &[])
    }

    /// The same with more in its environment.
    pub fn start_with(&self, args: &[&str], environment: &[(&str, &str)]) -> Daemon {
        let mut command = self.command(&[&["run", "--seconds", "60"], args].concat());
        command.envs(environment.iter().copied());
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap());
        Daemon { process, lines }
    }

    pub fn watch(&self, socket: &str) -> Watch {
        let watch = Client::connect(&self.directory.join(socket)).unwrap().watch().unwrap();
        watch.set_patience(Some(Duration::from_secs(60))).unwrap();
        watch
    }
}

impl Drop for Town {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.directory));
    }
}

/// A running daemon, read line by line.
pub struct Daemon {
    process: Child,
    lines: BufReader<ChildStdout>,
}

impl Daemon {
    /// Reads on until a line contains `text`, and returns it.
    pub fn until(&mut self, text: &str) -> String {
        loop {
            let mut line = String::new();
            self.lines.read_line(&mut line).unwrap();
            assert!(!line.is_empty(), "the daemon ended without saying {text:?}");
            if line.contains(text) {
                return line;
            }
        }
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    pub fn end(mut self) {
        let pid = nix::unistd::Pid::from_raw(i32::try_from(self.process.id()).unwrap());
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
        assert_eq!(self.process.wait().unwrap().code(), Some(0));
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // After `end` there is nothing to do.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
