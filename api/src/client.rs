//! The client side of the control socket.

pub mod afar;
pub mod publish;

use core::time::Duration;
use std::collections::BTreeMap;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use crate::answer::intersection::IntersectionSignals;
use crate::answer::neighbour::Neighbour;
use crate::answer::stats::Stats;
use crate::answer::{Answer, BAD_REQUEST, Hazard, PriorityStatus, Status};
use crate::fields::quote;
use crate::request::declaration::Declaration;
use crate::request::messages::MessageFilter;
use crate::request::priority::{PriorityRequest, PriorityWish};
use crate::request::right::Right;
use crate::request::vehicle::VehicleReport;
use crate::request::{Call, Request, VERSION, digest as digest_of};
use crate::socket;
use v2x_proto::{Digest, EventId, IntersectionId};

/// A connection to a daemon. Asks one thing at a time and waits for the answer.
#[derive(Debug)]
pub struct Client {
    stream: BufReader<UnixStream>,
    path: PathBuf,
}

/// Why a request could not be sent, or was refused. Prints as one line, with what would be right.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// No daemon listens at the socket.
    #[error("{}: no daemon answers: {}", path.display(), reason_of(source))]
    NoDaemon {
        /// The socket tried.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// No socket was named, and there is none.
    #[error("no daemon found: no live socket in {}", list(directories))]
    NoneFound {
        /// Where it was looked for.
        directories: Vec<PathBuf>,
    },
    /// A daemon's socket is there, and this user may not use it.
    #[error("a daemon's socket {}: {} {}; run this as that user, or let a group use it: control.group of the daemon's configuration",
        if *directory { "may be there, but you may not look" } else { "is there, but you may not use it" },
        path.display(), owned(*owner))]
    Forbidden {
        /// The socket, or its directory.
        path: PathBuf,
        /// Number of the user that owns it, if that can be seen.
        owner: Option<u32>,
        /// It is the directory, in which there may be a socket.
        directory: bool,
    },
    /// No socket was named, and there are several.
    #[error("several daemons run: choose with --config FILE, or --socket one of {}", list(sockets))]
    Several {
        /// Those there are.
        sockets: Vec<PathBuf>,
    },
    /// The connection ended, or no answer came.
    #[error("{}: the daemon gave no answer: {}", path.display(), reason_of(source))]
    Lost {
        /// The socket.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// What came is no answer.
    #[error("{}: {found} is no answer of version {VERSION}; is this the socket of a roadcast daemon?", path.display())]
    NotAnAnswer {
        /// The socket.
        path: PathBuf,
        /// What came.
        found: String,
    },
    /// The request is wrong.
    #[error("{0}")]
    BadRequest(String),
    /// The station refused it.
    #[error("refused: {error}")]
    Refused {
        /// Stable name of the reason.
        reason: String,
        /// The reason, and what would be right.
        error: String,
    },
}

impl Client {
    /// Connects to a daemon's socket.
    ///
    /// # Errors
    /// [`ClientError::NoDaemon`], [`ClientError::Forbidden`].
    pub fn connect(path: &Path) -> Result<Self, ClientError> {
        let no_daemon = |source| ClientError::NoDaemon { path: path.to_owned(), source };
        // The system refuses a connection to what is no socket as it does to one that no process serves.
        let kind = std::fs::metadata(path).map(|found| found.file_type());
        if kind.is_ok_and(|kind| !kind.is_socket()) {
            return Err(no_daemon(io::Error::other(
                "it is no socket; the daemon prints its socket when it starts",
            )));
        }
        let stream = UnixStream::connect(path).map_err(|source| match source.kind() {
            io::ErrorKind::PermissionDenied => forbidden(path),
            _ => no_daemon(source),
        })?;
        stream.set_read_timeout(Some(PATIENCE)).map_err(no_daemon)?;
        stream.set_write_timeout(Some(PATIENCE)).map_err(no_daemon)?;
        Ok(Self { stream: BufReader::new(stream), path: path.to_owned() })
    }

