//! The stations of a file: their numbers, and what is known of each.

use hashbrown::HashMap;

use super::error::Warning;
use super::kind_rules::KindRules;
use super::row::{NameSpace, Who, name_of};
use super::selection::Selection;
use super::station_kind::StationKind;
use super::station_size::StationSize;
use super::trace::Sample;
use super::track_types::TrackTypes;

/// Whether a row's station is of the trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// It is, under this number.
    Station(u32),
    /// It is not wanted.
    LeftOut,
    /// There is no room for it.
    Full,
}

/// The stations so far, in order of first appearance.
#[derive(Debug)]
pub(super) struct Stations<'a> {
    only: &'a Selection,
    rules: &'a KindRules,
    /// Those of the file's mapping, behind the others.
    mapped: Option<&'a KindRules>,
    /// Types of another file, instead of those of the rows.
    types: Option<&'a TrackTypes>,
    rules_used: Vec<bool>,
    /// Numbers by id, one map a name space.
    index: [HashMap<String, u32>; 3],
    all: Vec<Known>,
    /// Whether rows of the file name lanes.
    pub(super) lanes: bool,
}

#[derive(Debug)]
struct Known {
    space: NameSpace,
    id: String,
    kind: StationKind,
    /// Whether a rule says what it is.
    ruled: bool,
    size: StationSize,
    wanted: bool,
}

impl<'a> Stations<'a> {
    pub(super) fn new(only: &'a Selection, rules: &'a KindRules, types: Option<&'a TrackTypes>) -> Self {
        Self {
            only,
            rules,
            mapped: None,
            types,
            rules_used: vec![false; rules.named().count()],
            index: Default::default(),
            all: Vec::new(),
            lanes: false,
        }
    }

    /// Where no rule fits, those of the file's mapping do.
    pub(super) fn mapped_by(&mut self, rules: &'a KindRules) {
        self.mapped = Some(rules);
    }

    /// The number of a row's station.
    pub(super) fn admit(&mut self, who: &Who<'_>) -> Admission {
        let index = &mut self.index[who.space as usize];
        if let Some(number) = index.get(who.id) {
            let wanted = self.all[*number as usize].wanted;
            return if wanted { Admission::Station(*number) } else { Admission::LeftOut };
        }
        let number = self.all.len();
        if number >= MAX_STATIONS {
            return Admission::Full;
        }
        // What an edge alone means is known at the end of the file.
        let wanted = who.space == NameSpace::EdgeOnly || self.only.takes_name(&name_of(who.space, who.id));
        let told = self.types.and_then(|types| types.of(who.id));
        let type_name = told.unwrap_or(who.type_name);
        let kind = told.map_or(who.kind, StationKind::from_type_name);
        let mut known =
            Known { space: who.space, id: who.id.to_owned(), kind, ruled: false, size: who.size, wanted };
        let own = self.rules.find(type_name, who.id, who.size);
        if let Some((rule, _)) = own {
            self.rules_used[rule] = true;
        }
        let mapped = || self.mapped.and_then(|rules| rules.find(type_name, who.id, who.size));
        if let Some((_, found)) = own.or_else(mapped) {
            known.ruled = found.kind.is_some();
            known.kind = found.kind.unwrap_or(kind);
            known.size = found.size.or(who.size);
        }
        self.all.push(known);
        index.insert(who.id.to_owned(), number as u32);
        if wanted { Admission::Station(number as u32) } else { Admission::LeftOut }
    }

    /// A station's id in the file.
    pub(super) fn id(&self, station: u32) -> &str {
        &self.all[station as usize].id
    }

    /// Who shows a blue light and is nothing else by name is an emergency vehicle.
    pub(super) fn has_blue_light(&mut self, station: u32) {
        let known = &mut self.all[station as usize];
        if known.kind == StationKind::Passenger && !known.ruled {
            known.kind = StationKind::Emergency;
        }
    }

