//! One fix out of the sentences that a receiver sends for one moment.
//!
//! Sentences belong together by their time; those without one (VTG, GSA) to the moment they stand in. A fix is handed out
//! when all is there that the moments before had, when the next one begins, or when the line is quiet. What changes slowly
//! (altitude, accuracy, kind of fix) may be a few seconds old, motion may not.

use core::time::Duration;

use chrono::{Days, NaiveDate, NaiveTime};
use v2x_core::{Fix, Position, WireTime};

use super::quality::{Errors, PositionRefusal, Quality};
use super::sentence::{Kind, Sentence};
use super::talkers::Talkers;
use super::units::{accuracy_unit, altitude_unit, heading_unit, speed_unit};
use crate::civil;

/// What a sentence, or the quiet behind one, led to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Heard {
    /// A new position.
    Fix(Fix),
    /// The receiver reports that it has none, or none to be believed.
    NoFix(PositionRefusal),
    /// A sentence that leads to nothing by itself.
    Sentence,
    /// A sentence without a checksum; it is not read.
    Unsummed,
    /// A sentence that was cut or changed on its way.
    Damaged,
    /// A line of text that is no sentence.
    Text,
    /// Bytes of another protocol, or at another speed.
    Binary,
}

/// Puts moments together.
#[derive(Debug, Default)]
pub(super) struct Epochs {
    allow_simulated: bool,
    talkers: Talkers,
    now: Option<Moment>,
    /// Motion that came before the first place of its moment.
    early: Option<Motion>,
    motion: Option<Timed<Motion>>,
    altitude_m: Option<Timed<f64>>,
    hdop: Option<Timed<f64>>,
    estimated_m: Option<Timed<f64>>,
    /// And whether a sentence said it that knows best.
    quality: Option<Timed<(Quality, bool)>>,
    /// The receiver's date, and the time of day it held at.
    date: Option<(NaiveDate, u64)>,
    /// Whether the last two moments had motion of their own; the first moment shows it.
    moved: [Option<bool>; 2],
    /// Motion comes so long after the place (GSV between them, on a slow line) that the place does not wait for it.
    motion_is_late: bool,
}

/// Something said at a time: microseconds of the day.
#[derive(Clone, Copy, Debug)]
struct Timed<T> {
    value: T,
    at_us: u64,
}

#[derive(Clone, Copy, Debug)]
struct Moment {
    time_us: u64,
    place: Option<Position>,
    motion: Option<Motion>,
    /// Nothing that comes without a time belongs to it any longer.
    over: bool,
    handed_out: bool,
    /// It has its motion.
    complete: bool,
    /// When its first place came, by our clock.
    began: WireTime,
}

