use super::super::tests::{OWN, UNIT, at};
use super::*;

const ID: IntersectionId = IntersectionId { region: 0, number: 17 };

fn ask() -> Ask {
    Ask {
        intersection: ID,
        role: PriorityRole::Emergency,
        egress_lane: None,
        importance: Some(3),
        duration: Duration::from_secs(5),
    }
}

/// A request that will arrive ten seconds after the start.
fn asked() -> Requests {
    let mut requests = Requests::new(OWN);
    requests.ask(ask(), at(0).now).unwrap();
    arrive(&mut requests, 0, 10_000);
    requests
}

fn arrive(requests: &mut Requests, millis: u64, arrival: u64) {
    let arrival = Some(at(arrival).wire);
    requests.approach(at(millis).now, |_| Approach { lane: Some(1), arrival, ..Approach::default() });
}

type Said = (Vec<(PriorityAction, u32)>, Vec<Progress>);

fn split(steps: Vec<Step>) -> Said {
    let mut said = Said::default();
    for step in steps {
        match step {
            Step::Send(request) => {
                let request = v1::PriorityRequest::decode(request.payload).unwrap();
                said.0.push((PriorityAction::try_from(request.action).unwrap(), request.request_id));
            }
            Step::Progress(_, progress) => said.1.push(progress),
        }
    }
    said
}

fn step(requests: &mut Requests, millis: u64) -> Said {
    let mut steps = Vec::new();
    requests.step(at(millis), None, &mut |step| steps.push(step));
    split(steps)
}

fn answer(requests: &mut Requests, digest: Digest, number: u32, state: PriorityState, millis: u64) -> Said {
    answer_by(requests, UNIT, digest, number, state, millis)
}

fn answer_by(
    requests: &mut Requests,
    signer: Digest,
    digest: Digest,
    number: u32,
    state: PriorityState,
    millis: u64,
) -> Said {
    let answer = v1::PriorityAnswer {
        requester: Bytes::copy_from_slice(&digest.0),
        request_id: number,
        state: state as i32,
        expected_us: None,
    };
    let status = v1::PriorityStatus { intersection_id: 17, region_id: 0, answers: vec![answer] };
    let mut steps = Vec::new();
    requests.answered(&status, signer, at(millis).now, None, &mut |step| steps.push(step));
    split(steps)
}

#[test]
fn a_request_is_repeated_until_it_is_answered() {
    let mut requests = asked();
    assert_eq!(step(&mut requests, 0), (vec![(PriorityAction::Request, 0)], vec![Progress::Asked]));
    assert_eq!(step(&mut requests, 999), Said::default());
    assert_eq!(requests.deadline(), Some(at(1_000).now));
    for millis in [1_000, 2_000] {
        assert_eq!(step(&mut requests, millis), (vec![(PriorityAction::Request, 0)], vec![]));
    }
    assert_eq!(step(&mut requests, 3_000), (vec![(PriorityAction::Request, 0)], vec![Progress::Unanswered]));
    let processing = Progress::Answered { state: PriorityState::Processing, expected: None };
    assert_eq!(answer(&mut requests, OWN, 0, PriorityState::Processing, 3_100), (vec![], vec![processing]));
    assert_eq!(answer(&mut requests, OWN, 0, PriorityState::Processing, 3_200), Said::default(), "no news");
    assert_eq!(step(&mut requests, 4_500), Said::default());
}

#[test]
fn an_insider_that_answers_first_is_not_believed_beside_the_unit_and_the_unit_is_once_it_is_silent() {
    let mut requests = asked();
    step(&mut requests, 0);
    let insider = |requests: &mut Requests, millis| {
        answer_by(requests, Digest([9; 8]), OWN, 0, PriorityState::Granted, millis).1
    };
    let granted = Progress::Answered { state: PriorityState::Granted, expected: None };
    assert_eq!(insider(&mut requests, 100), [granted], "nobody else answers");
    let rejected =
        |requests: &mut Requests, millis| answer(requests, OWN, 0, PriorityState::Rejected, millis).1;
    assert_eq!(rejected(&mut requests, 200), [Progress::Contested]);
    assert_eq!(insider(&mut requests, 300), [], "told once");
    assert_eq!(step(&mut requests, 1_000).0, [(PriorityAction::Request, 0)], "it is asked again");
    assert_eq!(rejected(&mut requests, 3_200), []);
    let state = Progress::Answered { state: PriorityState::Rejected, expected: None };
    assert_eq!(rejected(&mut requests, 3_300), [state]);
    // However many insiders agree, and whoever finds no room.
    for number in 10..20u8 {
        answer_by(&mut requests, Digest([number; 8]), OWN, 0, PriorityState::Granted, 3_400);
    }
    assert_eq!(requests.iter().next().unwrap().progress(), Progress::Contested);
    let mut late = asked();
    step(&mut late, 0);
    for number in 10..20u8 {
        answer_by(&mut late, Digest([number; 8]), OWN, 0, PriorityState::Granted, 100);
    }
    assert_eq!(answer(&mut late, OWN, 0, PriorityState::Rejected, 200).1, [Progress::Contested]);
    assert_eq!(answer_by(&mut late, Digest([10; 8]), OWN, 0, PriorityState::Granted, 300).1, []);
}

