//! Records a station: each input before it is handled, and the outputs.
//!
//! The layout is the recording's own ([`record`]); a thread writes the file. The station hands records over and waits for
//! nobody: where there is no room for one, or the disk refuses it, the recording ends whole at the last good one, and the
//! inputs since then are lost and counted. When the thread has caught up, the recording is begun anew in a new file
//! (`night.rec`, `night.1.rec`, ...), whose header says so: the station goes on as it is, and a node made anew only for the
//! sake of a file would forget its neighbours and the hazards around it.

mod file;
mod start;
mod state;

use core::time::Duration;
use std::fmt;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time;

use radio_adapters::destination;
use radio_adapters::queue::{Queue, queue};
use radio_adapters::writer::Writer;
use v2x_core::{Anchor, ClockState, Fix, Input, Instant, Output, WireTime};
use v2x_proto::v1;
use v2x_recording::record;

pub use self::start::header;
pub use self::state::LIMIT_BYTES;

use self::file::{Entry, RecordingFile};
use self::state::{FIRST_GENERATION, QUEUE_BYTES, RecordingState};

/// A recording that is being made.
#[derive(Debug)]
pub struct Recorder {
    queue: Queue,
    /// `None` in tests, which are the thread.
    writer: Option<Writer<RecordingFile>>,
    state: Arc<RecordingState>,
    buffer: Vec<u8>,
    latest: Latest,
    gap: Option<Gap>,
    /// How long the next gap lasts at least.
    pause: Duration,
    /// How often a file was to be begun, the first included, and when the last time.
    generation: u64,
    begun: Instant,
    /// Files begun anew when the last attempt was made.
    begun_before: u64,
    /// Inputs that were handled and not recorded.
    lost: u64,
    stalled_told: bool,
}

/// What a station knew last, as inputs: a recording that is begun anew starts with it.
#[derive(Debug)]
struct Latest {
    anchor: Anchor,
    clock: Option<ClockState>,
    fix: Option<Option<Fix>>,
    trust: Option<Input>,
    identities: Option<Input>,
}

/// Inputs that are not recorded.
#[derive(Debug)]
struct Gap {
    since: Instant,
    inputs: u64,
}

impl Recorder {
    /// Creates the file, and starts the thread that writes it.
    ///
    /// # Errors
    /// The file cannot be created, and that will not pass by itself; there is no thread.
    pub fn create(path: &Path, header: &v1::RecordingHeader) -> io::Result<Self> {
        let file = match destination::create(path) {
            Ok(file) => Some(file),
            // Begun when there is room.
            Err(error) if destination::may_pass(&error) => {
                tracing::warn!("{}: recording not begun, trying again: {error}", path.display());
                None
            }
            Err(error) => return Err(error),
        };
        let (mut recorder, file) = Self::to(path, header, file);
        recorder.writer = Some(Writer::start("recording", file)?);
        Ok(recorder)
    }

    /// Both sides, without a thread.
    fn to(path: &Path, header: &v1::RecordingHeader, file: Option<File>) -> (Self, RecordingFile) {
        let (queue, records) = queue(QUEUE_BYTES);
        let state = Arc::new(RecordingState::default());
        state.failed.store(if file.is_none() { FIRST_GENERATION } else { 0 }, Relaxed);
        let file = RecordingFile::new(path, header.clone(), records, Arc::clone(&state), file);
        let recorder = Self {
            queue,
            writer: None,
            state,
            buffer: Vec::with_capacity(BUFFER_BYTES),
            latest: Latest {
                anchor: Anchor {
                    instant: Instant::from_nanos(header.anchor_instant_ns),
                    wire: WireTime::from_micros(header.anchor_wire_us),
                },
                clock: None,
                fix: None,
                trust: None,
                identities: None,
            },
            gap: None,
            pause: FIRST_PAUSE,
            generation: FIRST_GENERATION,
            begun: Instant::from_nanos(header.anchor_instant_ns),
            begun_before: 0,
            lost: 0,
            stalled_told: false,
        };
        (recorder, file)
    }

