//! What those who watch are told, and what they lose when they do not read.

use super::*;

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

/// A neighbour at a place with this number.
fn place(digest: u8, number: u64) -> Told {
    let latitude_deg = Some(number as f64);
    let digest = Digest([digest; 8]).to_string();
    let neighbour = Some(Box::new(v2x_api::Neighbour { digest, latitude_deg, ..Default::default() }));
    Told::new(Topic::Neighbours, Instant::ZERO, Answer { neighbour, ..Answer::watch("neighbour") })
}

#[test]
fn of_a_neighbour_the_newest_is_told_and_none_is_lost() {
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

/// A neighbour moved.
fn moved(server: &mut Server, digest: u8, change: Move) {
    let told = (change != Move::Lost).then(|| place(digest, 0));
    server.tell_move(Digest([digest; 8]), change, told, Instant::ZERO);
}

/// Asks for a watch of neighbours under this id, and begins it.
fn watch_neighbours(server: &mut Served, program: &mut Stream, id: u64) {
    program.write_all(b"{\"neighbours\":\"watch\"}\n").unwrap();
    let asked = next(server);
    server.answer(asked.client, Some(RequestId::Number(id)), Answer::done(), Instant::ZERO);
    server.watch(asked.client, Topic::Neighbours, all(Some(RequestId::Number(id))));
}

/// What a program read of neighbours: the watch, the first digits of the name, and what became of it.
fn read_moves(program: &Stream) -> Vec<(u64, String, String)> {
    let told = lines(program).map(|line| serde_json::from_str::<Answer>(&line).unwrap());
    let of = |answer: Answer| {
        let Some(RequestId::Number(id)) = answer.id else { panic!("{answer:?}") };
        Some((id, answer.neighbour?.digest[..2].to_owned(), answer.change?))
    };
    told.filter_map(of).collect()
}

fn expected(moves: &[(u64, &str, &str)]) -> Vec<(u64, String, String)> {
    moves.iter().map(|(id, digest, change)| (*id, (*digest).to_owned(), (*change).to_owned())).collect()
}

#[test]
fn who_watches_neighbours_is_told_once_that_they_are_there_however_many_begin_to_watch() {
    with_server("second-watch", |server, path| {
        let [mut first, mut second] = [(); 2].map(|()| Stream::connect(path).unwrap());
        watch_neighbours(server, &mut first, 1);
        moved(server, 1, Move::Present);
        moved(server, 2, Move::New);
        turn(server, Instant::ZERO);
        watch_neighbours(server, &mut second, 2);
        // Heard before its turn came to be told to the second.
        moved(server, 1, Move::Updated);
        turn(server, Instant::ZERO);
        for digest in [1, 2] {
            moved(server, digest, Move::Present);
        }
        turn(server, Instant::ZERO);
        moved(server, 2, Move::Updated);
        turn(server, Instant::ZERO);
        server.clients.clear();
        let found = read_moves(&first);
        assert_eq!(
            found,
            expected(&[(1, "01", "present"), (1, "02", "new"), (1, "01", "updated"), (1, "02", "updated")])
        );
        let found = read_moves(&second);
        assert_eq!(found, expected(&[(2, "01", "updated"), (2, "02", "present"), (2, "02", "updated")]));
    });
}

#[test]
fn a_neighbour_that_leaves_while_another_watch_begins_is_lost_to_who_knew_of_it_alone() {
    with_server("second-lost", |server, path| {
        let [mut first, mut second] = [(); 2].map(|()| Stream::connect(path).unwrap());
        watch_neighbours(server, &mut first, 1);
        for digest in [1, 2, 3] {
            moved(server, digest, Move::New);
        }
        turn(server, Instant::ZERO);
        watch_neighbours(server, &mut second, 2);
        // One leaves after it was to be told to the second, one before, and one leaves and comes and leaves.
        moved(server, 1, Move::Present);
        for change in [Move::Lost, Move::New, Move::Lost] {
            moved(server, 3, change);
        }
        for digest in [1, 2] {
            moved(server, digest, Move::Lost);
        }
        turn(server, Instant::ZERO);
        server.clients.clear();
        let found = read_moves(&first);
        assert_eq!(found.iter().map(|(.., change)| &**change).collect::<Vec<_>>()[3..], ["lost"; 3]);
        assert_eq!(read_moves(&second), []);
    });
}

#[test]
fn a_watch_of_neighbours_in_place_of_another_begins_with_those_there_are() {
    with_server("watch-again", |server, path| {
        let mut program = Stream::connect(path).unwrap();
        watch_neighbours(server, &mut program, 1);
        moved(server, 1, Move::New);
        turn(server, Instant::ZERO);
        // Waits while the other begins, which is told how it stands.
        moved(server, 1, Move::Updated);
        watch_neighbours(server, &mut program, 2);
        moved(server, 1, Move::Present);
        turn(server, Instant::ZERO);
        server.clients.clear();
        let found = read_moves(&program);
        let last = found.last().cloned();
        assert_eq!(
            (&found[0], last),
            (&expected(&[(1, "01", "new")])[0], expected(&[(2, "01", "present")]).pop())
        );
    });
}

#[test]
fn how_things_stand_is_told_to_the_watch_that_begins_alone() {
    with_server("stands", |server, path| {
        let mut programs = [(); 2].map(|()| Stream::connect(path).unwrap());
        let mut clients = Vec::new();
        for program in &mut programs {
            program.write_all(b"{\"hazard\":\"watch\"}\n").unwrap();
            let asked = next(server);
            server.watch(asked.client, Topic::Hazards, all(None));
            clients.push(asked.client);
        }
        server.tell_one(clients[1], Told::new(Topic::Hazards, Instant::ZERO, event(7)), Instant::ZERO);
        turn(server, Instant::ZERO);
        server.clients.clear();
        assert_eq!(programs.each_ref().map(|program| lines(program).count()), [0, 1]);
    });
}
