//! Each figure under its name.

use core::fmt;
use std::collections::BTreeMap;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;
use v2x_api::{Buckets, CongestionFigures, Stats};

/// The figures of one answer.
#[derive(Debug)]
pub(super) struct Figures(pub(super) Stats);

impl Collector for Figures {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Stats { per_second: _, report, queue, clock, position, control, link, .. } = &self.0;
        let mut out = Out { encoder: &mut encoder };
        out.latencies(&self.0.histograms)?;

        let classes = report["classes"].as_array().map_or(&[][..], Vec::as_slice);
        let by_class = |key: &'static str| {
            classes.iter().filter_map(move |class| Some((class["class"].as_str()?, class[key].as_u64()?)))
        };
        out.counters("messages_sent", "Own messages handed to the link", "class", by_class("sent"))?;
        out.counters("messages_delivered", "Messages delivered", "class", by_class("delivered"))?;
        let late = "Messages delivered after the deadline of their class";
        out.counters("messages_late", late, "class", by_class("delivered_late"))?;
        let not_sent = "Own messages that were not transmitted";
        out.counters("messages_not_sent", not_sent, "reason", named(&self.0.not_sent))?;
        let received = report["frames"]["received"].as_u64().unwrap_or(0);
        out.counter("frames_received", "Frames received", received)?;
        out.counters("frames_dropped", "Frames received and not delivered", "reason", named(&self.0.drops))?;
        let afar = &self.0.afar;
        out.counter("afar_frames_received", "Frames from afar handed in", afar.received)?;
        out.counter("afar_messages_delivered", "Messages from afar delivered", afar.delivered)?;
        out.counter("afar_messages_aired", "Messages from afar sent on the air", afar.aired)?;
        let dropped = "Frames from afar that were not delivered";
        out.counters("afar_frames_dropped", dropped, "reason", named(&afar.drops))?;
        let ages = [("0.5", afar.age_p50_us), ("0.99", afar.age_p99_us)];
        let ages = ages.into_iter().filter_map(|(share, us)| Some((share, us? / 1e6)));
        out.shares(
            "afar_age",
            "Age that a share of the messages from afar had at most when they were delivered",
            Unit::Seconds,
            ages,
        )?;
        let unread = "Frames that the kernel dropped before the station read them";
        out.counter("link_kernel_drops", unread, link.kernel_drops)?;
        let failed = "Frames that the link refused to transmit";
        out.counter("link_transmit_failures", failed, link.transmit_failed)?;
        out.counter("link_restarts", "Times that the link was opened anew", self.0.restarts)?;
        out.gauge("link_up", "Whether the link is up", Some(u8::from(link.up).into()))?;

        out.gauge("neighbours", "Stations heard within the last 20 s", Some(self.0.neighbours as f64))?;
        out.gauge("hazards", "Events known, own ones too", Some(self.0.hazards as f64))?;
        let waiting = "Frames that wait to be transmitted";
        out.gauges("send_queue_frames", waiting, "class", named(&queue.send_by_class))?;
        out.gauge("verify_queue_frames", "Frames that wait to be verified", Some(queue.verify as f64))?;
        let waiting = "Messages that wait to be forwarded";
        out.gauge("forward_queue_messages", waiting, Some(queue.forward as f64))?;
        let load = "Share of a core that verification took in the last second";
        out.gauge("verification_load_ratio", load, Some(self.0.verification_load))?;
        let busy: Vec<_> = self
            .0
            .channel_busy
            .map(|busy| (self.0.channel_source.as_deref().unwrap_or("unknown"), busy))
            .into_iter()
            .collect();
        out.gauges("channel_busy_ratio", "Share of time that the channel is busy", "source", busy)?;
        out.congestion(self.0.congestion.as_ref())?;

        let states = |all: &[&'static str], now: &str| -> Vec<(&'static str, f64)> {
            all.iter().map(|state| (*state, f64::from(u8::from(*state == now)))).collect()
        };
        let state = "1 for the state that the clock is in, 0 for the others";
        out.gauges("clock_state", state, "state", states(CLOCK_STATES, &clock.state))?;
        out.measured(
            "clock_error_bound",
            "How far the clock may be off",
            Unit::Seconds,
            clock.bound_us.map(|us| us / 1e6),
        )?;
        let known = position.state == "known";
        out.gauge("position_known", "Whether the station knows where it is", Some(u8::from(known).into()))?;
        let age = position.age_ms.map(|ms| ms / 1e3);
        out.measured("position_age", "Since the position was true", Unit::Seconds, age)?;
        let accuracy = "Horizontal accuracy of the position, 95 %";
        out.measured("position_accuracy", accuracy, Unit::Meters, position.accuracy_m)?;

        out.measured("uptime", "Since the station started", Unit::Seconds, Some(self.0.uptime_s))?;
        let longest = "The longest turn of the station's task since it started";
        out.measured("longest_turn", longest, Unit::Seconds, Some(self.0.longest_turn_us / 1e6))?;
        out.gauge("control_clients", "Programs at the control socket", Some(control.clients as f64))?;
        out.gauge("control_watches", "Watches of all these programs", Some(control.watches as f64))?;
        out.counter("control_events", "Events encoded for programs that watch", control.events)?;
        let lost = "Lines of events lost because a program did not read them";
        out.counter("control_lines_lost", lost, control.lost)?;
        let ended = "Programs disconnected because they read nothing";
        out.counter("control_disconnects", ended, control.disconnected)
    }
}

