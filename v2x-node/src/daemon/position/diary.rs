//! Why there is no position, and what else is wrong with a source: counted, told once, and in the report.

use core::fmt::Write as _;
use core::time::Duration;

use v2x_core::{Instant, WireTime, limits};

use super::quality::PositionRefusal;

/// What spoils positions, or keeps them from being had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The receiver has no fix.
    NoFix,
    /// Places without a time.
    NoTime,
    /// The last place again.
    Repeated,
    /// Places at 0, 0.
    Unset,
    /// A simulator's.
    Simulated,
    /// Typed in or surveyed.
    Manual,
    /// Dates before 2004.
    Date,
    /// Positions too old by our clock.
    Old,
    /// Positions from the future by our clock.
    Ahead,
    /// Sentences without a checksum.
    Unsummed,
    /// Sentences that were cut or changed.
    Damaged,
    /// Lines of text that are nothing known.
    Foreign,
    /// Bytes that are no text: another protocol's beside sentences, a wrong speed without them.
    Binary,
    /// Sentences that say no place: satellites, motion, a maker's own. Usual between places.
    NoPlace,
    /// Reports of receivers that are not the station's.
    OtherReceiver,
    /// gpsd has not the receiver that is configured, or none.
    NoReceiver,
    /// gpsd does not do as asked.
    Complaint,
    /// Opening or connecting failed, or the source went away.
    Down,
    /// Nothing comes.
    Silent,
    /// It was played to its end.
    Ended,
}

impl Trouble {
    const ALL: [Self; 20] = [
        Self::NoFix,
        Self::NoTime,
        Self::Repeated,
        Self::Unset,
        Self::Simulated,
        Self::Manual,
        Self::Date,
        Self::Old,
        Self::Ahead,
        Self::Unsummed,
        Self::Damaged,
        Self::Foreign,
        Self::Binary,
        Self::NoPlace,
        Self::OtherReceiver,
        Self::NoReceiver,
        Self::Complaint,
        Self::Down,
        Self::Silent,
        Self::Ended,
    ];
    /// Told when they first happen, whether or not positions come. That they are ahead of the clock is told with the clock.
    const TOLD_AT_ONCE: [Self; 7] = [
        Self::Unset,
        Self::Simulated,
        Self::Manual,
        Self::Date,
        Self::Unsummed,
        Self::OtherReceiver,
        Self::Complaint,
    ];
}

impl From<PositionRefusal> for Trouble {
    fn from(refusal: PositionRefusal) -> Self {
        match refusal {
            PositionRefusal::NoFix => Self::NoFix,
            PositionRefusal::NoTime => Self::NoTime,
            PositionRefusal::Repeated => Self::Repeated,
            PositionRefusal::Unset => Self::Unset,
            PositionRefusal::Simulated => Self::Simulated,
            PositionRefusal::Manual => Self::Manual,
            PositionRefusal::Date => Self::Date,
        }
    }
}

/// What a source went through.
#[derive(Debug)]
pub(super) struct Diary {
    /// The source, for people: `gpsd at 127.0.0.1:2947`.
    pub source: String,
    /// What to check when nothing that comes is understood.
    pub doubt: String,
    began: Instant,
    good: Option<Instant>,
    /// How late the last good fix came.
    late: Duration,
    /// Lines understood, in all and since the last good fix.
    understood: (u64, u64),
    entries: [Entry; Trouble::ALL.len()],
    down: bool,
    ended: bool,
}

#[derive(Clone, Debug, Default)]
struct Entry {
    count: u64,
    since_good: u64,
    told: bool,
    told_since_good: bool,
    detail: String,
}

impl Diary {
    pub fn new(now: Instant) -> Self {
        Self {
            source: String::new(),
            doubt: String::new(),
            began: now,
            good: None,
            late: Duration::ZERO,
            understood: (0, 0),
            entries: Default::default(),
            down: false,
            ended: false,
        }
    }

