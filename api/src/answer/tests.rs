//! Answers are read as they are written.

use proptest::prelude::*;
use serde_json::json;

use super::message::Message;
use super::stats::Buckets;
use super::*;

fn whole(line: &str) -> Answer {
    serde_json::from_str(line).unwrap()
}

#[test]
fn a_message_is_a_name_or_all_of_it() {
    let sent = whole(r#"{"v":1,"ok":true,"message":"3f01020304050607/D4/7"}"#);
    assert_eq!(sent.message, Some(AnsweredMessage::Name("3f01020304050607/D4/7".to_owned())));
    let line = r#"{"v":1,"watch":"message","age_us":12,"message":{"type":"hazard","late":true,"new_key":1}}"#;
    let Some(AnsweredMessage::Whole(message)) = whole(line).message else { panic!("{line}") };
    assert_eq!((message.r#type.as_str(), message.late, message.payload), ("hazard", true, None));
}

#[test]
fn a_neighbour_that_was_lost_is_its_digest_alone() {
    let gone = Neighbour { digest: "3f01020304050607".to_owned(), ..Neighbour::default() };
    assert_eq!(serde_json::to_value(&gone).unwrap(), json!({ "digest": "3f01020304050607" }));
}

/// Eighths, which the reader of JSON rounds to themselves.
fn finite() -> impl Strategy<Value = f64> {
    any::<i32>().prop_map(|eighths| f64::from(eighths) / 8.0)
}

/// Keys of the types in a source file: the names of their public fields.
fn keys(source: &str) -> impl Iterator<Item = &str> {
    let fields = source.lines().filter_map(|line| line.strip_prefix("    pub ")?.split_once(": "));
    fields.map(|(name, _)| name.trim_start_matches("r#"))
}

#[test]
fn every_key_of_an_answer_is_documented() {
    let sources = [
        include_str!("../answer.rs"),
        include_str!("intersection.rs"),
        include_str!("message.rs"),
        include_str!("neighbour.rs"),
        include_str!("stats.rs"),
    ];
    let mut count = 0;
    for key in sources.into_iter().flat_map(keys).filter(|key| !key.contains('(')) {
        let documented = CONTROL.contains(&format!("`{key}`")) || CONTROL.contains(&format!("\"{key}\":"));
        let quoted = CONTROL.contains(&format!("`\"{key}\"`"));
        assert!(documented || quoted, "v2x-node/CONTROL.md does not tell of {key}");
        count += 1;
    }
    assert!(count > 150, "{count}");
}

/// The documentation of the protocol.
const CONTROL: &str = include_str!("../../../v2x-node/CONTROL.md");

proptest! {
    #[test]
    fn every_answer_is_read_as_it_was_written(
        digest in "[0-9a-f]{16}", number in finite(), counts in prop::collection::vec(any::<u64>(), 0..9),
        optional in prop::option::of(finite()), flag: bool, small: u8, word in "[a-z_]{0,12}", signal: i8
    ) {
        let neighbour = Neighbour {
            digest: digest.clone(),
            latitude_deg: optional,
            standing: Some(word.clone()),
            why: vec![word.clone(); usize::from(small % 3)],
            received: counts.first().copied(),
            hears_us: Some(flag),
            ..Neighbour::default()
        };
        let message = Message {
            message: format!("{digest}/D2/7"),
            latitude_deg: number,
            distance_m: optional,
            signal_dbm: Some(signal),
            stages: [(word.clone(), number)].into(),
            payload: Some(json!({ word.clone(): number, "list": counts.clone() })),
            ..Message::default()
        };
        let drop = DroppedFrame { reason: word.clone(), bytes: counts.last().copied(), ..Default::default() };
        let buckets = Buckets { bounds_us: vec![number], counts: counts.clone(), sum_us: number, count: 3 };
        let stats = Stats {
            report: json!({ "frames": counts.clone() }),
            histograms: [(word.clone(), [(word.clone(), buckets)].into())].into(),
            channel_busy: optional,
            ..Stats::default()
        };
        let signals = IntersectionSignals { revision: Some(u32::from(small)), contested: flag, ..Default::default() };
        let answer = Answer {
            age_us: counts.first().copied(),
            neighbours: Some(vec![neighbour.clone(); usize::from(small % 4)]),
            neighbour: flag.then(|| Box::new(neighbour)),
            message: Some(AnsweredMessage::Whole(Box::new(message))),
            drop: Some(Box::new(drop)),
            stats: Some(Box::new(stats)),
            signals: Some(vec![signals]),
            rights: Some(word),
            ..Answer::done()
        };
        prop_assert_eq!(whole(&answer.line()), answer);
    }
}
