// @generated from proto/schema by `ROADCAST_BLESS=1 cargo test -p tests generated`.

use super::{EnumForm, FieldForm, MessageForm, MessageType, ValueForm};

/// The payload of a message type.
pub(super) const fn of(message_type: MessageType) -> &'static MessageForm {
    match message_type {
        MessageType::Unspecified => &NONE,
        MessageType::Awareness => &AWARENESS,
        MessageType::Hazard => &HAZARD,
        MessageType::SignalState => &SIGNAL_STATE,
        MessageType::IntersectionMap => &INTERSECTION_MAP,
        MessageType::SignInfo => &SIGN_INFO,
        MessageType::RsuAdvert => &RSU_ADVERT,
        MessageType::Perception => &PERCEPTION,
        MessageType::Vru => &VRU,
        MessageType::PriorityRequest => &PRIORITY_REQUEST,
        MessageType::PriorityStatus => &PRIORITY_STATUS,
        MessageType::GnssCorrection => &GNSS_CORRECTION,
        MessageType::Confidential => &CONFIDENTIAL,
        MessageType::CredentialRequest => &CREDENTIAL_REQUEST,
        MessageType::CredentialResponse => &CREDENTIAL_RESPONSE,
        MessageType::RevocationDelta => &REVOCATION_DELTA,
        MessageType::MisbehaviourReport => &MISBEHAVIOUR_REPORT,
        MessageType::NodeStatus => &NODE_STATUS,
        MessageType::Echo => &ECHO,
        MessageType::UpdateManifest => &UPDATE_MANIFEST,
    }
}

static NONE: MessageForm = MessageForm { name: "payload", fields: &[] };

static AREA: MessageForm = MessageForm { name: "Area", fields: &[
    FieldForm { number: 1, name: "latitude", value: ValueForm::Sfixed32, repeated: false, optional: false },
    FieldForm { number: 2, name: "longitude", value: ValueForm::Sfixed32, repeated: false, optional: false },
    FieldForm { number: 3, name: "shape", value: ValueForm::Enum(&AREA_SHAPE), repeated: false, optional: false },
    FieldForm { number: 4, name: "distance_a_m", value: ValueForm::Uint32, repeated: false, optional: false },
    FieldForm { number: 5, name: "distance_b_m", value: ValueForm::Uint32, repeated: false, optional: false },
    FieldForm { number: 6, name: "azimuth_deg", value: ValueForm::Uint32, repeated: false, optional: false },
] };

static AWARENESS: MessageForm = MessageForm { name: "Awareness", fields: &[
    FieldForm { number: 1, name: "station_type", value: ValueForm::Enum(&STATION_TYPE), repeated: false, optional: false },
    FieldForm { number: 2, name: "altitude_cm", value: ValueForm::Sint32, repeated: false, optional: true },
    FieldForm { number: 3, name: "position_confidence", value: ValueForm::Message(&POSITION_CONFIDENCE), repeated: false, optional: true },
    FieldForm { number: 4, name: "speed", value: ValueForm::Uint32, repeated: false, optional: true },
    FieldForm { number: 5, name: "heading", value: ValueForm::Uint32, repeated: false, optional: true },
    FieldForm { number: 6, name: "acceleration", value: ValueForm::Sint32, repeated: false, optional: true },
    FieldForm { number: 7, name: "yaw_rate", value: ValueForm::Sint32, repeated: false, optional: true },
    FieldForm { number: 8, name: "curvature", value: ValueForm::Sint32, repeated: false, optional: true },
    FieldForm { number: 9, name: "steering_angle", value: ValueForm::Sint32, repeated: false, optional: true },
    FieldForm { number: 10, name: "control_flags", value: ValueForm::Uint32, repeated: false, optional: true },
    FieldForm { number: 11, name: "beacon_interval_ms", value: ValueForm::Uint32, repeated: false, optional: true },
    FieldForm { number: 12, name: "position_age_ms", value: ValueForm::Uint32, repeated: false, optional: true },
    FieldForm { number: 16, name: "exterior_lights", value: ValueForm::Uint32, repeated: false, optional: true },
    FieldForm { number: 17, name: "length", value: ValueForm::Uint32, repeated: false, optional: true },
    FieldForm { number: 18, name: "width", value: ValueForm::Uint32, repeated: false, optional: true },
    FieldForm { number: 19, name: "path_delta_latitude", value: ValueForm::Sint32, repeated: true, optional: false },
    FieldForm { number: 20, name: "path_delta_longitude", value: ValueForm::Sint32, repeated: true, optional: false },
    FieldForm { number: 21, name: "path_delta_time", value: ValueForm::Uint32, repeated: true, optional: false },
    FieldForm { number: 22, name: "emergency", value: ValueForm::Message(&EMERGENCY_INFO), repeated: false, optional: true },
    FieldForm { number: 23, name: "floods_held", value: ValueForm::Fixed32, repeated: true, optional: false },
    FieldForm { number: 24, name: "doors_open", value: ValueForm::Uint32, repeated: false, optional: true },
] };

