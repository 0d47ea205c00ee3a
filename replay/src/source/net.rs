//! The `<location>` of a SUMO net: how its metres lie on the globe.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use v2x_core::Position;

use super::bounded::{Bounded, MAX_ROW_BYTES};
use super::projection::Projection;
use super::unpacked::unpacked;

/// Offset, bounds and projection of a SUMO net.
#[derive(Clone, Debug, PartialEq)]
pub struct Net {
    name: String,
    /// What was added to eastings and northings, metres.
    offset: (f64, f64),
    /// West, south, east and north end of the net in its own metres.
    bounds: [f64; 4],
    projection: Projection,
}

/// Why a net cannot say where its metres are.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NetError {
    /// The file could not be opened or read.
    #[error(
        "{name}: cannot be read: {source}; give a SUMO net (x.net.xml or x.net.xml.gz) with a <location>"
    )]
    Read {
        /// The file.
        name: String,
        /// The system's error.
        source: std::io::Error,
    },
    /// It is no net, or its location is not there or damaged.
    #[error("{name}:{line}: {found}; give a SUMO net (x.net.xml or x.net.xml.gz) with a <location>")]
    NoLocation {
        /// The file.
        name: String,
        /// Line, from 1.
        line: u64,
        /// What was found.
        found: String,
    },
    /// It has no projection.
    #[error(
        "{name}:{line}: the net has no projection (projParameter {found:?}); make it with one (netconvert --proj.utm), or give the place of x = 0, y = 0 with --origin"
    )]
    NoProjection {
        /// The file.
        name: String,
        /// Line, from 1.
        line: u64,
        /// The parameter found.
        found: String,
    },
    /// It has a projection that is not known here.
    #[error(
        "{name}:{line}: projection {found:?}: {detail}; give a net in UTM or transverse Mercator (+proj=utm, +proj=tmerc) on WGS84 or GRS80, in metres, or convert the trace to degrees with SUMO (--fcd-output.geo)"
    )]
    UnknownProjection {
        /// The file.
        name: String,
        /// Line, from 1.
        line: u64,
        /// The parameter found.
        found: String,
        /// What of it is not known.
        detail: String,
    },
}

impl Net {
    /// Reads a net's location, plain or gzip; nothing after it.
    ///
    /// # Errors
    /// [`NetError`].
    pub fn read(path: &Path) -> Result<Self, NetError> {
        let name = path.display().to_string();
        match File::open(path) {
            Ok(file) => Self::read_from(BufReader::new(file), &name),
            Err(source) => Err(NetError::Read { name, source }),
        }
    }

    /// The same from bytes; `name` stands for the file.
    ///
    /// # Errors
    /// As [`Net::read`].
    pub fn read_from(reader: impl BufRead, name: &str) -> Result<Self, NetError> {
        let reader = unpacked(reader).map_err(|source| NetError::Read { name: name.to_owned(), source })?;
        let mut xml = Reader::from_reader(Bounded::new(reader, MAX_ROW_BYTES));
        let mut buffer = Vec::new();
        let mut inside = false;
        // A net's location is one of its first elements.
        for _ in 0..MAX_EVENTS {
            buffer.clear();
            xml.get_mut().next_item();
            let line = xml.get_mut().line();
            let none = |found: String| NetError::NoLocation { name: name.to_owned(), line, found };
            match xml.read_event_into(&mut buffer) {
                Ok(Event::Start(tag) | Event::Empty(tag)) if inside && tag.name().as_ref() == "location" => {
                    return Self::of_tag(&tag, name, line);
                }
                Ok(Event::Start(tag) | Event::Empty(tag)) if !inside => {
                    if tag.name().as_ref() != "net" {
                        return Err(none(format!(
                            "is XML of another kind (<{}>)",
                            clip(tag.name().as_ref())
                        )));
                    }
                    inside = true;
                }
                Ok(Event::Eof) if !inside => return Err(none("is not XML".to_owned())),
                Ok(Event::Eof) => return Err(none("ends before a <location>".to_owned())),
                Ok(_) => {}
                Err(quick_xml::Error::Encoding(_)) => return Err(none("is not XML".to_owned())),
                Err(error) => return Err(none(error.to_string())),
            }
        }
        let found = format!("has no <location> among its first {MAX_EVENTS} elements");
        Err(NetError::NoLocation { name: name.to_owned(), line: xml.get_mut().line(), found })
    }

