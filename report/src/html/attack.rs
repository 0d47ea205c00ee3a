//! Attacks and eavesdroppers: how well they were detected, and their cost to honest stations.

use std::fmt::Write as _;

use super::text::{escape, put};
use crate::counts::largest_first;
use crate::report::human::{count, percent};
use crate::report::{AttackFrames, Damage, Detection, Marker, Report};

/// Appends the section; nothing without attacks and eavesdroppers.
pub(super) fn section(page: &mut String, report: &Report) {
    let attacks = report.detection.as_deref().filter(|attacks| !attacks.is_empty());
    if attacks.is_none() && report.linkability.is_none() && report.damage.is_none() {
        return;
    }
    page.push_str("<section><h2>Attacks</h2>\n");
    if let Some(attacks) = attacks {
        table(page, attacks);
    }
    if let Some(damage) = &report.damage {
        costs(page, damage);
    }
    if let Some(ratio) = report.false_positive_ratio {
        put!(page, "<p class=\"note\">Suspected without attackers: {} of stations.</p>\n", percent(ratio));
    }
    if let Some(found) = &report.linkability {
        put!(
            page,
            "<p class=\"note\">An eavesdropper that hears everything linked {} of {} changes of pseudonym ({}) by positions.</p>\n",
            count(found.linked),
            count(found.changes),
            percent(found.ratio)
        );
        markers(page, &found.markers);
    }
    page.push_str("</section>\n");
}

/// What each marker alone links, beside what guessing would.
fn markers(page: &mut String, markers: &[Marker]) {
    if markers.is_empty() {
        return;
    }
    page.push_str(
        "<p class=\"note\">By one marker alone, among the pairs of pseudonyms that positions allow; guessing links as many as \
         the last column says.</p>\n<figure class=\"wide\"><div class=\"scroll\"><table><thead><tr><th>marker</th>\
         <th>compared</th><th>linked</th><th>by guessing</th></tr></thead><tbody>\n",
    );
    for one in markers {
        let (name, links) = (escape(&one.name.replace('_', " ")), if one.tells() { " (links)" } else { "" });
        put!(
            page,
            "<tr><th>{name}{links}</th><td data-name=\"compared\">{}</td><td data-name=\"linked\">{}</td>\
             <td data-name=\"by guessing\">{:.1}</td></tr>\n",
            count(one.compared),
            count(one.linked),
            one.chance
        );
    }
    page.push_str("</tbody></table></div></figure>\n");
}

fn table(page: &mut String, attacks: &[Detection]) {
    page.push_str(
        "<p class=\"note\">Of what was taken for an attack, precision is the share that was one; of the attack, recall is \
         the share that was found out. What is counted, pairs of receiver and attacker or forged frames, depends on the \
         attack. The time runs from the first message of the attack that a receiver heard, median.</p>\n\
         <figure class=\"wide\"><div class=\"scroll\"><table><thead><tr><th>attack</th><th>precision</th><th>recall</th>\
         <th>F1</th><th>found out</th><th>missed</th><th>false alarms</th><th>detected in</th><th class=\"words\">by</th>\
         </tr></thead><tbody>\n",
    );
    for one in attacks {
        let median = one.median_detect_s.map_or_else(|| "-".to_owned(), |seconds| format!("{seconds:.2} s"));
        put!(
            page,
            "<tr><th>{}</th><td data-name=\"precision\">{:.3}</td><td data-name=\"recall\">{:.3}</td>\
             <td data-name=\"F1\">{:.3}</td><td data-name=\"found out\">{}</td><td data-name=\"missed\">{}</td>\
             <td data-name=\"false alarms\">{}</td><td data-name=\"detected in\">{median}</td>\
             <td class=\"words\" data-name=\"by\">{}</td></tr>\n",
            escape(&one.attack.replace('_', " ")),
            one.precision,
            one.recall,
            one.f1,
            count(one.detected),
            count(one.missed),
            count(one.false_alarms),
            findings(one)
        );
    }
    page.push_str("</tbody></table></div></figure>\n");
}

