//! Buildings by their outlines: how many walls a straight line between two places crosses, and how far it runs inside.
//!
//! Outlines lie in squares of a grid, so that a line asks those beside it and no others.

use v2x_core::{Plane, Position};

/// The outlines of a town's buildings.
#[derive(Clone, Debug)]
pub struct Buildings {
    plane: Plane,
    outlines: Vec<Outline>,
    /// East and north of the plane's origin, m, of all outlines one after the other.
    corners: Vec<(f64, f64)>,
    bounds: Bounds,
    side_m: f64,
    columns: usize,
    rows: usize,
    /// Where each square's outlines begin in `members`, row by row, and where the last one's end.
    squares: Vec<u32>,
    members: Vec<u32>,
    /// Outlines over so many squares that every line asks them.
    wide: Vec<u32>,
}

/// What a line between two places meets.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Crossed {
    /// Walls, counted each time.
    pub walls: u32,
    /// Metres inside buildings.
    pub inside_m: f64,
}

/// One building.
#[derive(Clone, Debug)]
struct Outline {
    first: u32,
    end: u32,
    bounds: Bounds,
}

/// A rectangle along the axes, m.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    west: f64,
    south: f64,
    east: f64,
    north: f64,
}

/// What a search needs, kept for its room.
#[derive(Debug, Default)]
pub(super) struct LineSearch {
    /// By outline: the last search that met it.
    met: Vec<u32>,
    number: u32,
    along_m: Vec<f64>,
}

impl Buildings {
    /// Of the corners of each, in order round it; an outline of less than three corners is left out. `None` when there is none.
    pub fn new(outlines: &[Vec<Position>]) -> Option<Self> {
        let plane = Plane::at(*outlines.iter().find(|corners| corners.len() >= 3)?.first()?);
        let mut all = Self {
            plane,
            outlines: Vec::with_capacity(outlines.len()),
            corners: Vec::with_capacity(outlines.iter().map(Vec::len).sum()),
            bounds: Bounds::none(),
            side_m: SIDE_M,
            columns: 1,
            rows: 1,
            squares: Vec::new(),
            members: Vec::new(),
            wide: Vec::new(),
        };
        for corners in outlines.iter().filter(|corners| corners.len() >= 3) {
            let first = all.corners.len() as u32;
            let mut bounds = Bounds::none();
            for corner in corners {
                let at = all.plane.offset(*corner);
                bounds.add(at);
                all.bounds.add(at);
                all.corners.push(at);
            }
            all.outlines.push(Outline { first, end: all.corners.len() as u32, bounds });
        }
        all.sort_into_squares();
        Some(all)
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.outlines.len()
    }

    /// Whether a place lies among them, or at most so many metres outside.
    pub fn are_about(&self, place: Position, within_m: f64) -> bool {
        let (east, north) = self.plane.offset(place);
        let Bounds { west, south, east: last, north: top } = self.bounds;
        (west - within_m..=last + within_m).contains(&east)
            && (south - within_m..=top + within_m).contains(&north)
    }

    /// What lies between two places: the same both ways.
    pub fn between(&self, one: Position, other: Position) -> Crossed {
        let (mut search, mut before) = (LineSearch::default(), NO_OUTLINE);
        self.crossed(self.metres(one), self.metres(other), &mut search, &mut before, |_| false)
    }

    /// East and north, m.
    pub(super) fn metres(&self, place: Position) -> (f64, f64) {
        self.plane.offset(place)
    }

    /// What lies between two places, in metres; of a line that has met enough, some of it. `before`: an outline that a line between
    /// such places met last when it had enough, which is asked first, or [`NO_OUTLINE`].
    pub(super) fn crossed(
        &self,
        one: (f64, f64),
        other: (f64, f64),
        search: &mut LineSearch,
        before: &mut u32,
        enough: impl Fn(&Crossed) -> bool,
    ) -> Crossed {
        // Sums of fractions depend on their order: it is that of the places.
        let (from, to) = if one <= other { (one, other) } else { (other, one) };
        let mut found = Crossed::default();
        let line = SightLine::new(from, to);
        if line.length_m < TOUCH_M {
            return found;
        }
        if let Some(outline) = self.outlines.get(*before as usize) {
            let mut alone = Crossed::default();
            self.add(outline, &line, &mut search.along_m, &mut alone);
            if enough(&alone) {
                return alone;
            }
        }
        search.begin(self.outlines.len());
        for outline in &self.wide {
            self.meet(*outline, &line, search, &mut found);
        }
        // Outside the squares on either side there is nothing.
        let column = |east: f64| (east - self.bounds.west) / self.side_m;
        let row = |north: f64| (north - self.bounds.south) / self.side_m;
        let (last_column, last_row) = (self.columns - 1, self.rows - 1);
        // From west to east, as the places are in order.
        let (first, last) = (column(from.0).max(0.0) as usize, column(to.0));
        if last < 0.0 || first > last_column {
            return found;
        }
        for at in first..=(last as usize).min(last_column) {
            let west = (self.bounds.west + at as f64 * self.side_m).max(from.0);
            let east = (self.bounds.west + (at + 1) as f64 * self.side_m).min(to.0);
            let (one, other) = (line.north_at(west, from, to), line.north_at(east, to, from));
            let (south, north) = (one.min(other) - TOUCH_M, one.max(other) + TOUCH_M);
            let (lowest, highest) = (row(south).max(0.0) as usize, row(north));
            if highest < 0.0 || lowest > last_row {
                continue;
            }
            for row in lowest..=(highest as usize).min(last_row) {
                let square = row * self.columns + at;
                let (begin, end) = (self.squares[square] as usize, self.squares[square + 1] as usize);
                for outline in &self.members[begin..end] {
                    if self.meet(*outline, &line, search, &mut found) && enough(&found) {
                        *before = *outline;
                        return found;
                    }
                }
            }
        }
        found
    }

