//! What a packet link does beside carrying frames while its interface is a radio.

use std::io;
use std::task::{Context, Poll};

use super::first_contact::{FirstContact, Repeat};
use crate::radio::{ChannelLoad, DEFAULT_ETHER_TYPE, LinkAddress, TxFrame};
use crate::radio_watch::RadioWatch;
use crate::timer::DeadlineTimer;
use crate::wlan::{Wlan, WlanKind};

/// A link's radio, from joining to leaving.
#[derive(Debug)]
pub(crate) struct OnRadio {
    watch: Option<RadioWatch>,
    counts_seen: u64,
    measures: bool,
    /// In OCB alone: other kinds do not drop first frames, once beacons were heard.
    contact: Option<Contact>,
}

#[derive(Debug)]
struct Contact {
    first: FirstContact,
    timer: DeadlineTimer,
}

impl OnRadio {
    /// Of the interface with this index; `None` if it is no radio. Where the kernel gives no thread for its questions, the
    /// link goes without their answers.
    pub(super) fn of(index: u32) -> io::Result<Option<Self>> {
        let found = Wlan::open().and_then(|mut wlan| wlan.interface(index));
        // Without netlink, as in a sandbox, the link goes without what it would say.
        let Some(interface) = found.unwrap_or(None) else { return Ok(None) };
        let ocb = interface.kind == WlanKind::Ocb;
        Ok(Some(Self::new(RadioWatch::start(index, ocb).ok(), ocb)?))
    }

    pub(crate) fn new(watch: Option<RadioWatch>, ocb: bool) -> io::Result<Self> {
        let contact = match ocb {
            true => Some(Contact { first: FirstContact::default(), timer: DeadlineTimer::new()? }),
            false => None,
        };
        Ok(Self { watch, counts_seen: 0, measures: false, contact })
    }

    /// Watches a kernel that always counts as many stations.
    #[cfg(test)]
    pub(super) fn watch_counts(&mut self, count: impl Fn() -> u32 + Send + 'static) -> io::Result<()> {
        self.watch = Some(RadioWatch::counting(count)?);
        Ok(())
    }

    /// Whether a warm-up frame goes before this frame of `source`.
    pub(crate) fn is_warm_up_due(&self, now_ns: u64, source: LinkAddress) -> bool {
        self.contact.as_ref().is_some_and(|contact| contact.first.is_due(now_ns, source))
    }

    /// The warm-up frame of `source` has left, or was refused.
    pub(crate) fn warmed_up(&mut self, now_ns: u64, source: LinkAddress) {
        if let Some(contact) = &mut self.contact {
            contact.first.greeted(now_ns, source);
        }
    }

    /// A frame has left.
    pub(crate) fn sent(&mut self, now_ns: u64, source: LinkAddress, frame: &TxFrame<'_>) {
        if let Some(contact) = &mut self.contact {
            contact.first.sent(now_ns, source, frame.access, frame.bytes);
            // Without its timer a copy leaves when the link is polled next.
            let _unarmed = contact.timer.set(contact.first.next_ns());
        }
    }

    /// A frame that is to be sent again now. Pending, the task is woken for the next one.
    pub(crate) fn poll_copy(&mut self, cx: &mut Context<'_>, now_ns: impl Fn() -> u64) -> Poll<Repeat> {
        let Some(Contact { first, timer }) = &mut self.contact else { return Poll::Pending };
        loop {
            if first.next_ns().is_some()
                && let Some(copy) = first.pop(now_ns())
            {
                return Poll::Ready(copy);
            }
            let _unarmed = timer.set(first.next_ns());
            if timer.poll_expired(cx).is_pending() {
                return Poll::Pending;
            }
        }
    }

    /// Whether frames wait to be sent again.
    pub(crate) fn has_copies(&self) -> bool {
        self.contact.as_ref().is_some_and(|contact| contact.first.next_ns().is_some())
    }

    /// How many stations the kernel keeps, once for each count. Pending, the task is woken for the next one.
    pub(super) fn poll_stations(&mut self, cx: &Context<'_>) -> Poll<u32> {
        let Some(watch) = &self.watch else { return Poll::Pending };
        watch.wake(cx);
        match watch.stations() {
            Some((number, stations)) if core::mem::replace(&mut self.counts_seen, number) != number => {
                Poll::Ready(stations)
            }
            _ => Poll::Pending,
        }
    }

    /// The channel load, once for each measurement. Pending, the task is woken for the next one.
    pub(super) fn poll_load(&mut self, cx: &Context<'_>) -> Poll<ChannelLoad> {
        let Some(watch) = &mut self.watch else { return Poll::Pending };
        watch.wake(cx);
        let load = watch.take_load();
        self.measures |= load.is_ready();
        load
    }

    /// Whether there was a channel load.
    pub(super) fn measures(&self) -> bool {
        self.measures
    }
}

/// The EtherType of warm-up frames beside stations of `ether_type`: the other one for local experiments.
pub(crate) const fn warm_up_ether_type(ether_type: u16) -> u16 {
    if ether_type == OTHER_ETHER_TYPE { DEFAULT_ETHER_TYPE } else { OTHER_ETHER_TYPE }
}

/// The second of the EtherTypes for local experiments (IEEE Std 802, table 9-1).
const OTHER_ETHER_TYPE: u16 = 0x88b6;
