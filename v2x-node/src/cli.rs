//! The command line: one variant and one call per command.

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

#[cfg(feature = "replay")]
use clap::ColorChoice;
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::colour::{self, ColourChoice};
use crate::commands::{dump, keys, launch};
use crate::core_dump;
use crate::daemon::keeper::KeeperProcess;
use crate::error::{Error, without_numbers};
use crate::log::{self, Line, Log, LogForm, events};
use crate::rights;

mod slips;

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    if let Err(error) = rights::begin() {
        return refuse(error);
    }
    let args: Vec<OsString> = std::env::args_os().collect();
    if let Some(theirs) = launch::of_another(&args) {
        let started = rights::give_up().map_err(Error::from).and_then(|()| launch::run(&theirs));
        return started.map_or_else(refuse, |()| ExitCode::SUCCESS);
    }
    let words: Vec<String> = args.iter().skip(1).map(|arg| arg.to_string_lossy().into_owned()).collect();
    let command = Cli::command();
    #[cfg(feature = "replay")]
    let command = command.color(colour_of_help(&words));
    let matches = command.try_get_matches_from(&args);
    let cli = match matches.and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(mut error) => {
            slips::explain(&mut error, &words);
            // Help and version go to standard output with code 0, usage errors to standard error with code 2.
            let code = if error.use_stderr() { 2 } else { 0 };
            return match error.print() {
                Ok(()) => ExitCode::from(code),
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::from(code),
                Err(_) => ExitCode::from(2),
            };
        }
    };
    colour::choose(cli.color);
    if !cli.command.opens_links()
        && let Err(error) = rights::give_up()
    {
        return refuse(error);
    }
    // Before any thread, and before keys are read.
    let keeper = match &cli.command {
        Command::Run(args) if !args.check => crate::commands::run::prepare(args),
        _ => Ok(None),
    };
    let keeper = match keeper {
        Ok(keeper) => keeper,
        Err(error) => return refuse(error),
    };
    if cli.command.holds_keys()
        && let Err(source) = core_dump::forbid()
    {
        return refuse(Error::System { what: "keeping keys out of core dumps", source });
    }
    let form = match &cli.command {
        Command::Run(args) => args.log.unwrap_or_else(log::default_form),
        _ => LogForm::Text,
    };
    log::begin(cli.verbose, form);
    if let Command::Run(_) = &cli.command
        && let Err(source) = log::start()
    {
        return refuse(Error::System { what: "starting a thread for the log", source });
    }
    let mut out = io::BufWriter::new(io::stdout().lock());
    let result = run(&cli, keeper, &mut out);
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

/// The parser of the command line, of which pages of the manual and completions of shells are made.
#[must_use]
pub fn command() -> clap::Command {
    Cli::command()
}

#[derive(Debug, Parser)]
#[command(name = "roadcast", version = crate::version::VERSION, about = ABOUT, after_help = HELP, propagate_version = true)]
#[command(subcommand_required = true, arg_required_else_help = true, max_term_width = COLUMNS)]
struct Cli {
    /// More detail: -v for what happens, -vv for everything
    #[arg(short, long, global = true, action = clap::ArgAction::Count, help_heading = EVERYWHERE)]
    verbose: u8,
    /// Colours: auto (on a terminal, unless NO_COLOR is set), always or never
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "WHEN",
        default_value_t,
        hide_default_value = true,
        hide_possible_values = true,
        help_heading = EVERYWHERE
    )]
    color: ColourChoice,
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
    /// Show how a running daemon is doing: link, clock, position, counts
    #[command(after_help = crate::commands::status::HELP)]
    Status(crate::commands::status::StationStatusArgs),
    /// Walk the chain from the configuration to the neighbours heard: what is wrong, and what mends it
    #[command(after_help = crate::commands::doctor::HELP)]
    Doctor(crate::commands::doctor::DoctorArgs),
    /// Show a running daemon as a live table: deadlines, drops, the stations it hears
    #[command(after_help = crate::commands::top::HELP)]
    Top(crate::commands::top::TopArgs),
    /// Show the stations that a running daemon hears
    #[command(after_help = crate::commands::neighbours::HELP)]
    Neighbours(crate::commands::neighbours::NeighboursArgs),
    /// Declare, update, cancel and show hazards of a running daemon
    #[command(subcommand, arg_required_else_help = true, after_help = crate::commands::hazard::HELP)]
    Hazard(crate::commands::hazard::HazardCommand),
    /// Have a running vehicle's daemon ask intersections for a green signal
    #[command(subcommand, arg_required_else_help = true, after_help = crate::commands::priority::HELP)]
    Priority(crate::commands::priority::PriorityCommand),
    /// Have a running daemon sign and send a message, to all or sealed to one neighbour
    #[command(after_help = crate::commands::publish::HELP)]
    Publish(crate::commands::publish::PublishArgs),
    /// Serve the live map, the API and metrics of a running daemon over HTTP
    #[cfg(feature = "web")]
    #[command(after_help = crate::commands::web::HELP)]
    Web(crate::commands::web::WebArgs),
    /// Join a cell with a radio, leave it, and show what keeps a radio from joining
    #[command(subcommand, arg_required_else_help = true, after_help = crate::commands::link::HELP)]
    Link(crate::commands::link::LinkCommand),
    /// Drive a unit elsewhere with these commands, by the program roadcast-bridge
    #[command(after_help = launch::REMOTE_HELP)]
    Remote(launch::LaunchArgs),
    /// Links beside the radio, by the program roadcast-bridge: other units, operator, brokers
    #[command(after_help = launch::BRIDGE_HELP)]
    Bridge(launch::LaunchArgs),
    /// Decode frames from a link or a capture
    #[command(after_help = dump::HELP)]
    Dump(dump::DumpArgs),
}

