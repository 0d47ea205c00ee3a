//! The thread's side of a recording: writes records to a file, and begins a new one after a loss.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::{ffi::OsString, fmt};

use radio_adapters::blocks::{Blocks, Unwritten};
use radio_adapters::destination;
use radio_adapters::queue::Records;
use radio_adapters::writer::Work;
use v2x_proto::v1;
use v2x_recording::record;

use crate::log::events;

use super::state::{FIRST_GENERATION, LIMIT_BYTES, QUEUE_BYTES, RecordingState};

/// First byte of what is handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// A record of an input follows.
    Input = 0,
    /// A record of an output follows.
    Output = 1,
    /// Begin a new file: anchor in station and wire time, inputs lost; eight bytes each.
    Begin = 2,
}

/// A recording being written.
pub(super) struct RecordingFile {
    path: PathBuf,
    header: v1::RecordingHeader,
    /// There but during a round.
    records: Option<Records>,
    state: Arc<RecordingState>,
    /// The first file, until the thread begins it: even its header may have to wait for somebody.
    first: Option<File>,
    blocks: Option<Blocks<File>>,
    /// Of the records in the buffer: whether each is an input.
    buffered: Vec<bool>,
    /// Of the newest file; 0 is the first.
    number: u32,
    /// How often a file was to be begun, the first included.
    generation: u64,
    /// What the files may still take.
    pub(super) bytes_left: u64,
    /// Nothing is said about the next file that cannot be begun either.
    told: bool,
}

impl RecordingFile {
    pub(super) fn new(
        path: &Path,
        header: v1::RecordingHeader,
        records: Records,
        state: Arc<RecordingState>,
        file: Option<File>,
    ) -> Self {
        Self {
            path: path.to_owned(),
            header,
            records: Some(records),
            state,
            blocks: None,
            buffered: Vec::with_capacity(4096),
            number: 0,
            generation: FIRST_GENERATION,
            bytes_left: LIMIT_BYTES,
            told: file.is_none(),
            first: file,
        }
    }

    /// Begins `file` with the header; false when it has no room even for that.
    fn start(&mut self, file: File) -> bool {
        let mut blocks = Blocks::new(file);
        if let Err(unwritten) = blocks.push(&record::start(&self.header)).and_then(|()| blocks.flush()) {
            self.stop(&unwritten.source);
            return false;
        }
        self.blocks = Some(blocks);
        self.told = false;
        true
    }

    fn begin(&mut self, fields: &[u8]) {
        if self.state.full.load(Relaxed) {
            return;
        }
        let mut numbers = fields.chunks_exact(8).map(|bytes| bytes.try_into().map_or(0, u64::from_le_bytes));
        let mut next = || numbers.next().unwrap_or_default();
        (self.header.anchor_instant_ns, self.header.anchor_wire_us) = (next(), next());
        let lost = next();
        self.header.lost_inputs = Some(lost);
        self.flush();
        self.generation += 1;
        self.blocks = None;
        let (number, path, file) = match self.create_next() {
            Ok(created) => created,
            Err(error) => return self.stop(&error),
        };
        if self.start(file) {
            self.number = number;
            self.state.begun.fetch_add(1, Relaxed);
            tracing::warn!(event = events::RECORDING_ENDED.name, path = %path.display(), "{}: recording begun anew; {lost} inputs were lost", path.display());
        } else {
            // A file without even a header helps nobody; what cannot be removed is skipped the next time.
            drop(std::fs::remove_file(path));
        }
    }

    /// The next file that is not there yet.
    fn create_next(&mut self) -> io::Result<(u32, PathBuf, File)> {
        if is_among_devices(&self.path) {
            return Err(io::Error::other("no file is begun beside a device"));
        }
        for number in self.number + 1..=MOST_FILES {
            let path = numbered(&self.path, number);
            match destination::create_new(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                created => return created.map(|file| (number, path, file)),
            }
        }
        Err(io::Error::other(format!("{MOST_FILES} files were begun already")))
    }

    fn write(&mut self, kind: u8, record: &[u8]) {
        let is_input = kind == Entry::Input as u8;
        if self.state.full.load(Relaxed) {
            self.state.over_limit.fetch_add(u64::from(is_input), Relaxed);
            return;
        }
        match self.bytes_left.checked_sub(record.len() as u64) {
            Some(left) => self.bytes_left = left,
            None => return self.reach_limit(is_input),
        }
        let Some(blocks) = &mut self.blocks else {
            self.state.refused.fetch_add(u64::from(is_input), Relaxed);
            return;
        };
        let pushed = blocks.push(record);
        if let Err(unwritten) = pushed {
            self.state.refused.fetch_add(u64::from(is_input), Relaxed);
            return self.fail(&unwritten);
        }
        self.state.written.fetch_add(1, Relaxed);
        if blocks.buffered() == 1 {
            // Those before it were written to make room.
            self.buffered.clear();
        }
        self.buffered.push(is_input);
    }

