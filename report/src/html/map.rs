//! The map of a run: lanes, station tracks, roadside units.

use std::fmt::Write as _;

use super::text::{escape, put};
use crate::report::human::{counted, percent};

/// What the map shows. Coordinates are metres east and north of any one point; NaN and infinite points are left out.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MapData {
    /// Lanes or roads, each a line of points.
    pub lanes: Vec<Vec<(f64, f64)>>,
    /// Tracks of stations.
    pub tracks: Vec<TrackLine>,
    /// Where roadside units stand.
    pub units: Vec<UnitMark>,
    /// Where the moving stations were at some times of the run, ascending; the page shows [`MOST_MOMENTS`] of them at most.
    pub moments: Vec<MapMoment>,
}

/// Where moving stations were at one time.
#[derive(Debug, Clone, PartialEq)]
pub struct MapMoment {
    /// s since the run's first moment.
    pub time_s: f64,
    /// Those that were there: the index of each in [`MapData::tracks`], and its place.
    pub places: Vec<(usize, (f64, f64))>,
}

/// The track of one moving station.
#[derive(Debug, Clone, PartialEq)]
pub struct TrackLine {
    /// Name, shown when pointed at.
    pub name: String,
    /// Its kind, which decides how it is drawn.
    pub kind: TrackKind,
    /// Share of the messages meant for it in time that it missed, 0..=1; `None` when none was meant for it, or none was
    /// counted.
    pub missed: Option<f64>,
    /// Its positions in order of time.
    pub points: Vec<(f64, f64)>,
}

/// Kind of a moving station.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrackKind {
    /// An ordinary vehicle.
    Vehicle,
    /// An emergency vehicle.
    Emergency,
    /// A pedestrian or cyclist.
    Vulnerable,
}

/// A roadside unit.
#[derive(Debug, Clone, PartialEq)]
pub struct UnitMark {
    /// Written beside the mark.
    pub name: String,
    /// Where it stands.
    pub position: (f64, f64),
}

/// Appends the map's section; nothing when there is nothing to show.
pub(super) fn section(page: &mut String, map: &MapData) {
    let Some(view) = View::of(map) else {
        return;
    };
    let many = map.tracks.len() > MANY_TRACKS;
    let units = match map.units.len() as u64 {
        0 => String::new(),
        units => format!(" and {} (squares)", counted(units, "roadside unit")),
    };
    put!(
        page,
        "<section><h2>Map of the run</h2>\n<figure class=\"wide\"><figcaption>{} (a dot where each ended){units}{}</figcaption>",
        counted(map.tracks.len() as u64, "moving station"),
        legend(map)
    );
    choices(page, shown_moments(map));
    if shown_moments(map).is_empty() && !map.moments.is_empty() {
        put!(
            page,
            "<p class=\"note\">The whole run only: a page has room for single moments of at most {} stations.</p>",
            MOST_MARKS / MOST_MOMENTS
        );
    }
    put!(
        page,
        "<svg class=\"map{}\" viewBox=\"0 0 {:.0} {:.0}\" role=\"img\">",
        if many { " many" } else { "" },
        view.width,
        view.height
    );
    let lane_stride = stride(map.lanes.iter().map(Vec::len).sum());
    page.push_str("<path class=\"lane\" d=\"");
    for lane in &map.lanes {
        if lane.iter().any(|point| view.shows(*point)) {
            line(page, &view, lane, lane_stride);
        }
    }
    page.push_str("\"/>");
    let track_stride = stride(map.tracks.iter().map(|track| track.points.len()).sum());
    for (number, track) in map.tracks.iter().enumerate() {
        let (colour, kind) = (track.colour(), track.kind.style());
        let missed = track.share().map_or_else(String::new, |share| format!(", missed {}", percent(share)));
        put!(
            page,
            "<a id=\"track-{number}\" href=\"#station-{number}\"><title>{}{missed}</title>\
             <path class=\"track{kind}\" stroke=\"var({colour})\" d=\"",
            escape(&track.name)
        );
        line(page, &view, &track.points, track_stride);
        page.push_str("\"/>");
        if let Some((x, y)) = track.points.iter().rev().find_map(|point| view.at(*point)) {
            let radius = if many { 2.5 } else { 5.0 };
            put!(
                page,
                "<circle class=\"head\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius}\" fill=\"var({colour})\"/>"
            );
        }
        page.push_str("</a>");
    }
    for (number, moment) in (1..).zip(shown_moments(map)) {
        marks(page, &view, map, number, moment, many);
    }
    for unit in &map.units {
        if let Some((x, y)) = view.at(unit.position) {
            let name = escape(&unit.name);
            put!(
                page,
                "<g><title>{name}</title><rect class=\"unit\" x=\"{:.1}\" y=\"{:.1}\" width=\"14\" height=\"14\" rx=\"3\"/>\
                 <text class=\"unit-name\" x=\"{:.1}\" y=\"{:.1}\">{name}</text></g>",
                x - 7.0,
                y - 7.0,
                x + 12.0,
                y - 9.0
            );
        }
    }
    scale_bar(page, &view);
    page.push_str("</svg></figure>\n");
    stations(page, map);
    page.push_str("</section>\n");
}

