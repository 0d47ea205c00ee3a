//! `roadcast top`: the live table of a running daemon.

mod order;
mod screen;
mod terminal;

use core::time::Duration;
use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use v2x_api::{Client, ClientError, Neighbour, Stats, Status};

use self::order::{Column, sort};
use self::screen::{Shown, lines};
use self::terminal::{Key, Terminal};
use crate::colour::Paint;
use crate::commands::client::connect;
use crate::error::Error;

/// `roadcast top`.
#[derive(Args, Clone, Debug)]
pub struct TopArgs {
    /// Control socket of the daemon; default without --config: the only one found
    #[arg(long, value_name = "PATH", conflicts_with = "config")]
    socket: Option<PathBuf>,
    /// Configuration of the daemon, which names its socket
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The order of the stations: station, distance, speed, signal, delivery, heard or standing
    #[arg(long, value_enum, value_name = "COLUMN", default_value_t, hide_possible_values = true)]
    sort: Column,
    /// Turn the order round
    #[arg(long)]
    reverse: bool,
    /// Print the table once and end, as where standard output is no terminal
    #[arg(long)]
    once: bool,
}

/// Shown under `roadcast top --help`.
pub const HELP: &str = "Renewed each second. Keys: n, d, v, s, l, h and t sort by station, distance,
speed, signal, share of beacons that arrive (lost first), time since heard and
standing; the same key again, or r, turns the order round. Arrows, j and k, PgUp
and PgDn move through the stations, q and Ctrl-C end.

Exit codes: 0 done, 2 bad input or no daemon.

Examples:
  roadcast top
  roadcast top --config car-1.toml --sort signal
  roadcast top --once";

/// Shows it until the user ends it, or once.
///
/// # Errors
/// No daemon, or it ended.
pub fn run(args: &TopArgs, out: &mut dyn Write) -> Result<(), Error> {
    let mut daemon = connect(args.socket.as_deref(), args.config.as_deref())?;
    let mut table = Table { by: args.sort, reversed: args.reverse, above: 0 };
    let mut news = News::ask(&mut daemon)?;
    let terminal = if args.once { None } else { Terminal::take()? };
    let Some(terminal) = terminal else {
        for line in table.draw(&mut news, Paint::stdout(), (usize::MAX, usize::MAX)) {
            writeln!(out, "{line}")?;
        }
        return Ok(());
    };
    let mut next = Instant::now() + EVERY;
    loop {
        let (columns, rows) = Terminal::size();
        terminal.draw(&table.draw(&mut news, Paint::stdout(), (columns, rows)))?;
        let wait = next.saturating_duration_since(Instant::now());
        match terminal.key(wait)? {
            Some(Key::End | Key::Char('q')) => return Ok(()),
            Some(key) => table.press(key, rows, news.stations.len()),
            None => {}
        }
        if Instant::now() >= next {
            next = Instant::now() + EVERY;
            news = News::ask(&mut daemon)?;
        }
    }
}

/// What a daemon answered.
struct News {
    status: Status,
    stats: Stats,
    stations: Vec<Neighbour>,
}

impl News {
    fn ask(daemon: &mut Client) -> Result<Self, ClientError> {
        Ok(Self { status: daemon.status()?, stats: daemon.stats()?, stations: daemon.neighbours()? })
    }
}

/// How the user wants it.
struct Table {
    by: Column,
    reversed: bool,
    above: usize,
}

impl Table {
    fn draw(&self, news: &mut News, paint: Paint, (columns, rows): (usize, usize)) -> Vec<String> {
        sort(&mut news.stations, self.by, self.reversed);
        let News { status, stats, stations } = news;
        let Self { by, reversed, above } = *self;
        lines(&Shown { status, stats, stations, by, reversed, above, paint }, columns, rows)
    }

    fn press(&mut self, key: Key, rows: usize, stations: usize) {
        let page = rows.saturating_sub(HEAD_ROWS).max(1);
        match key {
            Key::Up | Key::Char('k') => self.above = self.above.saturating_sub(1),
            Key::Down | Key::Char('j') => self.above += 1,
            Key::PageUp => self.above = self.above.saturating_sub(page),
            Key::PageDown => self.above += page,
            Key::Char('r') => self.reversed = !self.reversed,
            Key::Char(letter) => {
                if let Some(column) = Column::ALL.into_iter().find(|column| column.key() == letter) {
                    self.reversed = column == self.by && !self.reversed;
                    self.by = column;
                }
            }
            Key::End => {}
        }
        self.above = self.above.min(stations.saturating_sub(1));
    }
}

const EVERY: Duration = Duration::from_secs(1);
/// What is above the stations, about.
const HEAD_ROWS: usize = 14;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_sorts_and_the_same_key_again_turns_it_round() {
        let mut table = Table { by: Column::Distance, reversed: false, above: 0 };
        table.press(Key::Char('s'), 24, 9);
        assert_eq!((table.by, table.reversed), (Column::Signal, false));
        table.press(Key::Char('s'), 24, 9);
        assert_eq!((table.by, table.reversed), (Column::Signal, true));
        table.press(Key::Char('r'), 24, 9);
        table.press(Key::Char('?'), 24, 9);
        assert_eq!((table.by, table.reversed), (Column::Signal, false));
    }

    #[test]
    fn one_cannot_move_beyond_the_first_and_the_last_station() {
        let mut table = Table { by: Column::Distance, reversed: false, above: 0 };
        table.press(Key::Up, 24, 3);
        assert_eq!(table.above, 0);
        table.press(Key::PageDown, 24, 3);
        assert_eq!(table.above, 2);
        table.press(Key::Char('k'), 24, 3);
        assert_eq!(table.above, 1);
        table.press(Key::Down, 24, 0);
        assert_eq!(table.above, 0);
    }
}
