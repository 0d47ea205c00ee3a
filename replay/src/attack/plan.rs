//! The attacks of a run, read from a TOML file.

use core::ops::RangeInclusive;
use std::path::Path;

use v2x_core::DropReason;
use v2x_settings::{Document, Section, SettingsError, one_of};

use super::radio_attack::{RadioAttack, RadioAttackKind};
use crate::processor::Processor;

/// Attacks to take place in one run.
#[derive(Clone, Debug, PartialEq)]
pub struct AttackPlan {
    /// Seed of the choice of attackers and of the values they invent.
    pub seed: u64,
    /// A station takes part in at most one, the first that names it.
    pub attacks: Vec<Attack>,
    /// Transmitters beside the road; there is at least one of these or of those.
    pub radios: Vec<RadioAttack>,
    /// What the work of stations takes; `None`: what it takes without attackers.
    pub processor: Option<Processor>,
}

impl Default for AttackPlan {
    /// Nobody attacks, and work takes no time.
    fn default() -> Self {
        Self { seed: 1, attacks: Vec::new(), radios: Vec::new(), processor: None }
    }
}

/// One attack.
#[derive(Clone, Debug, PartialEq)]
pub struct Attack {
    /// What is done.
    pub kind: AttackKind,
    /// The attackers.
    pub targets: Targets,
    /// Start, s.
    pub start_s: f64,
    /// End, s.
    pub end_s: f64,
    /// Frames or messages a second of each attacker, where the kind makes any; 0.1 to 2000.
    pub rate_per_s: f64,
    /// How far off a made-up position is, m; 1 to 10,000.
    pub distance_m: f64,
    /// How far off a made-up speed is, m/s; 0.1 to 100.
    pub speed_mps: f64,
    /// Age of repeated messages, step of a clock, or time between two restarts, s; 0.001 to 600.
    pub delay_s: f64,
    /// Ghost cars, or pseudonyms in a flood, of each attacker; 1 to 16.
    pub ghosts: u32,
}

/// Which stations attack.
#[derive(Clone, Debug, PartialEq)]
pub enum Targets {
    /// This share of the stations, above 0 to 1, drawn by the seed; at least one.
    Share(f64),
    /// These, by their names in the trace.
    Named(Vec<String>),
}

macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $variant:ident => $name:literal,)+) => {
        /// What an attacker does.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum AttackKind { $($(#[doc = $doc])+ $variant,)+ }

        impl AttackKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Name in plans and reports.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }
        }
    };
}

kinds! {
    /// Claims one place all the time.
    ConstantPosition => "constant_position",
    /// Claims a place at a fixed offset from its own.
    ConstantOffset => "constant_offset",
    /// Claims another place each time.
    RandomPosition => "random_position",
    /// As `RandomPosition`, close to where it is.
    RandomOffset => "random_offset",
    /// States one speed all the time.
    ConstantSpeed => "constant_speed",
    /// States a speed that is off by a fixed amount.
    SpeedOffset => "speed_offset",
    /// States another speed each time.
    RandomSpeed => "random_speed",
    /// States a speed that is off by another amount each time.
    RandomSpeedOffset => "random_speed_offset",
    /// Claims to have stopped, and drives on.
    EventualStop => "eventual_stop",
    /// Repeats each time an earlier message of some other station nearby.
    Disruptive => "disruptive",
    /// Repeats the earlier messages of one other station, in order.
    DataReplay => "data_replay",
    /// States the opposite heading.
    ReversedHeading => "reversed_heading",
    /// Signs old times.
    Stale => "stale",
    /// Sends its messages late.
    Delay => "delay",
    /// Sends valid messages at a high rate.
    Dos => "dos",
    /// Sends random positions and speeds at a high rate.
    DosRandom => "dos_random",
    /// Warns of its hard braking and drives on.
    FeignedBraking => "feigned_braking",
    /// Sends for ghost cars around it, with a valid credential for each.
    SybilGrid => "sybil_grid",
    /// Signs with a clock that changes once a second: ahead, right, behind, right again.
    ClockStep => "clock_step",
    /// Sends valid messages at a high rate, full of requests for credentials, of stations nearby and of none.
    CredentialRequestFlood => "credential_request_flood",
    /// Sends valid messages at a high rate and changes to another of its credentials every second.
    PseudonymChangeInFlood => "pseudonym_change_in_flood",
    /// Repeats others' frames at once, byte for byte.
    ExactCopy => "exact_copy",
    /// Repeats others' frames later: late enough to outlive a receiver's restart.
    ReplayedFrames => "replayed_frames",
    /// Makes a station nearby restart now and then, and repeats to it the frames from before the restart.
    RestartReplay => "restart_replay",
    /// Repeats others' frames with another signature.
    InvalidSignature => "invalid_signature",
    /// Repeats others' frames with the order of the group added to the signature's scalar.
    MalleableSignature => "malleable_signature",
    /// Repeats others' frames with a signature whose point is of small order.
    SmallOrderSignature => "small_order_signature",
    /// Sends frames of unknown signers, so that receivers would request a credential for each.
    UnknownCredential => "unknown_credential",
    /// Sends garbage under the next sequence number of another station.
    PoisonedSequence => "poisoned_sequence",
}

