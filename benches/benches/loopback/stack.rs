//! Two daemons: one sends test traffic, the other receives it, each judged by what the other counted.

use core::time::Duration;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use serde_json::{Value, json};
use v2x_node::console::Console;
use v2x_node::daemon::run::{self, DaemonOptions};
use v2x_proto::Class;
use v2x_report::{ClassReport, Report, Stage, StageHistogram, Summary, miss_target};

use crate::bridge::Bridges;
use crate::lab::{INTERFACE, Lab, print_result};
use crate::placement::{Placement, Seat};
use crate::trouble::Trouble;

/// Classes of the test traffic, used in turn.
pub const CLASSES: [Class; 4] = [Class::D0, Class::D1, Class::D2, Class::D4];

/// What the stations at both ends counted.
#[derive(Clone, Debug)]
pub struct StackRun {
    /// Every class with traffic: what the sender sent against what the receiver delivered.
    pub classes: Vec<ClassReport>,
    /// Due at the sender's application -> event at the receiver's, all classes.
    pub send_to_delivered: Summary,
    /// Kernel's receive stamp -> event at the receiver's application, all classes.
    pub kernel_to_delivered: Summary,
    /// What either daemon warned of.
    pub warnings: Vec<String>,
    /// Turns of the sender and the receiver that took longer than 1 ms: beginning and end, `CLOCK_MONOTONIC` ns.
    pub slow_turns: [Vec<(u64, u64)>; 2],
    /// The longest turn of each, ns.
    pub longest_turns_ns: [u64; 2],
    /// What a bridge carried beside the receiver.
    pub carried: Option<String>,
}

impl StackRun {
    /// Messages sent that were never delivered.
    pub fn lost(&self) -> u64 {
        self.classes.iter().map(|class| class.expected - class.delivered).sum()
    }

    /// Messages delivered late or never.
    pub fn missed(&self) -> u64 {
        self.classes.iter().map(|class| class.missed).sum()
    }

    /// For the results, without the distributions.
    pub fn json(&self) -> Value {
        let mut classes = self.classes.clone();
        classes.iter_mut().for_each(|class| class.percentiles.clear());
        json!({
            "classes": classes,
            "lost": self.lost(),
            "missed": self.missed(),
            "send_to_delivered": self.send_to_delivered,
            "kernel_receive_to_delivered": self.kernel_to_delivered,
            "warnings": self.warnings,
            "longest_turns_ns": self.longest_turns_ns,
        })
    }
}

/// Runs both daemons; the sender sends `rate` messages a second for `time`, the outputs of both are in `trouble`, and
/// `report` is their `[report]` table, if they have one.
pub fn run(
    lab: &Lab,
    placement: &Placement,
    rate: u32,
    time: Duration,
    trouble: Trouble,
    report: &str,
) -> Result<StackRun, String> {
    let load = format!(
        "[load]\nrate_per_s = {rate}\nclasses = {:?}\npayload_bytes = {PAYLOAD_BYTES}\n",
        CLASSES.map(Class::name)
    );
    let prepare = |name: &str| {
        let folder = lab.directory().join(name);
        fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))
    };
    prepare("sender-out")?;
    prepare("receiver-out")?;
    let sender = configure(lab, "sender", placement.sender, &format!("{load}{report}"))?;
    let receiver = configure(
        lab,
        "receiver",
        placement.receiver,
        if report.is_empty() { QUIET_REPORT } else { report },
    )?;
    let folder = |name: &str| text(&lab.directory().join(name));
    let mut receiver = lab.spawn(
        1,
        "station",
        &[text(&receiver), "-".to_owned(), trouble.name().to_owned(), folder("receiver-out")],
    )?;
    receiver.ready()?;
    let bridges = if trouble == Trouble::Bridge { Some(Bridges::start(lab)?) } else { None };
    // The daemon's load starts a second after it.
    let seconds = time.as_secs() + 1;
    let arguments = [text(&sender), seconds.to_string(), trouble.name().to_owned(), folder("sender-out")];
    let sent = lab.spawn(0, "station", &arguments)?.result()?;
    // What was sent last is verified within a millisecond; one deadline more is a margin.
    thread::sleep(Duration::from_millis(200));
    let carried = bridges.map(Bridges::end).transpose()?;
    receiver.terminate()?;
    let received = receiver.result()?;
    let report = |value: &Value| {
        serde_json::from_value::<Report>(value["report"].clone()).map_err(|error| format!("report: {error}"))
    };
    let summary = |name: &str| {
        serde_json::from_value(received[name].clone()).map_err(|error| format!("{name}: {error}"))
    };
    let turns = |value: &Value| {
        let slow: Vec<(u64, u64)> =
            serde_json::from_value(value["slow_turns"].clone()).map_err(|error| format!("turns: {error}"))?;
        Ok::<_, String>((slow, value["longest_turn_ns"].as_u64().unwrap_or_default()))
    };
    let ((sender_slow, sender_longest), (receiver_slow, receiver_longest)) =
        (turns(&sent)?, turns(&received)?);
    let (sent, delivered) = (report(&sent)?, report(&received)?);
    let mut warnings = sent.warnings.clone();
    warnings.extend(delivered.warnings.iter().cloned());
    warnings
        .extend(delivered.drops.iter().map(|(reason, count)| format!("{count} frames dropped: {reason}")));
    Ok(StackRun {
        classes: join(&sent, &delivered),
        send_to_delivered: summary("send_to_delivered")?,
        kernel_to_delivered: summary("kernel_to_delivered")?,
        warnings,
        slow_turns: [sender_slow, receiver_slow],
        longest_turns_ns: [sender_longest, receiver_longest],
        carried,
    })
}

