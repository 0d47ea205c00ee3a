//! Paths among the tokens of macros: their bodies, their arguments, and the arguments of attributes.
//!
//! What a macro makes of its tokens is unknown here, so everything that has the form of a path counts.

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};

#[derive(Debug, PartialEq, Eq)]
pub struct Found {
    pub path: Vec<String>,
    /// It is the name of a macro, called.
    pub bang: bool,
    pub line: usize,
}

/// With `strings`, string literals that read as a path count too (`#[serde(with = "crate::hex")]`).
pub fn paths(tokens: TokenStream, strings: bool) -> Vec<Found> {
    let mut found = Vec::new();
    scan(tokens, strings, &mut found);
    found
}

/// `pub struct Name` and its like, and the line of each.
pub fn public_types(tokens: TokenStream) -> Vec<(String, usize)> {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut types = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Group(group) => types.extend(public_types(group.stream())),
            TokenTree::Ident(word) if *word == "pub" => {
                if let (Some(TokenTree::Ident(kind)), Some(TokenTree::Ident(name))) =
                    (tokens.get(at + 1), tokens.get(at + 2))
                    && TYPES.iter().any(|word| kind == word)
                {
                    types.push((name.to_string(), name.span().start().line));
                }
            }
            _ => {}
        }
    }
    types
}

const TYPES: [&str; 5] = ["struct", "enum", "trait", "type", "union"];

fn scan(tokens: TokenStream, strings: bool, found: &mut Vec<Found>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut at = 0;
    while at < tokens.len() {
        match &tokens[at] {
            TokenTree::Group(group) => scan(group.stream(), strings, found),
            TokenTree::Literal(literal) if strings => {
                let text = syn::parse_str::<syn::LitStr>(&literal.to_string());
                if let Ok(path) = text.and_then(|text| text.parse_with(syn::Path::parse_mod_style)) {
                    let start = path.leading_colon.map(|_| String::new());
                    let names = path.segments.iter().map(|segment| segment.ident.to_string());
                    let path = start.into_iter().chain(names).collect();
                    found.push(Found { path, bang: false, line: literal.span().start().line });
                }
            }
            // A field, a method, or a lifetime; `..` stands before a value.
            TokenTree::Punct(mark)
                if matches!(mark.as_char(), '.' | '\'')
                    && !(at > 0 && is_mark(&tokens[at - 1], '.'))
                    && matches!(tokens.get(at + 1), Some(TokenTree::Ident(_))) =>
            {
                at += 1;
            }
            TokenTree::Punct(mark) if mark.as_char() == '$' => {
                if matches!(tokens.get(at + 1), Some(TokenTree::Ident(word)) if *word != "crate") {
                    at += 1;
                    // `$head::tail` is a path of the caller.
                    while is_separator(&tokens, at + 1) {
                        at += 3;
                    }
                }
            }
            TokenTree::Punct(_) if is_separator(&tokens, at) => {
                at += 2;
                at = path(&tokens, at, vec![String::new()], found);
                continue;
            }
            TokenTree::Ident(_) => {
                at = path(&tokens, at, Vec::new(), found);
                continue;
            }
            _ => {}
        }
        at += 1;
    }
}

/// Reads one path from its first name on, and gives the place behind it.
fn path(tokens: &[TokenTree], mut at: usize, mut names: Vec<String>, found: &mut Vec<Found>) -> usize {
    let Some(TokenTree::Ident(first)) = tokens.get(at) else { return at };
    let line = first.span().start().line;
    while let Some(TokenTree::Ident(name)) = tokens.get(at) {
        names.push(name.to_string().trim_start_matches("r#").to_owned());
        at += 1;
        if !is_separator(tokens, at) {
            break;
        }
        match tokens.get(at + 2) {
            Some(TokenTree::Ident(_)) => at += 2,
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                use_group(group.stream(), &names, found);
                return at + 3;
            }
            _ => break,
        }
    }
    let bang = tokens.get(at).is_some_and(|token| is_mark(token, '!'))
        && matches!(tokens.get(at + 1), Some(TokenTree::Group(_)));
    let called = matches!(tokens.get(at), Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis);
    // A single small word is a variable, a field or a keyword, unless it is called.
    if names.len() > 1 || bang || called || names[0].starts_with(char::is_uppercase) {
        found.push(Found { path: names, bang, line });
    }
    at
}

/// `{B, c::{D, E}, self}` behind `use crate::a::`.
fn use_group(tokens: TokenStream, prefix: &[String], found: &mut Vec<Found>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    for part in tokens.split(|token| is_mark(token, ',')) {
        match part.first() {
            Some(TokenTree::Ident(word)) if word != "self" => {
                path(part, 0, prefix.to_vec(), found);
            }
            Some(TokenTree::Ident(word)) => {
                found.push(Found { path: prefix.to_vec(), bang: false, line: word.span().start().line });
            }
            _ => {}
        }
    }
}

fn is_separator(tokens: &[TokenTree], at: usize) -> bool {
    matches!(tokens.get(at), Some(TokenTree::Punct(mark)) if mark.as_char() == ':' && mark.spacing() == Spacing::Joint)
        && tokens.get(at + 1).is_some_and(|token| is_mark(token, ':'))
}

fn is_mark(token: &TokenTree, mark: char) -> bool {
    matches!(token, TokenTree::Punct(found) if found.as_char() == mark)
}

#[test]
fn paths_in_tokens_are_found() {
    let found = |text: &str| -> Vec<String> {
        paths(text.parse().unwrap(), true).into_iter().map(|found| found.path.join("::")).collect()
    };
    assert_eq!(found("\"{}\", crate::a::B, self.field.method(x), 'a"), ["crate::a::B"]);
    assert_eq!(found("$name::x, $crate::y::z(), ..c::D, e!(f::G)"), ["crate::y::z", "c::D", "e", "f::G"]);
    assert_eq!(found("use a::{B, c::{D, self}, *};"), ["a::B", "a::c::D", "a::c"]);
    assert_eq!(found("with = \"crate::hex\", rename = \"kebab-case\""), ["crate::hex"]);
    assert_eq!(found("Limit, small, called(), ::x::y, a::<B>::c"), ["Limit", "called", "::x::y", "B", "::c"]);
    let types: Vec<String> =
        public_types("pub enum A { B } pub(crate) struct C; pub fn d() {}".parse().unwrap())
            .into_iter()
            .map(|(name, _)| name)
            .collect();
    assert_eq!(types, ["A"]);
}
