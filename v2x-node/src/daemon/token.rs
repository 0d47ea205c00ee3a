//! Tokens of the daemon's own requests: each part of the daemon recognises its own commands by them.

use v2x_core::Token;

/// The part that put a command into the node and gets its outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// A program at the control socket.
    Control,
    /// The vehicle's alerts from its own motion.
    Alerts,
    /// The roadside unit's application.
    Unit,
}

impl Owner {
    /// The token of this owner's command with a number of its own, below 2^56.
    pub fn token(self, number: u64) -> Token {
        Token((self as u64) << NUMBER_BITS | number & NUMBERS)
    }

    /// Whether a command was this owner's.
    pub fn owns(self, token: Option<Token>) -> bool {
        token.is_some_and(|token| token.0 >> NUMBER_BITS == self as u64)
    }
}

const NUMBER_BITS: u32 = 56;
const NUMBERS: u64 = (1 << NUMBER_BITS) - 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_one_owner_and_keeps_its_number() {
        let all = [Owner::Control, Owner::Alerts, Owner::Unit];
        for owner in all {
            for number in [0, 1, NUMBERS] {
                let token = owner.token(number);
                assert_eq!(token.0 & NUMBERS, number);
                assert!(all.into_iter().all(|other| other.owns(Some(token)) == (other == owner)));
            }
            assert!(!owner.owns(None));
        }
    }
}
