//! What a unit runs of what its operator gives it, as its status on a broker says it.

use std::fmt;
use std::sync::Arc;

use serde_json::Value;

/// Asks for that list whenever a status is written.
#[derive(Clone)]
pub struct Updates(Option<Arc<dyn Fn() -> Value + Send + Sync>>);

impl Updates {
    /// Of a bridge without an operator.
    #[must_use]
    pub const fn none() -> Self {
        Self(None)
    }

    /// `ask` gives the list: an object for each kind, with `name`, `version`, `last_version`, `last_result` and what else it has.
    #[must_use]
    pub fn new(ask: impl Fn() -> Value + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(ask)))
    }

    /// What is known of each kind of which anything is, in few words; null without an operator.
    pub(super) fn list(&self) -> Value {
        let Some(ask) = &self.0 else { return Value::Null };
        let Value::Array(kinds) = ask() else { return Value::Null };
        kinds.into_iter().filter_map(shortened).collect()
    }
}

/// What is null of it is left out; nothing where only its name is left.
fn shortened(kind: Value) -> Option<Value> {
    let Value::Object(kind) = kind else { return None };
    let told = |name: &&str| kind.get(*name).is_some_and(|value| !value.is_null());
    let told: Vec<&str> = TOLD.iter().copied().filter(|name| told(name)).collect();
    if told.len() < 2 {
        return None;
    }
    Some(told.into_iter().map(|name| (name.to_owned(), kind[name].clone())).collect())
}

impl fmt::Debug for Updates {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_tuple("Updates").field(&self.0.is_some()).finish()
    }
}

/// The name first; without details, which can be the output of a command.
const TOLD: [&str; 8] =
    ["name", "version", "since_unix_s", "runs", "last_version", "last_result", "last_exit", "last_unix_s"];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_is_known_is_told_and_no_output_of_commands() {
        let updates = Updates::new(|| {
            json!([
                { "name": "revocation", "version": 4, "floor": 4, "last_result": "applied", "last_detail": "text" },
                { "name": "trust", "version": null, "floor": 0, "last_result": null },
            ])
        });
        let told = json!([{ "name": "revocation", "version": 4, "last_result": "applied" }]);
        assert_eq!(updates.list(), told);
        assert_eq!(Updates::none().list(), Value::Null);
    }
}
