//! `relay.toml`: a relay of one's own.

use std::fs::File;
use std::io::Read as _;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::Path;

use v2x_settings::{Document, Section, SettingsError};

use super::named_key::named_key;
use super::{ConfigError, LONGEST_FILE};
use crate::peers::{PeerKey, RELAY_QUIC_PORT};
use crate::relay::{RelaySettings, RelayTls};

/// Reads a file.
///
/// # Errors
/// [`ConfigError`]: the first thing wrong with it.
pub fn load_relay(file: &Path) -> Result<RelaySettings, ConfigError> {
    let read = |source| ConfigError::Read { file: file.display().to_string(), source };
    let mut text = String::new();
    File::open(file).and_then(|file| file.take(LONGEST_FILE).read_to_string(&mut text)).map_err(read)?;
    Ok(parse(file, &text)?)
}

fn parse(file: &Path, text: &str) -> Result<RelaySettings, SettingsError> {
    let document = Document::parse(file, text)?;
    let top = document.top(&["relay", "allow"])?;
    let section = top.table("relay", &["listen", "certificate", "key", "quic_port", "plain", "bytes_s"])?;
    let section = top.need("relay", section, "a table: [relay] with certificate and key")?;
    let plain = section.flag("plain")?.unwrap_or(false);
    let listen = section.string("listen", LISTEN_RIGHT)?;
    let listen = match listen {
        None => SocketAddr::from(([0, 0, 0, 0], if plain { 80 } else { 443 })),
        Some(text) => {
            text.parse().map_err(|_| section.wrong("listen", format!("{text:?}"), LISTEN_RIGHT.to_owned()))?
        }
    };
    let bytes_s = section.integer("bytes_s", 10_000..=1_000_000_000_u32)?.and_then(NonZeroU32::new);
    Ok(RelaySettings {
        listen,
        tls: tls(&section, plain)?,
        allow: allow(&top)?,
        bytes_s: bytes_s.unwrap_or(BYTES_S),
    })
}

fn tls(section: &Section<'_>, plain: bool) -> Result<Option<RelayTls>, SettingsError> {
    if plain {
        let others = ["certificate", "key", "quic_port"].into_iter().find(|key| section.has(key));
        return match others {
            Some(key) => Err(section.contradiction(key, "plain = true", "with plain = true there is no TLS")),
            None => Ok(None),
        };
    }
    let right = "a file (PEM), or plain = true where another program does TLS";
    let certificate = section.path("certificate")?;
    let certificate = section.need("certificate", certificate, right)?;
    let key = section.path("key")?;
    let key = section.need("key", key, "the certificate's private key (PEM)")?;
    let quic_port = section.integer("quic_port", 0..=65_535_u16)?.unwrap_or(RELAY_QUIC_PORT);
    Ok(Some(RelayTls { certificate, key, quic_port: (quic_port != 0).then_some(quic_port) }))
}

fn allow(top: &Section<'_>) -> Result<Vec<(String, PeerKey)>, SettingsError> {
    let mut allow: Vec<(String, PeerKey)> = Vec::new();
    for section in top.tables("allow", &["name", "key"], MOST_ALLOWED)? {
        allow.push(named_key(&section)?);
    }
    if allow.is_empty() {
        return Err(
            top.missing("allow", "a table [[allow]] with name and key of each bridge that may use the relay")
        );
    }
    Ok(allow)
}

const LISTEN_RIGHT: &str = "an IP address with its port: \"0.0.0.0:443\"";
/// Units of a country, a kilobyte each.
const MOST_ALLOWED: usize = 10_000;
/// 5,000 messages of 200 B a second.
const BYTES_S: NonZeroU32 = NonZeroU32::new(1_000_000).expect("not 0");

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<RelaySettings, String> {
        parse(Path::new("/etc/relay.toml"), text).map_err(|error| error.to_string())
    }

    #[test]
    fn a_relay_has_a_certificate_unless_it_says_that_it_is_plain() {
        let allow = format!(
            "[[allow]]\nname = \"rsu-7\"\nkey = \"{}\"\n",
            iroh::SecretKey::from_bytes(&[1; 32]).public().to_z32()
        );
        let tls = read(&format!("[relay]\ncertificate = \"a.pem\"\nkey = \"a.key\"\n{allow}")).unwrap();
        let files = tls.tls.unwrap();
        assert_eq!((files.certificate.as_path(), files.quic_port), (Path::new("/etc/a.pem"), Some(7842)));
        assert_eq!((tls.listen.port(), tls.allow.len()), (443, 1));
        let plain = read(&format!("[relay]\nplain = true\nlisten = \"127.0.0.1:8080\"\n{allow}")).unwrap();
        assert_eq!((plain.tls, plain.listen.port()), (None, 8080));
        for (text, said) in [
            (format!("[relay]\n{allow}"), ":1: relay.certificate is missing: a file (PEM), or plain = true"),
            (
                format!("[relay]\nplain = true\nkey = \"a.key\"\n{allow}"),
                ":3: relay.key: does not go with plain = true",
            ),
            ("[relay]\nplain = true\n".to_owned(), ":1: allow is missing: a table [[allow]]"),
            (
                "[relay]\nplain = true\n[[allow]]\nname = \"a\"\nkey = \"b\"\n".to_owned(),
                ":5: allow[1].key: found \"b\"",
            ),
        ] {
            let error = read(&text).unwrap_err();
            assert!(error.contains(said) && !error.contains('\n'), "{error}");
        }
    }
}
