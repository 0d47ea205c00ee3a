//! What a browser is shown of the town while the demo runs. The stations' thread writes it down; a thread of its own serves it, so that
//! no reader delays a frame.

use core::future::pending;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use bytes::Bytes;
use serde_json::{Value, json};
use v2x_core::{Fix, HazardChange, HazardChanged, Position, Role, WireTime};

use super::town::Town;
use crate::commands::replay::town_lanes;
use crate::commands::web::at;
use crate::config::{ListenAddress, WebConfig};
use crate::daemon::control::view::View;
use crate::daemon::listening::Listening;
use crate::error::Error;
use crate::web::{Pages, Site, SiteSource, Tokens, server};

/// The town as it is now; a copy shows the same.
#[derive(Clone)]
pub(crate) struct Picture(Arc<Mutex<Known>>);

struct Known {
    stations: Vec<Told>,
    hazards: BTreeMap<String, Value>,
    stats: Value,
    seconds: u64,
}

struct Told {
    name: String,
    role: &'static str,
    fix: Option<Fix>,
    standing: &'static str,
}

impl Picture {
    /// Nobody is there yet. The last is the car that lies.
    pub(super) fn new(town: &Town, seconds: u64) -> Self {
        let told = |name, role| Told { name, role, fix: None, standing: "trusted" };
        let mut stations: Vec<Told> = (0..town.stations())
            .map(|number| {
                let role = match town.role(number) {
                    Role::Roadside => "roadside",
                    Role::Vehicle if number == town.ambulance() => "emergency",
                    Role::Vehicle => "vehicle",
                };
                told(town.name(number), role)
            })
            .collect();
        stations.push(told("liar".to_owned(), "vehicle"));
        Self(Arc::new(Mutex::new(Known { stations, hazards: BTreeMap::new(), stats: Value::Null, seconds })))
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // What a thread that panicked wrote is at worst out of date.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where a station is; `None` when it left.
    pub(super) fn place(&self, number: u32, fix: Option<Fix>) {
        if let Some(station) = self.known().stations.get_mut(number as usize) {
            station.fix = fix;
        }
    }

    /// A station stands where it is, whatever it says.
    pub(super) fn stand(&self, number: u32, position: Position) {
        let fix = Fix {
            position,
            altitude_cm: None,
            speed: Some(0),
            heading: None,
            acceleration: None,
            yaw_rate: None,
            accuracy_cm: None,
            time: WireTime::from_micros(0),
        };
        self.place(number, Some(fix));
    }

    /// What a station now knows of an event.
    pub(super) fn hazard(&self, changed: &HazardChanged, wire: WireTime) {
        let event = changed.event.id.to_string();
        let mut known = self.known();
        if changed.change == HazardChange::Expired {
            known.hazards.remove(&event);
        } else if known.hazards.len() < MOST_HAZARDS || known.hazards.contains_key(&event) {
            known.hazards.insert(event, json!(View::new(None, wire).hazard(&changed.event)));
        }
    }

    /// The figures so far, a value for each class, and what the town thinks of the car that lies.
    pub(super) fn count(&self, classes: &[Value], liar: &'static str) {
        let mut known = self.known();
        if let Some(station) = known.stations.last_mut() {
            station.standing = liar;
        }
        known.stats = json!({ "report": { "verdict": "nothing_to_judge", "classes": classes } });
    }

    /// Serves it at an address until the process ends.
    ///
    /// # Errors
    /// The address is taken, or the system refuses a thread.
    pub(super) fn serve(&self, address: &ListenAddress, out: &mut dyn Write) -> Result<(), Error> {
        let system = |what| move |source| Error::System { what, source };
        let listening = Listening::open(address)?;
        let told = listening.address().map_err(system("asking for the listening address"))?;
        let site = Site::new(
            SiteSource::Pages(Arc::new(self.clone())),
            &WebConfig::at(address.clone()),
            Tokens::default(),
        );
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(system("starting the event loop of the page"))?;
        let served = move || {
            let ended: io::Result<()> = runtime.block_on(server::serve(listening, site, pending()));
            if let Err(error) = ended {
                tracing::warn!("the page is no longer served: {error}");
            }
        };
        thread::Builder::new()
            .name("web".to_owned())
            .spawn(served)
            .map_err(system("starting a thread for the page"))?;
        writeln!(out, "web: {}", at(&told))?;
        out.flush()?;
        Ok(())
    }
}

impl Pages for Picture {
    fn page(&self, path: &str, _query: Option<&str>) -> Option<(&'static str, Bytes)> {
        let known = self.known();
        match path {
            "/view/meta" => {
                let meta = json!({
                    "kind": "view", "live": true, "kind_of": "demo", "title": "a town on this machine", "duration_s": known.seconds,
                    "roads": town_lanes(), "stations": known.stations.len(), "hazards": known.hazards.len(),
                    "empty": "The town's vehicles start in a moment.",
                });
                Some(("application/json", meta.to_string().into()))
            }
            "/view/frames" => Some(("application/x-ndjson", known.lines().into())),
            _ => None,
        }
    }
}

impl Known {
    /// All of it, a line each.
    fn lines(&self) -> String {
        let degrees = |units: i32| f64::from(units) / 1e7;
        let present =
            self.stations.iter().enumerate().filter_map(|(number, told)| Some((number, told, told.fix?)));
        let stations = present.map(|(number, told, fix)| {
            json!({ "watch": "neighbour", "change": "updated", "neighbour": {
                "digest": number.to_string(), "name": told.name, "role": told.role, "standing": told.standing,
                "latitude_deg": degrees(fix.position.latitude), "longitude_deg": degrees(fix.position.longitude),
                "speed_m_s": fix.speed.map(|speed| f64::from(speed) / 100.0),
                "heading_deg": fix.heading.map(|heading| f64::from(heading) / 10.0),
            } })
        });
        let hazards = self
            .hazards
            .values()
            .map(|hazard| json!({ "watch": "hazard", "change": "updated", "hazard": hazard }));
        let stats = (!self.stats.is_null()).then(|| json!({ "watch": "stats", "stats": self.stats }));
        let lines: Vec<String> = stations.chain(hazards).chain(stats).map(|line| line.to_string()).collect();
        lines.join("\n")
    }
}

/// The town has an accident and some emergency braking at a time.
const MOST_HAZARDS: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_told_where_each_station_is_that_is_there() {
        let town = Town::new();
        let picture = Picture::new(&town, 20);
        let frames = |picture: &Picture| {
            let (_, body) = picture.page("/view/frames", None).unwrap();
            let text = String::from_utf8(body.to_vec()).unwrap();
            text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(frames(&picture), [Value::Null; 0]);
        picture.stand(town.stations(), town.kerb());
        let told = frames(&picture.clone());
        assert_eq!((told.len(), &told[0]["neighbour"]["name"]), (1, &json!("liar")));
        picture.place(town.stations(), None);
        assert_eq!(frames(&picture), [Value::Null; 0]);
        picture.place(u32::MAX, None);
        let meta = picture.page("/view/meta", None).unwrap().1;
        let meta: Value = serde_json::from_slice(&meta).unwrap();
        assert_eq!((&meta["live"], meta["roads"].as_array().unwrap().is_empty()), (&json!(true), false));
        assert_eq!(picture.page("/", None), None);
    }
}
