//! Why a link refused a frame.

use std::fmt;
use std::io;

use super::link_fault::LinkFault;

/// Why a link refused a frame: what reports count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Refusal {
    /// The link is down, without carrier, or not joined.
    Down,
    /// Its interface is gone.
    Gone,
    /// Its interface cannot carry the link as it is set up.
    Unfit,
    /// The frame is longer than the interface, or the link, takes.
    TooLong,
    /// The kernel has no room for it; a veth pair says so when the other end's MTU is too small.
    NoBuffer,
    /// No route leads to the group.
    NoRoute,
    /// A firewall, or a missing privilege.
    Forbidden,
    /// The frame's time was over before the link took it.
    TooSlow,
    /// Another error of the kernel.
    Other,
}

impl Refusal {
    /// All of them, in the order of declaration.
    pub const ALL: [Self; 9] = [
        Self::Down,
        Self::Gone,
        Self::Unfit,
        Self::TooLong,
        Self::NoBuffer,
        Self::NoRoute,
        Self::Forbidden,
        Self::TooSlow,
        Self::Other,
    ];

    /// Name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Down => "link_down",
            Self::Gone => "link_gone",
            Self::Unfit => "link_unfit",
            Self::TooLong => "link_frame_too_long",
            Self::NoBuffer => "link_no_buffer",
            Self::NoRoute => "link_no_route",
            Self::Forbidden => "link_forbidden",
            Self::TooSlow => "link_too_slow",
            Self::Other => "link_error",
        }
    }

    /// Why sending ended with `error`.
    pub fn of(error: &io::Error) -> Self {
        if let Some(refused) = error.get_ref().and_then(|inner| inner.downcast_ref::<Refused>()) {
            return refused.refusal;
        }
        match error.raw_os_error() {
            Some(libc::ENETDOWN) => Self::Down,
            Some(libc::ENODEV | libc::ENXIO | libc::EADDRNOTAVAIL) => Self::Gone,
            Some(libc::EMSGSIZE) => Self::TooLong,
            Some(libc::ENOBUFS | libc::ENOMEM) => Self::NoBuffer,
            Some(libc::ENETUNREACH | libc::EHOSTUNREACH) => Self::NoRoute,
            Some(libc::EPERM | libc::EACCES) => Self::Forbidden,
            Some(_) => Self::Other,
            None => match error.kind() {
                io::ErrorKind::NotConnected => Self::Down,
                io::ErrorKind::InvalidInput => Self::TooLong,
                io::ErrorKind::TimedOut => Self::TooSlow,
                _ => Self::Other,
            },
        }
    }
}

/// The error of sending on a link with this fault.
pub(crate) fn down(fault: &LinkFault) -> io::Error {
    let refusal = match fault {
        LinkFault::Gone(_) => Refusal::Gone,
        LinkFault::Unfit(_) => Refusal::Unfit,
        // Down as any other, for as long as its state says so.
        _ => Refusal::Down,
    };
    io::Error::new(io::ErrorKind::NotConnected, Refused { refusal, text: fault.to_string() })
}

/// The kernel's error on sending `bytes` through `interface`, with what would help.
pub(crate) fn explained(error: io::Error, bytes: usize, interface: &str, mtu: usize) -> io::Error {
    let refusal = Refusal::of(&error);
    let help = match refusal {
        Refusal::TooLong => format!("; the MTU of {interface} is {mtu}"),
        Refusal::NoBuffer => format!(
            "; the send queue of {interface} is full, or the MTU of the interface at its other end is under {bytes}"
        ),
        Refusal::NoRoute => format!("; no route leads out of {interface}"),
        Refusal::Forbidden => "; a firewall forbids it (nft list ruleset)".to_owned(),
        _ => String::new(),
    };
    let text = format!("{bytes} bytes: {error}{help}");
    io::Error::new(error.kind(), Refused { refusal, text })
}

/// An error of sending with its cause.
#[derive(Debug)]
struct Refused {
    refusal: Refusal,
    text: String,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Refused {}

#[cfg(test)]
mod tests {
    use super::super::link_fault::{Subject, Unfit};
    use super::*;

    #[test]
    fn each_error_of_the_kernel_has_its_cause_and_an_explanation_keeps_it() {
        let causes = [
            (libc::ENETDOWN, Refusal::Down),
            (libc::ENXIO, Refusal::Gone),
            (libc::EMSGSIZE, Refusal::TooLong),
            (libc::ENOBUFS, Refusal::NoBuffer),
            (libc::ENETUNREACH, Refusal::NoRoute),
            (libc::EPERM, Refusal::Forbidden),
            (libc::EIO, Refusal::Other),
        ];
        for (code, refusal) in causes {
            assert_eq!(Refusal::of(&io::Error::from_raw_os_error(code)), refusal);
            let told = explained(io::Error::from_raw_os_error(code), 412, "vB", 240);
            assert_eq!(Refusal::of(&told), refusal, "{told}");
            assert!(told.to_string().starts_with("412 bytes: "), "{told}");
        }
        let long = explained(io::Error::from_raw_os_error(libc::EMSGSIZE), 412, "vB", 240).to_string();
        assert!(long.contains("412 bytes") && long.contains("MTU of vB is 240"), "{long}");
    }

    #[test]
    fn a_link_that_is_down_says_why_and_counts_by_its_fault() {
        let gone = LinkFault::Gone(Subject::Name("wlan0".to_owned()));
        let monitor = Unfit::Monitor { interface: "mon0".to_owned(), hardware: 803 };
        let faults = [
            (gone, Refusal::Gone),
            (LinkFault::Unfit(monitor), Refusal::Unfit),
            (LinkFault::NoCarrier { interface: "eth0".to_owned() }, Refusal::Down),
            (LinkFault::Refused { reason: "no".to_owned() }, Refusal::Down),
        ];
        for (fault, refusal) in faults {
            let error = down(&fault);
            assert_eq!((Refusal::of(&error), error.kind()), (refusal, io::ErrorKind::NotConnected));
            assert_eq!(error.to_string(), fault.to_string());
        }
    }

    #[test]
    fn names_are_told_apart() {
        let mut names = Refusal::ALL.map(Refusal::name).to_vec();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Refusal::ALL.len());
    }
}
