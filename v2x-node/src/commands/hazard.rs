//! `roadcast hazard`: declares, updates, cancels and shows hazards of a running daemon, over its control socket.

pub(crate) mod parse;
mod table;

use core::time::Duration;
use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;
use v2x_api::display::change_line;
use v2x_api::{Area, Client, ClientError, Declaration, EventId, Place, Point, Repetition, cause};
use v2x_proto::{Class, v1};

use crate::commands::client::connect;
use crate::commands::span::whole;
use crate::error::Error;

/// `roadcast hazard`.
#[derive(Clone, Debug, Subcommand)]
pub enum HazardCommand {
    /// Declare a hazard and print its name
    #[command(after_help = NEW_HELP)]
    New(NewArgs),
    /// Update one of the station's own hazards; options left out keep their values
    #[command(after_help = UPDATE_HELP)]
    Update(UpdateArgs),
    /// Cancel one of the station's own hazards
    Cancel(NamedArgs),
    /// Negate another station's hazard: state that it is not there; needs the permission `negation`
    Negate(NamedArgs),
    /// List the hazards the station knows, its own and those it received
    #[command(after_help = LIST_HELP)]
    List(ListArgs),
    /// Print every change of a hazard from now on, one line each
    Watch(ListArgs),
}

/// Which daemon.
#[derive(Args, Clone, Debug)]
pub struct Daemon {
    /// Control socket of the daemon; default without --config: the only one found
    #[arg(long, value_name = "PATH", conflicts_with = "config")]
    socket: Option<PathBuf>,
    /// Configuration of the daemon, which names its socket
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// `roadcast hazard new`.
#[derive(Args, Clone, Debug)]
pub struct NewArgs {
    /// Cause, by the standard's name or number; `list` prints them all
    #[arg(long, value_name = "CAUSE")]
    cause: String,
    /// D3 for an area (the default), D1 for an alert, D0 for imminent danger
    #[arg(long, value_name = "CLASS", value_parser = parse::class)]
    class: Option<Class>,
    #[command(flatten)]
    said: Said,
    #[command(flatten)]
    daemon: Daemon,
}

/// `roadcast hazard update`.
#[derive(Args, Clone, Debug)]
pub struct UpdateArgs {
    /// Name of the hazard, as printed by `new` and `list`
    #[arg(value_name = "EVENT")]
    event: EventId,
    /// Cause, by the standard's name or number; `list` prints them all
    #[arg(long, value_name = "CAUSE")]
    cause: Option<String>,
    #[command(flatten)]
    said: Said,
    #[command(flatten)]
    daemon: Daemon,
}

/// `roadcast hazard cancel` and `negate`.
#[derive(Args, Clone, Debug)]
pub struct NamedArgs {
    /// Name of the hazard, as printed by `list`
    #[arg(value_name = "EVENT")]
    event: EventId,
    #[command(flatten)]
    daemon: Daemon,
}

/// `roadcast hazard list` and `watch`.
#[derive(Args, Clone, Debug)]
pub struct ListArgs {
    #[command(flatten)]
    daemon: Daemon,
}

/// The fields of a declared hazard.
#[derive(Args, Clone, Debug)]
struct Said {
    /// Sub-cause by the standard, 0 to 255
    #[arg(long, value_name = "N")]
    sub_cause: Option<u8>,
    /// Position in degrees, or `here` for the station's position (default of a new hazard)
    #[arg(long, value_name = "LAT,LON", value_parser = parse::place, allow_hyphen_values = true)]
    at: Option<Place>,
    /// Speed of the hazard, m/s
    #[arg(long, value_name = "M_S", value_parser = parse::speed)]
    speed: Option<u16>,
    /// Heading of the hazard, degrees clockwise from north
    #[arg(long, value_name = "DEG", value_parser = parse::heading)]
    heading: Option<u16>,
    /// Confidence, 1 to 7
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=7))]
    quality: Option<u8>,
    /// Validity from now, such as 90s, 10m or 2h; default of a new hazard: 10m
    #[arg(long, value_name = "TIME", value_parser = parse::validity)]
    validity: Option<Duration>,
    /// Area: a circle around it, radius in metres
    #[arg(long, value_name = "M", group = "area", value_parser = parse::radius)]
    radius: Option<Area>,
    /// Area: a rectangle around it, length and width in metres, and the direction of the length
    #[arg(long, value_name = "LENGTHxWIDTH@DEG", group = "area", value_parser = parse::rectangle)]
    rectangle: Option<Area>,
    /// Area: an ellipse around it, as --rectangle
    #[arg(long, value_name = "LENGTHxWIDTH@DEG", group = "area", value_parser = parse::ellipse)]
    ellipse: Option<Area>,
    /// Centre of the area, when it is not the hazard's position
    #[arg(long, value_name = "LAT,LON", requires = "area", value_parser = parse::position, allow_hyphen_values = true)]
    centre: Option<Point>,
    /// Distance within which it is relevant, metres
    #[arg(long, value_name = "M", value_parser = whole(1..=u16::MAX, "metres"))]
    relevance: Option<u16>,
    /// Traffic for which it is relevant: all, upstream, downstream or opposite
    #[arg(long, value_name = "TRAFFIC", value_parser = parse::direction)]
    direction: Option<v1::RelevanceDirection>,
    /// Repetition interval, 100ms to 1h; default: that of its class
    #[arg(long, value_name = "TIME", value_parser = parse::duration)]
    repeat: Option<Duration>,
    /// How long it is repeated; default: as long as it is valid
    #[arg(long, value_name = "TIME", requires = "repeat", value_parser = parse::duration)]
    repeat_for: Option<Duration>,
    /// Others repeat it when they have not heard it for twice this time, 1ms to 10s
    #[arg(long, value_name = "TIME", value_parser = parse::keep_alive)]
    keep_alive: Option<Duration>,
}

