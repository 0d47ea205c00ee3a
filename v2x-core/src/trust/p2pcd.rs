//! Peer-to-peer credential distribution: when the station sends its whole credential, and whose credential it requests.
//!
//! ETSI TS 103 097 7.1.1: a station signs with the digest of its credential, and with the whole credential once a
//! second, with every hazard, and in its next message after it heard a station it does not know or a request for it. A
//! new neighbour is answered the same way.
//!
//! While the channel is quiet the credential is included more often, so that newcomers learn all credentials sooner.
//!
//! A request is held back for a random time, and not made when another station makes it first: of all that miss one
//! credential, one requests it.
//!
//! One credential on the air answers everybody who waits for it, so answers are limited and not who may ask: whoever asks
//! while the rate is spent has the credential with the next answer, which is due soon. Verified requests and new
//! neighbours have the larger rate ([`ANSWER_RATE`]). A digest that is not known may be made up, so it has a small one of
//! its own ([`UNVERIFIED_ANSWER_RATE`]): a newcomer that it keeps waiting brings its credential within a beacon, since it
//! heard a digest that it does not know either, and is a new neighbour then. What is sent anyway, each second, with a
//! hazard or an alert, answers for nothing.

use core::time::Duration;

use arrayvec::ArrayVec;
use v2x_proto::{Class, Digest};

use crate::base::limits::{
    ANSWER_RATE, ASK_INTERVAL, CREDENTIAL_ON_DEMAND_GAP, FULL_CREDENTIAL_INTERVAL, MAX_REQUEST_BACK_OFF,
    MAX_REQUESTS, QUIET_FULL_CREDENTIAL_INTERVAL, REQUEST_LIFETIME, UNVERIFIED_ANSWER_RATE,
};
use crate::base::{Instant, Rate, Stream};

/// Distribution of one station's credential, and its requests for others'.
#[derive(Clone, Debug)]
pub struct CredentialDistribution {
    own: [u8; 3],
    last_full: Option<Instant>,
    /// A verified station asked for it, or is new here.
    asked: Answer,
    /// A digest was heard that is not known: its station may not know us either, if there is one.
    unknown: Answer,
    quiet: bool,
    back_off: Stream,
    wanted: ArrayVec<Wanted, MAX_REQUESTS>,
}

impl CredentialDistribution {
    /// For the station whose credential is `own`. Its first message carries the credential. Requests are held back for
    /// times drawn from `back_off`.
    #[must_use]
    pub fn new(own: &Digest, back_off: Stream) -> Self {
        let wanted = ArrayVec::new();
        let (asked, unknown) = (Answer::of(ANSWER_RATE), Answer::of(UNVERIFIED_ANSWER_RATE));
        Self { own: own.truncated(), last_full: None, asked, unknown, quiet: false, back_off, wanted }
    }

    /// Whether the channel has room to spare.
    pub fn set_quiet(&mut self, quiet: bool) {
        self.quiet = quiet;
    }

    /// True when a message sent now must carry the full credential.
    ///
    /// `is_hazard` is the first copy of a hazard or alert of any class; messages of D0, D1 and D3
    /// count as such by their class.
    #[must_use]
    pub fn attach(&self, now: Instant, class: Class, is_hazard: bool) -> bool {
        let Some(last) = self.last_full else { return true };
        is_hazard
            || matches!(class, Class::D0 | Class::D1 | Class::D3)
            || self.is_due(last, now)
            || now.since(last) >= CREDENTIAL_ON_DEMAND_GAP
                && (self.asked.is_due(now) || self.unknown.is_due(now))
    }

    /// A message of `class` with the full credential was handed to the link.
    pub fn sent_full(&mut self, now: Instant, class: Class) {
        let anyway = matches!(class, Class::D0 | Class::D1 | Class::D3)
            || self.last_full.is_none_or(|last| self.is_due(last, now));
        if !anyway {
            // One of them was the reason: the one that has more to spend.
            if self.asked.is_due(now) { self.asked.charge(now) } else { self.unknown.charge(now) }
        }
        self.last_full = Some(now);
        (self.asked.owed, self.unknown.owed) = (false, false);
    }

    /// Whether it is sent without anybody having asked.
    fn is_due(&self, last: Instant, now: Instant) -> bool {
        let interval = if self.quiet { QUIET_FULL_CREDENTIAL_INTERVAL } else { FULL_CREDENTIAL_INTERVAL };
        now.since(last) >= interval
    }

    /// A verified message requested these credentials, three bytes each.
    ///
    /// A digest that another station requested need not be requested again: the answer is on its way.
    pub fn heard_request(&mut self, requests: &[u8], now: Instant) {
        for request in requests.chunks_exact(3) {
            if request == self.own {
                self.asked.owed = true;
            }
            for wanted in &mut self.wanted {
                if request == wanted.digest.truncated() {
                    wanted.asked = true;
                    wanted.due = wanted.due.max(now + ASK_INTERVAL);
                }
            }
        }
    }