    /// Connects to the daemon that listens at `socket`, else to the only one of this user, or of the system.
    ///
    /// # Errors
    /// [`ClientError`], when none listens, or several do and none was named.
    pub fn find(socket: Option<&Path>) -> Result<Self, ClientError> {
        if let Some(socket) = socket {
            return Self::connect(socket);
        }
        Self::find_in(socket::directories())
    }

    /// As [`find`](Self::find), in these directories; the first that has a live socket counts.
    fn find_in(directories: Vec<PathBuf>) -> Result<Self, ClientError> {
        let mut closed = None;
        for directory in &directories {
            let found = socket::find(directory);
            match &*found.live {
                [] => closed = closed.or(found.forbidden.into_iter().next()),
                [only] => return Self::connect(only),
                several => return Err(ClientError::Several { sockets: several.to_vec() }),
            }
        }
        Err(closed.map_or(ClientError::NoneFound { directories }, |path| forbidden(&path)))
    }

    /// The socket's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Declares an event and returns its name.
    ///
    /// # Errors
    /// [`ClientError::Refused`] when the station refuses.
    pub fn declare(&mut self, event: &Declaration) -> Result<EventId, ClientError> {
        let answer = self.ask(&Request::New(event.clone()))?;
        let named = answer.event.as_deref().and_then(|event| event.parse().ok());
        named.ok_or_else(|| self.no_answer("an answer without the event's name"))
    }

    /// Updates one of the station's own events: the fields given, and nothing else.
    ///
    /// # Errors
    /// [`ClientError::Refused`] when the station refuses.
    pub fn update(&mut self, event: EventId, to: &Declaration) -> Result<(), ClientError> {
        self.ask(&Request::Update(event, to.clone())).map(drop)
    }

    /// Cancels one of the station's own events.
    ///
    /// # Errors
    /// [`ClientError::Refused`] when the station refuses.
    pub fn cancel(&mut self, event: EventId) -> Result<(), ClientError> {
        self.ask(&Request::Cancel(event)).map(drop)
    }

    /// States that another station's event is not there.
    ///
    /// # Errors
    /// [`ClientError::Refused`] when the station refuses.
    pub fn negate(&mut self, event: EventId) -> Result<(), ClientError> {
        self.ask(&Request::Negate(event)).map(drop)
    }

    /// Says what the vehicle's bus says.
    ///
    /// # Errors
    /// [`ClientError::Refused`] when it is too old, or the station is no vehicle; [`ClientError::BadRequest`] when it says
    /// nothing or is out of its range.
    pub fn vehicle(&mut self, report: &VehicleReport) -> Result<(), ClientError> {
        self.ask(&Request::Vehicle(*report)).map(drop)
    }

    /// The events the station knows, in order of their names.
    ///
    /// # Errors
    /// The daemon cannot be asked.
    pub fn hazards(&mut self) -> Result<Vec<Hazard>, ClientError> {
        let mut hazards = Vec::new();
        let mut after = None;
        loop {
            let answer = self.ask(&Request::List(after))?;
            hazards.extend(answer.hazards.unwrap_or_default());
            let next = answer.more_after.and_then(|event| event.parse().ok());
            // Names grow, or the process that answers is no daemon.
            if next.is_none() || next <= after {
                return Ok(hazards);
            }
            after = next;
        }
    }

    /// Status of the station.
    ///
    /// # Errors
    /// The daemon cannot be asked.
    pub fn status(&mut self) -> Result<Status, ClientError> {
        let answer = self.ask(&Request::Status)?;
        answer.status.map(|status| *status).ok_or_else(|| self.no_answer("an answer without a status"))
    }

    /// Has the station ask an intersection for priority; returns the state of the request.
    ///
    /// # Errors
    /// [`ClientError::Refused`] when the station refuses.
    pub fn ask_priority(&mut self, wish: PriorityWish) -> Result<PriorityStatus, ClientError> {
        self.priority(PriorityRequest::Request(wish))
    }

    /// Withdraws the request for priority at an intersection, or the only one there is.
    ///
    /// # Errors
    /// [`ClientError::Refused`] when there is none, or several.
    pub fn cancel_priority(
        &mut self,
        intersection: Option<IntersectionId>,
    ) -> Result<PriorityStatus, ClientError> {
        self.priority(PriorityRequest::Cancel(intersection))
    }

