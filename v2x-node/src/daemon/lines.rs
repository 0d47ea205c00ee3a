//! Lines out of a byte stream, none longer than a bound: of receivers, of a roadside unit's controllers, and of programs
//! at the control socket.

/// Collects bytes and hands out lines. What is longer than the bound is skipped to its end.
#[derive(Debug)]
pub(crate) struct Lines {
    held: Vec<u8>,
    longest: usize,
    skipping: bool,
}

/// A line longer than the bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooLong;

impl Lines {
    /// None yet; `longest` is a line's bytes without its break.
    pub fn new(longest: usize) -> Self {
        Self { held: Vec::new(), longest, skipping: false }
    }

    /// Takes more bytes. As many as were pushed are held until [`next`](Self::next) has looked at them.
    pub fn push(&mut self, bytes: &[u8]) {
        self.held.extend_from_slice(bytes);
    }

    /// The next whole line, without its break and the space around it. Empty lines are left out.
    pub fn next(&mut self) -> Option<Result<Vec<u8>, TooLong>> {
        loop {
            let Some(end) = self.held.iter().position(|byte| *byte == b'\n') else {
                let too_long = self.held.len() > self.longest;
                if too_long || self.skipping {
                    self.held.clear();
                }
                let first = too_long && !self.skipping;
                self.skipping |= too_long;
                return first.then_some(Err(TooLong));
            };
            let mut line: Vec<u8> = self.held.drain(..=end).collect();
            line.pop();
            if core::mem::take(&mut self.skipping) {
                continue;
            }
            if line.len() > self.longest {
                return Some(Err(TooLong));
            }
            if !line.trim_ascii().is_empty() {
                return Some(Ok(line.trim_ascii().to_vec()));
            }
        }
    }

    /// The last line of a stream that has ended, which may lack its break.
    pub fn last(&mut self) -> Option<Result<Vec<u8>, TooLong>> {
        self.next().or_else(|| {
            let line = core::mem::take(&mut self.held);
            (!line.trim_ascii().is_empty()).then(|| Ok(line.trim_ascii().to_vec()))
        })
    }

    /// Everything held, lines or not.
    pub fn take_rest(&mut self) -> Vec<u8> {
        core::mem::take(&mut self.held)
    }

    /// Whether [`next`](Self::next) has something to look at: a line's end, or more than a line holds.
    pub fn is_ready(&self) -> bool {
        self.held.len() > self.longest || self.held.contains(&b'\n')
    }

    /// Bytes held.
    pub fn len(&self) -> usize {
        self.held.len()
    }

    /// Takes more bytes and gives every line they end to `line`. Returns how many lines were too long.
    pub fn feed(&mut self, bytes: &[u8], mut line: impl FnMut(&[u8])) -> u64 {
        self.push(bytes);
        let mut too_long = 0;
        while let Some(next) = self.next() {
            match next {
                Ok(whole) => line(&whole),
                Err(TooLong) => too_long += 1,
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

    #[test]
    fn lines_are_handed_out_in_order_and_the_last_may_lack_its_break() {
        let mut lines = Lines::new(3);
        lines.push(b"a\n1234\n \r\nbc");
        assert!(lines.is_ready());
        assert_eq!(lines.next(), Some(Ok(b"a".to_vec())));
        assert_eq!(lines.next(), Some(Err(TooLong)));
        assert_eq!((lines.next(), lines.is_ready()), (None, false));
        assert_eq!((lines.last(), lines.last()), (Some(Ok(b"bc".to_vec())), None));
        lines.push(b"1234");
        assert_eq!((lines.last(), lines.len()), (Some(Err(TooLong)), 0));
        lines.push(b"5");
        assert_eq!((lines.last(), lines.last()), (None, None), "the rest of what was too long");
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
