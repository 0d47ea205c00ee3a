//! Which modules of a crate use which, level by level, and the cycles in it.
//!
//! A level is a module with its children; the crate's root is the topmost. Its nodes are the children, each with
//! all that is below it, and the module's own file. A use counts at one level: where the two files part. What a
//! module's own file passes on from below (`pub use`) is no use of it, and such a name leads to where the thing
//! is defined, past all that pass it on.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use super::{
    facts::Spelling,
    tree::{ROOT, Target, Tree},
};

/// The uses of one module's children and own file among each other.
#[derive(Debug, Default)]
pub struct Level {
    /// From, to, and where: `file:line path`.
    pub edges: BTreeMap<(String, String), Vec<String>>,
}

/// The levels of a crate by the path of their module.
pub fn levels(tree: &Tree) -> BTreeMap<String, Level> {
    let mut levels: BTreeMap<String, Level> = BTreeMap::new();
    for (from, module) in tree.modules.iter().enumerate() {
        if module.test || module.generated {
            continue;
        }
        for mention in module.facts.mentions.iter().filter(|mention| !mention.test) {
            for target in tree.resolve(from, &mention.path, mention.kind) {
                let Some(to) = used(tree, from, target, mention.kind) else { continue };
                let Some((level, edge)) = parting(tree, from, to) else { continue };
                let place = format!("{}:{} {}", module.file.display(), mention.line, mention.path.join("::"));
                let uses = levels.entry(level).or_default().edges.entry(edge).or_default();
                if !uses.contains(&place) {
                    uses.push(place);
                }
            }
        }
    }
    levels
}

/// The cycles of all levels, in words; empty if there are none.
pub fn cycles(tree: &Tree) -> Vec<String> {
    let mut cycles = Vec::new();
    for (path, level) in levels(tree) {
        for knot in level.knots() {
            let names: Vec<&str> = knot.iter().map(String::as_str).collect();
            let mut text =
                format!("{}: {} in a cycle: {}", title(tree, &path), names.len(), names.join(", "));
            for ((from, to), uses) in &level.edges {
                if knot.contains(from) && knot.contains(to) {
                    let count = uses.len();
                    write!(text, "\n    {from} -> {to} ({count}): {}", uses[0]).expect("writes to text");
                }
            }
            cycles.push(text);
        }
    }
    cycles
}

/// Every edge of every level, a line each.
pub fn edges(tree: &Tree) -> String {
    let mut text = String::new();
    for (path, level) in levels(tree) {
        for ((from, to), uses) in &level.edges {
            let (title, count) = (title(tree, &path), uses.len());
            writeln!(text, "{title}: {from} -> {to} ({count}): {}", uses.join("; ")).expect("writes to text");
        }
    }
    text
}

impl Level {
    /// The sets of nodes each of which reaches each other.
    pub fn knots(&self) -> Vec<BTreeSet<String>> {
        let mut knots: Vec<BTreeSet<String>> = Vec::new();
        let reached: BTreeMap<&str, BTreeSet<&str>> =
            self.edges.keys().map(|(from, _)| (from.as_str(), self.reach(from))).collect();
        for (node, reach) in &reached {
            if !reach.contains(node) || knots.iter().any(|knot| knot.contains(*node)) {
                continue;
            }
            let mutual =
                reach.iter().filter(|other| reached.get(*other).is_some_and(|back| back.contains(node)));
            knots.push(mutual.map(|name| (*name).to_owned()).collect());
        }
        knots
    }

    fn reach(&self, start: &str) -> BTreeSet<&str> {
        let mut reached = BTreeSet::new();
        let mut open = vec![start];
        while let Some(node) = open.pop() {
            for (from, to) in self.edges.keys() {
                if from == node && reached.insert(to.as_str()) {
                    open.push(to);
                }
            }
        }
        reached
    }
}

/// The module whose file is needed, if the mention needs one.
fn used(tree: &Tree, from: usize, target: Target, kind: Spelling) -> Option<usize> {
    let to = match (target, kind) {
        (Target::Definition(module, _), _) => module,
        // Of a module named for the sake of what is in it, only what is used of it counts. `*` uses all of it.
        (Target::Module(module), Spelling::Use { glob: true, .. })
            if !tree.modules[module].facts.items.is_empty() =>
        {
            module
        }
        _ => return None,
    };
    let passed_on = matches!(kind, Spelling::Use { reexport: true, .. }) && tree.is_within(to, from);
    (!passed_on).then_some(to)
}

/// The level where the ways from the root to the two modules part, and the nodes they go to there.
fn parting(tree: &Tree, from: usize, to: usize) -> Option<(String, (String, String))> {
    if from == to {
        return None;
    }
    let (from, to) = (tree.ancestry(from), tree.ancestry(to));
    let shared = from.iter().rev().zip(to.iter().rev()).take_while(|(from, to)| from == to).count();
    let level = from[from.len() - shared];
    let node = |way: &[usize]| match way.len() - shared {
        0 => own_file(tree, level),
        left => tree.modules[way[left - 1]].path.rsplit("::").next().unwrap_or_default().to_owned(),
    };
    Some((tree.modules[level].path.clone(), (node(&from), node(&to))))
}

/// Not a name that a module can have.
fn own_file(tree: &Tree, module: usize) -> String {
    let file = tree.modules[module].file.file_name().expect("a file has a name").to_string_lossy();
    format!("[{file}]")
}

fn title(tree: &Tree, path: &str) -> String {
    if path == tree.modules[ROOT].path { tree.name.clone() } else { format!("{}::{path}", tree.name) }
}