#[test]
fn answers_to_others_change_nothing() {
    let mut requests = asked();
    step(&mut requests, 0);
    assert_eq!(answer(&mut requests, Digest([9; 8]), 0, PriorityState::Granted, 10), Said::default());
    assert_eq!(answer(&mut requests, OWN, 1, PriorityState::Granted, 10), Said::default());
}

#[test]
fn an_update_is_sent_when_the_arrival_moves_by_more_than_a_second() {
    let mut requests = asked();
    step(&mut requests, 0);
    answer(&mut requests, OWN, 0, PriorityState::Granted, 100);
    arrive(&mut requests, 2_000, 11_000);
    assert_eq!(step(&mut requests, 2_000), Said::default());
    arrive(&mut requests, 2_100, 11_001);
    assert_eq!(step(&mut requests, 2_100).0, [(PriorityAction::Update, 0)]);
    arrive(&mut requests, 2_200, 15_000);
    assert_eq!(step(&mut requests, 2_200), Said::default(), "not more than one a second");
    arrive(&mut requests, 3_100, 9_000);
    assert_eq!(step(&mut requests, 3_100).0, [(PriorityAction::Update, 0)]);
}

#[test]
fn a_withdrawal_is_repeated_while_the_unit_lists_the_request() {
    let mut requests = asked();
    step(&mut requests, 0);
    requests.approach(at(100).now, |_| Approach { passed: true, ..Approach::default() });
    let over = (vec![(PriorityAction::Cancel, 0)], vec![Progress::Ended(End::Passed)]);
    assert_eq!(step(&mut requests, 100), over);
    assert_eq!(answer(&mut requests, OWN, 0, PriorityState::Granted, 150).0, [], "too soon");
    for millis in [300, 500] {
        let sent = answer(&mut requests, OWN, 0, PriorityState::Granted, millis).0;
        assert_eq!(sent, [(PriorityAction::Cancel, 0)]);
    }
    assert_eq!(answer(&mut requests, OWN, 0, PriorityState::Granted, 700).0, [], "often enough");
    assert_eq!(requests.deadline(), Some(at(5_100).now));
    step(&mut requests, 5_100);
    assert_eq!(requests.deadline(), None);
}

#[test]
fn after_a_change_of_pseudonym_it_is_asked_anew_and_former_answers_do_not_count() {
    let mut requests = asked();
    step(&mut requests, 0);
    answer(&mut requests, OWN, 0, PriorityState::Granted, 100);
    let new = Digest([2; 8]);
    let mut steps = Vec::new();
    requests.pseudonym_changed(new, &mut |step| steps.push(step));
    assert_eq!(split(steps).1, [Progress::Waiting]);
    assert_eq!(answer(&mut requests, OWN, 0, PriorityState::Granted, 200), Said::default());
    assert_eq!(step(&mut requests, 200), (vec![(PriorityAction::Request, 0)], vec![Progress::Asked]));
    let granted = Progress::Answered { state: PriorityState::Granted, expected: None };
    assert_eq!(answer(&mut requests, new, 0, PriorityState::Granted, 300).1, [granted]);
}

#[test]
fn a_vehicle_that_went_another_way_gives_up() {
    let mut requests = asked();
    step(&mut requests, 0);
    answer(&mut requests, OWN, 0, PriorityState::Granted, 100);
    assert_eq!(requests.deadline(), Some(at(30_000).now));
    let over = (vec![(PriorityAction::Cancel, 0)], vec![Progress::Ended(End::GivenUp)]);
    assert_eq!(step(&mut requests, 30_000), over);
}

#[test]
fn what_may_be_asked_is_bounded() {
    let mut requests = Requests::new(OWN);
    let now = at(0).now;
    assert_eq!(requests.ask(Ask { role: PriorityRole::Unspecified, ..ask() }, now), Err(AskError::NoRole));
    let long = Ask { duration: Duration::from_secs(61), ..ask() };
    assert_eq!(requests.ask(long, now), Err(AskError::OutOfRange("duration")));
    assert_eq!(
        requests.ask(Ask { importance: Some(15), ..ask() }, now),
        Err(AskError::OutOfRange("importance"))
    );
    for number in 0..limits::MAX_PRIORITY_REQUESTS as u32 {
        requests.ask(Ask { intersection: IntersectionId { region: 1, number }, ..ask() }, now).unwrap();
    }
    assert_eq!(requests.ask(ask(), now), Err(AskError::TooMany));
    let mut steps = Vec::new();
    assert!(
        requests.withdraw(IntersectionId { region: 1, number: 0 }, now, None, &mut |step| steps.push(step))
    );
    assert_eq!(
        split(steps),
        (vec![], vec![Progress::Ended(End::Withdrawn)]),
        "never sent, nothing to cancel"
    );
    requests.ask(ask(), now).unwrap();
}
