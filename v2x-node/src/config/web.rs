//! `[web]`: where HTTP is served for people and programs, by a process of its own beside the station.

use core::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use v2x_api::Right;
use v2x_settings::{Section, SettingsError};

use super::control::LONGEST_SOCKET_PATH;

/// What is served, where, and to whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebConfig {
    /// Where it listens.
    pub listen: ListenAddress,
    /// Host names, besides the address and `localhost`, under which a browser may ask, such as that of a proxy in front.
    pub names: Vec<String>,
    /// Files of the tokens that are accepted; with none, everybody who reaches it may read.
    pub tokens: Vec<TokenFile>,
    /// Whether only `/metrics` is served.
    pub metrics_only: bool,
}

impl WebConfig {
    /// The page and all else at this address, without tokens.
    pub const fn at(listen: ListenAddress) -> Self {
        Self { listen, names: Vec::new(), tokens: Vec::new(), metrics_only: false }
    }
}

/// A file that holds a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenFile {
    /// Its path.
    pub file: PathBuf,
    /// What who knows the token may do.
    pub right: Right,
}

/// Where HTTP is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListenAddress {
    /// An address and port; port 0: one that is free.
    Tcp(SocketAddr),
    /// A socket in the file system, for this user alone.
    Unix(PathBuf),
}

impl ListenAddress {
    /// Reads `127.0.0.1:8080`, `[::1]:8080`, `8080` (of 127.0.0.1) or `unix:PATH`; `None` for all else.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(path) = text.strip_prefix("unix:") {
            let fits = !path.is_empty() && path.len() <= LONGEST_SOCKET_PATH;
            return fits.then(|| Self::Unix(path.into()));
        }
        let port = || text.parse().ok().map(|port: u16| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        text.parse().ok().or_else(port).map(Self::Tcp)
    }

    /// Whether other machines may reach it.
    pub fn is_open(&self) -> bool {
        matches!(self, Self::Tcp(address) if !address.ip().is_loopback())
    }

    /// What [`parse`](Self::parse) takes, for people.
    pub const RIGHT: &str = "an address and port such as 127.0.0.1:8080, or \"unix:\" with a path";
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

pub(super) fn read(top: &Section<'_>) -> Result<Option<WebConfig>, SettingsError> {
    let Some(section) = top.table("web", &["listen", "names", "metrics_only", "token"])? else {
        return Ok(None);
    };
    if !cfg!(feature = "web") {
        let right = "remove it: this program was built without the feature `web`";
        return Err(top.contradiction("web", "a build without it", right));
    }
    let listen = match section.string("listen", ListenAddress::RIGHT)? {
        None => ListenAddress::Tcp(SocketAddr::from((Ipv4Addr::LOCALHOST, DEFAULT_PORT))),
        Some(text) => match ListenAddress::parse(&text) {
            Some(ListenAddress::Unix(path)) => {
                ListenAddress::Unix(section.beside(&path.display().to_string()))
            }
            Some(listen) => listen,
            None => {
                return Err(section.wrong("listen", format!("{text:?}"), ListenAddress::RIGHT.to_owned()));
            }
        },
    };
    let right = "a list of host names, such as [\"car-1.example\"]";
    let names = section.strings("names", right)?.unwrap_or_default();
    if names.len() > MOST_NAMES {
        return Err(section.wrong(
            "names",
            format!("{} names", names.len()),
            format!("at most {MOST_NAMES}"),
        ));
    }
    let mut tokens = Vec::new();
    for token in section.tables("token", &["file", "right"], MOST_TOKENS)? {
        let file = token.path("file")?;
        let rights = Right::ALL.map(|right| (right.name(), right));
        let right = token.choice("right", &rights)?.unwrap_or(Right::Read);
        tokens.push(TokenFile { file: token.need("file", file, "the file that holds the token")?, right });
    }
    if listen.is_open() && tokens.is_empty() {
        let right = "other machines reach this address: add [[web.token]], or listen on 127.0.0.1";
        return Err(section.contradiction("listen", "no token", right));
    }
    let metrics_only = section.flag("metrics_only")?.unwrap_or(false);
    Ok(Some(WebConfig { listen, names, tokens, metrics_only }))
}

