//! Outlines of buildings from SUMO's polygon files (polyconvert's `x.poly.xml`, or any additional file).

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use v2x_core::Position;

use super::bounded::{Bounded, MAX_ROW_BYTES};
use super::ground::Ground;
use super::net::Net;
use super::pattern::Pattern;
use super::side_file::SideFileError;
use super::unpacked::unpacked;

/// Which types of polygons are buildings.
#[derive(Clone, Debug, PartialEq)]
pub struct PolygonTypes(Vec<Pattern>);

impl Default for PolygonTypes {
    /// As polyconvert names those of OpenStreetMap: `building`, `building.yes`, ...
    fn default() -> Self {
        Self(vec![Pattern::new("building*")])
    }
}

impl PolygonTypes {
    /// Of patterns with `*` and `?`; a polygon of any of them counts.
    pub fn new<'p>(patterns: impl IntoIterator<Item = &'p str>) -> Self {
        Self(patterns.into_iter().map(Pattern::new).collect())
    }

    fn have(&self, type_name: &str) -> bool {
        self.0.iter().any(|pattern| pattern.fits(type_name))
    }
}

/// Reads the outlines of buildings, plain or gzip: the corners of each, in order round it. Coordinates in metres are those of the
/// trace, which lies on `ground`; those in degrees (`geo="true"`) need a ground that is on the globe.
///
/// # Errors
/// The first polygon of a building that is none, or whose place is not known, with its line; a file without a building.
pub fn buildings(
    path: &Path,
    ground: &Ground,
    types: &PolygonTypes,
) -> Result<Vec<Vec<Position>>, SideFileError> {
    let file = path.display().to_string();
    match File::open(path) {
        Ok(opened) => buildings_from(BufReader::new(opened), &file, ground, types),
        Err(source) => Err(SideFileError::Open { file, source, right: FILE }),
    }
}

/// The same from bytes; `file` stands for the file.
///
/// # Errors
/// As [`buildings`].
pub fn buildings_from(
    reader: impl BufRead,
    file: &str,
    ground: &Ground,
    types: &PolygonTypes,
) -> Result<Vec<Vec<Position>>, SideFileError> {
    let open = |source| SideFileError::Open { file: file.to_owned(), source, right: FILE };
    let reader = unpacked(reader).map_err(open)?;
    let mut xml = Reader::from_reader(Bounded::new(reader, MAX_ROW_BYTES));
    let mut buffer = Vec::new();
    let mut found = Outlines::new(file, ground, types);
    let mut is_xml = false;
    let mut depth = 0_u64;
    loop {
        buffer.clear();
        xml.get_mut().next_item();
        let line = xml.get_mut().line();
        let event = xml.read_event_into(&mut buffer);
        match event {
            Ok(Event::Start(_)) => depth += 1,
            Ok(Event::End(_)) => depth = depth.saturating_sub(1),
            _ => {}
        }
        match event {
            Ok(Event::Start(tag) | Event::Empty(tag)) => {
                is_xml = true;
                match tag.name().as_ref() {
                    "location" => found.net = Net::of_tag(&tag, file, line).ok(),
                    "poly" => found.take(&tag, line)?,
                    _ => {}
                }
            }
            Ok(Event::Eof) if is_xml && depth == 0 => break,
            Ok(Event::Eof) if is_xml => {
                return Err(found.wrong(line, "the file ends inside an element".to_owned(), WHOLE));
            }
            Ok(Event::Eof) => return Err(found.wrong(line, "is not XML".to_owned(), FILE)),
            Ok(_) => {}
            Err(quick_xml::Error::Encoding(_)) => {
                return Err(found.wrong(xml.get_mut().line(), "is not XML".to_owned(), FILE));
            }
            Err(error) => return Err(found.wrong(xml.get_mut().line(), error.to_string(), FILE)),
        }
    }
    if found.outlines.is_empty() {
        if found.others.is_empty() {
            return Err(found.wrong(1, "has no polygons".to_owned(), FILE));
        }
        let others =
            format!("has no building among its polygons, which are of type {}", found.others.join(", "));
        return Err(found.wrong(1, others, TYPES));
    }
    Ok(found.outlines)
}