    /// The requests for priority that are open.
    ///
    /// # Errors
    /// The daemon cannot be asked, or is no vehicle's.
    pub fn priorities(&mut self) -> Result<Vec<PriorityStatus>, ClientError> {
        let answer = self.ask(&Request::Priority(PriorityRequest::Status))?;
        answer.priorities.ok_or_else(|| self.no_answer("an answer without the requests"))
    }

    fn priority(&mut self, asked: PriorityRequest) -> Result<PriorityStatus, ClientError> {
        let answer = self.ask(&Request::Priority(asked))?;
        answer.priority.map(|one| *one).ok_or_else(|| self.no_answer("an answer without the request"))
    }

    /// The stations heard, in order of their digests.
    ///
    /// # Errors
    /// The daemon cannot be asked.
    pub fn neighbours(&mut self) -> Result<Vec<Neighbour>, ClientError> {
        let mut neighbours = Vec::new();
        let mut after: Option<Digest> = None;
        loop {
            let answer = self.ask(&Request::Neighbours(after))?;
            neighbours.extend(answer.neighbours.unwrap_or_default());
            let next = answer.more_after.and_then(|digest| digest_of(&digest));
            if next.is_none() || next <= after {
                return Ok(neighbours);
            }
            after = next;
        }
    }

    /// Frames dropped since the start, by reason.
    ///
    /// # Errors
    /// The daemon cannot be asked.
    pub fn drops(&mut self) -> Result<BTreeMap<String, u64>, ClientError> {
        let answer = self.ask(&Request::Drops)?;
        answer.drops.ok_or_else(|| self.no_answer("an answer without the drops"))
    }

    /// The station's figures.
    ///
    /// # Errors
    /// The daemon cannot be asked.
    pub fn stats(&mut self) -> Result<Stats, ClientError> {
        let answer = self.ask(&Request::Stats)?;
        answer.stats.map(|stats| *stats).ok_or_else(|| self.no_answer("an answer without figures"))
    }

    /// Intersections heard, their lanes and signals.
    ///
    /// # Errors
    /// The daemon cannot be asked.
    pub fn signals(&mut self) -> Result<Vec<IntersectionSignals>, ClientError> {
        let answer = self.ask(&Request::Signals)?;
        answer.signals.ok_or_else(|| self.no_answer("an answer without signals"))
    }

    /// What this connection may do.
    ///
    /// # Errors
    /// The daemon cannot be asked.
    pub fn rights(&mut self) -> Result<Right, ClientError> {
        self.right(None)
    }

    /// Gives up what this connection may do beyond `right`, until it ends.
    ///
    /// # Errors
    /// [`ClientError::Refused`] when it has not even that.
    pub fn lower_rights(&mut self, right: Right) -> Result<Right, ClientError> {
        self.right(Some(right))
    }

    fn right(&mut self, to: Option<Right>) -> Result<Right, ClientError> {
        let answer = self.ask(&Request::Rights(to))?;
        let right = answer.rights.as_deref().and_then(Right::parse);
        right.ok_or_else(|| self.no_answer("an answer without a right"))
    }

    /// Has the station read anew what it reads at a SIGHUP.
    ///
    /// # Errors
    /// [`ClientError::Refused`] without the right to administer.
    pub fn reload(&mut self) -> Result<(), ClientError> {
        self.ask(&Request::Reload).map(drop)
    }

    /// The stations there are, and every change of one from here on.
    ///
    /// # Errors
    /// The daemon cannot be asked.
    pub fn watch_neighbours(self) -> Result<Watch, ClientError> {
        self.follow(&Request::WatchNeighbours)
    }

    /// Messages from here on.
    ///
    /// # Errors
    /// The daemon cannot be asked.
    pub fn watch_messages(self, filter: MessageFilter) -> Result<Watch, ClientError> {
        self.follow(&Request::WatchMessages(filter))
    }

