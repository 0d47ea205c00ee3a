//! Transcripts of outputs, in bytes and in words.

use super::*;
use bytes::Bytes;
use proptest::prelude::*;
use v2x_core::{
    Concern, Dropped, EventId, EventState, Forwarded, HazardChange, HazardChanged, HazardRefusal,
    HeardElsewhere, Instant, KnownHazard, MessageId, Misbehaviour, NotSent, Position, ReceiveStamps,
    Received, SendStamps, Sent, Suspicion, TimerKind, Token, Transmit, WireTime,
};

use v2x_proto::Digest;
use v2x_proto::link::Origin;
use v2x_proto::v1;

const ID: MessageId = MessageId { signer: Digest([0xab; 8]), class: Class::D2, sequence: 7 };

const EVENT: EventId = EventId { origin: Digest([0xab; 8]), number: 7 };

fn known() -> KnownHazard {
    let position = Position { latitude: -1, longitude: 2 };
    KnownHazard {
        id: EVENT,
        own: true,
        state: EventState::Negated,
        class: Class::D3,
        cause: 94,
        sub_cause: 2,
        position,
        speed: None,
        heading: None,
        quality: None,
        detection: WireTime::from_micros(5),
        reference: WireTime::from_micros(6),
        valid_until: WireTime::from_micros(7),
        area: None,
        relevance_distance_m: None,
        relevance_direction: v1::RelevanceDirection::Unspecified,
        keep_alive: None,
        suspect: true,
        afar: false,
        concern: Some(Concern { time_to_conflict: None, distance_m: 1.0, at: position }),
    }
}

fn outputs() -> Vec<(Output, &'static str)> {
    let received = Received {
        confidential: false,
        id: ID,
        message_type: 1,
        generation_time: WireTime::from_micros(5),
        position: Position { latitude: -1, longitude: 2 },
        link_source: [1; 6],
        signal_dbm: None,
        forwarder: None,
        frame: Bytes::new(),
        hops: 1,
        permissions: 3,
        verified: true,
        suspect: false,
        payload: Bytes::from_static(&[9, 9]),
        stamps: ReceiveStamps::default(),
        way: Way::Air,
    };
    let from_afar = Received { way: Way::Afar(7), ..received.clone() };
    let transmit = Transmit {
        bytes: Bytes::from_static(&[1, 2, 3]),
        class: Class::D2,
        origin: Origin::Own,
        id: ID,
        expires: Instant::from_nanos(99),
        source: None,
        stamps: SendStamps::default(),
    };
    let dropped = Dropped {
        reason: DropReason::SignatureInvalid,
        field: None,
        link_source: [2; 6],
        claimed: Some(ID),
        head: v2x_core::FrameHead::default(),
        signal_dbm: None,
        way: Way::Air,
    };
    let sent = Sent {
        id: ID,
        message_type: 1,
        generation_time: WireTime::from_micros(5),
        position: Position::default(),
        frame_len: 300,
        full_credential: true,
        generated: Instant::ZERO,
        token: Some(Token(7)),
    };
    let suspicion = Suspicion {
        digest: Digest([1; 8]),
        standing: TrustLevel::Suspect,
        check: Some(Check::Overlap),
        score: 0.25,
    };
    let misbehaviour = Misbehaviour { subject: Digest([1; 8]), report: Bytes::from_static(&[9, 9]) };
    let not_sent =
        NotSent { class: Class::D0, id: None, reason: NotSentReason::BadRequest, token: Some(Token(7)) };
    vec![
        (Output::Transmit(transmit.clone()), "transmit abababababababab/D2/7, 3 bytes"),
        (
            Output::Transmit(Transmit { source: Some([2; 6]), ..transmit.clone() }),
            "transmit abababababababab/D2/7, 3 bytes from 020202020202",
        ),
        (Output::Event(Event::Received(received)), "received abababababababab/D2/7"),
        (Output::Event(Event::Dropped(dropped)), "dropped signature_invalid from 020202020202"),
        (Output::Event(Event::Sent(sent)), "sent abababababababab/D2/7"),
        (Output::Event(Event::NotSent(not_sent)), "not sent D0 send_bad_request"),
        (
            Output::Event(Event::Forwarded(Forwarded {
                id: ID,
                remaining_hops: 9,
                cause: ForwardCause::Contention,
                way: Way::Air,
            })),
            "forwarded abababababababab/D2/7 by contention, 9 hops left",
        ),
        (
            Output::Event(Event::Forwarded(Forwarded {
                id: ID,
                remaining_hops: 0,
                cause: ForwardCause::Afar,
                way: Way::Afar(7),
            })),
            "forwarded abababababababab/D2/7 by afar, 0 hops left, from afar, peer 7",
        ),
        (Output::Event(Event::Received(from_afar)), "received abababababababab/D2/7"),
        (
            Output::Event(Event::Dropped(Dropped { way: Way::Afar(u16::MAX), ..dropped })),
            "dropped signature_invalid from afar, peer 65535",
        ),
        (
            Output::Event(Event::Hazard(HazardChanged { event: known(), change: HazardChange::Negated })),
            "own hazard abababababababab/7 negated: D3, cause 94/2, negated at -1, 2, detected at 5 us, as of 6 us, \
             until 7 us, suspect, concerns this station",
        ),
        (
            Output::Event(Event::HazardAccepted { id: EVENT, token: Some(Token(7)) }),
            "hazard abababababababab/7 accepted",
        ),
        (
            Output::Event(Event::HazardRefused { refusal: HazardRefusal::Class(2), token: None }),
            "hazard refused: a hazard is D0",
        ),
        (
            Output::Event(Event::HazardRenamed { old: EVENT, new: EventId { number: 8, ..EVENT } }),
            "hazard abababababababab/7 goes on as abababababababab/8",
        ),
        (Output::Event(Event::NeighbourAdded(Digest([1; 8]))), "neighbour 0101010101010101 added"),
        (Output::Event(Event::NeighbourLost(Digest([1; 8]))), "neighbour 0101010101010101 lost"),
        (Output::Event(Event::Sending(SendingState::CredentialNotValid)), "sending CredentialNotValid"),
        (
            Output::Event(Event::PseudonymChanged { old: Digest([1; 8]), new: Digest([2; 8]) }),
            "pseudonym 0101010101010101 changed to 0202020202020202",
        ),
        (
            Output::Event(Event::PoolLow { spares: 2, valid_until: WireTime::from_micros(5) }),
            "pool low: 2 spares, valid until 5 us",
        ),
        (
            Output::Event(Event::HeardElsewhere(HeardElsewhere {
                id: ID,
                generation: WireTime::from_micros(5),
                position: Position { latitude: -1, longitude: 2 },
                link_source: [9; 6],
                signal_dbm: Some(-60),
            })),
            "another station signed abababababababab/D2/7, generated at 5 us at -1, 2, heard from 090909090909",
        ),
        (
            Output::Event(Event::Suspicion(suspicion)),
            "station 0101010101010101 is suspect by overlap, score 0.25",
        ),
        (Output::Event(Event::Misbehaviour(misbehaviour)), "report about 0101010101010101: 0909"),
    ]
}

