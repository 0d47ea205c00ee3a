//! Codes with which connections are closed, so that the other side knows why.

use iroh::endpoint::{Connection, ConnectionError, VarInt};

/// Why a connection was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Close {
    /// Its end.
    Done = 0,
    /// The other is neither named nor has a credential that is believed.
    NotAdmitted = 1,
    /// Both dialled, and another connection stays.
    Duplicate = 2,
    /// What was said is not understood.
    Malformed = 3,
    /// No heartbeat came.
    Silent = 4,
    /// More connections than are allowed.
    TooMany = 5,
    /// No hello came in time.
    NoHello = 6,
    /// The credential by which the other was admitted has ended.
    Expired = 7,
    /// The credential by which the other was admitted is revoked.
    Revoked = 8,
}

impl Close {
    const ALL: [Self; 9] = [
        Self::Done,
        Self::NotAdmitted,
        Self::Duplicate,
        Self::Malformed,
        Self::Silent,
        Self::TooMany,
        Self::NoHello,
        Self::Expired,
        Self::Revoked,
    ];

    /// Closes a connection so.
    pub(super) fn close(self, connection: &Connection) {
        connection.close(VarInt::from_u32(self as u32), self.name().as_bytes());
    }

    /// How the other side closed a connection, if it did.
    pub(super) fn of(error: &ConnectionError) -> Option<Self> {
        let ConnectionError::ApplicationClosed(close) = error else { return None };
        Self::ALL.into_iter().find(|code| VarInt::from_u32(*code as u32) == close.error_code)
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::NotAdmitted => "not admitted",
            Self::Duplicate => "duplicate",
            Self::Malformed => "malformed",
            Self::Silent => "silent",
            Self::TooMany => "too many connections",
            Self::NoHello => "no hello",
            Self::Expired => "credential expired",
            Self::Revoked => "credential revoked",
        }
    }
}

/// Why a connection ended, for people.
pub(super) fn reason(error: &ConnectionError) -> String {
    match Close::of(error) {
        Some(code) => format!("closed by the peer: {}", code.name()),
        None => error.to_string(),
    }
}
