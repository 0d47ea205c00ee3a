//! Joining a cell as planned, and undoing that: steps in the order that drivers take them in.

use std::io;
use std::path::Path;

use super::cell::{Cell, Ssid};
use super::client::Wlan;
use super::holder::Holder;
use super::interface::WlanInterface;
use super::kind::WlanKind;
use super::obstacle::{JOINING, Obstacle, SETTING_MTU, obstacles};
use super::phy::Phy;
use super::plan::{Before, Change, JoinPlan, Joined};
use crate::netlink::LinkMessage;

/// Makes the interface what `plan` says, changing only what differs. Where a step fails, those before it are undone.
///
/// # Errors
/// [`Obstacle`]: the first thing in the way.
pub fn join(wlan: &mut Wlan, plan: &JoinPlan) -> Result<Joined, Obstacle> {
    let found = look(wlan, plan)?;
    let (phy, domain) = radio_of(wlan, &found.interface)?;
    let holder = Holder::of(Path::new("/run"), &plan.interface, found.interface.index);
    if let Some(obstacle) = obstacles(plan, &found.interface, &phy, &domain, holder).into_iter().next() {
        return Err(obstacle);
    }
    let before = before(wlan, plan, &found);
    let mut changes = Vec::new();
    match change(wlan, plan, &found, &mut changes) {
        Ok(()) => Ok(Joined { changes, before }),
        Err((step, source)) => {
            let others = others(wlan, &found.interface);
            let power_set = changes.iter().any(|change| matches!(change, Change::Power(_)));
            // The first failure is the one to tell.
            drop(restore(wlan, &Before { power_set, ..before }));
            Err(Obstacle::refused(step, source, plan, others))
        }
    }
}

/// Whether the interface called `plan.interface` is what the plan says, as far as the kernel tells.
///
/// # Errors
/// [`Obstacle`]: it is gone or not wireless, or the kernel cannot be asked.
pub fn is_joined(wlan: &mut Wlan, plan: &JoinPlan) -> Result<bool, Obstacle> {
    let found = look(wlan, plan)?;
    Ok(found.up() && found.interface.kind == plan.cell.kind() && in_cell(wlan, plan, &found.interface))
}

/// Makes the interface what it was. One that is gone, or was made anew, is left alone.
///
/// # Errors
/// The kernel's own: the rest is not undone then.
pub fn restore(wlan: &mut Wlan, before: &Before) -> io::Result<Vec<Change>> {
    let mut changes = Vec::new();
    let index = before.index;
    let (Some(link), Some(now)) = (wlan.link(index)?, wlan.interface(index)?) else { return Ok(changes) };
    let mut up = is_up(&link);
    let channel_before = before.cell.as_ref().map(Cell::channel);
    let mut same_cell = now.kind == before.kind && now.channel() == channel_before && !now.looking();
    if before.power_set {
        wlan.set_power_dbm(index, None)?;
        changes.push(Change::FreePower);
    }
    let in_cell = now.looking() || now.joined() && matches!(now.kind, WlanKind::Ocb | WlanKind::Ibss);
    if in_cell && !same_cell {
        wlan.leave(index, now.kind)?;
        changes.push(Change::Left(now.channel()));
    }
    if up && (now.kind != before.kind || !before.up) {
        wlan.set_up(index, false)?;
        up = false;
        same_cell = false;
    }
    if now.kind != before.kind {
        wlan.set_kind(index, before.kind)?;
        changes.push(Change::Kind { from: now.kind, to: before.kind });
    }
    if let Some((from, to)) = link.mtu.zip(before.mtu).filter(|(from, to)| from != to) {
        wlan.set_mtu(index, to)?;
        changes.push(Change::Mtu { from, to });
    }
    if before.up && !up {
        wlan.set_up(index, true)?;
    }
    if is_up(&link) != before.up {
        changes.push(Change::Up(before.up));
    }
    if let Some(cell) = before.cell.as_ref().filter(|_| before.up && !same_cell) {
        wlan.join(index, cell)?;
        changes.push(Change::Joined(cell.clone()));
    }
    Ok(changes)
}

