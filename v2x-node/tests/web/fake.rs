//! A control socket with lines of the test's own behind it.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

/// A daemon that is none.
pub struct FakeDaemon {
    pub path: PathBuf,
    /// Every line of every program, in order.
    pub heard: Receiver<String>,
}

impl FakeDaemon {
    /// Answers each line with those of `answer`, at most; the right that a program asks for is its own.
    pub fn start(name: &str, answer: fn(&str, &mut UnixStream)) -> Self {
        let path = std::env::temp_dir().join(format!("rc-web-{name}-{}.sock", std::process::id()));
        drop(fs::remove_file(&path));
        let listener = UnixListener::bind(&path).unwrap();
        let (tell, heard) = channel();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (mut stream, tell) = (stream.unwrap(), tell.clone());
                thread::spawn(move || {
                    let lines = BufReader::new(stream.try_clone().unwrap()).lines();
                    for line in lines.map_while(Result::ok) {
                        drop(tell.send(line.clone()));
                        match line.contains("\"rights\"") {
                            true => say(&mut stream, r#"{"v":1,"ok":true,"rights":"read"}"#),
                            false => answer(&line, &mut stream),
                        }
                    }
                });
            }
        });
        Self { path, heard }
    }

    /// The lines heard so far but not asked for yet, once there are `count`.
    pub fn heard(&self, count: usize) -> Vec<String> {
        (0..count).map(|_| self.heard.recv().unwrap()).collect()
    }
}

impl Drop for FakeDaemon {
    fn drop(&mut self) {
        drop(fs::remove_file(&self.path));
    }
}

/// Writes a line; a program that has gone is no error.
pub fn say(stream: &mut UnixStream, line: &str) {
    drop(stream.write_all(format!("{line}\n").as_bytes()));
}

/// Repeats the request that it was asked.
pub fn echo(line: &str, stream: &mut UnixStream) {
    let asked: serde_json::Value = serde_json::from_str(line).unwrap_or_default();
    match asked["hazard"].as_str() {
        Some("watch") => say(stream, r#"{"v":1,"ok":true,"watch":"started"}"#),
        Some("new") => {
            say(stream, r#"{"v":1,"ok":false,"reason":"right_missing","error":"declare is missing"}"#);
        }
        _ => say(stream, &serde_json::json!({ "v": 1, "ok": true, "asked": asked }).to_string()),
    }
}

/// Figures of a station, as its daemon answers them.
pub fn stats() -> v2x_api::Answer {
    let latencies = v2x_api::Buckets {
        bounds_us: vec![1000.0, 10_000.0],
        counts: vec![41, 42],
        sum_us: 40_000.0,
        count: 42,
    };
    let stages = BTreeMap::from([("send_to_delivered".to_owned(), latencies)]);
    let stats = v2x_api::Stats {
        neighbours: 17,
        histograms: BTreeMap::from([("D2".to_owned(), stages)]),
        drops: BTreeMap::from([("exact_copy".to_owned(), 4)]),
        ..v2x_api::Stats::default()
    };
    v2x_api::Answer { stats: Some(Box::new(stats)), ..v2x_api::Answer::done() }
}
