//! The state of a link, from what is seen of its interface. Times are arguments.

use std::net::Ipv4Addr;

use super::facts::Facts;
use crate::netlink::News;
use crate::radio::{LinkFault, LinkState, Subject};

/// What follows from a look at the interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing changes.
    Keep,
    /// The link's sockets are of no use.
    Close,
    /// New sockets are needed.
    Open(Facts),
}

/// What an announcement means to a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Noted {
    /// The interface should be looked at.
    pub(super) concerns: bool,
    /// The link was interrupted, even should it look well again by now.
    pub(super) interrupts: bool,
}

/// The state of one link.
#[derive(Debug)]
pub(super) struct Machine {
    subject: Subject,
    /// The interface the link's sockets are on.
    open: Option<Facts>,
    /// The one they are being opened on, and its limit.
    opening: Option<(Facts, Option<LinkFault>)>,
    down: Option<Since>,
    limit: Option<Since>,
    stall: Option<Since>,
    outages: u64,
    /// Time of the outages that are over, ns.
    down_ns: u64,
}

#[derive(Debug)]
struct Since {
    ns: u64,
    fault: LinkFault,
}

impl Machine {
    /// A link whose interface was not seen yet.
    pub(super) fn new(now_ns: u64, subject: Subject) -> Self {
        let fault = LinkFault::Gone(subject.clone());
        Self {
            subject,
            open: None,
            opening: None,
            down: Some(Since { ns: now_ns, fault }),
            limit: None,
            stall: None,
            outages: 0,
            down_ns: 0,
        }
    }

    /// There is no interface of this name or address.
    pub(super) fn gone(&mut self, now_ns: u64) -> Verdict {
        let fault = LinkFault::Gone(self.subject.clone());
        self.unfit(now_ns, fault)
    }

    /// The interface is there and cannot carry the link.
    pub(super) fn unfit(&mut self, now_ns: u64, fault: LinkFault) -> Verdict {
        // One outage, whatever becomes of it.
        let ns = self.down.as_ref().map_or(now_ns, |down| down.ns);
        self.down = Some(Since { ns, fault });
        self.opening = None;
        self.limit = None;
        self.stall = None;
        match self.open.take() {
            Some(_) => {
                self.outages += 1;
                Verdict::Close
            }
            None => Verdict::Keep,
        }
    }

    /// The interface can carry the link, within `limit`.
    pub(super) fn fit(&mut self, now_ns: u64, facts: Facts, limit: Option<LinkFault>) -> Verdict {
        let Some(open) = &mut self.open else { return self.renew(facts, limit) };
        if open.index != facts.index || open.carrier_losses != facts.carrier_losses {
            return self.interrupted(facts, limit);
        }
        if open.address != facts.address || open.ipv4 != facts.ipv4 {
            return self.renew(facts, limit);
        }
        *open = facts;
        let since = self.limit.take().filter(|before| Some(&before.fault) == limit.as_ref());
        self.limit = since.or(limit.map(|fault| Since { ns: now_ns, fault }));
        Verdict::Keep
    }

    /// The interface can carry the link and, since the last look, for a moment could not.
    pub(super) fn interrupted(&mut self, facts: Facts, limit: Option<LinkFault>) -> Verdict {
        self.outages += u64::from(self.open.is_some());
        self.renew(facts, limit)
    }

    /// The interface can carry the link, which needs new sockets.
    pub(super) fn renew(&mut self, facts: Facts, limit: Option<LinkFault>) -> Verdict {
        self.open = None;
        self.opening = Some((facts.clone(), limit));
        Verdict::Open(facts)
    }

    /// The sockets asked for are there.
    pub(super) fn opened(&mut self, now_ns: u64) {
        let Some((facts, limit)) = self.opening.take() else { return };
        self.open = Some(facts);
        if let Some(down) = self.down.take() {
            self.down_ns += now_ns.saturating_sub(down.ns);
        }
        self.stall = None;
        self.limit = limit.map(|fault| Since { ns: now_ns, fault });
    }

    /// Since `since_ns` no frame left.
    pub(super) fn stalls(&mut self, since_ns: u64, fault: LinkFault) {
        self.stall = Some(Since { ns: since_ns, fault });
    }

    /// Frames leave again.
    pub(super) fn flows(&mut self) {
        self.stall = None;
    }

    /// What an announcement of the kernel means.
    pub(super) fn note(&self, subject: &Subject, news: &News) -> Noted {
        let open = self.open.as_ref();
        match news {
            News::Link(link) => {
                let ours = open.is_some_and(|open| open.index == link.index);
                let named = matches!(subject, Subject::Name(name) if Some(name) == link.name.as_ref());
                let runs = (libc::IFF_UP | libc::IFF_RUNNING) as u32;
                let renamed =
                    open.is_some_and(|open| link.name.as_ref().is_some_and(|name| *name != open.name));
                let interrupts = ours && (link.gone || link.flags & runs != runs || renamed);
                Noted { concerns: ours || named || open.is_none(), interrupts }
            }
            News::Address { gone, index, address } => {
                let ours = open.is_some_and(|open| open.index == *index);
                let lost = *gone && open.is_some_and(|open| open.ipv4 == Some(*address));
                let named = *subject == Subject::Address(*address);
                Noted { concerns: ours || named || open.is_none(), interrupts: ours && lost }
            }
        }
    }

    /// The state for others to see.
    pub(super) fn state(&self) -> LinkState {
        if let Some(Since { ns, fault }) = &self.down {
            return LinkState::Down { since_ns: *ns, fault: fault.clone() };
        }
        match self.stall.as_ref().or(self.limit.as_ref()) {
            Some(Since { ns, fault }) => LinkState::Limited { since_ns: *ns, fault: fault.clone() },
            None => LinkState::Up,
        }
    }

    /// The interface the link is on.
    pub(super) fn open(&self) -> Option<&Facts> {
        self.open.as_ref()
    }

    /// The address the link uses.
    pub(super) fn ipv4(&self) -> Option<Ipv4Addr> {
        self.open.as_ref().and_then(|open| open.ipv4)
    }

    /// Name of the interface the link is on.
    pub(super) fn interface(&self) -> Option<&str> {
        self.open.as_ref().map(|open| &*open.name)
    }

    /// Times the link went down, however briefly, and for how long in all so far, ns.
    pub(super) fn outages(&self) -> (u64, u64) {
        (self.outages, self.down_ns)
    }
}

#[cfg(test)]
mod tests;
