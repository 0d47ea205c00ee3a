//! A run of a trace or a plan, made ready from the command line.

use v2x_core::ChangeRule;
use v2x_replay::plan::{Forwarding, MediumPlan};
use v2x_replay::repeat;
use v2x_replay::run::{self, RunError};
use v2x_replay::source;
use v2x_report::WhatRan;

use super::error::ReplayError;
use super::options::ReplayArgs;
use super::simulate::Ready;
use super::trace_file::{read, warn};
use super::{attack, plan, reading};
use crate::commands::what_ran::{input, what_ran};
use crate::error::Error;

/// The run that the arguments describe: everything is read, nothing has run.
pub(super) fn ready(args: &ReplayArgs) -> Result<Ready, Error> {
    if let Some(path) = &args.plan {
        return plan::ready(path, args);
    }
    let options = args.run_options()?;
    options.check().map_err(ReplayError::from)?;
    let medium = args.radio()?.unwrap_or_else(|| MediumPlan::range(options.range_m));
    let path = args.trace.as_deref().ok_or(ReplayError::NothingToRun)?;
    let plan = args.attack_plan()?;
    let trace = read(path, &args.reading)?;
    if !args.quiet {
        warn(path, &trace);
    }
    let how = args.reading();
    let surroundings = medium.surroundings(&trace, &how).map_err(ReplayError::from)?;
    let mut inputs = vec![input("trace", path, source::sha256(path))];
    inputs.extend(reading::inputs(&how));
    inputs.extend(args.awareness.as_deref().map(|path| input("intervals", path, source::sha256(path))));
    inputs.extend(args.attack.as_deref().map(attack::told));
    let (range_m, told) = plan::told(&medium);
    let ran = WhatRan {
        inputs,
        seconds: options.seconds,
        range_m,
        rate_hz: options.rate_hz,
        medium: Some(told),
        forwarding: vec![Forwarding::Roadcast.name().to_owned()],
        pseudonyms: Some(match args.pseudonyms {
            None | Some(ChangeRule::Off) => "off".to_owned(),
            Some(ChangeRule::Trip) => format!("by the trip, silent {} s", args.silence),
            Some(ChangeRule::Every(every)) => {
                format!("every {} s, silent {} s", every.as_secs(), args.silence)
            }
        }),
        ..what_ran()
    };
    let seeds = args.seeds.clone();
    Ok(Ready::new(ran, move |rows, progress| {
        let plan = plan.as_ref();
        // Attackers are detected by received power as well.
        let over = |seed| match plan {
            Some(_) => medium.powered(&surroundings, seed),
            None => medium.among(&surroundings, seed),
        };
        let outcome = match &seeds {
            Some(seeds) => repeat::run_seeds(&trace, &options, &over, &seeds.0, plan, rows, progress),
            None => run::run_logged(&trace, &options, &over, plan, rows, progress),
        };
        outcome.map_err(failed)
    }))
}

/// Disagreement between signing and verifying is a failed check; every other error is the input's.
fn failed(error: RunError) -> Error {
    match error {
        RunError::DeferredCheck(error) => Error::Check(error.to_string()),
        error => ReplayError::from(error).into(),
    }
}