/// The moments that the page has room for.
fn shown_moments(map: &MapData) -> &[MapMoment] {
    let room = MOST_MARKS.checked_div(map.tracks.len()).unwrap_or(0);
    map.moments
        .get(..map.moments.len().min(MOST_MOMENTS))
        .filter(|shown| shown.len() <= room)
        .unwrap_or_default()
}

/// Appends a row of choices, the whole run and each moment, which decides by style alone what the picture shows.
fn choices(page: &mut String, moments: &[MapMoment]) {
    if moments.is_empty() {
        return;
    }
    // Whole seconds would give two moments of a short run one name.
    let close = moments.windows(2).any(|pair| pair[1].time_s - pair[0].time_s < 1.0);
    let decimals = usize::from(close);
    page.push_str(
        "<input type=\"radio\" name=\"moment\" id=\"moment-0\" checked><label for=\"moment-0\">whole run</label>",
    );
    for (number, moment) in (1..).zip(moments) {
        put!(
            page,
            "<input type=\"radio\" name=\"moment\" id=\"moment-{number}\"><label for=\"moment-{number}\">{:.decimals$} s</label>",
            moment.time_s
        );
    }
    page.push('\n');
}

/// Appends where the stations were at a moment, by colour.
fn marks(page: &mut String, view: &View, map: &MapData, number: usize, moment: &MapMoment, many: bool) {
    put!(page, "<g class=\"moment moment-{number}\">");
    let radius = if many { 3.5 } else { 5.0 };
    for (colour, ..) in COLOURS {
        put!(page, "<g fill=\"var({colour})\">");
        for (track, place) in &moment.places {
            let shown = map.tracks.get(*track).filter(|track| track.colour() == colour);
            if let Some((x, y)) = shown.and_then(|_| view.at(*place)) {
                put!(page, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius}\"/>");
            }
        }
        page.push_str("</g>");
    }
    page.push_str("</g>");
}

/// Appends the stations of the map, those that missed most first: a row of each is where its track leads, and leads back.
fn stations(page: &mut String, map: &MapData) {
    if map.tracks.is_empty() {
        return;
    }
    let mut order: Vec<(usize, &TrackLine)> = map.tracks.iter().enumerate().collect();
    let missed = |track: &TrackLine| track.share().unwrap_or(-1.0);
    order.sort_by(|(_, one), (_, other)| missed(other).total_cmp(&missed(one)));
    let left_out = order.len().saturating_sub(MOST_ROWS);
    page.push_str(
        "<details open class=\"stations\"><summary>Stations, those that missed most first</summary><div><table><thead><tr>\
         <th>station</th><th>missed</th><th>way</th></tr></thead><tbody>\n",
    );
    for (number, track) in order.into_iter().take(MOST_ROWS) {
        put!(
            page,
            "<tr id=\"station-{number}\"><th><a href=\"#track-{number}\">{}</a></th><td data-name=\"missed\">{}</td>\
             <td data-name=\"way\">{:.0} m</td></tr>\n",
            escape(&track.name),
            track.share().map_or_else(|| "-".to_owned(), percent),
            track.way_m()
        );
    }
    page.push_str("</tbody></table></div>");
    if left_out > 0 {
        put!(page, "<p class=\"note\">And {}.</p>", counted(left_out as u64, "station"));
    }
    page.push_str("</details>\n");
}

/// Appends path commands: every `stride`th point and the last, without steps too small to see.
fn line(page: &mut String, view: &View, points: &[(f64, f64)], stride: usize) {
    let mut before: Option<(f64, f64)> = None;
    let last = points.len().saturating_sub(1);
    let kept = points.iter().enumerate().filter(|(index, _)| index % stride == 0 || *index == last);
    for (x, y) in kept.filter_map(|(_, point)| view.at(*point)) {
        match before {
            None => put!(page, "M{x:.1} {y:.1}"),
            Some((left, top)) if (x - left).abs() + (y - top).abs() < 0.4 => continue,
            Some(_) => put!(page, "L{x:.1} {y:.1}"),
        }
        before = Some((x, y));
    }
}

fn scale_bar(page: &mut String, view: &View) {
    let longest_m = view.width * 0.2 / view.per_metre;
    let power = 10f64.powf(longest_m.log10().floor());
    let length_m =
        [5.0, 2.0, 1.0].map(|factor| factor * power).into_iter().find(|m| *m <= longest_m).unwrap_or(power);
    let (x, y) = (24.0, view.height - 22.0);
    let name =
        if length_m >= 1_000.0 { format!("{} km", length_m / 1_000.0) } else { format!("{length_m} m") };
    put!(
        page,
        "<path class=\"scale\" d=\"M{x} {:.1}v6h{:.1}v-6\"/><text class=\"ink\" x=\"{x}\" y=\"{:.1}\">{name}</text>",
        y - 6.0,
        length_m * view.per_metre,
        y - 12.0
    );
}

