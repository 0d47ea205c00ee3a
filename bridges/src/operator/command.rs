//! Commands that the configuration names: a program and its arguments, no shell, bounded in time and output.

use std::io;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};

use super::versions::LONGEST_DETAIL;

/// A program with its arguments; in each argument `{file}` stands for the file that it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandLine(Vec<String>);

impl CommandLine {
    /// These words, of which the first is the program.
    #[must_use]
    pub fn new(words: Vec<String>) -> Option<Self> {
        (!words.is_empty()).then_some(Self(words))
    }

    /// Whether `{file}` stands in it.
    #[must_use]
    pub fn names_file(&self) -> bool {
        self.0.iter().any(|word| word.contains(FILE))
    }

    /// Runs it and waits for its end, at most so long; then it is killed, with what it started.
    ///
    /// # Errors
    /// It cannot be started.
    pub async fn run(&self, file: &Path, most: Duration) -> Result<CommandEnd, CommandError> {
        let failed = |source| CommandError { program: self.0[0].clone(), source };
        let mut words = self.0.iter().map(|word| word.replace(FILE, &file.to_string_lossy()));
        let mut command = Command::new(words.next().unwrap_or_default());
        command.args(words).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // A group of its own, so that what it started ends with it.
        command.process_group(0).kill_on_drop(true);
        let mut child = command.spawn().map_err(failed)?;
        let group = Group(child.id());
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let mut said = (Tail::default(), Tail::default());
        let exit = {
            let read = async {
                tokio::join!(said.0.read(out), said.1.read(err));
            };
            ended(&mut child, read, most).await.map_err(failed)?
        };
        drop(group);
        let output = [said.0.text(), said.1.text()].join("");
        let cut = output.len().saturating_sub(LONGEST_DETAIL);
        let cut = (cut..=output.len()).find(|place| output.is_char_boundary(*place)).unwrap_or(0);
        Ok(CommandEnd { exit, output: output[cut..].trim().to_owned() })
    }
}

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandEnd {
    /// How.
    pub exit: Exit,
    /// The end of what it wrote, standard output before standard error, at most [`LONGEST_DETAIL`] bytes.
    pub output: String,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// With a code.
    Code(i32),
    /// By a signal.
    Signal,
    /// It was killed, for it took too long.
    TooLong,
}

impl Exit {
    /// Its code, where it ended by itself.
    #[must_use]
    pub const fn code(self) -> Option<i32> {
        match self {
            Self::Code(code) => Some(code),
            Self::Signal | Self::TooLong => None,
        }
    }
}

/// A command that cannot be started.
#[derive(Debug, thiserror::Error)]
#[error("{program}: cannot be started: {source}")]
pub struct CommandError {
    program: String,
    source: io::Error,
}

async fn ended(child: &mut Child, read: impl Future<Output = ()>, most: Duration) -> io::Result<Exit> {
    let mut read = std::pin::pin!(read);
    let wait = async {
        let mut reading = true;
        loop {
            tokio::select! {
                status = child.wait() => {
                    // What it started may hold the pipes for ever; what it wrote itself is there.
                    if reading {
                        drop(tokio::time::timeout(LAST_WORDS, read.as_mut()).await);
                    }
                    return status;
                }
                () = read.as_mut(), if reading => reading = false,
            }
        }
    };
    match tokio::time::timeout(most, wait).await {
        Err(_) => Ok(Exit::TooLong),
        Ok(status) => Ok(status?.code().map_or(Exit::Signal, Exit::Code)),
    }
}

/// The processes of a command, killed when this is dropped.
struct Group(Option<u32>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0.and_then(|id| i32::try_from(id).ok()) {
            // None of them is left when the command ended as it should.
            killpg(Pid::from_raw(group), Signal::SIGKILL).ok();
        }
    }
}

/// The end of what is read.
#[derive(Default)]
struct Tail(Vec<u8>);

impl Tail {
    async fn read(&mut self, from: Option<impl AsyncRead + Unpin>) {
        let Some(mut from) = from else { return };
        let mut buffer = [0; 4_096];
        while let Ok(length @ 1..) = from.read(&mut buffer).await {
            self.0.extend_from_slice(&buffer[..length]);
            let over = self.0.len().saturating_sub(LONGEST_DETAIL);
            self.0.drain(..over);
        }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0).into_owned()
    }
}

const FILE: &str = "{file}";
/// How long what a command wrote is waited for after its end.
const LAST_WORDS: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::fixture::Folder;
    use super::*;

    fn shell(script: &str) -> CommandLine {
        let words = ["/bin/sh", "-c", script, "sh", "{file}"].map(str::to_owned);
        CommandLine::new(words.to_vec()).unwrap()
    }

    async fn run(line: &CommandLine, most: Duration) -> CommandEnd {
        line.run(Path::new("/tmp/a b; c"), most).await.unwrap()
    }

    const LONG: Duration = Duration::from_secs(600);

    #[tokio::test]
    async fn a_command_gets_the_file_as_one_word_and_its_code_and_last_words_are_kept() {
        let end = run(&shell("echo \"got $1\"; echo complaint >&2; exit 3"), LONG).await;
        assert_eq!(end, CommandEnd { exit: Exit::Code(3), output: "got /tmp/a b; c\ncomplaint".to_owned() });
        let end = run(&shell("kill -TERM $$"), LONG).await;
        assert_eq!(end.exit, Exit::Signal);
    }

    #[tokio::test]
    async fn a_command_that_hangs_is_killed_with_what_it_started() {
        let folder = Folder::new();
        let pid = folder.path("pid");
        let script = format!("sleep 600 & echo $! > {0}.new; mv {0}.new {0}; wait", pid.display());
        let line = shell(&script);
        let hangs = line.run(Path::new("x"), LONG);
        let begun = async {
            while !pid.exists() {
                tokio::task::yield_now().await;
            }
        };
        // Until it has started its own; then its time is over.
        tokio::select! {
            _ = hangs => panic!("it hangs"),
            () = begun => {}
        }
        let id: i32 = fs::read_to_string(&pid).unwrap().trim().parse().unwrap();
        // The kernel ends it in its own time, and an init may leave it as a zombie.
        let gone = || {
            let state = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
            state.is_empty() || state.rsplit(')').next().unwrap_or_default().trim().starts_with('Z')
        };
        while !gone() {
            tokio::task::yield_now().await;
        }
        let end = run(&shell("echo begun; sleep 600"), Duration::from_millis(300)).await;
        assert_eq!(end.exit, Exit::TooLong);
    }

    #[tokio::test]
    async fn a_child_left_in_the_background_does_not_hold_the_command() {
        let end = run(&shell("sleep 600 & echo ready"), LONG).await;
        assert_eq!(end, CommandEnd { exit: Exit::Code(0), output: "ready".to_owned() });
    }

    #[tokio::test]
    async fn of_endless_output_the_end_is_kept() {
        let end = run(&shell("yes line | head -c 3000000; echo last"), LONG).await;
        assert_eq!(end.exit, Exit::Code(0));
        assert!(
            end.output.len() <= LONGEST_DETAIL && end.output.ends_with("line\nlast"),
            "{}",
            end.output.len()
        );
    }

    #[tokio::test]
    async fn a_command_that_is_not_there_is_named() {
        let line = CommandLine::new(vec!["/none/rauc".to_owned()]).unwrap();
        let error = line.run(Path::new("x"), LONG).await.unwrap_err();
        assert!(error.to_string().starts_with("/none/rauc: cannot be started: No such file"), "{error}");
        assert!(!line.names_file() && shell("").names_file());
        assert_eq!(CommandLine::new(Vec::new()), None);
    }
}
