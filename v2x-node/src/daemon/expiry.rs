//! Ends of credentials: warned of a day, an hour and ten minutes ahead, and said in dates when they have come.

use core::time::Duration;
use std::path::{Path, PathBuf};

use v2x_core::{Identity, Pool, Position, WireTime};
use v2x_proto::AreaView;
use v2x_proto::credential::CredentialView;

use crate::civil::{in_words, iso8601, utc};
use crate::config::IdentityFiles;
use crate::key_files::{self, KeyFileError};
use crate::log::{Line, events};

/// The validities of the files a station depends on, and what was told of each.
#[derive(Debug, Default)]
pub struct Expiries {
    /// The station's own credentials, all of them.
    own: Vec<Expiry>,
    issuers: Vec<Expiry>,
    roots: Vec<Expiry>,
}

#[derive(Debug)]
struct Expiry {
    path: PathBuf,
    from: WireTime,
    until: WireTime,
    /// How many of [`WARNINGS`] were told.
    told: usize,
}

impl Expiries {
    /// Of the files as they are now.
    ///
    /// # Errors
    /// A file that cannot be read or is no credential.
    pub fn read(files: &IdentityFiles) -> Result<Self, KeyFileError> {
        let own: Vec<PathBuf> =
            key_files::own_files(files)?.into_iter().map(|files| files.credential).collect();
        Ok(Self { own: all(&own)?, issuers: all(&files.issuers)?, roots: all(&files.roots)? })
    }

    /// What is to be told now, a line each. Of several credentials that a station uses one after the other the last to
    /// end counts, of issuers and roots each.
    pub fn news(&mut self, now: WireTime) -> Vec<Line> {
        let mut lines = Vec::new();
        let pool = self.own.len() > 1;
        if let Some(last) = self.own.iter_mut().max_by_key(|one| one.until) {
            let what = if pool { ", the last of the pool," } else { "" };
            lines.extend(last.news(
                now,
                what,
                "renew it with roadcast keys issue --force; it is read when it changes",
            ));
        }
        for one in self.issuers.iter_mut().chain(&mut self.roots) {
            let right =
                "stations certified under it are refused from then on; get a new one from the authority";
            lines.extend(one.news(now, "", right));
        }
        lines
    }

    /// Why a station whose credential is not valid now is silent.
    pub fn silence(&self, pool: &Pool, now: WireTime) -> String {
        let identity = pool.active();
        let name = self.name_of(identity);
        if now < identity.valid_from() {
            let wait = in_words(identity.valid_from().since(now));
            return format!("{name} is valid from {} on, in {wait}", utc(identity.valid_from()));
        }
        let ago = in_words(now.since(identity.valid_until()));
        format!(
            "{name} ended at {} ({ago} ago): renew it with roadcast keys issue --force",
            utc(identity.valid_until())
        )
    }

    /// Why a station outside its credential's region is silent.
    pub fn outside(&self, pool: &Pool, position: Option<Position>) -> String {
        let identity = pool.active();
        let name = self.name_of(identity);
        let Some(region) = identity.region() else { return format!("{name} is not valid here") };
        let distance = position.map_or_else(String::new, |position| {
            let middle = Position { latitude: region.latitude, longitude: region.longitude };
            format!("; this station is {} away", length(middle.distance_m(position)))
        });
        format!("{name} is valid {}{distance}", within(region))
    }

    /// The file of an identity; a renewed one has its name. Without files its digest.
    fn name_of(&self, identity: &Identity) -> String {
        let same = |one: &&Expiry| one.until == identity.valid_until() && one.from == identity.valid_from();
        match self.own.iter().find(same).or_else(|| self.own.first().filter(|_| self.own.len() == 1)) {
            Some(one) => one.path.display().to_string(),
            None => format!("credential {}", identity.digest()),
        }
    }
}

impl Expiry {
    fn read(path: &Path) -> Result<Self, KeyFileError> {
        let bytes = key_files::read_credential(path)?;
        let view = CredentialView::parse(&bytes)
            .map_err(|error| KeyFileError::Credential { path: path.to_owned(), source: error.into() })?;
        let from = WireTime::from_secs(view.fields.not_before_s);
        let until = from + Duration::from_secs(u64::from(view.fields.duration_min) * 60);
        Ok(Self { path: path.to_owned(), from, until, told: 0 })
    }

