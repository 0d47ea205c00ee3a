//! The keeper: a process of its own that joins the cell of the link, joins it again, and leaves it at the end.
//!
//! It alone may change interfaces (`CAP_NET_ADMIN`), and hears nothing but this program's own command line. It ends when its pipe
//! does: also after the station was killed.

use core::time::Duration;
use std::io::{self, Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use radio_adapters::packet::Rejoin;
use radio_adapters::wlan::{Cell, JoinPlan, REJOIN};

use crate::daemon::lines::Lines;
use crate::error::{Complaint, Error};

/// What keeps the keeper from its work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeeperError {
    /// The configuration that the keeper was started by had another cell.
    #[error("its configuration changed while the station was starting: start it again")]
    OtherPlan,
    /// The interface cannot be joined; the text says why.
    #[error("{0}")]
    Refused(String),
    /// It says nothing.
    #[error("{0}: its driver takes more than {1} s to join; roadcast link probe {0} shows its state")]
    Silent(String, u64),
    /// It ended without a word.
    #[error("the process that keeps {0} as it is to be ended at once")]
    Ended(String),
}

impl Complaint for KeeperError {}

/// A running keeper.
#[derive(Debug)]
pub struct KeeperProcess {
    plan: JoinPlan,
    child: Child,
    /// The keeper ends when this does; a link that asks to leave and join has it too.
    control: Arc<Mutex<Option<ChildStdin>>>,
    output: ChildStdout,
    lines: Lines,
    ended: bool,
}

impl KeeperProcess {
    /// Starts one, which changes nothing before [`begin`](Self::begin), and has a monitor interface of that name beside it if that
    /// is wanted. An interface that is not there is waited for if `wait`.
    ///
    /// # Errors
    /// There is no process.
    pub fn start(plan: JoinPlan, monitor: Option<&str>, wait: bool) -> Result<Self, Error> {
        let failed =
            |source| Error::System { what: "starting the process that keeps the link's cell", source };
        // The program itself, also when its file was replaced meanwhile.
        let mut command = Command::new("/proc/self/exe");
        command.arg0("roadcast").args(words_of(&plan));
        if let Some(monitor) = monitor {
            command.arg(format!("--monitor={monitor}"));
        }
        if wait {
            command.arg("--wait");
        }
        // What ends the station by a terminal's signal must not end the keeper before it.
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).process_group(0);
        let mut child = command.spawn().map_err(failed)?;
        let pipe = || failed(io::ErrorKind::BrokenPipe.into());
        let control = child.stdin.take().ok_or_else(pipe)?;
        fcntl(&control, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).map_err(|errno| failed(errno.into()))?;
        let control = Arc::new(Mutex::new(Some(control)));
        let output = child.stdout.take().ok_or_else(pipe)?;
        fcntl(&output, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).map_err(|errno| failed(errno.into()))?;
        Ok(Self { plan, child, control, output, lines: Lines::new(LONGEST_LINE), ended: false })
    }

    /// What it keeps.
    #[must_use]
    pub fn plan(&self) -> &JoinPlan {
        &self.plan
    }

    /// What asks it to leave and join.
    #[must_use]
    pub fn rejoiner(&self) -> Rejoiner {
        Rejoiner { control: Arc::clone(&self.control) }
    }

    /// Has it join, and waits for that. Returns what was changed.
    ///
    /// # Errors
    /// [`KeeperError`].
    pub fn begin(&mut self) -> Result<String, KeeperError> {
        let interface = self.plan.interface.clone();
        if tell(&self.control, GO).is_err() {
            return Err(KeeperError::Ended(interface));
        }
        let until = Instant::now() + LONGEST_START;
        loop {
            match self.line() {
                Some(Line::Ready(text)) => return Ok(text),
                Some(Line::Refused(text)) => return Err(KeeperError::Refused(text)),
                Some(Line::Told(_)) => {}
                None if self.ended => return Err(KeeperError::Ended(interface)),
                None if !self.wait(until) => {
                    return Err(KeeperError::Silent(interface, LONGEST_START.as_secs()));
                }
                None => {}
            }
        }
    }

    /// What it said since the last call. To be asked once a second.
    pub fn news(&mut self) -> Vec<String> {
        let mut news = Vec::new();
        let ended = self.ended;
        while let Some(line) = self.line() {
            news.push(line.text());
        }
        if self.ended && !ended {
            let interface = &self.plan.interface;
            news.push(format!(
                "{interface}: the process that keeps it in its cell ended: nobody joins again"
            ));
            // It is at its end: its output is closed.
            drop(self.child.try_wait());
        }
        news
    }

    /// Ends it, and waits until the interface is what it was, `LONGEST_END` at most. Returns what was changed.
    #[must_use]
    pub fn end(mut self) -> Vec<String> {
        *self.control.lock().unwrap_or_else(PoisonError::into_inner) = None;
        let until = Instant::now() + LONGEST_END;
        let mut news = Vec::new();
        loop {
            match self.line() {
                Some(line) => news.push(line.text()),
                None if self.ended => {
                    drop(self.child.wait());
                    return news;
                }
                None if !self.wait(until) => {
                    news.push(format!("{}: still leaving its cell", self.plan.interface));
                    return news;
                }
                None => {}
            }
        }
    }

    /// The next line it wrote, if there is one.
    fn line(&mut self) -> Option<Line> {
        loop {
            match self.lines.next() {
                Some(Ok(line)) => return Some(Line::read(&String::from_utf8_lossy(&line))),
                Some(Err(_)) => continue,
                None if self.ended => return None,
                None => {}
            }
            let mut buffer = [0; 1024];
            match self.output.read(&mut buffer) {
                Ok(0) => self.ended = true,
                Ok(length) => self.lines.push(&buffer[..length]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return None,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => self.ended = true,
            }
        }
    }

    /// Waits for its output until then; whether there is some, or may be.
    fn wait(&self, until: Instant) -> bool {
        let rest = until.saturating_duration_since(Instant::now());
        if rest.is_zero() {
            return false;
        }
        let mut output = [PollFd::new(self.output.as_fd(), PollFlags::POLLIN)];
        let timeout = PollTimeout::try_from(rest.min(Duration::from_secs(60))).unwrap_or(PollTimeout::MAX);
        // Interrupted, or in error: what there is shows by reading.
        poll(&mut output, timeout) != Ok(0)
    }
}

