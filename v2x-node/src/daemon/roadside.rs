//! The roadside unit: [`unit::Unit`] joins its application to its controller and its source of corrections.

pub mod feed;
pub mod gga;
pub mod inbox;
pub mod ntrip;
pub mod source;
pub mod unit;