/// Runs a command.
///
/// # Errors
/// What is wrong with the command, no daemon, or the station's refusal.
pub fn run(command: &HazardCommand, out: &mut dyn Write) -> Result<(), Error> {
    match command {
        HazardCommand::New(args) if args.cause == "list" => causes(args.daemon.json, out),
        HazardCommand::New(args) => {
            let declaration = args.said.declaration(Some(cause(&args.cause)?));
            let declaration = Declaration { class: args.class, ..declaration };
            let event = args.daemon.connect()?.declare(&declaration)?;
            done(event, "", args.daemon.json, out)
        }
        HazardCommand::Update(args) if args.cause.as_deref() == Some("list") => causes(args.daemon.json, out),
        HazardCommand::Update(args) => {
            let declaration = args.said.declaration(args.cause.as_deref().map(cause).transpose()?);
            if declaration == Declaration::default() {
                return Err(ClientError::BadRequest(NOTHING_TO_UPDATE.to_owned()).into());
            }
            args.daemon.connect()?.update(args.event, &declaration)?;
            done(args.event, " updated", args.daemon.json, out)
        }
        HazardCommand::Cancel(args) => {
            args.daemon.connect()?.cancel(args.event)?;
            done(args.event, " cancelled", args.daemon.json, out)
        }
        HazardCommand::Negate(args) => {
            args.daemon.connect()?.negate(args.event)?;
            done(args.event, " negated", args.daemon.json, out)
        }
        HazardCommand::List(args) => {
            let hazards = args.daemon.connect()?.hazards()?;
            match args.daemon.json {
                true => writeln!(out, "{}", json!({ "hazards": hazards }))?,
                false => {
                    let columns =
                        terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| width.0.into());
                    write!(out, "{}", table::of(&hazards, columns))?;
                }
            }
            Ok(())
        }
        HazardCommand::Watch(args) => watch(args.daemon.connect()?, args.daemon.json, out),
    }
}

