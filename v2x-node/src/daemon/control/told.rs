//! An event for all programs that watch: encoded once, its envelope written for each of them.

use std::cell::OnceCell;
use std::io::Write as _;

use bytes::Bytes;
use v2x_api::{Answer, AnsweredMessage, Encoding, RequestId};
use v2x_core::Instant;

use super::protobuf;
use super::topic::Topic;

/// An event as the programs that watch are told of it.
#[derive(Debug)]
pub struct Told {
    /// Who is told.
    pub topic: Topic,
    /// When it happened.
    pub at: Instant,
    /// The kind of line.
    what: String,
    /// The rest of it, without what differs from program to program.
    answer: Answer,
    /// Of a message of a watch: as received or sent, empty where the watch has no payloads.
    frame: Option<Bytes>,
    json: OnceCell<Box<[u8]>>,
    protobuf: OnceCell<Option<Vec<u8>>>,
}

impl Told {
    /// Of a line of a watch that began at `at`.
    pub fn new(topic: Topic, at: Instant, mut answer: Answer) -> Self {
        let what = answer.watch.take().unwrap_or_default();
        Self { topic, at, what, answer, frame: None, json: OnceCell::new(), protobuf: OnceCell::new() }
    }

    /// Of a message, with its frame where the watch has payloads.
    pub fn message(at: Instant, answer: Answer, frame: Option<Bytes>) -> Self {
        Self { frame, ..Self::new(Topic::Messages, at, answer) }
    }

    /// The line, without its kind and what differs from program to program: `id` and `age_us`.
    pub fn answer(&self) -> &Answer {
        &self.answer
    }

    /// Bytes that it takes of a program's queue.
    pub fn len(&self, encoding: Encoding) -> usize {
        let body = match encoding {
            Encoding::Protobuf => self.protobuf(),
            Encoding::Json => None,
        };
        body.map_or_else(|| self.json().len(), <[u8]>::len) + ENVELOPE
    }

    /// Writes it for the watch that has this `id`; `change` in place of its own.
    pub fn write(
        &self,
        encoding: Encoding,
        id: Option<&RequestId>,
        change: Option<&str>,
        now: Instant,
        out: &mut Vec<u8>,
    ) {
        if encoding == Encoding::Json {
            return self.write_json(id, change, now, out);
        }
        if let Some(body) = self.protobuf() {
            return protobuf::put_message(id, now.nanos_since(self.at) / 1000, body, out);
        }
        let mut json = Vec::with_capacity(self.json().len() + ENVELOPE);
        self.write_json(id, change, now, &mut json);
        put_line(encoding, json, out);
    }

    fn write_json(&self, id: Option<&RequestId>, change: Option<&str>, now: Instant, out: &mut Vec<u8>) {
        envelope(id, &self.what, out);
        write!(out, ",\"age_us\":{}", now.nanos_since(self.at) / 1000).expect(NO_FAILURE);
        if let Some(change) = change {
            write!(out, ",\"change\":\"{change}\"").expect(NO_FAILURE);
        }
        out.extend_from_slice(self.json());
        out.push(b'\n');
    }

    /// A message in the second encoding, without what differs; `None` of anything else.
    fn protobuf(&self) -> Option<&[u8]> {
        let body = self.protobuf.get_or_init(|| match &self.answer.message {
            Some(AnsweredMessage::Whole(message)) => Some(protobuf::body(message, self.frame.as_deref())),
            _ => None,
        });
        body.as_deref()
    }

    /// The line after its envelope: a comma and the keys, or the closing brace alone.
    fn json(&self) -> &[u8] {
        self.json.get_or_init(|| {
            let line = self.answer.line().into_bytes();
            line[START.len()..].into()
        })
    }
}

/// Writes the line that tells of `changes` of a watch that were lost.
pub fn lost(encoding: Encoding, id: Option<&RequestId>, topic: Topic, changes: u64, out: &mut Vec<u8>) {
    let mut line = Vec::new();
    envelope(id, "lost", &mut line);
    writeln!(line, ",\"of\":\"{}\",\"changes\":{changes}}}", topic.name()).expect(NO_FAILURE);
    put_line(encoding, line, out);
}

/// Appends a line of JSON in this encoding.
pub fn put_line(encoding: Encoding, mut line: Vec<u8>, out: &mut Vec<u8>) {
    if line.last() != Some(&b'\n') {
        line.push(b'\n');
    }
    match encoding {
        Encoding::Json => out.append(&mut line),
        Encoding::Protobuf => {
            let json = str::from_utf8(&line).expect("invariant: JSON is text").trim_end();
            protobuf::put_json(json, out);
        }
    }
}

fn envelope(id: Option<&RequestId>, what: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(START.as_bytes());
    if let Some(id) = id {
        out.extend_from_slice(b",\"id\":");
        serde_json::to_writer(&mut *out, id).expect(NO_FAILURE);
    }
    write!(out, ",\"watch\":\"{what}\"").expect(NO_FAILURE);
}

/// How every line begins: with [`v2x_api::VERSION`].
const START: &str = "{\"v\":1";
/// The longest envelope but for an id.
const ENVELOPE: usize = 80;
const NO_FAILURE: &str = "invariant: memory takes every byte";

#[cfg(test)]
mod tests {
    use super::*;
    use v2x_api::{AnsweredMessage, Message};

    fn at(us: u64) -> Instant {
        Instant::from_nanos(us * 1000)
    }

    fn line(told: &Told, id: Option<&RequestId>, now: Instant) -> String {
        let mut out = Vec::new();
        told.write(Encoding::Json, id, None, now, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_line_begins_with_its_envelope_and_goes_on_with_what_all_share() {
        let message = Message { message: "ab/D2/1".to_owned(), ..Message::default() };
        let message = Some(AnsweredMessage::Whole(Box::new(message)));
        let answer = Answer { message, ..Answer::watch("message") };
        let told = Told::new(Topic::Messages, at(1_000), answer.clone());
        let id = RequestId::Text("a\"b".to_owned());
        let found = line(&told, Some(&id), at(1_250));
        let start = r#"{"v":1,"id":"a\"b","watch":"message","age_us":250,"message":{"message":"ab/D2/1","#;
        assert!(found.starts_with(start), "{found}");
        assert!(found.ends_with("}}\n"), "{found}");
        let read: Answer = serde_json::from_str(&found).unwrap();
        assert_eq!(read, Answer { id: Some(id), age_us: Some(250), ..answer });
        assert!(line(&told, None, at(900)).starts_with(r#"{"v":1,"watch":"message","age_us":0,"#));
    }

    #[test]
    fn a_line_without_a_body_and_one_that_tells_of_losses_are_whole() {
        let told = Told::new(Topic::Signal, at(0), Answer::watch("signal"));
        assert_eq!(line(&told, None, at(7)), "{\"v\":1,\"watch\":\"signal\",\"age_us\":7}\n");
        let mut out = Vec::new();
        lost(Encoding::Json, Some(&RequestId::Number(3)), Topic::Drops, 12, &mut out);
        let out = String::from_utf8(out).unwrap();
        assert_eq!(out, "{\"v\":1,\"id\":3,\"watch\":\"lost\",\"of\":\"drops\",\"changes\":12}\n");
    }
}
