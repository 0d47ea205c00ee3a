//! SUMO floating-car data as XML: `<timestep time=".."><vehicle id x y angle speed .../><person .../></timestep>`.

use std::borrow::Cow;
use std::io::BufRead;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::bounded::{Bounded, MAX_ROW_BYTES, is_damage};
use super::builder::{Builder, Flow};
use super::error::{RowFault, TraceError};
use super::kind::Kind;
use super::options::ReadOptions;
use super::row::{NameSpace, Row};
use super::station_kind::StationKind;
use super::trace::Trace;

/// Reads plain XML, one tag at a time.
pub(super) fn read(input: impl BufRead, name: &str, options: &ReadOptions) -> Result<Trace, TraceError> {
    let mut xml = Reader::from_reader(Bounded::new(input, MAX_ROW_BYTES));
    let mut state =
        State { name, builder: Builder::new(name, options)?, depth: 0, in_step: false, seen_vehicle: false };
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        xml.get_mut().next_item();
        let line = xml.get_mut().line();
        match xml.read_event_into(&mut buffer) {
            Ok(Event::Eof) if state.depth == 0 => break,
            Ok(Event::Eof) => {
                state.builder.cut(line, "the file ends inside an element".to_owned());
                break;
            }
            Ok(event) => {
                if state.event(&event, line)? == Flow::Done {
                    break;
                }
            }
            Err(quick_xml::Error::Io(source)) if xml.get_mut().exceeded() => {
                drop(source);
                return Err(TraceError::TooLong {
                    name: name.to_owned(),
                    line,
                    limit: xml.get_mut().limit(),
                });
            }
            Err(quick_xml::Error::Io(source)) if !is_damage(&source) => {
                return Err(TraceError::Read { name: name.to_owned(), source: source.kind().into() });
            }
            Err(error) => {
                state.builder.cut(line, error.to_string());
                break;
            }
        }
    }
    state.builder.finish()
}

struct State<'a> {
    name: &'a str,
    builder: Builder<'a>,
    depth: usize,
    in_step: bool,
    seen_vehicle: bool,
}

