//! The longest payload an interface takes (netdevice(7)).
#![allow(unsafe_code, reason = "no crate in use wraps SIOCGIFMTU")]

use std::io;
use std::os::fd::AsRawFd;

use nix::errno::Errno;
use socket2::Socket;

use crate::radio::MAX_FRAME_BYTES;

/// Longest frame of ours that the interface takes, bytes; any socket of its namespace can ask.
pub(crate) fn max_frame_bytes(socket: &Socket, interface: &str) -> io::Result<usize> {
    Ok(mtu(socket, interface)?.min(MAX_FRAME_BYTES))
}

fn mtu(socket: &Socket, interface: &str) -> io::Result<usize> {
    let mut name = [0; libc::IFNAMSIZ];
    // The last byte stays zero.
    if interface.len() >= name.len() {
        return Err(io::ErrorKind::NotFound.into());
    }
    for (to, from) in name.iter_mut().zip(interface.bytes()) {
        *to = from as libc::c_char;
    }
    // SAFETY: an ifreq is integers, addresses of integers and a pointer; all of them may be zero.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    request.ifr_name = name;
    // SAFETY: SIOCGIFMTU takes a pointer to an ifreq that outlives the call, reads its name and writes its MTU; the
    // descriptor is open.
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCGIFMTU, &raw mut request) };
    Errno::result(result)?;
    // SAFETY: the union's MTU was written by the kernel, or is the zero from above: an int either way.
    let mtu = unsafe { request.ifr_ifru.ifru_mtu };
    usize::try_from(mtu).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use socket2::{Domain, Type};

    use super::*;

    #[test]
    fn the_loopback_interface_takes_any_frame_of_ours_and_a_missing_one_is_none() {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, None).unwrap();
        assert_eq!(max_frame_bytes(&socket, "lo").unwrap(), MAX_FRAME_BYTES);
        assert!(mtu(&socket, "nosuch0").is_err());
        assert!(mtu(&socket, "a-name-longer-than-any-interface").is_err());
    }
}
