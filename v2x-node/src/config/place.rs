//! `[position]`: where positions come from.

use std::path::PathBuf;

use v2x_core::{Position, Role};

use v2x_settings::{Section, SettingsError, one_of};

/// Where positions come from.
#[derive(Clone, Debug, PartialEq)]
pub enum PositionConfig {
    /// A gpsd.
    Gpsd {
        /// Host and port.
        address: String,
        /// The receiver's path, such as `/dev/ttyACM0`; `None`: the first that has a fix.
        device: Option<String>,
        /// Fixes that a simulator made, or a person typed, count as any other.
        simulated: bool,
    },
    /// NMEA sentences from a file or a serial device.
    Nmea {
        /// File or device.
        path: PathBuf,
        /// Speed of a serial device, baud.
        baud: u32,
        /// Fixes that a simulator made, or a person typed, count as any other.
        simulated: bool,
    },
    /// A program at the control socket.
    Control,
    /// A vehicle of a mobility trace.
    #[cfg(feature = "replay")]
    Trace {
        /// Trace file.
        file: PathBuf,
        /// Name of the vehicle in it.
        station: String,
        /// Playback speed, 1 for real time.
        speed: f64,
        /// Whether its x and y are degrees; `None` when the file tells.
        geographic: Option<bool>,
        /// Latitude and longitude in degrees of its x = 0, y = 0, when they are metres.
        origin: Option<(f64, f64)>,
    },
    /// A place that does not change.
    Fixed {
        /// Latitude and longitude.
        position: Position,
        /// Altitude above the ellipsoid, 0.01 m.
        altitude_cm: Option<i32>,
    },
}

impl PositionConfig {
    /// Speed of the serial line that positions come by, baud, where it is known.
    pub fn line_speed(&self) -> Option<u32> {
        match self {
            Self::Nmea { baud, .. } => Some(*baud),
            _ => None,
        }
    }
}

pub(super) fn read(top: &Section<'_>, role: Role) -> Result<PositionConfig, SettingsError> {
    let Some(section) = top.table("position", KEYS)? else {
        return Err(top.missing("position", "a table with at least source"));
    };
    let Some(source) = section.choice("source", SOURCES)? else {
        return Err(section.missing("source", one_of(SOURCES.iter().map(|(name, _)| *name))));
    };
    if role == Role::Roadside && !matches!(source, Source::Fixed) {
        let right = "a roadside unit stands still: source = \"fixed\" with latitude and longitude";
        return Err(section.contradiction("source", "role = \"roadside\"", right));
    }
    match source {
        Source::Gpsd => {
            section.only(&["source", "address", "device", "simulated"], "position.source = \"gpsd\"")?;
            let right = "host and port, such as \"127.0.0.1:2947\"";
            let address = section.string("address", right)?.unwrap_or_else(|| GPSD_ADDRESS.to_owned());
            let port = address.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
            if port.is_none_or(|port| port == 0) {
                return Err(section.wrong("address", format!("{address:?}"), right.to_owned()));
            }
            let right = "a receiver as gpsd names it, such as \"/dev/ttyACM0\"";
            let device = section.string("device", right)?;
            if device.as_ref().is_some_and(String::is_empty) {
                return Err(section.wrong("device", "\"\"".to_owned(), right.to_owned()));
            }
            Ok(PositionConfig::Gpsd {
                address,
                device,
                simulated: section.flag("simulated")?.unwrap_or(false),
            })
        }
        Source::Nmea => {
            section.only(&["source", "path", "baud", "simulated"], "position.source = \"nmea\"")?;
            let right = "a file of NMEA sentences or a serial device";
            let path = section.path("path")?.ok_or_else(|| section.missing("path", right))?;
            Ok(PositionConfig::Nmea {
                path,
                baud: baud(&section, "baud")?.unwrap_or(DEFAULT_BAUD),
                simulated: section.flag("simulated")?.unwrap_or(false),
            })
        }
        Source::Control => {
            section.only(&["source"], "position.source = \"control\"")?;
            Ok(PositionConfig::Control)
        }
        #[cfg(feature = "replay")]
        Source::Trace => {
            let keys = ["source", "file", "station", "speed", "geographic", "origin"];
            section.only(&keys, "position.source = \"trace\"")?;
            let right = "the name of a vehicle in the trace";
            Ok(PositionConfig::Trace {
                file: section.path("file")?.ok_or_else(|| section.missing("file", "a mobility trace"))?,
                station: section
                    .string("station", right)?
                    .ok_or_else(|| section.missing("station", right))?,
                speed: section.number("speed", 0.01..=1000.0, " times as fast")?.unwrap_or(1.0),
                geographic: section.flag("geographic")?,
                origin: section.degrees("origin")?,
            })
        }
        Source::Fixed => {
            section
                .only(&["source", "latitude", "longitude", "altitude_m"], "position.source = \"fixed\"")?;
            let altitude = section.number("altitude_m", -1000.0..=8000.0, " m")?;
            Ok(PositionConfig::Fixed {
                position: coordinates(&section)?,
                altitude_cm: altitude.map(|metres| (metres * 100.0).round() as i32),
            })
        }
    }
}

/// A speed that serial devices have.
pub(super) fn baud(section: &Section<'_>, key: &'static str) -> Result<Option<u32>, SettingsError> {
    let baud = section.integer(key, 0..=u32::MAX)?;
    match baud.filter(|baud| !BAUDS.contains(baud)) {
        None => Ok(baud),
        Some(other) => {
            let right = BAUDS.map(|baud| baud.to_string()).join(", ");
            Err(section.wrong(key, other.to_string(), format!("one of {right}")))
        }
    }
}

/// `latitude` and `longitude` in degrees.
pub(super) fn coordinates(section: &Section<'_>) -> Result<Position, SettingsError> {
    let degrees = |key, most: f64| {
        let value = section.number(key, -most..=most, " degrees")?;
        value.ok_or_else(|| section.missing(key, format!("degrees, -{most} to {most}")))
    };
    let unit = |degrees: f64| (degrees * 1e7).round() as i32;
    let position = Position {
        latitude: unit(degrees("latitude", 90.0)?),
        longitude: unit(degrees("longitude", 180.0)?),
    };
    if position.is_unset() {
        let right = "a place; 0, 0 is what software says that has none".to_owned();
        return Err(section.wrong("latitude", "0 with longitude 0".to_owned(), right));
    }
    Ok(position)
}

#[derive(Clone, Copy)]
enum Source {
    Gpsd,
    Nmea,
    Control,
    #[cfg(feature = "replay")]
    Trace,
    Fixed,
}

const SOURCES: &[(&str, Source)] = &[
    ("gpsd", Source::Gpsd),
    ("nmea", Source::Nmea),
    ("control", Source::Control),
    #[cfg(feature = "replay")]
    ("trace", Source::Trace),
    ("fixed", Source::Fixed),
];
const KEYS: &[&str] = &[
    "source",
    "address",
    "device",
    "simulated",
    "path",
    "baud",
    "file",
    "station",
    "speed",
    "geographic",
    "origin",
    "latitude",
    "longitude",
    "altitude_m",
];
/// Where gpsd listens (gpsd(8)).
const GPSD_ADDRESS: &str = "127.0.0.1:2947";
/// NMEA 0183 specifies 4,800; today's receivers use 9,600 unless configured otherwise.
const DEFAULT_BAUD: u32 = 9600;
const BAUDS: [u32; 9] = [4800, 9600, 19_200, 38_400, 57_600, 115_200, 230_400, 460_800, 921_600];
