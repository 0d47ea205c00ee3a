//! Roadcast in virtual time: traces of movement, worlds of stations, reports of their runs.
//!
//! [`run`](mod@run) takes a trace and gives a report; [`world`] is the machine behind it and [`medium`] what carries its
//! frames. Nothing here reads a clock, and results do not depend on the number of threads.

pub mod attack;
pub mod compare;
pub mod faults;
pub mod figures;
pub mod flood;
pub mod geodesy;
pub mod identities;
pub mod intervals;
pub mod ledger;
pub mod linkability;
pub mod map;
pub mod medium;
pub mod merge;
mod pairs;
pub mod plan;
pub mod processor;
pub mod repeat;
pub mod report_file;
pub mod rows;
pub mod run;
mod shelf;
pub mod source;
pub mod spatial;
pub mod surroundings;
pub mod sweep;
pub mod tables;
mod tallies;
mod text_file;
pub mod validate;
pub mod world;
