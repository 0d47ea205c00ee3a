//! The unit's log of remote control: who, what, when, and what came of it.
//!
//! A line of JSON each, appended to a file of mode 0600. A request beyond reading has two: `asked`, written before the daemon gets it,
//! and `answered`. So nothing is carried out that is not on disk; where the disk is full, it is refused instead. Reading goes on
//! then, because a full disk is what an operator wants to look at.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;

/// The log; clones write the same file.
#[derive(Clone, Debug)]
pub struct AuditLog {
    file: Arc<Mutex<AuditFile>>,
}

/// Who drives the unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Who {
    /// The peer's name here.
    pub peer: String,
    /// Its key.
    pub key: String,
    /// Number of its control connection since the bridge started.
    pub visit: u64,
}

/// What is written down.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Entry<'e> {
    /// A control connection began.
    Connected {
        /// The station that is meant.
        station: &'e str,
        /// What the peer may do.
        rights: &'static str,
    },
    /// None was made.
    Refused {
        /// Stable name of the reason.
        reason: &'e str,
    },
    /// A request beyond reading came, and is passed on next.
    Asked {
        /// The station that is asked.
        station: &'e str,
        /// Number of the request on this connection.
        request: u64,
        /// In a word or two.
        asks: &'e str,
        /// Its line, cut at [`MOST_OF_A_LINE`].
        line: &'e str,
        /// Its whole length.
        bytes: usize,
    },
    /// What the daemon answered to it.
    Answered {
        /// The same number.
        request: u64,
        /// Whether it was done; `None`: the connection ended first.
        ok: Option<bool>,
        /// Why it was not.
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<&'e str>,
        /// The event that was declared.
        #[serde(skip_serializing_if = "Option::is_none")]
        event: Option<&'e str>,
    },
}

/// Why the log cannot be opened. Prints as one line.
#[derive(Debug, thiserror::Error)]
#[error("{}: the log of remote control {what}; remote.log of the configuration names another", path.display())]
pub struct AuditError {
    path: PathBuf,
    what: String,
}

impl AuditLog {
    /// Opens it, and makes it where it is not there.
    ///
    /// # Errors
    /// It cannot be written, is no file, or others may write it.
    pub fn open(path: &Path) -> Result<Self, AuditError> {
        Self::bounded(path, LONGEST_FILE)
    }

    fn bounded(path: &Path, longest: u64) -> Result<Self, AuditError> {
        let error = |what: String| AuditError { path: path.to_owned(), what };
        let file = append(path).map_err(|source| error(format!("cannot be written: {source}")))?;
        let found = file.metadata().map_err(|source| error(format!("cannot be looked at: {source}")))?;
        if !found.is_file() {
            return Err(error("is no file".to_owned()));
        }
        if found.mode() & OTHERS_WRITE != 0 {
            return Err(error(format!(
                "may be written by others (mode {:04o}): chmod go-w",
                found.mode() & 0o7777
            )));
        }
        let length = found.len();
        let file = AuditFile { path: path.to_owned(), file, length, longest };
        Ok(Self { file: Arc::new(Mutex::new(file)) })
    }

    /// One on a disk that is full.
    #[cfg(test)]
    pub(super) fn full() -> Self {
        let path = PathBuf::from("/dev/full");
        let file = OpenOptions::new().append(true).open(&path).expect("Linux has it");
        Self { file: Arc::new(Mutex::new(AuditFile { path, file, length: 0, longest: LONGEST_FILE })) }
    }

    /// Writes an entry of `now`, and returns when the system has it. On a thread of its own: a disk that hangs holds up who asks, and
    /// nobody else.
    ///
    /// # Errors
    /// The system's: it is not written down.
    pub async fn write(&self, now: DateTime<Utc>, who: &Who, entry: &Entry<'_>) -> io::Result<()> {
        #[derive(Serialize)]
        struct Line<'e> {
            at_utc: String,
            #[serde(flatten)]
            who: &'e Who,
            #[serde(flatten)]
            entry: &'e Entry<'e>,
        }

        let at_utc = now.to_rfc3339_opts(SecondsFormat::Millis, true);
        let mut line = serde_json::to_vec(&Line { at_utc, who, entry }).map_err(io::Error::other)?;
        line.push(b'\n');
        let file = Arc::clone(&self.file);
        let written = tokio::task::spawn_blocking(move || {
            file.lock().unwrap_or_else(PoisonError::into_inner).append(&line)
        });
        written.await.unwrap_or_else(|ended| Err(io::Error::other(ended)))
    }
}

/// The file, and those before it.
#[derive(Debug)]
struct AuditFile {
    path: PathBuf,
    file: File,
    length: u64,
    longest: u64,
}

impl AuditFile {
    fn append(&mut self, line: &[u8]) -> io::Result<()> {
        if self.length > 0 && self.length + line.len() as u64 > self.longest {
            self.turn()?;
        }
        match self.file.write(line)? {
            whole if whole == line.len() => self.length += whole as u64,
            // The disk became full within the line, which is taken back.
            _ => {
                self.file.set_len(self.length)?;
                return Err(io::ErrorKind::StorageFull.into());
            }
        }
        Ok(())
    }

