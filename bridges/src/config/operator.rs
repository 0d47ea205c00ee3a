//! `[operator]`: what the unit takes from its operator, and where that goes.

use std::time::Duration;

use ed25519_dalek::VerifyingKey;
use v2x_settings::{Section, SettingsError};

use super::bridge::{BridgeSettings, NAME_RIGHT, is_name};
use crate::operator::command::CommandLine;
use crate::operator::manifest::OperatorKeys;
use crate::operator::settings::{ApplyCommands, OperatorSettings, OwnPlace, Places};
use crate::peers::{PeerKey, PeersSettings};
use crate::station::StationSettings;

/// None without `[operator]`.
pub(super) fn read(
    top: &Section<'_>,
    bridge: &BridgeSettings,
    stations: &[StationSettings],
    peers: Option<&PeersSettings>,
) -> Result<Option<OperatorSettings>, SettingsError> {
    let Some(section) = top.table("operator", KEYS)? else { return Ok(None) };
    let directory = section.path("directory")?;
    let directory = section.need("directory", directory, DIRECTORY_RIGHT)?;
    let daemon = daemon(&section, stations)?;
    let announce = section.flag("announce")?.unwrap_or(false);
    if announce && daemon.is_none() {
        let right = "a [[station]] sends them; or announce = false";
        return Err(section.contradiction("announce", "no [[station]]", right));
    }
    let every = section.integer("every_s", 60..=604_800_u64)?;
    let longest = section.integer("longest_bundle_mib", 1..=65_536_u64)?;
    Ok(Some(OperatorSettings {
        names: names(&section, bridge)?,
        keys: keys(&section)?,
        directory,
        sources: sources(&section, peers)?,
        every: Duration::from_secs(every.unwrap_or(3_600)),
        announce,
        longest_bundle: longest.unwrap_or(1_024) << 20,
        bytes_s: section.integer("kib_s", 16..=1_048_576_u64)?.map(|rate| rate << 10),
        places: places(&section)?,
        commands: commands(&section)?,
        daemon,
    }))
}

/// The bridge's own name and those of its groups.
fn names(section: &Section<'_>, bridge: &BridgeSettings) -> Result<Vec<String>, SettingsError> {
    let right = "names of this unit and of its groups, such as [\"rsu-7\", \"north\"]";
    let names = section.strings("names", right)?.unwrap_or_else(|| vec![bridge.name.clone()]);
    if names.len() > MOST_NAMES {
        return Err(section.wrong(
            "names",
            format!("{} names", names.len()),
            format!("at most {MOST_NAMES}"),
        ));
    }
    match names.iter().find(|name| !is_name(name)) {
        Some(name) => Err(section.wrong("names", format!("{name:?}"), NAME_RIGHT.to_owned())),
        None => Ok(names),
    }
}

fn keys(section: &Section<'_>) -> Result<OperatorKeys, SettingsError> {
    let texts = section.strings("keys", KEYS_RIGHT)?;
    let texts = section.need("keys", texts, KEYS_RIGHT)?;
    let mut keys: Vec<VerifyingKey> = Vec::new();
    for text in &texts {
        let wrong = |why: String| section.wrong("keys", format!("{text:?}"), why);
        let key: PeerKey = text.parse().map_err(|_| wrong(KEYS_RIGHT.to_owned()))?;
        let key = VerifyingKey::from_bytes(key.as_bytes()).map_err(|_| wrong(KEYS_RIGHT.to_owned()))?;
        if keys.contains(&key) {
            return Err(wrong("each key once".to_owned()));
        }
        keys.push(key);
    }
    let found = keys.len();
    OperatorKeys::new(keys).ok_or_else(|| {
        let right = format!("at most {}: the present key and the next", OperatorKeys::MOST);
        section.wrong("keys", format!("{found} keys"), right)
    })
}

fn sources(section: &Section<'_>, peers: Option<&PeersSettings>) -> Result<Vec<String>, SettingsError> {
    let right = "names of [[peer]], such as [\"depot\"]";
    let sources = section.strings("sources", right)?.unwrap_or_default();
    let known = |name: &String| peers.is_some_and(|peers| peers.peers.iter().any(|peer| peer.name == *name));
    match sources.iter().find(|name| !known(name)) {
        Some(name) => Err(section.wrong("sources", format!("{name:?}"), right.to_owned())),
        None => Ok(sources),
    }
}