/// What attackers cost honest stations.
fn costs(page: &mut String, damage: &Damage) {
    let sent = |one: &AttackFrames| {
        format!(
            "{} {} frames ({} B)",
            escape(&one.attack.replace('_', " ")),
            count(one.frames),
            count(one.bytes)
        )
    };
    let sent: Vec<_> = damage.attacks.iter().map(sent).collect();
    put!(
        page,
        "<p class=\"note\">What the attackers cost honest stations: the same run without them and with them. Neither their \
         messages nor what was meant for them is counted. On the air of the attackers: {}.</p>\n\
         <figure class=\"wide\"><div class=\"scroll\"><table><thead><tr><th>honest stations</th>\
         <th>without attackers</th><th>with them</th></tr></thead><tbody>\n",
        sent.join(", ")
    );
    for (name, before, after) in damage.rows() {
        put!(
            page,
            "<tr><th>{name}</th><td data-name=\"without attackers\">{before}</td>\
             <td data-name=\"with them\">{after}</td></tr>\n"
        );
    }
    page.push_str("</tbody></table></div></figure>\n");
}

/// What detected it, the most frequent first, and what it made honest stations send.
fn findings(one: &Detection) -> String {
    let sorted = largest_first(&one.findings);
    let mut words: Vec<_> = sorted
        .iter()
        .take(MOST_FINDINGS)
        .map(|(name, number)| format!("{} {}", escape(&name.replace('_', " ")), count(**number)))
        .collect();
    if sorted.len() > MOST_FINDINGS {
        words.push(format!("{} more", sorted.len() - MOST_FINDINGS));
    }
    if let Some(provoked) = one.provoked {
        words.push(format!("provoked {} frames by {}", count(provoked.frames), count(provoked.by)));
    }
    if words.is_empty() { "-".to_owned() } else { words.join(", ") }
}

/// The most frequent reasons; the rest are in the report.
const MOST_FINDINGS: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{HonestClass, HonestFigures, Kind, Linkability, Provoked, Verify};
    use crate::stats::Stats;

    #[test]
    fn attacks_have_a_row_each_and_a_run_without_any_has_no_section() {
        let mut report = Report::new(Kind::Replay, "1", Verify::Once, &Stats::new());
        let mut page = String::new();
        section(&mut page, &report);
        assert_eq!(page, "");
        let mut found = Detection::new("random_position", 9, 1, 0, Some(0.6));
        found.findings = [("speed<b>".to_owned(), 7), ("range".to_owned(), 2)].into();
        let provoked = Some(Provoked { by: 1, frames: 5, credentials: 0 });
        let missed = Detection { provoked, ..Detection::new("quiet", 0, 3, 0, None) };
        report.detection = Some(vec![found, missed]);
        let marker = Marker { name: "floods_listed".to_owned(), compared: 4, linked: 4, chance: 0.8 };
        report.linkability = Some(Linkability { markers: vec![marker], ..Linkability::new(4, 1) });
        report.false_positive_ratio = Some(0.0);
        section(&mut page, &report);
        assert_eq!(page.matches("<tr>").count(), 5);
        let row = [
            ("precision", "1.000"),
            ("recall", "0.900"),
            ("F1", "0.947"),
            ("found out", "9"),
            ("missed", "1"),
        ];
        for (name, value) in row {
            assert!(page.contains(&format!("<td data-name=\"{name}\">{value}</td>")), "{name}: {page}");
        }
        assert!(
            page.contains("speed&lt;b&gt; 7, range 2") && page.contains("provoked 5 frames by 1"),
            "{page}"
        );
        assert!(page.contains("linked 1 of 4 changes of pseudonym (25.0 %) by positions"), "{page}");
        assert!(page.contains("<th>floods listed (links)</th>"), "{page}");
    }

    #[test]
    fn what_attackers_cost_has_a_row_for_each_figure_without_and_with_them() {
        let class =
            |missed| HonestClass { class: "D0".to_owned(), expected: 40, delivered: 40 - missed, missed };
        let figures = |missed| HonestFigures {
            classes: vec![class(missed)],
            isolated: missed,
            ..HonestFigures::default()
        };
        let attacks = vec![AttackFrames { attack: "name_<storm>".to_owned(), frames: 3, bytes: 900 }];
        let mut report = Report::new(Kind::Replay, "1", Verify::Once, &Stats::new());
        report.damage = Some(Damage { attacks, without: figures(0), with: figures(7) });
        let mut page = String::new();
        section(&mut page, &report);
        let row = "<th>D0 missed</th><td data-name=\"without attackers\">0 of 40</td>\
                   <td data-name=\"with them\">7 of 40</td>";
        assert!(page.contains(row), "{page}");
        assert!(page.contains("name &lt;storm&gt; 3 frames (900 B)"), "{page}");
        // What nobody measured has no row.
        assert!(!page.contains("reach") && !page.contains("processor"), "{page}");
        let table = report.table();
        assert!(
            table.contains("  D0 missed                                       0 of 40              7 of 40"),
            "{table}"
        );
        assert!(table.lines().all(|line| line.len() <= 80), "{table}");
    }
}
