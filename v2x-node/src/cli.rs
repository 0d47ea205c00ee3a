//! The command line: one variant and one call per command.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::commands::{dump, keys};
use crate::error::{Error, without_numbers};
use crate::log::{self, Log};

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version go to standard output with code 0, usage errors to standard error with code 2.
            let code = if error.use_stderr() { 2 } else { 0 };
            return match error.print() {
                Ok(()) => ExitCode::from(code),
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::from(code),
                Err(_) => ExitCode::from(2),
            };
        }
    };
    start_log(cli.verbose);
    if let Command::Run(_) = &cli.command
        && let Err(source) = log::start()
    {
        let error = Error::System { what: "starting a thread for the log", source };
        complain(&error);
        return error.exit_code();
    }
    let mut out = io::BufWriter::new(io::stdout().lock());
    let result = run(&cli.command, &mut out);
    // Output written before an error is shown before it.
    let code = match result.and_then(|()| Ok(out.flush()?)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is_closed_pipe() => ExitCode::SUCCESS,
        Err(error) => {
            let flushed = out.flush();
            drop(flushed);
            complain(&error);
            error.exit_code()
        }
    };
    log::finish();
    code
}

#[derive(Debug, Parser)]
#[command(name = "roadcast", version, about = ABOUT, after_help = HELP, propagate_version = true)]
#[command(subcommand_required = true, arg_required_else_help = true)]
struct Cli {
    /// Print more on standard error: -v for what happens, -vv for everything
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a town of vehicles and roadside units live on this machine, and judge its deadlines
    #[cfg(feature = "replay")]
    #[command(after_help = crate::commands::demo::HELP)]
    Demo(crate::commands::demo::DemoArgs),
    /// Run a station: the daemon of a vehicle or a roadside unit
    #[command(after_help = crate::commands::run::HELP)]
    Run(crate::commands::run::RunArgs),
    /// Replay traces and recordings in virtual time
    #[cfg(feature = "replay")]
    #[command(subcommand, arg_required_else_help = true)]
    Replay(crate::commands::replay::ReplayCommand),
    /// Make an authority, keys and credentials, and show what a credential allows
    #[command(subcommand, arg_required_else_help = true)]
    Keys(keys::KeysCommand),
    /// Declare, update, cancel and show hazards of a running daemon
    #[command(subcommand, arg_required_else_help = true, after_help = crate::commands::hazard::HELP)]
    Hazard(crate::commands::hazard::HazardCommand),
    /// Have a running vehicle's daemon ask intersections for a green signal
    #[command(subcommand, arg_required_else_help = true, after_help = crate::commands::priority::HELP)]
    Priority(crate::commands::priority::PriorityCommand),
    /// Decode frames from a link or a capture
    #[command(after_help = dump::HELP)]
    Dump(dump::DumpArgs),
}

fn run(command: &Command, out: &mut dyn Write) -> Result<(), Error> {
    match command {
        #[cfg(feature = "replay")]
        Command::Demo(args) => crate::commands::demo::run(args, out),
        Command::Run(args) => crate::commands::run::run(args),
        #[cfg(feature = "replay")]
        Command::Replay(command) => crate::commands::replay::run(command, out),
        Command::Keys(command) => keys::run(command, out),
        Command::Hazard(command) => crate::commands::hazard::run(command, out),
        Command::Priority(command) => crate::commands::priority::run(command, out),
        Command::Dump(args) => dump::run(args, out),
    }
}

/// Prints the error on one line, and its hint on another if it has one.
fn complain(error: &Error) {
    let hint = error.hint().map_or_else(String::new, |hint| format!("  hint: {hint}\n"));
    // Nothing is left to do when even this fails.
    drop(write!(Log, "roadcast: {}\n{hint}", without_numbers(&error.to_string())));
}

fn start_log(verbose: u8) {
    let level = match verbose {
        0 => "warn",
        1 => "info",
        _ => "debug",
    };
    let filter = tracing_subscriber::EnvFilter::try_from_env("ROADCAST_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(level));
    let started = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(|| Log)
        .with_ansi(io::stderr().is_terminal())
        .without_time()
        .try_init();
    // A program that uses this crate may have its own log.
    drop(started);
}

const ABOUT: &str = "Signed vehicle-to-vehicle and roadside messages, straight from station to station";
const HELP: &str = "Exit codes: 0 success, 1 a deadline or check failed, or the station refused,
2 bad input or usage.

Examples:
  roadcast demo
  roadcast keys init --dir keys
  roadcast keys issue --dir keys --name car-1
  roadcast run --config car-1.toml
  roadcast replay run town.fcd.csv.gz
  roadcast hazard new --cause accident
  roadcast priority request
  roadcast dump --config car-1.toml
  roadcast dump night.pcapng --json";

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_tree_is_consistent() {
        Cli::command().debug_assert();
    }
}
