//! Events of a station that its operator should see, one line each, kept until they are printed.

use v2x_core::{Event, RevocationNews, WireTime};

use crate::civil::utc;
use crate::log::Line;
use crate::log::events::{self, Named};

/// Lines not printed yet.
#[derive(Debug, Default)]
pub struct Notices {
    lines: Vec<Line>,
    pool_low: Option<String>,
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
                self.note(&events::REVOCATION_APPLIED, format!(
                    "revocation list {series} of {issuer} as of {as_of}: {credentials}{whole}"
                ));
            }
            Event::RevocationRefused(error) => self.note(&events::REVOCATION_NEWS, format!("revocation refused: {error}")),
            Event::RevocationStale { issuer, series } => self.note(&events::REVOCATION_NEWS, format!(
                "revocation list {series} of {issuer} should have been renewed; its revocations stay in force"
            )),
            Event::Trust(Ok(())) => self.note(&events::CREDENTIALS_REPLACED, "roots and issuers replaced"),
            Event::Trust(Err(error)) => self.note(&events::CREDENTIALS_KEPT, format!("roots and issuers kept as they were: {error}")),
            Event::Identities(Ok(())) => self.note(&events::CREDENTIALS_REPLACED, "the station's credentials are read again"),
            Event::Identities(Err(error)) => self.note(&events::CREDENTIALS_KEPT, format!("credentials kept as they were: {error}")),
            Event::PoolLow { spares, valid_until } => {
                let until = utc(*valid_until);
                let line = format!("credentials run out: {spares} unused left, the last ends {until}");
                self.pool_low = Some(line);
            }
            Event::HazardRefused { refusal, .. } => self.note(&events::HAZARD_REFUSED, format!("hazard refused: {refusal}")),
            Event::HazardRenamed { old, new } => {
                self.note(&events::HAZARD_CHANGED, format!("hazard {old} goes on as {new}: its credential ended"));
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
    pub fn take_pool_low(&mut self) -> Option<String> {
        self.pool_low.take()
    }

    fn note(&mut self, kind: &'static Named, line: impl Into<String>) {
        if self.lines.len() < MOST_LINES {
            self.lines.push(Line::new(kind, line));
        }
    }
}

fn counted(credentials: u32) -> String {
    format!("{credentials} credential{}", if credentials == 1 { "" } else { "s" })
}

/// Lines kept until they are printed, each second.
const MOST_LINES: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use v2x_core::WireTime;
    use v2x_proto::Digest;

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
}
