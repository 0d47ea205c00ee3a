//! From rows to a trace: the checks every format shares, names, order and bounds.

use hashbrown::HashMap;

use super::coordinates::{Coordinates, Move};
use super::derived::derive_motion;
use super::error::{PlaceUnit, RowFault, TraceError, Warning};
use super::mapping::Mapping;
use super::motion;
use super::options::ReadOptions;
use super::row::{Fault, Row, Values, Who, parse_time, quote};
use super::signals::{SignalChange, Signals};
use super::stations::{Admission, MAX_STATIONS, Stations};
use super::trace::{Sample, Trace};

/// Whether the reader should go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    Continue,
    /// The window's end is reached; what follows is of no interest.
    Done,
}

/// Collects rows into a trace, within its bounds.
#[derive(Debug)]
pub(super) struct Builder<'a> {
    name: &'a str,
    options: &'a ReadOptions,
    coordinates: Coordinates,
    stations: Stations<'a>,
    /// The first rows, until they have settled what x and y are.
    undecided: Option<Vec<(u32, Values)>>,
    kept: Vec<Kept>,
    warnings: Vec<Warning>,
    dropped: u64,
    step_word: String,
    step: Result<u64, Fault>,
    earliest: u64,
    latest: u64,
    in_order: bool,
    seen: bool,
    window: (u64, u64),
    cut: Option<(u64, String)>,
    derives: bool,
    counted: PlaceUnit,
}

/// A sample, its time still the file's, its line, and what was switched on.
#[derive(Clone, Copy, Debug)]
struct Kept {
    sample: Sample,
    line: u32,
    signals: Signals,
}

impl<'a> Builder<'a> {
    pub(super) fn new(name: &'a str, options: &'a ReadOptions) -> Result<Self, TraceError> {
        // A float cast saturates, and NaN becomes 0: no window bound can do harm.
        let ns = |seconds: f64| (seconds * 1e9) as u64;
        if let (Some(from_s), Some(to_s)) = (options.from_s, options.to_s)
            && from_s >= to_s
        {
            return Err(TraceError::EmptyWindow { from_s, to_s });
        }
        Ok(Self {
            name,
            options,
            coordinates: Coordinates::new(options)?,
            stations: Stations::new(&options.only, &options.kinds, options.types.as_ref()),
            undecided: Some(Vec::new()),
            kept: Vec::new(),
            warnings: Vec::new(),
            dropped: 0,
            step_word: String::new(),
            step: Err(Fault::new(RowFault::OutsideStep, "no time before it")),
            earliest: u64::MAX,
            latest: 0,
            in_order: true,
            seen: false,
            window: (options.from_s.map_or(0, ns), options.to_s.map_or(u64::MAX, ns)),
            cut: None,
            derives: false,
            counted: PlaceUnit::default(),
        })
    }

    /// The mapping's rules say what stations are where the options' do not, and its places are of its projection.
    pub(super) fn mapped_by(&mut self, mapping: &'a Mapping) {
        self.stations.mapped_by(&mapping.kinds);
        self.derives_motion();
    }

    /// Speeds and headings that the file does not have are those of the places.
    pub(super) fn derives_motion(&mut self) {
        self.derives = true;
    }

    /// Places in the file are rows of a table.
    pub(super) fn counts_rows(&mut self) {
        self.counted = PlaceUnit::Rows;
    }

    /// The file itself states that x and y are degrees (the options, when given, take precedence).
    pub(super) fn is_geographic(&mut self) {
        if self.undecided.is_some() {
            self.coordinates.state_degrees();
        }
    }

    /// Following rows belong to the time in `word`. In a format whose steps are in order, `Done` past the window.
    pub(super) fn step(&mut self, word: &str) -> Flow {
        if word != self.step_word || self.step.is_err() {
            self.step_word.clear();
            self.step_word.push_str(word);
            return self.step_at(parse_time(word).map_err(|fault| Fault::quoting(fault, "time", word)));
        }
        self.flow()
    }

