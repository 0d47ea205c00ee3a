//! Signers whose credentials have a fault, or few permissions.

use v2x_core::{CredentialRequest, Permissions};
use v2x_proto::AreaView;
use v2x_proto::credential::CredentialView;

use testkit::craft::{self, Crafter, circle};
use testkit::{Authority, PLACE, START};

/// A station of another authority.
pub fn stranger() -> Crafter {
    strangers(1).remove(0)
}

/// Stations of another authority, each with a credential of its own.
pub fn strangers(count: u32) -> Vec<Crafter> {
    let (authority, key) = (Authority::numbered(7), Authority::key(77));
    let station = |revocation_series| {
        let permissions = Permissions::AWARENESS;
        let request = CredentialRequest { permissions, revocation_series, ..Authority::request(&key) };
        Crafter::new(key.clone(), authority.issue(&request))
    };
    (1..=count).map(station).collect()
}

/// A station whose credential was forged without the issuer's key.
pub fn badly_issued() -> Crafter {
    let key = Authority::key(3);
    let authority = Authority::new();
    let fields = CredentialView::parse(&authority.issue(&Authority::request(&key))).unwrap().fields;
    Crafter::new(key.clone(), craft::credential(&fields, &authority.issuer, &key))
}

pub fn issuer_speaking() -> Crafter {
    let authority = Authority::new();
    Crafter::new(authority.issuer_key.clone(), authority.issuer.clone())
}

/// The issuer was careless: a key that makes any signature hold for some messages.
pub fn with_small_order_key() -> Crafter {
    let key = Authority::key(3);
    let authority = Authority::new();
    let mut fields = CredentialView::parse(&authority.issue(&Authority::request(&key))).unwrap().fields;
    fields.public_key = [0; 32];
    fields.public_key[0] = 1;
    Crafter::new(key, craft::credential(&fields, &authority.issuer, &authority.issuer_key))
}

/// Valid for ten minutes from `seconds` after the start.
pub fn valid_from(seconds: i64) -> Crafter {
    let key = Authority::key(3);
    let start_s = START.as_micros() as i64 / 1_000_000;
    let not_before_s = (start_s + seconds) as u32;
    let request = CredentialRequest { not_before_s, duration_min: 10, ..Authority::request(&key) };
    Crafter::new(key, Authority::new().issue(&request))
}

pub fn permitted(permissions: Permissions) -> Crafter {
    let key = Authority::key(3);
    let request = CredentialRequest { permissions, ..Authority::request(&key) };
    Crafter::new(key, Authority::new().issue(&request))
}

pub fn within(region: AreaView) -> Crafter {
    let key = Authority::key(3);
    let request = CredentialRequest { region: Some(region), ..Authority::request(&key) };
    Crafter::new(key, Authority::new().issue(&request))
}

pub fn elsewhere() -> AreaView {
    AreaView { latitude: PLACE.latitude + 1_000_000, ..circle(1000) }
}
