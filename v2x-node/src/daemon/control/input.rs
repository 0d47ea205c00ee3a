//! What a program has sent, cut into requests: lines, or messages of protobuf after their lengths.

use core::ops::Range;

use prost::Message as _;
use v2x_api::{AfarFrame, BadRequest, LONGEST_REQUEST};
use v2x_proto::v1::{self, ControlRequest, control_request};

use crate::daemon::lines::{Lines, TooLong};

/// What a program has sent and nobody has read.
#[derive(Debug)]
pub struct Requests(Form);

#[derive(Debug)]
enum Form {
    Lines(Lines),
    /// Protobuf.
    Frames(Frames),
}

/// A request as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inbound {
    /// JSON, without a line's end.
    Line(Vec<u8>),
    /// A frame from afar, or what is wrong with it.
    Afar(Result<AfarFrame, BadRequest>),
}

/// Why what came is no request, and the connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// A request of a megabyte.
    #[error("a request longer than {LONGEST_REQUEST} bytes; no request is")]
    TooLong,
    /// Protobuf was asked for, and something else comes.
    #[error(
        "no ControlRequest after its length as a varint (proto/schema/v2x/v1/control.proto), as was asked for in the first line"
    )]
    NotProtobuf,
    /// The end came within a request.
    #[error("the connection ended within a request")]
    Cut,
}

impl Default for Requests {
    fn default() -> Self {
        Self::new()
    }
}

impl Requests {
    /// None yet, one a line.
    #[must_use]
    pub fn new() -> Self {
        Self(Form::Lines(Lines::new(LONGEST_REQUEST)))
    }

    /// What comes, and what has come already, is protobuf.
    pub fn switch(&mut self) {
        if let Form::Lines(lines) = &mut self.0 {
            self.0 = Form::Frames(Frames { held: lines.take_rest() });
        }
    }

    /// Takes more bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            Form::Lines(lines) => lines.push(bytes),
            Form::Frames(frames) => frames.held.extend_from_slice(bytes),
        }
    }

    /// The next whole request.
    pub fn take(&mut self) -> Option<Result<Inbound, Unreadable>> {
        match &mut self.0 {
            Form::Lines(lines) => lines.next().map(line),
            Form::Frames(frames) => frames.next(),
        }
    }

    /// The next one when nothing more comes: the last line may lack its end.
    pub fn take_last(&mut self) -> Option<Result<Inbound, Unreadable>> {
        match &mut self.0 {
            Form::Lines(lines) => lines.last().map(line),
            Form::Frames(frames) => frames.next().or_else(|| {
                let rest = core::mem::take(&mut frames.held);
                (!rest.is_empty()).then_some(Err(Unreadable::Cut))
            }),
        }
    }

    /// Whether [`take`](Self::take) has something to look at.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        match &self.0 {
            Form::Lines(lines) => lines.is_ready(),
            Form::Frames(frames) => frames.first().is_some(),
        }
    }

    /// Bytes held.
    #[must_use]
    pub fn held(&self) -> usize {
        match &self.0 {
            Form::Lines(lines) => lines.len(),
            Form::Frames(frames) => frames.held.len(),
        }
    }
}

fn line(found: Result<Vec<u8>, TooLong>) -> Result<Inbound, Unreadable> {
    found.map(Inbound::Line).map_err(|TooLong| Unreadable::TooLong)
}

/// Messages after their lengths.
#[derive(Debug)]
struct Frames {
    held: Vec<u8>,
}

impl Frames {
    fn next(&mut self) -> Option<Result<Inbound, Unreadable>> {
        let found = self.first()?;
        let request = found.and_then(|place| {
            let end = place.end;
            let request = ControlRequest::decode(&self.held[place]).map_err(|_| Unreadable::NotProtobuf)?;
            self.held.drain(..end);
            Ok(match request.request {
                Some(control_request::Request::Afar(v1::AfarFrame { frame, peer })) => {
                    Inbound::Afar(AfarFrame::new(frame, peer))
                }
                Some(control_request::Request::Json(json)) => Inbound::Line(json.into_bytes()),
                // Refused as a line that says nothing.
                None => Inbound::Line(Vec::new()),
            })
        });
        if request.is_err() {
            self.held.clear();
        }
        Some(request)
    }

    /// Where the first message is; `None` while it is not whole.
    fn first(&self) -> Option<Result<Range<usize>, Unreadable>> {
        let mut length = 0;
        for (place, byte) in self.held.iter().enumerate() {
            if place == LONGEST_LENGTH {
                return Some(Err(Unreadable::TooLong));
            }
            length |= usize::from(byte & 0x7f) << (7 * place);
            if *byte < 0x80 {
                let start = place + 1;
                if length > LONGEST_REQUEST + HEAD {
                    return Some(Err(Unreadable::TooLong));
                }
                let whole = self.held.len() - start >= length;
                return whole.then(|| Ok(start..start + length));
            }
        }
        None
    }
}

