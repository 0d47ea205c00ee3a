//! Changes of events in a transcript.

use v2x_core::{EventState, HazardChange, HazardChanged, KnownHazard};
use v2x_proto::Class;

use super::fields::{Reader, write_event_id};

/// The fields of an event as an application gets them, except those that depend on the station's own position.
pub(super) fn write(changed: &HazardChanged, out: &mut Vec<u8>) {
    let event = &changed.event;
    out.push(changed.change as u8);
    write_event_id(&event.id, out);
    out.extend_from_slice(&[u8::from(event.own), event.state as u8, event.class as u8]);
    out.extend_from_slice(&[event.cause, event.sub_cause, doubts(event)]);
    out.extend_from_slice(&event.position.latitude.to_le_bytes());
    out.extend_from_slice(&event.position.longitude.to_le_bytes());
    for time in [event.detection, event.reference, event.valid_until] {
        out.extend_from_slice(&time.as_micros().to_le_bytes());
    }
    out.push(u8::from(event.concern.is_some()));
}

pub(super) fn read(reader: &mut Reader<'_>) -> Option<String> {
    let change = HazardChange::ALL.get(usize::from(reader.u8()?))?.name();
    let id = reader.event_id()?;
    let own = if reader.u8()? == 0 { "" } else { "own " };
    let state = EventState::ALL.get(usize::from(reader.u8()?))?.name();
    let class = Class::try_from(reader.u8()?).ok()?.name();
    let (cause, sub_cause) = (reader.u8()?, reader.u8()?);
    let doubts = reader.u8()?;
    let suspect = if doubts & SUSPECT == 0 { "" } else { ", suspect" };
    let afar = if doubts & AFAR == 0 { "" } else { ", from afar" };
    let (latitude, longitude) = (reader.u32()? as i32, reader.u32()? as i32);
    let (detection, reference, until) = (reader.u64()?, reader.u64()?, reader.u64()?);
    let concern = if reader.u8()? == 0 { "" } else { ", concerns this station" };
    Some(format!(
        "{own}hazard {id} {change}: {class}, cause {cause}/{sub_cause}, {state} at {latitude}, {longitude}, \
         detected at {detection} us, as of {reference} us, until {until} us{suspect}{afar}{concern}"
    ))
}

/// One byte, as before there was anything from afar.
fn doubts(event: &KnownHazard) -> u8 {
    (u8::from(event.suspect) * SUSPECT) | (u8::from(event.afar) * AFAR)
}

const SUSPECT: u8 = 1;
const AFAR: u8 = 2;
