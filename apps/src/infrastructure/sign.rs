//! Traffic signs in force where the vehicle is.
//!
//! A sign is kept under its signer and number, so that no signer replaces another's. It is in force inside one of its
//! zones, within its validity, and in its direction; a sign without a zone is in force nowhere.

use arrayvec::ArrayVec;
use v2x_core::{Area, Fix, Instant, Position, WireTime, heading_difference};
use v2x_proto::{AreaView, Digest, v1};

use super::refusal::Refusal;
use crate::limits;

/// Sign information as it was heard.
#[derive(Clone, Debug)]
pub struct Posted {
    signer: Digest,
    info: v1::SignInfo,
    zones: ArrayVec<Area, 8>,
    heard: Instant,
    in_force: bool,
    /// It changed since the last look.
    revised: bool,
}

impl Posted {
    /// The signer that posted it.
    #[must_use]
    pub fn signer(&self) -> Digest {
        self.signer
    }

    /// Its content.
    #[must_use]
    pub fn info(&self) -> &v1::SignInfo {
        &self.info
    }

    /// Whether it was in force for the vehicle when that was looked at last.
    #[must_use]
    pub fn in_force(&self) -> bool {
        self.in_force
    }

    fn holds(&self, position: Position, heading: Option<u16>, wire: WireTime) -> bool {
        let info = &self.info;
        let from = info.valid_from_us.is_none_or(|from| wire.as_micros() >= from);
        let until = info.valid_until_us.is_none_or(|until| wire.as_micros() < until);
        from && until && self.faces(heading) && self.zones.iter().any(|zone| zone.contains(position))
    }

    /// A sign for one direction does not apply to a vehicle whose direction is not known.
    fn faces(&self, heading: Option<u16>) -> bool {
        let Some(direction) = self.info.direction_deg else { return true };
        let tolerance = self.info.direction_tolerance_deg.unwrap_or(USUAL_TOLERANCE_DEG).min(180);
        heading.is_some_and(|heading| {
            heading_difference(heading, (direction % 360) as u16 * 10) <= tolerance as u16 * 10
        })
    }
}

/// The signs near by, at most [`limits::MAX_SIGNS`]. A full table makes room with a sign of the signer that has most, if
/// that is more than the newcomer's would have, else with one that is not in force: of these the one not heard for longest.
#[derive(Clone, Debug, Default)]
pub struct Signs {
    posted: Vec<Posted>,
}

impl Signs {
    /// All that is kept, in force or not, in the order it came.
    pub fn iter(&self) -> impl Iterator<Item = &Posted> {
        self.posted.iter()
    }

    /// Takes sign information of a trusted signer. Whether it is in force shows at the next [`look`](Self::look). Returns a
    /// sign in force that made room for it.
    ///
    /// # Errors
    /// Why it changed nothing.
    pub fn hear(
        &mut self,
        info: v1::SignInfo,
        signer: Digest,
        now: Instant,
    ) -> Result<Option<Posted>, Refusal> {
        let known = |posted: &&mut Posted| posted.signer == signer && posted.info.sign_id == info.sign_id;
        if let Some(posted) = self.posted.iter_mut().find(known) {
            if info.revision < posted.info.revision {
                return Err(Refusal::OldRevision);
            }
            posted.heard = now;
            if info.revision > posted.info.revision {
                posted.zones = zones(&info);
                posted.info = info;
                posted.revised = true;
            }
            return Ok(None);
        }
        let of_signer = self.held(&signer);
        if of_signer >= limits::MAX_SIGNS_PER_SIGNER {
            return Err(Refusal::TooManyOfSigner);
        }
        let mut gone = None;
        if self.posted.len() >= limits::MAX_SIGNS {
            let victim = self.victim(of_signer).ok_or(Refusal::Full)?;
            gone = Some(self.posted.remove(victim)).filter(|gone| gone.in_force);
        }
        self.posted.push(Posted {
            signer,
            zones: zones(&info),
            info,
            heard: now,
            in_force: false,
            revised: false,
        });
        Ok(gone)
    }

    fn held(&self, signer: &Digest) -> usize {
        self.posted.iter().filter(|posted| posted.signer == *signer).count()
    }

    /// What makes room for one more of a signer that has `held`.
    fn victim(&self, held: usize) -> Option<usize> {
        let most = self.posted.iter().map(|posted| (self.held(&posted.signer), posted.signer)).max()?;
        let greedy = (most.0 > held + 1).then_some(most.1);
        let may_go = |posted: &Posted| match greedy {
            Some(greedy) => posted.signer == greedy,
            None => !posted.in_force,
        };
        let places = (0..self.posted.len()).filter(|at| may_go(&self.posted[*at]));
        places.min_by_key(|at| (self.posted[*at].in_force, self.posted[*at].heard))
    }

    /// Looks at what is in force for a vehicle at `fix`, and calls `changed` for each sign that came into force, was
    /// revised in force, or ended since the last look. Without a fix none is.
    pub fn look(&mut self, fix: Option<&Fix>, wire: WireTime, mut changed: impl FnMut(&Posted)) {
        for posted in &mut self.posted {
            let holds = fix.is_some_and(|fix| posted.holds(fix.position, fix.heading, wire));
            let changes = holds != posted.in_force || holds && posted.revised;
            (posted.in_force, posted.revised) = (holds, false);
            if changes {
                changed(posted);
            }
        }
    }

    /// Forgets what has ended or was not heard for long; what is in force must first be reported by a look.
    pub fn expire(&mut self, now: Instant, wire: WireTime) {
        self.posted.retain(|posted| {
            let ended = posted.info.valid_until_us.is_some_and(|until| wire.as_micros() >= until);
            posted.in_force || !ended && now.since(posted.heard) < limits::SIGN_LIFETIME
        });
    }
}

fn zones(info: &v1::SignInfo) -> ArrayVec<Area, 8> {
    info.zones
        .iter()
        .filter_map(|zone| AreaView::try_from(zone).ok())
        .take(8)
        .map(|zone| Area::new(&zone))
        .collect()
}

/// Half width of a sign's direction when it gives none (the schema).
const USUAL_TOLERANCE_DEG: u32 = 45;

#[cfg(test)]
mod tests;
