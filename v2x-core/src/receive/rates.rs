//! Rate limits of received frames: by link address and forwarder before anything is verified, by signer after.
//!
//! What is counted before verification can be charged to anybody: an attacker writes any address and forwarder it
//! likes. So those buckets never silence a station that was heard before: its frames are
//! [demoted](Precedence::Demoted), verified when nothing else waits, and only strangers' are refused. A signer's rate
//! is charged after its frame was verified, so nobody else can spend it.

use core::hash::Hasher;

use siphasher::sip::SipHasher13;
use v2x_proto::{Class, Digest};

use crate::base::{DropReason, Instant, Rate, Stream, limits};
use crate::neighbour::NeighbourTable;

/// A rate for each of any number of keys in a fixed number of slots.
///
/// Two rows of slots under a hash whose key nobody else knows: a key is over its rate only when both its slots are. An
/// attacker that floods under a hundred addresses fills a tenth of each row, and hits a given other station in both
/// with one chance in a hundred; and nobody can target one.
#[derive(Clone, Debug)]
pub struct Buckets {
    rate: Rate,
    keys: (u64, u64),
    rows: [Box<[Instant]>; 2],
}

impl Buckets {
    /// Nothing spent yet, two rows of `slots`, at least 1, of 8 bytes.
    #[must_use]
    pub fn new(rate: Rate, slots: usize, stream: &mut Stream) -> Self {
        let row = || vec![Instant::ZERO; slots.max(1)].into_boxed_slice();
        Self { rate, keys: (stream.next_u64(), stream.next_u64()), rows: [row(), row()] }
    }

    /// Charges one to `key`; false when it is over its rate.
    pub fn take(&mut self, key: &[u8], now: Instant) -> bool {
        let mut hasher = SipHasher13::new_with_keys(self.keys.0, self.keys.1);
        hasher.write(key);
        let hash = hasher.finish();
        let slots = self.rows[0].len();
        let places = [hash as usize % slots, (hash >> 32) as usize % slots];
        let mut allowed = false;
        for (row, place) in self.rows.iter_mut().zip(places) {
            allowed |= self.rate.take(&mut row[place], now);
        }
        allowed
    }
}

/// Precedence of a frame before its signature is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precedence {
    /// Verified in normal order.
    Good,
    /// Verified when nothing else waits.
    Demoted,
}

/// Rate limits before verification: by the transmitter that a frame claims.
#[derive(Clone, Debug)]
pub struct Unverified {
    links: Buckets,
    forwarders: Buckets,
    strangers: Instant,
    credentials: Instant,
    credential_shares: Buckets,
}

/// A frame's claims about its origin; nothing of it is verified.
#[derive(Clone, Copy, Debug)]
pub struct Origin {
    /// Source address of the link.
    pub link: [u8; 6],
    /// The hop header's forwarder.
    pub forwarder: Digest,
    /// Its claimed signer.
    pub signer: Digest,
    /// Deadline class.
    pub class: Class,
}

impl Unverified {
    /// Nothing heard yet; each rate has as many slots a row as there may be neighbours.
    #[must_use]
    pub fn new(neighbours: usize, stream: &mut Stream) -> Self {
        Self {
            links: Buckets::new(limits::LINK_RATE, neighbours, stream),
            forwarders: Buckets::new(limits::LINK_RATE, neighbours, stream),
            strangers: Instant::ZERO,
            credentials: Instant::ZERO,
            credential_shares: Buckets::new(limits::NEW_CREDENTIAL_SHARE, neighbours, stream),
        }
    }

    /// Charges a frame to its link address and forwarder.
    ///
    /// # Errors
    ///
    /// [`DropReason::RateLimitedLink`] or [`DropReason::RateLimitedForwarder`], never for a station that was
    /// heard from this address, nor for an alert (D0, D1) of any neighbour: those are demoted.
    pub fn admit(
        &mut self,
        origin: &Origin,
        neighbours: &NeighbourTable,
        now: Instant,
    ) -> Result<Precedence, DropReason> {
        let known = neighbours.get(&origin.signer);
        let forwarder =
            if origin.forwarder == origin.signer { known } else { neighbours.get(&origin.forwarder) };
        // A verified frame of the transmitter came from this address.
        let familiar = forwarder.is_some_and(|forwarder| forwarder.link() == Some(origin.link));
        let link = self.links.take(&origin.link, now);
        // Anybody can write a forwarder's digest; at the forwarder's own address its address counts.
        let forwarder = familiar || self.forwarders.take(&origin.forwarder.0, now);
        if link && forwarder {
            let in_turn = familiar || limits::STRANGER_RATE.take(&mut self.strangers, now);
            return Ok(if in_turn { Precedence::Good } else { Precedence::Demoted });
        }
        let spared = known.is_some() && (familiar || matches!(origin.class, Class::D0 | Class::D1));
        match (spared, link) {
            (true, _) => Ok(Precedence::Demoted),
            (false, false) => Err(DropReason::RateLimitedLink),
            (false, true) => Err(DropReason::RateLimitedForwarder),
        }
    }

    /// Charges the check of a new credential: to all, and to the address it came from, so that one address cannot keep
    /// those of others from being checked.
    pub fn new_credential(&mut self, link: &[u8; 6], shared: bool, now: Instant) -> bool {
        let all = limits::NEW_CREDENTIAL_RATE;
        all.allows(self.credentials, now)
            && (!shared || self.credential_shares.take(link, now))
            && all.take(&mut self.credentials, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Purpose;

    fn ms(millis: u64) -> Instant {
        Instant::from_millis(millis)
    }

    fn stream() -> Stream {
        Stream::new(1, Digest([1; 8]), Purpose::RateKeys)
    }

    fn origin(link: u8, class: Class) -> Origin {
        let forwarder = Digest([link; 8]);
        Origin { link: [link; 6], forwarder, signer: forwarder, class }
    }

    #[test]
    fn a_flooding_address_is_refused_and_others_are_not() {
        let mut rates = Unverified::new(limits::NEIGHBOURS, &mut stream());
        let table = NeighbourTable::new();
        let mut passed = 0;
        for n in 0..20_000_u64 {
            let now = Instant::from_nanos(n * 50_000);
            passed += u32::from(rates.admit(&origin(1, Class::D0), &table, now).is_ok());
            if n % 2000 == 0 {
                for other in 2..100 {
                    let verdict = rates.admit(&origin(other, Class::D2), &table, now);
                    assert!(verdict.is_ok(), "{other} at {now:?}");
                }
            }
        }
        assert!((290..=310).contains(&passed), "{passed}: a burst of 100 and 200/s");
    }

    #[test]
    fn a_flooding_address_leaves_most_of_the_credential_checks_to_others() {
        let mut rates = Unverified::new(limits::NEIGHBOURS, &mut stream());
        let flood = (0..20_000_u64)
            .filter(|n| rates.new_credential(&[1; 6], true, Instant::from_nanos(n * 50_000)))
            .count();
        assert!(flood <= 32, "{flood}");
        assert!((2..60).all(|other| rates.new_credential(&[other; 6], true, ms(1000))));
    }
}
