//! Fetching content by its hash, in pieces, without doing any IO.
//!
//! The manifest says how long the content is before a byte of it comes, so nothing grows beyond that. After a break the next piece
//! begins where the last byte came; bytes that were kept over a restart are hashed again first. Nothing counts before the whole
//! hash holds.

use core::fmt;
use core::time::Duration;

use sha2::{Digest as _, Sha256};

use super::manifest::ContentHash;

/// A fetch under way. Time is since any start that does not change.
#[derive(Clone)]
pub struct Fetch {
    hash: ContentHash,
    size: u64,
    have: u64,
    hasher: Sha256,
    asked: Option<Piece>,
    began: Duration,
    progress: Duration,
}

/// A piece of content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Where it begins, bytes.
    pub offset: u64,
    /// Its length, bytes, 1..=[`LONGEST_PIECE`].
    pub length: u32,
}

/// What a fetch needs next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FetchStep {
    /// Ask for this piece.
    Ask(Piece),
    /// Wait for what was asked for.
    Wait,
    /// All of it is there: [`Fetch::finish`].
    Whole,
}

/// Why a fetch ends without its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchFault {
    /// Bytes that were not asked for.
    #[error("more bytes came than were asked for")]
    TooMuch,
    /// What came is not what the manifest names.
    #[error("what came has another hash than the manifest says")]
    WrongHash,
    /// No byte for [`STALL`].
    #[error("nothing came for {} s", STALL.as_secs())]
    Stalled,
    /// It takes longer than content of its length may.
    #[error("it came more slowly than {} bytes/s", SLOWEST)]
    TooSlow,
}

impl FetchFault {
    /// Its name, for counters and programs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TooMuch => "too_much",
            Self::WrongHash => "wrong_hash",
            Self::Stalled => "stalled",
            Self::TooSlow => "too_slow",
        }
    }
}

impl Fetch {
    /// Begins to fetch `size` bytes, at least 1.
    #[must_use]
    pub fn new(hash: ContentHash, size: u64, now: Duration) -> Self {
        Self { hash, size, have: 0, hasher: Sha256::new(), asked: None, began: now, progress: now }
    }

    /// Bytes that are there from before, in their order from the first.
    ///
    /// # Errors
    /// [`FetchFault::TooMuch`]: what was kept is of something else.
    pub fn kept(&mut self, bytes: &[u8]) -> Result<(), FetchFault> {
        self.put(bytes)
    }

    /// Bytes that are there.
    #[must_use]
    pub const fn have(&self) -> u64 {
        self.have
    }

    /// What is to be done now. A piece is asked for once, until it came or [`broke`](Self::broke).
    ///
    /// # Errors
    /// It takes too long.
    pub fn next(&mut self, now: Duration) -> Result<FetchStep, FetchFault> {
        if self.have == self.size {
            return Ok(FetchStep::Whole);
        }
        self.in_time(now)?;
        if self.asked.is_some() {
            return Ok(FetchStep::Wait);
        }
        let length = (self.size - self.have).min(u64::from(LONGEST_PIECE)) as u32;
        let piece = Piece { offset: self.have, length };
        self.asked = Some(piece);
        Ok(FetchStep::Ask(piece))
    }

    /// Whether it may go on.
    ///
    /// # Errors
    /// It takes too long.
    pub fn in_time(&self, now: Duration) -> Result<(), FetchFault> {
        if now.saturating_sub(self.progress) >= STALL {
            return Err(FetchFault::Stalled);
        }
        if now.saturating_sub(self.began) >= longest_time(self.size) {
            return Err(FetchFault::TooSlow);
        }
        Ok(())
    }

    /// Bytes of the piece that was asked for, in their order.
    ///
    /// # Errors
    /// [`FetchFault::TooMuch`]: none of them is taken.
    pub fn take(&mut self, bytes: &[u8], now: Duration) -> Result<(), FetchFault> {
        let end = self.asked.map_or(self.have, |piece| piece.offset + u64::from(piece.length));
        if bytes.len() as u64 > end - self.have {
            return Err(FetchFault::TooMuch);
        }
        self.put(bytes)?;
        if !bytes.is_empty() {
            self.progress = now;
        }
        if self.have == end {
            self.asked = None;
        }
        Ok(())
    }

