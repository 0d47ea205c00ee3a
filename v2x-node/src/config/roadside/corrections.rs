//! `roadside.corrections`: where RTCM 3 corrections come from.

use core::fmt;
use std::path::PathBuf;

use v2x_settings::{Section, SettingsError};

use super::super::place;

/// Corrections to pass on.
#[derive(Clone, Debug, PartialEq)]
pub struct Corrections {
    /// Where they come from.
    pub source: CorrectionSource,
    /// How often they are passed on at most, 1..=10 a second.
    pub per_second: u32,
    /// Whether the unit's position is sent to the caster.
    pub gga: bool,
}

/// A source of RTCM 3 messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CorrectionSource {
    /// A serial device, a pipe or a file.
    Device {
        /// Its name.
        path: PathBuf,
        /// Speed of a serial device, baud.
        baud: u32,
    },
    /// An NTRIP caster.
    Ntrip(Caster),
}

/// An NTRIP caster and the stream to request from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caster {
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Mount point, without its slash.
    pub mount: String,
    /// User name and password.
    pub login: Option<Login>,
    /// `ntrips://`: over TLS; `None`: in the open.
    pub tls: Option<CasterTls>,
}

/// How a caster's certificate is judged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CasterTls {
    /// File with the authorities that may sign it; `None`: the system's.
    pub authorities: Option<PathBuf>,
}

impl Caster {
    /// Its name, or its address without the brackets of IPv6.
    pub fn bare_host(&self) -> &str {
        let host = self.host.as_str();
        host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
    }
}

/// A name and a password, never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// The name.
    pub user: String,
    /// The password.
    pub password: String,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Login")
    }
}

impl fmt::Display for CorrectionSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Device { path, .. } => write!(f, "{}", path.display()),
            Self::Ntrip(Caster { host, port, mount, tls, .. }) => {
                let scheme = if tls.is_some() { "ntrips" } else { "ntrip" };
                write!(f, "{scheme}://{host}:{port}/{mount}")
            }
        }
    }
}

pub(super) fn read(section: &Section<'_>) -> Result<Option<Corrections>, SettingsError> {
    let text = section.string("corrections", RIGHT)?;
    let baud = place::baud(section, "corrections_baud")?;
    let per_second = section.integer("corrections_per_s", 1..=10)?;
    let gga = section.flag("corrections_gga")?.unwrap_or(false);
    let authorities = section.path("corrections_ca")?;
    let Some(text) = text else {
        let lonely = ["corrections_baud", "corrections_per_s", "corrections_gga", "corrections_ca"];
        return match lonely.into_iter().find(|key| section.has(key)) {
            Some(key) => {
                Err(section.contradiction(key, "no roadside.corrections", "give a source, or neither"))
            }
            None => Ok(None),
        };
    };
    if authorities.is_some() && !text.starts_with("ntrips:") {
        let right = "only a caster over TLS (ntrips://) has a certificate";
        return Err(section.contradiction("corrections_ca", "a source without TLS", right));
    }
    let source = match text.split_once(':') {
        Some(("serial", path)) if !path.is_empty() => {
            if gga {
                let right = "only an NTRIP caster is told where the unit is";
                return Err(section.contradiction("corrections_gga", "a serial device", right));
            }
            let baud = baud.unwrap_or(DEFAULT_BAUD);
            CorrectionSource::Device { path: section.beside(path), baud }
        }
        Some((scheme @ ("ntrip" | "ntrips"), rest)) => {
            if baud.is_some() {
                let right = "only a serial device has a speed";
                return Err(section.contradiction("corrections_baud", "an NTRIP caster", right));
            }
            // What is wrong is named and not shown: there may be a password in it.
            let wrong = |what: &str| section.wrong("corrections", what.to_owned(), RIGHT.to_owned());
            let secret = scheme == "ntrips";
            if secret && !cfg!(feature = "tls") {
                let right = "a build with the feature `tls`, or ntrip:// without TLS";
                return Err(section.wrong(
                    "corrections",
                    "an NTRIP address with TLS".to_owned(),
                    right.to_owned(),
                ));
            }
            let caster = caster(rest, if secret { DEFAULT_TLS_PORT } else { DEFAULT_PORT }).map_err(wrong)?;
            CorrectionSource::Ntrip(Caster { tls: secret.then_some(CasterTls { authorities }), ..caster })
        }
        _ => return Err(section.wrong("corrections", "neither of the two".to_owned(), RIGHT.to_owned())),
    };
    Ok(Some(Corrections { source, per_second: per_second.unwrap_or(DEFAULT_PER_SECOND), gga }))
}

