//! `roadcast demo`: a town on one machine. No root, no GNSS, no files, no network beyond loopback.
//!
//! Vehicles of a mobility trace and two roadside units, each a full [`Node`] with its own credential, send
//! frames through real UDP sockets on the loopback interface. A range wrapper drops frames between
//! stations that are out of radio range of each other. A ledger of what each station should receive makes the
//! verdict count what never arrived, not only what was late.

mod air;
mod books;
mod liar;
#[cfg(feature = "web")]
mod picture;
mod scene;
mod screen;
mod town;

use core::future::poll_fn;
use core::time::Duration;
use std::cell::RefCell;
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::PathBuf;
use std::rc::Rc;

use clap::Args;
use radio_adapters::timer::DeadlineTimer;
use radio_adapters::udp::{UdpConfig, UdpInterface, UdpRadio};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::LocalSet;
use v2x_apps::alert::Triggers;
use v2x_apps::roadside::Roadside;
use v2x_apps::{Application, Moment};
use v2x_core::{Anchor, ClockState, Config, HazardCommand, HazardDraft, Input, Instant, Node, Role};
use v2x_replay::identities::{Cast, Part};
use v2x_report::{Report, WhatRan, html};

use self::air::{Air, RangeRadio};
use self::books::{Bookkeeper, Books};
use self::scene::Scene;
use self::screen::Screen;
use self::town::{Player, Town};
use crate::commands::judged::judged;
use crate::commands::shown::{shown, shown_briefly};
use crate::commands::span::{whole, whole_seconds};
use crate::commands::what_ran::what_ran;
use crate::daemon::link::LinkError;
use crate::daemon::station::{Live, Station, monotonic};
use crate::error::Error;
use crate::machine::{os_seed, read_anchor, write_json};
use crate::processor::ProcessorMeter;

/// `roadcast demo`.
#[derive(Clone, Debug, Args)]
pub struct DemoArgs {
    /// How long to run: seconds, or 90s, 5m
    #[arg(long, value_name = "TIME", default_value_t = 20, value_parser = |text: &str| whole_seconds(text, 1..=86_400))]
    pub seconds: u64,
    /// Radio range, metres
    #[arg(long, value_name = "M", default_value_t = 300, value_parser = whole(1..=10_000_u32, "metres"))]
    pub range: u32,
    /// Show the town in a browser at this address: 8080, 127.0.0.1:8080, unix:PATH
    #[cfg(feature = "web")]
    #[arg(long, value_name = "ADDRESS", value_parser = crate::commands::web::listen_address)]
    pub web: Option<crate::config::ListenAddress>,
    /// Write the report to FILE as JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write the report with plots and a map to FILE, one self-contained page
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}

/// Examples shown under `roadcast demo --help`.
pub const HELP: &str = "Examples:
  roadcast demo
  roadcast demo --seconds 300 --web 8080
  roadcast demo --seconds 60 --html town.html --json town.json

After a quarter of the time a car begins to lie about where it is, and is
isolated once it has been suspect for 5 s. At half-time another declares an
accident, which floods the area around it.

The classes and the verdict are printed last; -v shows the stages of each too.

Exit codes: 0 every deadline class met its miss target, 1 a class missed it or
there was nothing to judge, 2 bad usage, 130 interrupted (with a report on what
there was).";

