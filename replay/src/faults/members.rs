//! With which stations something is wrong.

use std::collections::BTreeSet;

use super::draws::{FaultDraw, FaultDraws};

/// Stations as a plan names them.
#[derive(Clone, Debug, PartialEq)]
pub enum Members {
    /// Every one.
    All,
    /// These, by name.
    Named(Vec<String>),
    /// Each with this probability, by the seed.
    Share(f64),
}

/// Stations of a world.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Chosen {
    All,
    These(BTreeSet<u32>),
}

impl Chosen {
    pub(crate) fn has(&self, station: u32) -> bool {
        match self {
            Self::All => true,
            Self::These(stations) => stations.contains(&station),
        }
    }

    /// All of them, of a world of `stations`.
    pub(crate) fn each(&self, stations: u32) -> Vec<u32> {
        (0..stations).filter(|station| self.has(*station)).collect()
    }
}

/// The stations that are meant, of those with these names; an unknown name is the error.
pub(crate) fn choose(members: &Members, names: &[String], draws: FaultDraws) -> Result<Chosen, String> {
    let stations = match members {
        Members::All => return Ok(Chosen::All),
        Members::Named(named) => {
            let find = |name: &String| {
                let found = names.iter().position(|known| known == name);
                found.map(|found| found as u32).ok_or_else(|| name.clone())
            };
            named.iter().map(find).collect::<Result<_, _>>()?
        }
        Members::Share(share) => {
            let drawn = |station: &u32| draws.happens(*share, FaultDraw::Member, *station, *station, 0);
            (0..names.len() as u32).filter(drawn).collect()
        }
    };
    Ok(Chosen::These(stations))
}
