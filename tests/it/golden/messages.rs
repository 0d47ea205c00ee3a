//! One message of each type, every field set at least once over all of them.

use bytes::Bytes;
use v2x_proto::payload::Message;
use v2x_proto::{AreaView, Class, Shape, v1};

/// A message and how its envelope sends it.
#[derive(Debug)]
pub struct Sample {
    pub name: &'static str,
    pub message: Message,
    pub class: Class,
    pub lifetime_ms: u32,
    pub max_hops: u8,
    pub area: Option<AreaView>,
    pub credential_requests: &'static [u8],
    /// Signed by the roadside unit, not the vehicle.
    pub roadside: bool,
    /// The signer's credential travels in full.
    pub in_full: bool,
}

pub fn samples() -> Vec<Sample> {
    let mut samples = Vec::new();
    let mut add = |name, message: Message| {
        let roadside = matches!(
            message,
            Message::SignalState(_)
                | Message::IntersectionMap(_)
                | Message::SignInfo(_)
                | Message::RsuAdvert(_)
                | Message::PriorityStatus(_)
                | Message::GnssCorrection(_)
                | Message::RevocationDelta(_)
        );
        let (class, lifetime_ms) = match &message {
            Message::Hazard(hazard) if hazard.cause == 99 => (Class::D0, 100),
            Message::Hazard(_) => (Class::D3, 60_000),
            Message::Awareness(_) | Message::Vru(_) | Message::Perception(_) => (Class::D2, 1_000),
            Message::SignalState(_)
            | Message::GnssCorrection(_)
            | Message::PriorityRequest(_)
            | Message::PriorityStatus(_) => (Class::D4, 1_000),
            _ => (Class::D5, 10_000),
        };
        let flooded = class == Class::D3;
        samples.push(Sample {
            name,
            class,
            lifetime_ms,
            max_hops: if flooded { 16 } else { 1 },
            area: flooded.then_some(AREA),
            credential_requests: if class == Class::D2 { &[1, 2, 3, 0xfd, 0xfe, 0xff] } else { &[] },
            roadside,
            in_full: flooded || roadside,
            message,
        });
    };
    add("awareness", awareness().into());
    add("awareness_least", least_awareness().into());
    add("hazard_new", hazard().into());
    add("hazard_imminent", braking().into());
    add("hazard_cancel", cancellation().into());
    add("signal_state", signal_state().into());
    add("intersection_map", intersection_map().into());
    add("sign_info", sign_info().into());
    add("rsu_advert", rsu_advert().into());
    add("perception", perception().into());
    add("vru", vru().into());
    add("priority_request", priority_request().into());
    add("priority_status", priority_status().into());
    add("gnss_correction", gnss_correction().into());
    add("credential_request", credential_request().into());
    add("credential_response", credential_response().into());
    add("revocation_delta", revocation_delta().into());
    add("misbehaviour_report", misbehaviour_report().into());
    add("node_status", node_status().into());
    add("echo_question", echo(None).into());
    add("echo_answer", echo(Some(NOW_US + 2_500)).into());
    add("update_manifest", update_manifest().into());
    samples
}

/// Speed zero, heading zero, all else unknown: presence must survive.
fn least_awareness() -> v1::Awareness {
    v1::Awareness {
        station_type: v1::StationType::Cyclist as i32,
        speed: Some(0),
        heading: Some(0),
        ..Default::default()
    }
}

