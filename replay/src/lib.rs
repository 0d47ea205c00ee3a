//! stub
pub mod ledger;
pub mod spatial;