    /// The same, of a time that is read already.
    pub(super) fn step_at(&mut self, time: Result<u64, Fault>) -> Flow {
        self.step = time;
        if let Ok(time) = self.step {
            self.in_order &= time >= self.latest;
            self.earliest = self.earliest.min(time);
            self.latest = self.latest.max(time);
        }
        self.flow()
    }

    fn flow(&self) -> Flow {
        match self.step {
            Ok(time) if time >= self.window.1 && self.in_order => Flow::Done,
            _ => Flow::Continue,
        }
    }

    /// Following rows belong to no time.
    pub(super) fn step_ended(&mut self) {
        self.step = Err(Fault::new(RowFault::OutsideStep, "between two steps"));
    }

    /// The row has an edge and a lane, so that one without a lane is a person's.
    pub(super) fn has_lanes(&mut self) {
        self.stations.lanes = true;
    }

    /// Takes a row, or drops it and counts why. Rows outside the window are passed over.
    pub(super) fn row(&mut self, row: Row<'_>) -> Result<(), TraceError> {
        self.take(&row.who(), row.line, |time| Values::of(time, &row))
    }

    /// The same, of a station whose values are read where they are wanted.
    pub(super) fn take(
        &mut self,
        who: &Who<'_>,
        line: u64,
        values: impl FnOnce(u64) -> Result<Values, Fault>,
    ) -> Result<(), TraceError> {
        let values = match self.step.clone() {
            Ok(time) if time < self.window.0 || time >= self.window.1 => {
                self.seen = true;
                return Ok(());
            }
            Ok(time) => who.check().and_then(|()| values(time)),
            Err(fault) => Err(fault),
        };
        let values = match values {
            Ok(values) => values,
            Err(Fault(fault, found)) => {
                self.drop_row(fault, line, &found);
                return Ok(());
            }
        };
        let station = match self.stations.admit(who) {
            Admission::Station(station) => station,
            Admission::LeftOut => return Ok(()),
            Admission::Full => {
                let limit = MAX_STATIONS;
                return Err(TraceError::TooManyStations { name: self.name.to_owned(), line, limit });
            }
        };
        let Some(undecided) = &mut self.undecided else { return self.keep(station, &values) };
        undecided.push((station, values));
        if undecided.len() >= DECIDING_ROWS || undecided.len() > self.options.max_samples {
            self.settle()?;
        }
        Ok(())
    }

    /// Counts a row that was dropped before [`Self::row`].
    pub(super) fn drop_row(&mut self, fault: RowFault, line: u64, found: &str) {
        self.dropped += 1;
        for warning in &mut self.warnings {
            if let Warning::Dropped { fault: f, rows, .. } = warning
                && *f == fault
            {
                *rows += 1;
                return;
            }
        }
        let (found, counted) = (found.to_owned(), self.counted);
        self.warnings.push(Warning::Dropped { fault, rows: 1, first_line: line, found, counted });
    }

    /// The file breaks off here; no more rows follow.
    pub(super) fn cut(&mut self, line: u64, detail: String) {
        self.cut = Some((line, detail));
    }

    /// The trace, ordered by time.
    ///
    /// # Errors
    /// It is empty, more of it was dropped than is tolerated, or its times are of two clocks.
    pub(super) fn finish(mut self) -> Result<Trace, TraceError> {
        self.settle()?;
        let Some(last_read) = self.kept.last().map(|kept| kept.sample.time_ns) else {
            return Err(self.nothing_usable());
        };
        self.sort();
        self.check_dropped()?;
        self.leave_out()?;
        self.check_clock()?;
        let begin_ns = self.kept[0].sample.time_ns;
        if let Some((line, detail)) = self.cut.take() {
            let (samples, until_ns) = (self.kept.len(), last_read.saturating_sub(begin_ns));
            let (step_ns, counted) = (self.step.as_ref().ok().copied(), self.counted);
            self.warnings.push(Warning::CutShort { samples, until_ns, line, counted, detail, step_ns });
        }
        self.warnings.extend(self.stations.warnings());
        self.warnings.extend(self.coordinates.warnings());
        let mut signals = self.changes(begin_ns);
        // The same allocation, if the library can: millions of samples should not be there twice.
        let mut samples: Vec<Sample> = self
            .kept
            .into_iter()
            .map(|kept| Sample { time_ns: kept.sample.time_ns - begin_ns, ..kept.sample })
            .collect();
        let numbers = self.stations.numbers(&samples);
        for sample in &mut samples {
            sample.station = numbers[sample.station as usize].expect("invariant: it has this sample");
        }
        for change in &mut signals {
            change.station = numbers[change.station as usize].expect("invariant: it has a sample");
        }
        signals.sort_unstable_by_key(|change| (change.station, change.time_ns));
        let (names, kinds, sizes) = self.stations.told(&numbers);
        let ground = self.coordinates.ground();
        let warnings = self.warnings;
        let mut trace = Trace { names, kinds, sizes, samples, signals, begin_ns, ground, warnings };
        if self.derives {
            derive_motion(&mut trace);
        }
        trace.warnings.extend(motion::disagreement(&trace));
        trace.warnings.extend(motion::turned(&trace));
        Ok(trace)
    }