    /// Records an input that is about to be handled.
    pub fn input(&mut self, now: Instant, input: &Input) {
        self.latest.take(now, input);
        if self.state.full.load(Relaxed) {
            self.state.over_limit.fetch_add(1, Relaxed);
            return;
        }
        if self.gap.is_some() || self.has_failed() {
            self.begin_anew(now);
        }
        if let Some(gap) = &mut self.gap {
            gap.inputs += 1;
            self.lost += 1;
            return;
        }
        self.buffer.clear();
        record::write_input(now, input, &mut self.buffer);
        if !self.queue.push(&[&[Entry::Input as u8], &self.buffer]) {
            self.gap = Some(Gap { since: now, inputs: 1 });
            self.lost += 1;
        }
    }

    /// Records an output as the transcript has it. Its input was the last one; `now` is when that was handled.
    pub fn output(&mut self, now: Instant, output: &Output) {
        if self.gap.is_some() || self.state.full.load(Relaxed) {
            return;
        }
        self.buffer.clear();
        record::write_output(output, &mut self.buffer);
        if !self.buffer.is_empty() && !self.queue.push(&[&[Entry::Output as u8], &self.buffer]) {
            self.gap = Some(Gap { since: now, inputs: 0 });
        }
    }

    fn has_failed(&self) -> bool {
        self.state.failed.load(Relaxed) == self.generation
    }

    /// Begins a new file after a gap, when the thread has caught up and the pause is over.
    fn begin_anew(&mut self, now: Instant) {
        let gap = self.gap.get_or_insert(Gap { since: now, inputs: 0 });
        if now.since(gap.since) < self.pause || !self.queue.is_empty() {
            return;
        }
        let inputs = gap.inputs + self.state.refused.swap(0, Relaxed);
        self.lost += inputs - gap.inputs;
        let files = self.state.begun.load(Relaxed);
        if now.since(self.begun) > LONGEST_PAUSE {
            self.pause = FIRST_PAUSE;
        } else if files > self.begun_before {
            self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        }
        (self.begun, self.begun_before) = (now, files);
        self.generation += 1;
        let anchor = self.latest.anchor;
        let begun = self.queue.push(&[
            &[Entry::Begin as u8],
            &anchor.instant.as_nanos().to_le_bytes(),
            &anchor.wire.as_micros().to_le_bytes(),
            &inputs.to_le_bytes(),
        ]);
        let mut whole = begun;
        for input in self.latest.inputs(now) {
            self.buffer.clear();
            record::write_input(now, &input, &mut self.buffer);
            whole &= self.queue.push(&[&[Entry::Input as u8], &self.buffer]);
        }
        self.gap = if whole { None } else { Some(Gap { since: now, inputs: 0 }) };
        self.stalled_told = false;
    }

    /// Says once that the disk is too slow; to be called about every second.
    pub fn keep(&mut self) {
        let stalled = self.gap.is_some() && !self.has_failed() && !self.state.full.load(Relaxed);
        if stalled && !self.stalled_told {
            self.stalled_told = true;
            tracing::warn!(
                "recording stopped: its file takes less than the station gives; a new one is begun when it takes more"
            );
        }
    }

    /// Records written, in all files.
    pub fn records(&self) -> u64 {
        self.state.written.load(Relaxed)
    }

    /// What is missing, in words; `None` while every input is recorded.
    pub fn losses(&self) -> Option<Losses> {
        let inputs = self.lost + self.state.refused.load(Relaxed);
        (inputs > 0).then(|| Losses { inputs, begun: self.state.begun.load(Relaxed) })
    }

    /// Inputs that came after the recording had reached its limit.
    pub fn over_limit(&self) -> u64 {
        self.state.over_limit.load(Relaxed)
    }

    /// Asks the thread to write what is queued and to end.
    pub fn end(&self) {
        if let Some(writer) = &self.writer {
            writer.end();
        }
    }

    /// Waits for that, `until` at most; false when the file took nothing until then.
    pub fn wait(&mut self, until: time::Instant) -> bool {
        self.writer.as_mut().is_none_or(|writer| writer.wait(until).is_some())
    }
}

/// What a recording misses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Losses {
    /// Inputs that were handled and not recorded.
    pub inputs: u64,
    /// New files begun since.
    pub begun: u64,
}

impl fmt::Display for Losses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { inputs, begun } = self;
        write!(f, "{inputs} inputs not recorded; ")?;
        match begun {
            0 => f.write_str("the recording ends before them"),
            1 => f.write_str("the recording was begun anew once, in a file of its own"),
            _ => write!(f, "the recording was begun anew {begun} times, in files of their own"),
        }
    }
}

