//! How busy stations were whose processor takes its time in virtual time.

use serde::{Deserialize, Serialize};

use super::human::{count, counted, percent};

/// What stations' work took on their one core each; of one run, or of several together.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ProcessorReport {
    /// Checking one signature, us.
    pub verify_us: f64,
    /// Making one signature, us.
    pub sign_us: f64,
    /// All other work of one frame that is read, or of one message that is made, us.
    pub frame_us: f64,
    /// How long stations were there, all together, s.
    pub present_s: f64,
    /// How long they were busy, all together, s.
    pub busy_s: f64,
    /// The share of its time that the busiest station was.
    pub busiest: f64,
    /// Its name.
    pub busiest_station: String,
    /// The most frames that ever waited in one station's socket.
    pub waiting_max: u64,
    /// Frames that found no room there: also `socket_full` among what was not delivered.
    pub socket_full: u64,
}

impl ProcessorReport {
    /// The share of their time that stations were busy, all together.
    pub fn busy(&self) -> f64 {
        if self.present_s > 0.0 { self.busy_s / self.present_s } else { 0.0 }
    }

    /// Adds another run's.
    pub fn merge(&mut self, other: &Self) {
        self.present_s += other.present_s;
        self.busy_s += other.busy_s;
        if other.busiest > self.busiest {
            self.busiest = other.busiest;
            self.busiest_station.clone_from(&other.busiest_station);
        }
        self.waiting_max = self.waiting_max.max(other.waiting_max);
        self.socket_full += other.socket_full;
    }

    /// In words, piece by piece.
    pub fn in_words(&self) -> Vec<String> {
        let busiest = match self.busiest_station.as_str() {
            "" => String::new(),
            name => format!(" ({name}: {})", percent(self.busiest)),
        };
        vec![
            format!("{} us to verify", self.verify_us),
            format!("{} us to sign", self.sign_us),
            format!("{} us for each frame", self.frame_us),
            format!("busy {} of the time{busiest}", percent(self.busy())),
            format!("at most {} waiting", counted(self.waiting_max, "frame")),
            format!("{} lost at a full socket", count(self.socket_full)),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_runs_add_up_and_the_busiest_station_of_all_is_told() {
        let mut all = ProcessorReport {
            verify_us: 200.0,
            present_s: 10.0,
            busy_s: 1.0,
            busiest: 0.2,
            busiest_station: "car 1".to_owned(),
            waiting_max: 3,
            ..ProcessorReport::default()
        };
        let other = ProcessorReport {
            present_s: 30.0,
            busy_s: 9.0,
            busiest: 0.5,
            busiest_station: "car 7".to_owned(),
            waiting_max: 1,
            socket_full: 4,
            ..all.clone()
        };
        all.merge(&other);
        assert_eq!(all.busy(), 0.25);
        assert_eq!(
            all.in_words().join(", "),
            "200 us to verify, 0 us to sign, 0 us for each frame, busy 25.0 % of the time (car 7: 50.0 %), \
             at most 3 frames waiting, 4 lost at a full socket"
        );
        assert_eq!(ProcessorReport::default().busy(), 0.0);
    }
}
