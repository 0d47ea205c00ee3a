//! Splits what a source of corrections sends into messages, and reports how it goes.

use std::io;

use bytes::Bytes;
use radio_adapters::clock;
use tokio::sync::mpsc::Sender;
use v2x_apps::roadside::rtcm::Framer;

use super::tidings::Tidings;
use crate::error::without_numbers;

/// What comes from a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FromSource {
    /// A framed RTCM 3 message.
    Message(Bytes),
    /// Messages come; reported once until they stop.
    Up,
    /// It ended or failed; it is tried again unless it is a file.
    Down {
        /// Why.
        why: String,
        /// Whether that is news: the same again and again is not.
        news: bool,
    },
}

/// The end of a source's channel, and what its stream was so far.
pub(super) struct Teller {
    sender: Sender<FromSource>,
    tidings: Tidings,
    framer: Framer,
    /// Bytes since the last message of the present connection, and filler frames before it.
    silent_bytes: u64,
    fillers_before: u64,
}

impl Teller {
    pub fn new(sender: Sender<FromSource>) -> Self {
        let (tidings, framer) = (Tidings::default(), Framer::new());
        Self { sender, tidings, framer, silent_bytes: 0, fillers_before: 0 }
    }

    /// A new connection: what the previous one broke off does not continue in it.
    pub fn restart(&mut self) {
        self.framer.restart();
        self.silent_bytes = 0;
        self.fillers_before = self.framer.fillers();
    }

    /// How many messages there were in `bytes`; an error when the receiver is gone.
    pub async fn read(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut messages = Vec::new();
        self.framer.feed(bytes, |message| messages.push(Bytes::copy_from_slice(message)));
        let count = messages.len();
        self.silent_bytes += bytes.len() as u64;
        if count > 0 {
            self.silent_bytes = 0;
            self.fillers_before = self.framer.fillers();
            if self.tidings.message(clock::monotonic_ns()) {
                self.say(FromSource::Up).await?;
            }
        }
        for message in messages {
            self.say(FromSource::Message(message)).await?;
        }
        Ok(count)
    }

    /// Why nothing can be used of what came since the last message.
    pub fn silence(&self) -> String {
        let fillers = self.framer.fillers() - self.fillers_before;
        match (self.silent_bytes, fillers) {
            (0, _) => "nothing for 15 s".to_owned(),
            (_, 0) => format!("no whole RTCM 3 message for 15 s, only {} other bytes", self.silent_bytes),
            (_, fillers) => format!("no RTCM 3 message for 15 s, only {fillers} filler frames"),
        }
    }

    /// That a caster hung up, and how far the connection had come.
    pub fn hang_up(&self) -> String {
        match self.silent_bytes {
            _ if self.tidings.has_message() => "the caster hung up".to_owned(),
            0 => "the caster accepted and hung up before any message".to_owned(),
            bytes => format!("the caster hung up after {bytes} bytes, without a whole RTCM 3 message"),
        }
    }

    /// How long the stream of the present connection has lasted.
    pub fn lasted(&self) -> core::time::Duration {
        self.tidings.lasted()
    }

    /// It ended; `then` says when it is tried again.
    pub async fn down(&mut self, why: &io::Error, then: &str) -> io::Result<()> {
        let why = without_numbers(&why.to_string());
        let damaged = self.framer.damaged();
        let hint = if self.framer.messages() == 0 && damaged > 0 {
            " (damaged messages and no whole one: a wrong speed?)"
        } else {
            ""
        };
        // How many bytes there were is another each time.
        let kind: String = why.chars().filter(|letter| !letter.is_ascii_digit()).collect();
        let news = self.tidings.stopped(&kind);
        self.say(FromSource::Down { why: format!("{why}{hint}{then}"), news }).await
    }

    async fn say(&self, said: FromSource) -> io::Result<()> {
        self.sender.send(said).await.map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))
    }
}
