//! What became of the messages that programs had the station send: each has one outcome.

use core::time::Duration;
use std::collections::VecDeque;
use std::io;

use v2x_core::{Event, Instant, MessageId, NotSent, NotSentReason, Sent, Token, Transmit};

use crate::daemon::token::Owner;

/// What became of a message.
#[derive(Clone, Debug, PartialEq)]
pub enum Fate {
    /// It was handed to the link.
    Left {
        /// Which message.
        id: MessageId,
        /// Bytes of its frame.
        bytes: u16,
        /// Since it was made.
        after: Duration,
    },
    /// The station does not send it.
    NotSent(NotSentReason),
    /// The link refused its frame.
    LinkFailed(String),
}

/// Follows the messages of programs from their signature to the link.
#[derive(Debug, Default)]
pub struct Publishing {
    /// Signed, and waiting for the link; at most as many as there are open commands.
    queued: Vec<(MessageId, Token, u16)>,
    outcomes: VecDeque<(Token, Fate)>,
}

impl Publishing {
    /// Takes an event of the station; only those of programs' messages are kept.
    pub fn event(&mut self, event: &Event) {
        match event {
            Event::Sent(Sent { id, frame_len, token: Some(token), .. })
                if Owner::Control.owns(Some(*token)) =>
            {
                self.queued.push((*id, *token, *frame_len));
            }
            Event::NotSent(NotSent { reason, token: Some(token), .. })
                if Owner::Control.owns(Some(*token)) =>
            {
                self.queued.retain(|(_, queued, _)| queued != token);
                self.outcomes.push_back((*token, Fate::NotSent(*reason)));
            }
            _ => {}
        }
    }

    /// A frame went to the kernel.
    pub fn transmitted(&mut self, frame: &Transmit, on_air: Instant) {
        if let Some((id, token, bytes)) = self.take_queued(frame) {
            let after = on_air.since(frame.stamps.generated);
            self.outcomes.push_back((token, Fate::Left { id, bytes, after }));
        }
    }

    /// The link refused a frame.
    pub fn transmit_failed(&mut self, frame: &Transmit, error: &io::Error) {
        if let Some((_, token, _)) = self.take_queued(frame) {
            self.outcomes.push_back((token, Fate::LinkFailed(error.to_string())));
        }
    }

    fn take_queued(&mut self, frame: &Transmit) -> Option<(MessageId, Token, u16)> {
        let place = self.queued.iter().position(|(id, ..)| *id == frame.id)?;
        Some(self.queued.swap_remove(place))
    }

    /// The oldest outcome not taken yet.
    pub fn take(&mut self) -> Option<(Token, Fate)> {
        self.outcomes.pop_front()
    }

    /// Whether there is nothing to take.
    pub fn is_empty(&self) -> bool {
        self.outcomes.is_empty()
    }
}
