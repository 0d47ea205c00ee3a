//! A look at an interface that waits for nobody (netdevice(7)): the kernel answers netlink only when nobody is changing
//! an interface, and a driver may take seconds over that.
#![allow(unsafe_code, reason = "no crate in use wraps these requests")]

use std::io;
use std::os::fd::AsRawFd;

use nix::errno::Errno;
use socket2::Socket;

/// What a glance shows of an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Glance {
    pub(crate) index: u32,
    pub(crate) up: bool,
    pub(crate) running: bool,
    pub(crate) mtu: usize,
}

/// Looks at the interface called `name`; any socket of its namespace can ask.
///
/// # Errors
/// The kernel's own: there is none of this name.
pub(crate) fn glance(socket: &Socket, name: &str) -> io::Result<Glance> {
    let mut request = Request::new(name)?;
    // SAFETY: each union field read below is plain integers, written by the request before it or else zero.
    let index = unsafe { request.ask(socket, libc::SIOCGIFINDEX)?.ifru_ifindex };
    // SAFETY: as above.
    let flags = i32::from(unsafe { request.ask(socket, libc::SIOCGIFFLAGS)?.ifru_flags });
    // SAFETY: as above.
    let mtu = unsafe { request.ask(socket, libc::SIOCGIFMTU)?.ifru_mtu };
    Ok(Glance {
        index: u32::try_from(index).map_err(io::Error::other)?,
        up: flags & libc::IFF_UP != 0,
        running: flags & libc::IFF_RUNNING != 0,
        mtu: usize::try_from(mtu).map_err(io::Error::other)?,
    })
}

struct Request(libc::ifreq);

impl Request {
    fn new(interface: &str) -> io::Result<Self> {
        // SAFETY: an ifreq is integers, addresses of integers and a pointer; all of them may be zero.
        let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
        // The last byte stays zero.
        if interface.len() >= request.ifr_name.len() {
            return Err(io::ErrorKind::NotFound.into());
        }
        for (to, from) in request.ifr_name.iter_mut().zip(interface.bytes()) {
            *to = from as libc::c_char;
        }
        Ok(Self(request))
    }

    fn ask(&mut self, socket: &Socket, what: libc::Ioctl) -> io::Result<&libc::__c_anonymous_ifr_ifru> {
        // SAFETY: these requests take a pointer to an ifreq that outlives the call, read its name and write a number of its
        // union; the descriptor is open.
        let result = unsafe { libc::ioctl(socket.as_raw_fd(), what, &raw mut self.0) };
        Errno::result(result)?;
        Ok(&self.0.ifr_ifru)
    }
}

#[cfg(test)]
mod tests {
    use socket2::{Domain, Type};

    use super::*;

    #[test]
    fn the_loopback_interface_is_seen_and_a_missing_one_is_none() {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, None).unwrap();
        let lo = glance(&socket, "lo").unwrap();
        assert!(lo.index > 0 && lo.mtu > 1500, "{lo:?}");
        assert!(glance(&socket, "nosuch0").is_err());
        assert!(glance(&socket, "a-name-longer-than-any-interface").is_err());
    }
}
