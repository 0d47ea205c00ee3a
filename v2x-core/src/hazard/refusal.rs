//! Why a hazard command was refused.

use v2x_proto::EventId;

/// Why a command was refused. Nothing was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HazardRefusal {
    /// The class is not one for hazards.
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
    /// The station's credential does not permit it.
    #[error("the station's credential lacks the permission `{0}`")]
    NotPermitted(&'static str),
    /// There is no event with that id.
    #[error("event {0} is not known here, or has ended; `list` shows the known ones")]
    Unknown(EventId),
    /// It is another station's.
    #[error(
        "event {0} is another station's: it can be negated, with the permission, but not updated or cancelled"
    )]
    NotOwn(EventId),
    /// It is the station's own event.
    #[error("event {0} is this station's own: cancel it")]
    Own(EventId),
    /// The station does not send.
    #[error("the station does not send now: it needs a position, a trusted clock and a valid credential")]
    SendingBlocked,
    /// The maximum number of own events is reached.
    #[error("the station has {most} events of its own already, the maximum: cancel one first", most = crate::base::limits::MAX_OWN_EVENTS)]
    TooMany,
    /// The maximum number of own alerts is reached.
    #[error("the station has {most} alerts of its own already, the most that receivers accept from one station: cancel one first", most = crate::base::limits::MAX_OWN_ALERTS)]
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
