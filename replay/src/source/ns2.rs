//! Mobility of ns-2: `$node_(0) set X_ 1.0` and `$ns_ at 2.0 "$node_(0) setdest 5.0 6.0 13.9"`.
//!
//! A node stands where it was set until it is sent somewhere: from then on it drives straight there at the speed given, and
//! waits, to the end of the scene.
//!
//! SUMO's traceExporter sends a node at each step to where it is in that step, so that by these rules it comes there a
//! step late. Its files are known by their first commands, which send nodes to where they stand: in them a
//! destination is the place at the time of the command, and a node is there from its first command to its last.

use std::io::BufRead;

use hashbrown::HashMap;

use super::bounded::{Bounded, MAX_ROW_BYTES, is_damage};
use super::builder::{Builder, Flow};
use super::error::{RowFault, TraceError};
use super::options::ReadOptions;
use super::row::{self, Fault, NameSpace, Values, Who};
use super::signals::Signals;
use super::station_kind::StationKind;
use super::station_size::StationSize;
use super::stations::MAX_STATIONS;
use super::trace::Trace;

/// Reads plain text, one line at a time.
pub(super) fn read(input: impl BufRead, name: &str, options: &ReadOptions) -> Result<Trace, TraceError> {
    let mut input = Bounded::new(input, MAX_ROW_BYTES);
    let mut builder = Builder::new(name, options)?;
    builder.derives_motion();
    let mut scene = Scene { name, limit: options.max_samples, ..Scene::default() };
    let mut line = Vec::new();
    loop {
        line.clear();
        input.next_item();
        let number = input.line();
        match input.read_until(b'\n', &mut line) {
            Ok(0) => break,
            Ok(_) => {}
            Err(_) if input.exceeded() => {
                let limit = input.limit();
                return Err(TraceError::TooLong { name: name.to_owned(), line: number, limit });
            }
            Err(source) if !is_damage(&source) => {
                return Err(TraceError::Read { name: name.to_owned(), source });
            }
            Err(source) => {
                builder.cut(number, source.to_string());
                break;
            }
        }
        let whole = line.ends_with(b"\n");
        if !whole && line.iter().filter(|byte| **byte == b'"').count() % 2 == 1 {
            builder.cut(number, "its quotation mark is not closed".to_owned());
            break;
        }
        match (Command::of(&line), whole) {
            (Ok(Some(command)), _) => scene.take(command, number)?,
            (Ok(None), _) => {}
            (Err(Fault(_, found)), false) => builder.cut(number, found),
            (Err(Fault(fault, found)), true) => builder.drop_row(fault, number, &found),
        }
    }
    scene.play(&mut builder)?;
    builder.finish()
}

