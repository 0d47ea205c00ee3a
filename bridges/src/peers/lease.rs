//! How long a guest may stay: until its credential ends or is revoked.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;
use v2x_core::{TrustStore, Trusted, WireTime};

use super::close::Close;
use super::revoked::RevokedGuests;
use super::settings::PeerTerms;
use crate::clock;

/// The authority whose credentials admit guests.
#[derive(Debug)]
pub(super) struct GuestAuthority {
    pub trust: TrustStore,
    pub revoked: RevokedGuests,
    pub terms: PeerTerms,
}

/// What a guest was admitted by.
#[derive(Clone, Debug)]
pub(super) struct Lease {
    pub credential: Trusted,
    pub authority: Arc<GuestAuthority>,
}

impl Lease {
    /// Why it is over, if it is.
    fn over(&self, now: WireTime) -> Option<Close> {
        if now >= self.credential.valid_until {
            Some(Close::Expired)
        } else if self.authority.revoked.has(&self.credential, &self.authority.trust) {
            Some(Close::Revoked)
        } else {
            None
        }
    }
}

/// Waits for the end of a lease; for ever without one.
pub(super) async fn end(lease: Option<&Lease>) -> Close {
    let Some(lease) = lease else { return std::future::pending().await };
    loop {
        if let Some(close) = lease.over(clock::now()) {
            return close;
        }
        // Looked at again and again: the clock may be set, and lists come at any time.
        sleep(LOOK).await;
    }
}

const LOOK: Duration = Duration::from_secs(1);
