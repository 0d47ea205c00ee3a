//! What the faults of a plan took.

use core::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::human::count;

/// One fault, in the order of the plan; of one run, or of several together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FaultReport {
    /// What goes wrong: the kind by its name in plans.
    pub fault: String,
    /// Frames that it lost, delayed, doubled or changed, each for one receiver. A jammer on a radio channel only makes noise:
    /// what that costs is among the losses of the medium.
    pub frames: u64,
    /// Positions that were missing or wrong.
    pub fixes: u64,
    /// Stations that it met; of several runs the most.
    pub stations: u64,
    /// How long it lasted, s: a crash with all its stations together, a jammer while it was on.
    pub lasted_s: f64,
}

impl FaultReport {
    /// Adds the same fault of another run.
    pub fn merge(&mut self, other: &Self) {
        self.frames += other.frames;
        self.fixes += other.fixes;
        self.stations = self.stations.max(other.stations);
        self.lasted_s += other.lasted_s;
    }
}

/// Appends them as a table for a terminal; nothing without any.
pub(super) fn render(faults: &[FaultReport], out: &mut String) {
    if faults.is_empty() {
        return;
    }
    let row = |out: &mut String, name: &str, figures: [String; 4]| {
        let [frames, fixes, stations, lasted] = figures;
        writeln!(out, "{name:<24} {frames:>10} {fixes:>10} {stations:>10} {lasted:>12}")
            .expect("invariant: writing to a String does not fail");
    };
    out.push('\n');
    row(out, "fault", ["frames", "positions", "stations", "lasted"].map(str::to_owned));
    for fault in faults {
        let figures = [count(fault.frames), count(fault.fixes), count(fault.stations)];
        let [frames, fixes, stations] = figures;
        row(
            out,
            &format!("  {}", fault.fault),
            [frames, fixes, stations, format!("{:.1} s", fault.lasted_s)],
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_have_a_row_each_and_runs_add_up() {
        let mut one =
            FaultReport { fault: "corrupt".to_owned(), frames: 12, fixes: 0, stations: 3, lasted_s: 2.5 };
        one.merge(&FaultReport { frames: 8, stations: 2, ..one.clone() });
        let mut out = String::new();
        render(&[one], &mut out);
        let wanted = "\nfault                        frames  positions   stations       lasted\n  corrupt                        20          0          3        5.0 s\n";
        assert_eq!(out, wanted);
        render(&[], &mut out);
        assert_eq!(out, wanted);
    }
}
