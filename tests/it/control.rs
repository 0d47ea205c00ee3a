//! A daemon's control handler between a station and the programs at its socket, and what it answers and prints.

use std::future::poll_fn;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use radio_adapters::LinkAddress;
use radio_adapters::mem::MemHub;
use v2x_api::{Call, Client, ClientError, Declaration, Place, Point, Request, RequestId, Right};
use v2x_core::{
    Anchor, AwarenessRule, ClockState, Concern, Config, Event, EventId, EventState, Fix, HazardChange,
    HazardChanged, Input, KnownHazard, Node, Permissions, Position, WireTime,
};
use v2x_node::config::ControlConfig;
use v2x_node::daemon::control::figures::Surroundings;
use v2x_node::daemon::control::handler::{About, ControlHandler, ToDo};
use v2x_node::daemon::listeners::Listeners;
use v2x_node::daemon::station::{Live, Observer as _, Station, monotonic};
use v2x_proto::{Class, Digest, v1};

use testkit::{Authority, PLACE, START};

mod afar;
mod publish;
mod reading;

/// Every permission that a station may have.
const ALL: Permissions = Permissions(u64::MAX).without(Permissions::ISSUE);

/// More than the parts in which the histograms are copied.
const FIGURE_PARTS: usize = 10;

/// A station, its control handler, and what that printed.
struct Daemon {
    station: Station,
    listeners: Listeners,
    control: ControlHandler,
    position: Option<Position>,
    printed: Vec<u8>,
    /// Commands wait until there are this many, and go into the station newest first.
    hold: usize,
    held: Vec<Input>,
    reloads: u64,
}

impl Daemon {
    fn new(number: u32, permissions: Permissions, hub: &MemHub, socket: &Path) -> Self {
        let authority = Authority::new();
        let anchor = Anchor { instant: monotonic(), wire: START };
        let config = Config { awareness: AwarenessRule::Off, ..Config::vehicle() };
        let node = Node::with_host(
            config,
            authority.identity_with(number, permissions),
            authority.trust.clone(),
            7,
            anchor,
            Box::new(Live),
        );
        let radio = hub.join(LinkAddress(testkit::address(number)));
        let station = Station::new(node, Box::new(radio), None).unwrap();
        let at = ControlConfig::At(socket.to_owned());
        let control =
            ControlHandler::open(&at, None, Right::Declare, Path::new("car.toml"), anchor.instant).unwrap();
        let mut daemon = Self {
            station,
            listeners: Listeners::new(anchor),
            control,
            position: None,
            printed: Vec::new(),
            hold: 1,
            held: Vec::new(),
            reloads: 0,
        };
        daemon.listeners.feed.begin(daemon.control.news().unwrap().clone());
        let wire = daemon.station.node().anchor().wire_at(monotonic());
        daemon.input(Input::Clock { wire, state: ClockState::Locked });
        daemon
    }

    fn input(&mut self, input: Input) {
        self.station.input(input, &mut self.listeners);
    }

    /// The station is at `position` and drives east at 10 m/s.
    fn drive(&mut self, position: Position) {
        self.position = Some(position);
        let fix = Fix {
            position,
            altitude_cm: None,
            speed: Some(1000),
            heading: Some(900),
            acceleration: None,
            yaw_rate: None,
            accuracy_cm: None,
            time: self.station.node().anchor().wire_at(monotonic()),
        };
        self.input(Input::Fix(Some(fix)));
    }

    /// One turn: frames, then news, then requests. However slow the machine, the position is of now.
    fn turn(&mut self, cx: &mut Context<'_>) {
        if let Some(position) = self.position {
            self.drive(position);
        }
        assert!(self.station.poll(cx, &mut self.listeners).is_pending());
        self.tell();
        while let Poll::Ready(asked) = self.control.poll(cx) {
            let Listeners { statistics, advisor, crossings, feed, .. } = &mut self.listeners;
            let (station, advisor) = (&self.station, advisor.as_mut());
            let mut about = About { station, statistics, advisor, crossings, feed };
            match self.control.handle(asked, &mut about, monotonic()) {
                Some(ToDo::Input(command)) => self.held.push(command),
                Some(ToDo::Reload) => self.reloads += 1,
                None => {}
            }
            if self.held.len() >= self.hold {
                std::mem::take(&mut self.held).into_iter().rev().for_each(|command| self.input(command));
            }
            self.tell();
        }
        self.figures();
    }