/// Bytes of a varint below 2^28.
const LONGEST_LENGTH: usize = 4;
/// Tag and length of the text.
const HEAD: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn protobuf() -> Requests {
        let mut requests = Requests::new();
        requests.switch();
        requests
    }

    fn encoded(json: &str) -> Vec<u8> {
        let request = Some(control_request::Request::Json(json.to_owned()));
        ControlRequest { request }.encode_length_delimited_to_vec()
    }

    fn of_afar(frame: &[u8], peer: u32) -> Vec<u8> {
        let frame = v1::AfarFrame { frame: frame.to_vec().into(), peer };
        ControlRequest { request: Some(control_request::Request::Afar(frame)) }
            .encode_length_delimited_to_vec()
    }

    fn told(text: &str) -> Inbound {
        Inbound::Line(text.as_bytes().to_vec())
    }

    #[test]
    fn what_came_behind_the_first_line_is_read_as_protobuf() {
        let mut requests = Requests::new();
        requests.push(b"{\"encoding\":\"protobuf\"}\n");
        requests.push(&encoded("first"));
        requests.push(&encoded("second")[..3]);
        assert_eq!(requests.take(), Some(Ok(told("{\"encoding\":\"protobuf\"}"))));
        requests.switch();
        assert_eq!(requests.take(), Some(Ok(told("first"))));
        assert!(!requests.is_ready());
        requests.push(&encoded("second")[3..]);
        assert_eq!((requests.take(), requests.held()), (Some(Ok(told("second"))), 0));
    }

    #[test]
    fn what_is_no_request_is_refused_and_forgotten() {
        for (bytes, expected) in [
            (&[0xff; 20][..], Unreadable::TooLong),
            (&[0x80, 0x80, 0x04, 0], Unreadable::TooLong),
            (b"{\"hazard\":\"list\"}\n{\"hazard\":\"list\"}\n{\"hazard\":\"list\"}\n{\"hazard\":\"list\"}\n{\"hazard\":\"list\"}\n{\"hazard\":\"list\"}\n{\"hazard\":\"list\"}\n", Unreadable::NotProtobuf),
            (&[2, 0x0a, 5], Unreadable::NotProtobuf),
            (&[3, 0x0a, 1, 0xff], Unreadable::NotProtobuf),
        ] {
            let mut requests = protobuf();
            requests.push(bytes);
            assert!(requests.is_ready(), "{bytes:?}");
            assert_eq!((requests.take(), requests.held()), (Some(Err(expected)), 0), "{bytes:?}");
        }
        let mut requests = protobuf();
        requests.push(&[5, 0x0a]);
        assert_eq!((requests.take(), requests.is_ready()), (None, false));
        assert_eq!((requests.take_last(), requests.take_last()), (Some(Err(Unreadable::Cut)), None));
    }

    #[test]
    fn the_longest_request_is_read_and_no_longer_one() {
        let mut requests = protobuf();
        let longest = "x".repeat(LONGEST_REQUEST);
        requests.push(&encoded(&longest));
        assert_eq!(requests.take(), Some(Ok(told(&longest))));
        requests.push(&encoded(&"x".repeat(LONGEST_REQUEST + 1)));
        assert_eq!(requests.take(), Some(Err(Unreadable::TooLong)));
    }

    #[test]
    fn a_frame_from_afar_stands_in_a_request_s_place_and_what_is_wrong_with_one_ends_nothing() {
        let mut requests = protobuf();
        requests.push(&of_afar(&[1, 2], 7));
        requests.push(&of_afar(&[0; 1399], 7));
        requests.push(&of_afar(&[1], 1 << 16));
        requests.push(&encoded("after"));
        let frame = AfarFrame::new(vec![1, 2], 7).unwrap();
        assert_eq!(requests.take(), Some(Ok(Inbound::Afar(Ok(frame)))));
        for wrong in ["afar.frame: found 1399 bytes, expected 1 to 1398", "afar.peer: found 65536, expected"]
        {
            let Some(Ok(Inbound::Afar(Err(error)))) = requests.take() else { panic!("{wrong}") };
            assert!(error.to_string().starts_with(wrong), "{error}");
        }
        assert_eq!(requests.take(), Some(Ok(told("after"))));
    }

    proptest! {
        #[test]
        fn frames_from_afar_are_read_as_they_were_written(
            frames in prop::collection::vec((prop::collection::vec(any::<u8>(), 1..60), any::<u16>()), 1..5), cut in 1usize..40,
        ) {
            let bytes: Vec<u8> = frames.iter().flat_map(|(frame, peer)| of_afar(frame, u32::from(*peer))).collect();
            let mut requests = protobuf();
            let mut found = Vec::new();
            for chunk in bytes.chunks(cut) {
                requests.push(chunk);
                found.extend(core::iter::from_fn(|| requests.take()));
            }
            let expected: Vec<_> = frames
                .into_iter()
                .map(|(frame, peer)| Ok(Inbound::Afar(Ok(AfarFrame { frame: frame.into(), peer }))))
                .collect();
            prop_assert_eq!(found, expected);
        }

        #[test]
        fn no_bytes_make_it_panic_and_how_they_are_cut_makes_no_difference(
            bytes in prop::collection::vec(prop_oneof![0..12u8, any::<u8>()], 0..80), cut in 1usize..40,
        ) {
            let read = |size: usize| {
                let mut requests = protobuf();
                let mut found = Vec::new();
                for chunk in bytes.chunks(size) {
                    requests.push(chunk);
                    while let Some(next) = requests.take() {
                        let ended = next.is_err();
                        found.push(next);
                        // The connection ends.
                        if ended {
                            return found;
                        }
                    }
                    assert!(!requests.is_ready());
                }
                found.extend(requests.take_last());
                found
            };
            prop_assert_eq!(read(cut), read(1));
        }

        #[test]
        fn requests_are_read_as_they_were_written(lines in prop::collection::vec("\\PC{0,40}", 1..5), cut in 1usize..40) {
            let bytes: Vec<u8> = lines.iter().flat_map(|line| encoded(line)).collect();
            let mut requests = protobuf();
            let mut found = Vec::new();
            for chunk in bytes.chunks(cut) {
                requests.push(chunk);
                found.extend(core::iter::from_fn(|| requests.take()));
            }
            let expected: Vec<_> = lines.iter().map(|line| Ok(told(line))).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