    fn news(&mut self, now: WireTime, what: &str, right: &str) -> Option<Line> {
        let left = self.until.since(now);
        let due = WARNINGS.iter().filter(|ahead| left <= **ahead).count();
        if due <= core::mem::replace(&mut self.told, due) || left.is_zero() {
            return None;
        }
        let path = self.path.display();
        let line = format!("{path}{what} ends in {} ({}): {right}", in_words(left), utc(self.until));
        Some(
            Line::new(&events::CREDENTIAL_NEWS, line)
                .with_known("file", file_name(&self.path))
                .with_known("valid_until", iso8601(self.until)),
        )
    }
}

/// The name of a file for programs, without its directories.
pub(super) fn file_name(path: &Path) -> Option<String> {
    path.file_name().map(|name| name.to_string_lossy().into_owned())
}

fn all(paths: &[PathBuf]) -> Result<Vec<Expiry>, KeyFileError> {
    paths.iter().map(|path| Expiry::read(path)).collect()
}

/// `within 1000 m of 49.61160, 6.13190`, or about where another shape lies.
fn within(region: &AreaView) -> String {
    let degrees = |units: i32| f64::from(units) * 1e-7;
    let reach = region.distance_a_m.max(region.distance_b_m);
    format!(
        "within {} of {:.5}, {:.5}",
        length(f64::from(reach)),
        degrees(region.latitude),
        degrees(region.longitude)
    )
}

fn length(metres: f64) -> String {
    if metres < 10_000.0 { format!("{metres:.0} m") } else { format!("{:.0} km", metres / 1000.0) }
}

/// How long before an end it is told.
const WARNINGS: [Duration; 3] =
    [Duration::from_secs(86_400), Duration::from_secs(3600), Duration::from_secs(600)];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::log::capture::logged;

    fn at(seconds: u32) -> WireTime {
        WireTime::from_secs(seconds)
    }

    fn one(until: u32) -> Expiry {
        Expiry { path: PathBuf::from("car-1.cred"), from: at(0), until: at(until), told: 0 }
    }

    #[test]
    fn an_end_is_told_a_day_an_hour_and_ten_minutes_ahead_once_each() {
        let mut expiries = Expiries { own: vec![one(1_000_000)], ..Expiries::default() };
        let mut told = Vec::new();
        for second in (900_000..1_000_010).step_by(10) {
            told.extend(expiries.news(at(second)).into_iter().map(|line| (1_000_000 - second, line)));
        }
        let ahead: Vec<u32> = told.iter().map(|(ahead, _)| *ahead).collect();
        assert_eq!(ahead, [86_400, 3600, 600]);
        assert!(told[1].1.starts_with("car-1.cred ends in 1 h (2004-01-12 "), "{}", told[1].1);
    }

    #[test]
    fn an_end_is_logged_with_its_file_s_name_and_time() {
        let mut own = one(1_000_000);
        own.path = PathBuf::from("/etc/roadcast/car-1.cred");
        let mut expiries = Expiries { own: vec![own], ..Expiries::default() };
        let fields = logged("credential_news", || expiries.news(at(998_000)).iter().for_each(Line::log));
        assert_eq!(fields, [json!({ "file": "car-1.cred", "valid_until": "2004-01-12T13:46:35Z" })]);
    }

    #[test]
    fn a_station_that_starts_an_hour_ahead_is_told_once() {
        let mut expiries = Expiries { own: vec![one(1_000_000)], ..Expiries::default() };
        assert_eq!(expiries.news(at(998_000)).len(), 1);
        assert!(expiries.news(at(998_010)).is_empty());
    }

    #[test]
    fn of_a_pool_the_last_counts_and_of_authorities_each() {
        let mut expiries = Expiries { own: vec![one(2000), one(500_000)], ..Expiries::default() };
        assert!(expiries.news(at(1900)).is_empty());
        assert!(expiries.news(at(499_900))[0].contains("the last of the pool"));
        let mut expiries =
            Expiries { issuers: vec![one(2000)], roots: vec![one(2000)], ..Expiries::default() };
        assert_eq!(expiries.news(at(1900)).len(), 2);
    }
}
