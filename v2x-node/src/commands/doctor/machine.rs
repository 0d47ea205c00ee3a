//! What a station needs of its machine: a clock, a position, a link, and real-time scheduling where it is asked for.

use core::time::Duration;
use std::fs::File;
use std::io;
use std::net::{TcpStream, ToSocketAddrs as _};
use std::thread;

use radio_adapters::wlan::{self, Wlan};
use v2x_core::ClockState;

use super::finding::Finding;
use crate::config::{LinkConfig, Medium, PositionConfig, StationConfig};
use crate::daemon::link;
use crate::daemon::machine_clock::MachineClock;
#[cfg(feature = "replay")]
use crate::daemon::position::check_trace;
use crate::daemon::run::apply_realtime;
use crate::daemon::timekeeper::Timekeeper;
use crate::error::{Error, without_numbers};
use crate::machine::read_anchor;

/// Whether the clock is good enough to sign by.
pub(super) fn clock(config: &StationConfig) -> Finding {
    let mut machine = MachineClock::new(config.clock.asks(), read_anchor());
    let mut keeper = Timekeeper::new(config.clock.trust, None);
    // chrony answers within a millisecond or so, if it runs.
    for _ in 0..CLOCK_LOOKS {
        match keeper.read(&machine.read(read_anchor())) {
            ClockState::Untrusted => thread::sleep(CLOCK_PAUSE),
            state => return Finding::good("clock", format!("trusted ({})", state.name())),
        }
    }
    let said = keeper.silence();
    // Its words end with what mends it.
    let (said, mend) = match said.split_once(" (") {
        Some((said, mend)) => (said.to_owned(), mend.trim_end_matches(')').to_owned()),
        None => (said, "chronyc tracking says more".to_owned()),
    };
    Finding::bad("clock", said, mend)
}

/// Whether there is anybody who says where the station is.
pub(super) fn position(config: &PositionConfig) -> Finding {
    match config {
        PositionConfig::Fixed { .. } => Finding::good("position", "fixed, as configured"),
        PositionConfig::Gpsd { address, .. } => match reach(address) {
            Ok(()) => Finding::good(
                "position",
                format!(
                    "gpsd answers at {address}; whether it has a fix: gpspipe -w -n 5, or a running station"
                ),
            ),
            Err(error) => Finding::bad(
                "position",
                format!("no gpsd at {address}: {}", without_numbers(&error.to_string())),
                "systemctl start gpsd.socket, or position.address; without a receiver position.source = \"fixed\"",
            ),
        },
        PositionConfig::Nmea { path, .. } => match File::open(path) {
            Ok(_) => Finding::good("position", format!("{} can be read", path.display())),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Finding::bad(
                "position",
                format!("{}: this user may not read it", path.display()),
                "usermod -aG dialout USER, and log in again",
            ),
            Err(error) => Finding::bad(
                "position",
                format!("{}: {}", path.display(), without_numbers(&error.to_string())),
                "position.path: the receiver's device, as ls /dev/serial/by-id shows it",
            ),
        },
        #[cfg(feature = "replay")]
        PositionConfig::Trace { file, station, .. } => match check_trace(config) {
            Ok(()) => Finding::good("position", format!("vehicle {station} of {}", file.display())),
            Err(error) => Finding::bad(
                "position",
                without_numbers(&error.to_string()),
                "position.file: a mobility trace; position.station: a vehicle of it",
            ),
        },
        #[allow(unreachable_patterns, reason = "sources that a build has beside these")]
        _ => Finding::good("position", "comes from programs at the control socket"),
    }
}

fn reach(address: &str) -> io::Result<()> {
    let mut last = io::Error::other("the name has no address");
    for address in address.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(_) => return Ok(()),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Whether the link opens: its interface, the rights for it, the multicast group. Nothing is sent.
pub(super) fn link(config: &LinkConfig) -> Finding {
    if let Some(plan) = &config.join {
        return cell(plan);
    }
    let name = match &config.medium {
        Medium::Udp { interface, group, .. } => format!("udp on {interface}, group {group}"),
        Medium::Packet { interface, ethertype, .. } => {
            format!("packet on {interface}, EtherType {ethertype:#06x}")
        }
        Medium::Monitor(injection) => format!("monitor on {}", injection.monitor),
        Medium::Auto { interface, beside } => format!("auto on {interface} and {}", beside.monitor),
        #[cfg(feature = "pnet")]
        Medium::Pnet { interface, .. } => format!("pnet on {interface}"),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(source) => {
            let error = Error::System { what: "starting the event loop", source };
            return Finding::of_error("link", &error);
        }
    };
    let _within = runtime.enter();
    let plain = LinkConfig { fault: None, tap: None, ..config.clone() };
    match link::open(&plain) {
        Err(error) => refused(&Error::from(error)),
        Ok((radio, _)) => match radio.state().fault() {
            // Its words say what mends it.
            Some(fault) => Finding { mend: None, ..Finding::bad("link", format!("{name}: {fault}"), "") },
            None => Finding::good("link", format!("{name} opens")),
        },
    }
}

/// A link that does not open. Its words say what mends it, unless there is a hint or the interface is not there.
fn refused(error: &Error) -> Finding {
    let mut finding = Finding::of_error("link", error);
    if let Some(said) = finding.said.strip_prefix("link: ") {
        finding.said = said.to_owned();
    }
    if finding.said.starts_with("no network interface ") {
        finding.mend =
            Some("link.interface = one of these; link.wait = true waits for one that comes later".to_owned());
    }
    finding
}

/// Whether the cell that the station joins at its start can be joined.
fn cell(plan: &wlan::JoinPlan) -> Finding {
    let examined = Wlan::open()
        .map_err(|source| Error::System { what: "asking the kernel for radios", source }.to_string())
        .and_then(|mut wlan| wlan::examine(&mut wlan, plan).map_err(|obstacle| obstacle.to_string()));
    let probe = format!("roadcast link probe {} says more", plan.interface);
    match examined {
        Err(text) => Finding::bad("link", without_numbers(&text), "roadcast link probe, or link.interface"),
        Ok(examined) => match examined.obstacles.first() {
            Some(obstacle) => Finding::bad("link", obstacle.to_string(), probe),
            None => Finding::good("link", format!("{} can join {}", plan.interface, plan.cell)),
        },
    }
}

/// Whether the scheduling asked for is to be had.
pub(super) fn scheduling(config: &StationConfig) -> Option<Finding> {
    if config.realtime == Default::default() {
        return None;
    }
    let config = config.clone();
    // On a thread of its own, which ends; what it locks is unlocked with the process.
    Some(match thread::spawn(move || apply_realtime(&config)).join() {
        Ok(Ok(())) => Finding::good("real time", "the scheduling asked for is to be had"),
        Ok(Err(error)) => Finding::bad(
            "real time",
            error.to_string(),
            "leave out [realtime], or LimitRTPRIO= and LimitMEMLOCK= of the service (examples/roadcast.service)",
        ),
        Err(_) => Finding::bad("real time", "it could not be tried", "leave out [realtime]"),
    })
}

/// Looks at a clock whose keeper answers late.
const CLOCK_LOOKS: u32 = 5;
const CLOCK_PAUSE: Duration = Duration::from_millis(40);
/// For a gpsd on another machine.
const PATIENCE: Duration = Duration::from_secs(2);
