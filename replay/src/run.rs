//! A trace in, a report out: one run of a [`World`] from start to end.

use core::ops::ControlFlow;
use core::time::Duration;
use std::thread::available_parallelism;

use v2x_core::{
    AwarenessRule, Congestion, CredentialError, Imminent, PseudonymConfig, Regulation, Scheme, limits,
};
use v2x_report::html::MapData;
use v2x_report::{AttackFrames, Damage, HonestFigures, Kind, Report, Stats, Verify};

use crate::attack::{self, AttackPlan, OutOfReach, RadioPost, Tally, Targets, post_radios};
use crate::geodesy::Plane;
use crate::intervals::Intervals;
use crate::map;
use crate::medium::{LossesByDistance, Medium, Power, RangeLimited};
use crate::processor::Processor;
use crate::rows::Rows;
use crate::source::Trace;
use crate::world::{DeferredCheckFailed, Settings, Toll, World};

/// Options of a run. [`RunOptions::new`] has defaults for all but the seed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RunOptions {
    /// Stop after this simulated time, s; `None` is the whole trace.
    pub seconds: Option<f64>,
    /// Awareness messages each second at a fixed interval, 0.1 to 1000; `None` is by the generation rules.
    pub rate_hz: Option<f64>,
    /// Intervals between awareness messages, drawn for each; [`rate_hz`](Self::rate_hz) is ignored then.
    pub intervals: Option<Intervals>,
    /// Whether vehicles warn of hard braking and collision courses (D0) and of emergency calls (D1), by their motion and
    /// signals in the trace. Without, stations send awareness alone.
    pub alerts: bool,
    /// How far a station is heard, m, above 0 and at most [`MAX_RANGE_M`].
    pub range_m: f64,
    /// Seed of every key and every random choice.
    pub seed: u64,
    /// Threads to use; the outcome does not depend on it.
    pub threads: usize,
    /// Whether a frame's signature is verified once for all receivers, or by each.
    pub verify: Verify,
    /// How vehicles change their pseudonyms; `None`: each keeps the one it has, and no eavesdropper tries to link any.
    pub pseudonyms: Option<PseudonymConfig>,
    /// What keeps the stations' rates to what the channel bears.
    pub congestion: Congestion,
    /// The law that holds for every frame; with one, an imminent warning leaves once, for neighbours to repeat.
    pub regulation: Regulation,
    /// What the work of a station takes.
    pub processor: Processor,
}

impl RunOptions {
    /// The whole trace by the generation rules, 300 m, each frame verified once, on all cores.
    pub fn new(seed: u64) -> Self {
        Self {
            seconds: None,
            rate_hz: None,
            intervals: None,
            alerts: false,
            range_m: DEFAULT_RANGE_M,
            seed,
            threads: available_parallelism().map_or(1, usize::from),
            verify: Verify::Once,
            pseudonyms: None,
            congestion: Congestion::Off,
            regulation: Regulation::None,
            processor: Processor::default(),
        }
    }

    /// Checks the options; an error names the first that is out of range, with what would be right.
    ///
    /// # Errors
    /// [`RunError::Option`].
    pub fn check(&self) -> Result<(), RunError> {
        let wrong = |option, found: f64, right| Err(RunError::Option { option, found, right });
        // Comparisons with NaN are false, so NaN is refused as well.
        match (self.seconds, self.rate_hz, self.range_m) {
            (Some(seconds), ..) if !(seconds > 0.0 && seconds <= MAX_SECONDS) => {
                wrong("seconds", seconds, "above 0 and at most 1e6")
            }
            (_, Some(rate), _) if !(0.1..=1000.0).contains(&rate) => wrong("rate", rate, "0.1 to 1000 Hz"),
            (.., range) if !(range > 0.0 && range <= MAX_RANGE_M) => {
                wrong("range", range, "above 0 and at most 1500 m, beyond which no station believes a frame")
            }
            _ => Ok(()),
        }
    }

    fn imminent(&self) -> Imminent {
        match self.regulation {
            Regulation::None => Imminent::Lab,
            Regulation::En302571 => Imminent::Regulated,
        }
    }

    fn awareness(&self) -> AwarenessRule {
        self.rate_hz.map_or(AwarenessRule::Triggered, |rate| {
            AwarenessRule::Every(Duration::from_nanos((1e9 / rate).round() as u64))
        })
    }
}

/// How far a run has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Simulated so far, ns.
    pub simulated_ns: u64,
    /// To be simulated in all, ns.
    pub end_ns: u64,
}

