//! Writes a station's recording: each input before it is handled, and the outputs.
//!
//! The layout is the core's ([`record`]). A file that ends inside a record (power cut) is good up to there.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use v2x_core::{Input, Instant, Output};
use v2x_proto::v1;
use v2x_recording::record;

/// An open recording.
#[derive(Debug)]
pub struct Recorder {
    file: BufWriter<File>,
    path: PathBuf,
    buffer: Vec<u8>,
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
        file.write_all(&record::start(header))?;
        file.flush()?;
        Ok(Self {
            file,
            path: path.to_owned(),
            buffer: Vec::with_capacity(4096),
            failed: None,
            told: false,
            records: 0,
        })
    }

    /// Records an input that is about to be handled.
    pub fn input(&mut self, now: Instant, input: &Input) {
        self.buffer.clear();
        record::write_input(now, input, &mut self.buffer);
        self.write();
    }

    /// Records an output as the transcript has it.
    pub fn output(&mut self, output: &Output) {
        self.buffer.clear();
        record::write_output(output, &mut self.buffer);
        if !self.buffer.is_empty() {
            self.write();
        }
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

    /// The first error, returned once; after it nothing more is recorded, and the station keeps running.
    pub fn take_failure(&mut self) -> Option<(&Path, io::Error)> {
        let told = self.told;
        let error = self.failed.as_ref().filter(|_| !told)?;
        self.told = true;
        Some((&self.path, io::Error::new(error.kind(), error.to_string())))
    }

    fn write(&mut self) {
        if self.failed.is_some() {
            return;
        }
        match self.file.write_all(&self.buffer) {
            Ok(()) => self.records += 1,
            Err(error) => self.failed = Some(error),
        }
    }
}

const BUFFER: usize = 256 * 1024;
