//! A program's message, made into a request to the station; and what is not a program's to say.

use std::collections::BTreeSet;

use bytes::Bytes;
use v2x_api::{Answer, AnsweredMessage, BAD_REQUEST, Point, PublishRequest, type_name};
use v2x_apps::roadside::content::Intersection;
use v2x_core::{
    NotSentReason, Permissions, Position, Recipients, SendRequest, SendingState, freshness, hops,
    permission_for,
};
use v2x_proto::payload::{JsonError, MAX_SEALED_PAYLOAD, Message};
use v2x_proto::v1::MessageType;
use v2x_proto::{AreaView, Class, IntersectionId, envelope};

use super::publishing::Fate;
use super::view::not_sending;
use crate::config::RoadsideConfig;

/// What a roadside unit's own application says, as it is configured: programs do not say it as well.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OwnContent {
    signals: BTreeSet<IntersectionId>,
    maps: BTreeSet<IntersectionId>,
    signs: BTreeSet<u32>,
    adverts: bool,
    corrections: bool,
}

impl OwnContent {
    /// Of a unit so configured; nothing of a vehicle.
    pub fn of(config: &RoadsideConfig) -> Self {
        let named = |with: fn(&Intersection) -> bool| {
            let chosen = config.intersections.iter().filter(|one| with(one));
            chosen.filter_map(|one| intersection(one.region, one.id)).collect()
        };
        Self {
            signals: named(|one| !one.groups.is_empty()),
            maps: named(|one| !one.map.is_empty()),
            signs: config.signs.iter().map(|sign| sign.sign_id).collect(),
            adverts: !config.adverts.is_empty(),
            corrections: config.corrections.is_some(),
        }
    }

    /// The part of the configuration by which the unit says this itself.
    fn says(&self, message: &Message) -> Option<String> {
        let at = |all: &BTreeSet<_>, region, id| {
            let id = intersection(region, id).filter(|id| all.contains(id))?;
            Some(format!("intersection {id}"))
        };
        match message {
            Message::SignalState(state) => at(&self.signals, state.region_id, state.intersection_id),
            Message::PriorityStatus(status) => at(&self.signals, status.region_id, status.intersection_id),
            Message::IntersectionMap(map) => at(&self.maps, map.region_id, map.intersection_id),
            Message::SignInfo(sign) if self.signs.contains(&sign.sign_id) => {
                Some(format!("sign {}", sign.sign_id))
            }
            Message::RsuAdvert(_) if self.adverts => Some("adverts".to_owned()),
            Message::GnssCorrection(_) if self.corrections => Some("corrections".to_owned()),
            _ => None,
        }
    }
}

/// Why a station does not send a program's message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    /// The station itself says such messages.
    #[error("{}: {hint}", type_name(*message_type))]
    NotYours { message_type: MessageType, hint: String },
    /// The payload is not the message of its type.
    #[error("payload: {0}")]
    Payload(#[from] JsonError),
    /// A key does not go with the type or its class.
    #[error("{0}")]
    Key(String),
    /// The credential lacks a permission.
    #[error("the credential lacks the permission {0}: issue one with --also {0} (roadcast keys issue)")]
    NotPermitted(Permissions),
}

impl Refusal {
    pub fn answer(&self) -> Answer {
        let name = match self {
            Self::NotYours { .. } => "publish_not_yours",
            Self::Payload(_) | Self::Key(_) => BAD_REQUEST,
            Self::NotPermitted(_) => NOT_PERMITTED,
        };
        Answer::failure(name, &self.to_string())
    }
}

