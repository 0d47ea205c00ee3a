//! `roadcast doctor`: walks the whole chain from the configuration to the neighbours heard, and says for each link what is
//! wrong and what mends it. `roadcast run --check` walks the part that needs no running station.

mod files;
mod finding;
mod machine;
mod running;

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use v2x_api::{Client, ClientError, Status};

use self::finding::Finding;
use crate::colour::Paint;
use crate::commands::client::socket_of;
use crate::config::{ControlConfig, StationConfig};
use crate::error::Error;
use crate::machine::read_anchor;

/// `roadcast doctor`.
#[derive(Args, Clone, Debug)]
pub struct DoctorArgs {
    /// Configuration of the station; --config FILE does the same
    #[arg(value_name = "CONFIG", required_unless_present_any = ["config", "socket"], conflicts_with = "config")]
    file: Option<PathBuf>,
    /// Configuration of the station
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Control socket of a daemon: what it says of itself, without the files of its machine
    #[arg(long, value_name = "PATH", conflicts_with_all = ["file", "config"])]
    socket: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Shown under `roadcast doctor --help`.
pub const HELP: &str = "Of a station that runs, link, clock, position and what it hears are as its
daemon says; of one that does not, they are tried from here: run it as the user
and with the rights of the station. Nothing is sent.

Each line is \"ok\", \"look\" (it works, and may not be what you want) or \"fault\",
with the command or the setting that mends it below.

With --socket, as `roadcast remote` has it for a unit elsewhere, the daemon
alone is asked: configuration, keys and the machine are left out, which the
first line says.

Exit codes: 0 no fault, 1 faults were found, 2 the configuration cannot be read,
or no daemon answers at --socket.

Examples:
  roadcast doctor car-1.toml
  roadcast doctor --socket /run/roadcast/car-1.sock
  roadcast doctor --config car-1.toml --json";

/// Looks at everything and shows it.
///
/// # Errors
/// The configuration cannot be read, or no daemon answers at the socket; [`Error::Check`]: faults were found.
pub fn run(args: &DoctorArgs, out: &mut dyn Write) -> Result<(), Error> {
    if let Some(socket) = &args.socket {
        return show(&of_the_daemon(&Client::connect(socket)?.status()?), args.json, out);
    }
    // The parser requires one of them.
    let file = args.config.as_ref().or(args.file.as_ref()).cloned().unwrap_or_default();
    let config = StationConfig::load(&file)?;
    let now = read_anchor().wire;
    let mut findings = vec![files::configuration(&config, &file)];
    findings.extend(files::identity(&config, now));
    findings.extend(files::places(&config));
    match status(&config, &file) {
        Ok(status) => findings.extend(running::running(&status)),
        Err(not_running) => {
            findings.push(not_running);
            findings.extend(of_the_machine(&config));
        }
    }
    show(&findings, args.json, out)
}

/// `roadcast run --check`: what a station needs, before it runs.
///
/// # Errors
/// As [`run`].
pub fn check(config_file: &Path, out: &mut dyn Write) -> Result<(), Error> {
    let config = StationConfig::load(config_file)?;
    let mut findings = vec![files::configuration(&config, config_file)];
    findings.extend(files::identity(&config, read_anchor().wire));
    findings.extend(files::places(&config));
    findings.extend(of_the_machine(&config));
    show(&findings, false, out)
}

/// What a daemon says of itself, and what only its machine could say.
fn of_the_daemon(status: &Status) -> Vec<Finding> {
    let mut findings = vec![Finding::warn(
        "files",
        "not looked at: configuration, keys, and the machine's clock and radios are its machine's",
        "there: roadcast doctor CONFIG",
    )];
    findings.extend(running::running(status));
    findings
}

fn of_the_machine(config: &StationConfig) -> Vec<Finding> {
    let mut findings =
        vec![machine::clock(config), machine::position(&config.position), machine::link(&config.link)];
    findings.extend(machine::scheduling(config));
    findings
}

fn status(config: &StationConfig, file: &Path) -> Result<Status, Finding> {
    if config.control == ControlConfig::Off {
        return Err(Finding::warn(
            "daemon",
            "not asked: control.enabled = false",
            "remove it from [control]: the socket is this user's alone",
        ));
    }
    let socket = socket_of(file).map_err(|error| Finding::of_error("daemon", &error))?;
    let asked = Client::connect(&socket).and_then(|mut daemon| daemon.status());
    asked.map_err(|error| match error {
        ClientError::NoDaemon { .. } => {
            Finding::warn("daemon", "not running", format!("roadcast run --config {}", file.display()))
        }
        error => Finding::of_error("daemon", &Error::from(error)),
    })
}

fn show(findings: &[Finding], json: bool, out: &mut dyn Write) -> Result<(), Error> {
    match json {
        true => writeln!(out, "{}", finding::as_json(findings))?,
        false => write!(out, "{}", finding::table(findings, Paint::stdout()))?,
    }
    finding::outcome(findings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::colour::Mark;

    #[test]
    fn of_a_daemon_alone_the_first_line_says_what_was_left_out_and_that_is_no_fault() {
        let status = Status { link_up: true, sending: true, clock: "locked".to_owned(), ..Status::default() };
        let findings = of_the_daemon(&status);
        assert_eq!((findings[0].subject, findings[0].mark), ("files", Mark::Warn));
        let faults: Vec<_> = findings.iter().filter(|finding| finding.mark == Mark::Bad).collect();
        assert_eq!(faults.iter().map(|finding| finding.subject).collect::<Vec<_>>(), ["position"]);
    }
}
