//! `[peers]` and `[[peer]]`: links to other bridges.

use std::net::SocketAddr;
use std::time::Duration;

use iroh::RelayUrl;
use v2x_api::Right;
use v2x_settings::{Section, SettingsError, one_of};

use super::bridge::BridgeSettings;
use super::named_key::named_key;
use super::selection::selection;
use crate::budget::BudgetLimits;
use crate::peers::{AdmissionSettings, PeerSettings, PeerTerms, PeersSettings};

/// None without `[peers]`.
pub(super) fn read(
    top: &Section<'_>,
    bridge: &BridgeSettings,
) -> Result<Option<PeersSettings>, SettingsError> {
    let Some(section) = top.table("peers", KEYS)? else {
        if top.has("peer") {
            return Err(top.missing("peers", "a table [peers] beside [[peer]]; an empty one will do"));
        }
        return Ok(None);
    };
    if bridge.key.is_none() {
        return Err(top.missing(
            "bridge.key",
            "the key of this bridge, by which its peers know it: `roadcast-bridge keys new` makes it",
        ));
    }
    let usual = PeersSettings::default();
    let listen = match section.has("listen") {
        false => vec![SocketAddr::from(([0, 0, 0, 0], PORT))],
        true => addresses(&section, "listen")?,
    };
    if listen.len() > 2 || (listen.len() == 2 && listen[0].is_ipv4() == listen[1].is_ipv4()) {
        let right = "one address of IPv4, of IPv6, or of each".to_owned();
        return Err(section.wrong("listen", format!("{} addresses", listen.len()), right));
    }
    let relays = relays(&section, "relay")?;
    if relays.is_empty() && (section.has("relay_ca") || section.has("relay_quic_port")) {
        let key = if section.has("relay_ca") { "relay_ca" } else { "relay_quic_port" };
        return Err(section.contradiction(key, "no peers.relay", "it is of use with a relay alone"));
    }
    let relay_quic_port = match section.integer("relay_quic_port", 0..=65_535_u16)? {
        None => usual.relay_quic_port,
        Some(port) => (port != 0).then_some(port),
    };
    let rendezvous = section.choice("rendezvous", &[("broker", ())])?.is_some();
    if rendezvous && !top.has("broker") {
        return Err(section.contradiction(
            "rendezvous",
            "no [broker]",
            "a broker that carries offers to meet",
        ));
    }
    let seconds = section.number("silence_s", 2.0..=60.0, " seconds")?;
    let dht = dht(&section)?;
    Ok(Some(PeersSettings {
        listen,
        external: addresses(&section, "external")?,
        relays,
        relay_quic_port,
        relay_ca: section.path("relay_ca")?,
        mdns: section.flag("mdns")?.unwrap_or(false),
        dht,
        rendezvous,
        silence: seconds.map_or(usual.silence, Duration::from_secs_f64),
        credential: section.path("credential")?,
        admission: admission(&section)?,
        peers: peers(top)?,
    }))
}

/// A DHT is asked at the nodes that are named, and at no others.
fn dht(section: &Section<'_>) -> Result<Vec<String>, SettingsError> {
    let right = "nodes where the DHT is entered, host:port: [\"192.0.2.1:6881\"]";
    let nodes = section.strings("dht_bootstrap", right)?.unwrap_or_default();
    for node in &nodes {
        let port = node
            .rsplit_once(':')
            .and_then(|(host, port)| (!host.is_empty()).then(|| port.parse::<u16>().ok()));
        if port.flatten().is_none() {
            return Err(section.wrong("dht_bootstrap", format!("{node:?}"), right.to_owned()));
        }
    }
    match (section.flag("dht")?.unwrap_or(false), nodes.is_empty()) {
        (true, true) => Err(section.missing("dht_bootstrap", right)),
        (false, false) => {
            Err(section.contradiction("dht_bootstrap", "dht = false", "with dht = true they are used"))
        }
        (true, false) => Ok(nodes),
        (false, true) => Ok(Vec::new()),
    }
}