    /// Adds what a line meets of an outline, once in a search; whether that may be anything.
    fn meet(&self, number: u32, line: &SightLine, search: &mut LineSearch, found: &mut Crossed) -> bool {
        let outline = &self.outlines[number as usize];
        !search.has_met(number) && self.add(outline, line, &mut search.along_m, found)
    }

    /// Adds what a line meets of an outline; whether that may be anything.
    fn add(&self, outline: &Outline, line: &SightLine, along_m: &mut Vec<f64>, found: &mut Crossed) -> bool {
        if !line.may_meet(&outline.bounds) {
            return false;
        }
        let corners = &self.corners[outline.first as usize..outline.end as usize];
        let Some(mut before) = corners.last().map(|corner| line.offset(*corner)) else { return false };
        // Where the endless line goes in and out; a corner on the line lies on one of its sides, as any other.
        along_m.clear();
        for corner in corners {
            let after = line.offset(*corner);
            if (before.1 >= 0.0) != (after.1 >= 0.0) {
                let share = before.1 / (before.1 - after.1);
                along_m.push(before.0 + (after.0 - before.0) * share);
            }
            before = after;
        }
        match along_m.as_mut_slice() {
            [] => return false,
            [one, other] => (*one, *other) = (one.min(*other), one.max(*other)),
            more => more.sort_unstable_by(f64::total_cmp),
        }
        for two in along_m.chunks_exact(2) {
            let (from_m, to_m) = (two[0].max(0.0), two[1].min(line.length_m));
            // Of a corner or a wall that is touched nothing is crossed.
            if to_m - from_m > TOUCH_M {
                found.inside_m += to_m - from_m;
                found.walls += u32::from(two[0] > 0.0) + u32::from(two[1] < line.length_m);
            }
        }
        true
    }

    fn sort_into_squares(&mut self) {
        let (width, height) = (self.bounds.east - self.bounds.west, self.bounds.north - self.bounds.south);
        self.side_m =
            (width * height / MOST_SQUARES).sqrt().max(width.max(height) / MOST_SQUARES).max(SIDE_M);
        self.columns = (width / self.side_m).floor() as usize + 1;
        self.rows = (height / self.side_m).floor() as usize + 1;
        let mut counts = vec![0u32; self.columns * self.rows + 1];
        let spans: Vec<_> = self.outlines.iter().map(|outline| self.span(&outline.bounds)).collect();
        let squares = |span: &[usize; 4]| {
            let [first, last, lowest, highest] = *span;
            (lowest..=highest).flat_map(move |row| (first..=last).map(move |column| (row, column)))
        };
        let is_wide = |[first, last, lowest, highest]: &[usize; 4]| {
            (last - first + 1) * (highest - lowest + 1) > MOST_SQUARES_OF_ONE
        };
        for span in spans.iter().filter(|span| !is_wide(span)) {
            squares(span).for_each(|(row, column)| counts[row * self.columns + column + 1] += 1);
        }
        for square in 1..counts.len() {
            counts[square] += counts[square - 1];
        }
        let mut next = counts.clone();
        self.members = vec![0; counts.last().copied().unwrap_or_default() as usize];
        for (number, span) in (0..).zip(&spans) {
            if is_wide(span) {
                self.wide.push(number);
                continue;
            }
            for (row, column) in squares(span) {
                let place = &mut next[row * self.columns + column];
                self.members[*place as usize] = number;
                *place += 1;
            }
        }
        self.squares = counts;
    }