/// A daemon's process: configuration, seconds or `-` until it is asked to end, its trouble and a folder for that.
pub fn station(arguments: &[String]) -> Result<(), String> {
    let config = arguments.first().map(PathBuf::from).ok_or("expected a configuration")?;
    let seconds =
        arguments.get(1).filter(|seconds| *seconds != "-").map(|seconds| seconds.parse()).transpose();
    let seconds = seconds.map_err(|error| format!("seconds: {error}"))?;
    let trouble = arguments.get(2).map_or(Ok(Trouble::None), |name| Trouble::parse(name))?;
    let folder = arguments.get(3).map(PathBuf::from).unwrap_or_default();
    let ran = v2x_report::WhatRan::default();
    let made = trouble.make(&config, &folder).map_err(|error| format!("making trouble: {error}"))?;
    let args = DaemonOptions { config, record: made.record.clone(), seconds, json: made.json.clone(), ran };
    let started = match &made.output {
        Some(output) => Console::start("standard output", output, |_| ()),
        None => Console::start("standard output", std::io::stdout(), |_| ()),
    };
    let mut console = started.map_err(|error| error.to_string())?;
    // The parent waits for a line, which a stalled pipe never shows.
    println!("begun");
    let outcome = run::observe(&args, None, &mut console).map_err(|error| error.to_string())?;
    // A pipe that is not read on purpose keeps its lines.
    drop(console.finish(Duration::from_secs(1)));
    let merged = |stage| {
        let mut all = StageHistogram::new();
        outcome.stats.classes().iter().for_each(|class| all.merge(class.stage(stage)));
        all.summary()
    };
    print_result(&json!({
        "report": outcome.report,
        "send_to_delivered": merged(Stage::SendToDelivered),
        "kernel_to_delivered": merged(Stage::KernelToDelivered),
        "slow_turns": outcome.turns.slow.iter().map(|(began, ended)| (began.as_nanos(), ended.as_nanos())).collect::<Vec<_>>(),
        "longest_turn_ns": outcome.turns.longest.as_nanos() as u64,
    }));
    Ok(())
}

/// Makes keys for a sender and a receiver.
pub fn make_keys(lab: &Lab) -> Result<(), String> {
    let keys = text(&lab.directory().join("keys"));
    let command = |words: &[&str]| {
        let words: Vec<_> = ["keys"].iter().chain(words).map(|word| (*word).to_owned()).collect();
        lab.spawn(0, "roadcast", &words)?.end()
    };
    command(&["init", "--dir", &keys])?;
    command(&["issue", "--dir", &keys, "--name", "sender"])?;
    command(&["issue", "--dir", &keys, "--name", "receiver"])
}

/// Writes the configuration of a station and returns its file. `more` are further tables.
pub fn configure(lab: &Lab, name: &str, seat: Seat, more: &str) -> Result<PathBuf, String> {
    let file = lab.directory().join(format!("{name}.toml"));
    let text = format!(
        "role = \"vehicle\"\ntest = true\nseed = 1\n\n\
         [identity]\ncredential = \"keys/{name}.cred\"\nkey = \"keys/{name}.key\"\n\
         roots = [\"keys/root.cred\"]\nissuers = [\"keys/issuer.cred\"]\n\n\
         [link]\nkind = \"packet\"\ninterface = \"{INTERFACE}\"\n\n\
         [position]\nsource = \"fixed\"\nlatitude = 49.6\nlongitude = 6.13\n\n\
         [clock]\ntrust = \"always\"\n\n{}\n{more}",
        seat.toml()
    );
    fs::write(&file, text).map_err(|error| format!("{}: {error}", file.display()))?;
    Ok(file)
}

/// A path as an argument.
pub fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// The sender's counts beside the receiver's: gaps in numbers cannot show a lost tail, the sender's count can.
fn join(sent: &Report, delivered: &Report) -> Vec<ClassReport> {
    let mut classes = Vec::new();
    for class in Class::ALL {
        let (Some(sent), Some(delivered)) = (sent.class(class), delivered.class(class)) else { continue };
        if sent.sent == 0 {
            continue;
        }
        let mut joined = delivered.clone();
        joined.sent = sent.sent;
        joined.expected = sent.sent.max(delivered.delivered);
        let lost = joined.expected - joined.delivered;
        joined.undelivered.clear();
        if lost > 0 {
            joined.undelivered.insert("never_received".to_owned(), lost);
        }
        joined.missed = lost + joined.delivered_late;
        joined.miss_ratio = joined.missed as f64 / joined.expected as f64;
        joined.met = miss_target(class).is_none_or(|target| joined.miss_ratio <= target);
        joined.stages.retain(|name, _| !sent.stages.contains_key(name) || is_receive_stage(name));
        let send_stages = sent.stages.iter().filter(|(name, _)| !is_receive_stage(name));
        joined.stages.extend(send_stages.map(|(name, summary)| (name.clone(), *summary)));
        classes.push(joined);
    }
    classes
}

fn is_receive_stage(name: &str) -> bool {
    Stage::ALL.into_iter().find(|stage| stage.name() == name).is_some_and(|stage| stage >= Stage::AirToKernel)
}

/// With the signed fields, about what an awareness message with a path takes on air.
pub const PAYLOAD_BYTES: usize = 100;
/// No status lines while it counts.
const QUIET_REPORT: &str = "[report]\nevery_s = 86400\n";
