//! Turns a client's declaration into a draft for the core.

use core::time::Duration;

use v2x_api::{BadRequest, CAUSE_RIGHT, Declaration, Place, Point};
use v2x_core::{HazardDraft, HazardRepeat, KnownHazard, Position, WireTime};
use v2x_proto::Class;

/// A new event for the core: the fields given here, and defaults for the rest. `station` is where the station
/// is.
///
/// # Errors
/// No cause; an area around an event whose position is unknown.
pub(super) fn new_event(said: &Declaration, station: Option<Position>) -> Result<HazardDraft, BadRequest> {
    let cause = said.cause.ok_or_else(|| BadRequest::new(format!("cause is missing: {CAUSE_RIGHT}")))?;
    over(HazardDraft::new(said.class.unwrap_or(Class::D3), cause), said, station)
}

/// A known event with the fields given here changed, at `now`. Its area moves with it, unless it was about some
/// other place.
///
/// # Errors
/// Another class than the event has; an area around an event whose position is unknown.
pub(super) fn change(
    said: &Declaration,
    known: &KnownHazard,
    station: Option<Position>,
    now: WireTime,
) -> Result<HazardDraft, BadRequest> {
    if said.class.is_some_and(|class| class != known.class) {
        let right = "cancel it and declare another";
        return Err(BadRequest::new(format!(
            "class: an event keeps its own, which is {}; {right}",
            known.class
        )));
    }
    let draft = HazardDraft {
        sub_cause: known.sub_cause,
        position: Some(known.position),
        speed: known.speed,
        heading: known.heading,
        quality: known.quality,
        // Validity up to the former end; the core counts it from the update.
        validity: known.valid_until.since(now).max(Duration::from_secs(1)),
        area: known.area,
        relevance_distance_m: known.relevance_distance_m,
        relevance_direction: known.relevance_direction,
        keep_alive: known.keep_alive,
        ..HazardDraft::new(known.class, known.cause)
    };
    let mut draft = over(draft, said, station)?;
    let place = draft.position.or(station);
    if let (None, Some(area), Some(place)) = (said.area, &mut draft.area, place)
        && (area.latitude, area.longitude) == (known.position.latitude, known.position.longitude)
    {
        (area.latitude, area.longitude) = (place.latitude, place.longitude);
    }
    Ok(draft)
}

/// `draft` with the fields given here.
fn over(
    mut draft: HazardDraft,
    said: &Declaration,
    station: Option<Position>,
) -> Result<HazardDraft, BadRequest> {
    draft.cause = said.cause.unwrap_or(draft.cause);
    draft.sub_cause = said.sub_cause.unwrap_or(draft.sub_cause);
    match said.place {
        Some(Place::Here) => draft.position = None,
        Some(Place::At(point)) => draft.position = Some(position(point)),
        None => {}
    }
    draft.speed = said.speed.or(draft.speed);
    draft.heading = said.heading.or(draft.heading);
    draft.quality = said.quality.or(draft.quality);
    draft.validity = said.validity.unwrap_or(draft.validity);
    draft.relevance_distance_m = said.relevance_distance_m.or(draft.relevance_distance_m);
    draft.relevance_direction = said.relevance_direction.unwrap_or(draft.relevance_direction);
    draft.keep_alive = said.keep_alive.or(draft.keep_alive);
    draft.repeat = said.repeat.map(|repetition| HazardRepeat {
        every: repetition.every,
        during: repetition.during.unwrap_or(draft.validity),
    });
    if let Some(area) = said.area {
        let place = draft.position.or(station).map(point);
        let Some(centre) = area.centre.or(place) else {
            let right = "give the event's place, or the area's: the station does not know its own";
            return Err(BadRequest::new(format!("area: about nothing; {right}")));
        };
        draft.area = Some(area.about(centre));
    }
    Ok(draft)
}

fn position(point: Point) -> Position {
    Position { latitude: point.latitude, longitude: point.longitude }
}

fn point(position: Position) -> Point {
    Point { latitude: position.latitude, longitude: position.longitude }
}

#[cfg(test)]
mod tests {
    use v2x_api::Area;
    use v2x_core::{EventId, EventState};
    use v2x_proto::{Digest, Shape, v1};