impl Command {
    /// Whether it may open a packet socket.
    fn opens_links(&self) -> bool {
        match self {
            Self::Run(_) | Self::Doctor(_) => true,
            Self::Dump(args) => args.listens(),
            _ => false,
        }
    }

    /// Whether it has private keys of stations or authorities, or tokens, in memory.
    fn holds_keys(&self) -> bool {
        #[cfg(feature = "web")]
        if matches!(self, Self::Web(_)) {
            return true;
        }
        matches!(self, Self::Run(_) | Self::Keys(_) | Self::Doctor(_))
    }
}

fn run(
    Cli { command, verbose, .. }: &Cli,
    keeper: Option<KeeperProcess>,
    out: &mut dyn Write,
) -> Result<(), Error> {
    #[cfg(not(feature = "replay"))]
    let _ = verbose;
    match command {
        #[cfg(feature = "replay")]
        Command::Demo(args) => crate::commands::demo::run(args, *verbose > 0, out),
        Command::Run(args) if args.check => crate::commands::run::check(args, out),
        Command::Run(args) => crate::commands::run::run(args, keeper),
        #[cfg(feature = "replay")]
        Command::Replay(command) => crate::commands::replay::run(command, out),
        Command::Keys(command) => keys::run(command, out),
        Command::Status(args) => crate::commands::status::run(args, out),
        Command::Doctor(args) => crate::commands::doctor::run(args, out),
        Command::Top(args) => crate::commands::top::run(args, out),
        Command::Neighbours(args) => crate::commands::neighbours::run(args, out),
        Command::Hazard(command) => crate::commands::hazard::run(command, out),
        Command::Priority(command) => crate::commands::priority::run(command, out),
        Command::Publish(args) => crate::commands::publish::run(args, out),
        #[cfg(feature = "web")]
        Command::Web(args) => crate::commands::web::run(args, out),
        Command::Dump(args) => dump::run(args, out),
        Command::Link(command) => crate::commands::link::run(command, out),
        Command::Remote(args) => launch::remote(args),
        Command::Bridge(args) => launch::bridge(args),
    }
}

/// Whether the parser colours its help: it does so before the command line is understood.
#[cfg(feature = "replay")]
fn colour_of_help(words: &[String]) -> ColorChoice {
    let after = words.iter().position(|word| word == "--color").and_then(|index| words.get(index + 1));
    let choice = words.iter().find_map(|word| word.strip_prefix("--color=")).or(after.map(String::as_str));
    match choice {
        Some("always") => ColorChoice::Always,
        Some("never") => ColorChoice::Never,
        _ => ColorChoice::Auto,
    }
}

/// Ends before anything was begun.
fn refuse(error: impl Into<Error>) -> ExitCode {
    let error = error.into();
    complain(&error);
    error.exit_code()
}

/// Prints the error on one line, and its hint on another if it has one.
fn complain(error: &Error) {
    let hint = error.hint().map_or_else(String::new, |hint| format!("  hint: {hint}\n"));
    if !log::prints_lines() {
        let line = Line::new(&events::STATION_FAILED, without_numbers(&error.to_string()));
        return error.hint().map_or(line.clone(), |hint| line.with("hint", hint)).log();
    }
    // Nothing is left to do when even this fails.
    drop(write!(Log, "roadcast: {}\n{hint}", without_numbers(&error.to_string())));
}

const ABOUT: &str = "Signed vehicle-to-vehicle and roadside messages, from station to station";
const EVERYWHERE: &str = "Everywhere";
/// The narrowest terminal that people use; longer lines are hard to read on wider ones.
const COLUMNS: usize = 80;
const HELP: &str = "Exit codes: 0 success, 1 a deadline or check failed, or the station refused,
2 bad input or usage, 130 interrupted.

ROADCAST_LOG sets what is logged on standard error, with the levels and parts of
RUST_LOG: ROADCAST_LOG=debug, or v2x_node::daemon=debug for one part; it counts
more than -v. NO_COLOR=1 turns colours off.

Examples:
  roadcast demo
  roadcast keys init --dir keys
  roadcast keys issue --dir keys --name car-1
  roadcast run car-1.toml
  roadcast neighbours
  roadcast replay run town.fcd.csv.gz
  roadcast hazard new --cause accident
  roadcast priority request
  roadcast web
  roadcast dump --config car-1.toml
  roadcast dump night.pcapng --json";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_tree_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn help_fits_eighty_columns_and_breaks_no_example() {
        let mut cli = Cli::command();
        cli.build();
        let mut commands = vec![cli];
        while let Some(mut command) = commands.pop() {
            let name = command.get_name().to_owned();
            for help in [command.render_help(), command.render_long_help()] {
                for line in help.to_string().lines() {
                    assert!(line.chars().count() <= COLUMNS, "{name}: {line}");
                }
            }
            let examples = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            for line in examples.lines() {
                assert!(line.chars().count() <= COLUMNS, "{name}: {line}");
            }
            commands.extend(command.get_subcommands().cloned());
        }
    }

    #[test]
    #[cfg(feature = "replay")]
    fn the_colour_of_help_is_asked_for_like_that_of_everything() {
        let of = |line: &str| colour_of_help(&line.split(' ').map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(of("demo --color never --help"), ColorChoice::Never);
        assert_eq!(of("--color=always help"), ColorChoice::Always);
        assert_eq!((of("demo"), of("demo --color")), (ColorChoice::Auto, ColorChoice::Auto));
    }
}
