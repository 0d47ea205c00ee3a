//! The three receivers in turns: what a frame costs when there are always more, and how long one takes.

use core::time::Duration;

use benches::figures::{Samples, rounded};
use serde_json::{Map, Value, json};
use v2x_report::{StageHistogram, Summary};

use crate::lab::{Lab, say};
use crate::placement::Placement;
use crate::receive::{Received, Receiver, Task};
use crate::send::{self, Load, Sent};

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Turns of each receiver, per figure.
    pub rounds: usize,
    /// Length of a turn.
    pub turn: Duration,
    /// Length of each overload.
    pub overload: Duration,
}

impl Plan {
    /// Under two minutes.
    pub const WHOLE: Self =
        Self { rounds: 24, turn: Duration::from_millis(500), overload: Duration::from_secs(3) };
    /// Some seconds.
    pub const QUICK: Self =
        Self { rounds: 1, turn: Duration::from_millis(100), overload: Duration::from_millis(300) };
}

/// Contestants in an order that gives each every place in turn.
pub fn in_turn<T: Copy, const N: usize>(all: [T; N], round: usize) -> impl Iterator<Item = T> {
    (0..N).map(move |place| all[(place + round) % N])
}

/// Processor time of a frame when the next one is already there: bursts that the receiver reads after the sender.
pub fn saturated(lab: &Lab, placement: &Placement, plan: &Plan) -> Result<Value, String> {
    // Fits into the default receive queue, which is what pnet has.
    let load = Load { burst: 128, period: Duration::from_millis(2), turn: plan.turn / 2, rest: REST };
    // The sender goes first, so that the whole burst is there when the receiver looks.
    let (sender, receiver) = (placement.receiver, placement.sender);
    let mut costs = Receiver::ALL.map(|_| Samples::with_capacity(plan.rounds));
    let mut counts = Receiver::ALL.map(|_| (0, 0));
    let mut ratios = [Samples::default(), Samples::default()];
    for round in 0..plan.rounds {
        let mut round_ns = [0.0; Receiver::ALL.len()];
        for kind in in_turn(Receiver::ALL, round) {
            let child = kind.start(lab, receiver, Task::Count)?;
            let Sent { sent, .. } = send::run(lab, sender, &load)?;
            let Received { received, processor_ns, .. } = Received::of(child)?;
            let ns = processor_ns as f64 / received as f64;
            round_ns[kind as usize] = ns;
            costs[kind as usize].add(ns);
            let count = &mut counts[kind as usize];
            *count = (count.0 + sent, count.1 + received);
        }
        ratios[0].add(round_ns[Receiver::Pnet as usize] / round_ns[Receiver::Packet as usize]);
        ratios[1].add(round_ns[Receiver::Bare as usize] / round_ns[Receiver::Packet as usize]);
    }
    say(&format!("\nsaturated, {} turns each: bursts of {} frames", plan.rounds, load.burst));
    say(&format!(
        "{:<8} {:>10} {:>10} {:>10} {:>18}",
        "", "sent", "received", "ns/frame", "frames/s and core"
    ));
    let mut figures = Map::new();
    for kind in Receiver::ALL {
        let ns = costs[kind as usize].median();
        let (sent, received) = counts[kind as usize];
        let per_s = (1e9 / ns).round();
        say(&format!("{:<8} {sent:>10} {received:>10} {ns:>10.0} {per_s:>18.0}", kind.name()));
        figures.insert(
            kind.name().to_owned(),
            json!({"sent": sent, "received": received, "ns_per_frame": rounded(ns, 1), "frames_per_s_core": per_s}),
        );
    }
    let [over_pnet, over_bare] = ratios.map(|ratio| rounded(ratio.median(), 3));
    say(&format!(
        "packet reads {over_pnet:.2} x the frames of pnet and {over_bare:.2} x those of the bare loop"
    ));
    figures.insert("packet_over_pnet".to_owned(), json!(over_pnet));
    figures.insert("packet_over_bare".to_owned(), json!(over_bare));
    Ok(Value::Object(figures))
}

