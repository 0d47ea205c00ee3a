//! One recording as what matters between stations: frames sent, frames heard, positions; each on the recording's own clock.
//!
//! That clock is the station's clock at the recording's start, carried on by the machine's monotonic clock: it runs evenly, and
//! a station whose clock is set while it records steps nothing here.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use v2x_core::{Input, Position};
use v2x_proto::envelope::{SignedView, SignerRef, TbsView};
use v2x_proto::{Class, Digest, hop, v1};
use v2x_recording::check::{CheckError, ReadStep, RecordReader};
use v2x_recording::{record, transcript};

/// A recording that is being read.
#[derive(Debug)]
pub(super) struct Tape {
    reader: RecordReader<BufReader<File>>,
    pub(super) header: v1::RecordingHeader,
    /// Of the input that was read last, the recording's clock, ns.
    now_ns: i64,
    /// Why it ended before its end.
    pub(super) cut: Option<String>,
}

/// Something that happened to a station.
#[derive(Debug)]
pub(super) enum TapeEvent {
    /// A frame was handed to the link, its own or a forwarded one.
    Sent(FrameFacts, Bytes),
    /// A frame came from the air.
    Heard(FrameFacts),
    /// The station is here, or knows not where.
    Fix(Option<Position>),
    /// More credentials that are the station's own.
    Own(Vec<Digest>),
    /// Something else, which only shows that the station was recording.
    Other,
}

/// What a frame says of itself; nothing in it is verified, and nothing has to be: a frame that another recording's station sent
/// is known by its signature.
#[derive(Clone, Copy, Debug)]
pub(super) struct FrameFacts {
    /// The first half of the signature, which nobody knows before the frame is sent.
    pub(super) key: u128,
    pub(super) signer: Digest,
    /// The last transmitter.
    pub(super) forwarder: Digest,
    pub(super) class: Class,
    pub(super) generation_us: u64,
    pub(super) lifetime_ms: u32,
    pub(super) position: Position,
    pub(super) test: bool,
}

impl FrameFacts {
    /// `None` for what is no frame with a signed message.
    pub(super) fn of(frame: &[u8]) -> Option<Self> {
        let (header, length) = hop::parse(frame).ok()?;
        let signed = SignedView::parse(frame.get(length..)?).ok()?;
        let tbs = TbsView::parse(signed.tbs).ok()?;
        let signer = match signed.signer {
            SignerRef::Digest(digest) => digest,
            SignerRef::Credential(credential) => digest_of(credential),
        };
        let half = signed.signature.first_chunk::<16>()?;
        Some(Self {
            key: u128::from_le_bytes(*half),
            signer,
            forwarder: header.forwarder,
            class: tbs.class,
            generation_us: tbs.generation_time_us,
            lifetime_ms: tbs.lifetime_ms,
            position: Position::new(tbs.latitude, tbs.longitude)?,
            test: header.flags.test,
        })
    }
}

impl Tape {
    /// Opens a recording.
    ///
    /// # Errors
    /// The file cannot be read, or is no recording of a version that is read.
    pub(super) fn open(path: &Path) -> Result<Self, CheckError> {
        let name = path.display().to_string();
        let failed = |source| CheckError::Read { name: name.clone(), source };
        let found = std::fs::metadata(path).map_err(failed)?;
        if !found.is_file() && !found.is_dir() {
            // A pipe gives its bytes once.
            return Err(failed(io::Error::other("it is not a plain file, and each is read three times")));
        }
        let file = File::open(path).map_err(failed)?;
        let (header, reader) = RecordReader::open(BufReader::new(file), &name)?;
        let mut tape = Self { reader, header, now_ns: 0, cut: None };
        tape.now_ns = tape.own_ns(tape.header.anchor_instant_ns);
        Ok(tape)
    }

    /// Credentials that the station had at the start.
    pub(super) fn own(&self) -> Vec<Digest> {
        let pool = self.header.pool.iter().map(|one| &one.credential);
        pool.chain([&self.header.credential]).map(|credential| digest_of(credential)).collect()
    }

    /// What happened next, and when; `None` at the end of what is whole.
    ///
    /// # Errors
    /// The file cannot be read on.
    pub(super) fn next(&mut self) -> Result<Option<(i64, TapeEvent)>, CheckError> {
        let recorded = match self.reader.step()? {
            ReadStep::Record(number, offset, record) => match record {
                v1::record::Record::Output(output) => return Ok(Some((self.now_ns, sent(&output.entry)))),
                v1::record::Record::Input(recorded) => match record::decode(recorded) {
                    Ok(recorded) => recorded,
                    Err(error) => return Ok(self.end_at(number, offset, &error.to_string())),
                },
            },
            ReadStep::Bad(number, offset, what) => return Ok(self.end_at(number, offset, &what)),
            ReadStep::CutShort(offset) => {
                self.cut = Some(format!("breaks off inside the record at byte {offset}; used up to there"));
                return Ok(None);
            }
            ReadStep::End => return Ok(None),
        };
        let (now, input) = recorded;
        self.now_ns = self.own_ns(now.as_nanos());
        Ok(Some(match input {
            Input::Frame(frame) if !frame.way.is_afar() => {
                let at = frame.kernel_receive.or(frame.user_receive).unwrap_or(now);
                let event = FrameFacts::of(&frame.bytes).map_or(TapeEvent::Other, TapeEvent::Heard);
                (self.own_ns(at.as_nanos()), event)
            }
            Input::Fix(fix) => (self.now_ns, TapeEvent::Fix(fix.map(|fix| fix.position))),
            Input::Identities(identities) => {
                let own = identities.iter().map(|one| digest_of(&one.credential)).collect();
                (self.now_ns, TapeEvent::Own(own))
            }
            _ => (self.now_ns, TapeEvent::Other),
        }))
    }

    fn end_at(&mut self, number: u64, offset: u64, what: &str) -> Option<(i64, TapeEvent)> {
        self.cut = Some(format!("record {number} at byte {offset}: {what}; used up to there"));
        None
    }

    fn own_ns(&self, instant_ns: u64) -> i64 {
        let since = i128::from(instant_ns) - i128::from(self.header.anchor_instant_ns);
        let at = i128::from(self.header.anchor_wire_us) * 1000 + since;
        at.clamp(-i128::from(FARTHEST_NS), i128::from(FARTHEST_NS)) as i64
    }
}

fn sent(entry: &[u8]) -> TapeEvent {
    let Some(frame) = transcript::transmitted(entry) else { return TapeEvent::Other };
    FrameFacts::of(frame)
        .map_or(TapeEvent::Other, |facts| TapeEvent::Sent(facts, Bytes::copy_from_slice(frame)))
}

fn digest_of(credential: &[u8]) -> Digest {
    Digest::of_hash(&Sha256::digest(credential).into())
}

/// 73 years from 2004, so that differences fit too.
const FARTHEST_NS: i64 = 1 << 61;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_bytes_are_a_frame_or_none(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _either = FrameFacts::of(&bytes);
        }
    }
}