    /// A message came from a station whose credential is not known.
    pub fn heard_unknown(&mut self, digest: Digest, now: Instant) {
        self.unknown.owed = true;
        self.forget_silent(now);
        if let Some(wanted) = self.wanted.iter_mut().find(|wanted| wanted.digest == digest) {
            wanted.heard = now;
            return;
        }
        if self.wanted.is_full() {
            // Only entries already requested once are evicted: made-up digests cannot push out a station before its
            // turn.
            let asked = self.wanted.iter().enumerate().filter(|(_, w)| w.asked);
            let Some((_, oldest)) = asked.map(|(place, w)| (w.due, place)).min() else { return };
            self.wanted.remove(oldest);
        }
        let back_off = self.back_off.below(MAX_REQUEST_BACK_OFF.as_nanos() as u64);
        let due = now + Duration::from_nanos(back_off);
        self.wanted.push(Wanted { digest, heard: now, due, asked: false });
    }

    /// The credential of `digest` is known now.
    pub fn learned(&mut self, digest: &Digest) {
        self.wanted.retain(|wanted| wanted.digest != *digest);
    }

    /// A station became a neighbour: it may not know us.
    pub fn new_neighbour(&mut self) {
        self.asked.owed = true;
    }

    /// Appends the requests due now to `out`, three bytes each, and marks them as requested.
    pub fn requests(&mut self, now: Instant, out: &mut Vec<u8>) {
        self.forget_silent(now);
        for wanted in &mut self.wanted {
            if wanted.due <= now {
                wanted.asked = true;
                wanted.due = now + ASK_INTERVAL;
                out.extend_from_slice(&wanted.digest.truncated());
            }
        }
    }

    /// Number of missing credentials.
    #[must_use]
    pub fn wanted(&self) -> usize {
        self.wanted.len()
    }

    fn forget_silent(&mut self, now: Instant) {
        self.wanted.retain(|wanted| now.since(wanted.heard) < REQUEST_LIFETIME);
    }
}

/// An answer that is owed to whoever waits for the credential, and the rate of such answers.
#[derive(Clone, Copy, Debug)]
struct Answer {
    owed: bool,
    rate: Rate,
    /// Up to when the rate is spent.
    spent: Instant,
}

impl Answer {
    const fn of(rate: Rate) -> Self {
        Self { owed: false, rate, spent: Instant::ZERO }
    }

    fn is_due(&self, now: Instant) -> bool {
        self.owed && self.rate.allows(self.spent, now)
    }

    fn charge(&mut self, now: Instant) {
        self.spent = self.rate.charged(self.spent, now);
    }
}

#[derive(Clone, Copy, Debug)]
struct Wanted {
    digest: Digest,
    heard: Instant,
    /// Not to be requested before.
    due: Instant,
    /// Requested before, by us or by another station that we heard.
    asked: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Purpose;

    const OWN: Digest = Digest([1, 2, 3, 4, 5, 6, 7, 8]);

    fn ms(millis: u64) -> Instant {
        Instant::from_millis(millis)
    }

    fn started() -> CredentialDistribution {
        let back_off = Stream::new(1, OWN, Purpose::RequestBackOff);
        let mut distribution = CredentialDistribution::new(&OWN, back_off);
        assert!(distribution.attach(ms(0), Class::D2, false));
        distribution.sent_full(ms(0), Class::D2);
        distribution
    }

    fn asked(distribution: &mut CredentialDistribution, now: Instant) -> Vec<u8> {
        let mut out = Vec::new();
        distribution.requests(now, &mut out);
        out
    }

    #[test]
    fn once_a_second_without_cause() {
        let distribution = started();
        assert!(!distribution.attach(ms(999), Class::D2, false));
        assert!(distribution.attach(ms(1000), Class::D2, false));
    }

    #[test]
    fn with_every_hazard() {
        let distribution = started();
        for class in [Class::D0, Class::D1, Class::D3] {
            assert!(distribution.attach(ms(1), class, false));
        }
        assert!(distribution.attach(ms(1), Class::D2, true));
        assert!(!distribution.attach(ms(1), Class::D4, false));
    }

    #[test]
    fn at_once_when_somebody_may_not_know_us() {
        let causes: [fn(&mut CredentialDistribution); 3] = [
            |d| d.heard_request(&[9, 9, 9, 1, 2, 3], ms(90)),
            |d| d.heard_unknown(Digest([7; 8]), ms(90)),
            CredentialDistribution::new_neighbour,
        ];
        for cause in causes {
            let mut distribution = started();
            cause(&mut distribution);
            assert!(distribution.attach(ms(100), Class::D2, false));
            distribution.sent_full(ms(100), Class::D2);
            assert!(!distribution.attach(ms(200), Class::D2, false));
        }
    }

    #[test]
    fn requests_for_others_are_not_answered() {
        let mut distribution = started();
        distribution.heard_request(&[1, 2, 4, 2, 3, 4, 1, 2], ms(90));
        assert!(!distribution.attach(ms(100), Class::D2, false));
    }

