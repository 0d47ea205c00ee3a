//! One row for each station and second.

use std::fs::File;
use std::io;

use v2x_tables::{Column, ColumnKind, TableWriter, TextId};

use super::run::TableRun;
use super::transmissions::Aired;

/// The columns, in order.
pub const COLUMNS: [Column<'_>; 21] = [
    Column::new("seed", Integer, "", "seed of the run"),
    Column::new(
        "forwarding",
        Text,
        "",
        "how stations forward messages of several hops: roadcast, etsi or flooding",
    ),
    Column::new("station", Text, "", "the station, by its name in the trace"),
    Column::new(
        "kind",
        Text,
        "",
        "what it is: passenger, bus, truck, motorcycle, bicycle, pedestrian, tram, train, emergency or roadside",
    ),
    Column::new("honest", Flag, "", "whether it is none of the attackers, whose messages no figure counts"),
    Column::new("second_at", Integer, "s", "the second begins this long after the trace's first step"),
    Column::new("present_ns", Integer, "ns", "for how long of the second the station was there"),
    Column::new("latitude", Spread, "degrees", "where it was when the second began or it came, WGS 84")
        .or_null(),
    Column::new("longitude", Spread, "degrees", "where it was when the second began or it came, WGS 84")
        .or_null(),
    Column::new("speed_mps", Real, "m/s", "its speed then; null where the trace has none").or_null(),
    Column::new("frames_sent", Integer, "", "frames that it handed to its radio, forwarded ones included"),
    Column::new("bytes_sent", Integer, "B", "their length above the link layer"),
    Column::new("airtime_sent_ns", Integer, "ns", "for how long they were on the air"),
    Column::new(
        "frames_received",
        Integer,
        "",
        "frames that it received whole, from honest stations and others",
    ),
    Column::new("frames_lost", Integer, "", "frames that the medium lost for it within range"),
    Column::new(
        "frames_dropped",
        Integer,
        "",
        "frames that it received and did not deliver: copies, what is forged, stale or too much",
    ),
    Column::new(
        "messages_delivered",
        Integer,
        "",
        "messages that its application got, whoever they were meant for",
    ),
    Column::new("signatures_checked", Integer, "", "signatures that it checked, of frames and credentials"),
    Column::new(
        "processor_ns",
        Integer,
        "ns",
        "for how long its processor was busy; null where work takes no virtual time",
    )
    .or_null(),
    Column::new(
        "channel_busy_ns",
        Integer,
        "ns",
        "for how long it found the channel busy, its own frames included; a frame counts where it begins",
    )
    .or_null(),
    Column::new(
        "neighbours",
        Integer,
        "",
        "stations in its table of neighbours when the second ended; null when it had left",
    )
    .or_null(),
];

use ColumnKind::{Flag, Integer, Real, Spread, Text};

/// How a station is when a second ends, or the run.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct StationState {
    /// Where it was when the second began or it came, 1e-7 degrees.
    pub(crate) place: Option<(i32, i32)>,
    /// 0.01 m/s.
    pub(crate) speed: Option<u16>,
    pub(crate) honest: bool,
    /// Signatures checked so far.
    pub(crate) checks: u64,
    /// Its processor was busy so far, ns.
    pub(crate) processor_ns: Option<u64>,
    /// It found the channel busy so far, ns.
    pub(crate) channel_busy_ns: Option<u64>,
    pub(crate) neighbours: Option<u64>,
}

#[derive(Debug)]
pub(crate) struct StationTable {
    table: TableWriter<File>,
    seed: i64,
    forwarding: TextId,
    names: Vec<(TextId, TextId)>,
    seconds: Vec<StationSecond>,
    present: usize,
    /// When the second under way ends, ns.
    ends_ns: u64,
}

/// What one station did in the second under way.
#[derive(Clone, Copy, Debug, Default)]
struct StationSecond {
    /// Since when it is there, ns.
    since_ns: Option<u64>,
    /// When it came first in this second, ns.
    first_ns: Option<u64>,
    /// For how long it was there and left again, ns.
    present_ns: u64,
    frames_sent: u64,
    bytes_sent: u64,
    airtime_sent_ns: u64,
    received: u64,
    lost: u64,
    dropped: u64,
    delivered: u64,
    /// As the last row had it.
    checks: u64,
    processor_ns: u64,
    channel_busy_ns: u64,
}

impl StationSecond {
    /// Whether it did or met anything.
    fn counts(&self) -> bool {
        let all = [self.frames_sent, self.received, self.lost, self.dropped, self.delivered];
        all.iter().any(|count| *count > 0)
    }
}

impl StationTable {
    pub(super) fn new(file: File) -> io::Result<Self> {
        let mut table = TableWriter::new(&COLUMNS, file)?;
        Ok(Self {
            seed: 0,
            forwarding: table.text(""),
            names: Vec::new(),
            seconds: Vec::new(),
            present: 0,
            ends_ns: SECOND_NS,
            table,
        })
    }

