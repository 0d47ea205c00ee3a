//! Content of the built-in kinds: read, checked as a station would, and laid out as the files that it is to be.
//!
//! Content names no files. It is PEM blocks one after another, and the unit's configuration says where what goes; a configuration
//! is the file itself.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::DecodePrivateKey as _;
use ed25519_dalek::pkcs8::spki::der::zeroize::Zeroizing;
use v2x_core::{Identity, KeyPair, Permissions, Pool, TrustStore, WireTime, read_delta};
use v2x_proto::credential::CredentialView;

use super::kind::ContentKind;
use super::settings::{OwnPlace, Places};
use crate::pem::{self, PemBlock, PemError};

/// Files to be put in their places, and others to be removed.
#[derive(Debug, Default)]
pub struct Layout {
    /// Each with what it is to hold.
    pub files: Vec<LaidOut>,
    /// Those that are not to be there.
    pub removed: Vec<PathBuf>,
}

/// A file and what it is to hold.
#[derive(Debug)]
pub struct LaidOut {
    /// Its place.
    pub path: PathBuf,
    /// What it holds; wiped from memory.
    pub bytes: Zeroizing<Vec<u8>>,
    /// Whether it is its owner's alone, whatever the former was.
    pub secret: bool,
}

/// Why content cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ContentError {
    /// Not made of PEM blocks.
    #[error("its text: {0}")]
    Pem(#[from] PemError),
    /// A block that does not belong there.
    #[error("block {number} is {found:?}; expected {right}")]
    Label {
        /// Which, from 1.
        number: usize,
        /// What it says.
        found: String,
        /// What may be there.
        right: &'static str,
    },
    /// A block whose bytes are not what it says.
    #[error("block {number}: {reason}")]
    Block {
        /// Which, from 1.
        number: usize,
        /// What is wrong.
        reason: String,
    },
    /// More or fewer than there are places.
    #[error("it has {found} {what}, and the unit has places for {places}")]
    Number {
        /// Of what.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many there may be.
        places: usize,
    },
    /// What is in it does not go together.
    #[error("{0}")]
    Together(String),
    /// The present files cannot be read.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}

/// Lays content out. Software is a command's affair and has no layout.
///
/// # Errors
/// The first thing wrong with it.
pub fn unpack(
    kind: ContentKind,
    content: &[u8],
    places: &Places,
    now: WireTime,
) -> Result<Layout, ContentError> {
    match kind {
        ContentKind::Revocation => revocation(content, &places.revocation),
        ContentKind::Trust => trust(content, places, now),
        ContentKind::Credentials => credentials(content, places, now),
        ContentKind::Configuration => configuration(content, places),
        ContentKind::Software => Ok(Layout::default()),
    }
}

/// Deltas, at most one for each place. The places that are left keep theirs: lists only grow.
fn revocation(content: &[u8], places: &[PathBuf]) -> Result<Layout, ContentError> {
    let blocks = labelled(content, &[DELTA], "ROADCAST REVOCATION, as `roadcast keys revoke` writes")?;
    if blocks.len() > places.len() {
        return Err(ContentError::Number { what: "deltas", found: blocks.len(), places: places.len() });
    }
    for (place, block) in blocks.iter().enumerate() {
        read_delta(&Bytes::copy_from_slice(&block.bytes)).map_err(|error| wrong(place, &error))?;
    }
    let files = blocks.iter().zip(places).map(|(block, path)| public(path, DELTA, &block.bytes));
    Ok(Layout { files: files.collect(), removed: Vec::new() })
}

fn trust(content: &[u8], places: &Places, now: WireTime) -> Result<Layout, ContentError> {
    let blocks = labelled(content, &[CREDENTIAL], "ROADCAST CREDENTIAL: roots and issuers alone")?;
    let (mut roots, mut issuers) = (Vec::new(), Vec::new());
    for (place, block) in blocks.iter().enumerate() {
        let fields = CredentialView::parse(&block.bytes).map_err(|error| wrong(place, &error))?.fields;
        let bytes = Bytes::copy_from_slice(&block.bytes);
        match fields.issuer {
            None => roots.push(bytes),
            Some(_) if Permissions(fields.permissions).contains(Permissions::ISSUE) => issuers.push(bytes),
            Some(_) => return Err(wrong(place, &"a station's credential, no root's and no issuer's")),
        }
    }
    for (what, found, places) in [("roots", &roots, &places.roots), ("issuers", &issuers, &places.issuers)] {
        if found.len() != places.len() {
            return Err(ContentError::Number { what, found: found.len(), places: places.len() });
        }
    }
    let store =
        TrustStore::new(&roots, &issuers).map_err(|error| ContentError::Together(error.to_string()))?;
    keeps_own(&store, places, now)?;
    let all = roots.iter().zip(&places.roots).chain(issuers.iter().zip(&places.issuers));
    let files = all.map(|(bytes, path)| public(path, CREDENTIAL, bytes));
    Ok(Layout { files: files.collect(), removed: Vec::new() })
}

/// Authorities that certify none of the unit's own credentials would silence it. Where none is certified now there is nothing to
/// lose.
fn keeps_own(next: &TrustStore, places: &Places, now: WireTime) -> Result<(), ContentError> {
    let own: Vec<Bytes> = match &places.own {
        None => return Ok(()),
        Some(OwnPlace::One(credential)) => present(credential).into_iter().collect(),
        Some(OwnPlace::Pool(name)) => {
            let numbers = pool_numbers(name)?;
            numbers.into_iter().filter_map(|number| present(&pool_file(name, number)).ok()).collect()
        }
    };
    let Ok(Some(before)) = present_trust(places) else { return Ok(()) };
    let certified = |trust: &TrustStore| own.iter().any(|one| trust.check_station(one, now).is_ok());
    if certified(&before) && !certified(next) {
        let text = "the unit's own credentials, which are valid now, are certified by none of these issuers";
        return Err(ContentError::Together(text.to_owned()));
    }
    Ok(())
}

fn credentials(content: &[u8], places: &Places, now: WireTime) -> Result<Layout, ContentError> {
    let right = "ROADCAST CREDENTIAL or PRIVATE KEY";
    let blocks = labelled(content, &[CREDENTIAL, KEY], right)?;
    let mut keys = Vec::new();
    for (place, block) in blocks.iter().enumerate().filter(|(_, block)| block.label == KEY) {
        let key = SigningKey::from_pkcs8_der(&block.bytes).map_err(|_| wrong(place, &"no Ed25519 key"))?;
        keys.push((key, block));
    }
    let mut pairs = Vec::new();
    for (place, block) in blocks.iter().enumerate().filter(|(_, block)| block.label == CREDENTIAL) {
        let fields = CredentialView::parse(&block.bytes).map_err(|error| wrong(place, &error))?.fields;
        let key = keys.iter().find(|(key, _)| key.verifying_key().to_bytes() == fields.public_key);
        let key = key.ok_or_else(|| wrong(place, &"its key is not among the blocks"))?;
        pairs.push((Bytes::copy_from_slice(&block.bytes), key));
    }
    let whole = |(credential, (key, _)): &Pair<'_>| {
        Identity::new(credential.clone(), Box::new(KeyPair::from_secret(key.as_bytes())))
    };
    let together = |error: &dyn core::fmt::Display| ContentError::Together(error.to_string());
    let identities: Vec<Identity> =
        pairs.iter().map(whole).collect::<Result<_, _>>().map_err(|error| together(&error))?;
    Pool::new(identities).map_err(|error| together(&error))?;
    if let Some(trust) = present_trust(places)? {
        for (credential, _) in &pairs {
            // One that begins later is one of a pool's.
            let begins = CredentialView::parse(credential).map_or(0, |view| view.fields.not_before_s);
            let at = now.max(WireTime::from_secs(begins));
            trust.check_station(credential, at).map_err(|error| together(&error))?;
        }
    }
    own(&pairs, places)
}

