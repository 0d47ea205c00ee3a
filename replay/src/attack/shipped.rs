//! Plans of attacks that come with the program.

/// A plan of attacks that needs no file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShippedPlan {
    /// Its name on the command line.
    pub name: &'static str,
    /// The plan, as its file in `replay/plans` has it.
    pub text: &'static str,
}

impl ShippedPlan {
    /// Every one: those of stations of the traffic first, then the red team's.
    pub const ALL: &'static [Self] = SHIPPED;

    /// The plan of a name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|plan| plan.name == name).copied()
    }

    /// What it does, in a line.
    pub fn about(&self) -> &'static str {
        self.text.lines().next().unwrap_or_default().trim_start_matches("# ")
    }

    /// The name of the file in `replay/plans/red` that it attacks; `None` for those that attack a trace.
    pub fn road(&self) -> Option<&'static str> {
        let (_, behind) = self.text.split_once(ROADS)?;
        behind.split_once(' ').map(|(file, _)| file)
    }

    /// Those of the red team, which attack a road.
    pub fn red_team() -> impl Iterator<Item = Self> {
        Self::ALL.iter().copied().filter(|plan| plan.road().is_some())
    }
}

macro_rules! shipped {
    ($($name:literal in $file:literal,)+) => {
        const SHIPPED: &[ShippedPlan] =
            &[$(ShippedPlan { name: $name, text: include_str!(concat!("../../plans/", $file)) }),+];
    };
}

shipped! {
    "insiders" in "insiders.toml",
    "flood" in "flood.toml",
    "sybil" in "sybil.toml",
    "restart" in "restart.toml",
    "requests" in "requests.toml",
    "clocks" in "clocks.toml",
    "strip" in "red/strip.toml",
    "strip_far" in "red/strip_far.toml",
    "pad" in "red/pad.toml",
    "wormhole" in "red/wormhole.toml",
    "forged" in "red/forged.toml",
    "forged_names" in "red/forged_names.toml",
    "credential_storm" in "red/credential_storm.toml",
    "name_storm" in "red/name_storm.toml",
    "request_storm" in "red/request_storm.toml",
    "copies" in "red/copies.toml",
    "revocation_storm" in "red/revocation_storm.toml",
    "update_storm" in "red/update_storm.toml",
    "marker" in "red/marker.toml",
    "squatter" in "red/squatter.toml",
    "clone" in "red/clone.toml",
    "copier" in "red/copier.toml",
}

/// What the red team's plans say before the road that they attack.
const ROADS: &str = "--plan replay/plans/red/";

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::attack::{AttackPlan, RadioAttackKind};

    #[test]
    fn every_shipped_plan_reads_and_says_in_a_line_what_it_does() {
        let mut names = BTreeSet::new();
        for plan in ShippedPlan::ALL {
            AttackPlan::parse(plan.name, plan.text).unwrap();
            assert!(plan.text.starts_with("# ") && (20..=61).contains(&plan.about().len()), "{}", plan.name);
            assert!(names.insert(plan.name) && ShippedPlan::of_name(plan.name) == Some(*plan));
        }
        assert_eq!(ShippedPlan::of_name("politeness"), None);
    }

    #[test]
    fn the_red_team_has_every_kind_of_transmitter() {
        let kinds: BTreeSet<_> = ShippedPlan::red_team()
            .flat_map(|plan| AttackPlan::parse(plan.name, plan.text).unwrap().radios)
            .map(|attack| attack.kind)
            .collect();
        assert_eq!(kinds, RadioAttackKind::ALL.iter().copied().collect());
    }
}
