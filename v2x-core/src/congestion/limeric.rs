//! LIMERIC with two alphas: the share of time a station may send, adapted so that the channel rests below its target.
//!
//! ETSI TS 102 687 V1.2.1, 5.4 (adaptive approach). Every 200 ms, from the busy ratio `c` of the last two intervals of
//! 100 ms:
//!
//! ```text
//! busy  = busy / 2 + c / 2
//! off   = min(max(beta * (target - busy), -0.00025), 0.0005)
//! share = min(max((1 - alpha) * share + off, 0.0006), 0.03)
//! ```
//!
//! The second alpha is used while the share falls fast, so that newcomers make room within a second rather than ten.
//! `K` stations that hear each other and want more than they may send come to rest where
//! `share = beta * (target - busy) / alpha` and `busy = K * share`: at `busy = target * K * beta / (alpha + K * beta)`.

/// The share of time that a station may send.
#[derive(Clone, Copy, Debug)]
pub struct Limeric {
    /// 0.0006..=0.03.
    share: f64,
    busy: f64,
}

impl Limeric {
    /// Before anything was measured: at rest on a channel as busy as an unknown one is assumed to be.
    pub fn new(assumed: f64) -> Self {
        Self { share: (BETA * (TARGET - assumed) / ALPHA).clamp(SHARE_MIN, SHARE_MAX), busy: assumed }
    }

    /// 200 ms have passed, in which the channel was busy for this share of time, 0..=1.
    pub fn update(&mut self, busy: f64) {
        self.busy = self.busy / 2.0 + busy / 2.0;
        let offset = (BETA * (TARGET - self.busy)).clamp(-MOST_DOWN, MOST_UP);
        let slow = (1.0 - ALPHA) * self.share + offset;
        let alpha = if self.share - slow > FALLS * self.share { ALPHA_FALLING } else { ALPHA };
        self.share = ((1.0 - alpha) * self.share + offset).clamp(SHARE_MIN, SHARE_MAX);
    }

    /// The share of time that the station may send, 0.0006..=0.03.
    pub fn share(&self) -> f64 {
        self.share
    }
}

/// How fast a share is given back; the smaller, the nearer to the target the channel comes to rest.
pub const ALPHA: f64 = 0.016;
/// The same while the share falls (dual-alpha DCC, Soto, Calderón, Amador and Urueña).
pub const ALPHA_FALLING: f64 = 0.1;
/// How strongly the distance to the target counts.
pub const BETA: f64 = 0.0012;
/// The busy ratio that is aimed at; a share above zero needs some distance to it.
pub const TARGET: f64 = 0.68;
const SHARE_MIN: f64 = 0.0006;
const SHARE_MAX: f64 = 0.03;
/// Bounds of one step.
const MOST_UP: f64 = 0.0005;
const MOST_DOWN: f64 = 0.00025;
/// A share that falls by more than this part of itself in one step falls fast.
const FALLS: f64 = 0.02;

#[cfg(test)]
mod tests {
    use super::*;

    /// `stations` that always want more, for `steps` of 200 ms; the busy ratio at the end.
    fn rest(stations: f64, from: Limeric, steps: usize) -> (Limeric, f64) {
        let mut one = from;
        for _ in 0..steps {
            one.update((stations * one.share()).min(1.0));
        }
        (one, stations * one.share())
    }

    #[test]
    fn stations_come_to_rest_where_alpha_and_beta_say() {
        for stations in [40.0, 100.0, 200.0] {
            let rests = TARGET * stations * BETA / (ALPHA + stations * BETA);
            let (_, busy) = rest(stations, Limeric::new(0.5), 50);
            assert!((busy - rests).abs() < 0.01, "{stations}: {busy} beside {rests}");
        }
    }

    #[test]
    fn newcomers_make_room_within_two_seconds() {
        let (few, _) = rest(60.0, Limeric::new(0.5), 100);
        let (_, busy) = rest(180.0, few, 10);
        assert!(busy < 0.70, "{busy}");
    }

    #[test]
    fn the_share_stays_within_its_bounds_whatever_is_measured() {
        let mut one = Limeric::new(0.5);
        (0..500).for_each(|_| one.update(1.0));
        assert_eq!(one.share(), SHARE_MIN);
        (0..500).for_each(|_| one.update(0.0));
        assert_eq!(one.share(), SHARE_MAX);
    }
}
