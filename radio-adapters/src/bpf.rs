//! Filters in the kernel, so that frames nobody reads do not wake the station (classic BPF,
//! `Documentation/networking/filter.rst` of Linux).

use std::io;

use libc::{
    BPF_ABS, BPF_ADD, BPF_ALU, BPF_AND, BPF_B, BPF_H, BPF_IND, BPF_JEQ, BPF_JMP, BPF_K, BPF_LD, BPF_LSH,
    BPF_MISC, BPF_RET, BPF_TAX, BPF_X,
};
use socket2::{SockFilter, Socket};

/// Lets through what may be a frame of this EtherType behind a radiotap header: data frames with it at any place where one
/// may stand. What is right with a frame is for its reader to say, which works without the filter too. Not what the radio
/// says of frames that it has sent.
///
/// # Errors
/// The kernel's own.
pub(crate) fn attach(socket: &Socket, ether_type: u16) -> io::Result<()> {
    attach_steps(socket, &radiotap(ether_type, Way::Heard))
}

/// Lets through what the radio says of QoS data frames of this EtherType that it has sent.
///
/// # Errors
/// The kernel's own.
pub(crate) fn attach_sent(socket: &Socket, ether_type: u16) -> io::Result<()> {
    attach_steps(socket, &radiotap(ether_type, Way::Sent))
}

/// Lets nothing through, until [`Socket::detach_filter`].
///
/// # Errors
/// The kernel's own.
pub(crate) fn attach_nothing(socket: &Socket) -> io::Result<()> {
    attach_steps(socket, &[step(BPF_RET | BPF_K, 0)])
}

/// An instruction.
#[derive(Debug, Clone, Copy)]
struct Step {
    code: u16,
    /// How many instructions a comparison skips when it holds, and when it does not.
    yes: u8,
    no: u8,
    operand: u32,
}

fn attach_steps(socket: &Socket, steps: &[Step]) -> io::Result<()> {
    let filters: Vec<_> =
        steps.iter().map(|step| SockFilter::new(step.code, step.yes, step.no, step.operand)).collect();
    socket.attach_filter(&filters)
}

/// Frames that a monitor interface gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Heard,
    Sent,
}

fn radiotap(ether_type: u16, way: Way) -> Vec<Step> {
    // To the last instruction but one.
    let rejected = 2 * PLACES.len() as u8;
    // Of the frame control: of type data, and with data; and of QoS, as this link's are.
    let (told, kind, value) = match way {
        Way::Heard => (0, 0x4f, 0x08),
        Way::Sent => (TX_FLAGS, 0xff, 0x88),
    };
    let mut steps = vec![
        // Of what is present, bits 8 to 15.
        step(BPF_LD | BPF_B | BPF_ABS, 5),
        step(BPF_ALU | BPF_AND | BPF_K, TX_FLAGS),
        equals(told, 0, rejected + 9),
        // X = the length of the radiotap header, two bytes, the lower first.
        step(BPF_LD | BPF_B | BPF_ABS, 3),
        step(BPF_ALU | BPF_LSH | BPF_K, 8),
        step(BPF_MISC | BPF_TAX, 0),
        step(BPF_LD | BPF_B | BPF_ABS, 2),
        step(BPF_ALU | BPF_ADD | BPF_X, 0),
        step(BPF_MISC | BPF_TAX, 0),
        step(BPF_LD | BPF_B | BPF_IND, 0),
        step(BPF_ALU | BPF_AND | BPF_K, kind),
        equals(value, 0, rejected),
    ];
    let left = (0..PLACES.len() as u8).rev();
    for (left, place) in left.zip(PLACES) {
        steps.push(step(BPF_LD | BPF_H | BPF_IND, place));
        // To the last instruction.
        steps.push(equals(u32::from(ether_type), 2 * left + 1, 0));
    }
    steps.push(step(BPF_RET | BPF_K, 0));
    steps.push(step(BPF_RET | BPF_K, WHOLE));
    steps
}

fn step(code: u32, operand: u32) -> Step {
    Step { code: code as u16, yes: 0, no: 0, operand }
}

fn equals(operand: u32, yes: u8, no: u8) -> Step {
    Step { yes, no, ..step(BPF_JMP | BPF_JEQ | BPF_K, operand) }
}

