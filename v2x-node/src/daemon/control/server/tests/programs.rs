//! `v2x_api::Client` at a daemon that answers page by page, wrongly, or not at all.

use v2x_api::Hazard;

use super::*;

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
