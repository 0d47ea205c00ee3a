//! Another station that signs with one of this station's credentials: what the operator, the status and the report are told.

use core::time::Duration;

use radio_adapters::LinkAddress;
use v2x_core::{Event, HeardElsewhere, Instant, Position};

/// What was heard in the station's name from elsewhere.
#[derive(Debug, Default)]
pub struct CloneNews {
    messages: u64,
    last: Option<HeardElsewhere>,
    /// Messages that were not told yet, and when the last line was printed.
    untold: u64,
    told: Option<Instant>,
}

impl CloneNews {
    /// Takes an event of the station.
    pub fn event(&mut self, event: &Event) {
        if let Event::HeardElsewhere(heard) = event {
            self.messages += 1;
            self.untold += 1;
            self.last = Some(*heard);
        }
    }

    /// Messages heard so far that another station signed.
    pub fn messages(&self) -> u64 {
        self.messages
    }

    /// The last of them.
    pub fn last(&self) -> Option<&HeardElsewhere> {
        self.last.as_ref()
    }

    /// The alarm: at once, and again each minute while it goes on. `way` gives the way to a place in words.
    pub fn line(&mut self, way: impl Fn(Position) -> Option<String>, now: Instant) -> Option<String> {
        let last = self.last.filter(|_| self.untold > 0)?;
        if self.told.is_some_and(|told| now.since(told) < TOLD_AGAIN) {
            return None;
        }
        let line = match self.told.replace(now) {
            None => format!(
                "another station signs with this station's credential {}, {}: find out who has a copy, have the credential \
                 revoked and take another",
                last.id.signer,
                place(&last, way)
            ),
            Some(_) => format!(
                "another station still signs with this station's credential {}, {} ({} messages since the last line)",
                last.id.signer,
                place(&last, way),
                self.untold
            ),
        };
        self.untold = 0;
        Some(line)
    }

    /// A warning for the report.
    pub fn warning(&self, way: impl Fn(Position) -> Option<String>) -> Option<String> {
        let last = self.last.as_ref()?;
        Some(format!(
            "another station signs with this station's credential: {} messages, the last with {}, {}",
            self.messages,
            last.id.signer,
            place(last, way)
        ))
    }

    /// For the end of a status line.
    pub fn status(&self) -> String {
        match self.messages {
            0 => String::new(),
            messages => format!("  credential used elsewhere: {messages} messages"),
        }
    }
}

fn place(heard: &HeardElsewhere, way: impl Fn(Position) -> Option<String>) -> String {
    let degrees = |unit: i32| f64::from(unit) / 1e7;
    let (latitude, longitude) = (degrees(heard.position.latitude), degrees(heard.position.longitude));
    let way = way(heard.position).map_or_else(String::new, |way| format!(" ({way})"));
    format!("from link address {} at {latitude:.5}, {longitude:.5}{way}", LinkAddress(heard.link_source))
}

/// While it goes on, a line in this time.
const TOLD_AGAIN: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;
    use v2x_core::{MessageId, WireTime};
    use v2x_proto::{Class, Digest};

    #[test]
    fn the_alarm_is_printed_at_once_and_once_a_minute() {
        let mut news = CloneNews::default();
        let way = |_| Some("120 m ahead".to_owned());
        assert_eq!((news.line(way, Instant::ZERO), news.status()), (None, String::new()));
        let heard = HeardElsewhere {
            id: MessageId { signer: Digest([1; 8]), class: Class::D2, sequence: 7 },
            generation: WireTime::from_micros(5),
            position: Position { latitude: 496_000_000, longitude: 61_300_000 },
            link_source: [2, 0, 0, 0, 0, 9],
            signal_dbm: None,
        };
        let mut lines = Vec::new();
        for second in 0..130 {
            news.event(&Event::HeardElsewhere(heard));
            lines.extend(news.line(way, Instant::from_millis(second * 1000)));
        }
        let place =
            "0101010101010101, from link address 02:00:00:00:00:09 at 49.60000, 6.13000 (120 m ahead)";
        let first = format!("another station signs with this station's credential {place}: find out");
        assert!(lines[0].starts_with(&first), "{lines:?}");
        let later = format!(
            "another station still signs with this station's credential {place} (60 messages since the last line)"
        );
        assert_eq!(lines[1..], [later.clone(), later]);
        assert_eq!(news.status(), "  credential used elsewhere: 130 messages");
        assert!(news.warning(way).unwrap().contains(": 130 messages, the last with 0101010101010101, "));
    }
}
