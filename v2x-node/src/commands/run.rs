//! `roadcast run`: a station, until it is asked to stop.

use core::time::Duration;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use clap::Args;

use radio_adapters::privilege::{self, CapabilitySet};
use v2x_report::html::{self, MapData};
use v2x_report::{Report, WhatRan};

use super::doctor;
use super::span::whole_seconds;
use crate::commands::shown::shown;
use crate::commands::what_ran::{input, what_ran};
use crate::config::{LinkConfig, Medium, StationConfig};
use crate::console::Console;
use crate::daemon::keeper::KeeperProcess;
use crate::daemon::outputs::check_place;
use crate::daemon::run::{DaemonOptions, Outcome, observe};
use crate::error::Error;
use crate::log::{self, Line, LogForm, events};
use crate::whole_file;

/// `roadcast run`.
#[derive(Clone, Debug, Args)]
pub struct RunArgs {
    /// The station's configuration; --config FILE does the same
    #[arg(value_name = "CONFIG", required_unless_present = "config", conflicts_with = "config")]
    pub file: Option<PathBuf>,
    /// The station's configuration
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Record every input before it is handled, for `roadcast replay check`: it tells
    /// everywhere the station was, under all its pseudonyms, and ends at 1 GiB
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// Stop after this time instead of at SIGTERM or Ctrl-C: seconds, or 90s, 10m, 1h
    #[arg(long, value_name = "TIME", value_parser = |text: &str| whole_seconds(text, 0..=MOST_SECONDS))]
    pub seconds: Option<u64>,
    /// Write the report at the end (and every report.every_s) to FILE as JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// What is logged, and how: text (lines for people), json (objects for programs, on
    /// standard error) or journald, the default where standard error leads there
    #[arg(long, value_enum, value_name = "FORM", hide_possible_values = true)]
    pub log: Option<LogForm>,
    /// Write the report at the end with plots to FILE, one self-contained page
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Serve the live map, the API and metrics over HTTP at this address (8080, 127.0.0.1:8080,
    /// unix:PATH), by a process beside the station; the section web of the configuration has tokens and names
    #[cfg(feature = "web")]
    #[arg(long, value_name = "ADDRESS", value_parser = crate::commands::web::listen_address)]
    pub web: Option<crate::config::ListenAddress>,
    /// Check configuration, keys, clock, position, link and scheduling, and end: nothing is sent
    #[arg(long, conflicts_with_all = ["record", "seconds", "json", "html"])]
    pub check: bool,
}

/// Examples shown under `roadcast run --help`.
pub const HELP: &str = "Examples:
  roadcast run examples/bench.toml
  roadcast run --config car-1.toml --record night.rec --seconds 1h
  roadcast run car-1.toml --seconds 10m --html bench.html
  roadcast run car-1.toml --check

position.source of the configuration is \"gpsd\", \"nmea\" (a serial device or a
file), \"fixed\", \"control\" (a program at the control socket), or \"trace\" (a
vehicle of a mobility trace, as in examples/bench.toml); examples/vehicle.toml
has the keys of each.

Credentials, keys, roots, issuers and revocation deltas are read again when
their files change, and at SIGHUP. A credential's end is announced a day, an
hour and ten minutes ahead.

A station prints which neighbours come, go or are not believed, a vehicle the
signal ahead and the signs in force, at most once a second; and each a status
line every report.every_s seconds, and the report at the end, with -v the
latency of every stage. While it runs, `roadcast status`, `neighbours`, `top`,
`doctor`, `web`, `hazard` and `priority` ask it.

Nothing that is written decides whether the station runs: where a disk is full
or a pipe is not read, it says so once, counts what is lost, and tries again. A
recording that lost inputs ends whole and is begun anew in another file
(night.1.rec). Recordings, captures, reports and pages have mode 0600; a
recording also links the pseudonyms of its vehicle and holds its seed, and no
private key: keep it as you would keep the vehicle's logbook.

Exit codes: 0 ended on request (SIGTERM, Ctrl-C or --seconds); 2 bad
configuration, no link, a credential that another daemon uses, or, when ended on
request, a report, a recording, a capture or last lines that are not whole.
With --check: 0 no fault, 1 faults were found, 2 bad configuration.
ROADCAST_LOG=debug logs more on standard error. With --log json or journald the
lines of standard output are entries of the log instead; docs/logs.md names
them.

