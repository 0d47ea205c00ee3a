//! Why there is no link to a broker, in words for whoever configured it.

use std::error::Error;
use std::io;

use rumqttc::tokio_rustls::rustls::{self, CertificateError};
use rumqttc::{
    ConnectReturnCode, ConnectionError, DisconnectReasonCode, Error as PacketError, StateError, TlsError,
};

use super::limits::{CONNECT_TIMEOUT_S, MAX_PACKET, TAKES_WITHIN_S};

/// Why a link could not be opened, or ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// No TCP connection.
    #[error("cannot be reached: {0}")]
    Unreachable(String),
    /// Neither connection nor answer in time.
    #[error("did not answer within {} s", CONNECT_TIMEOUT_S)]
    Silent,
    /// The broker does not want this client (MQTT 5, 3.2.2.2).
    #[error("refuses the connection: {0}")]
    Refused(&'static str),
    /// The certificate's time is over, or has not begun.
    #[error(
        "its certificate is not valid at this machine's time (expired, or not begun): renew it, or set the clock"
    )]
    Expired,
    /// The certificate is of another authority.
    #[error("its certificate is not of an authority that is trusted here: `ca` names the authority's file")]
    UnknownAuthority,
    /// The certificate is for another host.
    #[error("its certificate is for another name than the one in `url`")]
    OtherName,
    /// Another error of TLS.
    #[error("no TLS with it: {0}")]
    Tls(String),
    /// No TLS could be set up at this end.
    #[error("cannot trust anybody: {0}")]
    Trust(String),
    /// The connection ended, without a reason.
    #[error(
        "closed the connection without a word (if again and again: another client may have this `client_id`)"
    )]
    Closed,
    /// The broker ended the connection and said why (MQTT 5, 3.14.2.1).
    #[error("ended the connection: {0}")]
    Ended(String),
    /// Another client came with this one's name.
    #[error("ended the connection: another client came with this `client_id`")]
    TakenOver,
    /// It acknowledges nothing.
    #[error("has not acknowledged a message for {TAKES_WITHIN_S} s")]
    TakesNothing,
    /// It sent more than was announced to it.
    #[error("sent a packet of more than {} bytes, which was announced as the most", MAX_PACKET)]
    TooLarge,
    /// It does not keep to the protocol.
    #[error("does not speak MQTT 5 properly: {0}")]
    Protocol(String),
}

impl LinkError {
    pub(super) fn from_client(error: &ConnectionError) -> Self {
        match error {
            ConnectionError::Timeout(_) => Self::Silent,
            ConnectionError::ConnectionRefused(code) => Self::Refused(refusal(*code)),
            ConnectionError::Tls(error) => Self::from_tls(error),
            ConnectionError::Io(error) => Self::from_io(error),
            ConnectionError::MqttState(error) => Self::from_state(error),
            ConnectionError::NotConnAck(packet) => {
                let packet: String = format!("{packet:?}").chars().take(40).collect();
                Self::Protocol(format!("no answer to the connection, but {packet}"))
            }
            ConnectionError::RequestsDone => Self::Closed,
            other => Self::Protocol(other.to_string()),
        }
    }

    fn from_state(error: &StateError) -> Self {
        match error {
            StateError::Io(error) => Self::from_io(error),
            StateError::ConnectionAborted => Self::Closed,
            StateError::ConnFail { reason } => Self::Refused(refusal(*reason)),
            StateError::AwaitPingResp => Self::Silent,
            StateError::ServerDisconnect { reason_code: DisconnectReasonCode::SessionTakenOver, .. } => {
                Self::TakenOver
            }
            StateError::ServerDisconnect { reason_code, reason_string } => Self::Ended(match reason_string {
                Some(text) => format!("{reason_code:?}: {}", text.chars().take(100).collect::<String>()),
                None => format!("{reason_code:?}"),
            }),
            StateError::Deserialization(PacketError::Io(error)) => Self::from_io(error),
            StateError::IncomingPacketTooLarge { .. }
            | StateError::Deserialization(PacketError::PayloadSizeLimitExceeded { .. }) => Self::TooLarge,
            other => Self::Protocol(other.to_string()),
        }
    }

    pub(super) fn from_tls(error: &TlsError) -> Self {
        match error {
            TlsError::Io(error) => Self::from_io(error),
            TlsError::TLS(error) => Self::from_rustls(error),
            other => Self::Tls(other.to_string()),
        }
    }

    fn from_io(error: &io::Error) -> Self {
        if let Some(error) =
            error.get_ref().and_then(|inner| (inner as &dyn Error).downcast_ref::<rustls::Error>())
        {
            return Self::from_rustls(error);
        }
        match error.kind() {
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe => Self::Closed,
            // The client's own: a packet that breaks off, for example.
            io::ErrorKind::Other => Self::Protocol(error.to_string()),
            _ => Self::Unreachable(error.to_string()),
        }
    }

    fn from_rustls(error: &rustls::Error) -> Self {
        let rustls::Error::InvalidCertificate(fault) = error else { return Self::Tls(error.to_string()) };
        match fault {
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => Self::Expired,
            CertificateError::UnknownIssuer | CertificateError::BadSignature => Self::UnknownAuthority,
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                Self::OtherName
            }
            _ => Self::Tls(error.to_string()),
        }
    }
}

/// What a broker means by the code of its refusal (MQTT 5, 3.2.2.2).
const fn refusal(code: ConnectReturnCode) -> &'static str {
    match code {
        ConnectReturnCode::BadUserNamePassword => "bad user name or password (`username`, `password_file`)",
        ConnectReturnCode::NotAuthorized => {
            "not authorised (`username`, `password_file`, or the broker's rules for this client)"
        }
        ConnectReturnCode::RefusedProtocolVersion | ConnectReturnCode::UnsupportedProtocolVersion => {
            "it does not speak MQTT 5"
        }
        ConnectReturnCode::BadClientId | ConnectReturnCode::ClientIdentifierNotValid => {
            "it does not take this `client_id`"
        }
        ConnectReturnCode::ServiceUnavailable | ConnectReturnCode::ServerUnavailable => "not available now",
        ConnectReturnCode::ServerBusy => "busy",
        ConnectReturnCode::Banned => "this client is banned",
        ConnectReturnCode::ConnectionRateExceeded => "too many connections in a short time",
        ConnectReturnCode::QuotaExceeded => "quota exceeded",
        ConnectReturnCode::UseAnotherServer | ConnectReturnCode::ServerMoved => {
            "another server should be used"
        }
        ConnectReturnCode::RetainNotSupported => {
            "it keeps no retained messages, which the status of this unit needs"
        }
        ConnectReturnCode::TopicNameInvalid => "it does not take the topic of this unit's status (`prefix`)",
        _ => "without a reason that is known here",
    }
}
