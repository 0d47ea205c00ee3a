//! Measured points over the lines that they are held against, by distance, as inline SVG.

use std::fmt::Write as _;

use super::plot::{HEIGHT, LEFT, LogScale, TOP, WIDTH, decade, nice_step, opened};
use super::text::{escape, put};
use crate::report::human::time;

/// Curves over distance, m.
#[derive(Clone, Debug, PartialEq)]
pub struct CurvePlot {
    /// Above the plot.
    pub caption: String,
    /// What is counted upwards.
    pub scale: CurveScale,
    /// What the lines are, such as `published`; without any line the measured points are joined.
    pub lines: String,
    /// At most six are told apart.
    pub curves: Vec<MeasuredCurve>,
}

/// What a plot counts upwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CurveScale {
    /// Shares, 0 to 1.
    Share,
    /// Times, ns; logarithmic.
    Time,
}

/// A measured curve and the line it is held against.
#[derive(Clone, Debug, PartialEq)]
pub struct MeasuredCurve {
    /// Of what.
    pub name: String,
    /// By rising distance.
    pub points: Vec<CurvePoint>,
}

/// A point of both curves.
#[derive(Clone, Debug, PartialEq)]
pub struct CurvePoint {
    /// Distance, m.
    pub x: f64,
    /// The distance in words: `100 m`, `50-100 m`.
    pub at: String,
    /// As measured.
    pub measured: Option<f64>,
    /// Its 95 % confidence interval.
    pub interval: Option<(f64, f64)>,
    /// The line's value.
    pub line: Option<f64>,
    /// Its 95 % confidence interval.
    pub line_interval: Option<(f64, f64)>,
}

impl CurvePoint {
    /// Numbers that are none are not drawn.
    fn finite(&self) -> Self {
        let number = |value: &f64| value.is_finite();
        let both = |ends: &(f64, f64)| ends.0.is_finite() && ends.1.is_finite();
        Self {
            x: if self.x.is_finite() { self.x } else { 0.0 },
            at: self.at.clone(),
            measured: self.measured.filter(number),
            interval: self.interval.filter(both),
            line: self.line.filter(number),
            line_interval: self.line_interval.filter(both),
        }
    }
}

/// The picture.
pub(super) fn curves(shown: &CurvePlot) -> String {
    let shown = CurvePlot {
        curves: shown
            .curves
            .iter()
            .map(|curve| MeasuredCurve {
                name: curve.name.clone(),
                points: curve.points.iter().map(CurvePoint::finite).collect(),
            })
            .collect(),
        ..shown.clone()
    };
    let axis = Axis::of(&shown);
    let far = shown.curves.iter().flat_map(|curve| &curve.points).map(|point| point.x).fold(1.0, f64::max);
    let x = |metres: f64| LEFT + metres / far * WIDTH;
    let bottom = TOP + HEIGHT;
    let rows = shown.curves.len().div_ceil(NAMES_IN_ROW).max(1);
    let mut svg = opened(bottom + 44.0 + ROW * (rows - 1) as f64, &shown.caption);
    for (at, name) in axis.ticks() {
        put!(
            svg,
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>\
             <text class=\"end\" x=\"{:.1}\" y=\"{:.1}\">{name}</text>",
            LEFT + WIDTH,
            LEFT - 8.0,
            at + 4.0
        );
    }
    let step = nice_step(far / 6.0);
    for tick in 0..=(far / step) as u32 {
        let metres = f64::from(tick) * step;
        put!(svg, "<text class=\"mid\" x=\"{:.1}\" y=\"{:.1}\">{metres:.0}</text>", x(metres), bottom + 18.0);
    }
    let all = || shown.curves.iter().flat_map(|curve| &curve.points);
    let lines = all().any(|point| point.line.is_some());
    for (index, curve) in shown.curves.iter().enumerate() {
        put!(svg, "<g class=\"{}\">", COLOURS[index % COLOURS.len()]);
        band(&mut svg, curve, &x, &axis);
        let of = |point: &CurvePoint| if lines { point.line } else { point.measured };
        let places = curve.points.iter().map(|point| Some((x(point.x), axis.at(of(point)?))));
        let class = if lines { "published" } else { "joined" };
        put!(svg, "<path class=\"{class}\" d=\"{}\"/>", path(places));
        marks(&mut svg, curve, &x, &axis, &shown);
        let left = LEFT + WIDTH / NAMES_IN_ROW as f64 * (index % NAMES_IN_ROW) as f64;
        let down = bottom + 37.0 + ROW * (index / NAMES_IN_ROW) as f64;
        put!(
            svg,
            "<circle class=\"mark\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"4\"/><text x=\"{:.1}\" y=\"{down:.1}\">{}</text></g>",
            left + 4.0,
            down - 4.0,
            left + 13.0,
            escape(&curve.name)
        );
    }
    let told =
        if lines { format!("distance in m; lines: {}", shown.lines) } else { "distance in m".to_owned() };
    put!(
        svg,
        "<text class=\"end\" x=\"{:.1}\" y=\"{:.1}\">{}</text></svg>",
        LEFT + WIDTH,
        TOP - 8.0,
        escape(&told)
    );
    svg
}

