//! What systemd is told of a station that runs as a service (sd_notify(3)): that it is ready, how it is doing, that its loop goes
//! on, that it reads its files again, that it ends.
//!
//! Each message is one datagram to the socket named in `$NOTIFY_SOCKET`, sent without waiting. Nothing depends on its arrival: what
//! must not be lost is sent again a second later.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

/// The service manager of this process, if it has one that asked to be told.
#[derive(Debug)]
pub struct ServiceManager {
    to: Option<(UnixDatagram, SocketAddr)>,
    /// Whether it restarts a service that is silent.
    watches: bool,
    /// Whether it knows that the station is ready.
    ready: bool,
    /// The status it knows.
    status: String,
}

/// What the environment says about the service manager.
#[derive(Clone, Debug, Default)]
struct Environment {
    /// `$NOTIFY_SOCKET`: the socket's path, or `@` and its abstract name.
    socket: Option<OsString>,
    /// `$WATCHDOG_USEC`: after how long a silent service is restarted, microseconds.
    watchdog_us: Option<String>,
    /// `$WATCHDOG_PID`: the process that is to be heard.
    watchdog_pid: Option<String>,
}

impl ServiceManager {
    /// Of this process, by its environment. What cannot be used there is a warning in the log, and the station goes on without.
    #[must_use]
    pub fn of_this_process() -> Self {
        let text = |name| std::env::var(name).ok();
        Self::new(&Environment {
            socket: std::env::var_os("NOTIFY_SOCKET"),
            watchdog_us: text("WATCHDOG_USEC"),
            watchdog_pid: text("WATCHDOG_PID"),
        })
    }

    fn new(environment: &Environment) -> Self {
        let to = environment.socket.as_deref().filter(|name| !name.is_empty()).and_then(|name| {
            let opened = open(name);
            opened
                .inspect_err(|error| {
                    tracing::warn!(
                        "NOTIFY_SOCKET={}: {error}: the service manager is told nothing",
                        name.display()
                    );
                })
                .ok()
        });
        let this = std::process::id().to_string();
        let mine = environment.watchdog_pid.as_ref().is_none_or(|pid| *pid == this);
        let asked = environment.watchdog_us.as_deref().filter(|_| mine && to.is_some());
        let watchdog = asked.map(|us| us.parse().map(Duration::from_micros));
        match &watchdog {
            Some(Ok(silence)) if *silence < SHORTEST_WATCHDOG => tracing::warn!(
                "WatchdogSec= of this service is {} ms, and the watchdog is told once a second: give it {} s at least",
                silence.as_millis(),
                SHORTEST_WATCHDOG.as_secs()
            ),
            Some(Err(_)) => tracing::warn!(
                "WATCHDOG_USEC={}: a number of microseconds is expected",
                asked.unwrap_or_default()
            ),
            _ => {}
        }
        Self { to, watches: matches!(watchdog, Some(Ok(_))), ready: false, status: String::new() }
    }

    /// Tells it that the station's loop goes on and how the station is doing, in one line of words; the first time, that it
    /// is ready. To be called by the loop itself, once a second.
    pub fn keep(&mut self, status: &str) {
        if self.to.is_none() {
            return;
        }
        let status = one_line(status);
        let mut message = String::new();
        if !self.ready {
            message.push_str("READY=1\n");
        }
        if status != self.status {
            message.extend(["STATUS=", &status, "\n"]);
        }
        if self.watches {
            message.push_str("WATCHDOG=1\n");
        }
        if !message.is_empty() && self.send(&message) {
            self.ready = true;
            self.status = status;
        }
    }

    /// Tells it that the station reads its files again, at `now` on `CLOCK_MONOTONIC`; until [`ready`](Self::ready).
    pub fn reloading(&mut self, now: Duration) {
        let message = format!("RELOADING=1\nMONOTONIC_USEC={}\n", now.as_micros());
        // A message that is lost is followed by one that says all: the station is ready.
        self.send(&message);
    }

    /// Tells it that the station has read its files.
    pub fn ready(&mut self) {
        self.ready = self.send("READY=1\n");
    }

    /// Tells it that the station ends.
    pub fn stopping(&mut self) {
        self.send("STOPPING=1\nSTATUS=ending\n");
    }

    /// Whether it was sent.
    fn send(&self, message: &str) -> bool {
        let Some((socket, address)) = &self.to else { return false };
        match socket.send_to_addr(message.as_bytes(), address) {
            Ok(_) => true,
            Err(error) => {
                tracing::debug!("telling the service manager: {error}");
                false
            }
        }
    }
}

/// A socket that never waits, and the address of `name`.
fn open(name: &OsStr) -> io::Result<(UnixDatagram, SocketAddr)> {
    let address = match name.as_bytes() {
        [b'@', rest @ ..] => SocketAddr::from_abstract_name(rest)?,
        [b'/', ..] => SocketAddr::from_pathname(name)?,
        _ => return Err(io::Error::other("a path from / or an abstract name after @ is expected")),
    };
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    Ok((socket, address))
}

/// Without line ends, and not longer than a line of `systemctl status`.
fn one_line(text: &str) -> String {
    text.chars().map(|char| if char.is_control() { ' ' } else { char }).take(LONGEST_STATUS).collect()
}