    /// Frames dropped from here on, a sample, for these reasons; `None`: for any.
    ///
    /// # Errors
    /// The daemon cannot be asked, or knows no such reason.
    pub fn watch_drops(self, reasons: Option<Vec<String>>) -> Result<Watch, ClientError> {
        self.follow(&Request::WatchDrops(reasons))
    }

    /// The station's figures each second from here on.
    ///
    /// # Errors
    /// The daemon cannot be asked.
    pub fn watch_stats(self) -> Result<Watch, ClientError> {
        self.follow(&Request::WatchStats)
    }

    /// Intersections heard, and each second from here on those whose state changed.
    ///
    /// # Errors
    /// The daemon cannot be asked.
    pub fn watch_signals(self) -> Result<Watch, ClientError> {
        self.follow(&Request::WatchSignals)
    }

    /// Every change of an event from here on.
    ///
    /// # Errors
    /// The daemon cannot be asked.
    pub fn watch(self) -> Result<Watch, ClientError> {
        self.follow(&Request::Watch)
    }

    /// Every change of a request for priority from here on.
    ///
    /// # Errors
    /// The daemon cannot be asked, or is no vehicle's.
    pub fn watch_priority(self) -> Result<Watch, ClientError> {
        self.follow(&Request::Priority(PriorityRequest::Watch))
    }

    /// The signal ahead each second from here on, and each red-light warning at once.
    ///
    /// # Errors
    /// The daemon cannot be asked, or is no vehicle's.
    pub fn watch_signal(self) -> Result<Watch, ClientError> {
        self.follow(&Request::WatchSignal)
    }

    fn follow(mut self, watch: &Request) -> Result<Watch, ClientError> {
        self.ask(watch)?;
        let forever = self.stream.get_ref().set_read_timeout(None);
        forever.map_err(|source| ClientError::Lost { path: self.path.clone(), source })?;
        Ok(Watch { client: self })
    }

    /// Asks and waits for the answer; a refusal is an error.
    ///
    /// # Errors
    /// [`ClientError::BadRequest`] and [`ClientError::Refused`] as the daemon answers, others when it cannot be asked.
    pub fn ask(&mut self, request: &Request) -> Result<Answer, ClientError> {
        // A daemon that hangs up sends the reason first: read on.
        let sent = self.write(request.line());
        match (self.read(), sent) {
            (Err(ClientError::Lost { path, .. }), Err(source)) => Err(ClientError::Lost { path, source }),
            (answer, _) => answer?.into_result(),
        }
    }

    /// Asks and does not wait; [`receive`](Self::receive) reads the answer, which has the call's id.
    ///
    /// # Errors
    /// The connection ended.
    pub fn send(&mut self, call: &Call) -> Result<(), ClientError> {
        self.write(call.line()).map_err(|source| ClientError::Lost { path: self.path.clone(), source })
    }

    /// The next line of the daemon, including a refusal.
    ///
    /// # Errors
    /// The connection ended, or what came is no answer.
    pub fn receive(&mut self) -> Result<Answer, ClientError> {
        self.read()
    }

    fn write(&mut self, mut line: String) -> io::Result<()> {
        line.push('\n');
        self.stream.get_mut().write_all(line.as_bytes())
    }

    fn read(&mut self) -> Result<Answer, ClientError> {
        let lost = |source| ClientError::Lost { path: self.path.clone(), source };
        let mut line = Vec::new();
        (&mut self.stream).take(LONGEST_ANSWER).read_until(b'\n', &mut line).map_err(lost)?;
        if line.is_empty() {
            return Err(lost(io::ErrorKind::UnexpectedEof.into()));
        }
        match serde_json::from_slice::<Answer>(&line) {
            Ok(answer) if answer.v == VERSION => Ok(answer),
            _ => Err(self.no_answer(&quote(&String::from_utf8_lossy(&line)))),
        }
    }

    fn no_answer(&self, found: &str) -> ClientError {
        ClientError::NotAnAnswer { path: self.path.clone(), found: found.to_owned() }
    }
}

/// The lines of a watch, for ever: [`Answer::watch`] names the kind of each.
#[derive(Debug)]
pub struct Watch {
    client: Client,
}

