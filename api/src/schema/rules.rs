//! The schema of one object of a request: what the reader asks of its keys, and which of them it wants together, found by
//! asking the reader itself.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::fields::asked::{Asked, Object, Rule};
use crate::request::Request;

/// Lines of one request with all of its keys: more than one where some do not go with others.
pub struct Lines {
    /// The whole objects, which the reader accepts.
    pub lines: Vec<Map<String, Value>>,
    /// What it asks of them.
    pub asked: Asked,
}

type Keys = Map<String, Value>;

impl Lines {
    /// The schema of the line.
    pub fn line(&self, verb: Value) -> Value {
        let place = Place { lines: &self.lines, within: None };
        self.object("", &place, &|key| match key {
            "v" => Some(json!({ "const": crate::VERSION })),
            "id" => Some(json!({ "anyOf": [super::reference("RequestId"), { "type": "null" }] })),
            _ => self.lines[0]
                .get(key)
                .filter(|_| !self.asked[""].rules.contains_key(key))
                .map(|_| verb.clone()),
        })
    }

    /// The schema of the object under `key`.
    pub fn within(&self, key: &'static str) -> Value {
        self.object(&format!("{key}."), &Place { lines: &self.lines, within: Some(key) }, &|_| None)
    }

    fn object(&self, path: &str, place: &Place<'_>, fixed: &dyn Fn(&str) -> Option<Value>) -> Value {
        let Object { known, rules } = &self.asked[path];
        let whole = place.whole();
        let least = place.least(&whole[0].1);
        let mut properties = Map::new();
        for key in *known {
            let sample = whole.iter().find(|(_, keys)| keys.contains_key(*key));
            let schema = match (fixed(key), rules.get(key), sample) {
                (Some(fixed), ..) => fixed,
                (None, Some(rule), Some((line, keys))) => {
                    let mut without = keys.clone();
                    without.insert((*key).to_owned(), Value::Null);
                    let schema = self.value(key, rule);
                    if place.reads(line, &without) { or_null(schema) } else { schema }
                }
                // A key that the reader refuses here, such as the event of a new one.
                (None, None, None) => json!({ "type": "null" }),
                (None, rule, _) => panic!("{path}{key} is read as {rule:?}; which line shows it?"),
            };
            properties.insert((*key).to_owned(), schema);
        }
        let mut schema = json!({ "type": "object", "properties": properties, "additionalProperties": false });
        let (required, one_of) = place.required(&whole, &least);
        if !required.is_empty() {
            schema["required"] = required.into_iter().collect();
        }
        let mut all: Vec<_> = place.implied(&whole).into_iter().collect();
        all.extend(place.excluded(&whole, &least));
        if !one_of.is_empty() {
            all.push(json!({ "anyOf": one_of.iter().map(|key| said(key)).collect::<Vec<_>>() }));
        }
        if !all.is_empty() {
            schema["allOf"] = all.into();
        }
        schema
    }

    fn value(&self, key: &'static str, rule: &Rule) -> Value {
        match rule {
            Rule::Flag => json!({ "type": "boolean" }),
            Rule::Integer(range) => {
                json!({ "type": "integer", "minimum": range.start(), "maximum": range.end() })
            }
            Rule::Number(range) => {
                json!({ "type": "number", "minimum": range.start(), "maximum": range.end() })
            }
            Rule::Text => json!({ "type": "string" }),
            Rule::Parsed(right) => super::requests::form(right),
            Rule::Name(names) => json!({ "enum": names }),
            Rule::SomeNames(names) => json!({ "type": "array", "minItems": 1, "items": { "enum": names } }),
            Rule::SomeTexts(longest) => {
                json!({ "type": "array", "minItems": 1, "items": { "type": "string", "maxLength": longest } })
            }
            Rule::Set(names) => json!({ "type": "array", "items": { "enum": names } }),
            Rule::Object => match self.asked.get(&*format!("{key}.")) {
                Some(object) if object.known.contains(&"shape") => super::reference("area"),
                Some(_) => self.within(key),
                // A payload, which differs by type.
                None => json!({ "type": "object" }),
            },
        }
    }
}

/// The object under a key of the lines, or the lines themselves.
struct Place<'l> {
    lines: &'l [Keys],
    within: Option<&'static str>,
}

