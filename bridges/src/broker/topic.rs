//! Topics: `<prefix>/v1/<class>/<type>/<tile>/<name>`, made from signed fields alone.
//!
//! The class is `d0` to `d5`, the type its number on the wire. The tile has one level for each digit of its quadkey ([`Tile`]), widest
//! first, or `none` for a message that names neither an area nor a place: so one filter that ends in `#` takes a region, because
//! filters match whole levels. The name is the event's (`<origin>-<number>`) or the signer's digest. What is not a message is beside
//! `v1`: `<prefix>/status/<bridge>` and `<prefix>/rendezvous/<key>`.

use std::fmt::Write as _;

use v2x_proto::Class;

use super::tile::{Cover, Tile, cover};
use crate::message::MessageHead;
use crate::select::Selection;

/// The topics below one prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topics {
    prefix: String,
}

impl Topics {
    /// Below `prefix`: levels of letters, digits, `-`, `_` and `.`, with slashes between them, at most 64 bytes; `None` for any other.
    #[must_use]
    pub fn new(prefix: &str) -> Option<Self> {
        let level = |level: &str| {
            let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
            !level.is_empty() && level.bytes().all(allowed)
        };
        (prefix.len() <= LONGEST_PREFIX && prefix.split('/').all(level))
            .then(|| Self { prefix: prefix.to_owned() })
    }

    /// Where a message is published.
    #[must_use]
    pub fn of(&self, head: &MessageHead) -> String {
        let tile = match &head.area {
            Some(area) => Some(Tile::of_area(area)),
            None if head.place.is_unset() => None,
            None => Some(Tile::of_place(head.place)),
        };
        let mut topic = self.kind(Some(head.class), Some(head.message_type));
        match tile {
            Some(tile) => write!(topic, "/{tile}"),
            None => write!(topic, "/{NO_PLACE}"),
        }
        .expect(INTO_TEXT);
        match &head.event {
            Some(event) => write!(topic, "/{}-{}", event.id.origin, event.id.number),
            None => write!(topic, "/{}", head.signer),
        }
        .expect(INTO_TEXT);
        topic
    }

    /// Filters that together take every message of a selection, and few others.
    #[must_use]
    pub fn filters(&self, selection: &Selection) -> Vec<String> {
        let covers = selection.area.map_or_else(
            || vec![Cover::Within(Tile::GLOBE)],
            |area| cover(area.centre, f64::from(area.radius_m)),
        );
        let classes: Vec<Option<Class>> = match selection.classes.len() {
            0 => return Vec::new(),
            few if few < Class::ALL.len() => selection.classes.iter().copied().map(Some).collect(),
            _ => vec![None],
        };
        let types: Vec<Option<u32>> = match &selection.types {
            None => vec![None],
            // A filter for each would be many; what is too much is refused when it has come.
            Some(types) if types.len() * classes.len() * covers.len() > MOST_FILTERS => vec![None],
            Some(types) => types.iter().copied().map(Some).collect(),
        };
        let mut filters = Vec::new();
        for class in classes {
            for message_type in &types {
                let kind = self.kind(class, *message_type);
                filters.extend(covers.iter().map(|cover| match cover {
                    Cover::Within(Tile::GLOBE) => format!("{kind}/#"),
                    Cover::Within(tile) => format!("{kind}/{tile}/#"),
                    Cover::On(tile) => format!("{kind}/{tile}/+"),
                }));
            }
        }
        filters
    }

    /// Where a bridge says that it is there.
    #[must_use]
    pub fn status(&self, bridge: &str) -> String {
        format!("{}/status/{bridge}", self.prefix)
    }

    /// Where offers to meet for the bridge with this key are.
    #[must_use]
    pub fn rendezvous(&self, key: &str) -> String {
        format!("{}/rendezvous/{key}", self.prefix)
    }

    fn kind(&self, class: Option<Class>, message_type: Option<u32>) -> String {
        let mut kind = format!("{}/{VERSION}/", self.prefix);
        match class {
            Some(class) => write!(kind, "d{}", class.index()),
            None => write!(kind, "+"),
        }
        .expect(INTO_TEXT);
        match message_type {
            Some(number) => write!(kind, "/{number}"),
            None => write!(kind, "/+"),
        }
        .expect(INTO_TEXT);
        kind
    }
}

