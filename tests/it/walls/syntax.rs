//! Small questions to pieces of syntax.

use proc_macro2::{Ident, TokenStream, TokenTree};
use syn::{Attribute, Item, Visibility};

use super::facts::Reach;

/// One name out of a `use` tree.
pub struct Leaf {
    /// `None` for `*`.
    pub name: Option<String>,
    pub path: Vec<String>,
    pub line: usize,
}

pub fn use_leaves(item: &syn::ItemUse) -> Vec<Leaf> {
    let start = item.leading_colon.map(|_| String::new()).into_iter().collect();
    let mut leaves = Vec::new();
    leaves_below(&item.tree, start, &mut leaves);
    leaves
}

fn leaves_below(tree: &syn::UseTree, mut path: Vec<String>, leaves: &mut Vec<Leaf>) {
    match tree {
        syn::UseTree::Path(next) => {
            path.push(name(&next.ident));
            leaves_below(&next.tree, path, leaves);
        }
        syn::UseTree::Group(group) => {
            for tree in &group.items {
                leaves_below(tree, path.clone(), leaves);
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

pub fn segments(path: &syn::Path) -> (Vec<String>, usize) {
    let start = path.leading_colon.map(|_| String::new());
    let segments = start.into_iter().chain(path.segments.iter().map(|segment| name(&segment.ident)));
    (segments.collect(), path.segments.first().map_or(0, |segment| segment.ident.span().start().line))
}

/// `r#type` and `type` are the same name.
pub fn name(ident: &Ident) -> String {
    let name = ident.to_string();
    name.strip_prefix("r#").map_or(name.clone(), str::to_owned)
}

pub fn reach(visibility: &Visibility) -> Reach {
    match visibility {
        Visibility::Public(_) => Reach::Public,
        Visibility::Restricted(at) if !at.path.is_ident("self") => Reach::Restricted,
        _ => Reach::Private,
    }
}

pub fn string_value(attribute: &Attribute) -> Option<String> {
    let syn::Meta::NameValue(pair) = &attribute.meta else { return None };
    let syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) = &pair.value else { return None };
    Some(text.value())
}

/// Whether the code under these attributes is compiled for tests alone.
pub fn is_for_tests(attributes: &[Attribute]) -> bool {
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

pub fn attributes(item: &Item) -> &[Attribute] {
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
