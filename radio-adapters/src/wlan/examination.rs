//! All that can be seen of a radio without changing it.

use std::fs;
use std::path::Path;

use super::client::Wlan;
use super::holder::Holder;
use super::interface::WlanInterface;
use super::join::{in_cell, look, others, radio_of};
use super::kind::WlanKind;
use super::obstacle::{Obstacle, obstacles};
use super::phy::Phy;
use super::plan::JoinPlan;

/// A radio's interface, seen by somebody who wants it in a cell.
#[derive(Debug)]
pub struct Examination {
    /// The interface.
    pub interface: WlanInterface,
    /// Administratively up.
    pub up: bool,
    /// Its MTU, bytes.
    pub mtu: Option<u32>,
    /// Its radio.
    pub phy: Phy,
    /// The regulatory domain it obeys.
    pub domain: String,
    /// Its driver, by its module's name.
    pub driver: Option<String>,
    /// Who else sets it up.
    pub holder: Option<Holder>,
    /// Further interfaces of the radio.
    pub others: Vec<String>,
    /// What can be known of how busy the channel is.
    pub survey: SurveySupport,
    /// Stations the kernel keeps for it.
    pub neighbours: usize,
    /// It is in the cell of the plan.
    pub joined: bool,
    /// What keeps it from that cell.
    pub obstacles: Vec<Obstacle>,
}

/// What a driver says of how busy the channel in use is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SurveySupport {
    /// Nothing: no channel is in use, or the driver does not measure.
    None,
    /// Noise or the like, without times.
    NoTimes,
    /// Time on the channel and time busy.
    Busy,
}

/// Looks at the interface of a plan.
///
/// # Errors
/// [`Obstacle`]: there is none of this name, it is not wireless, or the kernel cannot be asked.
pub fn examine(wlan: &mut Wlan, plan: &JoinPlan) -> Result<Examination, Obstacle> {
    let found = look(wlan, plan)?;
    let up = found.up();
    let interface = found.interface;
    let (phy, domain) = radio_of(wlan, &interface)?;
    let holder = Holder::of(Path::new("/run"), &interface.name, interface.index);
    let mut obstacles = obstacles(plan, &interface, &phy, &domain, holder);
    if is_switched_off(&phy.name) {
        obstacles.push(Obstacle::SwitchedOff { interface: interface.name.clone() });
    }
    let surveys = wlan.survey(interface.index).unwrap_or_default();
    let survey = match surveys.iter().find(|survey| survey.in_use) {
        None => SurveySupport::None,
        Some(survey) if survey.active_ms.is_some() && survey.busy_ms.is_some() => SurveySupport::Busy,
        Some(_) => SurveySupport::NoTimes,
    };
    Ok(Examination {
        up,
        mtu: found.link.mtu,
        driver: driver(&interface.name),
        others: others(wlan, &interface),
        neighbours: wlan.stations(interface.index).unwrap_or_default().len(),
        joined: up && in_cell(wlan, plan, &interface),
        interface,
        phy,
        domain,
        holder,
        survey,
        obstacles,
    })
}

impl Examination {
    /// Whether frames can be captured and injected with their radio header, on an interface of its own.
    #[must_use]
    pub fn monitor(&self) -> bool {
        self.phy.offers(WlanKind::Monitor)
    }
}

/// The name of the driver's module, by sysfs.
fn driver(interface: &str) -> Option<String> {
    let link = fs::read_link(format!("/sys/class/net/{interface}/device/driver")).ok()?;
    Some(link.file_name()?.to_string_lossy().into_owned())
}

/// Whether rfkill(4) keeps the radio off, by a program or by its switch.
fn is_switched_off(phy: &str) -> bool {
    let Ok(entries) = fs::read_dir(format!("/sys/class/ieee80211/{phy}")) else { return false };
    let switches =
        entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with("rfkill"));
    let on = |path: &Path| fs::read_to_string(path).is_ok_and(|text| text.trim() == "1");
    switches.map(|entry| entry.path()).any(|switch| on(&switch.join("soft")) || on(&switch.join("hard")))
}

#[cfg(test)]
mod tests {
    use super::super::cell::Cell;
    use super::super::channel::{Channel, Width};
    use super::super::join::join;
    use super::super::testkernel::{Radio, survey_message};
    use super::*;

    fn plan() -> JoinPlan {
        let cell = Cell::Ocb(Channel { frequency_mhz: 5900, width: Width::Mhz10 });
        let (rate_kbps, power_dbm, mtu) = (None, None, None);
        JoinPlan { interface: "wlan0".to_owned(), cell, rate_kbps, power_dbm, mtu }
    }

    #[test]
    fn a_radio_is_examined_without_changing_it() {
        let radio = Radio::new();
        let mut wlan = Wlan::on(radio.clone());
        let fresh = examine(&mut wlan, &plan()).unwrap();
        assert!(fresh.obstacles.is_empty() && !fresh.joined && !fresh.up && fresh.monitor());
        assert_eq!((fresh.domain.as_str(), fresh.survey, fresh.neighbours), ("99", SurveySupport::None, 0));
        assert!(radio.changes().is_empty());

        join(&mut wlan, &plan()).unwrap();
        radio.with(|state| {
            state.stations = vec![[2, 0, 0, 0, 0, 9]];
            state.surveys = vec![survey_message(5900, true, Some(7), Some(1))];
        });
        let joined = examine(&mut wlan, &plan()).unwrap();
        assert!(joined.joined && joined.up);
        assert_eq!((joined.survey, joined.neighbours), (SurveySupport::Busy, 1));
        radio.with(|state| state.surveys = vec![survey_message(5900, true, None, None)]);
        assert_eq!(examine(&mut wlan, &plan()).unwrap().survey, SurveySupport::NoTimes);
    }

    #[test]
    fn all_obstacles_are_found_at_once() {
        let radio = Radio::new();
        radio.with(|state| (state.its_band, state.half_channels, state.kinds) = (false, false, vec![2]));
        let found = examine(&mut Wlan::on(radio), &plan()).unwrap();
        assert_eq!(found.obstacles.len(), 3, "{:?}", found.obstacles);
        assert!(!found.monitor());
    }
}