/// Runs the demo.
///
/// # Errors
/// A class missed its target, or the machine refuses sockets or timers.
pub fn run(args: &DemoArgs, verbose: bool, out: &mut dyn Write) -> Result<(), Error> {
    for path in [&args.json, &args.html].into_iter().flatten() {
        // Better now than after the run.
        check_writable(path)?;
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .map_err(|source| Error::System { what: "starting the event loop", source })?;
    let town = Town::new();
    let tasks = LocalSet::new();
    let Ran { report, missed, interrupted } = tasks.block_on(&runtime, live(args, &town, out))?;
    write!(out, "{}", if verbose { shown(&report) } else { shown_briefly(&report) })?;
    out.flush()?;
    if let Some(path) = &args.json {
        write_json(path, &report)?;
        writeln!(out, "report: {}", path.display())?;
    }
    if let Some(path) = &args.html {
        let run = Duration::try_from_secs_f64(report.simulated_s).unwrap_or_default();
        let map = town.map(run, |station| missed.get(station as usize).copied().flatten());
        let page = html::render(&report, &map);
        std::fs::write(path, page).map_err(|source| Error::File { path: path.clone(), source })?;
        writeln!(out, "page: {}", path.display())?;
    }
    if interrupted {
        return Err(Error::Interrupted(format!("interrupted after {:.1} s", report.simulated_s)));
    }
    judged(&report)
}

/// A run that is over.
struct Ran {
    report: Report,
    /// Share of its messages that each station missed.
    missed: Vec<Option<f64>>,
    interrupted: bool,
}

async fn live(args: &DemoArgs, town: &Town, out: &mut dyn Write) -> Result<Ran, Error> {
    let failed = |what| move |source| Error::System { what, source };
    let anchor = read_anchor();
    let start = anchor.instant + LEAD;
    let length = Duration::from_secs(args.seconds);
    let end = start + length;
    let seed = os_seed()?;
    let cast = Cast::new(seed, anchor.wire, length).map_err(|error| Error::Check(error.to_string()))?;
    // The liar is one more.
    let liar = town.stations();
    let air = Air::new(liar + 1, f64::from(args.range));
    let scene = || Scene::new(town.vehicles(), cast.identity(liar, Part::Vehicle).digest());
    let books = Rc::new(RefCell::new(Books::new(start, scene(), liar)));
    #[cfg(feature = "web")]
    if let Some(address) = &args.web {
        let picture = picture::Picture::new(town, args.seconds);
        picture.serve(address, out)?;
        books.borrow_mut().picture = Some(picture);
    }
    let half = start + length / 2;
    let accident = town.central(length / 2);
    let radius_m = args.range.clamp(LEAST_AREA_M, MOST_AREA_M) as u16;
    let link = UdpConfig::new(group(), UdpInterface::Address(Ipv4Addr::LOCALHOST));
    for number in 0..town.stations() {
        let station = join(town, &cast, number, seed, anchor, &air, &link)?;
        let player = Player::new(town, number, start);
        let unit = town
            .intersection(number)
            .map(|(config, name, place)| Roadside::new(&config, &name, place, start));
        let mut alerts = Triggers::default();
        alerts.emergency = number == town.ambulance();
        let accident = (accident == Some(number)).then_some((half, radius_m));
        let observer = Bookkeeper { number, air: air.clone(), books: Rc::clone(&books), alerts };
        tokio::task::spawn_local(drive(station, player, unit, observer, air.clone(), accident, end));
    }
    let meter = ProcessorMeter::start();
    let station = join(town, &cast, liar, seed, anchor, &air, &link)?;
    tokio::task::spawn_local(liar::lie(station, liar, town.kerb(), air.clone(), start + length / 4, end));
    let mut screen = Screen::new(out, args.seconds, town)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed("listening for Ctrl-C"))?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed("listening for SIGTERM"))?;
    let mut timer = DeadlineTimer::new().map_err(failed("making a timer"))?;
    let mut next = start + TICK;
    let mut interrupted = false;
    loop {
        let at = next.min(end);
        timer.set(Some(at.as_nanos())).map_err(failed("setting a timer"))?;
        tokio::select! {
            expired = timer.expired() => expired.map_err(failed("waiting for a timer"))?,
            _ = interrupt.recv() => interrupted = true,
            _ = terminate.recv() => interrupted = true,
        }
        if interrupted {
            break;
        }
        let now = monotonic();
        books.borrow().show();
        #[cfg(feature = "web")]
        if now >= start + length / 4
            && let Some(picture) = &books.borrow().picture
        {
            picture.stand(liar, town.kerb());
        }
        screen.show(now.since(start), air.present(), &books.borrow(), anchor.wire_at(now))?;
        next = next + TICK;
        if now >= end {
            break;
        }
    }
    let books = books.replace(Books::new(start, scene(), liar));
    screen.clear(&books)?;
    let ended = monotonic().min(end);
    let seconds = ended.since(start).as_secs_f64();
    let (mut report, missed) = books.report(ended, seconds, town);
    report.run = WhatRan {
        seeds: vec![seed],
        seconds: Some(args.seconds as f64),
        range_m: Some(f64::from(args.range)),
        ..what_ran()
    };
    if interrupted {
        report.warnings.push(format!("interrupted: {seconds:.1} s of {} s", args.seconds));
    }
    report.set_machine(meter.machine(seconds));
    Ok(Ran { report, missed, interrupted })
}

