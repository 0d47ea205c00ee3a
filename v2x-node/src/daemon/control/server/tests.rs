//! What a daemon's end takes, and what no client can make it do. Clients are plain sockets of threads.

use core::future::poll_fn;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream as Stream;
use std::thread;

use proptest::prelude::*;
use radio_adapters::timer::DeadlineTimer;

use v2x_api::{Client as Program, ClientError, Hazard};

use super::*;
use crate::daemon::control::scratch::Scratch;
use crate::daemon::control::socket::listen;
use crate::daemon::station::monotonic;
use crate::daemon::unix_socket::Access;

/// Serves `program`, run in a thread of its own, until it ends: each request is answered with `answer`, after which
/// `then` may do more.
fn serve<T: Send + 'static>(
    name: &str,
    program: impl FnOnce(&Path) -> T + Send + 'static,
    mut then: impl FnMut(&mut Server, Asked),
) -> T {
    let scratch = Scratch::new(name);
    let path = scratch.path("s.sock");
    let bound = listen(&path, Access::Owner).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    runtime.block_on(async {
        let mut server = Server::new(bound).unwrap();
        let (done, ended) = tokio::sync::oneshot::channel::<()>();
        let program = thread::spawn(move || {
            let result = program(&path);
            drop(done);
            result
        });
        let mut ended = core::pin::pin!(ended);
        loop {
            tokio::select! {
                biased;
                asked = poll_fn(|cx| server.poll(cx, Instant::ZERO)) => then(&mut server, asked),
                _ = &mut ended => return program.join().unwrap(),
            }
        }
    })
}

/// Says done to everything.
fn agree(server: &mut Server, asked: Asked) {
    server.answer(asked.client, asked.id, Answer::done());
}

fn lines(stream: &Stream) -> impl Iterator<Item = String> {
    BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok)
}

#[test]
fn each_line_gets_one_answer_in_order_and_a_bad_one_says_what_would_be_right() {
    let said = serve(
        "order",
        |path| {
            let mut stream = Stream::connect(path).unwrap();
            // The last line lacks its end.
            let text = "{\"station\":\"status\"}\n\n  \nnonsense\r\n{\"hazard\":\"list\",\"from\":1}\n{\"hazard\":\"watch\"}";
            stream.write_all(text.as_bytes()).unwrap();
            stream.shutdown(std::net::Shutdown::Write).unwrap();
            lines(&stream).collect::<Vec<_>>()
        },
        |server, asked| {
            let mut answer = Answer::done();
            answer.event = Some(format!("{:?}", asked.request));
            server.answer(asked.client, asked.id, answer);
        },
    );
    let said: Vec<Answer> = said.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let events: Vec<_> = said.iter().map(|answer| answer.event.as_deref().unwrap_or("-")).collect();
    assert_eq!(events, ["Status", "-", "-", "Watch"]);
    assert!(said[1].error.as_ref().unwrap().contains("expected one JSON object a line"), "{said:?}");
    assert!(said[2].error.as_ref().unwrap().contains("unknown key \"from\""), "{said:?}");
}

#[test]
fn an_id_comes_back_with_every_answer_and_every_line_of_its_watch() {
    let said = serve(
        "ids",
        |path| {
            let mut stream = Stream::connect(path).unwrap();
            let text = r#"{"id":"w","hazard":"watch"}
{"id":8,"station":"status"}
{"station":"status"}
{"id":9,"hazard":"lost"}
{"id":-1,"hazard":"list"}
"#;
            stream.write_all(text.as_bytes()).unwrap();
            stream.shutdown(std::net::Shutdown::Write).unwrap();
            lines(&stream).collect::<Vec<_>>()
        },
        |server, asked| {
            server.answer(asked.client, asked.id.clone(), Answer::done());
            match asked.request {
                Request::Watch => server.watch(asked.client, Topic::Hazards, asked.id),
                _ => server.tell(Topic::Hazards, &Answer::watch("hazard")),
            }
        },
    );
    let said: Vec<Answer> = said.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let ids: Vec<_> = said.iter().map(|answer| (answer.id.clone(), answer.ok)).collect();
    let (watch, number) = (RequestId::Text("w".to_owned()), RequestId::Number);
    let expected = [
        (Some(watch.clone()), Some(true)),
        (Some(number(8)), Some(true)),
        (Some(watch.clone()), None),
        (None, Some(true)),
        (Some(watch), None),
        (Some(number(9)), Some(false)),
        (None, Some(false)),
    ];
    assert_eq!(ids, expected);
    assert!(said[6].error.as_ref().unwrap().starts_with("id: found -1, expected a text"), "{said:?}");
}