    pub(super) fn of_tag(tag: &BytesStart<'_>, name: &str, line: u64) -> Result<Self, NetError> {
        let (mut offset, mut bounds, mut projection) = (None, None, None);
        for attribute in tag.attributes().flatten() {
            let value = &attribute.value;
            match attribute.key.0 {
                "netOffset" => offset = numbers::<2>(value),
                "convBoundary" => bounds = numbers::<4>(value),
                "projParameter" => projection = Some(value.trim().to_owned()),
                _ => {}
            }
        }
        let missing = |what: &str| NetError::NoLocation {
            name: name.to_owned(),
            line,
            found: format!("the <location> has no {what}"),
        };
        let offset = offset.ok_or_else(|| missing("netOffset of two numbers"))?;
        let bounds = bounds.ok_or_else(|| missing("convBoundary of four numbers"))?;
        let found = projection.ok_or_else(|| missing("projParameter"))?;
        if NO_PROJECTION.contains(&found.as_str()) {
            return Err(NetError::NoProjection { name: name.to_owned(), line, found });
        }
        match Projection::parse(&found) {
            Ok(projection) => {
                Ok(Self { name: name.to_owned(), offset: (offset[0], offset[1]), bounds, projection })
            }
            Err(detail) => Err(NetError::UnknownProjection { name: name.to_owned(), line, found, detail }),
        }
    }

    /// The place of the net's own metres.
    pub fn place(&self, x: f64, y: f64) -> Option<Position> {
        self.projection.place(x - self.offset.0, y - self.offset.1)
    }

    /// The net's own metres of a latitude and a longitude in degrees; `None` where its projection does not reach.
    pub(super) fn metres(&self, latitude: f64, longitude: f64) -> Option<(f64, f64)> {
        let [west, south, east, north] = self.bounds;
        let (mut x, mut y) = ((west + east) / 2.0, (south + north) / 2.0);
        let sideways = METRES_PER_DEGREE * latitude.to_radians().cos();
        // Each step leaves what the net is turned and stretched against north there, a few hundredths.
        for _ in 0..STEPS {
            let here = self.projection.degrees(x - self.offset.0, y - self.offset.1)?;
            x += (longitude - here.1) * sideways;
            y += (latitude - here.0) * METRES_PER_DEGREE;
        }
        let (found_latitude, found_longitude) =
            self.projection.degrees(x - self.offset.0, y - self.offset.1)?;
        let off = (found_latitude - latitude).abs() + (found_longitude - longitude).abs();
        (off < 1e-7).then_some((x, y))
    }

    /// The file.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// What to add to x and y of a trace that begins there to have the net's own metres: nothing, or its offset where the
    /// trace is of eastings and northings (`--fcd-output.utm`). `None`: the trace is not of this net.
    pub(super) fn shift_for(&self, x: f64, y: f64) -> Option<(f64, f64)> {
        let both = [(0.0, 0.0), self.offset];
        both.into_iter().find(|shift| self.has(x + shift.0, y + shift.1))
    }

    /// Whether a place lies in the net, its latitude and longitude in degrees.
    pub(super) fn has_degrees(&self, latitude: f64, longitude: f64) -> bool {
        let [west, south, east, north] = self.bounds;
        let corners = [(west, south), (west, north), (east, south), (east, north)];
        let mut corners =
            corners.iter().filter_map(|(x, y)| self.projection.degrees(x - self.offset.0, y - self.offset.1));
        let Some(first) = corners.next() else { return false };
        let (mut least, mut most) = (first, first);
        for corner in corners {
            least = (least.0.min(corner.0), least.1.min(corner.1));
            most = (most.0.max(corner.0), most.1.max(corner.1));
        }
        let around = MARGIN_M / METRES_PER_DEGREE;
        let sideways = around / latitude.to_radians().cos().max(0.01);
        (least.0 - around..=most.0 + around).contains(&latitude)
            && (least.1 - sideways..=most.1 + sideways).contains(&longitude)
    }

    /// The net's bounds, for errors.
    pub(super) fn bounds(&self) -> String {
        let [west, south, east, north] = self.bounds;
        format!("x {west} to {east}, y {south} to {north}")
    }

    fn has(&self, x: f64, y: f64) -> bool {
        let [west, south, east, north] = self.bounds;
        (west - MARGIN_M..=east + MARGIN_M).contains(&x) && (south - MARGIN_M..=north + MARGIN_M).contains(&y)
    }
}

