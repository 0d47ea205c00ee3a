//! Who answers: the kernel, or in tests a stand-in.

use std::fmt;
use std::io;

use crate::netlink::{GENERIC_HEAD, LinkChange, LinkMessage, Query};

/// What [`Wlan`](super::Wlan) asks.
pub(crate) trait Kernel: fmt::Debug + Send {
    /// Sends an nl80211 command with these attributes, and hands the attributes of each message of the answer to `each`.
    /// `ENODEV` also where there is no nl80211 at all.
    fn wireless(
        &mut self,
        command: u8,
        flags: libc::c_int,
        attributes: &[u8],
        each: &mut dyn FnMut(&[u8]),
    ) -> io::Result<()>;

    /// The interface called `name`, if there is one.
    fn link_named(&mut self, name: &str) -> io::Result<Option<LinkMessage>>;

    /// The interface of this index, if there is one.
    fn link(&mut self, index: u32) -> io::Result<Option<LinkMessage>>;

    /// Takes an interface up or down, or sets its MTU.
    fn change_link(&mut self, index: u32, change: LinkChange) -> io::Result<()>;
}

/// The kernel.
#[derive(Debug)]
pub(super) struct Netlink {
    route: Query,
    generic: Query,
    /// Number of the family nl80211, once known: it changes when the module is loaded anew.
    family: Option<u16>,
}

impl Netlink {
    pub(super) fn new(route: Query, generic: Query) -> Self {
        Self { route, generic, family: None }
    }

    fn family(&mut self) -> io::Result<u16> {
        let none = || io::Error::from_raw_os_error(libc::ENODEV);
        if self.family.is_none() {
            self.family = self.generic.family("nl80211")?;
        }
        self.family.ok_or_else(none)
    }
}

impl Kernel for Netlink {
    fn wireless(
        &mut self,
        command: u8,
        flags: libc::c_int,
        attributes: &[u8],
        each: &mut dyn FnMut(&[u8]),
    ) -> io::Result<()> {
        let request = [&[command, 0, 0, 0], attributes].concat();
        let mut again = self.family.is_some();
        loop {
            let family = self.family()?;
            let asked = self.generic.ask(family, flags, &request, |kind, payload| {
                if let Some(attributes) = payload.get(GENERIC_HEAD..).filter(|_| kind == family) {
                    each(attributes);
                }
            });
            match asked {
                Err(error) if error.raw_os_error() == Some(libc::ENOENT) && again => {
                    again = false;
                    self.family = None;
                }
                other => return other,
            }
        }
    }

    fn link_named(&mut self, name: &str) -> io::Result<Option<LinkMessage>> {
        self.route.link_named(name)
    }

    fn link(&mut self, index: u32) -> io::Result<Option<LinkMessage>> {
        self.route.link(index)
    }

    fn change_link(&mut self, index: u32, change: LinkChange) -> io::Result<()> {
        self.route.change_link(index, change)
    }
}
