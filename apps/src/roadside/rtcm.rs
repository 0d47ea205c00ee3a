//! RTCM 3 messages out of a byte stream (RTCM 10403.3, transport layer, clause 4): preamble, length, CRC-24Q.

/// Collects bytes into whole messages. Other bytes are skipped and counted; at most one message is held.
#[derive(Debug, Default)]
pub struct Framer {
    held: Vec<u8>,
    messages: u64,
    damaged: u64,
    fillers: u64,
}

impl Framer {
    /// Nothing held.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes more bytes and gives every message they end to `message`, whole as it came: preamble, length, body of
    /// 2..=1023 bytes, checksum. Filler frames, whose body is too short for a message's number, are counted alone.
    pub fn feed(&mut self, bytes: &[u8], mut message: impl FnMut(&[u8])) {
        for piece in bytes.chunks(LONGEST_FRAME) {
            self.held.extend_from_slice(piece);
            let mut start = 0;
            while let Some(rest) = self.held.get(start..) {
                match next(rest) {
                    Next::Message(length) => {
                        let frame = &rest[..length];
                        if message_number(frame).is_some() {
                            self.messages += 1;
                            message(frame);
                        } else {
                            self.fillers += 1;
                        }
                        start += length;
                    }
                    Next::Skip { bytes, damaged } => {
                        self.damaged += u64::from(damaged);
                        start += bytes;
                    }
                    Next::More => break,
                }
            }
            self.held.drain(..start);
        }
    }

    /// Forgets the beginning of a message that was held: what comes next is no continuation of it.
    pub fn restart(&mut self) {
        self.held.clear();
    }

    /// Messages whose checksum held.
    pub fn messages(&self) -> u64 {
        self.messages
    }

    /// Whole frames without a message: what a base sends to keep a link busy (RTCM 10403.3, clause 4: length 0).
    pub fn fillers(&self) -> u64 {
        self.fillers
    }

    /// Preambles behind which the checksum did not hold: line noise, a wrong speed, or not RTCM 3 at all.
    pub fn damaged(&self) -> u64 {
        self.damaged
    }
}

/// Number of a framed message (DF002), 0..=4095; `None` when its body is too short for one.
pub fn message_number(frame: &[u8]) -> Option<u16> {
    let body = frame.get(HEADER..frame.len().checked_sub(CHECKSUM)?)?;
    Some(u16::from(*body.first()?) << 4 | u16::from(*body.get(1)?) >> 4)
}

/// Reference station of a framed message (DF003), 0..=4095, where its type has it behind its number.
pub fn station_id(frame: &[u8]) -> Option<u16> {
    let body = frame.get(HEADER..frame.len().checked_sub(CHECKSUM)?)?;
    let has = matches!(message_number(frame)?, 1001..=1013 | 1029 | 1033 | 1071..=1137 | 1230);
    let (high, low) = (body.get(1)?, body.get(2)?);
    has.then_some(u16::from(high & 0x0f) << 8 | u16::from(*low))
}

/// CRC-24Q of `bytes`.
pub fn crc24q(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |crc, byte| {
        let index = (crc >> 16) as u8 ^ byte;
        (crc << 8 & 0xff_ffff) ^ TABLE[usize::from(index)]
    })
}

enum Next {
    Message(usize),
    Skip { bytes: usize, damaged: bool },
    More,
}

fn next(bytes: &[u8]) -> Next {
    match bytes.iter().position(|byte| *byte == PREAMBLE) {
        Some(0) => {}
        Some(bytes) => return Next::Skip { bytes, damaged: false },
        None if bytes.is_empty() => return Next::More,
        None => return Next::Skip { bytes: bytes.len(), damaged: false },
    }
    let Some(&[_, high, low]) = bytes.first_chunk::<HEADER>() else { return Next::More };
    if high & RESERVED != 0 {
        return Next::Skip { bytes: 1, damaged: false };
    }
    let end = HEADER + (usize::from(high) << 8 | usize::from(low));
    let Some(frame) = bytes.get(..end + CHECKSUM) else { return Next::More };
    // Over body and checksum together the remainder is zero.
    if crc24q(frame) == 0 { Next::Message(frame.len()) } else { Next::Skip { bytes: 1, damaged: true } }
}