/// What a line asks for.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Command<'l> {
    /// A node's x (0), y (1) or z (2) from the start.
    Set(&'l str, usize, f64),
    /// A node drives somewhere from a time on, ns.
    Drive(&'l str, Order),
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Order {
    at_ns: u64,
    x: f64,
    y: f64,
    speed: f64,
    line: u64,
}

impl<'l> Command<'l> {
    /// `None` for a line that moves nobody.
    fn of(line: &'l [u8]) -> Result<Option<Self>, Fault> {
        let text = str::from_utf8(line).map_err(|_| Fault::new(RowFault::NotText, "a line"))?.trim();
        let mut words = text.split([' ', '\t', '"']).filter(|word| !word.is_empty());
        let mut next = || words.next().unwrap_or_default();
        let number = |field, word| row::number(word).map_err(|fault| Fault::quoting(fault, field, word));
        let first = next();
        let timed = first.starts_with("$ns");
        let (at_ns, node) = match (timed, node(first)) {
            (true, _) => {
                if next() != "at" {
                    return Ok(None);
                }
                let time = next();
                let at_ns = row::parse_time(time).map_err(|fault| Fault::quoting(fault, "time", time))?;
                let Some(node) = node(next()) else { return Ok(None) };
                (at_ns, node)
            }
            (false, Some(node)) => (0, node),
            (false, None) => return Ok(None),
        };
        match next() {
            "set" if !timed => {
                let axis = match next() {
                    "X_" => 0,
                    "Y_" => 1,
                    "Z_" => 2,
                    _ => return Ok(None),
                };
                Ok(Some(Self::Set(node, axis, number("place", next())?)))
            }
            "setdest" => {
                let (x, y) = (number("x", next())?, number("y", next())?);
                let word = next();
                let speed = number("speed", word)?;
                if speed < 0.0 {
                    return Err(Fault::quoting(RowFault::NegativeSpeed, "speed", word));
                }
                Ok(Some(Self::Drive(node, Order { at_ns, x, y, speed, line: 0 })))
            }
            _ => Ok(None),
        }
    }
}

/// The number or name in `$node_(0)`.
fn node(word: &str) -> Option<&str> {
    let name = word.strip_prefix("$node_(").or_else(|| word.strip_prefix("$n("))?.strip_suffix(')')?;
    (!name.is_empty()).then_some(name)
}

/// The nodes and their orders, as the file has them.
#[derive(Default)]
struct Scene<'n> {
    name: &'n str,
    /// The most orders.
    limit: usize,
    index: HashMap<String, usize>,
    nodes: Vec<Node>,
    orders: usize,
}

#[derive(Default)]
struct Node {
    id: String,
    start: [f64; 3],
    line: u64,
    orders: Vec<Order>,
}

impl Scene<'_> {
    fn take(&mut self, command: Command<'_>, line: u64) -> Result<(), TraceError> {
        let (Command::Set(id, ..) | Command::Drive(id, _)) = command;
        let number = match self.index.get(id) {
            Some(number) => *number,
            None if self.nodes.len() >= MAX_STATIONS => {
                return Err(TraceError::TooManyStations {
                    name: self.name.to_owned(),
                    line,
                    limit: MAX_STATIONS,
                });
            }
            None => {
                self.index.insert(id.to_owned(), self.nodes.len());
                self.nodes.push(Node { id: id.to_owned(), line, ..Node::default() });
                self.nodes.len() - 1
            }
        };
        match command {
            Command::Set(_, axis, place) => self.nodes[number].start[axis] = place,
            Command::Drive(_, order) => {
                self.orders += 1;
                if self.orders > self.limit {
                    let (name, limit) = (self.name.to_owned(), self.limit);
                    return Err(TraceError::TooManySamples { name, line, limit });
                }
                self.nodes[number].orders.push(Order { line, ..order });
            }
        }
        Ok(())
    }

    /// Whether destinations are where nodes are at the time of the command: most of those that are sent at all are first
    /// sent to where they stand.
    fn is_of_steps(&self) -> bool {
        let sent: Vec<&Node> = self.nodes.iter().filter(|node| node.orders.len() > 1).collect();
        let stands = |node: &&&Node| {
            let first = &node.orders[0];
            (first.x - node.start[0]).hypot(first.y - node.start[1]) < HERE_M
        };
        !sent.is_empty() && sent.iter().filter(stands).count() * 10 >= sent.len() * 9
    }

    fn play(mut self, builder: &mut Builder<'_>) -> Result<(), TraceError> {
        for node in &mut self.nodes {
            node.orders.sort_by_key(|order| order.at_ns);
        }
        if self.is_of_steps() {
            for node in &self.nodes {
                for order in &node.orders {
                    node.sample(builder, order.at_ns, (order.x, order.y), order.speed, order.line)?;
                }
            }
            return Ok(());
        }
        let last_ns = self.nodes.iter().filter_map(|node| node.orders.last()).map(|order| order.at_ns).max();
        let most_ns = last_ns.unwrap_or(0).saturating_add(MAX_LAST_WAY_NS);
        let end_ns = self.nodes.iter().map(|node| node.ends_ns().min(most_ns)).max().unwrap_or(0);
        self.nodes.iter().try_for_each(|node| node.drive(builder, end_ns))
    }
}

impl Node {
    /// When it has come where it was last sent.
    fn ends_ns(&self) -> u64 {
        let mut leg = Leg { from_ns: 0, from: (self.start[0], self.start[1]), order: None };
        for order in &self.orders {
            leg = Leg { from_ns: order.at_ns, from: leg.place(order.at_ns), order: Some(*order) };
        }
        leg.arrives_ns().unwrap_or(leg.from_ns)
    }

