//! Which names a browser may ask under. A page of another site cannot have its name resolve to this machine and read what is
//! served here (DNS rebinding), and cannot have a browser send requests here (CSRF).

use std::net::{IpAddr, SocketAddr};

use hyper::header::{HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN};
use hyper::http::uri::{Authority, Uri};

/// Where a connection came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Local {
    /// At this address of ours.
    Tcp(SocketAddr),
    /// At a socket in the file system.
    Unix,
}

/// Host names besides the addresses.
#[derive(Clone, Debug, Default)]
pub(super) struct Hosts {
    /// Lower case.
    names: Vec<String>,
}

/// Why a request is refused. Prints as one line, with what would be right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Foreign {
    /// It names another host, or none.
    #[error("host {0} is not this server: use the address it listens on, localhost, or a name of web.names")]
    Host(String),
    /// A page of another origin asks.
    #[error("pages of {0} may not ask here: open the page of this server itself")]
    Origin(String),
}

impl Foreign {
    /// Stable name of the reason.
    pub(super) const fn reason(&self) -> &'static str {
        match self {
            Self::Host(_) => "host_refused",
            Self::Origin(_) => "origin_refused",
        }
    }
}

impl Hosts {
    pub(super) fn new(names: &[String]) -> Self {
        Self { names: names.iter().map(|name| name.to_ascii_lowercase()).collect() }
    }

    /// Refuses what a browser sends on behalf of another site, or under another name. `linked`: another site's page may lead here, as
    /// to the page itself.
    pub(super) fn check(
        &self,
        uri: &Uri,
        headers: &HeaderMap,
        local: Local,
        linked: bool,
    ) -> Result<(), Foreign> {
        let named = only(headers, &HOST).map_err(|found| Foreign::Host(quoted(found)))?;
        let named = named.ok_or_else(|| Foreign::Host("(none)".to_owned()))?;
        let refused = || Foreign::Host(quoted(named));
        let host = Name::parse(named).ok_or_else(refused)?;
        // A request to a proxy names the host a second time.
        let same = uri.authority().is_none_or(|uri| Name::parse(uri.as_str()).as_ref() == Some(&host));
        if !same || !self.is_ours(&host, local) {
            return Err(refused());
        }
        let origin = only(headers, &ORIGIN).map_err(|found| Foreign::Origin(quoted(found)))?;
        if let Some(origin) = origin.filter(|origin| !host.is_origin(origin)) {
            return Err(Foreign::Origin(quoted(origin)));
        }
        let site = headers.get(SEC_FETCH_SITE).map(HeaderValue::as_bytes);
        if !linked && matches!(site, Some(b"cross-site" | b"same-site")) {
            return Err(Foreign::Origin("another site".to_owned()));
        }
        Ok(())
    }

    fn is_ours(&self, Name { host, port }: &Name, local: Local) -> bool {
        if self.names.contains(host) {
            return true;
        }
        match local {
            Local::Unix => host == LOCALHOST,
            Local::Tcp(local) => {
                let address = local.ip().to_canonical();
                let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
                let ours = match bare.parse::<IpAddr>() {
                    Ok(found) => found.to_canonical() == address,
                    Err(_) => host == LOCALHOST && address.is_loopback(),
                };
                ours && port.unwrap_or(80) == local.port()
            }
        }
    }
}

/// `host` or `host:port`, in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Name {
    host: String,
    port: Option<u16>,
}

impl Name {
    fn parse(text: &str) -> Option<Self> {
        let authority: Authority = text.parse().ok().filter(|_| !text.contains('@'))?;
        let rest = text.strip_prefix(authority.host())?;
        let port = match rest.strip_prefix(':') {
            None => None,
            // A number may begin with a plus sign; a port may not.
            Some(port) => Some(port.parse().ok().filter(|_| !port.starts_with('+'))?),
        };
        Some(Self { host: authority.host().to_ascii_lowercase(), port })
    }

    /// Whether a page of this origin was served under this name.
    fn is_origin(&self, origin: &str) -> bool {
        let usual = [("http://", 80), ("https://", 443)];
        usual.iter().any(|(scheme, usual)| {
            let named = origin.strip_prefix(scheme).and_then(Self::parse);
            named.is_some_and(|named| {
                named.host == self.host && named.port.unwrap_or(*usual) == self.port.unwrap_or(*usual)
            })
        })
    }
}

/// The one header of this name, as text. The error: what was found instead.
fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Option<&'h str>, &'static str> {
    let mut all = headers.get_all(name).iter();
    match (all.next(), all.next()) {
        (None, _) => Ok(None),
        (Some(one), None) => one.to_str().map(Some).map_err(|_| "(no text)"),
        (Some(_), Some(_)) => Err("(several)"),
    }
}

/// Of what was found, as much as an error shows.
fn quoted(found: &str) -> String {
    format!("{:?}", found.chars().take(64).collect::<String>())
}