/// A frame with the longest body.
pub const LONGEST_FRAME: usize = HEADER + 1023 + CHECKSUM;
const PREAMBLE: u8 = 0xD3;
const HEADER: usize = 3;
const CHECKSUM: usize = 3;
/// Six bits before the length that are zero.
const RESERVED: u8 = 0xfc;
/// The polynomial, its leading bit included.
const CRC24Q: u32 = 0x186_4CFB;
/// The remainder of each byte. Bit by bit, noise full of preambles would hold the station's thread up.
const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = (byte as u32) << 16;
        let mut bit = 0;
        while bit < 8 {
            crc <<= 1;
            if crc & 0x100_0000 != 0 {
                crc ^= CRC24Q;
            }
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
};

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The standard's own example: type 1005, station 2003.
    pub(in crate::roadside) const EXAMPLE: [u8; 25] = [
        0xD3, 0x00, 0x13, 0x3E, 0xD7, 0xD3, 0x02, 0x02, 0x98, 0x0E, 0xDE, 0xEF, 0x34, 0xB4, 0xBD, 0x62, 0xAC,
        0x09, 0x41, 0x98, 0x6F, 0x33, 0x36, 0x0B, 0x98,
    ];

    /// A frame around `body`.
    pub(in crate::roadside) fn framed(body: &[u8]) -> Vec<u8> {
        let mut frame = vec![PREAMBLE, (body.len() >> 8) as u8, body.len() as u8];
        frame.extend_from_slice(body);
        let crc = crc24q(&frame);
        frame.extend_from_slice(&crc.to_be_bytes()[1..]);
        frame
    }

    fn read(bytes: &[u8], cut: usize) -> (Vec<Vec<u8>>, u64) {
        let (mut framer, mut messages) = (Framer::new(), Vec::new());
        for piece in bytes.chunks(cut) {
            framer.feed(piece, |message| messages.push(message.to_vec()));
            assert!(framer.held.len() < LONGEST_FRAME);
        }
        (messages, framer.damaged())
    }

    #[test]
    fn the_standards_example_is_whole_and_says_type_and_station() {
        assert_eq!(read(&EXAMPLE, 7), (vec![EXAMPLE.to_vec()], 0));
        assert_eq!((message_number(&EXAMPLE), station_id(&EXAMPLE)), (Some(1005), Some(2003)));
        // An ephemeris has a satellite's number where others have the station's.
        assert_eq!(station_id(&framed(&[0x3f, 0xb1, 0x23])), None);
        assert_eq!((message_number(&framed(&[1])), station_id(&[])), (None, None));
    }

    #[test]
    fn a_damaged_message_is_counted_and_the_next_one_found() {
        let mut bytes = EXAMPLE.to_vec();
        bytes[9] ^= 1;
        bytes.extend_from_slice(b"noise");
        bytes.extend_from_slice(&EXAMPLE);
        // The damaged one holds a preamble and a length of 514 inside, which has to prove wrong first.
        bytes.extend_from_slice(&[0; 600]);
        assert_eq!(read(&bytes, 1000), (vec![EXAMPLE.to_vec()], 2));
    }

    #[test]
    fn a_filler_is_counted_and_is_no_message() {
        let mut framer = Framer::new();
        let bytes = [&framed(&[])[..], &EXAMPLE, &framed(&[0x3e]), &framed(&[])].concat();
        let mut messages = Vec::new();
        framer.feed(&bytes, |message| messages.push(message.to_vec()));
        assert_eq!(messages, [EXAMPLE.to_vec()]);
        assert_eq!((framer.messages(), framer.fillers(), framer.damaged()), (1, 3, 0));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_is_framed_is_found_however_it_is_cut(
            bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 2..1024), 0..4), cut in 1usize..3000
        ) {
            let frames: Vec<_> = bodies.iter().map(|body| framed(body)).collect();
            prop_assert_eq!(read(&frames.concat(), cut), (frames, 0));
        }

        #[test]
        fn arbitrary_bytes_give_only_frames_that_hold(
            bytes in prop::collection::vec(prop_oneof![2 => Just(PREAMBLE), 2 => Just(0), 5 => any::<u8>()], 0..3000), cut in 1usize..500
        ) {
            let (messages, damaged) = read(&bytes, cut);
            for message in &messages {
                prop_assert_eq!(crc24q(message), 0);
                prop_assert!(message_number(message).is_some_and(|number| number < 4096));
                prop_assert!(station_id(message).is_none_or(|station| station < 4096));
            }
            prop_assert_eq!((messages, damaged), read(&bytes, 1));
        }
    }
}