#[test]
fn blank_lines_ask_nothing_and_keep_nobody_from_asking() {
    let scratch = Scratch::new("blank");
    let path = scratch.path("s.sock");
    let bound = listen(&path, Access::Owner).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    runtime.block_on(async {
        let mut server = Server::new(bound).unwrap();
        let mut stream = Stream::connect(&path).unwrap();
        stream.write_all(b"\n \n").unwrap();
        let mut polls = 0;
        let asked = poll_fn(|cx| {
            let asked = server.poll(cx, Instant::ZERO);
            // It is let in, then the blank lines are read; what follows comes after both.
            polls += server.clients.len();
            if polls == 2 {
                stream.write_all(b"{\"station\":\"status\"}\n").unwrap();
            }
            asked
        });
        let mut vain = DeadlineTimer::new().unwrap();
        vain.set(Some(monotonic().as_nanos() + 60_000_000_000)).unwrap();
        tokio::select! {
            asked = asked => assert_eq!(asked.request, Request::Status),
            _ = vain.expired() => panic!("nobody reads what comes after blank lines"),
        }
    });
}

#[test]
fn a_line_that_is_too_long_ends_its_client_and_nobody_else_s() {
    let said = serve(
        "long",
        |path| {
            let mut program = Program::connect(path).unwrap();
            let mut evil = Stream::connect(path).unwrap();
            // The daemon may hang up before all of it is written.
            drop(evil.write_all(&[b'x'; 3 * LONGEST_REQUEST]));
            let last = lines(&evil).last().unwrap();
            program.ask(&Request::Status).unwrap();
            last
        },
        agree,
    );
    assert!(said.contains("a line longer than 4096 bytes"), "{said}");
}

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
fn who_watches_without_reading_is_dropped_with_a_last_line_and_gets_whole_lines_before_it() {
    let lines = serve(
        "slow",
        |path| {
            let mut slow = Stream::connect(path).unwrap();
            slow.write_all(b"{\"hazard\":\"watch\"}\n").unwrap();
            let mut other = Program::connect(path).unwrap();
            // Far more than the kernel and the daemon hold.
            for _ in 0..2000 {
                other.ask(&Request::Status).unwrap();
            }
            lines(&slow).collect::<Vec<_>>()
        },
        |server, asked| {
            server.answer(asked.client, asked.id, Answer::done());
            match asked.request {
                Request::Watch => server.watch(asked.client, Topic::Hazards, None),
                _ => {
                    let mut change = Answer::watch("hazard");
                    change.event = Some("x".repeat(1000));
                    server.tell(Topic::Hazards, &change);
                }
            }
        },
    );
    let answers: Vec<Answer> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (last, before) = answers.split_last().unwrap();
    assert_eq!(last.reason.as_deref(), Some("too_slow"), "{last:?}");
    assert!(before.len() > 100 && before.len() < 2000, "{}", before.len());
    assert!(before[1..].iter().all(|answer| answer.watch.as_deref() == Some("hazard")));
}

#[test]
fn a_client_that_reads_no_answers_is_asked_no_further_question() {
    let (asked, served) = std::sync::mpsc::channel();
    serve(
        "deaf",
        |path| {
            let mut deaf = Stream::connect(path).unwrap();
            deaf.set_nonblocking(true).unwrap();
            let mut other = Program::connect(path).unwrap();
            let questions = b"{\"station\":\"status\"}\n".repeat(100);
            let mut sent = 0;
            for _ in 0..200 {
                while let Ok(bytes) = deaf.write(&questions) {
                    sent += bytes;
                }
                other.ask(&Request::Watch).unwrap();
            }
            assert!(sent > 100 * questions.len() / 10, "{sent}");
        },
        move |server, question| {
            if question.request == Request::Status {
                asked.send(()).unwrap();
            }
            let mut answer = Answer::done();
            answer.event = Some("x".repeat(10_000));
            server.answer(question.client, None, answer);
            assert!(server.clients.iter().all(|client| client.output.len() < 20_000));
        },
    );
    let served = served.iter().count();
    assert!(served > 0 && served < 200, "{served}");
}

