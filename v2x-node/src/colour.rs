//! Colour for people: on a terminal only, and only to mark what is marked in words too.

use std::borrow::Cow;
use std::io::{self, IsTerminal as _};
use std::sync::OnceLock;

use clap::ValueEnum;

/// When to colour, as `--color` says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ColourChoice {
    /// On a terminal that knows colours, unless NO_COLOR is set
    #[default]
    Auto,
    /// Always, in a pipe too
    Always,
    /// Never
    Never,
}

/// What a text means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// All is well: green.
    Good,
    /// Something is to be looked at: yellow.
    Warn,
    /// Something failed: red.
    Bad,
}

/// Colours texts, or leaves them as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paint {
    on: bool,
}

impl Paint {
    /// Leaves every text as it is.
    pub const PLAIN: Self = Self { on: false };

    /// For standard output, as the command line and the environment say.
    pub fn stdout() -> Self {
        Self { on: on(choice(), io::stdout().is_terminal()) }
    }

    /// For standard error, by the same rules.
    pub fn stderr() -> Self {
        Self { on: on(choice(), io::stderr().is_terminal()) }
    }

    /// Whether it colours.
    pub fn is_on(self) -> bool {
        self.on
    }

    /// The text in the colour of its meaning.
    pub fn of(self, mark: Mark, text: &str) -> String {
        if !self.on {
            return text.to_owned();
        }
        let code = match mark {
            Mark::Good => "32",
            Mark::Warn => "33",
            Mark::Bad => "31",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }

    /// A report's table with its verdict, and the classes that missed, in colour.
    pub fn report(self, table: &str) -> Cow<'_, str> {
        if !self.on {
            return Cow::Borrowed(table);
        }
        let mut warning = false;
        let lines = table.split_inclusive('\n').map(|line| {
            let (text, end) = line.strip_suffix('\n').map_or((line, ""), |text| (text, "\n"));
            // A warning of several lines goes on below its first word.
            warning = text.starts_with("warning: ") || warning && text.starts_with("         ");
            let shown = if warning { self.of(Mark::Warn, text) } else { self.report_line(text) };
            format!("{shown}{end}")
        });
        Cow::Owned(lines.collect())
    }

    fn report_line(self, line: &str) -> String {
        if let Some(verdict) = line.strip_prefix("verdict: ") {
            let length = verdict.find(" - ").unwrap_or(verdict.len());
            let (word, rest) = verdict.split_at(length);
            let mark = match word {
                "MET" => Mark::Good,
                "MISSED" => Mark::Bad,
                _ => Mark::Warn,
            };
            return format!("verdict: {}{rest}", self.of(mark, word));
        }
        match line.strip_suffix("MISSED") {
            Some(before) => format!("{before}{}", self.of(Mark::Bad, "MISSED")),
            None => match line.strip_suffix(" met") {
                Some(before) => format!("{before} {}", self.of(Mark::Good, "met")),
                None => line.to_owned(),
            },
        }
    }
}

/// Sets what `--color` says, for this process. The first call counts.
pub fn choose(choice: ColourChoice) {
    CHOICE.get_or_init(|| choice);
}

fn choice() -> ColourChoice {
    CHOICE.get().copied().unwrap_or_default()
}

fn on(choice: ColourChoice, terminal: bool) -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
    decide(choice, terminal, set("NO_COLOR"), dumb)
}

/// no-color.org: NO_COLOR counts when it is not empty.
fn decide(choice: ColourChoice, terminal: bool, no_color: bool, dumb: bool) -> bool {
    match choice {
        ColourChoice::Always => true,
        ColourChoice::Never => false,
        ColourChoice::Auto => terminal && !no_color && !dumb,
    }
}

static CHOICE: OnceLock<ColourChoice> = OnceLock::new();

#[cfg(test)]
mod tests {
    use super::*;

    const PAINT: Paint = Paint { on: true };

    #[test]
    fn colour_is_for_terminals_that_know_it_unless_it_is_asked_for() {
        use ColourChoice::{Always, Auto, Never};
        for (choice, terminal, no_color, dumb, expected) in [
            (Auto, true, false, false, true),
            (Auto, false, false, false, false),
            (Auto, true, true, false, false),
            (Auto, true, false, true, false),
            (Always, false, true, true, true),
            (Never, true, false, false, false),
        ] {
            assert_eq!(decide(choice, terminal, no_color, dumb), expected, "{choice:?} {terminal}");
        }
    }

    #[test]
    fn a_report_marks_its_verdict_and_what_missed() {
        let table =
            "D0  20 ms     793 met\nD1 100 ms     90 MISSED\nwarning: w\nverdict: MISSED - D1 9 % missed\n";
        let painted = PAINT.report(table);
        assert_eq!(
            painted,
            "D0  20 ms     793 \x1b[32mmet\x1b[0m\nD1 100 ms     90 \x1b[31mMISSED\x1b[0m\n\
             \x1b[33mwarning: w\x1b[0m\nverdict: \x1b[31mMISSED\x1b[0m - D1 9 % missed\n"
        );
        let long = PAINT.report("warning: a\n         b\nD0  20 ms\n         c\n");
        assert_eq!(long, "\x1b[33mwarning: a\x1b[0m\n\x1b[33m         b\x1b[0m\nD0  20 ms\n         c\n");
        assert_eq!(PAINT.report("verdict: MET"), "verdict: \x1b[32mMET\x1b[0m");
        assert_eq!(PAINT.report("verdict: NOTHING TO JUDGE"), "verdict: \x1b[33mNOTHING TO JUDGE\x1b[0m");
        assert_eq!(Paint::PLAIN.report(table), table);
    }
}
