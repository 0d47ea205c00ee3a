//! Answers that are made at once, from what the station knows.

use v2x_api::{Answer, BadRequest, Declaration};
use v2x_core::{DropReason, EventId, HazardCommand, HazardRefusal, Instant, KnownHazard};
use v2x_proto::Digest;
use v2x_report::counts;

use super::draft;
use super::neighbour_view::NeighbourSeen;
use super::server::bad_request;
use super::view::{View, not_sending};
use crate::daemon::station::Station;
use crate::daemon::statistics::Statistics;

pub(super) fn list(after: Option<EventId>, station: &Station, view: &View) -> Answer {
    let mut hazards = station.node().hazards().filter(|known| after.is_none_or(|after| known.id > after));
    let page: Vec<&KnownHazard> = hazards.by_ref().take(PAGE).collect();
    let more_after = hazards.next().and(page.last()).map(|last| last.id.to_string());
    let hazards = page.into_iter().map(|known| view.hazard(known)).collect();
    Answer { hazards: Some(hazards), more_after, ..Answer::done() }
}

/// A page of the stations heard, by digest.
pub(super) fn neighbours(after: Option<Digest>, station: &Station, view: &View, now: Instant) -> Answer {
    let node = station.node();
    let is_next = |digest: &Digest| after.is_none_or(|after| *digest > after);
    let mut page: Vec<Digest> = node.neighbours().map(v2x_core::Neighbour::digest).filter(is_next).collect();
    let more = page.len() > NEIGHBOURS_AT_ONCE;
    if more {
        // The table may hold many thousands.
        page.select_nth_unstable(NEIGHBOURS_AT_ONCE);
        page.truncate(NEIGHBOURS_AT_ONCE);
    }
    page.sort_unstable();
    let more_after = page.last().filter(|_| more).map(Digest::to_string);
    let seen = page.iter().filter_map(|digest| NeighbourSeen::of(digest, node, now));
    let neighbours = seen.map(|seen| seen.neighbour(view)).collect();
    Answer { neighbours: Some(neighbours), more_after, ..Answer::done() }
}

pub(super) fn drops(statistics: &Statistics) -> Answer {
    let drops = counts::owned(statistics.drops());
    Answer { drops: Some(drops), frames_dropped: Some(statistics.frames().dropped), ..Answer::done() }
}

/// What is wrong with these reasons, if anything.
pub(super) fn unknown_reason(reasons: &[String]) -> Option<BadRequest> {
    let is_known = |reason: &String| DropReason::ALL.iter().any(|known| known.name() == reason);
    let unknown = reasons.iter().find(|reason| !is_known(reason))?;
    let all: Vec<_> = DropReason::ALL.iter().map(|reason| reason.name()).collect();
    Some(BadRequest::new(format!("reasons: found {unknown:?}, expected some of {}", all.join(", "))))
}

/// The command that changes an event as declared, or the answer when it cannot be.
pub(super) fn change(
    id: EventId,
    declaration: &Declaration,
    view: &View,
    station: &Station,
) -> Result<HazardCommand, Box<Answer>> {
    let known = station.node().hazards().find(|known| known.id == id);
    let known = known.ok_or_else(|| Box::new(refused(&HazardRefusal::Unknown(id), station)))?;
    let draft = draft::change(declaration, known, view.position(), view.wire());
    draft.map(|draft| HazardCommand::Update(id, draft)).map_err(|error| Box::new(bad_request(&error)))
}

pub(super) fn refused(refusal: &HazardRefusal, station: &Station) -> Answer {
    let why = match (refusal, not_sending(station.node().sending())) {
        (HazardRefusal::SendingBlocked, Some(why)) => format!("{refusal} (now: {why})"),
        _ => refusal.to_string(),
    };
    Answer::failure(refusal.name(), &why)
}

/// Events in one answer: a turn's worth of writing JSON.
const PAGE: usize = 64;
/// Neighbours in one answer, likewise.
const NEIGHBOURS_AT_ONCE: usize = 128;
