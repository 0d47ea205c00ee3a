//! Lines out of a byte stream, none longer than a bound.

/// Collects bytes into lines. What is longer than the bound is skipped to its end and counted.
#[derive(Debug)]
pub(crate) struct Lines {
    held: Vec<u8>,
    longest: usize,
    skipping: bool,
}

impl Lines {
    pub fn new(longest: usize) -> Self {
        Self { held: Vec::new(), longest, skipping: false }
    }

    /// Takes more bytes and gives every line they end, without its line break, to `line`. Empty lines are left out.
    /// Returns how many lines were too long.
    pub fn feed(&mut self, bytes: &[u8], mut line: impl FnMut(&[u8])) -> u64 {
        let mut too_long = 0;
        for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
            let (text, ends) = match piece.split_last() {
                Some((b'\n', text)) => (text, true),
                _ => (piece, false),
            };
            if !self.skipping && self.held.len() + text.len() > self.longest {
                self.skipping = true;
                self.held.clear();
                too_long += 1;
            }
            if !self.skipping {
                self.held.extend_from_slice(text);
            }
            if ends {
                let whole = self.held.trim_ascii();
                if !self.skipping && !whole.is_empty() {
                    line(whole);
                }
                self.held.clear();
                self.skipping = false;
            }
        }
        too_long
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines_come_whole_and_long_ones_are_skipped() {
        let mut lines = Lines::new(5);
        let mut seen = Vec::new();
        let mut feed = |bytes: &[u8]| lines.feed(bytes, |line| seen.push(line.to_vec()));
        assert_eq!(feed(b"ab"), 0);
        assert_eq!(feed(b"c\r\n\n12345\n123456"), 1);
        assert_eq!(feed(b"789\nok\n"), 0);
        assert_eq!(seen, [b"abc".to_vec(), b"12345".to_vec(), b"ok".to_vec()]);
    }

    proptest! {
        #[test]
        fn how_the_bytes_are_cut_makes_no_difference(bytes in prop::collection::vec(prop_oneof![Just(b'\n'), any::<u8>()], 0..200), cut in 1usize..40) {
            let collect = |size: usize| {
                let (mut lines, mut seen) = (Lines::new(16), Vec::new());
                let long: u64 = bytes.chunks(size).map(|chunk| lines.feed(chunk, |line| seen.push(line.to_vec()))).sum();
                (seen, long, lines.held.len())
            };
            let (seen, long, held) = collect(cut);
            prop_assert!(held <= 16);
            prop_assert!(seen.iter().all(|line| line.len() <= 16));
            prop_assert_eq!((seen, long, held), collect(1));
        }
    }
}
