//! Tokens: who has one may ask what its right permits.

use core::fmt;
use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;
use nix::unistd::geteuid;
use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _};
use v2x_api::Right;

use crate::config::TokenFile;
use crate::error::{Complaint, without_numbers};

/// Why a token cannot be used. No variant shows what is in the file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// The file cannot be read.
    #[error("{}: the token cannot be read: {}", path.display(), without_numbers(&source.to_string()))]
    File {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// Others than the user and root can read it, or have written it.
    #[error("{}: others can read this token (mode {mode:04o}); make it yours alone: chmod 600 {}", path.display(), path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file is another user's.
    #[error("{}: this token belongs to user {owner}, who is neither this one nor root", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// Its owner's number.
        owner: u32,
    },
    /// What is in the file is no token.
    #[error(
        "{}: holds no token: {found}; expected {SHORTEST} to {LONGEST} characters of A-Z a-z 0-9 - . _ ~, at least 32 random bytes, as \
         written by: openssl rand -hex 32",
        path.display()
    )]
    NotAToken {
        /// The file.
        path: PathBuf,
        /// What is wrong, without a character of it.
        found: String,
    },
    /// Two files hold the same.
    #[error("{} and {} hold the same token", first.display(), second.display())]
    Same {
        /// The first file.
        first: PathBuf,
        /// The other.
        second: PathBuf,
    },
}

impl Complaint for TokenError {}

/// Tokens with their rights. Shows none of them.
#[derive(Clone, Default)]
pub struct Tokens {
    tokens: Vec<(Vec<u8>, Right)>,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.tokens.iter().map(|(_, right)| right)).finish()
    }
}

impl Tokens {
    /// Reads every file.
    ///
    /// # Errors
    /// The first that holds no token, or that others may read.
    pub fn load(files: &[TokenFile]) -> Result<Self, TokenError> {
        let mut tokens: Vec<(Vec<u8>, Right)> = Vec::new();
        for TokenFile { file, right } in files {
            let token = read(file)?;
            if let Some(same) = tokens.iter().position(|(other, _)| *other == token) {
                return Err(TokenError::Same { first: files[same].file.clone(), second: file.clone() });
            }
            tokens.push((token, *right));
        }
        Ok(Self { tokens })
    }

    /// Whether there are none, so that everybody may read.
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// What who gives this may do; `None` where it is no token. How long it takes tells nothing but the length of what was given.
    pub fn right_of(&self, given: &[u8]) -> Option<Right> {
        let mut found = NOBODY;
        for (token, right) in &self.tokens {
            let same: Choice = token.as_slice().ct_eq(given);
            found.conditional_assign(&(*right as u8), same);
        }
        Right::ALL.into_iter().find(|right| *right as u8 == found)
    }
}

fn read(path: &Path) -> Result<Vec<u8>, TokenError> {
    let failed = |source| TokenError::File { path: path.to_owned(), source };
    // Asked of the open file, so that it is the one that is read; a pipe is not waited for.
    let opened = File::options().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(path);
    let file = opened.map_err(failed)?;
    let found = file.metadata().map_err(failed)?;
    if !found.is_file() {
        return Err(failed(io::Error::other("it is no file")));
    }
    of_others(&found, path).map_or(Ok(()), Err)?;
    let mut bytes = Vec::new();
    file.take(LONGEST as u64 + 3).read_to_end(&mut bytes).map_err(failed)?;
    parse(&bytes).map_err(|found| TokenError::NotAToken { path: path.to_owned(), found })
}

fn of_others(found: &Metadata, path: &Path) -> Option<TokenError> {
    let owner = found.uid();
    if owner != ROOT && owner != geteuid().as_raw() {
        return Some(TokenError::Foreign { path: path.to_owned(), owner });
    }
    let mode = found.mode() & 0o7777;
    (mode & 0o077 != 0).then(|| TokenError::Exposed { path: path.to_owned(), mode })
}