    /// The way the content came by broke: what is missing of the piece is asked for again. A source that broke and is back has
    /// its time anew; the time for all of the content runs on.
    pub const fn broke(&mut self, now: Duration) {
        self.asked = None;
        self.progress = now;
    }

    /// Compares the hash of all bytes.
    ///
    /// # Errors
    /// [`FetchFault::WrongHash`], also when bytes are missing.
    pub fn finish(self) -> Result<(), FetchFault> {
        let found: [u8; 32] = self.hasher.finalize().into();
        if self.have == self.size && found == self.hash.0 { Ok(()) } else { Err(FetchFault::WrongHash) }
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), FetchFault> {
        if bytes.len() as u64 > self.size - self.have {
            return Err(FetchFault::TooMuch);
        }
        self.hasher.update(bytes);
        self.have += bytes.len() as u64;
        Ok(())
    }
}

impl fmt::Debug for Fetch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fetch({}, {} of {} B)", self.hash, self.have, self.size)
    }
}

/// How long content of this length may take.
#[must_use]
pub const fn longest_time(size: u64) -> Duration {
    Duration::from_secs(60 + size / SLOWEST)
}

/// The longest piece that is asked for, bytes: one round trip costs little beside it, and a break costs no more than it.
pub const LONGEST_PIECE: u32 = 1 << 20;
/// A source that sends nothing for so long is left.
pub const STALL: Duration = Duration::from_secs(30);
/// Bytes a second below which a source only holds a place; a modem of 2G has twice as many.
pub const SLOWEST: u64 = 2_048;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const START: Duration = Duration::from_secs(1_000);

    fn content(length: usize) -> Vec<u8> {
        (0..length).map(|place| (place * 31 % 251) as u8).collect()
    }

    fn fetch(of: &[u8]) -> Fetch {
        Fetch::new(ContentHash::of(of), of.len() as u64, START)
    }

    fn ask(fetch: &mut Fetch) -> Option<Piece> {
        match fetch.next(START).unwrap() {
            FetchStep::Ask(piece) => Some(piece),
            FetchStep::Wait => panic!("it waits for a piece that nobody has"),
            FetchStep::Whole => None,
        }
    }

    fn slice(of: &[u8], piece: Piece) -> &[u8] {
        &of[piece.offset as usize..][..piece.length as usize]
    }

    #[test]
    fn content_comes_in_pieces_and_is_whole_with_the_last_byte() {
        let piece = LONGEST_PIECE as usize;
        for length in [1, piece - 1, piece, piece + 1, 2 * piece, 2 * piece + 17] {
            let of = content(length);
            let mut fetch = fetch(&of);
            let mut pieces = 0;
            while let Some(piece) = ask(&mut fetch) {
                assert_eq!(fetch.next(START), Ok(FetchStep::Wait), "asked for once");
                fetch.take(slice(&of, piece), START).unwrap();
                pieces += 1;
            }
            assert_eq!((pieces, fetch.have()), (length.div_ceil(piece), length as u64));
            assert_eq!(fetch.finish(), Ok(()), "{length}");
        }
    }

    #[test]
    fn a_break_at_any_byte_costs_no_byte_that_came() {
        let of = content(LONGEST_PIECE as usize + 3);
        let last = of.len() - 1;
        let edge = LONGEST_PIECE as usize;
        for cut in [0, 1, 2, 63, 64, 65, edge - 1, edge, edge + 1, last] {
            let mut first = fetch(&of);
            while let Some(piece) = ask(&mut first).filter(|piece| (piece.offset as usize) < cut) {
                let came = (cut - piece.offset as usize).min(piece.length as usize);
                first.take(&slice(&of, piece)[..came], START).unwrap();
                if came < piece.length as usize {
                    break;
                }
            }
            first.broke(START);
            assert_eq!(first.have(), cut as u64);
            // The same over a restart: what the file has is read again.
            let mut second = fetch(&of);
            second.kept(&of[..cut]).unwrap();
            for mut fetch in [first, second] {
                assert_eq!(ask(&mut fetch).unwrap().offset, cut as u64);
                fetch.broke(START);
                while let Some(piece) = ask(&mut fetch) {
                    fetch.take(slice(&of, piece), START).unwrap();
                }
                assert_eq!(fetch.finish(), Ok(()), "{cut}");
            }
        }
    }

    #[test]
    fn more_than_was_asked_for_is_refused_and_not_taken() {
        let of = content(10);
        let mut endless = fetch(&of);
        assert_eq!(endless.take(&of[..1], START), Err(FetchFault::TooMuch), "before it was asked");
        ask(&mut endless).unwrap();
        endless.take(&of[..9], START).unwrap();
        assert_eq!(endless.take(&of[..2], START), Err(FetchFault::TooMuch));
        assert_eq!(endless.have(), 9);
        assert_eq!(fetch(&of).kept(&content(11)), Err(FetchFault::TooMuch));
    }

    #[test]
    fn other_bytes_and_too_few_are_not_the_content() {
        let of = content(10);
        let mut other = fetch(&of);
        ask(&mut other).unwrap();
        other.take(&[7; 10], START).unwrap();
        assert_eq!(other.finish(), Err(FetchFault::WrongHash));
        let mut short = fetch(&of);
        ask(&mut short).unwrap();
        short.take(&of[..9], START).unwrap();
        assert_eq!(short.finish(), Err(FetchFault::WrongHash));
    }

    #[test]
    fn a_source_that_stands_still_or_crawls_is_left() {
        let of = content(100_000);
        let mut still = fetch(&of);
        ask(&mut still).unwrap();
        let second = Duration::from_secs(1);
        assert_eq!(still.next(START + STALL - second), Ok(FetchStep::Wait));
        still.take(&[], START + STALL - second).unwrap();
        assert_eq!(still.next(START + STALL), Err(FetchFault::Stalled), "no byte is no progress");
        still.broke(START + STALL);
        assert!(matches!(still.next(START + STALL), Ok(FetchStep::Ask(_))), "another source");

        let mut crawls = fetch(&of);
        ask(&mut crawls).unwrap();
        let longest = longest_time(of.len() as u64);
        let mut now = START;
        while now < START + longest - second {
            now += second;
            crawls.take(&of[crawls.have() as usize..][..1], now).unwrap();
            assert_eq!(crawls.next(now), Ok(FetchStep::Wait));
        }
        assert_eq!(crawls.next(START + longest), Err(FetchFault::TooSlow));
    }

    proptest! {
        #[test]
        fn however_it_is_cut_and_broken_the_content_is_the_same(
            length in 1..5_000_usize,
            cuts in prop::collection::vec((1..700_usize, any::<bool>()), 0..60),
        ) {
            let of = content(length);
            let mut fetch = fetch(&of);
            let mut cuts = cuts.into_iter().chain(core::iter::repeat((length, false)));
            let mut piece = None;
            loop {
                match fetch.next(START).unwrap() {
                    FetchStep::Whole => break,
                    FetchStep::Ask(asked) => {
                        prop_assert_eq!(asked.offset, fetch.have());
                        piece = Some(asked);
                    }
                    FetchStep::Wait => {}
                }
                let Piece { offset, length } = piece.unwrap();
                let (bytes, breaks) = cuts.next().unwrap();
                let left = offset + u64::from(length) - fetch.have();
                let came = bytes.min(left as usize);
                fetch.take(&of[fetch.have() as usize..][..came], START).unwrap();
                if breaks {
                    fetch.broke(START);
                }
            }
            prop_assert_eq!(fetch.finish(), Ok(()));
        }

        #[test]
        fn arbitrary_bytes_never_grow_beyond_the_content(
            size in 1..2_000_u64,
            chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..900), 0..20),
        ) {
            let mut fetch = Fetch::new(ContentHash([7; 32]), size, START);
            for chunk in chunks {
                prop_assert!(fetch.next(START).is_ok());
                let before = fetch.have();
                let taken = fetch.take(&chunk, START);
                prop_assert!(fetch.have() <= size);
                prop_assert!(taken.is_ok() || fetch.have() == before);
            }
            prop_assert_eq!(fetch.finish(), Err(FetchFault::WrongHash));
        }
    }
}