/// A credential, its key, and the block of the key as it came.
type Pair<'a> = (Bytes, &'a (SigningKey, &'a PemBlock));

fn own(pairs: &[Pair<'_>], places: &Places) -> Result<Layout, ContentError> {
    let mut layout = Layout::default();
    let mut put = |credential: PathBuf, (bytes, (_, block)): &Pair<'_>| {
        let text = Zeroizing::new(pem::block(KEY, &block.bytes));
        let bytes_of_key = Zeroizing::new(text.as_bytes().to_vec());
        let path = credential.with_extension("key");
        layout.files.push(LaidOut { path, bytes: bytes_of_key, secret: true });
        layout.files.push(public(&credential, CREDENTIAL, bytes));
    };
    match &places.own {
        Some(OwnPlace::One(credential)) => {
            let [one] = pairs else {
                return Err(ContentError::Number { what: "credentials", found: pairs.len(), places: 1 });
            };
            put(credential.clone(), one);
        }
        Some(OwnPlace::Pool(name)) => {
            for (place, pair) in pairs.iter().enumerate() {
                put(pool_file(name, place as u32 + 1), pair);
            }
            for number in pool_numbers(name)? {
                if number as usize > pairs.len() || number == 0 {
                    let credential = pool_file(name, number);
                    layout.removed.extend([credential.with_extension("key"), credential]);
                }
            }
        }
        None => {}
    }
    Ok(layout)
}

fn pool_file(name: &Path, number: u32) -> PathBuf {
    let mut file = name.as_os_str().to_owned();
    file.push(format!("-{number}.cred"));
    file.into()
}

/// The numbers of the credentials that a pool has now.
fn pool_numbers(name: &Path) -> Result<Vec<u32>, ContentError> {
    let folder = name.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let failed = |source| ContentError::File { path: folder.to_owned(), source };
    let prefix = format!("{}-", name.file_name().unwrap_or_default().to_string_lossy());
    let mut numbers = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let file = entry.map_err(failed)?.file_name();
        let number = file.to_str().and_then(|file| file.strip_prefix(&prefix)?.strip_suffix(".cred"));
        // As it is written, so that the file of a number is this file.
        let plain = number.filter(|number| !number.starts_with(['0', '+']));
        numbers.extend(plain.and_then(|number| number.parse::<u32>().ok()));
    }
    Ok(numbers)
}