    /// Begins another file. Where that cannot be, nothing more is written: the log is bounded, and never overwritten.
    fn turn(&mut self) -> io::Result<()> {
        for number in (1..KEPT).rev() {
            match fs::rename(self.older(number), self.older(number + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        fs::rename(&self.path, self.older(1))?;
        (self.file, self.length) = (append(&self.path)?, 0);
        Ok(())
    }

    fn older(&self, number: u32) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(format!(".{number}"));
        name.into()
    }
}

fn append(path: &Path) -> io::Result<File> {
    let flags = nix::fcntl::OFlag::O_NOFOLLOW | nix::fcntl::OFlag::O_CLOEXEC;
    OpenOptions::new().append(true).create(true).mode(0o600).custom_flags(flags.bits()).open(path)
}

/// As much of a line as is written down, whole characters: a declaration with every key has under 700 bytes.
pub(super) fn beginning(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(&line[..line.len().min(MOST_OF_A_LINE)]);
    // A character that the cut went through.
    let cut = line.len() > MOST_OF_A_LINE;
    if cut { text.trim_end_matches('\u{fffd}').to_owned() } else { text.into_owned() }
}

/// Bytes of a request that are written down.
pub const MOST_OF_A_LINE: usize = 768;
/// Bytes of a file: with those before it, 16 MiB of the machine's disk, some 30,000 requests.
const LONGEST_FILE: u64 = 4 * 1024 * 1024;
/// Files before it: `remote.log.1` to `.3`.
const KEPT: u32 = 3;
const OTHERS_WRITE: u32 = 0o022;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("roadcast-audit-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    fn who() -> Who {
        Who { peer: "desk".to_owned(), key: "k".to_owned(), visit: 3 }
    }

    const REFUSED: Entry<'_> = Entry::Refused { reason: "rights_none" };

    #[tokio::test]
    async fn an_entry_is_a_line_of_json_with_who_what_and_when() {
        let folder = folder("line");
        let path = folder.join("remote.log");
        let log = AuditLog::open(&path).unwrap();
        let now = DateTime::from_timestamp_millis(1_780_000_000_123).unwrap();
        let line = "{\"hazard\":\"new\"}\n{}";
        let asked = Entry::Asked { station: "rsu-7", request: 1, asks: "hazard new", line, bytes: 19 };
        log.write(now, &who(), &asked).await.unwrap();
        log.write(
            now,
            &who(),
            &Entry::Answered { request: 1, ok: Some(false), reason: Some("right_missing"), event: None },
        )
        .await
        .unwrap();
        assert_eq!(
            fs::read_to_string(&path).unwrap(),
            "{\"at_utc\":\"2026-05-28T20:26:40.123Z\",\"peer\":\"desk\",\"key\":\"k\",\"visit\":3,\"what\":\"asked\",\"station\":\
             \"rsu-7\",\"request\":1,\"asks\":\"hazard new\",\"line\":\"{\\\"hazard\\\":\\\"new\\\"}\\n{}\",\"bytes\":19}\n\
             {\"at_utc\":\"2026-05-28T20:26:40.123Z\",\"peer\":\"desk\",\"key\":\"k\",\"visit\":3,\"what\":\"answered\",\"request\":1,\
             \"ok\":false,\"reason\":\"right_missing\"}\n"
        );
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::remove_dir_all(folder).unwrap();
    }

    #[tokio::test]
    async fn it_begins_another_file_at_its_bound_and_keeps_three_before_it() {
        let folder = folder("turn");
        let path = folder.join("remote.log");
        let log = AuditLog::bounded(&path, 300).unwrap();
        for _ in 0..40 {
            log.write(DateTime::UNIX_EPOCH, &who(), &REFUSED).await.unwrap();
        }
        let mut names: Vec<_> = fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, ["remote.log", "remote.log.1", "remote.log.2", "remote.log.3"]);
        for name in names {
            assert!(fs::metadata(folder.join(&name)).unwrap().len() <= 300, "{name}");
        }
        fs::remove_dir_all(folder).unwrap();
    }

    #[tokio::test]
    async fn what_cannot_be_written_is_an_error_and_leaves_no_half_line() {
        let log = AuditLog::bounded(Path::new("/dev/full"), LONGEST_FILE).unwrap_err();
        assert!(log.to_string().contains("/dev/full: the log of remote control is no file"), "{log}");
        let error = AuditLog::full().write(DateTime::UNIX_EPOCH, &who(), &REFUSED).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }

    #[test]
    fn a_log_that_others_may_write_or_that_is_a_link_is_refused() {
        let folder = folder("mode");
        let (path, link) = (folder.join("remote.log"), folder.join("link.log"));
        fs::write(&path, "").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o622)).unwrap();
        let said = AuditLog::open(&path).unwrap_err().to_string();
        assert!(said.ends_with(
            "may be written by others (mode 0622): chmod go-w; remote.log of the configuration names another"
        ));
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(AuditLog::open(&link).unwrap_err().to_string().contains("cannot be written"));
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn as_much_of_a_line_is_kept_as_there_is_room_for() {
        assert_eq!(beginning(b"abc\xff"), "abc\u{fffd}");
        let long = "é".repeat(MOST_OF_A_LINE);
        assert_eq!(beginning(long.as_bytes()), "é".repeat(MOST_OF_A_LINE / 2));
        assert_eq!(
            beginning(format!("x{long}").as_bytes()),
            format!("x{}", "é".repeat(MOST_OF_A_LINE / 2 - 1))
        );
    }
}
