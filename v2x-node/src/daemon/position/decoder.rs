//! NMEA as it comes from a receiver: bytes in, fixes out.

use v2x_core::WireTime;

use super::epoch::{Epochs, Heard};
use super::scanner::{Scanned, Scanner};
use super::sentence::Sentence;

/// Reads one receiver.
#[derive(Debug, Default)]
pub struct NmeaDecoder {
    scanner: Scanner,
    epochs: Epochs,
}

impl NmeaDecoder {
    /// Nothing read yet. `allow_simulated`: fixes that a simulator made, or a person typed, count as any other.
    pub fn new(allow_simulated: bool) -> Self {
        Self { scanner: Scanner::default(), epochs: Epochs::new(allow_simulated) }
    }

    /// Takes bytes that came at `near` by our clock, and hands out what they lead to.
    pub fn feed(&mut self, bytes: &[u8], near: WireTime, mut heard: impl FnMut(Heard)) {
        let Self { scanner, epochs } = self;
        scanner.feed(bytes, |scanned| {
            heard(match scanned {
                Scanned::Sentence(body) => epochs.hear(&Sentence::parse(body), near),
                Scanned::Unsummed => Heard::Unsummed,
                Scanned::Damaged => Heard::Damaged,
                Scanned::Text => Heard::Text,
                Scanned::Binary => Heard::Binary,
            });
        });
    }