    /// First and last column and row.
    fn span(&self, bounds: &Bounds) -> [usize; 4] {
        let number = |metres: f64, most: usize| ((metres / self.side_m).floor() as usize).min(most - 1);
        [
            number(bounds.west - self.bounds.west, self.columns),
            number(bounds.east - self.bounds.west, self.columns),
            number(bounds.south - self.bounds.south, self.rows),
            number(bounds.north - self.bounds.south, self.rows),
        ]
    }
}

impl LineSearch {
    fn begin(&mut self, outlines: usize) {
        self.number = self.number.wrapping_add(1);
        if self.met.len() != outlines || self.number == 0 {
            self.met.clear();
            self.met.resize(outlines, 0);
            self.number = 1;
        }
    }

    fn has_met(&mut self, outline: u32) -> bool {
        core::mem::replace(&mut self.met[outline as usize], self.number) == self.number
    }
}

/// A line from a place of a length, m, and its direction.
struct SightLine {
    from: (f64, f64),
    direction: (f64, f64),
    length_m: f64,
    bounds: Bounds,
}

impl SightLine {
    fn new(from: (f64, f64), to: (f64, f64)) -> Self {
        let (east, north) = (to.0 - from.0, to.1 - from.1);
        let length_m = (east * east + north * north).sqrt();
        let mut bounds = Bounds::none();
        bounds.add(from);
        bounds.add(to);
        Self { from, direction: (east / length_m, north / length_m), length_m, bounds }
    }

    /// How far along the line and how far beside it, m.
    fn offset(&self, at: (f64, f64)) -> (f64, f64) {
        let (east, north) = (at.0 - self.from.0, at.1 - self.from.1);
        let (along, beside) = (self.direction.0, self.direction.1);
        (east * along + north * beside, north * along - east * beside)
    }

    /// How far north it is there; at its end `near`, when it runs north.
    fn north_at(&self, east: f64, near: (f64, f64), far: (f64, f64)) -> f64 {
        if far.0 == near.0 { near.1 } else { near.1 + (far.1 - near.1) * (east - near.0) / (far.0 - near.0) }
    }

    fn may_meet(&self, other: &Bounds) -> bool {
        self.bounds.west <= other.east
            && other.west <= self.bounds.east
            && self.bounds.south <= other.north
            && other.south <= self.bounds.north
    }
}

impl Bounds {
    fn none() -> Self {
        let far = f64::INFINITY;
        Self { west: far, south: far, east: -far, north: -far }
    }

    fn add(&mut self, at: (f64, f64)) {
        self.west = self.west.min(at.0);
        self.east = self.east.max(at.0);
        self.south = self.south.min(at.1);
        self.north = self.north.max(at.1);
    }
}

/// No outline.
pub(super) const NO_OUTLINE: u32 = u32::MAX;

