//! The records that come by the thousand, as protobuf has them and without an allocation.

use prost::encoding::{WireType, encode_key, encode_varint};
use v2x_core::{Instant, ReceivedFrame, Way};

/// Appends a received frame: `Record { input: RecordedInput { now_ns, frame } }`.
pub(super) fn write_frame(now: Instant, frame: &ReceivedFrame, out: &mut Vec<u8>) {
    let start = out.len();
    if !frame.bytes.is_empty() {
        write_bytes(1, &frame.bytes, out);
    }
    write_bytes(2, &frame.link_source, out);
    for (tag, at) in [(3, frame.kernel_receive), (4, frame.user_receive)] {
        if let Some(at) = at {
            write_fixed(tag, at.as_nanos(), out);
        }
    }
    if let Some(dbm) = frame.signal_dbm {
        encode_key(5, WireType::Varint, out);
        let dbm = i64::from(dbm);
        // Zigzag: small numbers of either sign are short.
        encode_varint(((dbm << 1) ^ (dbm >> 63)) as u64, out);
    }
    if let Way::Afar(peer) = frame.way {
        encode_key(6, WireType::Varint, out);
        encode_varint(u64::from(peer), out);
    }
    enclose(2, start, out);
    enclose_input(now, start, out);
}

/// Appends a timeout: `Record { input: RecordedInput { now_ns, timeout: {} } }`.
pub(super) fn write_timeout(now: Instant, out: &mut Vec<u8>) {
    let start = out.len();
    enclose(7, start, out);
    enclose_input(now, start, out);
}

/// Makes a record of the transcript that `out` has from `start`: `Record { output: RecordedOutput { entry } }`.
pub(super) fn enclose_output(start: usize, out: &mut Vec<u8>) {
    enclose(1, start, out);
    enclose(2, start, out);
    delimit(start, out);
}

fn enclose_input(now: Instant, start: usize, out: &mut Vec<u8>) {
    if now > Instant::ZERO {
        put_before(start, out, |out| write_fixed(1, now.as_nanos(), out));
    }
    enclose(1, start, out);
    delimit(start, out);
}

/// Puts the key and the length of field `tag` before what `out` has from `start`.
fn enclose(tag: u32, start: usize, out: &mut Vec<u8>) {
    let length = (out.len() - start) as u64;
    put_before(start, out, |out| {
        encode_key(tag, WireType::LengthDelimited, out);
        encode_varint(length, out);
    });
}

fn delimit(start: usize, out: &mut Vec<u8>) {
    let length = (out.len() - start) as u64;
    put_before(start, out, |out| encode_varint(length, out));
}

fn put_before(start: usize, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let end = out.len();
    write(out);
    let written = out.len() - end;
    out[start..].rotate_right(written);
}

fn write_bytes(tag: u32, bytes: &[u8], out: &mut Vec<u8>) {
    encode_key(tag, WireType::LengthDelimited, out);
    encode_varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

fn write_fixed(tag: u32, value: u64, out: &mut Vec<u8>) {
    encode_key(tag, WireType::SixtyFourBit, out);
    out.extend_from_slice(&value.to_le_bytes());
}
