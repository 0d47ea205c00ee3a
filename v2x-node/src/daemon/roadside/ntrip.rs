//! Requests to an NTRIP caster and its answers, without a socket (NTRIP 1.0 and 2.0, RTCM 10410.1): bytes in,
//! bytes of the stream out.

use core::time::Duration;

use chrono::{DateTime, NaiveDateTime};
use v2x_apps::roadside::line::printable;

use crate::config::Caster;

/// The request for a caster's stream. `version` 2 is understood by casters of both versions that follow the
/// standard; 1 is for those that do not. `gga` is the sentence with the unit's position; version 1 has no place for
/// it but after the answer.
pub fn request(caster: &Caster, version: u8, gga: Option<&str>) -> String {
    let Caster { host, port, mount, login, .. } = caster;
    let agent = concat!("NTRIP roadcast/", env!("CARGO_PKG_VERSION"));
    let authorization = login.as_ref().map_or_else(String::new, |login| {
        let both = format!("{}:{}", login.user, login.password);
        format!("Authorization: Basic {}\r\n", base64(both.as_bytes()))
    });
    if version == 1 {
        return format!("GET /{mount} HTTP/1.0\r\nUser-Agent: {agent}\r\n{authorization}\r\n");
    }
    let gga = gga.map_or_else(String::new, |gga| format!("Ntrip-GGA: {gga}\r\n"));
    format!(
        "GET /{mount} HTTP/1.1\r\nHost: {host}:{port}\r\nNtrip-Version: Ntrip/2.0\r\nUser-Agent: {agent}\r\n\
         {authorization}{gga}Connection: close\r\n\r\n"
    )
}

/// Parses a caster's answer as it arrives.
#[derive(Debug, Default)]
pub struct Reply {
    part: Part,
    retry_after: Option<String>,
}

/// Why a caster's answer is no stream.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReplyError {
    /// It does not take the user or password (401).
    #[error("the caster refuses the user or the password")]
    Unauthorized,
    /// It does not let this user have the stream (403).
    #[error("the caster does not let this user have the mount point")]
    Forbidden,
    /// It has no such stream, and perhaps sent its list instead.
    #[error("the caster has no such mount point")]
    NoSuchMount,
    /// It sends its clients elsewhere, which is not followed: the password would go there too.
    #[error("the caster has moved to {0:?}: set roadside.corrections to that, if it is right")]
    Moved(String),
    /// It answered something else; the status where it gave one.
    #[error("the caster answers {line:?} where \"200 OK\" was expected")]
    Refused {
        /// The first line of its answer.
        line: String,
        /// Its status, 0 where it has none.
        status: u16,
    },
    /// It sends a web page, or packs what it sends.
    #[error(
        "the caster sends {0} where RTCM 3 was expected (is it a caster, and the mount point one of its streams?)"
    )]
    Content(String),
    /// It answers in TLS.
    #[error("the caster speaks TLS on this port: ntrips:// in roadside.corrections, or its port without TLS")]
    Secret,
    /// Its answer is not a caster's.
    #[error("no answer of an NTRIP caster")]
    Malformed,
    /// It sends header fields without an end.
    #[error("an answer whose header is longer than {LONGEST_HEAD} bytes")]
    EndlessHead,
    /// It closed without an answer.
    #[error("the caster closed without an answer")]
    NoAnswer,
    /// It ended the stream.
    #[error("the caster ended the stream")]
    Ended,
}

#[derive(Debug)]
enum Part {
    Head(Vec<u8>),
    /// After the line of version 1: some casters send header fields there too.
    OldFields(Vec<u8>),
    Plain,
    Size {
        value: u32,
        digits: u8,
        skipping: bool,
        length: usize,
    },
    Chunk(u32),
    ChunkEnd,
}

impl Default for Part {
    fn default() -> Self {
        Self::Head(Vec::new())
    }
}

