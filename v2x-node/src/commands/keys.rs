//! `roadcast keys`: make an authority, issue and revoke credentials, and show them.

mod files;
mod revoke;
mod show;

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use v2x_core::{
    CredentialError, CredentialRequest, EncryptionKey, Open as _, Permissions, WireTime, issue, make_root,
};
use v2x_proto::v1::StationClass;
use v2x_proto::{AreaView, Shape};

pub use self::files::KeysError;
use self::files::{Batch, ISSUER, ROOT, new_key, new_secret, now_s};
use crate::civil::utc;
use crate::commands::span::whole;
use crate::config::ENCRYPTION_KEY_ENDING;
use crate::error::Error;
use crate::key_files::{read_credential, read_key, read_public_key};

/// `roadcast keys ...`
#[derive(Clone, Debug, Subcommand)]
pub enum KeysCommand {
    /// Make an authority: a root and an issuer under it
    ///
    /// Writes root.key, root.cred, issuer.key and issuer.cred. Stations pin root.cred and carry issuer.cred; the
    /// root's key is needed again only for a new issuer and belongs offline.
    #[command(after_help = "Example:\n  roadcast keys init --dir keys")]
    Init(InitArgs),
    /// Make keys and credentials for stations
    ///
    /// Signs with issuer.key and issuer.cred of the directory and writes NAME.key and NAME.cred beside them, or
    /// NAME-1 to NAME-N with --count; with --encryption also NAME.x25519.
    #[command(after_help = issue_help())]
    Issue(IssueArgs),
    /// Revoke credentials: write a signed delta for stations to read or pass on
    ///
    /// Signs with issuer.key of the directory (root.key with --by-root, to revoke issuers). A revoked credential stays
    /// revoked. Deltas are numbered by their time, so the newest has the highest number.
    #[command(after_help = revoke::HELP)]
    Revoke(revoke::RevokeArgs),
    /// Show what a credential allows, when and where, and whether its chain is valid; or what a revocation delta revokes
    ///
    /// The chain is checked with --root and --issuer, or with root.cred and issuer.cred beside the file. Exit code 1
    /// when the chain is not valid or the credential is not valid now.
    #[command(after_help = "Example:\n  roadcast keys show keys/car-1.cred")]
    Show(show::ShowArgs),
}

/// `roadcast keys init`
#[derive(Args, Clone, Debug)]
pub struct InitArgs {
    /// Directory to write to; created if missing
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// Validity of the authority, years
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = whole(1..=50_u32, "years"))]
    years: u32,
    /// Replace files that exist
    #[arg(long)]
    force: bool,
}

/// `roadcast keys issue`
#[derive(Args, Clone, Debug)]
pub struct IssueArgs {
    /// Directory of the issuer; the new files go there too
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// Name of the station's files
    #[arg(long)]
    name: String,
    /// Number of credentials to make, numbered from 1
    #[arg(long, value_name = "N", value_parser = whole(1..=10_000_u32, "credentials"))]
    count: Option<u32>,
    /// Validity of the credentials, hours
    #[arg(long, value_name = "N", default_value_t = 24, value_parser = whole(1..=438_000_u32, "hours"))]
    hours: u32,
    /// Kind of station
    #[arg(long, value_enum, default_value_t = StationRole::Vehicle)]
    role: StationRole,
    /// Permissions, names separated by commas (listed below); default: those of its role
    #[arg(long, value_name = "LIST")]
    permissions: Option<Permissions>,
    /// Permissions in addition to those of its role
    #[arg(long, value_name = "LIST", conflicts_with = "permissions")]
    also: Option<Permissions>,
    /// Region in which it is valid: a circle, degrees and metres; default: everywhere
    #[arg(long, value_name = "LAT,LON,RADIUS_M", value_parser = parse_region, allow_hyphen_values = true)]
    region: Option<AreaView>,
    /// Series in which they can be revoked together: use one number for all credentials of a vehicle
    #[arg(long, value_name = "N", default_value_t = 0)]
    series: u32,
    /// Give each an encryption key too (NAME.x25519): others then can send it confidential messages
    #[arg(long, conflicts_with = "public_key")]
    encryption: bool,
    /// Certify this public key instead of making one: PEM of Ed25519, as OpenSSL or a hardware module gives it out
    #[arg(long, value_name = "FILE", conflicts_with = "count")]
    public_key: Option<PathBuf>,
    /// Replace files that exist
    #[arg(long)]
    force: bool,
}

