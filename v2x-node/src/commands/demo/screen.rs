//! What the demo shows while it runs: a table that renews itself on a terminal, plain lines in a pipe.

use core::time::Duration;
use std::io::{self, Write};

use console::Term;
use v2x_core::WireTime;
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
    /// Lines of the second scene that a pipe has got.
    told: usize,
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
        Ok(Self { out, term: Term::stdout(), lines: 0, seconds, told: 0 })
    }

    /// Shows the state after `passed`.
    pub(crate) fn show(
        &mut self,
        passed: Duration,
        present: usize,
        books: &Books,
        wire: WireTime,
    ) -> io::Result<()> {
        if self.term.is_term() && std::env::var_os("TERM").is_some_and(|term| term != "dumb") {
            return self.table(passed, present, books, wire);
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
        let outcome = books.scene.outcome();
        for line in outcome.iter().skip(self.told) {
            writeln!(self.out, "{line}")?;
        }
        self.told = self.told.max(outcome.len());
        self.out.flush()
    }

    /// Clears the table to make room for the report, and tells what came of the second scene.
    pub(crate) fn clear(&mut self, books: &Books) -> io::Result<()> {
        if self.lines > 0 {
            self.term.clear_last_lines(self.lines)?;
            self.lines = 0;
        }
        for line in books.scene.outcome() {
            writeln!(self.out, "{line}")?;
        }
        self.out.flush()
    }

    fn table(&mut self, passed: Duration, present: usize, books: &Books, wire: WireTime) -> io::Result<()> {
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
                "  {:<15} {:>8} {:>9} {:>11} {:>11} {:>7} {:>11}",
                format!("{} {}", class.name(), meaning(class)),
                deadline,
                live.sent,
                live.expected,
                live.delivered,
                live.late,
                human::time(live.slowest_ns),
            ));
        }
        lines.push(String::new());
        lines.extend(books.scene.lines(wire).iter().map(|line| format!("  {line}")));
        self.out.flush()?;
        self.term.clear_last_lines(self.lines)?;
        // A line that wraps would take two, and one of them would stay.
        let (rows, columns) = self.term.size();
        let columns = usize::from(columns);
        lines.truncate(usize::from(rows).saturating_sub(1));
        for line in &lines {
            self.term.write_line(&console::truncate_str(line, columns, ""))?;
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
