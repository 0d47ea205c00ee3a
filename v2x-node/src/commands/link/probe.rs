//! `roadcast link probe`: what a radio can do, what it is set up as, and for each fault the one thing that mends it.

use std::fs;
use std::io::Write;

use clap::Args;
use radio_adapters::privilege::{self, CapabilitySet};
use radio_adapters::wlan::{self, Channel, Examination, JoinPlan, Neighbour, SurveySupport, Width, WlanKind};
use serde_json::{Value, json};
use v2x_proto::envelope;

use super::cell::{self, CellArgs, LinkCommandError};
use crate::colour::{Mark, Paint};
use crate::error::{Error, without_numbers};

/// `roadcast link probe`.
#[derive(Args, Clone, Debug)]
pub struct ProbeArgs {
    /// One interface; all wireless ones without it
    interface: Option<String>,
    /// The cell it is judged for
    #[command(flatten)]
    cell: CellArgs,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// Shows it.
///
/// # Errors
/// [`LinkCommandError`]: the interface named is not there or not wireless. [`Error::Check`]: a fault was found.
pub(super) fn run(args: &ProbeArgs, out: &mut dyn Write) -> Result<(), Error> {
    let mut wlan = cell::open()?;
    let machine = Machine::here();
    let cell = args.cell.cell()?;
    let names = match &args.interface {
        Some(name) => vec![name.clone()],
        None => {
            let failed = |source| Error::System { what: "asking for wireless interfaces", source };
            wlan.interfaces().map_err(failed)?.into_iter().map(|interface| interface.name).collect()
        }
    };
    let mut radios = Vec::new();
    for interface in names {
        let plan = JoinPlan { interface, cell: cell.clone(), rate_kbps: None, power_dbm: None, mtu: None };
        let examined = wlan::examine(&mut wlan, &plan).map_err(LinkCommandError::from)?;
        let faults = faults(&examined, &plan, &machine);
        radios.push((examined, faults));
    }
    let idle = if radios.is_empty() { radios_without_interface(&mut wlan) } else { Vec::new() };
    match args.json {
        true => writeln!(out, "{}", as_json(&machine, &radios, &idle, cell.channel()))?,
        false => write!(out, "{}", as_text(&machine, &radios, &idle, cell.channel()))?,
    }
    match radios.iter().map(|(_, faults)| faults.len()).sum::<usize>() {
        0 => Ok(()),
        1 => Err(Error::Check("a fault was found".to_owned())),
        many => Err(Error::Check(format!("{many} faults were found"))),
    }
}

/// What concerns all radios of the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Machine {
    /// As `uname -r` says.
    kernel: String,
    may_join: bool,
    may_send: bool,
}

impl Machine {
    fn here() -> Self {
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let has = |right| privilege::effective().is_ok_and(|rights| !rights.both(right).is_empty());
        Self {
            kernel: kernel.trim().to_owned(),
            may_join: has(CapabilitySet::NET_ADMIN),
            may_send: has(CapabilitySet::NET_RAW),
        }
    }

    /// What is known of this kernel's 802.11 stack: tried on 6.1 and 6.12.
    fn limits(&self) -> Vec<&'static str> {
        let mut limits = vec![
            "in OCB it hears at most 128 stations at a time (those of the last 4 minutes) and drops the frames of others",
            "in OCB it drops the first frame of a station that it has not heard",
            "in OCB every frame leaves as best effort: classes need injection (kind = \"monitor\" or \"auto\")",
            "it forgets the cell when the interface goes down: somebody has to join again (kind = \"ocb\" does)",
        ];
        match self.version() {
            Some((6, 1)) => limits.push(
                "a monitor that was tuned injects at wrong rates until it was down and up once (mended by Linux 6.12)",
            ),
            Some(version) if version >= (6, 12) => {
                limits.push("it does not tell the transmit power that was set in OCB");
            }
            _ => {}
        }
        limits
    }

    fn version(&self) -> Option<(u32, u32)> {
        let mut numbers = self.kernel.split(['.', '-']).map(str::parse::<u32>);
        Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
    }
}

