//! A validation as a page: both curves over each other.

use v2x_report::html::{
    CurvePage, CurvePlot, CurvePoint, CurveScale, CurveSection, MeasuredCurve, render_curves,
};

use super::{ComparedFigure, ConfigurationResult, DISTANCES_M, text};
use crate::medium::LossCause;

/// The page; `channel` is the profile's name, `command` what was typed.
pub fn page(results: &[ConfigurationResult], channel: &str, command: &str, version: &str) -> String {
    let failed = results.iter().filter(|result| !result.holds()).count();
    let sections = results.iter().map(|result| CurveSection {
        heading: result.run.name(),
        note: note(result),
        plots: plots(result),
        ..CurveSection::default()
    });
    render_curves(&CurvePage {
        title: "Roadcast replay: the radio channel against published figures".to_owned(),
        kind: "Roadcast replay validate".to_owned(),
        good: Some(failed == 0),
        headline: if failed == 0 { "The channel holds" } else { "The channel does not hold" }.to_owned(),
        summary: match failed {
            0 => format!("All {} published configurations are met within the tolerances.", results.len()),
            _ => format!(
                "{failed} of {} published configurations are not met within the tolerances.",
                results.len()
            ),
        },
        facts: vec![
            ("channel".to_owned(), channel.to_owned()),
            ("frames".to_owned(), results.iter().map(|result| result.frames).sum::<u64>().to_string()),
            ("version".to_owned(), version.to_owned()),
        ],
        command: command.to_owned(),
        warnings: Vec::new(),
        sections: sections.collect(),
        notes: vec![SOURCE.to_owned(), WHAT_RUNS.to_owned()],
        text: text(results, true),
    })
}

fn note(result: &ConfigurationResult) -> String {
    let (largest, at_m) = result.largest_difference();
    let mut note = format!(
        "Delivery differs by {:.4} on the mean and by {largest:.4} at most below 300 m (at {at_m} m).",
        result.mean_difference()
    );
    if let Some(busy) = &result.busy {
        note += &format!(" Channel busy ratio: {:.4}, published {:.4}.", busy.measured, busy.published);
    }
    if !result.holds() {
        note += " Outside the tolerance.";
    }
    note
}

/// What is received and what is too weak share a scale; the other causes have one of their own.
fn plots(result: &ConfigurationResult) -> Vec<CurvePlot> {
    let mut first = vec![curve("received", &result.delivery)];
    let mut others = Vec::new();
    for (cause, besides) in LossCause::ALL.iter().zip(result.causes.iter().flatten()) {
        let of = if *cause == LossCause::BelowSensing { &mut first } else { &mut others };
        of.push(curve(&cause.name().replace('_', " "), besides));
    }
    let received = plot("Frames received, and frames too weak to sense", first);
    let lost = plot("Frames lost by another cause", others);
    [received, lost].into_iter().filter(|plot| !plot.curves.is_empty()).collect()
}

fn plot(caption: &str, curves: Vec<MeasuredCurve>) -> CurvePlot {
    CurvePlot { caption: caption.to_owned(), scale: CurveScale::Share, lines: "published".to_owned(), curves }
}

fn curve(name: &str, besides: &[ComparedFigure]) -> MeasuredCurve {
    let point = |(at_m, beside): (u32, &ComparedFigure)| CurvePoint {
        x: f64::from(at_m),
        at: format!("{at_m} m"),
        measured: Some(beside.measured),
        interval: beside.interval,
        line: Some(beside.published),
        line_interval: None,
    };
    MeasuredCurve { name: name.to_owned(), points: DISTANCES_M.into_iter().zip(besides).map(point).collect() }
}

const SOURCE: &str = "Published: M. Sepulcre, M. Gonzalez-Martin, J. Gozalvez, R. Molina-Masegosa, B. Coll-Perales, \"Analytical \
                      models of the performance of IEEE 802.11p vehicle to vehicle communications\", IEEE Transactions on Vehicular \
                      Technology 71(1), 2022: simulations of a highway with 60 vehicles per km.";
const WHAT_RUNS: &str = "The medium alone, with beacons of the published length instead of stations. Bars are 95 % confidence \
                         intervals over runs, each with places, moments and shadowing of its own.";