    /// The file is read: settles what each station is. Whether one of them is not wanted after all.
    pub(super) fn settle(&mut self) -> bool {
        let mut left_out = false;
        for known in &mut self.all {
            if known.space == NameSpace::EdgeOnly {
                known.space = if self.lanes { NameSpace::Person } else { NameSpace::Vehicle };
                if self.lanes && known.kind == StationKind::Passenger && !known.ruled {
                    known.kind = StationKind::Pedestrian;
                }
                known.wanted = self.only.takes_name(&name_of(known.space, &known.id));
            }
            known.wanted &= self.only.takes_kind(known.kind);
            left_out |= !known.wanted;
        }
        left_out
    }

    /// Whether a station is wanted, once settled.
    pub(super) fn is_wanted(&self, station: u32) -> bool {
        self.all[station as usize].wanted
    }

    /// The numbers of the stations that have samples, by their numbers here.
    pub(super) fn numbers(&self, samples: &[Sample]) -> Vec<Option<u32>> {
        let mut numbers = vec![None; self.all.len()];
        for sample in samples {
            numbers[sample.station as usize] = Some(0);
        }
        for (number, new) in numbers.iter_mut().flatten().zip(0..) {
            *number = new;
        }
        numbers
    }

    /// Names, kinds and sizes of the stations that have a number; no sizes where none is known.
    pub(super) fn told(self, numbers: &[Option<u32>]) -> (Vec<String>, Vec<StationKind>, Vec<StationSize>) {
        let (mut names, mut kinds, mut sizes) = (Vec::new(), Vec::new(), Vec::new());
        for (_, known) in numbers.iter().zip(self.all).filter(|(number, _)| number.is_some()) {
            names.push(name_of(known.space, &known.id));
            kinds.push(known.kind);
            sizes.push(known.size);
        }
        if sizes.iter().all(|size| *size == StationSize::default()) {
            sizes.clear();
        }
        (names, kinds, sizes)
    }

    /// Rules that no station fits, and names wanted that are not there.
    pub(super) fn warnings(&self) -> Vec<Warning> {
        let unused = self.rules.named().zip(&self.rules_used).filter(|(_, used)| !**used);
        let mut warnings: Vec<Warning> = unused.map(|(rule, _)| Warning::RuleUnused { rule }).collect();
        if let Some(types) = self.types {
            let mut untyped = self.all.iter().filter(|known| known.wanted && types.of(&known.id).is_none());
            if let Some(first) = untyped.next() {
                let first = name_of(first.space, &first.id);
                warnings.push(Warning::Untyped { first, stations: 1 + untyped.count(), of: self.all.len() });
            }
        }
        if let Some(names) = &self.only.names {
            let here: hashbrown::HashSet<String> =
                self.all.iter().map(|known| name_of(known.space, &known.id)).collect();
            let mut absent = names.iter().filter(|name| !here.contains(*name));
            if let Some(first) = absent.next() {
                let absent = 1 + absent.count();
                warnings.push(Warning::NotThere { first: first.clone(), absent, of: names.len() });
            }
        }
        warnings
    }

    /// The stations that are there, in words, where none of them is wanted.
    pub(super) fn others(&self) -> Option<String> {
        if self.all.is_empty() || self.all.iter().any(|known| known.wanted) {
            return None;
        }
        let shown: Vec<String> = self
            .all
            .iter()
            .take(SHOWN)
            .map(|known| format!("{} ({})", name_of(known.space, &known.id), known.kind.name()))
            .collect();
        let more = if self.all.len() > SHOWN { ", ..." } else { "" };
        let count = self.all.len();
        let stations = if count == 1 { "station" } else { "stations" };
        Some(format!("the selection takes none of its {count} {stations}: {}{more}", shown.join(", ")))
    }
}

/// The most stations of a trace. A whole day of a city has fewer than half of it.
pub const MAX_STATIONS: usize = 1_000_000;

/// So many stations are enough to show how they are named.
const SHOWN: usize = 5;
