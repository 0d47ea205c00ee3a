//! A plan in, a report out: a run for each seed and each way of forwarding.

use core::ops::ControlFlow;

use sha2::{Digest as _, Sha256};
use v2x_core::{AwarenessRule, CredentialError, Position, Scheme};
use v2x_report::html::MapData;
use v2x_report::{Flood, Kind, Repeats, Report, SeedRun, Stats, Verify};

use super::scene::{Scene, SceneError};
use super::{Forwarding, Plan, Scenario, ns, way};
use crate::attack::{AttackPlan, OutOfReach, Targets, post_radios};
use crate::faults::Fault;
use crate::flood::{self, FloodLog};
use crate::geodesy::Plane;
use crate::map;
use crate::medium::LossesByDistance;
use crate::rows::Rows;
use crate::run::{self, Camp, Progress, RunOutcome};
use crate::source::Trace;
use crate::surroundings::Surroundings;
use crate::world::{Counted, DeferredCheckFailed, Gates, Settings, Toll, World};

/// How a plan is to be run.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanOptions {
    /// Threads to use; the outcome does not depend on it.
    pub threads: usize,
    /// Whether a frame's signature is verified once for all receivers, or by each.
    pub verify: Verify,
    /// Stop each run after this simulated time, s.
    pub seconds: Option<f64>,
    /// Attackers: each seed is run without them and with them.
    pub attack: Option<AttackPlan>,
}

