//! Tables of `roadcast replay run --parquet` as their readers meet them.

#![cfg(feature = "replay")]
#![allow(clippy::unwrap_used, reason = "helpers of tests, which clippy does not take for tests")]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::{env, fs};

/// A directory of its own, removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = env::temp_dir().join(format!("roadcast-parquet-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_roadcast"));
        command.args(["replay", "run"]).args(args).current_dir(&self.0);
        command
    }

    /// Exit code and standard error.
    fn run(&self, args: &[&str]) -> (i32, String) {
        told(&self.command(args).output().unwrap())
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

fn told(output: &Output) -> (i32, String) {
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stderr).into_owned())
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn town() -> String {
    root().join("replay/assets/town.fcd.csv.gz").display().to_string()
}

#[test]
fn equal_runs_write_equal_tables_wherever_they_are() {
    let scratch = Scratch::new("equal");
    for (name, threads) in [("one", "1"), ("two", "2")] {
        let town = town();
        let args = [&town, "--seconds", "1", "--seeds", "3,4", "-q", "--parquet", name, "--threads", threads];
        assert_eq!(scratch.run(&args), (0, String::new()));
    }
    let files = ["messages.parquet", "stations.parquet", "transmissions.parquet"];
    for file in files {
        let [one, two] = ["one", "two"].map(|name| fs::read(scratch.0.join(name).join(file)).unwrap());
        assert!(one == two && one.starts_with(b"PAR1"), "{file}");
    }
    assert_eq!(fs::read_dir(scratch.0.join("one")).unwrap().count(), files.len());
    assert_eq!(scratch.names(), ["one", "two"]);
}

#[test]
fn a_directory_in_use_is_refused_and_left_alone() {
    let scratch = Scratch::new("use");
    fs::create_dir(scratch.0.join("full")).unwrap();
    fs::write(scratch.0.join("full/mine"), "mine").unwrap();
    fs::write(scratch.0.join("file"), "mine").unwrap();
    for (place, complaint) in [
        ("full", "full: cannot be made: it is not empty; name a new or an empty directory"),
        ("file", "file: cannot be made: it is a file; name a new or an empty directory"),
        ("none/tables", "none/tables: cannot be made: its parent directory does not exist; "),
        ("/proc/tables", "/proc/tables: cannot be written: "),
    ] {
        let (code, err) = scratch.run(&[&town(), "--seconds", "1", "-q", "--parquet", place]);
        assert_eq!((code, err.trim_end().lines().count()), (2, 1), "{err}");
        assert!(err.contains(complaint), "{err}");
    }
    let (code, err) = scratch.run(&[&town(), "--seconds", "1", "-q", "--parquet", "x", "--json", "x"]);
    assert!(code == 2 && err.contains("is to be both the report and the tables"), "{err}");
    assert_eq!(fs::read_to_string(scratch.0.join("full/mine")).unwrap(), "mine");
    assert_eq!(scratch.names(), ["file", "full"]);
}

#[test]
fn a_file_that_cannot_grow_is_named_and_nothing_is_left() {
    let scratch = Scratch::new("grow");
    // A limit of the shell stands in for a disk that is full; the signal that comes with it is what a shell ignores.
    let script = "trap '' XFSZ; ulimit -f 8; exec \"$0\" \"$@\"";
    let mut command = Command::new("sh");
    command.args(["-c", script, env!("CARGO_BIN_EXE_roadcast"), "replay", "run", &town()]);
    command.args(["--seconds", "2", "-q", "--parquet", "tables"]).current_dir(&scratch.0);
    let (code, err) = told(&command.output().unwrap());
    assert_eq!((code, err.trim_end().lines().count()), (2, 1), "{err}");
    assert!(err.contains("tables/messages.parquet: cannot be written: File too large"), "{err}");
    assert!(err.contains("name a directory where you may write and that has room"), "{err}");
    assert_eq!(scratch.names(), <[&str; 0]>::default());
}

#[test]
fn an_interrupted_run_leaves_no_tables() {
    let scratch = Scratch::new("interrupted");
    let mut command = scratch.command(&[&town(), "--seeds", "1..1000", "-q", "--parquet", "tables"]);
    let mut run = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    until_it_listens(&mut run);
    assert_eq!(scratch.names(), ["tables.part"]);
    let pid = nix::unistd::Pid::from_raw(i32::try_from(run.id()).unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).unwrap();
    let (code, err) = told(&run.wait_with_output().unwrap());
    assert_eq!(code, 130, "{err}");
    assert_eq!(scratch.names(), <[&str; 0]>::default());
}

/// Waits until a process catches SIGINT, as the kernel says.
fn until_it_listens(process: &mut Child) {
    let path = format!("/proc/{}/status", process.id());
    for _ in 0..4000 {
        let status = fs::read_to_string(&path).unwrap();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
        if u64::from_str_radix(caught.trim(), 16).unwrap() & 2 != 0 {
            return;
        }
        assert_eq!(process.try_wait().unwrap(), None, "it ended");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    panic!("it does not listen for signals");
}

/// The queries of docs/tables.md, and the same counts, sums and types in three readers. `ROADCAST_TABLES_PYTHON` is a Python with the
/// packages of .ci/tables/requirements.txt.
#[test]
fn duckdb_pandas_and_polars_read_the_tables_alike_and_the_page_s_queries_run() {
    let python = env::var("ROADCAST_TABLES_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let packages = Command::new(&python).args(["-c", "import duckdb, pandas, polars, pyarrow"]).output();
    if !packages.is_ok_and(|output| output.status.success()) {
        assert!(
            env::var_os("ROADCAST_CI").is_none(),
            "{python} lacks the packages of .ci/tables/requirements.txt"
        );
        eprintln!(
            "skipped: needs duckdb, pandas, polars and pyarrow for python3 (.ci/tables/requirements.txt)"
        );
        return;
    }
    let scratch = Scratch::new("readers");
    let plan = root().join(".ci/tables/hazard.toml").display().to_string();
    let town = town();
    let runs = [
        ("town", vec![&*town, "--seconds", "6", "--seeds", "1,2"]),
        ("hazard", vec!["--plan", &plan, "--radio", "highway"]),
    ];
    for (name, args) in runs {
        let report = format!("{name}.json");
        let (code, err) = scratch.run(&[&args[..], &["-q", "--parquet", name, "--json", &report]].concat());
        assert!(code <= 1, "{err}");
    }
    let check = root().join(".ci/tables/check.py");
    let page = root().join("docs/tables.md");
    let read = |args: &[&str]| {
        let output = Command::new(&python).arg(&check).args(args).current_dir(&scratch.0).output().unwrap();
        let (code, err) = told(&output);
        assert_eq!(code, 0, "{err}");
        String::from_utf8(output.stdout).unwrap()
    };
    for name in ["town", "hazard"] {
        read(&["agree", name, &format!("{name}.json")]);
    }
    let ran = read(&["queries", page.to_str().unwrap(), "town", "hazard"]);
    assert_eq!(ran.lines().count(), 11, "ten questions, and what a file says of itself: {ran}");
}
