//! A reader that counts lines and refuses to hand out one endless row.

use std::io::{self, BufRead, Read};

/// Wraps a reader under a parser that grows its own buffer per row or tag: between two calls of [`Self::next_item`]
/// at most `limit` bytes pass, so the parser's buffer is bounded by it whatever the input.
#[derive(Debug)]
pub(super) struct Bounded<R> {
    inner: R,
    limit: usize,
    left: usize,
    newlines: u64,
    exceeded: bool,
}

impl<R: BufRead> Bounded<R> {
    pub(super) fn new(inner: R, limit: usize) -> Self {
        Self { inner, limit, left: limit, newlines: 0, exceeded: false }
    }

    /// The parser is done with an item: the next may take the full limit again.
    pub(super) fn next_item(&mut self) {
        self.left = self.limit;
    }

    /// The line reached, from 1.
    pub(super) fn line(&self) -> u64 {
        self.newlines + 1
    }

    /// Whether reading stopped because an item exceeded the limit.
    pub(super) fn exceeded(&self) -> bool {
        self.exceeded
    }

    pub(super) fn limit(&self) -> usize {
        self.limit
    }
}

impl<R: BufRead> BufRead for Bounded<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let buffer = self.inner.fill_buf()?;
        if self.left == 0 && !buffer.is_empty() {
            self.exceeded = true;
            return Err(io::Error::from(io::ErrorKind::FileTooLarge));
        }
        Ok(&buffer[..buffer.len().min(self.left)])
    }

    fn consume(&mut self, amount: usize) {
        if amount == 0 {
            return; // another read of the inner reader could swallow an error
        }
        // Asking again returns the bytes already buffered; they are counted as they pass.
        if let Ok(buffer) = self.inner.fill_buf() {
            let passing = &buffer[..amount.min(buffer.len())];
            self.newlines += passing.iter().filter(|byte| **byte == b'\n').count() as u64;
        }
        self.left = self.left.saturating_sub(amount);
        self.inner.consume(amount);
    }
}

impl<R: BufRead> Read for Bounded<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let taken = available.len().min(out.len());
        out[..taken].copy_from_slice(&available[..taken]);
        self.consume(taken);
        Ok(taken)
    }
}

/// Hands out an error once, after what could be read before it: the seam between a sniffed prefix and its rest.
#[derive(Debug)]
pub(super) struct Failing(pub(super) Option<io::Error>);

impl Read for Failing {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

impl BufRead for Failing {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.0.take().map_or(Ok(&[]), Err)
    }

    fn consume(&mut self, _: usize) {}
}

/// Whether the error means damaged or missing content rather than a failing medium.
pub(super) fn is_damage(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput
    )
}

/// The longest row, tag or comment of a trace in bytes.
pub const MAX_ROW_BYTES: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_longer_than_the_limit_stops_and_a_new_item_starts_afresh() {
        let mut reader = Bounded::new(&b"ab\ncd\nefghij"[..], 6);
        let mut out = [0; 3];
        assert_eq!(reader.read(&mut out).unwrap(), 3);
        reader.next_item();
        assert_eq!(reader.read(&mut out).unwrap(), 3);
        assert_eq!(reader.line(), 3);
        reader.next_item();
        let mut rest = Vec::new();
        assert_eq!(reader.read_to_end(&mut rest).unwrap(), 6);
        let mut long = Bounded::new(&b"abcdefgh"[..], 6);
        assert!(long.read_to_end(&mut rest).is_err());
        assert!(long.exceeded());
    }
}
