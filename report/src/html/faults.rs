//! Slow processors and the faults of a plan.

use std::fmt::Write as _;

use super::text::{escape, put};
use crate::report::Report;
use crate::report::human::count;

/// Appends the section; nothing without either.
pub(super) fn section(page: &mut String, report: &Report) {
    if report.processor.is_none() && report.faults.is_empty() {
        return;
    }
    page.push_str("<section><h2>Processors and faults</h2>\n");
    if let Some(processor) = &report.processor {
        put!(
            page,
            "<p class=\"note\">Each station's processor: {}.</p>\n",
            escape(&processor.in_words().join(", "))
        );
    }
    if !report.faults.is_empty() {
        page.push_str(
            "<figure class=\"wide\"><div class=\"scroll\"><table><thead><tr><th>fault</th><th>frames</th>\
             <th>positions</th><th>stations</th><th>lasted</th></tr></thead><tbody>\n",
        );
        for fault in &report.faults {
            put!(
                page,
                "<tr><th>{}</th><td data-name=\"frames\">{}</td><td data-name=\"positions\">{}</td>\
                 <td data-name=\"stations\">{}</td><td data-name=\"lasted\">{:.1} s</td></tr>\n",
                escape(&fault.fault),
                count(fault.frames),
                count(fault.fixes),
                count(fault.stations),
                fault.lasted_s
            );
        }
        page.push_str("</tbody></table></div></figure>\n");
    }
    page.push_str("</section>\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{FaultReport, Kind, ProcessorReport, Verify};

    #[test]
    fn a_page_has_a_row_for_each_fault_and_a_line_for_processors() {
        let mut report = Report::outline(Kind::Replay, "1", Verify::Once);
        let mut page = String::new();
        section(&mut page, &report);
        assert_eq!(page, "");
        report.processor = Some(ProcessorReport { verify_us: 900.0, ..ProcessorReport::default() });
        report.faults =
            vec![FaultReport { fault: "crash".to_owned(), frames: 7, fixes: 0, stations: 2, lasted_s: 8.0 }];
        section(&mut page, &report);
        assert!(page.contains("900 us to verify") && page.contains("<th>crash</th>"), "{page}");
        assert!(page.contains("<td data-name=\"frames\">7</td>"), "{page}");
    }
}