/// The measured points and their intervals.
fn marks(svg: &mut String, curve: &MeasuredCurve, x: &impl Fn(f64) -> f64, axis: &Axis, shown: &CurvePlot) {
    for point in &curve.points {
        let Some(measured) = point.measured else { continue };
        let at = x(point.x);
        if let Some((low, high)) = point.interval {
            put!(
                svg,
                "<line class=\"interval\" x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{:.1}\" y2=\"{:.1}\"/>",
                axis.at(low),
                axis.at(high)
            );
        }
        put!(
            svg,
            "<circle class=\"mark\" cx=\"{at:.1}\" cy=\"{:.1}\" r=\"2.6\"><title>{}, {}: {}",
            axis.at(measured),
            escape(&curve.name),
            escape(&point.at),
            axis.value(measured)
        );
        if let Some(line) = point.line {
            put!(svg, ", {} {}", escape(&shown.lines), axis.value(line));
        }
        svg.push_str("</title></circle>");
    }
}

/// The interval of the line, where it has one.
fn band(svg: &mut String, curve: &MeasuredCurve, x: &impl Fn(f64) -> f64, axis: &Axis) {
    for piece in curve.points.split(|point| point.line_interval.is_none()) {
        let ends = |point: &CurvePoint| point.line_interval.map(|ends| (x(point.x), ends));
        let upper = piece.iter().filter_map(ends).map(|(at, (_, high))| Some((at, axis.at(high))));
        let lower = piece.iter().rev().filter_map(ends).map(|(at, (low, _))| Some((at, axis.at(low))));
        if piece.len() > 1 {
            put!(svg, "<path class=\"under\" d=\"{}Z\"/>", path(upper.chain(lower)));
        }
    }
}

/// From place to place, with gaps where there is none.
fn path(places: impl Iterator<Item = Option<(f64, f64)>>) -> String {
    let (mut path, mut letter) = (String::new(), 'M');
    for place in places {
        letter = match place {
            Some((x, y)) => {
                put!(path, "{letter}{x:.1} {y:.1}");
                'L'
            }
            None => 'M',
        };
    }
    path
}

/// What is counted upwards.
enum Axis {
    /// To the highest line, which is a whole number of steps.
    Share {
        step: f64,
        top: f64,
    },
    Time(LogScale),
}

impl Axis {
    fn of(shown: &CurvePlot) -> Self {
        let points = || shown.curves.iter().flat_map(|curve| &curve.points);
        let values = || points().flat_map(|point| [point.measured, point.line]).flatten();
        match shown.scale {
            CurveScale::Share => {
                let tall = values().fold(0.05, f64::max).min(1.0);
                let step =
                    [0.01, 0.02, 0.05, 0.1, 0.25].into_iter().find(|step| tall / step <= 5.0).unwrap_or(0.25);
                Self::Share { step, top: (tall / step).ceil() * step }
            }
            CurveScale::Time => {
                let ends = points().flat_map(|point| [point.interval, point.line_interval]).flatten();
                let drawn: Vec<u64> =
                    values().chain(ends.flat_map(|(low, high)| [low, high])).map(nanoseconds).collect();
                let lowest = drawn.iter().copied().filter(|ns| *ns > 0).min().unwrap_or(1);
                let highest = drawn.iter().copied().max().unwrap_or(1);
                Self::Time(LogScale::new(lowest, highest, (TOP + HEIGHT, TOP)))
            }
        }
    }

