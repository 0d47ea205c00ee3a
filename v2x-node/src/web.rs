//! HTTP and WebSocket in front of a daemon's control socket, in a process of its own: the station parses nothing of either.
//!
//! Each browser session is one connection to the control socket, whose rights are lowered first to those of its token. Lines
//! are passed on as they are; what a program may ask and what it is answered is `CONTROL.md`'s. `docs/web.md` is for people who
//! use it.

mod answer;
mod door;
mod hosts;
pub mod metrics;
mod page;
mod patience;
mod route;
pub mod server;
mod session;
mod site;
mod stall;
mod token;

pub use self::site::{Pages, Site, SiteSource};
pub use self::token::{TokenError, Tokens};
