//! The signal ahead of a vehicle, as its report shows it.

use core::time::Duration;

use v2x_apps::infrastructure::Advice;
use v2x_apps::infrastructure::signal::phase_name;
use v2x_report::{RedLight, SignalAhead, SignalShown};

/// Advice as the report shows it.
pub fn signal_ahead(advice: &Advice) -> SignalAhead {
    let seconds = |time: Option<Duration>| time.map(|time| time.as_secs_f64());
    let shown = advice.signals.iter().map(|signal| {
        let ends = signal.shows.map(|showing| showing.ends).unwrap_or_default();
        SignalShown {
            to_lane: signal.connection.to,
            group: signal.connection.group,
            shows: match signal.shows {
                Ok(showing) => phase_name(showing.phase).to_owned(),
                Err(unknown) => unknown.name().to_owned(),
            },
            known: signal.shows.is_ok(),
            green_in_s: signal.shows.ok().and_then(|showing| seconds(showing.time_to_green()?.best())),
            min_end_s: seconds(ends.min),
            max_end_s: seconds(ends.max),
        }
    });
    SignalAhead {
        region: advice.lane.intersection.region,
        intersection: advice.lane.intersection.number,
        lane: advice.lane.lane,
        distance_m: advice.lane.distance_m,
        green_speed_mps: advice.green_window().map(|window| [window.min_mps, window.max_mps]),
        red_light: advice.violation().map(|violation| RedLight {
            at_line_in_s: violation.after.as_secs_f64(),
            braking_m_s2: violation.deceleration,
            warned: violation.is_imminent(),
        }),
        signals: shown.collect(),
    }
}

/// The same for clients of the control socket, with the line for people.
pub fn signal_view(advice: &Advice) -> v2x_api::SignalAhead {
    let SignalAhead { region, intersection, lane, distance_m, green_speed_mps, red_light, signals } =
        signal_ahead(advice);
    v2x_api::SignalAhead {
        intersection,
        region,
        lane,
        distance_m,
        text: advice.to_string(),
        green_window_m_s: green_speed_mps,
        red_light: red_light.map(|red_light| v2x_api::RedLightAhead {
            at_line_in_s: red_light.at_line_in_s,
            braking_m_s2: red_light.braking_m_s2,
            warned: red_light.warned,
        }),
        signals: signals
            .into_iter()
            .map(|signal| v2x_api::SignalShown {
                to_lane: signal.to_lane,
                group: signal.group,
                shows: signal.shows,
                known: signal.known,
                green_in_s: signal.green_in_s,
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use v2x_apps::infrastructure::lane::Connection;
    use v2x_apps::infrastructure::{Ends, IntersectionId, LaneMatch, Showing, Signal, Unknown};
    use v2x_proto::v1::SignalPhase;

    #[test]
    fn a_report_has_the_same_figures_by_name() {
        let lane = LaneMatch {
            intersection: IntersectionId { region: 49, number: 17 },
            lane: 3,
            distance_m: 100.0,
            offset_m: 0.2,
        };
        let in_13_s = Some(Duration::from_millis(13_200));
        let red = Showing {
            phase: SignalPhase::StopAndRemain,
            ends: Ends { min: in_13_s, likely: in_13_s, max: in_13_s },
            advised_mps: None,
        };
        let signal = |to, group, shows| Signal { connection: Connection { to, group }, shows };
        let advice = Advice {
            lane,
            signals: [signal(4, 1, Ok(red)), signal(5, 2, Err(Unknown::Stale))].into_iter().collect(),
            speed_mps: Some(10.0),
            speed_limit_mps: Some(13.9),
        };
        let ahead = signal_ahead(&advice);
        let json = serde_json::to_value(&ahead).unwrap();
        assert_eq!((&json["region"], &json["intersection"]), (&49.into(), &17.into()));
        assert_eq!((&json["lane"], &json["distance_m"]), (&3.into(), &100.0.into()));
        let [red, stale] = [&json["signals"][0], &json["signals"][1]];
        assert_eq!((&red["shows"], &red["green_in_s"]), (&"red".into(), &13.2.into()));
        assert_eq!((&red["to_lane"], &red["group"]), (&4.into(), &1.into()));
        assert_eq!((&stale["shows"], &stale["known"]), (&"stale".into(), &false.into()));
        assert_eq!(json.get("green_speed_mps"), None, "what one of them shows is not known");
        assert_eq!(serde_json::from_value::<SignalAhead>(json).unwrap(), ahead);
        // 100 m in 13.2 s at the fastest.
        let known = Advice { signals: advice.signals.into_iter().take(1).collect(), ..advice };
        let [min, max] = signal_ahead(&known).green_speed_mps.unwrap();
        assert!(min == 5.0 && (max - 7.57).abs() < 0.02, "{min} {max}");
        let view = signal_view(&known);
        assert_eq!((view.green_window_m_s, view.signals.len()), (Some([min, max]), 1));
        assert!(view.text.ends_with("100 m to the stop line; green window: 18 to 27 km/h"), "{}", view.text);
        let far = signal_ahead(&known).red_light.unwrap();
        assert_eq!((far.at_line_in_s, far.braking_m_s2, far.warned), (10.0, 0.5, false));
        let near = Advice { lane: LaneMatch { distance_m: 11.0, ..lane }, ..known };
        let red_light = signal_ahead(&near).red_light.unwrap();
        assert!(red_light.warned && (red_light.braking_m_s2 - 4.545).abs() < 0.001, "{red_light:?}");
    }
}
