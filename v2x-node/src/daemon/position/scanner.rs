//! NMEA 0183 sentences in a stream of bytes that may hold other protocols too.
//!
//! A sentence begins at its `$` or `!` and ends behind its checksum, wherever in a line that is: receivers put UBX or RTCM
//! before, between and behind sentences, and some end lines with a carriage return alone.

/// One thing found in the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scanned<'a> {
    /// What stands between the `$` and the `*` of a sentence whose checksum is right.
    Sentence(&'a str),
    /// A sentence without a checksum.
    Unsummed,
    /// A sentence that was cut or changed on its way.
    Damaged,
    /// A line, or as many bytes as the longest sentence has, of text that is none.
    Text,
    /// The same of bytes that are no text.
    Binary,
}

/// Finds sentences; holds at most one.
#[derive(Clone, Debug, Default)]
pub(super) struct Scanner {
    held: Vec<u8>,
    inside: bool,
    /// Bytes since the last sentence or end of a line.
    other: usize,
    binary: bool,
}

impl Scanner {
    /// Takes more bytes and hands out what they end.
    pub fn feed(&mut self, bytes: &[u8], mut found: impl FnMut(Scanned<'_>)) {
        for &byte in bytes {
            if matches!(byte, b'$' | b'!') {
                self.held.clear();
                self.inside = true;
            } else if self.inside {
                self.inside_sentence(byte, &mut found);
            } else {
                self.between(byte, &mut found);
            }
        }
    }

    fn inside_sentence(&mut self, byte: u8, found: &mut impl FnMut(Scanned<'_>)) {
        let whole = match byte {
            b'\r' | b'\n' => true,
            b' '..=b'~' if self.held.len() < LONGEST_SENTENCE => {
                self.held.push(byte);
                self.held
                    .iter()
                    .rposition(|byte| *byte == b'*')
                    .is_some_and(|star| self.held.len() - star > 2)
            }
            // The dollar sign was another protocol's.
            _ => {
                self.inside = false;
                self.other += self.held.len();
                return self.between(byte, found);
            }
        };
        if whole {
            self.inside = false;
            let scanned = match scan(&self.held) {
                Scanned::Text if self.binary => Scanned::Binary,
                scanned => scanned,
            };
            (self.other, self.binary) = (0, false);
            found(scanned);
        }
    }

    fn between(&mut self, byte: u8, found: &mut impl FnMut(Scanned<'_>)) {
        let ends = matches!(byte, b'\r' | b'\n');
        if !ends {
            self.other += 1;
            self.binary |= !matches!(byte, b' '..=b'~' | b'\t');
        }
        if self.other > LONGEST_SENTENCE || ends && self.other > 0 {
            found(if self.binary { Scanned::Binary } else { Scanned::Text });
            (self.other, self.binary) = (0, false);
        }
    }
}

fn scan(held: &[u8]) -> Scanned<'_> {
    let Ok(text) = str::from_utf8(held) else { return Scanned::Damaged };
    let Some((body, sum)) = text.rsplit_once('*') else {
        let address = text.split(',').next().unwrap_or_default();
        let named = address.len() >= 3 && address.bytes().all(|byte| byte.is_ascii_alphanumeric());
        return match named && text.contains(',') {
            true => Scanned::Unsummed,
            false => Scanned::Text,
        };
    };
    let expected = body.bytes().fold(0, |sum, byte| sum ^ byte);
    let hex = sum.len() == 2 && sum.bytes().all(|byte| byte.is_ascii_hexdigit());
    match u8::from_str_radix(sum, 16) {
        Ok(sum) if hex && sum == expected => Scanned::Sentence(body),
        _ => Scanned::Damaged,
    }
}

/// NMEA 0183 allows 82 characters; receivers send up to 102 in standard sentences and 200 in their own.
const LONGEST_SENTENCE: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ZDA: &[u8] = b"$GPZDA,160012.71,11,03,2004,-1,00*7D";

    fn scan_all(bytes: &[u8]) -> Vec<String> {
        let mut all = Vec::new();
        Scanner::default().feed(bytes, |found| all.push(format!("{found:?}")));
        all
    }

    fn sentences(bytes: &[u8]) -> usize {
        scan_all(bytes).iter().filter(|found| found.starts_with("Sentence")).count()
    }

    /// A UBX message whose payload has a line feed and a dollar sign.
    fn ubx() -> Vec<u8> {
        [&[0xb5, 0x62, 0x01, 0x07, 0x06, 0x00][..], b"\n$GP\x00\x01", &[0x11, 0x22]].concat()
    }

    #[test]
    fn binary_before_between_and_behind_costs_no_sentence() {
        let ubx = ubx();
        let line = [ZDA, b"\r\n"].concat();
        for bytes in [
            [&ubx[..], &line, &line].concat(),
            [&line[..], &ubx, &line].concat(),
            [&line[..], &line, &ubx].concat(),
            [ZDA, &ubx, ZDA].concat(),
            [b"\xd3\x00\x04RTCM", &line[..], b"\\g:1-2-7*5A\\", &line].concat(),
        ] {
            assert_eq!(sentences(&bytes), 2, "{:?}", scan_all(&bytes));
        }
    }

    #[test]
    fn a_line_may_end_in_either_character_or_in_none() {
        for end in [&b"\r\n"[..], b"\r", b"\n", b""] {
            assert_eq!(sentences(&[ZDA, end, ZDA, end].concat()), 2);
            assert_eq!(scan_all(&[ZDA, end].concat()).len(), 1);
        }
    }

    #[test]
    fn what_is_no_sentence_is_named() {
        assert_eq!(scan_all(b"$GNRMC,1,A\r\n"), ["Unsummed"]);
        assert_eq!(scan_all(b"$GNRMC,1,A*00\r\n"), ["Damaged"]);
        assert_eq!(scan_all(b"$GNRMC,1,A*0\r\n"), ["Damaged"]);
        assert_eq!(scan_all(b"$GNRMC,1,A*+5\r\n"), ["Damaged"]);
        assert_eq!(scan_all(b"AT\r\nOK\r\n\r\n$ 5\n"), ["Text", "Text", "Text"]);
        assert_eq!(scan_all(b"\xe6\x98\x00\n"), ["Binary"]);
        assert_eq!(scan_all(b"\xb5\x62$\n"), ["Binary"], "no dollar sign of NMEA's");
        assert_eq!(scan_all(&[0xff; 600]), ["Binary", "Binary"], "a wrong speed gives no line ends");
    }

    proptest! {
        #[test]
        fn it_holds_at_most_a_sentence_however_the_bytes_are_cut(
            bytes in prop::collection::vec(prop_oneof![Just(b'$'), Just(b'*'), Just(b'\n'), b' '..=b'~', any::<u8>()], 0..900),
            cut in 1usize..60
        ) {
            let mut scanner = Scanner::default();
            let mut cut_up = Vec::new();
            for piece in bytes.chunks(cut) {
                scanner.feed(piece, |found| cut_up.push(format!("{found:?}")));
                prop_assert!(scanner.held.len() <= LONGEST_SENTENCE);
            }
            prop_assert_eq!(cut_up, scan_all(&bytes));
        }

        #[test]
        fn any_binary_without_a_dollar_sign_loses_nothing(
            before in prop::collection::vec(any::<u8>(), 0..200), behind in prop::collection::vec(any::<u8>(), 0..200)
        ) {
            let bytes = [&before[..], ZDA, &behind].concat();
            prop_assert!(sentences(&bytes) >= 1);
        }
    }
}
