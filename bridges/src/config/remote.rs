//! `[remote]`: the log of remote control.

use std::path::PathBuf;

use v2x_settings::{Section, SettingsError};

use crate::peers::PeersSettings;

/// The file of the log; none without `[remote]`.
pub(super) fn read(
    top: &Section<'_>,
    peers: Option<&PeersSettings>,
) -> Result<Option<PathBuf>, SettingsError> {
    let section = top.table("remote", &["log"])?;
    let log = match &section {
        Some(section) => Some(section.need("log", section.path("log")?, LOG_RIGHT)?),
        None => None,
    };
    let admitted = peers
        .and_then(|peers| peers.admission.as_ref())
        .is_some_and(|admission| admission.terms.rights.is_some());
    let named = peers.is_some_and(|peers| peers.peers.iter().any(|peer| peer.terms.rights.is_some()));
    if log.is_none() && (admitted || named) {
        let right = "a table [remote] with log = \"/var/log/roadcast/remote.log\", because a peer has rights to remote control";
        return Err(top.missing("remote", right));
    }
    Ok(log)
}

const LOG_RIGHT: &str = "the file where it is logged who asks what: \"/var/log/roadcast/remote.log\"";

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::Config;

    const START: &str = "[bridge]\nname = \"a\"\nkey = \"bridge.key\"\n[peers]\n";

    fn parse(text: &str) -> Result<Config, String> {
        Config::parse(Path::new("/etc/b.toml"), &format!("{START}{text}")).map_err(|error| error.to_string())
    }

    #[test]
    fn rights_without_a_log_are_refused() {
        let key = iroh::SecretKey::from_bytes(&[1; 32]).public().to_z32();
        let peer =
            |rights: &str| format!("[[peer]]\nname = \"desk\"\nkey = \"{key}\"\nrights = \"{rights}\"\n");
        let error = parse(&peer("read")).unwrap_err();
        assert!(error.contains("remote is missing: a table [remote] with log = "), "{error}");
        assert_eq!(parse(&peer("none")).unwrap().remote_log, None);
        let logged = parse(&format!("{}[remote]\nlog = \"remote.log\"\n", peer("read"))).unwrap();
        assert_eq!(logged.remote_log.as_deref(), Some(Path::new("/etc/remote.log")));
        assert!(parse("[remote]\n").unwrap_err().contains("remote.log is missing"));
    }
}