static CONFIDENTIAL: MessageForm = MessageForm { name: "Confidential", fields: &[
    FieldForm { number: 1, name: "receiver", value: ValueForm::Bytes, repeated: false, optional: false },
    FieldForm { number: 2, name: "encapsulated_key", value: ValueForm::Bytes, repeated: false, optional: false },
    FieldForm { number: 3, name: "ciphertext", value: ValueForm::Bytes, repeated: false, optional: false },
] };

static CREDENTIAL_REQUEST: MessageForm = MessageForm { name: "CredentialRequest", fields: &[
    FieldForm { number: 1, name: "digests", value: ValueForm::Bytes, repeated: true, optional: false },
] };

static CREDENTIAL_RESPONSE: MessageForm = MessageForm { name: "CredentialResponse", fields: &[
    FieldForm { number: 1, name: "credentials", value: ValueForm::Bytes, repeated: true, optional: false },
] };

static ECHO: MessageForm = MessageForm { name: "Echo", fields: &[
    FieldForm { number: 1, name: "token", value: ValueForm::Fixed64, repeated: false, optional: false },
    FieldForm { number: 2, name: "reply", value: ValueForm::Bool, repeated: false, optional: false },
    FieldForm { number: 3, name: "sent_us", value: ValueForm::Fixed64, repeated: false, optional: false },
    FieldForm { number: 4, name: "received_us", value: ValueForm::Fixed64, repeated: false, optional: true },
    FieldForm { number: 5, name: "target", value: ValueForm::Bytes, repeated: false, optional: false },
    FieldForm { number: 6, name: "padding", value: ValueForm::Bytes, repeated: false, optional: false },
] };

static EMERGENCY_INFO: MessageForm = MessageForm { name: "EmergencyInfo", fields: &[
    FieldForm { number: 1, name: "light_bar", value: ValueForm::Bool, repeated: false, optional: false },
    FieldForm { number: 2, name: "siren", value: ValueForm::Bool, repeated: false, optional: false },
    FieldForm { number: 3, name: "cause", value: ValueForm::Uint32, repeated: false, optional: false },
    FieldForm { number: 4, name: "sub_cause", value: ValueForm::Uint32, repeated: false, optional: false },
    FieldForm { number: 5, name: "requests", value: ValueForm::Uint32, repeated: false, optional: false },
] };

static EVENT_ID: MessageForm = MessageForm { name: "EventId", fields: &[
    FieldForm { number: 1, name: "origin", value: ValueForm::Bytes, repeated: false, optional: false },
    FieldForm { number: 2, name: "number", value: ValueForm::Uint32, repeated: false, optional: false },
] };

static GNSS_CORRECTION: MessageForm = MessageForm { name: "GnssCorrection", fields: &[
    FieldForm { number: 1, name: "station_id", value: ValueForm::Uint32, repeated: false, optional: false },
    FieldForm { number: 2, name: "antenna", value: ValueForm::Message(&POSITION), repeated: false, optional: true },
    FieldForm { number: 3, name: "rtcm", value: ValueForm::Bytes, repeated: true, optional: false },
] };