/// Leaves the cell, and makes the interface what it is when nobody has set it up: a client, down. A monitor interface becomes one
/// too; what is in no cell of these is left alone.
///
/// # Errors
/// [`Obstacle`].
pub fn leave(wlan: &mut Wlan, interface: &str) -> Result<Vec<Change>, Obstacle> {
    let found = named(wlan, interface)?;
    if !matches!(found.interface.kind, WlanKind::Ocb | WlanKind::Ibss | WlanKind::Monitor) {
        return Ok(Vec::new());
    }
    let index = found.interface.index;
    let idle = Before {
        index,
        kind: WlanKind::Managed,
        up: false,
        mtu: found.link.mtu.map(|_| USUAL_MTU),
        cell: None,
        power_set: true,
    };
    restore(wlan, &idle).map_err(|error| refused("leaving", error, interface))
}

/// An interface at the moment of looking.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) link: LinkMessage,
    pub(super) interface: WlanInterface,
}

impl Found {
    pub(super) fn up(&self) -> bool {
        is_up(&self.link)
    }
}

/// The interface of a plan.
pub(super) fn look(wlan: &mut Wlan, plan: &JoinPlan) -> Result<Found, Obstacle> {
    named(wlan, &plan.interface)
}

/// The wireless interface called `name`.
pub(super) fn named(wlan: &mut Wlan, name: &str) -> Result<Found, Obstacle> {
    let asked = |error| refused("asking the kernel", error, name);
    let link = wlan.link_named(name).map_err(asked)?;
    let interface = match &link {
        Some(link) => wlan.interface(link.index).map_err(asked)?,
        None => None,
    };
    let (name, there) = (name.to_owned(), link.is_some());
    match link.zip(interface) {
        Some((link, interface)) => Ok(Found { link, interface }),
        None => {
            let all = wlan.interfaces().unwrap_or_default();
            let mut wireless: Vec<_> = all.into_iter().map(|interface| interface.name).collect();
            wireless.sort_unstable();
            Err(match there {
                true => Obstacle::NotWireless { name, wireless },
                false => Obstacle::NoInterface { name, wireless },
            })
        }
    }
}

/// The radio of an interface, and the regulatory domain that it obeys: the machine's, and its own where it has another.
pub(super) fn radio_of(wlan: &mut Wlan, interface: &WlanInterface) -> Result<(Phy, String), Obstacle> {
    let asked = |error| refused("asking for its radio", error, &interface.name);
    let gone = || Obstacle::Gone { interface: interface.name.clone() };
    let phy = wlan.phy(interface.phy).map_err(asked)?.ok_or_else(gone)?;
    let mut domain = |phy| Ok(wlan.regulatory(phy).map_err(asked)?.map(|regulatory| regulatory.domain));
    let domain = match (domain(None)?, domain(Some(interface.phy))?) {
        (Some(all), Some(own)) if all != own => format!("{all}, with {own} of the radio itself"),
        (all, own) => own.or(all).unwrap_or_else(|| "unknown".to_owned()),
    };
    Ok((phy, domain))
}

/// Names of other interfaces of the same radio.
pub(super) fn others(wlan: &mut Wlan, interface: &WlanInterface) -> Vec<String> {
    let all = wlan.interfaces().unwrap_or_default().into_iter();
    all.filter(|other| other.phy == interface.phy && other.index != interface.index)
        .map(|other| other.name)
        .collect()
}

