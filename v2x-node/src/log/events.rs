//! The names of what is logged of a station. Programs rely on them: a name keeps its meaning, its level and its fields
//! (`docs/logs.md`, whose table a test compares with this one).

use tracing::Level;

/// A kind of entry.
#[derive(Debug)]
pub struct Named {
    /// Its name.
    pub name: &'static str,
    /// How grave it is.
    pub level: Level,
    /// The fields it may have, their units in their names.
    pub fields: &'static [&'static str],
    /// What it means.
    #[cfg(test)]
    pub meaning: &'static str,
}

macro_rules! events {
    ($($constant:ident $name:literal $level:ident [$($field:ident),*] $meaning:literal)+) => {
        $(
            #[doc = $meaning]
            pub const $constant: Named = Named {
                name: $name,
                level: Level::$level,
                fields: &[$(stringify!($field)),*],
                #[cfg(test)]
                meaning: $meaning,
            };
        )+

        /// All of them, in the order of the documentation.
        #[cfg(test)]
        const ALL: &[&Named] = &[$(&$constant),+];
    };
}

events! {
    STATION_STARTED "station_started" INFO [role, station, link] "The station is up, before its first frame."
    STATION_DETAIL "station_detail" INFO [what, text] "Where positions come from, the control socket, what a unit broadcasts, scheduling, what was changed to join a cell."
    STATION_STOPPING "station_stopping" INFO [reason] "It was asked to stop, or its time is over."
    STATION_FAILED "station_failed" ERROR [hint] "The program ended with an error, which is the message."
    STATUS "status" INFO [uptime_s, neighbours, sent, forwarded, received, dropped] "The status line, every report.every_s."
    REPORT "report" INFO [verdict, report] "The report at the end, as written by --json."
    PAGE_WRITTEN "page_written" INFO [path] "The page of the report is written."
    SENDING_BEGAN "sending_began" INFO [] "The station sends."
    SENDING_ENDED "sending_ended" WARN [state, reason] "It only listens, and why."
    POSITION_HAD "position_had" INFO [state, accuracy_m, age_ms] "There is a position."
    POSITION_LOST "position_lost" WARN [state, age_ms] "There is no longer a position."
    POSITION_NEWS "position_news" WARN [state] "What is wrong with the source of positions."
    CLOCK_TRUSTED "clock_trusted" INFO [state, bound_us] "The clock is kept, and its error bounded."
    CLOCK_HELD_OVER "clock_held_over" WARN [state, bound_us] "Nothing keeps the clock any more; the bound of its error grows."
    CLOCK_UNTRUSTED "clock_untrusted" WARN [state, bound_us, reason] "The error of the clock is unknown: nothing is signed."
    CLOCK_NEWS "clock_news" WARN [state, bound_us] "What is wrong with the clock, or with the times of positions."
    LINK_UP "link_up" INFO [interface, state, down_ms, outages] "The link carries frames again."
    LINK_DOWN "link_down" WARN [interface, state, cause] "The link carries no frames, and why."
    LINK_IMPAIRED "link_impaired" WARN [interface, state, cause, frames] "It carries some frames only, refused some, or was left and joined."
    CELL_NEWS "cell_news" INFO [] "What the process that keeps the link's cell did."
    PSEUDONYM_CHANGED "pseudonym_changed" INFO [] "The station goes by another pseudonym. The log says neither the old nor the new one."
    CREDENTIAL_NEWS "credential_news" WARN [file, valid_until, issuer] "A credential or an authority ends soon, or is not known to others."
    CREDENTIALS_REPLACED "credentials_replaced" INFO [what] "Credentials, roots or issuers were read again and are in use."
    CREDENTIALS_KEPT "credentials_kept" WARN [what, file] "What was read cannot be used: those before stay."
    POOL_LOW "pool_low" WARN [spares, valid_until] "Pseudonyms run out."
    CREDENTIAL_CLONED "credential_cloned" ERROR [] "Another station signs with this station's credential."
    REVOCATION_APPLIED "revocation_applied" INFO [issuer, series, credentials, whole_series] "A revocation list is in force."
    REVOCATION_NEWS "revocation_news" WARN [issuer, series, file] "A revocation was refused, or a list is overdue."
    NEIGHBOUR_NEWS "neighbour_news" INFO [] "Neighbours were heard, lost or refused."
    NEIGHBOUR_SUSPECTED "neighbour_suspected" WARN [neighbour, standing, score] "A neighbour is believed less, or again."
    NEIGHBOUR_ISOLATED "neighbour_isolated" WARN [neighbour, standing, score] "Nothing of a neighbour is believed any more."
    VERIFICATION_OVERLOADED "verification_overloaded" WARN [frames] "Frames are dropped because the machine cannot verify them in time."
    VERIFICATION_RELIEVED "verification_relieved" INFO [frames, seconds] "No frame was dropped for ten seconds; how many were before, and for how long."
    HAZARD_CHANGED "hazard_changed" INFO [] "A hazard on the road began, changed or ended."
    HAZARD_REFUSED "hazard_refused" WARN [] "A hazard of this station's own was refused."
    PRIORITY_CHANGED "priority_changed" INFO [] "A request for priority has another state."
    ROAD_NEWS "road_news" INFO [] "Signals and signs ahead of a vehicle, warnings of a red light."
    UNIT_NEWS "unit_news" INFO [] "A roadside unit's controller, corrections and requests."
    CONTROL_CLIENT_CAME "control_client_came" INFO [pid, user, right] "A program connected to the control socket."
    CONTROL_CLIENT_GONE "control_client_gone" INFO [pid, user, right, reason] "It disconnected, or was disconnected."
    CONTROL_CLIENT_SLOW "control_client_slow" WARN [pid, user, right, reason] "It did not read what it watches."
    RECORDING_BEGAN "recording_began" INFO [path] "A recording is written."
    RECORDING_ENDED "recording_ended" WARN [path] "It ended before the station, or has a gap."
    RECORDING_WHOLE "recording_whole" INFO [records] "It ended with the station."
    OUTPUT_LOST "output_lost" WARN [count] "Lines, captured frames or reports are lost, because nobody takes them."
}

/// The one of this name.
#[cfg(test)]
pub fn of(name: &str) -> Option<&'static Named> {
    ALL.iter().copied().find(|named| named.name == name)
}

/// The name of entries that are none of these.
pub const NOTE: &str = "note";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::entry::level_name;

    #[test]
    fn the_documentation_has_each_name_with_its_level_and_fields() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/logs.md");
        let text = std::fs::read_to_string(path).unwrap();
        let row = |named: &&Named| {
            let fields: Vec<_> = named.fields.iter().map(|field| format!("`{field}`")).collect();
            let (name, level) = (named.name, level_name(named.level));
            format!("| `{name}` | {level} | {} | {} |\n", fields.join(", "), named.meaning)
        };
        let table: String = ALL.iter().map(row).collect();
        let head = "| event | level | fields | meaning |\n|---|---|---|---|\n";
        let (before, found) = text.split_once(head).unwrap();
        let end = found.find("\n\n").map_or(found.len(), |end| end + 1);
        if std::env::var_os("ROADCAST_BLESS").is_some() {
            return std::fs::write(path, [before, head, &table, &found[end..]].concat()).unwrap();
        }
        assert_eq!(&found[..end], table, "docs/logs.md (ROADCAST_BLESS=1 writes it)");
    }
}
