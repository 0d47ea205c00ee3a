//! What an operator is told of the link: each change once, and its fault for as long as it lasts.

use radio_adapters::{Counters, LinkFault, LinkState, Refusal};
use v2x_core::Instant;

use crate::log::{Line, events};

/// What was told of the link so far.
#[derive(Debug, Default)]
pub struct LinkNews {
    down: Option<LinkFault>,
    down_ns: u64,
    limit: Option<LinkFault>,
    outages: u64,
    rejoined: u64,
    was_up: bool,
}

impl LinkNews {
    /// A line for each change since the last call.
    pub fn changes(&mut self, state: &LinkState, counters: &Counters) -> Vec<Line> {
        let mut lines = Vec::new();
        if core::mem::replace(&mut self.rejoined, counters.rejoined) < counters.rejoined {
            let line = format!(
                "link left and joined again to empty the kernel's table of OCB neighbours, which was nearly full{}",
                if counters.rejoined > 1 {
                    format!(" ({} times so far)", counters.rejoined)
                } else {
                    String::new()
                }
            );
            lines.push(impaired(line).with("cause", "ocb_table"));
        }
        let outages = counters.outages - self.outages;
        let down_ms = (counters.down_ns - self.down_ns) / 1_000_000;
        (self.outages, self.down_ns) = (counters.outages, counters.down_ns);
        if let LinkState::Down { fault, .. } = state {
            if self.down.as_ref() != Some(fault) {
                let still = if self.down.is_some() { "still " } else { "" };
                let line = Line::new(&events::LINK_DOWN, format!("link {still}down: {fault}"));
                lines.push(line.with("state", "down").with("cause", fault.name()));
            }
            self.down = Some(fault.clone());
            self.limit = None;
            return lines;
        }
        if self.down.take().is_some() {
            let again = if self.was_up { " again" } else { "" };
            let more = if outages > 0 {
                format!(", down {} more in between", times(outages))
            } else {
                String::new()
            };
            let line = format!("link up{again} after {:.1} s{more}", down_ms as f64 / 1000.0);
            lines.push(up(line).with("down_ms", down_ms).with("outages", outages));
        } else if outages > 0 {
            let long = if down_ms > 0 { format!(" ({down_ms} ms)") } else { String::new() };
            let line = format!("link was down {} for a moment{long}, and is up again", times(outages));
            lines.push(up(line).with("down_ms", down_ms).with("outages", outages));
        }
        self.was_up = true;
        let limit = state.fault();
        match (limit, &self.limit) {
            (Some(fault), told) if told.as_ref() != Some(fault) => {
                lines.push(impaired(format!("link impaired: {fault}")).with("cause", fault.name()))
            }
            (None, Some(_)) => lines.push(up("link no longer impaired".to_owned())),
            _ => {}
        }
        self.limit = limit.cloned();
        lines
    }

    /// What the report says of the link.
    pub fn warnings(state: &LinkState, counters: &Counters, now_ns: u64) -> Vec<String> {
        let mut warnings = Vec::new();
        if counters.outages > 0 {
            warnings.push(format!(
                "the link was down {}, {:.1} s in all",
                times(counters.outages),
                counters.down_ns as f64 / 1e9
            ));
        }
        if let LinkState::Down { since_ns, fault } = state {
            let seconds = now_ns.saturating_sub(*since_ns) / 1_000_000_000;
            warnings.push(format!("the link has been down for {seconds} s: {fault}"));
        }
        if let LinkState::Limited { fault, .. } = state {
            warnings.push(format!("the link is impaired: {fault}"));
        }
        if counters.kernel_dropped > 0 {
            let count = counters.kernel_dropped;
            warnings.push(format!("{count} frames dropped by the kernel before they were read"));
        }
        if counters.foreign > 0 {
            let count = counters.foreign;
            warnings.push(format!("{count} frames of another VLAN, or to another host, left out"));
        }
        if counters.rejoined > 0 {
            warnings.push(format!(
                "the link left and joined {}, because the kernel's table of OCB neighbours was nearly full",
                times(counters.rejoined)
            ));
        }
        for (count, what) in counters.unread.lost() {
            if count > 0 {
                warnings.push(format!("{count} 802.11 frames left out: {what}"));
            }
        }
        if counters.injected > FEW && counters.confirmed == 0 {
            warnings.push(format!(
                "the radio confirmed none of {} injected frames: its channel may not be set, or its driver says nothing",
                counters.injected
            ));
        }
        if counters.receive_errors > 0 {
            warnings.push(format!("receiving failed {}", times(counters.receive_errors)));
        }
        warnings
    }

