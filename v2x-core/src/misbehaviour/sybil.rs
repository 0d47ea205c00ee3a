//! Sybil check: several credentials of one transmitter, found by their parallel motion.
//!
//! A station that makes up cars has to make up a path for each, and the cheap path is its own, moved aside. Cars that
//! follow one another turn one after the other and cars abreast hold their distance by eye; neither keeps the same
//! offset, to the metre and in the same direction of the compass, while the velocity changes by many metres a second.
//! Steady driving shows nothing and counts for nothing, however long: platoons and motorways consist of it. With one
//! exception: a station that sends for several is equally loud under each name, all along a path on which the shadows
//! of two cars change and their antennas were never the same (RSSI against Sybil attacks: Demirbas and Song, WoWMoM
//! 2006, doi 10.1109/WOWMOM.2006.27).
//!
//! An attacker could move a ghost along with an honest car, so the evidence is shared and only the one heard later is
//! blamed.

use v2x_proto::Digest;

use super::thresholds as t;

/// The station that this one moves along with.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Company {
    with: Option<Digest>,
    /// From the other to this one, east and north, m.
    offset: (f32, f32),
    /// How much the velocity changed meanwhile, m/s.
    changed: f32,
    /// When they were last compared, ms, wrapping.
    at_ms: u32,
    /// How far this one drove since their powers were compared, m.
    way: f32,
    /// How often in a row their powers were alike.
    alike: u8,
}

/// A station and another at one time, relative to the other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Abreast {
    /// From the other to this one, east and north, m.
    pub offset: (f32, f32),
    /// This one's velocity less the other's, m/s.
    pub difference: (f32, f32),
    /// Time between their messages, s.
    pub apart_s: f32,
    /// This one's received power less the other's, both smoothed, dB, where the link knows them.
    pub louder_db: Option<f32>,
}

/// Motion of a station since its last message.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Moved {
    /// Change of velocity, m/s.
    pub change: f32,
    /// Speed, m/s; 0 when it is too slow to be used.
    pub speed: f32,
}

impl Abreast {
    fn is_together(&self) -> bool {
        let room = t::COMPANY_VELOCITY + t::COMPANY_ACCELERATION * self.apart_s;
        self.apart_s <= t::COMPANY_APART_S
            && length(self.difference) <= room
            && length(self.offset) <= t::COMPANY_M
    }
}

impl Company {
    /// The other station.
    #[must_use]
    pub fn with(&self) -> Option<Digest> {
        self.with
    }

    /// Moves along with `other`, from now on.
    pub fn join(&mut self, other: Digest, abreast: &Abreast, now_ms: u32) {
        if abreast.is_together() {
            *self = Self { with: Some(other), offset: abreast.offset, at_ms: now_ms, ..Self::default() };
        }
    }

    /// Compares it with the station it moves along with; `None`: that one is gone. Returns the score, 1 for plausible.
    pub fn compare(&mut self, abreast: Option<&Abreast>, moved: Moved, now_ms: u32) -> f32 {
        let Some(abreast) = abreast.filter(|_| now_ms.wrapping_sub(self.at_ms) <= t::COMPANY_FORGET_MS)
        else {
            *self = Self::default();
            return 1.0;
        };
        let strayed = length((abreast.offset.0 - self.offset.0, abreast.offset.1 - self.offset.1));
        // Between two messages far apart in time the other's change of velocity is not seen yet.
        let unseen = 0.5 * t::COMPANY_ACCELERATION * abreast.apart_s * abreast.apart_s;
        if !abreast.is_together() || strayed > t::COMPANY_STRAY_M + unseen {
            *self = Self::default();
            return 1.0;
        }
        let way = moved.speed * now_ms.wrapping_sub(self.at_ms) as f32 / 1000.0;
        self.at_ms = now_ms;
        self.changed += moved.change.min(t::COMPANY_CHANGE);
        let as_one = self.changed >= t::COMPANY_CHANGE;
        if as_one {
            self.changed = 0.0;
        }
        if as_one | self.sounds_alike(abreast.louder_db, way) { 0.0 } else { 1.0 }
    }

    /// Whether the two were equally loud at enough places.
    fn sounds_alike(&mut self, louder_db: Option<f32>, way: f32) -> bool {
        let Some(louder_db) = louder_db else { return false };
        self.way += way.min(t::COMPANY_POWER_WAY_M);
        if self.way < t::COMPANY_POWER_WAY_M {
            return false;
        }
        self.way = 0.0;
        self.alike = if louder_db.abs() <= t::COMPANY_POWER_DB { self.alike + 1 } else { 0 };
        let enough = self.alike >= t::COMPANY_ALIKE;
        if enough {
            self.alike = 0;
        }
        enough
    }
}

