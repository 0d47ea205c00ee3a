//! `station.toml`: the configuration of a station, parsed into types.
//!
//! [`StationConfig::load`] reads a file and returns the first thing wrong with it as one [`ConfigError`]; a
//! configuration that loads is consistent. Paths are taken from the directory of the file.

mod clock;
mod congestion;
mod control;
mod file;
mod identity;
mod link;
mod place;
mod roadside;
mod web;

use core::time::Duration;
use std::path::{Path, PathBuf};

use v2x_apps::load::Load;
use v2x_core::{AwarenessRule, ChangeRule, Config, Plausibility, PseudonymConfig, Role, Seed, limits};
use v2x_proto::Class;
use v2x_settings::{Document, Section, SettingsError, one_of};

pub use self::clock::{ClockConfig, ClockTrust};
pub use self::control::ControlConfig;
pub(crate) use self::control::LONGEST_SOCKET_PATH;
pub use self::file::{ConfigError, mode_for_everybody};
pub use self::identity::{CredentialFiles, ENCRYPTION_KEY_ENDING, IdentityFiles, OwnFiles};
pub(crate) use self::link::{DEFAULT_FREQUENCY_MHZ, FREQUENCIES_MHZ, MTUS, POWERS_DBM};
pub use self::link::{Fault, Injection, LinkConfig, Medium};
pub use self::place::PositionConfig;
pub use self::roadside::{
    Caster, CasterTls, CorrectionSource, Corrections, FeedAddress, Login, RoadsideConfig,
};
pub use self::web::{ListenAddress, MOST_NAMES, MOST_TOKENS, TokenFile, WebConfig};

/// A station as configured.
#[derive(Clone, Debug, PartialEq)]
pub struct StationConfig {
    /// The core's part: role, station type, size, awareness rule, plausibility, test flag.
    pub station: Config,
    /// Seed of all random choices; `None`: from the operating system at start.
    pub seed: Option<Seed>,
    /// The station's credentials and the authorities it trusts.
    pub identity: IdentityFiles,
    /// Files of revocation deltas, read again when they change.
    pub revocations: Vec<PathBuf>,
    /// The link and its wrappers.
    pub link: LinkConfig,
    /// Where positions come from.
    pub position: PositionConfig,
    /// When the clock is good enough to sign by.
    pub clock: ClockConfig,
    /// Scheduling.
    pub realtime: Realtime,
    /// Test traffic.
    pub load: Option<Load>,
    /// What a roadside unit sends; empty for a vehicle.
    pub roadside: RoadsideConfig,
    /// Reports while running.
    pub report: ReportConfig,
    /// The local socket for commands.
    pub control: ControlConfig,
    /// The group that may use it, besides its owner.
    pub control_group: Option<String>,
    /// HTTP for people and programs, served by a process of its own.
    pub web: Option<WebConfig>,
    /// What that group's members may do.
    pub control_rights: v2x_api::Right,
    /// Whether the vehicle warns by itself of its hard braking and of collisions ahead.
    pub alerts: bool,
    /// Whether its requests for priority are sent sealed or not at all.
    pub seal_required: bool,
}

/// Scheduling of the daemon's one thread. Nothing set: as the system schedules it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Realtime {
    /// `SCHED_FIFO` priority, 1..=99.
    pub fifo_priority: Option<u8>,
    /// Processor to stay on, from 0.
    pub cpu: Option<usize>,
    /// Keep all memory in RAM.
    pub lock_memory: bool,
}

/// Reports while running.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportConfig {
    /// File to write the report to as JSON.
    pub json: Option<PathBuf>,
    /// How often.
    pub every: Duration,
}

impl StationConfig {
    /// Reads `file`. The error is the first violation in the order of the document's tables.
    pub fn load(file: &Path) -> Result<Self, ConfigError> {
        let unreadable = |reason| ConfigError::Read { file: file.display().to_string(), reason };
        let text = file::read_text(file).map_err(unreadable)?;
        Ok(Self::parse(&text, file)?)
    }

    /// Reads `text`; `file` is what it is called in errors, and relative paths start from its directory.
    pub fn parse(text: &str, file: &Path) -> Result<Self, SettingsError> {
        let document = Document::parse(file, text)?;
        let file_name = file.display();
        let plan =
            format!("a station's configuration; a plan is run by: roadcast replay run --plan {file_name}");
        document.refuse("scenario", "a scenario", plan)?;
        let top = document.top(TOP_KEYS)?;
        let Some(role) = top.choice("role", ROLES)? else {
            return Err(top.missing("role", one_of(ROLES.iter().map(|(name, _)| *name))));
        };
        let mut station = station(&top, role)?;
        let seed = top.integer("seed", 0..=i64::MAX as u64)?.map(Seed);
        let identity = identity::read(&top)?;
        let revocations = revocations(&top)?;
        let link = link::read(&top)?;
        congestion::read(&top, &link.medium, &mut station)?;
        let position = place::read(&top, role)?;
        let (control, control_group, control_rights) = control::read(&top)?;
        let alerts = alerts(&top, role)?;
        let seal_required = seal_required(&top, role)?;
        let roadside = roadside::read(&top, role, &position)?;
        station.from_afar = roadside.from_afar;
        let config = Self {
            seed,
            identity,
            revocations,
            link,
            clock: clock::read(&top)?,
            realtime: realtime(&top)?,
            load: load(&top, station.test)?,
            alerts,
            seal_required,
            roadside,
            position,
            report: report(&top)?,
            control,
            control_group,
            web: web::read(&top)?,
            control_rights,
            station,
        };
        Ok(config)
    }
}

