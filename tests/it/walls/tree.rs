//! A crate's modules, read from its root file on, and what a path in one of them stands for.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use super::{
    facts::{self, Facts, Kind, Reach, Spelling},
    reader,
};

#[derive(Debug)]
pub struct Tree {
    pub name: String,
    pub modules: Vec<Module>,
}

#[derive(Debug)]
pub struct Module {
    /// `a::b`; empty for the crate's root.
    pub path: String,
    pub parent: Option<usize>,
    pub children: Vec<Child>,
    /// As given to the reader: from the repository's root.
    pub file: PathBuf,
    /// Of the file, and so of an inline module's file too.
    pub lines: usize,
    /// Made by a program: its own paths are not checked.
    pub generated: bool,
    pub test: bool,
    pub facts: Facts,
}

#[derive(Debug)]
pub struct Child {
    pub name: String,
    pub module: usize,
    visibility: Reach,
    test: bool,
}

/// What a path ends at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    Module(usize),
    /// Something that this module's own file defines.
    Definition(usize, Kind),
    /// Another crate's.
    Foreign,
}

pub const ROOT: usize = 0;

impl Tree {
    /// Reads a crate. `file` gives a file's text, if there is such a file.
    pub fn read(name: &str, root: &Path, file: &dyn Fn(&Path) -> Option<String>) -> Self {
        let mut tree = Self { name: name.to_owned(), modules: Vec::new() };
        let source = file(root).unwrap_or_else(|| panic!("{}: no such file", root.display()));
        let place = Place { path: String::new(), parent: None, test: false, file: root };
        let folder = root.parent().expect("a file is in a folder");
        tree.add_file(&place, &source, folder, file);
        tree
    }

    /// A crate of these files in `src`.
    pub fn of_strings(files: &[(&str, &str)]) -> Self {
        let files: BTreeMap<_, _> =
            files.iter().map(|(name, text)| (Path::new("src").join(name), *text)).collect();
        Self::read("k", Path::new("src/lib.rs"), &|path| files.get(path).map(|text| (*text).to_owned()))
    }

    fn add_file(
        &mut self,
        place: &Place<'_>,
        source: &str,
        folder: &Path,
        file: &dyn Fn(&Path) -> Option<String>,
    ) -> usize {
        let generated = source.lines().next().is_some_and(|line| line.contains("@generated"));
        let facts = reader::read(source).unwrap_or_else(|error| {
            panic!("{}:{}: {error}", place.file.display(), error.span().start().line)
        });
        self.add(place, facts, source.lines().count(), generated, folder, file)
    }

    /// `folder` is where the files of the module's children are.
    fn add(
        &mut self,
        place: &Place<'_>,
        mut facts: Facts,
        lines: usize,
        mut generated: bool,
        folder: &Path,
        file: &dyn Fn(&Path) -> Option<String>,
    ) -> usize {
        let here = place.file.parent().expect("a file is in a folder");
        for included in &facts.included {
            // What a build script writes is not among the sources.
            if let Some(source) = file(&here.join(included)) {
                generated = true;
                let inside = reader::read(&source).expect("an included file is Rust");
                facts.mentions.extend(all_mentions(inside));
            }
        }
        let id = self.modules.len();
        let declared = std::mem::take(&mut facts.modules);
        self.modules.push(Module {
            path: place.path.clone(),
            parent: place.parent,
            children: Vec::new(),
            file: place.file.to_path_buf(),
            lines,
            generated,
            test: place.test,
            facts,
        });
        for child in declared {
            let path = match place.path.as_str() {
                "" => child.name.clone(),
                path => format!("{path}::{}", child.name),
            };
            let below = folder.join(&child.name);
            let test = place.test || child.test;
            let module = if let Some(body) = child.body {
                let place = Place { path, parent: Some(id), test, file: place.file };
                self.add(&place, body, lines, generated, &below, file)
            } else {
                let usual = [folder.join(format!("{}.rs", child.name)), below.join("mod.rs")];
                let named = child.file.as_ref().map(|name| here.join(name));
                let candidates = named.map_or(usual.to_vec(), |file| vec![file]);
                let (at, source) = candidates
                    .iter()
                    .find_map(|path| Some((path, file(path)?)))
                    .unwrap_or_else(|| panic!("{}: no file for `mod {}`", place.file.display(), child.name));
                let below = if child.file.is_some() { at.parent().expect("in a folder") } else { &below };
                let place = Place { path, parent: Some(id), test, file: at };
                self.add_file(&place, &source, below, file)
            };
            self.modules[id].children.push(Child {
                name: child.name,
                module,
                visibility: child.visibility,
                test,
            });
        }
        id
    }

    /// What `path`, written in module `from`, stands for: several things when a name has several meanings,
    /// and nothing when its head is a variable, a parameter, or a name of the language.
    pub fn resolve(&self, from: usize, path: &[String], kind: Spelling) -> Vec<Target> {
        let found = self.follow(from, path, &mut Vec::new());
        if found.is_empty() && kind == Spelling::Macro && path.len() == 1 {
            return self.textual_macro(from, &path[0]).into_iter().collect();
        }
        found
    }

