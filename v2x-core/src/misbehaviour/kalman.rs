//! Constant-velocity Kalman filter of one station, small enough to keep one for each.
//!
//! East and north share one covariance: they are measured alike, so it develops alike. Positions are kept relative to
//! the newest measurement, which keeps single precision good to millimetres.

use super::thresholds::{FILTER_ACCELERATION, FILTER_VELOCITY_SIGMA};

/// State of the filter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Filter {
    /// Estimated position less the last measured one, m.
    east: f32,
    north: f32,
    velocity_east: f32,
    velocity_north: f32,
    /// Variances of position, m^2, of velocity, m^2/s^2, and what they share.
    position: f32,
    shared: f32,
    velocity: f32,
}

impl Filter {
    /// Starts at a measured position with a velocity, when that is known; sigma in m.
    #[must_use]
    pub fn new(velocity: Option<(f32, f32)>, sigma: f32) -> Self {
        let (velocity_east, velocity_north) = velocity.unwrap_or((0.0, 0.0));
        let known = velocity.is_some();
        Self {
            east: 0.0,
            north: 0.0,
            velocity_east,
            velocity_north,
            position: sigma * sigma,
            shared: 0.0,
            velocity: if known { FILTER_VELOCITY_SIGMA * FILTER_VELOCITY_SIGMA } else { UNKNOWN_VELOCITY },
        }
    }

    /// Takes a position `moved` (east, north, m) from the last measured one, `gap_s` later, and the velocity it
    /// came with. Returns how far it is from the prediction in standard deviations.
    pub fn step(&mut self, moved: (f32, f32), velocity: Option<(f32, f32)>, gap_s: f32, sigma: f32) -> f32 {
        self.predict(gap_s);
        // From here on relative to the new measurement, so the innovation is the estimate's own negative.
        let (east, north) = (moved.0 - self.east, moved.1 - self.north);
        let spread = self.position + sigma * sigma;
        let sigmas = ((east * east + north * north) / spread).sqrt();
        let (gain, gain_velocity) = (self.position / spread, self.shared / spread);
        self.east = -east * (1.0 - gain);
        self.north = -north * (1.0 - gain);
        self.velocity_east += gain_velocity * east;
        self.velocity_north += gain_velocity * north;
        self.velocity = (self.velocity - gain_velocity * self.shared).max(0.0);
        self.shared *= 1.0 - gain;
        self.position *= 1.0 - gain;
        if let Some(measured) = velocity {
            self.measure_velocity(measured);
        }
        sigmas
    }

    fn predict(&mut self, gap_s: f32) {
        self.east += self.velocity_east * gap_s;
        self.north += self.velocity_north * gap_s;
        let drive = FILTER_ACCELERATION * FILTER_ACCELERATION * gap_s * gap_s;
        self.position += gap_s * (2.0 * self.shared + gap_s * self.velocity) + drive * gap_s * gap_s / 4.0;
        self.shared += gap_s * self.velocity + drive * gap_s / 2.0;
        self.velocity += drive;
    }

    fn measure_velocity(&mut self, measured: (f32, f32)) {
        let spread = self.velocity + FILTER_VELOCITY_SIGMA * FILTER_VELOCITY_SIGMA;
        let (gain, gain_position) = (self.velocity / spread, self.shared / spread);
        let (east, north) = (measured.0 - self.velocity_east, measured.1 - self.velocity_north);
        self.east += gain_position * east;
        self.north += gain_position * north;
        self.velocity_east += gain * east;
        self.velocity_north += gain * north;
        self.position = (self.position - gain_position * self.shared).max(0.0);
        self.shared *= 1.0 - gain;
        self.velocity *= 1.0 - gain;
    }
}

/// 30 m/s either way.
const UNKNOWN_VELOCITY: f32 = 900.0;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_steady_car_is_where_it_is_expected() {
        let mut filter = Filter::new(Some((20.0, 0.0)), 2.5);
        for _ in 0..50 {
            assert!(filter.step((2.0, 0.0), Some((20.0, 0.0)), 0.1, 2.5) < 0.1);
        }
    }

    #[test]
    fn a_braking_car_stays_within_the_expected() {
        let mut filter = Filter::new(Some((30.0, 0.0)), 2.5);
        for n in 0..30 {
            let speed = 30.0 - n as f32;
            let sigmas = filter.step((speed * 0.1 - 0.05, 0.0), Some((speed - 1.0, 0.0)), 0.1, 2.5);
            assert!(sigmas < 2.0, "{sigmas}");
        }
    }

    #[test]
    fn a_jump_stands_out() {
        let mut filter = Filter::new(Some((20.0, 0.0)), 2.5);
        for _ in 0..20 {
            filter.step((2.0, 0.0), Some((20.0, 0.0)), 0.1, 2.5);
        }
        assert!(filter.step((2.0, 50.0), Some((20.0, 0.0)), 0.1, 2.5) > 8.0);
    }

    #[test]
    fn a_velocity_is_learnt_from_positions_alone() {
        let mut filter = Filter::new(None, 2.5);
        let last = (0..40).map(|_| filter.step((2.0, 1.0), None, 0.1, 2.5)).last().unwrap();
        assert!(last < 0.3, "{last}");
    }

    proptest! {
        #[test]
        fn no_way_of_driving_makes_it_lose_its_numbers(steps in proptest::collection::vec(
            (-3e7f32..3e7, -3e7f32..3e7, proptest::option::of((-200f32..200.0, -200f32..200.0)), 0f32..2.5), 1..60)) {
            let mut filter = Filter::new(None, 2.5);
            for (east, north, velocity, gap) in steps {
                let sigmas = filter.step((east, north), velocity, gap, 2.5);
                prop_assert!(sigmas.is_finite() && sigmas >= 0.0);
                prop_assert!(filter.position >= 0.0 && filter.velocity >= 0.0);
            }
        }
    }
}