/// Why a plan has no outcome.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlanRunError {
    /// The plan cannot be made into a run.
    #[error(transparent)]
    Scene(#[from] SceneError),
    /// The plan of attacks does not fit.
    #[error("the plan of attacks: {0}")]
    Attack(#[from] OutOfReach),
    /// One of its attackers is not in the scenario.
    #[error(
        "the plan of attacks: {attack}: the scenario has no station \"{name}\"; take such as \"car 7\", or a share"
    )]
    NoSuchAttacker {
        /// Which attack.
        attack: &'static str,
        /// The name it gives.
        name: String,
    },
    /// The run is longer than credentials can be valid.
    #[error("the world's credentials: {0}")]
    Credentials(#[from] CredentialError),
    /// Signing and verifying disagree.
    #[error(transparent)]
    DeferredCheck(#[from] DeferredCheckFailed),
}

/// Runs a plan: all its seeds under its first way of forwarding, which the report is about, then under the others
/// for comparison. With attackers each seed is run without them before, and the report is about the attacked runs.
/// `progress` is called in all of them.
///
/// # Errors
/// [`PlanRunError`].
pub fn run(
    plan: &Plan,
    options: &PlanOptions,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<RunOutcome, PlanRunError> {
    run_logged(plan, options, &mut None, progress)
}

/// Runs a plan as [`run()`] does; writes a row for each message and receiver of every run where there are `rows` to write
/// to. A run whose rows cannot be written ends early, and [`Rows::finish`] says why.
///
/// # Errors
/// [`PlanRunError`]; the rows are lost then.
pub fn run_logged(
    plan: &Plan,
    options: &PlanOptions,
    rows: &mut Option<Rows>,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<RunOutcome, PlanRunError> {
    let length_s = Scene::length_s(plan)?;
    let length_ns = ns(options.seconds.unwrap_or(f64::INFINITY).min(length_s));
    let each = if options.attack.is_some() { 2 } else { 1 };
    let runs = (plan.seeds.len() * plan.forwarding.len()) as u64 * each;
    let mut course = Course {
        length_ns,
        end_ns: length_ns.saturating_mul(runs),
        done_ns: 0,
        stopped: false,
        rows: rows.take(),
    };
    let mut first: Option<Total> = None;
    let mut clean = Total::default();
    let mut baselines = Vec::new();
    for forwarding in &plan.forwarding {
        let mut total = Total::default();
        for seed in &plan.seeds {
            let mut once = |live, course: &mut Course, total: &mut Total| {
                if course.stopped {
                    return Ok(());
                }
                let scene = Scene::new(plan, *seed)?;
                run_once(plan, scene, (*seed, *forwarding), (options, live), course, progress, total)
            };
            if options.attack.is_some() {
                // The rows are those of the attacked run.
                let rows = course.rows.take();
                let mut aside = Total::default();
                once(false, &mut course, if first.is_none() { &mut clean } else { &mut aside })?;
                course.rows = rows;
            }
            once(true, &mut course, &mut total)?;
        }
        // An incomplete comparison is of no use.
        if first.is_none() {
            first = Some(total);
        } else if !course.stopped {
            baselines.extend(total.flood(*forwarding));
        }
    }
    *rows = course.rows;
    let total = first.unwrap_or_default();
    let late = late(plan, length_ns);
    let forwarding = plan.forwarding.first().copied().unwrap_or(Forwarding::Roadcast);
    let flood = total.flood(forwarding);
    let mut report = Report::new(Kind::Replay, env!("CARGO_PKG_VERSION"), options.verify, &total.stats);
    report.stations = total.stations;
    report.simulated_s = total.simulated_ns as f64 / 1e9;
    report.run.seeds.clone_from(&plan.seeds);
    report.digest = Some(total.digest());
    report.flood = flood;
    report.flood_baselines = baselines;
    if plan.seeds.len() > 1 {
        report.repeats = Repeats::new(total.runs.clone());
    }
    total.fill(&mut report);
    report.congestion = total.gates.report(plan.congestion, plan.regulation, plan.imminent());
    if let Some(attack) = options.attack.as_ref().filter(|_| !course.stopped) {
        let mut before = Report::new(Kind::Replay, "", options.verify, &clean.stats);
        before.flood = clean.flood(forwarding);
        report.damage = Some(run::damage(attack, (&before, &clean.toll), (&report, &total.toll)));
    }
    report.warnings.extend(late);
    if course.stopped {
        let text = format!(
            "interrupted: {:.1} s of {:.1} s simulated",
            course.done_ns as f64 / 1e9,
            course.end_ns as f64 / 1e9
        );
        report.warnings.push(text);
    }
    Ok(RunOutcome {
        report,
        stats: total.stats,
        map: total.map,
        simulated_ns: total.simulated_ns,
        interrupted: course.stopped,
        frames_sent: total.frames_sent,
        signatures: total.signatures,
    })
}

/// Progress of all runs together.
struct Course {
    length_ns: u64,
    end_ns: u64,
    done_ns: u64,
    stopped: bool,
    rows: Option<Rows>,
}

fn run_once(
    plan: &Plan,
    mut scene: Scene,
    (seed, forwarding): (u64, Forwarding),
    (options, live): (&PlanOptions, bool),
    course: &mut Course,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    total: &mut Total,
) -> Result<(), PlanRunError> {
    let settings = Settings {
        seed,
        awareness: AwarenessRule::Triggered,
        verify: options.verify,
        threads: options.threads,
        pseudonyms: None,
        forwarding: Scheme::from(forwarding),
    };
    let (streets, buildings) = (scene.streets, scene.buildings.clone());
    let surroundings = Surroundings { streets, buildings, ..Surroundings::of(&scene.trace) };
    let medium = plan.medium.among(&surroundings, seed);
    let mut posts = Vec::new();
    if let Some(attack) = &options.attack {
        named(attack, &scene.trace)?;
        let origin = origin(plan, &scene.trace);
        posts = post_radios(&mut scene.trace, attack, origin, medium.reach_m())?;
    }
    let mut world = World::new(&scene.trace, settings, medium)?;
    world.slow_down(plan.processor);
    if let Some(plan) = &options.attack {
        Camp { plan, posts: &posts, live }.enter(&mut world, &scene.trace);
    }
    world.warn_by(plan.imminent());
    world.regulate(plan.congestion, plan.regulation);
    world.suffer(core::mem::take(&mut scene.faults));
    world.sabotaged_by(&scene.saboteurs);
    world.part(scene.sides.clone());
    world.assign(scene.errands.clone());
    if let Some(rows) = course.rows.take() {
        world.write_rows(rows, forwarding.name(), &scene.trace, course.length_ns);
    }
    let mut now_ns = 0;
    while now_ns < course.length_ns && !course.stopped {
        let step_ns = SLICE_NS.min(course.length_ns - now_ns);
        now_ns += step_ns;
        world.run_until(now_ns);
        course.done_ns += step_ns;
        let shown = Progress { simulated_ns: course.done_ns, end_ns: course.end_ns };
        let stop = progress(shown).is_break() || world.rows_failed();
        course.stopped = stop && course.done_ns < course.end_ns;
    }
    total.stations = total.stations.max(world.stations_seen());
    let mut counted = world.finish(now_ns)?;
    course.rows = counted.rows.take();
    if total.map == MapData::default() {
        let here = scene.trace.samples.first().filter(|_| matches!(plan.scenario, Scenario::Trace(_)));
        let (latitude, longitude) =
            here.map_or(crate::source::DEFAULT_ORIGIN, |sample| sample.point().degrees());
        let missed = |station| counted.ledger.missed_by(station);
        let plane = Plane::new(latitude, longitude);
        total.map =
            plane.map(|plane| map::of_trace(&scene.trace, &plane, now_ns, missed)).unwrap_or_default();
    }
    let complete = (!course.stopped).then_some(seed);
    total.add(counted, now_ns, complete, &scene.trace);
    Ok(())
}

/// What a plan has for later than its run lasts.
fn late(plan: &Plan, length_ns: u64) -> Vec<String> {
    let lasts_s = length_ns.saturating_sub(plan.start_ns()) as f64 / 1e9;
    let never = |fault: &&Fault| fault.span.ns(plan.start_ns()).0 >= length_ns;
    let told = |fault: &Fault| {
        let (place, name, from_s) = (&fault.places[0], fault.kind.name(), fault.span.from_s);
        format!(
            "{}:{}: {name} begins {from_s} s after the warm-up; the run ends after {lasts_s} s, so it has no effect",
            place.file, place.line
        )
    };
    plan.faults.iter().filter(never).map(told).collect()
}

/// The attackers that a plan names are there.
fn named(attack: &AttackPlan, trace: &Trace) -> Result<(), PlanRunError> {
    for attack in &attack.attacks {
        let Targets::Named(names) = &attack.targets else { continue };
        if let Some(name) = names.iter().find(|name| !trace.names.contains(name)) {
            return Err(PlanRunError::NoSuchAttacker { attack: attack.kind.name(), name: name.clone() });
        }
    }
    Ok(())
}

/// Where a scenario's places count from.
fn origin(plan: &Plan, trace: &Trace) -> Position {
    let first = trace.samples.first().filter(|_| matches!(plan.scenario, Scenario::Trace(_)));
    first.map_or_else(way::origin, |sample| sample.point())
}

/// The combined results of the runs of one way of forwarding.
#[derive(Default)]
struct Total {
    stats: Stats,
    report: Option<Report>,
    logs: Vec<FloodLog>,
    /// Complete ones.
    runs: Vec<SeedRun>,
    digests: Sha256,
    stations: u64,
    simulated_ns: u64,
    frames_sent: u64,
    signatures: u64,
    map: MapData,
    toll: Toll,
    gates: Gates,
}

impl Total {
    fn add(&mut self, counted: Counted, simulated_ns: u64, seed: Option<u64>, trace: &Trace) {
        self.stats.merge(&counted.ledger.stats);
        self.digests.update(counted.digest);
        self.simulated_ns += simulated_ns;
        self.frames_sent += counted.frames_sent;
        self.signatures += counted.signatures;
        // Frames, drops, warnings, ages and gaps: those of one run are filled into a report of it, then added.
        let mut one = Report::new(Kind::Replay, "", Verify::Once, &counted.ledger.stats);
        one.warnings.extend(trace.warnings.iter().map(|warning| format!("trace: {warning}")));
        one.digest = Some(counted.digest_hex());
        self.runs.extend(seed.map(|seed| one.of_seed(seed)));
        counted.ledger.fill(&mut one);
        one.faults = counted.faults;
        one.processor = counted.toll.processor(&|station| trace.name(station));
        for (reason, count) in counted.floods.refused() {
            one.warnings.push(format!("{count} messages of the plan were not sent: {reason}"));
        }
        one.age_of_information = counted.spatial.age_of_information();
        one.inter_packet_gap = counted.spatial.inter_packet_gap();
        one.losses_by_distance = counted.losses.as_ref().map(LossesByDistance::report).unwrap_or_default();
        match &mut self.report {
            None => {
                counted.ledger.fill_worst(&mut one, &|station| trace.name(station));
                self.report = Some(one);
            }
            Some(report) => {
                report.frames.received += one.frames.received;
                report.frames.delivered += one.frames.delivered;
                report.frames.dropped += one.frames.dropped;
                report.add_deliveries(&one);
                for (all, one) in report.faults.iter_mut().zip(&one.faults) {
                    all.merge(one);
                }
                if let (Some(all), Some(one)) = (&mut report.processor, &one.processor) {
                    all.merge(one);
                }
                match (&mut report.over_time, &one.over_time) {
                    (Some(all), Some(one)) => all.merge(one),
                    (all, _) => *all = all.take().or(one.over_time),
                }
                for (reason, count) in one.drops {
                    *report.drops.entry(reason).or_default() += count;
                }
            }
        }
        self.toll.merge(counted.toll);
        self.gates.merge(&counted.gates);
        self.logs.push(counted.floods);
    }

    /// Frames, drops and deliveries of all runs; warnings, ages, gaps and the worst pairs of the first.
    fn fill(&self, report: &mut Report) {
        let Some(first) = &self.report else { return };
        report.notes.push(run::virtual_time(first.processor.is_some()).to_owned());
        report.frames = first.frames;
        report.processor.clone_from(&first.processor);
        report.faults.clone_from(&first.faults);
        report.drops.clone_from(&first.drops);
        report.age_of_information.clone_from(&first.age_of_information);
        report.inter_packet_gap.clone_from(&first.inter_packet_gap);
        report.losses_by_distance.clone_from(&first.losses_by_distance);
        report.over_time.clone_from(&first.over_time);
        report.delivery_by_distance.clone_from(&first.delivery_by_distance);
        report.worst_pairs.clone_from(&first.worst_pairs);
        report.worst_stations.clone_from(&first.worst_stations);
        let of = if self.logs.len() > 1 { "first run: " } else { "" };
        report.notes.extend(first.notes.iter().map(|note| format!("{of}{note}")));
        report.warnings.extend(first.warnings.iter().map(|warning| format!("{of}{warning}")));
    }

    fn flood(&self, forwarding: Forwarding) -> Option<Flood> {
        flood::measure(forwarding.name(), &self.logs)
    }

    /// SHA-256 over the digests of all runs, in order.
    fn digest(&self) -> String {
        let digest: [u8; 32] = self.digests.clone().finalize().into();
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

const SLICE_NS: u64 = 100_000_000;
