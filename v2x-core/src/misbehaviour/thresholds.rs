//! Every threshold of the plausibility checks, with its reason.
//!
//! The published values (F2MD: 40 m/s, 420 m, 3 m/s^2 up, 4.5 m/s^2 down) describe one town in a simulator.
//! Ours must hold for a motorway without a limit, for an emergency stop, for a receiver whose position is
//! off by a few metres, and for a station that gets a fix a second and reckons between. What an honest
//! station does in the worst case scores 1; what no vehicle does scores 0; between the two the score falls
//! in a straight line, and a finding is a score below [`FINDING`].

use core::time::Duration;

/// Plausible up to `fine`, impossible from `impossible` on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ramp {
    /// Up to here the score is 1.
    pub fine: f32,
    /// From here on the score is 0.
    pub impossible: f32,
}

impl Ramp {
    /// The score of `value`, 0..=1. What is not a number cannot be judged and scores 1.
    #[must_use]
    pub fn score(self, value: f32) -> f32 {
        if value.is_nan() || value <= self.fine {
            return 1.0;
        }
        if value >= self.impossible {
            return 0.0;
        }
        ((self.impossible - value) / (self.impossible - self.fine)).clamp(0.0, 1.0)
    }

    /// The same shape, `factor` times as wide.
    #[must_use]
    pub fn times(self, factor: f32) -> Self {
        Self { fine: self.fine * factor, impossible: self.impossible * factor }
    }
}

/// A score below this is a finding.
pub const FINDING: f32 = 0.5;

/// Distance of a message heard straight from its signer, m. 23 dBm at 6 Mb/s carry some 500 m in the open; a
/// roadside unit on a mast with a clear line reaches a kilometre. Admission refuses all beyond 1,500 m.
pub const RANGE_M: Ramp = Ramp { fine: 1200.0, impossible: 1500.0 };

/// Speed, m/s: 70 m/s is 252 km/h, which motorways without a limit see.
pub const SPEED: Ramp = Ramp { fine: 70.0, impossible: 90.0 };

/// Speed that would explain how far a station moved between two messages, noise taken off, m/s.
pub const JUMP_SPEED: Ramp = Ramp { fine: 75.0, impossible: 105.0 };

/// Shorter gaps count as this long for jumps: a correction of the position comes at once, s.
pub const JUMP_GAP_S: f32 = 0.2;

/// Noise of the difference of two positions, m: 1.5 m (68 %) each make 5 m in all but one of a thousand.
pub const TOLERANCE_M: f32 = 5.0;

/// A station that states less accuracy gets more room, up to this, m: a liar would always state it.
pub const MAX_TOLERANCE_M: f32 = 10.0;

/// Metres that position and speed disagree over the window, in tolerances.
pub const POSITION_SPEED: Ramp = Ramp { fine: 1.0, impossible: 2.0 };

/// A fix a second makes speeds up to this much late, s: half of the speed's change is not explained.
pub const FIX_INTERVAL_S: f32 = 1.0;

/// Unseen braking (10 m/s^2) and accelerating between two messages, a quarter of it times the gap squared
/// (the speed leaves and returns in a triangle), m/s^2.
pub const UNSEEN_ACCELERATION: f32 = 2.5;

/// Cosine of the angle between the direction of a station's path and its stated heading, negated (-cosine): 53 degrees
/// come from a turn seen late and noise over [`HEADING_MIN_M`], 102 from neither.
pub const POSITION_HEADING: Ramp = Ramp { fine: -0.6, impossible: 0.2 };

/// Shorter paths tell nothing about a direction: 5 m of noise across 10 m are 27 degrees.
pub const HEADING_MIN_M: f32 = 10.0;

/// Slower stations may be reversing, m/s.
pub const HEADING_MIN_SPEED: f32 = 4.0;

/// Gain of speed, m/s within a second or the gap: motorcycles and electric cars reach 10 m/s^2.
pub const SPEED_GAIN: Ramp = Ramp { fine: 11.0, impossible: 18.0 };

/// Loss of speed, m/s within a second or the gap: 10 m/s^2 in an emergency, 12 with good tyres, noise of 1 m/s.
pub const SPEED_LOSS: Ramp = Ramp { fine: 13.0, impossible: 20.0 };