    /// The end of a status line while something is wrong with the link, which refused so many frames since the last one.
    pub fn status(state: &LinkState, refused: u64, now_ns: u64) -> String {
        match state {
            LinkState::Up if refused > 0 => format!("  link refused {refused}"),
            LinkState::Up => String::new(),
            LinkState::Down { since_ns, fault } => {
                format!("  link down for {} s: {fault}", now_ns.saturating_sub(*since_ns) / 1_000_000_000)
            }
            LinkState::Limited { fault, .. } => format!("  link impaired: {fault}"),
        }
    }
}

fn up(line: String) -> Line {
    Line::new(&events::LINK_UP, line).with("state", "up")
}

fn impaired(line: String) -> Line {
    Line::new(&events::LINK_IMPAIRED, line).with("state", "impaired")
}

/// Frames the link refused while it was up, told when refusals begin.
#[derive(Debug, Default)]
pub struct RefusalNews {
    spells: [Spell; Refusal::ALL.len()],
    lately: u64,
}

#[derive(Debug, Default)]
struct Spell {
    frames: u64,
    words: Option<String>,
    last: Option<Instant>,
}

impl RefusalNews {
    /// The link refused a frame.
    pub fn note(&mut self, refusal: Refusal, error: &std::io::Error) {
        // The rest is the link's state, which is told.
        let told_here = matches!(
            refusal,
            Refusal::TooLong | Refusal::NoBuffer | Refusal::NoRoute | Refusal::Forbidden | Refusal::Other
        );
        let spell = Refusal::ALL.iter().position(|one| *one == refusal).map(|place| &mut self.spells[place]);
        if let Some(spell) = spell.filter(|_| told_here) {
            spell.frames += 1;
            self.lately += 1;
            if spell.words.is_none() {
                spell.words = Some(error.to_string());
            }
        }
    }

    /// Frames refused since the last call while the link was up, for a status line.
    pub fn take_lately(&mut self) -> u64 {
        core::mem::take(&mut self.lately)
    }

    /// A line for each cause that was quiet for a while before.
    pub fn take(&mut self, now: Instant) -> Vec<Line> {
        let mut lines = Vec::new();
        let spells = self.spells.iter_mut().zip(Refusal::ALL);
        for (spell, refusal) in spells.filter(|(spell, _)| spell.frames > 0) {
            let quiet = spell.last.is_none_or(|last| now.since(last).as_secs() >= QUIET_S);
            if let Some(words) = spell.words.as_ref().filter(|_| quiet) {
                let count =
                    if spell.frames == 1 { "a frame".to_owned() } else { format!("{} frames", spell.frames) };
                let line = impaired(format!("link refused {count} of {words}"));
                lines.push(line.with("cause", refusal.name()).with("frames", spell.frames));
            }
            *spell = Spell { last: Some(now), ..Spell::default() };
        }
        lines
    }
}

fn times(count: u64) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}

/// Refusals of one cause this long after the last ones are told again.
const QUIET_S: u64 = 60;
/// Injected frames of which the last may still be on their way.
const FEW: u64 = 20;

#[cfg(test)]
mod tests {
    use radio_adapters::Unfit;
    use serde_json::json;

    use super::*;
    use crate::log::capture::logged;

    const S: u64 = 1_000_000_000;

    fn down(since_s: u64, fault: LinkFault) -> LinkState {
        LinkState::Down { since_ns: since_s * S, fault }
    }

    fn carrier() -> LinkFault {
        LinkFault::NoCarrier { interface: "eth0".to_owned() }
    }

    fn outages(outages: u64, down_ms: u64) -> Counters {
        Counters { outages, down_ns: down_ms * 1_000_000, ..Counters::default() }
    }