fn configuration(content: &[u8], places: &Places) -> Result<Layout, ContentError> {
    let text = str::from_utf8(content).map_err(|_| ContentError::Together("not UTF-8 text".to_owned()))?;
    toml::from_str::<toml::Table>(text).map_err(|error| ContentError::Together(one_line(&error)))?;
    let file = |path: &PathBuf| LaidOut {
        path: path.clone(),
        bytes: Zeroizing::new(content.to_vec()),
        secret: false,
    };
    Ok(Layout { files: places.configuration.iter().map(file).collect(), removed: Vec::new() })
}

/// The authorities as they are in their files; `None` where the unit's are not the operator's to change.
fn present_trust(places: &Places) -> Result<Option<TrustStore>, ContentError> {
    if places.roots.is_empty() || places.issuers.is_empty() {
        return Ok(None);
    }
    let read = |paths: &[PathBuf]| paths.iter().map(|path| present(path)).collect::<Result<Vec<_>, _>>();
    let store = TrustStore::new(&read(&places.roots)?, &read(&places.issuers)?);
    store.map(Some).map_err(|error| ContentError::Together(format!("the present roots and issuers: {error}")))
}

fn present(path: &Path) -> Result<Bytes, ContentError> {
    let bytes = fs::read(path).map_err(|source| ContentError::File { path: path.to_owned(), source })?;
    match pem::blocks(&bytes, 1) {
        Ok(blocks) => Ok(Bytes::copy_from_slice(&blocks[0].bytes)),
        // Raw, as a station takes it too.
        Err(_) => Ok(bytes.into()),
    }
}

fn labelled(content: &[u8], labels: &[&str], right: &'static str) -> Result<Vec<PemBlock>, ContentError> {
    let blocks = pem::blocks(content, MOST_BLOCKS)?;
    match blocks.iter().position(|block| !labels.contains(&&*block.label)) {
        None => Ok(blocks),
        Some(place) => {
            let found = blocks[place].label.chars().take(40).collect();
            Err(ContentError::Label { number: place + 1, found, right })
        }
    }
}

fn public(path: &Path, label: &str, bytes: &[u8]) -> LaidOut {
    let bytes = Zeroizing::new(pem::block(label, bytes).into_bytes());
    LaidOut { path: path.to_owned(), bytes, secret: false }
}

fn wrong(place: usize, reason: &dyn core::fmt::Display) -> ContentError {
    ContentError::Block { number: place + 1, reason: reason.to_string() }
}

fn one_line(error: &toml::de::Error) -> String {
    format!("no TOML: {}", error.message())
}

