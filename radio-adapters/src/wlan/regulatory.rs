//! What the law permits, as the kernel was told it.

use super::numbers::attribute;
use super::reader::{text_of, u32_of};
use crate::netlink::attributes;

/// The regulatory domain in force.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Regulatory {
    /// Country by two letters; `00` is the world's common denominator, `99` a driver's own.
    pub domain: String,
    /// What is permitted there.
    pub rules: Vec<RegulatoryRule>,
    /// The radio keeps its own, whatever is set.
    pub self_managed: bool,
}

/// Frequencies under one rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RegulatoryRule {
    /// First frequency, kHz.
    pub start_khz: u32,
    /// Last frequency, kHz.
    pub end_khz: u32,
    /// Widest channel, kHz.
    pub max_width_khz: u32,
    /// Most radiated power, 0.01 dBm.
    pub max_eirp_mbm: u32,
}

impl Regulatory {
    /// From the attributes of an answer to `NL80211_CMD_GET_REG`.
    pub(super) fn read(message: &[u8]) -> Option<Self> {
        let mut domain = None;
        let mut rules = Vec::new();
        let mut self_managed = false;
        for (number, value) in attributes(message) {
            match number {
                attribute::REG_ALPHA2 => domain = Some(text_of(value)),
                attribute::REG_RULES => {
                    rules.extend(
                        attributes(value).map(|(_, rule)| RegulatoryRule::read(rule)).take(MOST_RULES),
                    );
                }
                attribute::WIPHY_SELF_MANAGED_REG => self_managed = true,
                _ => {}
            }
        }
        Some(Self { domain: domain?, rules, self_managed })
    }

    /// The rule for a channel that covers these frequencies, kHz.
    #[must_use]
    pub fn rule(&self, start_khz: u32, end_khz: u32) -> Option<&RegulatoryRule> {
        self.rules.iter().find(|rule| rule.start_khz <= start_khz && end_khz <= rule.end_khz)
    }
}

impl RegulatoryRule {
    fn read(message: &[u8]) -> Self {
        let mut rule = Self::default();
        for (number, value) in attributes(message) {
            let value = u32_of(value).unwrap_or(0);
            match number {
                FREQ_RANGE_START => rule.start_khz = value,
                FREQ_RANGE_END => rule.end_khz = value,
                FREQ_RANGE_MAX_BW => rule.max_width_khz = value,
                POWER_RULE_MAX_EIRP => rule.max_eirp_mbm = value,
                _ => {}
            }
        }
        rule
    }
}

/// `NL80211_ATTR_`, within a rule.
pub(super) const FREQ_RANGE_START: u16 = 2;
pub(super) const FREQ_RANGE_END: u16 = 3;
pub(super) const FREQ_RANGE_MAX_BW: u16 = 4;
pub(super) const POWER_RULE_MAX_EIRP: u16 = 6;
/// `NL80211_MAX_SUPP_REG_RULES`.
const MOST_RULES: usize = 128;