static HAZARD: MessageForm = MessageForm { name: "Hazard", fields: &[
    FieldForm { number: 1, name: "id", value: ValueForm::Message(&EVENT_ID), repeated: false, optional: true },
    FieldForm { number: 2, name: "state", value: ValueForm::Enum(&HAZARD_STATE), repeated: false, optional: false },
    FieldForm { number: 3, name: "detection_time_us", value: ValueForm::Fixed64, repeated: false, optional: false },
    FieldForm { number: 4, name: "reference_time_us", value: ValueForm::Fixed64, repeated: false, optional: false },
    FieldForm { number: 5, name: "position", value: ValueForm::Message(&POSITION), repeated: false, optional: true },
    FieldForm { number: 6, name: "position_confidence", value: ValueForm::Message(&POSITION_CONFIDENCE), repeated: false, optional: true },
    FieldForm { number: 7, name: "cause", value: ValueForm::Uint32, repeated: false, optional: false },
    FieldForm { number: 8, name: "sub_cause", value: ValueForm::Uint32, repeated: false, optional: false },
    FieldForm { number: 9, name: "quality", value: ValueForm::Uint32, repeated: false, optional: true },
    FieldForm { number: 10, name: "validity_s", value: ValueForm::Uint32, repeated: false, optional: true },
    FieldForm { number: 11, name: "speed", value: ValueForm::Uint32, repeated: false, optional: true },
    FieldForm { number: 12, name: "heading", value: ValueForm::Uint32, repeated: false, optional: true },
    FieldForm { number: 13, name: "relevance_distance_m", value: ValueForm::Uint32, repeated: false, optional: true },
    FieldForm { number: 14, name: "relevance_direction", value: ValueForm::Enum(&RELEVANCE_DIRECTION), repeated: false, optional: false },
    FieldForm { number: 15, name: "keep_alive_interval_ms", value: ValueForm::Uint32, repeated: false, optional: true },
    FieldForm { number: 16, name: "trace_delta_latitude", value: ValueForm::Sint32, repeated: true, optional: false },
    FieldForm { number: 17, name: "trace_delta_longitude", value: ValueForm::Sint32, repeated: true, optional: false },
    FieldForm { number: 18, name: "trace_length", value: ValueForm::Uint32, repeated: true, optional: false },
    FieldForm { number: 19, name: "station_type", value: ValueForm::Enum(&STATION_TYPE), repeated: false, optional: false },
] };

static INTERSECTION_MAP: MessageForm = MessageForm { name: "IntersectionMap", fields: &[
    FieldForm { number: 1, name: "intersection_id", value: ValueForm::Uint32, repeated: false, optional: false },
    FieldForm { number: 2, name: "region_id", value: ValueForm::Uint32, repeated: false, optional: false },
    FieldForm { number: 3, name: "revision", value: ValueForm::Uint32, repeated: false, optional: false },
    FieldForm { number: 4, name: "reference", value: ValueForm::Message(&POSITION), repeated: false, optional: true },
    FieldForm { number: 5, name: "fragment", value: ValueForm::Uint32, repeated: false, optional: false },
    FieldForm { number: 6, name: "fragments", value: ValueForm::Uint32, repeated: false, optional: false },
    FieldForm { number: 7, name: "speed_limit", value: ValueForm::Uint32, repeated: false, optional: true },
    FieldForm { number: 8, name: "lanes", value: ValueForm::Message(&LANE), repeated: true, optional: false },
] };

static LANE: MessageForm = MessageForm { name: "Lane", fields: &[
    FieldForm { number: 1, name: "lane", value: ValueForm::Uint32, repeated: false, optional: false },
    FieldForm { number: 2, name: "kind", value: ValueForm::Enum(&LANE_KIND), repeated: false, optional: false },
    FieldForm { number: 3, name: "manoeuvres", value: ValueForm::Uint32, repeated: false, optional: false },
    FieldForm { number: 4, name: "width_cm", value: ValueForm::Uint32, repeated: false, optional: true },
    FieldForm { number: 5, name: "delta_east_cm", value: ValueForm::Sint32, repeated: true, optional: false },
    FieldForm { number: 6, name: "delta_north_cm", value: ValueForm::Sint32, repeated: true, optional: false },
    FieldForm { number: 7, name: "connects_to", value: ValueForm::Uint32, repeated: true, optional: false },
    FieldForm { number: 8, name: "connects_group", value: ValueForm::Uint32, repeated: true, optional: false },
] };

static MISBEHAVIOUR_REPORT: MessageForm = MessageForm { name: "MisbehaviourReport", fields: &[
    FieldForm { number: 1, name: "subject", value: ValueForm::Bytes, repeated: false, optional: false },
    FieldForm { number: 2, name: "observed_us", value: ValueForm::Fixed64, repeated: false, optional: false },
    FieldForm { number: 3, name: "observations", value: ValueForm::Message(&OBSERVATION), repeated: true, optional: false },
    FieldForm { number: 4, name: "evidence", value: ValueForm::Bytes, repeated: true, optional: false },
] };

