//! Blocks of text with a label (RFC 7468), several one after another.

use ed25519_dalek::pkcs8::spki::der::pem::{self, LineEnding};
use ed25519_dalek::pkcs8::spki::der::zeroize::Zeroizing;

/// A block: its label and bytes, which may be a private key.
#[derive(Clone, Debug)]
pub struct PemBlock {
    /// What stands behind BEGIN.
    pub label: String,
    /// What it holds.
    pub bytes: Zeroizing<Vec<u8>>,
}

/// Why a text is not made of blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PemError {
    /// None at all.
    #[error("there is no \"-----BEGIN ...-----\" in it")]
    Empty,
    /// One of them cannot be read; from 1.
    #[error("block {0} is damaged")]
    Damaged(usize),
    /// More than may be.
    #[error("more than {0} blocks")]
    TooMany(usize),
}

/// The blocks of a text, 1 to `most`. What stands between them is comment.
///
/// # Errors
/// [`PemError`].
pub fn blocks(text: &[u8], most: usize) -> Result<Vec<PemBlock>, PemError> {
    let mut rest = text;
    let mut blocks = Vec::new();
    while let Some(begin) = find(rest, BEGIN) {
        let number = blocks.len() + 1;
        if number > most {
            return Err(PemError::TooMany(most));
        }
        let damaged = PemError::Damaged(number);
        rest = &rest[begin..];
        let end = find(rest, END).ok_or(damaged)?;
        let after = find(&rest[end + END.len()..], DASHES).ok_or(damaged)?;
        let (block, behind) = rest.split_at(end + END.len() + after + DASHES.len());
        let (label, bytes) = pem::decode_vec(block).map_err(|_| damaged)?;
        blocks.push(PemBlock { label: label.to_owned(), bytes: Zeroizing::new(bytes) });
        rest = behind;
    }
    if blocks.is_empty() { Err(PemError::Empty) } else { Ok(blocks) }
}

/// One block as text.
#[must_use]
pub fn block(label: &str, bytes: &[u8]) -> String {
    pem::encode_string(label, LineEnding::LF, bytes).expect("the label is valid and the bytes are few")
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}

const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"-----END ";
const DASHES: &[u8] = b"-----";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn several_blocks_are_read_in_their_order_with_comments_between() {
        let text = format!("first\n{}second\n{}", block("A B", b"one"), block("C", b"two"));
        let read = blocks(text.as_bytes(), 2).unwrap();
        let found: Vec<(&str, &[u8])> = read.iter().map(|it| (&*it.label, &it.bytes[..])).collect();
        assert_eq!(found, [("A B", &b"one"[..]), ("C", &b"two"[..])]);
        assert_eq!(blocks(text.as_bytes(), 1).unwrap_err(), PemError::TooMany(1));
        assert_eq!(blocks(b"text", 1).unwrap_err(), PemError::Empty);
        let cut = &text.as_bytes()[..text.len() - 8];
        assert_eq!(blocks(cut, 2).unwrap_err(), PemError::Damaged(2));
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(text in "(-----BEGIN |-----END |-----|A|\n|[a-zA-Z+/=]{0,8}){0,40}") {
            let read = blocks(text.as_bytes(), 3);
            prop_assert!(read.is_err() || read.is_ok_and(|blocks| (1..=3).contains(&blocks.len())));
        }
    }
}