const LOCALHOST: &str = "localhost";
/// Fetch Metadata Request Headers: which site's page a browser asks for.
const SEC_FETCH_SITE: &str = "sec-fetch-site";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(names: &[&str], local: Local, uri: &str, headers: &[(&str, &str)]) -> Result<(), String> {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
        }
        Hosts::new(&names)
            .check(&uri.parse().unwrap(), &map, local, false)
            .map_err(|foreign| foreign.to_string())
    }

    fn at(address: &str) -> Local {
        Local::Tcp(address.parse().unwrap())
    }

    #[test]
    fn the_address_localhost_and_configured_names_are_this_server() {
        for (local, host) in [
            (at("127.0.0.1:8080"), "127.0.0.1:8080"),
            (at("127.0.0.1:8080"), "localhost:8080"),
            (at("127.0.0.1:8080"), "LOCALHOST:8080"),
            (at("127.0.0.1:80"), "localhost"),
            (at("[::1]:8080"), "[::1]:8080"),
            (at("[::ffff:192.0.2.1]:80"), "192.0.2.1"),
            (at("192.0.2.1:8080"), "192.0.2.1:8080"),
            (at("127.0.0.1:8080"), "car-1.example"),
            (at("127.0.0.1:8080"), "Car-1.Example:443"),
            (Local::Unix, "localhost"),
            (Local::Unix, "car-1.example"),
        ] {
            assert_eq!(check(&["car-1.example"], local, "/", &[("host", host)]), Ok(()), "{local:?} {host}");
        }
    }

    #[test]
    fn other_hosts_are_refused_by_name() {
        for (local, host) in [
            (at("127.0.0.1:8080"), "evil.example"),
            (at("127.0.0.1:8080"), "evil.example:8080"),
            (at("127.0.0.1:8080"), "127.0.0.1"),
            (at("127.0.0.1:8080"), "127.0.0.1:80"),
            (at("127.0.0.1:8080"), "127.0.0.2:8080"),
            (at("127.0.0.1:8080"), "localhost.evil.example:8080"),
            (at("127.0.0.1:8080"), "localhost@127.0.0.1:8080"),
            (at("127.0.0.1:8080"), "127.0.0.1:8080:8080"),
            (at("127.0.0.1:8080"), "127.0.0.1:"),
            (at("127.0.0.1:8080"), "127.0.0.1:+8080"),
            (at("127.0.0.1:8080"), "localhost.:8080"),
            (at("127.0.0.1:8080"), ""),
            (at("192.0.2.1:8080"), "localhost:8080"),
            (at("192.0.2.1:8080"), "nas.local:8080"),
            (Local::Unix, "127.0.0.1"),
        ] {
            let said = check(&[], local, "/", &[("host", host)]).unwrap_err();
            assert!(said.starts_with(&format!("host {host:?} is not this server")), "{said}");
        }
        let local = at("127.0.0.1:80");
        assert!(check(&[], local, "/", &[]).unwrap_err().starts_with("host (none)"));
        let twice = [("host", "localhost"), ("host", "evil.example")];
        assert!(check(&[], local, "/", &twice).unwrap_err().contains("(several)"));
        assert!(check(&[], local, "http://evil.example/", &[("host", "localhost")]).is_err());
        assert_eq!(check(&[], local, "http://localhost/", &[("host", "localhost")]), Ok(()));
    }

    #[test]
    fn pages_of_other_origins_may_not_ask() {
        let local = at("127.0.0.1:8080");
        let asked = |host, origin| check(&["a.example"], local, "/ws", &[("host", host), ("origin", origin)]);
        for (host, origin) in [
            ("localhost:8080", "http://localhost:8080"),
            ("127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("a.example", "https://a.example"),
            ("a.example:443", "https://a.example"),
            ("a.example", "http://a.example:80"),
            // Served over TLS by a proxy in front of it.
            ("localhost:8080", "https://localhost:8080"),
        ] {
            assert_eq!(asked(host, origin), Ok(()), "{host} {origin}");
        }
        for origin in [
            "http://nas.local",
            "http://localhost",
            "http://127.0.0.1:8080",
            "http://localhost:8081",
            "http://localhost:8080.evil.example",
            "null",
            "",
            "file://",
            "http://evil.example",
        ] {
            let found = asked("localhost:8080", origin);
            assert!(found.unwrap_err().starts_with(&format!("pages of {origin:?} may not ask")), "{origin}");
        }
        let site = |site| check(&[], local, "/api", &[("host", "localhost:8080"), ("sec-fetch-site", site)]);
        assert!(site("cross-site").is_err() && site("same-site").is_err());
        assert!(site("same-origin").is_ok() && site("none").is_ok());
    }

    proptest! {
        #[test]
        fn no_header_makes_it_panic_and_a_name_that_is_not_ours_is_never_taken(
            host in "[ -~]{0,40}", origin in prop::option::of("[ -~]{0,40}")
        ) {
            let mut headers = vec![("host", host.as_str())];
            headers.extend(origin.as_deref().map(|origin| ("origin", origin)));
            let ours = ["127.0.0.1:8080", "localhost:8080"].iter().any(|ours| host.trim().eq_ignore_ascii_case(ours));
            let taken = check(&[], at("127.0.0.1:8080"), "/", &headers).is_ok();
            prop_assert!(!taken || ours);
        }
    }
}