fn daemon(
    section: &Section<'_>,
    stations: &[StationSettings],
) -> Result<Option<std::path::PathBuf>, SettingsError> {
    let name = section.string("station", NAME_RIGHT)?;
    match name {
        None => Ok(stations.first().map(|station| station.socket.clone())),
        Some(name) => match stations.iter().find(|station| station.name == name) {
            Some(station) => Ok(Some(station.socket.clone())),
            None => {
                let right = "the name of a [[station]]".to_owned();
                Err(section.wrong("station", format!("{name:?}"), right))
            }
        },
    }
}

fn places(section: &Section<'_>) -> Result<Places, SettingsError> {
    let Some(table) = section.table("place", PLACES)? else { return Ok(Places::default()) };
    let own = match (table.path("credential")?, table.path("pool")?) {
        (Some(_), Some(_)) => {
            let right = "one credential, or a pool of them";
            return Err(table.contradiction("pool", "operator.place.credential", right));
        }
        (Some(credential), None) => Some(OwnPlace::One(credential)),
        (None, Some(pool)) => Some(OwnPlace::Pool(pool)),
        (None, None) => None,
    };
    let (roots, issuers) =
        (table.paths("roots")?.unwrap_or_default(), table.paths("issuers")?.unwrap_or_default());
    if roots.is_empty() != issuers.is_empty() {
        let key = if roots.is_empty() { "roots" } else { "issuers" };
        return Err(table.missing(key, "roots and issuers come together: a file for each"));
    }
    let revocation = table.paths("revocation")?.unwrap_or_default();
    Ok(Places { configuration: table.path("configuration")?, roots, issuers, revocation, own })
}

fn commands(section: &Section<'_>) -> Result<ApplyCommands, SettingsError> {
    let usual = Duration::from_secs(900);
    let Some(table) = section.table("apply", COMMANDS)? else {
        return Ok(ApplyCommands { longest: usual, ..ApplyCommands::default() });
    };
    let command = |key: &'static str| {
        let words = table.strings(key, COMMAND_RIGHT)?;
        Ok(words.and_then(CommandLine::new))
    };
    let with_file = |key: &'static str| {
        let line = command(key)?;
        match &line {
            Some(line) if !line.names_file() => {
                Err(table.wrong(key, "a command without {file}".to_owned(), COMMAND_RIGHT.to_owned()))
            }
            _ => Ok(line),
        }
    };
    let longest = table.integer("longest_s", 1..=86_400_u64)?;
    Ok(ApplyCommands {
        software: with_file("software")?,
        software_running: command("software_running")?,
        check: with_file("check")?,
        restart: command("restart")?,
        longest: longest.map_or(usual, Duration::from_secs),
    })
}

const KEYS: &[&str] = &[
    "names",
    "keys",
    "directory",
    "sources",
    "every_s",
    "announce",
    "longest_bundle_mib",
    "kib_s",
    "station",
    "place",
    "apply",
];
const PLACES: &[&str] = &["configuration", "roots", "issuers", "revocation", "credential", "pool"];
const COMMANDS: &[&str] = &["software", "software_running", "check", "restart", "longest_s"];
const DIRECTORY_RIGHT: &str =
    "where versions and content on its way are kept, such as \"/var/lib/roadcast/operator\"";
const KEYS_RIGHT: &str = "the operator's public keys as `roadcast-bridge operator keys show` prints them";
const COMMAND_RIGHT: &str =
    "a program and its arguments, with {file} where the file stands: [\"rauc\", \"install\", \"{file}\"]";
