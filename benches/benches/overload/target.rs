//! The station under attack: a node on the daemon's loop, in a thread of its own.

use core::future::poll_fn;
use core::task::Poll;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use benches::fleet::{CENTRE, fix_on_ring};
use radio_adapters::mem::MemRadio;
use radio_adapters::realtime;
use testkit::Authority;
use v2x_core::{
    Anchor, AwarenessRule, ClockState, Config, Event, Fix, Host, Identity, Input, Instant, Node, Transmit,
};
use v2x_node::daemon::station::{Observer, Station};
use v2x_proto::Class;

use crate::overload::town::{is_attack, touched};

/// What the station saw.
#[derive(Debug, Default)]
pub struct Seen {
    /// Number of each honest D0 or D1, and when it was delivered.
    pub alerts: Vec<(u32, Instant)>,
    /// Attack frames dropped, by reason.
    pub drops: BTreeMap<&'static str, u64>,
    /// Attack frames delivered: one insider's, within its rates.
    pub delivered: u64,
    /// Honest frames dropped, by reason.
    pub honest_drops: BTreeMap<&'static str, u64>,
    /// Frames the medium had no room for.
    pub link_dropped: u64,
    /// Whether the thread ran under SCHED_FIFO.
    pub fifo: bool,
}

/// Runs the station until `stop`; it sees up to `room` alerts without allocating.
///
/// # Errors
///
/// The machine gives no event loop or no timer.
pub fn run(
    authority: &Authority,
    identity: Identity,
    host: Box<dyn Host>,
    radio: MemRadio,
    anchor: Anchor,
    room: usize,
    stop: &Arc<AtomicBool>,
) -> io::Result<Seen> {
    let mut seen = Seen { alerts: touched((1, anchor.instant), room), ..Seen::default() };
    let _pinned = realtime::pin_to_cpu(1);
    seen.fifo = realtime::set_fifo(STATION_PRIORITY).is_ok();
    let config = Config { awareness: AwarenessRule::Off, ..Config::vehicle() };
    let node = Node::with_host(config, identity, authority.trust.clone(), 1, anchor, host);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(async {
        let mut station = Station::new(node, Box::new(radio), None)?;
        station.input(Input::Clock { wire: anchor.wire, state: ClockState::Locked }, &mut seen);
        let fix = Fix { position: CENTRE, ..fix_on_ring(100.0, 0.0, 0.0, anchor.wire) };
        station.input(Input::Fix(Some(fix)), &mut seen);
        let end = poll_fn(|cx| match station.poll(cx, &mut seen) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            _ if stop.load(Ordering::Relaxed) => Poll::Ready(Ok(())),
            _ => Poll::Pending,
        });
        end.await?;
        seen.link_dropped = station.radio().counters().kernel_dropped;
        Ok(seen)
    })
}

impl Observer for Seen {
    fn event(&mut self, event: &Event) {
        match event {
            Event::Received(received) if is_attack(received.link_source, Some(received.id.sequence)) => {
                self.delivered += 1;
            }
            Event::Received(received) if matches!(received.id.class, Class::D0 | Class::D1) => {
                self.alerts.push((received.id.sequence, received.stamps.delivered));
            }
            Event::Dropped(dropped) => {
                let attack = is_attack(dropped.link_source, dropped.claimed.map(|id| id.sequence));
                let drops = if attack { &mut self.drops } else { &mut self.honest_drops };
                *drops.entry(dropped.reason.name()).or_default() += 1;
            }
            _ => {}
        }
    }

    fn transmitted(&mut self, _frame: &Transmit, _on_air: Instant) {}

    fn transmit_failed(&mut self, _frame: &Transmit, _error: &io::Error) {}
}

/// Of the station's thread, under `SCHED_FIFO`.
pub const STATION_PRIORITY: u8 = 50;