impl Place<'_> {
    /// The lines that have the object, and the object.
    fn whole(&self) -> Vec<(Keys, Keys)> {
        let object = |line: &Keys| match self.within {
            None => Some(line.clone()),
            Some(key) => line.get(key)?.as_object().cloned(),
        };
        self.lines.iter().filter_map(|line| Some((line.clone(), object(line)?))).collect()
    }

    /// Whether the reader accepts the line with these keys in the object's place.
    fn reads(&self, line: &Keys, keys: &Keys) -> bool {
        let line = match self.within {
            None => keys.clone(),
            Some(key) => {
                let mut line = line.clone();
                line.insert(key.to_owned(), Value::Object(keys.clone()));
                line
            }
        };
        Request::parse(Value::Object(line).to_string().as_bytes()).is_ok()
    }

    /// A smallest set of keys that is accepted.
    fn least(&self, whole: &Keys) -> Keys {
        let line = &self.lines.iter().find(|line| self.within.is_none_or(|key| line.contains_key(key)));
        let line = line.expect("invariant: one of the lines has the object");
        let mut least = whole.clone();
        while let Some(fewer) = fewer(&least).into_iter().find(|fewer| self.reads(line, fewer)) {
            least = fewer;
        }
        least
    }

    /// Keys that have to be there, and those of which one has to be.
    fn required(&self, whole: &[(Keys, Keys)], least: &Keys) -> (Vec<String>, Vec<String>) {
        let (mut required, mut one_of) = (Vec::new(), Vec::new());
        let others =
            || whole.iter().flat_map(|(line, keys)| keys.iter().map(move |(key, value)| (line, key, value)));
        for key in least.keys() {
            let mut instead = BTreeSet::new();
            for (line, other, value) in others().filter(|(_, other, _)| !least.contains_key(*other)) {
                let mut keys = least.clone();
                keys.remove(key);
                keys.insert(other.clone(), value.clone());
                if self.reads(line, &keys) {
                    instead.insert(other.clone());
                }
            }
            if instead.is_empty() {
                required.push(key.clone());
            } else {
                one_of.push(key.clone());
                one_of.extend(instead);
            }
        }
        (required, one_of)
    }

    /// Keys without which others are refused.
    fn implied(&self, whole: &[(Keys, Keys)]) -> Vec<Value> {
        let mut found = BTreeMap::new();
        for (line, keys) in whole {
            for (key, other) in pairs(keys) {
                let reads = |keys: &Keys| self.reads(line, keys);
                if !reads(&without(keys, &[key])) && reads(&without(keys, &[key, other])) {
                    found.insert(
                        (other.clone(), key.clone()),
                        json!({ "if": said(other), "then": said(key) }),
                    );
                }
            }
        }
        found.into_values().collect()
    }

    /// Keys that do not go with each other.
    fn excluded(&self, whole: &[(Keys, Keys)], least: &Keys) -> Vec<Value> {
        let mut found = BTreeMap::new();
        for (line, keys) in whole {
            for (_, others) in whole {
                for (key, value) in keys.iter().filter(|(key, _)| !others.contains_key(*key)) {
                    // A flag comes first, in the other order.
                    let flag = |value: &Value| *value == Value::Bool(true);
                    let others_only = others.iter().filter(|(other, _)| !keys.contains_key(*other));
                    for (other, _) in others_only.filter(|(_, other)| flag(value) || !flag(other)) {
                        let mut one = self.with(line, keys, key, least);
                        let both = |one: &Keys| {
                            let mut both = self.with(line, others, other, least);
                            both.extend(one.clone());
                            self.reads(line, &both)
                        };
                        if both(&one) || found.contains_key(&(other.clone(), key.clone())) {
                            continue;
                        }
                        one.insert(key.clone(), false.into());
                        // A flag that is down excludes nothing.
                        let down = flag(value) && both(&one);
                        let first = if down { has(key, &json!({ "const": true })) } else { said(key) };
                        found.insert(
                            (key.clone(), other.clone()),
                            json!({ "not": { "allOf": [first, said(other)] } }),
                        );
                    }
                }
            }
        }
        found.into_values().collect()
    }

    /// The smallest object with this key, and whatever that takes.
    fn with(&self, line: &Keys, keys: &Keys, key: &str, least: &Keys) -> Keys {
        let mut smallest = keys.clone();
        let smaller = |keys: &Keys| {
            let mut all = fewer(keys).into_iter();
            all.find(|fewer| {
                let has = least.keys().all(|key| fewer.contains_key(key)) && fewer.contains_key(key);
                has && self.reads(line, fewer)
            })
        };
        while let Some(fewer) = smaller(&smallest) {
            smallest = fewer;
        }
        smallest
    }
}

/// The object without one key, or without two.
fn fewer(keys: &Keys) -> Vec<Keys> {
    let one = keys.keys().map(|key| without(keys, &[key]));
    one.chain(pairs(keys).map(|(key, other)| without(keys, &[key, other]))).collect()
}

fn pairs(keys: &Keys) -> impl Iterator<Item = (&String, &String)> {
    keys.keys()
        .flat_map(move |key| keys.keys().filter(move |other| *other != key).map(move |other| (key, other)))
}

fn without(keys: &Keys, gone: &[&String]) -> Keys {
    keys.iter()
        .filter(|(key, _)| !gone.contains(key))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

fn or_null(schema: Value) -> Value {
    json!({ "anyOf": [schema, { "type": "null" }] })
}

/// The key is there, and not `null`.
fn said(key: &str) -> Value {
    has(key, &json!({ "not": { "type": "null" } }))
}

fn has(key: &str, schema: &Value) -> Value {
    json!({ "required": [key], "properties": { key: schema } })
}
