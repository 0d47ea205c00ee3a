//! How busy a radio's channel is: by the driver's survey, or else by what a monitor interface hears.
//!
//! [`SurveyDeltas`] and [`MonitoredAirtime`] are state machines: what the kernel said and when are arguments.

mod monitored_airtime;
mod survey_deltas;

pub use self::monitored_airtime::MonitoredAirtime;
pub use self::survey_deltas::SurveyDeltas;

/// How often a channel load is reported: twice within the second for which a station believes one.
pub const REPORT_EVERY_NS: u64 = 500_000_000;