/// The request to the station; `here` is where it is, and `permissions` those of its credential.
pub(super) fn request(
    asked: &PublishRequest,
    own: &OwnContent,
    permissions: Permissions,
    here: Option<Position>,
) -> Result<SendRequest, Refusal> {
    let message_type = asked.message_type;
    let not_yours = |hint: String| Refusal::NotYours { message_type, hint };
    if let Some(hint) = made_by_the_station(message_type) {
        return Err(not_yours(hint.to_owned()));
    }
    let message = Message::from_json(message_type, &asked.payload)?;
    if let Some(what) = own.says(&message) {
        return Err(not_yours(format!(
            "this unit says it itself, by its configuration ([roadside], {what})"
        )));
    }
    let to = asked.to.map(Recipients::one);
    let (class, needed) = class(message_type, asked.class)?;
    if to.is_some() && permission_for(MessageType::Confidential, class).is_none() {
        let goes = format!(
            "a message to one station goes in D4 or D5, and this {} in {class}",
            type_name(message_type)
        );
        return Err(Refusal::Key(format!("to: {goes}; leave it out")));
    }
    if !permissions.contains(needed) {
        return Err(Refusal::NotPermitted(needed.without(permissions)));
    }
    let area = area(asked, class, here)?;
    let mut payload = Vec::with_capacity(message.encoded_len());
    message.encode(&mut payload);
    if payload.is_empty() {
        let right = "give one of them another value; an empty message is not sent";
        return Err(Refusal::Key(format!("payload: all its fields are 0 or left out; {right}")));
    }
    Ok(SendRequest {
        to,
        message_type: message_type as u32,
        class,
        lifetime_ms: lifetime_ms(asked.lifetime_ms, class)?,
        max_hops: max_hops(asked.hops, class, area.is_some())?,
        area,
        subject: subject(&message),
        due: None,
        token: None,
        payload: Bytes::from(payload),
    })
}

/// How to say it instead, where the station makes messages of this type itself.
const fn made_by_the_station(message_type: MessageType) -> Option<&'static str> {
    use MessageType as M;
    Some(match message_type {
        M::Unspecified => "it is no message",
        M::Awareness => {
            "the station sends beacons itself, of its position ({\"fix\":...}) and vehicle ({\"vehicle\":...})"
        }
        M::Hazard => {
            "declare it with {\"hazard\":\"new\",\"cause\":...}, and the station repeats, updates and ends it"
        }
        M::PriorityRequest => {
            "ask with {\"priority\":\"request\",...}, and the station asks until it is answered"
        }
        M::Confidential => "publish what is to be sealed, with \"to\": the digest of its receiver",
        M::CredentialRequest | M::CredentialResponse => "the station exchanges credentials itself",
        M::RevocationDelta => {
            "name its file in [revocation] files, and the station checks it and passes it on"
        }
        M::MisbehaviourReport => "the station reports what it finds itself",
        _ => return None,
    })
}

/// The class it goes in, and the permission for that.
fn class(message_type: MessageType, asked: Option<Class>) -> Result<(Class, Permissions), Refusal> {
    let may = |class| Some((class, permission_for(message_type, class)?));
    let default = || Class::ALL.into_iter().rev().find_map(may);
    let chosen = asked.map_or_else(default, may);
    chosen.ok_or_else(|| {
        let all: Vec<_> = Class::ALL.into_iter().filter_map(may).map(|(class, _)| class.name()).collect();
        let found = asked.map_or("none", Class::name);
        Refusal::Key(format!("class: found {found}; {} goes in {}", type_name(message_type), all.join(", ")))
    })
}

fn lifetime_ms(asked: Option<u32>, class: Class) -> Result<u32, Refusal> {
    let longest = freshness::max_lifetime_ms(class);
    let lifetime_ms = asked.unwrap_or(longest.min(DEFAULT_LIFETIME_MS));
    if lifetime_ms > longest {
        let right = format!("a message of {class} lives at most {longest} ms");
        return Err(Refusal::Key(format!("lifetime_ms: found {lifetime_ms}; {right}")));
    }
    Ok(lifetime_ms)
}

fn max_hops(asked: Option<u8>, class: Class, has_area: bool) -> Result<u8, Refusal> {
    let range = hops(class, has_area);
    let max_hops = asked.unwrap_or(*range.start());
    if !range.contains(&max_hops) {
        let right = format!("a message of {class} makes {} to {}", range.start(), range.end());
        return Err(Refusal::Key(format!("hops: found {max_hops}; {right}")));
    }
    Ok(max_hops)
}

fn area(asked: &PublishRequest, class: Class, here: Option<Position>) -> Result<Option<AreaView>, Refusal> {
    let Some(area) = asked.area else { return Ok(None) };
    if class == Class::D0 {
        return Err(Refusal::Key("area: a message of D0 concerns whoever hears it; leave it out".to_owned()));
    }
    let about = area.centre.or(here.map(|at| Point { latitude: at.latitude, longitude: at.longitude }));
    let centre = about.ok_or_else(|| {
        let right = "give its latitude_deg and longitude_deg: the station does not know its own";
        Refusal::Key(format!("area: about nothing; {right}"))
    })?;
    Ok(Some(area.about(centre)))
}

