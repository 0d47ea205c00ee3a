//! Which events of a topic a program wants: looked at before anything is encoded.

use v2x_api::{MessageFilter, Standing};
use v2x_core::{Plane, Position, TrustLevel};
use v2x_proto::Class;

/// Which events of a topic a program wants.
#[derive(Clone, Debug, Default)]
pub enum Filter {
    /// All of them.
    #[default]
    All,
    /// Messages such as these.
    Messages(MessageWish),
    /// Frames dropped for these reasons.
    Reasons(Vec<String>),
}

/// Which messages a program wants, in the form in which it is looked at.
#[derive(Clone, Debug)]
pub struct MessageWish {
    /// Bits of the types' numbers, below 64.
    types: u64,
    classes: u8,
    standing: u8,
    /// The plane about the centre, and the square of the radius.
    area: Option<(Plane, f64)>,
    verified: Option<bool>,
    payload: bool,
    own: bool,
    credential: bool,
}

/// What of a message decides whether it is wanted.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// Number of its type.
    pub message_type: u32,
    /// Its class.
    pub class: Class,
    /// Where it was generated.
    pub position: Position,
    /// Of its signer.
    pub standing: TrustLevel,
    /// Whether its signature was verified.
    pub verified: bool,
    /// Whether this station signed it.
    pub own: bool,
}

impl MessageWish {
    /// What a request asks for.
    pub fn of(filter: &MessageFilter) -> Self {
        let types = filter.types.as_ref().map_or(u64::MAX, |types| {
            types.iter().fold(0, |bits, one| bits | 1u64.checked_shl(*one as u32).unwrap_or(0))
        });
        let classes = filter.classes.as_ref();
        let standing = filter.standing.as_ref();
        let area = filter.area.map(|circle| {
            let (latitude, longitude) = (circle.centre.latitude, circle.centre.longitude);
            let radius = f64::from(circle.radius_m);
            (Plane::at(Position { latitude, longitude }), radius * radius)
        });
        Self {
            types,
            classes: classes.map_or(u8::MAX, |all| all.iter().fold(0, |bits, one| bits | 1 << one.index())),
            standing: standing.map_or(u8::MAX, |all| all.iter().fold(0, |bits, one| bits | bit(*one))),
            area,
            verified: filter.verified,
            payload: filter.payload,
            own: filter.own,
            credential: filter.credential,
        }
    }

    /// Whether it wants this message.
    pub fn wants(&self, facts: &Facts) -> bool {
        let bit_of_type = 1u64.checked_shl(facts.message_type).unwrap_or(0);
        self.types & bit_of_type != 0
            && self.classes & 1 << facts.class.index() != 0
            && self.standing & 1 << facts.standing as u8 != 0
            && self.verified.is_none_or(|verified| verified == facts.verified)
            && (self.own || !facts.own)
            && self.area.is_none_or(|(plane, most)| plane.distance_2(facts.position) <= most)
    }

    /// Whether it wants the payload.
    pub fn payload(&self) -> bool {
        self.payload
    }

    /// Whether it wants the signed bytes with their signer's credential.
    pub fn credential(&self) -> bool {
        self.credential
    }

    /// Whether it wants the station's own messages.
    pub fn own(&self) -> bool {
        self.own
    }
}

fn bit(standing: Standing) -> u8 {
    let level = match standing {
        Standing::Trusted => TrustLevel::Trusted,
        Standing::Suspect => TrustLevel::Suspect,
        Standing::Isolated => TrustLevel::Isolated,
    };
    1 << level as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use v2x_api::{Circle, Point};
    use v2x_proto::v1::MessageType;

    const HERE: Position = Position { latitude: 496_000_000, longitude: 61_000_000 };

    fn beacon() -> Facts {
        Facts {
            message_type: MessageType::Awareness as u32,
            class: Class::D2,
            position: HERE,
            standing: TrustLevel::Trusted,
            verified: true,
            own: false,
        }
    }

    fn wants(filter: MessageFilter, facts: Facts) -> bool {
        MessageWish::of(&filter).wants(&facts)
    }

    #[test]
    fn each_key_keeps_away_what_it_does_not_name() {
        let all = MessageFilter::default;
        assert!(wants(all(), beacon()));
        assert!(!wants(all(), Facts { own: true, ..beacon() }), "own ones are asked for");
        assert!(wants(MessageFilter { own: true, ..all() }, Facts { own: true, ..beacon() }));
        let hazards = MessageFilter { types: Some(vec![MessageType::Hazard, MessageType::Echo]), ..all() };
        assert!(!wants(hazards.clone(), beacon()));
        assert!(wants(hazards.clone(), Facts { message_type: MessageType::Echo as u32, ..beacon() }));
        assert!(!wants(hazards, Facts { message_type: u32::MAX, ..beacon() }));
        let urgent = MessageFilter { classes: Some(vec![Class::D0, Class::D3]), ..all() };
        assert!(!wants(urgent.clone(), beacon()) && wants(urgent, Facts { class: Class::D3, ..beacon() }));
        let odd = MessageFilter { standing: Some(vec![Standing::Suspect]), ..all() };
        assert!(!wants(odd.clone(), beacon()));
        assert!(wants(odd, Facts { standing: TrustLevel::Suspect, ..beacon() }));
        let unverified = MessageFilter { verified: Some(false), ..all() };
        assert!(!wants(unverified, beacon()));
    }

    #[test]
    fn an_area_is_about_where_a_message_was_generated() {
        let centre = Point { latitude: HERE.latitude, longitude: HERE.longitude };
        let near = MessageFilter { area: Some(Circle { centre, radius_m: 100 }), ..MessageFilter::default() };
        let at = |north| Facts { position: HERE.moved(0.0, north), ..beacon() };
        assert!(wants(near.clone(), at(99.0)) && !wants(near, at(101.0)));
        let pole = Point { latitude: 900_000_000, longitude: 1_800_000_000 };
        let ocean =
            MessageFilter { area: Some(Circle { centre: pole, radius_m: 1 }), ..MessageFilter::default() };
        assert!(!wants(ocean, beacon()), "a filter that matches nothing is one, too");
    }
}
