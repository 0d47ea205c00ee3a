//! The points of a sweep as command lines of `replay run`.

use core::ops::ControlFlow;
use std::ffi::OsString;
use std::fs::File;

use clap::{Args as _, Command, FromArgMatches as _};
use v2x_replay::run::{Progress, RunOutcome};
use v2x_replay::sweep::{BaseKind, Sweep, SweepPoint};
use v2x_settings::SettingsError;

use super::super::attack;
use super::super::error::ReplayError;
use super::super::options::{OUTPUT, ReplayArgs};
use super::super::plan;
use super::super::ready::ready;
use crate::commands::what_ran::command_line;
use crate::error::Error;

/// What each point of a sweep runs.
pub(super) struct Runs {
    file: String,
    /// The words after `roadcast`, and the options that they are.
    points: Vec<(Vec<String>, ReplayArgs)>,
}

impl Runs {
    /// Reads the options of all points, so that what is wrong is told before the first is run.
    pub(super) fn new(sweep: &Sweep, threads: Option<u16>) -> Result<Self, Error> {
        let command =
            ReplayArgs::augment_args(Command::new("run").no_binary_name(true).disable_help_flag(true));
        known(sweep, &command)?;
        let mut points = Vec::new();
        let mut checked = None;
        for point in sweep.points() {
            let words = words(sweep, &point);
            let failed = |found: String| ReplayError::Point {
                file: sweep.file.clone(),
                point: words[2..].join(" "),
                found,
            };
            let matches = command
                .clone()
                .try_get_matches_from(&words[2..])
                .map_err(|error| failed(one_line(&error)))?;
            let mut args =
                ReplayArgs::from_arg_matches(&matches).map_err(|error| failed(one_line(&error)))?;
            args.threads = threads;
            // What is wrong with a trace is in each report.
            args.quiet = true;
            // Once for all seeds, which follow each other.
            let settings = Some((point.base, point.values));
            if checked != settings {
                check(&args).map_err(|error| failed(error.to_string()))?;
                checked = settings;
            }
            points.push((words, args));
        }
        Ok(Self { file: sweep.file.clone(), points })
    }

    /// Runs one, by its number from 0.
    pub(super) fn run(
        &self,
        number: usize,
        progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<RunOutcome, Error> {
        let (words, args) = &self.points[number];
        let failed = |error: Error| match error {
            Error::Part(error) => {
                let point = words[2..].join(" ");
                ReplayError::Point { file: self.file.clone(), point, found: error.to_string() }.into()
            }
            other => other,
        };
        let mut outcome =
            ready(args).and_then(|ready| ready.simulate(&mut None, progress)).map_err(failed)?;
        // What makes the same report alone.
        let program = core::iter::once(OsString::from("roadcast"));
        outcome.report.run.command = command_line(program.chain(words.iter().map(OsString::from)));
        Ok(outcome)
    }
}

/// Every setting is an option that changes what is run.
fn known(sweep: &Sweep, command: &Command) -> Result<(), ReplayError> {
    let options = command.get_arguments().filter(|argument| argument.get_help_heading() != Some(OUTPUT));
    let mut names: Vec<&str> = options.filter_map(clap::Arg::get_long).collect();
    names.retain(|name| !NOT_SETTINGS.contains(name));
    for setting in &sweep.settings {
        if !names.contains(&setting.key.as_str()) {
            let known = names.join(", ");
            return Err(ReplayError::Setting(SettingsError::UnknownKey {
                place: setting.place.clone(),
                known,
            }));
        }
    }
    Ok(())
}

/// `replay run ...`
fn words(sweep: &Sweep, point: &SweepPoint) -> Vec<String> {
    let base = &sweep.bases[point.base];
    let mut words = vec!["replay".to_owned(), "run".to_owned()];
    match base.kind {
        BaseKind::Trace => words.push(base.path.clone()),
        BaseKind::Plan => words.push(format!("--plan={}", base.path)),
    }
    for (setting, value) in sweep.settings.iter().zip(&point.values) {
        let key = &setting.key;
        match &setting.values[*value].words {
            None => {}
            Some(flag) if flag.is_empty() => words.push(format!("--{key}")),
            Some(values) => words.extend(values.iter().map(|value| format!("--{key}={value}"))),
        }
    }
    words.push(format!("--seed={}", point.seed));
    words
}

/// What can be known of the options without running.
fn check(args: &ReplayArgs) -> Result<(), Error> {
    args.run_options()?.check().map_err(ReplayError::from)?;
    match &args.plan {
        Some(path) => drop(plan::read(path, args)?),
        None => {
            args.radio()?;
            args.reading.options()?;
            if let Some(path) = &args.polygons {
                // What is in them lies where the trace does, which is not read here.
                File::open(path).map_err(|source| Error::File { path: path.clone(), source })?;
            }
        }
    }
    args.attack.as_deref().map(attack::read).transpose()?;
    Ok(())
}

/// The first paragraph of what clap says, in a line.
fn one_line(error: &clap::Error) -> String {
    let text = error.to_string();
    let first = text.split("\n\n").next().unwrap_or_default();
    let words: Vec<&str> = first.trim_start_matches("error: ").split_whitespace().collect();
    words.join(" ")
}

/// Options that a sweep gives itself, or that change no result.
const NOT_SETTINGS: [&str; 4] = ["plan", "seed", "seeds", "threads"];
