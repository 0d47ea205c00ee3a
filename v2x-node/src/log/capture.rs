//! What a test's own thread logs.

use std::cell::RefCell;
use std::sync::Once;

use serde_json::{Map, Value};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use super::entry::Entry;
use super::events;

/// Runs `work`, and returns the fields of each entry named `name` that it logged. All entries have the level and fields of the
/// documentation.
pub fn logged(name: &str, work: impl FnOnce()) -> Vec<Value> {
    // One for the whole process: whether anybody wants an event is asked once, of the subscriber of the thread that came first.
    static CAPTURE: Once = Once::new();
    CAPTURE.call_once(|| tracing::subscriber::set_global_default(Capture).unwrap());
    ENTRIES.set(Some(Vec::new()));
    work();
    let entries = ENTRIES.take().unwrap();
    for entry in entries.iter().filter(|entry| entry.event.is_some()) {
        let named = events::of(entry.name()).unwrap_or_else(|| panic!("{entry:?} is not documented"));
        assert_eq!(named.level, entry.level, "{entry:?}");
        for (field, _) in &entry.fields {
            assert!(named.fields.contains(&field.as_ref()), "{field} of {entry:?} is not documented");
        }
    }
    entries.iter().filter(|entry| entry.name() == name).map(fields).collect()
}

fn fields(entry: &Entry) -> Value {
    let fields = entry.fields.iter().map(|(name, value)| (name.to_string(), value.clone()));
    fields.collect::<Map<_, _>>().into()
}

thread_local! {
    /// What this thread logged since it began to be looked at.
    static ENTRIES: RefCell<Option<Vec<Entry>>> = const { RefCell::new(None) };
}

struct Capture;

impl Subscriber for Capture {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event()
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        ENTRIES.with_borrow_mut(|entries| entries.as_mut().map(|entries| entries.push(Entry::of(event))));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}
