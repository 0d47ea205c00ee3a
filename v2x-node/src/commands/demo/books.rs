//! The run's ledger: which stations each message was meant for, and whether it arrived.

use core::time::Duration;
use std::cell::RefCell;
use std::io;
use std::rc::Rc;

use v2x_apps::alert::Triggers;
use v2x_core::{Event, Fix, HazardCommand, HazardDraft, Instant, MessageId, Node, Role, Transmit};
use v2x_proto::{Class, cause};
use v2x_replay::ledger::{Delivery, Ledger};
use v2x_replay::spatial::Spatial;
#[cfg(feature = "web")]
use v2x_report::StageHistogram;
use v2x_report::{Kind, Report, Stage, Verify, receive_stages, send_stages};

use super::air::{Air, frame_key};
#[cfg(feature = "web")]
use super::picture::Picture;
use super::scene::Scene;
use super::town::Town;
use crate::daemon::station::{Observer, monotonic};

/// The run's ledger: which stations each message was meant for, and whether it arrived.
pub(crate) struct Books {
    ledger: Ledger<MessageId>,
    spatial: Spatial,
    /// The accident, the car that lies, the signal.
    pub(super) scene: Scene,
    /// Stations with lower numbers are owed what is sent.
    honest: u32,
    /// For the screen: sent, delivered, in time, slowest in the last tick, per class.
    pub(crate) live: [LiveCount; 6],
    /// For a browser: how long deliveries took, per class.
    #[cfg(feature = "web")]
    pub(super) latency: [StageHistogram; 6],
    /// What a browser is shown, if any.
    #[cfg(feature = "web")]
    pub(super) picture: Option<Picture>,
}

/// What the screen shows of one class.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LiveCount {
    pub(crate) sent: u64,
    pub(crate) expected: u64,
    pub(crate) delivered: u64,
    pub(crate) late: u64,
    pub(crate) slowest_ns: u64,
}

impl Books {
    /// Nothing sent, nothing heard; the run starts at `start`.
    pub(super) fn new(start: Instant, scene: Scene, honest: u32) -> Self {
        let live = [LiveCount::default(); 6];
        let ledger = Ledger::starting_at(start.as_nanos());
        Self {
            ledger,
            spatial: Spatial::new(),
            scene,
            honest,
            live,
            #[cfg(feature = "web")]
            latency: core::array::from_fn(|_| StageHistogram::new()),
            #[cfg(feature = "web")]
            picture: None,
        }
    }

    /// Renews the figures that a browser is shown.
    pub(super) fn show(&self) {
        #[cfg(feature = "web")]
        if let Some(picture) = &self.picture {
            picture.count(&self.classes(), self.scene.standing_of_liar());
        }
    }

    /// The deliveries so far, as classes of a report.
    #[cfg(feature = "web")]
    fn classes(&self) -> Vec<serde_json::Value> {
        let counted = Class::ALL.into_iter().zip(self.live.iter().zip(&self.latency));
        let class = |(class, (live, latency)): (Class, (&LiveCount, &StageHistogram))| {
            serde_json::json!({
                "class": class.name(), "deadline_ms": class.deadline().map(|deadline| deadline.as_millis() as u64),
                "sent": live.sent, "expected": live.expected, "delivered": live.delivered, "missed": live.late,
                "miss_ratio": live.late as f64 / live.delivered.max(1) as f64, "send_to_delivered": latency.summary(),
            })
        };
        counted.map(class).collect()
    }

    /// Closes the books: the report, and the share of its messages that each station missed.
    pub(super) fn report(self, ended: Instant, seconds: f64, town: &Town) -> (Report, Vec<Option<f64>>) {
        let totals = self.ledger.finish(ended.as_nanos());
        let mut report = Report::new(Kind::Demo, env!("CARGO_PKG_VERSION"), Verify::Every, &totals.stats);
        totals.fill(&mut report);
        totals.fill_worst(&mut report, &|station| town.name(station));
        let stations = town.stations();
        report.stations = u64::from(stations);
        report.simulated_s = seconds;
        report.age_of_information = self.spatial.age_of_information();
        report.inter_packet_gap = self.spatial.inter_packet_gap();
        (report, (0..stations).map(|station| totals.missed_by(station)).collect())
    }
}

/// Writes one station's events into the books, and raises an alert when its motion calls for one.
pub(super) struct Bookkeeper {
    pub(super) number: u32,
    pub(super) air: Air,
    pub(super) books: Rc<RefCell<Books>>,
    pub(super) alerts: Triggers,
}

impl Bookkeeper {
    /// Declares an accident that was due at `due`, for those within `radius_m`.
    pub(super) fn accident(&mut self, due: Instant, radius_m: u16) -> HazardCommand {
        let mut books = self.books.borrow_mut();
        let honest = books.honest;
        let meant = self.air.within(self.number, f64::from(radius_m)).filter(|number| *number < honest);
        books.scene.accident(self.number, due, u32::from(radius_m), meant.collect());
        HazardCommand::New(HazardDraft {
            validity: ACCIDENT_LASTS,
            relevance_distance_m: Some(radius_m),
            due: Some(due),
            ..HazardDraft::new(Class::D3, cause::ACCIDENT)
        })
    }

