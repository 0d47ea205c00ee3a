//! `roadcast-bridge remote`: what is asked of which unit.

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use super::all::AllCommand;
use super::errand::Errand;
use super::error::RemoteError;
use super::link::{Opens as _, UnitLink};
use super::tunnel::Tunnel;
use crate::peers::Peers;

/// `roadcast-bridge remote`.
#[derive(Args, Clone, Debug)]
pub struct RemoteArgs {
    /// The configuration, which names each unit; default: the first that is there
    /// of ~/.config/roadcast/bridge.toml and /etc/roadcast/bridge.toml
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The station, where the unit has several
    #[arg(long, value_name = "NAME")]
    station: Option<String>,
    /// The unit's name in the configuration; all: every one of them
    #[arg(value_name = "PEER")]
    peer: String,
    /// A command of roadcast with its options, or socket PATH
    #[arg(value_name = "COMMAND", required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<OsString>,
}

/// Shown under `roadcast-bridge remote --help`.
pub const HELP: &str = "Commands: top, doctor, neighbours, hazard, priority, status and web, as of
roadcast itself, which runs here against a socket that stands for the unit's.
socket PATH keeps that socket open for any program; JSON lines alone pass. With
all: top [--once] [--json], and web [--listen ADDRESS].

What is allowed is the unit's to say: rights of the [[peer]] with this bridge's
key, read, declare or administer. The unit logs who asks what.

Exit codes: those of the command; 2 bad input, or the unit is not reached.

Examples:
  roadcast remote rsu-7 status
  roadcast remote rsu-7 hazard new --cause accident
  roadcast remote rsu-7 web --listen 127.0.0.1:8080
  roadcast remote rsu-7 socket /tmp/rsu-7.sock
  roadcast remote all top";

/// What the command line asks for.
#[derive(Clone, Debug)]
pub enum Order {
    /// `roadcast` shows its help: no unit is needed.
    Help(HelpErrand),
    /// All else.
    Ask(Asked),
}

/// Help that `roadcast` shows.
#[derive(Clone, Debug)]
pub struct HelpErrand(Errand);

/// What needs units.
#[derive(Clone, Debug)]
pub struct Asked {
    peer: String,
    station: Option<String>,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    Errand(Errand),
    Socket(PathBuf),
    All(AllCommand),
}

impl RemoteArgs {
    /// What they ask for, before anything is contacted.
    ///
    /// # Errors
    /// [`RemoteError::Usage`].
    pub fn order(&self) -> Result<Order, RemoteError> {
        let what = match (&*self.peer, &*self.command) {
            ("all", words) => What::All(AllCommand::parse(words)?),
            (_, [word, path]) if word == "socket" => What::Socket(path.into()),
            (_, [word, ..]) if word == "socket" => {
                return Err(RemoteError::Usage("socket: expected one path".to_owned()));
            }
            (_, words) => match Errand::parse(words)? {
                errand if errand.helps => return Ok(Order::Help(HelpErrand(errand))),
                errand => What::Errand(errand),
            },
        };
        Ok(Order::Ask(Asked { peer: self.peer.clone(), station: self.station.clone(), what }))
    }
}

impl HelpErrand {
    /// Shows it, and returns the exit code.
    ///
    /// # Errors
    /// `roadcast` cannot be run.
    pub async fn run(self) -> Result<u8, RemoteError> {
        self.0.run(Path::new("")).await
    }
}

impl Asked {
    /// Does it, and returns the exit code.
    ///
    /// # Errors
    /// The unit is not reached or refuses, or something of this machine.
    pub async fn run(self, peers: &Peers) -> Result<u8, RemoteError> {
        let Self { peer, station, what } = self;
        if let What::All(command) = what {
            return command.run(peers, station.as_deref()).await.map(|()| 0);
        }
        let unit = Arc::new(UnitLink::new(peers, &peer, station.as_deref()));
        // Before a program starts: what is wrong is said in one line.
        let first = unit.open().await?;
        tracing::debug!(target: "remote", "{peer}, station {}: {}", first.opened.station, first.opened.rights);
        match what {
            What::Socket(path) => {
                let tunnel = Tunnel::at(&path)?;
                let said = format!(
                    "{} is the control socket of {} at {peer}: {}\n",
                    path.display(),
                    first.opened.station,
                    first.opened.rights
                );
                io::stdout().write_all(said.as_bytes()).map_err(RemoteError::output)?;
                tokio::select! {
                    () = tunnel.serve(unit, first) => {}
                    ended = ended() => ended?,
                }
                Ok(0)
            }
            What::Errand(errand) => {
                let tunnel = Tunnel::private(&peer)?;
                tokio::select! {
                    () = tunnel.serve(unit, first) => Ok(0),
                    code = errand.run(tunnel.path()) => code,
                }
            }
            What::All(_) => Ok(0),
        }
    }
}

/// SIGTERM, SIGINT or SIGHUP.
async fn ended() -> Result<(), RemoteError> {
    let failed = |error: io::Error| RemoteError::local("", "no signals", &error);
    let mut term = signal(SignalKind::terminate()).map_err(failed)?;
    let mut int = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut hangup = signal(SignalKind::hangup()).map_err(failed)?;
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
        _ = hangup.recv() => {}
    }
    Ok(())
}
