//! Histogram logs (`.hlog`) that HdrHistogram's own tools read.
//!
//! One file holds one run: first an interval without a tag, all classes' `send_to_delivered` together, which is all that a
//! reader shows that is not told a tag; then one for each class and stage with samples, tagged `D2.send_to_delivered` and so on.
//! Values are nanoseconds. Times in the file are seconds of the run's own clock; there is no wall time in it, so equal
//! runs write equal files.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, IntervalLogWriterError, Tag};

use crate::histogram::StageHistogram;
use crate::stats::{Stage, Stats};

/// A histogram log that could not be written.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {action}: {source}")]
pub struct HlogError {
    /// The file or directory.
    pub path: PathBuf,
    /// The step that failed.
    pub action: &'static str,
    /// The system's error.
    pub source: io::Error,
}

/// Writes `<directory>/<name>.hlog` and returns its path. The directory is made if missing.
///
/// The file appears whole or not at all: it is written beside its place, flushed to disk, and renamed. `name` must be
/// a plain file name without separators; `simulated` is the length of the run.
pub fn write(directory: &Path, name: &str, stats: &Stats, simulated: Duration) -> Result<PathBuf, HlogError> {
    let fail = |path: &Path, action| {
        let path = path.to_owned();
        move |source| HlogError { path, action, source }
    };
    let path = directory.join(format!("{name}.hlog"));
    if Path::new(name).file_name() != Some(name.as_ref()) {
        let source =
            io::Error::new(io::ErrorKind::InvalidInput, "should be a plain file name, such as `town-7`");
        return Err(fail(&path, "cannot take this name for a log")(source));
    }
    fs::create_dir_all(directory).map_err(fail(directory, "cannot make the directory"))?;
    let partial = directory.join(format!(".{name}.hlog.partial"));
    let written = File::create(&partial).and_then(|file| {
        let mut file = BufWriter::new(file);
        write_to(&mut file, stats, simulated)?;
        file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
    });
    let written = written.map_err(fail(&partial, "cannot write")).and_then(|()| {
        fs::rename(&partial, &path).map_err(fail(&path, "cannot put the finished log in its place"))
    });
    if let Err(error) = written {
        // The first error is the one to report; a leftover is harmless and overwritten by the next run.
        drop(fs::remove_file(&partial));
        return Err(error);
    }
    Ok(path)
}

/// Writes the log to any writer.
pub fn write_to(writer: &mut impl Write, stats: &Stats, simulated: Duration) -> io::Result<()> {
    let mut serializer = V2DeflateSerializer::new();
    let mut log = IntervalLogWriterBuilder::new()
        .add_comment("[Histogram log format version 1.3]")
        .add_comment(
            "Roadcast latencies; values in ns, Interval_Max in ms. Without a tag: send_to_delivered of all classes",
        )
        .add_comment("With a tag: one class and stage, as in HistogramLogProcessor -tag D2.send_to_delivered")
        .with_max_value_divisor(NS_PER_MS)
        .begin_log_with(writer, &mut serializer)?;
    let failed = |error| match error {
        IntervalLogWriterError::IoError(error) => error,
        IntervalLogWriterError::SerializeError(error) => io::Error::other(error),
    };
    let mut overall = StageHistogram::new();
    stats.classes().iter().for_each(|class| overall.merge(class.stage(Stage::SendToDelivered)));
    if !overall.is_empty() {
        log.write_histogram(&overall.to_hdr(), Duration::ZERO, simulated, None).map_err(failed)?;
    }
    for class in stats.classes() {
        for stage in Stage::ALL {
            let histogram = class.stage(stage);
            if histogram.is_empty() {
                continue;
            }
            let name = tag(class.class.name(), stage);
            let tag =
                Tag::new(&name).expect("invariant: class and stage names have no comma, blank or newline");
            log.write_histogram(&histogram.to_hdr(), Duration::ZERO, simulated, Some(tag)).map_err(failed)?;
        }
    }
    Ok(())
}

