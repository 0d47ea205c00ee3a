//! What the demo shows while it runs: a table that renews itself on a terminal, plain lines in a pipe.

use core::time::Duration;
use std::io::{self, Write};

use console::Term;
use v2x_proto::Class;
use v2x_report::human;

use super::books::{Books, LiveCount};
use super::town::Town;

/// The place on the screen.
pub(crate) struct Screen<'o> {
    out: &'o mut dyn Write,
    term: Term,
    lines: usize,
    seconds: u64,
}

impl<'o> Screen<'o> {
    /// Announces the run.
    pub(crate) fn new(out: &'o mut dyn Write, seconds: u64, town: &Town) -> io::Result<Self> {
        writeln!(
            out,
            "Roadcast demo: {} vehicles and {} roadside units of a town on loopback, {seconds} s.",
            town.vehicles(),
            town.stations() - town.vehicles(),
        )?;
        writeln!(out, "Each is a full station with its own credential; frames cross real UDP sockets.")?;
        out.flush()?;
        Ok(Self { out, term: Term::stdout(), lines: 0, seconds })
    }

    /// Shows the state after `passed`.
    pub(crate) fn show(&mut self, passed: Duration, present: usize, books: &Books) -> io::Result<()> {
        if self.term.is_term() {
            return self.table(passed, present, books);
        }
        let total = |part: fn(&LiveCount) -> u64| books.live.iter().map(part).sum::<u64>();
        writeln!(
            self.out,
            "{:>4} s  stations {present}  sent {}  expected {}  delivered {}  late {}",
            passed.as_secs(),
            total(|live| live.sent),
            total(|live| live.expected),
            total(|live| live.delivered),
            total(|live| live.late),
        )?;
        self.out.flush()
    }

    /// Clears the table to make room for the report.
    pub(crate) fn clear(&mut self) -> io::Result<()> {
        if self.lines > 0 {
            self.term.clear_last_lines(self.lines)?;
            self.lines = 0;
        }
        Ok(())
    }

    fn table(&mut self, passed: Duration, present: usize, books: &Books) -> io::Result<()> {
        let mut lines = vec![
            String::new(),
            format!(
                "  {:>3} of {} s   {present} stations on the road   Ctrl-C ends and reports",
                passed.as_secs().min(self.seconds),
                self.seconds
            ),
            String::new(),
            "  class           deadline      sent    expected   delivered    late     slowest".to_owned(),
        ];
        for (class, live) in Class::ALL.into_iter().zip(&books.live).filter(|(_, live)| live.sent > 0) {
            let deadline = class
                .deadline()
                .map_or_else(|| "-".to_owned(), |deadline| human::time(deadline.as_nanos() as u64));
            lines.push(format!(
                "  {:<14} {:>9} {:>9} {:>11} {:>11} {:>7} {:>11}",
                format!("{} {}", class.name(), meaning(class)),
                deadline,
                live.sent,
                live.expected,
                live.delivered,
                live.late,
                human::time(live.slowest_ns),
            ));
        }
        self.out.flush()?;
        self.term.clear_last_lines(self.lines)?;
        for line in &lines {
            self.term.write_line(line)?;
        }
        self.lines = lines.len();
        Ok(())
    }
}

fn meaning(class: Class) -> &'static str {
    match class {
        Class::D0 => "imminent",
        Class::D1 => "alert",
        Class::D2 => "awareness",
        Class::D3 => "area hazard",
        Class::D4 => "signals",
        Class::D5 => "background",
    }
}