    /// Samples from the start of the scene to its end: where orders come, where the node arrives, and each second.
    fn drive(&self, builder: &mut Builder<'_>, end_ns: u64) -> Result<(), TraceError> {
        let mut leg = Leg { from_ns: 0, from: (self.start[0], self.start[1]), order: None };
        for order in &self.orders {
            self.go(builder, &leg, order.at_ns)?;
            leg = Leg { from_ns: order.at_ns, from: leg.place(order.at_ns), order: Some(*order) };
        }
        self.go(builder, &leg, end_ns)?;
        self.sample(builder, end_ns.max(leg.from_ns), leg.place(end_ns), leg.speed(end_ns), self.line)
    }

    fn go(&self, builder: &mut Builder<'_>, leg: &Leg, until_ns: u64) -> Result<(), TraceError> {
        let line = leg.order.map_or(self.line, |order| order.line);
        let mut arrival = leg.arrives_ns();
        let mut at_ns = leg.from_ns;
        while at_ns < until_ns {
            self.sample(builder, at_ns, leg.place(at_ns), leg.speed(at_ns), line)?;
            let next_ns = (at_ns / BEAT_NS + 1) * BEAT_NS;
            at_ns = match arrival {
                Some(arrives_ns) if (at_ns + 1..next_ns).contains(&arrives_ns) => arrives_ns,
                _ => next_ns,
            };
            arrival = arrival.filter(|arrives_ns| *arrives_ns > at_ns);
        }
        Ok(())
    }

    fn sample(
        &self,
        builder: &mut Builder<'_>,
        at_ns: u64,
        (x, y): (f64, f64),
        speed: f64,
        line: u64,
    ) -> Result<(), TraceError> {
        let _: Flow = builder.step_at(Ok(at_ns));
        let who = Who {
            space: NameSpace::Vehicle,
            id: &self.id,
            kind: StationKind::Passenger,
            type_name: "",
            size: StationSize::default(),
        };
        builder.take(&who, line, |time_ns| {
            let told = row::speed(speed);
            let speed = told.map_err(|fault| Fault::quoting(fault, "speed", &speed.to_string()))?;
            let (heading, acceleration, signals) = (None, None, Signals::default());
            Ok(Values { time_ns, line, x, y, speed: Some(speed), heading, acceleration, signals })
        })
    }
}

/// A node's way from one order to the next.
#[derive(Clone, Copy)]
struct Leg {
    from_ns: u64,
    from: (f64, f64),
    /// `None`: it stands.
    order: Option<Order>,
}

impl Leg {
    /// `None`: it goes nowhere, or as good as never comes there.
    fn arrives_ns(&self) -> Option<u64> {
        let order = self.order?;
        let metres = (order.x - self.from.0).hypot(order.y - self.from.1);
        let takes_ns = metres / order.speed * 1e9;
        (takes_ns <= row::MAX_TIME_NS as f64).then(|| self.from_ns.saturating_add(takes_ns as u64))
    }

    fn place(&self, at_ns: u64) -> (f64, f64) {
        let Some((order, arrives_ns)) = self.order.zip(self.arrives_ns()) else { return self.from };
        if at_ns >= arrives_ns {
            return (order.x, order.y);
        }
        let share = at_ns.saturating_sub(self.from_ns) as f64 / (arrives_ns - self.from_ns) as f64;
        let between = |from: f64, to: f64| from + (to - from) * share;
        (between(self.from.0, order.x), between(self.from.1, order.y))
    }

    fn speed(&self, at_ns: u64) -> f64 {
        let moves = self.arrives_ns().is_some_and(|arrives_ns| at_ns < arrives_ns);
        self.order.filter(|_| moves).map_or(0.0, |order| order.speed)
    }
}

/// Places are written to a centimetre or so.
const HERE_M: f64 = 0.05;
/// A station is not there for longer than some seconds between two samples.
const BEAT_NS: u64 = 1_000_000_000;
/// A node that is still under way so long after the scene's last order is left there.
const MAX_LAST_WAY_NS: u64 = 600_000_000_000;