impl AttackKind {
    /// Whether it is scored by frames that must be dropped, instead of stations to be suspected.
    pub fn forges(self) -> bool {
        self >= Self::ExactCopy
    }

    /// Whether it alters its own awareness messages.
    pub fn alters(self) -> bool {
        self <= Self::Stale
    }

    /// Whether it makes frames or messages beyond what its node sends.
    pub fn has_rate(self) -> bool {
        self.forges()
            || matches!(
                self,
                Self::Dos
                    | Self::DosRandom
                    | Self::FeignedBraking
                    | Self::SybilGrid
                    | Self::CredentialRequestFlood
                    | Self::PseudonymChangeInFlood
            )
    }

    /// Whether it signs with credentials besides its station's.
    pub fn has_ghosts(self) -> bool {
        matches!(self, Self::SybilGrid | Self::PseudonymChangeInFlood)
    }

    /// Drop reasons that show that it was detected, besides suspicion.
    pub fn reasons(self) -> &'static [DropReason] {
        use DropReason as R;
        match self {
            Self::Stale | Self::Delay => &[R::Stale],
            Self::ClockStep => &[R::Stale, R::FromFuture],
            Self::Dos | Self::DosRandom | Self::CredentialRequestFlood | Self::PseudonymChangeInFlood => {
                &[R::RateLimitedSigner, R::RateLimitedLink, R::RateLimitedForwarder]
            }
            Self::ExactCopy => &[R::ExactCopy, R::Replayed, R::RateLimitedLink, R::Own],
            Self::ReplayedFrames | Self::RestartReplay => {
                &[R::Stale, R::ExactCopy, R::Replayed, R::RateLimitedLink, R::Own]
            }
            Self::InvalidSignature
            | Self::MalleableSignature
            | Self::SmallOrderSignature
            | Self::PoisonedSequence => &[
                R::Own,
                R::ExactCopy,
                R::RateLimitedLink,
                R::UnknownCredential,
                R::Replayed,
                R::VerifyQueueFull,
                R::VerifyTooLate,
                R::SignatureInvalid,
            ],
            Self::UnknownCredential => &[R::RateLimitedLink, R::UnknownCredential, R::ExactCopy],
            _ => &[],
        }
    }

    /// Whether a plan may set this key for it.
    fn takes(self, key: &str) -> bool {
        match key {
            "kind" | "share" | "stations" | "start_s" | "end_s" => true,
            "rate_per_s" => self.has_rate(),
            "distance_m" => matches!(
                self,
                Self::ConstantPosition
                    | Self::ConstantOffset
                    | Self::RandomPosition
                    | Self::RandomOffset
                    | Self::DosRandom
                    | Self::SybilGrid
            ),
            "speed_mps" => {
                matches!(
                    self,
                    Self::ConstantSpeed
                        | Self::SpeedOffset
                        | Self::RandomSpeed
                        | Self::RandomSpeedOffset
                        | Self::DosRandom
                )
            }
            "delay_s" => matches!(
                self,
                Self::Stale | Self::Delay | Self::ReplayedFrames | Self::ClockStep | Self::RestartReplay
            ),
            "ghosts" => self.has_ghosts(),
            _ => false,
        }
    }
}

