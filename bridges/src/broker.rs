//! A broker (MQTT 5) for back offices with many units: what stations hear is published, and what others publish comes from afar.
//!
//! One connection both ways, made again whenever it ends. The payload is the frame, unchanged. What is published waits in the outbox of
//! the hub's end until the broker has it ([`publisher`]); what arrives is checked by name ([`arrival`]) and handed to
//! the hub. Subscriptions start clean, and what is retained brings back the state; a broker's queue for clients that
//! are away would keep the oldest and drop the newest. docs/broker.md has the scheme of topics, and what a back office does with it.

pub mod address;
pub mod arrival;
mod expiry;
pub mod follow;
mod limits;
pub mod link;
pub mod link_error;
mod offers;
pub mod presence;
pub mod publisher;
mod reconnect;
#[cfg(test)]
mod sample;
mod session;
pub mod settings;
mod standing;
mod status;
pub mod tile;
pub mod topic;
mod updates;

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use self::link::LinkSettings;
use self::offers::Offers;
use self::presence::Presence;
use self::publisher::Publisher;
use self::reconnect::Reconnect;
use self::session::{Session, SessionEnd};
pub use self::settings::{BrokerSettings, BrokerSetupError};
use self::status::BrokerStatus;
pub use self::updates::Updates;
use crate::clock;
use crate::hub::Hub;
use crate::rendezvous::OfferCarrier;

/// A link to a broker, while it runs.
#[derive(Debug)]
pub struct BrokerLink {
    status: Arc<BrokerStatus>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl BrokerLink {
    /// Begins to serve the link of the bridge of this name; with `offers`, it carries them. Its status tells of `updates`.
    ///
    /// # Errors
    /// A file of the settings that cannot be used. A broker that is away is none: it is tried again.
    pub fn start(
        settings: &BrokerSettings,
        bridge: &str,
        hub: &Hub,
        offers: Option<OfferCarrier>,
        updates: Updates,
    ) -> Result<Self, BrokerSetupError> {
        let topic = settings.topics.status(bridge);
        let link = settings.link(Some(Presence::Lost.note(&topic, bridge, &Value::Null, clock::now())))?;
        let end = hub.attach(settings.end());
        let status = Arc::new(BrokerStatus::new(settings.address.to_string()));
        let (stop, stopped) = watch::channel(false);
        let mut filters = settings.topics.filters(&settings.receive);
        filters.extend(offers.as_ref().map(|offers| settings.topics.rendezvous(&offers.own)));
        let session = Session {
            bridge: bridge.to_owned(),
            updates,
            topics: settings.topics.clone(),
            filters,
            offers: offers.map(|carrier| Offers::new(carrier, &settings.topics)),
            end,
            publisher: Publisher::new(settings.topics.clone(), settings.queue),
            status: Arc::clone(&status),
            stopped,
            began: Instant::now(),
        };
        let task = tokio::spawn(serve(session, link));
        Ok(Self { status, stop, task })
    }

    /// Whether there is a connection, and what passed it.
    pub fn status(&self) -> impl Fn() -> Value + Send + Sync + 'static {
        let status = Arc::clone(&self.status);
        move || status.value()
    }

    /// Says farewell to the broker, and ends; within two seconds.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        // A task that does not end in time is dropped with its connection: the broker then publishes the will.
        drop(tokio::time::timeout(FAREWELL, &mut self.task).await);
    }
}

impl Drop for BrokerLink {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Connects again and again until the program ends.
async fn serve(mut session: Session, link: LinkSettings) {
    let mut reconnect = Reconnect::new();
    loop {
        match session.run(&link).await {
            SessionEnd::Stopped => return,
            SessionEnd::Lost { error, up } => {
                session.status.lost(&error);
                if session.pause(reconnect.wait(up, tokio::time::Instant::now())).await {
                    return;
                }
            }
        }
    }
}

const FAREWELL: Duration = Duration::from_secs(2);
