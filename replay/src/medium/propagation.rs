//! How strong a frame arrives: path loss, shadowing, fading.
//!
//! Path loss is the largest of several lines over the logarithm of distance, which is every published model of several
//! slopes that joins them where they meet. Shadowing is one normal draw for each link and place: the place is a pair of
//! squares, one for each end, as wide as the correlation length; a link is shadowed alike in both directions, and the
//! links of one station are shadowed independently. Fading is a draw for each frame and receiver (Nakagami), by distance.
//!
//! With squares of side `L`, of two draws on a link whose one end moved by `d` the correlation is `1 - d/L`, averaged over
//! where in its square the end was (along an axis), and 0 from `L` on: it is 1/e at `0.63 L`.

use v2x_core::Position;

use super::profile::{PathLoss, RadioProfile};
use super::random::{DrawPurpose, Quantiles, RandomDraws, mix};
use super::traffic::Blocked;

/// The propagation of one profile and seed.
#[derive(Debug)]
pub(super) struct Propagation {
    draws: RandomDraws,
    path_loss: PathLoss,
    power_dbm: f32,
    sigma_db: f32,
    correlation_m: f64,
    normal: Quantiles,
    /// From which distance on, m, nearest first.
    fading: Vec<(f32, Quantiles)>,
    reach_m: f64,
    least_dbm: f32,
}

/// One end of a link.
#[derive(Clone, Copy, Debug)]
pub(super) struct LinkEnd {
    pub(super) station: u32,
    /// The square it stands in.
    square: u64,
}

/// Power in units of 1e-18 W: sums of it are exact, whatever their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PowerUnits(pub(super) u64);

impl PowerUnits {
    pub(super) fn of_dbm(dbm: f32) -> Self {
        // 0 dBm is 1e-3 W; log2(10) / 10 is the number of doublings of a dB.
        Self(f64::from((dbm + 150.0) * DOUBLINGS_OF_A_DB).exp2() as u64)
    }

    pub(super) fn dbm(self) -> f32 {
        (self.0.max(1) as f32).log2() / DOUBLINGS_OF_A_DB - 150.0
    }
}

impl Propagation {
    pub(super) fn new(profile: &RadioProfile, seed: u64) -> Self {
        let fading = profile.fading.iter().map(|(from_m, m)| (*from_m as f32, Quantiles::nakagami_db(*m)));
        Self {
            draws: RandomDraws::new(seed),
            path_loss: profile.path_loss.clone(),
            power_dbm: profile.power_dbm as f32,
            sigma_db: profile.shadowing_db as f32,
            correlation_m: profile.correlation_m,
            normal: Quantiles::normal(),
            fading: fading.collect(),
            reach_m: profile.reach_m(),
            least_dbm: profile.least_dbm() as f32,
        }
    }

    /// Beyond this distance a frame adds too little to the noise to be followed, m.
    pub(super) fn reach_m(&self) -> f64 {
        self.reach_m
    }

    /// What a link of this length loses of itself, dB.
    pub(super) fn path_loss_db(&self, distance_m: f32) -> f32 {
        self.path_loss.db(distance_m)
    }

    /// What may be lost in all before a frame adds too little to the noise to be followed, dB.
    pub(super) fn most_lost_db(&self) -> f32 {
        self.power_dbm - self.least_dbm
    }

    pub(super) fn end(&self, station: u32, position: Position) -> LinkEnd {
        // A degree of longitude is as wide as in the middle of its degree of latitude: squares have to be the same for all
        // stations, and need not fit together across parallels.
        let parallel = (position.latitude as f64 / DEGREE).floor() + 0.5;
        let east = f64::from(position.longitude) * METRES_PER_UNIT * parallel.to_radians().cos();
        let north = f64::from(position.latitude) * METRES_PER_UNIT;
        let number = |metres: f64| (metres / self.correlation_m).floor() as i64 as u32;
        LinkEnd { station, square: u64::from(number(east)) << 32 | u64::from(number(north)) }
    }

    /// The power of a frame, the `number`th of its sender, at a receiver this far away, of which `lost_db` is lost on the way, with
    /// the [link's own](Self::path_loss_db).
    pub(super) fn received(
        &self,
        from: &LinkEnd,
        to: &LinkEnd,
        distance_m: f32,
        number: u64,
        lost_db: f32,
    ) -> PowerUnits {
        let mut dbm = self.power_dbm - lost_db;
        if self.sigma_db > 0.0 {
            dbm += self.sigma_db * self.of_place(DrawPurpose::Shadowing, from, to);
        }
        if let Some((_, fading)) = self.fading.iter().rev().find(|(from_m, _)| distance_m >= *from_m) {
            let bits = self.draws.bits(DrawPurpose::Fading, from.station, to.station, number);
            dbm += fading.value(bits);
        }
        PowerUnits::of_dbm(dbm)
    }

    /// What a vehicle in the way takes on a link, dB: one draw for each link and place.
    pub(super) fn blocked_db(&self, from: &LinkEnd, to: &LinkEnd, blocked: Blocked) -> f32 {
        (blocked.mean_db + blocked.sigma_db * self.of_place(DrawPurpose::Vehicles, from, to)).max(0.0)
    }

    /// A normal draw for a link and the place of both its ends, the same both ways.
    fn of_place(&self, purpose: DrawPurpose, from: &LinkEnd, to: &LinkEnd) -> f32 {
        let (low, high) = if from.station < to.station { (from, to) } else { (to, from) };
        let place = mix(low.square) ^ high.square;
        self.normal.value(self.draws.bits(purpose, low.station, high.station, place))
    }
}

