//! Values of TOML: what they are as numbers, and how they are shown.

use toml::de::DeValue as Value;

/// A number, whole or not; digits are decimal.
pub(crate) fn number(value: &Value<'_>) -> Option<f64> {
    match value {
        Value::Float(digits) => digits.as_str().parse().ok(),
        Value::Integer(digits) if digits.radix() == 10 => digits.as_str().parse().ok(),
        _ => None,
    }
}

/// `"a", "b" or "c"`: names as an error lists them.
pub fn one_of<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let names: Vec<String> = names.map(|name| format!("{name:?}")).collect();
    match names.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    }
}

/// A value as it may stand in a one-line message.
pub(crate) fn describe(value: &Value<'_>) -> String {
    match value {
        Value::String(text) if text.is_empty() => "an empty string".to_owned(),
        Value::String(text) => {
            let short: String = text.chars().take(LONGEST_QUOTE).collect();
            format!("{short:?}{}", if short.len() < text.len() { "..." } else { "" })
        }
        Value::Integer(digits) => digits.to_string(),
        Value::Float(digits) => digits.to_string(),
        Value::Boolean(flag) => flag.to_string(),
        Value::Datetime(time) => format!("the date {time}"),
        Value::Array(_) => "a list".to_owned(),
        Value::Table(_) => "a table".to_owned(),
    }
}

/// A whole number in any of TOML's notations.
pub(crate) fn integer<T: TryFrom<i128>>(value: &Value<'_>) -> Option<T> {
    let Value::Integer(digits) = value else { return None };
    T::try_from(i128::from_str_radix(digits.as_str(), digits.radix()).ok()?).ok()
}

/// A text that is not empty, and no longer than any setting.
pub(crate) fn text<'v>(value: &'v Value<'_>) -> Option<&'v str> {
    value.as_str().filter(|text| !text.is_empty() && text.len() <= LONGEST_TEXT)
}

/// Characters of a wrong string shown.
const LONGEST_QUOTE: usize = 40;
/// Bytes: as long as a path may be on Linux.
const LONGEST_TEXT: usize = 4096;