/// Writes metrics.
struct Out<'o, 'e> {
    encoder: &'o mut DescriptorEncoder<'e>,
}

impl Out<'_, '_> {
    /// Names alone where nothing keeps a rate.
    fn congestion(&mut self, gate: Option<&CongestionFigures>) -> fmt::Result {
        let rule = "1 for the rule that the rate follows, 0 for the others";
        let of = |name, gate: &CongestionFigures| (name, f64::from(u8::from(name == gate.rule)));
        let rules = ["adaptive", "reactive", "off"].into_iter();
        let rules = gate.into_iter().flat_map(|gate| rules.clone().map(move |name| of(name, gate)));
        self.gauges("congestion_rule", rule, "rule", rules)?;
        let busy = gate.map(|gate| (gate.source.as_str(), gate.busy));
        let went = "Busy ratio that congestion control goes by";
        self.gauges("congestion_busy_ratio", went, "source", busy)?;
        let interval = gate.map(|gate| gate.interval_ms / 1e3);
        let between = "Time from one frame to the next that the rate allows";
        self.measured("congestion_interval", between, Unit::Seconds, interval)?;
        let held = "Beacons made later than their rule wanted them";
        self.counter("congestion_beacons_held", held, gate.map_or(0, |gate| gate.beacons_held))?;
        let ahead = "Beacons that left ahead of the rate, because others had lost track of the station";
        self.counter("congestion_tracking_errors", ahead, gate.map_or(0, |gate| gate.tracking_errors))
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        let mut metric = self.encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        metric.encode_counter::<NoLabelSet, u64, u64>(&value, None)
    }

    fn counters<'v>(
        &mut self,
        name: &str,
        help: &str,
        label: &'static str,
        values: impl IntoIterator<Item = (&'v str, u64)>,
    ) -> fmt::Result {
        let mut metric = self.encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (of, value) in labelled(values) {
            metric.encode_family(&[(label, of)])?.encode_counter::<NoLabelSet, u64, u64>(&value, None)?;
        }
        Ok(())
    }

    fn gauge(&mut self, name: &str, help: &str, value: Option<f64>) -> fmt::Result {
        let mut metric = self.encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        value.map_or(Ok(()), |value| metric.encode_gauge(&value))
    }

