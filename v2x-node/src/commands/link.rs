//! `roadcast link`: a radio's cell, or its channel.

mod cell;
mod probe;

use std::io::{self, Write};

use clap::{Args, Subcommand};
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::signal::{SigSet, Signal};
use radio_adapters::privilege::{self, CapabilitySet};
use radio_adapters::wlan::{self, Change, JoinPlan, Notice};

use self::cell::{CellArgs, open, within};
use crate::config::{MTUS, POWERS_DBM};
use crate::daemon::keeper::{GO, Line};
use crate::error::Error;

pub use self::cell::LinkCommandError;

/// `roadcast link`.
#[derive(Clone, Debug, Subcommand)]
pub enum LinkCommand {
    /// Join a cell, or tune a monitor interface: set the interface up for it, take it up, join
    Up(UpArgs),
    /// Leave the cell, and make the interface a client that is down
    Down(DownArgs),
    /// Show what a radio can do and is set up as, and for each fault what mends it
    Probe(probe::ProbeArgs),
    /// Join, join again, and leave when standard input ends: a daemon's helper
    #[command(hide = true)]
    Keep(KeepArgs),
}

/// A cell to join, and how.
#[derive(Args, Clone, Debug)]
pub struct UpArgs {
    /// The radio's interface, such as wlan0
    interface: String,
    #[command(flatten)]
    cell: CellArgs,
    /// Rate of broadcast frames, Mb/s on the air: at 10 MHz 3, 4.5, 6, 9, 12, 18, 24 or 27
    #[arg(long, value_name = "MBPS", value_parser = rate)]
    rate: Option<f64>,
    /// Transmit power, dBm
    #[arg(long, value_name = "DBM", allow_negative_numbers = true, value_parser = power)]
    power: Option<i32>,
    /// MTU, bytes
    #[arg(long, value_name = "BYTES", value_parser = mtu)]
    mtu: Option<u32>,
}

/// `roadcast link down`.
#[derive(Args, Clone, Debug)]
pub struct DownArgs {
    /// The radio's interface, such as wlan0
    interface: String,
}

/// `roadcast link keep`.
#[derive(Args, Clone, Debug)]
pub struct KeepArgs {
    #[command(flatten)]
    up: UpArgs,
    /// Wait for an interface that is not there
    #[arg(long)]
    wait: bool,
    /// A monitor interface to have beside it
    #[arg(long, value_name = "NAME")]
    monitor: Option<String>,
}

/// Shown under `roadcast link --help`.
pub const HELP: &str = "Joining needs CAP_NET_ADMIN; showing needs nothing. `up` and `down` change what
differs, and say what they changed. A station joins by itself, and joins again,
where its configuration has link.kind = \"ocb\", \"ibss\" or \"auto\".

Exit codes: 0 done, 1 probe found a fault, 2 bad input, or it cannot be done.

Examples:
  roadcast link probe
  roadcast link up wlan0
  roadcast link up wlan0 --frequency 5890 --rate 6 --power 20
  roadcast link up wlan0 --mode ibss --ssid v2x --bssid 02:ca:fe:ca:fe:00
  roadcast link up wlan1 --mode monitor
  roadcast link down wlan0";

/// Runs the command.
///
/// # Errors
/// [`LinkCommandError`]; the system's own.
pub fn run(command: &LinkCommand, out: &mut dyn Write) -> Result<(), Error> {
    match command {
        LinkCommand::Up(args) => {
            let joined = wlan::join(&mut open()?, &args.plan()?).map_err(LinkCommandError::from)?;
            Ok(writeln!(out, "{}: {}", args.interface, said(&joined.changes))?)
        }
        LinkCommand::Down(args) => {
            let changes = wlan::leave(&mut open()?, &args.interface).map_err(LinkCommandError::from)?;
            Ok(writeln!(out, "{}: {}", args.interface, said(&changes))?)
        }
        LinkCommand::Probe(args) => probe::run(args, out),
        LinkCommand::Keep(args) => keep(args),
    }
}