const DOUBLINGS_OF_A_DB: f32 = core::f32::consts::LOG2_10 / 10.0;
/// In units of a position.
const DEGREE: f64 = 1e7;
/// Of latitude.
const METRES_PER_UNIT: f64 = 0.0111;

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Position = Position { latitude: 496_000_000, longitude: 61_300_000 };

    fn published() -> RadioProfile {
        RadioProfile::published()
    }

    fn dbm(model: &Propagation, from: (u32, Position), to: (u32, Position), number: u64) -> f32 {
        let distance_m = from.1.distance_m(to.1) as f32;
        let ends = (model.end(from.0, from.1), model.end(to.0, to.1));
        model.received(&ends.0, &ends.1, distance_m, number, model.path_loss_db(distance_m)).dbm()
    }

    #[test]
    fn the_published_path_loss_is_that_of_its_equations() {
        let profile = RadioProfile { shadowing_db: 0.0, ..published() };
        let model = Propagation::new(&profile, 1);
        // 23 dBm less free space at 50 m, and less 40 log10(d) + 9.639 dB at 287.6 m.
        for (distance_m, right) in
            [(50.0, 23.0 - 47.823 - 33.979), (287.6, -85.0), (1.0, 23.0 - 47.823 - 9.542)]
        {
            let found = dbm(&model, (1, HERE), (2, HERE.moved(distance_m, 0.0)), 1);
            assert!((found - right).abs() < 0.05, "{distance_m} m: {found} dBm, {right} by hand");
        }
    }

    #[test]
    fn shadowing_is_reciprocal_independent_of_other_links_and_stays_in_its_place() {
        let model = Propagation::new(&published(), 5);
        let there = HERE.moved(150.0, 0.0);
        let one = dbm(&model, (1, HERE), (2, there), 1);
        assert_eq!(
            one.to_bits(),
            dbm(&model, (2, there), (1, HERE), 9).to_bits(),
            "reciprocal, in every frame"
        );
        let excess =
            |n: u32| dbm(&model, (n, HERE), (n + 10_000, there), 1) - (23.0 - 9.639 - 40.0 * 150f32.log10());
        let all: Vec<f32> = (0..4_000).map(excess).collect();
        let mean = all.iter().sum::<f32>() / 4_000.0;
        let sigma = (all.iter().map(|db| (db - mean).powi(2)).sum::<f32>() / 4_000.0).sqrt();
        assert!(mean.abs() < 0.2 && (sigma - 3.0).abs() < 0.15, "{mean} {sigma}");
        let pairs: f32 = all.windows(2).map(|two| two[0] * two[1]).sum::<f32>() / 3_999.0;
        assert!(pairs.abs() < 0.6, "links of neighbouring stations go together: {pairs}");
    }

    #[test]
    fn a_link_that_moves_forgets_its_shadowing_over_the_correlation_length() {
        let model = Propagation::new(&published(), 5);
        // Wherever in its square a link begins.
        let shadow = |link: u32, by: f64| {
            let from = HERE.moved(f64::from(link) * 37.3, f64::from(link) * 11.9 + by);
            let to = HERE.moved(f64::from(link) * 37.3 + 200.0, f64::from(link) * 11.9);
            let path = 23.0 - 9.639 - 40.0 * (from.distance_m(to) as f32).log10();
            dbm(&model, (link, from), (link + 5_000, to), 1) - path
        };
        let correlation =
            |by: f64| (0..3_000).map(|n| shadow(n, 0.0) * shadow(n, by)).sum::<f32>() / 3_000.0 / 9.0;
        let length_m = published().correlation_m;
        for (share, right) in [(0.1, 0.9), (0.63, 0.37), (1.1, 0.0)] {
            let found = correlation(share * length_m);
            assert!((found - right).abs() < 0.08, "{share}: {found}");
        }
    }

    #[test]
    fn what_vehicles_take_is_drawn_once_for_a_link_and_place_and_is_never_a_gain() {
        let model = Propagation::new(&published(), 5);
        let there = HERE.moved(150.0, 0.0);
        let blocked = Blocked { mean_db: 5.0, sigma_db: 4.0 };
        let taken =
            |one: u32, other: u32| model.blocked_db(&model.end(one, HERE), &model.end(other, there), blocked);
        let back = model.blocked_db(&model.end(2, there), &model.end(1, HERE), blocked);
        assert_eq!(taken(1, 2).to_bits(), back.to_bits());
        let all: Vec<f32> = (0..4_000).map(|n| taken(n, n + 10_000)).collect();
        assert!(all.iter().all(|db| *db >= 0.0));
        // 5.2 dB: what is below 0 counts as 0, a tenth of them.
        let mean = all.iter().sum::<f32>() / 4_000.0;
        let nothing = all.iter().filter(|db| **db == 0.0).count();
        assert!((mean - 5.2).abs() < 0.2 && (350..500).contains(&nothing), "{mean} {nothing}");
    }

    #[test]
    fn power_units_are_read_back_as_the_dbm_they_were_made_of() {
        for dbm in [-120.0, -95.0, -85.0, -40.0, 10.0f32] {
            assert!((PowerUnits::of_dbm(dbm).dbm() - dbm).abs() < 0.01);
        }
    }
}