    fn measured(&mut self, name: &str, help: &str, unit: Unit, value: Option<f64>) -> fmt::Result {
        let mut metric = self.encoder.encode_descriptor(name, help, Some(&unit), MetricType::Gauge)?;
        value.map_or(Ok(()), |value| metric.encode_gauge(&value))
    }

    fn gauges<'v>(
        &mut self,
        name: &str,
        help: &str,
        label: &'static str,
        values: impl IntoIterator<Item = (&'v str, f64)>,
    ) -> fmt::Result {
        let mut metric = self.encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (of, value) in labelled(values) {
            metric.encode_family(&[(label, of)])?.encode_gauge(&value)?;
        }
        Ok(())
    }

    fn shares(
        &mut self,
        name: &str,
        help: &str,
        unit: Unit,
        values: impl IntoIterator<Item = (&'static str, f64)>,
    ) -> fmt::Result {
        let mut metric = self.encoder.encode_descriptor(name, help, Some(&unit), MetricType::Gauge)?;
        for (share, value) in values {
            metric.encode_family(&[("share", share)])?.encode_gauge(&value)?;
        }
        Ok(())
    }

    fn latencies(&mut self, histograms: &BTreeMap<String, BTreeMap<String, Buckets>>) -> fmt::Result {
        let help = "Time that messages took, by class and by stage on their way";
        let unit = Some(&Unit::Seconds);
        let mut metric = self.encoder.encode_descriptor("latency", help, unit, MetricType::Histogram)?;
        let classes = labelled(histograms.iter().map(|(class, stages)| (class.as_str(), stages)));
        for (class, stages) in classes {
            let stages = labelled(stages.iter().map(|(stage, buckets)| (stage.as_str(), buckets)));
            for (stage, found) in stages {
                let labels = [("class", class), ("stage", stage)];
                let mut of = metric.encode_family(&labels)?;
                let buckets = buckets_of(found);
                of.encode_histogram::<NoLabelSet>(found.sum_us / 1e6, found.count, &buckets, None)?;
            }
        }
        Ok(())
    }
}

/// Upper bounds, in seconds, with how many are in each bucket alone: the encoder adds them up. The last has no bound.
fn buckets_of(Buckets { bounds_us, counts, count, .. }: &Buckets) -> Vec<(f64, u64)> {
    let mut below = 0;
    let mut buckets: Vec<_> = bounds_us
        .iter()
        .zip(counts)
        .map(|(bound, up_to)| {
            let more = up_to.saturating_sub(below);
            below = below.max(*up_to);
            (bound / 1e6, more)
        })
        .collect();
    buckets.push((f64::INFINITY, count.saturating_sub(below)));
    buckets
}

/// Counts as gauges are written.
fn named<V: Copy + Number>(values: &BTreeMap<String, u64>) -> impl Iterator<Item = (&str, V)> {
    values.iter().map(|(name, value)| (name.as_str(), V::of(*value)))
}

trait Number {
    fn of(count: u64) -> Self;
}

impl Number for u64 {
    fn of(count: u64) -> Self {
        count
    }
}

impl Number for f64 {
    fn of(count: u64) -> Self {
        count as f64
    }
}

/// Those with a name that may be a label's value, and no more than [`MOST_VALUES`].
fn labelled<'v, V>(values: impl IntoIterator<Item = (&'v str, V)>) -> impl Iterator<Item = (&'v str, V)> {
    values.into_iter().filter(|(name, _)| is_label(name)).take(MOST_VALUES)
}

/// Whether it is a word such as `bad_signature` or `D2`; a station's digest is none.
fn is_label(name: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let digest = name.len() == 16 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    (1..=LONGEST_LABEL).contains(&name.len()) && name.bytes().all(word) && !digest
}

const CLOCK_STATES: &[&str] = &["locked", "holdover", "untrusted"];
/// Of one label: there are some eighty reasons for a drop.
const MOST_VALUES: usize = 256;
const LONGEST_LABEL: usize = 64;
