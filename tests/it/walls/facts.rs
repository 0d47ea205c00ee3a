//! What one file of Rust says about names: what it defines, what it imports, and every path it writes down.
//!
//! Read with `syn` and kept as plain text with line numbers, because a span is of no use on another thread.

use std::collections::BTreeMap;

use proc_macro2::{Ident, TokenStream, TokenTree};
use syn::{
    Attribute, Item, Visibility,
    visit::{self, Visit},
};

use super::tokens;

/// One file, or one `mod name { ... }` within a file.
#[derive(Debug, Default)]
pub struct Facts {
    pub items: Vec<Defined>,
    pub imports: Vec<Import>,
    pub mentions: Vec<Mention>,
    pub modules: Vec<Declared>,
    /// Files taken in by `include!`, as written.
    pub included: Vec<String>,
    /// The text of the doc comments, whose examples may name crates.
    pub documentation: String,
}

/// Something a module defines itself.
#[derive(Debug)]
pub struct Defined {
    pub name: String,
    pub kind: Kind,
    pub visibility: Reach,
    pub line: usize,
    pub test: bool,
    /// A macro with `#[macro_export]`: its path starts at the crate's root.
    pub exported: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Type,
    Value,
    Macro,
}

/// Who may name it, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    Public,
    /// `pub(crate)`, `pub(super)`, `pub(in ...)`.
    Restricted,
    Private,
}

/// One name that a `use` outside of functions brings into a module.
#[derive(Debug)]
pub struct Import {
    /// `None` for `*`.
    pub name: Option<String>,
    pub path: Vec<String>,
    pub visibility: Reach,
    pub test: bool,
}

/// A path as it is written, the leaf of a `use` tree included.
#[derive(Clone, Debug)]
pub struct Mention {
    /// `["crate", "a", "B"]`; the first is empty for a path that starts with `::`.
    pub path: Vec<String>,
    pub kind: Spelling,
    pub line: usize,
    /// Within code for `cfg(test)` alone.
    pub test: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spelling {
    Path,
    Macro,
    Use { glob: bool, reexport: bool },
}

#[derive(Debug)]
pub struct Declared {
    pub name: String,
    /// The argument of `#[path]`.
    pub file: Option<String>,
    pub visibility: Reach,
    pub test: bool,
    /// `None` when it has a file of its own.
    pub body: Option<Facts>,
}

/// Reads a whole file.
pub fn read(source: &str) -> Result<Facts, syn::Error> {
    let file = syn::parse_file(source)?;
    let mut reader = Reader { test: is_for_tests(&file.attrs), ..Reader::default() };
    for attribute in &file.attrs {
        reader.visit_attribute(attribute);
    }
    reader.module(&file.items);
    Ok(reader.facts)
}

#[derive(Default)]
struct Reader {
    facts: Facts,
    test: bool,
    /// Names of the blocks around: what a local `use` says they stand for, or `None` for a local item.
    blocks: Vec<BTreeMap<String, Option<Vec<String>>>>,
}

impl Reader {
    fn module(&mut self, items: &[Item]) {
        for item in items {
            self.define(item);
            self.visit_item(item);
        }
    }

    fn define(&mut self, item: &Item) {
        let test = self.test || is_for_tests(attributes(item));
        let defined: &[(Kind, &Ident, Reach)] = &match item {
            Item::Const(item) => [(Kind::Value, &item.ident, reach(&item.vis))],
            Item::Static(item) => [(Kind::Value, &item.ident, reach(&item.vis))],
            Item::Fn(item) => [(Kind::Value, &item.sig.ident, reach(&item.vis))],
            Item::Enum(item) => [(Kind::Type, &item.ident, reach(&item.vis))],
            Item::Struct(item) => [(Kind::Type, &item.ident, reach(&item.vis))],
            Item::Trait(item) => [(Kind::Type, &item.ident, reach(&item.vis))],
            Item::TraitAlias(item) => [(Kind::Type, &item.ident, reach(&item.vis))],
            Item::Type(item) => [(Kind::Type, &item.ident, reach(&item.vis))],
            Item::Union(item) => [(Kind::Type, &item.ident, reach(&item.vis))],
            Item::Macro(item) => return self.define_by_macro(item, test),
            _ => return,
        };
        for (kind, ident, visibility) in defined {
            let line = ident.span().start().line;
            self.define_name(ident.to_string(), *kind, *visibility, line, test);
        }
    }

    /// `macro_rules!` defines its name; a call of a macro may spell out types, which are then defined here.
    fn define_by_macro(&mut self, item: &syn::ItemMacro, test: bool) {
        if let Some(ident) = &item.ident {
            let line = ident.span().start().line;
            self.define_name(ident.to_string(), Kind::Macro, Reach::Private, line, test);
            let exported = item.attrs.iter().any(|attribute| attribute.path().is_ident("macro_export"));
            self.facts.items.last_mut().expect("just defined").exported = exported;
        }
        for (name, line) in tokens::public_types(item.mac.tokens.clone()) {
            self.define_name(name, Kind::Type, Reach::Public, line, test);
        }
    }

