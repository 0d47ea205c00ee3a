//! One connection to a broker by MQTT 5, until it ends: a thin wrapper that hides the client crate.
//!
//! Each connection has a client of its own, and none has a session: it starts clean, and nothing is left in the client when it ends.
//! What was not acknowledged is the caller's to send again, because only the caller knows whether it still should be sent.
//! The client's event loop runs in a task of its own, so that what waits for a message can be dropped at any time.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::FuturesUnordered;
use rumqttc::{
    AsyncClient, Broker, ConnAck, Event, EventLoop, LastWill, LastWillProperties, MqttOptions,
    NetworkOptions, Packet, PubAckReason, PublishNoticeError, PublishOptions, PublishProperties,
    PublishResult, QoS, SubscribeFilterInput, SubscribeReasonCode, TlsConfiguration, Transport,
};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::address::BrokerAddress;
use super::limits::{CONNECT_TIMEOUT_S, MAX_PACKET};
use super::link_error::LinkError;

/// With what a broker is connected to.
#[derive(Clone)]
pub struct LinkSettings {
    /// Where it is.
    pub address: BrokerAddress,
    /// Whom it has to prove itself to; for `mqtts` alone.
    pub trust: Trust,
    /// Unique among the broker's clients: it ends a connection when another comes with its name.
    pub client_id: String,
    /// User name and password.
    pub login: Option<(String, Bytes)>,
    /// What the broker publishes when the connection ends without a farewell. Without delay, because mosquitto waits for one even where
    /// the session has ended.
    pub will: Option<Note>,
}

/// Whose certificates are trusted.
#[derive(Clone, Debug)]
pub enum Trust {
    /// The authorities this machine trusts.
    Platform,
    /// One authority: its certificate, PEM.
    Authority(Arc<[u8]>),
}

/// What is published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Where.
    pub topic: String,
    /// What; nothing clears what is retained on the topic.
    pub payload: Bytes,
    /// After how many seconds the broker forgets it. On the wire 0 means never, which this type cannot say.
    pub expiry_s: Option<NonZeroU32>,
    /// Whether the broker keeps it for those who subscribe later.
    pub retain: bool,
}

/// What is subscribed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subscription {
    /// Everything, what is retained first; but nothing that this client publishes.
    Own,
    /// As a member of a group, of which one gets each message: each filter begins with `$share/<group>/`. Mosquitto gives every member
    /// everything that is retained, others give none of it.
    Shared,
}

/// What comes from a link.
#[derive(Debug)]
pub enum LinkEvent {
    /// A message on a topic that was subscribed to.
    Arrived(Arrival),
    /// The broker has the note with this ticket.
    Taken(u64),
    /// The broker does not want the note with this ticket.
    NotTaken(u64, NotTaken),
    /// The broker took the subscription, but for these filters.
    Subscribed(Vec<String>),
}

/// A message from the broker. Nothing of it can be trusted.
#[derive(Debug)]
pub struct Arrival {
    /// Topic, which may be any bytes.
    pub topic: Bytes,
    /// At most 16,384 bytes.
    pub payload: Bytes,
}

/// Why a broker did not take a note (MQTT 5, 3.4.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotTaken {
    /// It never will: not authorised, or the topic or payload does not suit it.
    Refused,
    /// Not now: a quota is used up, or it did not say why.
    Later,
}

/// What the broker says it can do (MQTT 5, 3.2.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Abilities {
    /// Largest packet it takes, bytes.
    pub max_packet: usize,
    /// Most notes it takes without an acknowledgement between them.
    pub window: usize,
    /// Whether it keeps retained messages.
    pub retain: bool,
    /// Whether it acknowledges.
    pub acknowledges: bool,
}

/// A note that cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotSent {
    /// As many as the broker takes are under way: wait for one to be taken.
    #[error("the broker's window is full")]
    WindowFull,
    /// Larger than what the broker takes.
    #[error("larger than the broker takes")]
    TooLarge,
    /// The connection ended, or the topic is none.
    #[error("not accepted")]
    Ended,
}

/// An open connection. Dropped, it ends without a farewell, and the broker publishes the will.
pub struct Link {
    client: AsyncClient,
    arrivals: mpsc::Receiver<Result<Arrival, LinkError>>,
    answers: FuturesUnordered<BoxFuture<'static, Option<LinkEvent>>>,
    under_way: usize,
    next_ticket: u64,
    abilities: Abilities,
    driver: JoinHandle<()>,
}

