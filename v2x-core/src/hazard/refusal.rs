//! Why a command about a hazard was not carried out.

use super::event_id::EventId;

/// Why a command was refused. Nothing was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HazardRefusal {
    /// The class is none for hazards.
    #[error("a hazard is D0 (imminent), D1 (alert) or D3 (area hazard), not D{0}")]
    Class(u8),
    /// A field of the draft is out of its range.
    #[error("{field} is out of range: {right}")]
    OutOfRange {
        /// The field.
        field: &'static str,
        /// What would be right.
        right: &'static str,
    },
    /// The own credential does not permit it.
    #[error("the own credential lacks the permission `{0}`")]
    NotPermitted(&'static str),
    /// There is no event of that name.
    #[error("event {0} is not known here, or has ended; `list` shows those that are")]
    Unknown(EventId),
    /// It is another's.
    #[error(
        "event {0} is another station's: it can be negated, with the permission, but not updated or cancelled"
    )]
    NotOwn(EventId),
    /// It is the station's own.
    #[error("event {0} is this station's own: cancel it")]
    Own(EventId),
    /// The station does not send.
    #[error("the station does not send now: it needs a position, a trusted clock and a valid credential")]
    SendingBlocked,
    /// As many own events as there may be.
    #[error("there are {most} own events already, the most there may be: cancel one first", most = crate::base::limits::MAX_OWN_EVENTS)]
    TooMany,
    /// As many own alerts as there may be.
    #[error("there are {most} own alerts already, the most that receivers take of one station: cancel one first", most = crate::base::limits::MAX_OWN_ALERTS)]
    TooManyAlerts,
    /// The message was not signed or queued.
    #[error("the message could not be sent: {0}")]
    NotSent(&'static str),
}

impl HazardRefusal {
    /// Stable name in reports.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Class(_) => "hazard_class",
            Self::OutOfRange { .. } => "hazard_out_of_range",
            Self::NotPermitted(_) => "hazard_not_permitted",
            Self::Unknown(_) => "hazard_unknown",
            Self::NotOwn(_) => "hazard_not_own",
            Self::Own(_) => "hazard_own",
            Self::SendingBlocked => "hazard_sending_blocked",
            Self::TooMany => "hazard_too_many",
            Self::TooManyAlerts => "hazard_too_many_alerts",
            Self::NotSent(_) => "hazard_not_sent",
        }
    }
}
