//! A decoded frame as a line for people or a JSON object.

use std::io::{self, Write};

use chrono::DateTime;
use radio_adapters::LinkAddress;
use serde::Serialize;
use serde_json::{Value, json};
use v2x_core::{DropReason, Refusal, WireTime};
use v2x_proto::envelope::SignerRef;
use v2x_proto::v1;

use super::decode::{Decoded, Fault, offset_in};
use super::payload::{enum_word, gist, hex, payload};
use super::text::text;
use super::verify::{Signature, Verdict};

/// How frames are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// One line for people; `full` adds every field of the payload.
    Line { full: bool },
    /// One JSON object.
    Json,
}

/// How a frame came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival<'a> {
    /// Unix time, ns.
    pub unix_ns: u64,
    pub source: [u8; 6],
    pub interface: &'a str,
    pub signal_dbm: Option<i8>,
    /// On the air.
    pub rate_kbps: Option<u32>,
    pub frequency_mhz: Option<u16>,
    /// Bytes behind the message that are none of it.
    pub trailing: usize,
}

impl Arrival<'_> {
    /// When the frame came, unless its capture has no time.
    pub fn wire_time(&self) -> Option<WireTime> {
        let micros = i64::try_from(self.unix_ns / 1000).ok();
        micros.and_then(WireTime::from_unix_micros)
    }
}

pub(super) fn write(
    out: &mut dyn Write,
    style: Style,
    frame: &[u8],
    arrival: &Arrival<'_>,
    decoded: &Result<Decoded<'_>, Fault>,
    verdict: &Verdict,
) -> io::Result<()> {
    match (style, decoded) {
        (Style::Line { full }, Ok(decoded)) => human(out, full, frame, arrival, decoded, verdict),
        (Style::Line { .. }, Err(fault)) => {
            write!(
                out,
                "{} {} undecodable at byte {} of {}: {}",
                time_of_day(arrival.unix_ns),
                LinkAddress(arrival.source),
                fault.offset,
                frame.len(),
                fault.reason
            )?;
            if let Some(refusal) = &fault.refusal {
                write!(out, "; stations drop it: {}", why(refusal))?;
            }
            writeln!(out)
        }
        (Style::Json, Ok(decoded)) => json_line(out, &Object::of(frame, arrival, decoded, verdict)),
        (Style::Json, Err(fault)) => json_line(out, &Object::undecodable(frame, arrival, fault)),
    }
}

fn human(
    out: &mut dyn Write,
    full: bool,
    frame: &[u8],
    arrival: &Arrival<'_>,
    decoded: &Decoded<'_>,
    verdict: &Verdict,
) -> io::Result<()> {
    let fields = &decoded.fields;
    write!(
        out,
        "{} {} {} {} {}/{} at {:.7},{:.7} hops {}/{} {} B",
        time_of_day(arrival.unix_ns),
        LinkAddress(arrival.source),
        fields.class.name(),
        message_name(decoded),
        decoded.signer,
        fields.sequence,
        f64::from(fields.latitude) * 1e-7,
        f64::from(fields.longitude) * 1e-7,
        decoded.header.remaining_hops,
        fields.max_hops,
        frame.len(),
    )?;
    if matches!(decoded.signed.signer, SignerRef::Credential(_)) {
        write!(out, " +credential")?;
    }
    for flag in flags(decoded) {
        write!(out, " {flag}")?;
    }
    match &verdict.signature {
        Signature::Unchecked => {}
        Signature::Valid => write!(out, " verified")?,
        Signature::UnknownSigner => write!(out, " signer unknown")?,
        Signature::Invalid(reason, _) => write!(out, " NOT VALID ({reason})")?,
    }
    if let Some(refusal) = &verdict.refusal {
        write!(out, ", stations drop it: {}", why(refusal))?;
        let late = matches!(refusal.reason, DropReason::Stale | DropReason::FromFuture);
        if let Some(arrived) = arrival.wire_time().filter(|_| late) {
            let age_us = i128::from(arrived.as_micros()) - i128::from(fields.generation_time_us);
            let side = if age_us < 0 { "after" } else { "before" };
            write!(out, ", made {:.3} s {side} it arrived", age_us.unsigned_abs() as f64 / 1e6)?;
        }
    }
    if let Some(dbm) = arrival.signal_dbm {
        write!(out, " {dbm} dBm")?;
    }
    if arrival.trailing > 0 {
        write!(out, " +{} B behind it", arrival.trailing)?;
    }
    match &decoded.message {
        Ok(message) if full => write!(out, " | {}", text(message))?,
        Ok(message) => write!(out, " | {}", gist(message))?,
        Err(error) => {
            let offset = offset_in(frame, fields.payload);
            write!(out, " | payload undecodable at byte {offset}: {error}")?;
        }
    }
    writeln!(out)
}

/// The object of one line. Field names are stable; what is absent or unknown is null.
#[derive(Serialize)]
struct Object {
    time_unix_ns: u64,
    interface: String,
    link_source: String,
    signal_dbm: Option<i8>,
    rate_kbps: Option<u32>,
    frequency_mhz: Option<u16>,
    bytes: usize,
    trailing_bytes: usize,
    undecodable: Option<Value>,
    kind: Option<String>,
    class: Option<&'static str>,
    message_type: Option<u32>,
    message: Option<String>,
    signer: Option<String>,
    signer_form: Option<&'static str>,
    sequence: Option<u32>,
    generation_time_us: Option<u64>,
    latitude: Option<i32>,
    longitude: Option<i32>,
    lifetime_ms: Option<u32>,
    max_hops: Option<u8>,
    remaining_hops: Option<u8>,
    flags: Vec<&'static str>,
    forwarder: Option<String>,
    forwarder_latitude: Option<i32>,
    forwarder_longitude: Option<i32>,
    area: Option<Value>,
    credential_requests: Vec<String>,
    signature: Option<&'static str>,
    signature_reason: Option<String>,
    drop_reason: Option<&'static str>,
    drop_field: Option<&'static str>,
    payload: Option<Value>,
    payload_error: Option<String>,
    payload_hex: Option<String>,
}

