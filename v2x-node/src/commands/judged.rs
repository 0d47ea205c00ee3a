//! The end of a command whose exit code is the verdict of its report.

use v2x_report::{Report, Verdict};

use crate::error::Error;

/// # Errors
/// A class missed its target, or there was nothing to judge.
pub(crate) fn judged(report: &Report) -> Result<(), Error> {
    let what = match report.verdict {
        Verdict::Met => return Ok(()),
        Verdict::Missed => "a deadline class missed its target".to_owned(),
        Verdict::NothingToJudge => format!("nothing to judge: {}", report.nothing_because().join("; ")),
    };
    let denial = report.denial().map_or_else(String::new, |denial| format!("; {denial}"));
    Err(Error::Check(what + &denial))
}

#[cfg(test)]
mod tests {
    use v2x_proto::Class;
    use v2x_report::{Kind, Machine, Processor, Stats, Verify};

    use super::*;

    #[test]
    fn a_check_without_evidence_has_not_passed_and_a_busy_machine_is_named() {
        let mut stats = Stats::new();
        let of = |stats: &Stats| Report::new(Kind::Demo, "1", Verify::Every, stats);
        let alone = judged(&of(&stats)).unwrap_err().to_string();
        assert_eq!(alone, "nothing to judge: no station was in reach of another");
        stats.class_mut(Class::D2).record_delivered(1);
        assert!(judged(&of(&stats)).is_ok());
        stats.class_mut(Class::D2).record_undelivered("never_received");
        let mut missed = of(&stats);
        assert_eq!(judged(&missed).unwrap_err().to_string(), "a deadline class missed its target");
        let processor = Processor { used_s: 3.0, waited_s: 7.0, given: 0.3, ..Processor::default() };
        missed.set_machine(Machine::new(20.0, 20.0, Some(processor)));
        assert!(
            judged(&missed).unwrap_err().to_string().contains("gave the demo 30 % of the processor time")
        );
    }
}
