//! What was looked at, how it is, and the one thing that mends it.

use serde_json::{Value, json};

use crate::colour::{Mark, Paint};
use crate::error::{Error, without_numbers};

/// One link of the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// What was looked at.
    pub subject: &'static str,
    /// How it is.
    pub mark: Mark,
    /// That in words.
    pub said: String,
    /// A command or a setting.
    pub mend: Option<String>,
}

impl Finding {
    pub fn good(subject: &'static str, said: impl Into<String>) -> Self {
        Self { subject, mark: Mark::Good, said: said.into(), mend: None }
    }

    pub fn warn(subject: &'static str, said: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { subject, mark: Mark::Warn, said: said.into(), mend: Some(mend.into()) }
    }

    pub fn bad(subject: &'static str, said: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { subject, mark: Mark::Bad, said: said.into(), mend: Some(mend.into()) }
    }

    /// What the program itself complains of, where it would end for it.
    pub fn of_error(subject: &'static str, error: &Error) -> Self {
        let mend = error.hint().map(ToOwned::to_owned);
        Self { subject, mark: Mark::Bad, said: without_numbers(&error.to_string()), mend }
    }

    fn word(&self) -> &'static str {
        match self.mark {
            Mark::Good => "ok",
            Mark::Warn => "look",
            Mark::Bad => "fault",
        }
    }
}

/// Findings as a table of 80 columns: the subject, how it is, and below it what mends it. A command is not broken, so that it can
/// be copied.
pub(crate) fn table(findings: &[Finding], paint: Paint) -> String {
    let mut text = String::new();
    for finding in findings {
        let word = format!("{:<5}", finding.word());
        let said = folded(&finding.said);
        text.push_str(&format!("{:<15}{}  {said}\n", finding.subject, paint.of(finding.mark, &word)));
        if let Some(mend) = &finding.mend {
            text.push_str(&format!("{:INDENT$}{mend}\n", ""));
        }
    }
    text
}

/// Words on lines that fit beside subject and mark, the later ones indented as the first.
fn folded(said: &str) -> String {
    let mut text = String::new();
    let mut column = 0;
    for word in said.split(' ') {
        let width = word.chars().count();
        if column == 0 {
            column = width;
        } else if column + 1 + width > SAID_COLUMNS {
            text.push_str(&format!("\n{:INDENT$}", ""));
            column = width;
        } else {
            text.push(' ');
            column += 1 + width;
        }
        text.push_str(word);
    }
    text
}

/// The same as JSON.
pub(crate) fn as_json(findings: &[Finding]) -> Value {
    let one = |finding: &Finding| {
        json!({
            "subject": finding.subject,
            "state": finding.word(),
            "said": finding.said,
            "mend": finding.mend,
        })
    };
    json!({ "findings": findings.iter().map(one).collect::<Vec<_>>() })
}

/// The outcome of a check.
///
/// # Errors
/// [`Error::Check`], when there are faults.
pub(crate) fn outcome(findings: &[Finding]) -> Result<(), Error> {
    match findings.iter().filter(|finding| finding.mark == Mark::Bad).count() {
        0 => Ok(()),
        1 => Err(Error::Check("a fault was found".to_owned())),
        many => Err(Error::Check(format!("{many} faults were found"))),
    }
}

/// Subject and mark.
const INDENT: usize = 22;
/// A terminal of 80 columns less those.
const SAID_COLUMNS: usize = 58;

#[cfg(test)]
mod tests {
    use super::*;

    fn three() -> [Finding; 3] {
        [
            Finding::good("keys", "one credential"),
            Finding::warn("validity", "ends in 3 h", "roadcast keys issue --force"),
            Finding::bad("position", "no gpsd", "systemctl start gpsd.socket"),
        ]
    }

    #[test]
    fn each_is_a_line_and_what_mends_it_another() {
        let text = table(&three(), Paint::PLAIN);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(
            lines,
            [
                "keys           ok     one credential",
                "validity       look   ends in 3 h",
                "                      roadcast keys issue --force",
                "position       fault  no gpsd",
                "                      systemctl start gpsd.socket",
            ]
        );
        let json = as_json(&three());
        assert_eq!(json["findings"][2]["state"], "fault");
        assert_eq!(json["findings"][0]["mend"], Value::Null);
    }

    #[test]
    fn what_is_said_fits_eighty_columns() {
        let text = table(&[Finding::good("keys", "permission ".repeat(30).trim_end())], Paint::PLAIN);
        assert_eq!(text.lines().count(), 6);
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        assert!(
            text.lines().skip(1).all(|line| line.starts_with("                      permission")),
            "{text}"
        );
    }

    #[test]
    fn what_is_to_be_looked_at_fails_nothing_and_faults_are_counted() {
        assert!(outcome(&three()[..2]).is_ok());
        assert_eq!(outcome(&three()).unwrap_err().to_string(), "a fault was found");
        let two = [three()[2].clone(), three()[2].clone()];
        assert_eq!(outcome(&two).unwrap_err().to_string(), "2 faults were found");
    }
}