    /// Times of answers, ms, when `cause` happens in each millisecond of ten seconds.
    fn answers(mut cause: impl FnMut(&mut CredentialDistribution, u64)) -> Vec<u64> {
        let mut distribution = started();
        let mut full = Vec::new();
        for millis in 0..10_000 {
            cause(&mut distribution, millis);
            if distribution.attach(ms(millis), Class::D2, false) {
                distribution.sent_full(ms(millis), Class::D2);
                full.push(millis);
            }
        }
        full
    }

    #[test]
    fn a_flood_of_requests_and_new_neighbours_is_answered_at_a_rate() {
        let full = answers(|distribution, millis| {
            distribution.heard_request(&[1, 2, 3], ms(millis));
            distribution.new_neighbour();
        });
        assert!(full[..4].windows(2).all(|pair| pair[1] - pair[0] == 50), "a few at once: {full:?}");
        assert!(full.len() <= 4 + 20, "{full:?}");
        assert!(full.windows(2).all(|pair| pair[1] - pair[0] <= 500), "nobody waits for long: {full:?}");
    }

    #[test]
    fn made_up_digests_are_answered_once_in_two_seconds_beside_what_is_sent_anyway() {
        let full = answers(|distribution, millis| {
            distribution.heard_unknown(Digest((millis / 100).to_le_bytes()), ms(millis));
        });
        assert!(full.len() <= 10 + 2 + 5, "{full:?}");
    }

    #[test]
    fn made_up_digests_use_up_nothing_of_those_who_are_verified() {
        let mut distribution = started();
        for millis in 0..5_000u64 {
            distribution.heard_unknown(Digest(millis.to_le_bytes()), ms(millis));
            if distribution.attach(ms(millis), Class::D2, false) {
                distribution.sent_full(ms(millis), Class::D2);
            }
        }
        let last = distribution.last_full.unwrap();
        distribution.new_neighbour();
        assert!(distribution.attach(last + CREDENTIAL_ON_DEMAND_GAP, Class::D2, false));
    }

    #[test]
    fn a_quiet_channel_is_told_more_often() {
        let mut distribution = started();
        distribution.set_quiet(true);
        assert!(!distribution.attach(ms(399), Class::D2, false));
        assert!(distribution.attach(ms(400), Class::D2, false));
        distribution.set_quiet(false);
        assert!(!distribution.attach(ms(400), Class::D2, false));
    }

    /// When `distribution` first requests the digest it heard at 0, checked each millisecond.
    fn first_ask(distribution: &mut CredentialDistribution) -> u64 {
        (0..1000).find(|millis| !asked(distribution, ms(*millis)).is_empty()).unwrap()
    }

    #[test]
    fn a_request_is_held_back_for_a_time_of_each_stations_own() {
        let times: std::collections::BTreeSet<_> = (0..20)
            .map(|seed| {
                let back_off = Stream::new(seed, OWN, Purpose::RequestBackOff);
                let mut distribution = CredentialDistribution::new(&OWN, back_off);
                distribution.heard_unknown(Digest([7; 8]), ms(0));
                first_ask(&mut distribution)
            })
            .collect();
        assert!(times.len() > 15 && times.iter().all(|millis| *millis <= 250), "{times:?}");
    }

    #[test]
    fn a_digest_is_asked_for_at_most_every_250_ms_and_forgotten_after_a_second() {
        let mut distribution = started();
        distribution.heard_unknown(Digest([7; 8]), ms(0));
        let first = first_ask(&mut distribution);
        let again =
            [first + 249, first + 250, first + 499, 1000].map(|t| asked(&mut distribution, ms(t)).len());
        assert_eq!(again, [0, 3, 0, 0]);
    }

    #[test]
    fn what_is_learned_or_asked_by_others_is_not_asked() {
        let mut distribution = started();
        distribution.heard_unknown(Digest([7; 8]), ms(0));
        distribution.heard_unknown(Digest([8; 8]), ms(0));
        distribution.learned(&Digest([7; 8]));
        distribution.heard_request(&[8, 8, 8], ms(0));
        assert!((0..250).all(|millis| asked(&mut distribution, ms(millis)).is_empty()));
        assert_eq!(asked(&mut distribution, ms(250)), [8, 8, 8]);
    }

    #[test]
    fn a_flood_of_unknown_digests_is_bounded_and_each_kept_one_gets_its_turn() {
        let mut distribution = started();
        for n in 0..=255 {
            distribution.heard_unknown(Digest([n; 8]), ms(0));
        }
        let first = asked(&mut distribution, ms(250));
        assert_eq!(first.len(), 3 * MAX_REQUESTS);
        assert_eq!(first[..3], [0, 0, 0]);
        distribution.heard_unknown(Digest([77; 8]), ms(251));
        let rest = asked(&mut distribution, ms(501));
        assert!(rest.chunks(3).any(|digest| digest == [77, 77, 77]));
    }
}
