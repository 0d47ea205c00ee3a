//! Which messages go to a peer or a broker, and which are taken from it.

use v2x_core::Position;
use v2x_proto::{Class, Shape};

use crate::message::MessageHead;

/// A choice of messages; what is `None` lets every message pass.
#[derive(Clone, Debug, PartialEq)]
pub struct Selection {
    /// Deadline classes.
    pub classes: Vec<Class>,
    /// Types, as numbers of `MessageType`.
    pub types: Option<Vec<u32>>,
    /// The place that they concern.
    pub area: Option<Circle>,
}

/// A circle on the ground.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Circle {
    /// Its centre.
    pub centre: Position,
    /// Its radius, metres, 1..=1000000.
    pub radius_m: u32,
}

impl Default for Selection {
    /// What stations take from afar: area hazards and background.
    fn default() -> Self {
        Self { classes: vec![Class::D3, Class::D5], types: None, area: None }
    }
}

impl Selection {
    /// No message at all.
    #[must_use]
    pub const fn nothing() -> Self {
        Self { classes: Vec::new(), types: None, area: None }
    }

    /// Whether a message passes.
    #[must_use]
    pub fn takes(&self, head: &MessageHead) -> bool {
        self.classes.contains(&head.class)
            && self.types.as_ref().is_none_or(|types| types.contains(&head.message_type))
            && self.area.is_none_or(|circle| circle.concerns(head))
    }
}

impl Circle {
    /// Whether the message's area, or the place where it was made when it has none, reaches into the circle. An area counts as the
    /// circle around it.
    fn concerns(&self, head: &MessageHead) -> bool {
        let (place, reach) = match &head.area {
            None => (Some(head.place), 0.0),
            Some(area) => {
                let (a, b) = (f64::from(area.distance_a_m), f64::from(area.distance_b_m));
                let reach = if area.shape == Shape::Rectangle { a.hypot(b) } else { a.max(b) };
                (Position::new(area.latitude, area.longitude), reach)
            }
        };
        place.is_some_and(|place| place.distance_m(self.centre) <= f64::from(self.radius_m) + reach)
    }
}
