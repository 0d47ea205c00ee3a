//! Offers to meet: where two bridges behind NATs are to be found, and when both dial. Something that both reach carries them,
//! such as a broker; it sees their addresses and can keep them apart, and cannot forge an offer.
//!
//! [`channel`] makes the two ends: [`Meetings`] is the peers', [`OfferCarrier`] the carrier's.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use prost::Message as _;
use tokio::sync::mpsc;
use tracing::debug;
use v2x_core::WireTime;

/// One bridge tells another where it is, and when both dial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Key of the bridge that tells.
    pub from: [u8; 32],
    /// Key of the one that is told.
    pub to: [u8; 32],
    /// Where the first can be dialled, at most 16, in the order of their promise.
    pub addresses: Vec<SocketAddr>,
    /// When both dial, by the clock of the bridge that began. It grows with each offer of a bridge.
    pub dial_at: WireTime,
    /// It answers an offer, with that offer's time.
    pub is_answer: bool,
}

/// Why bytes are no offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAnOffer {
    /// More bytes or addresses than an offer has.
    #[error("an offer has at most {LONGEST_OFFER} bytes and {MOST_ADDRESSES} addresses")]
    TooLong,
    /// Not what [`Offer::sign`] makes.
    #[error("not an offer")]
    Malformed,
    /// Its signature is not of the bridge that it names.
    #[error("the signature of an offer is invalid")]
    Signature,
}

impl Offer {
    /// The offer as it is carried. `key` is that of `from`.
    #[must_use]
    pub fn sign(&self, key: &SigningKey) -> Bytes {
        debug_assert_eq!(key.verifying_key().as_bytes(), &self.from);
        let offer = OfferRecord {
            from: Bytes::copy_from_slice(&self.from),
            to: Bytes::copy_from_slice(&self.to),
            addresses: self.addresses.iter().take(MOST_ADDRESSES).map(SocketAddr::to_string).collect(),
            dial_at_us: self.dial_at.as_micros(),
            is_answer: self.is_answer,
        };
        let offer = Bytes::from(offer.encode_to_vec());
        let signature = key.sign(&signed(&offer)).to_bytes();
        SignedOffer { offer, signature: Bytes::copy_from_slice(&signature) }.encode_to_vec().into()
    }

    /// Reads an offer and verifies that it is from the bridge that it names.
    ///
    /// # Errors
    /// [`NotAnOffer`].
    pub fn read(bytes: &[u8]) -> Result<Self, NotAnOffer> {
        if bytes.len() > LONGEST_OFFER {
            return Err(NotAnOffer::TooLong);
        }
        let SignedOffer { offer, signature } =
            SignedOffer::decode(bytes).map_err(|_| NotAnOffer::Malformed)?;
        let read = OfferRecord::decode(offer.clone()).map_err(|_| NotAnOffer::Malformed)?;
        if read.addresses.len() > MOST_ADDRESSES {
            return Err(NotAnOffer::TooLong);
        }
        let key = |bytes: &Bytes| <[u8; 32]>::try_from(bytes.as_ref()).map_err(|_| NotAnOffer::Malformed);
        let (from, to) = (key(&read.from)?, key(&read.to)?);
        let signature = Signature::from_slice(&signature).map_err(|_| NotAnOffer::Malformed)?;
        let signer = VerifyingKey::from_bytes(&from).map_err(|_| NotAnOffer::Malformed)?;
        signer.verify_strict(&signed(&offer), &signature).map_err(|_| NotAnOffer::Signature)?;
        let addresses: Result<Vec<SocketAddr>, _> = read.addresses.iter().map(|text| text.parse()).collect();
        let addresses = addresses.map_err(|_| NotAnOffer::Malformed)?;
        Ok(Self {
            from,
            to,
            addresses,
            dial_at: WireTime::from_micros(read.dial_at_us),
            is_answer: read.is_answer,
        })
    }
}