    #[test]
    fn each_change_is_told_once_with_its_reason_and_its_length() {
        let mut news = LinkNews::default();
        assert!(news.changes(&LinkState::Up, &outages(0, 0)).is_empty());
        let lines = news.changes(&down(2, carrier()), &outages(1, 0));
        assert_eq!(lines, ["link down: eth0 has no carrier: look at its cable and at the other end"]);
        assert!(news.changes(&down(2, carrier()), &outages(1, 0)).is_empty());
        let off = LinkFault::Off { interface: "eth0".to_owned(), wireless: false };
        let lines = news.changes(&down(2, off), &outages(1, 0));
        assert_eq!(lines, ["link still down: eth0 is down: ip link set eth0 up"]);
        assert_eq!(news.changes(&LinkState::Up, &outages(1, 4012)), ["link up again after 4.0 s"]);
        assert!(news.changes(&LinkState::Up, &outages(1, 4012)).is_empty());
    }

    #[test]
    fn an_outage_between_two_looks_is_told_all_the_same() {
        let mut news = LinkNews::default();
        assert!(news.changes(&LinkState::Up, &outages(0, 0)).is_empty());
        let lines = news.changes(&LinkState::Up, &outages(1, 30));
        assert_eq!(lines, ["link was down once for a moment (30 ms), and is up again"]);
        let lines = news.changes(&LinkState::Up, &outages(4, 30));
        assert_eq!(lines, ["link was down 3 times for a moment, and is up again"]);
    }

    #[test]
    fn an_outage_right_behind_another_is_told_with_it() {
        let mut news = LinkNews::default();
        news.changes(&LinkState::Up, &outages(0, 0));
        assert_eq!(news.changes(&down(2, carrier()), &outages(1, 0)).len(), 1);
        let lines = news.changes(&LinkState::Up, &outages(2, 1000));
        assert_eq!(lines, ["link up again after 1.0 s, down once more in between"]);
    }

    #[test]
    fn a_link_that_begins_down_comes_up_and_not_up_again() {
        let mut news = LinkNews::default();
        let unfit = LinkFault::Unfit(Unfit::NoAddress { interface: "eth0".to_owned() });
        assert_eq!(news.changes(&down(1, unfit), &outages(0, 0)).len(), 1);
        assert_eq!(news.changes(&LinkState::Up, &outages(0, 2000)), ["link up after 2.0 s"]);
    }

    #[test]
    fn a_limit_is_told_when_it_begins_and_ends() {
        let fault = LinkFault::ShortMtu { interface: "eth0".to_owned(), mtu: 240, needed: 1398 };
        let limited = LinkState::Limited { since_ns: S, fault };
        let mut news = LinkNews::default();
        let lines = news.changes(&limited, &outages(0, 0));
        assert!(lines[0].starts_with("link impaired: the MTU of eth0 is 240"), "{lines:?}");
        assert!(news.changes(&limited, &outages(0, 0)).is_empty());
        assert_eq!(news.changes(&LinkState::Up, &outages(0, 0)), ["link no longer impaired"]);
        assert!(LinkNews::status(&limited, 1, 3 * S).contains("240"));
    }

    #[test]
    fn leaving_and_joining_because_of_the_kernel_s_table_is_told_with_its_reason() {
        let mut news = LinkNews::default();
        assert!(news.changes(&LinkState::Up, &outages(0, 0)).is_empty());
        let once = Counters { rejoined: 1, ..outages(1, 40) };
        let lines = news.changes(&LinkState::Up, &once);
        assert!(
            lines[0].ends_with("which was nearly full") && lines[1].contains("once for a moment"),
            "{lines:?}"
        );
        assert!(news.changes(&LinkState::Up, &once).is_empty());
        let lines = news.changes(&LinkState::Up, &Counters { rejoined: 3, ..once });
        assert!(lines.len() == 1 && lines[0].ends_with("(3 times so far)"), "{lines:?}");
        let fault = LinkFault::OcbTable { interface: "wlan0".to_owned(), full: true, rejoins: false };
        let lines =
            news.changes(&LinkState::Limited { since_ns: S, fault }, &Counters { rejoined: 3, ..once });
        assert!(lines[0].starts_with("link impaired: the kernel's table of OCB neighbours on wlan0 is full"));
        assert!(LinkNews::warnings(&LinkState::Up, &once, S)[1].starts_with("the link left and joined once"));
    }

