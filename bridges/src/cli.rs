//! The command line: one variant and one call per command.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory as _, Parser, Subcommand};

use crate::ask::{AskArgs, FollowArgs};
use crate::config::{Config, load_relay};
use crate::error::BridgeError;
use crate::operator_commands::{self, OperatorCommand};
use crate::remote::{self, RemoteArgs};
use crate::{ask, drive, keys, run};

/// Links from a unit to other units, its operator and brokers, beside the radio
#[derive(Debug, Parser)]
#[command(
    name = "roadcast-bridge",
    version,
    max_term_width = 80,
    subcommand_required = true,
    arg_required_else_help = true
)]
struct Cli {
    /// More detail: -v for what happens, -vv for everything
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the links of a configuration until ended
    Run(RunArgs),
    /// Show the links of a running bridge
    Status(AskArgs),
    /// Print the figures of a running bridge as OpenMetrics text
    Metrics(AskArgs),
    /// Print what comes from afar to a running bridge, a line of JSON each
    Listen(AskArgs),
    /// Print what comes from the broker of a configuration, a line of JSON each
    Follow(FollowArgs),
    /// Make the key of this bridge, or show its public half, by which peers know it
    #[command(subcommand)]
    Keys(KeysCommand),
    /// What an operator gives its units: sign, check, apply, push, and see what runs
    #[command(subcommand)]
    Operator(OperatorCommand),
    /// Drive a unit elsewhere, or look at all of them
    #[command(after_help = remote::HELP)]
    Remote(RemoteArgs),
    /// Run a relay for bridges of your own that cannot reach each other
    Relay(RunArgs),
}

#[derive(Debug, Subcommand)]
enum KeysCommand {
    /// Make a key, in a file that must not be there, and print its public half
    New {
        /// The file
        #[arg(long, value_name = "FILE", default_value = "bridge.key")]
        out: PathBuf,
    },
    /// Print the public half of a key, for the files of other bridges and of a relay
    Show {
        /// The file
        #[arg(value_name = "FILE", default_value = "bridge.key")]
        file: PathBuf,
    },
}

#[derive(Args, Debug)]
struct RunArgs {
    /// The configuration
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Only check the configuration
    #[arg(long)]
    check: bool,
}

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    crate::log::begin(cli.verbose);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|source| BridgeError::System { what: "starting", source });
    match runtime.and_then(|runtime| runtime.block_on(obey(cli.command))) {
        Ok(code) => code,
        Err(error) if error.is_closed_pipe() => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(&error)
        }
    }
}

/// The parser of the command line, of which pages of the manual and completions of shells are made.
#[must_use]
pub fn command() -> clap::Command {
    Cli::command()
}

async fn obey(command: Command) -> Result<ExitCode, BridgeError> {
    let done = match command {
        Command::Remote(args) => return drive::remote(&args).await.map(ExitCode::from),
        Command::Run(args) => {
            let config = Config::load(&args.config)?;
            if args.check {
                config.broker.as_ref().map(|broker| broker.link(None)).transpose()?;
                println!("{}: can be used", args.config.display());
                return Ok(ExitCode::SUCCESS);
            }
            run::run(config).await
        }
        Command::Status(args) => ask::status(&args).await,
        Command::Metrics(args) => ask::metrics(&args).await,
        Command::Listen(args) => ask::listen(&args).await,
        Command::Follow(args) => ask::follow(&args).await,
        Command::Keys(KeysCommand::New { out }) => keys::new(&out),
        Command::Keys(KeysCommand::Show { file }) => keys::show(&file),
        Command::Operator(command) => operator_commands::run(&command).await,
        Command::Relay(args) => {
            let settings = load_relay(&args.config)?;
            if args.check {
                println!("{}: can be used", args.config.display());
                return Ok(ExitCode::SUCCESS);
            }
            run::relay(&args.config, &settings).await
        }
    };
    done.map(|()| ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_tree_is_consistent_and_help_fits_eighty_columns() {
        Cli::command().debug_assert();
        let mut cli = Cli::command();
        cli.build();
        let mut commands = vec![cli];
        while let Some(mut command) = commands.pop() {
            let name = command.get_name().to_owned();
            for help in [command.render_help(), command.render_long_help()] {
                // Usage is not wrapped by the parser.
                for line in help.to_string().lines().filter(|line| !line.starts_with("Usage: ")) {
                    assert!(line.chars().count() <= 80, "{name}: {line}");
                }
            }
            commands.extend(command.get_subcommands().cloned());
        }
    }
}
