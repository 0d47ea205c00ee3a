//! Drives recorded as GPX: `<trk><name>..</name><trkseg><trkpt lat lon><time>..</time>...`, each track a station.
//!
//! GPX 1.0 has `<speed>` (m/s) and `<course>` (degrees); in 1.1 they are extensions of receivers and phones, of the same
//! local names. Where they are missing they are those of the places. Routes and waypoints have no times and are no stations.

use std::io::BufRead;

use hashbrown::HashSet;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::bounded::{Bounded, MAX_ROW_BYTES, is_damage};
use super::builder::{Builder, Flow};
use super::error::{RowFault, TraceError};
use super::options::ReadOptions;
use super::row::{Fault, MAX_NAME_BYTES, NameSpace, Row, parse_date};
use super::station_kind::StationKind;
use super::stations::MAX_STATIONS;
use super::trace::Trace;

/// Reads plain GPX, one tag at a time.
pub(super) fn read(input: impl BufRead, name: &str, options: &ReadOptions) -> Result<Trace, TraceError> {
    let mut xml = Reader::from_reader(Bounded::new(input, MAX_ROW_BYTES));
    let mut state = State::new(Builder::new(name, options)?);
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        xml.get_mut().next_item();
        let line = xml.get_mut().line();
        let ends = match xml.read_event_into(&mut buffer) {
            Ok(Event::Eof) if state.depth == 0 => break,
            Ok(Event::Eof) => Some("the file ends inside an element".to_owned()),
            Ok(event) => {
                state.event(&event, line)?;
                // The parser keeps the names of all open elements: a bound on depth bounds its memory.
                (state.depth > MAX_DEPTH).then(|| format!("elements nested more than {MAX_DEPTH} deep"))
            }
            Err(quick_xml::Error::Io(_)) if xml.get_mut().exceeded() => {
                let limit = xml.get_mut().limit();
                return Err(TraceError::TooLong { name: name.to_owned(), line, limit });
            }
            Err(quick_xml::Error::Io(source)) if !is_damage(&source) => {
                return Err(TraceError::Read { name: name.to_owned(), source: source.kind().into() });
            }
            Err(error) => Some(error.to_string()),
        };
        if let Some(detail) = ends {
            state.builder.cut(line, detail);
            break;
        }
    }
    state.builder.finish()
}

struct State<'a> {
    builder: Builder<'a>,
    depth: usize,
    tracks: u32,
    /// The track's name, and whether rows have it already.
    track: String,
    named: bool,
    /// Names of the tracks that have points, this one's too.
    names: HashSet<String>,
    point: Option<Point>,
    /// The text of the element that is open, if it is one that counts.
    open: Option<Element>,
    text: String,
}

#[derive(Default)]
struct Point {
    line: u64,
    longitude: String,
    latitude: String,
    time: String,
    speed: String,
    course: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Element {
    Name,
    Time,
    Speed,
    Course,
}

impl<'a> State<'a> {
    fn new(mut builder: Builder<'a>) -> Self {
        builder.is_geographic();
        builder.derives_motion();
        Self {
            builder,
            depth: 0,
            tracks: 0,
            track: String::new(),
            named: false,
            names: HashSet::new(),
            point: None,
            open: None,
            text: String::new(),
        }
    }

    fn event(&mut self, event: &Event<'_>, line: u64) -> Result<(), TraceError> {
        match event {
            Event::Start(tag) => {
                self.start(tag, line);
                self.depth += 1;
            }
            Event::Empty(tag) if local(tag.name().as_ref()) == "trkpt" => {
                self.start(tag, line);
                self.point_ends()?;
            }
            Event::End(tag) => {
                self.depth = self.depth.saturating_sub(1);
                self.end(local(tag.name().as_ref()))?;
            }
            Event::Text(text) if self.open.is_some() && self.text.len() < MAX_NAME_BYTES => {
                self.text.push_str(text);
            }
            Event::GeneralRef(name) if self.open.is_some() => {
                if let Ok(text) = quick_xml::escape::unescape(&format!("&{};", &**name)) {
                    self.text.push_str(&text);
                }
            }
            Event::CData(text) if self.open.is_some() && self.text.len() < MAX_NAME_BYTES => {
                self.text.push_str(text);
            }
            _ => {}
        }
        Ok(())
    }

    fn start(&mut self, tag: &BytesStart<'_>, line: u64) {
        self.text.clear();
        let name = tag.name();
        self.open = match local(name.as_ref()) {
            "trk" => {
                self.tracks += 1;
                self.track = self.own_name(&format!("track {}", self.tracks));
                self.named = false;
                None
            }
            "trkpt" => {
                let mut point = Point { line, ..Point::default() };
                for attribute in tag.attributes().with_checks(false).flatten() {
                    match attribute.key.0 {
                        "lon" => point.longitude = attribute.value.trim().to_owned(),
                        "lat" => point.latitude = attribute.value.trim().to_owned(),
                        _ => {}
                    }
                }
                self.point = Some(point);
                None
            }
            "name" if self.point.is_none() && self.tracks > 0 => Some(Element::Name),
            "time" if self.point.is_some() => Some(Element::Time),
            "speed" if self.point.is_some() => Some(Element::Speed),
            "course" if self.point.is_some() => Some(Element::Course),
            _ => None,
        };
    }

    fn end(&mut self, name: &str) -> Result<(), TraceError> {
        if name == "trkpt" {
            return self.point_ends();
        }
        let text = self.text.trim();
        match (self.open.take(), &mut self.point) {
            (Some(Element::Name), _) if !self.named && !text.is_empty() => {
                self.track = self.own_name(text);
                self.named = true;
            }
            (Some(Element::Time), Some(point)) => text.clone_into(&mut point.time),
            (Some(Element::Speed), Some(point)) => text.clone_into(&mut point.speed),
            (Some(Element::Course), Some(point)) => text.clone_into(&mut point.course),
            _ => {}
        }
        self.text.clear();
        Ok(())
    }

    /// Two tracks may have one name; a station cannot be in two places.
    fn own_name(&self, text: &str) -> String {
        if !self.names.contains(text) {
            return text.to_owned();
        }
        let mut numbered = (self.tracks..).map(|number| format!("{text} ({number})"));
        numbered.find(|name| !self.names.contains(name)).expect("invariant: names are fewer than numbers")
    }

    fn point_ends(&mut self) -> Result<(), TraceError> {
        let Some(point) = self.point.take() else { return Ok(()) };
        // The builder takes no more stations.
        if self.names.len() <= MAX_STATIONS && !self.names.contains(&self.track) {
            self.names.insert(self.track.clone());
        }
        let time = parse_date(&point.time).map_err(|fault| match fault {
            RowFault::FieldMissing => Fault::new(fault, "no time"),
            fault => Fault::quoting(fault, "time", &point.time),
        });
        let _: Flow = self.builder.step_at(time);
        self.builder.row(Row {
            line: point.line,
            space: NameSpace::Vehicle,
            id: &self.track,
            kind: StationKind::Passenger,
            x: &point.longitude,
            y: &point.latitude,
            angle: &point.course,
            speed: &point.speed,
            ..Row::default()
        })?;
        self.builder.step_ended();
        Ok(())
    }
}

/// A name without its prefix.
fn local(name: &str) -> &str {
    name.rsplit_once(':').map_or(name, |(_, local)| local)
}

const MAX_DEPTH: usize = 32;
