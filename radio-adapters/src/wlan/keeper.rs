//! Holds an interface in its cell: the kernel forgets it when the interface goes down, is removed, or its module is loaded anew.
//! Times are arguments.

use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::beside::Beside;
use super::client::Wlan;
use super::join::{is_joined, join, restore};
use super::obstacle::Obstacle;
use super::plan::{Before, Change, JoinPlan};
use crate::clock::monotonic_ns;
use crate::netlink;

/// What a keeper has to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// The interface is in its cell for the first time, or is waited for: the link can be opened.
    Ready(String),
    /// Something happened later.
    Told(String),
}

/// The keeper of one interface.
#[derive(Debug)]
pub struct Keeper {
    plan: JoinPlan,
    /// The monitor interface beside it, if there is to be one.
    beside: Option<Beside>,
    /// What the interface was, once it was changed.
    before: Option<Before>,
    /// What is wrong, as it was told.
    told: Option<String>,
    /// No attempt before this, ns.
    not_before_ns: u64,
    pause_ns: u64,
}

impl Keeper {
    /// Of an interface that was not looked at yet.
    #[must_use]
    pub fn new(plan: JoinPlan) -> Self {
        Self { plan, beside: None, before: None, told: None, not_before_ns: 0, pause_ns: SHORTEST_PAUSE_NS }
    }

    /// With a monitor interface of this name beside it, while it is in its cell.
    #[must_use]
    pub fn with_monitor(self, name: Option<String>) -> Self {
        Self { beside: name.map(Beside::new), ..self }
    }

    /// Joins for the first time. An interface that is not there is waited for if `wait`.
    ///
    /// # Errors
    /// [`Obstacle`]: what keeps it from joining.
    pub fn begin(&mut self, wlan: &mut Wlan, wait: bool) -> Result<Notice, Obstacle> {
        match join(wlan, &self.plan) {
            Ok(joined) => {
                self.before = Some(joined.before);
                let words = self.words(&joined.changes);
                let beside = self.beside.as_mut().and_then(|beside| beside.look(wlan, &self.plan.interface));
                Ok(Notice::Ready(match beside {
                    Some(beside) => format!("{words}, {beside}"),
                    None => words,
                }))
            }
            Err(Obstacle::NoInterface { .. } | Obstacle::Gone { .. }) if wait => {
                let text = format!("{} is not there; waiting for it", self.plan.interface);
                self.told = Some(text.clone());
                Ok(Notice::Ready(text))
            }
            Err(obstacle) => Err(obstacle),
        }
    }

    /// Looks at the interface, and joins again where the kernel has forgotten. One that somebody took down is left down.
    pub fn look(&mut self, wlan: &mut Wlan, now_ns: u64) -> Option<Notice> {
        if now_ns < self.not_before_ns {
            return None;
        }
        let same = |index: u32| self.before.as_ref().is_some_and(|before| before.index == index);
        match is_joined(wlan, &self.plan) {
            Ok(true) => {
                self.pause_ns = SHORTEST_PAUSE_NS;
                self.told = None;
                let interface = &self.plan.interface;
                let beside = self.beside.as_mut()?.look(wlan, interface)?;
                return Some(Notice::Told(format!("{interface}: {beside}")));
            }
            Ok(false) => {
                let link = wlan.link_named(&self.plan.interface).ok().flatten();
                if link.is_some_and(|link| same(link.index) && link.flags & libc::IFF_UP as u32 == 0) {
                    return None;
                }
            }
            // The link on it says so.
            Err(Obstacle::NoInterface { .. } | Obstacle::Gone { .. }) => return None,
            Err(_) => {}
        }
        match join(wlan, &self.plan) {
            Ok(joined) => {
                self.pause_ns = SHORTEST_PAUSE_NS;
                self.told = None;
                if !same(joined.before.index) {
                    self.before = Some(joined.before);
                }
                Some(Notice::Told(self.words(&joined.changes)))
            }
            Err(obstacle) => {
                self.not_before_ns = now_ns.saturating_add(self.pause_ns);
                self.pause_ns = (self.pause_ns * 2).min(LONGEST_PAUSE_NS);
                self.tell(format!("{obstacle}; trying again"))
            }
        }
    }

    /// Leaves the cell, so that the next [`look`](Self::look) joins it again: that alone empties the kernel's table of
    /// neighbours in OCB.
    pub fn leave(&mut self, wlan: &mut Wlan) {
        if let Some(before) = &self.before {
            // An error says that it had left already, or is gone: that will be seen.
            let _left_already = wlan.leave(before.index, self.plan.cell.kind());
        }
    }

    /// When to look without an announcement, ns.
    #[must_use]
    pub fn next_ns(&self, now_ns: u64) -> u64 {
        now_ns.saturating_add(EVERY_NS).max(self.not_before_ns)
    }