static NODE_STATUS: MessageForm = MessageForm { name: "NodeStatus", fields: &[
    FieldForm { number: 1, name: "software", value: ValueForm::Text, repeated: false, optional: false },
    FieldForm { number: 2, name: "uptime_s", value: ValueForm::Uint32, repeated: false, optional: false },
    FieldForm { number: 3, name: "neighbours", value: ValueForm::Uint32, repeated: false, optional: false },
    FieldForm { number: 4, name: "channel_busy", value: ValueForm::Uint32, repeated: false, optional: true },
    FieldForm { number: 5, name: "position_age_ms", value: ValueForm::Uint32, repeated: false, optional: true },
    FieldForm { number: 6, name: "clock_error_us", value: ValueForm::Uint32, repeated: false, optional: true },
    FieldForm { number: 7, name: "delivered", value: ValueForm::Uint64, repeated: true, optional: false },
    FieldForm { number: 8, name: "missed", value: ValueForm::Uint64, repeated: true, optional: false },
] };

static OBSERVATION: MessageForm = MessageForm { name: "Observation", fields: &[
    FieldForm { number: 1, name: "kind", value: ValueForm::Enum(&MISBEHAVIOUR_KIND), repeated: false, optional: false },
    FieldForm { number: 2, name: "amount", value: ValueForm::Uint32, repeated: false, optional: false },
    FieldForm { number: 3, name: "count", value: ValueForm::Uint32, repeated: false, optional: false },
] };

static PERCEIVED_OBJECT: MessageForm = MessageForm { name: "PerceivedObject", fields: &[
    FieldForm { number: 1, name: "object_id", value: ValueForm::Uint32, repeated: false, optional: false },
    FieldForm { number: 2, name: "kind", value: ValueForm::Enum(&OBJECT_KIND), repeated: false, optional: false },
    FieldForm { number: 3, name: "east_cm", value: ValueForm::Sint32, repeated: false, optional: false },
    FieldForm { number: 4, name: "north_cm", value: ValueForm::Sint32, repeated: false, optional: false },
    FieldForm { number: 5, name: "position_confidence_cm", value: ValueForm::Uint32, repeated: false, optional: true },
    FieldForm { number: 6, name: "speed_east", value: ValueForm::Sint32, repeated: false, optional: true },
    FieldForm { number: 7, name: "speed_north", value: ValueForm::Sint32, repeated: false, optional: true },
    FieldForm { number: 8, name: "heading", value: ValueForm::Uint32, repeated: false, optional: true },
    FieldForm { number: 9, name: "length", value: ValueForm::Uint32, repeated: false, optional: true },
    FieldForm { number: 10, name: "width", value: ValueForm::Uint32, repeated: false, optional: true },
    FieldForm { number: 11, name: "age_ms", value: ValueForm::Uint32, repeated: false, optional: true },
    FieldForm { number: 12, name: "quality", value: ValueForm::Uint32, repeated: false, optional: true },
] };

static PERCEPTION: MessageForm = MessageForm { name: "Perception", fields: &[
    FieldForm { number: 1, name: "measurement_time_us", value: ValueForm::Fixed64, repeated: false, optional: false },
    FieldForm { number: 2, name: "heading", value: ValueForm::Uint32, repeated: false, optional: true },
    FieldForm { number: 3, name: "sensors", value: ValueForm::Message(&SENSOR), repeated: true, optional: false },
    FieldForm { number: 4, name: "objects", value: ValueForm::Message(&PERCEIVED_OBJECT), repeated: true, optional: false },
] };

static POSITION: MessageForm = MessageForm { name: "Position", fields: &[
    FieldForm { number: 1, name: "latitude", value: ValueForm::Sfixed32, repeated: false, optional: false },
    FieldForm { number: 2, name: "longitude", value: ValueForm::Sfixed32, repeated: false, optional: false },
    FieldForm { number: 3, name: "altitude_cm", value: ValueForm::Sint32, repeated: false, optional: true },
] };

