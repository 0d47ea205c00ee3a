//! A command of `roadcast`, run against a socket as a child of this process, with its terminal.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::timeout;

use super::error::RemoteError;

/// What `roadcast` is asked to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Errand {
    args: Vec<OsString>,
    /// It only shows its help: no unit is needed.
    pub helps: bool,
}

impl Errand {
    /// Reads the words after the peer's name.
    pub fn parse(words: &[OsString]) -> Result<Self, RemoteError> {
        let usage = |text: String| Err(RemoteError::Usage(text));
        let command = words.first().map(|word| word.to_string_lossy().into_owned()).unwrap_or_default();
        if !COMMANDS.contains(&&*command) {
            return usage(format!(
                "{command:?} is no command for a unit: expected {} or socket PATH",
                COMMANDS.join(", ")
            ));
        }
        let own = words.iter().take_while(|word| *word != "--");
        if let Some(taken) = own.clone().find(|word| is_option(word, &["--socket", "--config"])) {
            return usage(format!(
                "{}: the unit's socket is named by this program; leave it out",
                taken.display()
            ));
        }
        let alone = words.len() == 1 && NEED_MORE.contains(&&*command);
        let helps = alone || own.into_iter().any(|word| is_option(word, &["-h", "--help", "help"]));
        Ok(Self { args: words.to_vec(), helps })
    }

    /// The arguments with the socket.
    fn against(&self, socket: &Path) -> Vec<OsString> {
        let mut args = self.args.clone();
        if !self.helps {
            let end = args.iter().position(|word| *word == "--").unwrap_or(args.len());
            args.splice(end..end, [OsString::from("--socket"), socket.as_os_str().to_owned()]);
        }
        args
    }

    /// Runs it, and returns how it ended: its exit code, or 128 and the number of the signal.
    pub async fn run(&self, socket: &Path) -> Result<u8, RemoteError> {
        let own = env::current_exe().ok();
        let Some(program) = find(own.as_deref(), env::var_os("PATH").as_deref()) else {
            return Err(RemoteError::Usage(format!(
                "{PROGRAM} is neither beside this program nor in PATH: install it here too"
            )));
        };
        let failed = |what| {
            let program = program.clone();
            move |error: io::Error| RemoteError::local(program, what, &error)
        };
        // Ctrl-C is the child's, which has the terminal: this process stays until it ends.
        let mut ignored = Vec::new();
        for kind in [SignalKind::interrupt(), SignalKind::quit()] {
            ignored.push(signal(kind).map_err(failed("no signals"))?);
        }
        let mut term = signal(SignalKind::terminate()).map_err(failed("no signals"))?;
        let mut hangup = signal(SignalKind::hangup()).map_err(failed("no signals"))?;
        let child = Command::new(&program).args(self.against(socket)).kill_on_drop(true).spawn();
        let mut child = child.map_err(failed("it cannot be started"))?;
        let ended = tokio::select! {
            ended = child.wait() => ended,
            _ = term.recv() => end(&mut child, Signal::SIGTERM).await,
            _ = hangup.recv() => end(&mut child, Signal::SIGHUP).await,
        };
        drop(ignored);
        Ok(code(ended.map_err(failed("it cannot be waited for"))?))
    }
}

/// Passes a signal on, and does not wait for ever.
async fn end(child: &mut Child, signal: Signal) -> io::Result<ExitStatus> {
    if let Some(id) = child.id().and_then(|id| i32::try_from(id).ok()) {
        // It may have ended just now.
        let _gone = kill(Pid::from_raw(id), signal);
    }
    match timeout(PATIENCE, child.wait()).await {
        Ok(ended) => ended,
        Err(_) => {
            child.start_kill()?;
            child.wait().await
        }
    }
}

/// As a shell has it.
fn code(ended: ExitStatus) -> u8 {
    let signal = ended.signal().map(|signal| 128 + signal);
    ended.code().or(signal).and_then(|code| u8::try_from(code).ok()).unwrap_or(2)
}

fn is_option(word: &OsStr, names: &[&str]) -> bool {
    let word = word.to_string_lossy();
    names.contains(&word.split('=').next().unwrap_or_default())
}

/// The program beside `own`, else in the directories of `path`.
fn find(own: Option<&Path>, path: Option<&OsStr>) -> Option<PathBuf> {
    let beside = own.and_then(Path::parent).map(Path::to_owned);
    let places = path.into_iter().flat_map(env::split_paths).filter(|place| place.is_absolute());
    let is_program = |path: &PathBuf| {
        path.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
    };
    beside.into_iter().chain(places).map(|place| place.join(PROGRAM)).find(is_program)
}

const PROGRAM: &str = "roadcast";
/// Those of `roadcast` that ask a daemon.
const COMMANDS: [&str; 7] = ["top", "doctor", "neighbours", "hazard", "priority", "status", "web"];
/// These are followed by another word; alone, they show their help.
const NEED_MORE: [&str; 2] = ["hazard", "priority"];
/// For a command that is asked to end.
const PATIENCE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split_whitespace().map(OsString::from).collect()
    }

    fn against(line: &str) -> Vec<OsString> {
        Errand::parse(&words(line)).unwrap().against(Path::new("/s"))
    }

    #[test]
    fn the_socket_is_named_where_the_command_reads_options() {
        assert_eq!(against("hazard new --cause accident"), words("hazard new --cause accident --socket /s"));
        assert_eq!(against("top --once"), words("top --once --socket /s"));
        assert_eq!(against("hazard cancel -- a/2"), words("hazard cancel --socket /s -- a/2"));
        for helped in ["hazard", "hazard new --help", "web -h"] {
            assert_eq!(against(helped), words(helped));
        }
    }

    #[test]
    fn what_does_not_ask_a_daemon_or_names_another_is_refused() {
        for (line, said) in [
            ("keys show a", "\"keys\" is no command for a unit: expected top, doctor, "),
            ("", "\"\" is no command"),
            ("status --socket /x", "--socket: the unit's socket is named by this program"),
            ("web --config=a.toml", "--config=a.toml: the unit's socket"),
        ] {
            let error = Errand::parse(&words(line)).unwrap_err().to_string();
            assert!(error.starts_with(said), "{error}");
        }
    }

    #[test]
    fn an_end_by_a_signal_is_as_a_shell_has_it() {
        assert_eq!(code(ExitStatus::from_raw(1 << 8)), 1);
        assert_eq!(code(ExitStatus::from_raw(2)), 130);
    }
}