const DEFAULT_PORT: u16 = 8080;
/// A token for each kind of user; each is compared with what a request brings.
pub const MOST_TOKENS: usize = 16;
/// Names of one machine.
pub const MOST_NAMES: usize = 16;

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;
    use v2x_settings::Document;

    use super::*;

    #[cfg(feature = "web")]
    fn web(text: &str) -> Result<Option<WebConfig>, String> {
        let document = Document::parse(Path::new("/etc/a/unit.toml"), text).unwrap();
        let top = document.top(&["web"]).unwrap();
        read(&top).map_err(|error| error.to_string())
    }

    #[test]
    fn an_address_is_a_port_an_address_with_a_port_or_a_socket() {
        for (text, shown, open) in [
            ("8080", "127.0.0.1:8080", false),
            ("127.0.0.1:0", "127.0.0.1:0", false),
            ("[::1]:80", "[::1]:80", false),
            ("0.0.0.0:8080", "0.0.0.0:8080", true),
            ("192.0.2.1:8080", "192.0.2.1:8080", true),
            ("unix:/run/a.sock", "unix:/run/a.sock", false),
        ] {
            let address = ListenAddress::parse(text).unwrap();
            assert_eq!((address.to_string().as_str(), address.is_open()), (shown, open), "{text}");
        }
        let long = format!("unix:/{}", "a".repeat(LONGEST_SOCKET_PATH));
        for text in ["", "localhost:8080", "127.0.0.1", "70000", "unix:", ":8080", "::1:8080x", &long] {
            assert_eq!(ListenAddress::parse(text), None, "{text}");
        }
    }

    #[cfg(feature = "web")]
    #[test]
    fn the_table_has_defaults_and_paths_from_the_file_s_directory() {
        let nothing = web("[web]").unwrap().unwrap();
        assert_eq!(nothing, WebConfig::at(ListenAddress::parse("127.0.0.1:8080").unwrap()));
        let whole = web("[web]\nlisten = \"unix:web.sock\"\nnames = [\"a.example\"]\nmetrics_only = true\n\
             [[web.token]]\nfile = \"token\"\nright = \"declare\"\n[[web.token]]\nfile = \"/b\"\n");
        let whole = whole.unwrap().unwrap();
        assert_eq!(whole.listen, ListenAddress::Unix("/etc/a/web.sock".into()));
        assert!(whole.metrics_only);
        assert_eq!(whole.names, ["a.example"]);
        let tokens = [("/etc/a/token", Right::Declare), ("/b", Right::Read)];
        assert_eq!(whole.tokens, tokens.map(|(file, right)| TokenFile { file: file.into(), right }));
        assert_eq!(web("").unwrap(), None);
    }

    #[cfg(feature = "web")]
    #[test]
    fn what_is_wrong_in_it_is_named() {
        for (text, expected) in [
            ("[web]\nlisten = \"here\"", "web.listen: found \"here\", expected an address and port"),
            ("[web]\nlisten = \"0.0.0.0:80\"", "other machines reach this address: add [[web.token]]"),
            ("[[web.token]]\nright = \"read\"", "web.token[1].file is missing"),
            ("[[web.token]]\nfile = \"a\"\nright = \"all\"", "right: found \"all\", expected"),
            ("[web]\nport = 80", "web.port: unknown key"),
        ] {
            let said = web(text).unwrap_err();
            assert!(said.contains(expected), "{text}: {said}");
        }
    }

    #[cfg(not(feature = "web"))]
    #[test]
    fn a_build_without_it_says_so() {
        let document = Document::parse(Path::new("unit.toml"), "[web]").unwrap();
        let said = read(&document.top(&["web"]).unwrap()).unwrap_err().to_string();
        assert!(said.contains("built without the feature `web`"), "{said}");
    }

    proptest! {
        #[test]
        fn no_text_makes_an_address_panic_and_what_is_shown_is_read_again(text in "\\PC{0,40}", port: u16) {
            if let Some(address) = ListenAddress::parse(&text) {
                prop_assert_eq!(ListenAddress::parse(&address.to_string()), Some(address));
            }
            prop_assert!(ListenAddress::parse(&port.to_string()).is_some());
        }
    }
}
