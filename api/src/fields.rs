//! One JSON object, read key by key, so that every complaint names the key, what was found and what would be right.

#[cfg(test)]
pub(crate) mod asked;

use core::ops::RangeInclusive;

use serde_json::{Map, Value};

/// Why a line is no request. Prints as one line, with what would be right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadRequest(pub(crate) String);

impl BadRequest {
    /// `text` is one line that names the key, what was found and what would be right.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

/// A JSON object whose keys are all known. `null` counts as a key that is not there.
#[derive(Debug)]
pub(crate) struct Fields<'m> {
    object: &'m Map<String, Value>,
    known: &'static [&'static str],
    path: &'static str,
}

impl<'m> Fields<'m> {
    /// Takes an object that has no keys but `known`; `path` is what its keys are called by, such as `"area."`.
    pub fn of(
        object: &'m Map<String, Value>,
        known: &'static [&'static str],
        path: &'static str,
    ) -> Result<Self, BadRequest> {
        match object.keys().find(|key| !known.contains(&key.as_str())) {
            Some(key) => {
                let (key, known) = (quote(&format!("{path}{key}")), known.join(", "));
                Err(BadRequest(format!("unknown key {key}; keys here: {known}")))
            }
            None => {
                #[cfg(test)]
                asked::note_object(path, known);
                Ok(Self { object, known, path })
            }
        }
    }

    /// The object under `key`.
    pub fn object(
        &self,
        key: &'static str,
        right: &str,
    ) -> Result<Option<&'m Map<String, Value>>, BadRequest> {
        #[cfg(test)]
        self.note(key, || asked::Rule::Object);
        match self.value(key) {
            None => Ok(None),
            Some(Value::Object(object)) => Ok(Some(object)),
            Some(other) => Err(self.wrong(key, other, right)),
        }
    }

    /// `true` or `false`.
    pub fn flag(&self, key: &'static str) -> Result<Option<bool>, BadRequest> {
        #[cfg(test)]
        self.note(key, || asked::Rule::Flag);
        match self.value(key) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(other) => Err(self.wrong(key, other, "true or false")),
        }
    }

    /// A whole number within `range`.
    pub fn integer(&self, key: &'static str, range: RangeInclusive<u64>) -> Result<Option<u64>, BadRequest> {
        #[cfg(test)]
        self.note(key, || asked::Rule::Integer(range.clone()));
        let Some(value) = self.value(key) else { return Ok(None) };
        match value.as_u64().filter(|number| range.contains(number)) {
            Some(number) => Ok(Some(number)),
            None => {
                let right = format!("a whole number, {} to {}", range.start(), range.end());
                Err(self.wrong(key, value, &right))
            }
        }
    }

    /// A number within `range`.
    pub fn number(
        &self,
        key: &'static str,
        range: RangeInclusive<f64>,
        unit: &str,
    ) -> Result<Option<f64>, BadRequest> {
        #[cfg(test)]
        self.note(key, || asked::Rule::Number(range.clone()));
        let Some(value) = self.value(key) else { return Ok(None) };
        match value.as_f64().filter(|number| range.contains(number)) {
            Some(number) => Ok(Some(number)),
            None => {
                let right = format!("a number, {} to {}{unit}", range.start(), range.end());
                Err(self.wrong(key, value, &right))
            }
        }
    }

    /// A text.
    pub fn text(&self, key: &'static str, right: &str) -> Result<Option<&'m str>, BadRequest> {
        #[cfg(test)]
        self.note(key, || asked::Rule::Text);
        match self.value(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(self.wrong(key, other, right)),
        }
    }

    /// What `parse` makes of the string or number under `key`.
    pub fn parsed<T>(
        &self,
        key: &'static str,
        right: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, BadRequest> {
        #[cfg(test)]
        self.note(key, || asked::Rule::Parsed(right.to_owned()));
        let Some(value) = self.value(key) else { return Ok(None) };
        let found = match value {
            Value::String(text) => parse(text),
            Value::Number(number) => parse(&number.to_string()),
            _ => None,
        };
        found.map(Some).ok_or_else(|| self.wrong(key, value, right))
    }

    /// The one of `all` that has the name under `key`.
    pub fn named<T: Copy>(
        &self,
        key: &'static str,
        right: &str,
        all: &[T],
        name: impl Fn(T) -> &'static str,
    ) -> Result<Option<T>, BadRequest> {
        #[cfg(test)]
        self.note(key, || asked::Rule::Name(all.iter().map(|one| name(*one)).collect()));
        let Some(value) = self.value(key) else { return Ok(None) };
        let found = value.as_str().and_then(|text| all.iter().find(|one| name(**one) == text));
        found.copied().map(Some).ok_or_else(|| self.wrong(key, value, right))
    }

    /// Some of `all`, each by its name; an empty list is none, since it would match nothing.
    pub fn some_named<T: Copy>(
        &self,
        key: &'static str,
        right: &str,
        all: &[T],
        name: impl Fn(T) -> &'static str,
    ) -> Result<Option<Vec<T>>, BadRequest> {
        #[cfg(test)]
        self.note(key, || asked::Rule::SomeNames(all.iter().map(|one| name(*one)).collect()));
        self.list(key, right, |text| all.iter().copied().find(|one| name(*one) == text))
    }

    /// Texts of at most `longest` bytes; an empty list is none, since it would match nothing.
    pub fn some_texts(
        &self,
        key: &'static str,
        right: &str,
        longest: usize,
    ) -> Result<Option<Vec<String>>, BadRequest> {
        #[cfg(test)]
        self.note(key, || asked::Rule::SomeTexts(longest));
        self.list(key, right, |text| (text.len() <= longest).then(|| text.to_owned()))
    }

    /// Those of `all` that a list names, which may be empty: bit n for the nth.
    pub fn set(&self, key: &'static str, all: &'static [&'static str]) -> Result<Option<u8>, BadRequest> {
        #[cfg(test)]
        self.note(key, || asked::Rule::Set(all.to_vec()));
        let Some(value) = self.value(key) else { return Ok(None) };
        let wrong = |found: &Value| self.wrong(key, found, &format!("a list of: {}", all.join(", ")));
        let Value::Array(list) = value else { return Err(wrong(value)) };
        list.iter()
            .try_fold(0, |bits, found| {
                let bit = found.as_str().and_then(|text| all.iter().position(|name| *name == text));
                bit.map(|bit| bits | 1 << bit).ok_or_else(|| wrong(found))
            })
            .map(Some)
    }

    fn list<T>(
        &self,
        key: &'static str,
        right: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<Vec<T>>, BadRequest> {
        let Some(value) = self.value(key) else { return Ok(None) };
        let Value::Array(all) = value else { return Err(self.wrong(key, value, right)) };
        if all.is_empty() {
            let path = self.path;
            return Err(BadRequest(format!(
                "{path}{key}: found an empty list, expected {right}; leave it out for all"
            )));
        }
        let one =
            |value: &Value| value.as_str().and_then(&parse).ok_or_else(|| self.wrong(key, value, right));
        all.iter().map(one).collect::<Result<_, _>>().map(Some)
    }

    /// Whether the key is there.
    pub fn has(&self, key: &'static str) -> bool {
        self.value(key).is_some()
    }

    /// The error for a key that has to be there.
    pub fn missing(&self, key: &str, right: &str) -> BadRequest {
        BadRequest(format!("{}{key} is missing: {right}", self.path))
    }

    /// The error for a key that does not go with others.
    pub fn contradiction(&self, key: &str, other: &str, right: &str) -> BadRequest {
        BadRequest(format!("{}{key}: does not go with {other}; {right}", self.path))
    }

    /// The error for a value that cannot be.
    pub fn wrong(&self, key: &str, found: &Value, right: &str) -> BadRequest {
        BadRequest(format!("{}{key}: found {}, expected {right}", self.path, describe(found)))
    }

    #[cfg(test)]
    fn note(&self, key: &'static str, rule: impl FnOnce() -> asked::Rule) {
        asked::note_key(self.path, key, rule());
    }

    fn value(&self, key: &'static str) -> Option<&'m Value> {
        debug_assert!(self.known.contains(&key), "{key} is read but not listed");
        self.object.get(key).filter(|value| !value.is_null())
    }
}

/// A value in a form that fits a one-line message.
pub(crate) fn describe(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => quote(text),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}

/// The start of a text in quotes, without control characters.
pub(crate) fn quote(text: &str) -> String {
    let short: String = text.chars().take(LONGEST_QUOTE).collect();
    format!("{short:?}{}", if short.len() < text.len() { "..." } else { "" })
}

/// Characters of a wrong string shown.
const LONGEST_QUOTE: usize = 40;
