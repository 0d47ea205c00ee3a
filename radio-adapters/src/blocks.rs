//! A file of blocks that stays whole: when it cannot be written on, it ends after the last whole block.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;

use crate::destination;

/// What blocks are written to.
pub trait Medium: Write + Send {
    /// Ends it after `length` bytes, and goes on writing there.
    ///
    /// # Errors
    /// It cannot be shortened: a pipe, a device.
    fn cut(&mut self, length: u64) -> io::Result<()>;

    /// Whether `path` still leads to it and its `length` bytes ([`destination::is_at`]); always for what has no path.
    fn is_at(&self, _path: &Path, _length: u64) -> bool {
        true
    }
}

impl Medium for File {
    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)?;
        self.seek(SeekFrom::Start(length)).map(drop)
    }

    fn is_at(&self, path: &Path, length: u64) -> bool {
        destination::is_at(self, path, length)
    }
}

/// Blocks on their way to a medium.
#[derive(Debug)]
pub struct Blocks<M> {
    medium: M,
    /// Bytes of whole blocks in the medium.
    length: u64,
    buffer: Vec<u8>,
    /// Where each block of the buffer ends.
    ends: Vec<usize>,
}

/// Blocks that could not be written. What was written before is whole, where the medium can be shortened.
#[derive(Debug, thiserror::Error)]
#[error("{source}")]
pub struct Unwritten {
    /// Blocks lost.
    pub blocks: u64,
    /// The system's error.
    #[source]
    pub source: io::Error,
}

impl<M: Medium> Blocks<M> {
    /// An empty file.
    pub fn new(medium: M) -> Self {
        let buffer = Vec::with_capacity(BUFFER_BYTES);
        Self { medium, length: 0, buffer, ends: Vec::with_capacity(BUFFER_BYTES / 64) }
    }

    /// Adds a block.
    ///
    /// # Errors
    /// As [`flush`](Self::flush), which makes room; the new block is in the buffer then.
    pub fn push(&mut self, block: &[u8]) -> Result<(), Unwritten> {
        let full = self.buffer.len() + block.len() > BUFFER_BYTES && !self.buffer.is_empty();
        let flushed = if full { self.flush() } else { Ok(()) };
        self.buffer.extend_from_slice(block);
        self.ends.push(self.buffer.len());
        flushed
    }

    /// Writes what is buffered.
    ///
    /// # Errors
    /// [`Unwritten`]: the blocks that had no room are gone, and the file ends before them.
    pub fn flush(&mut self) -> Result<(), Unwritten> {
        let mut written = 0;
        let failed = loop {
            match self.medium.write(&self.buffer[written..]) {
                _ if written == self.buffer.len() => break None,
                Ok(0) => break Some(io::ErrorKind::WriteZero.into()),
                Ok(more) => written += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => break Some(error),
            }
        };
        let whole = self.ends.partition_point(|end| *end <= written);
        let lost = (self.ends.len() - whole) as u64;
        self.length += whole.checked_sub(1).map_or(0, |last| self.ends[last] as u64);
        self.buffer.clear();
        self.ends.clear();
        let Some(source) = failed else { return Ok(()) };
        // A medium that cannot be shortened keeps the beginning of a block; its reader sees where it breaks off.
        drop(self.medium.cut(self.length));
        Err(Unwritten { blocks: lost, source })
    }

    /// Whether `path` still leads to the medium and what was written.
    pub fn is_at(&self, path: &Path) -> bool {
        self.medium.is_at(path, self.length)
    }

    /// Bytes of whole blocks in the medium.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Blocks in the buffer.
    pub fn buffered(&self) -> u64 {
        self.ends.len() as u64
    }
}

/// Blocks gathered for one call of the system, bytes.
const BUFFER_BYTES: usize = 256 * 1024;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A disk with room for so many bytes, which takes a few at a time.
    struct Disk {
        bytes: Vec<u8>,
        room: usize,
        at_once: usize,
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let room = self.room.saturating_sub(self.bytes.len());
            if room == 0 && !bytes.is_empty() {
                return Err(io::ErrorKind::StorageFull.into());
            }
            let taken = bytes.len().min(room).min(self.at_once);
            self.bytes.extend_from_slice(&bytes[..taken]);
            Ok(taken)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Medium for Disk {
        fn cut(&mut self, length: u64) -> io::Result<()> {
            self.bytes.truncate(length as usize);
            Ok(())
        }
    }

    proptest! {
        #[test]
        fn a_full_disk_ends_a_file_between_two_blocks(
            sizes in proptest::collection::vec(1usize..50, 1..60),
            room in 0usize..1500,
            at_once in 1usize..70,
            flush_every in 1usize..9,
        ) {
            let mut blocks = Blocks::new(Disk { bytes: Vec::new(), room, at_once });
            let (mut given, mut lost) = (0, 0);
            for (number, size) in sizes.iter().enumerate() {
                blocks.push(&vec![*size as u8; *size]).unwrap();
                given += 1;
                if number % flush_every == 0 && let Err(unwritten) = blocks.flush() {
                    prop_assert_eq!(unwritten.source.kind(), io::ErrorKind::StorageFull);
                    lost += unwritten.blocks;
                }
            }
            lost += blocks.flush().map_or_else(|unwritten| unwritten.blocks, |()| 0);
            let Disk { bytes, .. } = &blocks.medium;
            prop_assert_eq!(blocks.length, bytes.len() as u64);
            let (mut rest, mut whole) = (&bytes[..], 0);
            while let Some(size) = rest.first() {
                let (block, after) = rest.split_at(usize::from(*size));
                prop_assert!(block.iter().all(|byte| byte == size));
                rest = after;
                whole += 1;
            }
            prop_assert_eq!(whole + lost, given);
        }
    }
}
