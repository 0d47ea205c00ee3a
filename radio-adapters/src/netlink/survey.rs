//! What a driver knows of its channel and of the stations on it: two questions of nl80211, neither of which needs a right.

use std::io;

use socket2::Protocol;

use super::Query;
use super::message::{attributes, put_attribute};
use super::wireless::{NL80211_ATTR_IFINDEX, family};
use crate::load::Survey;

/// Questions about a radio. Each may wait for whoever is setting up an interface, so they are no questions for the
/// thread of a station.
#[derive(Debug)]
pub(crate) struct RadioQuery {
    query: Query,
    family: u16,
}

impl RadioQuery {
    /// # Errors
    /// The kernel's own; `NotFound` where it has no nl80211.
    pub(crate) fn new() -> io::Result<Self> {
        let mut query = Query::of(Protocol::from(libc::NETLINK_GENERIC))?;
        let family = family(&mut query).ok_or(io::ErrorKind::NotFound)?;
        Ok(Self { query, family })
    }

    /// The survey of each channel that the driver of this interface has one of: none where it measures nothing.
    pub(crate) fn surveys(&mut self, index: u32) -> io::Result<Vec<Survey>> {
        let mut surveys = Vec::new();
        self.dump(NL80211_CMD_GET_SURVEY, index, |payload| {
            if surveys.len() < MOST_SURVEYS {
                surveys.extend(read_survey(payload));
            }
        })?;
        Ok(surveys)
    }

    /// How many stations the kernel keeps an entry of on this interface.
    pub(crate) fn stations(&mut self, index: u32) -> io::Result<u32> {
        let mut stations = 0u32;
        self.dump(NL80211_CMD_GET_STATION, index, |payload| {
            stations = stations.saturating_add(u32::from(is_station(payload)));
        })?;
        Ok(stations)
    }

    fn dump(&mut self, command: u8, index: u32, mut each: impl FnMut(&[u8])) -> io::Result<()> {
        let mut request = vec![command, 0, 0, 0];
        put_attribute(&mut request, NL80211_ATTR_IFINDEX, &index.to_ne_bytes());
        self.query.ask(self.family, libc::NLM_F_DUMP, &request, |_, payload| each(payload))
    }
}

/// A survey behind a generic header.
fn read_survey(payload: &[u8]) -> Option<Survey> {
    let (_, info) = attributes(payload.get(4..)?).find(|(kind, _)| *kind == NL80211_ATTR_SURVEY_INFO)?;
    let mut survey = Survey::default();
    for (kind, value) in attributes(info) {
        match kind {
            NL80211_SURVEY_INFO_FREQUENCY => {
                survey.frequency_mhz = u32::from_ne_bytes(value.try_into().ok()?)
            }
            NL80211_SURVEY_INFO_IN_USE => survey.in_use = true,
            NL80211_SURVEY_INFO_TIME => survey.active_ms = milliseconds(value),
            NL80211_SURVEY_INFO_TIME_BUSY => survey.busy_ms = milliseconds(value),
            _ => {}
        }
    }
    Some(survey)
}

fn milliseconds(value: &[u8]) -> Option<u64> {
    Some(u64::from_ne_bytes(value.try_into().ok()?))
}

/// Whether what is behind a generic header is about a station: it has an address.
fn is_station(payload: &[u8]) -> bool {
    let rest = payload.get(4..).unwrap_or_default();
    attributes(rest).any(|(kind, value)| kind == NL80211_ATTR_MAC && value.len() == 6)
}

