//! Frames from afar, handed in, and what becomes of them.

use super::{Client, ClientError, Watch};
use crate::request::Request;
use crate::request::afar::AfarFrame;

impl Client {
    /// Hands in a frame that another station received or sent far away. The station has it when this returns, and judges it when
    /// nothing of the air waits: [`watch_afar`](Self::watch_afar) tells what becomes of it.
    ///
    /// # Errors
    /// [`ClientError::Refused`] with the reason `afar_budget`: that is more than it looks at in a second, and this one is lost.
    pub fn hand_in(&mut self, frame: &AfarFrame) -> Result<(), ClientError> {
        self.ask(&Request::Afar(frame.clone())).map(drop)
    }

    /// What becomes of frames from afar from here on, whoever hands them in.
    ///
    /// # Errors
    /// The daemon cannot be asked.
    pub fn watch_afar(self) -> Result<Watch, ClientError> {
        self.follow(&Request::WatchAfar)
    }
}