/// What is wrong, each with what mends it.
fn faults(examined: &Examination, plan: &JoinPlan, machine: &Machine) -> Vec<String> {
    let mut faults: Vec<String> = examined.obstacles.iter().map(ToString::to_string).collect();
    let name = &examined.interface.name;
    let can_join = faults.is_empty();
    if !machine.may_join && !examined.joined {
        faults.push("joining needs CAP_NET_ADMIN: sudo, or examples/roadcast.service".to_owned());
    }
    if !machine.may_send {
        faults.push("sending needs CAP_NET_RAW: sudo, or examples/roadcast.service".to_owned());
    }
    if can_join && !examined.joined {
        let own = if *plan == default_plan(name) { String::new() } else { options(plan) };
        let state = match plan.cell {
            wlan::Cell::Monitor(_) => "is no monitor interface at",
            _ => "has not joined",
        };
        faults.push(format!("{name} {state} {}: roadcast link up {name}{own}", plan.cell));
    }
    if let Some(mtu) = examined.mtu.filter(|mtu| (*mtu as usize) < envelope::MAX_FRAME) {
        faults.push(format!(
            "{name} has an MTU of {mtu} bytes, less than a frame: ip link set {name} mtu 1500"
        ));
    }
    if examined.interface.kind == WlanKind::Ocb && examined.neighbours >= NEARLY_FULL {
        faults.push(format!(
            "{} of {} neighbours are kept, and further ones will not be heard: roadcast link down {name} && roadcast link up {name}",
            examined.neighbours,
            Neighbour::OCB_NEIGHBOURS
        ));
    }
    faults
}

/// What `roadcast link up NAME` does.
fn default_plan(name: &str) -> JoinPlan {
    let channel = Channel { frequency_mhz: crate::config::DEFAULT_FREQUENCY_MHZ, width: Width::Mhz10 };
    JoinPlan {
        interface: name.to_owned(),
        cell: wlan::Cell::Ocb(channel),
        rate_kbps: None,
        power_dbm: None,
        mtu: None,
    }
}

/// The options that make `link up` join this cell.
fn options(plan: &JoinPlan) -> String {
    let Channel { frequency_mhz, width } = plan.cell.channel();
    let cell = match &plan.cell {
        wlan::Cell::Ocb(_) => String::new(),
        wlan::Cell::Monitor(_) => " --mode monitor".to_owned(),
        wlan::Cell::Ibss { ssid, bssid, .. } => {
            let bssid = bssid.map_or_else(String::new, |bssid| format!(" --bssid {bssid}"));
            format!(" --mode ibss --ssid {ssid}{bssid}")
        }
    };
    format!("{cell} --frequency {frequency_mhz} --width {}", width.mhz())
}

/// Names of radios that have no interface.
fn radios_without_interface(wlan: &mut wlan::Wlan) -> Vec<String> {
    wlan.phys().unwrap_or_default().into_iter().map(|phy| phy.name).collect()
}

fn as_text(
    machine: &Machine,
    radios: &[(Examination, Vec<String>)],
    idle: &[String],
    channel: Channel,
) -> String {
    let paint = Paint::stdout();
    let mut text = format!("Linux {}\n", machine.kernel);
    for limit in machine.limits() {
        text.push_str(&format!("  {limit}\n"));
    }
    let may = |may: bool| if may { "yes" } else { "no" };
    text.push_str(&format!(
        "rights: CAP_NET_ADMIN (joining) {}, CAP_NET_RAW (sending) {}\n",
        may(machine.may_join),
        may(machine.may_send)
    ));
    if radios.is_empty() {
        text.push_str(&nothing(idle));
    }
    for (examined, faults) in radios {
        text.push('\n');
        text.push_str(&radio_text(examined, channel));
        match faults.as_slice() {
            [] => text.push_str(&format!("  {}\n", paint.of(Mark::Good, "no fault found"))),
            some => some.iter().for_each(|fault| {
                let fault = without_numbers(fault);
                text.push_str(&format!("  {}\n", paint.of(Mark::Bad, &format!("fault: {fault}"))));
            }),
        }
    }
    text
}