fn admission(section: &Section<'_>) -> Result<Option<AdmissionSettings>, SettingsError> {
    let (roots, issuers) = (section.paths("admit_roots")?, section.paths("admit_issuers")?);
    let revocation = section.paths("admit_revocation")?.unwrap_or_default();
    let others = ["admitted", "admit_revocation"].into_iter().find(|key| section.has(key));
    match (roots, issuers) {
        (None, None) => match others {
            Some(key) => Err(section.contradiction(
                key,
                "no peers.admit_roots",
                "name the roots and issuers that are believed",
            )),
            None => Ok(None),
        },
        (Some(_), None) => {
            Err(section.missing("admit_issuers", "files of the issuers below the roots: [\"issuer.cred\"]"))
        }
        (None, Some(_)) => {
            Err(section.missing("admit_roots", "files of the roots that are believed: [\"root.cred\"]"))
        }
        (Some(roots), Some(issuers)) => {
            let table = section.table("admitted", TERMS)?;
            let terms = table.as_ref().map_or_else(|| Ok(PeerTerms::default()), terms)?;
            Ok(Some(AdmissionSettings { roots, issuers, revocation, terms }))
        }
    }
}

fn peers(top: &Section<'_>) -> Result<Vec<PeerSettings>, SettingsError> {
    let mut peers: Vec<PeerSettings> = Vec::new();
    for section in top.tables("peer", PEER_KEYS, MOST_PEERS)? {
        let (name, key) = named_key(&section)?;
        if peers.iter().any(|there| there.name == name) {
            return Err(section.contradiction(
                "name",
                "another [[peer]] of this name",
                "a name of its own for each",
            ));
        }
        if let Some(other) = peers.iter().find(|there| there.key == key) {
            return Err(section.contradiction(
                "key",
                &format!("peer {:?}", other.name),
                "each key is one peer's",
            ));
        }
        let (addresses, relays) = (addresses(&section, "addresses")?, relays(&section, "relay")?);
        peers.push(PeerSettings { name, key, addresses, relays, terms: terms(&section)? });
    }
    Ok(peers)
}

fn terms(section: &Section<'_>) -> Result<PeerTerms, SettingsError> {
    let usual = PeerTerms::default();
    let rights = [("none", None)].into_iter().chain(Right::ALL.map(|right| (right.name(), Some(right))));
    let rights: Vec<_> = rights.collect();
    Ok(PeerTerms {
        rights: section.choice("rights", &rights)?.unwrap_or(usual.rights),
        send: selection(section, "send")?,
        receive: selection(section, "receive")?,
        budget: BudgetLimits {
            messages_s: section.integer("messages_s", 1..=100_000)?.unwrap_or(usual.budget.messages_s),
            bytes_s: section.integer("bytes_s", 1398..=100_000_000)?.unwrap_or(usual.budget.bytes_s),
        },
        queue: section.integer("queue", 1..=65_536)?.unwrap_or(usual.queue),
    })
}

fn addresses(section: &Section<'_>, key: &'static str) -> Result<Vec<SocketAddr>, SettingsError> {
    let right =
        "an IP address with its port, or a list of them: [\"192.0.2.7:4747\", \"[2001:db8::7]:4747\"]";
    let texts = if section.is_string(key) {
        section.string(key, right)?.map(|text| vec![text])
    } else {
        section.strings(key, right)?
    };
    let texts = texts.unwrap_or_default();
    if texts.len() > MOST_ADDRESSES {
        return Err(section.wrong(
            key,
            format!("{} addresses", texts.len()),
            format!("at most {MOST_ADDRESSES}"),
        ));
    }
    let parse =
        |text: &String| text.parse().map_err(|_| section.wrong(key, format!("{text:?}"), right.to_owned()));
    texts.iter().map(parse).collect()
}

fn relays(section: &Section<'_>, key: &'static str) -> Result<Vec<RelayUrl>, SettingsError> {
    let right = "URLs of relays of your own: [\"https://relay.example.org\"]";
    let texts = section.strings(key, right)?.unwrap_or_default();
    if texts.len() > MOST_ADDRESSES {
        return Err(section.wrong(
            key,
            format!("{} relays", texts.len()),
            format!("at most {MOST_ADDRESSES}"),
        ));
    }
    let schemes = one_of(["https", "http"].into_iter());
    let parse = |text: &String| {
        let url: Option<RelayUrl> = text.parse().ok();
        let url = url.filter(|url| matches!(url.scheme(), "https" | "http") && url.host_str().is_some());
        url.ok_or_else(|| section.wrong(key, format!("{text:?}"), format!("{right}, scheme {schemes}")))
    };
    texts.iter().map(parse).collect()
}