/// A unit and the groups that it is in.
const MOST_NAMES: usize = 16;

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::super::Config;
    use super::*;

    const START: &str = "[bridge]\nname = \"rsu-7\"\n[[station]]\nsocket = \"/run/rsu-7.sock\"\n";

    fn key(seed: u8) -> String {
        let key = ed25519_dalek::SigningKey::from_bytes(&[seed; 32]).verifying_key();
        PeerKey::from_bytes(key.as_bytes()).unwrap().to_string()
    }

    fn parse(text: &str) -> Result<OperatorSettings, String> {
        let config = Config::parse(Path::new("/etc/roadcast/bridge.toml"), &format!("{START}{text}"));
        config.map(|config| config.operator.unwrap()).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_left_out_takes_nothing_and_runs_nothing() {
        let operator = parse(&format!("[operator]\nkeys = [{:?}]\ndirectory = \"state\"\n", key(1))).unwrap();
        assert_eq!(operator.names, ["rsu-7"]);
        assert_eq!(operator.directory, Path::new("/etc/roadcast/state"));
        assert_eq!(operator.daemon, Some(PathBuf::from("/run/rsu-7.sock")));
        assert_eq!((operator.places, operator.commands.software), (Places::default(), None));
        assert_eq!((operator.announce, operator.every.as_secs()), (false, 3_600));
    }

    #[test]
    fn places_and_commands_are_read() {
        let operator = parse(&format!(
            "[operator]\nkeys = [{:?}, {:?}]\ndirectory = \"/state\"\nnames = [\"rsu-7\", \"north\"]\n\
             announce = true\n[operator.place]\nconfiguration = \"rsu-7.toml\"\nroots = [\"keys/root.cred\"]\n\
             issuers = [\"keys/issuer.cred\"]\npool = \"keys/rsu-7\"\nrevocation = [\"keys/operator.rev\"]\n\
             [operator.apply]\nsoftware = [\"rauc\", \"install\", \"{{file}}\"]\nrestart = [\"systemctl\", \"restart\", \"roadcast\"]\n\
             longest_s = 60\n",
            key(1),
            key(2)
        ))
        .unwrap();
        assert_eq!(operator.places.own, Some(OwnPlace::Pool(PathBuf::from("/etc/roadcast/keys/rsu-7"))));
        assert_eq!(operator.commands.longest.as_secs(), 60);
        assert!(operator.commands.software.is_some_and(|line| line.names_file()));
    }

    #[test]
    fn what_is_wrong_is_named_with_what_would_be_right() {
        let good = format!("keys = [{:?}]\ndirectory = \"state\"\n", key(1));
        let mistyped = key(1).replacen(|c: char| c != 'y', "y", 1);
        let three = [1, 2, 3].map(|seed| format!("{:?}", key(seed))).join(", ");
        for (text, expected) in [
            ("directory = \"state\"\n".to_owned(), "operator.keys is missing: the operator's public keys"),
            (format!("keys = [{:?}]\n", key(1)), "operator.directory is missing"),
            (format!("keys = [{mistyped:?}]\ndirectory = \"s\"\n"), "operator.keys: found"),
            (format!("keys = [{0:?}, {0:?}]\ndirectory = \"s\"\n", key(1)), "expected each key once"),
            (format!("keys = [{three}]\ndirectory = \"s\"\n"), "found 3 keys, expected at most 2"),
            (format!("{good}sources = [\"depot\"]\n"), "found \"depot\", expected names of [[peer]]"),
            (format!("{good}station = \"none\"\n"), "found \"none\", expected the name of a [[station]]"),
            (format!("{good}names = [\"a/b\"]\n"), "operator.names: found \"a/b\""),
            (format!("{good}speed = 1\n"), "operator.speed: unknown key"),
            (format!("{good}place = {{ pool = \"a\", credential = \"b\" }}\n"), "operator.place.credential"),
            (format!("{good}place = {{ roots = [\"a\"] }}\n"), "operator.place.issuers is missing"),
            (format!("{good}apply = {{ software = [\"rauc\", \"install\"] }}\n"), "a command without {file}"),
            (format!("{good}apply = {{ software = \"rauc\" }}\n"), "operator.apply.software"),
            (format!("{good}every_s = 1\n"), "operator.every_s"),
            (format!("{good}kib_s = 1\n"), "operator.kib_s"),
        ] {
            let error = parse(&format!("[operator]\n{text}")).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
