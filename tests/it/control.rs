//! A daemon's desk between a station and the programs at its control socket, and what it says and prints.

use std::future::poll_fn;
use std::path::{Path, PathBuf};
use std::time::Duration;

use radio_adapters::LinkAddress;
use radio_adapters::mem::MemHub;
use v2x_core::config::{AwarenessRule, Config};
use v2x_core::hazard::{Change, Changed, Concern, EventId, Known, State};
use v2x_core::io::{ClockState, Event, Fix, Input};
use v2x_core::node::Node;
use v2x_core::position::Position;
use v2x_core::time::{Anchor, WireTime};
use v2x_node::account::Account;
use v2x_node::config::ControlConfig;
use v2x_node::control::desk::Desk;
use v2x_node::control::request::{Declaration, Place};
use v2x_node::control::{Client, ClientError};
use v2x_node::station::{Live, Observer as _, Station, monotonic};
use v2x_proto::{Class, Digest, v1};

use crate::stations::{Authority, PLACE, START};

/// A station alone on its link, its desk, and what that printed.
struct Daemon {
    station: Station,
    account: Account,
    desk: Desk,
    printed: Vec<u8>,
}

impl Daemon {
    fn new(socket: &Path) -> Self {
        let authority = Authority::new();
        let anchor = Anchor { instant: monotonic(), wire: START };
        let config = Config { awareness: AwarenessRule::Off, ..Config::vehicle() };
        let node =
            Node::with_host(config, authority.identity(1), authority.trust(), 7, anchor, Box::new(Live));
        let radio = MemHub::new().join(LinkAddress([2, 0, 0, 0, 0, 1]));
        let station = Station::new(node, Box::new(radio), None).unwrap();
        let at = ControlConfig::At(socket.to_owned());
        let desk = Desk::open(&at, Path::new("car.toml"), anchor.instant).unwrap();
        let mut daemon = Self { station, account: Account::new(anchor), desk, printed: Vec::new() };
        let wire = daemon.station.node().anchor().wire_at(monotonic());
        daemon.input(Input::Clock { wire, state: ClockState::Locked });
        daemon
    }

    fn input(&mut self, input: Input) {
        self.station.input(input, &mut self.account);
    }

    /// The station stands at [`PLACE`] and looks east.
    fn stand(&mut self) {
        let fix = Fix {
            position: PLACE,
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

    /// Serves until `program`, run in a thread of its own, ends.
    async fn serve<T: Send + 'static>(&mut self, program: impl FnOnce() -> T + Send + 'static) -> T {
        let (done, mut ended) = tokio::sync::oneshot::channel::<()>();
        let program = std::thread::spawn(move || {
            let result = program();
            drop(done);
            result
        });
        loop {
            tokio::select! {
                biased;
                asked = poll_fn(|cx| self.desk.poll(cx, monotonic())) => {
                    self.desk.handle(asked, &mut self.station, &mut self.account, monotonic());
                }
                _ = &mut ended => return program.join().unwrap(),
            }
            self.tell();
        }
    }

    fn tell(&mut self) {
        self.desk.tell(&self.station, &mut self.account, monotonic(), &mut self.printed).unwrap();
    }

    fn printed(&mut self) -> Vec<String> {
        let printed = String::from_utf8(std::mem::take(&mut self.printed)).unwrap();
        printed.lines().map(ToOwned::to_owned).collect()
    }
}

/// Runs a test in a directory of its own, with a daemon at a socket in it.
fn run<F: Future<Output = ()>>(name: &str, test: impl FnOnce(Daemon, PathBuf) -> F) {
    let directory = std::env::temp_dir().join(format!("rc-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let socket = directory.join("s.sock");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    runtime.block_on(async { test(Daemon::new(&socket), socket.clone()).await });
    std::fs::remove_dir_all(&directory).unwrap();
}

/// An accident 320 m east of [`PLACE`].
fn accident(number: u32) -> Known {
    Known {
        id: EventId { origin: Digest([7; 8]), number },
        own: false,
        state: State::Active,
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
        concern: None,
    }
}

#[test]
fn every_change_goes_to_who_watches_and_ten_lines_a_second_to_the_output() {
    run("told", async |mut daemon, socket| {
        daemon.stand();
        let watch = daemon.serve(move || Client::connect(&socket).unwrap().watch().unwrap()).await;
        let concern =
            Concern { time_to_conflict: Some(Duration::from_secs(32)), distance_m: 320.0, at: PLACE };
        for number in 0..30 {
            let event = Known { concern: (number == 0).then_some(concern), ..accident(number) };
            let change = if number == 1 { Change::Cancelled } else { Change::New };
            daemon.account.event(&Event::Hazard(Changed { event, change }));
        }
        daemon.tell();
        let printed = daemon.printed();
        assert_eq!(printed.len(), 10, "{printed:?}");
        assert_eq!(printed[0], "hazard 0707070707070707/0 accident 320 m ahead, in 32 s");
        assert_eq!(printed[1], "hazard 0707070707070707/1 accident 320 m ahead: cancelled");
        daemon.desk.upkeep(&daemon.station, monotonic(), &mut daemon.printed).unwrap();
        let rest = daemon.printed();
        assert!(rest[0].starts_with("and 20 more changes of hazards"), "{rest:?}");
        let mut watch = watch;
        let read = move || (0..30).map(|_| watch.next_change().unwrap()).collect::<Vec<_>>();
        let told = daemon.serve(read).await;
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
fn more_changes_than_are_kept_are_counted_for_who_watches() {
    run("lost", async |mut daemon, socket| {
        let watch = daemon.serve(move || Client::connect(&socket).unwrap().watch().unwrap()).await;
        for number in 0..300 {
            daemon.account.event(&Event::Hazard(Changed { event: accident(number), change: Change::New }));
        }
        daemon.tell();
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
        assert_eq!(daemon.serve(read).await, (256, 44));
    });
}

#[test]
fn a_station_without_a_position_refuses_and_says_what_it_lacks() {
    run("refused", async |mut daemon, socket| {
        let declare = move || {
            let place = Some(Place::At(Position::default()));
            let accident = Declaration { cause: Some(2), place, ..Declaration::default() };
            let mut client = Client::connect(&socket).unwrap();
            (
                client.declare(&accident).unwrap_err(),
                client.cancel(accident_id()).unwrap_err(),
                client.status(),
            )
        };
        let (declared, _cancelled, status) = daemon.serve(declare).await;
        let ClientError::Refused { reason, error } = declared else { panic!("{declared}") };
        assert_eq!(reason, "hazard_sending_blocked");
        assert!(error.contains("(now: no_fix)"), "{error}");
        let status = status.unwrap();
        assert_eq!((status.sending, status.not_sending_because.as_deref()), (false, Some("no_fix")));
        assert_eq!((status.clock.as_str(), status.position), ("locked", None));
    });
}

fn accident_id() -> EventId {
    accident(0).id
}
