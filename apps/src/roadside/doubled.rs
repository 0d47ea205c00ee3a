//! JSON in which a field may stand twice. Parsers keep the last one without a word, and of two phases of one signal nobody can
//! tell which it shows: a field that is there twice, and not the same, becomes null and is noted.

use core::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::map::Entry;
use serde_json::{Map, Value};

/// Reads one value that takes up all of `text`; `doubled` takes the names of fields that contradict themselves.
///
/// # Errors
/// No JSON, or more than one value.
pub(super) fn read(text: &[u8], doubled: &mut Vec<String>) -> serde_json::Result<Value> {
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let value = Doubled(doubled).deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}

/// Reads a value and notes doubled fields.
struct Doubled<'a>(&'a mut Vec<String>);

impl<'de> DeserializeSeed<'de> for Doubled<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Doubled<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element_seed(Doubled(&mut *self.0))? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        let mut contradicted = Vec::new();
        while let Some(name) = fields.next_key::<String>()? {
            let value = fields.next_value_seed(Doubled(&mut *self.0))?;
            match object.entry(name) {
                Entry::Vacant(free) => drop(free.insert(value)),
                Entry::Occupied(taken) if *taken.get() == value => {}
                Entry::Occupied(taken) => contradicted.push(taken.key().clone()),
            }
        }
        for name in &contradicted {
            object.insert(name.clone(), Value::Null);
        }
        self.0.append(&mut contradicted);
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn a_field_that_contradicts_itself_becomes_null_wherever_it_is() {
        let text = br#"{"a":1,"b":[{"c":"x","c":"y","d":1.5,"d":1.5}],"a":2,"e":null,"f":true,"g":-3}"#;
        let mut doubled = Vec::new();
        let value = read(text, &mut doubled).unwrap();
        assert_eq!(value, json!({"a": null, "b": [{"c": null, "d": 1.5}], "e": null, "f": true, "g": -3}));
        assert_eq!(doubled, ["c", "a"]);
        assert!(read(b"{} {}", &mut doubled).is_err());
    }

    proptest! {
        #[test]
        fn it_reads_what_the_usual_parser_reads(bytes in prop::collection::vec(any::<u8>(), 0..64), text in "[{}\\[\\]\",:0-9a-c.e -]{0,40}") {
            for text in [&bytes[..], text.as_bytes()] {
                let usual = serde_json::from_slice::<Value>(text);
                let mut doubled = Vec::new();
                let ours = read(text, &mut doubled);
                prop_assert_eq!(usual.is_ok(), ours.is_ok());
                if doubled.is_empty() {
                    prop_assert_eq!(usual.ok(), ours.ok());
                }
            }
        }
    }
}