    fn at(&self, value: f64) -> f64 {
        match self {
            Self::Share { top, .. } => TOP + HEIGHT * (1.0 - value.clamp(0.0, *top) / top),
            Self::Time(scale) => scale.at(nanoseconds(value)),
        }
    }

    fn ticks(&self) -> Vec<(f64, String)> {
        match self {
            Self::Share { step, top } => (0..=(top / step).round() as u32)
                .map(|line| f64::from(line) * step)
                .map(|share| (self.at(share), format!("{:.0} %", share * 100.0)))
                .collect(),
            Self::Time(scale) => scale.fine_ticks().into_iter().map(|(ns, at)| (at, decade(ns))).collect(),
        }
    }

    fn value(&self, value: f64) -> String {
        match self {
            Self::Share { .. } => format!("{value:.4}"),
            Self::Time(_) => time(nanoseconds(value)),
        }
    }
}

fn nanoseconds(value: f64) -> u64 {
    value.max(0.0).round() as u64
}

const COLOURS: [&str; 6] = ["d2", "d1", "d4", "d0", "d3", "d5"];
const NAMES_IN_ROW: usize = 3;
/// From one row of names to the next.
const ROW: f64 = 18.0;

#[cfg(test)]
mod tests {
    use super::*;

    fn plot(scale: CurveScale, values: &[(Option<f64>, Option<f64>)]) -> String {
        let near = |value: Option<f64>| value.map(|value| (value * 0.9, value * 1.1));
        let point = |(number, (measured, line)): (usize, &(Option<f64>, Option<f64>))| CurvePoint {
            x: 50.0 * number as f64,
            at: format!("{number}<m"),
            measured: *measured,
            interval: near(*measured),
            line: *line,
            line_interval: near(*line),
        };
        let points = values.iter().enumerate().map(point).collect();
        let (caption, lines) = ("c<d".to_owned(), "model".to_owned());
        curves(&CurvePlot {
            caption,
            scale,
            lines,
            curves: vec![MeasuredCurve { name: "a".to_owned(), points }],
        })
    }

    #[test]
    fn a_line_breaks_where_it_has_no_value_and_its_interval_is_a_band() {
        let both = (Some(0.5), Some(0.4));
        let svg = plot(CurveScale::Share, &[both, both, (Some(0.5), None), both, both]);
        let line = svg.split("class=\"published\" d=\"").nth(1).unwrap().split('"').next().unwrap();
        assert_eq!((line.matches('M').count(), line.matches('L').count()), (2, 2), "{line}");
        assert_eq!(
            (svg.matches("class=\"under\"").count(), svg.matches("class=\"interval\"").count()),
            (2, 5)
        );
        assert!(
            svg.contains("a, 0&lt;m: 0.5000, model 0.4000") && svg.contains("aria-label=\"c&lt;d\""),
            "{svg}"
        );
    }

    #[test]
    fn points_without_a_line_are_joined() {
        let svg = plot(CurveScale::Time, &[(Some(1e6), None), (Some(4e6), None), (None, None)]);
        assert!(svg.contains("class=\"joined\"") && !svg.contains("class=\"published\""), "{svg}");
        assert!(svg.contains("1.00 ms") && svg.contains(">2 ms<") && !svg.contains("lines:"), "{svg}");
    }

    #[test]
    fn figures_that_are_no_numbers_and_extreme_ones_make_a_picture() {
        for value in [f64::NAN, f64::INFINITY, -1.0, 0.0, f64::MAX] {
            for scale in [CurveScale::Share, CurveScale::Time] {
                let svg = plot(scale, &[(Some(value), Some(value)), (None, None)]);
                assert!(
                    svg.ends_with("</svg>") && !svg.contains("NaN") && !svg.contains("inf"),
                    "{value} {svg}"
                );
            }
        }
        assert!(plot(CurveScale::Time, &[]).ends_with("</svg>"));
    }
}