#[test]
fn those_who_ask_nothing_make_room_and_those_who_watch_stay() {
    let scratch = Scratch::new("idle");
    let path = scratch.path("s.sock");
    let bound = listen(&path, Access::Owner).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    runtime.block_on(async {
        let mut server = Server::new(bound).unwrap();
        let mut idle = Stream::connect(&path).unwrap();
        let mut watching = Stream::connect(&path).unwrap();
        watching.write_all(b"{\"hazard\":\"watch\"}\n").unwrap();
        let asked = poll_fn(|cx| server.poll(cx, Instant::ZERO)).await;
        server.watch(asked.client, Topic::Hazards, None);
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
fn a_long_list_is_asked_for_page_by_page() {
    let hazards = serve(
        "pages",
        |path| Program::connect(path).unwrap().hazards().unwrap(),
        |server, asked| {
            let Request::List(after) = asked.request else { panic!("{asked:?}") };
            let number = after.map_or(0, |after| after.number) + 1;
            let event = format!("3f01020304050607/{number}");
            let page = vec![Hazard { event: event.clone(), ..Default::default() }];
            let more_after = (number < 3).then_some(event);
            let answer = Answer { hazards: Some(page), more_after, ..Answer::done() };
            server.answer(asked.client, asked.id, answer);
        },
    );
    let events: Vec<_> = hazards.iter().map(|hazard| hazard.event.as_str()).collect();
    assert_eq!(events, ["3f01020304050607/1", "3f01020304050607/2", "3f01020304050607/3"]);
}

#[test]
fn whoever_answers_something_else_or_the_same_for_ever_is_found_out() {
    let ask = |answer: &'static str| {
        serve(
            "other",
            |path| Program::connect(path).unwrap().hazards(),
            move |server, asked| {
                let client = server.clients.iter_mut().find(|client| client.id == asked.client);
                client.unwrap().say(answer);
            },
        )
    };
    for answer in ["SSH-2.0-x", "{}", "{\"v\":2,\"ok\":true}", "[]"] {
        let error = ask(answer).unwrap_err().to_string();
        assert!(error.contains("is no answer of version 1"), "{error}");
    }
    let same = r#"{"v":1,"ok":true,"hazards":[],"more_after":"3f01020304050607/1"}"#;
    assert_eq!(ask(same).unwrap(), []);
    // What a later version adds is passed over.
    assert_eq!(
        ask(r#"{"v":1,"ok":true,"hazards":[{"event":"a","colour":"red"}],"more":1}"#).unwrap().len(),
        1
    );
}

#[test]
fn a_daemon_that_hangs_up_is_said_to() {
    let scratch = Scratch::new("hangs");
    let path = scratch.path("s.sock");
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let daemon = thread::spawn(move || drop(listener.accept().unwrap()));
    let mut program = Program::connect(&path).unwrap();
    daemon.join().unwrap();
    let error = program.status().unwrap_err().to_string();
    assert!(error.contains("s.sock: the daemon gave no answer"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn whatever_comes_is_answered_line_by_line_or_ended(
        chunks in prop::collection::vec(
            prop_oneof![
                prop::collection::vec(any::<u8>(), 0..200),
                "[\\[\\]{}:\",a-z0-9 \n]{0,60}".prop_map(String::into_bytes),
                Just(b"{\"hazard\":\"list\"}\n".to_vec()),
                Just(vec![b' '; 3000]),
            ],
            0..12,
        )
    ) {
        let said = serve(
            "any",
            move |path| {
                let mut stream = Stream::connect(path).unwrap();
                for chunk in chunks {
                    // Ended for a line that is too long, perhaps.
                    drop(stream.write_all(&chunk));
                }
                drop(stream.shutdown(std::net::Shutdown::Write));
                lines(&stream).collect::<Vec<_>>()
            },
            agree,
        );
        for line in said {
            let answer: Answer = serde_json::from_str(&line).unwrap();
            prop_assert_eq!(answer.v, 1);
            prop_assert_eq!(answer.ok == Some(false), answer.error.is_some());
        }
    }
}