    /// Makes the interface what it was, and removes the one beside it.
    pub fn end(&mut self, wlan: &mut Wlan) -> Option<Notice> {
        if let Some(beside) = &mut self.beside {
            beside.end(wlan);
        }
        let before = self.before.take()?;
        Some(Notice::Told(match restore(wlan, &before) {
            Ok(changes) if changes.is_empty() => return None,
            Ok(changes) => self.words(&changes),
            Err(error) => format!("{}: undoing it: {error}", self.plan.interface),
        }))
    }

    fn tell(&mut self, text: String) -> Option<Notice> {
        if self.told.as_ref() == Some(&text) {
            return None;
        }
        self.told = Some(text.clone());
        Some(Notice::Told(text))
    }

    fn words(&self, changes: &[Change]) -> String {
        let words: Vec<_> = changes.iter().map(ToString::to_string).collect();
        let words = if words.is_empty() { "in its cell already".to_owned() } else { words.join(", ") };
        format!("{}: {words}", self.plan.interface)
    }
}

/// Keeps an interface, and a monitor interface called `monitor` beside it if that is wanted, until `control` ends or fails,
/// which it does when the process that holds its other end dies, however that comes about. A byte [`REJOIN`] read from it has
/// the interface leave and join; others mean nothing.
///
/// # Errors
/// [`Obstacle`]: it cannot be joined at the start; nothing is changed then.
pub fn keep(
    plan: JoinPlan,
    monitor: Option<String>,
    wait: bool,
    mut control: impl Read + AsFd,
    mut tell: impl FnMut(Notice),
) -> Result<(), Obstacle> {
    let interface = plan.interface.clone();
    let failed = |source: io::Error| Obstacle::System { step: format!("{interface}: watching it"), source };
    // Announcements of changes are heard from before the first look on.
    let mut events = netlink::events().map_err(failed)?;
    events.set_nonblocking(true).map_err(failed)?;
    let mut wlan = Wlan::for_changes().map_err(failed)?;
    let mut keeper = Keeper::new(plan).with_monitor(monitor);
    tell(keeper.begin(&mut wlan, wait)?);
    let mut buffer = vec![0; netlink::BUFFER_BYTES];
    loop {
        let now = monotonic_ns();
        let rest_ms = keeper.next_ns(now).saturating_sub(now) / 1_000_000 + 1;
        let woken = wait_for(control.as_fd(), events.as_fd(), rest_ms);
        match woken {
            Ok([true, _]) => match control.read(&mut buffer) {
                Ok(0) => break,
                Ok(length) if buffer[..length].contains(&REJOIN) => keeper.leave(&mut wlan),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => break,
            },
            Ok(_) | Err(Errno::EINTR) => {}
            Err(_) => break,
        }
        // An error says that announcements were lost: it is looked at all the same.
        while events.read(&mut buffer).is_ok_and(|length| length > 0) {}
        if let Some(notice) = keeper.look(&mut wlan, monotonic_ns()) {
            tell(notice);
        }
    }
    if let Some(notice) = keeper.end(&mut wlan) {
        tell(notice);
    }
    Ok(())
}

/// Which of the two has something, after `rest_ms` at most.
fn wait_for(one: BorrowedFd<'_>, other: BorrowedFd<'_>, rest_ms: u64) -> Result<[bool; 2], Errno> {
    let mut both = [PollFd::new(one, PollFlags::POLLIN), PollFd::new(other, PollFlags::POLLIN)];
    let timeout = PollTimeout::try_from(rest_ms.min(60_000)).unwrap_or(PollTimeout::MAX);
    poll(&mut both, timeout)?;
    Ok(both.map(|one| one.revents().is_some_and(|events| !events.is_empty())))
}