/// Without the password.
impl fmt::Debug for LinkSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LinkSettings").field("address", &self.address).finish_non_exhaustive()
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("under_way", &self.under_way).finish_non_exhaustive()
    }
}

impl Link {
    /// Connects, and waits for the broker's answer.
    pub async fn open(settings: &LinkSettings) -> Result<Self, LinkError> {
        let (client, mut events) =
            AsyncClient::builder(options(settings)?).capacity(MAX_WINDOW + CONTROL_ROOM).build();
        let answer = loop {
            match events.poll().await {
                Ok(Event::Incoming(Packet::ConnAck(answer))) => break answer,
                Ok(_) => {}
                Err(error) => return Err(LinkError::from_client(&error)),
            }
        };
        let (to, arrivals) = mpsc::channel(ARRIVALS);
        Ok(Self {
            client,
            arrivals,
            answers: FuturesUnordered::new(),
            under_way: 0,
            next_ticket: 0,
            abilities: abilities(&answer),
            driver: tokio::spawn(drive(events, to)),
        })
    }

    /// What the broker can do.
    pub const fn abilities(&self) -> Abilities {
        self.abilities
    }

    /// Whether another note can be sent before one is taken.
    pub const fn has_room(&self) -> bool {
        self.under_way < self.abilities.window
    }

    /// Sends a note, at least once; the ticket comes back with what becomes of it. A note is not retained where the broker cannot.
    pub fn publish(&mut self, note: &Note) -> Result<u64, NotSent> {
        if !self.has_room() {
            return Err(NotSent::WindowFull);
        }
        if note.topic.len() + note.payload.len() + OVERHEAD > self.abilities.max_packet {
            return Err(NotSent::TooLarge);
        }
        let quality = if self.abilities.acknowledges { QoS::AtLeastOnce } else { QoS::AtMostOnce };
        let options = PublishOptions::new(quality).retain(note.retain && self.abilities.retain).properties(
            PublishProperties {
                message_expiry_interval: note.expiry_s.map(NonZeroU32::get),
                ..PublishProperties::default()
            },
        );
        let answer = self
            .client
            .try_publish_tracked(note.topic.as_str(), note.payload.clone(), options)
            .map_err(|_| NotSent::Ended)?;
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.under_way += 1;
        self.answers.push(async move { taken(ticket, answer.wait_async().await) }.boxed());
        Ok(ticket)
    }

    /// Subscribes to all of `filters`, at least one.
    pub fn subscribe(&mut self, filters: Vec<String>, how: Subscription) -> Result<(), NotSent> {
        let own = how == Subscription::Own;
        let inputs = filters.iter().map(|filter| {
            // A shared subscription must not ask for `no local` (MQTT 5, 3.8.3.1).
            SubscribeFilterInput::new(filter.as_str(), QoS::AtLeastOnce).no_local(own)
        });
        let answer = self.client.try_subscribe_many_tracked(inputs).map_err(|_| NotSent::Ended)?;
        let refused = async move {
            let codes = answer.wait_async().await.ok()?.return_codes;
            let taken = |code: &SubscribeReasonCode| matches!(code, SubscribeReasonCode::Success(_));
            let refused = filters.into_iter().zip(codes).filter(|(_, code)| !taken(code));
            Some(LinkEvent::Subscribed(refused.map(|(filter, _)| filter).collect()))
        };
        self.answers.push(refused.boxed());
        Ok(())
    }

    /// Waits for what comes next. May be dropped while it waits. After an error the link has ended.
    pub async fn next(&mut self) -> Result<LinkEvent, LinkError> {
        loop {
            let waits = !self.answers.is_empty();
            tokio::select! {
                answer = self.answers.next(), if waits => {
                    // An answer that can no longer come is the end of the connection, which `arrivals` gives a reason for.
                    if let Some(event) = answer.flatten() {
                        if matches!(event, LinkEvent::Taken(_) | LinkEvent::NotTaken(..)) {
                            self.under_way -= 1;
                        }
                        return Ok(event);
                    }
                }
                arrival = self.arrivals.recv() => {
                    return arrival.unwrap_or(Err(LinkError::Closed)).map(LinkEvent::Arrived);
                }
            }
        }
    }