/// What was read so far.
struct Outlines<'f> {
    file: &'f str,
    ground: &'f Ground,
    types: &'f PolygonTypes,
    /// Where the file says that its metres are.
    net: Option<Net>,
    outlines: Vec<Vec<Position>>,
    corners: usize,
    /// Types that are no buildings, the first few.
    others: Vec<String>,
}

impl<'f> Outlines<'f> {
    fn new(file: &'f str, ground: &'f Ground, types: &'f PolygonTypes) -> Self {
        Self { file, ground, types, net: None, outlines: Vec::new(), corners: 0, others: Vec::new() }
    }

    fn wrong(&self, line: u64, found: String, right: &'static str) -> SideFileError {
        SideFileError::Line { file: self.file.to_owned(), line: line as usize, found, right }
    }

    fn take(&mut self, tag: &BytesStart<'_>, line: u64) -> Result<(), SideFileError> {
        let (mut id, mut type_name, mut shape, mut degrees) = (String::new(), String::new(), None, false);
        for attribute in tag.attributes().with_checks(false) {
            let attribute = attribute.map_err(|error| self.wrong(line, error.to_string(), FILE))?;
            let value = &attribute.value;
            match attribute.key.0 {
                "id" => id = value.chars().take(40).collect(),
                "type" => type_name = value.chars().take(100).collect(),
                "shape" => shape = Some(value.to_string()),
                "geo" => degrees = matches!(value.as_ref(), "1" | "true" | "True" | "yes"),
                _ => {}
            }
        }
        if !self.types.have(&type_name) {
            if self.others.len() < 5 && !self.others.contains(&type_name) {
                self.others.push(type_name);
            }
            return Ok(());
        }
        let shape = shape.ok_or_else(|| self.wrong(line, format!("polygon {id:?} has no shape"), SHAPE))?;
        let mut corners = Vec::new();
        for corner in shape.split_ascii_whitespace() {
            let at = numbers(corner).ok_or_else(|| {
                self.wrong(line, format!("polygon {id:?} has the corner {:?}", clip(corner)), SHAPE)
            })?;
            if corners.last() != Some(&at) {
                corners.push(at);
            }
        }
        if corners.len() > 1 && corners.first() == corners.last() {
            corners.pop();
        }
        if corners.len() < 3 {
            let text = format!("polygon {id:?} has {} corners", corners.len());
            return Err(self.wrong(line, text, SHAPE));
        }
        if self.corners + corners.len() > MAX_CORNERS {
            return Err(self.wrong(line, format!("more than {MAX_CORNERS} corners"), SMALLER));
        }
        if self.outlines.len() >= MAX_OUTLINES {
            return Err(self.wrong(line, format!("more than {MAX_OUTLINES} buildings"), SMALLER));
        }
        let outline = corners.iter().map(|at| self.place(*at, degrees, &id, line));
        self.outlines.push(outline.collect::<Result<_, _>>()?);
        self.corners += corners.len();
        Ok(())
    }

    fn place(
        &self,
        (x, y): (f64, f64),
        degrees: bool,
        id: &str,
        line: u64,
    ) -> Result<Position, SideFileError> {
        let place = if degrees {
            let on_globe = Position::from_degrees(y, x);
            match (self.ground.is_on_globe(), &self.net) {
                (true, _) => on_globe,
                // In the metres of the file's own projection, which are the trace's.
                (false, Some(net)) => {
                    on_globe.and_then(|_| net.metres(y, x)).and_then(|(x, y)| self.ground.place(x, y))
                }
                (false, None) => {
                    let found =
                        format!("polygon {id:?} is in degrees, and the trace in metres without a projection");
                    return Err(self.wrong(line, found, PROJECTION));
                }
            }
        } else {
            match (self.ground.is_in_degrees(), &self.net) {
                (false, _) => self.ground.place(x, y),
                (true, Some(net)) => net.place(x, y),
                (true, None) if self.ground.has_net() => self.ground.place(x, y),
                (true, None) => {
                    let found =
                        format!("polygon {id:?} is in metres without a projection, and the trace in degrees");
                    return Err(self.wrong(line, found, PROJECTION));
                }
            }
        };
        place.ok_or_else(|| self.wrong(line, format!("polygon {id:?} has a corner at {x},{y}"), OFF))
    }
}

