//! The pairs and receivers that were served worst.

use std::fmt::Write as _;

use super::text::{escape, put};
use crate::report::Report;
use crate::report::human::{count, percent, time};
use crate::report::missed_share;

/// Appends the section; nothing when nothing was missed.
pub(super) fn section(page: &mut String, report: &Report) {
    if report.worst_pairs.is_empty() && report.worst_stations.is_empty() {
        return;
    }
    page.push_str(
        "<section><h2>Served worst</h2><p class=\"note\">Where most messages with a deadline were late or never arrived, \
         by the stations' names in the trace.</p>\n<div class=\"tables\">\n",
    );
    if !report.worst_pairs.is_empty() {
        page.push_str(
            "<figure><figcaption><b>Pairs</b></figcaption><table><thead><tr><th>sender</th>\
             <th class=\"words\">receiver</th><th>expected</th><th>missed</th><th>share</th><th>mean latency</th>\
             </tr></thead><tbody>\n",
        );
    }
    for pair in &report.worst_pairs {
        put!(
            page,
            "<tr><th>{}</th><td class=\"words\" data-name=\"receiver\">{}</td><td data-name=\"expected\">{}</td>\
             <td data-name=\"missed\">{}</td><td data-name=\"share\">{}</td><td data-name=\"mean latency\">{}</td></tr>\n",
            escape(&pair.sender),
            escape(&pair.receiver),
            count(pair.expected),
            count(pair.missed),
            percent(missed_share(pair.expected, pair.missed)),
            pair.mean_ns.map_or_else(|| "-".to_owned(), time)
        );
    }
    if !report.worst_pairs.is_empty() {
        page.push_str("</tbody></table></figure>\n");
    }
    if !report.worst_stations.is_empty() {
        page.push_str(
            "<figure><figcaption><b>Receivers</b></figcaption><table><thead><tr><th>receiver</th><th>expected</th>\
             <th>missed</th><th>share</th></tr></thead><tbody>\n",
        );
        for one in &report.worst_stations {
            put!(
                page,
                "<tr><th>{}</th><td data-name=\"expected\">{}</td><td data-name=\"missed\">{}</td>\
                 <td data-name=\"share\">{}</td></tr>\n",
                escape(&one.station),
                count(one.expected),
                count(one.missed),
                percent(missed_share(one.expected, one.missed))
            );
        }
        page.push_str("</tbody></table></figure>\n");
    }
    page.push_str("</div></section>\n");
}