/// Kinds of stations credentials are made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum StationRole {
    /// A private or commercial vehicle
    Vehicle,
    /// Police, fire brigade, ambulance
    Emergency,
    /// A bus or tram in service
    PublicTransport,
    /// A roadside unit
    Roadside,
}

impl StationRole {
    const fn class(self) -> StationClass {
        match self {
            Self::Vehicle => StationClass::Vehicle,
            Self::Emergency => StationClass::EmergencyVehicle,
            Self::PublicTransport => StationClass::PublicTransport,
            Self::Roadside => StationClass::Roadside,
        }
    }

    /// The permissions of an ordinary station of this role. `MANAGEMENT` is for status and echo.
    fn permissions(self) -> Permissions {
        type P = Permissions;
        let common = P::AWARENESS | P::PERCEPTION | P::MISBEHAVIOUR_REPORT | P::MANAGEMENT;
        let vehicle = common | P::HAZARD | P::IMMINENT;
        match self {
            Self::Vehicle => vehicle,
            Self::Emergency => vehicle | P::EMERGENCY | P::PRIORITY_REQUEST,
            Self::PublicTransport => vehicle | P::PUBLIC_TRANSPORT | P::PRIORITY_REQUEST,
            Self::Roadside => {
                let infrastructure = P::SIGNAL_STATE | P::MAP_SIGN | P::SERVICE_ADVERT | P::GNSS_CORRECTION;
                let hazards = P::HAZARD | P::AUTHORITY_HAZARD | P::NEGATION;
                common | infrastructure | hazards | P::WIDE_AREA | P::KEEP_ALIVE | P::UPDATE_RELAY
            }
        }
    }
}

/// Runs one of the commands.
///
/// # Errors
/// Bad input or files; [`Error::Check`] when `show` finds a chain that is not valid.
pub fn run(command: &KeysCommand, out: &mut dyn Write) -> Result<(), Error> {
    match command {
        KeysCommand::Init(args) => init(args, out),
        KeysCommand::Issue(args) => issue_stations(args, out),
        KeysCommand::Revoke(args) => revoke::run(args, out),
        KeysCommand::Show(args) => show::show(args, out),
    }
}

fn init(args: &InitArgs, out: &mut dyn Write) -> Result<(), Error> {
    let mut batch = Batch::new(&args.dir, args.force);
    batch.check([ROOT, ISSUER])?;
    let not_before_s = now_s()?.saturating_sub(AUTHORITY_BACKDATE_S);
    let duration_min = args.years * MINUTES_PER_YEAR;
    // Wire seconds end in 2140; fifty years from now is far before.
    not_before_s.checked_add(duration_min.saturating_mul(60)).ok_or(KeysError::Time)?;
    let (root_key, issuer_key) = (new_key()?, new_key()?);
    let refused = |name: &str| {
        let name = name.to_owned();
        move |source| KeysError::Refused { name, source }
    };
    let root = make_root(&root_key, everything(), not_before_s, duration_min).map_err(refused(ROOT))?;
    let request = CredentialRequest {
        encryption_key: None,
        public_key: issuer_key.verifying_key().to_bytes(),
        permissions: everything() | Permissions::ISSUE,
        not_before_s,
        duration_min,
        region: None,
        station_class: StationClass::Authority as u8,
        revocation_series: 0,
    };
    let issuer = issue(&root, &root_key, &request).map_err(refused(ISSUER))?;
    batch.add(ROOT, &root_key, &root);
    batch.add(ISSUER, &issuer_key, &issuer);
    for path in batch.write()? {
        writeln!(out, "wrote {}", path.display())?;
    }
    let until =
        WireTime::from_secs(not_before_s) + core::time::Duration::from_secs(u64::from(duration_min) * 60);
    writeln!(out, "valid until {}", utc(until))?;
    writeln!(out, "keep {ROOT}.key offline; stations need {ROOT}.cred and {ISSUER}.cred")?;
    Ok(())
}