/// When to dial, from now: at the time of the offer, but no later than [`LONGEST_WAIT`], for clocks may differ by more.
#[must_use]
pub fn wait(dial_at: WireTime, now: WireTime) -> Duration {
    Duration::from_micros(dial_at.as_micros().saturating_sub(now.as_micros())).min(LONGEST_WAIT)
}

fn signed(offer: &[u8]) -> Vec<u8> {
    [DOMAIN, offer].concat()
}

/// An offer on its way to a bridge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferOut {
    /// Key of the bridge it is for, in z-base-32: part of a topic.
    pub to: String,
    /// The offer as [`Offer::sign`] made it.
    pub offer: Bytes,
}

/// The carrier's end.
#[derive(Debug)]
pub struct OfferCarrier {
    /// Key of this bridge, in z-base-32: offers to it are for [`arrived`](Self::arrived).
    pub own: String,
    /// Offers to be carried, each at once or not at all: an offer that is late is of no use.
    pub out: mpsc::Receiver<OfferOut>,
    arrived: mpsc::Sender<Bytes>,
}

impl OfferCarrier {
    /// Hands over an offer that arrived for this bridge. Nothing of it is believed; what there is no room for is lost.
    pub fn arrived(&self, offer: Bytes) {
        // No room: more offers than anybody dials. Closed: the program ends.
        if offer.len() > LONGEST_OFFER || self.arrived.try_send(offer).is_err() {
            debug!(target: "peer", "an offer to meet is lost");
        }
    }
}

/// The peers' end.
#[derive(Debug)]
pub struct Meetings {
    out: mpsc::Sender<OfferOut>,
    /// Offers that arrived, as they came.
    pub arrived: mpsc::Receiver<Bytes>,
}

impl Meetings {
    /// Gives an offer to the carrier; false when it is busy or gone.
    #[must_use]
    pub fn send(&self, offer: OfferOut) -> bool {
        self.out.try_send(offer).is_ok()
    }
}

/// Both ends; `own` is this bridge's key in z-base-32.
#[must_use]
pub fn channel(own: String) -> (Meetings, OfferCarrier) {
    let (out, carried) = mpsc::channel(ROOM);
    let (arrived, offers) = mpsc::channel(ROOM);
    (Meetings { out, arrived: offers }, OfferCarrier { own, out: carried, arrived })
}

/// A signed offer.
#[derive(Clone, PartialEq, prost::Message)]
struct SignedOffer {
    #[prost(bytes = "bytes", tag = "1")]
    offer: Bytes,
    #[prost(bytes = "bytes", tag = "2")]
    signature: Bytes,
}

/// What is signed.
#[derive(Clone, PartialEq, prost::Message)]
struct OfferRecord {
    #[prost(bytes = "bytes", tag = "1")]
    from: Bytes,
    #[prost(bytes = "bytes", tag = "2")]
    to: Bytes,
    #[prost(string, repeated, tag = "3")]
    addresses: Vec<String>,
    #[prost(uint64, tag = "4")]
    dial_at_us: u64,
    #[prost(bool, tag = "5")]
    is_answer: bool,
}