    /// Takes a fix that was true at `time`, at `now`, which is `wire` by our clock.
    pub fn fix(&mut self, time: WireTime, now: Instant, wire: WireTime) {
        let (age, ahead) = (wire.since(time), time.since(wire));
        if age >= limits::MAX_FIX_AGE {
            return self.trouble(Trouble::Old, 1, || old(age));
        }
        if ahead >= limits::MAX_FIX_AGE {
            self.trouble(Trouble::Ahead, 1, || {
                format!("the positions' time is {} s ahead of this clock", seconds(ahead))
            });
        }
        (self.good, self.late) = (Some(now), age);
        self.understood.1 = 0;
        for entry in &mut self.entries {
            (entry.since_good, entry.told_since_good) = (0, false);
        }
    }

    /// Something that the source should send came.
    pub fn understood(&mut self, lines: u64) {
        self.understood.0 += lines;
        self.understood.1 += lines;
    }

    /// Counts a trouble; `detail` says it for people where a figure or a name belongs to it.
    pub fn trouble(&mut self, trouble: Trouble, count: u64, detail: impl FnOnce() -> String) {
        let entry = &mut self.entries[trouble as usize];
        entry.count += count;
        entry.since_good += count;
        entry.detail = detail();
    }

    /// The source could not be opened or reached, or went away.
    pub fn down(&mut self, reason: String) {
        let entry = &mut self.entries[Trouble::Down as usize];
        if entry.detail != reason {
            (entry.told_since_good, entry.detail) = (false, reason);
        }
        entry.count += 1;
        entry.since_good += 1;
        self.down = true;
    }

    /// The source is open. What came from it before says nothing about it now.
    pub fn up(&mut self) {
        self.down = false;
        self.entries[Trouble::Silent as usize].since_good = 0;
    }

    /// The source was played to its end.
    pub fn ended(&mut self) {
        self.ended = true;
    }

    /// Why there is no position, for the status line.
    pub fn silence(&self) -> String {
        match self.cause() {
            Some(trouble) => format!("no position: {}", self.text(trouble, self.entry(trouble).since_good)),
            None if self.good.is_none() => format!("no position: waiting for {}", self.source),
            None => format!(
                "no position under 2 s old: {} gave the last one {} s late, and none since",
                self.source,
                seconds(self.late)
            ),
        }
    }

    /// Whether the source was started just now, and has nothing to say yet.
    pub fn is_starting(&self, now: Instant) -> bool {
        self.good.is_none() && self.cause().is_none() && now.since(self.began) < STARTS_WITHIN
    }

    /// What is to be told now, a line each. `told`: why there is no position was told otherwise.
    pub fn take_news(&mut self, now: Instant, told: bool) -> Vec<String> {
        let mut news = Vec::new();
        let since = self.good.unwrap_or(self.began);
        if let Some(cause) = self
            .cause()
            .filter(|_| told || self.down || self.ended || now.since(since) >= limits::MAX_FIX_AGE)
        {
            let text = self.silence();
            let entry = &mut self.entries[cause as usize];
            if !core::mem::replace(&mut entry.told_since_good, true) && !told {
                news.push(text);
            }
            entry.told = true;
        }
        for trouble in Trouble::TOLD_AT_ONCE {
            if self.entry(trouble).count > 0 && !self.entry(trouble).told {
                self.entries[trouble as usize].told = true;
                news.push(self.text(trouble, self.entry(trouble).count));
            }
        }
        news
    }

    /// What belongs into a report's warnings.
    pub fn warnings(&self) -> impl Iterator<Item = String> {
        let worth = Trouble::ALL.into_iter().filter(|trouble| self.is_worth_a_warning(*trouble));
        worth.map(|trouble| self.text(trouble, self.entry(trouble).count))
    }

    fn is_worth_a_warning(&self, trouble: Trouble) -> bool {
        let count = self.entry(trouble).count;
        match trouble {
            // Usual at the start and in tunnels.
            Trouble::NoFix | Trouble::Silent => count > 0 && self.good.is_none(),
            Trouble::NoPlace => self.cause() == Some(trouble) && self.good.is_none(),
            Trouble::Binary => count > 20 && self.understood.0 == 0,
            Trouble::Damaged | Trouble::Foreign => count > 20 && count > self.understood.0 / 100,
            _ => count > 0,
        }
    }

