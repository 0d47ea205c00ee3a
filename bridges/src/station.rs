//! The link to one daemon of this machine, over its control socket: what it hears comes out, frames from afar go in.
//!
//! The socket is used in its protobuf encoding. The connection is made again whenever it ends; meanwhile what comes from afar is
//! kept by the hub.

mod connection;
mod error;
mod frames;
mod link;

use std::sync::Arc;
use std::time::{Duration, Instant};

pub use self::error::StationError;
pub use self::link::{StationCounts, StationLink, StationSettings};
use crate::backoff::Backoff;
use crate::clock;
use crate::hub::Hub;

impl StationLink {
    /// Serves the link for ever.
    pub async fn run(self: Arc<Self>, hub: Hub) {
        let mut wait = Backoff::new(FIRST_WAIT, LONGEST_WAIT);
        loop {
            let began = Instant::now();
            let error = connection::serve(&self, &hub, clock::now).await;
            let was_up = self.disconnected(&error);
            if was_up && began.elapsed() > LONGEST_WAIT {
                wait.reset();
            }
            tracing::warn!(target: "station", name = %self.settings().name, %error, "station lost");
            tokio::time::sleep(wait.wait()).await;
        }
    }
}

/// A daemon that restarts is back within a second.
const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests;
