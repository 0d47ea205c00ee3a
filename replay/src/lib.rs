//! stub
pub mod geodesy;
pub mod hlog;
pub mod ledger;
pub mod source;
pub mod spatial;