fn awareness() -> v1::Awareness {
    v1::Awareness {
        station_type: v1::StationType::SpecialVehicle as i32,
        altitude_cm: Some(51_234),
        position_confidence: Some(ellipse()),
        speed: Some(1_389),
        heading: Some(3_599),
        acceleration: Some(-160),
        yaw_rate: Some(-32_766),
        curvature: Some(-1_023),
        steering_angle: Some(511),
        control_flags: Some(0x41),
        beacon_interval_ms: Some(100),
        position_age_ms: Some(40),
        exterior_lights: Some(0x91),
        doors_open: Some(0x05),
        length: Some(52),
        width: Some(19),
        path_delta_latitude: vec![-131_071, 0, 1, 450],
        path_delta_longitude: vec![131_071, -1, 0, -320],
        path_delta_time: vec![50, 100, 65_535, 0],
        emergency: Some(v1::EmergencyInfo {
            light_bar: true,
            siren: true,
            cause: 95,
            sub_cause: 1,
            requests: 0x03,
        }),
        floods_held: vec![0x0403_0201, u32::MAX],
    }
}

fn hazard() -> v1::Hazard {
    v1::Hazard {
        id: Some(event(7)),
        state: v1::HazardState::New as i32,
        detection_time_us: NOW_US - 80_000,
        reference_time_us: NOW_US - 10_000,
        position: Some(position()),
        position_confidence: Some(ellipse()),
        cause: 94,
        sub_cause: 2,
        quality: Some(5),
        validity_s: Some(600),
        speed: Some(0),
        heading: Some(1_800),
        relevance_distance_m: Some(1_000),
        relevance_direction: v1::RelevanceDirection::Upstream as i32,
        keep_alive_interval_ms: Some(500),
        trace_delta_latitude: vec![100, 200, -300],
        trace_delta_longitude: vec![-1, -2, 131_071],
        trace_length: vec![2, 1],
        station_type: v1::StationType::HeavyTruck as i32,
    }
}

fn braking() -> v1::Hazard {
    v1::Hazard {
        id: Some(event(8)),
        state: v1::HazardState::Update as i32,
        detection_time_us: NOW_US - 1_000,
        reference_time_us: NOW_US - 1_000,
        position: Some(position()),
        cause: 99,
        sub_cause: 1,
        speed: Some(2_200),
        heading: Some(905),
        ..Default::default()
    }
}

fn cancellation() -> v1::Hazard {
    v1::Hazard {
        id: Some(event(7)),
        state: v1::HazardState::Cancel as i32,
        detection_time_us: NOW_US - 80_000,
        reference_time_us: NOW_US,
        ..Default::default()
    }
}

fn signal_state() -> v1::SignalState {
    let group = |group, phase: v1::SignalPhase, end| v1::SignalGroup {
        group,
        phase: phase as i32,
        min_end: Some(end),
        max_end: Some(end + 100),
        likely_end: Some(end + 20),
        confidence: Some(10),
        advisory_speed: Some(139),
    };
    v1::SignalState {
        intersection_id: 4_711,
        region_id: 49,
        map_revision: 3,
        state_time_us: NOW_US - 20_000,
        status: 0x240,
        groups: vec![
            group(1, v1::SignalPhase::ProtectedGo, 85),
            group(2, v1::SignalPhase::StopAndRemain, 0),
            v1::SignalGroup { group: 255, phase: v1::SignalPhase::Dark as i32, ..Default::default() },
        ],
    }
}

fn intersection_map() -> v1::IntersectionMap {
    v1::IntersectionMap {
        intersection_id: 4_711,
        region_id: 49,
        revision: 3,
        reference: Some(position()),
        fragment: 0,
        fragments: 1,
        speed_limit: Some(1_389),
        lanes: vec![
            v1::Lane {
                lane: 1,
                kind: v1::LaneKind::VehicleIngress as i32,
                manoeuvres: 0x05,
                width_cm: Some(325),
                delta_east_cm: vec![-600, -2_500, -32_768],
                delta_north_cm: vec![150, 0, 32_767],
                connects_to: vec![2, 3],
                connects_group: vec![1, 0],
            },
            v1::Lane {
                lane: 2,
                kind: v1::LaneKind::VehicleEgress as i32,
                delta_east_cm: vec![600, 2_500],
                delta_north_cm: vec![150, 0],
                ..Default::default()
            },
        ],
    }
}