fn nothing(idle: &[String]) -> String {
    match idle {
        [] => "no 802.11 interface: use link.kind = \"udp\" or \"packet\"\n".to_owned(),
        [phy, ..] => {
            format!("no 802.11 interface, but the radio {phy}: iw phy {phy} interface add wlan0 type ocb\n")
        }
    }
}

fn radio_text(examined: &Examination, channel: Channel) -> String {
    let Examination { interface, phy, .. } = examined;
    let list = |of: Vec<String>| if of.is_empty() { "none".to_owned() } else { of.join(", ") };
    let driver = examined.driver.as_ref().map_or_else(String::new, |driver| format!(", driver {driver}"));
    let others = match examined.others.as_slice() {
        [] => String::new(),
        some => format!(", beside {}", some.join(", ")),
    };
    let mut text = format!("{} of {}{driver}{others}\n", interface.name, phy.name);
    let mut row = |name: &str, value: String| text.push_str(&format!("  {name:<12}{value}\n"));
    let up = if examined.up { "up" } else { "down" };
    let place = match (interface.channel(), interface.frequency_mhz) {
        (Some(channel), _) if interface.kind == WlanKind::Monitor => format!("tuned to {channel}"),
        (Some(channel), _) => format!("in a cell at {channel}"),
        (None, Some(frequency)) => format!("in a cell at {frequency} MHz"),
        (None, None) if interface.looking() => "looking for its cell".to_owned(),
        (None, None) => "in no cell".to_owned(),
    };
    row("state", format!("{}, {up}, {place}", interface.kind));
    row("types", list(phy.kinds.iter().map(ToString::to_string).collect()));
    let widths = Width::ALL.into_iter().filter(|width| phy.has_width(*width));
    row("widths", list(widths.map(|width| width.to_string()).collect()));
    let state = match phy.channel(channel.frequency_mhz) {
        None => "not a channel of this radio".to_owned(),
        Some(own) if own.disabled => format!("disabled by the regulatory domain {}", examined.domain),
        Some(own) => {
            let most = own.max_power_dbm.map_or_else(String::new, |dbm| format!(", at most {dbm} dBm"));
            let no_ir = if own.no_ir { ", no initiating" } else { "" };
            format!("permitted by the regulatory domain {}{most}{no_ir}", examined.domain)
        }
    };
    row("channel", format!("{} MHz: {state}", channel.frequency_mhz));
    row("rate", "not told by the kernel; without a setting the slowest".to_owned());
    // Of one that is down it tells 0 dBm.
    let power = interface.power_dbm.filter(|_| examined.up);
    row("power", power.map_or_else(|| "not told".to_owned(), |dbm| format!("{dbm} dBm, as the kernel says")));
    row("frame power", format!("{FRAME_POWER_OF}: {FRAME_POWER_WHY}"));
    row("MTU", examined.mtu.map_or_else(|| "not told".to_owned(), |mtu| format!("{mtu} bytes")));
    if interface.kind == WlanKind::Ocb {
        row("neighbours", format!("{} of {}", examined.neighbours, Neighbour::OCB_NEIGHBOURS));
    }
    row("injection", injection(examined).to_owned());
    row("busy", survey(examined.survey).to_owned());
    text
}

fn injection(examined: &Examination) -> &'static str {
    match (examined.monitor(), examined.phy.beside(WlanKind::Ocb, WlanKind::Monitor)) {
        (false, _) => "no: no monitor interfaces",
        (true, true) => "monitor interfaces, also beside OCB",
        (true, false) => "monitor interfaces, but not beside OCB",
    }
}

