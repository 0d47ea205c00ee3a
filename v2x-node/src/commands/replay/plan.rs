//! `roadcast replay run --plan`: scenarios of floods.

use std::io::Write;
use std::path::Path;

use v2x_replay::plan::{self, Forwarding, Plan, PlanOptions, PlanRunError};

use super::error::ReplayError;
use super::options::{ForwardingArg, ReplayArgs};
use super::simulate;
use crate::error::Error;

pub(super) fn run(path: &Path, args: &ReplayArgs, out: &mut dyn Write) -> Result<(), Error> {
    let all = args.run_options();
    all.check().map_err(ReplayError::from)?;
    let mut plan = Plan::read(path).map_err(ReplayError::from)?;
    match args.forwarding {
        None => {}
        Some(ForwardingArg::Roadcast) => plan.forwarding = vec![Forwarding::Roadcast],
        Some(ForwardingArg::Etsi) => plan.forwarding = vec![Forwarding::Etsi],
        Some(ForwardingArg::Flooding) => plan.forwarding = vec![Forwarding::Flooding],
        Some(ForwardingArg::All) => plan.forwarding = Forwarding::ALL.to_vec(),
    }
    let options = PlanOptions { threads: all.threads, verify: all.verify, seconds: args.seconds };
    simulate::run(args, out, |progress| {
        plan::run(&plan, &options, progress).map_err(|error| failed(path, error))
    })
}

/// Disagreement between signing and verifying is a failed check; every other error is the input's.
fn failed(path: &Path, error: PlanRunError) -> Error {
    match error {
        PlanRunError::DeferredCheck(error) => Error::Check(error.to_string()),
        source => ReplayError::PlanRun { path: path.display().to_string(), source }.into(),
    }
}
