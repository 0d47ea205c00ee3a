//! Values left out of controllers' lines: told once for each field, and counted.

use super::client::ClientId;
use super::line::LeftOut;

/// What was left out so far.
#[derive(Clone, Debug, Default)]
pub struct LeftOutValues {
    fields: Vec<Field>,
    /// Those of fields there was no room for.
    others: u64,
    news: Vec<String>,
}

#[derive(Clone, Debug)]
struct Field {
    name: String,
    count: u64,
    latest: String,
}

impl LeftOutValues {
    /// Takes what was left out of a client's line. The lines go on without it.
    pub fn count(&mut self, client: ClientId, left_out: &[LeftOut]) {
        for one in left_out {
            if let Some(known) = self.fields.iter_mut().find(|known| known.name == one.field) {
                known.count += 1;
                known.latest = format!("{client}: {one}");
            } else if self.fields.len() < MOST_FIELDS {
                let latest = format!("{client}: {one}");
                self.news.push(format!(
                    "feed: {} left out, the rest of the line counts; by {latest} (told once)",
                    one.field
                ));
                self.fields.push(Field { name: one.field.clone(), count: 1, latest });
            } else {
                self.others += 1;
            }
        }
    }

    /// What is worth a line each since the last call.
    pub fn take_news(&mut self) -> Vec<String> {
        core::mem::take(&mut self.news)
    }

    /// Warnings for a report.
    pub fn warnings(&self) -> impl Iterator<Item = String> {
        let others = (self.others > 0).then(|| format!("feed: {} more values left out", self.others));
        let fields = self.fields.iter().map(|Field { name, count, latest }| {
            let times = if *count == 1 { "once".to_owned() } else { format!("{count} times") };
            format!("feed: {name} left out {times}, the last by {latest}")
        });
        fields.chain(others)
    }
}

/// Each field that FEED.md has, and as many that it has not.
const MOST_FIELDS: usize = 24;

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(field: &str, found: u32) -> LeftOut {
        let (field, of) = (field.to_owned(), "group 1".to_owned());
        LeftOut { field, of, found: found.to_string(), right: "0 to 15" }
    }

    #[test]
    fn each_field_is_told_once_and_counted() {
        let mut values = LeftOutValues::default();
        for found in 16..100 {
            values.count(ClientId(2), &[wrong("confidence", found)]);
        }
        values.count(ClientId(2), &[wrong("name", 0)]);
        let news = values.take_news();
        assert_eq!(news.len(), 2, "{news:?}");
        assert_eq!(
            news[0],
            "feed: confidence left out, the rest of the line counts; by client 2: confidence of group 1 is 16: it has to \
             be 0 to 15 (told once)"
        );
        assert!(values.take_news().is_empty());
        let warnings: Vec<_> = values.warnings().collect();
        let counted = "feed: confidence left out 84 times, the last by client 2: confidence of group 1 is 99: it has to be 0 to 15";
        assert_eq!(warnings[0], counted);
        assert!(warnings[1].starts_with("feed: name left out once, "));
    }

    #[test]
    fn names_without_end_are_counted_together() {
        let mut values = LeftOutValues::default();
        for number in 0..100 {
            values.count(ClientId(1), &[wrong(&format!("x{number}"), 0)]);
        }
        assert_eq!(values.take_news().len(), MOST_FIELDS);
        assert_eq!(values.warnings().last().unwrap(), "feed: 76 more values left out");
    }
}
