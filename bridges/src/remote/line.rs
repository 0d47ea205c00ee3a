//! Lines of somebody else, of a bounded length.

use std::io;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// Reads lines. Given up while it waits, it loses nothing.
#[derive(Debug)]
pub(super) struct LineReader<R> {
    from: R,
    longest: usize,
    buffer: BytesMut,
    /// Bytes of it without an end of a line.
    searched: usize,
}

/// Why there is no further line.
#[derive(Debug, thiserror::Error)]
pub(super) enum LineError {
    /// One is longer than it may be.
    #[error("a line of more than {0} bytes")]
    TooLong(usize),
    /// The other end is not there.
    #[error("{0}")]
    Lost(#[from] io::Error),
}

impl<R: AsyncRead + Unpin> LineReader<R> {
    /// Lines of at most `longest` bytes without their end.
    pub fn new(from: R, longest: usize) -> Self {
        Self { from, longest, buffer: BytesMut::new(), searched: 0 }
    }

    /// The same with another bound, from the next line on.
    pub fn bounded(self, longest: usize) -> Self {
        Self { longest, ..self }
    }

    /// What was read and not given out, and where from.
    pub fn into_parts(self) -> (BytesMut, R) {
        (self.buffer, self.from)
    }

    /// The next line without its end; `None` once the other end has said all. What it said without an end is no line: it may be half
    /// of one.
    pub async fn next(&mut self) -> Result<Option<Bytes>, LineError> {
        loop {
            if let Some(line) = self.ready() {
                return if line.len() > self.longest {
                    Err(LineError::TooLong(self.longest))
                } else {
                    Ok(Some(line))
                };
            }
            if self.buffer.len() > self.longest {
                return Err(LineError::TooLong(self.longest));
            }
            self.buffer.reserve(READ_BYTES);
            if self.from.read_buf(&mut self.buffer).await? == 0 {
                return Ok(None);
            }
        }
    }

    /// The next line if all of it has been read.
    fn ready(&mut self) -> Option<Bytes> {
        let Some(found) = self.buffer[self.searched..].iter().position(|byte| *byte == b'\n') else {
            self.searched = self.buffer.len();
            return None;
        };
        let mut line = self.buffer.split_to(self.searched + found + 1);
        self.searched = 0;
        line.truncate(line.len() - 1);
        Some(line.freeze())
    }
}

const READ_BYTES: usize = 8 * 1024;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines(bytes: &[u8], longest: usize) -> (Vec<Vec<u8>>, bool) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (mut reader, mut lines) = (LineReader::new(bytes, longest), Vec::new());
            loop {
                match reader.next().await {
                    Ok(Some(line)) => lines.push(line.to_vec()),
                    Ok(None) => return (lines, true),
                    Err(_) => return (lines, false),
                }
            }
        })
    }

    #[test]
    fn half_a_line_is_none_and_a_long_one_ends_the_reading() {
        assert_eq!(lines(b"a\n\nbc\nhalf", 4), (vec![b"a".to_vec(), b"".to_vec(), b"bc".to_vec()], true));
        assert_eq!(lines(b"abcd\n", 4), (vec![b"abcd".to_vec()], true));
        assert_eq!(lines(b"abcde\n", 4), (Vec::new(), false));
        assert_eq!(lines(&[b'x'; 100_000], 4096), (Vec::new(), false), "an endless one");
    }

    proptest! {
        #[test]
        fn lines_are_what_stands_between_their_ends(bytes in prop::collection::vec(prop_oneof![Just(b'\n'), any::<u8>()], 0..400)) {
            let mut expected: Vec<_> = bytes.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
            expected.pop();
            prop_assert_eq!(lines(&bytes, 400), (expected, true));
        }
    }
}
