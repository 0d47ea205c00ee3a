//! A frame from afar: one that another station received or sent far away, handed in for this station to judge.

use core::fmt::Write as _;

use bytes::Bytes;
use serde_json::{Map, Value};
use v2x_proto::envelope::MAX_FRAME;

use crate::fields::{BadRequest, Fields};

/// A frame from afar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AfarFrame {
    /// Hop header and signed message, 1..=1398 bytes.
    pub frame: Bytes,
    /// The program's number for where it is from: it comes back with what becomes of the frame.
    pub peer: u16,
}

impl AfarFrame {
    /// A frame as it is handed in.
    ///
    /// # Errors
    /// No station would take it, whatever it says: it is empty or too long, or its peer is no number of 16 bits.
    pub fn new(frame: impl Into<Bytes>, peer: u32) -> Result<Self, BadRequest> {
        let frame = frame.into();
        let length = frame.len();
        if length == 0 || length > MAX_FRAME {
            let right = format!("expected 1 to {MAX_FRAME}");
            return Err(BadRequest(format!("afar.frame: found {length} bytes, {right}")));
        }
        let wrong =
            || BadRequest(format!("afar.peer: found {peer}, expected a whole number, 0 to {}", u16::MAX));
        Ok(Self { frame, peer: u16::try_from(peer).map_err(|_| wrong())? })
    }

    pub(super) fn read(object: &Map<String, Value>) -> Result<Self, BadRequest> {
        let fields = Fields::of(object, &["v", "id", "afar"], "")?;
        let right = r#"an object, such as {"frame":"<hex>","peer":7}, or "watch""#;
        let said = fields.object("afar", right)?.ok_or_else(|| fields.missing("afar", right))?;
        let fields = Fields::of(said, &["frame", "peer"], "afar.")?;
        // Digits alone would be a number of JSON, too.
        if let Some(number @ Value::Number(_)) = said.get("frame") {
            return Err(fields.wrong("frame", number, FRAME_RIGHT));
        }
        let frame = fields.parsed("frame", FRAME_RIGHT, unhex)?;
        let frame = frame.ok_or_else(|| fields.missing("frame", FRAME_RIGHT))?;
        let peer = fields.integer("peer", 0..=u64::from(u16::MAX))?;
        let peer = peer.ok_or_else(|| fields.missing("peer", "a whole number, 0 to 65535"))?;
        Self::new(frame, peer as u32)
    }

    /// What is under `afar` in its line.
    pub(super) fn value(&self) -> Value {
        let mut hex = String::with_capacity(2 * self.frame.len());
        for byte in &self.frame {
            write!(hex, "{byte:02x}").expect("invariant: memory takes every digit");
        }
        Value::Object(
            [("frame".to_owned(), hex.into()), ("peer".to_owned(), self.peer.into())].into_iter().collect(),
        )
    }
}

/// The bytes of a frame in hex.
fn unhex(text: &str) -> Option<Vec<u8>> {
    if text.is_empty() || text.len() > 2 * MAX_FRAME {
        return None;
    }
    let digits: Vec<u8> =
        text.chars().map(|digit| digit.to_digit(16).map(|digit| digit as u8)).collect::<Option<_>>()?;
    let (pairs, rest) = digits.as_chunks::<2>();
    rest.is_empty().then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

pub(crate) const FRAME_RIGHT: &str =
    "a frame, hop header and SignedMessage, in hex: 2 to 2796 digits, an even number";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::request::Request;

    fn parse(line: &str) -> Result<Request, String> {
        Request::parse(line.as_bytes()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_frame_is_read_with_where_it_is_from() {
        let expected = AfarFrame { frame: Bytes::from_static(&[0x1a, 0xff, 0]), peer: 7 };
        assert_eq!(parse(r#"{"afar":{"frame":"1aFF00","peer":7}}"#), Ok(Request::Afar(expected)));
        assert_eq!(parse(r#"{"v":1,"id":3,"afar":"watch"}"#), Ok(Request::WatchAfar));
    }

    #[test]
    fn what_is_no_frame_is_refused_by_its_key() {
        let long = "00".repeat(MAX_FRAME + 1);
        for (said, error) in [
            (
                r#"{"frame":"1","peer":7}"#,
                "afar.frame: found \"1\", expected a frame, hop header and SignedMessage, in hex",
            ),
            (r#"{"frame":"","peer":7}"#, "afar.frame: found \"\", expected a frame"),
            (r#"{"frame":"xy","peer":7}"#, "afar.frame: found \"xy\", expected a frame"),
            (r#"{"frame":7,"peer":7}"#, "afar.frame: found 7, expected a frame"),
            (&format!(r#"{{"frame":"{long}","peer":7}}"#), "expected a frame"),
            (r#"{"peer":7}"#, "afar.frame is missing: a frame, hop header"),
            (r#"{"frame":"00"}"#, "afar.peer is missing: a whole number, 0 to 65535"),
            (r#"{"frame":"00","peer":65536}"#, "afar.peer: found 65536, expected a whole number, 0 to 65535"),
            (r#"{"frame":"00","peer":-1}"#, "afar.peer: found -1, expected a whole number"),
            (r#"{"frame":"00","peer":1,"from":2}"#, "unknown key \"afar.from\"; keys here: frame, peer"),
            (r#""now""#, "afar: found \"now\", expected \"watch\" or a frame"),
            (
                "3",
                "afar: found 3, expected an object, such as {\"frame\":\"<hex>\",\"peer\":7}, or \"watch\"",
            ),
            ("null", "no request; expected"),
        ] {
            let found = parse(&format!(r#"{{"afar":{said}}}"#)).unwrap_err();
            assert!(found.contains(error), "{said}: {found}");
        }
        assert!(AfarFrame::new(Vec::new(), 1).is_err() && AfarFrame::new(vec![0; MAX_FRAME + 1], 1).is_err());
        let peer = AfarFrame::new(vec![0], 1 << 16).unwrap_err().to_string();
        assert_eq!(peer, "afar.peer: found 65536, expected a whole number, 0 to 65535");
    }

    proptest! {
        #[test]
        fn a_frame_written_is_the_frame_read(frame in prop::collection::vec(any::<u8>(), 1..=MAX_FRAME), peer: u16) {
            let request = Request::Afar(AfarFrame { frame: frame.into(), peer });
            prop_assert_eq!(parse(&request.line()), Ok(request));
        }
    }
}