    /// Figures for those who asked, as the daemon makes them between its turns.
    fn figures(&mut self) {
        for _ in 0..FIGURE_PARTS {
            let Some(stats) = self.control.copy_for_figures(self.listeners.statistics.stats()) else {
                continue;
            };
            let statistics = &self.listeners.statistics;
            let around = Surroundings { longest_turn_us: 12.5, ..Surroundings::default() };
            let report = statistics.report(1.0);
            self.control.hand_figures(stats, report, &self.station, statistics, around, monotonic());
        }
    }

    fn tell(&mut self) {
        let Listeners { outbox, advisor, feed, .. } = &mut self.listeners;
        feed.pass_on(self.station.node(), monotonic());
        let printed = &mut self.printed;
        self.control.tell(&self.station, outbox, advisor.as_mut(), monotonic(), printed).unwrap();
    }

    fn printed(&mut self) -> Vec<String> {
        let printed = String::from_utf8(std::mem::take(&mut self.printed)).unwrap();
        printed.lines().map(ToOwned::to_owned).collect()
    }
}

/// Serves until `program`, run in a thread of its own, ends.
async fn serve<T: Send + 'static>(daemons: &mut [Daemon], program: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, mut ended) = tokio::sync::oneshot::channel::<()>();
    let program = std::thread::spawn(move || {
        let result = program();
        drop(done);
        result
    });
    let turns = poll_fn(|cx| {
        daemons.iter_mut().for_each(|daemon| daemon.turn(cx));
        Pin::new(&mut ended).poll(cx)
    });
    // It sends nothing; it is dropped at the end.
    turns.await.unwrap_err();
    program.join().unwrap()
}

/// Runs a test in a directory of its own, with two daemons on one link and their sockets.
fn run<F: Future<Output = ()>>(name: &str, test: impl FnOnce([Daemon; 2], [PathBuf; 2]) -> F) {
    run_with(name, ALL, test);
}

