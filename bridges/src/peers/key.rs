//! Keys of bridges as people write them, with check characters: a mistyped key is found before anything is dialled.

use core::fmt;
use core::str::FromStr;

use data_encoding::{Encoding, Specification};
use ed25519_dalek::SigningKey;
use iroh::EndpointId;
use sha2::{Digest as _, Sha256};

/// The public key of a bridge, which is its name on every link: Ed25519, not of small order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerKey(EndpointId);

/// Why a text is no key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PeerKeyError {
    /// Neither 52 characters of z-base-32, with four check characters or without, nor 64 hexadecimal digits.
    #[error(
        "{found} characters; expected the key as `roadcast-bridge keys show` prints it, or 64 hexadecimal digits"
    )]
    Form {
        /// How many there are.
        found: usize,
    },
    /// A character that does not occur in keys.
    #[error("`{0}` occurs in no key; expected the key as `roadcast-bridge keys show` prints it")]
    Character(char),
    /// The check characters are of another key.
    #[error(
        "the check characters after the dot do not fit: a character is mistyped; copy the key again from `roadcast-bridge keys show`"
    )]
    Check,
    /// No point of the curve, or one of small order.
    #[error(
        "no usable Ed25519 key: a character is mistyped; copy the key again from `roadcast-bridge keys show`"
    )]
    Point,
}

impl PeerKey {
    /// From the 32 bytes of the key.
    ///
    /// # Errors
    /// [`PeerKeyError::Point`].
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, PeerKeyError> {
        let key = EndpointId::from_bytes(bytes).map_err(|_| PeerKeyError::Point)?;
        // Of small order: anybody could sign in its name.
        if key.as_verifying_key().is_weak() { Err(PeerKeyError::Point) } else { Ok(Self(key)) }
    }

    /// The public half of a key.
    #[must_use]
    pub fn of(key: &SigningKey) -> Self {
        Self(EndpointId::from_verifying_key(key.verifying_key()))
    }

    /// Its bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// As the transport names it.
    #[must_use]
    pub const fn id(&self) -> EndpointId {
        self.0
    }

    /// 52 characters of z-base-32, without the check characters: for topics and file names.
    #[must_use]
    pub fn plain(&self) -> String {
        z_base_32().encode(self.as_bytes())
    }
}

impl From<EndpointId> for PeerKey {
    fn from(id: EndpointId) -> Self {
        Self(id)
    }
}

/// z-base-32, a dot, and four check characters: 20 bits of the key's SHA-256.
impl fmt::Display for PeerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.plain(), check(self.as_bytes()))
    }
}

impl fmt::Debug for PeerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for PeerKey {
    type Err = PeerKeyError;

    fn from_str(text: &str) -> Result<Self, PeerKeyError> {
        let (body, checked) = match text.split_once('.') {
            Some((body, check)) => (body, Some(check)),
            None => (text, None),
        };
        let bytes = if body.len() == 2 * 32 && checked.is_none() {
            data_encoding::HEXLOWER_PERMISSIVE.decode(body.as_bytes())
        } else if body.chars().count() == 52 {
            z_base_32().decode(body.as_bytes())
        } else {
            return Err(PeerKeyError::Form { found: text.chars().count() });
        };
        let bytes =
            bytes.map_err(|error| match body.get(error.position..).and_then(|rest| rest.chars().next()) {
                // The last character of z-base-32 has bits to spare, which are 0 in every key.
                Some(c) if error.kind == data_encoding::DecodeKind::Symbol => PeerKeyError::Character(c),
                _ => PeerKeyError::Point,
            })?;
        let bytes: [u8; 32] =
            bytes.try_into().map_err(|_| PeerKeyError::Form { found: text.chars().count() })?;
        if checked.is_some_and(|found| found != check(&bytes)) {
            return Err(PeerKeyError::Check);
        }
        Self::from_bytes(&bytes)
    }
}

fn check(key: &[u8; 32]) -> String {
    let hash = Sha256::digest(key);
    let mut text = z_base_32().encode(&hash[..3]);
    text.truncate(CHECK_CHARACTERS);
    text
}

/// The alphabet that leaves out what is mistaken for something else: Zooko O'Whielacronx, "Human-oriented base-32 encoding" (2009).
fn z_base_32() -> Encoding {
    let mut specification = Specification::new();
    specification.symbols.push_str("ybndrfg8ejkmcpqxot1uwisza345h769");
    specification.translate.from.push_str("YBNDRFGEJKMCPQXOTUWISZAH");
    specification.translate.to.push_str("ybndrfgejkmcpqxotuwiszah");
    specification.encoding().expect("32 different symbols")
}

/// One mistyped key in a million passes.
const CHECK_CHARACTERS: usize = 4;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(seed: u8) -> PeerKey {
        iroh::SecretKey::from_bytes(&[seed; 32]).public().into()
    }

    #[test]
    fn a_key_is_read_in_each_of_its_forms() {
        let key = key(7);
        for text in [key.to_string(), key.plain(), key.plain().to_uppercase(), key.id().to_string()] {
            assert_eq!(text.parse(), Ok(key), "{text}");
        }
        assert_eq!(key.plain(), key.id().to_z32());
    }

    #[test]
    fn every_single_mistyped_character_of_a_checked_key_is_found() {
        let text = key(7).to_string();
        for at in 0..text.len() {
            for other in "ybndrfg8ejkmcpqxot1uwisza345h769.".chars() {
                let mut wrong = text.clone();
                wrong.replace_range(at..=at, &other.to_string());
                assert!(wrong == text || wrong.parse::<PeerKey>().is_err(), "{wrong}");
            }
        }
    }

    #[test]
    fn what_is_wrong_with_a_key_is_said() {
        let said = |text: &str| text.parse::<PeerKey>().unwrap_err().to_string();
        assert!(
            said("rsu-7")
                .starts_with("5 characters; expected the key as `roadcast-bridge keys show` prints it")
        );
        assert!(said(&key(1).plain().replacen(|_: char| true, "l", 1)).starts_with("`l` occurs in no key"));
        let [a, b] = [key(1).to_string(), key(2).plain()];
        let swapped = format!("{b}.{}", &a[53..]);
        assert!(said(&swapped).starts_with("the check characters"));
        assert!(said(&"0".repeat(64)).starts_with("no usable Ed25519 key"), "a point of small order");
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_back_and_no_text_panics(seed: u8, text in ".{0,70}") {
            prop_assert_eq!(key(seed).to_string().parse(), Ok(key(seed)));
            drop(text.parse::<PeerKey>());
        }
    }
}
