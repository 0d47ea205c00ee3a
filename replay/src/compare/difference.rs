//! The differences of two sides: figure by figure, run by run of the same seed.

use serde::Serialize;
use v2x_report::{Spread, holm};

use super::side::{CompareError, ComparedSide, RunGroup, SeededRun};
use crate::figures::{Figure, FigureUnit};

/// Two sides compared. Differences are B's figure less A's.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReportComparison {
    /// Names of the two sides.
    pub sides: [String; 2],
    /// What was run differently: name, of A, of B. Empty for the same.
    pub what_differs: Vec<(String, String, String)>,
    /// Seeds of the pairs; empty for runs that depend on the real world.
    pub seeds: Vec<u64>,
    /// How many pairs each group has.
    pub pairs: usize,
    /// Tests that were corrected together.
    pub tests: usize,
    /// Every figure that both sides have, in order.
    pub figures: Vec<FigureDifference>,
    /// What the machine took; among no test.
    pub machine: Vec<FigureDifference>,
    /// Names of figures that one side alone has.
    pub unpaired: Vec<String>,
    /// Whether one side is a report of several seeds, which has the figures of classes alone by seed.
    pub classes_alone: bool,
}

/// One figure of both sides.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FigureDifference {
    /// Settings of a sweep that both sides share; empty where there is one run.
    pub group: String,
    /// Its name.
    pub figure: String,
    /// How it is shown.
    pub unit: FigureUnit,
    /// Pairs of runs that both have it.
    pub pairs: u64,
    /// Mean of A.
    pub a: f64,
    /// Mean of B.
    pub b: f64,
    /// Mean of the differences.
    pub difference: f64,
    /// 95 % confidence interval of that, by Student's t on the differences; `null` for one pair.
    pub interval: Option<(f64, f64)>,
    /// Probability by the paired t-test; `null` for one pair, and where all differences are the same.
    pub p: Option<f64>,
    /// The same by Holm's correction for all tests.
    pub p_corrected: Option<f64>,
    /// What that says.
    pub verdict: DifferenceVerdict,
}

/// What is said of a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DifferenceVerdict {
    /// Beyond noise: the corrected probability is under 5 %, or the difference is the same in every one of several pairs.
    Differs,
    /// In the one pair there is; how far it would vary is not known.
    DiffersInOnePair,
    /// Not beyond noise.
    WithinNoise,
    /// In every pair.
    Equal,
    /// Of the machine, and not judged.
    NotJudged,
}

impl DifferenceVerdict {
    /// Whether it is a finding.
    pub const fn is_difference(self) -> bool {
        matches!(self, Self::Differs | Self::DiffersInOnePair)
    }
}

impl ReportComparison {
    /// Compares two sides.
    ///
    /// # Errors
    /// [`CompareError`]: the runs do not belong together.
    pub fn new(a: &ComparedSide, b: &ComparedSide) -> Result<Self, CompareError> {
        let pairs = matched(a, b)?;
        let mut what_differs: Vec<(String, String, String)> = Vec::new();
        let mut all = Self {
            sides: [a.name.clone(), b.name.clone()],
            what_differs: Vec::new(),
            seeds: Vec::new(),
            pairs: 0,
            tests: 0,
            figures: Vec::new(),
            machine: Vec::new(),
            unpaired: Vec::new(),
            classes_alone: false,
        };
        let varied = varied(&pairs);
        for (one, other) in &pairs {
            if let Some((what, of_a, of_b)) = one.told.forbidden(&other.told) {
                return Err(CompareError::different(
                    (&a.name, &b.name),
                    (what, of_a, of_b),
                    "compare runs of the same trace, length and kind",
                ));
            }
            for difference in one.told.allowed(&other.told) {
                if !what_differs.iter().any(|known| known.0 == difference.0) {
                    what_differs.push(difference);
                }
            }
            if what_differs.len() > 1 {
                let (a, b) = (a.name.clone(), b.name.clone());
                return Err(CompareError::TooDifferent { a, b, differences: what_differs });
            }
            all.add(one, other, &varied, (a, b))?;
        }
        all.what_differs = what_differs;
        all.correct();
        Ok(all)
    }

    /// How many figures differ.
    pub fn findings(&self) -> usize {
        self.figures.iter().filter(|figure| figure.verdict.is_difference()).count()
    }