static POSITION_CONFIDENCE: MessageForm = MessageForm { name: "PositionConfidence", fields: &[
    FieldForm { number: 1, name: "semi_major_cm", value: ValueForm::Uint32, repeated: false, optional: false },
    FieldForm { number: 2, name: "semi_minor_cm", value: ValueForm::Uint32, repeated: false, optional: false },
    FieldForm { number: 3, name: "orientation", value: ValueForm::Uint32, repeated: false, optional: false },
] };

static PRIORITY_ANSWER: MessageForm = MessageForm { name: "PriorityAnswer", fields: &[
    FieldForm { number: 1, name: "requester", value: ValueForm::Bytes, repeated: false, optional: false },
    FieldForm { number: 2, name: "request_id", value: ValueForm::Uint32, repeated: false, optional: false },
    FieldForm { number: 3, name: "state", value: ValueForm::Enum(&PRIORITY_STATE), repeated: false, optional: false },
    FieldForm { number: 4, name: "expected_us", value: ValueForm::Fixed64, repeated: false, optional: true },
] };

static PRIORITY_REQUEST: MessageForm = MessageForm { name: "PriorityRequest", fields: &[
    FieldForm { number: 1, name: "intersection_id", value: ValueForm::Uint32, repeated: false, optional: false },
    FieldForm { number: 2, name: "region_id", value: ValueForm::Uint32, repeated: false, optional: false },
    FieldForm { number: 3, name: "request_id", value: ValueForm::Uint32, repeated: false, optional: false },
    FieldForm { number: 4, name: "action", value: ValueForm::Enum(&PRIORITY_ACTION), repeated: false, optional: false },
    FieldForm { number: 5, name: "ingress_lane", value: ValueForm::Uint32, repeated: false, optional: true },
    FieldForm { number: 6, name: "egress_lane", value: ValueForm::Uint32, repeated: false, optional: true },
    FieldForm { number: 7, name: "arrival_us", value: ValueForm::Fixed64, repeated: false, optional: false },
    FieldForm { number: 8, name: "duration_ms", value: ValueForm::Uint32, repeated: false, optional: false },
    FieldForm { number: 9, name: "role", value: ValueForm::Enum(&PRIORITY_ROLE), repeated: false, optional: false },
    FieldForm { number: 10, name: "importance", value: ValueForm::Uint32, repeated: false, optional: true },
    FieldForm { number: 11, name: "speed", value: ValueForm::Uint32, repeated: false, optional: true },
    FieldForm { number: 12, name: "heading", value: ValueForm::Uint32, repeated: false, optional: true },
] };

static PRIORITY_STATUS: MessageForm = MessageForm { name: "PriorityStatus", fields: &[
    FieldForm { number: 1, name: "intersection_id", value: ValueForm::Uint32, repeated: false, optional: false },
    FieldForm { number: 2, name: "region_id", value: ValueForm::Uint32, repeated: false, optional: false },
    FieldForm { number: 3, name: "answers", value: ValueForm::Message(&PRIORITY_ANSWER), repeated: true, optional: false },
] };

static REVOCATION_DELTA: MessageForm = MessageForm { name: "RevocationDelta", fields: &[
    FieldForm { number: 1, name: "series", value: ValueForm::Uint32, repeated: false, optional: false },
    FieldForm { number: 2, name: "from_number", value: ValueForm::Uint32, repeated: false, optional: false },
    FieldForm { number: 3, name: "to_number", value: ValueForm::Uint32, repeated: false, optional: false },
    FieldForm { number: 4, name: "issued_s", value: ValueForm::Fixed32, repeated: false, optional: false },
    FieldForm { number: 5, name: "next_s", value: ValueForm::Fixed32, repeated: false, optional: false },
    FieldForm { number: 6, name: "revoked", value: ValueForm::Bytes, repeated: false, optional: false },
    FieldForm { number: 7, name: "issuer_signature", value: ValueForm::Bytes, repeated: false, optional: false },
    FieldForm { number: 8, name: "issuer", value: ValueForm::Bytes, repeated: false, optional: false },
    FieldForm { number: 9, name: "whole_series", value: ValueForm::Bool, repeated: false, optional: false },
] };

static RSU_ADVERT: MessageForm = MessageForm { name: "RsuAdvert", fields: &[
    FieldForm { number: 1, name: "position", value: ValueForm::Message(&POSITION), repeated: false, optional: true },
    FieldForm { number: 2, name: "name", value: ValueForm::Text, repeated: false, optional: false },
    FieldForm { number: 3, name: "interval_ms", value: ValueForm::Uint32, repeated: false, optional: true },
    FieldForm { number: 4, name: "services", value: ValueForm::Message(&SERVICE), repeated: true, optional: false },
] };

