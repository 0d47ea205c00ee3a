//! Credentials for simulated stations, made from a seed.
//!
//! For worlds, the demo and tests only. Anyone who knows the seed knows every private key, so a station in service must
//! never trust a [`Cast`]'s root.

use core::time::Duration;
use std::sync::Arc;

use bytes::Bytes;
use ed25519_dalek::SigningKey;
use sha2::{Digest as _, Sha256};
use v2x_core::{
    Authority, CredentialError, CredentialRequest, Identity, KeyPair, Permissions, Pool, RevocationRequest,
    RevokeError, Sign, TrustStore, WireTime, limits, revoke,
};
use v2x_proto::Digest;
use v2x_proto::v1::StationClass;

use crate::shelf::Shelf;
use crate::source::StationKind;

/// A root, an issuer and any number of stations, all by one seed.
#[derive(Debug)]
pub struct Cast {
    seed: u64,
    authority: Authority,
    not_before_s: u32,
    duration_min: u32,
}

impl Cast {
    /// A cast whose credentials are valid from an hour before `start` until an hour after `start + length`, as far
    /// as times on the wire reach.
    ///
    /// # Errors
    /// The times do not fit a credential: `start` lies in the first hour of 2004 or beyond the year 2139.
    pub fn new(seed: u64, start: WireTime, length: Duration) -> Result<Self, CredentialError> {
        let start_s = u32::try_from(start.as_micros() / 1_000_000).unwrap_or(u32::MAX);
        let not_before_s = start_s.saturating_sub(MARGIN_S);
        let length_s = length.as_secs().saturating_add(2 * u64::from(MARGIN_S) + 60);
        let room_min = (u32::MAX - not_before_s) / 60;
        let duration_min = u32::try_from(length_s / 60).unwrap_or(u32::MAX).min(room_min);
        let issuer_key = secret(seed, Holder::Issuer);
        let all = Part::ALL.iter().fold(Permissions::NONE, |all, part| all | part.permissions());
        let request = CredentialRequest {
            encryption_key: None,
            public_key: issuer_key.verifying_key().to_bytes(),
            permissions: all | Permissions::ISSUE,
            not_before_s,
            duration_min,
            region: None,
            station_class: StationClass::Authority as u8,
            revocation_series: 0,
        };
        let authority = Authority::new(secret(seed, Holder::Root), issuer_key, &request)?;
        let trust = authority.trust.with_shelf(Arc::new(Shelf::default()));
        let authority = Authority { trust, ..authority };
        Ok(Self { seed, authority, not_before_s, duration_min })
    }

    /// The trust store of the cast's stations; clone it for each.
    pub fn trust(&self) -> &TrustStore {
        &self.authority.trust
    }

    /// The credential of the root that all stations pin.
    pub fn root(&self) -> &Bytes {
        &self.authority.root
    }

    /// The credential of the issuer.
    pub fn issuer(&self) -> &Bytes {
        &self.authority.issuer
    }

    /// The revocation of a credential of this cast, by its issuer, at a time.
    ///
    /// # Errors
    /// The time does not fit a revocation.
    pub fn revocation(&self, digest: Digest, at: WireTime) -> Result<Bytes, RevokeError> {
        let issued_s = u32::try_from(at.as_micros() / 1_000_000).unwrap_or(u32::MAX);
        let request = RevocationRequest {
            series: 0,
            from_number: 0,
            to_number: 1,
            issued_s,
            next_s: issued_s.saturating_add(86_400),
            whole_series: false,
            digests: [digest].into(),
        };
        revoke(&self.authority.issuer, &secret(self.seed, Holder::Issuer), &request)
    }

    /// The identity of the station with this number in this part: always the same one.
    pub fn identity(&self, station: u32, part: Part) -> Identity {
        self.issued(secret(self.seed, Holder::Station(part, station)), part)
    }