/// The outcome of a run.
#[derive(Debug)]
pub struct RunOutcome {
    /// The report; the caller says what was run, and what the machine gave it: nothing here reads a clock or a file name.
    pub report: Report,
    /// The histograms behind it.
    pub stats: Stats,
    /// Where the stations went.
    pub map: MapData,
    /// Simulated, ns.
    pub simulated_ns: u64,
    /// Whether `progress` ended it early.
    pub interrupted: bool,
    /// Frames transmitted.
    pub frames_sent: u64,
    /// Signatures of frames verified.
    pub signatures: u64,
}

/// Why a run has no outcome.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// An option is out of range.
    #[error("{option} is {found}; it should be {right}")]
    Option {
        /// Which.
        option: &'static str,
        /// What was given.
        found: f64,
        /// What would be right.
        right: &'static str,
    },
    /// Nothing moves in the trace.
    #[error("the trace has no samples; nothing can be replayed")]
    Empty,
    /// A plan's attacker is not in the trace.
    #[error("the plan's attack {attack}: the trace has no station \"{name}\"; take a name of the trace")]
    NoSuchStation {
        /// Which attack.
        attack: &'static str,
        /// The name it gives.
        name: String,
    },
    /// A plan's transmitter stands where nobody hears it.
    #[error("the plan's {0}")]
    OutOfReach(#[from] OutOfReach),
    /// Credentials could not be made for its length.
    #[error("no credentials for this trace: {0}")]
    Credentials(#[from] CredentialError),
    /// Signing and verifying disagree.
    #[error(transparent)]
    DeferredCheck(#[from] DeferredCheckFailed),
}

/// Runs a trace over the ideal medium. `progress` is called about every tenth of a simulated second and may end the run
/// early.
///
/// # Errors
/// [`RunError`].
pub fn run(
    trace: &Trace,
    options: &RunOptions,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<RunOutcome, RunError> {
    let medium = |_| -> Box<dyn Medium> { Box::new(RangeLimited::new(options.range_m)) };
    run_logged(trace, options, &medium, None, &mut None, progress)
}

/// Runs a trace over the medium that `medium` makes for the seed, with the attackers of a plan as [`run_attacked`] where there
/// is one: then the medium has to give receptions their power. Writes a row for each message and receiver where there are `rows` to write to. A run whose rows cannot be
/// written ends early, and [`Rows::finish`] says why.
///
/// # Errors
/// [`RunError`]; the rows are lost then.
pub fn run_logged(
    trace: &Trace,
    options: &RunOptions,
    medium: &dyn Fn(u64) -> Box<dyn Medium>,
    plan: Option<&AttackPlan>,
    rows: &mut Option<Rows>,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<RunOutcome, RunError> {
    options.check()?;
    if let Some(plan) = plan {
        return attacked(trace, options, medium, plan, rows, progress);
    }
    simulate(trace, options, medium(options.seed), None, rows, progress).map(|(outcome, ..)| outcome)
}

/// Runs a trace over a medium of the caller's; [`RunOptions::range_m`] is ignored.
///
/// # Errors
/// [`RunError`].
pub fn run_over(
    trace: &Trace,
    options: &RunOptions,
    medium: Box<dyn Medium>,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<RunOutcome, RunError> {
    simulate(trace, options, medium, None, &mut None, progress).map(|(outcome, ..)| outcome)
}

/// Runs a trace over the ideal medium twice, with the attackers of a plan and before that without: the outcome is that
/// of the attacked run, and its report shows how well each attack was detected and what all together cost honest
/// stations. `progress` is called in both.
///
/// # Errors
/// [`RunError`].
pub fn run_attacked(
    trace: &Trace,
    options: &RunOptions,
    plan: &AttackPlan,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<RunOutcome, RunError> {
    options.check()?;
    attacked(trace, options, &|_| powered(options), plan, &mut None, progress)
}

/// Runs a trace over the ideal medium with power and without attackers: what [`run_against`] measures each attack against.
///
/// # Errors
/// [`RunError`].
pub fn run_unattacked(
    trace: &Trace,
    options: &RunOptions,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<(RunOutcome, Tally), RunError> {
    options.check()?;
    let nobody = AttackPlan { seed: options.seed, ..AttackPlan::default() };
    let camp = Camp { plan: &nobody, posts: &[], live: false };
    simulate(trace, options, powered(options), Some(camp), &mut None, progress)
        .map(|(outcome, tally, _)| (outcome, tally))
}

/// The attacked one of the two runs of [`run_attacked`], measured against the other, `clean`, which is the same for all
/// attacks on a trace with these options. Radios of the plan take no part.
///
/// # Errors
/// [`RunError`].
pub fn run_against(
    trace: &Trace,
    options: &RunOptions,
    plan: &AttackPlan,
    clean: &Tally,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<(RunOutcome, Tally), RunError> {
    options.check()?;
    let camp = Camp { plan, posts: &[], live: true };
    let (mut outcome, attacked, _) =
        simulate(trace, options, powered(options), Some(camp), &mut None, progress)?;
    outcome.report.detection = Some(attack::detections(plan, &attacked, clean));
    outcome.report.false_positive_ratio = Some(attack::false_positive_ratio(clean));
    Ok((outcome, attacked))
}

fn attacked(
    trace: &Trace,
    options: &RunOptions,
    medium: &dyn Fn(u64) -> Box<dyn Medium>,
    plan: &AttackPlan,
    rows: &mut Option<Rows>,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<RunOutcome, RunError> {
    for attack in &plan.attacks {
        let Targets::Named(names) = &attack.targets else { continue };
        if let Some(name) = names.iter().find(|name| !trace.names.contains(name)) {
            return Err(RunError::NoSuchStation { attack: attack.kind.name(), name: name.clone() });
        }
    }
    let mut with_radios;
    let (trace, posts) = if plan.radios.is_empty() {
        (trace, Vec::new())
    } else {
        let origin = trace.samples.first().ok_or(RunError::Empty)?.point();
        with_radios = trace.clone();
        let posts = post_radios(&mut with_radios, plan, origin, options.range_m)?;
        (&with_radios, posts)
    };
    let camp = |live| Camp { plan, posts: &posts, live };
    let (clean_outcome, clean, clean_toll) =
        simulate(trace, options, medium(options.seed), Some(camp(false)), &mut None, progress)?;
    if clean_outcome.interrupted {
        return Ok(clean_outcome);
    }
    let (mut outcome, attacked, toll) =
        simulate(trace, options, medium(options.seed), Some(camp(true)), rows, progress)?;
    if !plan.attacks.is_empty() {
        outcome.report.detection = Some(attack::detections(plan, &attacked, &clean));
    }
    outcome.report.false_positive_ratio = Some(attack::false_positive_ratio(&clean));
    outcome.report.damage =
        Some(damage(plan, (&clean_outcome.report, &clean_toll), (&outcome.report, &toll)));
    Ok(outcome)
}

/// Attackers are detected by received power as well.
fn powered(options: &RunOptions) -> Box<dyn Medium> {
    Box::new(RangeLimited::new(options.range_m).with_power(Power::new(options.seed)))
}

/// The attackers of a run, and whether they attack in it.
#[derive(Clone, Copy)]
pub(crate) struct Camp<'a> {
    pub(crate) plan: &'a AttackPlan,
    pub(crate) posts: &'a [RadioPost],
    pub(crate) live: bool,
}

impl Camp<'_> {
    /// Puts them into a world; before its first event.
    pub(crate) fn enter(&self, world: &mut World, trace: &Trace) {
        let nobody = AttackPlan { seed: self.plan.seed, ..AttackPlan::default() };
        world.attack(trace, if self.live { self.plan } else { &nobody });
        world.leave_out(trace, self.plan);
        world.beside(self.plan, self.posts, self.live);
        if let Some(processor) = self.plan.processor {
            world.slow_down(processor);
        }
    }
}

/// What latencies are of, for the notes of a report.
pub(crate) fn virtual_time(processor: bool) -> &'static str {
    if processor {
        "virtual time: latencies are those of the medium and of the stations' processors, as fast as the options say"
    } else {
        "virtual time: latencies are those of the medium; signing and verifying take none of it"
    }
}

/// What a plan's attackers cost honest stations: the report and the toll of both runs, or of several added up.
pub(crate) fn damage(plan: &AttackPlan, without: (&Report, &Toll), with: (&Report, &Toll)) -> Damage {
    let figures = |(report, toll): (&Report, &Toll)| {
        let mut figures = HonestFigures::new(&report.classes, report.flood.as_ref());
        toll.fill(&mut figures);
        figures
    };
    let stations = plan.attacks.iter().map(|attack| attack.kind.name());
    let radios = plan.radios.iter().map(|attack| attack.kind.name());
    let attacks = stations.chain(radios).enumerate().map(|(number, name)| {
        let (frames, bytes) = with.1.of_attack(number);
        AttackFrames { attack: name.to_owned(), frames, bytes }
    });
    Damage { attacks: attacks.collect(), without: figures(without), with: figures(with) }
}

fn simulate(
    trace: &Trace,
    options: &RunOptions,
    medium: Box<dyn Medium>,
    camp: Option<Camp<'_>>,
    rows: &mut Option<Rows>,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<(RunOutcome, Tally, Toll), RunError> {
    let Some(first) = trace.samples.first() else { return Err(RunError::Empty) };
    let settings = Settings {
        seed: options.seed,
        awareness: options.awareness(),
        verify: options.verify,
        threads: options.threads,
        pseudonyms: options.pseudonyms,
        forwarding: Scheme::default(),
    };
    let mut world = World::new(trace, settings, medium)?;
    world.regulate(options.congestion, options.regulation);
    world.warn_by(options.imminent());
    world.slow_down(options.processor);
    if let Some(intervals) = options.intervals {
        world.pace_awareness(intervals);
    }
    if options.alerts {
        world.alert_by_motion();
    }
    if let Some(camp) = camp {
        camp.enter(&mut world, trace);
    }
    let wanted_ns = options.seconds.map_or(u64::MAX, |seconds| (seconds * 1e9) as u64);
    let end_ns = world.end_ns().min(wanted_ns);
    if let Some(rows) = rows.take() {
        world.write_rows(rows, FORWARDING, trace, end_ns);
    }
    let mut now_ns = 0;
    let mut interrupted = false;
    while now_ns < end_ns {
        // A trace may have hours without any station.
        let from_ns = world.next_ns().unwrap_or(end_ns).max(now_ns);
        now_ns = from_ns.saturating_add(SLICE_NS).min(end_ns);
        world.run_until(now_ns);
        let stop = progress(Progress { simulated_ns: now_ns, end_ns }).is_break() || world.rows_failed();
        if stop && now_ns < end_ns {
            interrupted = true;
            break;
        }
    }
    let tally = world.tally();
    let stations = world.stations_seen();
    let mut counted = world.finish(now_ns)?;
    *rows = counted.rows.take();
    let mut report =
        Report::new(Kind::Replay, env!("CARGO_PKG_VERSION"), options.verify, &counted.ledger.stats);
    report.digest = Some(counted.digest_hex());
    report.stations = stations;
    report.simulated_s = now_ns as f64 / 1e9;
    report.age_of_information = counted.spatial.age_of_information();
    report.inter_packet_gap = counted.spatial.inter_packet_gap();
    report.losses_by_distance = counted.losses.as_ref().map(LossesByDistance::report).unwrap_or_default();
    report.congestion = counted.gates.report(options.congestion, options.regulation, options.imminent());
    report.run.seeds = vec![options.seed];
    report.processor = counted.toll.processor(&|station| trace.name(station));
    report.notes.push(virtual_time(report.processor.is_some()).to_owned());
    report.warnings.extend(trace.warnings.iter().map(|warning| format!("trace: {warning}")));
    if interrupted {
        let text =
            format!("interrupted: {:.1} s of {:.1} s simulated", now_ns as f64 / 1e9, end_ns as f64 / 1e9);
        report.warnings.push(text);
    }
    if counted.spatial.untracked() > 0 {
        let text = "receptions are missing from the ages and gaps: too many pairs were in reach at once";
        report.warnings.push(format!("{} {text}", counted.spatial.untracked()));
    }
    report.linkability = options.pseudonyms.map(|_| counted.linkability);
    counted.ledger.fill(&mut report);
    counted.ledger.fill_worst(&mut report, &|station| trace.name(station));
    let (latitude, longitude) = first.point().degrees();
    let map = Plane::new(latitude, longitude)
        .map(|plane| map::of_trace(trace, &plane, now_ns, |station| counted.ledger.missed_by(station)));
    let outcome = RunOutcome {
        report,
        stats: counted.ledger.stats,
        map: map.unwrap_or_default(),
        simulated_ns: now_ns,
        interrupted,
        frames_sent: counted.frames_sent,
        signatures: counted.signatures,
    };
    Ok((outcome, tally, counted.toll))
}

/// How far a station is heard by default, m.
pub const DEFAULT_RANGE_M: f64 = 300.0;

/// The farthest a station may be heard, m: no node accepts what came from farther away.
pub const MAX_RANGE_M: f64 = limits::MAX_SINGLE_HOP_REACH_M;

/// How the stations of a trace forward, in rows.
const FORWARDING: &str = "roadcast";
const MAX_SECONDS: f64 = 1e6;
const SLICE_NS: u64 = 100_000_000;
