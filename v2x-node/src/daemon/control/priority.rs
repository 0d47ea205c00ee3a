//! Requests for priority at intersections, which a vehicle's daemon sends for its clients.

use v2x_api::{Answer, DEFAULT_DURATION, PriorityRequest, PriorityStatus, PriorityWish, role_name};
use v2x_apps::advice::Advisor;
use v2x_apps::infrastructure::priority::Request as Open;
use v2x_apps::infrastructure::{Ask, AskError, End, IntersectionId, Progress};
use v2x_core::{Instant, Permissions, WireTime};
use v2x_proto::v1::{PriorityRole, PriorityState};

use super::view::not_sending;
use crate::daemon::station::Station;

/// Why a station does not ask for priority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// It is a roadside unit.
    #[error("this station is a roadside unit; vehicles ask for priority")]
    NotAVehicle,
    /// Its credential lacks a permission.
    #[error(
        "the credential lacks the permission {0}: issue one with --role emergency, --role public-transport or --also {0} \
         (roadcast keys issue)"
    )]
    NotPermitted(Permissions),
    /// No role was given, and the credential permits none.
    #[error("the credential is that of no special vehicle: give its role, road_works or truck")]
    NoRole,
    /// No intersection was given, and the vehicle is on no lane of one.
    #[error("the vehicle is on no lane that leads to an intersection it knows: give the intersection")]
    NoLane,
    /// There is no such request.
    #[error("no request for priority at intersection {0}; roadcast priority status shows what is asked")]
    Unknown(IntersectionId),
    /// None was named to withdraw, and there are none.
    #[error("no request for priority is open")]
    NoneOpen,
    /// None was named to withdraw, and there are several.
    #[error("several requests for priority are open: give the intersection")]
    Several,
    /// Nothing is sent on the air.
    #[error("the station does not send now (now: {0})")]
    SendingBlocked(&'static str),
    /// The request is wrong.
    #[error(transparent)]
    Ask(#[from] AskError),
}

impl Refusal {
    /// Stable name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::NotAVehicle => "priority_not_a_vehicle",
            Self::NotPermitted(_) => "priority_not_permitted",
            Self::NoRole | Self::Ask(AskError::NoRole) => "priority_no_role",
            Self::NoLane => "priority_no_lane",
            Self::Unknown(_) | Self::NoneOpen => "priority_unknown",
            Self::Several => "priority_several",
            Self::SendingBlocked(_) => "priority_sending_blocked",
            Self::Ask(AskError::AlreadyAsked) => "priority_already_asked",
            Self::Ask(AskError::TooMany) => "priority_too_many",
            Self::Ask(AskError::OutOfRange(_)) => "priority_out_of_range",
        }
    }
}

/// Carries out a request, except watching, which is the server's.
pub(super) fn handle(
    asked: PriorityRequest,
    station: &Station,
    advisor: Option<&mut Advisor>,
    now: Instant,
) -> Answer {
    let done = advisor.ok_or(Refusal::NotAVehicle).and_then(|advisor| match asked {
        PriorityRequest::Request(wish) => ask(wish, station, advisor, now),
        PriorityRequest::Cancel(id) => cancel(id, station, advisor, now),
        PriorityRequest::Status | PriorityRequest::Watch => Ok(status(station, advisor, now)),
    });
    done.unwrap_or_else(|refusal| Answer::failure(refusal.name(), &refusal.to_string()))
}

/// The state of a request that has changed, and whatever else is known of it.
pub(super) fn changed(
    id: IntersectionId,
    progress: Progress,
    advisor: &Advisor,
    wire: WireTime,
) -> PriorityStatus {
    let open = find(advisor.road().requests().iter(), id).map(|open| view(open, advisor, wire));
    // A closed request is no longer listed; of two changes since, the older is reported first.
    standing(open.unwrap_or_default(), id, progress, wire)
}

fn ask(
    wish: PriorityWish,
    station: &Station,
    advisor: &mut Advisor,
    now: Instant,
) -> Result<Answer, Refusal> {
    let (anchor, permissions) = (station.node().anchor(), station.node().pool().active().permissions());
    let sending = station.node().sending();
    let role = permitted_role(wish.role, permissions)?;
    if let Some(why) = not_sending(sending) {
        return Err(Refusal::SendingBlocked(why));
    }
    let wire = anchor.wire_at(now);
    let ahead = || advisor.road().advice(wire).map(|advice| advice.lane.intersection);
    let intersection = wish.intersection.or_else(ahead).ok_or(Refusal::NoLane)?;
    let ask = Ask {
        intersection,
        role,
        egress_lane: wish.egress_lane,
        importance: wish.importance,
        duration: wish.duration.unwrap_or(DEFAULT_DURATION),
    };
    advisor.ask(ask, now, &anchor)?;
    let open = find(advisor.road().requests().iter(), intersection).map(|open| view(open, advisor, wire));
    Ok(Answer { priority: open.map(Box::new), ..Answer::done() })
}

/// The role that is claimed, when the credential permits it: a unit would reject it otherwise.
fn permitted_role(said: Option<PriorityRole>, permissions: Permissions) -> Result<PriorityRole, Refusal> {
    let special = [
        (PriorityRole::Emergency, Permissions::EMERGENCY),
        (PriorityRole::PublicTransport, Permissions::PUBLIC_TRANSPORT),
    ];
    let mut needed = Permissions::PRIORITY_REQUEST;
    if let Some((_, bit)) = special.iter().find(|(role, _)| Some(*role) == said) {
        needed |= *bit;
    }
    let lacks = needed.without(permissions);
    if lacks != Permissions::NONE {
        return Err(Refusal::NotPermitted(lacks));
    }
    let own = special.iter().find(|(_, bit)| permissions.contains(*bit)).map(|(role, _)| *role);
    said.or(own).ok_or(Refusal::NoRole)
}