fn watch(client: Client, json: bool, out: &mut dyn Write) -> Result<(), Error> {
    let mut watch = client.watch()?;
    loop {
        let answer = watch.next_change()?;
        match (&answer.hazard, answer.changes) {
            _ if json => writeln!(out, "{}", answer.line())?,
            (Some(hazard), _) => {
                writeln!(out, "{}", change_line(answer.change.as_deref().unwrap_or_default(), hazard))?;
            }
            (None, Some(lost)) => writeln!(out, "{lost} changes not reported: too many at once")?,
            (None, None) => {}
        }
        out.flush()?;
    }
}

impl Daemon {
    /// Whether to print JSON.
    pub(crate) fn json(&self) -> bool {
        self.json
    }

    /// A connection to it.
    pub(crate) fn connect(&self) -> Result<Client, Error> {
        connect(self.socket.as_deref(), self.config.as_deref())
    }
}

impl Said {
    fn declaration(&self, cause: Option<u8>) -> Declaration {
        let area = self.radius.or(self.rectangle).or(self.ellipse);
        Declaration {
            class: None,
            cause,
            sub_cause: self.sub_cause,
            place: self.at,
            speed: self.speed,
            heading: self.heading,
            quality: self.quality,
            validity: self.validity,
            area: area.map(|area| Area { centre: self.centre, ..area }),
            relevance_distance_m: self.relevance,
            relevance_direction: self.direction,
            repeat: self.repeat.map(|every| Repetition { every, during: self.repeat_for }),
            keep_alive: self.keep_alive,
        }
    }
}

fn cause(text: &str) -> Result<u8, ClientError> {
    cause::parse(text).ok_or_else(|| {
        let near = cause::near(text);
        let near = if near.is_empty() { String::new() } else { format!("; near it: {near}") };
        let right = "a cause's name or number, such as accident or 2 (--cause list shows them)";
        ClientError::BadRequest(format!("--cause: found {text:?}, expected {right}{near}"))
    })
}

fn causes(json: bool, out: &mut dyn Write) -> Result<(), Error> {
    for (number, name, standard) in cause::all() {
        match json {
            true => {
                writeln!(out, "{}", json!({ "cause": number, "cause_name": name, "standard": standard }))?
            }
            false => writeln!(out, "{number:>3}  {name:<20}  {standard}")?,
        }
    }
    Ok(())
}

fn done(event: EventId, what: &str, json: bool, out: &mut dyn Write) -> Result<(), Error> {
    match json {
        true => writeln!(out, "{}", json!({ "event": event.to_string() }))?,
        false => writeln!(out, "{event}{what}")?,
    }
    Ok(())
}

const NOTHING_TO_UPDATE: &str = "nothing to update: give what has changed, such as --quality 6 or --at here";

/// Shown under `roadcast hazard --help`.
pub const HELP: &str = "Which daemon: --socket, else that of --config, else the only one in
$XDG_RUNTIME_DIR/roadcast, or, when that has none, in /run/user/UID/roadcast,
/run/roadcast or /tmp/roadcast-UID.

Exit codes: 0 done, 1 refused by the station, 2 bad input or no daemon.

Examples:
  roadcast hazard new --cause accident
  roadcast hazard list
  roadcast hazard cancel 3f01020304050607/2
  roadcast hazard watch --json";

const NEW_HELP: &str = "Examples:
  roadcast hazard new --cause accident
  roadcast hazard new --cause roadworks --at 49.6116,6.1319 \\
      --rectangle 800x50@45 --validity 2h --keep-alive 2s
  roadcast hazard new --cause stationary_vehicle --radius 500 --repeat 1s \\
      --direction upstream --quality 5
  roadcast hazard new --cause dangerous_situation --sub-cause 1 --class D1
  roadcast hazard new --cause list";

const UPDATE_HELP: &str = "Examples:
  roadcast hazard update 3f01020304050607/2 --quality 6 --validity 30m
  roadcast hazard update 3f01020304050607/2 --at here --radius 300";

const LIST_HELP: &str = "Examples:
  roadcast hazard list
  roadcast hazard list --config car-1.toml --json";