fn survey(support: SurveySupport) -> &'static str {
    match support {
        SurveySupport::None => "the driver tells nothing of the channel in use",
        SurveySupport::NoTimes => "the driver tells no times",
        SurveySupport::Busy => "the driver tells time on the channel and time busy",
    }
}

fn as_json(
    machine: &Machine,
    radios: &[(Examination, Vec<String>)],
    idle: &[String],
    channel: Channel,
) -> Value {
    json!({
        "kernel": { "release": machine.kernel, "limits": machine.limits() },
        "rights": { "net_admin": machine.may_join, "net_raw": machine.may_send },
        "interfaces": radios.iter().map(|(examined, faults)| radio_json(examined, faults, channel)).collect::<Vec<_>>(),
        "radios_without_interface": idle,
    })
}

fn radio_json(examined: &Examination, faults: &[String], channel: Channel) -> Value {
    let Examination { interface, phy, .. } = examined;
    let own = phy.channel(channel.frequency_mhz);
    let kinds = |kinds: &[WlanKind]| kinds.iter().map(ToString::to_string).collect::<Vec<_>>();
    json!({
        "name": interface.name,
        "radio": phy.name,
        "driver": examined.driver,
        "address": interface.address.map(|address| address.to_string()),
        "type": interface.kind.to_string(),
        "up": examined.up,
        "frequency_mhz": interface.frequency_mhz,
        "width_mhz": interface.width.map(Width::mhz),
        "power_dbm": interface.power_dbm,
        "frame_power": { "of": FRAME_POWER_OF, "why": FRAME_POWER_WHY },
        "mtu": examined.mtu,
        "joined": examined.joined,
        "neighbours": examined.neighbours,
        "types": kinds(&phy.kinds),
        "widths_mhz": Width::ALL.into_iter().filter(|width| phy.has_width(*width)).map(Width::mhz).collect::<Vec<_>>(),
        "domain": examined.domain,
        "channel": {
            "frequency_mhz": channel.frequency_mhz,
            "there": own.is_some(),
            "permitted": own.is_some_and(|own| !own.disabled),
            "max_power_dbm": own.and_then(|own| own.max_power_dbm),
        },
        "holder": examined.holder.map(|holder| holder.to_string()),
        "others": examined.others,
        "monitor": examined.monitor(),
        "monitor_beside_ocb": phy.beside(WlanKind::Ocb, WlanKind::Monitor),
        "survey": match examined.survey {
            SurveySupport::None => "none",
            SurveySupport::NoTimes => "no times",
            SurveySupport::Busy => "busy",
        },
        "faults": faults.iter().map(|fault| without_numbers(fault)).collect::<Vec<_>>(),
    })
}

/// Whose power a frame is sent with. The same for every radio: mac80211 reads no power from an injected frame, and nl80211 has no
/// other way to give one.
const FRAME_POWER_OF: &str = "the interface's";
const FRAME_POWER_WHY: &str =
    "Linux ignores the power in the header of an injected frame (tried on 6.1 and 6.12)";
/// Neighbours from which on the kernel's table is nearly full: some more are entered in a moment.
const NEARLY_FULL: usize = Neighbour::OCB_NEIGHBOURS - 16;

#[cfg(test)]
mod tests {
    use radio_adapters::wlan::{Phy, WlanInterface};

    use super::*;

    fn machine() -> Machine {
        Machine { kernel: "6.1.0-57-amd64".to_owned(), may_join: true, may_send: true }
    }

    fn examined() -> Examination {
        let mut phy = Phy::new(0);
        (phy.name, phy.kinds, phy.width_10) = ("phy0".to_owned(), vec![WlanKind::Ocb], true);
        Examination {
            interface: WlanInterface {
                index: 3,
                name: "wlan0".to_owned(),
                phy: 0,
                kind: WlanKind::Ocb,
                address: None,
                frequency_mhz: Some(5900),
                width: Some(Width::Mhz10),
                power_dbm: Some(30),
                ssid: None,
            },
            up: true,
            mtu: Some(1500),
            phy,
            domain: "99".to_owned(),
            driver: None,
            holder: None,
            others: Vec::new(),
            survey: SurveySupport::None,
            neighbours: 3,
            joined: true,
            obstacles: Vec::new(),
        }
    }