/// How long a frame takes at a rate that leaves everybody time.
pub fn latency(lab: &Lab, placement: &Placement, plan: &Plan) -> Result<Value, String> {
    let load = Load { burst: 1, period: Duration::from_micros(500), turn: plan.turn, rest: REST };
    let mut contests = [Contest::new(Receiver::ALL.len()), Contest::new(Receiver::ALL.len())];
    let mut lost = Receiver::ALL.map(|_| 0);
    for round in 0..plan.rounds {
        for kind in in_turn(Receiver::ALL, round) {
            let child = kind.start(lab, placement.receiver, Task::Time)?;
            let Sent { sent, .. } = send::run(lab, placement.sender, &load)?;
            let received = Received::of(child)?;
            lost[kind as usize] += sent.saturating_sub(received.received);
            contests[0].add(kind as usize, &received.due_to_received);
            contests[1].add(kind as usize, &received.call_to_received);
        }
    }
    let rate = 1_000_000_000 / load.period.as_nanos();
    say(&format!("\nlatency at {rate} frames/s, {} turns each; microseconds", plan.rounds));
    say(&header());
    let mut figures = Map::new();
    for (contest, name) in contests.iter().zip(["due -> received", "sent -> received"]) {
        for kind in Receiver::ALL {
            say(&row(&format!("{:<6} {name}", kind.name()), &contest.summary(kind as usize)));
        }
    }
    for kind in Receiver::ALL {
        let [due, called] = contests.each_ref().map(|contest| contest.summary(kind as usize));
        figures.insert(
            kind.name().to_owned(),
            json!({"lost": lost[kind as usize], "due_to_received": due, "sent_to_received": called}),
        );
    }
    for (contest, name) in contests.iter().zip(["due_p99_ratio", "sent_p99_ratio"]) {
        let (whole, median) = contest.p99_ratios(Receiver::Packet as usize, Receiver::Bare as usize);
        say(&format!("{name}, packet over bare: {whole:.3}; median of the rounds {median:.3}"));
        figures.insert(name.to_owned(), json!(whole));
        figures.insert(format!("{name}_of_rounds"), json!(median));
    }
    figures.insert("rate_per_s".to_owned(), json!(rate));
    Ok(Value::Object(figures))
}

/// Latencies of several contestants, by round.
#[derive(Debug)]
pub struct Contest {
    all: Vec<StageHistogram>,
    p99s: Vec<Vec<u64>>,
}

impl Contest {
    /// Without any.
    pub fn new(contestants: usize) -> Self {
        Self { all: vec![StageHistogram::new(); contestants], p99s: vec![Vec::new(); contestants] }
    }

    /// A contestant's turn, ns.
    pub fn add(&mut self, contestant: usize, times_ns: &[u64]) {
        let mut turn = StageHistogram::new();
        times_ns.iter().for_each(|ns| turn.record(*ns));
        self.all[contestant].merge(&turn);
        self.p99s[contestant].push(turn.summary().p99_ns);
    }

    /// All its turns together.
    pub fn summary(&self, contestant: usize) -> Summary {
        self.all[contestant].summary()
    }

    /// The p99 of one over that of another: of all turns together, and the median of the rounds'.
    pub fn p99_ratios(&self, one: usize, other: usize) -> (f64, f64) {
        let ratio = |one: u64, other: u64| one as f64 / other as f64;
        let mut rounds = Samples::default();
        self.p99s[one].iter().zip(&self.p99s[other]).for_each(|(one, other)| rounds.add(ratio(*one, *other)));
        let whole = ratio(self.summary(one).p99_ns, self.summary(other).p99_ns);
        (rounded(whole, 3), rounded(rounds.median(), 3))
    }
}

/// The heading of [`row`].
pub fn header() -> String {
    format!("{:<24} {:>8} {:>8} {:>8} {:>8} {:>8}", "", "count", "p50", "p99", "p99.9", "max")
}

/// A line of a table, microseconds.
pub fn row(name: &str, summary: &Summary) -> String {
    let us = |ns: u64| ns as f64 / 1000.0;
    let Summary { count, p50_ns, p99_ns, p999_ns, max_ns, .. } = *summary;
    let [p50, p99, p999, max] = [p50_ns, p99_ns, p999_ns, max_ns].map(us);
    format!("{name:<24} {count:>8} {p50:>8.1} {p99:>8.1} {p999:>8.1} {max:>8.1}")
}

/// More than a receiver that keeps up is behind.
const REST: Duration = Duration::from_millis(20);