    /// Leaves out stations that only now are known not to be wanted.
    fn leave_out(&mut self) -> Result<(), TraceError> {
        for kept in &self.kept {
            if kept.signals.blue_light() {
                self.stations.has_blue_light(kept.sample.station);
            }
        }
        if self.stations.settle() {
            let stations = &self.stations;
            self.kept.retain(|kept| stations.is_wanted(kept.sample.station));
        }
        if self.kept.is_empty() { Err(self.nothing_usable()) } else { Ok(()) }
    }

    /// When stations switched something on or off; the rows are in order of time.
    fn changes(&self, begin_ns: u64) -> Vec<SignalChange> {
        let mut now: HashMap<u32, Signals> = HashMap::new();
        let mut changes = Vec::new();
        for kept in &self.kept {
            let Sample { station, time_ns, .. } = kept.sample;
            let before = if kept.signals == Signals::default() && !now.contains_key(&station) {
                Signals::default()
            } else {
                now.insert(station, kept.signals).unwrap_or_default()
            };
            if kept.signals != before {
                let time_ns = time_ns - begin_ns;
                changes.push(SignalChange { station, time_ns, signals: kept.signals });
            }
        }
        changes
    }

    /// Settles what x and y are, and places the rows that waited for it.
    fn settle(&mut self) -> Result<(), TraceError> {
        let Some(rows) = self.undecided.take() else { return Ok(()) };
        let first = rows.first().map(|(_, first)| (first.x, first.y));
        if let Err(net) = self.coordinates.settle(first, moves(&rows)) {
            let (x, y) = first.unwrap_or_default();
            let line = rows.first().map_or(0, |(_, first)| first.line);
            return Err(TraceError::OtherProjection {
                name: self.name.to_owned(),
                line,
                x,
                y,
                net: net.name().to_owned(),
                bounds: net.bounds(),
            });
        }
        if self.options.origin.is_some() && self.coordinates.are_degrees() {
            return Err(TraceError::OriginOfDegrees { name: self.name.to_owned() });
        }
        for (station, values) in &rows {
            self.keep(*station, values)?;
        }
        Ok(())
    }

    fn keep(&mut self, station: u32, values: &Values) -> Result<(), TraceError> {
        let point = match self.coordinates.place(values.x, values.y) {
            Ok(point) => point,
            Err(fault) => {
                self.drop_row(fault, values.line, &format!("x {}, y {}", values.x, values.y));
                return Ok(());
            }
        };
        if self.kept.len() >= self.options.max_samples {
            return Err(TraceError::TooManySamples {
                name: self.name.to_owned(),
                line: values.line,
                limit: self.options.max_samples,
            });
        }
        self.kept.push(Kept {
            sample: Sample {
                time_ns: values.time_ns,
                station,
                latitude: point.latitude,
                longitude: point.longitude,
                speed: values.speed,
                heading: values.heading,
                acceleration: values.acceleration,
            },
            line: u32::try_from(values.line).unwrap_or(u32::MAX),
            signals: values.signals,
        });
        Ok(())
    }