static SENSOR: MessageForm = MessageForm { name: "Sensor", fields: &[
    FieldForm { number: 1, name: "sensor_id", value: ValueForm::Uint32, repeated: false, optional: false },
    FieldForm { number: 2, name: "kind", value: ValueForm::Enum(&SENSOR_KIND), repeated: false, optional: false },
    FieldForm { number: 3, name: "range", value: ValueForm::Uint32, repeated: false, optional: false },
    FieldForm { number: 4, name: "opening_start", value: ValueForm::Uint32, repeated: false, optional: false },
    FieldForm { number: 5, name: "opening_end", value: ValueForm::Uint32, repeated: false, optional: false },
] };

static SERVICE: MessageForm = MessageForm { name: "Service", fields: &[
    FieldForm { number: 1, name: "service_id", value: ValueForm::Uint32, repeated: false, optional: false },
    FieldForm { number: 2, name: "channel", value: ValueForm::Uint32, repeated: false, optional: true },
    FieldForm { number: 3, name: "address", value: ValueForm::Bytes, repeated: false, optional: false },
    FieldForm { number: 4, name: "port", value: ValueForm::Uint32, repeated: false, optional: true },
    FieldForm { number: 5, name: "description", value: ValueForm::Text, repeated: false, optional: false },
] };

static SIGN: MessageForm = MessageForm { name: "Sign", fields: &[
    FieldForm { number: 1, name: "country", value: ValueForm::Uint32, repeated: false, optional: false },
    FieldForm { number: 2, name: "code", value: ValueForm::Uint32, repeated: false, optional: false },
    FieldForm { number: 3, name: "value", value: ValueForm::Uint32, repeated: false, optional: true },
    FieldForm { number: 4, name: "lanes", value: ValueForm::Uint32, repeated: false, optional: false },
    FieldForm { number: 5, name: "text", value: ValueForm::Text, repeated: false, optional: false },
] };

static SIGN_INFO: MessageForm = MessageForm { name: "SignInfo", fields: &[
    FieldForm { number: 1, name: "sign_id", value: ValueForm::Uint32, repeated: false, optional: false },
    FieldForm { number: 2, name: "revision", value: ValueForm::Uint32, repeated: false, optional: false },
    FieldForm { number: 3, name: "valid_from_us", value: ValueForm::Fixed64, repeated: false, optional: true },
    FieldForm { number: 4, name: "valid_until_us", value: ValueForm::Fixed64, repeated: false, optional: true },
    FieldForm { number: 5, name: "zones", value: ValueForm::Message(&AREA), repeated: true, optional: false },
    FieldForm { number: 6, name: "signs", value: ValueForm::Message(&SIGN), repeated: true, optional: false },
    FieldForm { number: 7, name: "direction_deg", value: ValueForm::Uint32, repeated: false, optional: true },
    FieldForm { number: 8, name: "direction_tolerance_deg", value: ValueForm::Uint32, repeated: false, optional: true },
] };

static SIGNAL_GROUP: MessageForm = MessageForm { name: "SignalGroup", fields: &[
    FieldForm { number: 1, name: "group", value: ValueForm::Uint32, repeated: false, optional: false },
    FieldForm { number: 2, name: "phase", value: ValueForm::Enum(&SIGNAL_PHASE), repeated: false, optional: false },
    FieldForm { number: 3, name: "min_end", value: ValueForm::Uint32, repeated: false, optional: true },
    FieldForm { number: 4, name: "max_end", value: ValueForm::Uint32, repeated: false, optional: true },
    FieldForm { number: 5, name: "likely_end", value: ValueForm::Uint32, repeated: false, optional: true },
    FieldForm { number: 6, name: "confidence", value: ValueForm::Uint32, repeated: false, optional: true },
    FieldForm { number: 7, name: "advisory_speed", value: ValueForm::Uint32, repeated: false, optional: true },
] };