    #[test]
    fn each_fault_comes_with_what_mends_it() {
        let plan = default_plan("wlan0");
        assert!(faults(&examined(), &plan, &machine()).is_empty());
        let apart = Examination { joined: false, ..examined() };
        assert_eq!(
            faults(&apart, &plan, &machine()),
            ["wlan0 has not joined 5900 MHz (10 MHz wide): roadcast link up wlan0"]
        );
        let channel = Channel { frequency_mhz: 5890, width: Width::Mhz20 };
        let other = JoinPlan { cell: wlan::Cell::Ocb(channel), ..default_plan("wlan0") };
        let told = faults(&apart, &other, &machine());
        assert!(told[0].ends_with("roadcast link up wlan0 --frequency 5890 --width 20"), "{told:?}");
        let monitor = JoinPlan { cell: wlan::Cell::Monitor(channel), ..default_plan("wlan0") };
        let told = faults(&apart, &monitor, &machine());
        assert!(
            told[0].starts_with("wlan0 is no monitor interface at 5890 MHz (20 MHz wide): roadcast"),
            "{told:?}"
        );
        assert!(told[0].ends_with("up wlan0 --mode monitor --frequency 5890 --width 20"), "{told:?}");
        let user = Machine { may_join: false, may_send: false, ..machine() };
        assert_eq!(faults(&apart, &plan, &user).len(), 3);
        assert_eq!(faults(&examined(), &plan, &user).len(), 1, "it has joined already");
        let told = faults(&Examination { mtu: Some(1300), neighbours: 128, ..examined() }, &plan, &machine());
        assert!(told[0].ends_with("ip link set wlan0 mtu 1500"), "{told:?}");
        assert!(told[1].starts_with("128 of 128 neighbours"), "{told:?}");
    }

    #[test]
    fn a_radio_is_shown_as_text_and_as_json() {
        let radios = [(examined(), vec!["broken".to_owned()])];
        let channel = default_plan("wlan0").cell.channel();
        let text = as_text(&machine(), &radios, &[], channel);
        for words in [
            "Linux 6.1.0-57-amd64\n",
            "rights: CAP_NET_ADMIN (joining) yes, CAP_NET_RAW (sending) yes\n",
            "wlan0 of phy0\n",
            "  state       ocb, up, in a cell at 5900 MHz (10 MHz wide)\n",
            "  channel     5900 MHz: not a channel of this radio\n",
            "  frame power the interface's: Linux ignores the power in the header of an injected frame",
            "  neighbours  3 of 128\n",
            "fault: broken",
        ] {
            assert!(text.contains(words), "{words:?} is not in {text}");
        }
        let json = as_json(&machine(), &radios, &[], channel);
        assert_eq!(json["interfaces"][0]["width_mhz"], 10);
        assert_eq!(json["interfaces"][0]["faults"][0], "broken");
        assert_eq!(json["interfaces"][0]["frame_power"]["of"], "the interface's");
        let text = as_text(&machine(), &[], &[], channel);
        assert!(text.ends_with("no 802.11 interface: use link.kind = \"udp\" or \"packet\"\n"), "{text}");
        assert!(nothing(&["phy0".to_owned()]).contains("iw phy phy0 interface add wlan0 type ocb"));
    }

    #[test]
    fn what_is_known_of_a_kernel_depends_on_its_version() {
        let of = |kernel: &str| Machine { kernel: kernel.to_owned(), ..machine() }.limits().len();
        assert_eq!(
            (of("6.1.0-57-amd64"), of("6.6.3"), of("6.12.95+deb12-amd64"), of("7.0.0"), of("")),
            (5, 4, 5, 5, 4)
        );
    }
}