    /// The line is quiet, or has ended: a moment whose sentences have come is over, and may be a fix.
    pub fn quiet(&mut self, near: WireTime) -> Option<Heard> {
        Some(self.epochs.quiet(near)).filter(|heard| *heard != Heard::Sentence)
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;
    use crate::civil;
    use crate::daemon::position::quality::PositionRefusal;
    use proptest::prelude::*;
    use v2x_core::Fix;

    fn at(seconds: f64) -> WireTime {
        civil::wire_of_iso8601("2026-11-19T10:00:00Z").unwrap() + Duration::from_secs_f64(seconds)
    }

    fn sentence(body: &str) -> String {
        format!("${body}*{:02X}\r\n", body.bytes().fold(0, |sum, byte| sum ^ byte))
    }

    /// The time of day `seconds` after ten.
    fn hms(seconds: f64) -> String {
        let whole = seconds as u64;
        format!("10{:02}{:02}.{:02}", whole / 60, whole % 60, ((seconds - whole as f64) * 100.0).round())
    }

    const PLACE: &str = "4936.696,N,00607.914,E";

    fn rmc(seconds: f64) -> String {
        sentence(&format!("GNRMC,{},A,{PLACE},28.0,090.0,191126,,,A", hms(seconds)))
    }

    fn gga(seconds: f64, quality: u8) -> String {
        sentence(&format!("GNGGA,{},{PLACE},{quality},12,0.8,300.0,M,47.0,M,,", hms(seconds)))
    }

    fn vtg(knots: f64) -> String {
        sentence(&format!("GNVTG,090.0,T,,M,{knots},N,,K,A"))
    }

    /// What a receiver's bursts lead to, each with the moment it is handed out in.
    fn listen(bursts: impl IntoIterator<Item = (f64, String)>) -> Vec<(f64, Fix)> {
        let mut decoder = NmeaDecoder::new(false);
        let mut fixes = Vec::new();
        for (seconds, burst) in bursts {
            decoder.feed(burst.as_bytes(), at(seconds), |heard| {
                if let Heard::Fix(fix) = heard {
                    fixes.push((seconds, fix));
                }
            });
        }
        fixes
    }

    fn refusals(bursts: impl IntoIterator<Item = (f64, String)>) -> Vec<Heard> {
        let mut decoder = NmeaDecoder::new(false);
        let mut all = Vec::new();
        for (seconds, burst) in bursts {
            decoder.feed(burst.as_bytes(), at(seconds), |heard| {
                if matches!(heard, Heard::Fix(_) | Heard::NoFix(_)) {
                    all.push(heard);
                }
            });
        }
        all
    }

    /// Ten bursts at `hertz`.
    fn drive(hertz: f64, burst: impl Fn(f64) -> String) -> Vec<(f64, Fix)> {
        listen((0..10).map(|n| f64::from(n) / hertz).map(|seconds| (seconds, burst(seconds))))
    }

    #[test]
    fn a_moment_is_one_fix_with_all_that_its_sentences_say_in_any_order() {
        let gst = |s: f64| sentence(&format!("GNGST,{},21,,,,0.010,0.014,0.02", hms(s)));
        let orders: [&dyn Fn(f64) -> String; 4] = [
            &|s| [rmc(s), vtg(28.0), gga(s, 4), gst(s)].concat(),
            &|s| [gga(s, 4), gst(s), vtg(28.0), rmc(s)].concat(),
            &|s| [gst(s), gga(s, 4), rmc(s)].concat(),
            &|s| [gga(s, 4), vtg(28.0), gst(s)].concat(),
        ];
        for hertz in [1.0, 5.0, 10.0, 25.0] {
            for burst in orders {
                let fixes = drive(hertz, burst);
                assert!(fixes.len() >= 9, "{} of 10 at {hertz} Hz", fixes.len());
                let (_, first) = fixes[1];
                assert_eq!((first.speed, first.heading), (Some(1440), Some(900)));
                assert_eq!((first.altitude_cm, first.accuracy_cm), (Some(34_700), Some(3)));
                for (n, (handed_out, fix)) in fixes.iter().enumerate().skip(1) {
                    assert_eq!(fix.time, at(*handed_out), "handed out within its own burst");
                    assert!(n == 0 || fix.time > fixes[n - 1].1.time, "each moment once");
                }
            }
        }
    }

    #[test]
    fn motion_is_read_without_rmc_and_kept_where_it_does_not_come_each_time() {
        let gns = |s: f64| sentence(&format!("GNGNS,{},{PLACE},AANN,12,0.8,300.0,47.0,,", hms(s)));
        let gll = |s: f64| sentence(&format!("GNGLL,{PLACE},{},A,A", hms(s)));
        for place in [&gns as &dyn Fn(f64) -> String, &gll] {
            let fixes = drive(1.0, |s| [place(s), vtg(28.0)].concat());
            assert!(fixes.iter().skip(1).all(|(_, fix)| fix.speed == Some(1440)), "{fixes:?}");
        }
        // Ten positions a second, and RMC once.
        let fixes = drive(10.0, |s| if s == 0.0 { [gga(s, 1), rmc(s)].concat() } else { gga(s, 1) });
        assert!(fixes.len() >= 9 && fixes.iter().all(|(_, fix)| fix.speed == Some(1440)), "{fixes:?}");
    }

    #[test]
    fn motion_of_a_receiver_that_sends_it_first_is_of_its_own_moment() {
        let fixes = drive(1.0, |s| [vtg(20.0 + s), gga(s, 1)].concat());
        for (_, fix) in fixes.iter().skip(2) {
            let seconds = fix.time.since(at(0.0)).as_secs_f64();
            let expected = (20.0 + seconds) * 1852.0 / 36.0;
            assert!((f64::from(fix.speed.unwrap()) - expected).abs() < 1.0, "{fix:?}");
        }
    }

    #[test]
    fn a_place_does_not_wait_for_motion_that_comes_a_second_later() {
        let bursts = (0..8).map(f64::from).flat_map(|s| {
            let drives = sentence(&format!("GNRMC,{},A,{PLACE},{},090.0,191126,,,A", hms(s), 20.0 + s));
            [(s + 0.1, gga(s, 1)), (s + 0.9, drives)]
        });
        let fixes = listen(bursts);
        let age = |(handed_out, fix): &(f64, Fix)| at(*handed_out).since(fix.time).as_secs_f64();
        let settled: Vec<_> = fixes.iter().filter(|(handed_out, _)| *handed_out >= 3.0).collect();
        assert_eq!(settled.len(), 10, "the place at once, and its motion when it comes: {fixes:?}");
        assert!(settled.iter().step_by(2).all(|fix| age(fix) < 0.2 && fix.1.speed.is_some()), "{fixes:?}");
        let newest = settled.last().unwrap();
        assert!((f64::from(newest.1.speed.unwrap()) - 27.0 * 51.444).abs() < 1.0, "{newest:?}");
    }

    #[test]
    fn a_lone_sentence_is_handed_out_when_the_line_is_quiet() {
        let mut decoder = NmeaDecoder::new(false);
        decoder.feed(rmc(0.0).as_bytes(), at(0.0), |heard| assert_eq!(heard, Heard::Sentence));
        let Some(Heard::Fix(fix)) = decoder.quiet(at(0.1)) else { panic!("no fix") };
        assert_eq!((fix.time, fix.speed), (at(0.0), Some(1440)));
        assert_eq!(decoder.quiet(at(0.2)), None);
    }

    #[test]
    fn a_void_sentence_of_any_kind_ends_the_position_and_a_good_one_does_not_undo_it() {
        let gsa = |n: u8| sentence(&format!("GNGSA,A,{n},,,,,,,,,,,,,1.8,1.0,1.4,1"));
        let rmc_void = |s: f64| sentence(&format!("GNRMC,{},V,{PLACE},28.0,090.0,191126,,,N", hms(s)));
        let gll_void = |s: f64| sentence(&format!("GNGLL,{PLACE},{},V,N", hms(s)));
        let tunnels: [&dyn Fn(f64) -> String; 4] = [
            &|s| [rmc_void(s), gga(s, 0)].concat(),
            &|s| [rmc(s), gga(s, 0)].concat(),
            &|s| [rmc(s), gga(s, 1), gsa(1)].concat(),
            &|s| [rmc(s), gll_void(s)].concat(),
        ];
        for tunnel in tunnels {
            let burst = |n: u32| {
                let s = f64::from(n);
                let outside = [rmc(s), gga(s, 1), gsa(3)].concat();
                (s, if (4..8).contains(&n) { tunnel(s) } else { outside })
            };
            let fixes = listen((0..14).map(burst));
            let inside =
                fixes.iter().filter(|(_, fix)| (5.0..8.0).contains(&fix.time.since(at(0.0)).as_secs_f64()));
            assert_eq!(inside.count(), 0, "{fixes:?}");
            assert!(fixes.last().unwrap().0 >= 12.0, "and back: {fixes:?}");
            let heard = refusals((0..14).map(burst));
            assert!(heard.contains(&Heard::NoFix(PositionRefusal::NoFix)));
        }
    }

    #[test]
    fn a_system_without_a_fix_says_nothing_about_the_others() {
        // GP for GGA and GN for RMC is one receiver; GL is void all the time.
        let burst = |s: f64| {
            let glonass = sentence(&format!("GLRMC,{},V,,,,,,,191126,,,N", hms(s)));
            let gps = sentence(&format!("GPGGA,{},{PLACE},1,12,0.8,300.0,M,47.0,M,,", hms(s)));
            let gsa = sentence("GLGSA,A,1,,,,,,,,,,,,,,,") + &sentence("GPGSA,A,3,,,,,,,,,,,,,,,");
            [glonass, gps, rmc(s), gsa].concat()
        };
        let heard = refusals((0..8).map(f64::from).map(|s| (s, burst(s))));
        // Until GP has spoken, GL's is the only word.
        let fixes = heard.iter().filter(|heard| matches!(heard, Heard::Fix(_))).count();
        assert!(
            fixes >= 7 && matches!(heard[2..], [Heard::Fix(_), ..]) && heard.len() <= fixes + 2,
            "{heard:?}"
        );
    }

    #[test]
    fn simulated_manual_and_unset_places_are_refused_with_their_reason() {
        let last = |burst: &dyn Fn(f64) -> String| {
            *refusals((0..4).map(f64::from).map(|s| (s, burst(s)))).last().unwrap()
        };
        let mode =
            |s: f64, mode: &str| sentence(&format!("GNRMC,{},A,{PLACE},28.0,090.0,191126,,,{mode}", hms(s)));
        assert_eq!(last(&|s| mode(s, "S")), Heard::NoFix(PositionRefusal::Simulated));
        assert_eq!(last(&|s| mode(s, "M")), Heard::NoFix(PositionRefusal::Manual));
        assert_eq!(last(&|s| [rmc(s), gga(s, 8)].concat()), Heard::NoFix(PositionRefusal::Simulated));
        assert_eq!(last(&|s| [gga(s, 7), rmc(s)].concat()), Heard::NoFix(PositionRefusal::Manual));
        let zero = |s: f64| sentence(&format!("GNRMC,{},A,0000.000,N,00000.000,E,0,0,191126,,,A", hms(s)));
        assert_eq!(last(&zero), Heard::NoFix(PositionRefusal::Unset));
        let no_time = |_| sentence(&format!("GNRMC,,A,{PLACE},0,0,191126,,,A"));
        assert_eq!(last(&no_time), Heard::NoFix(PositionRefusal::NoTime));
        // No void state outlives its reason, and a bench may allow a simulator.
        let mut decoder = NmeaDecoder::new(true);
        let mut fixes = 0;
        for second in 0..4 {
            let s = f64::from(second);
            decoder.feed(mode(s, "S").as_bytes(), at(s), |heard| {
                fixes += u32::from(matches!(heard, Heard::Fix(_)))
            });
        }
        assert!(fixes >= 3);
    }

    #[test]
    fn the_date_is_carried_over_midnight_and_taken_from_zda() {
        let gga = |time: &str| sentence(&format!("GNGGA,{time},{PLACE},1,12,0.8,300.0,M,47.0,M,,"));
        let zda = |time: &str, date: &str| sentence(&format!("GNZDA,{time},{date},00,00"));
        let midnight = civil::wire_of_iso8601("2026-12-31T23:59:58Z").unwrap();
        let mut decoder = NmeaDecoder::new(false);
        let mut times = Vec::new();
        let lines = [
            gga("235958.00"),
            zda("235958.00", "31,12,2026"),
            gga("235959.00"),
            gga("000000.00"),
            gga("000001.00"),
        ];
        for line in lines {
            // Our own clock is days off; the receiver's date counts.
            let near = midnight + Duration::from_secs(5 * 86_400);
            decoder.feed(line.as_bytes(), near, |heard| {
                if let Heard::Fix(fix) = heard {
                    times.push(fix.time);
                }
            });
        }
        let after = |seconds| midnight + Duration::from_secs(seconds);
        assert_eq!(times, [after(1), after(2), after(3)]);
    }

    #[test]
    fn a_receiver_s_week_rollover_is_left_to_be_named() {
        let rolled = |s: f64| sentence(&format!("GNRMC,{},A,{PLACE},0,0,050407,,,A", hms(s)));
        let fixes = listen([(0.0, rolled(0.0)), (1.0, rolled(1.0))]);
        let (handed_out, fix) = fixes[0];
        assert_eq!(at(handed_out).since(fix.time).as_secs(), 619_315_200);
        let older = |s: f64| sentence(&format!("GNRMC,{},A,{PLACE},0,0,220899,,,A", hms(s)));
        let heard = refusals([(0.0, older(0.0)), (1.0, older(1.0))]);
        assert_eq!(heard, [Heard::NoFix(PositionRefusal::Date)]);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic_or_leave_the_globe(
            pieces in prop::collection::vec(prop_oneof![
                prop::collection::vec(any::<u8>(), 0..40),
                ("(GN|GP)(RMC|GGA|GNS|GLL|VTG|GST|ZDA|GSA)", prop::collection::vec("[0-9]{6}|[0-9.]{0,9}|[NSEWAVMTD]", 4..14))
                    .prop_map(|(address, fields)| sentence(&format!("{address},{}", fields.join(","))).into_bytes()),
                (0.0..90.0f64).prop_map(|s| rmc(s).into_bytes()),
                (0.0..90.0f64, 0u8..10).prop_map(|(s, quality)| gga(s, quality).into_bytes()),
            ], 0..40),
            near in any::<u32>()
        ) {
            let mut decoder = NmeaDecoder::new(false);
            let mut check = |heard| {
                if let Heard::Fix(fix) = heard {
                    assert!(v2x_core::Position::new(fix.position.latitude, fix.position.longitude).is_some());
                    assert!(!fix.position.is_unset() && fix.heading.is_none_or(|heading| heading < 3600));
                }
            };
            for piece in pieces {
                decoder.feed(&piece, WireTime::from_secs(near), &mut check);
            }
            decoder.quiet(WireTime::from_secs(near)).into_iter().for_each(check);
        }
    }
}