    fn add(
        &mut self,
        one: &RunGroup,
        other: &RunGroup,
        varied: &[&String],
        names: (&ComparedSide, &ComparedSide),
    ) -> Result<(), CompareError> {
        let runs = paired(one, other, names)?;
        self.pairs = self.pairs.max(runs.len());
        self.classes_alone |= one.classes_alone || other.classes_alone;
        for seed in runs.iter().filter_map(|(run, _)| run.seed) {
            if !self.seeds.contains(&seed) {
                self.seeds.push(seed);
            }
        }
        let group = one.label(Some(varied));
        let (figures, mut alone) = differences(&group, &runs, |run| &run.figures);
        self.figures.extend(figures);
        alone.retain(|name| !self.unpaired.contains(name));
        self.unpaired.append(&mut alone);
        let (machine, _) = differences(&group, &runs, |run| &run.machine);
        self.machine.extend(
            machine.into_iter().map(|one| FigureDifference { verdict: DifferenceVerdict::NotJudged, ..one }),
        );
        Ok(())
    }

    /// Corrects all tests together: those whose pairs are all equal count too, as the tests they would have been.
    fn correct(&mut self) {
        let tested: Vec<usize> =
            (0..self.figures.len()).filter(|index| self.figures[*index].pairs > 1).collect();
        let raw: Vec<f64> = tested
            .iter()
            .map(|index| {
                let figure = &self.figures[*index];
                // Without a spread: the same in every pair.
                figure.p.unwrap_or(if figure.difference == 0.0 { 1.0 } else { 0.0 })
            })
            .collect();
        self.tests = raw.len();
        for (index, corrected) in tested.into_iter().zip(holm(&raw)) {
            let figure = &mut self.figures[index];
            figure.p_corrected = figure.p.map(|_| corrected);
            if figure.verdict == DifferenceVerdict::WithinNoise && corrected < LEVEL {
                figure.verdict = DifferenceVerdict::Differs;
            }
        }
    }
}

/// Groups of both sides that belong together.
fn matched<'a>(
    a: &'a ComparedSide,
    b: &'a ComparedSide,
) -> Result<Vec<(&'a RunGroup, &'a RunGroup)>, CompareError> {
    if let ([one], [other]) = (a.groups.as_slice(), b.groups.as_slice()) {
        return Ok(vec![(one, other)]);
    }
    // What each side has one value of, and not the same, is what is compared.
    let single = |side: &ComparedSide, key: &str| -> Option<Option<String>> {
        let of = |group: &RunGroup| {
            group.settings.iter().find(|(name, _)| name == key).map(|(_, value)| value.clone())
        };
        let mut values: Vec<_> = side.groups.iter().map(of).collect();
        values.dedup();
        if values.len() == 1 { values.pop() } else { None }
    };
    let mut keys: Vec<&String> = a
        .groups
        .iter()
        .chain(&b.groups)
        .flat_map(|group| group.settings.iter().map(|(key, _)| key))
        .collect();
    keys.sort_unstable();
    keys.dedup();
    let compared: Vec<&String> = keys
        .into_iter()
        .filter(|key| matches!((single(a, key), single(b, key)), (Some(one), Some(other)) if one != other))
        .collect();
    let rest = |group: &RunGroup| -> Vec<(String, String)> {
        let mut settings = group.settings.clone();
        settings.retain(|(key, _)| !compared.contains(&key));
        settings.sort_unstable();
        settings
    };
    let unpaired = |with: &ComparedSide, without: &ComparedSide, group: &RunGroup| CompareError::Unpaired {
        with: with.name.clone(),
        without: without.name.clone(),
        group: group.label(None),
    };
    if let Some(group) = b.groups.iter().find(|group| !a.groups.iter().any(|one| rest(one) == rest(group))) {
        return Err(unpaired(b, a, group));
    }
    a.groups
        .iter()
        .map(|one| {
            let other = b.groups.iter().find(|other| rest(one) == rest(other));
            other.map(|other| (one, other)).ok_or_else(|| unpaired(a, b, one))
        })
        .collect()
}

/// Names of the settings of which there are several values; the others need not be said of each group.
fn varied<'a>(pairs: &[(&'a RunGroup, &RunGroup)]) -> Vec<&'a String> {
    let Some((first, _)) = pairs.first() else { return Vec::new() };
    let differs =
        |setting: &&(String, String)| pairs.iter().any(|(group, _)| !group.settings.contains(setting));
    first.settings.iter().filter(differs).map(|(key, _)| key).collect()
}

