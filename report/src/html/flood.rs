//! Floods: ways of forwarding beside each other, and the share of stations reached over time.

use std::fmt::Write as _;

use super::text::{escape, put};
use crate::report::human::percent;
use crate::report::{Flood, FloodBand, Report};

/// Appends the section; nothing when there was no flood.
pub(super) fn section(page: &mut String, report: &Report) {
    let all = || report.flood.iter().chain(&report.flood_baselines);
    let alerts: Vec<_> = all().filter_map(|flood| Some((&flood.forwarding, flood.d0_20ms_150m?))).collect();
    if !alerts.is_empty() {
        page.push_str("<section><h2>Imminent danger</h2>\n");
        for (forwarding, share) in alerts {
            put!(
                page,
                "<p class=\"note\"><b>{}</b>: {} of the stations within 150 m and in sight had a D0 alert within 20 ms.</p>\n",
                escape(forwarding),
                percent(share)
            );
        }
        page.push_str("</section>\n");
    }
    let floods = || all().filter(|flood| flood.floods > 0);
    if floods().next().is_none() {
        return;
    }
    page.push_str(
        "<section><h2>Floods</h2><p class=\"note\">Pairs of a flood and a station that was in its area when it was sent. \
         Frames are those of a flood, the origin's included.</p>\n<figure class=\"wide\"><div class=\"scroll\"><table><thead><tr>\
         <th>forwarding</th><th>within 3 km and 300 ms</th><th>worst run</th><th>in all</th><th>frames</th>\
         <th>per station</th><th>ms/km</th><th>hops/km</th></tr></thead><tbody>\n",
    );
    for flood in floods() {
        put!(
            page,
            "<tr><th>{}</th><td data-name=\"within 3 km and 300 ms\">{}</td><td data-name=\"worst run\">{}</td>\
             <td data-name=\"in all\">{}</td><td data-name=\"frames\">{:.1}</td><td data-name=\"per station\">{:.3}</td>\
             <td data-name=\"ms/km\">{}</td><td data-name=\"hops/km\">{}</td></tr>\n",
            escape(&flood.forwarding),
            percent(flood.reach_300ms_3km),
            percent(flood.worst.reach_300ms_3km),
            percent(flood.reach_final),
            flood.transmissions,
            flood.transmissions_per_station,
            one_decimal(flood.delay_ms_per_km),
            one_decimal(flood.hops_per_km)
        );
    }
    page.push_str("</tbody></table></div></figure>\n<div class=\"plots\">\n");
    for flood in floods() {
        put!(
            page,
            "<figure class=\"d3\"><figcaption><b>{}</b>: share of stations that had the message (up) by a time after \
             the send (across), by distance from the origin</figcaption>{}</figure>\n",
            escape(&flood.forwarding),
            reach(flood)
        );
    }
    page.push_str("</div></section>\n");
}

fn one_decimal(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.1}"))
}

/// A curve for each range of distances, over a logarithmic time.
fn reach(flood: &Flood) -> String {
    let x = |ms: u32| {
        let share = (f64::from(ms.max(1)) / FROM_MS).log10() / (TO_MS / FROM_MS).log10();
        LEFT + share.clamp(0.0, 1.0) * WIDTH
    };
    let y = |share: f64| TOP + (1.0 - share.clamp(0.0, 1.0)) * HEIGHT;
    let bottom = TOP + HEIGHT;
    let mut svg =
        format!("<svg viewBox=\"0 0 {:.0} {:.0}\" role=\"img\">", LEFT + WIDTH + 24.0, bottom + 74.0);
    put!(
        svg,
        "<rect class=\"beyond\" x=\"{:.1}\" y=\"{TOP}\" width=\"{:.1}\" height=\"{HEIGHT}\"/>",
        x(DEADLINE_MS),
        LEFT + WIDTH - x(DEADLINE_MS)
    );
    for part in 0..=4 {
        let (at, name) = (y(f64::from(part) / 4.0), part * 25);
        put!(
            svg,
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>\
             <text class=\"end\" x=\"{:.1}\" y=\"{:.1}\">{name} %</text>",
            LEFT + WIDTH,
            LEFT - 8.0,
            at + 4.0
        );
    }
    for ms in [2, 10, 30, 100, 300, 1000, 5000] {
        let at = x(ms);
        put!(
            svg,
            "<line class=\"grid\" x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{TOP}\" y2=\"{bottom}\"/>\
             <text class=\"mid\" x=\"{at:.1}\" y=\"{:.1}\">{}</text>",
            bottom + 18.0,
            if ms < 1000 { format!("{ms} ms") } else { format!("{} s", ms / 1000) }
        );
    }
    put!(
        svg,
        "<line class=\"deadline\" x1=\"{0:.1}\" x2=\"{0:.1}\" y1=\"{TOP}\" y2=\"{bottom}\"/>\
         <text class=\"deadline-name mid\" x=\"{0:.1}\" y=\"{1:.1}\">deadline {DEADLINE_MS} ms</text>",
        x(DEADLINE_MS),
        TOP - 7.0
    );
    let shown: Vec<&FloodBand> = flood.reach_by_km.iter().take(COLOURS.len()).collect();
    for (band, colour) in shown.iter().zip(COLOURS) {
        put!(svg, "<g class=\"{colour}\"><title>up to {} km</title><path class=\"curve\" d=\"", band.km);
        for (index, (ms, share)) in band.reach_over_time.iter().enumerate() {
            put!(svg, "{}{:.1} {:.1}", if index == 0 { "M" } else { "L" }, x(*ms), y(*share));
        }
        svg.push_str("\"/></g>");
    }
    let column = WIDTH / 3.0;
    for (index, (band, colour)) in shown.iter().zip(COLOURS).enumerate() {
        let (left, bottom) = (LEFT + column * (index % 3) as f64, bottom + 18.0 * (index / 3) as f64);
        put!(
            svg,
            "<g class=\"{colour}\"><rect class=\"bar\" x=\"{left:.1}\" y=\"{:.1}\" width=\"14\" height=\"4\"/></g>\
             <text x=\"{:.1}\" y=\"{:.1}\">to {} km</text>",
            bottom + 38.0,
            left + 20.0,
            bottom + 44.0,
            band.km
        );
    }
    svg.push_str("</svg>");
    svg
}

