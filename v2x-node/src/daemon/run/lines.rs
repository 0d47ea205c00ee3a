//! What a daemon prints while it runs.

use std::io::Write;

use radio_adapters::{clock, realtime};
use v2x_core::{Instant, Role, SendingState};

use super::Daemon;
use crate::colour::{Mark, Paint};
use crate::config::StationConfig;
use crate::daemon::control::view::View;
use crate::daemon::keeper::KeeperProcess;
use crate::daemon::link_news::LinkNews;
use crate::daemon::station::monotonic;
use crate::error::Error;

impl Daemon {
    /// What the station is, once.
    pub(super) fn announce(&self, config: &StationConfig, out: &mut dyn Write) -> Result<(), Error> {
        let role = match config.station.role {
            Role::Vehicle => "vehicle",
            Role::Roadside => "roadside unit",
        };
        writeln!(out, "{role} {} on {}", self.station.node().digest(), self.station.radio().describe())?;
        if let Some(joined) = &self.joined {
            writeln!(out, "{joined}")?;
        }
        writeln!(out, "positions: {}", self.positions.describe())?;
        writeln!(out, "control socket: {}", self.control.describe())?;
        if let Some(unit) = &self.roadside {
            writeln!(out, "broadcasts: {}", unit.describe())?;
        }
        if let Ok(effective) = realtime::effective() {
            writeln!(out, "scheduling: {effective}")?;
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
                None => Paint::stdout().of(Mark::Good, "sending"),
                Some(reason) => Paint::stdout().of(Mark::Warn, &format!("listening only: {reason}")),
            };
            writeln!(out, "{line}")?;
        }
        for line in self.positions.take_news(monotonic(), told && state == SendingState::NoFix) {
            writeln!(out, "{line}")?;
        }
        // Why the station has fallen silent may be the news.
        for line in self.timekeeper.take_news().into_iter().filter(|line| silence.as_ref() != Some(line)) {
            writeln!(out, "{line}")?;
        }
        let news = self.roadside.as_mut().map(|unit| unit.take_news(monotonic()));
        for notice in self.listeners.notices.take().into_iter().chain(news.into_iter().flatten()) {
            writeln!(out, "{notice}")?;
        }
        let now = monotonic();
        let view = View::of(self.station.node(), now);
        if let Some(line) = self.listeners.statistics.clones.line(|place| view.way_from_here(place), now) {
            writeln!(out, "{}", Paint::stdout().of(Mark::Bad, &line))?;
        }
        for line in self.listeners.neighbour_lines(self.station.node()) {
            writeln!(out, "{line}")?;
        }
        let anchor = self.station.node().anchor();
        for line in self.listeners.advisor.iter_mut().flat_map(|advisor| advisor.lines(monotonic(), &anchor))
        {
            writeln!(out, "{line}")?;
        }
        if let Some(advisor) = &self.listeners.advisor {
            let advice = advisor.road().advice(anchor.wire_at(monotonic()));
            self.control.tell_signal(advice.as_ref(), "signal");
        }
        for line in self.credentials.news(self.station.node(), anchor.wire_at(monotonic())) {
            writeln!(out, "{line}")?;
        }
        if let Some(line) = self.listeners.notices.take_pool_low() {
            writeln!(out, "{line}")?;
        }
        for line in self.keeper.as_mut().map_or_else(Vec::new, KeeperProcess::news) {
            writeln!(out, "{line}")?;
        }
        let (state, counters) = (self.station.radio().state(), self.station.radio().counters());
        let changes = self.link_news.changes(&state, &counters);
        for line in changes.into_iter().chain(self.listeners.statistics.take_refusals(monotonic())) {
            writeln!(out, "{line}")?;
        }
        Ok(out.flush()?)
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
        writeln!(
            out,
            "{:>6} s  neighbours {}  sent {}  forwarded {}  received {}  dropped {}{silence}{clones}{link}",
            now.since(self.started).as_secs(),
            statistics.neighbours(),
            statistics.sent(),
            statistics.forwarded(),
            frames.delivered,
            frames.dropped
        )?;
        self.outputs.begin_report();
        Ok(out.flush()?)
    }
}
