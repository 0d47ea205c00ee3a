//! Manifests on the air: a unit that can be reached tells others of them, and one without backhaul learns that there is
//! something newer.

use std::sync::Arc;
use std::time::Duration;

use v2x_api::{PublishRequest, Request};
use v2x_proto::envelope::{SignedView, TbsView};
use v2x_proto::payload::Message;
use v2x_proto::{Class, hop, v1};

use super::daemon::{self, DaemonError};
use super::manifest;
use super::unit::Unit;
use crate::budget::BudgetLimits;
use crate::hub::{EndSettings, Hub};
use crate::message::AirMessage;
use crate::select::Selection;

/// Hears the manifests that stations of this machine hear, for ever.
pub async fn hear(unit: Arc<Unit>, hub: Hub) {
    let end = hub.attach(EndSettings {
        name: "operator".to_owned(),
        send: Selection {
            classes: vec![Class::D5],
            types: Some(vec![v1::MessageType::UpdateManifest as u32]),
            area: None,
        },
        receive: Selection::nothing(),
        // Nothing is taken from it.
        budget: BudgetLimits { messages_s: 1, bytes_s: 1_500 },
        queue: ROOM,
    });
    loop {
        let message = end.outbox().next(|| unit.now()).await;
        if let Some(payload) = payload(&message) {
            let from = format!("air {}", message.head().signer);
            // What it is not is counted there.
            drop(unit.hear(&payload, &from));
        }
    }
}

fn payload(message: &AirMessage) -> Option<Vec<u8>> {
    let (_, header) = hop::parse(message.frame()).ok()?;
    let signed = SignedView::parse(&message.frame()[header..]).ok()?;
    Some(TbsView::parse(signed.tbs).ok()?.payload.to_vec())
}

/// Tells others of the manifests that this unit knows, some a minute, through the daemon, for ever.
pub async fn announce(unit: Arc<Unit>) {
    let Some(socket) = unit.settings().daemon.clone().filter(|_| unit.settings().announce) else { return };
    let (mut next, mut told) = (0, false);
    loop {
        let manifests = unit.manifests();
        for place in 0..manifests.len().min(AT_ONCE) {
            let manifest = &manifests[(next + place) % manifests.len()];
            let Some(line) = publish(manifest.encoded()) else { continue };
            match daemon::ask(&socket, &line).await {
                Ok(_) => told = false,
                // A daemon that is not there, or silent for now: the next round will do.
                Err(DaemonError::NoDaemon(_)) => break,
                Err(error @ DaemonError::Refused { .. }) => {
                    if !core::mem::replace(&mut told, true) {
                        tracing::warn!(target: "operator", "announcing: {error}");
                    }
                }
            }
        }
        next = (next + AT_ONCE) % manifests.len().max(1);
        tokio::time::sleep(AT_LEAST).await;
        if tokio::time::timeout(EVERY - AT_LEAST, unit.shelved()).await.is_ok() {
            // What is new does not wait for its turn.
            next = 0;
        }
    }
}

/// The request that sends a manifest.
fn publish(encoded: &[u8]) -> Option<String> {
    let message = Message::from(manifest::parse(encoded).ok()?);
    let request = PublishRequest { lifetime_ms: Some(LIFETIME_MS), ..message.into() };
    Some(Request::Publish(Box::new(request)).line())
}

/// How often some are told. A car is in reach of a roadside unit for 20 s or more at 70 km/h; a unit that stands there hears it
/// sooner or later.
const EVERY: Duration = Duration::from_secs(30);
/// The shortest time between two rounds, however many come.
const AT_LEAST: Duration = Duration::from_secs(5);
/// Frames of some 400 bytes each round: a thousandth of the channel.
const AT_ONCE: usize = 8;
/// For who is in reach: it is told again.
const LIFETIME_MS: u32 = 10_000;
/// Manifests that wait to be looked at.
const ROOM: usize = 64;

#[cfg(test)]
mod tests {
    use super::super::fixture::manifest;
    use super::super::kind::ContentKind;
    use super::*;

    #[test]
    fn what_is_published_is_the_manifest_byte_for_byte() {
        let manifest = manifest(ContentKind::Software, 9_007_199_254_740_991, b"x");
        let line = publish(manifest.encoded()).unwrap();
        let Ok(Request::Publish(request)) = Request::parse(line.as_bytes()) else { panic!("{line}") };
        let message = Message::from_json(request.message_type, &request.payload).unwrap();
        let mut bytes = Vec::new();
        message.encode(&mut bytes);
        assert_eq!(bytes, manifest.encoded()[..]);
    }
}