#[test]
fn every_entry_can_be_described() {
    for (output, words) in outputs() {
        let mut entry = Vec::new();
        write(&output, &mut entry);
        assert!(describe(&entry).starts_with(words), "{}", describe(&entry));
    }
}

#[test]
fn causes_are_listed_in_their_own_order() {
    assert!(ForwardCause::ALL.iter().enumerate().all(|(number, cause)| *cause as usize == number));
}

#[test]
fn what_becomes_of_hazards_is_listed_in_order() {
    assert!(HazardChange::ALL.iter().enumerate().all(|(number, change)| *change as usize == number));
    assert!(EventState::ALL.iter().enumerate().all(|(number, state)| *state as usize == number));
}

#[test]
fn reasons_and_states_are_listed_in_their_own_order() {
    for (n, reason) in NOT_SENT_REASONS.iter().enumerate() {
        assert_eq!(*reason as usize, n);
    }
    for (n, state) in SENDING_STATES.iter().enumerate() {
        assert_eq!(*state as usize, n);
    }
}

#[test]
fn the_frame_of_a_transmission_can_be_taken_out() {
    let frames: Vec<_> = outputs()
        .into_iter()
        .filter_map(|(output, _)| {
            let mut entry = Vec::new();
            write(&output, &mut entry);
            transmitted(&entry).map(<[u8]>::to_vec)
        })
        .collect();
    assert_eq!(frames, [[1, 2, 3], [1, 2, 3]]);
    assert_eq!(transmitted(&[TRANSMIT]), None);
}

#[test]
fn a_timeout_leaves_no_trace() {
    let mut out = Vec::new();
    write(&Output::Timeout(Instant::ZERO, TimerKind::Idle), &mut out);
    assert!(out.is_empty());
}

proptest! {
    #[test]
    fn any_bytes_are_described(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        prop_assert!(!describe(&bytes).is_empty());
    }
}