impl Latest {
    fn take(&mut self, now: Instant, input: &Input) {
        match input {
            Input::Clock { wire, state } => {
                self.anchor = Anchor { instant: now, wire: *wire };
                self.clock = Some(*state);
            }
            Input::Fix(fix) => self.fix = Some(*fix),
            Input::Trust { .. } => self.trust = Some(input.clone()),
            Input::Identities(_) => self.identities = Some(input.clone()),
            _ => {}
        }
    }

    /// Trust first: it decides what is believed of everything else.
    fn inputs(&self, now: Instant) -> impl Iterator<Item = Input> + use<> {
        let clock = self.clock.map(|state| Input::Clock { wire: self.anchor.wire_at(now), state });
        self.trust
            .clone()
            .into_iter()
            .chain(self.identities.clone())
            .chain(clock)
            .chain(self.fix.map(Input::Fix))
    }
}

/// Longer than nearly all records, so that encoding one allocates nothing.
const BUFFER_BYTES: usize = 8192;
/// How long a gap lasts at least, so that a slow disk does not get a new file every second.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
/// And at most: a disk that is always too slow gets six files an hour.
const LONGEST_PAUSE: Duration = Duration::from_secs(600);

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::path::PathBuf;

    use bytes::Bytes;
    use radio_adapters::writer::Work as _;
    use testkit::{Authority, START};
    use v2x_core::{Config, Node, Pool, Position, ReceivedFrame, Way};
    use v2x_recording::check::{CheckOutcome, check};

    use super::*;

    /// A station that is recorded, in virtual time, and a thread that works when the test says so.
    struct Recorded {
        folder: PathBuf,
        recorder: Recorder,
        file: RecordingFile,
        node: Node,
        now: Instant,
    }

    impl Recorded {
        fn new(name: &str, prepare: impl FnOnce(&Path)) -> Self {
            let folder =
                std::env::temp_dir().join(format!("roadcast-recorder-{name}-{}", std::process::id()));
            fs::create_dir_all(&folder).unwrap();
            let path = folder.join("night.rec");
            prepare(&path);
            let authority = Authority::new();
            let pool = Pool::from(authority.identity(1));
            let config = Config::vehicle();
            let anchor = Anchor { instant: Instant::ZERO, wire: START };
            let [roots, issuers] = [&authority.root, &authority.issuer].map(|one| vec![one.clone()]);
            let header = record::header("test", &config, &pool, roots, issuers, 7, anchor);
            let created = destination::create(&path).unwrap();
            let (recorder, file) = Recorder::to(&path, &header, Some(created));
            let node = Node::new(config, pool, authority.trust.clone(), 7, anchor);
            let mut this = Self { folder, recorder, file, node, now: anchor.instant };
            this.input(Input::Clock { wire: anchor.wire, state: ClockState::Locked });
            this
        }

        fn input(&mut self, input: Input) {
            self.recorder.input(self.now, &input);
            self.node.handle_input(self.now, input);
            loop {
                let output = self.node.poll_output();
                self.recorder.output(self.now, &output);
                if matches!(output, Output::Timeout(..)) {
                    return;
                }
            }
        }

        /// Lives for so long, at ten fixes a second.
        fn live(&mut self, seconds: u64) {
            for _ in 0..10 * seconds {
                self.now = self.now + Duration::from_millis(100);
                let position = Position { latitude: 496_000_000, longitude: 61_000_000 };
                self.input(testkit::fix(self.now, position));
                self.input(Input::Timeout);
            }
        }

        /// More than the queue holds, and nobody takes it.
        fn overflow(&mut self) {
            for _ in 0..4000 {
                self.input(Input::Frame(ReceivedFrame {
                    bytes: Bytes::from_static(&[7; 1400]),
                    link_source: [2; 6],
                    kernel_receive: None,
                    user_receive: None,
                    signal_dbm: None,
                    way: Way::Air,
                }));
            }
        }

        fn check(&self, name: &str) -> CheckOutcome {
            let path = self.folder.join(name);
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            let outcome = check(&path).unwrap();
            assert_eq!(outcome.difference, None, "{name}");
            outcome
        }

        fn files(&self) -> usize {
            fs::read_dir(&self.folder).unwrap().count()
        }
    }

    impl Drop for Recorded {
        fn drop(&mut self) {
            drop(fs::remove_dir_all(&self.folder));
        }
    }

    #[test]
    fn a_disk_that_stalls_ends_one_recording_and_begins_another() {
        let mut station = Recorded::new("stalls", |_| ());
        station.live(5);
        station.file.round();
        assert_eq!(station.recorder.losses(), None);
        station.overflow();
        station.live(10);
        let lost = station.recorder.losses().unwrap();
        assert!(lost.inputs > 1000 && lost.begun == 0, "{lost}");
        // The disk takes again what it is given.
        station.file.round();
        station.live(5);
        station.file.round();
        assert_eq!(station.recorder.losses(), Some(Losses { begun: 1, ..lost }));
        let first = station.check("night.rec");
        assert!(first.inputs > 1000 && first.warnings.len() <= 1, "{:?}", first.warnings);
        let second = station.check("night.1.rec");
        assert!(second.inputs >= 100, "{}", second.inputs);
        let said = format!("begun anew while the station ran, after {} lost inputs", lost.inputs);
        assert!(second.warnings[0].starts_with(&said), "{:?}", second.warnings);
        assert_eq!(station.files(), 2);
    }

    #[test]
    fn a_full_disk_is_tried_again_and_leaves_no_empty_files() {
        // A device that is always full stands for a full disk; the next file is beside the link to it.
        let mut station = Recorded::new("full", |path| symlink("/dev/full", path).unwrap());
        station.live(1);
        station.file.round();
        assert!(station.recorder.losses().unwrap().inputs >= 20);
        fs::write(station.folder.join("night.1.rec"), "another's").unwrap();
        station.live(3);
        station.file.round();
        station.live(1);
        station.file.round();
        let losses = station.recorder.losses().unwrap();
        assert_eq!(losses.begun, 1);
        assert_eq!(fs::read(station.folder.join("night.1.rec")).unwrap(), b"another's");
        assert!(station.check("night.2.rec").inputs > 20);
        assert_eq!(station.files(), 3);
    }

    #[test]
    fn a_recording_whose_file_is_moved_away_goes_on_in_the_next_one() {
        let mut station = Recorded::new("moved", |_| ());
        station.live(1);
        station.file.round();
        fs::rename(station.folder.join("night.rec"), station.folder.join("kept.rec")).unwrap();
        let go_on = |station: &mut Recorded| {
            for _ in 0..6 {
                station.live(1);
                station.file.round();
            }
        };
        go_on(&mut station);
        // As logrotate does with copytruncate.
        fs::write(station.folder.join("night.1.rec"), "").unwrap();
        go_on(&mut station);
        let losses = station.recorder.losses().unwrap();
        assert!(losses.begun == 2 && losses.inputs > 40, "{losses}");
        assert!(station.check("kept.rec").inputs > 20);
        assert!(station.check("night.2.rec").inputs > 10);
        assert_eq!(station.files(), 3);
    }

    #[test]
    fn a_recording_ends_whole_at_its_limit_and_no_other_is_begun() {
        let mut station = Recorded::new("limit", |_| ());
        station.file.bytes_left = 8_000;
        for _ in 0..20 {
            station.live(1);
            station.file.round();
        }
        let (written, over) = (station.recorder.records(), station.recorder.over_limit());
        assert!(written > 100 && over > 100, "{written} {over}");
        assert_eq!(station.recorder.losses(), None, "as told at the start");
        station.live(3);
        station.file.round();
        assert_eq!((station.recorder.records(), station.recorder.over_limit()), (written, over + 60));
        let length = fs::metadata(station.folder.join("night.rec")).unwrap().len();
        assert!((8_000..12_000).contains(&length), "{length}");
        assert!(station.check("night.rec").inputs > 50);
        assert_eq!(station.files(), 1);
    }

    #[test]
    fn a_disk_that_is_always_too_slow_gets_few_files() {
        let mut station = Recorded::new("slow", |_| ());
        for _ in 0..30 {
            station.overflow();
            station.file.round();
            station.live(2);
            station.file.round();
        }
        // One minute: after 2, 4, 8, 16 and 32 s.
        assert!((3..=6).contains(&station.files()), "{}", station.files());
    }
}