/// Where an EtherType may stand from the beginning of an 802.11 frame: behind headers of 24 to 36 bytes, and six bytes of
/// LLC or none. The kernel ends a filter that looks beyond the frame, which is why the nearest comes first.
const PLACES: [u32; 9] = [24, 26, 28, 30, 32, 34, 36, 38, 42];
/// Transmit flags, bit 15 of what may be present, which only a frame that was sent has.
const TX_FLAGS: u32 = 0x80;
/// More bytes than a frame has.
const WHOLE: u32 = 0x4_0000;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use v2x_proto::link::ieee80211::{BROADCAST, QosData};
    use v2x_proto::link::radiotap as header;

    use super::*;

    /// What the kernel does with these instructions: bytes of the frame to keep.
    fn run(steps: &[Step], frame: &[u8]) -> u32 {
        let (mut a, mut x, mut at) = (0u32, 0u32, 0);
        loop {
            let Step { code, yes, no, operand: k } = steps[at];
            at += 1;
            match u32::from(code) {
                0x30 | 0x50 | 0x48 => {
                    let from = if code == 0x30 { k } else { x + k } as usize;
                    let count = if code == 0x48 { 2 } else { 1 };
                    let Some(bytes) = frame.get(from..from + count) else { return 0 };
                    a = bytes.iter().fold(0, |number, byte| number << 8 | u32::from(*byte));
                }
                0x64 => a <<= k,
                0x07 => x = a,
                0x0c => a += x,
                0x54 => a &= k,
                0x15 => at += usize::from(if a == k { yes } else { no }),
                0x06 => return k,
                _ => panic!("instruction {code:#x}"),
            }
        }
    }

    fn ours() -> Vec<u8> {
        let header = QosData {
            destination: BROADCAST,
            source: [2; 6],
            user_priority: 5,
            sequence: 7,
            ether_type: 0x88b5,
        };
        [b"\0\0\x08\0\0\0\0\0", &header.encode()[..], b"hello"].concat()
    }

    #[test]
    fn a_frame_of_the_link_passes_and_others_do_not() {
        let steps = radiotap(0x88b5, Way::Heard);
        assert_eq!(run(&steps, &ours()), WHOLE);
        let mut beacon = ours();
        beacon[8] = 0x80;
        let mut other = ours();
        other[8 + 32..8 + 34].copy_from_slice(&[0x08, 0]);
        let mut empty = ours();
        empty[8] = 0xc8;
        for frame in [&beacon[..], &other, &empty, b"\0\0\x08", b"", &ours()[..30]] {
            assert_eq!(run(&steps, frame), 0, "{frame:02x?}");
        }
    }

    #[test]
    fn what_was_sent_passes_the_other_filter_alone() {
        let (heard, sent) = (radiotap(0x88b5, Way::Heard), radiotap(0x88b5, Way::Sent));
        let mut status = [b"\0\0\x0d\0\x04\x80\x02\0\x18\0\x08\0\0", &ours()[8..]].concat();
        assert_eq!((run(&heard, &status), run(&sent, &status)), (0, WHOLE));
        assert_eq!((run(&heard, &ours()), run(&sent, &ours())), (WHOLE, 0));
        // Without QoS: of the kernel's OCB mode.
        status[13] = 0x08;
        assert_eq!((run(&heard, &status), run(&sent, &status)), (0, 0));
    }

    proptest! {
        #[test]
        fn whatever_the_reader_takes_has_passed(
            header in prop::collection::vec(any::<u8>(), 4..20),
            kind in prop::sample::select(vec![0x08, 0x88]),
            flags: u8,
            rest in prop::collection::vec(any::<u8>(), 20..34),
            bare: bool,
        ) {
            let length = (header.len() + 4) as u8;
            let llc: &[u8] = if bare { b"" } else { b"\xaa\xaa\x03\0\0\0" };
            let frame = [&[0, 0, length, 0][..], &header, &[kind, flags], &rest, llc, b"\x88\xb5hello"].concat();
            let mine = header::strip(&frame).is_ok_and(|stripped| stripped.ether_type == 0x88b5);
            let way = if frame[5] & 0x80 == 0 { Way::Heard } else { Way::Sent };
            // No station injects another kind.
            prop_assume!(way == Way::Heard || kind == 0x88);
            prop_assert!(!mine || run(&radiotap(0x88b5, way), &frame) == WHOLE);
        }
    }
}