    /// What keeps positions away: the source itself, else what happened most since the last one.
    fn cause(&self) -> Option<Trouble> {
        if self.down {
            return Some(Trouble::Down);
        }
        // A file of which nothing could be read has that to say.
        if self.ended && self.good.is_some() {
            return Some(Trouble::Ended);
        }
        let most = Trouble::ALL.into_iter().filter(|trouble| match trouble {
            Trouble::Ahead | Trouble::OtherReceiver | Trouble::Down | Trouble::NoPlace => false,
            // Among sentences that are understood, they are noise.
            Trouble::Damaged | Trouble::Foreign | Trouble::Binary | Trouble::Silent => self.understood.1 == 0,
            _ => true,
        });
        let most =
            most.map(|trouble| (self.entry(trouble).since_good, trouble)).filter(|(count, _)| *count > 0);
        let most = most.max_by_key(|(count, _)| *count).map(|(_, trouble)| trouble);
        most.or(self.ended.then_some(Trouble::Ended)).or_else(|| self.last_resort())
    }

    /// Nothing that came says by itself why there is no position: a report that is named and was not understood among others
    /// that were, sentences without a place, or why the source was left, which is open again.
    fn last_resort(&self) -> Option<Trouble> {
        let happened = |trouble: &Trouble| self.entry(*trouble).since_good > 0;
        let named = !self.entry(Trouble::Foreign).detail.is_empty();
        Some(Trouble::Foreign)
            .filter(|foreign| named && happened(foreign))
            .or(Some(Trouble::NoPlace).filter(happened))
            .or(Some(Trouble::Down).filter(happened))
    }

    fn entry(&self, trouble: Trouble) -> &Entry {
        &self.entries[trouble as usize]
    }

    fn text(&self, trouble: Trouble, count: u64) -> String {
        let detail = &self.entry(trouble).detail;
        let source = &self.source;
        let allow = "refused (position.simulated = true allows them, on a bench)";
        match trouble {
            Trouble::Down => format!("{source}: {detail}; trying every second"),
            Trouble::Ended if self.good.is_none() => {
                format!("{source}: played to its end, and there was no position in it")
            }
            Trouble::Ended => format!("{source}: played to its end"),
            Trouble::Silent => format!("{source}: nothing comes"),
            Trouble::NoFix => format!("{source}: the receiver has no fix"),
            Trouble::NoTime => format!(
                "{source}: {} positions without a time, which is how a place that is not current comes",
                grouped(count)
            ),
            Trouble::Repeated => format!(
                "{source}: {} times the last place again, as a receiver without a fix says it",
                grouped(count)
            ),
            Trouble::Unset => {
                format!("{} positions at 0, 0 refused: receivers say that without a fix", grouped(count))
            }
            Trouble::Simulated => format!("{} positions of a simulator {allow}", grouped(count)),
            Trouble::Manual => format!("{} positions typed in or surveyed {allow}", grouped(count)),
            Trouble::Date => format!(
                "{} positions dated before 2004: the receiver's week counter has rolled over, or it has no date yet",
                grouped(count)
            ),
            Trouble::Unsummed => format!(
                "{source}: {} sentences without a checksum, refused: turn the receiver's checksums on",
                grouped(count)
            ),
            Trouble::Damaged if self.understood.0 > 0 => format!(
                "{source}: {} damaged sentences: does another program (ModemManager, gpsd) read the device too?",
                grouped(count)
            ),
            Trouble::Damaged => {
                format!("{source}: {} damaged sentences, and no whole one: {}", grouped(count), self.doubt)
            }
            Trouble::Foreign | Trouble::Binary if self.understood.0 == 0 => {
                format!("{source}: {}, none understood: {}", lines(count), self.doubt)
            }
            Trouble::Foreign | Trouble::Binary => {
                let last = if detail.is_empty() { String::new() } else { format!(", the last: {detail}") };
                format!("{source}: {} not understood{last}", lines(count))
            }
            Trouble::NoPlace => format!(
                "{source}: {} NMEA sentences, none with a position: turn on RMC or GGA in the receiver",
                grouped(count)
            ),
            Trouble::Old | Trouble::Ahead if count > 1 => format!("{detail} ({} of them)", grouped(count)),
            Trouble::OtherReceiver if count > 1 => format!("{detail} ({} reports)", grouped(count)),
            _ => detail.clone(),
        }
    }
}