/// Of `linux/nl80211.h`.
const NL80211_CMD_GET_STATION: u8 = 17;
const NL80211_CMD_GET_SURVEY: u8 = 50;
const NL80211_ATTR_MAC: u16 = 6;
const NL80211_ATTR_SURVEY_INFO: u16 = 84;
const NL80211_SURVEY_INFO_FREQUENCY: u16 = 1;
const NL80211_SURVEY_INFO_IN_USE: u16 = 3;
const NL80211_SURVEY_INFO_TIME: u16 = 4;
const NL80211_SURVEY_INFO_TIME_BUSY: u16 = 5;
/// Channels of one driver: those of all bands are some two hundred.
const MOST_SURVEYS: usize = 512;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::load::SurveyDeltas;
    use crate::netlink::message::{messages, request};

    /// One message of a driver's answer, as the kernel sends it: a generic header, the interface, and the survey.
    fn answer(survey: &Survey) -> Vec<u8> {
        let mut info = Vec::new();
        put_attribute(&mut info, NL80211_SURVEY_INFO_FREQUENCY, &survey.frequency_mhz.to_ne_bytes());
        // Its noise, and a time that is not asked for.
        put_attribute(&mut info, 2, &[0xa1]);
        if survey.in_use {
            put_attribute(&mut info, NL80211_SURVEY_INFO_IN_USE, &[]);
        }
        if let Some(ms) = survey.active_ms {
            put_attribute(&mut info, NL80211_SURVEY_INFO_TIME, &ms.to_ne_bytes());
        }
        if let Some(ms) = survey.busy_ms {
            put_attribute(&mut info, NL80211_SURVEY_INFO_TIME_BUSY, &ms.to_ne_bytes());
        }
        put_attribute(&mut info, 7, &9_999_999u64.to_ne_bytes());
        let mut payload = vec![51, 1, 0, 0];
        put_attribute(&mut payload, NL80211_ATTR_IFINDEX, &3u32.to_ne_bytes());
        // The kernel marks what holds attributes.
        put_attribute(&mut payload, NL80211_ATTR_SURVEY_INFO | 0x8000, &info);
        request(0x1c, libc::NLM_F_MULTI as u16, 7, &payload)
    }

    fn surveys(datagram: &[u8]) -> Vec<Survey> {
        messages(datagram).filter_map(|message| read_survey(message.payload)).collect()
    }

    #[test]
    fn a_driver_s_answer_becomes_a_load() {
        let other = Survey { frequency_mhz: 5890, ..Survey::default() };
        let own = |active, busy| Survey {
            frequency_mhz: 5900,
            in_use: true,
            active_ms: Some(active),
            busy_ms: Some(busy),
        };
        let mut deltas = SurveyDeltas::default();
        let mut load = |second: u64, own: Survey| {
            let datagram = [answer(&other), answer(&own)].concat();
            assert_eq!(surveys(&datagram), [other, own]);
            deltas.take(second * 1_000_000_000, &surveys(&datagram)).map(|load| load.busy_permille)
        };
        assert_eq!(load(0, own(u64::from(u32::MAX) - 9, 400)), None);
        assert_eq!(load(1, own(990, 640)), Some(240), "past 2^32");
        assert_eq!(load(2, own(990, 640)), None, "it stands still");
        assert_eq!(load(3, own(2_990, 840)), Some(100));
        assert_eq!(load(4, own(10, 1)), None, "it went back");
        assert_eq!(load(5, Survey { active_ms: None, ..own(0, 9) }), None, "no times");
        assert_eq!(load(6, own(1_010, 1)), None);
        assert_eq!(load(7, own(2_010, 501)), Some(500));
    }

    #[test]
    fn a_survey_of_the_wrong_size_is_no_survey() {
        let mut info = Vec::new();
        put_attribute(&mut info, NL80211_SURVEY_INFO_FREQUENCY, &[1, 2]);
        let mut payload = vec![51, 1, 0, 0];
        put_attribute(&mut payload, NL80211_ATTR_SURVEY_INFO, &info);
        assert_eq!(read_survey(&payload), None);
        let mut payload = vec![51, 1, 0, 0];
        let mut info = Vec::new();
        put_attribute(&mut info, NL80211_SURVEY_INFO_TIME, &[1, 2, 3, 4]);
        put_attribute(&mut payload, NL80211_ATTR_SURVEY_INFO, &info);
        assert_eq!(read_survey(&payload), Some(Survey::default()));
    }

    #[test]
    fn what_has_an_address_is_a_station() {
        let mut payload = vec![19, 1, 0, 0];
        assert!(!is_station(&payload));
        put_attribute(&mut payload, NL80211_ATTR_IFINDEX, &3u32.to_ne_bytes());
        assert!(!is_station(&payload));
        put_attribute(&mut payload, NL80211_ATTR_MAC, &[2, 0, 0, 0, 0, 1]);
        assert!(is_station(&payload));
    }

    #[test]
    fn an_interface_that_is_no_radio_has_neither_surveys_nor_stations() {
        let Ok(mut radio) = RadioQuery::new() else {
            return eprintln!("skipped: this kernel has no nl80211");
        };
        assert!(radio.surveys(1).is_err() && radio.stations(1).is_err());
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _any = (read_survey(&bytes), is_station(&bytes));
            let mut payload = vec![51, 1, 0, 0];
            put_attribute(&mut payload, NL80211_ATTR_SURVEY_INFO, &bytes);
            let survey = read_survey(&payload);
            prop_assert!(survey.is_none_or(|survey| survey.active_ms.is_none() || bytes.len() >= 12));
        }
    }
}