/// Runs of the same seed.
fn paired<'a>(
    one: &'a RunGroup,
    other: &'a RunGroup,
    (a, b): (&ComparedSide, &ComparedSide),
) -> Result<Vec<(&'a SeededRun, &'a SeededRun)>, CompareError> {
    let seeds = |group: &RunGroup| {
        let mut seeds: Vec<Option<u64>> = group.runs.iter().map(|run| run.seed).collect();
        seeds.sort_unstable();
        seeds
    };
    let (of_one, of_other) = (seeds(one), seeds(other));
    if of_one != of_other {
        let difference = ("list of seeds".to_owned(), shown(&of_one), shown(&of_other));
        return Err(CompareError::different(
            (&a.name, &b.name),
            difference,
            "compare runs of the same seeds",
        ));
    }
    let pair =
        |run: &'a SeededRun| other.runs.iter().find(|other| other.seed == run.seed).map(|other| (run, other));
    Ok(one.runs.iter().filter_map(pair).collect())
}

/// `1..5`, `1,2,7`, `none`.
fn shown(seeds: &[Option<u64>]) -> String {
    let seeds: Vec<u64> = seeds.iter().copied().flatten().collect();
    match seeds.as_slice() {
        [] => "none".to_owned(),
        [first, .., last] if seeds.windows(2).all(|pair| pair[0].checked_add(1) == Some(pair[1])) => {
            format!("{first}..{last}")
        }
        _ => {
            let first: Vec<String> = seeds.iter().take(MOST_SEEDS).map(u64::to_string).collect();
            format!("{}{}", first.join(","), if seeds.len() > MOST_SEEDS { ",..." } else { "" })
        }
    }
}

/// Each figure that some pair has on both sides, and the names of the others.
fn differences(
    group: &str,
    runs: &[(&SeededRun, &SeededRun)],
    of: impl Fn(&SeededRun) -> &Vec<Figure>,
) -> (Vec<FigureDifference>, Vec<String>) {
    let mut named: Vec<&Figure> = Vec::new();
    for figure in runs.iter().flat_map(|(one, other)| of(one).iter().chain(of(other))) {
        if !named.iter().any(|known| known.name == figure.name) {
            named.push(figure);
        }
    }
    named.sort_by(|one, other| (one.rank, &one.name).cmp(&(other.rank, &other.name)));
    let (mut found, mut alone) = (Vec::new(), Vec::new());
    for figure in named {
        let value = |run: &SeededRun| {
            of(run).iter().find(|one| one.name == figure.name).map(|one| one.value.as_f64())
        };
        let pairs: Vec<(f64, f64)> =
            runs.iter().filter_map(|(one, other)| value(one).zip(value(other))).collect();
        match difference(group, figure, &pairs) {
            Some(difference) => found.push(difference),
            None => alone.push(figure.name.clone()),
        }
    }
    (found, alone)
}

fn difference(group: &str, figure: &Figure, pairs: &[(f64, f64)]) -> Option<FigureDifference> {
    let mean = |values: Vec<f64>| Spread::of(&values).map(|spread| spread.mean);
    let spread = Spread::of(&pairs.iter().map(|(a, b)| b - a).collect::<Vec<_>>())?;
    let equal = pairs.iter().all(|(a, b)| a == b);
    let p = if equal { None } else { spread.paired() };
    let verdict = match (equal, pairs.len(), p) {
        (true, ..) => DifferenceVerdict::Equal,
        (false, 1, _) => DifferenceVerdict::DiffersInOnePair,
        (false, _, None) => DifferenceVerdict::Differs,
        (false, _, Some(_)) => DifferenceVerdict::WithinNoise,
    };
    Some(FigureDifference {
        group: group.to_owned(),
        figure: figure.name.clone(),
        unit: figure.unit,
        pairs: pairs.len() as u64,
        a: mean(pairs.iter().map(|(a, _)| *a).collect())?,
        b: mean(pairs.iter().map(|(_, b)| *b).collect())?,
        difference: spread.mean,
        interval: spread.ci95,
        p,
        p_corrected: None,
        verdict,
    })
}

/// Of probability, below which a difference is beyond noise; help, texts and docs name it.
const LEVEL: f64 = 0.05;
/// Listed in an error.
const MOST_SEEDS: usize = 10;