Raw links (link.kind = \"packet\") need CAP_NET_RAW and an EtherType for
experiments, 0x88B5 or 0x88B6; root permits others, and the interfaces where the
capability is in the program's file (setcap), in /etc/roadcast/permitted.toml.
examples/roadcast.service grants it to a service, roadcast-realtime.conf beside
it what [realtime] needs.";

/// Starts what joins the cell of the station's link, where its configuration has one, and gives up the right to change
/// interfaces. To be called before a thread is started and before the station looks at anything: its rights are its
/// threads'.
///
/// # Errors
/// There is no process, or the right cannot be given up. A configuration that cannot be used is told by [`run`].
pub fn prepare(args: &RunArgs) -> Result<Option<KeeperProcess>, Error> {
    let file = args.config.as_ref().or(args.file.as_ref());
    let config = file.and_then(|file| StationConfig::load(file).ok());
    let Some(LinkConfig { join: Some(plan), wait, medium, .. }) = config.map(|config| config.link) else {
        return Ok(None);
    };
    let monitor = match &medium {
        Medium::Auto { beside, .. } => Some(beside.monitor.as_str()),
        _ => None,
    };
    let keeper = KeeperProcess::start(plan, monitor, wait)?;
    privilege::give_up(CapabilitySet::NET_ADMIN).map_err(|source| Error::System {
        what: "giving up CAP_NET_ADMIN (a service has to allow capset)",
        source,
    })?;
    Ok(Some(keeper))
}

/// Checks what the station needs, and runs nothing.
///
/// # Errors
/// The configuration cannot be read; faults were found.
pub fn check(args: &RunArgs, out: &mut dyn io::Write) -> Result<(), Error> {
    // The parser requires one of them.
    let file = args.config.as_ref().or(args.file.as_ref()).cloned().unwrap_or_default();
    doctor::check(&file, out)
}

/// Runs the daemon until it is asked to stop, then prints and writes its report.
///
/// # Errors
/// As [`observe`]; what was asked for at the end and could not be written: the report, the last lines, a recording or a
/// capture that is not whole.
pub fn run(args: &RunArgs, keeper: Option<KeeperProcess>) -> Result<(), Error> {
    let RunArgs { file, config, record, seconds, json, html, .. } = args.clone();
    // The parser requires one of them.
    let config = config.or(file).unwrap_or_default();
    // Without its digest: a configuration may hold a password.
    let inputs = vec![input("configuration", &config, None)];
    let ran = WhatRan { inputs, seconds: seconds.map(|seconds| seconds as f64), ..what_ran() };
    html.as_deref().map_or(Ok(()), check_place)?;
    // Before anything asks for real-time scheduling.
    let started = Console::start("standard output", io::stdout(), |line| tracing::warn!("{line}"));
    let mut console =
        started.map_err(|source| Error::System { what: "starting a thread for standard output", source })?;
    #[cfg(feature = "web")]
    let _web = serve(args, &config, &mut console)?;
    let outcome = observe(&DaemonOptions { config, record, seconds, json, ran }, keeper, &mut console);
    let written = outcome.and_then(|Outcome { report, incomplete, .. }| {
        if log::prints_lines() {
            write!(console, "{}", shown(&report))?;
        } else {
            log_report(&report);
        }
        // On a road stations come and go: a message missed at the edge of range is no failure of this station.
        let page = html.map_or(Ok(()), |path| write_page(&path, &report, &mut console));
        incomplete.map_or(page, Err)
    });
    let printed = console.finish(LINES_WAIT);
    // A reader that left is no error, unless there is another one.
    written.and(printed.map_err(Error::Output))
}

/// The report for programs.
fn log_report(report: &Report) {
    let table = report.table();
    let verdict = table.lines().rev().find_map(|line| line.strip_prefix("verdict: ")).unwrap_or_default();
    let whole = serde_json::to_value(report).unwrap_or_default();
    let line = Line::new(&events::REPORT, format!("verdict: {verdict}"));
    line.with("verdict", verdict).with("report", whole).log();
}

/// Starts the process that serves HTTP, if one is wanted. It ends with what this returns.
#[cfg(feature = "web")]
fn serve(
    args: &RunArgs,
    config: &Path,
    console: &mut Console,
) -> Result<Option<crate::daemon::web_process::WebProcess>, Error> {
    use crate::commands::client::ControlOff;
    use crate::commands::web::{OpenWithoutToken, at};
    use crate::config::WebConfig;
    use crate::daemon::control::handler::ControlHandler;
    use crate::daemon::web_process::WebProcess;
    use crate::web::Tokens;

    let station = StationConfig::load(config)?;
    let web = match (station.web, args.web.clone()) {
        (Some(web), Some(listen)) => WebConfig { listen, ..web },
        (None, Some(listen)) => WebConfig::at(listen),
        (Some(web), None) => web,
        (None, None) => return Ok(None),
    };
    let sockets = ControlHandler::places(&station.control, station.control_group.as_deref(), config);
    if sockets.is_empty() {
        return Err(ControlOff { config: config.to_owned() }.into());
    }
    // So that what is wrong with one is told now, and not by a process that ends.
    let tokens = Tokens::load(&web.tokens)?;
    if web.listen.is_open() && tokens.is_empty() {
        let right = "add [[web.token]] to the configuration, or listen on 127.0.0.1";
        return Err(OpenWithoutToken { address: web.listen, right }.into());
    }
    let process = WebProcess::start(&web, &sockets)?;
    writeln!(console, "web: {}", at(process.address()))?;
    Ok(Some(process))
}

/// A station keeps no track of its places, so there is no map.
fn write_page(path: &Path, report: &Report, console: &mut Console) -> Result<(), Error> {
    let page = html::render(report, &MapData::default());
    whole_file::write(path, page.as_bytes())
        .map_err(|source| Error::File { path: path.to_owned(), source })?;
    let line = Line::new(&events::PAGE_WRITTEN, format!("page: {}", path.display()));
    Ok(line.with("path", path.display().to_string()).tell(console)?)
}

/// How long the end waits for a reader of the last lines.
const LINES_WAIT: Duration = Duration::from_secs(1);
/// A year.
const MOST_SECONDS: u64 = 31_536_000;