impl Object {
    fn undecodable(frame: &[u8], arrival: &Arrival<'_>, fault: &Fault) -> Self {
        let undecodable = json!({ "offset": fault.offset, "reason": fault.reason });
        Self {
            undecodable: Some(undecodable),
            drop_reason: fault.refusal.map(|refusal| refusal.reason.name()),
            drop_field: fault.refusal.and_then(|refusal| refusal.field),
            ..Self::bare(frame, arrival)
        }
    }

    fn of(frame: &[u8], arrival: &Arrival<'_>, decoded: &Decoded<'_>, verdict: &Verdict) -> Self {
        let (header, fields) = (&decoded.header, &decoded.fields);
        Self {
            kind: Some(format!("{:?}", header.kind).to_lowercase()),
            class: Some(fields.class.name()),
            message_type: Some(fields.message_type),
            message: Some(message_name(decoded)),
            signer: Some(decoded.signer.to_string()),
            signer_form: Some(match decoded.signed.signer {
                SignerRef::Digest(_) => "digest",
                SignerRef::Credential(_) => "credential",
            }),
            sequence: Some(fields.sequence),
            generation_time_us: Some(fields.generation_time_us),
            latitude: Some(fields.latitude),
            longitude: Some(fields.longitude),
            lifetime_ms: Some(fields.lifetime_ms),
            max_hops: Some(fields.max_hops),
            remaining_hops: Some(header.remaining_hops),
            flags: flags(decoded),
            forwarder: Some(header.forwarder.to_string()),
            forwarder_latitude: header.forwarder_position.map(|(latitude, _)| latitude),
            forwarder_longitude: header.forwarder_position.map(|(_, longitude)| longitude),
            area: fields.area.map(|area| {
                json!({
                    "shape": format!("{:?}", area.shape).to_lowercase(),
                    "latitude": area.latitude,
                    "longitude": area.longitude,
                    "distance_a_m": area.distance_a_m,
                    "distance_b_m": area.distance_b_m,
                    "azimuth_deg": area.azimuth_deg,
                })
            }),
            credential_requests: fields.requests().map(|request| hex(request)).collect(),
            signature: Some(verdict.signature.name()),
            signature_reason: match &verdict.signature {
                Signature::Invalid(reason, _) => Some(reason.clone()),
                _ => None,
            },
            drop_reason: verdict.refusal.map(|refusal| refusal.reason.name()),
            drop_field: verdict.refusal.and_then(|refusal| refusal.field),
            payload: decoded.message.as_ref().ok().and_then(payload),
            payload_error: decoded.message.as_ref().err().map(ToString::to_string),
            payload_hex: Some(hex(fields.payload)),
            ..Self::bare(frame, arrival)
        }
    }

    fn bare(frame: &[u8], arrival: &Arrival<'_>) -> Self {
        Self {
            time_unix_ns: arrival.unix_ns,
            interface: arrival.interface.to_owned(),
            link_source: LinkAddress(arrival.source).to_string(),
            signal_dbm: arrival.signal_dbm,
            rate_kbps: arrival.rate_kbps,
            frequency_mhz: arrival.frequency_mhz,
            bytes: frame.len(),
            trailing_bytes: arrival.trailing,
            undecodable: None,
            kind: None,
            class: None,
            message_type: None,
            message: None,
            signer: None,
            signer_form: None,
            sequence: None,
            generation_time_us: None,
            latitude: None,
            longitude: None,
            lifetime_ms: None,
            max_hops: None,
            remaining_hops: None,
            flags: Vec::new(),
            forwarder: None,
            forwarder_latitude: None,
            forwarder_longitude: None,
            area: None,
            credential_requests: Vec::new(),
            signature: None,
            signature_reason: None,
            drop_reason: None,
            drop_field: None,
            payload: None,
            payload_error: None,
            payload_hex: None,
        }
    }
}

/// A reason and its field, as in `bad_scope (max_hops)`.
fn why(refusal: &Refusal) -> String {
    let Refusal { reason, field } = refusal;
    match field {
        Some(field) => format!("{} ({field})", reason.name()),
        None => reason.name().to_owned(),
    }
}

fn message_name(decoded: &Decoded<'_>) -> String {
    let number = decoded.fields.message_type;
    let known = i32::try_from(number).ok().and_then(|number| v1::MessageType::try_from(number).ok());
    match known {
        Some(known) => enum_word(known.as_str_name(), "MESSAGE_TYPE_"),
        None => format!("type_{number}"),
    }
}

fn flags(decoded: &Decoded<'_>) -> Vec<&'static str> {
    let flags = &decoded.header.flags;
    let all = [
        (flags.multi_hop, "multi_hop"),
        (flags.store_carry_forward, "store_carry_forward"),
        (flags.keep_alive, "keep_alive"),
        (flags.test, "test"),
    ];
    all.into_iter().filter_map(|(set, name)| set.then_some(name)).collect()
}

fn time_of_day(unix_ns: u64) -> String {
    let micros = i64::try_from(unix_ns / 1000).ok().and_then(DateTime::from_timestamp_micros);
    micros.map_or_else(|| format!("{unix_ns}ns"), |time| time.format("%H:%M:%S%.6f").to_string())
}

fn json_line(out: &mut dyn Write, object: &Object) -> io::Result<()> {
    serde_json::to_writer(&mut *out, object)?;
    writeln!(out)
}