    /// By time, then station; of two rows of a station at one time the first in the file is kept.
    fn sort(&mut self) {
        let key = |kept: &Kept| (kept.sample.time_ns, kept.sample.station, kept.line);
        if !self.kept.is_sorted_by_key(key) {
            self.kept.sort_unstable_by_key(key);
        }
        let mut twice = Vec::new();
        let mut count = 0u64;
        self.kept.dedup_by(|later, first| {
            let same =
                (later.sample.time_ns, later.sample.station) == (first.sample.time_ns, first.sample.station);
            if same {
                count += 1;
                twice.push((later.line, later.sample.station));
                twice.sort_unstable();
                twice.truncate(1);
            }
            same
        });
        if let Some((line, station)) = twice.pop() {
            let found = quote("id", self.stations.id(station));
            self.drop_row(RowFault::Twice, line.into(), &found);
            if let Some(Warning::Dropped { rows, .. }) = self.warnings.last_mut() {
                *rows = count;
            }
            self.dropped += count - 1;
        }
        self.warnings.sort_by_key(|warning| match warning {
            Warning::Dropped { first_line, .. } => *first_line,
            _ => u64::MAX,
        });
    }

    /// Refuses a file of which more was dropped than the options tolerate.
    fn check_dropped(&self) -> Result<(), TraceError> {
        let all = self.dropped + self.kept.len() as u64;
        if self.dropped as f64 * 100.0 <= all as f64 * self.options.tolerate_percent {
            return Ok(());
        }
        let rules: Vec<String> = self.warnings.iter().map(ToString::to_string).collect();
        Err(TraceError::TooManyDropped {
            name: self.name.to_owned(),
            percent: self.dropped as f64 * 100.0 / all as f64,
            rows: all,
            rules: rules.join("; "),
            tolerated: self.options.tolerate_percent,
        })
    }

    /// Refuses times between which nothing happens for a day: those of two clocks, as a rule.
    fn check_clock(&self) -> Result<(), TraceError> {
        for pair in self.kept.windows(2) {
            let (before, after) = (pair[0].sample.time_ns, pair[1].sample.time_ns);
            if after - before > MAX_PAUSE_NS {
                return Err(TraceError::TwoClocks {
                    name: self.name.to_owned(),
                    line: pair[1].line.into(),
                    before_s: before as f64 / 1e9,
                    after_s: after as f64 / 1e9,
                });
            }
        }
        Ok(())
    }

    fn nothing_usable(&mut self) -> TraceError {
        let name = self.name.to_owned();
        if let Some((line, detail)) = self.cut.take() {
            return TraceError::Malformed { name, line, detail };
        }
        let why = if let Some(warning) = self.warnings.first() {
            warning.to_string()
        } else if let Some(others) = self.stations.others() {
            others
        } else if self.seen {
            let until = self.options.to_s.map_or_else(|| " on".to_owned(), |to_s| format!(" to {to_s} s"));
            format!(
                "none from {} s{until} of its own time, whose first step is at {} s",
                self.window.0 as f64 / 1e9,
                self.earliest as f64 / 1e9
            )
        } else {
            "no vehicle or person in it".to_owned()
        };
        TraceError::NothingUsable { name, why }
    }
}

/// How far stations came from row to row, where both rows have a speed.
fn moves(rows: &[(u32, Values)]) -> impl Iterator<Item = Move> {
    let mut last: HashMap<u32, Values> = HashMap::new();
    rows.iter().filter_map(move |(station, to)| {
        let from = last.insert(*station, *to)?;
        let seconds = to.time_ns.checked_sub(from.time_ns)? as f64 / 1e9;
        if seconds > LONGEST_MOVE_S {
            return None;
        }
        let speed = (f64::from(from.speed?) + f64::from(to.speed?)) / 200.0;
        Some(Move { stated_m: speed * seconds, x: to.x - from.x, y: to.y - from.y, latitude: from.y })
    })
}

/// So many rows wait for what x and y are: some 2 MB, and hundreds of steps of most traces.
const DECIDING_ROWS: usize = 20_000;
/// Beyond this a station that turned is nowhere near where its speeds would take it.
const LONGEST_MOVE_S: f64 = 10.0;
/// No traffic rests for a day.
const MAX_PAUSE_NS: u64 = 86_400_000_000_000;