/// The steps: the kind is changed while the interface is down, because many drivers want that; joining needs it up.
fn change(
    wlan: &mut Wlan,
    plan: &JoinPlan,
    found: &Found,
    changes: &mut Vec<Change>,
) -> Result<(), (&'static str, io::Error)> {
    let (index, kind) = (found.interface.index, plan.cell.kind());
    let mut up = found.up();
    let mut joined = in_cell(wlan, plan, &found.interface);
    if found.interface.kind != kind {
        if up {
            wlan.set_up(index, false).map_err(|e| ("taking it down", e))?;
            up = false;
        }
        wlan.set_kind(index, kind).map_err(|e| ("changing its type", e))?;
        changes.push(Change::Kind { from: found.interface.kind, to: kind });
        joined = false;
    } else if kind != WlanKind::Monitor && (found.interface.joined() || found.interface.looking()) && !joined
    {
        wlan.leave(index, kind).map_err(|e| ("leaving the cell it is in", e))?;
        changes.push(Change::Left(found.interface.channel()));
    }
    if let Some((from, to)) = found.link.mtu.zip(plan.mtu).filter(|(from, to)| from != to) {
        wlan.set_mtu(index, to).map_err(|e| (SETTING_MTU, e))?;
        changes.push(Change::Mtu { from, to });
    }
    if !up {
        wlan.set_up(index, true).map_err(|e| ("taking it up", e))?;
        if !found.up() {
            changes.push(Change::Up(true));
        }
    }
    if !joined {
        wlan.join(index, &plan.cell).map_err(|e| (JOINING, e))?;
        if kind == WlanKind::Monitor {
            // Linux 6.1 looks the rates of injected frames up in the band of before, until the interface was down and up.
            wlan.set_up(index, false).map_err(|e| ("taking it down", e))?;
            wlan.set_up(index, true).map_err(|e| ("taking it up", e))?;
        }
        changes.push(Change::Joined(plan.cell.clone()));
    }
    let nominal = |kbps: u32| plan.cell.channel().width.nominal_kbps(kbps);
    if let Some((kbps, nominal)) = plan.rate_kbps.and_then(|kbps| Some((kbps, nominal(kbps)?))) {
        wlan.set_multicast_rate(index, nominal).map_err(|e| ("setting its rate", e))?;
        changes.push(Change::Rate(kbps));
    }
    if let Some(dbm) = plan.power_dbm {
        wlan.set_power_dbm(index, Some(dbm)).map_err(|e| ("setting its power", e))?;
        changes.push(Change::Power(dbm));
    }
    Ok(())
}

/// Whether the interface is in the cell of the plan. The kernel tells the address of a cell by its scan results alone: where it
/// does not, the address is taken to be right.
pub(super) fn in_cell(wlan: &mut Wlan, plan: &JoinPlan, interface: &WlanInterface) -> bool {
    if interface.kind != plan.cell.kind() {
        return false;
    }
    let here = interface.channel() == Some(plan.cell.channel());
    let Cell::Ibss { ssid, bssid, .. } = &plan.cell else { return here };
    if interface.looking() && bssid.is_none() {
        return interface.ssid.as_deref() == Some(ssid.bytes());
    }
    if !here {
        return false;
    }
    let named = interface.ssid.as_deref().is_none_or(|own| own == ssid.bytes());
    let known = wlan.bssid(interface.index).unwrap_or(None);
    named && bssid.zip(known).is_none_or(|(wanted, known)| wanted == known)
}

fn before(wlan: &mut Wlan, plan: &JoinPlan, found: &Found) -> Before {
    let interface = &found.interface;
    let cell = match (interface.kind, interface.channel()) {
        (WlanKind::Ocb, Some(channel)) => Some(Cell::Ocb(channel)),
        (WlanKind::Monitor, Some(channel)) => Some(Cell::Monitor(channel)),
        (WlanKind::Ibss, Some(channel)) => {
            let bssid = wlan.bssid(interface.index).unwrap_or(None);
            interface.ssid.as_deref().and_then(Ssid::new).map(|ssid| Cell::Ibss { channel, ssid, bssid })
        }
        _ => None,
    };
    Before {
        index: interface.index,
        kind: interface.kind,
        up: found.up(),
        mtu: plan.mtu.and(found.link.mtu),
        cell,
        power_set: plan.power_dbm.is_some(),
    }
}

fn is_up(link: &LinkMessage) -> bool {
    link.flags & libc::IFF_UP as u32 != 0
}

fn refused(step: &str, source: io::Error, interface: &str) -> Obstacle {
    match source.raw_os_error() {
        Some(libc::EPERM | libc::EACCES) => Obstacle::NoPrivilege { interface: interface.to_owned() },
        _ => Obstacle::System { step: format!("{interface}: {step}"), source },
    }
}

/// What Linux gives every interface of this kind.
const USUAL_MTU: u32 = 1500;

#[cfg(test)]
mod tests;