    /// Shows a browser where it is.
    pub(super) fn show(&self, fix: Option<Fix>) {
        #[cfg(feature = "web")]
        if let Some(picture) = &self.books.borrow().picture {
            picture.place(self.number, fix);
        }
        #[cfg(not(feature = "web"))]
        let _nobody = fix;
    }

    pub(super) fn alert(&mut self, now: Instant, fix: &Fix, node: &Node) -> Option<HazardCommand> {
        let vehicle = node.config().role == Role::Vehicle;
        vehicle.then(|| self.alerts.observe(now, fix, node.neighbours())).flatten()
    }
}

impl Observer for Bookkeeper {
    fn event(&mut self, event: &Event) {
        let now = monotonic();
        self.alerts.hear(now, event);
        let mut books = self.books.borrow_mut();
        let books = &mut *books;
        books.scene.event(self.number, event, now);
        match event {
            Event::Sent(sent) => {
                let mut audience = self.air.audience(self.number);
                audience.retain(|(number, _)| *number < books.honest);
                let live = &mut books.live[sent.id.class.index()];
                live.sent += 1;
                live.expected += audience.len() as u64;
                let sent_ns = sent.generated.as_nanos();
                self.air.signed_by(sent.id.signer, self.number);
                books.ledger.sent(sent.id, sent.id.class, sent_ns, audience.into_iter());
                books.ledger.sent_by(sent.id, self.number);
            }
            // Owed to nobody, so no delivery.
            Event::Received(received) if books.scene.is_liar(received.id.signer) => {}
            Event::Received(received) => {
                let at = received.stamps.delivered.as_nanos();
                let stages: Vec<(Stage, u64)> = receive_stages(&received.stamps).collect();
                let delivery = books.ledger.delivered(received.id, self.number, at, &stages);
                if let Delivery::Intended { distance_m, latency_ns } = delivery {
                    let class = received.id.class;
                    #[cfg(feature = "web")]
                    if books.picture.is_some() {
                        books.latency[class.index()].record(latency_ns);
                    }
                    let live = &mut books.live[class.index()];
                    live.delivered += 1;
                    live.slowest_ns = live.slowest_ns.max(latency_ns);
                    let late =
                        class.deadline().is_some_and(|deadline| u128::from(latency_ns) > deadline.as_nanos());
                    live.late += u64::from(late);
                    books.scene.signal(self.number, received, distance_m, now);
                    if class == Class::D2
                        && let Some(sender) = self.air.number_of(received.id.signer)
                    {
                        let generated = at.saturating_sub(latency_ns);
                        books.spatial.received(sender, self.number, distance_m, generated, at);
                    }
                }
            }
            Event::Dropped(dropped) => {
                books.ledger.dropped(dropped.claimed, self.number, dropped.reason.name());
            }
            Event::NotSent(not_sent) => {
                if let Some(id) = not_sent.id {
                    books.ledger.withheld(id, not_sent.reason.name());
                }
            }
            #[cfg(feature = "web")]
            Event::Hazard(changed) if books.picture.is_some() => {
                if let Some(picture) = &books.picture {
                    picture.hazard(changed, changed.event.reference);
                }
            }
            Event::Forwarded(_)
            | Event::NeighbourAdded(_)
            | Event::NeighbourLost(_)
            | Event::Sending(_)
            | Event::Revoked(_)
            | Event::RevocationRefused(_)
            | Event::RevocationStale { .. }
            | Event::Trust(_)
            | Event::Identities(_)
            | Event::Suspicion(_)
            | Event::Misbehaviour(_)
            | Event::PseudonymChanged { .. }
            | Event::Hazard(_)
            | Event::HazardAccepted { .. }
            | Event::HazardRefused { .. }
            | Event::HazardRenamed { .. }
            | Event::HeardElsewhere(_)
            | Event::PoolLow { .. } => {}
        }
    }

    fn transmitted(&mut self, frame: &Transmit, on_air: Instant) {
        let mut books = self.books.borrow_mut();
        books.ledger.transmitted(frame.id);
        books.ledger.stages(frame.class, &send_stages(&frame.stamps));
        let waited = on_air.nanos_since(frame.stamps.gate_open);
        books.ledger.stages(frame.class, &[(Stage::GateToAir, waited)]);
    }

    fn transmit_failed(&mut self, frame: &Transmit, _error: &io::Error) {
        self.air.forget(frame_key(&frame.bytes));
        self.books.borrow_mut().ledger.withheld(frame.id, "link_error");
    }
}

/// Longer than most runs, and renewed in none.
const ACCIDENT_LASTS: Duration = Duration::from_secs(600);