impl State<'_> {
    fn event(&mut self, event: &Event<'_>, line: u64) -> Result<Flow, TraceError> {
        match event {
            Event::Start(tag) => {
                let flow = self.open(tag, line)?;
                self.depth += 1;
                // The parser keeps the names of all open elements: a bound on depth bounds its memory.
                if self.depth > MAX_DEPTH {
                    self.builder.cut(line, format!("elements nested more than {MAX_DEPTH} deep"));
                    return Ok(Flow::Done);
                }
                Ok(flow)
            }
            Event::Empty(tag) => {
                let flow = self.open(tag, line)?;
                if tag.name().as_ref() == STEP {
                    self.close_step();
                }
                Ok(flow)
            }
            Event::End(tag) => {
                self.depth = self.depth.saturating_sub(1);
                if tag.name().as_ref() == STEP {
                    self.close_step();
                }
                Ok(Flow::Continue)
            }
            Event::Comment(text) if self.depth == 0 => {
                if says_geographic(text) {
                    self.builder.is_geographic();
                }
                Ok(Flow::Continue)
            }
            _ => Ok(Flow::Continue),
        }
    }

    fn open(&mut self, tag: &BytesStart<'_>, line: u64) -> Result<Flow, TraceError> {
        let element = tag.name();
        let element = element.as_ref();
        if self.depth == 0 && element != ROOT {
            return Err(TraceError::WrongKind {
                name: self.name.to_owned(),
                found: format!("XML of another kind (<{}>)", clip(element)),
                kind: Kind::Xml,
                wanted: "SUMO floating-car data (<fcd-export>), GPX (<gpx>), CSV with a header or mobility of ns-2",
            });
        }
        match element {
            STEP => self.step(tag, line),
            // SUMO writes its configuration as a comment ahead of the data, or with --write-metadata as elements of it.
            GEO => {
                if attributes(tag).any(|(key, value)| key == "value" && YES.contains(&&*value)) {
                    self.builder.is_geographic();
                }
                Ok(Flow::Continue)
            }
            "vehicle" | "person" => {
                self.station(tag, element == "person", line)?;
                Ok(Flow::Continue)
            }
            _ => Ok(Flow::Continue),
        }
    }

    fn step(&mut self, tag: &BytesStart<'_>, line: u64) -> Result<Flow, TraceError> {
        let mut time = None;
        for attribute in attributes(tag) {
            if attribute.0 == "time" {
                time = Some(attribute.1);
            }
        }
        match time {
            Some(time) => {
                self.in_step = true;
                Ok(self.builder.step(&time))
            }
            None => Err(self.missing(tag, line, "attribute time of <timestep>")),
        }
    }

    fn close_step(&mut self) {
        self.in_step = false;
        self.builder.step_ended();
    }

    fn station(&mut self, tag: &BytesStart<'_>, is_person: bool, line: u64) -> Result<(), TraceError> {
        let mut words: [Cow<'_, str>; 10] = Default::default();
        for (key, value) in attributes(tag) {
            let place = match key {
                "id" => ID,
                "x" => X,
                "y" => Y,
                "lon" | "longitude" | "lat" | "latitude" => {
                    self.builder.is_geographic();
                    if key.starts_with("lon") { X } else { Y }
                }
                "angle" => ANGLE,
                "speed" => SPEED,
                "acceleration" => ACCELERATION,
                "type" => TYPE,
                "signals" => SIGNALS,
                "length" => LENGTH,
                "width" => WIDTH,
                _ => continue,
            };
            words[place] = value;
        }
        for (place, key) in [(ID, "id"), (X, "x"), (Y, "y")] {
            if !words[place].is_empty() {
                continue;
            }
            // In the first element it is the export's options that are wrong; later it is a damaged row.
            if !self.seen_vehicle {
                let element = tag.name();
                let what = format!("attribute {key} of <{}>", element.as_ref());
                return Err(self.missing(tag, line, &what));
            }
            self.builder.drop_row(RowFault::FieldMissing, line, &format!("no {key}"));
            return Ok(());
        }
        self.seen_vehicle = true;
        let kind = match StationKind::from_type_name(&words[TYPE]) {
            StationKind::Passenger if is_person => StationKind::Pedestrian,
            kind => kind,
        };
        self.builder.row(Row {
            line,
            space: if is_person { NameSpace::Person } else { NameSpace::Vehicle },
            id: &words[ID],
            kind,
            x: &words[X],
            y: &words[Y],
            angle: &words[ANGLE],
            speed: &words[SPEED],
            acceleration: &words[ACCELERATION],
            type_name: &words[TYPE],
            signals: &words[SIGNALS],
            length: &words[LENGTH],
            width: &words[WIDTH],
        })
    }

    fn missing(&self, tag: &BytesStart<'_>, line: u64, missing: &str) -> TraceError {
        let found: Vec<&str> = attributes(tag).take(MAX_SHOWN).map(|(key, _)| clip(key)).collect();
        TraceError::MissingColumn {
            name: self.name.to_owned(),
            line,
            missing: missing.to_owned(),
            found: if found.is_empty() { "none".to_owned() } else { found.join(", ") },
        }
    }
}

/// The attributes that can be read; one that cannot be unescaped keeps its raw value, which no number parses.
fn attributes<'t>(tag: &'t BytesStart<'_>) -> impl Iterator<Item = (&'t str, Cow<'t, str>)> {
    // Checking for duplicates compares each with each; the last one wins.
    let mut all = tag.attributes();
    all.with_checks(false);
    all.flatten().map(|attribute| {
        let key = attribute.key.0;
        let value = match attribute.value {
            Cow::Borrowed(raw) if !raw.contains('&') => Cow::Borrowed(raw),
            raw => match quick_xml::escape::unescape(&raw) {
                Ok(value) => Cow::Owned(value.into_owned()),
                Err(_) => raw,
            },
        };
        (key, value)
    })
}

fn says_geographic(comment: &str) -> bool {
    comment
        .split_once("<fcd-output.geo")
        .and_then(|(_, rest)| rest.split_once('>'))
        .is_some_and(|(attributes, _)| YES.iter().any(|yes| attributes.contains(&format!("\"{yes}\""))))
}

/// A name as found, short enough to show.
fn clip(word: &str) -> &str {
    word.char_indices().nth(40).map_or(word, |(end, _)| &word[..end])
}

const ROOT: &str = "fcd-export";
const STEP: &str = "timestep";
const GEO: &str = "fcd-output.geo";
/// How SUMO writes that an option is on.
const YES: [&str; 4] = ["true", "1", "yes", "on"];
const MAX_DEPTH: usize = 32;
const MAX_SHOWN: usize = 20;

const ID: usize = 0;
const X: usize = 1;
const Y: usize = 2;
const ANGLE: usize = 3;
const SPEED: usize = 4;
const ACCELERATION: usize = 5;
const TYPE: usize = 6;
const SIGNALS: usize = 7;
const LENGTH: usize = 8;
const WIDTH: usize = 9;