/// Keeps a cell for a daemon, which begins it and hears of it by lines. The daemon's end is the end of standard input.
fn keep(args: &KeepArgs) -> Result<(), Error> {
    let plan = args.up.plan()?;
    let system = |what| move |source: io::Error| Error::System { what, source };
    // A service's manager signals all of its processes; this one ends after the station.
    [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP]
        .into_iter()
        .collect::<SigSet>()
        .thread_block()
        .map_err(|errno| system("blocking signals")(errno.into()))?;
    privilege::give_up(CapabilitySet(u64::MAX).without(CapabilitySet::NET_ADMIN))
        .map_err(system("giving up rights"))?;
    // A daemon that reads nothing must not keep the interface from being undone.
    fcntl(io::stdout(), FcntlArg::F_SETFL(OFlag::O_NONBLOCK))
        .map_err(|errno| system("its output")(errno.into()))?;
    let mut go = String::new();
    let began = io::stdin().read_line(&mut go);
    if !began.is_ok_and(|_| go.as_bytes() == GO) {
        return Ok(());
    }
    // Nobody is left to tell where the daemon is gone.
    let say = |line: Line| drop(io::stdout().write_all(format!("{line}\n").as_bytes()));
    let kept = wlan::keep(plan, args.monitor.clone(), args.wait, io::stdin(), |notice| {
        say(match notice {
            Notice::Ready(text) => Line::Ready(text),
            Notice::Told(text) => Line::Told(text),
        });
    });
    if let Err(obstacle) = kept {
        say(Line::Refused(obstacle.to_string()));
    }
    Ok(())
}

impl UpArgs {
    fn plan(&self) -> Result<JoinPlan, LinkCommandError> {
        let cell = self.cell.cell()?;
        let width = cell.channel().width;
        let rate_kbps = match self.rate {
            None => None,
            Some(rate) => {
                let kbps = (rate * 1000.0).round() as u32;
                Some(width.nominal_kbps(kbps).map(|_| kbps).ok_or(LinkCommandError::NoRate { rate, width })?)
            }
        };
        let (power_dbm, mtu) = (self.power, self.mtu);
        Ok(JoinPlan { interface: self.interface.clone(), cell, rate_kbps, power_dbm, mtu })
    }
}

/// The changes in words. What the kernel does not tell is set each time, and is no change for certain.
fn said(changes: &[Change]) -> String {
    let words = |certain: bool| {
        let of = changes.iter().filter(|change| change.is_certain() == certain);
        of.map(ToString::to_string).collect::<Vec<_>>().join(", ")
    };
    match (words(true), words(false)) {
        (certain, set) if certain.is_empty() && set.is_empty() => "nothing to change".to_owned(),
        (certain, set) if certain.is_empty() => {
            format!("nothing to change; set again, because the kernel does not tell it: {set}")
        }
        _ => changes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    }
}

/// Whether the width has it is known later.
fn rate(text: &str) -> Result<f64, String> {
    let mbps = text.parse().ok().filter(|mbps: &f64| mbps.is_finite());
    mbps.ok_or_else(|| "expected a rate in Mb/s, such as 6 or 4.5".to_owned())
}

fn power(text: &str) -> Result<i32, String> {
    within(text, POWERS_DBM, "dBm")
}

fn mtu(text: &str) -> Result<u32, String> {
    within(text, MTUS, "bytes")
}

