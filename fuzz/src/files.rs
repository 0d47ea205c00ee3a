//! What a user hands in as a file: capture, recording, trace, plan.

use v2x_recording::check::check_bytes;
use v2x_replay::attack::AttackPlan;
use v2x_replay::intervals::Intervals;
use v2x_replay::medium::AirProfile;
use v2x_replay::plan::Plan;
use v2x_replay::source::capture::{CaptureReader, Filter};
use v2x_replay::source::{KindRules, Mapping, Net, ReadOptions, TrackTypes, read_from, read_parquet};

/// A pcap or pcapng file.
pub fn capture(data: &[u8]) {
    let Ok(mut reader) = CaptureReader::new(data, NAME, Filter::default()) else { return };
    let mut frames = 0;
    for frame in reader.by_ref() {
        assert!(frame.frame.len() <= data.len());
        frames += 1;
    }
    assert_eq!(reader.tally().total() + frames, reader.packets());
}

/// A station's recording, fed to a fresh node as `replay check` does it.
pub fn recording(data: &[u8]) {
    if let Ok(outcome) = check_bytes(data, NAME) {
        assert!(outcome.inputs <= data.len() as u64);
    }
}

/// A trace of movement: SUMO's XML, CSV, GPX, mobility of ns-2 or Parquet, told apart by content, plain or gzip.
pub fn fcd(data: &[u8]) {
    trace(data, ReadOptions::default());
}

/// A CSV or Parquet by a mapping: the first byte is the number of one that comes with the program, or else the mapping comes before
/// the first zero byte. Nets, maps of kinds and distributions of intervals are read from the same bytes.
pub fn mapped(data: &[u8]) {
    let Some((first, rest)) = data.split_first() else { return };
    let (mapping, rest) = match Mapping::shipped().nth(usize::from(*first)) {
        Some(name) => (Mapping::named(name).ok(), rest),
        None => {
            let end = data.iter().position(|byte| *byte == 0).unwrap_or(data.len());
            let text = str::from_utf8(&data[..end]).ok();
            (text.and_then(|text| Mapping::parse(NAME, text).ok()), data.get(end + 1..).unwrap_or_default())
        }
    };
    if let Some(mapping) = &mapping
        && let Ok(text) = str::from_utf8(rest)
    {
        let refusal = TrackTypes::parse(NAME, text, mapping).err().map(|error| error.to_string());
        assert!(refusal.is_none_or(|line| line.contains(NAME)), "a refusal names the file");
    }
    if mapping.is_some() {
        trace(rest, ReadOptions { mapping, ..ReadOptions::default() });
    }
    let refusal = Net::read_from(rest, NAME).err().map(|error| error.to_string());
    assert!(refusal.is_none_or(|line| line.starts_with(NAME)), "a refusal names the file");
}

fn trace(data: &[u8], options: ReadOptions) {
    let options = ReadOptions { max_samples: 10_000, tolerate_percent: 100.0, ..options };
    let trace = if data.starts_with(b"PAR1") {
        read_parquet(bytes::Bytes::copy_from_slice(data), NAME, &options)
    } else {
        read_from(data, NAME, &options)
    };
    let Ok(trace) = trace else { return };
    assert!(trace.samples.len() <= options.max_samples);
    assert!(trace.samples.is_sorted_by_key(|sample| (sample.time_ns, sample.station)));
    let stations = trace.stations();
    assert!(trace.samples.iter().all(|sample| (sample.station as usize) < stations));
    for track in trace.tracks() {
        let _one_line = format!("{track:?}");
    }
    let _lines: Vec<String> = trace.warnings.iter().map(ToString::to_string).collect();
}

/// A plan of floods, a plan of attacks, a radio profile, a map of kinds and a mapping: all are TOML, each refuses the others; and a
/// list of intervals.
pub fn plan(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    for refusal in [
        Plan::parse(NAME, text).err().map(|error| error.to_string()),
        AttackPlan::parse(NAME, text).err().map(|error| error.to_string()),
        AirProfile::parse(NAME, text).err().map(|error| error.to_string()),
        KindRules::parse(NAME, text).err().map(|error| error.to_string()),
        Mapping::parse(NAME, text).err().map(|error| error.to_string()),
        Intervals::parse(NAME, text).err().map(|error| error.to_string()),
    ] {
        assert!(refusal.is_none_or(|line| line.starts_with(NAME)), "a refusal names the file");
    }
}

/// A classic capture with one frame of this link type.
pub fn classic_capture(link_type: u32, frame: &[u8]) -> Vec<u8> {
    let length = frame.len() as u32;
    let header = [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65_535, link_type, 1, 0, length, length];
    let mut bytes: Vec<u8> = header.iter().flat_map(|word| word.to_le_bytes()).collect();
    bytes.extend_from_slice(frame);
    bytes
}

/// Name of the file in errors.
const NAME: &str = "input";