impl ReplyError {
    /// Whether a caster that answers so may know the other version of the protocol only.
    pub fn asks_for_other_version(&self) -> bool {
        match self {
            Self::Malformed | Self::NoAnswer => true,
            Self::Refused { status, .. } => matches!(status, 0 | 400 | 405 | 406 | 426 | 501 | 505),
            _ => false,
        }
    }
}

impl Reply {
    /// Nothing received yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether the stream has begun.
    pub fn is_streaming(&self) -> bool {
        !matches!(self.part, Part::Head(_))
    }

    /// The value of `Retry-After` in a refusal, for [`retry_after`].
    pub fn retry_after(&self) -> Option<&str> {
        self.retry_after.as_deref()
    }

    /// What an answer is that ends, or does not go on, here; of a stream, that it ended.
    pub fn end(&mut self) -> ReplyError {
        let Part::Head(head) = &self.part else { return ReplyError::Ended };
        if head.is_empty() {
            return ReplyError::NoAnswer;
        }
        let head = [head, &b"\n\n"[..]].concat();
        match read_head(&head) {
            Err(Refusal { error, retry_after }) => {
                self.retry_after = retry_after;
                error
            }
            Ok(_) => ReplyError::Ended,
        }
    }

    /// Takes more bytes and gives those of the stream to `stream`.
    ///
    /// # Errors
    /// [`ReplyError`]; the connection is of no further use.
    pub fn feed(&mut self, mut bytes: &[u8], mut stream: impl FnMut(&[u8])) -> Result<(), ReplyError> {
        while !bytes.is_empty() {
            match &mut self.part {
                Part::Plain => {
                    stream(bytes);
                    return Ok(());
                }
                Part::Head(head) => {
                    let room = LONGEST_HEAD - head.len();
                    let before = head.len();
                    head.extend_from_slice(&bytes[..bytes.len().min(room)]);
                    match read_head(head) {
                        Ok(Some((end, next))) => {
                            bytes = &bytes[end - before..];
                            self.part = next;
                        }
                        Ok(None) if head.len() == LONGEST_HEAD => return Err(ReplyError::EndlessHead),
                        Ok(None) => return Ok(()),
                        Err(Refusal { error, retry_after }) => {
                            self.retry_after = retry_after;
                            return Err(error);
                        }
                    }
                }
                Part::OldFields(held) => {
                    // One byte at a time, so that what is no field is found whole in `held`.
                    held.push(bytes[0]);
                    bytes = &bytes[1..];
                    match old_fields(held) {
                        OldFields::Some => {}
                        OldFields::End { chunked } => self.part = if chunked { SIZE } else { Part::Plain },
                        OldFields::None => {
                            stream(held);
                            self.part = Part::Plain;
                        }
                    }
                }
                Part::Size { value, digits, skipping, length } => {
                    let byte = bytes[0];
                    bytes = &bytes[1..];
                    *length += 1;
                    let digit = char::from(byte).to_digit(16).filter(|_| !*skipping);
                    match (byte, digit) {
                        (_, Some(digit)) if *digits < 8 => {
                            (*value, *digits) = (*value << 4 | digit, *digits + 1)
                        }
                        (b'\n', _) if *digits > 0 && *value == 0 => return Err(ReplyError::Ended),
                        (b'\n', _) if *digits > 0 => self.part = Part::Chunk(*value),
                        (b'\r' | b';' | b' ', None) if *digits > 0 && *length < LONGEST_SIZE => {
                            *skipping = true
                        }
                        (_, None) if *skipping && *length < LONGEST_SIZE => {}
                        _ => return Err(ReplyError::Malformed),
                    }
                }
                Part::Chunk(left) => {
                    let take = bytes.len().min(*left as usize);
                    stream(&bytes[..take]);
                    *left -= take as u32;
                    if *left == 0 {
                        self.part = Part::ChunkEnd;
                    }
                    bytes = &bytes[take..];
                }
                Part::ChunkEnd => {
                    match bytes[0] {
                        b'\r' => {}
                        b'\n' => self.part = SIZE,
                        _ => return Err(ReplyError::Malformed),
                    }
                    bytes = &bytes[1..];
                }
            }
        }
        Ok(())
    }
}

