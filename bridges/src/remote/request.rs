//! What a request of a peer is to this side: passed on, written down first, or refused here. What it may do is the daemon's to decide,
//! on a connection whose rights were lowered.

use serde_json::{Map, Value};
use v2x_api::{Call, Encoding, Request, Right};

use super::opening::RemoteRefusal;

/// A line of a peer.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Judged {
    /// It asks to read: passed on.
    Read,
    /// It asks for more, or is not understood here: written down, then passed on. What it asks, in a word or two.
    Written(String),
    /// Not passed on: the line that answers it.
    Refused(String),
}

/// Judges a line.
pub(super) fn judge(line: &[u8]) -> Judged {
    let object = || serde_json::from_slice::<Map<String, Value>>(line).ok();
    let refused = |reason: &str, error: &str| {
        let object = object();
        Judged::Refused(
            RemoteRefusal::new(reason, error).line(object.as_ref().and_then(|object| object.get("id"))),
        )
    };
    match Call::parse(line).map(|call| call.request) {
        Ok(Request::Encoding(Encoding::Protobuf)) => refused(
            "remote_json_only",
            "remote control is JSON lines, so that the unit can log what is asked",
        ),
        Ok(Request::Afar(_)) => refused(
            "remote_not_afar",
            "frames from afar come as messages of peers, not by remote control; {\"afar\":\"watch\"} may be asked",
        ),
        Ok(request) if request.needs() == Right::Read => Judged::Read,
        Ok(request) => Judged::Written(named(&serde_json::from_str(&request.line()).unwrap_or_default())),
        // A daemon newer than this program may understand what is not understood here.
        Err(_) => Judged::Written(object().map_or_else(|| "unreadable".to_owned(), |object| named(&object))),
    }
}

/// Noun and verb: `hazard new`.
fn named(object: &Map<String, Value>) -> String {
    let said =
        object.iter().find(|(key, _)| !matches!(key.as_str(), "v" | "id") && NOUNS.contains(&key.as_str()));
    match said {
        Some((noun, Value::String(verb))) => {
            format!("{noun} {}", verb.chars().take(LONGEST_VERB).collect::<String>())
        }
        Some((noun, _)) => noun.clone(),
        None => "unknown".to_owned(),
    }
}

/// What a request may be about, the most telling first.
const NOUNS: [&str; 14] = [
    "hazard",
    "priority",
    "publish",
    "fix",
    "vehicle",
    "station",
    "afar",
    "rights",
    "neighbours",
    "messages",
    "drops",
    "stats",
    "signals",
    "signal",
];
const LONGEST_VERB: usize = 32;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refusal(line: &str) -> Value {
        match judge(line.as_bytes()) {
            Judged::Refused(answer) => serde_json::from_str(&answer).unwrap(),
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn what_reads_passes_and_what_does_more_is_written_down() {
        for line in [
            r#"{"station":"status"}"#,
            r#"{"messages":"watch","types":["hazard"]}"#,
            r#"{"rights":"read","id":7}"#,
            r#"{"encoding":"json"}"#,
        ] {
            assert_eq!(judge(line.as_bytes()), Judged::Read, "{line}");
        }
        for (line, said) in [
            (r#"{"hazard":"new","cause":"accident"}"#, "hazard new"),
            (r#"{"id":"x","hazard":"cancel","event":"3f01020304050607/2"}"#, "hazard cancel"),
            (r#"{"priority":"request"}"#, "priority request"),
            (r#"{"publish":"vru","payload":{}}"#, "publish vru"),
            (r#"{"fix":null}"#, "fix"),
            (r#"{"vehicle":{"speed_m_s":3}}"#, "vehicle"),
            (r#"{"station":"reload"}"#, "station reload"),
        ] {
            assert_eq!(judge(line.as_bytes()), Judged::Written(said.to_owned()), "{line}");
        }
    }

    #[test]
    fn what_is_not_understood_is_written_down_too() {
        for (line, said) in [
            (r#"{"station":"explode"}"#, "station explode"),
            (r#"{"hazard":"new"}"#, "hazard new"),
            (r#"{"later":"thing"}"#, "unknown"),
            ("garbage", "unreadable"),
            ("", "unreadable"),
            ("[1]", "unreadable"),
        ] {
            assert_eq!(judge(line.as_bytes()), Judged::Written(said.to_owned()), "{line}");
        }
    }

    #[test]
    fn another_encoding_and_frames_from_afar_are_refused_by_name() {
        let protobuf = refusal(r#"{"encoding":"protobuf","id":"a"}"#);
        assert_eq!((&protobuf["reason"], &protobuf["id"]), (&"remote_json_only".into(), &"a".into()));
        let frame = "00".repeat(100);
        let afar = refusal(&format!(r#"{{"afar":{{"frame":"{frame}","peer":3}},"id":4}}"#));
        assert_eq!((&afar["reason"], &afar["id"]), (&"remote_not_afar".into(), &4.into()));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic_and_only_what_parses_passes_unwritten(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if judge(&bytes) == Judged::Read {
                prop_assert!(Call::parse(&bytes).is_ok());
            }
        }
    }
}