/// What the signature covers begins with this, so that it is good for nothing else.
const DOMAIN: &[u8] = b"roadcast bridge offer 1\0";
/// Two keys, a signature, and 16 addresses of IPv6 with their ports.
pub const LONGEST_OFFER: usize = 1200;
/// Addresses of a bridge with several interfaces, and those of its NATs.
pub const MOST_ADDRESSES: usize = 16;
/// Of a second for each peer of a large region.
const ROOM: usize = 64;
/// A dial goes on for longer than this: so both overlap however their clocks differ.
pub const LONGEST_WAIT: Duration = Duration::from_secs(3);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn offer(key: &SigningKey) -> Offer {
        Offer {
            from: key.verifying_key().to_bytes(),
            to: [9; 32],
            addresses: vec!["198.51.100.7:4747".parse().unwrap(), "[2001:db8::7]:4747".parse().unwrap()],
            dial_at: WireTime::from_micros(77),
            is_answer: true,
        }
    }

    #[test]
    fn an_offer_reads_back_and_a_forged_one_does_not() {
        let key = SigningKey::from_bytes(&[1; 32]);
        let bytes = offer(&key).sign(&key);
        assert_eq!(Offer::read(&bytes), Ok(offer(&key)));
        for at in 0..bytes.len() {
            let mut forged = bytes.to_vec();
            forged[at] ^= 1;
            assert!(Offer::read(&forged).is_err(), "byte {at}");
        }
    }

    #[test]
    fn the_largest_offer_fits() {
        let key = SigningKey::from_bytes(&[1; 32]);
        let address = "[2001:db8:1111:2222:3333:4444:5555:6666]:65535".parse().unwrap();
        let full = Offer { addresses: vec![address; MOST_ADDRESSES], ..offer(&key) };
        let bytes = full.sign(&key);
        assert!(bytes.len() <= LONGEST_OFFER, "{}", bytes.len());
        assert_eq!(Offer::read(&bytes), Ok(full));
    }

    #[test]
    fn clocks_that_differ_do_not_keep_bridges_apart_for_longer_than_a_dial_lasts() {
        let at = WireTime::from_secs;
        assert_eq!(wait(at(100), at(99)), Duration::from_secs(1));
        assert_eq!(wait(at(100), at(200)), Duration::ZERO, "a clock that is ahead dials at once");
        assert_eq!(wait(at(4000), at(99)), LONGEST_WAIT);
    }

    #[tokio::test]
    async fn what_a_carrier_cannot_take_is_lost_and_nothing_waits() {
        let (meetings, carrier) = channel("own".to_owned());
        let out = OfferOut { to: "b".to_owned(), offer: Bytes::from_static(b"x") };
        assert_eq!((0..1000).filter(|_| meetings.send(out.clone())).count(), ROOM);
        for _ in 0..1000 {
            carrier.arrived(Bytes::from_static(b"y"));
        }
        carrier.arrived(vec![0; LONGEST_OFFER + 1].into());
        assert_eq!(meetings.arrived.len(), ROOM);
    }

    /// Signed by whoever has this key, whatever it is.
    fn signed_by(key: &SigningKey, offer: Vec<u8>) -> Vec<u8> {
        let signature = key.sign(&signed(&offer)).to_bytes();
        SignedOffer { offer: offer.into(), signature: Bytes::copy_from_slice(&signature) }.encode_to_vec()
    }

    proptest! {
        #[test]
        fn any_fields_that_a_bridge_signs_are_an_offer_that_reads_back_or_none(
            to in prop_oneof![Just(32_usize), 0_usize..40],
            addresses in proptest::collection::vec(
                prop_oneof![any::<SocketAddr>().prop_map(|address| address.to_string()), "[0-9a-f:.\\[\\]%]{0,24}"], 0..20,
            ),
            dial_at_us: u64,
            is_answer: bool,
            own: bool,
        ) {
            let key = SigningKey::from_bytes(&[1; 32]);
            let from = if own { key.verifying_key().to_bytes() } else { [2; 32] };
            let record = OfferRecord {
                from: Bytes::copy_from_slice(&from),
                to: vec![9; to].into(),
                addresses,
                dial_at_us,
                is_answer,
            };
            if let Ok(offer) = Offer::read(&signed_by(&key, record.encode_to_vec())) {
                prop_assert!(own && to == 32 && offer.addresses.len() <= MOST_ADDRESSES);
                prop_assert_eq!(Offer::read(&offer.sign(&key)), Ok(offer));
            }
        }

        #[test]
        fn no_signed_bytes_panic(bytes in proptest::collection::vec(prop_oneof![0..0x40_u8, any::<u8>()], 0..200)) {
            // Whoever made them has no key that they could name.
            prop_assert!(Offer::read(&signed_by(&SigningKey::from_bytes(&[1; 32]), bytes)).is_err());
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..1300)) {
            prop_assert!(Offer::read(&bytes).is_err());
        }
    }
}