/// The deadline of D3.
const DEADLINE_MS: u32 = 300;
const FROM_MS: f64 = 2.0;
const TO_MS: f64 = 5000.0;
/// One for each range of distances, nearest first.
const COLOURS: [&str; 6] = ["d2", "d4", "d3", "d0", "d1", "d5"];
const LEFT: f64 = 58.0;
/// Room for the deadline's name, above all curves.
const TOP: f64 = 22.0;
const WIDTH: f64 = 318.0;
const HEIGHT: f64 = 200.0;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{FloodWorst, Kind, Verify};
    use crate::stats::Stats;

    fn flood(bands: u32) -> Flood {
        let band = |km| FloodBand {
            km,
            pairs: 10,
            reach_300ms: 1.0,
            reach_final: 1.0,
            median_ms: None,
            reach_over_time: vec![(2, 0.0), (300, 0.5), (5000, 1.0)],
        };
        Flood {
            reach_300ms_3km: 0.5,
            reach_final: 1.0,
            transmissions: 12.0,
            transmissions_per_station: 0.25,
            delay_ms_per_km: Some(40.0),
            hops_per_km: None,
            forwarding: "<b>".to_owned(),
            floods: 3,
            seeds: 1,
            reach_by_km: (1..=bands).map(band).collect(),
            worst: FloodWorst { reach_300ms_3km: 0.5, reach_final: 1.0, transmissions: 12.0 },
            d0_20ms_150m: None,
            healed: None,
        }
    }

    #[test]
    fn each_range_of_distances_has_its_curve_and_the_deadline_is_drawn() {
        let svg = reach(&flood(3));
        assert_eq!(svg.matches("class=\"curve\"").count(), 3);
        assert_eq!(svg.matches("class=\"deadline\"").count(), 1);
        assert!(svg.ends_with("</svg>") && !svg.contains("NaN"));
        assert!(reach(&flood(0)).ends_with("</svg>"));
        assert_eq!(reach(&flood(20)).matches("class=\"curve\"").count(), COLOURS.len());
    }

    #[test]
    fn ways_of_forwarding_stand_beside_each_other_and_are_escaped() {
        let stats = Stats::new();
        let mut report = Report::new(Kind::Replay, "1", Verify::Once, &stats);
        let mut page = String::new();
        section(&mut page, &report);
        assert_eq!(page, "");
        report.flood = Some(flood(2));
        report.flood_baselines = vec![flood(2), flood(2)];
        section(&mut page, &report);
        assert_eq!((page.matches("<tr>").count(), page.matches("<svg").count()), (4, 3));
        assert!(!page.contains("<b><b>") && page.contains("&lt;b&gt;"));
        assert!(!page.contains("Imminent danger"));
        page.clear();
        report.flood = Some(Flood { floods: 0, d0_20ms_150m: Some(0.975), ..flood(0) });
        report.flood_baselines.clear();
        section(&mut page, &report);
        assert!(page.contains("97.5 % of the stations within 150 m") && !page.contains("<table"), "{page}");
    }
}
