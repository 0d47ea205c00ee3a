//! stub
pub mod geodesy;
pub mod hlog;
pub mod html;
pub mod identities;
pub mod ledger;
pub mod medium;
pub mod source;
pub mod spatial;
