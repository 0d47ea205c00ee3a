//! The content of a payload: a summary for a line, the fields for a JSON object.

use serde_json::{Value, json};
use v2x_apps::roadside::rtcm;
use v2x_proto::payload::Message;
use v2x_proto::v1;

/// The few fields of a payload a reader looks for first.
pub(super) fn gist(message: &Message) -> String {
    match message {
        Message::Awareness(awareness) => {
            let mut words = station_type(awareness.station_type);
            if let Some(speed) = awareness.speed {
                words += &format!(" {:.1} m/s", f64::from(speed) * 0.01);
            }
            if let Some(heading) = awareness.heading {
                words += &format!(" heading {:.1}", f64::from(heading) * 0.1);
            }
            words
        }
        Message::Hazard(hazard) => {
            let number = hazard.id.as_ref().map_or(0, |id| id.number);
            let state = enum_word(hazard.state().as_str_name(), "HAZARD_STATE_");
            format!("event {number} {state} cause {}/{}", hazard.cause, hazard.sub_cause)
        }
        Message::SignalState(state) => {
            let phases = state.groups.iter().map(|group| {
                format!(" {}:{}", group.group, enum_word(group.phase().as_str_name(), "SIGNAL_PHASE_"))
            });
            format!("intersection {}{}", state.intersection_id, phases.collect::<String>())
        }
        Message::IntersectionMap(map) => format!(
            "intersection {} revision {} fragment {}/{} {} lanes",
            map.intersection_id,
            map.revision,
            map.fragment + 1,
            map.fragments,
            map.lanes.len()
        ),
        Message::SignInfo(info) => {
            let signs = info.signs.iter().map(|sign| match sign.value {
                Some(value) => format!(" {}={value}", sign.code),
                None => format!(" {}", sign.code),
            });
            format!("sign {} revision {}{}", info.sign_id, info.revision, signs.collect::<String>())
        }
        Message::RsuAdvert(advert) => {
            let services = advert.services.iter().map(|service| format!(" {:#x}", service.service_id));
            format!("{:?}{}", advert.name, services.collect::<String>())
        }
        Message::PriorityRequest(request) => format!(
            "intersection {} request {} {} by {}",
            request.intersection_id,
            request.request_id,
            enum_word(request.action().as_str_name(), "PRIORITY_ACTION_"),
            enum_word(request.role().as_str_name(), "PRIORITY_ROLE_")
        ),
        Message::PriorityStatus(status) => {
            let answers = status.answers.iter().map(|answer| {
                let state = enum_word(answer.state().as_str_name(), "PRIORITY_STATE_");
                format!(" {}/{}:{state}", hex(&answer.requester), answer.request_id)
            });
            format!("intersection {}{}", status.intersection_id, answers.collect::<String>())
        }
        Message::GnssCorrection(correction) => {
            let numbers = correction.rtcm.iter().map(|message| match rtcm::message_number(message) {
                Some(number) => format!(" {number}"),
                None => " ?".to_owned(),
            });
            format!("station {} RTCM{}", correction.station_id, numbers.collect::<String>())
        }
        other => format!("{} B", other.encoded_len()),
    }
}

