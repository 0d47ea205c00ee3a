//! Payloads as JSON, by the same tables as their form.
//!
//! Fields are named as in the schema, enums by their value's name in lower case without the enum's own
//! (`"passenger_car"`), bytes are hex. What can be absent is left out when it is, and so is an empty list; everything else
//! is always there. A number that no name of its enum has is written as a number.
//!
//! Reading refuses whatever is not of this form, each by the path to it, and then whatever a receiver would refuse.
//! `null` counts as absent. No input is walked deeper than the schema is.

use crate::v1::MessageType;

use super::form::{EnumForm, MESSAGE_TYPE, STATION_TYPE};

mod read;
#[cfg(feature = "schema")]
pub mod schema;
mod write;

pub use read::JsonError;

/// The name of a message type, as in JSON: `"signal_state"`; `None` when the number is none's.
pub fn type_name(message_type: u32) -> Option<&'static str> {
    let number = i32::try_from(message_type).ok().filter(|number| *number != 0)?;
    MESSAGE_TYPE.name(number)
}

/// The message type of a name.
pub fn type_named(name: &str) -> Option<MessageType> {
    let number = MESSAGE_TYPE.number(name).filter(|number| *number != 0)?;
    MessageType::try_from(number).ok()
}

/// The name of a station type, as in JSON: `"passenger_car"`; `None` when this code does not know the number.
pub fn station_type_name(station_type: i32) -> Option<&'static str> {
    STATION_TYPE.name(station_type)
}

impl EnumForm {
    fn name(&self, number: i32) -> Option<&'static str> {
        self.0.iter().find(|value| value.0 == number).map(|value| value.1)
    }

    fn number(&self, name: &str) -> Option<i32> {
        self.0.iter().find(|value| value.1 == name).map(|value| value.0)
    }

    fn list(&self) -> String {
        let names: Vec<_> = self.0.iter().map(|value| value.1).collect();
        names.join(", ")
    }
}

#[cfg(test)]
mod tests;