    use super::*;

    const PLACE: Position = Position { latitude: 496_116_001, longitude: -61_319_999 };

    const CIRCLE: Area =
        Area { shape: Shape::Circle, distance_a_m: 500, distance_b_m: 0, azimuth_deg: 0, centre: None };

    #[test]
    fn a_new_event_has_the_defaults_and_is_where_the_station_is() {
        let declaration = Declaration { cause: Some(2), ..Declaration::default() };
        assert_eq!(new_event(&declaration, None).unwrap(), HazardDraft::new(Class::D3, 2));
        let with_area = Declaration { area: Some(CIRCLE), ..declaration };
        assert_eq!(new_event(&with_area, Some(PLACE)).unwrap().area, Some(CIRCLE.about(point(PLACE))));
        let error = new_event(&with_area, None).unwrap_err().to_string();
        assert!(error.contains("the station does not know its own"), "{error}");
        let elsewhere = Declaration { place: Some(Place::At(Point::default())), ..with_area };
        assert_eq!(new_event(&elsewhere, Some(PLACE)).unwrap().area, Some(CIRCLE.about(Point::default())));
    }

    fn known() -> KnownHazard {
        KnownHazard {
            id: EventId { origin: Digest([0x3f, 1, 2, 3, 4, 5, 6, 7]), number: 2 },
            own: true,
            state: EventState::Active,
            class: Class::D3,
            cause: 94,
            sub_cause: 2,
            position: PLACE,
            speed: Some(10),
            heading: Some(20),
            quality: Some(3),
            detection: WireTime::from_micros(5_000_000),
            reference: WireTime::from_micros(6_000_000),
            valid_until: WireTime::from_micros(65_000_000),
            area: Some(CIRCLE.about(point(PLACE))),
            relevance_distance_m: Some(700),
            relevance_direction: v1::RelevanceDirection::Opposite,
            keep_alive: Some(Duration::from_millis(500)),
            suspect: false,
            afar: false,
            concern: None,
        }
    }

    #[test]
    fn an_update_changes_what_it_says_and_keeps_the_rest() {
        let known = known();
        let now = WireTime::from_micros(25_000_000);
        let kept = change(&Declaration::default(), &known, None, now).unwrap();
        assert_eq!((kept.class, kept.cause, kept.sub_cause, kept.quality), (Class::D3, 94, 2, Some(3)));
        assert_eq!((kept.position, kept.speed, kept.heading), (Some(PLACE), Some(10), Some(20)));
        assert_eq!((kept.area, kept.keep_alive), (known.area, Some(Duration::from_millis(500))));
        assert_eq!(kept.validity, Duration::from_secs(40), "it ends when it would have");
        assert_eq!(kept.relevance_direction, v1::RelevanceDirection::Opposite);
        let changed = Declaration { quality: Some(7), cause: Some(2), ..Declaration::default() };
        let changed = change(&changed, &known, None, now).unwrap();
        assert_eq!((changed.quality, changed.cause, changed.speed), (Some(7), 2, Some(10)));
        let other = Declaration { class: Some(Class::D1), ..Declaration::default() };
        let error = change(&other, &known, None, now).unwrap_err().to_string();
        assert_eq!(error, "class: an event keeps its own, which is D3; cancel it and declare another");
    }

    #[test]
    fn an_area_about_an_event_moves_with_it_and_one_about_another_place_stays() {
        let (there, station) = (Position::default(), PLACE.moved(50.0, 0.0));
        let to = |place, known: &KnownHazard| {
            let moved = Declaration { place: Some(place), ..Declaration::default() };
            change(&moved, known, Some(station), known.reference).unwrap()
        };
        let moved = to(Place::At(point(there)), &known());
        assert_eq!((moved.position, moved.area), (Some(there), Some(CIRCLE.about(point(there)))));
        let here = to(Place::Here, &known());
        assert_eq!((here.position, here.area), (None, Some(CIRCLE.about(point(station)))));
        let apart = KnownHazard { area: Some(CIRCLE.about(point(station))), ..known() };
        assert_eq!(to(Place::At(point(there)), &apart).area, apart.area);
    }
}
