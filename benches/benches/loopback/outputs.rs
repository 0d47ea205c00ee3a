//! What stalled and full outputs cost a station: runs in turns, with and without.

use core::time::Duration;

use benches::figures::{Samples, rounded};
use serde_json::{Map, Value, json};

use crate::bridge;
use crate::lab::{Lab, say};
use crate::placement::Placement;
use crate::probe::Probe;
use crate::stack::{self, StackRun};
use crate::trouble::Trouble;

/// The same for both runs of a pair: what a status line costs is not what a pipe costs that nobody reads.
const EACH_SECOND: &str = "[report]\nevery_s = 1\n";

/// Runs `pairs` pairs of `seconds` each, for every kind of trouble.
pub fn run(lab: &Lab, placement: &Placement, rate: u32, seconds: u64, pairs: u32) -> Result<Value, String> {
    say(&format!(
        "\noutputs, {rate} messages/s, {pairs} pairs of {seconds} s each, {}; microseconds",
        placement.name
    ));
    say(&format!(
        "{:<6} {:>4} {:>9} {:>9} {:>6} {:>9} {:>9} {:>6} {:>5} {:>6} {:>7}",
        "", "pair", "p99", "without", "ratio", "p99.9", "without", "ratio", "lost", "slow", "unseen"
    ));
    let mut kinds = Map::new();
    let chosen: Vec<String> = std::env::args().collect();
    let named = |trouble: &Trouble| chosen.iter().any(|word| word == trouble.name());
    // How far equal runs scatter takes more than one pair.
    let control = (pairs > 1).then_some(Trouble::None);
    let all = || control.into_iter().chain(Trouble::ALL);
    let any = all().any(|trouble| named(&trouble));
    for trouble in all().filter(|trouble| !any || named(trouble)) {
        if trouble == Trouble::Bridge {
            if let Err(reason) = bridge::program() {
                say(&format!("{:<6} left out: {reason}", trouble.name()));
                kinds.insert(trouble.name().to_owned(), json!({"left_out": reason}));
                continue;
            }
            bridge::make_keys(lab)?;
        }
        kinds.insert(trouble.name().to_owned(), kind(lab, placement, rate, seconds, pairs, trouble)?);
    }
    Ok(Value::Object(kinds))
}

fn kind(
    lab: &Lab,
    placement: &Placement,
    rate: u32,
    seconds: u64,
    pairs: u32,
    trouble: Trouble,
) -> Result<Value, String> {
    let mut ratios = [Samples::with_capacity(pairs as usize), Samples::with_capacity(pairs as usize)];
    let (mut lost, mut slow, mut unseen, mut longest_ns) = (0, 0, 0, 0);
    let (mut warnings, mut carried) = (Vec::new(), None);
    for pair in 0..pairs {
        // Whichever comes first would else always have the warmer or the colder machine.
        let order = if pair % 2 == 0 { [trouble, Trouble::None] } else { [Trouble::None, trouble] };
        let mut runs = Vec::with_capacity(2);
        for trouble in order {
            let probe = Probe::start(placement)?;
            let run = stack::run(lab, placement, rate, Duration::from_secs(seconds), trouble, EACH_SECOND)?;
            runs.push((trouble, run, probe.stop()?));
        }
        runs.sort_by_key(|(kind, ..)| *kind == Trouble::None);
        let [(_, with, wakes), (_, without, _)] = &runs[..] else {
            return Err("invariant: two runs".to_owned());
        };
        let of = |run: &StackRun| [run.send_to_delivered.p99_ns, run.send_to_delivered.p999_ns];
        let (with_ns, without_ns) = (of(with), of(without));
        for ((ratio, with), without) in ratios.iter_mut().zip(with_ns).zip(without_ns) {
            ratio.add(with as f64 / without as f64);
        }
        let turns = || with.slow_turns.iter().flatten();
        let pair_unseen = turns().filter(|(began, ended)| !wakes.late_between(*began, *ended)).count();
        lost += with.lost();
        slow += turns().count();
        unseen += pair_unseen;
        longest_ns = longest_ns.max(with.longest_turns_ns.into_iter().max().unwrap_or_default());
        let us = |ns: u64| ns as f64 / 1000.0;
        say(&format!(
            "{:<6} {:>4} {:>9.1} {:>9.1} {:>6.2} {:>9.1} {:>9.1} {:>6.2} {:>5} {:>6} {:>7}",
            trouble.name(),
            pair + 1,
            us(with_ns[0]),
            us(without_ns[0]),
            with_ns[0] as f64 / without_ns[0] as f64,
            us(with_ns[1]),
            us(without_ns[1]),
            with_ns[1] as f64 / without_ns[1] as f64,
            with.lost(),
            turns().count(),
            pair_unseen
        ));
        warnings.clone_from(&with.warnings);
        carried.clone_from(&with.carried);
    }
    let [p99, p999] = ratios.map(|ratio| rounded(ratio.median(), 3));
    say(&format!("{:<6} median of the ratios: p99 {p99:.3}, p99.9 {p999:.3}; lost {lost}", trouble.name()));
    warnings.iter().for_each(|warning| say(&format!("warning: {warning}")));
    carried.iter().for_each(|carried| say(&format!("{}, last pair: {carried}", trouble.name())));
    Ok(json!({
        "p99_ratio": p99,
        "p999_ratio": p999,
        "lost": lost,
        "slow_turns": slow,
        "slow_turns_unseen": unseen,
        "longest_turn_ns": longest_ns,
        "warnings": warnings,
        "carried": carried,
    }))
}