fn numbers<const N: usize>(text: &str) -> Option<[f64; N]> {
    let mut words = text.split(',');
    let mut all = [0.0; N];
    for one in &mut all {
        *one = words.next()?.trim().parse().ok().filter(|number: &f64| number.is_finite())?;
    }
    words.next().is_none().then_some(all)
}

/// A name as found, short enough to show.
fn clip(word: &str) -> String {
    word.chars().take(40).collect()
}

/// How SUMO writes that there is none: none at all, or its own that nobody else reads.
const NO_PROJECTION: [&str; 3] = ["!", "-", ""];
/// Vehicles leave the lanes a little, and boundaries are of lanes' middle lines.
const MARGIN_M: f64 = 1_000.0;
const METRES_PER_DEGREE: f64 = 111_200.0;
/// From degrees to metres.
const STEPS: usize = 20;
/// SUMO writes it first, behind a comment with its configuration.
const MAX_EVENTS: usize = 10_000;

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use proptest::prelude::*;

    use super::*;

    const NET: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<!-- generated -->
<net version="1.20">
    <location netOffset="-292000.00,-5498000.00" convBoundary="0.00,0.00,2000.00,3000.00" origBoundary="6.12,49.59,6.15,49.62" projParameter="+proj=utm +zone=32 +ellps=WGS84 +datum=WGS84 +units=m +no_defs"/>
    <edge id="a"/>
"#;

    fn net(text: &str) -> Result<Net, NetError> {
        Net::read_from(text.as_bytes(), "x.net.xml")
    }

    #[test]
    fn offset_and_projection_place_the_nets_metres() {
        let net = net(NET).unwrap();
        assert_eq!(net.place(627.8176, 115.1736), Position::from_degrees(49.6, 6.13));
        assert_eq!(net.shift_for(627.0, 115.0), Some((0.0, 0.0)));
        assert_eq!(net.shift_for(292_627.0, 5_498_115.0), Some((-292_000.0, -5_498_000.0)));
        assert_eq!(net.shift_for(9_000.0, 0.0), None);
        assert!(net.has_degrees(49.6, 6.13) && !net.has_degrees(49.6, 6.3) && !net.has_degrees(48.0, 6.13));
    }

    #[test]
    fn a_packed_net_is_read_up_to_its_location() {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        packed.write_all(NET.as_bytes()).unwrap();
        let packed = packed.finish().unwrap();
        assert_eq!(Net::read_from(&packed[..], "x.net.xml").unwrap(), net(NET).unwrap());
    }

    #[test]
    fn nets_that_say_no_place_are_refused_with_what_would_be_right() {
        let with = |found: &str, instead: &str| net(&NET.replace(found, instead)).unwrap_err().to_string();
        let utm = "+proj=utm +zone=32 +ellps=WGS84 +datum=WGS84 +units=m +no_defs";
        for (error, said) in [
            (
                with(utm, "!"),
                "x.net.xml:4: the net has no projection (projParameter \"!\"); make it with one",
            ),
            (with(utm, "+proj=lcc"), "+proj=lcc is not known; give a net in UTM or"),
            (with("netOffset", "offset"), "x.net.xml:4: the <location> has no netOffset"),
            (with("0.00,0.00,2000.00,3000.00", "0,0,nan,1"), "no convBoundary of four numbers"),
            (with("<net version", "<routes version"), "x.net.xml:3: is XML of another kind (<routes>)"),
            (net("time;id\n").unwrap_err().to_string(), "is not XML"),
            (with("<location", "<place"), "ends before a <location>"),
        ] {
            assert!(error.contains(said), "{error}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_end_in_a_net_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..300), whole in any::<bool>()) {
            let head = if whole { "<net><location netOffset=\"" } else { "" };
            let _one_of_both = Net::read_from(&[head.as_bytes(), &bytes].concat()[..], "t").map_err(|error| error.to_string());
        }

        #[test]
        fn a_mutated_net_ends_in_a_net_or_an_error(place in 0..NET.len(), byte in any::<u8>()) {
            let mut bytes = NET.as_bytes().to_vec();
            bytes[place] = byte;
            if let Ok(net) = Net::read_from(&bytes[..], "t") {
                let _somewhere = (net.place(1.0, 2.0), net.shift_for(1.0, 2.0), net.has_degrees(49.0, 6.0));
            }
        }
    }
}