/// The token in a file's bytes: all of them but the end of the line.
fn parse(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let token = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let token = token.strip_suffix(b"\r").unwrap_or(token);
    if !(SHORTEST..=LONGEST).contains(&token.len()) {
        let more = if token.len() > LONGEST { "more than " } else { "" };
        return Err(format!("it has {more}{} characters", token.len().min(LONGEST)));
    }
    // What a header, a WebSocket's subprotocol and a fragment all carry as it is (RFC 3986, unreserved).
    let fits = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
    match token.iter().position(|byte| !fits(byte)) {
        Some(at) => Err(format!("character {} is another one", at + 1)),
        None => Ok(token.to_vec()),
    }
}

const ROOT: u32 = 0;
/// No [`Right`] has this number.
const NOBODY: u8 = u8::MAX;
/// 32 bytes in base64url.
const SHORTEST: usize = 43;
const LONGEST: usize = 256;

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt as _;

    use proptest::prelude::*;

    use super::*;

    fn file(name: &str, text: &str, mode: u32) -> PathBuf {
        let path = std::env::temp_dir().join(format!("roadcast-token-{name}-{}", std::process::id()));
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        path
    }

    fn load(files: &[(&PathBuf, Right)]) -> Result<Tokens, String> {
        let files: Vec<_> =
            files.iter().map(|(file, right)| TokenFile { file: (*file).clone(), right: *right }).collect();
        Tokens::load(&files).map_err(|error| error.to_string())
    }

    #[test]
    fn a_token_has_its_right_and_nothing_else_has_one() {
        let (first, second) = ("a".repeat(64), "0123456789abcdef".repeat(4));
        let [one, two] =
            [file("one", &format!("{first}\n"), 0o600), file("two", &format!("{second}\r\n"), 0o400)];
        let tokens = load(&[(&one, Right::Read), (&two, Right::Administer)]).unwrap();
        assert_eq!(tokens.right_of(first.as_bytes()), Some(Right::Read));
        assert_eq!(tokens.right_of(second.as_bytes()), Some(Right::Administer));
        for other in ["", "a", &first[1..], &first.to_uppercase(), &format!("{first}\n")] {
            assert_eq!(tokens.right_of(other.as_bytes()), None, "{other}");
        }
        assert!(!format!("{tokens:?}").contains("aaa"));
        assert_eq!(Tokens::default().right_of(b""), None);
        let same = load(&[(&one, Right::Read), (&one, Right::Declare)]).unwrap_err();
        assert!(same.ends_with("hold the same token"), "{same}");
        for path in [one, two] {
            fs::remove_file(path).unwrap();
        }
    }

    #[test]
    fn a_file_that_others_may_read_or_that_holds_no_token_is_refused_and_not_shown() {
        let secret = "s3cr3t".repeat(10);
        for (name, text, mode, expected) in [
            ("group", secret.as_str(), 0o640, "others can read this token (mode 0640)"),
            ("all", &secret, 0o604, "others can read this token (mode 0604)"),
            ("short", &secret[..42], 0o600, "it has 42 characters; expected 43 to 256"),
            ("long", &secret.repeat(9), 0o600, "it has more than 256 characters"),
            ("odd", &format!("{secret} {secret}"), 0o600, "character 61 is another one"),
            ("lines", &format!("{secret}\n\n"), 0o600, "character 61 is another one"),
            ("empty", "", 0o600, "it has 0 characters"),
        ] {
            let path = file(name, text, mode);
            let said = load(&[(&path, Right::Read)]).unwrap_err();
            assert!(said.contains(expected) && !said.contains("s3cr3t"), "{said}");
            fs::remove_file(path).unwrap();
        }
        let said = load(&[(&PathBuf::from("/nowhere/token"), Right::Read)]).unwrap_err();
        assert!(said.starts_with("/nowhere/token: the token cannot be read: No such file"), "{said}");
        let said = load(&[(&std::env::temp_dir(), Right::Read)]).unwrap_err();
        assert!(said.ends_with("it is no file"), "{said}");
    }

    proptest! {
        #[test]
        fn no_bytes_make_a_token_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(token) = parse(&bytes) {
                prop_assert!(bytes.starts_with(&token) && token.len() >= SHORTEST);
            }
        }
    }
}
