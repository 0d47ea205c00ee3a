//! A recording, record by record, with bounded memory for any input.

use std::io::{self, Read};

use bytes::Bytes;
use prost::Message as _;
use v2x_proto::v1;

use super::error::CheckError;
use crate::record;

/// A recording being read.
#[derive(Debug)]
pub struct RecordReader<R> {
    source: R,
    name: String,
    offset: u64,
    records: u64,
}

/// One step through a recording.
#[derive(Debug)]
pub enum ReadStep {
    /// A record: its number from 1, and where it starts in the file.
    Record(u64, u64, v1::record::Record),
    /// The file ends after a whole record.
    End,
    /// The file ends inside a record that starts at this byte.
    CutShort(u64),
    /// Bytes that are no record: its number, where it starts, what is wrong.
    Bad(u64, u64, String),
}

enum Message {
    Whole(Bytes),
    End,
    CutShort,
    Bad(String),
}

impl<R: Read> RecordReader<R> {
    /// Reads magic and header.
    ///
    /// # Errors
    /// [`CheckError`]: the source fails, or is no recording of a version that is read.
    pub fn open(source: R, name: &str) -> Result<(v1::RecordingHeader, Self), CheckError> {
        let mut reader = Self { source, name: name.to_owned(), offset: 0, records: 0 };
        let mut magic = Vec::new();
        reader.take(record::MAGIC.len(), &mut magic)?;
        let name = || name.to_owned();
        if magic != record::MAGIC {
            return Err(CheckError::NotARecording { name: name() });
        }
        let bytes = match reader.message(record::MAX_HEADER)? {
            Message::Whole(bytes) => bytes,
            Message::End | Message::CutShort => return Err(CheckError::NoHeader { name: name() }),
            Message::Bad(what) => return Err(CheckError::Header { name: name(), what }),
        };
        let header = v1::RecordingHeader::decode(bytes)
            .map_err(|error| CheckError::Header { name: name(), what: error.to_string() })?;
        if !(record::OLDEST_VERSION..=record::VERSION).contains(&header.version) {
            let software = shown(&header.software);
            return Err(CheckError::Version { name: name(), found: header.version, software });
        }
        Ok((header, reader))
    }

    /// The next record.
    ///
    /// # Errors
    /// [`CheckError::Read`]. Bytes that are no record are a step of their own.
    pub fn step(&mut self) -> Result<ReadStep, CheckError> {
        let start = self.offset;
        let number = self.records + 1;
        let bytes = match self.message(record::MAX_RECORD)? {
            Message::Whole(bytes) => bytes,
            Message::End => return Ok(ReadStep::End),
            Message::CutShort => return Ok(ReadStep::CutShort(start)),
            Message::Bad(what) => return Ok(ReadStep::Bad(number, start, what)),
        };
        self.records = number;
        Ok(match v1::Record::decode(bytes) {
            Ok(v1::Record { record: Some(record) }) => ReadStep::Record(number, start, record),
            Ok(v1::Record { record: None }) => {
                ReadStep::Bad(number, start, "neither an input nor an output".to_owned())
            }
            Err(error) => ReadStep::Bad(number, start, error.to_string()),
        })
    }

    /// A length as a varint, and that many bytes.
    fn message(&mut self, limit: usize) -> Result<Message, CheckError> {
        let mut len = 0u64;
        let mut byte = Vec::with_capacity(1);
        for shift in (0..).step_by(7) {
            byte.clear();
            self.take(1, &mut byte)?;
            let Some(byte) = byte.first() else {
                return Ok(if shift == 0 { Message::End } else { Message::CutShort });
            };
            len |= u64::from(byte & 0x7f) << shift;
            if len > limit as u64 || (byte & 0x80 != 0 && shift >= MAX_SHIFT) {
                return Ok(Message::Bad(format!("longer than the {limit} bytes it may have")));
            }
            if byte & 0x80 == 0 {
                break;
            }
        }
        let mut bytes = Vec::with_capacity(len as usize);
        self.take(len as usize, &mut bytes)?;
        Ok(if bytes.len() == len as usize { Message::Whole(bytes.into()) } else { Message::CutShort })
    }

    fn take(&mut self, len: usize, into: &mut Vec<u8>) -> Result<(), CheckError> {
        let read: io::Result<usize> = self.source.by_ref().take(len as u64).read_to_end(into);
        let read = read.map_err(|source| CheckError::Read { name: self.name.clone(), source })?;
        self.offset += read as u64;
        Ok(())
    }
}

/// Untrusted text made safe to show: printable and short.
pub fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(MAX_SHOWN).collect()
}

/// Five groups of seven bits exceed any accepted length.
const MAX_SHIFT: u32 = 28;
const MAX_SHOWN: usize = 80;
