//! `roadcast web` in front of a control socket, as browsers and attackers meet it, and beside a running station.
//!
//! Real time passes here, so no test depends on how much: each step waits for what it expects, a minute at most.

#![cfg(feature = "web")]
#![allow(clippy::unwrap_used, reason = "helpers of tests, which clippy does not take for tests")]

#[path = "web/browser.rs"]
mod browser;
#[path = "web/fake.rs"]
mod fake;
mod town;

use std::fs::{self, Permissions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};

use browser::{Answered, Socket, Web, frame};
use fake::{FakeDaemon, echo, say, stats};
use serde_json::{Value, json};
use town::Town;

fn read(text: &str) -> Value {
    serde_json::from_str(text).expect(text)
}

/// The reason of a refusal, whose text is for people.
fn reason(answered: &Answered) -> String {
    let line = read(&answered.body);
    assert_eq!((&line["v"], &line["ok"]), (&json!(1), &json!(false)), "{answered:?}");
    assert!(line["error"].as_str().unwrap().len() > 10, "{answered:?}");
    line["reason"].as_str().unwrap().to_owned()
}

#[test]
fn a_path_is_a_request_of_the_daemon_with_a_reader_s_rights() {
    let daemon = FakeDaemon::start("paths", echo);
    let web = Web::start(&daemon.path, &[]);
    for (path, asked) in [
        ("/api/neighbours", json!({ "neighbours": "list" })),
        (
            "/api/neighbours?after=3f01020304050607",
            json!({ "neighbours": "list", "after": "3f01020304050607" }),
        ),
        (
            "/api/hazards?after=3f01020304050607%2F2",
            json!({ "hazard": "list", "after": "3f01020304050607/2" }),
        ),
        ("/api/signals", json!({ "signals": "list" })),
        ("/api/stats", json!({ "stats": "now" })),
        ("/api/status", json!({ "station": "status" })),
        ("/api/drops", json!({ "drops": "list" })),
    ] {
        let answered = web.get(path);
        assert_eq!(answered.status, 200, "{answered:?}");
        assert_eq!(read(&answered.body)["asked"], asked);
        let [rights, question] = &daemon.heard(2)[..] else { panic!("two lines") };
        assert_eq!((&read(rights)["rights"], read(question)), (&json!("read"), asked));
        for header in [
            "content-type: application/json",
            "cache-control: no-store",
            "x-content-type-options: nosniff",
            "content-security-policy: default-src 'none'; frame-ancestors 'none'",
        ] {
            assert!(answered.has(header), "{answered:?}");
        }
    }
    let page = web.get("/");
    assert!(
        page.body.starts_with("<!DOCTYPE html>") && page.head.contains("frame-ancestors 'none'"),
        "{}",
        page.head
    );
    assert!(
        page.head.contains("script-src 'sha256-") && !page.head.contains("script-src 'unsafe"),
        "{}",
        page.head
    );
}