/// Fields of the payloads that others are asked about most, in their wire units; the rest is in `payload_hex`.
pub(super) fn payload(message: &Message) -> Option<Value> {
    match message {
        Message::Awareness(awareness) => Some(json!({
            "station_type": awareness.station_type,
            "altitude_cm": awareness.altitude_cm,
            "speed_cm_per_s": awareness.speed,
            "heading_decidegree": awareness.heading,
            "acceleration_dm_per_s2": awareness.acceleration,
            "yaw_rate_centidegree_per_s": awareness.yaw_rate,
            "length_dm": awareness.length,
            "width_dm": awareness.width,
            "path_points": awareness.path_delta_time.len(),
        })),
        Message::Hazard(hazard) => Some(json!({
            "origin": hazard.id.as_ref().map(|id| hex(&id.origin)),
            "number": hazard.id.as_ref().map(|id| id.number),
            "state": enum_word(hazard.state().as_str_name(), "HAZARD_STATE_"),
            "cause": hazard.cause,
            "sub_cause": hazard.sub_cause,
            "validity_s": hazard.validity_s,
        })),
        Message::SignalState(state) => {
            let groups = state.groups.iter().map(|group| {
                json!({
                    "group": group.group,
                    "phase": enum_word(group.phase().as_str_name(), "SIGNAL_PHASE_"),
                    "min_end_ds": group.min_end,
                    "max_end_ds": group.max_end,
                    "likely_end_ds": group.likely_end,
                    "confidence": group.confidence,
                })
            });
            Some(json!({
                "intersection_id": state.intersection_id,
                "region_id": state.region_id,
                "map_revision": state.map_revision,
                "status": state.status,
                "state_time_us": state.state_time_us,
                "groups": groups.collect::<Vec<_>>(),
            }))
        }
        Message::IntersectionMap(map) => Some(json!({
            "intersection_id": map.intersection_id,
            "region_id": map.region_id,
            "revision": map.revision,
            "fragment": map.fragment,
            "fragments": map.fragments,
            "latitude": map.reference.as_ref().map(|reference| reference.latitude),
            "longitude": map.reference.as_ref().map(|reference| reference.longitude),
            "speed_limit_cm_per_s": map.speed_limit,
            "lanes": map.lanes.iter().map(lane).collect::<Vec<_>>(),
        })),
        Message::SignInfo(info) => {
            let signs = info.signs.iter().map(|sign| {
                json!({
                    "country": sign.country,
                    "code": sign.code,
                    "value": sign.value,
                    "lanes": sign.lanes,
                    "text": sign.text,
                })
            });
            Some(json!({
                "sign_id": info.sign_id,
                "revision": info.revision,
                "valid_from_us": info.valid_from_us,
                "valid_until_us": info.valid_until_us,
                "zones": info.zones.len(),
                "signs": signs.collect::<Vec<_>>(),
                "direction_deg": info.direction_deg,
                "direction_tolerance_deg": info.direction_tolerance_deg,
            }))
        }
        Message::RsuAdvert(advert) => {
            let services = advert.services.iter().map(|service| {
                json!({
                    "service_id": service.service_id,
                    "channel": service.channel,
                    "port": service.port,
                    "description": service.description,
                })
            });
            Some(json!({
                "name": advert.name,
                "interval_ms": advert.interval_ms,
                "services": services.collect::<Vec<_>>(),
            }))
        }
        Message::PriorityRequest(request) => Some(json!({
            "intersection_id": request.intersection_id,
            "region_id": request.region_id,
            "request_id": request.request_id,
            "action": enum_word(request.action().as_str_name(), "PRIORITY_ACTION_"),
            "role": enum_word(request.role().as_str_name(), "PRIORITY_ROLE_"),
            "importance": request.importance,
            "ingress_lane": request.ingress_lane,
            "egress_lane": request.egress_lane,
            "arrival_us": request.arrival_us,
            "duration_ms": request.duration_ms,
        })),
        Message::PriorityStatus(status) => {
            let answers = status.answers.iter().map(|answer| {
                json!({
                    "requester": hex(&answer.requester),
                    "request_id": answer.request_id,
                    "state": enum_word(answer.state().as_str_name(), "PRIORITY_STATE_"),
                    "expected_us": answer.expected_us,
                })
            });
            Some(json!({
                "intersection_id": status.intersection_id,
                "region_id": status.region_id,
                "answers": answers.collect::<Vec<_>>(),
            }))
        }
        Message::GnssCorrection(correction) => Some(json!({
            "station_id": correction.station_id,
            "rtcm_bytes": correction.rtcm.iter().map(bytes::Bytes::len).collect::<Vec<_>>(),
            "rtcm_numbers": correction.rtcm.iter().map(|message| rtcm::message_number(message)).collect::<Vec<_>>(),
        })),
        _ => None,
    }
}

fn lane(lane: &v1::Lane) -> Value {
    let connects = lane.connects_to.iter().zip(&lane.connects_group);
    json!({
        "lane": lane.lane,
        "kind": enum_word(lane.kind().as_str_name(), "LANE_KIND_"),
        "manoeuvres": lane.manoeuvres,
        "width_cm": lane.width_cm,
        "delta_east_cm": lane.delta_east_cm,
        "delta_north_cm": lane.delta_north_cm,
        "connects": connects.map(|(to, group)| json!({ "lane": to, "group": group })).collect::<Vec<_>>(),
    })
}

fn station_type(number: i32) -> String {
    match v1::StationType::try_from(number) {
        Ok(known) => enum_word(known.as_str_name(), "STATION_TYPE_").replace('_', " "),
        Err(_) => format!("station type {number}"),
    }
}

/// The last part of an enum value's name in the schema.
pub(super) fn enum_word(name: &str, prefix: &str) -> String {
    name.strip_prefix(prefix).unwrap_or(name).to_lowercase()
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
