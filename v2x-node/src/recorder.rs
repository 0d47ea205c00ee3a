//! Writes a station's recording: what went in, before it was handled, and what was decided.
//!
//! Layout: [`record::MAGIC`], then length-delimited protobuf: one `RecordingHeader`, then `Record`s. A file
//! that ends inside a record (power cut) is good up to there.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use prost::Message as _;
use v2x_core::io::{Input, Output};
use v2x_core::time::Instant;
use v2x_core::{record, transcript};
use v2x_proto::v1;

/// An open recording.
#[derive(Debug)]
pub struct Recorder {
    file: BufWriter<File>,
    path: PathBuf,
    buffer: Vec<u8>,
    entry: Vec<u8>,
    failed: Option<io::Error>,
    told: bool,
    records: u64,
}

impl Recorder {
    /// Creates the file and writes the header.
    ///
    /// # Errors
    /// The file cannot be created or written.
    pub fn create(path: &Path, header: &v1::RecordingHeader) -> io::Result<Self> {
        let mut file = BufWriter::with_capacity(BUFFER, File::create(path)?);
        file.write_all(record::MAGIC)?;
        file.write_all(&header.encode_length_delimited_to_vec())?;
        file.flush()?;
        Ok(Self {
            file,
            path: path.to_owned(),
            buffer: Vec::with_capacity(4096),
            entry: Vec::with_capacity(2048),
            failed: None,
            told: false,
            records: 0,
        })
    }

    /// Records an input that is about to be handled.
    pub fn input(&mut self, now: Instant, input: &Input) {
        let recorded = record::encode(now, input);
        self.write(v1::record::Record::Input(recorded));
    }

    /// Records an output as the transcript has it.
    pub fn output(&mut self, output: &Output) {
        self.entry.clear();
        transcript::write(output, &mut self.entry);
        if self.entry.is_empty() {
            return;
        }
        let entry = Bytes::copy_from_slice(&self.entry);
        self.write(v1::record::Record::Output(v1::RecordedOutput { entry }));
    }

    /// Writes what is buffered to the file.
    pub fn flush(&mut self) {
        if self.failed.is_none()
            && let Err(error) = self.file.flush()
        {
            self.failed = Some(error);
        }
    }

    /// Records written.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// The first error, said once; after it nothing more is recorded, and the station goes on.
    pub fn take_failure(&mut self) -> Option<(&Path, io::Error)> {
        let told = self.told;
        let error = self.failed.as_ref().filter(|_| !told)?;
        self.told = true;
        Some((&self.path, io::Error::new(error.kind(), error.to_string())))
    }

    fn write(&mut self, record: v1::record::Record) {
        if self.failed.is_some() {
            return;
        }
        self.buffer.clear();
        let record = v1::Record { record: Some(record) };
        // A Vec grows as needed, so only the file can fail.
        let written = record
            .encode_length_delimited(&mut self.buffer)
            .map_err(io::Error::other)
            .and_then(|()| self.file.write_all(&self.buffer));
        match written {
            Ok(()) => self.records += 1,
            Err(error) => self.failed = Some(error),
        }
    }
}

const BUFFER: usize = 256 * 1024;