/// What the colours and lines that are on the map mean.
fn legend(map: &MapData) -> String {
    let mut items = String::new();
    for (colour, _, words) in COLOURS {
        if map.tracks.iter().any(|track| track.colour() == colour) {
            put!(items, " <span class=\"key\"><i style=\"background:var({colour})\"></i>{words}</span>");
        }
    }
    for (kind, words) in [
        (TrackKind::Emergency, "thick: emergency vehicle"),
        (TrackKind::Vulnerable, "dotted: pedestrian or cyclist"),
    ] {
        if map.tracks.iter().any(|track| track.kind == kind) {
            put!(items, " <span class=\"key\">{words}</span>");
        }
    }
    if items.is_empty() { items } else { format!(". <span class=\"legend\">{items}</span>") }
}

impl TrackLine {
    fn share(&self) -> Option<f64> {
        self.missed.filter(|missed| missed.is_finite())
    }

    /// How long its track is, m.
    fn way_m(&self) -> f64 {
        let places = self.points.iter().filter(|point| is_place(point));
        let steps = places.clone().zip(places.skip(1));
        steps.map(|(one, next)| (next.0 - one.0).hypot(next.1 - one.1)).sum()
    }

    /// The page's name of its colour.
    fn colour(&self) -> &'static str {
        let Some(missed) = self.share() else { return "--soft" };
        COLOURS.into_iter().find(|(_, least, _)| missed > *least).map_or("--good", |(colour, ..)| colour)
    }
}

impl TrackKind {
    fn style(self) -> &'static str {
        match self {
            TrackKind::Vehicle => "",
            TrackKind::Emergency => " emergency",
            TrackKind::Vulnerable => " vulnerable",
        }
    }
}

fn stride(points: usize) -> usize {
    points.div_ceil(MAX_POINTS).max(1)
}

/// The part of the world the picture shows: the tracks with a margin, or all lanes when there are no tracks.
struct View {
    west: f64,
    north: f64,
    per_metre: f64,
    width: f64,
    height: f64,
}

impl View {
    fn of(map: &MapData) -> Option<Self> {
        let stations = map.tracks.iter().flat_map(|track| &track.points);
        let stations = stations.chain(map.units.iter().map(|unit| &unit.position));
        let (west, south, east, north) = bounds(stations).or_else(|| bounds(map.lanes.iter().flatten()))?;
        let margin = ((east - west).max(north - south) * 0.06).max(20.0);
        let (wide, high) = (east - west + 2.0 * margin, north - south + 2.0 * margin);
        let per_metre = (WIDTH / wide).min(MAX_HEIGHT / high);
        // A narrow world stays in the middle of a picture that is always as wide as the page.
        let spare_m = (WIDTH / per_metre - wide) / 2.0;
        Some(Self {
            west: west - margin - spare_m,
            north: north + margin,
            per_metre,
            width: WIDTH,
            height: (high * per_metre).max(MIN_HEIGHT),
        })
    }

    /// Place in the picture; `None` for NaN and infinite points.
    fn at(&self, (east, north): (f64, f64)) -> Option<(f64, f64)> {
        is_place(&(east, north))
            .then_some(((east - self.west) * self.per_metre, (self.north - north) * self.per_metre))
    }

    fn shows(&self, point: (f64, f64)) -> bool {
        self.at(point)
            .is_some_and(|(x, y)| (0.0..=self.width).contains(&x) && (0.0..=self.height).contains(&y))
    }
}

/// West, south, east, north.
fn bounds<'a>(points: impl Iterator<Item = &'a (f64, f64)>) -> Option<(f64, f64, f64, f64)> {
    points.filter(|point| is_place(point)).fold(None, |bounds, &(x, y)| {
        let (west, south, east, north) = bounds.unwrap_or((x, y, x, y));
        Some((west.min(x), south.min(y), east.max(x), north.max(y)))
    })
}

/// Circumference of the Earth, m: no point is further away.
fn is_place(point: &(f64, f64)) -> bool {
    [point.0, point.1].iter().all(|metres| metres.abs() < 4.1e7)
}

/// Colour of a station, the share of messages missed above which it has that, and what it means. The first bound is the
/// widest miss target; the second is four times that.
const COLOURS: [(&str, f64, &str); 4] = [
    ("--bad", 0.2, "missed more than 20 %"),
    ("--late", 0.05, "missed more than 5 %"),
    ("--good", -1.0, "missed 5 % or less"),
    ("--soft", f64::INFINITY, "nothing was meant for it"),
];
const WIDTH: f64 = 1_080.0;
const MAX_HEIGHT: f64 = 680.0;
const MIN_HEIGHT: f64 = 160.0;
/// Points of all lanes, and of all tracks: enough for the eye, and the page stays below a few megabytes.
const MAX_POINTS: usize = 60_000;
const MANY_TRACKS: usize = 80;
/// Moments of a run that the page lets choose from; its style has as many.
pub const MOST_MOMENTS: usize = 12;
/// Places at all moments together: a tenth of a megabyte. With more stations the page has no moments.
const MOST_MARKS: usize = 3_000;
const MOST_ROWS: usize = 300;
