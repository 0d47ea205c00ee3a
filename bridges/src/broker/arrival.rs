//! What arrives from a broker, before the hub sees it. A broker and its other clients can send anything, on any topic.

use bytes::Bytes;
use v2x_proto::envelope::MAX_FRAME;

use super::link::Arrival;
use super::topic::Topics;
use crate::message::AirMessage;

/// Why an arrival is no message. All but the first are drops, counted under these names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum ArrivalDrop {
    /// Nothing: what was retained on the topic was cleared.
    #[error("cleared")]
    Cleared,
    /// Longer than a frame. Nothing of it was read.
    #[error("too_long")]
    TooLong,
    /// Not a frame.
    #[error("malformed")]
    Malformed,
    /// Another topic than what is signed makes.
    #[error("other_topic")]
    OtherTopic,
}

/// The message that arrived.
///
/// # Errors
/// [`ArrivalDrop`].
pub fn read(topics: &Topics, arrival: Arrival) -> Result<AirMessage, ArrivalDrop> {
    let Arrival { topic, payload } = arrival;
    if payload.is_empty() {
        return Err(ArrivalDrop::Cleared);
    }
    if payload.len() > MAX_FRAME {
        return Err(ArrivalDrop::TooLong);
    }
    // The payload is a part of a packet that may hold more: a message may be kept for long.
    let message = AirMessage::read(Bytes::copy_from_slice(&payload)).map_err(|_| ArrivalDrop::Malformed)?;
    if topics.of(message.head()).as_bytes() == topic.as_ref() {
        Ok(message)
    } else {
        Err(ArrivalDrop::OtherTopic)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use testkit::craft::Crafter;
    use v2x_core::Instant;
    use v2x_proto::Class;

    use super::*;

    fn topics() -> Topics {
        Topics::new("roadcast").unwrap()
    }

    #[test]
    fn a_message_is_taken_from_its_own_topic_alone() {
        let crafter = Crafter::station(3);
        let frame = crafter.full(&crafter.fields_in(Class::D3, Instant::ZERO));
        let topic = topics().of(AirMessage::read(frame.clone()).unwrap().head());
        let arrival = |topic: &str, payload: &Bytes| Arrival {
            topic: Bytes::copy_from_slice(topic.as_bytes()),
            payload: payload.clone(),
        };
        let read = |topic: &str, payload: &Bytes| {
            read(&topics(), arrival(topic, payload)).map(|message| message.frame().clone())
        };
        assert_eq!(read(&topic, &frame), Ok(frame.clone()));
        let elsewhere = topic.replacen("/d3/", "/d5/", 1);
        assert_eq!(read(&elsewhere, &frame), Err(ArrivalDrop::OtherTopic));
        assert_eq!(read(&topic, &frame.slice(1..)), Err(ArrivalDrop::Malformed));
        assert_eq!(read(&topic, &Bytes::new()), Err(ArrivalDrop::Cleared));
        assert_eq!(read(&topic, &Bytes::from(vec![0x10; 1_000_000])), Err(ArrivalDrop::TooLong));
    }

    proptest! {
        #[test]
        fn any_arrival_is_a_message_or_not(topic: Vec<u8>, payload: Vec<u8>) {
            let read = read(&topics(), Arrival { topic: topic.into(), payload: payload.clone().into() });
            prop_assert!(read.is_err() || !payload.is_empty());
        }
    }
}