/// Which of several things of its type it is about: while it waits, a newer one on the same replaces it.
fn subject(message: &Message) -> u32 {
    let at = |region: u32, id: u32| id ^ region.rotate_left(16);
    match message {
        Message::SignalState(state) => at(state.region_id, state.intersection_id),
        Message::PriorityStatus(status) => at(status.region_id, status.intersection_id),
        Message::GnssCorrection(correction) => correction.station_id,
        _ => 0,
    }
}

/// The answer once it left, or will not.
pub(super) fn answer(outcome: &Fate, sending: SendingState) -> Answer {
    match outcome {
        Fate::Left { id, bytes, after } => Answer {
            message: Some(AnsweredMessage::Name(id.to_string())),
            bytes: Some(u64::from(*bytes)),
            sent_us: Some(after.as_nanos() as f64 / 1e3),
            ..Answer::done()
        },
        Fate::NotSent(reason) => {
            let name = if *reason == NotSentReason::NotPermitted { NOT_PERMITTED } else { reason.name() };
            let why = why(*reason);
            let text = match not_sending(sending) {
                Some(now)
                    if matches!(reason, NotSentReason::SendingBlocked | NotSentReason::NotPermitted) =>
                {
                    format!("{why} (now: {now})")
                }
                _ => why,
            };
            Answer::failure(name, &text)
        }
        Fate::LinkFailed(error) => {
            Answer::failure("link_failed", &format!("the link did not take its frame: {error}"))
        }
    }
}

fn why(reason: NotSentReason) -> String {
    match reason {
        NotSentReason::Expired => {
            "its time ran out before the link took it; a longer lifetime_ms, or fewer messages".to_owned()
        }
        NotSentReason::Replaced => "a newer message on the same subject took its place".to_owned(),
        NotSentReason::QueueFull => "too many messages of its class wait for the link; send fewer".to_owned(),
        NotSentReason::SendingBlocked => "the station does not send now".to_owned(),
        NotSentReason::TooLong => {
            format!(
                "it does not fit a frame of {} bytes with its signature (sealed: {} bytes of payload); send less at a time",
                envelope::MAX_FRAME,
                MAX_SEALED_PAYLOAD
            )
        }
        NotSentReason::NotPermitted => "the credential does not permit this message, or not here".to_owned(),
        NotSentReason::BadRequest => "its type does not go with its class, hops or area".to_owned(),
        NotSentReason::Silent => {
            "the station is silent for some seconds after a change of its pseudonym; try again".to_owned()
        }
        NotSentReason::NoSuchNeighbour => {
            "to: no neighbour has this digest; {\"neighbours\":\"list\"} has those there are".to_owned()
        }
        NotSentReason::NoEncryptionKey => {
            "to: that station's credential has no encryption key (roadcast keys issue --encryption)"
                .to_owned()
        }
        NotSentReason::BurstBudget => "copies of imminent warnings are at their limit".to_owned(),
    }
}

fn intersection(region: u32, id: u32) -> Option<IntersectionId> {
    Some(IntersectionId { region: u16::try_from(region).ok()?, number: id })
}

const NOT_PERMITTED: &str = "publish_not_permitted";
/// Where the class allows more: what a roadside unit's own adverts and signs have.
const DEFAULT_LIFETIME_MS: u32 = 10_000;

#[cfg(test)]
mod tests {
    use v2x_api::Request;

    use super::*;

    #[test]
    fn a_message_of_which_nothing_is_left_is_refused_by_its_payload() {
        let asked = |payload: &str| {
            let line = format!(r#"{{"publish":"echo","payload":{payload}}}"#);
            let Ok(Request::Publish(asked)) = Request::parse(line.as_bytes()) else { panic!("{line}") };
            request(&asked, &OwnContent::default(), Permissions(u64::MAX), None)
        };
        for empty in ["{}", r#"{"token":0}"#] {
            let refused = asked(empty).unwrap_err().answer();
            assert_eq!(refused.reason.as_deref(), Some(BAD_REQUEST));
            assert!(refused.error.unwrap().starts_with("payload: all its fields are 0 or left out"));
        }
        assert!(!asked(r#"{"token":1}"#).unwrap().payload.is_empty());
    }
}