#[test]
fn other_hosts_and_other_origins_are_refused_before_the_daemon_is_asked() {
    let daemon = FakeDaemon::start("hosts", echo);
    let web = Web::start(&daemon.path, &["--name", "car-1.example"]);
    let own = format!("Origin: http://127.0.0.1:{}", web.port);
    for host in ["Host: evil.example", "Host: nas.local:80", "Host: 127.0.0.1:1", "Host:"] {
        let refused = web.ask("GET /api/status", &[host], "");
        assert_eq!((refused.status, reason(&refused).as_str()), (403, "host_refused"), "{host}");
    }
    for origin in [
        "Origin: http://nas.local",
        "Origin: null",
        "Origin: https://evil.example",
        "Origin: http://127.0.0.1:1",
    ] {
        for line in ["GET /api/status", "POST /api", "GET /ws", "GET /metrics"] {
            let refused = web.ask(line, &[origin, "Content-Type: application/json"], "{}");
            assert_eq!((refused.status, reason(&refused).as_str()), (403, "origin_refused"), "{origin}");
        }
        let refused = Socket::open(web.port, &[origin]).err().unwrap();
        assert_eq!(refused.status, 403);
    }
    let missing = web.exchange(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n");
    assert_eq!(Answered::parse(&missing).0.status, 403, "{missing}");
    assert!(daemon.heard.try_recv().is_err(), "nobody was asked");
    assert_eq!(web.ask("GET /api/status", &["Host: car-1.example"], "").status, 200);
    assert_eq!(web.ask("GET /api/status", &[&own], "").status, 200);
    Socket::open(web.port, &[&own]).unwrap_or_else(|refused| panic!("{refused:?}"));
}

#[test]
fn methods_paths_and_what_is_no_http_are_answered_clearly() {
    let daemon = FakeDaemon::start("methods", echo);
    let web = Web::start(&daemon.path, &[]);
    let head = web.ask("HEAD /api/status", &[], "");
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    assert!(head.head.contains("content-length: "), "{head:?}");
    for (line, status, named) in [
        ("GET /nothing", 404, "not_found"),
        ("GET /api/../etc/passwd", 404, "not_found"),
        ("GET /view/meta", 404, "not_found"),
        ("DELETE /api/status", 405, "method_not_allowed"),
        ("OPTIONS /api", 405, "method_not_allowed"),
        ("GET /api", 405, "method_not_allowed"),
        ("PUT /", 405, "method_not_allowed"),
        ("GET /api/status?x=1", 400, "bad_request"),
        ("GET /api/hazards?after=../..", 400, "bad_request"),
        ("GET /ws", 426, "no_websocket"),
    ] {
        let refused = web.ask(line, &[], "");
        assert_eq!((refused.status, reason(&refused).as_str()), (status, named), "{line}");
    }
    assert!(web.ask("POST /", &[], "").has("allow: get, head"));
    // Two requests before the first answer.
    let host = format!("Host: 127.0.0.1:{}", web.port);
    let both = format!(
        "GET /api/status HTTP/1.1\r\n{host}\r\n\r\nGET /api/drops HTTP/1.1\r\n{host}\r\nConnection: close\r\n\r\n"
    );
    let text = web.exchange(both.as_bytes());
    let (first, rest) = Answered::parse(&text);
    let (second, _) = Answered::parse(rest);
    assert_eq!(read(&first.body)["asked"], json!({ "station": "status" }));
    assert_eq!(read(&second.body)["asked"], json!({ "drops": "list" }));
    for odd in ["\0\0\0\0\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n"] {
        assert!(web.exchange(odd.as_bytes()).starts_with("HTTP/1.1 400 "), "{odd:?}");
    }
    let long = format!("GET / HTTP/1.1\r\n{host}\r\nX: {}\r\n\r\n", "x".repeat(20_000));
    assert!(web.exchange(long.as_bytes()).starts_with("HTTP/1.1 431 "));
    let many = format!("GET / HTTP/1.1\r\n{host}\r\n{}\r\n", "A: b\r\n".repeat(100));
    assert!(web.exchange(many.as_bytes()).starts_with("HTTP/1.1 431 "));
    assert_eq!(web.get("/api/status").status, 200, "and others are served");
}

#[test]
fn a_posted_request_is_one_line_and_has_one_answer() {
    let daemon = FakeDaemon::start("posts", echo);
    let web = Web::start(&daemon.path, &[]);
    let post = |kind: &str, body: &str| web.ask("POST /api", &[&format!("Content-Type: {kind}")], body);
    let asked = post("application/json; charset=utf-8", "{\"station\":\r\n\"status\"}\n{\"station\":1}");
    assert_eq!(asked.status, 200);
    let heard = daemon.heard(2);
    assert_eq!(heard[1], "{\"station\":  \"status\"} {\"station\":1}", "on one line");
    for kind in ["text/plain", "application/x-www-form-urlencoded", ""] {
        let refused = post(kind, "{}");
        assert_eq!((refused.status, reason(&refused).as_str()), (415, "media_type"), "{kind}");
    }
    let json = |body: &str| post("application/json", body);
    for blank in ["", "\r\n", " \t\n "] {
        let refused = json(blank);
        assert_eq!((refused.status, reason(&refused).as_str()), (400, "bad_request"), "{blank:?}");
    }
    let refused = json(&format!("\"{}\"", "x".repeat(1_000_000)));
    assert_eq!((refused.status, reason(&refused).as_str()), (413, "too_large"));
    let refused = json(r#"{"hazard":"watch"}"#);
    assert_eq!((refused.status, reason(&refused).as_str()), (400, "bad_request"));
    assert!(refused.body.contains("over the WebSocket"), "{refused:?}");
    let refused = json(r#"{"hazard":"new"}"#);
    assert_eq!((refused.status, reason(&refused).as_str()), (403, "right_missing"));
    assert!(json(&"[".repeat(4000)).status == 200, "the daemon says what it thinks of it");
}

fn token(name: &str, letter: &str) -> (PathBuf, String) {
    let path = std::env::temp_dir().join(format!("rc-web-{name}-{letter}-{}.token", std::process::id()));
    let secret = letter.repeat(64);
    fs::write(&path, format!("{secret}\n")).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    (path, secret)
}

#[test]
fn with_tokens_each_request_needs_one_and_has_its_right() {
    let daemon = FakeDaemon::start("tokens", echo);
    let [(reader, read_secret), (declarer, declare_secret)] = [token("tokens", "r"), token("tokens", "d")];
    let files = [reader.display().to_string(), format!("declare={}", declarer.display())];
    let web = Web::start(&daemon.path, &["--token-file", &files[0], "--token-file", &files[1]]);
    let bearer = |secret: &str| format!("Authorization: bearer {secret}");
    for path in ["/api/status", "/metrics"] {
        let refused = web.get(path);
        assert_eq!((refused.status, reason(&refused).as_str()), (401, "token_missing"));
        assert!(refused.has("www-authenticate: bearer realm=\"roadcast\""), "{refused:?}");
    }
    for wrong in ["x".repeat(64), "x".to_owned(), format!("{read_secret}r")] {
        let refused = web.ask("GET /api/status", &[&bearer(&wrong)], "");
        assert_eq!((refused.status, reason(&refused).as_str()), (401, "token_unknown"));
        let refused = Socket::open(web.port, &[&format!("Sec-WebSocket-Protocol: roadcast, token.{wrong}")]);
        assert_eq!(refused.err().unwrap().status, 401);
    }
    assert_eq!(web.get("/").status, 200, "the page holds nothing of the station");
    assert!(daemon.heard.try_recv().is_err(), "nobody was asked");

    let as_declarer = [&bearer(&declare_secret), "Content-Type: application/json"];
    assert_eq!(web.ask("POST /api", &as_declarer, r#"{"station":"status"}"#).status, 200);
    assert_eq!(read(&daemon.heard(2)[0])["rights"], "declare");
    assert_eq!(web.ask("GET /api/status", &as_declarer[..1], "").status, 200);
    assert_eq!(read(&daemon.heard(2)[0])["rights"], "read", "a list needs no more");

    let offered = format!("Sec-WebSocket-Protocol: roadcast, token.{declare_secret}");
    let mut socket = Socket::open(web.port, &[&offered]).unwrap_or_else(|refused| panic!("{refused:?}"));
    socket.say(r#"{"station":"status"}"#);
    assert_eq!(read(&socket.text())["asked"]["station"], "status");
    assert_eq!(read(&daemon.heard(2)[0])["rights"], "declare");
    let alone = Socket::open(web.port, &[&format!("Sec-WebSocket-Protocol: token.{declare_secret}")]);
    let refused = alone.err().unwrap();
    assert_eq!(refused.status, 400);
    assert!(!refused.head.contains(&declare_secret), "a token is in no answer");

    let mut first = Socket::open(web.port, &[]).unwrap_or_else(|refused| panic!("{refused:?}"));
    first.say(&json!({ "token": read_secret }).to_string());
    first.say(r#"{"drops":"list"}"#);
    assert_eq!(read(&first.text())["asked"]["drops"], "list");
    assert_eq!(read(&daemon.heard(2)[0])["rights"], "read");
    for (said, why) in [
        (json!({ "token": "x".repeat(64) }), "token_unknown"),
        (json!({ "station": "status" }), "token_missing"),
        (json!({ "token": read_secret, "more": 1 }), "token_missing"),
    ] {
        let mut stranger = Socket::open(web.port, &[]).unwrap_or_else(|refused| panic!("{refused:?}"));
        stranger.say(&said.to_string());
        let line = stranger.text();
        assert_eq!(read(&line)["reason"], why);
        assert!(!line.contains(&read_secret), "{line}");
        assert_eq!(stranger.closed(), 1008);
    }
    for file in [reader, declarer] {
        fs::remove_file(file).unwrap();
    }
}

#[test]
fn lines_go_both_ways_over_a_websocket_and_what_is_no_request_ends_it() {
    let daemon = FakeDaemon::start("lines", echo);
    let web = Web::start(&daemon.path, &[]);
    let open = || Socket::open(web.port, &[]).unwrap_or_else(|refused| panic!("{refused:?}"));
    let mut socket = open();
    for number in 0..100 {
        socket.say(&json!({ "drops": "list", "id": number }).to_string());
    }
    for number in 0..100 {
        assert_eq!(read(&socket.text())["asked"]["id"], number, "in order");
    }
    // In pieces, with a ping between.
    let mut pieces = frame(1, b"{\"stats\":");
    pieces[0] = 0x01;
    socket.stream.get_mut().write_all(&pieces).unwrap();
    socket.send(9, b"there?");
    socket.send(0, b"\n\"now\"}");
    assert_eq!(socket.frame(), (10, b"there?".to_vec()));
    assert_eq!(read(&socket.text())["asked"]["stats"], "now");
    socket.send(8, &1000_u16.to_be_bytes());
    assert_eq!(socket.frame().0, 8);

    let ends = |bytes: &[u8]| {
        let mut socket = open();
        socket.stream.get_mut().write_all(bytes).unwrap();
        socket.closed()
    };
    assert_eq!(ends(&frame(2, b"\x01\x02")), 1003, "a binary frame");
    assert_eq!(ends(&frame(1, &[b' '; v2x_api::LONGEST_REQUEST + 1])), 1009, "a longer request");
    assert_eq!(ends(&frame(1, b"\xFF\xFE")), 1007, "no UTF-8");
    assert_eq!(ends(&[0x81, 0x02, b'{', b'}']), 1002, "without a mask");
    assert_eq!(ends(&[0xF3, 0x80, 0, 0, 0, 0]), 1002, "an opcode that there is not");
    // Half a frame, and then nothing: others are served, and it goes with the process.
    let mut half = open();
    half.stream.get_mut().write_all(&frame(1, b"{\"station\":\"status\"}")[..9]).unwrap();
    assert_eq!(web.get("/api/status").status, 200);
}

/// How many lines the daemon got rid of.
static WRITTEN: AtomicU64 = AtomicU64::new(0);

fn flood(line: &str, stream: &mut UnixStream) {
    if !line.contains("\"messages\"") {
        return echo(line, stream);
    }
    let filler = "x".repeat(LINE);
    for number in 0..1_000_000_u64 {
        // Waits while nobody reads, where a daemon begins to leave events out.
        say(stream, &format!("{{\"number\":{number},\"filler\":\"{filler}\"}}"));
        WRITTEN.fetch_add(1, Ordering::Release);
    }
}
const LINE: usize = 50_000;

#[test]
fn a_browser_that_does_not_read_holds_up_the_daemon_s_lines_and_loses_none_of_those_written() {
    let daemon = FakeDaemon::start("sleeps", flood);
    let web = Web::start(&daemon.path, &[]);
    let mut socket = Socket::open(web.port, &[]).unwrap_or_else(|refused| panic!("{refused:?}"));
    socket.say(r#"{"messages":"watch"}"#);
    // Another session is not held up while this one is not read: twenty questions, each with its answer.
    let mut other = Socket::open(web.port, &[]).unwrap_or_else(|refused| panic!("{refused:?}"));
    let mut before = u64::MAX;
    while WRITTEN.load(Ordering::Acquire) != before {
        before = WRITTEN.load(Ordering::Acquire);
        for _ in 0..20 {
            other.say(r#"{"drops":"list"}"#);
            assert_eq!(read(&other.text())["asked"]["drops"], "list");
        }
        assert!(before == u64::MAX || before * (LINE as u64) < 64 << 20, "{before} lines are kept somewhere");
    }
    let held = resident(web.id());
    assert!(held < 64 << 20, "{held} bytes");
    for number in 0..before {
        assert_eq!(read(&socket.text())["number"], number);
    }
}

/// Bytes of memory that a process uses.
fn resident(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    kib.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

#[test]
fn sessions_are_bounded_and_a_place_is_free_again_after_one() {
    let daemon = FakeDaemon::start("most", echo);
    let web = Web::start(&daemon.path, &[]);
    let open = || Socket::open(web.port, &[]);
    let mut all: Vec<_> = (0..32).map(|_| open().unwrap_or_else(|refused| panic!("{refused:?}"))).collect();
    let refused = open().err().unwrap();
    assert_eq!(refused.status, 503);
    assert!(refused.has("retry-after: 1"), "{refused:?}");
    assert_eq!(web.get("/api/status").status, 200, "questions have places of their own");
    let mut last = all.pop().unwrap();
    last.send(8, &1000_u16.to_be_bytes());
    // Its end is told before its place is free, which takes no longer than the next questions.
    assert_eq!(last.frame().0, 8);
    drop(last);
    while open().is_err() {
        assert_eq!(web.get("/api/status").status, 200);
    }
}

fn figures(line: &str, stream: &mut UnixStream) {
    if line.contains("\"stats\"") { say(stream, &stats().line()) } else { echo(line, stream) }
}

#[test]
fn metrics_are_the_daemon_s_figures_also_without_the_map_and_on_a_unix_socket() {
    let daemon = FakeDaemon::start("metrics", figures);
    let web = Web::start(&daemon.path, &[]);
    let open = web.ask("GET /metrics", &["Accept: application/openmetrics-text;version=1.0.0"], "");
    assert!(open.has("content-type: application/openmetrics-text; version=1.0.0; charset=utf-8"), "{open:?}");
    for line in [
        "roadcast_neighbours 17.0",
        "roadcast_frames_dropped_total{reason=\"exact_copy\"} 4",
        "roadcast_latency_seconds_bucket{le=\"0.001\",class=\"D2\",stage=\"send_to_delivered\"} 41",
        "# EOF",
    ] {
        assert!(open.body.lines().any(|found| found == line), "{}", open.body);
    }
    assert!(web.get("/metrics").has("content-type: text/plain; version=0.0.4; charset=utf-8"));

    let alone = Web::start(&daemon.path, &["--metrics-only"]);
    assert_eq!(alone.get("/metrics").status, 200);
    for path in ["/", "/api/status", "/ws", "/api"] {
        let refused = alone.get(path);
        assert_eq!((refused.status, reason(&refused).as_str()), (404, "not_found"), "{path}");
    }

    let path = std::env::temp_dir().join(format!("rc-web-unix-{}.sock", std::process::id()));
    let mut unix = Command::new(env!("CARGO_BIN_EXE_roadcast"));
    unix.args(["web", "--metrics-only", "--socket"]).arg(&daemon.path);
    let mut unix = unix.arg(format!("--listen=unix:{}", path.display())).spawn().unwrap();
    let mut stream = loop {
        match UnixStream::connect(&path) {
            Ok(stream) => break stream,
            Err(_) => assert!(unix.try_wait().unwrap().is_none(), "it has ended"),
        }
    };
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let asked = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    stream.write_all(asked.as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert!(text.contains("roadcast_neighbours 17"), "{text}");
    unix.kill().unwrap();
    unix.wait().unwrap();
    fs::remove_file(&path).unwrap();
}

#[test]
fn without_a_daemon_each_request_says_so_until_there_is_one() {
    let path = std::env::temp_dir().join(format!("rc-web-later-{}.sock", std::process::id()));
    let web = Web::start(&path, &[]);
    for path in ["/api/status", "/metrics"] {
        let refused = web.get(path);
        assert_eq!((refused.status, reason(&refused).as_str()), (502, "no_daemon"), "{refused:?}");
    }
    let mut socket = Socket::open(web.port, &[]).unwrap_or_else(|refused| panic!("{refused:?}"));
    assert_eq!(read(&socket.text())["reason"], "no_daemon");
    assert_eq!(socket.closed(), 1013);
    let daemon = FakeDaemon::start("later", echo);
    assert_eq!(daemon.path, path);
    assert_eq!(web.get("/api/status").status, 200);
}

#[test]
fn what_cannot_be_served_is_told_at_once_in_one_line() {
    let town = Town::new("web-bad");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let said = town.bad(2, &["web", "--socket", "none.sock", "--listen", &address]);
    assert_eq!(
        said,
        format!("roadcast: web: {address}: another process listens there: stop it, or take another port\n")
    );
    let said = town.bad(2, &["web", "--socket", "none.sock", "--listen", "0.0.0.0:0"]);
    assert!(said.contains("other machines reach this address: give --token-file"), "{said}");
    #[cfg(feature = "replay")]
    {
        let said = town.bad(2, &["demo", "--seconds", "1", "--web", "0.0.0.0:0"]);
        assert!(said.ends_with("the demo's page has no tokens: listen on 127.0.0.1\n"), "{said}");
    }
    fs::write(town.directory.join("open.token"), "x".repeat(64)).unwrap();
    fs::set_permissions(town.directory.join("open.token"), Permissions::from_mode(0o644)).unwrap();
    let said = town.bad(2, &["web", "--socket", "none.sock", "--listen", "0", "--token-file", "open.token"]);
    assert!(
        said.contains("open.token: others can read this token (mode 0644)") && !said.contains("xxx"),
        "{said}"
    );
    town.vehicle("a", Some(49.6), "[control]\nenabled = false");
    let said = town.bad(2, &["run", "--config", "a.toml", "--web", "127.0.0.1:0"]);
    assert!(said.contains("control.enabled = false"), "{said}");
    town.vehicle("b", Some(49.6), &format!("[web]\nlisten = \"{address}\""));
    let said = town.bad(2, &["run", "--config", "b.toml"]);
    assert!(said.contains(&format!("web: {address}: another process listens there")), "{said}");
}

/// The processes that this one started.
fn children(process: u32) -> Vec<u32> {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).unwrap();
    let lists = tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("children")).ok());
    lists
        .flat_map(|list| list.split_whitespace().map(|id| id.parse().unwrap()).collect::<Vec<u32>>())
        .collect()
}

/// Waits for what comes in a moment.
fn eventually<T>(mut look: impl FnMut() -> Option<T>) -> T {
    loop {
        match look() {
            Some(found) => return found,
            None => std::thread::yield_now(),
        }
    }
}

#[test]
fn a_station_s_web_has_no_rights_comes_back_when_it_dies_and_ends_with_the_station() {
    let town = Town::new("web-run");
    town.vehicle("a", Some(49.6116), "");
    let mut station = town.start(&["--config", "a.toml", "--web", "127.0.0.1:0"]);
    let line = station.until("web: http://127.0.0.1:");
    let port: u16 = line.trim().trim_end_matches('/').rsplit_once(':').unwrap().1.parse().unwrap();
    station.until("sending");
    let status = || {
        let mut stream = browser::connect(port);
        let asked =
            format!("GET /api/status HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n");
        stream.write_all(asked.as_bytes()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        Answered::parse(&text).0
    };
    let answered = status();
    assert_eq!(
        (answered.status, &read(&answered.body)["status"]["sending"]),
        (200, &json!(true)),
        "{answered:?}"
    );
    let mut stream = browser::connect(port);
    let asked = format!("GET /metrics HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n");
    stream.write_all(asked.as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert!(text.contains("roadcast_position_known 1") && text.contains("roadcast_link_up 1"), "{text}");

    let [web] = children(station.id())[..] else { panic!("one child") };
    let rights = fs::read_to_string(format!("/proc/{web}/status")).unwrap();
    for right in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
        assert!(rights.contains(&format!("{right}:\t0000000000000000\n")), "{right}: {rights}");
    }
    assert!(rights.contains("NoNewPrivs:\t1\n"), "{rights}");
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(web.cast_signed()), nix::sys::signal::Signal::SIGKILL)
        .unwrap();
    // Its socket is the station's: who asks meanwhile waits for the next process.
    assert_eq!(eventually(|| Some(status()).filter(|answered| answered.status == 200)).status, 200);
    let next = eventually(|| children(station.id()).into_iter().find(|id| *id != web));
    assert!(Path::new(&format!("/proc/{next}")).exists());
    station.end();
    eventually(|| (!Path::new(&format!("/proc/{next}/exe")).exists()).then_some(()));
}