fn alerts(top: &Section<'_>, role: Role) -> Result<bool, SettingsError> {
    let alerts = top.flag("alerts")?.unwrap_or(false);
    if alerts && role == Role::Roadside {
        let right = "only a vehicle brakes: remove it, or role = \"vehicle\"";
        return Err(top.contradiction("alerts", "role = \"roadside\"", right));
    }
    Ok(alerts)
}

/// `priority_requests`: how the vehicle asks intersections for priority.
fn seal_required(top: &Section<'_>, role: Role) -> Result<bool, SettingsError> {
    let ways = [("sealed_if_possible", false), ("sealed", true)];
    let required = top.choice("priority_requests", &ways)?;
    if required.is_some() && role == Role::Roadside {
        let right = "only a vehicle asks for priority: remove it, or role = \"vehicle\"";
        return Err(top.contradiction("priority_requests", "role = \"roadside\"", right));
    }
    Ok(required.unwrap_or(false))
}

fn station(top: &Section<'_>, role: Role) -> Result<Config, SettingsError> {
    let mut config = match role {
        Role::Vehicle => Config::vehicle(),
        Role::Roadside => Config::roadside(),
    };
    config.test = top.flag("test")?.unwrap_or(false);
    let rules =
        [("enforce", Plausibility::Enforce), ("flag", Plausibility::Flag), ("off", Plausibility::Off)];
    if let Some(rule) = top.choice("plausibility", &rules)? {
        config.plausibility = rule;
    }
    if let Some(section) = top.table("station", &["type", "length_m", "width_m", "max_neighbours"])? {
        if let Some(number) = station_type(&section)? {
            let fits = (number == ROADSIDE_UNIT) == (role == Role::Roadside);
            if !fits {
                let role = role_name(role);
                let right = "a roadside unit has type \"roadside_unit\", a vehicle any other";
                return Err(section.contradiction("type", &format!("role = {role:?}"), right));
            }
            config.station_type = number;
        }
        let decimetres = |metres: f64| (metres * 10.0).round() as u16;
        if let Some(length) = section.number("length_m", 0.1..=102.2, " m")? {
            config.length_dm = Some(decimetres(length));
        }
        if let Some(width) = section.number("width_m", 0.1..=6.1, " m")? {
            config.width_dm = Some(decimetres(width));
        }
        if let Some(most) = section.integer("max_neighbours", 1..=limits::MAX_NEIGHBOURS)? {
            config.max_neighbours = most;
        }
    }
    if let Some(section) = top.table("awareness", &["rule", "interval_ms"])? {
        let rules = [("triggered", AwarenessRule::Triggered), ("off", AwarenessRule::Off)];
        let rule = section.choice("rule", &rules)?;
        let [shortest, longest] = [limits::MIN_AWARENESS_INTERVAL, limits::MAX_AWARENESS_INTERVAL];
        let interval =
            section.integer("interval_ms", shortest.as_millis() as u64..=longest.as_millis() as u64)?;
        config.awareness = match (rule, interval) {
            (Some(_), Some(_)) => {
                let right = "give a rule or a fixed interval, not both";
                return Err(section.contradiction("interval_ms", "awareness.rule", right));
            }
            (Some(rule), None) => rule,
            (None, Some(millis)) => AwarenessRule::Every(Duration::from_millis(millis)),
            (None, None) => config.awareness,
        };
    }
    if let Some(section) = top.table("pseudonym", &["change", "every_s", "silence_s"])? {
        config.pseudonym = pseudonym(&section, role, config.pseudonym)?;
    }
    if let Some(section) = top.table("verify", &["sample_far_awareness"])? {
        config.sample_far_awareness = section.integer("sample_far_awareness", 1..=100)?;
    }
    Ok(config)
}

fn pseudonym(
    section: &Section<'_>,
    role: Role,
    usual: PseudonymConfig,
) -> Result<PseudonymConfig, SettingsError> {
    let rule = section.choice("change", &[("trip", ChangeRule::Trip), ("off", ChangeRule::Off)])?;
    let every = section.integer("every_s", 10..=86_400)?.map(Duration::from_secs);
    let silence = section.number("silence_s", 0.0..=10.0, " s")?;
    let change = match (rule, every) {
        (Some(_), Some(_)) => {
            let right = "give a rule or an interval, not both";
            return Err(section.contradiction("every_s", "pseudonym.change", right));
        }
        (rule, every) => every.map(ChangeRule::Every).or(rule).unwrap_or(usual.change),
    };
    if role == Role::Roadside && change != ChangeRule::Off {
        let key = if every.is_some() { "every_s" } else { "change" };
        let right = "a roadside unit stays in one place, so pseudonyms do not hide it: change = \"off\"";
        return Err(section.contradiction(key, "role = \"roadside\"", right));
    }
    let silence = silence.map_or(usual.silence, Duration::from_secs_f64);
    Ok(PseudonymConfig { change, silence })
}