fn cancel(
    id: Option<IntersectionId>,
    station: &Station,
    advisor: &mut Advisor,
    now: Instant,
) -> Result<Answer, Refusal> {
    let anchor = station.node().anchor();
    let open: Vec<_> = advisor.road().requests().iter().map(|open| open.ask().intersection).collect();
    let id = match (id, &*open) {
        (Some(id), _) => id,
        (None, [only]) => *only,
        (None, []) => return Err(Refusal::NoneOpen),
        (None, _) => return Err(Refusal::Several),
    };
    let wire = anchor.wire_at(now);
    let before = find(advisor.road().requests().iter(), id).map(|open| view(open, advisor, wire));
    if !advisor.withdraw(id, now, &anchor) {
        return Err(Refusal::Unknown(id));
    }
    let ended = standing(before.unwrap_or_default(), id, Progress::Ended(End::Withdrawn), wire);
    Ok(Answer { priority: Some(Box::new(ended)), ..Answer::done() })
}

fn status(station: &Station, advisor: &Advisor, now: Instant) -> Answer {
    let wire = station.node().anchor().wire_at(now);
    let open = advisor.road().requests().iter().map(|open| view(open, advisor, wire));
    Answer { priorities: Some(open.collect()), ..Answer::done() }
}

fn find<'a>(mut open: impl Iterator<Item = &'a Open>, id: IntersectionId) -> Option<&'a Open> {
    open.find(|open| open.ask().intersection == id)
}

fn view(open: &Open, advisor: &Advisor, wire: WireTime) -> PriorityStatus {
    let Ask { intersection, role, egress_lane, importance, duration } = *open.ask();
    let request = PriorityStatus {
        role: Some(role_name(role).to_owned()),
        ingress_lane: open.lane(),
        known: Some(advisor.road().intersections().find(intersection).is_some_and(|one| one.map().is_some())),
        egress_lane,
        importance,
        duration_ms: Some(duration.as_millis() as u64),
        ..PriorityStatus::default()
    };
    standing(request, intersection, open.progress(), wire)
}

fn standing(
    request: PriorityStatus,
    id: IntersectionId,
    progress: Progress,
    wire: WireTime,
) -> PriorityStatus {
    let (state, expected) = match progress {
        Progress::Waiting => ("waiting", None),
        Progress::Asked => ("asked", None),
        Progress::Unanswered => ("unanswered", None),
        Progress::Contested => ("contested", None),
        Progress::Answered { state, expected } => (state_name(state), expected),
        Progress::Ended(End::Passed) => ("passed", None),
        Progress::Ended(End::Withdrawn) => ("withdrawn", None),
        Progress::Ended(End::GivenUp) => ("given_up", None),
    };
    PriorityStatus {
        intersection: id.number,
        region: id.region,
        state: state.to_owned(),
        over: matches!(progress, Progress::Ended(_)),
        expected_in_s: expected.map(|at| at.since(wire).as_millis() as f64 / 1000.0),
        ..request
    }
}

/// As a controller spells them on its feed.
fn state_name(state: PriorityState) -> &'static str {
    match state {
        PriorityState::Unspecified => "unknown",
        PriorityState::Requested => "requested",
        PriorityState::Processing => "processing",
        PriorityState::WatchOtherTraffic => "watch_other_traffic",
        PriorityState::Granted => "granted",
        PriorityState::Rejected => "rejected",
        PriorityState::MaxPresence => "max_presence",
        PriorityState::ReserviceLocked => "reservice_locked",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_claimed_by_who_holds_its_permission_and_refused_in_words_otherwise() {
        let bus = Permissions::PRIORITY_REQUEST | Permissions::PUBLIC_TRANSPORT;
        assert_eq!(permitted_role(None, bus), Ok(PriorityRole::PublicTransport));
        assert_eq!(permitted_role(Some(PriorityRole::Truck), bus), Ok(PriorityRole::Truck));
        let both = bus | Permissions::EMERGENCY;
        assert_eq!(permitted_role(None, both), Ok(PriorityRole::Emergency));
        let refused = permitted_role(Some(PriorityRole::Emergency), bus).unwrap_err();
        assert_eq!(refused, Refusal::NotPermitted(Permissions::EMERGENCY));
        assert!(refused.to_string().contains("lacks the permission emergency:"), "{refused}");
        let everything_else = Permissions(u64::MAX).without(Permissions::PRIORITY_REQUEST);
        for said in [None, Some(PriorityRole::Truck), Some(PriorityRole::Emergency)] {
            let refused = permitted_role(said, everything_else);
            assert_eq!(refused, Err(Refusal::NotPermitted(Permissions::PRIORITY_REQUEST)));
        }
        assert_eq!(permitted_role(None, Permissions::PRIORITY_REQUEST), Err(Refusal::NoRole));
    }

    #[test]
    fn a_request_that_is_over_says_so_and_an_expected_green_is_said_from_now() {
        let id = IntersectionId { region: 3, number: 18 };
        let wire = WireTime::from_micros(1_000_000);
        let over = standing(PriorityStatus::default(), id, Progress::Ended(End::Passed), wire);
        assert_eq!((over.state.as_str(), over.over, over.region), ("passed", true, 3));
        let expected = Some(WireTime::from_micros(7_500_000));
        let granted = Progress::Answered { state: PriorityState::Granted, expected };
        let granted = standing(over, id, granted, wire);
        assert_eq!((granted.state.as_str(), granted.over), ("granted", false));
        assert_eq!(granted.expected_in_s, Some(6.5));
    }
}