/// The smaller of two changes of speed in a row with opposite signs, m/s within a second or the gap: drivers
/// do not brake and accelerate at 3 m/s^2 each from one second to the next; fake noise does.
pub const SPEED_REVERSAL: Ramp = Ramp { fine: 2.2, impossible: 4.0 };

/// Change of heading, degrees within a second or the gap, faster than [`TURN_MIN_SPEED`]: a right angle drawn as
/// a corner by a map or a trace is honest, a U-turn at speed is not.
pub const TURN: Ramp = Ramp { fine: 100.0, impossible: 160.0 };

/// The same above [`TURN_FAST_SPEED`], where 1 g turns 28 degrees a second.
pub const TURN_FAST: Ramp = Ramp { fine: 60.0, impossible: 110.0 };

/// Slower stations turn as they like: U-turns, headings of a standing receiver, m/s.
pub const TURN_MIN_SPEED: f32 = 5.0;

/// See [`TURN_FAST`], m/s.
pub const TURN_FAST_SPEED: f32 = 20.0;

/// Distance between the reference points of two vehicles, negated, m: vehicles are 1.6 m wide or more, lanes 3 m apart;
/// half of the width is left to noise.
pub const OVERLAP_M: Ramp = Ramp { fine: -1.4, impossible: -0.2 };

/// Two vehicles that overlap at a greater difference of speed would have collided, m/s.
pub const OVERLAP_PASSING: f32 = 3.0;

/// Older positions of the other are not extrapolated for comparison, ms.
pub const OVERLAP_MAX_AGE_MS: u32 = 1200;

/// Distance at which a station is heard for the first time, negated, m. Weak evidence: cars start, leave garages, come
/// round corners, and change pseudonyms.
pub const SUDDEN_M: Ramp = Ramp { fine: -120.0, impossible: -20.0 };

/// No station counts as appearing suddenly to one that has just begun to listen.
pub const SUDDEN_AFTER: Duration = Duration::from_secs(5);

/// Time between the generation of two awareness messages, negated, in shortest allowed intervals (100 ms): the sender's
/// timer may be late for one and in time for the next.
pub const BEACON_INTERVAL: Ramp = Ramp { fine: -0.8, impossible: -0.4 };

/// Distance of a position from the Kalman filter's prediction, in standard deviations of it.
pub const RESIDUAL: Ramp = Ramp { fine: 3.5, impossible: 7.5 };

/// Acceleration that the filter takes for one standard deviation, m/s^2: town driving; emergency braking is two.
pub const FILTER_ACCELERATION: f32 = 5.0;

/// Standard deviation of a reported velocity, m/s.
pub const FILTER_VELOCITY_SIGMA: f32 = 1.5;

/// After a longer silence the path between two messages is judged by [`JUMP_SPEED`] only, s: beacons are at most 1 s
/// apart, so two in a row were lost.
pub const MAX_GAP_S: f32 = 2.5;

/// Positions are compared over one to two of these, s: long enough for 3 m/s to be more than the noise,
/// short enough for the sums to stay good.
pub const HALF_WINDOW_S: f32 = 1.5;

/// Evidence halves in this time, s: three findings in a bad minute pass, a liar's do not.
pub const HALF_LIFE_S: f32 = 20.0;

/// From here on a station is suspect: one finding may be a jump of the receiver, two a bad tunnel exit.
pub const SUSPECT: f32 = 2.5;

/// Below here it is trusted again.
pub const TRUSTED_AGAIN: f32 = 1.0;

/// From here on, by own evidence alone, it is isolated: the verdict stands until its credential ends, so it takes three
/// times what a suspicion takes.
pub const ISOLATE: f32 = 8.0;

/// And not before it was suspect for this long without a break: a receiver that fails under a bridge recovers sooner.
pub const ISOLATE_AFTER: Duration = Duration::from_secs(5);

/// Evidence does not grow beyond this: a minute of good behaviour clears a suspect.
pub const MAX_OWN_EVIDENCE: f32 = 16.0;

/// Evidence that another station could have caused does not grow beyond this: enough for a suspicion.
pub const MAX_SHARED_EVIDENCE: f32 = 3.5;

