//! The numbers of the [`Board`](crate::board::Board) as OpenMetrics text (version 1.0.0).

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Map, Value};

/// Every number of the status as a metric of unknown type: `roadcast_bridge_<section>_<key>`. Objects in an array have a label
/// `name`; `true` and `false` are 1 and 0. What is text is left out.
#[must_use]
pub fn text(status: &Map<String, Value>) -> String {
    let mut families: BTreeMap<String, Vec<(Option<String>, f64)>> = BTreeMap::new();
    for (section, value) in status {
        collect(&format!("roadcast_bridge_{section}"), None, value, &mut families);
    }
    let mut out = String::new();
    for (family, samples) in families {
        writeln!(out, "# TYPE {family} unknown").expect(INTO_TEXT);
        for (name, value) in samples {
            match name {
                Some(name) => {
                    writeln!(out, "{family}{{name=\"{}\"}} {value}", escaped(&name)).expect(INTO_TEXT)
                }
                None => writeln!(out, "{family} {value}").expect(INTO_TEXT),
            }
        }
    }
    out.push_str("# EOF\n");
    out
}

fn collect(
    path: &str,
    name: Option<&str>,
    value: &Value,
    into: &mut BTreeMap<String, Vec<(Option<String>, f64)>>,
) {
    let mut sample =
        |number: f64| into.entry(path.to_owned()).or_default().push((name.map(str::to_owned), number));
    match value {
        Value::Number(number) => sample(number.as_f64().unwrap_or(f64::NAN)),
        Value::Bool(flag) => sample(f64::from(u8::from(*flag))),
        Value::Object(object) => {
            for (key, value) in object {
                collect(
                    &format!("{path}_{}", key.replace(|c: char| !c.is_ascii_alphanumeric(), "_")),
                    name,
                    value,
                    into,
                );
            }
        }
        Value::Array(items) => {
            for item in items {
                let named = item.get("name").and_then(Value::as_str);
                if named.is_some() {
                    collect(path, named, item, into);
                }
            }
        }
        Value::Null | Value::String(_) => {}
    }
}

fn escaped(label: &str) -> String {
    label.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

const INTO_TEXT: &str = "writing into a text never fails";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_become_metrics_with_the_names_of_what_they_count() {
        let status = json!({
            "station": [{"name": "rsu \"7\"", "connected": true, "told": 3, "error": null}],
            "broker": {"connected": false, "drops": {"too long": 2}},
        });
        let Value::Object(status) = status else { panic!("an object") };
        assert_eq!(
            text(&status),
            "# TYPE roadcast_bridge_broker_connected unknown\nroadcast_bridge_broker_connected 0\n\
             # TYPE roadcast_bridge_broker_drops_too_long unknown\nroadcast_bridge_broker_drops_too_long 2\n\
             # TYPE roadcast_bridge_station_connected unknown\nroadcast_bridge_station_connected{name=\"rsu \\\"7\\\"\"} 1\n\
             # TYPE roadcast_bridge_station_told unknown\nroadcast_bridge_station_told{name=\"rsu \\\"7\\\"\"} 3\n# EOF\n"
        );
    }
}
