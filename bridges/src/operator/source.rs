//! Where content comes from, in pieces: a directory, such as a USB stick, or a peer.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;

use futures_util::future::LocalBoxFuture;

use super::fetch::{FetchFault, Piece};
use super::manifest::ContentHash;

/// Takes bytes of a piece, in their order.
pub type Sink<'a> = dyn FnMut(&[u8]) -> Result<(), PieceFault> + 'a;

/// What has content.
pub trait ContentSource: Send {
    /// Gives the bytes of a piece to `sink`. What it gave before a fault counts.
    fn piece<'a>(
        &'a mut self,
        hash: ContentHash,
        piece: Piece,
        sink: &'a mut Sink<'_>,
    ) -> LocalBoxFuture<'a, Result<(), PieceFault>>;
}

/// Why a piece did not come whole.
#[derive(Debug, thiserror::Error)]
pub enum PieceFault {
    /// What came is not what was asked for.
    #[error(transparent)]
    Fetch(#[from] FetchFault),
    /// The disk here does not take it.
    #[error("the disk: {0}")]
    Disk(io::Error),
    /// The way to the source broke; it can be tried again.
    #[error("the source broke off: {0}")]
    Broke(String),
    /// The source does not have it.
    #[error("the source does not have it")]
    Lacks,
}

impl PieceFault {
    /// Its name, for counters and programs.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Fetch(fault) => fault.name(),
            Self::Disk(error) if error.kind() == io::ErrorKind::StorageFull => "disk_full",
            Self::Disk(_) => "disk",
            Self::Broke(_) => "broke",
            Self::Lacks => "unknown_content",
        }
    }
}

/// Files named by the hashes of what they hold, as `roadcast-bridge operator sign` writes them.
#[derive(Debug)]
pub struct DirectorySource {
    directory: PathBuf,
}

impl DirectorySource {
    /// Those of a directory.
    #[must_use]
    pub const fn new(directory: PathBuf) -> Self {
        Self { directory }
    }

    fn read(&self, hash: ContentHash, piece: Piece, sink: &mut Sink<'_>) -> Result<(), PieceFault> {
        let broke = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => PieceFault::Lacks,
            _ => PieceFault::Broke(error.to_string()),
        };
        let mut file = File::open(self.directory.join(hash.to_string())).map_err(broke)?;
        file.seek(SeekFrom::Start(piece.offset)).map_err(broke)?;
        let mut file = file.take(piece.length.into());
        let mut buffer = vec![0; CHUNK];
        loop {
            match file.read(&mut buffer).map_err(broke)? {
                0 if file.limit() > 0 => return Err(PieceFault::Broke("the file is too short".to_owned())),
                0 => return Ok(()),
                length => sink(&buffer[..length])?,
            }
        }
    }
}

impl ContentSource for DirectorySource {
    fn piece<'a>(
        &'a mut self,
        hash: ContentHash,
        piece: Piece,
        sink: &'a mut Sink<'_>,
    ) -> LocalBoxFuture<'a, Result<(), PieceFault>> {
        Box::pin(async move { self.read(hash, piece, sink) })
    }
}

/// Bytes that are read at once.
const CHUNK: usize = 64 << 10;