#[cfg(test)]
pub(crate) mod tests {
    use clap::Parser;
    use radio_adapters::wlan::{Cell, Channel, Width, WlanKind};

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(subcommand)]
        command: LinkCommand,
    }

    /// The plan of a command line from `link` on.
    pub(crate) fn plan_of(words: &[String]) -> Result<JoinPlan, String> {
        let line = Line::try_parse_from(words).map_err(|error| error.to_string())?;
        let (LinkCommand::Up(args) | LinkCommand::Keep(KeepArgs { up: args, .. })) = line.command else {
            return Err("no plan".to_owned());
        };
        args.plan().map_err(|error| error.to_string())
    }

    fn up(line: &str) -> Result<JoinPlan, String> {
        plan_of(&format!("link up {line}").split(' ').map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn a_cell_is_joined_as_asked_and_on_the_control_channel_by_default() {
        let plan = up("wlan0").unwrap();
        assert_eq!(plan.cell, Cell::Ocb(Channel { frequency_mhz: 5900, width: Width::Mhz10 }));
        assert_eq!((plan.rate_kbps, plan.power_dbm, plan.mtu), (None, None, None));
        let plan = up("wlan0 --width 5 --rate 2.25 --power -5 --mtu 2304").unwrap();
        assert_eq!((plan.rate_kbps, plan.power_dbm, plan.mtu), (Some(2250), Some(-5), Some(2304)));
        let plan = up("wlan0 --mode ibss --ssid v2x --frequency 5180 --width 20").unwrap();
        assert_eq!(plan.cell.kind(), WlanKind::Ibss);
        let plan = up("wlan0 --mode monitor --frequency 5890").unwrap();
        assert_eq!(plan.cell, Cell::Monitor(Channel { frequency_mhz: 5890, width: Width::Mhz10 }));
    }

    #[test]
    fn wrong_options_say_what_would_be_right() {
        for (line, told) in [
            ("wlan0 --width 40", "expected 5, 10 or 20"),
            ("wlan0 --rate 5", "--rate 5: no rate at 10 MHz: use one of 3, 4.5, 6, 9, 12, 18, 24, 27"),
            ("wlan0 --rate 54", "no rate at 10 MHz"),
            ("wlan0 --ssid v2x", "--ssid goes with --mode ibss alone"),
            ("wlan0 --bssid 02:ca:fe:ca:fe:00", "--bssid goes with --mode ibss alone"),
            ("wlan0 --mode ibss", "--ssid <NAME>"),
            ("wlan0 --mode ibss --ssid v2x --bssid 03:ca:fe:ca:fe:00", "its first byte even"),
            ("wlan0 --mode monitor --ssid v2x", "--ssid goes with --mode ibss alone"),
            ("wlan0 --mtu 1397", "expected a whole number, 1398 to 2304 bytes"),
            ("wlan0 --mtu", "a value is required for '--mtu <BYTES>'"),
            ("wlan0 --power 41", "expected a whole number, -10 to 40 dBm"),
            ("wlan0 --power 20.5", "'20.5' for '--power <DBM>': expected a whole number, -10 to 40 dBm"),
            ("wlan0 --frequency 5", "expected a whole number, 2400 to 7200 MHz, such as 5900"),
            (
                "wlan0 --frequency abc",
                "'abc' for '--frequency <MHZ>': expected a whole number, 2400 to 7200 MHz",
            ),
            ("wlan0 --rate fast", "'fast' for '--rate <MBPS>': expected a rate in Mb/s, such as 6 or 4.5"),
            ("wlan0 --rate nan", "expected a rate in Mb/s"),
            ("wlan0 --width wide", "'wide' for '--width <MHZ>': expected 5, 10 or 20"),
            ("wlan0 --mode adhoc", "[possible values: ocb, ibss, monitor]"),
        ] {
            let error = up(line).unwrap_err();
            assert!(error.contains(told), "{line}: {error}");
        }
    }

    #[test]
    fn what_is_set_each_time_is_no_change() {
        assert_eq!(said(&[]), "nothing to change");
        assert_eq!(
            said(&[Change::Rate(6_000), Change::Power(20)]),
            "nothing to change; set again, because the kernel does not tell it: rate 6 Mb/s, power 20 dBm"
        );
        assert_eq!(said(&[Change::Up(true), Change::Rate(4_500)]), "up, rate 4.5 Mb/s");
    }
}