fn sign_info() -> v1::SignInfo {
    v1::SignInfo {
        sign_id: 12,
        revision: 1,
        valid_from_us: Some(NOW_US),
        valid_until_us: Some(NOW_US + 3_600_000_000),
        zones: vec![
            AREA.into(),
            AreaView { shape: Shape::Circle, distance_b_m: 0, azimuth_deg: 0, ..AREA }.into(),
        ],
        signs: vec![v1::Sign {
            country: 276,
            code: 274,
            value: Some(80),
            lanes: 0x03,
            text: "Baustelle – 80".into(),
        }],
        direction_deg: Some(270),
        direction_tolerance_deg: Some(30),
    }
}

fn rsu_advert() -> v1::RsuAdvert {
    v1::RsuAdvert {
        position: Some(position()),
        name: "Ring / North".into(),
        interval_ms: Some(1_000),
        services: vec![
            v1::Service {
                service_id: 0x8002,
                channel: Some(180),
                address: Bytes::from_static(&[0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
                port: Some(4_242),
                description: "credentials".into(),
            },
            v1::Service { service_id: 5, ..Default::default() },
        ],
    }
}

fn perception() -> v1::Perception {
    v1::Perception {
        measurement_time_us: NOW_US - 30_000,
        heading: Some(900),
        sensors: vec![v1::Sensor {
            sensor_id: 1,
            kind: v1::SensorKind::Radar as i32,
            range: 1_500,
            opening_start: 3_300,
            opening_end: 300,
        }],
        objects: vec![
            v1::PerceivedObject {
                object_id: 17,
                kind: v1::ObjectKind::Vehicle as i32,
                east_cm: -132_768,
                north_cm: 132_767,
                position_confidence_cm: Some(60),
                speed_east: Some(-1_250),
                speed_north: Some(0),
                heading: Some(2_700),
                length: Some(45),
                width: Some(18),
                age_ms: Some(1_200),
                quality: Some(15),
            },
            v1::PerceivedObject {
                object_id: 18,
                kind: v1::ObjectKind::Person as i32,
                east_cm: 300,
                ..Default::default()
            },
        ],
    }
}

fn vru() -> v1::Vru {
    v1::Vru {
        profile: v1::VruProfile::Bicyclist as i32,
        position_confidence: Some(ellipse()),
        speed: Some(550),
        heading: Some(10),
        acceleration: Some(-3),
        movement: v1::VruMovement::Crossing as i32,
        length: Some(18),
        width: Some(6),
        cluster: Some(v1::VruCluster { cluster_id: 1, members: 12, radius_cm: 800, break_up_ms: Some(0) }),
        beacon_interval_ms: Some(5_000),
    }
}

pub fn priority_request() -> v1::PriorityRequest {
    v1::PriorityRequest {
        intersection_id: 4_711,
        region_id: 49,
        request_id: 9,
        action: v1::PriorityAction::Request as i32,
        ingress_lane: Some(1),
        egress_lane: Some(2),
        arrival_us: NOW_US + 12_000_000,
        duration_ms: 4_000,
        role: v1::PriorityRole::PublicTransport as i32,
        importance: Some(3),
        speed: Some(1_000),
        heading: Some(900),
    }
}

fn priority_status() -> v1::PriorityStatus {
    v1::PriorityStatus {
        intersection_id: 4_711,
        region_id: 49,
        answers: vec![v1::PriorityAnswer {
            requester: Bytes::from_static(&[0xa5; 8]),
            request_id: 9,
            state: v1::PriorityState::Granted as i32,
            expected_us: Some(NOW_US + 11_500_000),
        }],
    }
}

fn gnss_correction() -> v1::GnssCorrection {
    v1::GnssCorrection {
        station_id: 4_095,
        antenna: Some(position()),
        rtcm: vec![Bytes::from_static(&[0xd3, 0x00, 0x13]), Bytes::from_static(&[0xd3])],
    }
}

fn credential_request() -> v1::CredentialRequest {
    v1::CredentialRequest { digests: vec![Bytes::from_static(&[0x11; 8]), Bytes::from_static(&[0x22; 8])] }
}

fn credential_response() -> v1::CredentialResponse {
    v1::CredentialResponse { credentials: vec![Bytes::from_static(&[0x0a, 0x01, 0x08])] }
}

fn revocation_delta() -> v1::RevocationDelta {
    v1::RevocationDelta {
        series: 2,
        from_number: 40,
        to_number: 41,
        issued_s: NOT_BEFORE_S + 60,
        next_s: NOT_BEFORE_S + 86_460,
        revoked: Bytes::from_static(b"\x01\x02\x03\x04\x05\x06\x07\x08\xf1\xf2\xf3\xf4\xf5\xf6\xf7\xf8"),
        issuer_signature: Bytes::from_static(&[0x5a; 64]),
        issuer: Bytes::from_static(&[0x33; 8]),
        whole_series: true,
    }
}

fn misbehaviour_report() -> v1::MisbehaviourReport {
    v1::MisbehaviourReport {
        subject: Bytes::from_static(&[0x44; 8]),
        observed_us: NOW_US - 1_000_000,
        observations: vec![v1::Observation {
            kind: v1::MisbehaviourKind::PositionConsistency as i32,
            amount: 380,
            count: 4,
        }],
        evidence: vec![Bytes::from_static(&[0x0a, 0x00]), Bytes::from_static(&[0xff; 20])],
    }
}

fn node_status() -> v1::NodeStatus {
    v1::NodeStatus {
        software: "roadcast 0.1.0".into(),
        uptime_s: 86_400,
        neighbours: 212,
        channel_busy: Some(0),
        position_age_ms: Some(90),
        clock_error_us: Some(15),
        delivered: vec![0, 1, u64::MAX, 3, 127, 128],
        missed: vec![0; 6],
    }
}

fn echo(received_us: Option<u64>) -> v1::Echo {
    v1::Echo {
        token: 0x0123_4567_89ab_cdef,
        reply: received_us.is_some(),
        sent_us: NOW_US,
        received_us,
        target: Bytes::from_static(&[0x55; 8]),
        padding: Bytes::from_static(&[0; 32]),
    }
}

fn update_manifest() -> v1::UpdateManifest {
    v1::UpdateManifest {
        target: "unit-7.north".into(),
        kind: v1::UpdateKind::Software as i32,
        version: (1 << 53) - 1,
        sha256: Bytes::from_static(&[0xc7; 32]),
        size: 128,
        not_after_s: u32::MAX,
        operator: Bytes::from_static(&[0x66; 8]),
        signature: Bytes::from_static(&[0x5a; 64]),
    }
}

fn event(number: u32) -> v1::EventId {
    v1::EventId { origin: Bytes::from_static(&[0xa5; 8]), number }
}

fn position() -> v1::Position {
    v1::Position { latitude: LATITUDE, longitude: LONGITUDE, altitude_cm: Some(-250) }
}

fn ellipse() -> v1::PositionConfidence {
    v1::PositionConfidence { semi_major_cm: 150, semi_minor_cm: 90, orientation: 450 }
}

/// When the samples were made: TAI microseconds since 2004.
pub const NOW_US: u64 = 722_000_000_123_456;
/// When the credentials begin: TAI seconds since 2004.
pub const NOT_BEFORE_S: u32 = 721_999_000;
/// South and west, so that signs matter.
pub const LATITUDE: i32 = -338_567_844;
/// South and west, so that signs matter.
pub const LONGITUDE: i32 = -1_512_152_967;
/// An area around the samples' position.
pub const AREA: AreaView = AreaView {
    latitude: LATITUDE,
    longitude: LONGITUDE,
    shape: Shape::Rectangle,
    distance_a_m: 1_500,
    distance_b_m: 50,
    azimuth_deg: 359,
};