/// About a building's plot: smaller squares would only be more numerous.
const SIDE_M: f64 = 40.0;
const MOST_SQUARES: f64 = 1e6;
/// 300 m by 300 m at the least side.
const MOST_SQUARES_OF_ONE: usize = 64;
/// What is shorter is not crossed, m: a corner is known to a centimetre.
const TOUCH_M: f64 = 0.02;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HERE: Position = Position { latitude: 496_000_000, longitude: 61_300_000 };

    fn house(corners: &[(f64, f64)]) -> Vec<Position> {
        corners.iter().map(|(east, north)| HERE.moved(*east, *north)).collect()
    }

    fn square(west: f64, south: f64, side: f64) -> Vec<Position> {
        house(&[(west, south), (west + side, south), (west + side, south + side), (west, south + side)])
    }

    fn meets(buildings: &Buildings, one: (f64, f64), other: (f64, f64)) -> (u32, f64) {
        let (one, other) = (HERE.moved(one.0, one.1), HERE.moved(other.0, other.1));
        let found = buildings.between(one, other);
        assert_eq!(found, buildings.between(other, one), "the same both ways");
        (found.walls, found.inside_m)
    }

    #[track_caller]
    fn are(found: (u32, f64), walls: u32, inside_m: f64) {
        assert!(found.0 == walls && (found.1 - inside_m).abs() < 0.05, "{found:?}");
    }

    #[test]
    fn a_line_through_a_house_crosses_two_walls_and_the_metres_between_them() {
        let town = Buildings::new(&[square(10.0, -5.0, 20.0)]).unwrap();
        are(meets(&town, (0.0, 0.0), (100.0, 0.0)), 2, 20.0);
        are(meets(&town, (20.0, -50.0), (20.0, 50.0)), 2, 20.0);
        // From corner to corner.
        are(meets(&town, (0.0, -15.0), (40.0, 25.0)), 2, 20.0 * 2f64.sqrt());
        are(meets(&town, (0.0, 0.0), (5.0, 0.0)), 0, 0.0);
        are(meets(&town, (0.0, 16.0), (100.0, 16.0)), 0, 0.0);
    }

    #[test]
    fn corners_and_walls_that_are_touched_are_not_crossed() {
        let diamond = house(&[(0.0, -10.0), (10.0, 0.0), (0.0, 10.0), (-10.0, 0.0)]);
        let town = Buildings::new(&[diamond, square(100.0, 0.0, 20.0)]).unwrap();
        for north in [10.0, -10.0] {
            are(meets(&town, (-50.0, north), (50.0, north)), 0, 0.0);
        }
        // Along walls.
        for north in [20.005, -0.005] {
            are(meets(&town, (60.0, north), (160.0, north)), 0, 0.0);
        }
        are(meets(&town, (-50.0, 0.0), (50.0, 0.0)), 2, 20.0);
    }

    #[test]
    fn ends_inside_a_house_cross_the_walls_that_are_between_them() {
        let town = Buildings::new(&[square(0.0, 0.0, 30.0)]).unwrap();
        are(meets(&town, (5.0, 10.0), (25.0, 10.0)), 0, 20.0);
        are(meets(&town, (5.0, 10.0), (50.0, 10.0)), 1, 25.0);
        are(meets(&town, (5.0, 10.0), (5.0, 10.0)), 0, 0.0);
    }

    #[test]
    fn a_yard_is_outside_and_an_outline_of_two_corners_is_none() {
        let horseshoe = house(&[
            (0.0, 0.0),
            (30.0, 0.0),
            (30.0, 30.0),
            (20.0, 30.0),
            (20.0, 10.0),
            (10.0, 10.0),
            (10.0, 30.0),
            (0.0, 30.0),
        ]);
        let town = Buildings::new(&[house(&[(0.0, 0.0), (1.0, 1.0)]), horseshoe]).unwrap();
        assert_eq!(town.count(), 1);
        are(meets(&town, (-10.0, 20.0), (40.0, 20.0)), 4, 20.0);
        are(meets(&town, (-10.0, 5.0), (40.0, 5.0)), 2, 30.0);
        assert!(Buildings::new(&[]).is_none());
        assert!(
            town.are_about(HERE.moved(-90.0, 0.0), 100.0) && !town.are_about(HERE.moved(-110.0, 0.0), 100.0)
        );
    }

    proptest! {
        #[test]
        fn whether_a_line_has_enough_follows_from_its_ends_whatever_was_met_before(
            houses in proptest::collection::vec((-400.0..400.0f64, -400.0..400.0f64, 1.0..100.0f64), 1..40),
            one in (-500.0..500.0f64, -500.0..500.0f64),
            other in (-500.0..500.0f64, -500.0..500.0f64),
            before in 0..45u32,
            walls in 1..6u32,
        ) {
            let houses: Vec<_> = houses.iter().map(|(west, south, side)| square(*west, *south, *side)).collect();
            let town = Buildings::new(&houses).unwrap();
            let enough = |found: &Crossed| found.walls >= walls;
            let has_enough = |one, other, mut before| {
                let mut search = LineSearch::default();
                let found = town.crossed(one, other, &mut search, &mut before, enough);
                // What it ends with is asked first the next time.
                let again = town.crossed(one, other, &mut search, &mut before, enough);
                assert_eq!(enough(&found), enough(&again));
                enough(&found)
            };
            let all = town.crossed(one, other, &mut LineSearch::default(), &mut { NO_OUTLINE }, |_| false);
            for before in [before, NO_OUTLINE] {
                prop_assert_eq!(has_enough(one, other, before), enough(&all));
                prop_assert_eq!(has_enough(other, one, before), enough(&all));
            }
        }

        #[test]
        fn the_grid_finds_what_each_house_alone_adds(
            houses in proptest::collection::vec((-900.0..900.0f64, -900.0..900.0f64, 1.0..400.0f64), 1..40),
            one in (-1500.0..1500.0f64, -1500.0..1500.0f64),
            other in (-1500.0..1500.0f64, -1500.0..1500.0f64),
        ) {
            let houses: Vec<_> = houses.iter().map(|(west, south, side)| square(*west, *south, *side)).collect();
            let town = Buildings::new(&houses).unwrap();
            let (one, other) = (HERE.moved(one.0, one.1), HERE.moved(other.0, other.1));
            let found = town.between(one, other);
            // All as one square of a grid: the same plane, and every house asked.
            let mut plain = Buildings::new(&houses).unwrap();
            plain.wide = (0..houses.len() as u32).collect();
            plain.members.clear();
            plain.squares.fill(0);
            let each = plain.between(one, other);
            prop_assert_eq!(found.walls, each.walls);
            prop_assert!((found.inside_m - each.inside_m).abs() < 1e-6);
        }
    }
}
