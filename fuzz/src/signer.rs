//! Stations whose frames are validly signed, whatever their content: the insiders of the fuzzer.

use std::sync::LazyLock;

use bytes::Bytes;
use testkit::Authority;
use testkit::craft::{self, Crafter};
use v2x_core::{Permissions, Pool};
use v2x_proto::envelope::SignerRef;
use v2x_proto::hop::HopHeader;

/// A root, an issuer, and every station of the fuzzer's world; made once.
#[derive(Debug)]
pub struct World {
    /// The root and the issuer, and what every station pins.
    pub authority: Authority,
    /// All signers. The first [`OWN`] are the pseudonyms of the station under test.
    pub signers: Vec<Crafter>,
}

/// The one world all inputs play in.
pub fn world() -> &'static World {
    static WORLD: LazyLock<World> = LazyLock::new(World::new);
    &WORLD
}

impl World {
    fn new() -> Self {
        let authority = Authority::new();
        let signers =
            (0..SIGNERS).map(|number| Crafter::new(Authority::key(number), credential(&authority, number)));
        Self { signers: signers.collect(), authority }
    }

    /// The identities of the station under test: one, or all of its pseudonyms.
    pub fn own(&self, pseudonyms: bool) -> Pool {
        let count = if pseudonyms { OWN } else { 1 };
        let identities = self.signers[..count].iter().map(Crafter::identity);
        Pool::new(identities.collect()).expect("invariant: the pseudonyms of one station are a pool")
    }
}

fn credential(authority: &Authority, number: u32) -> Bytes {
    authority.credential_with(number, |request| {
        request.revocation_series = if number < OWN as u32 { 1 } else { SERIES };
        // The last is a plain car: messages it has no permission for must be refused.
        if number + 1 == SIGNERS {
            request.permissions = Permissions::AWARENESS | Permissions::HAZARD;
        }
    })
}

/// A frame of `signer` that carries these signed bytes, with its credential or with its digest.
pub fn frame(signer: &Crafter, header: &HopHeader, tbs: &[u8], with_credential: bool) -> Bytes {
    let named = if with_credential {
        SignerRef::Credential(&signer.credential)
    } else {
        SignerRef::Digest(signer.digest)
    };
    craft::frame(header, tbs, &signer.sign(tbs), named)
}

/// Pseudonyms of the station under test.
pub const OWN: usize = 3;
/// Which list of revocations the other stations are on.
pub const SERIES: u32 = 2;
const SIGNERS: u32 = 8;
