//! What a unit takes from its operator, as configured.

use std::path::PathBuf;
use std::time::Duration;

use super::command::CommandLine;
use super::kind::ContentKind;
use super::manifest::OperatorKeys;

/// `[operator]` of a unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorSettings {
    /// What manifests may call this unit: its own name and those of its groups, 1 to 16.
    pub names: Vec<String>,
    /// The operator's public keys.
    pub keys: OperatorKeys,
    /// Where versions and content on its way are kept.
    pub directory: PathBuf,
    /// Peers that are asked for what is new.
    pub sources: Vec<String>,
    /// How often they are asked.
    pub every: Duration,
    /// Whether manifests are passed on over the air.
    pub announce: bool,
    /// The longest bundle of software, bytes.
    pub longest_bundle: u64,
    /// The most content that is fetched from a peer, or given to one, bytes a second; as fast as the link without.
    pub bytes_s: Option<u64>,
    /// Where content goes.
    pub places: Places,
    /// What is run.
    pub commands: ApplyCommands,
    /// The control socket of the daemon that is told.
    pub daemon: Option<PathBuf>,
}

/// Files that content of the built-in kinds goes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// The daemon's configuration.
    pub configuration: Option<PathBuf>,
    /// Its roots, a file each.
    pub roots: Vec<PathBuf>,
    /// Its issuers, a file each.
    pub issuers: Vec<PathBuf>,
    /// Its revocation deltas, a file each.
    pub revocation: Vec<PathBuf>,
    /// Its own credentials.
    pub own: Option<OwnPlace>,
}

/// Where a unit's own credentials are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OwnPlace {
    /// One credential; its key is beside it, ending in `.key`.
    One(PathBuf),
    /// `NAME-1.cred` with `NAME-1.key` and so on.
    Pool(PathBuf),
}

/// Commands of `[operator.apply]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApplyCommands {
    /// Installs a bundle of software.
    pub software: Option<CommandLine>,
    /// Prints in its first line what software runs.
    pub software_running: Option<CommandLine>,
    /// Checks a configuration: 0 without a fault, and higher the worse it is.
    pub check: Option<CommandLine>,
    /// Starts the daemon again with another configuration.
    pub restart: Option<CommandLine>,
    /// The longest that a command may take.
    pub longest: Duration,
}

impl OperatorSettings {
    /// The longest content of a kind; `None` when nothing is configured for it.
    #[must_use]
    pub fn longest(&self, kind: ContentKind) -> Option<u64> {
        let Places { configuration, roots, issuers, revocation, own } = &self.places;
        let configured = match kind {
            ContentKind::Revocation => !revocation.is_empty(),
            ContentKind::Trust => !roots.is_empty() && !issuers.is_empty(),
            ContentKind::Credentials => own.is_some(),
            ContentKind::Configuration => configuration.is_some(),
            ContentKind::Software => self.commands.software.is_some(),
        };
        configured.then(|| kind.longest(self.longest_bundle))
    }
}
