//! This machine's network interfaces, as the kernel lists them.

use std::collections::BTreeMap;
use std::io;
use std::net::Ipv4Addr;

use nix::ifaddrs::getifaddrs;
use nix::net::if_::InterfaceFlags;

use crate::error::OpenError;
use crate::radio::{LinkAddress, Subject};

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

/// The error for an interface that is not there: it names those that are.
pub(crate) fn missing(subject: &Subject) -> OpenError {
    let all = match list() {
        Ok(all) => all,
        Err(error) => return OpenError::at("listing network interfaces")(error),
    };
    match subject {
        Subject::Name(name) => {
            let names: Vec<_> = all.into_iter().map(|i| i.name).collect();
            OpenError::NoInterface { name: name.clone(), known: names.join(", ") }
        }
        Subject::Address(address) => {
            let names = all.into_iter().filter_map(|i| Some(format!("{} on {}", i.ipv4?, i.name)));
            OpenError::NoAddress { address: *address, known: names.collect::<Vec<_>>().join(", ") }
        }
    }
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
        let lo = list().unwrap().into_iter().find(|i| i.name == "lo").unwrap();
        assert!(lo.index > 0);
        assert_eq!(lo.address, Some(LinkAddress([0; 6])));
    }

    #[test]
    fn a_missing_interface_is_answered_with_those_that_exist() {
        let error = missing(&Subject::Name("nosuch0".to_owned())).to_string();
        assert!(error.contains("\"nosuch0\"") && error.contains("lo"), "{error}");
        let error = missing(&Subject::Address(Ipv4Addr::new(10, 9, 8, 7))).to_string();
        assert!(error.contains("address 10.9.8.7") && error.contains("127.0.0.1 on lo"), "{error}");
    }
}