fn issue_stations(args: &IssueArgs, out: &mut dyn Write) -> Result<(), Error> {
    check_name(&args.name)?;
    let names: Vec<String> = match args.count {
        None => vec![args.name.clone()],
        Some(count) => (1..=count).map(|number| format!("{}-{number}", args.name)).collect(),
    };
    let mut batch = Batch::new(&args.dir, args.force);
    let given = args.public_key.as_deref().map(read_public_key).transpose()?;
    let endings = match (given.is_some(), args.encryption) {
        (true, _) => &["cred"][..],
        (false, false) => &["key", "cred"],
        (false, true) => &["key", "cred", ENCRYPTION_KEY_ENDING],
    };
    batch.check_endings(names.iter().map(String::as_str), endings)?;
    let issuer = read_credential(&args.dir.join(format!("{ISSUER}.cred")))?;
    let issuer_key = read_key(&args.dir.join(format!("{ISSUER}.key")))?;
    let now_s = now_s()?;
    let usual = || args.role.permissions() | args.also.unwrap_or(Permissions::NONE);
    let permissions = args.permissions.unwrap_or_else(usual);
    for name in &names {
        let key = if given.is_none() { Some(new_key()?) } else { None };
        let secret = if args.encryption { Some(new_secret()?) } else { None };
        let own = key.as_ref().map(|key| key.verifying_key().to_bytes());
        let request = CredentialRequest {
            public_key: given.or(own).unwrap_or_default(),
            permissions,
            // Another station's clock may be a little behind ours.
            not_before_s: now_s.saturating_sub(STATION_BACKDATE_S),
            duration_min: args.hours * 60,
            region: args.region,
            station_class: args.role.class() as u8,
            revocation_series: args.series,
            encryption_key: secret.as_ref().map(|secret| EncryptionKey::from_secret(secret).public_key()),
        };
        let refused = |source| match source {
            CredentialError::Validity { until, issuer_until, .. } if until > issuer_until => {
                let (until, issuer_until) = (utc(until), utc(issuer_until));
                KeysError::OutlivesIssuer { name: name.clone(), until, issuer_until }
            }
            source => KeysError::Refused { name: name.clone(), source },
        };
        let credential = issue(&issuer, &issuer_key, &request).map_err(refused)?;
        match &key {
            Some(key) => batch.add(name, key, &credential),
            None => batch.add_credential(name, &credential),
        }
        if let Some(secret) = &secret {
            batch.add_encryption_key(name, secret);
        }
    }
    for path in batch.write()? {
        writeln!(out, "wrote {}", path.display())?;
    }
    let from = WireTime::from_secs(now_s.saturating_sub(STATION_BACKDATE_S));
    let until = utc(from + core::time::Duration::from_secs(u64::from(args.hours) * 3600));
    writeln!(out, "valid until {until}; a station that runs reads renewed files by itself")?;
    Ok(())
}

/// Checks that a name stays within the directory.
fn check_name(name: &str) -> Result<(), KeysError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let fits = (1..=64).contains(&name.len()) && name.chars().all(allowed) && !name.starts_with('.');
    // The authority's own files are never a station's, --force or not.
    let reserved = [ROOT, ISSUER].contains(&name);
    if fits && !reserved { Ok(()) } else { Err(KeysError::Name { name: name.to_owned() }) }
}

