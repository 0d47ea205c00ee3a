//! Requests to an NTRIP caster and its answers, without a socket (NTRIP 1.0 and 2.0, RTCM 10410.1): bytes in,
//! bytes of the stream out.

use v2x_apps::roadside::line::printable;

use crate::config::Caster;

/// The request for a caster's stream. `version` 2 is understood by casters of both versions that follow the
/// standard; 1 is for those that do not. `gga` is the sentence with the unit's position; version 1 has no place for
/// it but after the answer.
pub fn request(caster: &Caster, version: u8, gga: Option<&str>) -> String {
    let Caster { host, port, mount, login } = caster;
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
}

/// Why a caster's answer is no stream.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReplyError {
    /// It does not take the user or password.
    #[error("the caster refuses the user or the password")]
    Unauthorized,
    /// It has no such stream and sent its list instead.
    #[error("the caster has no such mount point")]
    NoSuchMount,
    /// It answered something else.
    #[error("the caster answers {0:?} where \"200 OK\" was expected")]
    Refused(String),
    /// Its answer is not a caster's.
    #[error("no answer of an NTRIP caster")]
    Malformed,
    /// It ended the stream.
    #[error("the caster ended the stream")]
    Ended,
}

#[derive(Debug)]
enum Part {
    Head(Vec<u8>),
    Plain,
    Size { value: u32, digits: u8, skipping: bool, length: usize },
    Chunk(u32),
    ChunkEnd,
}

impl Default for Part {
    fn default() -> Self {
        Self::Head(Vec::new())
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
                    match read_head(head)? {
                        Some((end, next)) => {
                            bytes = &bytes[end - before..];
                            self.part = next;
                        }
                        None if head.len() == LONGEST_HEAD => return Err(ReplyError::Malformed),
                        None => return Ok(()),
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

/// Where a whole head ends and what follows it; `None` while it is not whole.
fn read_head(head: &[u8]) -> Result<Option<(usize, Part)>, ReplyError> {
    // Bytes that cannot begin a caster's answer are refused at once, not waited on.
    let begins = |known: &[u8]| head.iter().zip(known).all(|(one, other)| one == other);
    if ![&b"ICY "[..], b"HTTP/1.", b"SOURCETABLE ", b"ERROR"].into_iter().any(begins) {
        return Err(ReplyError::Malformed);
    }
    let Some(line_end) = head.iter().position(|byte| *byte == b'\n') else { return Ok(None) };
    let line = String::from_utf8_lossy(&head[..line_end]);
    let line = line.trim_end();
    if line.starts_with("SOURCETABLE ") {
        return Err(ReplyError::NoSuchMount);
    }
    if line.starts_with("ERROR") {
        let password = line.to_ascii_lowercase().contains("password");
        return Err(if password { ReplyError::Unauthorized } else { ReplyError::Refused(printable(line)) });
    }
    let mut words = line.split_ascii_whitespace();
    let (protocol, status) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
    match (protocol, status) {
        // The stream follows the line; an empty line before it is no RTCM and will be skipped.
        ("ICY", "200") => return Ok(Some((line_end + 1, Part::Plain))),
        ("HTTP/1.0" | "HTTP/1.1", "200") => {}
        (_, "401" | "403") => return Err(ReplyError::Unauthorized),
        (_, "404") => return Err(ReplyError::NoSuchMount),
        ("ICY" | "HTTP/1.0" | "HTTP/1.1", _) => return Err(ReplyError::Refused(printable(line))),
        _ => return Err(ReplyError::Malformed),
    }
    let Some(end) = head.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
    // A head without fields ends with the line itself.
    let fields = head.get(line_end + 1..end).unwrap_or_default();
    let fields = String::from_utf8_lossy(fields).to_ascii_lowercase();
    let mut chunked = false;
    for field in fields.lines() {
        let Some((name, value)) = field.split_once(':') else { continue };
        match (name.trim(), value.trim()) {
            ("content-type", value) if value.contains("sourcetable") => return Err(ReplyError::NoSuchMount),
            ("transfer-encoding", value) => chunked |= value.contains("chunked"),
            _ => {}
        }
    }
    Ok(Some((end + 4, if chunked { SIZE } else { Part::Plain })))
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
        let old = b"ICY 200 OK\r\nabc0123456789".as_slice();
        for answer in [chunked, plain, bare, old] {
            for cut in [1, 5, 1000] {
                assert_eq!(read(answer, cut), (b"abc0123456789".to_vec(), Ok(())));
            }
        }
        let ended = [chunked, b"0\r\n\r\n"].concat();
        assert_eq!(read(&ended, 7), (b"abc0123456789".to_vec(), Err(ReplyError::Ended)));
    }

    #[test]
    fn refusals_are_told_apart() {
        for (answer, error) in [
            ("HTTP/1.1 401 Unauthorized\r\n\r\n", ReplyError::Unauthorized),
            ("ERROR - Bad Password\r\n", ReplyError::Unauthorized),
            ("SOURCETABLE 200 OK\r\nCAS;...", ReplyError::NoSuchMount),
            ("HTTP/1.1 404 Not Found\r\n\r\n", ReplyError::NoSuchMount),
            ("HTTP/1.1 200 OK\r\nContent-Type: gnss/sourcetable\r\n\r\n", ReplyError::NoSuchMount),
            ("HTTP/1.1 503 Busy\r\n", ReplyError::Refused("HTTP/1.1 503 Busy".to_owned())),
            ("SSH-2.0-x", ReplyError::Malformed),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz", ReplyError::Malformed),
        ] {
            assert_eq!(read(answer.as_bytes(), 1000).1, Err(error), "{answer}");
        }
        let endless = [&b"HTTP/1.1 200 OK\r\n"[..], &[b'a'; LONGEST_HEAD]].concat();
        assert_eq!(read(&endless, 100).1, Err(ReplyError::Malformed));
    }

    #[test]
    fn a_request_names_stream_and_user() {
        let login = Some(Login { user: "Aladdin".to_owned(), password: "open sesame".to_owned() });
        let caster = Caster { host: "base".to_owned(), port: 2101, mount: "MNT".to_owned(), login };
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
            start in 0..6usize, bytes in prop::collection::vec(prop_oneof![Just(b'\r'), Just(b'\n'), Just(b'1'), any::<u8>()], 0..300), cut in 1usize..50
        ) {
            let head = [&b""[..], b"ICY 200", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"HTTP/1.1 ", b"ERROR", b"HTTP/1.1 200 OK"][start];
            let all = [head, &bytes].concat();
            prop_assert_eq!(read(&all, cut), read(&all, 1));
        }
    }
}