    /// Says farewell, so that the broker does not publish the will, and waits for the end, at most a second.
    pub async fn close(mut self) {
        if self.client.try_disconnect().is_ok() {
            // What still arrives is not wanted, and must not hold up the end.
            let end = async { while self.arrivals.recv().await.is_some() {} };
            if timeout(FAREWELL, end).await.is_err() {
                tracing::debug!(target: "broker", "the broker does not take a farewell");
            }
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// Runs the client until the connection ends.
async fn drive(mut events: EventLoop, to: mpsc::Sender<Result<Arrival, LinkError>>) {
    loop {
        let arrival = match events.poll().await {
            Ok(Event::Incoming(Packet::Publish(publish))) => {
                Ok(Arrival { topic: publish.topic, payload: publish.payload })
            }
            Ok(_) => continue,
            Err(error) => Err(LinkError::from_client(&error)),
        };
        let end = arrival.is_err();
        if to.send(arrival).await.is_err() || end {
            return;
        }
    }
}

fn taken(ticket: u64, answer: Result<PublishResult, PublishNoticeError>) -> Option<LinkEvent> {
    let PublishResult::Qos1(answer) = answer.ok()? else { return Some(LinkEvent::Taken(ticket)) };
    Some(match answer.reason {
        PubAckReason::Success | PubAckReason::NoMatchingSubscribers => LinkEvent::Taken(ticket),
        PubAckReason::NotAuthorized | PubAckReason::TopicNameInvalid | PubAckReason::PayloadFormatInvalid => {
            LinkEvent::NotTaken(ticket, NotTaken::Refused)
        }
        _ => LinkEvent::NotTaken(ticket, NotTaken::Later),
    })
}

fn options(settings: &LinkSettings) -> Result<MqttOptions, LinkError> {
    let LinkSettings { address, trust, client_id, login, will } = settings;
    let mut options = MqttOptions::new(client_id, Broker::tcp(&address.host, address.port));
    if address.tls {
        let transport = match trust {
            Trust::Platform => Transport::try_tls_with_default_config(),
            Trust::Authority(pem) => Ok(Transport::tls_with_config(TlsConfiguration::Simple {
                ca: pem.to_vec(),
                alpn: None,
                client_auth: None,
            })),
        };
        options.set_transport(transport.map_err(|error| LinkError::Trust(error.to_string()))?);
    }
    if let Some((name, password)) = login {
        options.set_credentials(name, password.clone());
    }
    if let Some(will) = will {
        let properties = LastWillProperties {
            delay_interval: None,
            payload_format_indicator: None,
            message_expiry_interval: will.expiry_s.map(NonZeroU32::get),
            content_type: None,
            response_topic: None,
            correlation_data: None,
            user_properties: Vec::new(),
        };
        let will = LastWill::new(
            &will.topic,
            will.payload.to_vec(),
            QoS::AtLeastOnce,
            will.retain,
            Some(properties),
        );
        options.set_last_will(will);
    }
    let mut network = NetworkOptions::new();
    network.set_tcp_nodelay(true);
    options
        .set_network_options(network)
        .set_keep_alive(KEEP_ALIVE_S)
        .set_clean_start(true)
        .set_session_expiry_interval(Some(0))
        .set_receive_maximum(Some(MAX_WINDOW as u16))
        .set_max_packet_size(Some(MAX_PACKET))
        .set_outgoing_inflight_upper_limit(MAX_WINDOW as u16)
        .set_connect_timeout(Duration::from_secs(CONNECT_TIMEOUT_S));
    Ok(options)
}

fn abilities(answer: &ConnAck) -> Abilities {
    let properties = answer.properties.as_ref();
    let max_packet = properties.and_then(|properties| properties.max_packet_size).unwrap_or(u32::MAX);
    let window = properties.and_then(|properties| properties.receive_max).map_or(MAX_WINDOW, usize::from);
    Abilities {
        max_packet: usize::try_from(max_packet).unwrap_or(usize::MAX),
        window: window.clamp(1, MAX_WINDOW),
        retain: properties.and_then(|properties| properties.retain_available) != Some(0),
        acknowledges: properties.and_then(|properties| properties.max_qos) != Some(0),
    }
}

/// Most messages under way in either direction without an acknowledgement, where the broker takes as many.
const MAX_WINDOW: usize = 100;

/// Room in the client's queue for subscriptions, beside what is published.
const CONTROL_ROOM: usize = 8;

/// Messages from the broker that wait to be looked at: more, and the broker waits.
const ARRIVALS: usize = 256;

/// Seconds after which a silent link is probed; a broker ends it after one and a half times as many (MQTT 5, 3.1.2.10). A carrier's NAT
/// forgets a TCP connection after minutes.
const KEEP_ALIVE_S: u16 = 20;

/// Bytes of a packet besides topic and payload, at most: head, lengths, identifier, expiry.
const OVERHEAD: usize = 20;

const FAREWELL: Duration = Duration::from_secs(1);
