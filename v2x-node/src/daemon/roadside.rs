//! The roadside unit: [`unit::Unit`] joins its application to its controller and its source of corrections.

mod caster;
pub mod feed;
pub mod gga;
pub mod inbox;
pub mod ntrip;
mod patience;
pub mod source;
mod teller;
mod tidings;
mod tls;
pub mod unit;