/// Parses what follows `ntrip:` or `ntrips:`, or returns what is wrong with it.
fn caster(text: &str, default_port: u16) -> Result<Caster, &'static str> {
    let text = text.strip_prefix("//").ok_or("an NTRIP address without //")?;
    let printable = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    // A password may hold anything but a line break: the last @ ends it.
    let (login, place) = match text.rsplit_once('@') {
        None => (None, text),
        Some((login, place)) => {
            let (user, password) = login.split_once(':').ok_or("a user without a password")?;
            if login.contains(|letter: char| letter.is_control()) || user.is_empty() {
                return Err("a user or password with a control character, or no user");
            }
            (Some(Login { user: user.to_owned(), password: password.to_owned() }), place)
        }
    };
    let (address, mount) = place.split_once('/').ok_or("an NTRIP address without a mount point")?;
    let (host, port) = match address.rsplit_once(':') {
        // The colons of an address of IPv6 are within its brackets.
        Some((_, port)) if port.ends_with(']') => (address, default_port),
        Some((host, port)) => (host, port.parse().map_err(|_| "a port that is none")?),
        None => (address, default_port),
    };
    if host.contains(':') && !(host.starts_with('[') && host.ends_with(']')) {
        return Err("an IPv6 address without brackets, such as [2001:db8::1]:2101");
    }
    if !printable(host) || port == 0 {
        return Err("an NTRIP address without host or port");
    }
    if !printable(mount) || mount.contains('/') {
        return Err("a mount point that is none");
    }
    Ok(Caster { host: host.to_owned(), port, mount: mount.to_owned(), login, tls: None })
}

const RIGHT: &str =
    "\"serial:/dev/ttyUSB0\" or \"ntrip://user:password@host:2101/MOUNT\", or ntrips: for TLS";
/// What NTRIP casters listen on (IANA: rtcm-sc104).
const DEFAULT_PORT: u16 = 2101;
/// What casters over TLS listen on by custom.
const DEFAULT_TLS_PORT: u16 = 2102;
/// Bases send up to 1,500 bytes an epoch: 9,600 baud is too slow.
const DEFAULT_BAUD: u32 = 115_200;
const DEFAULT_PER_SECOND: u32 = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_apart_and_shown_without_its_password() {
        let full = caster("//me:se@c:ret@base.example:2102/MNT", DEFAULT_PORT).unwrap();
        let login = full.login.clone().unwrap();
        assert_eq!((login.user.as_str(), login.password.as_str()), ("me", "se@c:ret"));
        assert_eq!((full.host.as_str(), full.port, full.mount.as_str()), ("base.example", 2102, "MNT"));
        for shown in [format!("{full:?}"), CorrectionSource::Ntrip(full).to_string()] {
            assert!(!shown.contains("ret") && !shown.contains("me:"), "{shown}");
        }
        let bare = caster("//[::1]:2103/M", DEFAULT_PORT).unwrap();
        assert_eq!((bare.host.as_str(), bare.bare_host(), bare.port), ("[::1]", "::1", 2103));
        assert_eq!(caster("//[2001:db8::1]/M", DEFAULT_PORT).unwrap().port, 2101);
        assert_eq!(caster("//base/M", DEFAULT_TLS_PORT).unwrap().port, 2102);
        assert_eq!(caster("//base/M", DEFAULT_PORT).unwrap().port, 2101);
    }

    #[test]
    fn what_is_no_caster_is_named_without_being_shown() {
        for wrong in [
            "base/M",
            "//base",
            "//me@base/M",
            "//:x@base/M",
            "//base:0/M",
            "//base:x/M",
            "///M",
            "//base/",
            "//base/a/b",
            "//me:a\nb@base/M",
            "//::1/M",
            "//2001:db8::1:2101/M",
        ] {
            assert!(caster(wrong, DEFAULT_PORT).is_err(), "{wrong:?}");
        }
    }
}
