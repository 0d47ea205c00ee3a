//! Events of a station that its operator should see, one line each, kept until they are printed.

use v2x_core::{Event, RevocationNews, WireTime};

use crate::civil::{iso8601, utc};
use crate::log::{Line, events};

/// Lines not printed yet.
#[derive(Debug, Default)]
pub struct Notices {
    lines: Vec<Line>,
    pool_low: Option<Line>,
}

impl Notices {
    /// Takes an event of the station; most are worth no line.
    pub fn event(&mut self, event: &Event) {
        match event {
            Event::Revoked(news) => {
                let whole = if news.whole_series { ", the whole series" } else { "" };
                let RevocationNews { issuer, series, number, digests, .. } = news;
                // Lists are numbered by their time.
                let (credentials, as_of) = (counted(*digests), utc(WireTime::from_secs(*number)));
                let line = Line::new(
                    &events::REVOCATION_APPLIED,
                    format!("revocation list {series} of {issuer} as of {as_of}: {credentials}{whole}"),
                );
                self.note(
                    line.with("issuer", issuer.to_string())
                        .with("series", *series)
                        .with("credentials", *digests)
                        .with("whole_series", news.whole_series),
                );
            }
            Event::RevocationRefused(error) => {
                self.note(Line::new(&events::REVOCATION_NEWS, format!("revocation refused: {error}")));
            }
            Event::RevocationStale { issuer, series } => {
                let line = format!(
                    "revocation list {series} of {issuer} should have been renewed; its revocations stay in force"
                );
                let line = Line::new(&events::REVOCATION_NEWS, line);
                self.note(line.with("issuer", issuer.to_string()).with("series", *series));
            }
            Event::Trust(Ok(())) => {
                let line = Line::new(&events::CREDENTIALS_REPLACED, "roots and issuers replaced");
                self.note(line.with("what", AUTHORITIES));
            }
            Event::Trust(Err(error)) => {
                let line = format!("roots and issuers kept as they were: {error}");
                self.note(Line::new(&events::CREDENTIALS_KEPT, line).with("what", AUTHORITIES));
            }
            Event::Identities(Ok(())) => {
                let line =
                    Line::new(&events::CREDENTIALS_REPLACED, "the station's credentials are read again");
                self.note(line.with("what", OWN));
            }
            Event::Identities(Err(error)) => {
                let line = format!("credentials kept as they were: {error}");
                self.note(Line::new(&events::CREDENTIALS_KEPT, line).with("what", OWN));
            }
            Event::PoolLow { spares, valid_until } => {
                let until = utc(*valid_until);
                let line = format!("credentials run out: {spares} unused left, the last ends {until}");
                let line = Line::new(&events::POOL_LOW, line).with("spares", *spares);
                self.pool_low = Some(line.with_known("valid_until", iso8601(*valid_until)));
            }
            Event::HazardRefused { refusal, .. } => {
                self.note(Line::new(&events::HAZARD_REFUSED, format!("hazard refused: {refusal}")));
            }
            Event::HazardRenamed { old, new } => {
                let line = format!("hazard {old} goes on as {new}: its credential ended");
                self.note(Line::new(&events::HAZARD_CHANGED, line));
            }
            // Not which: a log that tells follows the vehicle through all of them.
            Event::PseudonymChanged { .. } => {
                Line::new(&events::PSEUDONYM_CHANGED, "goes by another pseudonym").log();
            }
            _ => {}
        }
    }

    /// What is worth a line each since the last call, oldest first.
    pub fn take(&mut self) -> Vec<Line> {
        core::mem::take(&mut self.lines)
    }

    /// The last warning that credentials run out, if there was one since the last call.
    pub fn take_pool_low(&mut self) -> Option<Line> {
        self.pool_low.take()
    }

    fn note(&mut self, line: Line) {
        if self.lines.len() < MOST_LINES {
            self.lines.push(line);
        }
    }
}

fn counted(credentials: u32) -> String {
    format!("{credentials} credential{}", if credentials == 1 { "" } else { "s" })
}

/// What was read again, for programs: the station's own credentials, or roots and issuers.
pub(super) const OWN: &str = "credentials";
pub(super) const AUTHORITIES: &str = "authorities";

/// Lines kept until they are printed, each second.
const MOST_LINES: usize = 16;

#[cfg(test)]
mod tests {
    use serde_json::json;
    use v2x_core::WireTime;
    use v2x_proto::Digest;

    use super::*;
    use crate::log::capture::logged;

    #[test]
    fn lines_are_bounded_and_the_warning_of_the_pool_has_its_own_place() {
        let mut notices = Notices::default();
        for series in 0..MOST_LINES as u32 + 5 {
            notices.event(&Event::RevocationStale { issuer: Digest([1; 8]), series });
        }
        notices.event(&Event::PoolLow { spares: 2, valid_until: WireTime::from_micros(0) });
        let lines = notices.take();
        assert_eq!(lines.len(), MOST_LINES);
        assert!(lines[0].starts_with("revocation list 0 of 0101010101010101 should"), "{}", lines[0]);
        assert!(notices.take_pool_low().is_some_and(|line| line.starts_with("credentials run out: 2 ")));
        assert!(notices.take().is_empty() && notices.take_pool_low().is_none());
    }

    #[test]
    fn what_became_of_credentials_and_revocations_is_logged_with_its_figures() {
        let issuer = Digest([1; 8]);
        let told = |name, event: Event| {
            logged(name, || {
                let mut notices = Notices::default();
                notices.event(&event);
                notices.take().iter().chain(&notices.take_pool_low()).for_each(Line::log);
            })
        };
        let news = RevocationNews { issuer, series: 3, number: 9, digests: 128, whole_series: false };
        let applied = told("revocation_applied", Event::Revoked(news));
        let by = "0101010101010101";
        assert_eq!(
            applied,
            [json!({ "issuer": by, "series": 3, "credentials": 128, "whole_series": false })]
        );
        let stale = told("revocation_news", Event::RevocationStale { issuer, series: 3 });
        assert_eq!(stale, [json!({ "issuer": by, "series": 3 })]);
        assert_eq!(
            told("credentials_replaced", Event::Identities(Ok(()))),
            [json!({ "what": "credentials" })]
        );
        assert_eq!(told("credentials_replaced", Event::Trust(Ok(()))), [json!({ "what": "authorities" })]);
        let valid_until = WireTime::from_secs(1_000_000);
        let low = told("pool_low", Event::PoolLow { spares: 2, valid_until });
        assert_eq!(low, [json!({ "spares": 2, "valid_until": "2004-01-12T13:46:35Z" })]);
        // The change itself: neither pseudonym.
        let changed = Event::PseudonymChanged { old: Digest([2; 8]), new: Digest([3; 8]) };
        assert_eq!(told("pseudonym_changed", changed), [json!({})]);
    }
}