fn station_type(section: &Section<'_>) -> Result<Option<u8>, SettingsError> {
    if section.is_string("type") {
        section.choice("type", STATION_TYPES)
    } else {
        section.integer("type", 0..=15)
    }
}

fn revocations(top: &Section<'_>) -> Result<Vec<PathBuf>, SettingsError> {
    let Some(section) = top.table("revocation", &["files"])? else { return Ok(Vec::new()) };
    let right = "a list of the files of revocation deltas, such as [\"stolen.rev\"]";
    let files = section.paths("files")?.ok_or_else(|| section.missing("files", right))?;
    if files.len() > MOST_REVOCATION_FILES {
        let right =
            format!("at most {MOST_REVOCATION_FILES} files: a delta can hold all of an issuer's list");
        return Err(section.wrong("files", format!("{} files", files.len()), right));
    }
    Ok(files)
}

fn realtime(top: &Section<'_>) -> Result<Realtime, SettingsError> {
    let Some(section) = top.table("realtime", &["fifo_priority", "cpu", "lock_memory"])? else {
        return Ok(Realtime::default());
    };
    Ok(Realtime {
        fifo_priority: section.integer("fifo_priority", 1..=99)?,
        cpu: section.integer("cpu", 0..=1023)?,
        lock_memory: section.flag("lock_memory")?.unwrap_or(false),
    })
}

fn load(top: &Section<'_>, test: bool) -> Result<Option<Load>, SettingsError> {
    let Some(section) = top.table("load", &["rate_per_s", "classes", "payload_bytes"])? else {
        return Ok(None);
    };
    if !test {
        return Err(top.contradiction(
            "load",
            "test = false",
            "made-up traffic is test traffic: set test = true",
        ));
    }
    let Some(rate_per_s) = section.number("rate_per_s", 0.1..=10_000.0, " messages per second")? else {
        return Err(section.missing("rate_per_s", "messages per second, 0.1 to 10000"));
    };
    let right = "a list of classes \"D0\" to \"D5\"";
    let names = section.strings("classes", right)?.unwrap_or_else(|| vec!["D2".to_owned()]);
    let class_of = |name: &String| {
        let class = Class::ALL.into_iter().find(|class| class.name() == name);
        class.ok_or_else(|| section.wrong("classes", format!("{name:?}"), right.to_owned()))
    };
    Ok(Some(Load {
        rate_per_s,
        classes: names.iter().map(class_of).collect::<Result<_, _>>()?,
        payload_bytes: section.integer("payload_bytes", 1..=LONGEST_PAYLOAD)?.unwrap_or(DEFAULT_PAYLOAD),
    }))
}

fn report(top: &Section<'_>) -> Result<ReportConfig, SettingsError> {
    let mut report = ReportConfig { json: None, every: DEFAULT_REPORT_INTERVAL };
    if let Some(section) = top.table("report", &["json", "every_s"])? {
        report.json = section.path("json")?;
        if let Some(secs) = section.integer("every_s", 1..=86_400)? {
            report.every = Duration::from_secs(secs);
        }
    }
    Ok(report)
}

fn role_name(role: Role) -> &'static str {
    ROLES.iter().find(|(_, other)| *other == role).map_or("", |(name, _)| name)
}

const TOP_KEYS: &[&str] = &[
    "role",
    "seed",
    "test",
    "plausibility",
    "imminent",
    "congestion",
    "regulation",
    "alerts",
    "priority_requests",
    "identity",
    "revocation",
    "station",
    "awareness",
    "pseudonym",
    "verify",
    "link",
    "position",
    "clock",
    "realtime",
    "load",
    "roadside",
    "report",
    "control",
    "web",
];
const ROLES: &[(&str, Role)] = &[("vehicle", Role::Vehicle), ("roadside", Role::Roadside)];
/// ETSI TS 102 894-2 `StationType`.
const STATION_TYPES: &[(&str, u8)] = &[
    ("unknown", 0),
    ("pedestrian", 1),
    ("cyclist", 2),
    ("moped", 3),
    ("motorcycle", 4),
    ("passenger_car", 5),
    ("bus", 6),
    ("light_truck", 7),
    ("heavy_truck", 8),
    ("trailer", 9),
    ("special_vehicle", 10),
    ("tram", 11),
    ("light_vru_vehicle", 12),
    ("animal", 13),
    ("agricultural", 14),
    ("roadside_unit", ROADSIDE_UNIT),
];
const ROADSIDE_UNIT: u8 = 15;
/// Each is looked at once a second.
const MOST_REVOCATION_FILES: usize = 64;
const LONGEST_PAYLOAD: usize = 1000;
const DEFAULT_PAYLOAD: usize = 100;
const DEFAULT_REPORT_INTERVAL: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests;