    /// The identities of a station that changes its pseudonym: `count` of them, at least one, always the same ones; the
    /// 0th is that of [`identity`](Self::identity), the one before all others begins at `first`. Each signs with what `signer`
    /// makes of its key.
    pub fn pool(
        &self,
        (station, first): (u32, u32),
        part: Part,
        count: u32,
        signer: &dyn Fn(Box<dyn Sign>) -> Box<dyn Sign>,
    ) -> Pool {
        let holder = |number| match number {
            0 => Holder::Station(part, station),
            number => Holder::Pseudonym(part, station, number),
        };
        let identities = (first..first.saturating_add(count.max(1))).map(|number| {
            let key = secret(self.seed, holder(number));
            let credential = self
                .authority
                .issue(&self.request(&key, part))
                .and_then(|credential| Identity::new(credential, signer(Box::new(KeyPair::from(key)))));
            credential.expect("invariant: the issuer may give every part's permissions for its own validity")
        });
        Pool::new(identities.take(limits::MAX_PSEUDONYMS).collect())
            .expect("invariant: each has a key of its own and the same permissions")
    }

    fn issued(&self, key: SigningKey, part: Part) -> Identity {
        let request = self.request(&key, part);
        self.authority
            .identity(key, &request)
            .expect("invariant: the issuer may give every part's permissions for its own validity")
    }

    fn request(&self, key: &SigningKey, part: Part) -> CredentialRequest {
        CredentialRequest {
            encryption_key: None,
            public_key: key.verifying_key().to_bytes(),
            permissions: part.permissions(),
            not_before_s: self.not_before_s,
            duration_min: self.duration_min,
            region: None,
            station_class: part.class() as u8,
            revocation_series: 0,
        }
    }
}

/// What a simulated station is, and so its permissions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// A private or commercial vehicle.
    Vehicle,
    /// A vehicle of an emergency service.
    EmergencyVehicle,
    /// A bus or tram in service.
    PublicTransport,
    /// A pedestrian or cyclist with a device.
    VulnerableRoadUser,
    /// A roadside unit.
    Roadside,
}

impl Part {
    /// Every part.
    pub const ALL: [Self; 5] = [
        Self::Vehicle,
        Self::EmergencyVehicle,
        Self::PublicTransport,
        Self::VulnerableRoadUser,
        Self::Roadside,
    ];

    /// What its credential permits.
    pub fn permissions(self) -> Permissions {
        let any = Permissions::AWARENESS
            | Permissions::HAZARD
            | Permissions::IMMINENT
            | Permissions::MISBEHAVIOUR_REPORT
            | Permissions::MANAGEMENT;
        let vehicle = any | Permissions::PERCEPTION;
        match self {
            Self::Vehicle => vehicle,
            Self::EmergencyVehicle => vehicle | Permissions::EMERGENCY | Permissions::PRIORITY_REQUEST,
            Self::PublicTransport => vehicle | Permissions::PUBLIC_TRANSPORT | Permissions::PRIORITY_REQUEST,
            Self::VulnerableRoadUser => any | Permissions::VRU,
            Self::Roadside => {
                vehicle
                    | Permissions::AUTHORITY_HAZARD
                    | Permissions::SIGNAL_STATE
                    | Permissions::MAP_SIGN
                    | Permissions::SERVICE_ADVERT
                    | Permissions::GNSS_CORRECTION
                    | Permissions::NEGATION
                    | Permissions::WIDE_AREA
                    | Permissions::KEEP_ALIVE
                    | Permissions::UPDATE_RELAY
            }
        }
    }

    /// The class its credential states.
    pub fn class(self) -> StationClass {
        match self {
            Self::Vehicle => StationClass::Vehicle,
            Self::EmergencyVehicle => StationClass::EmergencyVehicle,
            Self::PublicTransport => StationClass::PublicTransport,
            Self::VulnerableRoadUser => StationClass::VulnerableRoadUser,
            Self::Roadside => StationClass::Roadside,
        }
    }
}

impl From<StationKind> for Part {
    fn from(kind: StationKind) -> Self {
        match kind {
            StationKind::Passenger | StationKind::Truck | StationKind::Motorcycle => Self::Vehicle,
            StationKind::Bus | StationKind::Tram | StationKind::Train => Self::PublicTransport,
            StationKind::Emergency => Self::EmergencyVehicle,
            StationKind::Bicycle | StationKind::Pedestrian => Self::VulnerableRoadUser,
            StationKind::Roadside => Self::Roadside,
        }
    }
}

