//! What a daemon's end takes, and what no client can make it do. Clients are plain sockets of threads.

use core::future::poll_fn;
use core::time::Duration;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream as Stream;
use std::thread;

use proptest::prelude::*;
use radio_adapters::timer::DeadlineTimer;
use serde_json::{Value, json};

use v2x_api::{Client as Program, ClientError, Hazard, LONGEST_REQUEST};

use super::*;
use crate::daemon::control::scratch::Scratch;
use crate::daemon::control::socket::listen;
use crate::daemon::station::monotonic;
use crate::daemon::unix_socket::Access;
use crate::log::capture::logged;

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
        let mut server = Server::new(bound, Right::Declare).unwrap();
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
    server.answer(asked.client, asked.id, Answer::done(), Instant::ZERO);
}

fn all(id: Option<RequestId>) -> Watching {
    Watching { id, filter: Filter::All }
}

fn tell(server: &mut Server, answer: Answer) {
    server.tell(Told::new(Topic::Hazards, Instant::ZERO, answer), Instant::ZERO);
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
            server.answer(asked.client, asked.id, answer, Instant::ZERO);
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
            server.answer(asked.client, asked.id.clone(), Answer::done(), Instant::ZERO);
            match asked.request {
                Request::Watch => server.watch(asked.client, Topic::Hazards, all(asked.id)),
                _ => tell(server, Answer::watch("hazard")),
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
        let mut server = Server::new(bound, Right::Declare).unwrap();
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
    assert!(said.contains("longer than 16384 bytes"), "{said}");
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

/// Told in the tests below: an event of about a kilobyte with a number.
fn event(number: u64) -> Answer {
    let event = Some(format!("{number} {}", "x".repeat(1000)));
    Answer { event, ..Answer::watch("hazard") }
}

fn number(answer: &Answer) -> Option<u64> {
    answer.event.as_ref()?.split(' ').next()?.parse().ok()
}

#[test]
fn who_reads_slowly_loses_the_oldest_and_is_told_how_many_and_others_lose_nothing() {
    let mut told = 0;
    let (slow, quick) = serve(
        "slow",
        |path| {
            let mut slow = Stream::connect(path).unwrap();
            slow.write_all(b"{\"id\":\"slow\",\"hazard\":\"watch\"}\n").unwrap();
            // The answer says that it watches; the rest is read at the end.
            let mut slow = BufReader::new(slow);
            slow.read_line(&mut String::new()).unwrap();
            let mut other = Program::connect(path).unwrap();
            let mut quick = Program::connect(path).unwrap().watch().unwrap();
            let mut numbers = Vec::new();
            // Far more than the kernel and the daemon hold.
            for _ in 0..2000 {
                other.ask(&Request::Status).unwrap();
                numbers.extend(number(&quick.next_change().unwrap()));
            }
            let lines = slow.lines().map_while(Result::ok);
            let mut answers = Vec::new();
            for line in lines {
                answers.push(serde_json::from_str::<Answer>(&line).unwrap());
                if answers.last().and_then(number) == Some(1999) {
                    break;
                }
            }
            (answers, numbers)
        },
        move |server, asked| {
            server.answer(asked.client, asked.id.clone(), Answer::done(), Instant::ZERO);
            match asked.request {
                Request::Watch => server.watch(asked.client, Topic::Hazards, all(asked.id)),
                _ => {
                    tell(server, event(told));
                    told += 1;
                }
            }
        },
    );
    assert_eq!(quick, (0..2000).collect::<Vec<_>>());
    let places: Vec<_> = slow.iter().filter(|answer| answer.watch.as_deref() == Some("lost")).collect();
    assert!(places.iter().all(|lost| lost.of.as_deref() == Some("hazards")), "{places:?}");
    assert!(slow.iter().all(|answer| answer.id == Some(RequestId::Text("slow".to_owned()))));
    // Numbers rise, and each gap is as long as the line before it says.
    let mut next = 0;
    for answer in &slow {
        match number(answer) {
            Some(number) => {
                assert_eq!(number, next);
                next += 1;
            }
            None => next += answer.changes.unwrap(),
        }
    }
    assert_eq!(next, 2000);
    assert!(slow.len() > 200 && slow.len() < 1500, "{}", slow.len());
}

#[test]
fn who_reads_nothing_for_a_minute_while_something_waits_is_ended_and_who_waits_for_nothing_is_not() {
    with_server("deaf-watch", |server, path| {
        let mut deaf = Stream::connect(path).unwrap();
        let mut quiet = Stream::connect(path).unwrap();
        for stream in [&mut deaf, &mut quiet] {
            stream.write_all(b"{\"drops\":\"watch\"}\n").unwrap();
        }
        for topic in [Topic::Hazards, Topic::Drops] {
            let asked = next(server);
            server.watch(asked.client, topic, all(None));
        }
        let at = |seconds| Instant::ZERO + Duration::from_secs(seconds);
        for number in 0..1000 {
            tell(server, event(number));
            turn(server, at(0));
        }
        for seconds in [1, 59, 60] {
            server.upkeep(at(seconds));
            turn(server, at(seconds));
        }
        assert_eq!((server.clients.len(), server.figures().disconnected), (2, 0));
        server.upkeep(at(61));
        assert_eq!(server.figures().disconnected, 1);
        server.upkeep(at(67));
        assert_eq!(server.clients.len(), 1, "the other one waits for what does not come");
    });
}

#[test]
fn what_a_client_has_not_read_stays_within_its_bounds() {
    with_server("bounds", |server, path| {
        let mut deaf = Stream::connect(path).unwrap();
        deaf.write_all(b"{\"hazard\":\"watch\"}\n").unwrap();
        let asked = next(server);
        server.watch(asked.client, Topic::Hazards, all(None));
        for number in 0..5000 {
            tell(server, event(number));
            turn(server, Instant::ZERO);
            assert!(server.clients[0].waiting() <= MOST_OUTPUT + 32 * 1024);
        }
        // Short ones are bounded by their number.
        for _ in 0..3 * MOST_WAITING {
            tell(server, Answer::watch("hazard"));
        }
        assert!(server.clients[0].waiting() <= MOST_WAITING * 200 + 32 * 1024);
        assert!(server.figures().lost > 5000);
    });
}

#[test]
fn of_a_neighbour_the_newest_is_told_and_none_is_lost() {
    let place = |digest: u8, number: u64| {
        let latitude_deg = Some(number as f64);
        let digest = Digest([digest; 8]).to_string();
        let neighbour = Some(Box::new(v2x_api::Neighbour { digest, latitude_deg, ..Default::default() }));
        Told::new(Topic::Neighbours, Instant::ZERO, Answer { neighbour, ..Answer::watch("neighbour") })
    };
    with_server("newest", |server, path| {
        let mut program = Stream::connect(path).unwrap();
        program.write_all(b"{\"neighbours\":\"watch\"}\n").unwrap();
        let asked = next(server);
        server.watch(asked.client, Topic::Neighbours, all(Some(RequestId::Number(4))));
        let moves = |server: &mut Server, numbers: core::ops::Range<u64>| {
            for number in numbers {
                for digest in 1..=3 {
                    let change = if number == 0 { Move::New } else { Move::Updated };
                    let told = Some(place(digest, number));
                    server.tell_move(Digest([digest; 8]), change, told, Instant::ZERO);
                }
            }
        };
        moves(server, 0..5000);
        server.tell_move(Digest([3; 8]), Move::Lost, None, Instant::ZERO);
        turn(server, Instant::ZERO);
        moves(server, 5000..5010);
        server.tell_move(Digest([2; 8]), Move::Lost, None, Instant::ZERO);
        turn(server, Instant::ZERO);
        drop(server.clients.pop());
        let told: Vec<Answer> = lines(&program).map(|line| serde_json::from_str(&line).unwrap()).collect();
        let of = |answer: &Answer| {
            assert_eq!(answer.id, Some(RequestId::Number(4)));
            let neighbour = answer.neighbour.as_ref().unwrap();
            (neighbour.digest[..2].to_owned(), answer.change.clone().unwrap(), neighbour.latitude_deg)
        };
        let expected = [
            ("01", "new", Some(4999.0)),
            ("02", "new", Some(4999.0)),
            ("01", "updated", Some(5009.0)),
            ("02", "lost", None),
            ("03", "updated", Some(5009.0)),
        ];
        let expected = expected.map(|(digest, change, at)| (digest.to_owned(), change.to_owned(), at));
        assert_eq!(told.iter().map(of).collect::<Vec<_>>(), expected);
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
fn requests_of_a_megabyte_and_of_ten_thousand_brackets_are_refused_and_harm_nobody() {
    let (long, nested) = serve(
        "evil",
        |path| {
            let mut program = Program::connect(path).unwrap();
            let mut evil = Stream::connect(path).unwrap();
            let megabyte = format!("{{\"hazard\":\"list\",\"x\":\"{}\"}}\n", "x".repeat(1 << 20));
            drop(evil.write_all(megabyte.as_bytes()));
            let long = lines(&evil).last().unwrap();
            let mut evil = Stream::connect(path).unwrap();
            // Twice as many are too long a line.
            evil.write_all(format!("{}\n{}\n", "[".repeat(10_000), "[".repeat(20_000)).as_bytes()).unwrap();
            let nested: Vec<_> = lines(&evil).collect();
            program.ask(&Request::Status).unwrap();
            (long, nested)
        },
        agree,
    );
    assert!(long.contains("longer than 16384 bytes"), "{long}");
    assert!(nested[0].contains("no JSON at column 128; expected one JSON object a line"), "{nested:?}");
    assert!(nested[1].contains("longer than 16384 bytes"), "{nested:?}");
}

#[test]
fn a_thousand_requests_at_once_are_all_answered_in_order() {
    let said = serve(
        "thousand",
        |path| {
            let stream = Stream::connect(path).unwrap();
            let mut sends = stream.try_clone().unwrap();
            let sender = thread::spawn(move || {
                let text: String =
                    (0..1000).map(|n| format!("{{\"id\":{n},\"station\":\"status\"}}\n")).collect();
                sends.write_all(text.as_bytes()).unwrap();
                sends.shutdown(std::net::Shutdown::Write).unwrap();
            });
            let said: Vec<_> = lines(&stream).collect();
            sender.join().unwrap();
            said
        },
        agree,
    );
    let ids = said.iter().map(|line| serde_json::from_str::<Answer>(line).unwrap().id);
    assert!(ids.eq((0..1000).map(|n| Some(RequestId::Number(n)))));
}

#[test]
fn two_programs_with_one_request_id_get_an_answer_each() {
    let said = serve(
        "same-id",
        |path| {
            let streams = [(); 2].map(|()| Stream::connect(path).unwrap());
            for mut stream in &streams {
                stream
                    .write_all(b"{\"id\":1,\"hazard\":\"watch\"}\n{\"id\":2,\"station\":\"status\"}\n")
                    .unwrap();
                stream.shutdown(std::net::Shutdown::Write).unwrap();
            }
            streams.map(|stream| lines(&stream).collect::<Vec<_>>())
        },
        agree,
    );
    for said in said {
        let ids: Vec<_> = said.iter().map(|line| serde_json::from_str::<Answer>(line).unwrap().id).collect();
        assert_eq!(ids, [Some(RequestId::Number(1)), Some(RequestId::Number(2))]);
    }
}

/// A server, served by hand.
fn with_server(name: &str, test: impl FnOnce(&mut Served, &Path)) {
    let scratch = Scratch::new(name);
    let path = scratch.path("s.sock");
    let bound = listen(&path, Access::Owner).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    let server = runtime.block_on(async { Server::new(bound, Right::Declare).unwrap() });
    test(&mut Served { server, runtime }, &path);
}

/// A server and its event loop.
struct Served {
    server: Server,
    runtime: tokio::runtime::Runtime,
}

impl core::ops::Deref for Served {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

impl core::ops::DerefMut for Served {
    fn deref_mut(&mut self) -> &mut Server {
        &mut self.server
    }
}

/// The next request.
fn next(served: &mut Served) -> Asked {
    let Served { server, runtime } = served;
    runtime.block_on(poll_fn(|cx| server.poll(cx, Instant::ZERO)))
}

/// Moves what can be moved at `now`.
fn turn(served: &mut Served, now: Instant) {
    let Served { server, runtime } = served;
    runtime.block_on(async {
        poll_fn(|cx| {
            server.poll_bytes(cx, now);
            Poll::Ready(())
        })
        .await;
        // The event loop looks at the sockets.
        tokio::task::yield_now().await;
        poll_fn(|cx| {
            server.poll_bytes(cx, now);
            Poll::Ready(())
        })
        .await;
    });
}

#[test]
fn answers_keep_the_order_of_the_requests_however_long_the_station_takes() {
    with_server("late", |server, path| {
        let mut program = Stream::connect(path).unwrap();
        program.write_all(b"{\"id\":1,\"stats\":\"now\"}\n{\"id\":2,\"station\":\"status\"}\n").unwrap();
        let first = next(server);
        turn(server, Instant::ZERO);
        let mut cx = Context::from_waker(core::task::Waker::noop());
        assert!(server.poll(&mut cx, Instant::ZERO).is_pending(), "the first one is not answered");
        server.answer(first.client, first.id, Answer::done(), Instant::ZERO);
        let second = next(server);
        assert_eq!(second.request, Request::Status);
        server.answer(second.client, second.id, Answer::done(), Instant::ZERO);
        turn(server, Instant::ZERO);
        drop(server.clients.pop());
        let said = lines(&program).map(|line| serde_json::from_str::<Answer>(&line).unwrap().id);
        assert!(said.eq([1, 2].map(|id| Some(RequestId::Number(id)))));
    });
}

#[test]
fn who_sends_nothing_more_still_reads_the_answer_that_comes_later() {
    with_server("shut", |server, path| {
        let mut program = Stream::connect(path).unwrap();
        program.write_all(b"{\"publish\":\"echo\",\"payload\":{}}\n").unwrap();
        program.shutdown(std::net::Shutdown::Write).unwrap();
        let asked = next(server);
        let later = Instant::ZERO + Duration::from_secs(61);
        turn(server, later);
        server.upkeep(later);
        turn(server, later);
        server.answer(asked.client, asked.id, Answer::done(), later);
        turn(server, later);
        assert_eq!(lines(&program).collect::<Vec<_>>(), [r#"{"v":1,"ok":true}"#]);
        assert_eq!(server.clients.len(), 0);
    });
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
            server.answer(question.client, None, answer, Instant::ZERO);
            assert!(server.clients.iter().all(|client| client.waiting() < 20_000));
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
            server.answer(asked.client, asked.id, answer, Instant::ZERO);
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
                client.unwrap().say_line(answer, Instant::ZERO);
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
