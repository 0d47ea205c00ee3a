//! What other programs and devices send as lines, streams or datagrams: control socket, controller's feed, positions, corrections,
//! chrony.

use testkit::START;
use v2x_api::{Answer, Encoding, LONGEST_REQUEST, Request};
use v2x_apps::roadside::line::parse as parse_feed;
use v2x_apps::roadside::rtcm::{Framer, crc24q, message_number, station_id};
use v2x_core::Position;
use v2x_node::daemon::control::input::{Inbound, Requests, Unreadable};
use v2x_node::daemon::position::{Heard, NmeaDecoder, Report, gpsd_report};
use v2x_node::daemon::roadside::ntrip::Reply;
use v2x_node::daemon::timekeeper::tracking;

/// A line of the control socket: as a request to the daemon, and as a daemon's answer to a program.
pub fn control(data: &[u8]) {
    match Request::parse(data) {
        Ok(request) => {
            let line = request.line();
            let again = Request::parse(line.as_bytes()).expect("a request is written as it is read");
            assert_eq!(again, request, "{line}");
        }
        Err(refusal) => assert!(!refusal.to_string().contains('\n'), "one line: {refusal:?}"),
    }
    if let Ok(answer) = serde_json::from_slice::<Answer>(data) {
        let _line = answer.line();
    }
}

/// What a program sends to the control socket: lines, and protobuf from where the first line asks for it; in pieces of a length the
/// first byte chooses.
pub fn control_stream(data: &[u8]) {
    let Some((&length, stream)) = data.split_first() else { return };
    let inbound = requests_of(stream, usize::from(length).max(1));
    assert_eq!(inbound, requests_of(stream, stream.len().max(1)), "however it is cut");
    for request in inbound {
        match request {
            Ok(Inbound::Line(line)) => control(&line),
            Ok(Inbound::Afar(Ok(frame))) => assert!((1..=1398).contains(&frame.frame.len())),
            Ok(Inbound::Afar(Err(refusal))) => {
                assert!(!refusal.to_string().contains('\n'), "one line: {refusal}")
            }
            Err(unreadable) => assert!(!unreadable.to_string().contains('\n'), "one line: {unreadable}"),
        }
    }
}

/// The requests of a connection, until it ends or has to.
fn requests_of(stream: &[u8], length: usize) -> Vec<Result<Inbound, Unreadable>> {
    let mut requests = Requests::new();
    let mut found = Vec::new();
    for piece in stream.chunks(length) {
        requests.push(piece);
        while let Some(next) = requests.take() {
            let first = found.is_empty();
            let ended = next.is_err();
            let asks = |line: &[u8]| Request::parse(line) == Ok(Request::Encoding(Encoding::Protobuf));
            if first && matches!(&next, Ok(Inbound::Line(line)) if asks(line)) {
                requests.switch();
            }
            found.push(next);
            if ended {
                return found;
            }
        }
        assert!(!requests.is_ready() && requests.held() <= LONGEST_REQUEST + 8, "a longer one is refused");
    }
    found.extend(requests.take_last());
    found
}

/// A line of a controller's feed.
pub fn feed(data: &[u8]) {
    match parse_feed(data) {
        Ok(line) => {
            if let Some(state) = line.state {
                assert!((1..=255).contains(&state.groups.len()));
            }
        }
        Err(error) => assert!(!error.to_string().contains('\n'), "one line: {error}"),
    }
}

/// Lines of a satellite receiver: as NMEA sentences, and as reports of gpsd.
pub fn position(data: &[u8]) {
    let mut decoder = NmeaDecoder::new(false);
    let mut fixes = Vec::new();
    let keep = |heard| match heard {
        Heard::Fix(fix) => Some(fix),
        _ => None,
    };
    for line in data.split_inclusive(|byte| *byte == b'\n') {
        decoder.feed(line, START, |heard| fixes.extend(keep(heard)));
        if let Ok(Report::Position { fix: Ok(fix), .. }) = gpsd_report(line.trim_ascii(), false) {
            fixes.push(fix.with_estimate(None));
        }
    }
    fixes.extend(decoder.quiet(START).and_then(keep));
    for fix in fixes {
        assert!(Position::new(fix.position.latitude, fix.position.longitude).is_some());
        assert!(!fix.position.is_unset() && fix.heading.is_none_or(|heading| heading < 3600));
    }
}

/// What a caster of corrections answers, and the RTCM stream behind it; in pieces of a length the first byte chooses.
pub fn corrections(data: &[u8]) {
    let Some((&length, stream)) = data.split_first() else { return };
    let mut framer = Framer::new();
    let mut reply = Reply::new();
    for piece in stream.chunks(usize::from(length).max(1)) {
        framer.feed(piece, look_at_message);
    }
    let mut behind = Framer::new();
    for piece in stream.chunks(usize::from(length).max(1)) {
        if reply.feed(piece, |bytes| behind.feed(bytes, look_at_message)).is_err() {
            break;
        }
    }
    let mut whole = Framer::new();
    whole.feed(stream, look_at_message);
    assert_eq!((whole.messages(), whole.damaged()), (framer.messages(), framer.damaged()));
}

/// A datagram from chrony's command port, as the answer to request number 1.
pub fn clock(data: &[u8]) {
    if let Ok(tracking) = tracking::answer(data, 1) {
        assert!(data.len() >= tracking::ANSWER_LENGTH);
        assert!(tracking.correction_s.is_finite() && tracking.skew_ppm.is_finite());
        let _bound = (tracking.error_us(), tracking.drift_ppb(), tracking.measured_ago(0));
    }
}

fn look_at_message(message: &[u8]) {
    assert_eq!(crc24q(message), 0);
    assert!(message_number(message).is_none_or(|number| number < 4096));
    assert!(station_id(message).is_none_or(|station| station < 4096));
}
