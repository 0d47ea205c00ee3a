//! Why messages did not arrive.

/// Reasons as one byte each: there are many receivers and few reasons.
#[derive(Debug)]
pub(super) struct Reasons {
    names: Vec<&'static str>,
}

impl Reasons {
    pub(super) fn new() -> Self {
        Self { names: vec![NEVER_RECEIVED] }
    }

    pub(super) fn number(&mut self, name: &'static str) -> u8 {
        let known = self.names.iter().position(|known| *known == name);
        let index = known.unwrap_or_else(|| {
            if self.names.len() <= usize::from(u8::MAX) {
                self.names.push(name);
            }
            self.names.len() - 1
        });
        u8::try_from(index).expect("invariant: at most 256 names are kept")
    }

    pub(super) fn name(&self, number: u8) -> &'static str {
        self.names[usize::from(number)]
    }
}

/// The cause of a miss for which none was reported.
pub const NEVER_RECEIVED: &str = "never_received";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_reasons_than_a_byte_holds_share_the_last() {
        let mut reasons = Reasons::new();
        for number in 0..300 {
            let name: &'static str = Box::leak(format!("reason {number}").into_boxed_str());
            reasons.number(name);
        }
        assert_eq!(reasons.names.len(), 256);
        assert_eq!(reasons.number("another"), 255);
    }
}
