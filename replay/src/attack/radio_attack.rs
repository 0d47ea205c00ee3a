//! Attackers beside the road: transmitters that are no station of the traffic, with a credential or without.

use core::ops::RangeInclusive;

use v2x_proto::Class;
use v2x_settings::{Section, SettingsError};

use crate::identities::Part;

/// Transmitters of one kind at one place.
#[derive(Clone, Debug, PartialEq)]
pub struct RadioAttack {
    /// What they do.
    pub kind: RadioAttackKind,
    /// Where they stand: east and north of the scenario's origin, of a trace's first position, m; `None`: in the middle of all
    /// traffic.
    pub at_m: Option<(f64, f64)>,
    /// Where a wormhole comes out: east and north of its entry, m.
    pub exit_m: (f64, f64),
    /// How many transmitters, each with the rate; 1 to 16.
    pub radios: u32,
    /// How far they hear and are heard, in parts of a car's range; 0.1 to 10.
    pub range_factor: f64,
    /// Start, s: at 0 they speak before any honest station does.
    pub start_s: f64,
    /// End, s.
    pub end_s: f64,
    /// Frames a second of each, at most; 0.1 to 2000.
    pub rate_per_s: f64,
    /// From what is heard to what is sent because of it, s; 0 to 600.
    pub delay_s: f64,
    /// Deadline class of forged frames.
    pub class: Class,
    /// In how many neighbours' names; 1 to 256.
    pub names: u32,
    /// From which link address.
    pub address: RadioAddress,
    /// Bytes added outside what is signed; 1 to 1000.
    pub pad_bytes: u32,
    /// Whether it writes a far station into what is repeated, as if that had sent it.
    pub forged_forwarder: bool,
    /// The intersection of a false signal state.
    pub intersection: u32,
}

/// The link address from which a transmitter sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RadioAddress {
    /// One of its own.
    Own,
    /// That of the station whose frame it repeats, or in whose name it speaks.
    Victim,
    /// Another for each frame.
    MadeUp,
}

macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $variant:ident => $name:literal,)+) => {
        /// What a transmitter beside the road does. Those from [`RevocationStorm`](Self::RevocationStorm) on have a valid
        /// credential, the others none.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum RadioAttackKind { $($(#[doc = $doc])+ $variant,)+ }

        impl RadioAttackKind {
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
    /// Repeats each frame that brings its signer's credential with the digest in its place.
    Strip => "strip",
    /// Repeats each frame with bytes added outside what is signed.
    Pad => "pad",
    /// Repeats each frame at another place.
    Wormhole => "wormhole",
    /// Sends frames with invalid signatures in the names of neighbours.
    Forged => "forged",
    /// Sends frames with made-up credentials.
    CredentialStorm => "credential_storm",
    /// Sends frames in made-up names, without credentials.
    NameStorm => "name_storm",
    /// The same now and then: each small frame asks every station for its credential.
    RequestStorm => "request_storm",
    /// Repeats each imminent warning as if several neighbours had sent it on.
    Copies => "copies",
    /// Sends revocation lists that no issuer signed; a roadside unit's credential.
    RevocationStorm => "revocation_storm",
    /// Sends updates of hazards that nobody declared.
    UpdateStorm => "update_storm",
    /// Declares a rare hazard for an area far away: whoever names it is recognised.
    Marker => "marker",
    /// Sends green for an intersection before its unit speaks; a roadside unit's credential.
    Squatter => "squatter",
    /// A second station with the credential of another.
    SecondHolder => "clone",
    /// Signs what a neighbour says as its own, and sends that first.
    Copier => "copier",
}

impl RadioAttackKind {
    /// Whether it has a valid credential.
    pub fn is_insider(self) -> bool {
        self >= Self::RevocationStorm
    }

    /// Whose credential it has; `None`: none, or a victim's.
    pub(crate) fn part(self) -> Option<Part> {
        match self {
            Self::RevocationStorm | Self::Squatter => Some(Part::Roadside),
            Self::UpdateStorm | Self::Marker | Self::Copier => Some(Part::Vehicle),
            _ => None,
        }
    }

    /// Whether it acts when it hears a frame, and not by its rate alone.
    pub(crate) fn reacts(self) -> bool {
        matches!(self, Self::Strip | Self::Pad | Self::Wormhole | Self::Copies | Self::Copier)
    }

    /// Whether a plan may set this key for it.
    fn takes(self, key: &str) -> bool {
        match key {
            "kind" | "at_m" | "radios" | "range_factor" | "start_s" | "end_s" | "rate_per_s" => true,
            "delay_s" => self.reacts(),
            "exit_m" => self == Self::Wormhole,
            "class" => matches!(self, Self::Forged | Self::CredentialStorm | Self::NameStorm),
            "names" => matches!(self, Self::Forged | Self::Copies),
            "address" => {
                matches!(self, Self::Strip | Self::Pad | Self::Wormhole | Self::Forged | Self::Copies)
                    || self.makes_names_up()
            }
            "pad_bytes" => self == Self::Pad,
            "forged_forwarder" => matches!(self, Self::Strip | Self::Pad),
            "intersection" => self == Self::Squatter,
            _ => false,
        }
    }

    fn makes_names_up(self) -> bool {
        matches!(self, Self::CredentialStorm | Self::NameStorm | Self::RequestStorm)
    }
}

impl RadioAttack {
    /// With the defaults of its kind, from start to end of the run.
    pub fn new(kind: RadioAttackKind) -> Self {
        use RadioAttackKind as K;
        Self {
            kind,
            at_m: None,
            exit_m: (1_300.0, 0.0),
            radios: 1,
            range_factor: 2.0,
            start_s: 0.0,
            end_s: f64::INFINITY,
            rate_per_s: match kind {
                K::CredentialStorm | K::NameStorm => 1_000.0,
                K::RequestStorm | K::Squatter | K::SecondHolder => 10.0,
                K::RevocationStorm | K::UpdateStorm => 20.0,
                K::Marker => 0.1,
                K::Copier => 100.0,
                _ => 2_000.0,
            },
            delay_s: 0.0003,
            class: if kind == K::RequestStorm { Class::D2 } else { Class::D0 },
            names: if kind == K::Copies { 3 } else { 1 },
            address: if kind.makes_names_up() { RadioAddress::MadeUp } else { RadioAddress::Victim },
            pad_bytes: 600,
            forged_forwarder: false,
            intersection: 1,
        }
    }

    /// Whether it sends at another place than where it hears.
    pub(crate) fn has_exit(&self) -> bool {
        self.kind == RadioAttackKind::Wormhole
    }

    /// Reads one table `[[attack]]`.
    pub(super) fn read(table: &Section<'_>, kind: RadioAttackKind) -> Result<Self, SettingsError> {
        let keys: Vec<_> = RADIO_KEYS.iter().filter(|key| kind.takes(key)).copied().collect();
        table.only(&keys, &format!("kind = {:?}", kind.name()))?;
        let mut attack = Self::new(kind);
        attack.at_m = table.pair("at_m", PLACE_M)?;
        attack.exit_m = table.pair("exit_m", PLACE_M)?.unwrap_or(attack.exit_m);
        let figures: [(&'static str, RangeInclusive<f64>, &mut f64); 5] = [
            ("range_factor", 0.1..=10.0, &mut attack.range_factor),
            ("start_s", 0.0..=1e6, &mut attack.start_s),
            ("end_s", 0.0..=1e6, &mut attack.end_s),
            ("rate_per_s", 0.1..=2_000.0, &mut attack.rate_per_s),
            ("delay_s", 0.0..=600.0, &mut attack.delay_s),
        ];
        for (key, range, figure) in figures {
            *figure = table.number(key, range, "")?.unwrap_or(*figure);
        }
        let numbers: [(&'static str, RangeInclusive<u32>, &mut u32); 4] = [
            ("radios", 1..=MAX_RADIOS, &mut attack.radios),
            ("names", 1..=256, &mut attack.names),
            ("pad_bytes", 1..=1_000, &mut attack.pad_bytes),
            ("intersection", 1..=65_535, &mut attack.intersection),
        ];
        for (key, range, figure) in numbers {
            *figure = table.integer(key, range)?.unwrap_or(*figure);
        }
        let classes = [Class::D0, Class::D1, Class::D2, Class::D3].map(|class| (class.name(), class));
        attack.class = table.choice("class", &classes)?.unwrap_or(attack.class);
        let addresses =
            [("own", RadioAddress::Own), ("victim", RadioAddress::Victim), ("made_up", RadioAddress::MadeUp)];
        attack.address = table.choice("address", &addresses)?.unwrap_or(attack.address);
        attack.forged_forwarder = table.flag("forged_forwarder")?.unwrap_or(attack.forged_forwarder);
        if attack.end_s <= attack.start_s {
            let found = format!("{} with start_s = {}", attack.end_s, attack.start_s);
            return Err(table.wrong("end_s", found, "a time after start_s".to_owned()));
        }
        Ok(attack)
    }
}

/// Transmitters of one attack.
const MAX_RADIOS: u32 = 16;
const PLACE_M: RangeInclusive<f64> = -50_000.0..=50_000.0;
/// Those of all kinds.
const RADIO_KEYS: &[&str] = &[
    "kind",
    "at_m",
    "exit_m",
    "radios",
    "range_factor",
    "start_s",
    "end_s",
    "rate_per_s",
    "delay_s",
    "class",
    "names",
    "address",
    "pad_bytes",
    "forged_forwarder",
    "intersection",
];