impl Attack {
    /// An attack with the defaults of its kind, from start to end of the run.
    pub fn new(kind: AttackKind, targets: Targets) -> Self {
        let rate_per_s = match kind {
            AttackKind::FeignedBraking => 1.0,
            AttackKind::SybilGrid => 10.0,
            AttackKind::RestartReplay => 500.0,
            _ => 50.0,
        };
        let distance_m = match kind {
            AttackKind::RandomOffset => 70.0,
            AttackKind::SybilGrid => 15.0,
            _ => 250.0,
        };
        Self {
            kind,
            targets,
            start_s: 0.0,
            end_s: f64::INFINITY,
            rate_per_s,
            distance_m,
            speed_mps: 10.0,
            delay_s: if matches!(kind, AttackKind::ReplayedFrames | AttackKind::RestartReplay) {
                5.0
            } else {
                3.0
            },
            ghosts: 5,
        }
    }
}

impl AttackPlan {
    /// Reads a plan; errors name it `file`.
    ///
    /// # Errors
    /// The first violation.
    pub fn parse(file: &str, text: &str) -> Result<Self, SettingsError> {
        let document = Document::parse(Path::new(file), text)?;
        let right = format!(
            "seed or [[attack]]; a plan with a scenario is run by: roadcast replay run --plan {file}"
        );
        document.refuse("scenario", "a scenario", right)?;
        let right = format!(
            "a plan of attacks, which has none; a station's configuration is run by: roadcast run {file}"
        );
        document.refuse("role", "a station's role", right)?;
        let top = document.top(&["seed", "attack", "verify_us", "sign_us", "frame_us"])?;
        let mut plan = Self { seed: top.integer("seed", 0..=u64::MAX)?.unwrap_or(1), ..Self::default() };
        plan.processor = Processor::read(&top)?;
        let tables = top.tables("attack", KEYS, MAX_ATTACKS)?;
        if tables.is_empty() {
            return Err(top.missing("attack", format!("1 to {MAX_ATTACKS} tables [[attack]]")));
        }
        for table in &tables {
            match kind(table)? {
                Kind::Stations(kind) => plan.attacks.push(attack(table, kind)?),
                Kind::Radios(kind) => plan.radios.push(RadioAttack::read(table, kind)?),
            }
        }
        let radios: u32 = plan.radios.iter().map(|attack| attack.radios).sum();
        if radios > MAX_RADIOS_OF_A_PLAN {
            let found = format!("{radios} transmitters");
            return Err(top.wrong("attack", found, format!("at most {MAX_RADIOS_OF_A_PLAN} in all tables")));
        }
        Ok(plan)
    }
}

/// Who attacks in a table, and how.
#[derive(Clone, Copy)]
enum Kind {
    Stations(AttackKind),
    Radios(RadioAttackKind),
}

fn kind(table: &Section<'_>) -> Result<Kind, SettingsError> {
    let stations = AttackKind::ALL.iter().map(|kind| (kind.name(), Kind::Stations(*kind)));
    let radios = RadioAttackKind::ALL.iter().map(|kind| (kind.name(), Kind::Radios(*kind)));
    let kinds: Vec<_> = stations.chain(radios).collect();
    table.need("kind", table.choice("kind", &kinds)?, one_of(kinds.iter().map(|(name, _)| *name)))
}

