//! `congestion`, `regulation` and `imminent`: what keeps the station's frames to what the channel and the law bear.

use v2x_core::{Config, Congestion, Imminent, Regulation};
use v2x_settings::{Section, SettingsError};

use super::link::Medium;

/// Reads the three keys. On a radio the rate adapts unless the file says otherwise; on a wire, and among test stations, whose
/// load may be of any size, it does not.
pub(super) fn read(top: &Section<'_>, medium: &Medium, config: &mut Config) -> Result<(), SettingsError> {
    let rules =
        [("adaptive", Congestion::Adaptive), ("reactive", Congestion::Reactive), ("off", Congestion::Off)];
    let usual = match medium {
        Medium::Udp { .. } => Congestion::Off,
        _ if config.test => Congestion::Off,
        _ => Congestion::Adaptive,
    };
    config.congestion = top.choice("congestion", &rules)?.unwrap_or(usual);
    let laws = [("en302571", Regulation::En302571), ("none", Regulation::None)];
    config.regulation = top.choice("regulation", &laws)?.unwrap_or_default();
    let profiles = [("lab", Imminent::Lab), ("regulated", Imminent::Regulated)];
    let profile = top.choice("imminent", &profiles)?;
    config.imminent = match (config.regulation, profile) {
        (Regulation::En302571, Some(Imminent::Lab)) => {
            let right =
                "three copies within 12 ms break it: imminent = \"regulated\", or regulation = \"none\"";
            return Err(top.contradiction("imminent", "regulation = \"en302571\"", right));
        }
        (Regulation::En302571, _) => Imminent::Regulated,
        (Regulation::None, profile) => profile.unwrap_or_default(),
    };
    Ok(())
}
