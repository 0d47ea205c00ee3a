//! Radios of the 802.11 kind: what they can do and are set up as, joining a cell and leaving it, by nl80211.
//!
//! - [`Wlan`]: questions and changes, one call each.
//! - [`WlanInterface`], [`Phy`], [`Regulatory`], [`Survey`], [`Neighbour`]: the answers. What a kernel or a driver leaves out is
//!   `None` or missing from a list; what it says in a form that is not known is left out, because it would be worse to
//!   know nothing of a radio than to miss a part.
//! - [`join()`], [`leave`], [`restore`]: an interface made what a [`JoinPlan`] says, and what it was; [`Obstacle`] is what is in
//!   the way, and [`examine`] shows all of it.
//! - [`keep`], [`Keeper`]: holds an interface in its cell, and makes it what it was at the end.
//!
//! nl80211 is defined by `linux/nl80211.h` alone. Frames go through [`packet`](crate::packet).

mod beside;
mod cell;
mod channel;
mod client;
mod examination;
mod holder;
mod interface;
mod join;
mod keeper;
mod kernel;
mod kind;
mod numbers;
mod obstacle;
mod phy;
mod plan;
mod reader;
mod regulatory;
mod station;
mod survey;

#[cfg(test)]
pub(crate) mod testkernel;
#[cfg(test)]
mod tests;

pub use self::cell::{Cell, Ssid};
pub use self::channel::{Channel, Width};
pub use self::client::Wlan;
pub use self::examination::{Examination, SurveySupport, examine};
pub use self::holder::Holder;
pub use self::interface::WlanInterface;
pub use self::join::{is_joined, join, leave, restore};
pub use self::keeper::{Keeper, Notice, REJOIN, keep};
pub use self::kind::WlanKind;
pub use self::obstacle::Obstacle;
pub use self::phy::{Phy, RadioChannel};
pub use self::plan::{Before, Change, JoinPlan, Joined};
pub use self::regulatory::{Regulatory, RegulatoryRule};
pub use self::station::Neighbour;
pub use self::survey::Survey;
