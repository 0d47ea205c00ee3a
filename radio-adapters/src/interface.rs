//! This machine's network interfaces, as the kernel lists them.

use std::collections::BTreeMap;
use std::io;
use std::net::Ipv4Addr;

use nix::ifaddrs::getifaddrs;
use nix::net::if_::InterfaceFlags;

use crate::error::OpenError;
use crate::radio::LinkAddress;

/// A network interface at the moment of looking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// Its name, such as `wlan0`.
    pub name: String,
    /// The kernel's index; a re-created interface gets a new one.
    pub index: u32,
    /// Hardware address; all zero on `lo`, `None` where the kind has none of 6 bytes.
    pub address: Option<LinkAddress>,
    /// First IPv4 address.
    pub ipv4: Option<Ipv4Addr>,
    /// Administratively up.
    pub up: bool,
    /// Up, and the device can carry frames (link detected, or network joined).
    pub running: bool,
}

/// The interface called `name`.
///
/// # Errors
/// [`OpenError::NoInterface`], naming those that exist, or the kernel's error.
pub fn find(name: &str) -> Result<Interface, OpenError> {
    let all = list().map_err(OpenError::at("listing network interfaces"))?;
    if let Some(found) = all.iter().find(|i| i.name == name) {
        return Ok(found.clone());
    }
    let names: Vec<_> = all.into_iter().map(|i| i.name).collect();
    Err(OpenError::NoInterface { name: name.to_owned(), known: names.join(", ") })
}

/// All interfaces of this network namespace, by name.
///
/// # Errors
/// The kernel's own.
pub fn list() -> io::Result<Vec<Interface>> {
    let mut found = BTreeMap::<String, Interface>::new();
    for entry in getifaddrs()? {
        let flags = entry.flags;
        let interface = found.entry(entry.interface_name.clone()).or_insert_with(|| Interface {
            name: entry.interface_name,
            index: 0,
            address: None,
            ipv4: None,
            up: flags.contains(InterfaceFlags::IFF_UP),
            running: flags.contains(InterfaceFlags::IFF_UP | InterfaceFlags::IFF_RUNNING),
        });
        let Some(address) = entry.address else {
            continue;
        };
        if let Some(link) = address.as_link_addr() {
            interface.index = u32::try_from(link.ifindex()).unwrap_or(0);
            if link.halen() == 6 {
                interface.address = link.addr().map(LinkAddress);
            }
        } else if let Some(inet) = address.as_sockaddr_in() {
            interface.ipv4.get_or_insert(inet.ip());
        }
    }
    Ok(found.into_values().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_interface_is_found() {
        let lo = find("lo").unwrap();
        assert!(lo.index > 0);
        assert_eq!(lo.address, Some(LinkAddress([0; 6])));
    }

    #[test]
    fn a_missing_interface_is_answered_with_those_that_exist() {
        let error = find("nosuch0").unwrap_err().to_string();
        assert!(error.contains("\"nosuch0\"") && error.contains("lo"), "{error}");
    }
}