    pub(super) fn begin(&mut self, run: &TableRun<'_>) {
        self.seed = run.seed.cast_signed();
        self.forwarding = self.table.text(run.forwarding);
        let both = run.names.iter().zip(run.kinds);
        self.names = both.map(|(name, kind)| (self.table.text(name), self.table.text(kind))).collect();
        self.seconds = vec![StationSecond::default(); self.names.len()];
        self.present = 0;
        self.ends_ns = SECOND_NS;
    }

    /// A station is there.
    pub(crate) fn came(&mut self, station: u32, now_ns: u64) {
        let second = &mut self.seconds[station as usize];
        if second.since_ns.is_none() {
            second.since_ns = Some(now_ns);
            second.first_ns.get_or_insert(now_ns);
            self.present += 1;
        }
    }

    /// A station is not there any more.
    pub(crate) fn left(&mut self, station: u32, now_ns: u64) {
        let second = &mut self.seconds[station as usize];
        if let Some(since_ns) = second.since_ns.take() {
            second.present_ns += now_ns.saturating_sub(since_ns);
            self.present -= 1;
        }
    }

    pub(super) fn sent(&mut self, aired: &Aired) {
        let second = &mut self.seconds[aired.transmitter as usize];
        second.frames_sent += 1;
        second.bytes_sent += aired.frame_bytes as u64;
        second.airtime_sent_ns += aired.airtime_ns().unwrap_or(0);
    }

    /// A station received a frame whole, or the medium lost one for it.
    pub(crate) fn met(&mut self, station: u32, received: bool) {
        let second = &mut self.seconds[station as usize];
        *(if received { &mut second.received } else { &mut second.lost }) += 1;
    }

    /// A station dropped a frame that it had received.
    pub(crate) fn dropped(&mut self, station: u32) {
        self.seconds[station as usize].dropped += 1;
    }

    /// A station's application got a message.
    pub(crate) fn delivered(&mut self, station: u32) {
        self.seconds[station as usize].delivered += 1;
    }

    /// When the second under way ends, ns.
    pub(crate) fn ends_ns(&self) -> u64 {
        self.ends_ns
    }

    /// Ends the second under way, and those after it in which nobody was there, up to now; or cuts it short at the end of the run. `state`
    /// says how a station is, of which a row is written, given when it came in this second, ns.
    pub(crate) fn end_second(&mut self, now_ns: u64, mut state: impl FnMut(u32, u64) -> StationState) {
        let begins_ns = self.ends_ns - SECOND_NS;
        let ends_ns = self.ends_ns.min(now_ns);
        if ends_ns <= begins_ns {
            return;
        }
        for (station, (name, kind)) in (0..).zip(&self.names) {
            let second = &mut self.seconds[station as usize];
            // A frame may end after its transmitter or a receiver has left.
            let Some(first_ns) = second.first_ns.or_else(|| second.counts().then_some(begins_ns)) else {
                continue;
            };
            let here_ns = second.since_ns.map_or(0, |since_ns| ends_ns.saturating_sub(since_ns));
            let state = state(station, first_ns.max(begins_ns));
            let degrees = |tenth_microdegrees: i32| f64::from(tenth_microdegrees) / 1e7;
            self.table
                .row()
                .integer(self.seed)
                .text(self.forwarding)
                .text(*name)
                .text(*kind)
                .flag(state.honest)
                .count(begins_ns / SECOND_NS)
                .count(second.present_ns + here_ns)
                .real(state.place.map(|(latitude, _)| degrees(latitude)))
                .real(state.place.map(|(_, longitude)| degrees(longitude)))
                .real(state.speed.map(|speed| f64::from(speed) / 100.0))
                .count(second.frames_sent)
                .count(second.bytes_sent)
                .count(second.airtime_sent_ns)
                .count(second.received)
                .count(second.lost)
                .count(second.dropped)
                .count(second.delivered)
                .count(state.checks.saturating_sub(second.checks))
                .count(state.processor_ns.map(|busy_ns| busy_ns.saturating_sub(second.processor_ns)))
                .count(state.channel_busy_ns.map(|busy_ns| busy_ns.saturating_sub(second.channel_busy_ns)))
                .count(state.neighbours)
                .end();
            let since_ns = second.since_ns.map(|_| ends_ns);
            *second = StationSecond {
                since_ns,
                first_ns: since_ns,
                checks: state.checks,
                processor_ns: state.processor_ns.unwrap_or(0),
                channel_busy_ns: state.channel_busy_ns.unwrap_or(0),
                ..StationSecond::default()
            };
        }
        self.ends_ns += SECOND_NS;
        // A trace may have hours without any station.
        if self.present == 0 && self.ends_ns <= now_ns {
            self.ends_ns = now_ns - now_ns % SECOND_NS + SECOND_NS;
        }
    }

    pub(super) fn failed(&self) -> bool {
        self.table.failed()
    }

    pub(super) fn finish(self, metadata: Vec<(String, String)>) -> io::Result<()> {
        self.table.finish(metadata)
    }
}

const SECOND_NS: u64 = 1_000_000_000;
