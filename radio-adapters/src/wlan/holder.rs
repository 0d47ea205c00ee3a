//! Programs that set radios up by themselves, and would undo what is set up here.

use std::fmt;
use std::fs;
use std::path::Path;

/// A program that holds an interface, as it says itself below `/run`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// NetworkManager(8).
    NetworkManager,
    /// wpa_supplicant(8).
    WpaSupplicant,
    /// hostapd(8).
    Hostapd,
}

impl Holder {
    /// Who holds the interface `name` with this index, by what is below `run`, which is `/run` but for tests. iwd(8) leaves no
    /// trace there.
    pub(super) fn of(run: &Path, name: &str, index: u32) -> Option<Self> {
        // A name from elsewhere must not lead elsewhere.
        if name.contains('/') || name.starts_with('.') {
            return None;
        }
        // First: wpa_supplicant is its helper then.
        let state = fs::read_to_string(run.join("NetworkManager/devices").join(index.to_string()));
        if state.is_ok_and(|state| state.lines().any(|line| line.trim() == "managed=true")) {
            return Some(Self::NetworkManager);
        }
        let controlled = |program: &str| run.join(program).join(name).exists();
        if controlled("wpa_supplicant") {
            return Some(Self::WpaSupplicant);
        }
        controlled("hostapd").then_some(Self::Hostapd)
    }

    /// The command that makes it let go of the interface.
    #[must_use]
    pub fn command(self, interface: &str) -> String {
        match self {
            Self::NetworkManager => format!("nmcli device set {interface} managed no"),
            Self::WpaSupplicant => format!("wpa_cli -i {interface} terminate"),
            Self::Hostapd => "systemctl stop hostapd".to_owned(),
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NetworkManager => "NetworkManager",
            Self::WpaSupplicant => "wpa_supplicant",
            Self::Hostapd => "hostapd",
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn who_holds_an_interface_is_known_by_what_it_leaves_in_run() {
        let run: PathBuf = std::env::temp_dir().join(format!("roadcast-holder-{}", std::process::id()));
        for folder in ["NetworkManager/devices", "wpa_supplicant", "hostapd"] {
            fs::create_dir_all(run.join(folder)).unwrap();
        }
        assert_eq!(Holder::of(&run, "wlan0", 3), None);
        fs::write(run.join("hostapd/wlan0"), "").unwrap();
        assert_eq!(Holder::of(&run, "wlan0", 3), Some(Holder::Hostapd));
        fs::write(run.join("wpa_supplicant/wlan0"), "").unwrap();
        assert_eq!(Holder::of(&run, "wlan0", 3), Some(Holder::WpaSupplicant));
        fs::write(run.join("NetworkManager/devices/3"), "[device]\nmanaged=false\n").unwrap();
        assert_eq!(Holder::of(&run, "wlan0", 3), Some(Holder::WpaSupplicant));
        fs::write(run.join("NetworkManager/devices/3"), "[device]\nmanaged=true\n").unwrap();
        assert_eq!(Holder::of(&run, "wlan0", 3), Some(Holder::NetworkManager));
        assert_eq!(Holder::of(&run, "wlan1", 4), None);
        assert_eq!(Holder::of(&run, "../hostapd/wlan0", 4), None);
        fs::remove_dir_all(run).unwrap();
    }
}