/// How long a caster asks to be left alone, by its `Retry-After` (RFC 9110, section 10.2.3: seconds, or a date) at `now`
/// of UTC.
pub fn retry_after(value: &str, now: NaiveDateTime) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<u32>() {
        return Some(Duration::from_secs(u64::from(seconds)));
    }
    let date = DateTime::parse_from_rfc2822(value).ok()?.naive_utc();
    Some((date - now).to_std().unwrap_or_default())
}

/// An answer that is no stream.
struct Refusal {
    error: ReplyError,
    retry_after: Option<String>,
}

impl From<ReplyError> for Refusal {
    fn from(error: ReplyError) -> Self {
        Self { error, retry_after: None }
    }
}

/// Where a whole head ends and what follows it; `None` while it is not whole.
fn read_head(head: &[u8]) -> Result<Option<(usize, Part)>, Refusal> {
    // The records of TLS that a server begins with, alert and handshake.
    if matches!(head, [0x15 | 0x16, 0x03, ..]) {
        return Err(ReplyError::Secret.into());
    }
    // Bytes that cannot begin a caster's answer are refused at once, not waited on.
    let begins = |known: &[u8]| head.iter().zip(known).all(|(one, other)| one == other);
    if ![&b"ICY "[..], b"HTTP/1.", b"SOURCETABLE ", b"ERROR"].into_iter().any(begins) {
        return Err(ReplyError::Malformed.into());
    }
    let Some(line_end) = head.iter().position(|byte| *byte == b'\n') else { return Ok(None) };
    let line = String::from_utf8_lossy(&head[..line_end]);
    let line = line.trim_end();
    if line.starts_with("SOURCETABLE ") {
        return Err(ReplyError::NoSuchMount.into());
    }
    if line.starts_with("ERROR") {
        let password = line.to_ascii_lowercase().contains("password");
        let refused = ReplyError::Refused { line: printable(line), status: 0 };
        return Err(if password { ReplyError::Unauthorized } else { refused }.into());
    }
    let mut words = line.split_ascii_whitespace();
    let (protocol, status) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
    if !matches!(protocol, "ICY" | "HTTP/1.0" | "HTTP/1.1") {
        return Err(ReplyError::Malformed.into());
    }
    if (protocol, status) == ("ICY", "200") {
        // The stream follows the line: a caster that waits for a position sends nothing more before it has it.
        return Ok(Some((line_end + 1, Part::OldFields(Vec::new()))));
    }
    let Some((fields_end, end)) = end_of_fields(head, line_end + 1) else { return Ok(None) };
    let fields = Fields::read(&head[line_end + 1..fields_end]);
    if status.len() == 3 && status.starts_with('1') {
        // Not the answer yet (RFC 9110, section 15.2).
        return Ok(read_head(&head[end..])?.map(|(final_end, next)| (end + final_end, next)));
    }
    let error = match status {
        "200" if fields.sourcetable => ReplyError::NoSuchMount,
        "200" if fields.foreign.is_some() => ReplyError::Content(fields.foreign.unwrap_or_default()),
        "200" => return Ok(Some((end, if fields.chunked { SIZE } else { Part::Plain }))),
        "401" => ReplyError::Unauthorized,
        "403" => ReplyError::Forbidden,
        "404" => ReplyError::NoSuchMount,
        "301" | "302" | "303" | "307" | "308" => {
            ReplyError::Moved(fields.location.unwrap_or_else(|| "an address it does not give".to_owned()))
        }
        status => ReplyError::Refused { line: printable(line), status: status.parse().unwrap_or(0) },
    };
    Err(Refusal { error, retry_after: fields.retry_after })
}

/// Where the fields that begin at `start` end, and where the empty line behind them does. Lines end with or without a
/// carriage return.
fn end_of_fields(head: &[u8], start: usize) -> Option<(usize, usize)> {
    let mut begin = start;
    loop {
        let end = begin + head.get(begin..)?.iter().position(|byte| *byte == b'\n')?;
        if matches!(&head[begin..end], b"" | b"\r") {
            return Some((begin, end + 1));
        }
        begin = end + 1;
    }
}

