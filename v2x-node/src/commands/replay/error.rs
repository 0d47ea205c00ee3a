//! Why a replay has no result.

use std::io;

use v2x_recording::check::CheckError;
use v2x_replay::compare::CompareError;
use v2x_replay::medium::ProfileError;
use v2x_replay::merge::MergeError;
use v2x_replay::plan::{PlanError, PlanRunError};
use v2x_replay::report_file::NoReport;
use v2x_replay::run::RunError;
use v2x_replay::source::convert::WriteError;
use v2x_replay::source::{Kind, ReadingError, SideFileError, TraceError};
use v2x_replay::surroundings::SurroundingsError;
use v2x_replay::sweep::{FolderError, SweepError};
use v2x_report::hlog::HlogError;
use v2x_settings::SettingsError;

use crate::error::Complaint;

/// Why a replay has no result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// Neither a trace nor a plan was given.
    #[error("give a trace, such as town.fcd.csv.gz, or --plan PLAN.toml")]
    NothingToRun,
    /// The radio profile cannot be used.
    #[error(transparent)]
    Radio(#[from] ProfileError),
    /// The plan sends copies that the regulation forbids.
    #[error(
        "{path}: imminent = \"lab\" does not go with --regulation en302571: three copies within 12 ms break it; \
         imminent = \"regulated\", or --regulation none"
    )]
    Unregulated {
        /// The plan's file.
        path: String,
    },
    /// The buildings cannot be used, or need a radio.
    #[error(transparent)]
    Surroundings(#[from] SurroundingsError),
    /// An option that says how a trace is read, and a plan that has none, or is not there.
    #[error("{option} cannot be used with --plan unless the plan follows a trace: {found}")]
    TraceOption {
        /// The option.
        option: &'static str,
        /// The plan, and what it is.
        found: String,
    },
    /// The trace cannot be read.
    #[error(transparent)]
    Trace(#[from] TraceError),
    /// A file that says how the trace is read cannot be used.
    #[error(transparent)]
    Reading(#[from] ReadingError),
    /// The distribution of intervals cannot be used.
    #[error(transparent)]
    SideFile(#[from] SideFileError),
    /// The file is of another kind, for which there is another command.
    #[error("{path}: is {kind}, not a trace; use: roadcast {command} {path}")]
    OtherCommand {
        /// The file.
        path: String,
        /// Its kind.
        kind: Kind,
        /// The command that reads it.
        command: &'static str,
    },
    /// The run cannot be started, or has no result.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The plan of attacks cannot be read.
    #[error(
        "{path}: cannot be read: {source}; a plan of attacks is a TOML file, such as replay/plans/insiders.toml, or a name \
         that --attack list shows"
    )]
    AttackFile {
        /// The plan's file.
        path: String,
        /// The system's error.
        source: io::Error,
    },
    /// The plan of attacks cannot be used.
    #[error(transparent)]
    Attack(#[from] SettingsError),
    /// The plan of runs cannot be used.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The plan makes no run, or it has no result.
    #[error("{path}: {source}")]
    PlanRun {
        /// The plan's file.
        path: String,
        /// Why.
        source: Box<PlanRunError>,
    },
    /// The file is a plan or a configuration, not a trace.
    #[error(
        "{path}: is TOML, not a trace; a plan is run by: roadcast replay run --plan {path}, one of attacks by: \
         roadcast replay run TRACE --attack {path}, a station by: roadcast run {path}"
    )]
    PlanAsTrace {
        /// The file.
        path: String,
    },
    /// An output file could not be written.
    #[error("{path}: cannot be written: {found}; name a file in a directory that exists")]
    NoPlace {
        /// The file to write.
        path: String,
        /// Why not.
        found: &'static str,
    },
    /// The folder of tables cannot be made.
    #[error("{path}: cannot be made: {found}; name a new or an empty directory")]
    NoFolder {
        /// The folder.
        path: String,
        /// Why not.
        found: &'static str,
    },
    /// A table could not be written.
    #[error("{path}: cannot be written: {source}; name a directory where you may write and that has room")]
    NoTables {
        /// The table, or the folder.
        path: String,
        /// The system's error.
        source: io::Error,
    },
    /// An output file is another file of the run too.
    #[error("{path}: is to be both {one} and {other}; give each a file of its own")]
    OneFile {
        /// The file.
        path: String,
        /// What would be written there.
        one: &'static str,
        /// What else it is.
        other: &'static str,
    },
    /// The file is not there, or no report.
    #[error(transparent)]
    NoReport(#[from] NoReport),
    /// A setting is to be compared with itself.
    #[error("--by {key} {value} {value}: twice the same value; give two values of the setting")]
    OneValue {
        /// The setting.
        key: String,
        /// The value.
        value: String,
    },
    /// There is nothing to compare.
    #[error(transparent)]
    Compare(#[from] CompareError),
    /// The sweep cannot be used.
    #[error(transparent)]
    Sweep(#[from] SweepError),
    /// One of a sweep's settings is none of a run's.
    #[error(transparent)]
    Setting(SettingsError),
    /// A point of a sweep cannot be run.
    #[error("{file}: {point}: {found}")]
    Point {
        /// The sweep's file.
        file: String,
        /// The point.
        point: String,
        /// Why not.
        found: String,
    },
    /// The folder of results cannot be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The trace is not the one that the report's run followed.
    #[error(
        "{path}: is not the trace of {report}, whose SHA-256 begins with {wanted}; give that with --trace"
    )]
    OtherTrace {
        /// The trace.
        path: String,
        /// The report.
        report: String,
        /// The first 16 digits of what it should have.
        wanted: String,
    },
    /// The file to view is neither a report nor a recording nor a trace.
    #[error(
        "{path}: is {found}, nothing to view; give a report that --json wrote, a recording of run --record, or a trace"
    )]
    NothingToView {
        /// The file.
        path: String,
        /// What it is.
        found: String,
    },
    /// This program was built without a server.
    #[cfg(not(feature = "web"))]
    #[error("this program was built without a server: write a page with --output FILE")]
    NoServer,
    /// What was recorded would be open to the network.
    #[cfg(feature = "web")]
    #[error(
        "{address}: other machines reach this address; serve on 127.0.0.1, or write a page with --output FILE"
    )]
    OpenView {
        /// The address.
        address: String,
    },
    /// The recording cannot be checked.
    #[error(transparent)]
    Check(#[from] CheckError),
    /// The recordings cannot be merged.
    #[error(transparent)]
    Merge(#[from] MergeError),
    /// The converted trace cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The histogram log cannot be written.
    #[error(transparent)]
    Hlog(#[from] HlogError),
}

impl Complaint for ReplayError {}