    /// Whether the head of `path`, written in `from`, is a crate's name.
    pub fn is_foreign(&self, from: usize, path: &[String]) -> bool {
        match path[0].as_str() {
            "" => true,
            "crate" | "self" | "super" | "Self" => false,
            head => {
                let module = &self.modules[from];
                let imported = |import: &facts::Import| import.name.as_deref() == Some(head);
                // `use head;` and `use head::{self, ...}` give the crate its own name.
                module
                    .facts
                    .imports
                    .iter()
                    .filter(|import| imported(import))
                    .all(|import| import.path[0] == head)
                    && module.children.iter().all(|child| child.name != head)
                    && module.facts.items.iter().all(|item| item.name != head)
            }
        }
    }

    pub fn is_within(&self, module: usize, tree: usize) -> bool {
        self.ancestry(module).contains(&tree)
    }

    /// The module, its parent, and so on to the root.
    pub fn ancestry(&self, module: usize) -> Vec<usize> {
        std::iter::successors(Some(module), |module| self.modules[*module].parent).collect()
    }

    fn follow(&self, from: usize, path: &[String], seen: &mut Vec<(usize, String)>) -> Vec<Target> {
        let Some(head) = path.first() else { return Vec::new() };
        let mut found = match head.as_str() {
            "" => return vec![Target::Foreign],
            "crate" => vec![Target::Module(ROOT)],
            "self" => vec![Target::Module(from)],
            "super" => self.modules[from].parent.map(Target::Module).into_iter().collect(),
            name => self.lookup(from, name, from, seen),
        };
        for name in &path[1..] {
            // Only a module or a type has names below it.
            if found.iter().any(|target| !matches!(target, Target::Definition(_, Kind::Value | Kind::Macro)))
            {
                found.retain(|target| !matches!(target, Target::Definition(_, Kind::Value | Kind::Macro)));
            }
            let mut next = Vec::new();
            for target in found {
                match target {
                    Target::Module(module) if name == "super" => {
                        next.extend(self.modules[module].parent.map(Target::Module));
                    }
                    Target::Module(module) => {
                        let below = self.lookup(module, name, from, seen);
                        // A name made by a macro, or in code that was not read, is the module's.
                        let unknown = below.is_empty().then_some(Target::Definition(module, Kind::Type));
                        next.extend(below.into_iter().chain(unknown));
                    }
                    other => next.push(other),
                }
            }
            next.dedup();
            found = next;
        }
        found
    }

    /// What `name` means in `module` when used in `from`.
    fn lookup(&self, module: usize, name: &str, from: usize, seen: &mut Vec<(usize, String)>) -> Vec<Target> {
        let key = (module, name.to_owned());
        if seen.contains(&key) {
            return Vec::new();
        }
        seen.push(key);
        let inside = self.is_within(from, module);
        let visible = |visibility: Reach| inside || visibility != Reach::Private;
        let here = &self.modules[module];
        let mut found: Vec<Target> = Vec::new();
        for child in here.children.iter().filter(|child| child.name == name) {
            if visible(child.visibility) && !child.test {
                found.push(Target::Module(child.module));
            }
        }
        for item in here.facts.items.iter().filter(|item| item.name == name && !item.test) {
            if visible(item.visibility) {
                found.push(Target::Definition(module, item.kind));
            }
        }
        for import in here.facts.imports.iter().filter(|import| import.name.as_deref() == Some(name)) {
            if visible(import.visibility) && !import.test {
                let meant = self.follow(module, &import.path, seen);
                found.extend(own_what_is_foreign(meant, module, from));
            }
        }
        if found.is_empty() {
            for import in here.facts.imports.iter().filter(|import| import.name.is_none()) {
                if visible(import.visibility) && !import.test {
                    for target in self.follow(module, &import.path, seen) {
                        if let Target::Module(below) = target {
                            found.extend(self.lookup(below, name, module, seen));
                        }
                    }
                }
            }
        }
        if found.is_empty() && module == ROOT {
            found.extend(self.exported_macro(name));
        }
        seen.pop();
        found.sort_by_key(|target| format!("{target:?}"));
        found.dedup();
        found
    }

    fn exported_macro(&self, name: &str) -> Option<Target> {
        self.modules.iter().enumerate().find_map(|(id, module)| {
            let defines = |item: &facts::Defined| item.exported && item.name == name && !item.test;
            module.facts.items.iter().any(defines).then_some(Target::Definition(id, Kind::Macro))
        })
    }

    /// `macro_rules!` reaches everything below it in the text, without a path.
    fn textual_macro(&self, from: usize, name: &str) -> Option<Target> {
        self.ancestry(from).into_iter().find_map(|module| {
            let defines = |item: &facts::Defined| item.kind == Kind::Macro && item.name == name;
            let found = self.modules[module].facts.items.iter().any(defines);
            found.then_some(Target::Definition(module, Kind::Macro))
        })
    }
}

/// A foreign name that a module passes on is the module's to those outside; in the module it is foreign. An import
/// that leads nowhere starts with the name of a crate.
fn own_what_is_foreign(meant: Vec<Target>, module: usize, from: usize) -> Vec<Target> {
    let meant = if meant.is_empty() { vec![Target::Foreign] } else { meant };
    let owned = |target| match target {
        Target::Foreign if module != from => Target::Definition(module, Kind::Type),
        other => other,
    };
    meant.into_iter().map(owned).collect()
}

struct Place<'a> {
    path: String,
    parent: Option<usize>,
    test: bool,
    file: &'a Path,
}

fn all_mentions(facts: Facts) -> Vec<facts::Mention> {
    let below = facts.modules.into_iter().filter_map(|child| child.body).flat_map(all_mentions);
    facts.mentions.into_iter().chain(below).collect()
}