/// x and y, and a height that does not count.
fn numbers(corner: &str) -> Option<(f64, f64)> {
    let mut words = corner.split(',').map(|word| word.parse().ok().filter(|number: &f64| number.is_finite()));
    let at = (words.next()??, words.next()??);
    words.all(|height| height.is_some()).then_some(at)
}

fn clip(word: &str) -> String {
    word.chars().take(40).collect()
}

const FILE: &str = "buildings are a SUMO polygon file (x.poly.xml or x.poly.xml.gz) with <poly type=\"building\" shape=\"...\"/>";
const SHAPE: &str = "an outline is three corners or more in a shape such as \"0,0 20,0 20,10\"";
const TYPES: &str = "say with --polygon-types which are buildings, such as \"building*\"";
const SMALLER: &str = "cut the file to the region of the trace (polyconvert --prune.boundary)";
const PROJECTION: &str = "give the net that both are of with --net, or make the polygons with it (polyconvert --net-file), which writes \
                          a <location>, or say with --origin where x = 0, y = 0 of the trace is";
const WHOLE: &str = "copy it again, or write it again with polyconvert";
const OFF: &str = "give a place in the region of the trace";
/// More than any town has.
const MAX_OUTLINES: usize = 1_000_000;
/// 160 MB where they are searched.
const MAX_CORNERS: usize = 10_000_000;

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use proptest::prelude::*;

    use super::super::{ReadOptions, read_from};
    use super::*;

    const METRES: &str = "time;id;x;y\n0;a;10;20\n0.1;a;11;20\n";
    const DEGREES: &str = "time;id;lon;lat\n0;a;6.13;49.6\n0.1;a;6.1301;49.6\n";
    const LOCATION: &str = "<location netOffset=\"-292000.00,-5498000.00\" convBoundary=\"0.00,0.00,2000.00,3000.00\" origBoundary=\"6.12,49.59,6.15,49.62\" projParameter=\"+proj=utm +zone=32 +ellps=WGS84 +datum=WGS84 +units=m +no_defs\"/>";

    fn ground(trace: &str, options: &ReadOptions) -> Ground {
        read_from(trace.as_bytes(), "t", options).unwrap().ground
    }

    fn net() -> Net {
        Net::read_from(format!("<net>\n{LOCATION}").as_bytes(), "x.net.xml").unwrap()
    }

    fn file(lines: &str) -> String {
        format!("<additional>\n{lines}\n</additional>\n")
    }

    fn read(lines: &str, ground: &Ground) -> Result<Vec<Vec<Position>>, String> {
        buildings_from(file(lines).as_bytes(), "x.poly.xml", ground, &PolygonTypes::default())
            .map_err(|error| error.to_string())
    }

    fn house(shape: &str) -> String {
        format!(
            "<poly id=\"h\" type=\"building.yes\" color=\"1,0,0\" fill=\"1\" layer=\"-1\" shape=\"{shape}\"/>"
        )
    }

    #[test]
    fn metres_of_polygons_are_those_of_the_trace() {
        let options = ReadOptions::default();
        let trace = read_from(METRES.as_bytes(), "t", &options).unwrap();
        let found = read(&house("10,20 30,20 30,40 10,40 10,20"), &trace.ground).unwrap();
        assert_eq!((found.len(), found[0].len()), (1, 4), "the last corner is the first again");
        assert_eq!(found[0][0], trace.samples[0].point());
        // A trace of eastings and northings begins at its own place, and so do its polygons.
        let shifted = read_from("time;id;x;y\n0;a;292627;5498115\n".as_bytes(), "t", &options).unwrap();
        let found = read(&house("292627,5498115 292630,5498115 292630,5498119"), &shifted.ground).unwrap();
        assert_eq!(found[0][0], shifted.samples[0].point());
    }

    #[test]
    fn a_net_a_location_or_an_origin_bring_degrees_and_metres_together() {
        let place = Position::from_degrees(49.6, 6.13).unwrap();
        let near = |found: Result<Vec<Vec<Position>>, String>| {
            let distance = found.unwrap()[0][0].distance_m(place);
            assert!(distance < 0.05, "{distance} m");
        };
        let degrees = house("6.13,49.6 6.131,49.6 6.131,49.601").replace("fill=", "geo=\"true\" fill=");
        let metres = house("627.8176,115.1736 650,115 650,140");
        let with_net = ReadOptions { net: Some(net()), ..ReadOptions::default() };
        near(read(&degrees, &ground(DEGREES, &ReadOptions::default())));
        near(read(&metres, &ground(DEGREES, &with_net)));
        near(read(&format!("{LOCATION}{metres}"), &ground(DEGREES, &ReadOptions::default())));
        near(read(&degrees, &ground(METRES, &with_net)));
        near(read(&metres, &ground(METRES, &with_net)));
        let origin = ReadOptions { origin: Some((49.6, 6.13)), ..ReadOptions::default() };
        near(read(&degrees, &ground(METRES, &origin)));
        // The trace's metres are the file's, wherever the trace is put.
        let anywhere = ground(METRES, &ReadOptions::default());
        let both = read(&format!("{LOCATION}{degrees}{metres}"), &anywhere).unwrap();
        assert!(both[0][0].distance_m(both[1][0]) < 0.05);
    }

    #[test]
    fn what_is_no_building_is_left_out_whatever_its_shape() {
        let lines = format!(
            "<poly id=\"w\" type=\"water\" shape=\"0,0 nan\"/>{}<poi id=\"p\"/>",
            house("0,0 9,0 9,9")
        );
        let here = ground(METRES, &ReadOptions::default());
        assert_eq!(read(&lines, &here).unwrap().len(), 1);
        let types = PolygonTypes::new(["water", "lake*"]);
        let lake = "<poly id=\"w\" type=\"lakeside\" shape=\"0,0,5 9,0,5 9,9,5\"/>";
        assert_eq!(buildings_from(file(lake).as_bytes(), "t", &here, &types).unwrap().len(), 1);
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        packed.write_all(file(lake).as_bytes()).unwrap();
        assert_eq!(buildings_from(&packed.finish().unwrap()[..], "t", &here, &types).unwrap().len(), 1);
    }

    #[test]
    fn as_many_buildings_and_corners_as_the_bounds_say_are_read_and_one_more_is_refused() {
        let (here, types) = (ground(METRES, &ReadOptions::default()), PolygonTypes::default());
        // As if so much had been read before the last building: files so long are tens of megabytes.
        let last = |outlines: usize, corners: usize, shape: &str| {
            let mut found = Outlines::new("x.poly.xml", &here, &types);
            found.outlines = vec![Vec::new(); outlines];
            found.corners = corners;
            let tag = BytesStart::new("poly").with_attributes([
                ("id", "last"),
                ("type", "building"),
                ("shape", shape),
            ]);
            let taken = found.take(&tag, 7).map_err(|error| error.to_string());
            taken.map(|()| (found.outlines.len(), found.corners))
        };
        let triangle = "0,0 9,0 9,9";
        assert_eq!(last(MAX_OUTLINES - 1, 0, triangle), Ok((MAX_OUTLINES, 3)));
        let refused = last(MAX_OUTLINES, 0, triangle).unwrap_err();
        assert_eq!(refused, format!("x.poly.xml:7: more than {MAX_OUTLINES} buildings; {SMALLER}"));
        let refused = format!("x.poly.xml:7: more than {MAX_CORNERS} corners; {SMALLER}");
        // Where the last corner is the first again, it is none.
        for shape in [triangle, "0,0 9,0 9,9 0,0"] {
            assert_eq!(last(0, MAX_CORNERS - 3, shape), Ok((1, MAX_CORNERS)), "{shape}");
            assert_eq!(last(0, MAX_CORNERS - 2, shape), Err(refused.clone()), "{shape}");
        }
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line_and_what_would_be_right() {
        let here = ground(METRES, &ReadOptions::default());
        let globe = ground(DEGREES, &ReadOptions::default());
        let degrees = house("6.13,49.6 6.131,49.6 6.131,49.601").replace("fill=", "geo=\"true\" fill=");
        for (lines, on, said) in [
            (
                degrees,
                &here,
                "x.poly.xml:2: polygon \"h\" is in degrees, and the trace in metres without a projection; give the net",
            ),
            (
                house("0,0 9,0 9,9"),
                &globe,
                "x.poly.xml:2: polygon \"h\" is in metres without a projection, and the trace in degrees; give the net",
            ),
            (
                house("0,0 9,0 0,0"),
                &here,
                "x.poly.xml:2: polygon \"h\" has 2 corners; an outline is three corners or more",
            ),
            (
                house("0,0 nan,0 9,9"),
                &here,
                "x.poly.xml:2: polygon \"h\" has the corner \"nan,0\"; an outline",
            ),
            (house("0,0 9 9,9"), &here, "has the corner \"9\""),
            (
                house("0,0 9e9,0 9,9"),
                &here,
                "x.poly.xml:2: polygon \"h\" has a corner at 9000000000,0; give a place in",
            ),
            (
                "<poly id=\"h\" type=\"building\"/>".to_owned(),
                &here,
                "x.poly.xml:2: polygon \"h\" has no shape",
            ),
            (
                "<poly id=\"h\" type=\"forest\" shape=\"0,0\"/>".to_owned(),
                &here,
                "no building among its polygons, which are of type forest; say with --polygon-types",
            ),
            (String::new(), &here, "x.poly.xml:1: has no polygons; buildings are a SUMO polygon file"),
            ("<poly id=\"h\"".to_owned(), &here, "x.poly.xml:"),
        ] {
            let error = read(&lines, on).unwrap_err();
            assert!(error.contains(said) && !error.contains('\n'), "{lines}\nsays: {error}\nwant: {said}");
        }
        let error = buildings_from(&b"time;id\n"[..], "t", &here, &PolygonTypes::default()).unwrap_err();
        assert!(error.to_string().starts_with("t:2: is not XML; buildings are"), "{error}");
        let error = buildings_from(&b"\xff\xfe\x80"[..], "t", &here, &PolygonTypes::default()).unwrap_err();
        assert!(error.to_string().starts_with("t:1: is not XML; buildings are"), "{error}");
        // Houses that are not there any more would be silence.
        let whole = file(&house("0,0 9,0 9,9"));
        let cut = whole.strip_suffix("</additional>\n").unwrap();
        let error = buildings_from(cut.as_bytes(), "t", &here, &PolygonTypes::default()).unwrap_err();
        assert!(
            error.to_string().starts_with("t:3: the file ends inside an element; copy it again"),
            "{error}"
        );
    }

    proptest! {
        #[test]
        fn any_bytes_end_in_buildings_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..300), whole in any::<bool>()) {
            let here = ground(METRES, &ReadOptions::default());
            let head = if whole { "<additional><poly id=\"a\" type=\"building\" shape=\"0,0 1," } else { "" };
            let bytes = [head.as_bytes(), &bytes].concat();
            if let Err(error) = buildings_from(&bytes[..], "t", &here, &PolygonTypes::default()) {
                prop_assert!(error.to_string().starts_with('t'));
            }
        }

        #[test]
        fn a_mutated_file_ends_in_buildings_or_an_error(place in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let mut bytes = file(&format!("{LOCATION}\n{}", house("0,0 9,0 9,9"))).into_bytes();
            let place = place.index(bytes.len());
            bytes[place] = byte;
            for on in [ground(METRES, &ReadOptions::default()), ground(DEGREES, &ReadOptions::default())] {
                match buildings_from(&bytes[..], "t", &on, &PolygonTypes::default()) {
                    Ok(outlines) => prop_assert!(outlines.iter().all(|corners| corners.len() >= 3)),
                    Err(error) => prop_assert!(error.to_string().starts_with('t')),
                }
            }
        }
    }
}
