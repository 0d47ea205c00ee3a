//! An entry for systemd's journal, by its native protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL): one datagram of fields.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::{fs::File, os::fd::AsFd};

use serde_json::Value;
use tracing::Level;

use super::entry::Entry;

/// A connection to the journal. Sending never waits.
#[derive(Debug)]
pub struct Journal {
    socket: UnixDatagram,
}

impl Journal {
    /// Connects to the journal's socket at `path`.
    ///
    /// # Errors
    /// There is no journal.
    pub fn connect(path: &Path) -> io::Result<Self> {
        let socket = UnixDatagram::unbound()?;
        socket.connect(path)?;
        socket.set_nonblocking(true)?;
        Ok(Self { socket })
    }

    /// Hands over an entry.
    ///
    /// # Errors
    /// The journal does not take it now.
    pub fn send(&self, entry: &Entry) -> io::Result<()> {
        self.socket.send(&datagram(entry)).map(drop)
    }
}

/// Whether standard error leads to the journal: `JOURNAL_STREAM` is its device and inode (systemd.exec(5)).
pub fn has_standard_error() -> bool {
    let file = io::stderr().as_fd().try_clone_to_owned().map(File::from);
    let metadata = file.and_then(|file| file.metadata());
    let stream = std::env::var("JOURNAL_STREAM");
    metadata
        .ok()
        .zip(stream.ok())
        .is_some_and(|(file, stream)| stream == format!("{}:{}", file.dev(), file.ino()))
}

/// The fields of an entry: `MESSAGE`, `PRIORITY` and `SYSLOG_IDENTIFIER` as everywhere, ours as `ROADCAST_…`.
fn datagram(entry: &Entry) -> Vec<u8> {
    let mut bytes = Vec::new();
    let priority = match entry.level {
        Level::ERROR => "3",
        Level::WARN => "4",
        Level::INFO => "6",
        _ => "7",
    };
    put(&mut bytes, "MESSAGE", &entry.message);
    put(&mut bytes, "PRIORITY", priority);
    put(&mut bytes, "SYSLOG_IDENTIFIER", "roadcast");
    put(&mut bytes, "ROADCAST_EVENT", entry.name());
    put(&mut bytes, "ROADCAST_TARGET", entry.target);
    for (name, value) in &entry.fields {
        let upper =
            |letter: char| if letter.is_ascii_alphanumeric() { letter.to_ascii_uppercase() } else { '_' };
        // The journal takes names of up to 64 letters.
        let name: String = "ROADCAST_".chars().chain(name.chars().map(upper)).take(64).collect();
        match value {
            Value::String(text) => put(&mut bytes, &name, text),
            value => put(&mut bytes, &name, &value.to_string()),
        }
    }
    bytes
}

/// `NAME=value`, or the binary form for a value of several lines.
fn put(bytes: &mut Vec<u8>, name: &str, value: &str) {
    bytes.extend(name.as_bytes());
    if value.contains('\n') {
        bytes.push(b'\n');
        bytes.extend((value.len() as u64).to_le_bytes());
    } else {
        bytes.push(b'=');
    }
    bytes.extend(value.as_bytes());
    bytes.push(b'\n');
}

/// Where the journal listens.
pub const SOCKET: &str = "/run/systemd/journal/socket";

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(message: &str) -> Entry {
        Entry {
            level: Level::WARN,
            target: "roadcast",
            event: Some("status".to_owned()),
            message: message.to_owned(),
            fields: vec![("uptime_s".into(), 60.into())],
        }
    }

    #[test]
    fn the_journal_gets_fields_and_values_of_several_lines_whole() {
        let path = std::env::temp_dir().join(format!("roadcast-journal-{}", std::process::id()));
        drop(std::fs::remove_file(&path));
        let listening = UnixDatagram::bind(&path).unwrap();
        let journal = Journal::connect(&path).unwrap();
        journal.send(&entry("one line")).unwrap();
        journal.send(&entry("two\nlines")).unwrap();
        let mut buffer = [0; 1024];
        let length = listening.recv(&mut buffer).unwrap();
        assert_eq!(
            str::from_utf8(&buffer[..length]).unwrap(),
            "MESSAGE=one line\nPRIORITY=4\nSYSLOG_IDENTIFIER=roadcast\nROADCAST_EVENT=status\nROADCAST_TARGET=roadcast\n\
             ROADCAST_UPTIME_S=60\n"
        );
        let length = listening.recv(&mut buffer).unwrap();
        assert!(buffer[..length].starts_with(b"MESSAGE\n\x09\0\0\0\0\0\0\0two\nlines\nPRIORITY=4\n"));
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_journal_that_reads_nothing_is_not_waited_for() {
        let path = std::env::temp_dir().join(format!("roadcast-journal-full-{}", std::process::id()));
        drop(std::fs::remove_file(&path));
        let _unread = UnixDatagram::bind(&path).unwrap();
        let journal = Journal::connect(&path).unwrap();
        let refused = (0..100_000).find_map(|_| journal.send(&entry("a")).err()).unwrap();
        assert_eq!(refused.kind(), io::ErrorKind::WouldBlock);
        std::fs::remove_file(path).unwrap();
    }
}