/// Has a keeper leave the cell and join it again.
pub const REJOIN: u8 = b'r';
/// Announcements can be lost.
const EVERY_NS: u64 = 1_000_000_000;
/// Between attempts that fail: a driver that is just coming up is soon tried again, one that never will is not tried all the time.
const SHORTEST_PAUSE_NS: u64 = 500_000_000;
const LONGEST_PAUSE_NS: u64 = 30_000_000_000;

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::super::cell::Cell;
    use super::super::channel::{Channel, Width};
    use super::super::kind::WlanKind;
    use super::super::testkernel::Radio;
    use super::*;

    const S: u64 = 1_000_000_000;

    fn plan(interface: &str) -> JoinPlan {
        let cell = Cell::Ocb(Channel { frequency_mhz: 5900, width: Width::Mhz10 });
        let (rate_kbps, power_dbm, mtu) = (None, None, None);
        JoinPlan { interface: interface.to_owned(), cell, rate_kbps, power_dbm, mtu }
    }

    fn begun() -> (Radio, Wlan, Keeper) {
        let radio = Radio::new();
        let mut wlan = Wlan::on(radio.clone());
        let mut keeper = Keeper::new(plan("wlan0"));
        let ready = "wlan0: type managed -> ocb, up, joined 5900 MHz (10 MHz wide)".to_owned();
        assert_eq!(keeper.begin(&mut wlan, false).unwrap(), Notice::Ready(ready));
        radio.changes();
        (radio, wlan, keeper)
    }

    fn told(text: &str) -> Option<Notice> {
        Some(Notice::Told(text.to_owned()))
    }

    #[test]
    fn an_interface_that_was_down_joins_again_and_one_that_is_down_is_left_alone() {
        let (radio, mut wlan, mut keeper) = begun();
        assert_eq!(keeper.look(&mut wlan, S), None);
        wlan.set_up(3, false).unwrap();
        radio.changes();
        assert_eq!(keeper.look(&mut wlan, 2 * S), None);
        assert!(radio.changes().is_empty());
        wlan.set_up(3, true).unwrap();
        assert_eq!(keeper.look(&mut wlan, 3 * S), told("wlan0: joined 5900 MHz (10 MHz wide)"));
        assert_eq!(keeper.look(&mut wlan, 4 * S), None);
    }

    #[test]
    fn a_monitor_interface_that_another_program_tuned_elsewhere_is_tuned_again() {
        let radio = Radio::new();
        let mut wlan = Wlan::on(radio.clone());
        let channel = Channel { frequency_mhz: 5900, width: Width::Mhz10 };
        let mut keeper = Keeper::new(JoinPlan { cell: Cell::Monitor(channel), ..plan("wlan0") });
        let ready = "wlan0: type managed -> monitor, up, tuned to 5900 MHz (10 MHz wide)".to_owned();
        assert_eq!(keeper.begin(&mut wlan, false).unwrap(), Notice::Ready(ready));
        assert_eq!(keeper.look(&mut wlan, S), None);
        wlan.set_channel(3, Channel { frequency_mhz: 5890, ..channel }).unwrap();
        assert_eq!(keeper.look(&mut wlan, 2 * S), told("wlan0: tuned to 5900 MHz (10 MHz wide)"));
        assert_eq!(keeper.look(&mut wlan, 3 * S), None);
        assert_eq!(keeper.end(&mut wlan), told("wlan0: type monitor -> managed, down"));
    }

    #[test]
    fn leaving_and_joining_on_request_is_told_once_and_leaves_the_interface_in_its_cell() {
        let (radio, mut wlan, mut keeper) = begun();
        keeper.leave(&mut wlan);
        assert_eq!(keeper.look(&mut wlan, S), told("wlan0: joined 5900 MHz (10 MHz wide)"));
        assert_eq!(radio.changes().len(), 2, "left and joined");
        assert_eq!(keeper.look(&mut wlan, 2 * S), None);
        radio.with(|state| state.index = None);
        keeper.leave(&mut wlan);
        assert_eq!(keeper.look(&mut wlan, 3 * S), None);
    }

    #[test]
    fn an_interface_that_is_removed_joins_when_it_is_back() {
        let (radio, mut wlan, mut keeper) = begun();
        radio.with(|state| state.index = None);
        assert_eq!(keeper.look(&mut wlan, S), None);
        // As a module that is loaded anew: another index, and down.
        radio.with(|state| {
            (state.index, state.kind, state.up, state.joined) = (Some(8), WlanKind::Managed, false, None);
        });
        let again = "wlan0: type managed -> ocb, up, joined 5900 MHz (10 MHz wide)";
        assert_eq!(keeper.look(&mut wlan, 3 * S), told(again));
        assert_eq!(keeper.look(&mut wlan, 4 * S), None);
        let end = "wlan0: left 5900 MHz (10 MHz wide), type ocb -> managed, down";
        assert_eq!(keeper.end(&mut wlan), told(end));
        assert_eq!(keeper.end(&mut wlan), None);
    }

    #[test]
    fn joining_again_does_not_forget_what_the_interface_was_at_the_start() {
        let (radio, mut wlan, mut keeper) = begun();
        wlan.leave(3, WlanKind::Ocb).unwrap();
        keeper.look(&mut wlan, S);
        keeper.end(&mut wlan);
        assert_eq!(
            radio.with(|state| (state.kind, state.up, state.joined)),
            (WlanKind::Managed, false, None)
        );
    }

    #[test]
    fn a_refusal_is_told_once_and_tried_again_ever_more_seldom() {
        let (radio, mut wlan, mut keeper) = begun();
        radio.with(|state| (state.its_band, state.joined) = (false, None));
        let mut attempts = 0;
        let mut lines = Vec::new();
        for tenth in 0..1200 {
            let before = keeper.not_before_ns;
            lines.extend(keeper.look(&mut wlan, tenth * S / 10));
            attempts += u32::from(keeper.not_before_ns != before);
        }
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(
            matches!(&lines[0], Notice::Told(text) if text.contains("disabled by the regulatory domain 99"))
        );
        // After 0.5, 1, 2, 4, 8, 16 s and then each 30.
        assert_eq!(attempts, 9);
        radio.with(|state| state.its_band = true);
        assert_eq!(keeper.look(&mut wlan, 200 * S), told("wlan0: joined 5900 MHz (10 MHz wide)"));
    }

    #[test]
    fn an_interface_that_is_not_there_at_the_start_is_an_error_unless_it_is_waited_for() {
        let radio = Radio::new();
        let mut wlan = Wlan::on(radio.clone());
        radio.with(|state| state.index = None);
        let error = Keeper::new(plan("wlan0")).begin(&mut wlan, false).unwrap_err().to_string();
        assert!(error.starts_with("no network interface \"wlan0\""), "{error}");
        let mut keeper = Keeper::new(plan("wlan0"));
        let waiting = Notice::Ready("wlan0 is not there; waiting for it".to_owned());
        assert_eq!(keeper.begin(&mut wlan, true).unwrap(), waiting);
        radio.with(|state| state.index = Some(5));
        assert!(
            matches!(keeper.look(&mut wlan, S), Some(Notice::Told(text)) if text.contains("joined 5900"))
        );
    }

    #[test]
    fn a_monitor_interface_is_made_beside_it_made_again_and_removed_at_the_end() {
        let radio = Radio::new();
        let mut wlan = Wlan::on(radio.clone());
        let mut keeper = Keeper::new(plan("wlan0")).with_monitor(Some("mon0".to_owned()));
        let ready = keeper.begin(&mut wlan, false).unwrap();
        let Notice::Ready(text) = ready else { panic!("{ready:?}") };
        assert!(text.ends_with("joined 5900 MHz (10 MHz wide), monitor interface mon0 beside it"), "{text}");
        assert_eq!(radio.changes().last().unwrap(), "mon0 up");
        assert_eq!(keeper.look(&mut wlan, S), None);
        // As a module that is loaded anew.
        radio.with(|state| (state.monitor, state.joined) = (None, None));
        assert_eq!(keeper.look(&mut wlan, 2 * S), told("wlan0: joined 5900 MHz (10 MHz wide)"));
        assert_eq!(keeper.look(&mut wlan, 3 * S), told("wlan0: monitor interface mon0 beside it"));
        assert_eq!(keeper.look(&mut wlan, 4 * S), None);
        keeper.end(&mut wlan);
        assert_eq!(radio.with(|state| state.monitor), None);
    }

    #[test]
    fn a_radio_that_takes_no_monitor_interface_beside_says_so_once_and_stays_in_its_cell() {
        let radio = Radio::new();
        let mut wlan = Wlan::on(radio.clone());
        // An active one and another.
        let refusals = [(super::super::numbers::command::NEW_INTERFACE, libc::EOPNOTSUPP); 2];
        radio.with(|state| state.refuse.extend(refusals));
        let mut keeper = Keeper::new(plan("wlan0")).with_monitor(Some("mon0".to_owned()));
        let ready = keeper.begin(&mut wlan, false).unwrap();
        assert!(
            matches!(&ready, Notice::Ready(text) if text.contains("no monitor interface mon0")),
            "{ready:?}"
        );
        radio.with(|state| state.refuse.extend(refusals));
        assert_eq!(keeper.look(&mut wlan, S), None);
        assert!(radio.with(|state| state.joined).is_some());
        // One that takes those alone that are no interface to its driver.
        radio.with(|state| state.refuse.push(refusals[0]));
        assert_eq!(keeper.look(&mut wlan, 2 * S), told("wlan0: monitor interface mon0 beside it"));
        let changes = radio.changes();
        assert_eq!(changes[changes.len() - 2..], ["add monitor", "mon0 up"], "{changes:?}");
    }

    #[test]
    fn keeping_ends_when_the_other_end_of_its_control_is_closed() {
        let (here, there) = UnixStream::pair().unwrap();
        drop(there);
        let mut notices = Vec::new();
        keep(plan("nosuch0"), None, true, here, |notice| notices.push(notice)).unwrap();
        assert_eq!(notices, [Notice::Ready("nosuch0 is not there; waiting for it".to_owned())]);
        let (here, _there) = UnixStream::pair().unwrap();
        let refused = keep(plan("lo"), None, false, here, |notice| panic!("{notice:?}")).unwrap_err();
        assert!(refused.to_string().starts_with("lo is no 802.11 interface"), "{refused}");
    }
}