#[derive(Default)]
struct Fields {
    chunked: bool,
    sourcetable: bool,
    /// A kind of content, or its packing, that no stream of corrections has.
    foreign: Option<String>,
    location: Option<String>,
    retry_after: Option<String>,
}

impl Fields {
    fn read(fields: &[u8]) -> Self {
        let mut read = Self::default();
        for field in String::from_utf8_lossy(fields).lines() {
            let Some((name, value)) = field.split_once(':') else { continue };
            let value = value.trim();
            match name.trim().to_ascii_lowercase().as_str() {
                "content-type" => {
                    let kind = value.to_ascii_lowercase();
                    read.sourcetable |= kind.contains("sourcetable");
                    let page = ["text/html", "application/xhtml", "application/json"];
                    if page.into_iter().any(|page| kind.starts_with(page)) {
                        read.foreign = Some(printable(value));
                    }
                }
                "content-encoding" if !value.is_empty() && !value.eq_ignore_ascii_case("identity") => {
                    read.foreign = Some(format!("{} content", printable(value)));
                }
                "transfer-encoding" => read.chunked |= value.to_ascii_lowercase().contains("chunked"),
                "location" => read.location = Some(printable(value)),
                "retry-after" => read.retry_after = Some(printable(value)),
                _ => {}
            }
        }
        read
    }
}

/// What follows the line of version 1.
enum OldFields {
    /// Header fields, as far as can be seen.
    Some,
    /// The empty line behind them.
    End { chunked: bool },
    /// No header fields: the stream.
    None,
}

fn old_fields(held: &[u8]) -> OldFields {
    if let Some((fields_end, _)) = end_of_fields(held, 0) {
        return OldFields::End { chunked: Fields::read(&held[..fields_end]).chunked };
    }
    // A message of RTCM 3 begins with 0xD3; what a caster breaks off in the middle of one has such bytes soon.
    let text = |byte: &u8| byte.is_ascii_graphic() || matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
    if held.last().is_some_and(text) && held.len() < LONGEST_OLD_FIELDS {
        OldFields::Some
    } else {
        OldFields::None
    }
}