static SIGNAL_STATE: MessageForm = MessageForm { name: "SignalState", fields: &[
    FieldForm { number: 1, name: "intersection_id", value: ValueForm::Uint32, repeated: false, optional: false },
    FieldForm { number: 2, name: "region_id", value: ValueForm::Uint32, repeated: false, optional: false },
    FieldForm { number: 3, name: "map_revision", value: ValueForm::Uint32, repeated: false, optional: false },
    FieldForm { number: 4, name: "state_time_us", value: ValueForm::Fixed64, repeated: false, optional: false },
    FieldForm { number: 5, name: "status", value: ValueForm::Uint32, repeated: false, optional: false },
    FieldForm { number: 6, name: "groups", value: ValueForm::Message(&SIGNAL_GROUP), repeated: true, optional: false },
] };

static UPDATE_MANIFEST: MessageForm = MessageForm { name: "UpdateManifest", fields: &[
    FieldForm { number: 1, name: "target", value: ValueForm::Text, repeated: false, optional: false },
    FieldForm { number: 2, name: "kind", value: ValueForm::Enum(&UPDATE_KIND), repeated: false, optional: false },
    FieldForm { number: 3, name: "version", value: ValueForm::Uint64, repeated: false, optional: false },
    FieldForm { number: 4, name: "sha256", value: ValueForm::Bytes, repeated: false, optional: false },
    FieldForm { number: 5, name: "size", value: ValueForm::Uint64, repeated: false, optional: false },
    FieldForm { number: 6, name: "not_after_s", value: ValueForm::Fixed32, repeated: false, optional: false },
    FieldForm { number: 7, name: "operator", value: ValueForm::Bytes, repeated: false, optional: false },
    FieldForm { number: 8, name: "signature", value: ValueForm::Bytes, repeated: false, optional: false },
] };

static VRU: MessageForm = MessageForm { name: "Vru", fields: &[
    FieldForm { number: 1, name: "profile", value: ValueForm::Enum(&VRU_PROFILE), repeated: false, optional: false },
    FieldForm { number: 2, name: "position_confidence", value: ValueForm::Message(&POSITION_CONFIDENCE), repeated: false, optional: true },
    FieldForm { number: 3, name: "speed", value: ValueForm::Uint32, repeated: false, optional: true },
    FieldForm { number: 4, name: "heading", value: ValueForm::Uint32, repeated: false, optional: true },
    FieldForm { number: 5, name: "acceleration", value: ValueForm::Sint32, repeated: false, optional: true },
    FieldForm { number: 6, name: "movement", value: ValueForm::Enum(&VRU_MOVEMENT), repeated: false, optional: false },
    FieldForm { number: 7, name: "length", value: ValueForm::Uint32, repeated: false, optional: true },
    FieldForm { number: 8, name: "width", value: ValueForm::Uint32, repeated: false, optional: true },
    FieldForm { number: 9, name: "cluster", value: ValueForm::Message(&VRU_CLUSTER), repeated: false, optional: true },
    FieldForm { number: 10, name: "beacon_interval_ms", value: ValueForm::Uint32, repeated: false, optional: true },
] };

static VRU_CLUSTER: MessageForm = MessageForm { name: "VruCluster", fields: &[
    FieldForm { number: 1, name: "cluster_id", value: ValueForm::Uint32, repeated: false, optional: false },
    FieldForm { number: 2, name: "members", value: ValueForm::Uint32, repeated: false, optional: false },
    FieldForm { number: 3, name: "radius_cm", value: ValueForm::Uint32, repeated: false, optional: false },
    FieldForm { number: 4, name: "break_up_ms", value: ValueForm::Uint32, repeated: false, optional: true },
] };

pub(in crate::payload) static AREA_SHAPE: EnumForm = EnumForm(&[
    (0, "unspecified"),
    (1, "circle"),
    (2, "rectangle"),
    (3, "ellipse"),
]);

pub(in crate::payload) static HAZARD_STATE: EnumForm = EnumForm(&[
    (0, "unspecified"),
    (1, "new"),
    (2, "update"),
    (3, "cancel"),
    (4, "negate"),
]);

pub(in crate::payload) static LANE_KIND: EnumForm = EnumForm(&[
    (0, "unspecified"),
    (1, "vehicle_ingress"),
    (2, "vehicle_egress"),
    (3, "crosswalk"),
    (4, "bicycle"),
    (5, "track"),
    (6, "bus"),
]);

