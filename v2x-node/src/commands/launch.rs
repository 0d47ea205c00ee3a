//! `roadcast bridge` and `roadcast remote`: another program, `roadcast-bridge`, which is installed by itself. What it needs, such as
//! QUIC and MQTT, is in no build of this one.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;

use crate::error::{Complaint, Error};

/// `roadcast bridge` and `roadcast remote`.
#[derive(Args, Clone, Debug)]
#[command(disable_help_flag = true)]
pub struct LaunchArgs {
    /// Passed on as they are
    #[arg(value_name = "ARGS", trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<OsString>,
}

/// Shown under `roadcast help bridge`.
pub const BRIDGE_HELP: &str =
    "This is roadcast-bridge, a program of its own (Debian package roadcast-bridge):
links from a unit to other units, its operator and brokers, beside the radio.
It is looked for beside this program, and then in PATH.

Examples:
  roadcast bridge --help
  roadcast bridge run --config bridge.toml";

/// Shown under `roadcast help remote`.
pub const REMOTE_HELP: &str = "This is roadcast-bridge remote, of a program of its own (Debian package
roadcast-bridge): commands of this program for a unit elsewhere.

Examples:
  roadcast remote rsu-7 status
  roadcast remote rsu-7 hazard new --cause accident
  roadcast remote all top";

/// The program is not there, or cannot be run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LaunchError {
    /// It is nowhere.
    #[error(
        "{PROGRAM} is not installed, neither beside this program nor in PATH: apt install ./roadcast-bridge_*.deb \
         (packaging/deb-bridge), or cargo install --path bridges"
    )]
    Missing,
    /// The system does not run it.
    #[error("{}: it cannot be run: {source}", path.display())]
    NotRun { path: PathBuf, source: io::Error },
}

impl Complaint for LaunchError {}

/// The arguments that are not this program's: its first word names the other one.
pub fn of_another(args: &[OsString]) -> Option<Vec<OsString>> {
    match args {
        [_, word, rest @ ..] if word == "bridge" => Some(rest.to_vec()),
        [_, word, ..] if word == "remote" => Some(args[1..].to_vec()),
        _ => None,
    }
}

/// `roadcast bridge`. Returns when the program cannot be started; else this process is that program.
///
/// # Errors
/// It is not installed, or cannot be run.
pub fn bridge(args: &LaunchArgs) -> Result<(), Error> {
    run(&args.args)
}

/// `roadcast remote`; likewise.
///
/// # Errors
/// As [`bridge`].
pub fn remote(args: &LaunchArgs) -> Result<(), Error> {
    let mut all = vec![OsString::from("remote")];
    all.extend(args.args.iter().cloned());
    run(&all)
}

/// Becomes `roadcast-bridge` with these arguments.
///
/// # Errors
/// As [`bridge`].
pub fn run(args: &[OsString]) -> Result<(), Error> {
    let own = env::current_exe().ok();
    let path = find(own.as_deref(), env::var_os("PATH").as_deref()).ok_or(LaunchError::Missing)?;
    // In this process: its exit code and signals are the program's own.
    let source = Command::new(&path).args(args).exec();
    Err(LaunchError::NotRun { path, source }.into())
}

/// The program beside `own`, else in the directories of `path`.
fn find(own: Option<&Path>, path: Option<&OsStr>) -> Option<PathBuf> {
    let beside = own.and_then(Path::parent).map(Path::to_owned);
    let places = path.into_iter().flat_map(env::split_paths).filter(|place| place.is_absolute());
    beside.into_iter().chain(places).map(|place| place.join(PROGRAM)).find(|path| is_program(path))
}

fn is_program(path: &Path) -> bool {
    path.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

const PROGRAM: &str = "roadcast-bridge";

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn arguments_after_the_other_program_s_name_are_passed_on_untouched() {
        let words = |line: &str| line.split(' ').map(OsString::from).collect::<Vec<_>>();
        let passed = |line: &str| of_another(&words(line));
        assert_eq!(passed("roadcast bridge -v --color x --help"), Some(words("-v --color x --help")));
        assert_eq!(passed("roadcast remote all top -- -h"), Some(words("remote all top -- -h")));
        assert_eq!(passed("roadcast bridge"), Some(Vec::new()));
        assert_eq!((passed("roadcast"), passed("roadcast top bridge")), (None, None));
    }

    #[test]
    fn it_is_found_beside_this_program_and_then_in_the_path_where_it_may_be_run() {
        let folder = env::temp_dir().join(format!("roadcast-launch-{}", std::process::id()));
        let [beside, path] = ["beside", "path"].map(|name| folder.join(name));
        for place in [&beside, &path] {
            fs::create_dir_all(place).unwrap();
        }
        let own = beside.join("roadcast");
        let named = |place: &Path, mode| {
            fs::write(place.join(PROGRAM), "").unwrap();
            fs::set_permissions(place.join(PROGRAM), fs::Permissions::from_mode(mode)).unwrap();
        };
        let paths = env::join_paths([Path::new("relative"), &path]).unwrap();
        assert_eq!(find(Some(&own), Some(&paths)), None);
        named(&beside, 0o644);
        named(&path, 0o755);
        assert_eq!(find(Some(&own), Some(&paths)), Some(path.join(PROGRAM)));
        named(&beside, 0o755);
        assert_eq!(find(Some(&own), Some(&paths)), Some(beside.join(PROGRAM)));
        assert_eq!(find(None, None), None);
        fs::remove_dir_all(folder).unwrap();
    }
}