/// RFC 4648, section 4.
fn base64(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let [a, b, c] = [0, 1, 2].map(|at| u32::from(three.get(at).copied().unwrap_or(0)));
        let bits = a << 16 | b << 8 | c;
        for at in 0..4 {
            let letter = ALPHABET[(bits >> (18 - 6 * at) & 0x3f) as usize];
            text.push(if at > three.len() { '=' } else { char::from(letter) });
        }
    }
    text
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const SIZE: Part = Part::Size { value: 0, digits: 0, skipping: false, length: 0 };
const LONGEST_HEAD: usize = 4096;
/// Of version 1, where the stream may come without any: it is searched at each byte.
const LONGEST_OLD_FIELDS: usize = 1024;
/// Size of a chunk with its extensions.
const LONGEST_SIZE: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Login;
    use proptest::prelude::*;

    fn read(bytes: &[u8], cut: usize) -> (Vec<u8>, Result<(), ReplyError>) {
        let (mut reply, mut stream) = (Reply::new(), Vec::new());
        for piece in bytes.chunks(cut) {
            if let Err(error) = reply.feed(piece, |bytes| stream.extend_from_slice(bytes)) {
                return (stream, Err(error));
            }
        }
        (stream, Ok(()))
    }

    #[test]
    fn both_versions_of_answer_give_the_stream() {
        let chunked = b"HTTP/1.1 200 OK\r\nNtrip-Version: Ntrip/2.0\r\nContent-Type: gnss/data\r\n\
            Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;x=1\r\n0123456789\r\n"
            .as_slice();
        let plain = b"HTTP/1.1 200 OK\r\nContent-Type: gnss/data\r\n\r\nabc0123456789".as_slice();
        let bare = b"HTTP/1.0 200 OK\r\n\r\nabc0123456789".as_slice();
        let old_bare = b"ICY 200 OK\r\n\r\nabc0123456789".as_slice();
        let old_chunked =
            b"ICY 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA\r\n0123456789\r\n".as_slice();
        let lines = b"HTTP/1.1 200 OK\nContent-Type: gnss/data\n\nabc0123456789".as_slice();
        // pygnssutils 1.3.1 sends no line break behind the status.
        let unbroken =
            b"HTTP/1.1 200 OKNtrip-Version: Ntrip/2.0\r\nServer: x\r\n\r\nabc0123456789".as_slice();
        let interim =
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nX: y\r\n\r\nHTTP/1.1 200 OK\r\n\r\nabc0123456789".as_slice();
        for answer in [chunked, plain, bare, old_bare, old_chunked, lines, unbroken, interim] {
            for cut in [1, 5, 1000] {
                assert_eq!(read(answer, cut), (b"abc0123456789".to_vec(), Ok(())));
            }
        }
        // What is no text is no header field.
        let old = b"ICY 200 OK\r\n\xd3\x00\x13: a\r\n\r\n".as_slice();
        for cut in [1, 5, 1000] {
            assert_eq!(read(old, cut), (b"\xd3\x00\x13: a\r\n\r\n".to_vec(), Ok(())));
        }
        let mut waiting = Reply::new();
        waiting.feed(b"ICY 200 OK\r\n", |_| ()).unwrap();
        assert!(waiting.is_streaming(), "it waits for the position");
        let ended = [chunked, b"0\r\n\r\n"].concat();
        assert_eq!(read(&ended, 7), (b"abc0123456789".to_vec(), Err(ReplyError::Ended)));
    }

    #[test]
    fn refusals_are_told_apart() {
        let busy = ReplyError::Refused { line: "HTTP/1.1 503 Busy".to_owned(), status: 503 };
        for (answer, error) in [
            ("HTTP/1.1 401 Unauthorized\r\n\r\n", ReplyError::Unauthorized),
            ("HTTP/1.1 403 Forbidden\r\n\r\n", ReplyError::Forbidden),
            ("ERROR - Bad Password\r\n", ReplyError::Unauthorized),
            ("SOURCETABLE 200 OK\r\nCAS;...", ReplyError::NoSuchMount),
            ("HTTP/1.1 404 Not Found\r\n\r\n", ReplyError::NoSuchMount),
            ("HTTP/1.1 200 OK\r\nContent-Type: gnss/sourcetable\r\n\r\n", ReplyError::NoSuchMount),
            ("HTTP/1.1 503 Busy\r\n\r\n", busy.clone()),
            ("HTTP/1.0 301 Moved\nLocation: http://b/M\n\n", ReplyError::Moved("http://b/M".to_owned())),
            (
                "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<html>",
                ReplyError::Content("text/html; charset=utf-8".to_owned()),
            ),
            (
                "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n",
                ReplyError::Content("gzip content".to_owned()),
            ),
            ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 401 Unauthorized\r\n\r\n", ReplyError::Unauthorized),
            ("\x15\x03\x01\x00\x02\x02\x0a", ReplyError::Secret),
            ("SSH-2.0-x", ReplyError::Malformed),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz", ReplyError::Malformed),
        ] {
            assert_eq!(read(answer.as_bytes(), 1000).1, Err(error), "{answer}");
        }
        let endless = [&b"HTTP/1.1 200 OK\r\n"[..], &[b'a'; LONGEST_HEAD]].concat();
        assert_eq!(read(&endless, 100).1, Err(ReplyError::EndlessHead));
        // One that is cut off is told by what came of it.
        for (answer, error) in [
            ("", ReplyError::NoAnswer),
            ("HTTP/1.1 503 Busy\r\nServer: x\r\n", busy),
            ("HTTP/1.1 401 Unauthorized\r\n", ReplyError::Unauthorized),
            ("HTTP/1.1 200 OK\r\n", ReplyError::Ended),
            ("ICY 200 OK\r\n", ReplyError::Ended),
        ] {
            let mut reply = Reply::new();
            reply.feed(answer.as_bytes(), |_| ()).unwrap();
            assert_eq!(reply.end(), error, "{answer}");
        }
    }

    #[test]
    fn only_what_a_caster_of_the_other_version_would_answer_changes_the_version() {
        let refused = |status| ReplyError::Refused { line: String::new(), status };
        for (error, other) in [
            (ReplyError::Malformed, true),
            (ReplyError::NoAnswer, true),
            (refused(400), true),
            (refused(409), false),
            (refused(503), false),
            (ReplyError::Unauthorized, false),
            (ReplyError::NoSuchMount, false),
            (ReplyError::Ended, false),
        ] {
            assert_eq!(error.asks_for_other_version(), other, "{error}");
        }
    }

    #[test]
    fn a_caster_says_how_long_it_wants_to_be_left_alone() {
        let mut reply = Reply::new();
        let answer = b"HTTP/1.1 503 Busy\r\nretry-after:  120\r\n\r\n";
        reply.feed(answer, |_| ()).unwrap_err();
        assert_eq!(reply.retry_after(), Some("120"));
        let day = chrono::NaiveDate::from_ymd_opt(2026, 11, 29).unwrap();
        let now = day.and_hms_opt(20, 0, 0).unwrap();
        for (value, expected) in [
            ("120", Some(120)),
            ("Sun, 29 Nov 2026 20:02:00 GMT", Some(120)),
            ("Sun, 29 Nov 2026 19:00:00 GMT", Some(0)),
            ("soon", None),
            ("-1", None),
        ] {
            assert_eq!(retry_after(value, now), expected.map(Duration::from_secs), "{value}");
        }
    }

    #[test]
    fn a_request_names_stream_and_user() {
        let login = Some(Login { user: "Aladdin".to_owned(), password: "open sesame".to_owned() });
        let caster =
            Caster { host: "base".to_owned(), port: 2101, mount: "MNT".to_owned(), login, tls: None };
        let (new, old) = (request(&caster, 2, None), request(&caster, 1, Some("$GPGGA")));
        assert!(
            new.starts_with("GET /MNT HTTP/1.1\r\nHost: base:2101\r\nNtrip-Version: Ntrip/2.0\r\n"),
            "{new}"
        );
        assert!(old.starts_with("GET /MNT HTTP/1.0\r\nUser-Agent: NTRIP roadcast/"), "{old}");
        for text in [new, old] {
            assert!(text.contains("\r\nAuthorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n"), "{text}");
            assert!(text.ends_with("\r\n\r\n") && !text.contains("GGA"));
        }
        let placed = request(&caster, 2, Some("$GPGGA,1*00"));
        assert!(placed.contains("\r\nNtrip-GGA: $GPGGA,1*00\r\nConnection: close\r\n\r\n"), "{placed}");
        assert_eq!(["", "f", "fo", "foo"].map(|text| base64(text.as_bytes())), ["", "Zg==", "Zm8=", "Zm9v"]);
    }

    proptest! {
        #[test]
        fn arbitrary_answers_never_make_it_panic_and_cuts_make_no_difference(
            start in 0..7usize, bytes in prop::collection::vec(prop_oneof![Just(b'\r'), Just(b'\n'), Just(b'1'), any::<u8>()], 0..300), cut in 1usize..50
        ) {
            let head = [&b""[..], b"ICY 200", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"HTTP/1.1 ", b"ERROR", b"HTTP/1.1 200 OK", b"ICY 200 OK\r\n"][start];
            let all = [head, &bytes].concat();
            prop_assert_eq!(read(&all, cut), read(&all, 1));
            let mut reply = Reply::new();
            if reply.feed(&all, |_| ()).is_ok() {
                let end = reply.end();
                prop_assert!(!end.to_string().contains(char::is_control));
            }
        }
    }
}
