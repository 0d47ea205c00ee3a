//! Who is let in and stays, with which rights, and why they go.

use serde_json::{Value, json};

use super::*;
use crate::log::capture::logged;

#[test]
fn one_client_too_many_is_told_so() {
    let error = serve(
        "busy",
        |path| {
            let mut clients: Vec<_> = (0..MOST_CLIENTS).map(|_| Program::connect(path).unwrap()).collect();
            for client in &mut clients {
                client.ask(&Request::Status).unwrap();
            }
            let error = Program::connect(path).unwrap().ask(&Request::Status).unwrap_err();
            // One that leaves makes room.
            clients.pop();
            clients[0].ask(&Request::Status).unwrap();
            Program::connect(path).unwrap().ask(&Request::Status).unwrap();
            error
        },
        agree,
    );
    assert!(matches!(&error, ClientError::Refused { reason, .. } if reason == "busy"), "{error}");
}

#[test]
fn members_of_the_group_cannot_take_the_places_of_the_daemon_s_user() {
    with_server("places", |server, path| {
        let mut ends = Vec::new();
        let guest = Peer { rights: Right::Declare, is_owner_s: false };
        for number in 0..MOST_OF_OTHERS as u64 {
            assert_eq!(server.no_place(false), None);
            let (end, stream) = Stream::pair().unwrap();
            stream.set_nonblocking(true).unwrap();
            let stream = server.runtime.block_on(async { UnixStream::from_std(stream).unwrap() });
            server.clients.push(Client::new(ConnectionId(1000 + number), stream, guest, Instant::ZERO));
            ends.push(end);
        }
        let refused = server.no_place(false).unwrap();
        assert!(refused.starts_with("48 programs of other users than the daemon's"), "{refused}");
        let mut own = Stream::connect(path).unwrap();
        own.write_all(b"{\"station\":\"status\"}\n").unwrap();
        assert_eq!(next(server).request, Request::Status);
    });
}

#[test]
fn a_client_lowers_its_rights_and_never_raises_them() {
    let said = serve(
        "rights",
        |path| {
            let mut stream = Stream::connect(path).unwrap();
            let text = r#"{"rights":"show"}
{"rights":"declare"}
{"station":"reload"}
{"hazard":"cancel","event":"3f01020304050607/2"}
{"rights":"read"}
{"hazard":"cancel","event":"3f01020304050607/2","id":7}
{"rights":"administer"}
{"rights":"show"}
{"station":"status"}
"#;
            stream.write_all(text.as_bytes()).unwrap();
            stream.shutdown(std::net::Shutdown::Write).unwrap();
            lines(&stream).collect::<Vec<_>>()
        },
        agree,
    );
    let said: Vec<Answer> = said.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let what = |answer: &Answer| answer.rights.clone().or(answer.reason.clone()).unwrap_or_default();
    let expected = [
        "administer",
        "declare",
        "right_missing",
        "",
        "read",
        "right_missing",
        "rights_not_held",
        "read",
        "",
    ];
    assert_eq!(said.iter().map(what).collect::<Vec<_>>(), expected);
    assert_eq!(said[5].id, Some(RequestId::Number(7)));
    let error = said[5].error.as_deref().unwrap();
    assert!(error.starts_with("this needs the right to declare, and this connection has the right to read"));
}

#[test]
fn those_who_ask_nothing_make_room_and_those_who_watch_stay() {
    let scratch = Scratch::new("idle");
    let path = scratch.path("s.sock");
    let bound = listen(&path, Access::Owner).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    runtime.block_on(async {
        let mut server = Server::new(bound, Right::Declare).unwrap();
        let mut idle = Stream::connect(&path).unwrap();
        let mut watching = Stream::connect(&path).unwrap();
        watching.write_all(b"{\"hazard\":\"watch\"}\n").unwrap();
        let asked = poll_fn(|cx| server.poll(cx, Instant::ZERO)).await;
        server.watch(asked.client, Topic::Hazards, all(None));
        let at = |seconds| Instant::ZERO + Duration::from_secs(seconds);
        server.upkeep(at(60));
        assert_eq!(server.clients.len(), 2);
        server.upkeep(at(61));
        assert!(server.is_watched(Topic::Hazards));
        // It reads why, or is gone after a while when it does not.
        poll_fn(|cx| Poll::Ready(server.poll(cx, at(61)).is_ready())).await;
        assert_eq!(server.clients.len(), 1);
        let mut said = String::new();
        idle.read_to_string(&mut said).unwrap();
        assert!(said.contains("\"reason\":\"idle\""), "{said}");
    });
}

#[test]
fn programs_are_logged_with_their_process_right_and_reason_to_go() {
    let me = json!({ "pid": std::process::id(), "user": geteuid().as_raw(), "right": "administer" });
    let with = |more: Value| {
        let mut fields = me.clone();
        fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        fields
    };
    let serve_one = |name, program: fn(&Path) -> Vec<String>| move || drop(serve(name, program, agree));
    let leaves = |path: &Path| {
        let mut stream = Stream::connect(path).unwrap();
        stream.write_all(b"{\"rights\":\"read\"}\n").unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        lines(&stream).collect()
    };
    assert_eq!(logged("control_client_came", serve_one("came", leaves)), [with(json!({}))]);
    let gone = logged("control_client_gone", serve_one("gone", leaves));
    assert_eq!(gone, [with(json!({ "right": "read", "reason": "left" }))]);
    let talks_too_long = |path: &Path| {
        let mut stream = Stream::connect(path).unwrap();
        // Refused before its end, perhaps.
        drop(stream.write_all(&vec![b'x'; LONGEST_REQUEST + 2]));
        lines(&stream).collect()
    };
    let gone = logged("control_client_gone", serve_one("long", talks_too_long));
    assert_eq!(gone, [with(json!({ "reason": "bad_request" }))]);
    let slow = logged("control_client_slow", || {
        let scratch = Scratch::new("slow");
        let bound = listen(&scratch.path("s.sock"), Access::Owner).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
        runtime.block_on(async {
            let mut server = Server::new(bound, Right::Declare).unwrap();
            let mut program = Stream::connect(server.path()).unwrap();
            program.write_all(b"{\"hazard\":\"watch\"}\n").unwrap();
            let asked = poll_fn(|cx| server.poll(cx, Instant::ZERO)).await;
            server.watch(asked.client, Topic::Hazards, all(None));
            tell(&mut server, Answer::watch("new"));
            server.upkeep(Instant::from_millis(61_000));
        });
    });
    assert_eq!(slow, [with(json!({ "reason": "too_slow" }))]);
}