fn old(age: Duration) -> String {
    let mut text = format!("positions come, {} s old by this clock", seconds(age));
    let (weeks, off) = (age.as_secs() / ROLLOVER_S, age.as_secs() % ROLLOVER_S);
    if weeks > 0 && off.min(ROLLOVER_S - off) < DAY_S || weeks == 0 && ROLLOVER_S - off < DAY_S {
        text.push_str(": the receiver's week counter has rolled over (1,024 weeks)");
    }
    text
}

fn lines(count: u64) -> String {
    if count == 1 { "1 line".to_owned() } else { format!("{} lines", grouped(count)) }
}

/// Seconds for people: `3.1`, `619,315,200`.
fn seconds(duration: Duration) -> String {
    if duration < Duration::from_secs(60) {
        return format!("{:.1}", duration.as_secs_f64());
    }
    grouped(duration.as_secs())
}

fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        write!(text, "{digit}").expect("a string takes all");
    }
    text
}

/// A connection is made or refused, and a receiver heard, within this time.
const STARTS_WITHIN: Duration = Duration::from_millis(1_500);
/// GPS counts 1,024 weeks.
const ROLLOVER_S: u64 = 1024 * 7 * DAY_S;
const DAY_S: u64 = 86_400;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Instant {
        Instant::from_millis(ms)
    }

    fn wire(ms: u64) -> WireTime {
        WireTime::from_secs(720_000_000) + Duration::from_millis(ms)
    }

    fn diary() -> Diary {
        let mut diary = Diary::new(at(0));
        diary.source = "/dev/ttyS0".to_owned();
        diary.doubt = "a wrong speed (baud = 9600)?".to_owned();
        diary
    }

    #[test]
    fn a_source_that_is_not_there_is_told_once_with_its_reason() {
        let mut diary = diary();
        assert!(diary.is_starting(at(10)));
        let reason = "no position: /dev/ttyS0: connection refused; trying every second";
        for n in 1..20 {
            diary.down("connection refused".to_owned());
            let news = diary.take_news(at(n * 1000), false);
            assert_eq!(news, if n == 1 { vec![reason.to_owned()] } else { Vec::new() });
        }
        assert!(!diary.is_starting(at(20)) && diary.silence() == reason);
        diary.up();
        diary.fix(wire(0), at(20_000), wire(0));
        assert_eq!(diary.take_news(at(20_000), false), Vec::<String>::new());
        diary.down("unplugged".to_owned());
        assert_eq!(diary.take_news(at(21_000), false).len(), 1, "the next outage is told again");
        assert_eq!(diary.warnings().count(), 1);
    }

    #[test]
    fn what_is_not_understood_is_told_with_what_to_check() {
        let mut diary = diary();
        diary.trouble(Trouble::Foreign, 300, String::new);
        assert_eq!(diary.take_news(at(1_000), false), Vec::<String>::new(), "not in the first moment");
        let text = "/dev/ttyS0: 300 lines, none understood: a wrong speed (baud = 9600)?";
        assert_eq!(diary.take_news(at(2_000), false), [format!("no position: {text}")]);
        assert_eq!(diary.warnings().collect::<Vec<_>>(), [text]);
        diary.understood(1);
        diary.trouble(Trouble::NoFix, 1, String::new);
        assert_eq!(diary.silence(), "no position: /dev/ttyS0: the receiver has no fix");
    }

    #[test]
    fn a_source_that_answers_and_gives_no_position_is_told_though_it_is_open_again() {
        let mut diary = diary();
        diary.understood(2);
        diary.down("it answers, and reports no receiver's position".to_owned());
        diary.up();
        let text =
            "no position: /dev/ttyS0: it answers, and reports no receiver's position; trying every second";
        assert_eq!(diary.take_news(at(3_100), false), [text]);
        assert_eq!((diary.take_news(at(4_000), false).len(), diary.silence().as_str()), (0, text));
        // What it said instead is more to the point.
        diary.trouble(Trouble::Foreign, 1, || "mode 3 without a position on the globe".to_owned());
        let text = "no position: /dev/ttyS0: 1 line not understood, the last: mode 3 without a position on the globe";
        assert_eq!(diary.take_news(at(5_000), false), [text]);
        diary.fix(wire(0), at(6_000), wire(0));
        assert!(diary.silence().starts_with("no position under 2 s old"));
    }

    #[test]
    fn sentences_without_a_place_are_told_unless_there_is_a_better_reason() {
        let mut diary = diary();
        for n in 0..30 {
            diary.understood(1);
            diary.trouble(Trouble::NoPlace, 1, String::new);
            assert_eq!(diary.take_news(at(n * 100), false).len(), usize::from(n == 20));
        }
        let text = "/dev/ttyS0: 30 NMEA sentences, none with a position: turn on RMC or GGA in the receiver";
        assert_eq!(diary.silence(), format!("no position: {text}"));
        assert_eq!(diary.warnings().collect::<Vec<_>>(), [text]);
        diary.trouble(Trouble::NoFix, 1, String::new);
        assert_eq!(diary.silence(), "no position: /dev/ttyS0: the receiver has no fix");
        diary.fix(wire(0), at(4_000), wire(0));
        diary.trouble(Trouble::NoPlace, 1, String::new);
        assert_eq!(diary.warnings().count(), 0);
    }

    #[test]
    fn old_positions_are_told_with_their_age_and_a_rollover_by_name() {
        let mut diary = diary();
        for n in 0..30 {
            diary.fix(wire(0), at(n * 100), wire(3_000));
        }
        let news = diary.take_news(at(3_000), false);
        assert_eq!(news, ["no position: positions come, 3.0 s old by this clock (30 of them)"]);
        assert!(!old(Duration::from_secs(3)).contains("week"));
        let rolled = old(Duration::from_secs(619_315_200));
        assert!(
            rolled.starts_with("positions come, 619,315,200 s old by this clock: the receiver's week"),
            "{rolled}"
        );
        assert!(old(Duration::from_secs(619_315_199)).contains("week"));
        assert!(!old(Duration::from_secs(619_315_200 / 2)).contains("week"));
    }

    #[test]
    fn a_good_run_has_no_warnings_and_no_news() {
        let mut diary = diary();
        diary.trouble(Trouble::Damaged, 1, String::new);
        diary.trouble(Trouble::NoFix, 5, String::new);
        for n in 0..100 {
            diary.understood(3);
            diary.fix(wire(n * 100), at(n * 100), wire(n * 100 + 50));
            assert_eq!(diary.take_news(at(n * 100), false), Vec::<String>::new());
        }
        assert_eq!(diary.warnings().count(), 0);
    }

    #[test]
    fn what_is_refused_is_told_once_even_if_positions_come() {
        let mut diary = diary();
        for n in 0..10 {
            diary.trouble(Trouble::OtherReceiver, 1, || "another receiver is ignored".to_owned());
            diary.trouble(Trouble::Simulated, 1, String::new);
            diary.fix(wire(n * 100), at(n * 100), wire(n * 100));
            let news = diary.take_news(at(n * 100), false);
            assert_eq!(news.len(), if n == 0 { 2 } else { 0 }, "{news:?}");
        }
        assert_eq!(diary.warnings().count(), 2);
    }

    #[test]
    fn numbers_are_grouped_by_thousands() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}
