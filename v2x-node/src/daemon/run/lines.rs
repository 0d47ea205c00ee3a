//! What a daemon prints while it runs.

use std::io::Write;

use radio_adapters::{clock, realtime};
use v2x_core::{Instant, Role, SendingState};

use super::Daemon;
use crate::colour::Mark;
use crate::config::StationConfig;
use crate::daemon::control::view::View;
use crate::daemon::keeper::KeeperProcess;
use crate::daemon::link_news::LinkNews;
use crate::daemon::state_lines;
use crate::daemon::station::monotonic;
use crate::error::Error;
use crate::log::{self, Line, events};

impl Daemon {
    /// What the station is, once.
    pub(super) fn announce(&self, config: &StationConfig, out: &mut dyn Write) -> Result<(), Error> {
        let role = match config.station.role {
            Role::Vehicle => "vehicle",
            Role::Roadside => "roadside unit",
        };
        let (station, link) = (self.station.node().digest().to_string(), self.station.radio().describe());
        Line::new(&events::STATION_STARTED, format!("{role} {station} on {link}"))
            .with("role", role)
            .with("station", station)
            .with("link", link)
            .tell(out)?;
        let detail = |what: &'static str, line: String, text: &str| {
            Line::new(&events::STATION_DETAIL, line).with("what", what).with("text", text)
        };
        if let Some(joined) = &self.joined {
            detail("cell", joined.clone(), joined).tell(out)?;
        }
        let details = [
            ("positions", Some(self.positions.describe().to_owned())),
            ("control socket", Some(self.control.describe())),
            ("broadcasts", self.roadside.as_ref().map(|unit| unit.describe().to_owned())),
            ("scheduling", realtime::effective().ok().map(|effective| effective.to_string())),
        ];
        for (what, text) in details {
            if let Some(text) = text {
                detail(what, format!("{what}: {text}"), &text).tell(out)?;
            }
        }
        Ok(out.flush()?)
    }

    /// Prints each change once: sending or not, link up or down.
    pub(super) fn tell(&mut self, out: &mut dyn Write) -> Result<(), Error> {
        let state = self.station.node().sending();
        let starting = state == SendingState::NoFix && self.positions.is_starting(monotonic());
        let told = !starting && self.sending_told.replace(state) != Some(state);
        let silence = self.silence().filter(|_| told);
        if told {
            let line = match &silence {
                None => Line::new(&events::SENDING_BEGAN, "sending").marked(Mark::Good),
                Some(reason) => Line::new(&events::SENDING_ENDED, format!("listening only: {reason}"))
                    .with("state", state_name(state))
                    .with("reason", reason.clone())
                    .marked(Mark::Warn),
            };
            line.tell(out)?;
        }
        for line in self.positions.take_news(monotonic(), told && state == SendingState::NoFix) {
            let state = state_lines::position_state(self.position_told);
            Line::new(&events::POSITION_NEWS, line).with("state", state).tell(out)?;
        }
        // Why the station has fallen silent may be the news.
        for line in self.timekeeper.take_news().into_iter().filter(|line| silence.as_ref() != Some(line)) {
            Line::new(&events::CLOCK_NEWS, line)
                .with("state", state_lines::clock_state(self.timekeeper.state()))
                .with_known("bound_us", self.timekeeper.bound_us())
                .tell(out)?;
        }
        let news = self.roadside.as_mut().map(|unit| unit.take_news(monotonic()));
        for notice in self.listeners.notices.take() {
            notice.tell(out)?;
        }
        for line in news.into_iter().flatten() {
            Line::new(&events::UNIT_NEWS, line).tell(out)?;
        }
        let now = monotonic();
        let view = View::of(self.station.node(), now);
        if let Some(line) = self.listeners.statistics.clones.line(|place| view.way_from_here(place), now) {
            Line::new(&events::CREDENTIAL_CLONED, line).marked(Mark::Bad).tell(out)?;
        }
        for line in self.listeners.neighbour_lines(self.station.node()) {
            line.tell(out)?;
        }
        let anchor = self.station.node().anchor();
        for line in self.listeners.advisor.iter_mut().flat_map(|advisor| advisor.lines(monotonic(), &anchor))
        {
            Line::new(&events::ROAD_NEWS, line).tell(out)?;
        }
        if let Some(advisor) = &self.listeners.advisor {
            let advice = advisor.road().advice(anchor.wire_at(monotonic()));
            self.control.tell_signal(advice.as_ref(), "signal");
        }
        for line in self.credentials.news(self.station.node(), anchor.wire_at(monotonic())) {
            line.tell(out)?;
        }
        if let Some(line) = self.listeners.notices.take_pool_low() {
            line.tell(out)?;
        }
        self.listeners.statistics.note_channel(now, self.station.node().channel_busy(now));
        for line in self.keeper.as_mut().map_or_else(Vec::new, KeeperProcess::news) {
            Line::new(&events::CELL_NEWS, line).tell(out)?;
        }
        let (state, counters) = (self.station.radio().state(), self.station.radio().counters());
        let changes = self.link_news.changes(&state, &counters);
        for line in changes.into_iter().chain(self.listeners.statistics.take_refusals(monotonic())) {
            // Not as the link describes itself: its address is another with each pseudonym.
            line.with("interface", self.interface.as_str()).tell(out)?;
        }
        if let Some(line) = self.overload.look(self.listeners.statistics.drops(), now) {
            line.log();
        }
        log::keep();
        Ok(out.flush()?)
    }

    /// Tells the service manager that the loop goes on, and how the station is doing.
    pub(super) fn tell_manager(&mut self) {
        let neighbours = self.listeners.statistics.neighbours();
        let doing =
            self.silence().map_or_else(|| "sending".to_owned(), |why| format!("listening only: {why}"));
        self.manager.keep(&format!("{doing}; neighbours {neighbours}"));
    }

    /// Why the station sends nothing now, in words for the status line; `None` while it sends.
    fn silence(&self) -> Option<String> {
        match self.station.node().sending() {
            SendingState::Allowed => None,
            SendingState::NoFix => {
                Some(self.timekeeper.fixes_refused().unwrap_or_else(|| self.positions.silence()))
            }
            SendingState::ClockUntrusted => Some(self.timekeeper.silence()),
            SendingState::CredentialNotValid
            | SendingState::CredentialRevoked
            | SendingState::OutsideRegion => {
                let node = self.station.node();
                self.credentials.silence(node, node.anchor().wire_at(monotonic()))
            }
        }
    }

    /// The status line, and the next report.
    pub(super) fn status(&mut self, now: Instant, out: &mut dyn Write) -> Result<(), Error> {
        let refused = self.listeners.statistics.take_refused();
        let statistics = &self.listeners.statistics;
        let frames = statistics.frames();
        let silence = self.silence().map_or_else(String::new, |reason| format!("  listening only: {reason}"));
        let link = LinkNews::status(&self.station.radio().state(), refused, clock::monotonic_ns());
        let clones = self.listeners.statistics.clones.status();
        let channel = self.listeners.statistics.channel.status();
        let uptime_s = now.since(self.started).as_secs();
        let line = format!(
            "{:>6} s  neighbours {}  sent {}  forwarded {}  received {}  dropped {}{channel}{silence}{clones}{link}",
            uptime_s,
            statistics.neighbours(),
            statistics.sent(),
            statistics.forwarded(),
            frames.delivered,
            frames.dropped
        );
        Line::new(&events::STATUS, line)
            .with("uptime_s", uptime_s)
            .with("neighbours", statistics.neighbours())
            .with("sent", statistics.sent())
            .with("forwarded", statistics.forwarded())
            .with("received", frames.delivered)
            .with("dropped", frames.dropped)
            .tell(out)?;
        self.outputs.begin_report();
        Ok(out.flush()?)
    }
}

/// Why a station sends nothing, in a word for programs.
fn state_name(state: SendingState) -> &'static str {
    match state {
        SendingState::Allowed => "allowed",
        SendingState::NoFix => "no_position",
        SendingState::ClockUntrusted => "clock_untrusted",
        SendingState::CredentialNotValid => "credential_not_valid",
        SendingState::CredentialRevoked => "credential_revoked",
        SendingState::OutsideRegion => "outside_region",
    }
}