pub(in crate::payload) static MESSAGE_TYPE: EnumForm = EnumForm(&[
    (0, "unspecified"),
    (1, "awareness"),
    (2, "hazard"),
    (3, "signal_state"),
    (4, "intersection_map"),
    (5, "sign_info"),
    (6, "rsu_advert"),
    (7, "perception"),
    (8, "vru"),
    (9, "priority_request"),
    (10, "priority_status"),
    (11, "gnss_correction"),
    (13, "confidential"),
    (32, "credential_request"),
    (33, "credential_response"),
    (34, "revocation_delta"),
    (35, "misbehaviour_report"),
    (36, "node_status"),
    (37, "echo"),
    (39, "update_manifest"),
]);

pub(in crate::payload) static MISBEHAVIOUR_KIND: EnumForm = EnumForm(&[
    (0, "unspecified"),
    (1, "range"),
    (2, "speed"),
    (3, "position_consistency"),
    (4, "speed_consistency"),
    (5, "heading_consistency"),
    (6, "sudden_appearance"),
    (7, "overlap"),
    (8, "rate"),
    (9, "replay"),
    (10, "permission"),
]);

pub(in crate::payload) static OBJECT_KIND: EnumForm = EnumForm(&[
    (0, "unspecified"),
    (1, "vehicle"),
    (2, "person"),
    (3, "bicycle"),
    (4, "motorcycle"),
    (5, "animal"),
    (6, "other"),
]);

pub(in crate::payload) static PRIORITY_ACTION: EnumForm = EnumForm(&[
    (0, "unspecified"),
    (1, "request"),
    (2, "update"),
    (3, "cancel"),
]);

pub(in crate::payload) static PRIORITY_ROLE: EnumForm = EnumForm(&[
    (0, "unspecified"),
    (1, "emergency"),
    (2, "public_transport"),
    (3, "road_works"),
    (4, "truck"),
]);

pub(in crate::payload) static PRIORITY_STATE: EnumForm = EnumForm(&[
    (0, "unspecified"),
    (1, "requested"),
    (2, "processing"),
    (3, "watch_other_traffic"),
    (4, "granted"),
    (5, "rejected"),
    (6, "max_presence"),
    (7, "reservice_locked"),
]);

pub(in crate::payload) static RELEVANCE_DIRECTION: EnumForm = EnumForm(&[
    (0, "unspecified"),
    (1, "upstream"),
    (2, "downstream"),
    (3, "opposite"),
]);

pub(in crate::payload) static SENSOR_KIND: EnumForm = EnumForm(&[
    (0, "unspecified"),
    (1, "radar"),
    (2, "lidar"),
    (3, "mono_video"),
    (4, "stereo_vision"),
    (5, "ultrasonic"),
    (6, "induction_loop"),
    (7, "fusion"),
]);

pub(in crate::payload) static SIGNAL_PHASE: EnumForm = EnumForm(&[
    (0, "unspecified"),
    (1, "dark"),
    (2, "stop_then_proceed"),
    (3, "stop_and_remain"),
    (4, "pre_movement"),
    (5, "permissive_go"),
    (6, "protected_go"),
    (7, "permissive_clearance"),
    (8, "protected_clearance"),
    (9, "caution"),
]);

pub(in crate::payload) static STATION_TYPE: EnumForm = EnumForm(&[
    (0, "unspecified"),
    (1, "pedestrian"),
    (2, "cyclist"),
    (3, "moped"),
    (4, "motorcycle"),
    (5, "passenger_car"),
    (6, "bus"),
    (7, "light_truck"),
    (8, "heavy_truck"),
    (9, "trailer"),
    (10, "special_vehicle"),
    (11, "tram"),
    (12, "light_vru_vehicle"),
    (13, "animal"),
    (14, "agricultural"),
    (15, "roadside_unit"),
]);

pub(in crate::payload) static UPDATE_KIND: EnumForm = EnumForm(&[
    (0, "unspecified"),
    (1, "revocation"),
    (2, "trust"),
    (3, "credentials"),
    (4, "configuration"),
    (5, "software"),
]);

pub(in crate::payload) static VRU_MOVEMENT: EnumForm = EnumForm(&[
    (0, "unspecified"),
    (1, "standing"),
    (2, "beside_traffic"),
    (3, "in_traffic"),
    (4, "crossing"),
]);

pub(in crate::payload) static VRU_PROFILE: EnumForm = EnumForm(&[
    (0, "unspecified"),
    (1, "pedestrian"),
    (2, "bicyclist"),
    (3, "motorcyclist"),
    (4, "animal"),
]);