fn tag(class: &str, stage: Stage) -> String {
    format!("{class}.{}", stage.name())
}

const NS_PER_MS: f64 = 1e6;

#[cfg(test)]
mod tests {
    use hdrhistogram::Histogram;
    use hdrhistogram::serialization::Deserializer;
    use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};
    use v2x_proto::Class;

    use super::*;

    #[test]
    fn a_log_reads_back_equal() {
        let stats = sample();
        let directory = std::env::temp_dir().join(format!("roadcast-hlog-{}", std::process::id()));
        let path = write(&directory, "town", &stats, Duration::from_secs(30)).expect("the log is written");
        let bytes = fs::read(&path).expect("the log is there");
        let entries = fs::read_dir(&directory).expect("the directory is there").count();
        fs::remove_dir_all(&directory).expect("the directory goes");
        assert_eq!(entries, 1, "nothing but the log is left behind");

        let mut seen = Vec::new();
        for entry in IntervalLogIterator::new(&bytes) {
            let LogEntry::Interval(interval) = entry.expect("each line parses") else {
                continue;
            };
            assert_eq!(interval.duration(), Duration::from_secs(30));
            let histogram = decode(interval.encoded_histogram());
            let Some(tag) = interval.tag() else {
                // What a reader that is told no tag shows.
                assert!(seen.is_empty(), "it comes first");
                assert_eq!((histogram.len(), histogram.max() / 100_000), (2_000, 30));
                seen.push(String::new());
                continue;
            };
            let tag = tag.as_str().to_owned();
            let (class, stage) = tag.split_once('.').expect("the tag names class and stage");
            let class = Class::ALL.into_iter().find(|known| known.name() == class).expect("a class");
            let stage = Stage::ALL.into_iter().find(|known| known.name() == stage).expect("a stage");
            assert_eq!(histogram, stats.class(class).stage(stage).to_hdr(), "{tag}");
            seen.push(tag);
        }
        assert_eq!(seen, ["", "D0.send_to_delivered", "D2.send_to_delivered", "D2.prefiltered_to_verified"]);
    }

    #[test]
    fn a_name_that_leaves_the_directory_is_refused() {
        for name in ["../town", "a/b", "", ".."] {
            let error =
                write(&std::env::temp_dir(), name, &sample(), Duration::ZERO).expect_err("not a plain name");
            assert!(error.to_string().contains("plain file name"), "{error}");
        }
    }

    #[test]
    fn a_directory_that_is_a_file_is_named_in_the_error() {
        let file = std::env::temp_dir().join(format!("roadcast-hlog-file-{}", std::process::id()));
        fs::write(&file, b"").expect("the file is made");
        let error = write(&file, "town", &sample(), Duration::ZERO).expect_err("a file is no directory");
        fs::remove_file(&file).expect("the file goes");
        assert_eq!(error.path, file);
    }

    fn sample() -> Stats {
        let mut stats = Stats::new();
        for sample in 1..=1_000u64 {
            stats.class_mut(Class::D0).record_delivered(sample * 3_000);
            stats.class_mut(Class::D2).record_delivered(sample * 1_000);
            stats.class_mut(Class::D2).record(Stage::PrefilteredToVerified, 33_000 + sample);
        }
        stats
    }

    /// The log carries the compressed histogram as base64.
    fn decode(text: &str) -> Histogram<u64> {
        const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let (mut bytes, mut bits, mut held) = (Vec::new(), 0u32, 0u32);
        for symbol in text.bytes().filter(|symbol| *symbol != b'=') {
            let value = ALPHABET.iter().position(|known| *known == symbol).expect("a base64 symbol");
            bits = bits << 6 | u32::try_from(value).expect("below 64");
            held += 6;
            if held >= 8 {
                held -= 8;
                bytes.push((bits >> held & 0xff) as u8);
            }
        }
        Deserializer::new().deserialize(&mut bytes.as_slice()).expect("the histogram decodes")
    }
}
