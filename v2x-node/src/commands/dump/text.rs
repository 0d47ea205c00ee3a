//! Every field of a payload on one line, as protobuf's text format has them.

use core::fmt::Debug;

/// The fields of a message by their names in the schema. What is absent is left out, bytes are in hexadecimal.
pub(super) fn text(message: &impl Debug) -> String {
    let debug = format!("{message:?}");
    let mut out = String::with_capacity(debug.len());
    Reader { rest: &debug }.value(&mut out);
    out
}

/// Reads what `Debug` writes of generated messages: structs, tuples with one field, lists, options, strings of bytes.
struct Reader<'d> {
    rest: &'d str,
}

impl Reader<'_> {
    /// Copies one value; false when it is an absent one, of which nothing is copied.
    fn value(&mut self, out: &mut String) -> bool {
        if self.take("None") {
            return false;
        }
        if self.take("b\"") {
            self.bytes(out);
            return true;
        }
        if self.take("\"") {
            self.string(out);
            return true;
        }
        if self.take("[") {
            return self.list(out);
        }
        let length = self.rest.find([' ', '(', '{', ',', ')', ']', '}']).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(length);
        self.rest = rest;
        if self.take("(") {
            // `Some(x)` and the one field of a oneof: the value alone, with the kind's name before it.
            if word != "Some" {
                out.push_str(word);
                out.push(' ');
            }
            let there = self.value(out);
            self.take(")");
            return there;
        }
        out.push_str(word);
        if self.take(" {") {
            self.fields(out);
        }
        true
    }

    fn fields(&mut self, out: &mut String) {
        out.push_str(" {");
        let mut first = true;
        loop {
            self.rest = self.rest.trim_start_matches([' ', ',']);
            if self.rest.is_empty() || self.take("}") {
                break;
            }
            let Some((name, rest)) = self.rest.split_once(": ") else { break };
            self.rest = rest;
            let mark = out.len();
            out.push_str(if first { " " } else { ", " });
            out.push_str(name);
            out.push_str(": ");
            if self.value(out) { first = false } else { out.truncate(mark) }
        }
        out.push_str(if first { "}" } else { " }" });
    }

    fn list(&mut self, out: &mut String) -> bool {
        let mark = out.len();
        out.push('[');
        let mut first = true;
        loop {
            self.rest = self.rest.trim_start_matches([' ', ',']);
            if self.rest.is_empty() || self.take("]") {
                break;
            }
            if !first {
                out.push_str(", ");
            }
            first = false;
            let left = self.rest.len();
            self.value(out);
            if self.rest.len() == left {
                // No value begins so: what `Debug` writes never comes here.
                self.rest = self.rest.split_at(self.rest.chars().next().map_or(0, char::len_utf8)).1;
            }
        }
        if first {
            out.truncate(mark);
            return false;
        }
        out.push(']');
        true
    }

    /// To the quote that ends it, with what is escaped as it is.
    fn string(&mut self, out: &mut String) {
        out.push('"');
        let mut escaped = false;
        let mut length = 0;
        for (at, letter) in self.rest.char_indices() {
            length = at + letter.len_utf8();
            if letter == '"' && !escaped {
                break;
            }
            escaped = letter == '\\' && !escaped;
        }
        out.push_str(&self.rest[..length]);
        self.rest = &self.rest[length..];
    }

    /// A string of bytes in hexadecimal; `0x` alone for none.
    fn bytes(&mut self, out: &mut String) {
        out.push_str("0x");
        let mut bytes = self.rest.bytes();
        let mut used = 0;
        while let Some(byte) = bytes.next() {
            used += 1;
            let value = match byte {
                b'"' => break,
                b'\\' => {
                    used += 1;
                    match bytes.next() {
                        Some(b'n') => b'\n',
                        Some(b'r') => b'\r',
                        Some(b't') => b'\t',
                        Some(b'0') => 0,
                        Some(b'x') => {
                            used += 2;
                            let mut digit = || bytes.next().and_then(|digit| char::from(digit).to_digit(16));
                            (digit().unwrap_or_default() * 16 + digit().unwrap_or_default()) as u8
                        }
                        Some(other) => other,
                        None => break,
                    }
                }
                byte => byte,
            };
            out.push_str(&format!("{value:02x}"));
        }
        self.rest = self.rest.get(used..).unwrap_or_default();
    }

    fn take(&mut self, start: &str) -> bool {
        match self.rest.strip_prefix(start) {
            // A word that only begins like it is another.
            Some(rest) if start != "None" || !rest.starts_with(|next: char| next.is_alphanumeric()) => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;
    use v2x_proto::payload::Message;
    use v2x_proto::v1;

    use super::*;

    #[test]
    fn fields_have_their_names_absent_ones_are_left_out_and_bytes_are_hexadecimal() {
        let hazard = v1::Hazard {
            id: Some(v1::EventId { origin: Bytes::from_static(b"\x00\n\"az\\\xff"), number: 7 }),
            cause: 2,
            ..v1::Hazard::default()
        };
        let shown = text(&Message::Hazard(hazard));
        assert!(shown.contains("id: EventId { origin: 0x000a22617a5cff, number: 7 }"), "{shown}");
        assert!(shown.contains("cause: 2"), "{shown}");
        assert!(!shown.contains("Some") && !shown.contains("None") && !shown.contains("b\""), "{shown}");
    }

    proptest! {
        #[test]
        fn any_bytes_and_texts_keep_what_follows_them(bytes in prop::collection::vec(any::<u8>(), 0..40), name in any::<String>()) {
            #[derive(Debug)]
            #[allow(dead_code, reason = "shown by Debug")]
            struct Both { bytes: Bytes, name: String, last: Option<u32> }
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            let shown = text(&Both { bytes: bytes.into(), name, last: Some(5) });
            let head = format!("Both {{ bytes: 0x{hex}, name: \"");
            prop_assert!(shown.starts_with(&head), "{}", shown);
            prop_assert!(shown.ends_with("\", last: 5 }"), "{}", shown);
        }

        #[test]
        fn any_text_is_read_to_an_end(debug in "[A-Za-z(){}\\[\\],: \"\\\\x0-9]{0,60}") {
            struct Raw(String);
            impl Debug for Raw {
                fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                    f.write_str(&self.0)
                }
            }
            text(&Raw(debug));
        }
    }
}