fn attack(table: &Section<'_>, kind: AttackKind) -> Result<Attack, SettingsError> {
    let keys: Vec<_> = KEYS.iter().filter(|key| kind.takes(key)).copied().collect();
    table.only(&keys, &format!("kind = {:?}", kind.name()))?;
    let stations = table.strings("stations", "names of stations: [\"car 1\", ...]")?;
    let targets = match (table.number("share", 0.0001..=1.0, "")?, stations) {
        (Some(_), Some(_)) => {
            return Err(table.contradiction("stations", "share", "give either share or stations"));
        }
        (_, Some(stations)) => Targets::Named(stations),
        (share, None) => Targets::Share(share.unwrap_or(DEFAULT_SHARE)),
    };
    let mut attack = Attack::new(kind, targets);
    let figures: [(&'static str, RangeInclusive<f64>, &mut f64); 6] = [
        ("start_s", 0.0..=1e6, &mut attack.start_s),
        ("end_s", 0.0..=1e6, &mut attack.end_s),
        ("rate_per_s", 0.1..=2000.0, &mut attack.rate_per_s),
        ("distance_m", 1.0..=10_000.0, &mut attack.distance_m),
        ("speed_mps", 0.1..=100.0, &mut attack.speed_mps),
        ("delay_s", 0.001..=600.0, &mut attack.delay_s),
    ];
    for (key, range, figure) in figures {
        *figure = table.number(key, range, "")?.unwrap_or(*figure);
    }
    attack.ghosts = table.integer("ghosts", 1..=16)?.unwrap_or(attack.ghosts);
    if attack.end_s <= attack.start_s {
        let found = format!("{} with start_s = {}", attack.end_s, attack.start_s);
        return Err(table.wrong("end_s", found, "a time after start_s".to_owned()));
    }
    Ok(attack)
}

/// Attackers' link addresses hold the attack's number in a byte.
const MAX_ATTACKS: usize = 64;
/// What a small town's radio amateurs could put up.
const MAX_RADIOS_OF_A_PLAN: u32 = 64;
const DEFAULT_SHARE: f64 = 0.2;
const KEYS: &[&str] = &[
    "kind",
    "share",
    "stations",
    "start_s",
    "end_s",
    "rate_per_s",
    "distance_m",
    "speed_mps",
    "delay_s",
    "ghosts",
    "at_m",
    "exit_m",
    "radios",
    "range_factor",
    "class",
    "names",
    "address",
    "pad_bytes",
    "forged_forwarder",
    "intersection",
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use v2x_proto::Class;

    use super::*;
    use crate::attack::RadioAddress;

    #[test]
    fn a_plan_reads_back_with_its_kinds_figures() {
        let text = "seed = 7\n[[attack]]\nkind = \"dos\"\nshare = 0.1\nrate_per_s = 100\n\n[[attack]]\nkind = \"stale\"\nstations = [\"a\"]\n";
        let plan = AttackPlan::parse("p.toml", text).unwrap();
        assert_eq!((plan.seed, plan.attacks.len()), (7, 2));
        assert_eq!((plan.attacks[0].kind, plan.attacks[0].rate_per_s), (AttackKind::Dos, 100.0));
        assert_eq!(plan.attacks[1].targets, Targets::Named(vec!["a".to_owned()]));
        assert_eq!(plan.attacks[1].delay_s, 3.0);
    }

    #[test]
    fn what_is_wrong_is_named_with_file_line_key_and_what_would_be_right() {
        let said = |text: &str| AttackPlan::parse("p.toml", text).unwrap_err().to_string();
        let one = said("seed = 1\n[[attack]]\nkind = \"rudeness\"\n");
        assert!(
            one.starts_with("p.toml:3: attack[1].kind: found \"rudeness\", expected \"constant_position\", "),
            "{one}"
        );
        let one = said("[[attack]]\nkind = \"stale\"\nghosts = 3\n");
        assert!(
            one.starts_with(
                "p.toml:3: attack[1].ghosts: does not go with kind = \"stale\"; keys that do: kind, share"
            ),
            "{one}"
        );
        let one = said("[[attack]]\nkind = \"stale\"\nshare = 3\n");
        assert!(
            one.starts_with("p.toml:3: attack[1].share: found 3, expected a number, 0.0001 to 1"),
            "{one}"
        );
        assert!(
            said("speed = 1\n").starts_with("p.toml:1: speed: unknown key; known keys here: seed, attack")
        );
        let floods = said("seeds = [1]\n[scenario]\n");
        assert!(
            floods
                .ends_with("[[attack]]; a plan with a scenario is run by: roadcast replay run --plan p.toml")
        );
        assert!(said("seed = -1").contains("seed: found -1, expected a whole number"));
        assert!(said("").contains("1 to 64 tables [[attack]]"));
        assert!(said("[[attack]\n").starts_with("p.toml:1: not TOML"));
        assert!(said("[[attack]]\nkind=\"dos\"\nstart_s=5\nend_s=4\n").contains("end_s"));
        assert!(said("[[attack]]\nkind=\"dos\"\nshare=0.1\nstations=[\"a\"]\n").contains("either share or"));
    }

    #[test]
    fn a_red_team_s_plan_reads_back_with_every_key() {
        let text = "verify_us = 200\nframe_us = 3\n[[attack]]\nkind = \"strip\"\nat_m = [10, -5]\nradios = 2\n\
                    range_factor = 1.5\nstart_s = 1\nend_s = 9\nrate_per_s = 40\ndelay_s = 0.5\naddress = \"own\"\n\
                    forged_forwarder = true\n[[attack]]\nkind = \"forged\"\nclass = \"D1\"\nnames = 7\n\
                    [[attack]]\nkind = \"pad\"\npad_bytes = 9\n[[attack]]\nkind = \"wormhole\"\nexit_m = [1, 2]\n\
                    [[attack]]\nkind = \"squatter\"\nintersection = 12\n[[attack]]\nkind = \"dos\"\n";
        let plan = AttackPlan::parse("p.toml", text).unwrap();
        assert_eq!(plan.processor, Some(Processor { verify_ns: 200_000, sign_ns: 0, frame_ns: 3_000 }));
        assert_eq!((plan.attacks.len(), plan.radios.len()), (1, 5));
        let want = RadioAttack {
            at_m: Some((10.0, -5.0)),
            radios: 2,
            range_factor: 1.5,
            start_s: 1.0,
            end_s: 9.0,
            rate_per_s: 40.0,
            delay_s: 0.5,
            address: RadioAddress::Own,
            forged_forwarder: true,
            ..RadioAttack::new(RadioAttackKind::Strip)
        };
        assert_eq!(plan.radios[0], want);
        assert_eq!((plan.radios[1].class, plan.radios[1].names), (Class::D1, 7));
        assert_eq!((plan.radios[2].pad_bytes, plan.radios[3].exit_m), (9, (1.0, 2.0)));
        assert_eq!(plan.radios[4].intersection, 12);
    }

    #[test]
    fn what_is_wrong_with_a_red_team_is_named_with_what_would_be_right() {
        let said = |text: &str| AttackPlan::parse("p.toml", text).unwrap_err().to_string();
        for (text, right) in [
            (
                "kind = \"stripe\"",
                "p.toml:2: attack[1].kind: found \"stripe\", expected \"constant_position\", ",
            ),
            ("kind = \"strip\"\nrate_per_s = 0", "rate_per_s: found 0, expected a number, 0.1 to 2000"),
            ("kind = \"strip\"\nradios = 17", "radios: found 17, expected a whole number, 1 to 16"),
            ("kind = \"strip\"\nat_m = [1]", "at_m: found "),
            (
                "kind = \"strip\"\nshare = 0.2",
                "share: does not go with kind = \"strip\"; keys that do: kind, at_m",
            ),
            (
                "kind = \"stale\"\nat_m = [1, 2]",
                "at_m: does not go with kind = \"stale\"; keys that do: kind, share",
            ),
            ("kind = \"pad\"\npad_bytes = 0", "pad_bytes: found 0, expected a whole number, 1 to 1000"),
            (
                "kind = \"forged\"\nclass = \"D5\"",
                "class: found \"D5\", expected \"D0\", \"D1\", \"D2\" or \"D3\"",
            ),
            (
                "kind = \"strip\"\naddress = \"x\"",
                "address: found \"x\", expected \"own\", \"victim\" or \"made_up\"",
            ),
            (
                "kind = \"clone\"\nstart_s = 3\nend_s = 3",
                "end_s: found 3 with start_s = 3, expected a time after",
            ),
            (
                "kind = \"squatter\"\nintersection = 0",
                "intersection: found 0, expected a whole number, 1 to 65535",
            ),
            ("kind = \"wormhole\"\nexit_m = 3", "exit_m: found 3"),
        ] {
            let one = said(&format!("[[attack]]\n{text}\n"));
            assert!(one.contains(right) && one.lines().count() == 1, "{one}");
        }
        assert!(said("[[attack]]\nkind=\"x\"\n").contains("\"squatter\", \"clone\" or \"copier\""));
        let many = "[[attack]]\nkind = \"strip\"\nradios = 16\n".repeat(5);
        assert!(said(&many).contains("attack: found 80 transmitters, expected at most 64 in all tables"));
        assert!(
            said("verify_us = -1\n[[attack]]\nkind=\"pad\"\n")
                .starts_with("p.toml:1: verify_us: found -1, expected a number, 0 to 1000000 us")
        );
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "\\PC*", value in "[-0-9a-z.\"\\[\\], ]{0,12}") {
            let some = |plan: &AttackPlan| !plan.attacks.is_empty() || !plan.radios.is_empty();
            prop_assert!(AttackPlan::parse("p.toml", &text).map_or(true, |plan| some(&plan)));
            for kind in ["sybil_grid", "strip", "pad", "wormhole", "forged", "squatter"] {
                for key in KEYS {
                    let text = format!("[[attack]]\nkind = \"{kind}\"\n{key} = {value}\n");
                    let within = |plan: &AttackPlan| {
                        plan.attacks.iter().all(|attack| attack.ghosts <= 16)
                            && plan.radios.iter().all(|attack| (1..=16).contains(&attack.radios))
                    };
                    prop_assert!(AttackPlan::parse("p.toml", &text).map_or(true, |plan| within(&plan)));
                }
            }
        }
    }
}
