//! Which share of frames is lost at a ratio of signal to interference and noise: tables by rate and length.
//!
//! A table of frames of one length is scaled to another as if bits failed independently: `1 - (1 - p)^(L / L0)`. Over a
//! frame whose interference changes, the shares `x` of its airtime multiply: `1 - product of (1 - p(SINR))^x`.

use v2x_proto::link::DataRate;

use super::profile::{ErrorTable, RadioProfile};

/// The tables of a profile's rate, ready to be looked up.
#[derive(Debug)]
pub(super) struct FrameErrors {
    /// By length, shortest first.
    tables: Vec<LookUp>,
}

#[derive(Debug)]
struct LookUp {
    /// `None`: frames of any length.
    mpdu_bytes: Option<u32>,
    /// The logarithm of the share that survives, by [`STEP_DB`] from [`FROM_DB`] on.
    survival_ln: Vec<f32>,
}

/// What frames of one length survive: a table, and by how much its frames are shorter.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ErrorCurve {
    table: u32,
    scale: f32,
}

impl FrameErrors {
    pub(super) fn new(profile: &RadioProfile) -> Self {
        let mut tables: Vec<LookUp> = profile
            .errors
            .iter()
            .filter(|table| table.rate.is_none_or(|rate| rate == profile.rate))
            .map(|table| LookUp { mpdu_bytes: table.mpdu_bytes, survival_ln: survival(table, profile.rate) })
            .collect();
        tables.sort_by_key(|table| table.mpdu_bytes);
        Self { tables }
    }

    /// The curve for frames of this length: of the table whose length is nearest, by ratio.
    pub(super) fn curve(&self, mpdu_bytes: u32) -> ErrorCurve {
        let ratio = |table: &LookUp| {
            let other = f64::from(table.mpdu_bytes.unwrap_or(mpdu_bytes).max(1));
            (f64::from(mpdu_bytes.max(1)) / other).ln().abs()
        };
        let nearest = (0..self.tables.len())
            .min_by(|one, other| ratio(&self.tables[*one]).total_cmp(&ratio(&self.tables[*other])))
            .expect("invariant: a profile has a table for its rate");
        let length = self.tables[nearest].mpdu_bytes;
        let scale = length.map_or(1.0, |other| mpdu_bytes as f32 / other.max(1) as f32);
        ErrorCurve { table: nearest as u32, scale }
    }

    /// The logarithm of the share that survives at a ratio of powers.
    pub(super) fn survival_ln(&self, curve: ErrorCurve, ratio: f32) -> f32 {
        let db = ratio.max(1e-9).log2() * DB_OF_A_DOUBLING;
        let index = ((db - FROM_DB) / STEP_DB + 0.5).clamp(0.0, (POINTS - 1) as f32) as usize;
        curve.scale * self.tables[curve.table as usize].survival_ln[index]
    }
}

fn survival(table: &ErrorTable, rate: DataRate) -> Vec<f32> {
    let shift = if table.per_bit { eb_n0_shift_db(rate) } else { 0.0 };
    (0..POINTS)
        .map(|n| {
            let db = f64::from(FROM_DB + n as f32 * STEP_DB) + shift;
            let lost = table.lost(db);
            if lost >= 1.0 { NONE_LN } else { (-lost).ln_1p() as f32 }
        })
        .collect()
}

/// What energy per bit over noise density is above the ratio of signal and noise, dB: bandwidth over rate.
fn eb_n0_shift_db(rate: DataRate) -> f64 {
    10.0 * (BANDWIDTH_MHZ / (f64::from(rate.half_mbps()) / 2.0)).log10()
}

const BANDWIDTH_MHZ: f64 = 10.0;
const DB_OF_A_DOUBLING: f32 = 3.010_3;
const FROM_DB: f32 = -10.0;
const STEP_DB: f32 = 0.05;
/// To 50 dB.
const POINTS: usize = 1_201;
/// Of no frame at all: it has to stay a number, of which a small share still loses the frame.
const NONE_LN: f32 = -1e6;

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(rate: DataRate) -> RadioProfile {
        RadioProfile { rate, ..RadioProfile::published() }
    }

    fn lost(profile: &RadioProfile, bytes: u32, db: f32) -> f32 {
        let errors = FrameErrors::new(profile);
        -errors.survival_ln(errors.curve(bytes), 10f32.powf(db / 10.0)).exp_m1()
    }

    #[test]
    fn the_published_table_is_by_energy_per_bit_whatever_the_length() {
        // At 6 Mb/s in 10 MHz a bit has 2.218 dB more than the signal, at 27 Mb/s 4.314 dB less.
        for (rate, shift) in [(DataRate::Mbps6, 2.218), (DataRate::Mbps27, -4.314)] {
            let profile = profile(rate);
            for (eb_n0, right) in [(4.0, 1.0), (7.5, 0.7), (10.0, 0.4), (12.5, 0.2075), (35.0, 0.001)] {
                let found = lost(&profile, 200, eb_n0 - shift);
                assert!((found - right).abs() < 0.005, "{rate:?} {eb_n0} dB: {found}, {right} by hand");
                assert_eq!(found.to_bits(), lost(&profile, 900, eb_n0 - shift).to_bits());
            }
        }
    }

    #[test]
    fn a_table_of_one_length_is_scaled_to_others() {
        let table = ErrorTable {
            rate: None,
            mpdu_bytes: Some(350),
            per_bit: false,
            points: vec![(0.0, 0.5), (10.0, 0.0)],
        };
        let profile = RadioProfile { errors: vec![table], ..profile(DataRate::Mbps6) };
        assert!((lost(&profile, 350, 0.0) - 0.5).abs() < 1e-3);
        assert!((lost(&profile, 700, 0.0) - 0.75).abs() < 1e-3, "two halves, each of which half survives");
        assert!((lost(&profile, 350, 5.0) - 0.25).abs() < 1e-3);
        assert!(lost(&profile, 350, 60.0).abs() < 1e-6);
    }

    #[test]
    fn interference_during_a_part_of_a_frame_costs_that_part() {
        let profile = profile(DataRate::Mbps6);
        let errors = FrameErrors::new(&profile);
        let curve = errors.curve(200);
        let at = |db: f32| errors.survival_ln(curve, 10f32.powf(db / 10.0));
        // A quarter of the frame at an Eb/N0 of 10 dB, which 60 % survive, the rest at 35 dB.
        let survives = (0.25 * at(10.0 - 2.218) + 0.75 * at(35.0 - 2.218)).exp();
        assert!((survives - 0.6f32.powf(0.25) * 0.999f32.powf(0.75)).abs() < 2e-3, "{survives}");
        // Any part of it below 5 dB loses it.
        assert!((0.01 * at(0.0)).exp() < 1e-6);
    }
}