    fn define_name(&mut self, name: String, kind: Kind, visibility: Reach, line: usize, test: bool) {
        self.facts.items.push(Defined { name, kind, visibility, line, test, exported: false });
    }

    fn mention(&mut self, path: Vec<String>, kind: Spelling, line: usize) {
        if let Some(path) = self.out_of_blocks(path) {
            self.facts.mentions.push(Mention { path, kind, line, test: self.test });
        }
    }

    /// The path with a head imported by a block replaced by what it stands for; `None` for a local item.
    fn out_of_blocks(&self, mut path: Vec<String>) -> Option<Vec<String>> {
        for block in self.blocks.iter().rev() {
            match block.get(&path[0]) {
                // `use area;` within a block says nothing new.
                Some(Some(full)) if full[0] != path[0] => {
                    path.splice(0..1, full.iter().cloned());
                }
                Some(None) => return None,
                _ => {}
            }
        }
        Some(path)
    }

    fn scan(&mut self, tokens: TokenStream, strings: bool) {
        for found in tokens::paths(tokens, strings) {
            let kind = if found.bang { Spelling::Macro } else { Spelling::Path };
            self.mention(found.path, kind, found.line);
        }
    }

    fn within(&mut self, attributes: &[Attribute], visit: impl FnOnce(&mut Self)) {
        let before = self.test;
        self.test |= is_for_tests(attributes);
        visit(self);
        self.test = before;
    }
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item(&mut self, item: &'ast Item) {
        self.within(attributes(item), |reader| visit::visit_item(reader, item));
    }

    fn visit_impl_item(&mut self, item: &'ast syn::ImplItem) {
        let attributes: &[Attribute] = match item {
            syn::ImplItem::Const(item) => &item.attrs,
            syn::ImplItem::Fn(item) => &item.attrs,
            syn::ImplItem::Type(item) => &item.attrs,
            syn::ImplItem::Macro(item) => &item.attrs,
            _ => &[],
        };
        self.within(attributes, |reader| visit::visit_impl_item(reader, item));
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        self.within(&item.attrs, |reader| visit::visit_trait_item_fn(reader, item));
    }

    fn visit_field(&mut self, field: &'ast syn::Field) {
        self.within(&field.attrs, |reader| visit::visit_field(reader, field));
    }

    fn visit_field_value(&mut self, field: &'ast syn::FieldValue) {
        self.within(&field.attrs, |reader| visit::visit_field_value(reader, field));
    }

    fn visit_variant(&mut self, variant: &'ast syn::Variant) {
        self.within(&variant.attrs, |reader| visit::visit_variant(reader, variant));
    }

    fn visit_arm(&mut self, arm: &'ast syn::Arm) {
        self.within(&arm.attrs, |reader| visit::visit_arm(reader, arm));
    }

    fn visit_local(&mut self, local: &'ast syn::Local) {
        self.within(&local.attrs, |reader| visit::visit_local(reader, local));
    }

    fn visit_expr_block(&mut self, block: &'ast syn::ExprBlock) {
        self.within(&block.attrs, |reader| visit::visit_expr_block(reader, block));
    }

    fn visit_stmt_macro(&mut self, call: &'ast syn::StmtMacro) {
        self.within(&call.attrs, |reader| visit::visit_stmt_macro(reader, call));
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        for attribute in &item.attrs {
            self.visit_attribute(attribute);
        }
        let body = item.content.as_ref().map(|(_, items)| {
            let mut reader = Reader { test: self.test, ..Reader::default() };
            reader.module(items);
            reader.facts
        });
        self.facts.modules.push(Declared {
            name: name(&item.ident),
            file: item
                .attrs
                .iter()
                .find(|attribute| attribute.path().is_ident("path"))
                .and_then(string_value),
            visibility: reach(&item.vis),
            test: self.test,
            body,
        });
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        let start = if item.leading_colon.is_some() { vec![String::new()] } else { Vec::new() };
        let mut leaves = Vec::new();
        use_leaves(&item.tree, start, &mut leaves);
        let visibility = reach(&item.vis);
        for leaf in leaves {
            let (glob, reexport) = (leaf.name.is_none(), visibility != Reach::Private);
            self.mention(leaf.path.clone(), Spelling::Use { glob, reexport }, leaf.line);
            if self.blocks.is_empty() {
                let (name, path, test) = (leaf.name, leaf.path, self.test);
                self.facts.imports.push(Import { name, path, visibility, test });
            }
        }
    }

    fn visit_item_extern_crate(&mut self, item: &'ast syn::ItemExternCrate) {
        let (path, line) = (vec![String::new(), name(&item.ident)], item.ident.span().start().line);
        self.mention(path, Spelling::Use { glob: false, reexport: false }, line);
    }