const KEYS: &[&str] = &[
    "listen",
    "external",
    "relay",
    "relay_ca",
    "relay_quic_port",
    "mdns",
    "dht",
    "dht_bootstrap",
    "rendezvous",
    "silence_s",
    "credential",
    "admit_roots",
    "admit_issuers",
    "admit_revocation",
    "admitted",
];
const PEER_KEYS: &[&str] =
    &["name", "key", "addresses", "relay", "rights", "send", "receive", "messages_s", "bytes_s", "queue"];
const TERMS: &[&str] = &["rights", "send", "receive", "messages_s", "bytes_s", "queue"];
/// UDP port of a bridge: free of anything that is registered with IANA for roads.
const PORT: u16 = 4747;
/// A unit with three interfaces has as many of each family.
const MOST_ADDRESSES: usize = 8;
/// An operator's station that looks at every unit of a region.
const MOST_PEERS: usize = 1024;

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use v2x_settings::Document;

    use super::super::bridge;
    use super::*;
    use crate::peers::PeerKey;

    const START: &str = "[bridge]\nname = \"rsu-7\"\nkey = \"bridge.key\"\n";

    fn key(seed: u8) -> PeerKey {
        iroh::SecretKey::from_bytes(&[seed; 32]).public().into()
    }

    fn parse(text: &str) -> Result<PeersSettings, String> {
        whole(&format!("{START}{text}"))
    }

    fn whole(text: &str) -> Result<PeersSettings, String> {
        let peers = || {
            let document = Document::parse(Path::new("/etc/bridge.toml"), text)?;
            let top = document.top(&["bridge", "broker", "peers", "peer"])?;
            read(&top, &bridge::read(&top)?)
        };
        peers()
            .map(|peers| peers.expect("[peers] is there"))
            .map_err(|error: SettingsError| error.to_string())
    }

    #[test]
    fn an_empty_table_listens_and_contacts_nobody() {
        let peers = parse("[peers]\n").unwrap();
        let listen = vec!["0.0.0.0:4747".parse().unwrap()];
        assert_eq!(peers, PeersSettings { listen, ..PeersSettings::default() });
        assert!(peers.relays.is_empty() && peers.dht.is_empty() && !peers.mdns && !peers.rendezvous);
    }

    #[test]
    fn every_setting_is_read() {
        let (a, b) = (key(1), key(2).plain());
        let peers = parse(&format!(
            "[peers]\nlisten = [\"0.0.0.0:1\", \"[::]:1\"]\nexternal = \"198.51.100.1:1\"\nrelay = [\"https://relay.example\"]\n\
             relay_ca = \"ca.pem\"\nrelay_quic_port = 0\nmdns = true\ndht = true\ndht_bootstrap = [\"10.0.0.1:6881\"]\n\
             rendezvous = \"broker\"\nsilence_s = 6\ncredential = \"b.cred\"\nadmit_roots = [\"root.cred\"]\nadmit_issuers = [\"i.cred\"]\n\
             admit_revocation = [\"operator.rev\"]\n\
             admitted = {{ rights = \"read\", messages_s = 9 }}\n\
             [[peer]]\nname = \"a\"\nkey = \"{a}\"\naddresses = [\"192.0.2.7:4747\"]\nrights = \"administer\"\n\
             send = {{ classes = [\"D3\"] }}\nreceive = {{ classes = \"none\" }}\nbytes_s = 5000\nqueue = 7\n\
             [[peer]]\nname = \"b\"\nkey = \"{b}\"\nrelay = [\"https://other.example\"]\n\
             [broker]\nurl = \"mqtt://broker.example\"\n"
        ))
        .unwrap();
        assert_eq!((peers.listen.len(), peers.external.len(), peers.relay_quic_port), (2, 1, None));
        assert_eq!(peers.relay_ca, Some(PathBuf::from("/etc/ca.pem")));
        assert!(
            peers.mdns && peers.rendezvous && peers.dht.len() == 1 && peers.silence == Duration::from_secs(6)
        );
        let admission = peers.admission.unwrap();
        assert_eq!(admission.revocation, [Path::new("/etc/operator.rev")]);
        assert_eq!((admission.terms.rights, admission.terms.budget.messages_s), (Some(Right::Read), 9));
        let [first, second] = &peers.peers[..] else { panic!("two peers") };
        assert_eq!((first.key, first.terms.rights, first.terms.queue), (a, Some(Right::Administer), 7));
        assert_eq!((first.terms.budget.bytes_s, first.terms.receive.classes.len()), (5000, 0));
        assert_eq!((second.terms.rights, second.relays.len(), second.key), (None, 1, key(2)));
    }

    #[test]
    fn what_is_wrong_is_one_line_with_file_line_and_key() {
        let mistyped = key(1).to_string().replacen(key(1).to_string().chars().next().unwrap(), "9", 1);
        let peer = |name: &str, key: &str| format!("[[peer]]\nname = \"{name}\"\nkey = \"{key}\"\n");
        let whole = key(1).to_string();
        for (text, said) in [
            (format!("[peers]\n{}", peer("a", &mistyped)), ":7: peer[1].key: found \""),
            (format!("[peers]\n{}", peer("a", &mistyped)), "a character is mistyped"),
            (format!("[peers]\n{}", peer("a", "4747")), "4 characters; expected the key"),
            (
                format!("[peers]\n{}{}", peer("a", &whole), peer("b", &whole)),
                ":10: peer[2].key: does not go with peer \"a\"",
            ),
            (
                format!("[peers]\n{}{}", peer("a", &whole), peer("a", &key(2).plain())),
                ":9: peer[2].name: does not go with another",
            ),
            (
                format!("[peers]\n{}rights = \"root\"\n", peer("a", &whole)),
                "peer[1].rights: found \"root\", expected \"none\", \"read\"",
            ),
            (
                format!("[peers]\n{}addresses = [\"rsu-7:4747\"]\n", peer("a", &whole)),
                "expected an IP address with its port",
            ),
            (
                format!("[peers]\n{}messages_s = 0\n", peer("a", &whole)),
                "expected a whole number, 1 to 100000",
            ),
            (peer("a", &whole), ":1: peers is missing: a table [peers]"),
            ("[peers]\ndht = true\n".to_owned(), ":4: peers.dht_bootstrap is missing"),
            (
                "[peers]\ndht_bootstrap = [\"10.0.0.1\"]\n".to_owned(),
                "expected nodes where the DHT is entered",
            ),
            ("[peers]\nrelay = [\"relay.example\"]\n".to_owned(), "expected URLs of relays of your own"),
            (
                "[peers]\nrelay_ca = \"ca.pem\"\n".to_owned(),
                ":5: peers.relay_ca: does not go with no peers.relay",
            ),
            ("[peers]\nadmit_roots = [\"root.cred\"]\n".to_owned(), "peers.admit_issuers is missing"),
            (
                "[peers]\nadmitted = { rights = \"read\" }\n".to_owned(),
                "peers.admitted: does not go with no peers.admit_roots",
            ),
            (
                "[peers]\nlisten = [\"0.0.0.0:1\", \"10.0.0.1:2\"]\n".to_owned(),
                "peers.listen: found 2 addresses",
            ),
            ("[peers]\nmdsn = true\n".to_owned(), ":5: peers.mdsn: unknown key; known keys here: listen"),
        ] {
            let error = parse(&text).unwrap_err();
            assert!(error.starts_with("/etc/bridge.toml:") && error.contains(said), "{error}\n{said}");
            assert!(!error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn peers_need_the_bridge_s_key() {
        let error = whole("[bridge]\nname = \"a\"\n[peers]\n").unwrap_err();
        assert!(error.contains("bridge.key is missing") && error.contains("keys new"), "{error}");
    }
}
