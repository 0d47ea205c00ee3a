//! A monitor interface beside one that is in a cell: made when it is missing, and removed at the end.

use std::io;

use super::client::Wlan;
use super::kind::WlanKind;

/// The monitor interface beside another.
#[derive(Debug)]
pub(super) struct Beside {
    name: String,
    /// Index of the one that was made here.
    made: Option<u32>,
    /// What is in the way, as it was told.
    told: Option<String>,
}

impl Beside {
    /// Of this name; not looked at yet.
    pub(super) fn new(name: String) -> Self {
        Self { name, made: None, told: None }
    }

    /// Makes it on the radio of `interface` where it is missing, and takes it up. What was done, or what is in the way, once.
    pub(super) fn look(&mut self, wlan: &mut Wlan, interface: &str) -> Option<String> {
        let name = self.name.clone();
        match self.make(wlan, interface) {
            Ok(false) => None,
            Ok(true) => {
                self.told = None;
                Some(format!("monitor interface {name} beside it"))
            }
            Err(why) => {
                let text = format!(
                    "no monitor interface {name} beside it, so nothing is injected and the kernel's OCB mode sends and hears \
                     alone: {why}"
                );
                (self.told.as_ref() != Some(&text)).then(|| self.told.insert(text).clone())
            }
        }
    }

    /// Removes it, if it was made here. Whether it was.
    pub(super) fn end(&mut self, wlan: &mut Wlan) -> bool {
        let Some(made) = self.made.take() else { return false };
        wlan.delete_interface(made).is_ok()
    }

    /// Whether something was changed.
    fn make(&mut self, wlan: &mut Wlan, interface: &str) -> Result<bool, String> {
        let refused = |error: io::Error| error.to_string();
        if let Some(found) = wlan.link_named(&self.name).map_err(refused)? {
            let is_monitor = wlan
                .interface(found.index)
                .map_err(refused)?
                .is_some_and(|one| one.kind == WlanKind::Monitor);
            if !is_monitor {
                return Err(format!("{} is another interface: choose a name by link.monitor", self.name));
            }
            if found.flags & libc::IFF_UP as u32 != 0 {
                return Ok(false);
            }
            return wlan.set_up(found.index, true).map(|()| true).map_err(refused);
        }
        let Some(found) = wlan.interface_named(interface).map_err(refused)? else { return Ok(false) };
        // Few drivers refuse an active one, and some take it and not up.
        self.add(wlan, found.phy, true).or_else(|_| self.add(wlan, found.phy, false)).map_err(refused)
    }

    fn add(&mut self, wlan: &mut Wlan, phy: u32, active: bool) -> io::Result<bool> {
        let made = wlan.add_monitor(phy, &self.name, active)?;
        if let Err(error) = wlan.set_up(made, true) {
            wlan.delete_interface(made)?;
            return Err(error);
        }
        self.made = Some(made);
        Ok(true)
    }
}
