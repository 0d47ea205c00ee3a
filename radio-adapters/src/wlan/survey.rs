//! How busy a radio found a channel.

use super::numbers::attribute;
use super::reader::{i8_of, u32_of, u64_of};
use crate::netlink::attributes;

/// What a driver says of one channel. Counters begin anywhere, and may wrap or restart; many drivers give none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Survey {
    /// Centre frequency, MHz.
    pub frequency_mhz: Option<u32>,
    /// It is the channel in use.
    pub in_use: bool,
    /// Noise, dBm.
    pub noise_dbm: Option<i8>,
    /// Time spent on the channel, ms.
    pub active_ms: Option<u64>,
    /// Of that, while the primary channel was sensed busy, ms.
    pub busy_ms: Option<u64>,
    /// Of that, while receiving, ms.
    pub receive_ms: Option<u64>,
    /// Of that, while sending, ms.
    pub transmit_ms: Option<u64>,
}

impl Survey {
    /// From the attributes of an `NL80211_CMD_NEW_SURVEY_RESULTS`.
    pub(super) fn read(message: &[u8]) -> Option<Self> {
        let (_, info) = attributes(message).find(|(number, _)| *number == attribute::SURVEY_INFO)?;
        let mut survey = Self::default();
        for (number, value) in attributes(info) {
            match number {
                INFO_FREQUENCY => survey.frequency_mhz = u32_of(value),
                INFO_NOISE => survey.noise_dbm = i8_of(value),
                INFO_IN_USE => survey.in_use = true,
                INFO_TIME => survey.active_ms = u64_of(value),
                INFO_TIME_BUSY => survey.busy_ms = u64_of(value),
                INFO_TIME_RX => survey.receive_ms = u64_of(value),
                INFO_TIME_TX => survey.transmit_ms = u64_of(value),
                _ => {}
            }
        }
        Some(survey)
    }
}

/// `NL80211_SURVEY_INFO_`.
pub(super) const INFO_FREQUENCY: u16 = 1;
pub(super) const INFO_NOISE: u16 = 2;
pub(super) const INFO_IN_USE: u16 = 3;
pub(super) const INFO_TIME: u16 = 4;
pub(super) const INFO_TIME_BUSY: u16 = 5;
pub(super) const INFO_TIME_RX: u16 = 7;
pub(super) const INFO_TIME_TX: u16 = 8;
