//! Fuzz targets: functions of any bytes, each of which must return whatever it is given.
//!
//! A target is an ordinary function, so `cargo test` runs the committed corpora on the ordinary build, and clippy reads
//! the code. `fuzz/run` builds the binary of this crate with coverage instrumentation and libFuzzer; `fuzz/README.md`
//! explains how to use it, and how a crash becomes a test.

pub mod files;
pub mod frames;
pub mod lines;
pub mod script;
pub mod seeds;
pub mod signer;
pub mod station;
pub mod templates;

/// One target.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name on the command line, and of its folder in `fuzz/corpus`.
    pub name: &'static str,
    /// What it does with an input. Panics when the product breaks a promise.
    pub run: fn(&[u8]),
}

/// Every target.
pub const TARGETS: [Target; 16] = [
    Target { name: "node", run: station::run },
    Target { name: "frame", run: frames::frame },
    Target { name: "credential", run: frames::credential },
    Target { name: "link", run: frames::link },
    Target { name: "radiotap", run: frames::radiotap },
    Target { name: "capture", run: files::capture },
    Target { name: "recording", run: files::recording },
    Target { name: "fcd", run: files::fcd },
    Target { name: "mapped", run: files::mapped },
    Target { name: "plan", run: files::plan },
    Target { name: "control", run: lines::control },
    Target { name: "control_stream", run: lines::control_stream },
    Target { name: "feed", run: lines::feed },
    Target { name: "position", run: lines::position },
    Target { name: "corrections", run: lines::corrections },
    Target { name: "clock", run: lines::clock },
];

/// The target of this name.
pub fn target(name: &str) -> Option<Target> {
    TARGETS.into_iter().find(|target| target.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::{env, fs};

    use super::*;

    #[test]
    fn seeds_are_current() {
        for Target { name, .. } in TARGETS {
            let folder = seeds::folder(name);
            let made = seeds::of(name);
            assert!(!made.is_empty(), "{name} has no seeds");
            for (seed, bytes) in &made {
                let path = folder.join(seed);
                if env::var_os("ROADCAST_BLESS").is_some() {
                    fs::create_dir_all(&folder).unwrap();
                    fs::write(&path, bytes).unwrap();
                }
                let hint = "ROADCAST_BLESS=1 writes it anew";
                assert_eq!(&fs::read(&path).unwrap_or_default(), bytes, "{}: {hint}", path.display());
            }
        }
    }

    #[test]
    fn the_seed_of_parquet_is_a_whole_trace_and_small() {
        let seeds = seeds::of("fcd");
        let (_, bytes) = seeds.iter().find(|(name, _)| name == "parquet").unwrap();
        assert!(bytes.len() < 10_000, "{} bytes", bytes.len());
        let options = v2x_replay::source::ReadOptions::default();
        let trace = v2x_replay::source::read_parquet(bytes.clone().into(), "seed", &options).unwrap();
        assert_eq!((trace.stations(), trace.samples.len()), (2, 40));
        assert!(trace.warnings.is_empty(), "{:?}", trace.warnings);
    }

    #[test]
    fn every_committed_input_returns() {
        for target in TARGETS {
            for entry in fs::read_dir(seeds::folder(target.name)).unwrap() {
                let path = entry.unwrap().path();
                println!("{}", path.display());
                (target.run)(&fs::read(&path).unwrap());
            }
        }
    }

    #[test]
    fn every_folder_of_the_corpus_has_a_target() {
        let folders = fs::read_dir(seeds::folder("")).unwrap();
        let folders: BTreeSet<_> =
            folders.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        assert_eq!(folders, TARGETS.map(|target| target.name.to_owned()).into());
    }
}
