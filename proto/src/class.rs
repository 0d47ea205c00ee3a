//! The six deadline classes a message can be sent in.

use core::fmt;
use core::time::Duration;

/// How urgent a message is. The numbers are wire values; smaller is more urgent.
///
/// The deadline runs from the sending application to the verified message at the receiving one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Class {
    /// Imminent danger, single hop: 20 ms (US VSC, DOT HS 809 859: pre-crash sensing).
    D0 = 0,
    /// Alert, single hop: 100 ms (US VSC: emergency brake lights, forward collision).
    D1 = 1,
    /// Awareness beacons and perception: 100 ms (3GPP TS 22.185).
    D2 = 2,
    /// Area hazard, flooded over several hops: 300 ms (TS 101 539-1, class A).
    D3 = 3,
    /// Infrastructure, signal state and corrections: 300 ms (CTI 4501).
    D4 = 4,
    /// Background, no deadline.
    D5 = 5,
}

impl Class {
    /// All classes, most urgent first.
    pub const ALL: [Self; 6] = [Self::D0, Self::D1, Self::D2, Self::D3, Self::D4, Self::D5];

    /// Place of this class in [`Class::ALL`], for arrays with one entry per class.
    pub const fn index(self) -> usize {
        self as usize
    }

    /// `"D0"` .. `"D5"`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::D0 => "D0",
            Self::D1 => "D1",
            Self::D2 => "D2",
            Self::D3 => "D3",
            Self::D4 => "D4",
            Self::D5 => "D5",
        }
    }

    /// The time a message may take from application to application; `None` for background.
    pub const fn deadline(self) -> Option<Duration> {
        match self {
            Self::D0 => Some(Duration::from_millis(20)),
            Self::D1 | Self::D2 => Some(Duration::from_millis(100)),
            Self::D3 | Self::D4 => Some(Duration::from_millis(300)),
            Self::D5 => None,
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl From<Class> for u8 {
    fn from(class: Class) -> Self {
        class as Self
    }
}

impl TryFrom<u8> for Class {
    type Error = UnknownClass;

    fn try_from(value: u8) -> Result<Self, Self::Error> {
        Self::ALL.get(usize::from(value)).copied().ok_or(UnknownClass(value))
    }
}

/// A number that names no deadline class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("deadline class {0} does not exist: classes are 0 (D0) to 5 (D5)")]
pub struct UnknownClass(pub u8);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_classes_map_both_ways() {
        for value in 0..=u8::MAX {
            match Class::try_from(value) {
                Ok(class) => {
                    assert_eq!(u8::from(class), value);
                    assert_eq!(Class::ALL[class.index()], class);
                    assert_eq!(class.to_string(), format!("D{value}"));
                }
                Err(error) => assert!(value > 5 && error == UnknownClass(value)),
            }
        }
    }
}