impl Moment {
    /// Whether a sentence without a time (`is_vtg`: it is VTG) belongs to the next moment, because this one has its own.
    fn is_past(&self, is_vtg: bool) -> bool {
        self.over || is_vtg && self.motion.is_some_and(|motion| motion.by_vtg)
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Motion {
    speed_mps: Option<f64>,
    course_deg: Option<f64>,
    heading_deg: Option<f64>,
    /// It has VTG's.
    by_vtg: bool,
}

impl Epochs {
    pub fn new(allow_simulated: bool) -> Self {
        Self { allow_simulated, ..Self::default() }
    }

    /// Takes a sentence that came at `near` by our clock, which gives the day where the receiver gives none.
    pub fn hear(&mut self, sentence: &Sentence, near: WireTime) -> Heard {
        match sentence.kind {
            kind if Kind::PLACES.contains(&kind) => self.place(sentence, near),
            Kind::Gsa => {
                if let Some(status) = sentence.status {
                    self.talkers.say(sentence.talker, Kind::Gsa, status.map(|_| ()), near);
                }
                self.keep_slow(sentence);
                match self.talkers.is_void(near) {
                    true => self.void(PositionRefusal::NoFix),
                    false => Heard::Sentence,
                }
            }
            Kind::Vtg | Kind::Hdt => self.motion(sentence, near),
            Kind::Gst | Kind::Gbs => {
                self.keep_slow(sentence);
                Heard::Sentence
            }
            Kind::Zda => {
                if let (Some(date), Some(time_us)) = (sentence.date, sentence.time_us)
                    && self.talkers.any_good(near)
                {
                    self.date = Some((date, time_us));
                }
                Heard::Sentence
            }
            _ => Heard::Sentence,
        }
    }

    /// The line is quiet: the moment is over.
    pub fn quiet(&mut self, near: WireTime) -> Heard {
        self.end(near)
    }

    fn place(&mut self, sentence: &Sentence, near: WireTime) -> Heard {
        let status = match sentence.status.unwrap_or(Ok(Quality::Autonomous)) {
            Err(PositionRefusal::Simulated | PositionRefusal::Manual) if self.allow_simulated => {
                Ok(Quality::Simulated)
            }
            status => status,
        };
        let unset = sentence.place.is_some_and(Position::is_unset);
        let verdict = match (status, sentence.place, sentence.time_us) {
            (Err(refusal), _, _) => Err(refusal),
            (Ok(_), _, None) => Err(PositionRefusal::NoTime),
            (Ok(_), None, _) => Err(PositionRefusal::NoFix),
            (Ok(_), Some(_), _) if unset => Err(PositionRefusal::Unset),
            (Ok(quality), Some(place), Some(time_us)) => Ok((quality, place, time_us)),
        };
        self.talkers.say(sentence.talker, sentence.kind, verdict.map(|_| ()), near);
        let believed = self.talkers.verdict(sentence.talker, near);
        let (quality, place, time_us) = match (verdict, believed) {
            (Ok(good), Ok(())) => good,
            // Another system of the same receiver may have a fix.
            (Err(_), _) | (_, Err(_)) if self.talkers.any_good(near) => return Heard::Sentence,
            (Err(refusal), _) | (_, Err(refusal)) => return self.void(refusal),
        };
        let before = match &self.now {
            Some(now) if now.time_us == time_us => Heard::Sentence,
            _ => {
                let before = self.end(near);
                let motion = self.early.take();
                self.now = Some(Moment {
                    time_us,
                    place: None,
                    motion,
                    over: false,
                    handed_out: false,
                    complete: false,
                    began: near,
                });
                before
            }
        };
        let now = self.now.as_mut().expect("a moment was begun");
        now.place.get_or_insert(place);
        if let Some(speed_mps) = sentence.speed_mps {
            let motion = now.motion.get_or_insert_default();
            (motion.speed_mps, motion.course_deg) = (Some(speed_mps), sentence.course_deg);
        }
        if let Some(date) = sentence.date {
            self.date = Some((date, time_us));
        }
        // RMC without a mode does not say what kind of fix it is; GGA and GNS say it best.
        let best = matches!(sentence.kind, Kind::Gga | Kind::Gns);
        if best || !self.fresh(self.quality.as_ref(), SLOW).is_some_and(|(_, best)| best) {
            self.quality = Some(Timed { value: (quality, best), at_us: time_us });
        }
        self.keep_slow(sentence);
        match self.complete(near) {
            Heard::Sentence => before,
            complete => complete,
        }
    }

    fn void(&mut self, refusal: PositionRefusal) -> Heard {
        self.now = None;
        Heard::NoFix(refusal)
    }

    fn motion(&mut self, sentence: &Sentence, near: WireTime) -> Heard {
        let is_vtg = sentence.kind == Kind::Vtg;
        let early = &mut self.early;
        let motion = match &mut self.now {
            Some(now) if !now.is_past(is_vtg) => &mut now.motion,
            _ => early,
        };
        let motion = motion.get_or_insert_default();
        if is_vtg {
            motion.speed_mps = motion.speed_mps.or(sentence.speed_mps);
            motion.course_deg = motion.course_deg.or(sentence.course_deg);
            motion.by_vtg = true;
        } else {
            motion.heading_deg = sentence.course_deg;
        }
        self.complete(near)
    }

    /// Keeps what may be used for later moments too.
    fn keep_slow(&mut self, sentence: &Sentence) {
        let Some(at_us) = sentence.time_us.or(self.now.map(|now| now.time_us)) else { return };
        let keep = |slot: &mut Option<Timed<f64>>, value: Option<f64>| {
            if let Some(value) = value {
                *slot = Some(Timed { value, at_us });
            }
        };
        keep(&mut self.altitude_m, sentence.altitude_m);
        keep(&mut self.hdop, sentence.hdop);
        // GST is the receiver's whole estimate, GBS that of its integrity check.
        let by_gst = self.fresh(self.estimated_m.as_ref(), SLOW).is_some() && sentence.kind == Kind::Gbs;
        if !by_gst {
            keep(&mut self.estimated_m, sentence.accuracy_m);
        }
    }

    /// Hands the moment out when it has all that the moments before had; again when motion came late.
    fn complete(&mut self, near: WireTime) -> Heard {
        let Some(now) = &mut self.now else { return Heard::Sentence };
        let [Some(last), Some(before)] = self.moved else { return Heard::Sentence };
        let moves = now.motion.is_some_and(|motion| motion.speed_mps.is_some());
        if moves && !now.complete {
            let late = near.since(now.began) > WAITS_FOR_MOTION;
            now.handed_out &= !late;
            now.complete = true;
            self.motion_is_late = late;
        }
        let waits = last && before && !self.motion_is_late;
        if moves || !waits { self.hand_out(near) } else { Heard::Sentence }
    }

    /// Ends the moment, and hands it out if that was not done.
    fn end(&mut self, near: WireTime) -> Heard {
        let Some(now) = &mut self.now else { return Heard::Sentence };
        if now.over {
            return Heard::Sentence;
        }
        now.over = true;
        let moved = now.motion.is_some_and(|motion| motion.speed_mps.is_some());
        let motion = now.motion.filter(|_| moved).map(|value| Timed { value, at_us: now.time_us });
        self.motion = motion.or(self.motion);
        let [last, _] = self.moved;
        self.moved = [Some(moved), Some(last.unwrap_or(moved))];
        self.hand_out(near)
    }

    fn hand_out(&mut self, near: WireTime) -> Heard {
        let Some(Moment { time_us, place: Some(position), motion, handed_out: false, .. }) = self.now else {
            return Heard::Sentence;
        };
        if let Some(now) = &mut self.now {
            now.handed_out = true;
        }
        let Some(time) = self.time(time_us, near) else { return Heard::NoFix(PositionRefusal::Date) };
        let moved = motion.filter(|motion| motion.speed_mps.is_some());
        let motion = moved.or(self.fresh(self.motion.as_ref(), FAST)).unwrap_or_default();
        let errors = Errors {
            estimated_m: self.fresh(self.estimated_m.as_ref(), SLOW),
            stated_m: None,
            hdop: self.fresh(self.hdop.as_ref(), SLOW),
        };
        let quality =
            self.fresh(self.quality.as_ref(), SLOW).map_or(Quality::Autonomous, |(quality, _)| quality);
        Heard::Fix(Fix {
            position,
            altitude_cm: self.fresh(self.altitude_m.as_ref(), SLOW).and_then(altitude_unit),
            speed: motion.speed_mps.and_then(speed_unit),
            heading: motion.course_deg.or(motion.heading_deg).and_then(heading_unit),
            acceleration: None,
            yaw_rate: None,
            accuracy_cm: quality.accuracy_m(&errors).and_then(accuracy_unit),
            time,
        })
    }

    /// A value that is not older than `most` at this moment.
    fn fresh<T: Copy>(&self, timed: Option<&Timed<T>>, most: Duration) -> Option<T> {
        let (timed, now) = (timed?, self.now?);
        let age_us = (now.time_us + DAY_US - timed.at_us % DAY_US) % DAY_US;
        // A little from the future: GST may come before the place of its moment.
        (age_us <= most.as_micros() as u64 || age_us > DAY_US - 1_000_000).then_some(timed.value)
    }

    /// The receiver's date carried on over midnight, else the day nearest to our clock.
    fn time(&mut self, time_us: u64, near: WireTime) -> Option<WireTime> {
        let seconds = (time_us / 1_000_000) as u32;
        // Chrono writes a leap second as the one before with more than a second of fraction.
        let leap = seconds >= 86_400;
        let nanos = (time_us % 1_000_000) as u32 * 1000 + if leap { 1_000_000_000 } else { 0 };
        let time = NaiveTime::from_num_seconds_from_midnight_opt(seconds.min(86_399), nanos)?;
        let Some((date, at_us)) = self.date else { return civil::wire_of_time_of_day(time, near) };
        let date = match time_us as i64 - at_us as i64 {
            ..=MINUS_HALF_DAY_US => date.checked_add_days(Days::new(1))?,
            HALF_DAY_US.. => date.checked_sub_days(Days::new(1))?,
            _ => date,
        };
        self.date = Some((date, time_us));
        civil::wire_of_utc(date, time)
    }
}

/// What changes slowly holds this long: a few of the moments of a receiver that says it now and then.
const SLOW: Duration = Duration::from_secs(5);
/// Motion holds over one moment at 1 Hz.
const FAST: Duration = Duration::from_millis(1_500);
/// A place does not wait longer for its motion: at 9,600 baud thirty satellites in view take a second.
const WAITS_FOR_MOTION: Duration = Duration::from_millis(400);
const DAY_US: u64 = 86_400_000_000;
const HALF_DAY_US: i64 = 43_200_000_000;
const MINUS_HALF_DAY_US: i64 = -HALF_DAY_US;
