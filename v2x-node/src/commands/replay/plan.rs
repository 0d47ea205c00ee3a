//! `roadcast replay run --plan`: scenarios of floods.

use std::path::Path;

use v2x_core::{Congestion, Imminent, Regulation};
use v2x_replay::plan::{
    self, Forwarding, MediumPlan, Plan, PlanError, PlanOptions, PlanRunError, Scenario, SceneError,
};
use v2x_replay::source;
use v2x_report::WhatRan;

use super::attack;
use super::error::ReplayError;
use super::options::{ForwardingArg, ReplayArgs};
use super::reading;
use super::simulate::Ready;
use crate::commands::what_ran::{input, what_ran};
use crate::error::Error;

pub(super) fn ready(path: &Path, args: &ReplayArgs) -> Result<Ready, Error> {
    let all = args.run_options()?;
    all.check().map_err(ReplayError::from)?;
    let plan = read(path, args)?;
    let attack = args.attack_plan()?;
    let options = PlanOptions { threads: all.threads, verify: all.verify, seconds: args.seconds, attack };
    let mut inputs = vec![input("plan", path, source::sha256(path))];
    inputs.extend(args.attack.as_deref().map(attack::told));
    if let Scenario::Trace(trace) = &plan.scenario {
        inputs.push(input("trace", &trace.file, source::sha256(&trace.file)));
        inputs.extend(reading::inputs(&trace.reading));
    }
    let (range_m, medium) = told(&plan.medium);
    let ran = WhatRan {
        inputs,
        seconds: args.seconds,
        range_m,
        medium: Some(medium),
        forwarding: plan.forwarding.iter().map(|forwarding| forwarding.name().to_owned()).collect(),
        ..what_ran()
    };
    let path = path.to_owned();
    Ok(Ready::new(ran, move |rows, progress| {
        plan::run_logged(&plan, &options, rows, progress).map_err(|error| failed(&path, error))
    }))
}

/// The plan, with what the command line says in its place.
pub(super) fn read(path: &Path, args: &ReplayArgs) -> Result<Plan, ReplayError> {
    let mut plan = follow(path, args)?;
    match args.forwarding {
        None => {}
        Some(ForwardingArg::Roadcast) => plan.forwarding = vec![Forwarding::Roadcast],
        Some(ForwardingArg::Etsi) => plan.forwarding = vec![Forwarding::Etsi],
        Some(ForwardingArg::Flooding) => plan.forwarding = vec![Forwarding::Flooding],
        Some(ForwardingArg::All) => plan.forwarding = Forwarding::ALL.to_vec(),
    }
    if let Some(seed) = args.seed {
        plan.seeds = vec![seed];
    }
    if let Some(radio) = args.radio()? {
        plan.medium = radio;
    }
    plan.processor = args.processor(plan.processor);
    plan.congestion = args.congestion.map_or(plan.congestion, Congestion::from);
    plan.regulation = args.regulation.map_or(plan.regulation, Regulation::from);
    if plan.regulation == Regulation::En302571 && plan.imminent == Some(Imminent::Lab) {
        return Err(ReplayError::Unregulated { path: path.display().to_string() });
    }
    Ok(plan)
}

/// The plan, and the command line's word on how its trace is read.
fn follow(path: &Path, args: &ReplayArgs) -> Result<Plan, ReplayError> {
    let said = args.reading();
    let Some(option) = said.first_option() else { return Ok(Plan::read(path)?) };
    let no_trace = |found| ReplayError::TraceOption { option, found };
    let mut plan = Plan::read(path).map_err(|error| match error {
        PlanError::Open { .. } => no_trace(error.to_string()),
        error => error.into(),
    })?;
    let Scenario::Trace(trace) = &mut plan.scenario else {
        return Err(no_trace(format!("{} has another scenario; leave the option out", path.display())));
    };
    *trace.reading = said.or(core::mem::take(&mut *trace.reading));
    // What cannot be read is told before anything runs.
    trace.reading.options()?;
    Ok(plan)
}

/// Range and name of a medium, as reports say them.
pub(super) fn told(medium: &MediumPlan) -> (Option<f64>, String) {
    (medium.range_m(), medium.name.clone())
}

/// Disagreement between signing and verifying is a failed check; every other error is the input's.
fn failed(path: &Path, error: PlanRunError) -> Error {
    match error {
        PlanRunError::DeferredCheck(error) => Error::Check(error.to_string()),
        PlanRunError::Scene(SceneError::Settings(error)) => {
            ReplayError::from(PlanError::Settings(error)).into()
        }
        source => ReplayError::PlanRun { path: path.display().to_string(), source: Box::new(source) }.into(),
    }
}
