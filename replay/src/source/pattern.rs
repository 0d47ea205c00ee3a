//! Patterns of names: `*` for any letters, `?` for one.

/// A pattern of names; case counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern(String);

impl Pattern {
    pub(super) fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The pattern as written.
    pub(super) fn text(&self) -> &str {
        &self.0
    }

    /// Whether the whole name fits. Takes time in proportion to the product of both lengths at most.
    pub(super) fn fits(&self, name: &str) -> bool {
        let (pattern, name) = (self.0.as_bytes(), name.as_bytes());
        let (mut at, mut next) = (0, 0);
        // The last `*`, and how much of the name it stands for.
        let mut star: Option<(usize, usize)> = None;
        while next < name.len() {
            match pattern.get(at) {
                Some(b'*') => {
                    star = Some((at, next));
                    at += 1;
                }
                Some(b'?') => (at, next) = (at + 1, next + 1),
                Some(letter) if *letter == name[next] => (at, next) = (at + 1, next + 1),
                _ => {
                    let Some((place, stands_to)) = star else { return false };
                    star = Some((place, stands_to + 1));
                    (at, next) = (place + 1, stands_to + 1);
                }
            }
        }
        pattern[at..].iter().all(|letter| *letter == b'*')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_anything_and_question_marks_for_one() {
        for (pattern, name, fits) in [
            ("tram", "tram", true),
            ("tram", "tram1", false),
            ("tram*", "tram", true),
            ("*tram", "citytram", true),
            ("*a*b*", "xxaxxbxx", true),
            ("*a*b", "ab", true),
            ("*ab", "aab", true),
            ("t?am", "tram", true),
            ("t?am", "tam", false),
            ("*", "", true),
            ("?", "", false),
            ("Tram", "tram", false),
        ] {
            assert_eq!(Pattern::new(pattern).fits(name), fits, "{pattern} {name}");
        }
    }
}