/// Less would restart a station that is well: it is told once a second, and a busy machine may delay that.
const SHORTEST_WATCHDOG: Duration = Duration::from_secs(3);
/// Characters.
const LONGEST_STATUS: usize = 200;

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use proptest::prelude::*;

    use super::*;

    /// A manager's socket in a file, which goes with it.
    struct Listening(UnixDatagram, PathBuf);

    impl Listening {
        fn start(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("roadcast-notify-{}-{name}", std::process::id()));
            drop(std::fs::remove_file(&path));
            let socket = UnixDatagram::bind(&path).unwrap();
            socket.set_nonblocking(true).unwrap();
            Self(socket, path)
        }

        fn environment(&self) -> Environment {
            Environment { socket: Some(self.1.clone().into()), ..Environment::default() }
        }

        /// What it was told since the last call.
        fn heard(&self) -> String {
            heard(&self.0)
        }
    }

    impl Drop for Listening {
        fn drop(&mut self) {
            drop(std::fs::remove_file(&self.1));
        }
    }

    fn heard(socket: &UnixDatagram) -> String {
        let (mut all, mut bytes) = (String::new(), [0; 1024]);
        while let Ok(length) = socket.recv(&mut bytes) {
            all.push_str(str::from_utf8(&bytes[..length]).unwrap());
        }
        all
    }

    #[test]
    fn a_manager_hears_once_that_the_station_is_ready_and_of_each_change() {
        let listening = Listening::start("ready");
        let mut manager = ServiceManager::new(&listening.environment());
        assert_eq!(listening.heard(), "", "a station is ready when its loop says so");
        manager.keep("listening only: no position");
        assert_eq!(listening.heard(), "READY=1\nSTATUS=listening only: no position\n");
        manager.keep("listening only: no position");
        assert_eq!(listening.heard(), "");
        manager.keep("sending\nWATCHDOG=trigger");
        assert_eq!(listening.heard(), "STATUS=sending WATCHDOG=trigger\n", "a status is one line");
        manager.reloading(Duration::from_nanos(7_000_999));
        manager.ready();
        assert_eq!(listening.heard(), "RELOADING=1\nMONOTONIC_USEC=7000\nREADY=1\n");
        manager.stopping();
        assert_eq!(listening.heard(), "STOPPING=1\nSTATUS=ending\n");
    }

    #[test]
    fn the_watchdog_is_told_each_time_if_this_process_is_watched() {
        let listening = Listening::start("watchdog");
        let (this, other) = (std::process::id(), std::process::id() + 1);
        for (us, pid, watched) in [
            (Some("10000000"), None, true),
            (Some("10000000"), Some(this), true),
            (Some("10000000"), Some(other), false),
            (Some("1000"), Some(this), true),
            (Some("-1"), None, false),
            (None, Some(this), false),
        ] {
            let environment = Environment {
                watchdog_us: us.map(str::to_owned),
                watchdog_pid: pid.map(|pid| pid.to_string()),
                ..listening.environment()
            };
            let mut manager = ServiceManager::new(&environment);
            manager.keep("");
            manager.keep("");
            let expected = if watched { "READY=1\nWATCHDOG=1\nWATCHDOG=1\n" } else { "READY=1\n" };
            assert_eq!(listening.heard(), expected, "{us:?} {pid:?}");
        }
    }

    #[test]
    fn what_a_full_socket_did_not_take_is_said_again() {
        let listening = Listening::start("full");
        let mut manager = ServiceManager::new(&listening.environment());
        let crowd = UnixDatagram::unbound().unwrap();
        crowd.set_nonblocking(true).unwrap();
        while crowd.send_to(b"x", &listening.1).is_ok() {}
        manager.keep("sending");
        assert!(!listening.heard().contains("READY"));
        manager.keep("sending");
        assert_eq!(listening.heard(), "READY=1\nSTATUS=sending\n");
    }

    #[test]
    fn an_abstract_socket_is_told_too() {
        let name = format!("roadcast-notify-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let socket = UnixDatagram::bind_addr(&address).unwrap();
        socket.set_nonblocking(true).unwrap();
        let environment = Environment { socket: Some(format!("@{name}").into()), ..Environment::default() };
        ServiceManager::new(&environment).keep("sending");
        assert_eq!(heard(&socket), "READY=1\nSTATUS=sending\n");
    }

    #[test]
    fn a_station_without_a_manager_goes_on() {
        let long = format!("/{}", "x".repeat(200));
        for name in
            [None, Some(""), Some("relative"), Some("vsock:2:9999"), Some("/nowhere/notify"), Some(&long)]
        {
            let socket = name.map(OsString::from);
            let mut manager = ServiceManager::new(&Environment { socket, ..Environment::default() });
            manager.keep("sending");
            manager.reloading(Duration::ZERO);
            manager.stopping();
            assert!(!manager.ready, "{name:?}");
        }
    }

    proptest! {
        #[test]
        fn any_environment_is_taken(socket in prop::collection::vec(any::<u8>(), 0..130), us: String, pid: String) {
            let socket = Some(OsStr::from_bytes(&socket).to_owned());
            ServiceManager::new(&Environment { socket, watchdog_us: Some(us), watchdog_pid: Some(pid) }).keep("sending");
        }

        #[test]
        fn any_status_is_one_line(status: String) {
            let line = one_line(&status);
            prop_assert!(!line.contains('\n') && line.chars().count() <= LONGEST_STATUS);
        }
    }
}