    /// Ends the recording, whole.
    fn reach_limit(&mut self, is_input: bool) {
        self.flush();
        self.blocks = None;
        self.state.full.store(true, Relaxed);
        self.state.over_limit.fetch_add(u64::from(is_input), Relaxed);
        let (path, mib) = (numbered(&self.path, self.number), LIMIT_BYTES >> 20);
        tracing::warn!(event = events::RECORDING_ENDED.name, path = %path.display(), "{}: recording ends here, whole: its limit of {mib} MiB is reached", path.display());
    }

    fn flush(&mut self) {
        let path = numbered(&self.path, self.number);
        if self.blocks.as_ref().is_some_and(|blocks| !blocks.is_at(&path)) {
            self.stop(&io::Error::other("its file was moved, removed or emptied"));
        }
        match self.blocks.as_mut().map(Blocks::flush) {
            Some(Err(unwritten)) => self.fail(&unwritten),
            _ => self.buffered.clear(),
        }
    }

    fn fail(&mut self, unwritten: &Unwritten) {
        self.state.written.fetch_sub(unwritten.blocks, Relaxed);
        let written = self.buffered.len().saturating_sub(unwritten.blocks as usize);
        let inputs = self.buffered.drain(..).skip(written).filter(|is_input| *is_input).count();
        self.state.refused.fetch_add(inputs as u64, Relaxed);
        self.stop(&unwritten.source);
    }

    fn stop(&mut self, error: &io::Error) {
        self.blocks = None;
        self.state.failed.store(self.generation, Relaxed);
        if !core::mem::replace(&mut self.told, true) {
            let path = numbered(&self.path, self.number);
            tracing::warn!(
                event = events::RECORDING_ENDED.name, path = %path.display(),
                "{}: recording stopped: {error}; whole up to there, and begun anew when there is room",
                path.display()
            );
        }
    }
}

impl Work for RecordingFile {
    fn round(&mut self) {
        if let Some(file) = self.first.take() {
            self.start(file);
        }
        let Some(mut records) = self.records.take() else { return };
        let mut bytes = 0;
        while bytes < QUEUE_BYTES
            && let Some(entry) = records.take()
        {
            bytes += entry.len();
            match entry.split_first() {
                Some((kind, fields)) if *kind == Entry::Begin as u8 => self.begin(fields),
                Some((kind, record)) => self.write(*kind, record),
                None => {}
            }
        }
        self.records = Some(records);
        self.flush();
    }
}

impl fmt::Debug for RecordingFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordingFile").field("path", &self.path).field("number", &self.number).finish()
    }
}

/// Whether a file beside `path` would be in memory, among the devices.
fn is_among_devices(path: &Path) -> bool {
    path.starts_with("/dev") && !path.starts_with("/dev/shm")
}

/// `night.rec`, `night.1.rec`, `night.2.rec`.
fn numbered(path: &Path, number: u32) -> PathBuf {
    if number == 0 {
        return path.to_owned();
    }
    let mut name = path.file_stem().map_or_else(OsString::new, OsString::from);
    name.push(format!(".{number}"));
    if let Some(extension) = path.extension() {
        name.push(".");
        name.push(extension);
    }
    path.with_file_name(name)
}

/// Files of one run: with the pauses between them, more than half a day of a disk that is too slow.
const MOST_FILES: u32 = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_begun_beside_a_device() {
        for (path, among) in
            [("/dev/full", true), ("/dev/fd/63", true), ("/dev/shm/x.rec", false), ("dev/x", false)]
        {
            assert_eq!(is_among_devices(Path::new(path)), among, "{path}");
        }
    }

    #[test]
    fn the_next_file_stands_beside_the_first() {
        let names = [("night.rec", 1), ("a/b", 2), ("a.b/night.x.rec", 30), ("night.rec", 0)];
        let numbered: Vec<_> = names.map(|(path, number)| numbered(Path::new(path), number)).into();
        assert_eq!(numbered, ["night.1.rec", "a/b.2", "a.b/night.x.30.rec", "night.rec"].map(PathBuf::from));
    }
}
