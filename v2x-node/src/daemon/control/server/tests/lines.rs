//! Lines that come, and the one answer that each gets, in their order.

use proptest::prelude::*;

use super::*;

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
