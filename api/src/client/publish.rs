//! What a program gives the station to say: messages, and where it is.

use super::{Client, ClientError};
use crate::answer::message::AnsweredMessage;
use crate::request::Request;
use crate::request::fix::FixReport;
use crate::request::publish::PublishRequest;

/// A message that left the station.
#[derive(Clone, Debug, PartialEq)]
pub struct Published {
    /// Its name, `<16 hex digits>/<class>/<sequence>`.
    pub message: String,
    /// Bytes of its frame.
    pub bytes: u64,
    /// Microseconds from when it was made until it was handed to the link.
    pub sent_us: f64,
}

impl Client {
    /// Has the station sign and send a message; returns when it was handed to the link.
    ///
    /// # Errors
    /// [`ClientError::Refused`] when the station does not send it.
    pub fn publish(&mut self, message: &PublishRequest) -> Result<Published, ClientError> {
        let answer = self.ask(&Request::Publish(Box::new(message.clone())))?;
        let Some(AnsweredMessage::Name(message)) = answer.message else {
            return Err(self.no_answer("an answer without the message's name"));
        };
        Ok(Published {
            message,
            bytes: answer.bytes.unwrap_or_default(),
            sent_us: answer.sent_us.unwrap_or_default(),
        })
    }

    /// Tells the station where it is, or (`None`) that this was lost. Its configuration has `position.source = "control"`.
    ///
    /// # Errors
    /// [`ClientError::Refused`] when the position is not to be believed, or comes from elsewhere.
    pub fn fix(&mut self, fix: Option<&FixReport>) -> Result<(), ClientError> {
        self.ask(&Request::Fix(fix.cloned().map(Box::new))).map(drop)
    }
}