/// Of the scheme of topics.
const VERSION: &str = "v1";
const NO_PLACE: &str = "none";
const LONGEST_PREFIX: usize = 64;
/// Filters of one subscription: a packet of some 10 kB.
const MOST_FILTERS: usize = 200;
const INTO_TEXT: &str = "writing into a text never fails";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use testkit::craft::{self, Crafter};
    use v2x_core::{Instant, Position};

    use super::*;
    use crate::message::AirMessage;
    use crate::select::Circle;

    fn topics() -> Topics {
        Topics::new("roadcast").unwrap()
    }

    /// Whether a topic matches a filter (MQTT 5, 4.7.1).
    fn matches(filter: &str, topic: &str) -> bool {
        let mut levels = topic.split('/');
        for part in filter.split('/') {
            match (part, levels.next()) {
                ("#", _) => return true,
                ("+", Some(_)) => {}
                (part, Some(level)) if part == level => {}
                _ => return false,
            }
        }
        levels.next().is_none()
    }

    fn message(area_m: u32) -> AirMessage {
        let crafter = Crafter::station(3);
        let payload = craft::hazard(Instant::ZERO);
        let mut fields = crafter.fields_in(Class::D3, Instant::ZERO);
        fields.message_type = 2;
        fields.area = Some(craft::circle(area_m));
        fields.payload = &payload;
        AirMessage::read(crafter.full(&fields)).unwrap()
    }

    #[test]
    fn a_hazard_is_on_the_tile_of_its_area_under_the_name_of_its_event() {
        let hazard = message(500);
        let topic = topics().of(hazard.head());
        let tile = Tile::of_area(&craft::circle(500));
        let origin = Crafter::station(1).digest;
        assert_eq!(topic, format!("roadcast/v1/d3/2/{tile}/{origin}-1"));
        assert_eq!(topic.split('/').count(), 4 + 14 + 1);
    }

    #[test]
    fn a_message_without_area_is_where_it_was_made_and_one_without_place_nowhere() {
        let crafter = Crafter::station(3);
        let mut fields = crafter.fields_in(Class::D5, Instant::ZERO);
        let head = AirMessage::read(crafter.full(&fields)).unwrap();
        let place = Position::new(fields.latitude, fields.longitude).unwrap();
        let expected = format!("roadcast/v1/d5/37/{}/{}", Tile::of_place(place), crafter.digest);
        assert_eq!(topics().of(head.head()), expected);
        (fields.latitude, fields.longitude) = (0, 0);
        let head = AirMessage::read(crafter.full(&fields)).unwrap();
        assert_eq!(topics().of(head.head()), format!("roadcast/v1/d5/37/none/{}", crafter.digest));
    }

    #[test]
    fn filters_take_what_the_selection_takes() {
        let near = Circle { centre: testkit::PLACE, radius_m: 10_000 };
        let far = Circle { centre: testkit::PLACE.moved(60_000.0, 0.0), radius_m: 10_000 };
        for (area_m, selection, taken) in [
            (500, Selection::default(), true),
            (500, Selection { area: Some(near), ..Selection::default() }, true),
            (500, Selection { area: Some(far), ..Selection::default() }, false),
            (60_000, Selection { area: Some(far), ..Selection::default() }, true),
            (500, Selection { types: Some(vec![2, 5]), ..Selection::default() }, true),
            (500, Selection { types: Some(vec![5]), ..Selection::default() }, false),
            (500, Selection { classes: vec![Class::D5], ..Selection::default() }, false),
            (500, Selection { classes: Class::ALL.to_vec(), ..Selection::default() }, true),
            (500, Selection::nothing(), false),
        ] {
            let message = message(area_m);
            let topic = topics().of(message.head());
            let filters = topics().filters(&selection);
            assert_eq!(
                filters.iter().any(|filter| matches(filter, &topic)),
                taken,
                "{selection:?}: {filters:?}"
            );
            assert!(filters.len() <= MOST_FILTERS);
            assert_eq!(selection.takes(message.head()), taken, "{selection:?}");
        }
    }

    #[test]
    fn many_types_are_one_filter_because_the_rest_is_refused_when_it_comes() {
        let area = Some(Circle { centre: testkit::PLACE, radius_m: 10_000 });
        let selection = Selection { types: Some((1..100).collect()), area, ..Selection::default() };
        let filters = topics().filters(&selection);
        assert!(filters.len() < 40 && filters.iter().all(|filter| filter.contains("/+/")), "{filters:?}");
    }

    #[test]
    fn a_prefix_is_levels_of_plain_characters() {
        for good in ["roadcast", "lu/roads-2", "a.b_c"] {
            assert!(Topics::new(good).is_some(), "{good}");
        }
        let long = "a".repeat(65);
        for bad in ["", "/", "a/", "/a", "a//b", "a/+", "#", "$share/a", "ü", "a b", &long] {
            assert_eq!(Topics::new(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_prefix_is_taken_or_not(prefix in "\\PC{0,80}") {
            if let Some(topics) = Topics::new(&prefix) {
                prop_assert!(topics.status("a").starts_with(&prefix));
            }
        }
    }
}
