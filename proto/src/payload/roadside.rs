//! Checks of messages from and to roadside units (TS 103 301).

use super::Check;
use super::range::*;
use crate::v1;

impl Check for v1::SignalState {
    fn check(&self) -> Result {
        region(self.region_id)?;
        within("map_revision", self.map_revision, 0..=127)?;
        ensure("state_time_us", self.state_time_us != 0)?;
        within("status", self.status, 0..=0x3ff)?;
        some_at_most("groups", &self.groups, 32)?;
        let mut seen = [false; 256];
        for group in &self.groups {
            group.check()?;
            let seen = usize::try_from(group.group).ok().and_then(|at| seen.get_mut(at));
            // Two states for one group: a receiver could take either.
            ensure("group", seen.is_some_and(|seen| !core::mem::replace(seen, true)))?;
        }
        Ok(())
    }
}

impl Check for v1::SignalGroup {
    fn check(&self) -> Result {
        within("group", self.group, 1..=255)?;
        within_if_known("min_end", self.min_end, 0..=36_000)?;
        within_if_known("max_end", self.max_end, 0..=36_000)?;
        within_if_known("likely_end", self.likely_end, 0..=36_000)?;
        within_if_known("confidence", self.confidence, 0..=15)?;
        within_if_known("advisory_speed", self.advisory_speed, 0..=500)
    }
}

impl Check for v1::IntersectionMap {
    fn check(&self) -> Result {
        region(self.region_id)?;
        within("revision", self.revision, 0..=127)?;
        ensure("reference", self.reference.is_some())?;
        position("reference", self.reference.as_ref())?;
        within("fragments", self.fragments, 1..=16)?;
        within("fragment", self.fragment, 0..=i64::from(self.fragments) - 1)?;
        within_if_known("speed_limit", self.speed_limit, 0..=16_382)?;
        at_most("lanes", &self.lanes, 64)?;
        self.lanes.iter().try_for_each(Check::check)
    }
}

impl Check for v1::Lane {
    fn check(&self) -> Result {
        within("lane", self.lane, 1..=255)?;
        within("manoeuvres", self.manoeuvres, 0..=0x3f)?;
        within_if_known("width_cm", self.width_cm, 0..=32_767)?;
        at_most("delta_east_cm", &self.delta_east_cm, 63)?;
        ensure("delta_east_cm", self.delta_east_cm.len() >= 2)?;
        ensure("delta_north_cm", self.delta_north_cm.len() == self.delta_east_cm.len())?;
        for (east, north) in self.delta_east_cm.iter().zip(&self.delta_north_cm) {
            within("delta_east_cm", *east, -32_768..=32_767)?;
            within("delta_north_cm", *north, -32_768..=32_767)?;
        }
        at_most("connects_to", &self.connects_to, 16)?;
        ensure("connects_group", self.connects_group.len() == self.connects_to.len())?;
        for (lane, group) in self.connects_to.iter().zip(&self.connects_group) {
            within("connects_to", *lane, 1..=255)?;
            within("connects_group", *group, 0..=255)?;
        }
        Ok(())
    }
}

impl Check for v1::SignInfo {
    fn check(&self) -> Result {
        if let (Some(from), Some(until)) = (self.valid_from_us, self.valid_until_us) {
            ensure("valid_until_us", from <= until)?;
        }
        at_most("zones", &self.zones, 8)?;
        self.zones.iter().try_for_each(|zone| area("zones", zone))?;
        some_at_most("signs", &self.signs, 16)?;
        for sign in &self.signs {
            within("country", sign.country, 0..=999)?;
            within("code", sign.code, 0..=65_535)?;
            within_if_known("value", sign.value, 0..=100_000)?;
            at_most("text", sign.text.as_bytes(), 64)?;
        }
        within_if_known("direction_deg", self.direction_deg, 0..=359)?;
        within_if_known("direction_tolerance_deg", self.direction_tolerance_deg, 1..=180)
    }
}

impl Check for v1::RsuAdvert {
    fn check(&self) -> Result {
        ensure("position", self.position.is_some())?;
        position("position", self.position.as_ref())?;
        at_most("name", self.name.as_bytes(), 32)?;
        interval("interval_ms", self.interval_ms)?;
        at_most("services", &self.services, 16)?;
        for service in &self.services {
            within("service_id", service.service_id, 0..=270_549_119)?;
            within_if_known("channel", service.channel, 1..=200)?;
            ensure("address", matches!(service.address.len(), 0 | 16))?;
            within_if_known("port", service.port, 1..=65_535)?;
            at_most("description", service.description.as_bytes(), 32)?;
        }
        Ok(())
    }
}

impl Check for v1::PriorityRequest {
    fn check(&self) -> Result {
        region(self.region_id)?;
        within("request_id", self.request_id, 0..=255)?;
        ensure("action", self.action != 0)?;
        within_if_known("ingress_lane", self.ingress_lane, 1..=255)?;
        within_if_known("egress_lane", self.egress_lane, 1..=255)?;
        within("duration_ms", self.duration_ms, 0..=60_000)?;
        ensure("role", self.role != 0)?;
        within_if_known("importance", self.importance, 0..=14)?;
        speed(self.speed)?;
        heading(self.heading)
    }
}

impl Check for v1::PriorityStatus {
    fn check(&self) -> Result {
        region(self.region_id)?;
        at_most("answers", &self.answers, 32)?;
        for answer in &self.answers {
            exactly("requester", &answer.requester, 8)?;
            within("request_id", answer.request_id, 0..=255)?;
        }
        Ok(())
    }
}

impl Check for v1::GnssCorrection {
    fn check(&self) -> Result {
        within("station_id", self.station_id, 0..=4_095)?;
        position("antenna", self.antenna.as_ref())?;
        some_at_most("rtcm", &self.rtcm, 5)?;
        for message in &self.rtcm {
            some_at_most("rtcm", message, LONGEST_RTCM_FRAME)?;
        }
        Ok(())
    }
}

/// Header of 3 bytes, body of up to 1,023, checksum of 3 (RTCM 10403.3, clause 4).
const LONGEST_RTCM_FRAME: usize = 1_029;

fn region(region_id: u32) -> Result {
    within("region_id", region_id, 0..=65_535)
}