/// Loss of speed around a warning of hard braking, negated, m/s: C2C-CC and SAE J2945/1 warn from 4 m/s^2 (0.4 g) on,
/// so half a second of braking, the least that anyone would warn of, takes 2 m/s off; noise of two speeds is 0.5.
pub const BRAKING: Ramp = Ramp { fine: -2.0, impossible: -0.5 };

/// Speeds this long before a warning count as the initial speed, ms: a station that warns late has braked already.
pub const BRAKING_BEFORE_MS: u32 = 2000;

/// Beacons are at most 1 s apart; after a longer silence within a check one was lost, and with it perhaps the braking, ms.
pub const BRAKING_GAP_MS: i32 = 1100;

/// A warning is checked against the speeds stated up to this long after it, ms: a fix a second is one late, and beacons
/// of a braking station are at most another apart.
pub const BRAKING_WITHIN_MS: u32 = 2000;

/// Slower claims are not compared word for word, m/s: receivers hold the position of a standing station, and two that
/// stood at one stop line may have sent the same.
pub const COPY_MIN_SPEED: f32 = 0.3;

/// Velocities of two that move as one differ by less, m/s: 0.1 m/s each of two receivers, three sigma (GNSS Doppler).
pub const COMPANY_VELOCITY: f32 = 0.4;

/// Plus what the one heard earlier may have gained since, m/s^2.
pub const COMPANY_ACCELERATION: f32 = 3.0;

/// Messages farther apart are not compared, s.
pub const COMPANY_APART_S: f32 = 0.35;

/// Stations farther apart do not count as moving together, m.
pub const COMPANY_M: f32 = 150.0;

/// Tolerance of the offset, m. Two stations that start at a light side by side and differ by a tenth in how they do it
/// are this far apart at 6 m/s; on a curve of 90 degrees any two more than 1 m apart are.
pub const COMPANY_STRAY_M: f32 = 0.5;

/// Changes at lower speeds than this tell nothing, m/s: all that stop and start side by side stay together that long.
pub const COMPANY_MIN_SPEED: f32 = 3.0;

/// Change of velocity that two stations must share for one finding, m/s: two or three times what a platoon or a column
/// of cars does before its gaps vary by more than [`COMPANY_STRAY_M`].
pub const COMPANY_CHANGE: f32 = 5.0;

/// Two that move as one are equally loud when their smoothed powers differ by no more, dB: 2 dB of fading a frame leave
/// 0.6 dB of a second's frames, twice, 1.8 sigma. Two cars' differ by 4 to 5 dB of antennas and shadows, and by 2 to 3 of shadows
/// alone.
pub const COMPANY_POWER_DB: f32 = 1.5;

/// Distance between the places of comparison, m: the correlation length of shadowing, and about the reach of the
/// smoothing at 10 m/s.
pub const COMPANY_POWER_WAY_M: f32 = 10.0;

/// This many in a row are one finding, 50 m: two cars with the same antennas that keep their gap to half a metre reach
/// it once in three hundred times, and it takes two findings.
pub const COMPANY_ALIKE: u8 = 5;

/// After this long without a comparison they are strangers again, ms.
pub const COMPANY_FORGET_MS: u32 = 2500;

/// Strength above the upper quartile of all, dB. Antennas of honest cars differ by 10 dB at the most (patterns under
/// glass roofs), shadowing by 3 dB (WINNER+ B1, sigma), three of which are 9; the quartile is some 3 dB above the middle.
pub const SIGNAL_LOUD: Ramp = Ramp { fine: 14.0, impossible: 21.0 };

/// Strength below it, dB: a corner takes 20 dB (3GPP TR 36.885, Manhattan), a bad antenna 10 more.
pub const SIGNAL_FAINT: Ramp = Ramp { fine: 28.0, impossible: 40.0 };

/// Change of strength while a station is in reach beyond the upper quartile of all stations' changes, dB. Half of the
/// range of shadowing (sigma 3 dB, smoothed) over a minute is 5; the antenna's own difference cancels.
pub const SIGNAL_WANDER: Ramp = Ramp { fine: 5.0, impossible: 11.0 };

/// Lower bound of the usual change, dB: shadowing 8, a row of lorries 10. A corner is 20 (3GPP TR 36.885, Manhattan):
/// where a quarter of the stations come round one the usual change covers it, the only one to do so may be suspect
/// until it has driven on.
pub const SIGNAL_WANDER_MOST: Ramp = Ramp { fine: 16.0, impossible: 22.0 };

