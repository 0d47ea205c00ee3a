//! Addresses of stations on a link.

use std::fmt;

/// A station's address on its link: a MAC address, or on `udp` one made from IPv4 address and port.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct LinkAddress(pub [u8; 6]);

impl LinkAddress {
    /// Every station on the link.
    pub const BROADCAST: Self = Self([0xff; 6]);

    /// Reads six pairs of hexadecimal digits with colons between them.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 6];
        let mut pairs = text.split(':');
        for byte in &mut bytes {
            let pair = pairs.next().filter(|pair| pair.len() == 2 && !pair.starts_with('+'))?;
            *byte = u8::from_str_radix(pair, 16).ok()?;
        }
        pairs.next().is_none().then_some(Self(bytes))
    }
}

impl fmt::Display for LinkAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for LinkAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_as_it_is_written() {
        let address = LinkAddress([2, 0xca, 0xfe, 0, 0, 0x10]);
        assert_eq!(LinkAddress::parse(&address.to_string()), Some(address));
        assert_eq!(LinkAddress::parse("02:CA:FE:00:00:10"), Some(address));
        for wrong in [
            "",
            "02:ca:fe:00:00",
            "02:ca:fe:00:00:10:11",
            "2:ca:fe:0:0:10",
            "02-ca-fe-00-00-10",
            "+2:ca:fe:00:00:10",
            "0g:ca:fe:00:00:10",
        ] {
            assert_eq!(LinkAddress::parse(wrong), None, "{wrong}");
        }
    }
}
