//! Reads a file with `syn` and takes down its facts.

use std::collections::BTreeMap;

use proc_macro2::{Ident, TokenStream};
use syn::{
    Attribute, Item, Visibility,
    visit::{self, Visit},
};

use super::{
    facts::{Declared, Defined, Facts, Import, Kind, Mention, Reach, Spelling},
    syntax::{attributes, is_for_tests, name, reach, segments, string_value, use_leaves},
    tokens,
};

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
    /// Names of the blocks around: what they stand for by a local `use`, or `None` for a local item.
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
                // `use area;` within a block adds nothing.
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
        let visibility = reach(&item.vis);
        for leaf in use_leaves(item) {
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
                    names.extend(
                        use_leaves(item).into_iter().filter_map(|leaf| Some((leaf.name?, Some(leaf.path)))),
                    );
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

    /// `pub(in crate::a)` limits the visibility, and needs nothing of `a`.
    fn visit_visibility(&mut self, _: &'ast Visibility) {}
}

/// Attributes that name no code.
const SILENT: [&str; 8] = ["doc", "cfg", "allow", "expect", "warn", "deny", "forbid", "path"];
