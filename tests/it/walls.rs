//! Walls within the crates: modules in floors, dependencies that are used, one name for one type, plain words.
//!
//! The walls between the crates are `arrows.rs`.

// The rules.
mod cycles;
mod dependencies;
mod names;
mod words;

// Reading the sources: files, tokens, names, uses.
mod facts;
mod graph;
mod reader;
mod sources;
mod syntax;
mod tokens;
mod tree;