impl Watch {
    /// The next line.
    ///
    /// # Errors
    /// The daemon ended, or dropped a watch that was not read ([`ClientError::Refused`] with reason `too_slow`).
    pub fn next_change(&mut self) -> Result<Answer, ClientError> {
        self.client.read()?.into_result()
    }

    /// Gives up waiting for a line after this long; `None`: never.
    ///
    /// # Errors
    /// The system refuses it, as it does a duration of zero.
    pub fn set_patience(&self, patience: Option<Duration>) -> io::Result<()> {
        self.client.stream.get_ref().set_read_timeout(patience)
    }
}

impl Answer {
    fn into_result(self) -> Result<Self, ClientError> {
        if self.ok != Some(false) {
            return Ok(self);
        }
        let error = self.error.unwrap_or_default();
        match self.reason {
            Some(reason) if reason != BAD_REQUEST => Err(ClientError::Refused { reason, error }),
            _ => Err(ClientError::BadRequest(error)),
        }
    }
}

fn list(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}

fn forbidden(path: &Path) -> ClientError {
    let found = std::fs::metadata(path).ok();
    let directory = found.as_ref().is_some_and(std::fs::Metadata::is_dir);
    ClientError::Forbidden { path: path.to_owned(), owner: found.map(|found| found.uid()), directory }
}

fn owned(owner: Option<u32>) -> String {
    match owner {
        None => "is in a directory of another user".to_owned(),
        Some(0) => "belongs to root".to_owned(),
        Some(user) => format!("belongs to user {user}"),
    }
}

/// The system's error text without its number.
fn reason_of(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file".to_owned(),
        io::ErrorKind::ConnectionRefused => "it has ended".to_owned(),
        io::ErrorKind::UnexpectedEof => "it hung up".to_owned(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
            format!("none within {} s", PATIENCE.as_secs())
        }
        _ => error.to_string(),
    }
}

/// A daemon answers within a millisecond; one this late is stopped or hopelessly busy.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longest answer, bytes: twice what a daemon queues for a program at most.
pub const LONGEST_ANSWER: u64 = 512 * 1024;

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn a_daemon_is_found_in_whichever_directory_it_is_and_several_are_listed() {
        let scratch = std::env::temp_dir().join(format!("rc-find-{}", std::process::id()));
        let [first, second] = ["first", "second"].map(|name| scratch.join(name));
        fs::create_dir_all(&second).unwrap();
        let both = || vec![first.clone(), second.clone()];
        let none = Client::find_in(both()).unwrap_err().to_string();
        assert!(none.starts_with("no daemon found: no live socket in ") && none.contains("second"), "{none}");
        let _a = UnixListener::bind(second.join("a.sock")).unwrap();
        assert_eq!(Client::find_in(both()).unwrap().path(), second.join("a.sock"));
        let _b = UnixListener::bind(second.join("b.sock")).unwrap();
        let several = Client::find_in(both()).unwrap_err().to_string();
        assert!(several.starts_with("several daemons run: choose with --config FILE, or --socket one of "));
        assert!(several.ends_with("b.sock"), "{several}");
        fs::remove_dir_all(&scratch).unwrap();
    }

    #[test]
    fn a_socket_that_is_another_user_s_is_named_as_such() {
        let closed = |owner, directory| {
            let path = PathBuf::from("/run/roadcast");
            ClientError::Forbidden { path, owner, directory }.to_string()
        };
        let end =
            "; run this as that user, or let a group use it: control.group of the daemon's configuration";
        for (owner, whose) in [
            (Some(0), "belongs to root"),
            (Some(1000), "belongs to user 1000"),
            (None, "is in a directory of another user"),
        ] {
            let start = "a daemon's socket is there, but you may not use it: /run/roadcast ";
            assert_eq!(closed(owner, false), format!("{start}{whose}{end}"));
        }
        let start = "a daemon's socket may be there, but you may not look: /run/roadcast belongs to root";
        assert_eq!(closed(Some(0), true), format!("{start}{end}"));
    }
}
