//! What a file is, by its first bytes.

use std::fmt;

/// Kind of a file by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// Compressed with gzip; what is inside shows after decompression.
    Gzip,
    /// XML, as SUMO writes floating-car data.
    Xml,
    /// XML that begins with `<gpx>`.
    Gpx,
    /// Commands of ns-2.
    Ns2,
    /// Text that may be a CSV header.
    Csv,
    /// A pcapng or pcap capture.
    Capture,
    /// A daemon's recording.
    Recording,
    /// A table of Parquet.
    Parquet,
    /// JSON.
    Json,
    /// A known format that cannot be used here, by name.
    Other(&'static str),
    /// Bytes that are no text.
    Binary,
    /// An empty file.
    Empty,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gzip => "gzip inside gzip",
            Self::Xml => "XML",
            Self::Gpx => "GPX",
            Self::Ns2 => "mobility of ns-2",
            Self::Csv => "CSV",
            Self::Capture => "a packet capture (pcap or pcapng)",
            Self::Recording => "a recording of a station",
            Self::Parquet => "a Parquet file",
            Self::Json => "JSON",
            Self::Other(name) => name,
            Self::Binary => "binary data of no known kind",
            Self::Empty => "empty",
        })
    }
}

/// What bytes starting with `prefix` are.
pub(super) fn of_prefix(prefix: &[u8]) -> Kind {
    if prefix.starts_with(&RECORDING_MAGIC) {
        return Kind::Recording;
    }
    if let Some((_, kind)) = MAGICS.iter().find(|(magic, _)| prefix.starts_with(magic)) {
        return *kind;
    }
    // A file that was being written when the power failed may end in zeros, behind lines.
    let zeros = prefix.iter().rev().take_while(|byte| **byte == 0).count();
    let lines = &prefix[..prefix.len() - zeros];
    let text = if lines.contains(&b'\n') { lines } else { prefix };
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    match text.trim_ascii_start().first() {
        None => Kind::Empty,
        Some(b'<') if root(text) == b"gpx" => Kind::Gpx,
        Some(b'<') => Kind::Xml,
        Some(_) if is_ns2(text) => Kind::Ns2,
        Some(_) if is_toml(text) => Kind::Other("TOML, as configurations and plans are"),
        Some(b'{' | b'[') => Kind::Json,
        Some(_) if text.contains(&0) => Kind::Binary,
        Some(_) => Kind::Csv,
    }
}

/// The name of the first element, as far as the text goes.
fn root(text: &[u8]) -> &[u8] {
    let mut rest = text;
    while let Some(open) = rest.iter().position(|byte| *byte == b'<') {
        rest = &rest[open + 1..];
        if rest.starts_with(b"!--") {
            let end = rest.windows(3).position(|three| three == b"-->").unwrap_or(rest.len());
            rest = &rest[end..];
        } else if rest.first().is_some_and(|byte| byte.is_ascii_alphabetic()) {
            let end = rest.iter().position(|byte| !byte.is_ascii_alphanumeric()).unwrap_or(rest.len());
            return &rest[..end];
        }
    }
    b""
}

/// Whether the first line that is no comment is a command for a node of ns-2.
fn is_ns2(text: &[u8]) -> bool {
    let mut lines = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let first = lines.find(|line| !line.is_empty() && !line.starts_with(b"#"));
    first
        .is_some_and(|line| [&b"$node_("[..], b"$ns_ at", b"$n("].iter().any(|start| line.starts_with(start)))
}

/// Whether the first line that is no comment is a TOML table's name or a key with its value. No header of a CSV is.
fn is_toml(text: &[u8]) -> bool {
    let lines = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let bare = |key: &[u8]| {
        let key = key.trim_ascii();
        !key.is_empty() && key.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(byte))
    };
    let named = |line: &[u8]| {
        let table = line.strip_prefix(b"[").and_then(|line| line.strip_suffix(b"]"))?;
        let table = table.strip_prefix(b"[").and_then(|line| line.strip_suffix(b"]")).unwrap_or(table);
        Some(bare(table) && table[0].is_ascii_alphabetic())
    };
    lines.filter(|line| !line.is_empty() && !line.starts_with(b"#")).take(1).any(|line| {
        named(line).unwrap_or_else(|| {
            line.iter().position(|byte| *byte == b'=').is_some_and(|equals| bare(&line[..equals]))
        })
    })
}

/// The first bytes of a daemon's recording.
pub const RECORDING_MAGIC: [u8; 8] = *v2x_recording::record::MAGIC;

/// The first bytes of a Parquet file, and its last.
pub(super) const PARQUET_MAGIC: &[u8] = b"PAR1";

/// How many bytes are enough to decide.
pub(super) const PREFIX_BYTES: usize = 4096;

const MAGICS: [(&[u8], Kind); 16] = [
    (b"\x1f\x8b", Kind::Gzip),
    (b"\x0a\x0d\x0d\x0a", Kind::Capture),
    (b"\xd4\xc3\xb2\xa1", Kind::Capture),
    (b"\xa1\xb2\xc3\xd4", Kind::Capture),
    (b"\x4d\x3c\xb2\xa1", Kind::Capture),
    (b"\xa1\xb2\x3c\x4d", Kind::Capture),
    (b"\x34\xcd\xb2\xa1", Kind::Capture),
    (b"\xff\xfe", Kind::Other("text in UTF-16; save it as UTF-8")),
    (b"\xfe\xff", Kind::Other("text in UTF-16; save it as UTF-8")),
    (PARQUET_MAGIC, Kind::Parquet),
    (b"PK\x03\x04", Kind::Other("a zip archive")),
    (b"\x28\xb5\x2f\xfd", Kind::Other("compressed with zstd; decompress it first")),
    (b"\x04\x22\x4d\x18", Kind::Other("compressed with lz4; decompress it first")),
    (b"snoop\0\0\0", Kind::Other("a snoop capture; convert it with: editcap -F pcapng")),
    (b"GMBU", Kind::Other("a Network Monitor capture; convert it with: editcap -F pcapng")),
    (b"\xfd7zXZ", Kind::Other("compressed with xz; decompress it first")),
];