fn length((east, north): (f32, f32)) -> f32 {
    (east * east + north * north).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::base::{Purpose, Stream};

    const B: Digest = Digest([2; 8]);

    /// Findings against the second of two stations, whose positions are given by time.
    fn found(one: impl Fn(f32) -> (f32, f32), two: impl Fn(f32) -> (f32, f32)) -> usize {
        let velocity = |way: &dyn Fn(f32) -> (f32, f32), s: f32| {
            let (a, b) = (way(s - 0.05), way(s + 0.05));
            ((b.0 - a.0) * 10.0, (b.1 - a.1) * 10.0)
        };
        let mut company = Company::default();
        let mut before = velocity(&two, 0.0);
        let mut count = 0;
        for n in 0..600u32 {
            let s = n as f32 / 10.0;
            let (a, b) = (one(s), two(s));
            let (va, vb) = (velocity(&one, s), velocity(&two, s));
            let abreast = Abreast {
                offset: (b.0 - a.0, b.1 - a.1),
                difference: (vb.0 - va.0, vb.1 - va.1),
                apart_s: 0.0,
                louder_db: None,
            };
            let change = (vb.0 - before.0).hypot(vb.1 - before.1);
            before = vb;
            if company.with().is_some() {
                let change = if vb.0.hypot(vb.1) < t::COMPANY_MIN_SPEED { 0.0 } else { change };
                let moved = Moved { change, speed: 0.0 };
                count += usize::from(company.compare(Some(&abreast), moved, n * 100) < t::FINDING);
            } else {
                company.join(B, &abreast, n * 100);
            }
        }
        count
    }

    /// Along a street, round a corner at 200 m, with a stop and a start every 21 s.
    fn driver(s: f32) -> (f32, f32) {
        let way = 7.0 * (s - (0.3 * s).sin() / 0.3);
        (way.min(200.0), (way - 200.0).max(0.0))
    }

    #[test]
    fn ghosts_beside_their_maker_are_found() {
        assert!(found(driver, |s| (driver(s).0 + 15.0, driver(s).1 - 15.0)) >= 3);
    }

    #[test]
    fn a_platoon_a_column_and_a_steady_motorway_are_believed() {
        let steady = |s: f32| (30.0 * s, 0.0);
        assert_eq!(found(steady, |s| (30.0 * s - 12.0, 0.0)), 0, "a platoon that holds its speed");
        assert_eq!(found(|s| (70.0 * s, 0.0), |s| (70.0 * s, 3.5)), 0, "abreast at 70 m/s");
        assert_eq!(found(driver, |s| driver((s - 1.2).max(0.0))), 0, "the next car, round the same corner");
        let way = |s: f32| 7.0 * (s - (0.3 * s).sin() / 0.3);
        let slower = |s: f32| (way(s) * 0.9, -3.5);
        assert_eq!(found(|s| (way(s), 0.0), slower), 0, "away from a light side by side");
    }

    /// Findings against the second of two stations that drive along a straight road at 10 m/s, 15 m apart, for two
    /// minutes; the difference of their powers is a function of the distance driven.
    fn found_by_power(louder_db: impl Fn(f32) -> f32) -> usize {
        let mut company = Company::default();
        let mut count = 0;
        for n in 0..1200_u32 {
            let way = n as f32;
            let abreast = Abreast {
                offset: (15.0, 0.0),
                difference: (0.0, 0.0),
                apart_s: 0.0,
                louder_db: Some(louder_db(way)),
            };
            if company.with().is_none() {
                company.join(B, &abreast, n * 100);
            }
            let moved = Moved { change: 0.0, speed: 10.0 };
            count += usize::from(company.compare(Some(&abreast), moved, n * 100) < t::FINDING);
        }
        count
    }

    #[test]
    fn two_names_of_one_transmitter_are_equally_loud_all_along_and_two_cars_are_not() {
        assert!(found_by_power(|way| (way / 7.0).sin()) >= 10, "what is left of a frame's fading");
        // The difference of two shadows with 3 dB each and a correlation length of 10 m, metre by metre.
        let mut stream = Stream::new(7, B, Purpose::Forwarding);
        let mut shadow = 0.0_f32;
        let shadows: Vec<f32> = (0..1200)
            .map(|_| {
                let step = (0..4).map(|_| stream.below(1000) as f32 / 1000.0 - 0.5).sum::<f32>() * 1.73;
                shadow = 0.905 * shadow + 4.24 * 0.425 * step;
                shadow
            })
            .collect();
        let found = found_by_power(|way| shadows[way as usize]);
        assert!(found <= 1, "the same antennas, each in its own shadows: {found}");
        assert_eq!(found_by_power(|way| 3.0 + (way / 7.0).sin()), 0, "one shadow, other antennas");
    }
}
