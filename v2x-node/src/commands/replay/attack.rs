//! `--attack`: a plan's file, or one that comes with the program.

use std::fs;
use std::io::Write;
use std::path::Path;

use v2x_replay::attack::{AttackPlan, ShippedPlan};
use v2x_replay::source;
use v2x_report::InputFile;

use super::error::ReplayError;
use crate::commands::what_ran::input;
use crate::error::Error;

/// In place of a plan: shows those that come with the program.
pub(super) const LIST: &str = "list";

/// The plan of attacks that was asked for.
pub(super) fn read(path: &Path) -> Result<AttackPlan, Error> {
    let shown = path.display().to_string();
    if let Some(plan) = shipped(path) {
        return Ok(AttackPlan::parse(&shown, plan.text).map_err(ReplayError::from)?);
    }
    let unreadable = |source| ReplayError::AttackFile { path: shown.clone(), source };
    let text = fs::read_to_string(path).map_err(unreadable)?;
    Ok(AttackPlan::parse(&shown, &text).map_err(ReplayError::from)?)
}

/// What a report says of it.
pub(super) fn told(path: &Path) -> InputFile {
    input("attack", path, if shipped(path).is_some() { None } else { source::sha256(path) })
}

/// Shows the plans that come with the program, one a line, below the command that each is made for.
pub(super) fn list(out: &mut dyn Write) -> Result<(), Error> {
    let mut roads = Vec::new();
    for plan in ShippedPlan::ALL {
        if !roads.contains(&plan.road()) {
            roads.push(plan.road());
        }
    }
    for road in roads {
        match road {
            None => writeln!(out, "roadcast replay run TRACE --attack NAME:")?,
            Some(file) => {
                writeln!(out, "\nroadcast replay run --plan replay/plans/red/{file} --attack NAME:")?;
            }
        }
        for plan in ShippedPlan::ALL.iter().filter(|plan| plan.road() == road) {
            writeln!(out, "  {:<16} {}", plan.name, plan.about())?;
        }
    }
    Ok(())
}

/// A file of that name goes first.
fn shipped(path: &Path) -> Option<ShippedPlan> {
    let plan = ShippedPlan::of_name(path.to_str()?)?;
    (!path.exists()).then_some(plan)
}