/// Strength is smoothed over this half-life, ms: 15 to 20 m of driving, over which shadowing changes.
pub const SIGNAL_SMOOTH_MS: f32 = 1000.0;

/// A station is judged this often, ms, however often it sends, and learnt from as often.
pub const SIGNAL_EVERY_MS: u32 = 1000;

/// After this long unheard it begins anew, ms.
pub const SIGNAL_FORGET_MS: u32 = 5000;

/// Frames heard before it is judged.
pub const SIGNAL_FRAMES: u16 = 4;

/// How fast the extremes return to the mean, by judgement: half in 35 s, longer than a corner takes.
pub const SIGNAL_RELAX: f32 = 0.02;

/// Judgements after which the usual strength is known.
pub const SIGNAL_ENOUGH: u32 = 20;

/// First steps of learning, divided by the number heard, and the last ones, dB. A liar heard first, 30 dB off, is
/// forgotten after twenty: a quarter of the steps' sum, which grows as the logarithm.
pub const SIGNAL_LEARN_DB: f32 = 40.0;

/// See [`SIGNAL_LEARN_DB`].
pub const SIGNAL_STEP_DB: f32 = 0.2;

/// Claimed distance over the ninth decile of all: 3 dB of antenna and 3 of shadowing, one sigma each, carry 1.3 times as
/// far (40 dB a decade).
pub const REACH: Ramp = Ramp { fine: 1.1, impossible: 1.4 };

/// Where most traffic is near, stations up to this distance are believed all the same, m: more than half of the frames
/// at 23 dBm carry 300 m of open road (Sepulcre et al. 2022), whichever stations happen to be there.
pub const REACH_LEAST_M: f32 = 300.0;

/// Judgements after which the reach is known: twenty stations for five seconds.
pub const REACH_ENOUGH: u32 = 100;

/// First steps of learning, divided by the number heard, and the last ones, m.
pub const REACH_LEARN_M: f32 = 300.0;

/// See [`REACH_LEARN_M`].
pub const REACH_STEP_M: f32 = 4.0;

/// By how much another place explains the powers heard better than the claimed one, logarithm of the likelihood ratio:
/// a finding from 8.5 on, 5,000 to 1, since a car meets hundreds of others in an hour and twenty places are tried of each.
pub const ELSEWHERE: Ramp = Ramp { fine: 5.5, impossible: 11.5 };

/// An honest path counts this much at the most, so that a station that begins to lie later is found as soon as one that
/// always did.
pub const ELSEWHERE_FLOOR: f32 = 8.0;

/// Evidence is capped at this.
pub const ELSEWHERE_CEILING: f32 = 100.0;

/// The most that one step counts, squared standard deviations: no single step makes a finding, not even beyond four.
pub const ELSEWHERE_MOST: f32 = 16.0;

/// Length of a step, of both paths together (root of the sum of squares), m: most of the shadowing is independent after
/// it.
pub const ELSEWHERE_STEP_M: f32 = 8.0;

/// Correlation length of shadowing, m (WINNER+ B1; 3GPP TR 36.885: 10 m in town, 25 m on motorways).
pub const ELSEWHERE_DECORRELATION_M: f32 = 10.0;

/// Its sigma, dB: 3 by the same tables, and a tenth for what the path loss does not say.
pub const ELSEWHERE_SHADOW_DB: f32 = 3.3;

/// Sigma of one frame's fading over 10 MHz, dB.
pub const ELSEWHERE_FADE_DB: f32 = 2.0;

/// Sigma of antennas, dB: see [`SIGNAL_LOUD`], 10 at the most.
pub const ELSEWHERE_ANTENNA_DB: f32 = 3.0;

/// A change within a step that no path makes but a corner or a lorry does, dB; shadowing and fading reach it once in
/// 200.
pub const ELSEWHERE_JUMP_DB: f32 = 12.0;

/// Sigma of the strength after one, dB: a corner takes 20, a lorry 10.
pub const ELSEWHERE_BLOCKED_DB: f32 = 10.0;

/// Quartiles of the strengths are this far apart where lines are free, dB: 6 by antennas and shadowing, half as much
/// more with a fifth of liars.
pub const ELSEWHERE_QUARTILES_DB: f32 = 9.0;