const CREDENTIAL: &str = "ROADCAST CREDENTIAL";
const DELTA: &str = "ROADCAST REVOCATION";
const KEY: &str = "PRIVATE KEY";
/// Credentials and keys of the largest pool, and roots and issuers besides.
const MOST_BLOCKS: usize = 1_024;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::authority::TestAuthority;
    use super::super::fixture::{Folder, NOW};
    use super::*;

    fn places(folder: &Folder) -> Places {
        let [root, issuer, one, two] =
            ["root.cred", "issuer.cred", "1.rev", "2.rev"].map(|name| folder.path(name));
        Places {
            configuration: Some(folder.path("rsu-7.toml")),
            roots: vec![root],
            issuers: vec![issuer],
            revocation: vec![one, two],
            own: Some(OwnPlace::Pool(folder.path("rsu-7"))),
        }
    }

    fn names(layout: &Layout) -> Vec<(String, bool)> {
        let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
        layout.files.iter().map(|file| (name(&file.path), file.secret)).collect()
    }

    fn complaint(kind: ContentKind, content: &str, places: &Places) -> String {
        unpack(kind, content.as_bytes(), places, NOW).unwrap_err().to_string()
    }

    #[test]
    fn roots_and_issuers_go_to_their_places_in_any_order_and_only_together() {
        let folder = Folder::new();
        let (places, authority) = (places(&folder), TestAuthority::new(1));
        let text = format!("# the issuer first\n{}{}", authority.issuer_text(), authority.root_text());
        let layout = unpack(ContentKind::Trust, text.as_bytes(), &places, NOW).unwrap();
        assert_eq!(names(&layout), [("root.cred".to_owned(), false), ("issuer.cred".to_owned(), false)]);
        assert_eq!(layout.files[0].bytes[..], *authority.root_text().as_bytes());

        let trust = |text: &str| complaint(ContentKind::Trust, text, &places);
        assert_eq!(trust(&authority.root_text()), "it has 0 issuers, and the unit has places for 1");
        let other = TestAuthority::new(2);
        assert!(!trust(&(other.root_text() + &authority.issuer_text())).is_empty(), "of another root");
        let (station, key) = authority.station_texts(7);
        let both = authority.root_text() + &authority.issuer_text();
        assert!(trust(&(both.clone() + &station)).contains("block 3: a station's credential"));
        assert!(trust(&(both + &key)).contains("block 3 is \"PRIVATE KEY\"; expected ROADCAST CREDENTIAL"));
        assert!(trust("nothing").contains("no \"-----BEGIN"));
    }

    #[test]
    fn authorities_that_would_silence_the_unit_are_refused() {
        let folder = Folder::new();
        let (places, authority) = (places(&folder), TestAuthority::new(1));
        authority.write(folder.at());
        let other = TestAuthority::new(2);
        let next = other.root_text() + &other.issuer_text();
        let lay_out = |text: &str| unpack(ContentKind::Trust, text.as_bytes(), &places, NOW).map(drop);
        lay_out(&next).unwrap();
        fs::write(folder.path("rsu-7-1.cred"), authority.station_texts(7).0).unwrap();
        let error = lay_out(&next).unwrap_err().to_string();
        assert!(error.contains("own credentials, which are valid now"), "{error}");
        // Over anyway: nothing to lose.
        let later = NOW + core::time::Duration::from_secs(90_000);
        unpack(ContentKind::Trust, next.as_bytes(), &places, later).unwrap();
        // Both, while the unit changes from one to the other.
        let [root, issuer] = ["root-2.cred", "issuer-2.cred"].map(|name| folder.path(name));
        let both = Places {
            roots: vec![places.roots[0].clone(), root],
            issuers: vec![places.issuers[0].clone(), issuer],
            ..places.clone()
        };
        let text = authority.root_text() + &authority.issuer_text() + &next;
        unpack(ContentKind::Trust, text.as_bytes(), &both, NOW).unwrap();
    }

    #[test]
    fn a_pool_goes_to_numbered_files_with_its_keys_and_what_is_over_is_removed() {
        let folder = Folder::new();
        let (places, authority) = (places(&folder), TestAuthority::new(1));
        authority.write(folder.at());
        for name in
            ["rsu-7-1.cred", "rsu-7-3.cred", "rsu-7-3.key", "rsu-7-03.cred", "rsu-70-1.cred", "rsu-7-x.cred"]
        {
            fs::write(folder.path(name), "").unwrap();
        }
        let texts: Vec<_> = (1..=2).map(|seed| authority.station_texts(seed)).collect();
        let text = format!("{}{}{}{}", texts[0].0, texts[1].0, texts[1].1, texts[0].1);
        let layout = unpack(ContentKind::Credentials, text.as_bytes(), &places, NOW).unwrap();
        let expected =
            [("rsu-7-1.key", true), ("rsu-7-1.cred", false), ("rsu-7-2.key", true), ("rsu-7-2.cred", false)];
        assert_eq!(names(&layout), expected.map(|(name, secret)| (name.to_owned(), secret)));
        assert_eq!(layout.removed, ["rsu-7-3.key", "rsu-7-3.cred"].map(|name| folder.path(name)));
        assert_eq!(layout.files[1].bytes[..], *texts[0].0.as_bytes());
        assert_eq!(layout.files[0].bytes[..], *texts[0].1.as_bytes(), "as it came");

        let own = |text: &str| complaint(ContentKind::Credentials, text, &places);
        assert!(own(&texts[0].0).contains("block 1: its key is not among the blocks"));
        assert!(own(&texts[0].1).contains("credential"), "a key alone: {}", own(&texts[0].1));
        let (foreign, key) = TestAuthority::new(2).station_texts(5);
        assert!(!own(&(foreign + &key)).is_empty(), "of an authority that is not trusted here");
        let twice = texts[0].0.clone() + &texts[0].0 + &texts[0].1;
        assert!(!own(&twice).is_empty(), "one twice");
    }

    #[test]
    fn one_credential_goes_beside_its_key() {
        let folder = Folder::new();
        let authority = TestAuthority::new(1);
        let own = Some(OwnPlace::One(folder.path("rsu-7.cred")));
        let places = Places { own, ..Places::default() };
        let [(one, one_key), (two, two_key)] = [1, 2].map(|seed| authority.station_texts(seed));
        let layout =
            unpack(ContentKind::Credentials, (one.clone() + &one_key).as_bytes(), &places, NOW).unwrap();
        assert_eq!(names(&layout), [("rsu-7.key".to_owned(), true), ("rsu-7.cred".to_owned(), false)]);
        let both = complaint(ContentKind::Credentials, &(one + &one_key + &two + &two_key), &places);
        assert_eq!(both, "it has 2 credentials, and the unit has places for 1");
    }

    #[test]
    fn deltas_fill_places_from_the_first_and_leave_the_others_as_they_are() {
        let folder = Folder::new();
        let (places, authority) = (places(&folder), TestAuthority::new(1));
        let delta = authority.delta_text(3);
        let layout = unpack(ContentKind::Revocation, delta.as_bytes(), &places, NOW).unwrap();
        assert_eq!(names(&layout), [("1.rev".to_owned(), false)]);
        assert!(layout.removed.is_empty());
        let three = complaint(ContentKind::Revocation, &delta.repeat(3), &places);
        assert_eq!(three, "it has 3 deltas, and the unit has places for 2");
        let junk = pem::block(DELTA, b"junk");
        assert!(
            complaint(ContentKind::Revocation, &junk, &places).starts_with("block 1: not a revocation delta")
        );
    }

    #[test]
    fn a_configuration_is_text_that_reads() {
        let folder = Folder::new();
        let places = places(&folder);
        let layout = unpack(ContentKind::Configuration, b"role = \"roadside\"\n", &places, NOW).unwrap();
        assert_eq!(names(&layout), [("rsu-7.toml".to_owned(), false)]);
        assert!(complaint(ContentKind::Configuration, "role = ", &places).starts_with("no TOML: "));
        let binary = unpack(ContentKind::Configuration, &[0xff], &places, NOW).unwrap_err();
        assert_eq!(binary.to_string(), "not UTF-8 text");
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_lay_nothing_out(bytes in prop::collection::vec(any::<u8>(), 0..400), place in 0..3_usize) {
            let folder = Folder::new();
            let kind = [ContentKind::Revocation, ContentKind::Trust, ContentKind::Credentials][place];
            prop_assert!(unpack(kind, &bytes, &places(&folder), NOW).is_err());
            let label = ["ROADCAST REVOCATION", "ROADCAST CREDENTIAL", "PRIVATE KEY"][place];
            let text = pem::block(label, &bytes);
            prop_assert!(unpack(kind, text.as_bytes(), &places(&folder), NOW).is_err());
        }
    }
}