fn parse_region(text: &str) -> Result<AreaView, String> {
    let right = "expected LAT,LON,RADIUS_M: degrees, degrees, 1 to 10000000 metres, such as 49.61,6.13,5000";
    let [latitude, longitude, radius] =
        <[&str; 3]>::try_from(text.split(',').collect::<Vec<_>>()).map_err(|_| right)?;
    let degrees = |text: &str, most: f64| {
        let value: f64 = text.trim().parse().map_err(|_| right)?;
        if (-most..=most).contains(&value) { Ok((value * 1e7).round() as i32) } else { Err(right) }
    };
    let radius: u32 = radius.trim().parse().map_err(|_| right)?;
    if !(1..=10_000_000).contains(&radius) {
        return Err(right.to_owned());
    }
    Ok(AreaView {
        latitude: degrees(latitude, 90.0)?,
        longitude: degrees(longitude, 180.0)?,
        shape: Shape::Circle,
        distance_a_m: radius,
        distance_b_m: 0,
        azimuth_deg: 0,
    })
}

/// Every permission that has a name, except issuing.
fn everything() -> Permissions {
    let named = Permissions(u64::MAX).in_words();
    named
        .iter()
        .filter_map(|word| word.parse().ok())
        .fold(Permissions::NONE, |all, one: Permissions| all | one)
        .without(Permissions::ISSUE)
}

/// Shown under `roadcast keys issue --help`: what each permission allows, and which roles hold it by default.
fn issue_help() -> String {
    let mut help = ISSUE_PERMISSIONS.to_owned();
    for (permission, name, what) in Permissions::named() {
        let has = StationRole::value_variants().iter().zip(["v", "e", "p", "r"]);
        let has: String = has
            .map(|(role, letter)| if role.permissions().contains(permission) { letter } else { "-" })
            .collect();
        help += &format!("  {has}  {name:<19} {what}\n");
    }
    help + ISSUE_EXAMPLES
}

const ISSUE_PERMISSIONS: &str = "Permissions, and the roles that have them (v vehicle, e emergency,
p public-transport, r roadside):
";
const ISSUE_EXAMPLES: &str = "
Examples:
  roadcast keys issue --dir keys --name car-1
  roadcast keys issue --dir keys --name unit-1 --role roadside --hours 8760
  roadcast keys issue --dir keys --name ambulance-3 --role emergency \\
      --also wide-area,negation
  openssl pkey -in module.key -pubout -out module.pub
  roadcast keys issue --dir keys --name car-2 --public-key module.pub
  roadcast keys issue --dir keys --name bus-8 --role public-transport \\
      --encryption
  roadcast keys issue --dir keys --name car --count 20 \\
      --permissions awareness,hazard
  roadcast keys issue --dir keys --name bus-7 --region 49.61,6.13,20000";

/// An authority is valid from a little before it was made, so that its stations' credentials can be too.
const AUTHORITY_BACKDATE_S: u32 = 3600;
const STATION_BACKDATE_S: u32 = 300;
const MINUTES_PER_YEAR: u32 = 365 * 24 * 60 + 6 * 60;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_within_the_directory() {
        for good in ["car-1", "a", "A_b.c"] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        for bad in ["", "..", ".x", "a/b", "root", "issuer", "a b", "ä"] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
        assert!(check_name(&"x".repeat(65)).is_err());
    }

    #[test]
    fn regions_are_read_in_degrees_and_metres() {
        let region = parse_region("49.5,-6.25,5000").unwrap();
        assert_eq!(
            (region.latitude, region.longitude, region.distance_a_m),
            (495_000_000, -62_500_000, 5000)
        );
        for wrong in ["", "1,2", "91,0,5", "0,181,5", "0,0,0", "0,0,x", "nan,0,5", "0,0,5,1"] {
            assert!(parse_region(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn every_role_is_within_what_an_authority_may_grant() {
        for role in StationRole::value_variants() {
            assert!(everything().contains(role.permissions()), "{role:?}");
        }
        assert!(!everything().contains(Permissions::ISSUE));
    }

    #[test]
    fn the_help_names_every_permission_and_who_has_it() {
        let help = issue_help();
        for (_, name, what) in Permissions::named() {
            assert!(help.contains(&format!("{name:<19} {what}\n")), "{name}");
        }
        for line in
            ["  vepr  awareness ", "  -e--  emergency ", "  -ep-  priority-request ", "  ---r  negation "]
        {
            assert!(help.contains(line), "{line}\n{help}");
        }
        assert!(help.lines().all(|line| line.len() <= 120), "{help}");
    }
}
