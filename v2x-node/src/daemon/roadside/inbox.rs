//! The station's events for the application of a roadside unit, kept until it takes them.

use v2x_apps::roadside::Heard;
use v2x_core::Event;
use v2x_proto::v1;

use crate::daemon::token::Owner;

/// Things not taken yet.
#[derive(Debug, Default)]
pub struct Inbox {
    kept: Vec<Heard>,
}

impl Inbox {
    /// Takes an event of the station, if it concerns the application.
    pub fn event(&mut self, event: &Event) {
        let heard = match event {
            Event::Received(received) if received.message_type == v1::MessageType::PriorityRequest as u32 => {
                Heard::Request(received.clone())
            }
            Event::Received(received) if Heard::is_spoken(received.message_type) => {
                Heard::Spoken(received.clone())
            }
            Event::HazardAccepted { id, token } if Owner::Unit.owns(*token) => Heard::HazardAccepted(*id),
            Event::HazardRefused { refusal, token } if Owner::Unit.owns(*token) => {
                Heard::HazardRefused(*refusal)
            }
            Event::HazardRenamed { old, new } => Heard::HazardRenamed { old: *old, new: *new },
            _ => return,
        };
        if self.kept.len() < MOST_KEPT {
            self.kept.push(heard);
        }
    }

    /// Whether there is something to take.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// What came since the last call, oldest first.
    pub fn take(&mut self) -> Vec<Heard> {
        core::mem::take(&mut self.kept)
    }
}

/// Things kept for the application, which takes them after every input of its own and every turn.
const MOST_KEPT: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use v2x_core::{EventId, HazardRefusal};
    use v2x_proto::Digest;

    #[test]
    fn the_application_hears_of_its_own_commands_only() {
        let id = EventId { origin: Digest([1; 8]), number: 1 };
        let mut inbox = Inbox::default();
        inbox.event(&Event::HazardAccepted { id, token: Some(Owner::Control.token(1)) });
        let refusal = HazardRefusal::SendingBlocked;
        inbox.event(&Event::HazardRefused { refusal, token: None });
        assert!(inbox.is_empty());
        inbox.event(&Event::HazardRefused { refusal, token: Some(Owner::Unit.token(1)) });
        for _ in 0..MOST_KEPT {
            inbox.event(&Event::HazardAccepted { id, token: Some(Owner::Unit.token(2)) });
        }
        let heard = inbox.take();
        assert_eq!(heard[..2], [Heard::HazardRefused(refusal), Heard::HazardAccepted(id)]);
        assert_eq!((heard.len(), inbox.is_empty()), (MOST_KEPT, true));
    }
}
