//! stub
pub mod hlog;
pub mod ledger;
pub mod spatial;
