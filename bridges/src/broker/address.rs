//! Where a broker is: `mqtt://host[:port]`, or `mqtts://host[:port]` with TLS.

use std::fmt;
use std::str::FromStr;

/// A broker's address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerAddress {
    /// Name or IP address, without the brackets of an IPv6 one.
    pub host: String,
    /// TCP port: 1883 unless given, 8883 with TLS (IANA).
    pub port: u16,
    /// Whether the link is encrypted.
    pub tls: bool,
}

impl FromStr for BrokerAddress {
    type Err = BrokerAddressError;

    fn from_str(text: &str) -> Result<Self, BrokerAddressError> {
        let (tls, rest) = match text.split_once("://") {
            Some(("mqtt", rest)) => (false, rest),
            Some(("mqtts", rest)) => (true, rest),
            _ => return Err(BrokerAddressError::Scheme),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains('@') {
            return Err(BrokerAddressError::Login);
        }
        let (host, port) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, rest)) if host.parse::<std::net::Ipv6Addr>().is_ok() => {
                (host, rest.strip_prefix(':').or(rest.is_empty().then_some("")))
            }
            Some(_) => return Err(BrokerAddressError::Host),
            None => match rest.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (rest, Some("")),
            },
        };
        let in_a_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':');
        if host.is_empty() || host.len() > 253 || !host.bytes().all(in_a_name) {
            return Err(BrokerAddressError::Host);
        }
        let port = match port {
            Some("") if !rest.ends_with(':') => {
                if tls {
                    8883
                } else {
                    1883
                }
            }
            Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
                port.parse().ok().filter(|port| *port != 0).ok_or(BrokerAddressError::Port)?
            }
            _ => return Err(BrokerAddressError::Port),
        };
        Ok(Self { host: host.to_owned(), port, tls })
    }
}

impl fmt::Display for BrokerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "mqtts" } else { "mqtt" };
        if self.host.contains(':') {
            write!(f, "{scheme}://[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{scheme}://{}:{}", self.host, self.port)
        }
    }
}

/// Why a text is no broker's address. Prints as what would be right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BrokerAddressError {
    /// Neither `mqtt` nor `mqtts`.
    #[error(
        "a broker's address begins with mqtt:// or, with TLS, mqtts://, as in mqtts://broker.example:8883"
    )]
    Scheme,
    /// A user before the host.
    #[error("an address without a user: `username` and `password_file` say who")]
    Login,
    /// No host that can be looked up.
    #[error(
        "a broker's address names a host, as in mqtts://broker.example:8883; an IPv6 address stands in brackets"
    )]
    Host,
    /// The port is no number from 1 to 65535.
    #[error(
        "a port from 1 to 65535, such as mqtts://broker.example:8883; an IPv6 address stands in brackets"
    )]
    Port,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_have_the_ports_of_their_schemes() {
        for (text, host, port, tls) in [
            ("mqtt://broker.example", "broker.example", 1883, false),
            ("mqtts://broker.example/", "broker.example", 8883, true),
            ("mqtts://192.0.2.7:443", "192.0.2.7", 443, true),
            ("mqtt://[2001:db8::7]", "2001:db8::7", 1883, false),
            ("mqtt://[2001:db8::7]:1884", "2001:db8::7", 1884, false),
        ] {
            assert_eq!(text.parse(), Ok(BrokerAddress { host: host.to_owned(), port, tls }), "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_with_the_reason() {
        for (text, error) in [
            ("", BrokerAddressError::Scheme),
            ("broker.example:1883", BrokerAddressError::Scheme),
            ("https://broker.example", BrokerAddressError::Scheme),
            ("mqtt://", BrokerAddressError::Host),
            ("mqtt://a b", BrokerAddressError::Host),
            ("mqtt://broker.example/path", BrokerAddressError::Host),
            ("mqtt://[::1", BrokerAddressError::Host),
            ("mqtt://user:secret@broker.example", BrokerAddressError::Login),
            ("mqtt://broker.example:0", BrokerAddressError::Port),
            ("mqtt://broker.example:", BrokerAddressError::Port),
            ("mqtt://broker.example:70000", BrokerAddressError::Port),
            ("mqtt://2001:db8::7", BrokerAddressError::Port),
            ("mqtt://[::1]1883", BrokerAddressError::Port),
        ] {
            assert_eq!(text.parse::<BrokerAddress>(), Err(error), "{text}");
        }
    }

    proptest! {
        #[test]
        fn an_address_is_read_back(text in "mqtts?://[a-z0-9.\\[\\]:@/-]{0,40}") {
            if let Ok(address) = text.parse::<BrokerAddress>() {
                prop_assert_eq!(address.to_string().parse(), Ok(address));
            }
        }

        #[test]
        fn any_text_is_an_address_or_none(text in "\\PC{0,60}") {
            if let Ok(address) = text.parse::<BrokerAddress>() {
                prop_assert_eq!(address.to_string().parse(), Ok(address));
            }
        }
    }
}
