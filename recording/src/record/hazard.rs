//! Commands about hazards as they are recorded.

use core::time::Duration;

use bytes::Bytes;
use v2x_core::{EventId, HazardCommand, HazardDraft, HazardRepeat, Position};
use v2x_proto::{Class, Digest, v1};

use super::fields::{RecordError, decode_area, encode_area, narrow};

pub(super) fn encode_command(command: &HazardCommand) -> v1::RecordedHazard {
    use v1::HazardState as State;
    let recorded = |state: State, id: Option<&EventId>, draft: Option<&HazardDraft>| v1::RecordedHazard {
        state: state.into(),
        id: id.map(encode_id),
        draft: draft.map(encode_draft),
        token: None,
    };
    match command {
        HazardCommand::New(draft) => recorded(State::New, None, Some(draft)),
        HazardCommand::Update(id, draft) => recorded(State::Update, Some(id), Some(draft)),
        HazardCommand::Cancel(id) => recorded(State::Cancel, Some(id), None),
        HazardCommand::Negate(id) => recorded(State::Negate, Some(id), None),
    }
}

pub(super) fn decode_command(recorded: &v1::RecordedHazard) -> Result<HazardCommand, RecordError> {
    let id = || {
        let id = recorded.id.as_ref().ok_or(RecordError("a hazard without its name"))?;
        let origin = Digest::from_slice(&id.origin).ok_or(RecordError("an origin that is not 8 bytes"))?;
        Ok(EventId { origin, number: id.number })
    };
    let draft = || decode_draft(recorded.draft.as_ref().ok_or(RecordError("a hazard that says nothing"))?);
    Ok(match recorded.state() {
        v1::HazardState::New => HazardCommand::New(draft()?),
        v1::HazardState::Update => HazardCommand::Update(id()?, draft()?),
        v1::HazardState::Cancel => HazardCommand::Cancel(id()?),
        v1::HazardState::Negate => HazardCommand::Negate(id()?),
        v1::HazardState::Unspecified => return Err(RecordError("nothing becomes of the hazard")),
    })
}

fn encode_id(id: &EventId) -> v1::EventId {
    v1::EventId { origin: Bytes::copy_from_slice(&id.origin.0), number: id.number }
}

fn encode_draft(draft: &HazardDraft) -> v1::RecordedDraft {
    v1::RecordedDraft {
        deadline_class: draft.class as u32,
        cause: u32::from(draft.cause),
        sub_cause: u32::from(draft.sub_cause),
        position: draft.position.map(|position| v1::Position {
            latitude: position.latitude,
            longitude: position.longitude,
            altitude_cm: None,
        }),
        speed: draft.speed.map(u32::from),
        heading: draft.heading.map(u32::from),
        quality: draft.quality.map(u32::from),
        validity_ns: nanos(draft.validity),
        area: draft.area.as_ref().map(encode_area),
        relevance_distance_m: draft.relevance_distance_m.map(u32::from),
        relevance_direction: draft.relevance_direction.into(),
        repeat_every_ns: draft.repeat.map(|repeat| nanos(repeat.every)),
        repeat_during_ns: draft.repeat.map(|repeat| nanos(repeat.during)),
        keep_alive_ns: draft.keep_alive.map(nanos),
    }
}

fn decode_draft(draft: &v1::RecordedDraft) -> Result<HazardDraft, RecordError> {
    let class = u8::try_from(draft.deadline_class).ok().and_then(|class| Class::try_from(class).ok());
    let place = |at: &v1::Position| {
        Position::new(at.latitude, at.longitude).ok_or(RecordError("a hazard off the globe"))
    };
    let byte = |value: u32, field| u8::try_from(value).map_err(|_| RecordError(field));
    let repeat = draft.repeat_every_ns.zip(draft.repeat_during_ns);
    let direction = v1::RelevanceDirection::try_from(draft.relevance_direction);
    Ok(HazardDraft {
        class: class.ok_or(RecordError("no such deadline class"))?,
        cause: byte(draft.cause, "cause")?,
        sub_cause: byte(draft.sub_cause, "sub-cause")?,
        position: draft.position.as_ref().map(place).transpose()?,
        speed: narrow(draft.speed, "speed")?,
        heading: narrow(draft.heading, "heading")?,
        quality: narrow(draft.quality, "quality")?,
        validity: Duration::from_nanos(draft.validity_ns),
        area: draft.area.as_ref().map(decode_area).transpose()?,
        relevance_distance_m: narrow(draft.relevance_distance_m, "relevance distance")?,
        relevance_direction: direction.map_err(|_| RecordError("no such relevance direction"))?,
        repeat: repeat.map(|(every, during)| HazardRepeat {
            every: Duration::from_nanos(every),
            during: Duration::from_nanos(during),
        }),
        keep_alive: draft.keep_alive_ns.map(Duration::from_nanos),
        due: None,
    })
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