/// As [`run`], with stations of these permissions.
fn run_with<F: Future<Output = ()>>(
    name: &str,
    permissions: Permissions,
    test: impl FnOnce([Daemon; 2], [PathBuf; 2]) -> F,
) {
    let directory = std::env::temp_dir().join(format!("rc-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let sockets = ["a.sock", "b.sock"].map(|name| directory.join(name));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    let hub = MemHub::new();
    runtime.block_on(async {
        let daemons =
            [1, 2].map(|number| Daemon::new(number, permissions, &hub, &sockets[number as usize - 1]));
        test(daemons, sockets.clone()).await;
    });
    std::fs::remove_dir_all(&directory).unwrap();
}

/// An accident 320 m east of [`PLACE`].
fn accident(number: u32) -> KnownHazard {
    KnownHazard {
        id: EventId { origin: Digest([7; 8]), number },
        own: false,
        state: EventState::Active,
        class: Class::D3,
        cause: 2,
        sub_cause: 0,
        position: PLACE.moved(320.0, 0.0),
        speed: None,
        heading: None,
        quality: Some(3),
        detection: START,
        reference: START,
        valid_until: WireTime::from_micros(START.as_micros() + 600_000_000),
        area: None,
        relevance_distance_m: None,
        relevance_direction: v1::RelevanceDirection::Unspecified,
        keep_alive: None,
        suspect: false,
        afar: false,
        concern: None,
    }
}

#[test]
fn every_change_goes_to_who_watches_and_ten_lines_a_second_to_the_output() {
    run("told", async |mut daemons, [socket, _]| {
        daemons[0].drive(PLACE);
        let watch = serve(&mut daemons, move || Client::connect(&socket).unwrap().watch().unwrap()).await;
        let daemon = &mut daemons[0];
        let concern =
            Concern { time_to_conflict: Some(Duration::from_secs(32)), distance_m: 320.0, at: PLACE };
        for number in 0..30 {
            let event = KnownHazard { concern: (number == 0).then_some(concern), ..accident(number) };
            let change = if number == 1 { HazardChange::Cancelled } else { HazardChange::New };
            daemon.listeners.event(&Event::Hazard(HazardChanged { event, change }));
        }
        (0..2).for_each(|_| daemon.tell());
        let printed = daemon.printed();
        assert_eq!(printed.len(), 10, "{printed:?}");
        assert_eq!(printed[0], "hazard 0707070707070707/0 accident 320 m ahead, in 32 s");
        assert_eq!(printed[1], "hazard 0707070707070707/1 accident 320 m ahead: cancelled");
        daemon.control.upkeep(&daemon.station, monotonic(), &mut daemon.printed).unwrap();
        let rest = daemon.printed();
        assert!(rest[0].starts_with("and 20 more changes of hazards"), "{rest:?}");
        let mut watch = watch;
        let read = move || (0..30).map(|_| watch.next_change().unwrap()).collect::<Vec<_>>();
        let told = serve(&mut daemons, read).await;
        let change = |number: usize| (told[number].watch.as_deref(), told[number].change.as_deref());
        assert_eq!(change(0), (Some("hazard"), Some("new")));
        assert_eq!(change(1), (Some("hazard"), Some("cancelled")));
        let hazard = told[0].hazard.as_ref().unwrap();
        assert_eq!(hazard.relative_bearing_deg, Some(0.0));
        assert_eq!(hazard.concern.as_ref().unwrap().time_to_conflict_s, Some(32.0));
        assert!(told[29].hazard.as_ref().unwrap().concern.is_none());
    });
}

#[test]
fn what_is_declared_ahead_concerns_who_drives_there_until_it_is_over() {
    run("ahead", async |mut daemons, [driver, other]| {
        let ahead = PLACE.moved(320.0, 0.0);
        daemons[0].drive(PLACE);
        daemons[1].drive(ahead);
        let program = move || {
            let mut watch = Client::connect(&driver).unwrap().watch().unwrap();
            let mut other = Client::connect(&other).unwrap();
            let accident = Declaration {
                cause: Some(2),
                keep_alive: Some(Duration::from_secs(2)),
                ..Declaration::default()
            };
            let event = other.declare(&accident).unwrap();
            let first = watch.next_change().unwrap();
            let listed = Client::connect(&driver).unwrap().hazards().unwrap();
            other.update(event, &Declaration { quality: Some(6), ..Declaration::default() }).unwrap();
            let second = watch.next_change().unwrap();
            other.cancel(event).unwrap();
            let third = watch.next_change().unwrap();
            let again = other.cancel(event).unwrap_err();
            (event, [first, second, third], listed, other.hazards().unwrap(), again)
        };
        let (event, told, listed, own, again) = serve(&mut daemons, program).await;
        let changes = told.each_ref().map(|told| told.change.as_deref().unwrap());
        assert_eq!(changes, ["new", "updated", "cancelled"]);
        let hazard = told[0].hazard.as_ref().unwrap();
        assert_eq!(
            (hazard.event.as_str(), hazard.own, hazard.keep_alive_ms),
            (&*event.to_string(), false, Some(2000))
        );
        let concern = hazard.concern.as_ref().unwrap();
        let time = concern.time_to_conflict_s.unwrap();
        assert!((20.0..=32.5).contains(&time), "{time}");
        assert_eq!(listed.len(), 1);
        let kept = told[1].hazard.as_ref().unwrap();
        assert_eq!((kept.quality, kept.cause, kept.keep_alive_ms), (Some(6), 2, Some(2000)));
        assert_eq!((own[0].state.as_str(), own[0].own, own.len()), ("cancelled", true, 1));
        assert!(again.to_string().contains("has ended"), "{again}");
        let printed = daemons[0].printed();
        assert!(printed[0].starts_with(&format!("hazard {event} accident 320 m ahead, in ")), "{printed:?}");
    });
}

#[test]
fn two_programs_have_commands_open_at_once_and_each_hears_of_its_own() {
    run("open", async |mut daemons, [socket, _]| {
        daemons[0].drive(PLACE);
        daemons[0].hold = 2;
        let program = move || {
            let mut programs = [1, 2].map(|number| (number, Client::connect(&socket).unwrap()));
            for (number, client) in &mut programs {
                let declaration = Declaration { cause: Some(*number), ..Declaration::default() };
                let id = Some(RequestId::Number(u64::from(*number)));
                client.send(&Call { id, request: Request::New(declaration) }).unwrap();
            }
            let answers = programs.each_mut().map(|(_, client)| client.receive().unwrap());
            (answers, programs[0].1.hazards().unwrap())
        };
        let (answers, hazards) = serve(&mut daemons, program).await;
        for (number, answer) in [1, 2].into_iter().zip(answers) {
            assert_eq!(answer.id, Some(RequestId::Number(u64::from(number))));
            let event = answer.event.unwrap();
            let cause = hazards.iter().find(|hazard| hazard.event == event).unwrap().cause;
            assert_eq!(cause, number);
        }
    });
}

#[test]
fn a_concern_is_told_when_it_begins_and_when_it_ends() {
    run("concern", async |mut daemons, [driver, other]| {
        let accident = PLACE.moved(320.0, 0.0);
        // Past it, and on the way.
        daemons[0].drive(accident.moved(200.0, 0.0));
        daemons[1].drive(accident);
        let (mut watch, event) = serve(&mut daemons, move || {
            let mut watch = Client::connect(&driver).unwrap().watch().unwrap();
            let accident = Declaration { cause: Some(2), ..Declaration::default() };
            let event = Client::connect(&other).unwrap().declare(&accident).unwrap();
            let first = watch.next_change().unwrap();
            assert_eq!(first.hazard.unwrap().concern, None);
            (watch, event.to_string())
        })
        .await;
        let [daemon, _] = &mut daemons;
        daemon.printed();
        for position in [PLACE, PLACE, accident.moved(200.0, 0.0)] {
            daemon.drive(position);
            daemon.control.upkeep(&daemon.station, monotonic(), &mut daemon.printed).unwrap();
        }
        let printed = daemon.printed();
        assert_eq!(printed.len(), 2, "once each: {printed:?}");
        assert!(printed[0].starts_with(&format!("hazard {event} accident 320 m ahead, affects us, in ")));
        assert_eq!(printed[1], format!("hazard {event} accident 200 m behind: no longer affects us"));
        let told = serve(&mut daemons, move || [(); 2].map(|()| watch.next_change().unwrap())).await;
        let changes = told.each_ref().map(|told| (told.watch.as_deref(), told.change.as_deref()));
        assert_eq!(changes, [(Some("concern"), Some("began")), (Some("concern"), Some("ended"))]);
    });
}

#[test]
fn more_changes_than_are_kept_are_counted_for_who_watches() {
    run("lost", async |mut daemons, [socket, _]| {
        let watch = serve(&mut daemons, move || Client::connect(&socket).unwrap().watch().unwrap()).await;
        let daemon = &mut daemons[0];
        for number in 0..300 {
            daemon
                .listeners
                .event(&Event::Hazard(HazardChanged { event: accident(number), change: HazardChange::New }));
        }
        (0..16).for_each(|_| daemon.tell());
        let mut watch = watch;
        let read = move || {
            let mut changes = 0;
            loop {
                let answer = watch.next_change().unwrap();
                match answer.changes {
                    Some(lost) => return (changes, lost),
                    None => changes += 1,
                }
            }
        };
        assert_eq!(serve(&mut daemons, read).await, (256, 44));
    });
}

#[test]
fn a_station_without_a_position_refuses_and_says_what_it_lacks() {
    run("refused", async |mut daemons, [socket, _]| {
        let declare = move || {
            let place = Some(Place::At(Point::default()));
            let accident = Declaration { cause: Some(2), place, ..Declaration::default() };
            let mut client = Client::connect(&socket).unwrap();
            (
                client.declare(&accident).unwrap_err(),
                client.cancel(accident_id()).unwrap_err(),
                client.status(),
            )
        };
        let (declared, cancelled, status) = serve(&mut daemons, declare).await;
        let ClientError::Refused { reason, error } = declared else { panic!("{declared}") };
        assert_eq!(reason, "hazard_sending_blocked");
        assert!(error.contains("(now: no_fix)"), "{error}");
        assert!(
            matches!(&cancelled, ClientError::Refused { reason, .. } if reason == "hazard_unknown"),
            "{cancelled}"
        );
        let status = status.unwrap();
        assert_eq!((status.sending, status.not_sending_because.as_deref()), (false, Some("no_fix")));
        assert_eq!((status.clock.as_str(), status.position), ("locked", None));
    });
}

fn accident_id() -> EventId {
    let EventId { origin, number } = accident(0).id;
    EventId { origin, number }
}