    fn visit_block(&mut self, block: &'ast syn::Block) {
        let mut names = BTreeMap::new();
        for statement in &block.stmts {
            match statement {
                syn::Stmt::Item(Item::Use(item)) => {
                    let start = if item.leading_colon.is_some() { vec![String::new()] } else { Vec::new() };
                    let mut leaves = Vec::new();
                    use_leaves(&item.tree, start, &mut leaves);
                    names.extend(leaves.into_iter().filter_map(|leaf| Some((leaf.name?, Some(leaf.path)))));
                }
                syn::Stmt::Item(item) => {
                    let mut local = Reader::default();
                    local.define(item);
                    names.extend(local.facts.items.into_iter().map(|item| (item.name, None)));
                }
                _ => {}
            }
        }
        self.blocks.push(names);
        visit::visit_block(self, block);
        self.blocks.pop();
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let (segments, line) = segments(path);
        self.mention(segments, Spelling::Path, line);
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        let (segments, line) = segments(&call.path);
        if segments.last().is_some_and(|name| name == "include") {
            self.facts
                .included
                .extend(syn::parse2::<syn::LitStr>(call.tokens.clone()).map(|file| file.value()));
        }
        self.mention(segments, Spelling::Macro, line);
        self.scan(call.tokens.clone(), false);
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        let path = attribute.path();
        if path.is_ident("doc") {
            self.facts.documentation.extend(string_value(attribute));
            self.facts.documentation.push('\n');
        }
        if SILENT.iter().any(|name| path.is_ident(name)) {
            return;
        }
        if path.segments.len() > 1 {
            self.visit_path(path);
        }
        if let syn::Meta::List(list) = &attribute.meta {
            self.scan(list.tokens.clone(), true);
        }
    }

    /// `pub(in crate::a)` says who may look in, and needs nothing of `a`.
    fn visit_visibility(&mut self, _: &'ast Visibility) {}
}

/// Attributes that name no code.
const SILENT: [&str; 8] = ["doc", "cfg", "allow", "expect", "warn", "deny", "forbid", "path"];

struct Leaf {
    name: Option<String>,
    path: Vec<String>,
    line: usize,
}

fn use_leaves(tree: &syn::UseTree, mut path: Vec<String>, leaves: &mut Vec<Leaf>) {
    match tree {
        syn::UseTree::Path(next) => {
            path.push(name(&next.ident));
            use_leaves(&next.tree, path, leaves);
        }
        syn::UseTree::Group(group) => {
            for tree in &group.items {
                use_leaves(tree, path.clone(), leaves);
            }
        }
        syn::UseTree::Glob(glob) => {
            leaves.push(Leaf { name: None, path, line: glob.star_token.span.start().line });
        }
        syn::UseTree::Name(leaf) => {
            let line = leaf.ident.span().start().line;
            if leaf.ident != "self" || path.is_empty() {
                path.push(name(&leaf.ident));
            }
            leaves.push(Leaf { name: path.last().cloned(), path, line });
        }
        syn::UseTree::Rename(leaf) => {
            let line = leaf.ident.span().start().line;
            if leaf.ident != "self" || path.is_empty() {
                path.push(name(&leaf.ident));
            }
            leaves.push(Leaf { name: Some(name(&leaf.rename)), path, line });
        }
    }
}

fn segments(path: &syn::Path) -> (Vec<String>, usize) {
    let start = path.leading_colon.map(|_| String::new());
    let segments = start.into_iter().chain(path.segments.iter().map(|segment| name(&segment.ident)));
    (segments.collect(), path.segments.first().map_or(0, |segment| segment.ident.span().start().line))
}

/// `r#type` and `type` are the same name.
fn name(ident: &Ident) -> String {
    let name = ident.to_string();
    name.strip_prefix("r#").map_or(name.clone(), str::to_owned)
}

fn reach(visibility: &Visibility) -> Reach {
    match visibility {
        Visibility::Public(_) => Reach::Public,
        Visibility::Restricted(at) if !at.path.is_ident("self") => Reach::Restricted,
        _ => Reach::Private,
    }
}

fn string_value(attribute: &Attribute) -> Option<String> {
    let syn::Meta::NameValue(pair) = &attribute.meta else { return None };
    let syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) = &pair.value else { return None };
    Some(text.value())
}

/// Whether the code under these attributes is compiled for tests alone.
fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        syn::Meta::List(list) if list.path.is_ident("cfg") => demands_test(list.tokens.clone()),
        meta => meta.path().segments.last().is_some_and(|last| last.ident == "test" || last.ident == "bench"),
    })
}

fn demands_test(predicate: TokenStream) -> bool {
    let tokens: Vec<TokenTree> = predicate.into_iter().collect();
    match tokens.as_slice() {
        [TokenTree::Ident(word)] => word == "test",
        [TokenTree::Ident(word), TokenTree::Group(parts)] => {
            let tokens: Vec<TokenTree> = parts.stream().into_iter().collect();
            let mut parts =
                tokens.split(|token| matches!(token, TokenTree::Punct(comma) if comma.as_char() == ','));
            let demands = |part: &[TokenTree]| demands_test(part.iter().cloned().collect());
            (word == "all" && parts.clone().any(demands))
                || (word == "any" && parts.all(|part| part.is_empty() || demands(part)))
        }
        _ => false,
    }
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::ExternCrate(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::ForeignMod(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::TraitAlias(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}
