//! What a station reads and writes: its configuration, credentials and keys, and where its reports go.

use std::path::Path;

use v2x_core::{Identity, Permissions, Pool, TrustStore, WireTime};

use super::finding::Finding;
use crate::civil::{in_words, utc};
use crate::config::{StationConfig, mode_for_everybody};
use crate::daemon::outputs::{check_apart, check_place};
use crate::error::Error;
use crate::key_files;

/// The configuration, which loads.
pub(super) fn configuration(config: &StationConfig, file: &Path) -> Finding {
    let role = match config.station.role {
        v2x_core::Role::Vehicle => "vehicle",
        v2x_core::Role::Roadside => "roadside unit",
    };
    let name = file.display();
    match mode_for_everybody(file) {
        None => Finding::good("configuration", format!("{name}: a {role}")),
        Some(mode) => Finding::warn(
            "configuration",
            format!("{name}: a {role}; every user of this machine may write it (mode {mode:04o})"),
            format!("chmod o-w {name}"),
        ),
    }
}

/// Credentials and keys, the authorities trusted, and how long they hold.
pub(super) fn identity(config: &StationConfig, now: WireTime) -> Vec<Finding> {
    let mut findings = Vec::new();
    let trust = match key_files::load_trust(&config.identity.roots, &config.identity.issuers) {
        Ok(trust) => Some(trust),
        Err(error) => {
            findings.push(Finding::of_error("authorities", &Error::from(error)));
            None
        }
    };
    let pool = match key_files::load_pool(&config.identity) {
        Ok(pool) => pool,
        Err(error) => {
            findings.push(Finding::of_error("keys", &Error::from(error)));
            return findings;
        }
    };
    findings.push(keys(config, &pool));
    findings.extend(trust.map(|trust| authorities(&trust, &pool, now)));
    findings.push(validity(&pool, now));
    findings
}

fn keys(config: &StationConfig, pool: &Pool) -> Finding {
    let permissions = pool.active().permissions();
    let granted = key_files::permissions_in_words(permissions);
    let count = match pool.identities().count() {
        1 => "a credential".to_owned(),
        many => format!("{many} credentials"),
    };
    let lacks = config.roadside.needs().without(permissions);
    if lacks != Permissions::NONE {
        return Finding::bad(
            "keys",
            format!("the credential lacks the {}", key_files::permissions_in_words(lacks)),
            "roadcast keys issue --role roadside, or leave out of [roadside] what needs them",
        );
    }
    if config.alerts && !permissions.contains(Permissions::IMMINENT) {
        return Finding::warn(
            "keys",
            format!("{count} without the permission imminent: its alerts of braking are refused"),
            "roadcast keys issue --force --also imminent, or alerts = false",
        );
    }
    Finding::good("keys", format!("{count} with the {granted}"))
}

fn authorities(trust: &TrustStore, pool: &Pool, now: WireTime) -> Finding {
    // Whether it is valid now is the next question: a credential is judged in its own time.
    let strange = pool.identities().find_map(|identity| {
        let within = now.max(identity.valid_from()).min(identity.valid_until());
        let refused = trust.check_station(identity.credential(), within).err()?;
        Some((identity.digest(), refused))
    });
    match strange {
        None => Finding::good("authorities", "they certify the station's own credentials"),
        Some((digest, refused)) => Finding::bad(
            "authorities",
            format!("they do not certify the station's own credential {digest}: {refused}"),
            "identity.roots and identity.issuers: those that issued it, as the other stations have",
        ),
    }
}

fn validity(pool: &Pool, now: WireTime) -> Finding {
    let renew = "roadcast keys issue --force; a running daemon reads it when it changes";
    let valid = pool.identities().filter(|identity| identity.valid_at(now));
    match valid.max_by_key(|identity| identity.valid_until()) {
        Some(last) => {
            let left = last.valid_until().since(now);
            let said = format!("until {}, {} more", utc(last.valid_until()), in_words(left));
            if left < SOON && left < last.valid_until().since(last.valid_from()) / 10 {
                Finding::warn("validity", said, renew)
            } else {
                Finding::good("validity", said)
            }
        }
        None => {
            let starts = pool.identities().map(Identity::valid_from).filter(|from| *from > now).min();
            match starts {
                Some(from) => Finding::bad(
                    "validity",
                    format!("from {} on, in {}", utc(from), in_words(from.since(now))),
                    "wait, set the clock right (date), or issue one that is valid now: roadcast keys issue --force",
                ),
                None => {
                    let ends = pool.identities().map(Identity::valid_until).max();
                    let ended = ends.map_or_else(String::new, |end| {
                        format!("ended at {}, {} ago", utc(end), in_words(now.since(end)))
                    });
                    Finding::bad("validity", ended, renew)
                }
            }
        }
    }
}

/// Where reports and captures go.
pub(super) fn places(config: &StationConfig) -> Option<Finding> {
    let (report, capture) = (config.report.json.as_deref(), config.link.tap.as_deref());
    let checked = [report, capture].into_iter().flatten().try_for_each(check_place);
    match checked.and_then(|()| check_apart(report, None, capture)) {
        Err(error) => Some(Finding::of_error("files", &Error::from(error))),
        Ok(()) => {
            let files: Vec<_> =
                [report, capture].into_iter().flatten().map(|file| file.display().to_string()).collect();
            (!files.is_empty())
                .then(|| Finding::good("files", format!("{} can be written", files.join(", "))))
        }
    }
}

/// A credential of weeks that ends within this is worth a look, and one of hours in its last tenth.
const SOON: core::time::Duration = core::time::Duration::from_secs(24 * 3600);