fn join(
    town: &Town,
    cast: &Cast,
    number: u32,
    seed: u64,
    anchor: Anchor,
    air: &Air,
    link: &UdpConfig,
) -> Result<Station, Error> {
    let (config, part) = match town.role(number) {
        _ if number == town.stations() => (Config::vehicle(), Part::Vehicle),
        Role::Vehicle if number == town.ambulance() => (Config::vehicle(), Part::EmergencyVehicle),
        Role::Vehicle => (Config::vehicle(), Part::Vehicle),
        Role::Roadside => (Config::roadside(), Part::Roadside),
    };
    let config = Config { test: true, ..config };
    let identity = cast.identity(number, part);
    let node = Node::with_host(config, identity, cast.trust().clone(), seed, anchor, Box::new(Live));
    let radio = RangeRadio::new(UdpRadio::open(link).map_err(LinkError::Open)?, air.clone(), number);
    Station::new(node, Box::new(radio), None)
        .map_err(|source| Error::System { what: "making a timer", source })
}

/// One station's task: its frames and timers, its positions, its application.
async fn drive(
    mut station: Station,
    mut player: Player,
    mut unit: Option<Roadside>,
    mut observer: Bookkeeper,
    air: Air,
    mut accident: Option<(Instant, u16)>,
    end: Instant,
) -> io::Result<()> {
    let mut timer = DeadlineTimer::new()?;
    let clock =
        Input::Clock { wire: station.node().anchor().wire_at(monotonic()), state: ClockState::Locked };
    station.input(clock, &mut observer);
    loop {
        let now = monotonic();
        if now >= end {
            return Ok(());
        }
        if player.next() <= now {
            let due = player.next();
            let wire = station.node().anchor().wire_at(now);
            let fix = player.fix(now, wire);
            air.place(observer.number, fix.map(|fix| fix.position));
            observer.show(fix);
            station.input(Input::Fix(fix), &mut observer);
            if let Some(command) = fix.and_then(|fix| observer.alert(now, &fix, station.node())) {
                let command = due_at(command, due);
                station.input(Input::Hazard { command, token: None }, &mut observer);
            }
        }
        if let Some((due, radius_m)) = accident.take_if(|(due, _)| *due <= now) {
            let command = observer.accident(due, radius_m);
            station.input(Input::Hazard { command, token: None }, &mut observer);
        }
        let at = Moment::at(now, &station.node().anchor());
        while let Some(input) = unit.as_mut().and_then(|unit| unit.poll(at)) {
            station.input(input, &mut observer);
        }
        let unit_due = unit.as_ref().and_then(|unit| unit.deadline(at)).unwrap_or(Instant::FAR_FUTURE);
        let accident_due = accident.map_or(Instant::FAR_FUTURE, |(due, _)| due);
        let next = player.next().min(unit_due).min(accident_due).min(end);
        timer.set(Some(next.as_nanos()))?;
        tokio::select! {
            biased;
            ended = poll_fn(|cx| station.poll(cx, &mut observer)) => {
                let Err(error) = ended;
                return Err(error);
            }
            expired = timer.expired() => expired?,
        }
    }
}

/// A command that was due when the position that led to it was.
fn due_at(command: HazardCommand, due: Instant) -> HazardCommand {
    match command {
        HazardCommand::New(draft) => HazardCommand::New(HazardDraft { due: Some(due), ..draft }),
        HazardCommand::Update(id, draft) => {
            HazardCommand::Update(id, HazardDraft { due: Some(due), ..draft })
        }
        HazardCommand::Cancel(_) | HazardCommand::Negate(_) => command,
    }
}

fn check_writable(path: &std::path::Path) -> Result<(), Error> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => std::path::Path::new("."),
    };
    let there =
        std::fs::metadata(directory).map_err(|source| Error::File { path: path.to_owned(), source })?;
    if !there.is_dir() || path.is_dir() {
        let source = io::Error::new(io::ErrorKind::NotADirectory, "give a file in a directory that exists");
        return Err(Error::File { path: path.to_owned(), source });
    }
    Ok(())
}

/// A port of this process's own, so that two demos on one machine do not wake each other.
fn group() -> SocketAddrV4 {
    let port = 20_000 + (std::process::id() % 20_000) as u16;
    SocketAddrV4::new(Ipv4Addr::new(239, 255, 77, 78), port)
}

/// The accident concerns all that hear it at first hand and some that do not, and no farther than a vehicle may send.
const LEAST_AREA_M: u32 = 500;
const MOST_AREA_M: u32 = 2000;
/// Stations are ready this long before the run starts.
const LEAD: Duration = Duration::from_millis(200);
/// The table is renewed this often.
const TICK: Duration = Duration::from_secs(1);