/// Asks a keeper to leave the cell and join it again.
#[derive(Debug)]
pub struct Rejoiner {
    control: Arc<Mutex<Option<ChildStdin>>>,
}

impl Rejoin for Rejoiner {
    fn rejoin(&mut self) {
        // A keeper that has ended said so.
        let _told = tell(&self.control, &[REJOIN]);
    }
}

/// Never waits: the pipe is not blocking.
fn tell(control: &Mutex<Option<ChildStdin>>, bytes: &[u8]) -> io::Result<()> {
    let mut control = control.lock().unwrap_or_else(PoisonError::into_inner);
    control.as_mut().ok_or(io::ErrorKind::BrokenPipe)?.write_all(bytes)
}

/// A line of the keeper's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// The link can be opened.
    Ready(String),
    /// It cannot join.
    Refused(String),
    /// Something happened later.
    Told(String),
}

impl Line {
    fn read(line: &str) -> Self {
        match line.split_once(' ') {
            Some(("ready", text)) => Self::Ready(text.to_owned()),
            Some(("refused", text)) => Self::Refused(text.to_owned()),
            Some(("told", text)) => Self::Told(text.to_owned()),
            _ => Self::Told(line.to_owned()),
        }
    }

    fn text(self) -> String {
        match self {
            Self::Ready(text) | Self::Refused(text) | Self::Told(text) => text,
        }
    }
}

/// As the keeper writes it, on one line.
impl core::fmt::Display for Line {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let (word, text) = match self {
            Self::Ready(text) => ("ready", text),
            Self::Refused(text) => ("refused", text),
            Self::Told(text) => ("told", text),
        };
        write!(f, "{word} {}", text.replace('\n', " "))
    }
}

/// The keeper's command line.
fn words_of(plan: &JoinPlan) -> Vec<String> {
    let channel = plan.cell.channel();
    let mut words = vec!["link".to_owned(), "keep".to_owned(), plan.interface.clone()];
    let mut option = |name: &str, value: String| words.push(format!("--{name}={value}"));
    option("mode", plan.cell.kind().to_string());
    option("frequency", channel.frequency_mhz.to_string());
    option("width", channel.width.mhz().to_string());
    if let Cell::Ibss { ssid, bssid, .. } = &plan.cell {
        option("ssid", String::from_utf8_lossy(ssid.bytes()).into_owned());
        if let Some(bssid) = bssid {
            option("bssid", bssid.to_string());
        }
    }
    let mbps = |kbps: u32| (f64::from(kbps) / 1000.0).to_string();
    for (name, value) in [
        ("rate", plan.rate_kbps.map(mbps)),
        ("power", plan.power_dbm.map(|dbm| dbm.to_string())),
        ("mtu", plan.mtu.map(|mtu| mtu.to_string())),
    ] {
        value.into_iter().for_each(|value| option(name, value));
    }
    words
}

/// What has the keeper begin.
pub(crate) const GO: &[u8] = b"go\n";
/// Of a keeper's line, bytes.
const LONGEST_LINE: usize = 4096;
/// Some steps of joining may take a driver seconds each.
const LONGEST_START: Duration = Duration::from_secs(30);
/// How long the end waits for the radio.
const LONGEST_END: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use radio_adapters::wlan::{Channel, Ssid, Width};

    use super::*;
    use crate::commands::link::tests::plan_of;

    #[test]
    fn the_keeper_s_command_line_says_the_whole_plan() {
        let channel = Channel { frequency_mhz: 5890, width: Width::Mhz5 };
        let ssid = Ssid::new("-v2x 1=\"é".as_bytes()).unwrap();
        let plain = JoinPlan {
            interface: "wlan0".to_owned(),
            cell: Cell::Ocb(channel),
            rate_kbps: None,
            power_dbm: None,
            mtu: None,
        };
        let whole = JoinPlan {
            cell: Cell::Ibss { channel, ssid, bssid: Cell::bssid("02:ca:fe:00:00:01") },
            rate_kbps: Some(2_250),
            power_dbm: Some(-5),
            mtu: Some(2304),
            ..plain.clone()
        };
        let monitor = JoinPlan { cell: Cell::Monitor(channel), ..plain.clone() };
        for plan in [plain, whole, monitor] {
            assert_eq!(plan_of(&words_of(&plan)).unwrap(), plan);
        }
    }

    #[test]
    fn a_line_is_read_as_it_was_written() {
        for line in [Line::Ready("a b".into()), Line::Refused("no".into()), Line::Told("it's gone".into())] {
            assert_eq!(Line::read(&line.to_string()), line);
        }
        assert_eq!(Line::Told("two\nlines".into()).to_string(), "told two lines");
        assert_eq!(Line::read("anything else"), Line::Told("anything else".into()));
    }
}
