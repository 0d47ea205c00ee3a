//! One simulation from its start to its files: progress, interruption, results.

use core::ops::ControlFlow;
use core::time::Duration;
use std::io::{self, IsTerminal as _, Write};
use std::path::Path;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use v2x_replay::run::{Progress, RunOutcome};
use v2x_replay::source::convert;
use v2x_report::Verdict;
use v2x_report::{hlog, html};

use super::error::ReplayError;
use super::interrupt::Interrupt;
use super::options::ReplayArgs;
use crate::colour::Paint;
use crate::daemon::station::monotonic;
use crate::error::Error;
use crate::machine::write_json;

/// Runs the simulation, shows its progress, and writes its results.
pub(super) fn run(
    args: &ReplayArgs,
    out: &mut dyn Write,
    simulate: impl FnOnce(&mut dyn FnMut(Progress) -> ControlFlow<()>) -> Result<RunOutcome, Error>,
) -> Result<(), Error> {
    // Checked now, not after an hour's run.
    for path in [&args.json, &args.html].into_iter().flatten() {
        check_place(path)?;
    }
    let interrupt = Interrupt::listen()?;
    let bar = if args.quiet { ProgressBar::hidden() } else { bar() };
    let started = monotonic();
    let mut progress = |progress| {
        show(&bar, progress);
        if interrupt.asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let outcome = simulate(&mut progress);
    bar.finish_and_clear();
    let mut outcome = outcome?;
    let wall_s = monotonic().since(started).as_secs_f64();
    outcome.report.set_duration(outcome.simulated_ns as f64 / 1e9, wall_s);
    write_results(args, &outcome, out)?;
    if outcome.interrupted {
        let seconds = outcome.simulated_ns as f64 / 1e9;
        return Err(Error::Interrupted(format!("interrupted after {seconds:.1} simulated seconds")));
    }
    match outcome.report.verdict {
        Verdict::Met => Ok(()),
        Verdict::Missed => Err(Error::Check("a deadline class missed its target".to_owned())),
    }
}

/// Whether a file can be written there, as far as can be known without writing it.
fn check_place(path: &Path) -> Result<(), ReplayError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let found = if path.is_dir() {
        "it is a directory"
    } else if folder.is_some_and(|folder| !folder.is_dir()) {
        "its directory is not there"
    } else {
        return Ok(());
    };
    Err(ReplayError::NoPlace { path: path.display().to_string(), found })
}

fn write_results(args: &ReplayArgs, outcome: &RunOutcome, out: &mut dyn Write) -> Result<(), Error> {
    if !args.quiet {
        write!(out, "{}", Paint::stdout().report(&outcome.report.table()))?;
    }
    let mut say = |what: &str, path: &Path| {
        if args.quiet { Ok(()) } else { writeln!(out, "{what}: {}", path.display()) }
    };
    if let Some(path) = &args.json {
        write_json(path, &outcome.report)?;
        say("report", path)?;
    }
    if let Some(path) = &args.html {
        let page = html::render(&outcome.report, &outcome.map);
        convert::write_atomically(path, |file| file.write_all(page.as_bytes()))
            .map_err(|source| Error::File { path: path.clone(), source })?;
        say("page", path)?;
    }
    if let Some(directory) = &args.hdr {
        let simulated = Duration::from_nanos(outcome.simulated_ns);
        let path = hlog::write(directory, "replay", &outcome.stats, simulated).map_err(ReplayError::from)?;
        say("histograms", &path)?;
    }
    Ok(())
}

/// On a terminal only.
fn bar() -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:40} {percent:>3} %  {msg}  {eta} left")
        .expect("invariant: the template is well-formed");
    ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()).with_style(style)
}

fn show(bar: &ProgressBar, progress: Progress) {
    let seconds = |ns: u64| ns as f64 / 1e9;
    bar.set_length(progress.end_ns);
    bar.set_position(progress.simulated_ns);
    bar.set_message(format!("{:.1} of {:.1} s", seconds(progress.simulated_ns), seconds(progress.end_ns)));
}