#[derive(Clone, Copy)]
enum Holder {
    Root,
    Issuer,
    Station(Part, u32),
    Pseudonym(Part, u32, u32),
}

fn secret(seed: u64, holder: Holder) -> SigningKey {
    let (role, station, spare) = match holder {
        Holder::Root => (0, 0, None),
        Holder::Issuer => (1, 0, None),
        Holder::Station(part, station) => (2 + part as u8, station, None),
        Holder::Pseudonym(part, station, number) => (2 + part as u8, station, Some(number)),
    };
    let mut hash = Sha256::new();
    hash.update(b"roadcast/simulation/key\0");
    hash.update(seed.to_le_bytes());
    hash.update([role]);
    hash.update(station.to_le_bytes());
    if let Some(number) = spare {
        hash.update(number.to_le_bytes());
    }
    SigningKey::from_bytes(&hash.finalize().into())
}

/// How far a simulated station's clock may be off with its credentials still valid.
const MARGIN_S: u32 = 3600;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shelf::FEW;
    use v2x_core::{CredentialShelf as _, Trusted};

    const START: WireTime = WireTime::from_secs(700_000_000);

    #[test]
    fn every_part_is_trusted_for_the_whole_run_and_no_longer() {
        let length = Duration::from_secs(86_400);
        let cast = Cast::new(1, START, length).unwrap();
        for part in Part::ALL {
            let identity = cast.identity(3, part);
            for at in [START, START + length] {
                let trusted = cast.trust().check_station(identity.credential(), at).unwrap();
                assert!(trusted.permits(part.permissions()) && identity.valid_at(at));
            }
            assert!(!identity.valid_at(START + length + Duration::from_secs(7200)));
        }
    }

    #[test]
    fn stations_repeat_by_seed_and_differ_by_number_part_and_seed() {
        let cast = |seed| Cast::new(seed, START, Duration::from_secs(60)).unwrap();
        let digest = |seed, station, part| cast(seed).identity(station, part).digest();
        let one = digest(1, 0, Part::Vehicle);
        assert_eq!(one, digest(1, 0, Part::Vehicle));
        for other in [digest(2, 0, Part::Vehicle), digest(1, 1, Part::Vehicle), digest(1, 0, Part::Roadside)]
        {
            assert_ne!(one, other);
        }
        let stranger = cast(2).identity(0, Part::Vehicle);
        assert!(cast(1).trust().check_station(stranger.credential(), START).is_err());
    }

    #[test]
    fn times_at_the_ends_of_what_a_credential_can_say_are_no_reason_to_panic() {
        for start in [WireTime::from_micros(0), WireTime::from_secs(u32::MAX - 7200)] {
            assert!(Cast::new(1, start, Duration::from_secs(60)).is_ok());
        }
        assert!(Cast::new(1, WireTime::from_micros(u64::MAX), Duration::MAX).is_ok());
    }

    fn checked(station: u32) -> Trusted {
        let cast = Cast::new(1, START, Duration::from_secs(60)).unwrap();
        cast.trust().check_station(cast.identity(station, Part::Vehicle).credential(), START).unwrap()
    }

    #[test]
    fn a_credential_is_kept_once_and_one_that_differs_by_itself() {
        let shelf = Shelf::default();
        let first = shelf.shelve(checked(1));
        assert!(Arc::ptr_eq(&first, &shelf.shelve(checked(1))));
        let mut other = Trusted::clone(&first);
        other.station_class = other.station_class.wrapping_add(1);
        assert!(!Arc::ptr_eq(&first, &shelf.shelve(other)));
        assert!(!Arc::ptr_eq(&first, &shelf.shelve(checked(2))));
    }

    #[test]
    fn what_no_station_knows_any_more_is_cleared_away() {
        let (shelf, one) = (Shelf::default(), checked(1));
        for n in 0..5 * FEW as u32 {
            let mut other = one.clone();
            other.hash[..4].copy_from_slice(&n.to_le_bytes());
            shelf.shelve(other);
        }
        assert!(shelf.len() <= FEW);
    }
}