    #[test]
    fn the_status_line_and_the_report_say_how_long_it_has_been_down() {
        let state = down(2, carrier());
        assert!(LinkNews::status(&state, 0, 9 * S).starts_with("  link down for 7 s: eth0 has no carrier"));
        assert_eq!(LinkNews::status(&LinkState::Up, 0, 9 * S), "");
        assert_eq!(LinkNews::status(&LinkState::Up, 3, 9 * S), "  link refused 3");
        let warnings = LinkNews::warnings(&state, &Counters { foreign: 39, ..outages(1, 1500) }, 9 * S);
        assert_eq!(warnings[0], "the link was down once, 1.5 s in all");
        assert!(warnings[1].starts_with("the link has been down for 7 s: eth0"), "{warnings:?}");
        assert!(warnings[2].starts_with("39 frames of another VLAN"), "{warnings:?}");
        assert!(LinkNews::warnings(&LinkState::Up, &outages(0, 0), S).is_empty());
        let mut injecting = Counters { injected: 21, ..outages(0, 0) };
        injecting.unread.damaged = 2;
        let warnings = LinkNews::warnings(&LinkState::Up, &injecting, S);
        assert_eq!(warnings[0], "2 802.11 frames left out: with a wrong check sequence");
        assert!(warnings[1].starts_with("the radio confirmed none of 21"), "{warnings:?}");
    }

    #[test]
    fn changes_of_the_link_are_logged_with_state_and_cause() {
        let mut news = LinkNews::default();
        let mut told = |name, state: &LinkState, counters| {
            logged(name, || news.changes(state, &counters).iter().for_each(Line::log))
        };
        let fields = told("link_down", &down(2, carrier()), outages(1, 0));
        assert_eq!(fields, [json!({ "state": "down", "cause": "no_carrier" })]);
        let fields = told("link_up", &LinkState::Up, outages(1, 4012));
        assert_eq!(fields, [json!({ "state": "up", "down_ms": 4012, "outages": 0 })]);
        let fault = LinkFault::ShortMtu { interface: "eth0".to_owned(), mtu: 240, needed: 1398 };
        let fields = told("link_impaired", &LinkState::Limited { since_ns: S, fault }, outages(1, 4012));
        assert_eq!(fields, [json!({ "state": "impaired", "cause": "short_mtu" })]);
        let fields = told("link_up", &LinkState::Up, outages(3, 4042));
        let again = json!({ "state": "up", "down_ms": 30, "outages": 2 });
        assert_eq!(fields, [again, json!({ "state": "up" })]);
        let rejoined = Counters { rejoined: 1, ..outages(3, 4042) };
        let fields = told("link_impaired", &LinkState::Up, rejoined);
        assert_eq!(fields, [json!({ "state": "impaired", "cause": "ocb_table" })]);
        let mut refusals = RefusalNews::default();
        refusals.note(Refusal::TooLong, &std::io::Error::from_raw_os_error(MESSAGE_TOO_LONG));
        let fields = logged("link_impaired", || refusals.take(Instant::ZERO).iter().for_each(Line::log));
        assert_eq!(fields, [json!({ "state": "impaired", "cause": "link_frame_too_long", "frames": 1 })]);
    }

    #[test]
    fn refusals_are_told_when_they_begin_and_again_after_a_quiet_minute() {
        let mut news = RefusalNews::default();
        let error = std::io::Error::from_raw_os_error(MESSAGE_TOO_LONG);
        let mut told = 0;
        for second in 0..30 {
            news.note(Refusal::TooLong, &error);
            told += news.take(Instant::from_millis(second * 1000)).len();
        }
        assert_eq!((told, news.take_lately(), news.take_lately()), (1, 30, 0));
        assert!(news.take(Instant::from_millis(100_000)).is_empty());
        news.note(Refusal::TooLong, &error);
        news.note(Refusal::Down, &error);
        let lines = news.take(Instant::from_millis(101_000));
        assert!(lines.len() == 1 && lines[0].starts_with("link refused a frame of "), "{lines:?}");
    }

    /// `EMSGSIZE` of Linux.
    const MESSAGE_TOO_LONG: i32 = 90;
}
