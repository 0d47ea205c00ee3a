//! Sources as the daemon sees them: over real sockets, files and terminals, ended by what they send, not by time.

use core::time::Duration;
use std::io::Write;
use std::path::PathBuf;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

use super::wait::wire_now;
use super::*;

fn run<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap().block_on(future)
}

fn gpsd_source(address: String, silence: Duration) -> PositionSource {
    let shared = Arc::new(Shared::default());
    let publisher = Publisher { shared: Arc::clone(&shared) };
    let gpsd = Gpsd { address, device: None, allow_simulated: false, silence };
    let task = tokio::spawn(gpsd::run(gpsd, DeadlineTimer::new().unwrap(), publisher));
    PositionSource { shared, task, description: String::new(), inlet: None }
}

#[test]
fn every_source_has_a_name_to_be_silent_by() {
    run(async {
        let position = v2x_core::Position { latitude: 1, longitude: 496_000_000 };
        let fixed = PositionSource::start(&PositionConfig::Fixed { position, altitude_cm: None }).unwrap();
        // What a station says that was stopped, or slept, for longer than a fix lasts.
        assert!(
            fixed.silence().contains(": the fixed position, repeated every 0.5 s"),
            "{}",
            fixed.silence()
        );
    });
}

const TPV: &[u8] = b"{\"class\":\"TPV\",\"mode\":2,\"time\":\"2026-11-19T10:00:00Z\",\"lat\":50,\"lon\":8}\n";

#[test]
fn a_gpsd_is_watched_and_found_again_when_it_restarts() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut source = gpsd_source(listener.local_addr().unwrap().to_string(), SILENCE);
        for round in 1..=2 {
            let (stream, _) = listener.accept().await.unwrap();
            let mut stream = BufReader::new(stream);
            let mut request = String::new();
            stream.read_line(&mut request).await.unwrap();
            assert_eq!(request, "?WATCH={\"enable\":true,\"json\":true};\n");
            stream.write_all(b"{\"class\":\"VERSION\"}\nnot json\n").await.unwrap();
            stream.write_all(TPV).await.unwrap();
            let update = source.update().await;
            assert_eq!(update.fix.unwrap().position.latitude, 500_000_000);
            drop(stream);
            assert_eq!(source.update().await.fix, None);
            assert_eq!(source.counters().malformed, round);
        }
        let counters = source.counters();
        assert_eq!((counters.opened, counters.fixes, counters.losses), (2, 2, 2));
    });
}

#[test]
fn a_gpsd_that_falls_silent_has_no_position() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut source = gpsd_source(listener.local_addr().unwrap().to_string(), Duration::from_millis(50));
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(TPV).await.unwrap();
        assert!(source.update().await.fix.is_some());
        assert_eq!(source.update().await.fix, None);
    });
}

/// A gpsd that sends `reports` and waits, and a source that listens to it.
async fn told(reports: &str) -> (PositionSource, tokio::net::TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let source = gpsd_source(listener.local_addr().unwrap().to_string(), SILENCE);
    let (mut stream, _) = listener.accept().await.unwrap();
    stream.write_all(reports.as_bytes()).await.unwrap();
    (source, stream)
}

/// A report of now, of `device`.
fn tpv(device: &str, fields: &str) -> String {
    let time = crate::civil::utc_of_wire(wire_now()).unwrap().format("%Y-%m-%dT%H:%M:%S%.3fZ");
    format!(
        "{{\"class\":\"TPV\",\"device\":\"{device}\",\"mode\":3,\"time\":\"{time}\",\"lat\":50,\"lon\":8{fields}}}\n"
    )
}

#[test]
fn a_second_receiver_without_a_fix_is_ignored_and_told() {
    run(async {
        let other = "{\"class\":\"TPV\",\"device\":\"/dev/b\",\"mode\":1}\n";
        let (mut source, mut stream) = told(&(tpv("/dev/a", "") + other)).await;
        assert!(source.update().await.fix.is_some());
        for n in 2..5 {
            stream.write_all((other.to_owned() + &tpv("/dev/a", "")).as_bytes()).await.unwrap();
            assert!(source.update().await.fix.is_some());
            assert_eq!((source.counters().fixes, source.counters().losses), (n, 0));
        }
        let text = "receiver /dev/b of gpsd is ignored, /dev/a is used (position.device chooses)";
        assert!(source.warnings()[0].starts_with(text), "{:?}", source.warnings());
        assert_eq!(source.take_news(Instant::FAR_FUTURE, true).len(), 1);
        assert_eq!(source.take_news(Instant::FAR_FUTURE, true), Vec::<String>::new());
    });
}

#[test]
fn a_megabyte_without_a_line_feed_is_one_line_not_understood() {
    run(async {
        let (mut source, mut stream) = told("").await;
        for _ in 0..256 {
            stream.write_all(&[b'x'; 4096]).await.unwrap();
        }
        stream.write_all(("\n".to_owned() + &tpv("/dev/a", "")).as_bytes()).await.unwrap();
        assert!(source.update().await.fix.is_some());
        assert_eq!(source.counters().malformed, 1);
    });
}

#[test]
fn a_gpsd_that_is_not_there_is_named_with_the_reason() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        drop(listener);
        let config = PositionConfig::Gpsd { address: address.clone(), device: None, simulated: false };
        let source = PositionSource::start(&config).unwrap();
        let now = Instant::from_nanos(radio_adapters::clock::monotonic_ns());
        assert!(source.is_starting(now));
        assert_eq!(source.silence(), format!("no position: waiting for gpsd at {address}"));
        while source.is_starting(now) {
            tokio::task::yield_now().await;
        }
        let text = format!("no position: gpsd at {address}: connection refused; trying every second");
        assert_eq!(source.silence(), text);
        assert_eq!(source.take_news(now, false), [text]);
    });
}

#[test]
fn a_device_that_vanishes_is_opened_again_by_its_name() {
    run(async {
        let directory = Scratch::new("unplugged");
        let path = directory.0.join("receiver");
        let plug = || {
            let pty = nix::pty::openpty(None, None).unwrap();
            let name = nix::unistd::ttyname(&pty.slave).unwrap();
            drop(std::fs::remove_file(&path));
            std::os::unix::fs::symlink(name, &path).unwrap();
            pty
        };
        let pty = plug();
        let config = PositionConfig::Nmea { path: path.clone(), baud: 9600, simulated: false };
        let mut source = PositionSource::start(&config).unwrap();
        while source.counters().opened == 0 {
            tokio::task::yield_now().await;
        }
        drop(pty);
        std::fs::remove_file(&path).unwrap();
        while !source.silence().contains("it is not there (unplugged?); trying every second") {
            tokio::task::yield_now().await;
        }
        let pty = plug();
        while source.counters().opened < 2 {
            tokio::task::yield_now().await;
        }
        let mut device = std::fs::File::from(pty.master);
        device.write_all(b"$GPRMC,225446,A,4916.45,N,12311.12,W,000.5,054.7,191126,,,A*66\r\n").unwrap();
        while source.update().await.fix.is_none() {}
    });
}

#[test]
fn an_nmea_file_is_played_once_and_then_the_position_is_lost() {
    run(async {
        let directory = Scratch::new("nmea-file");
        let path = directory.0.join("drive.nmea");
        std::fs::write(&path, "$GPRMC,225446,A,4916.45,N,12311.12,W,000.5,054.7,191126,,,A*66\nnoise\n")
            .unwrap();
        let config = PositionConfig::Nmea { path, baud: 9600, simulated: false };
        let mut source = PositionSource::start(&config).unwrap();
        let before = wire_now();
        let update = source.update().await;
        // The file is read in one go: the loss may already have taken the fix's place.
        assert!(update.fix.is_none_or(|fix| fix.time >= before - Duration::from_secs(60)));
        let counters = loop {
            let counters = source.counters();
            if counters.losses == 1 {
                break counters;
            }
            source.update().await;
        };
        assert_eq!((counters.fixes, counters.malformed), (1, 1));
    });
}

#[test]
fn a_serial_device_is_read_raw() {
    run(async {
        let pty = nix::pty::openpty(None, None).unwrap();
        let path = nix::unistd::ttyname(&pty.slave).unwrap();
        let config = PositionConfig::Nmea { path, baud: 115_200, simulated: false };
        let mut source = PositionSource::start(&config).unwrap();
        // Opened first, so that raw mode is on before the bytes come.
        while source.counters().opened == 0 {
            tokio::task::yield_now().await;
        }
        let mut device = std::fs::File::from(pty.master);
        device.write_all(b"$GPRMC,225446,A,4916.45,N,12311.12,W,000.5,054.7,191126,,,A*66\r\n").unwrap();
        assert_eq!(source.update().await.fix.unwrap().speed, Some(26));
    });
}

#[test]
fn a_fixed_place_is_said_at_once_and_again() {
    run(async {
        let position = v2x_core::Position { latitude: 1, longitude: 2 };
        let mut source =
            PositionSource::start(&PositionConfig::Fixed { position, altitude_cm: Some(3) }).unwrap();
        let first = poll_fn(|cx| Poll::Ready(source.poll_update(cx))).await;
        let Poll::Ready(first) = first else { panic!("not before the first turn") };
        let second = source.update().await;
        assert_eq!(second.fix.unwrap().position, position);
        assert!(second.received.since(first.received) >= Duration::from_millis(400));
    });
}

#[test]
fn a_file_that_is_not_there_is_named() {
    run(async {
        let config = PositionConfig::Nmea { path: "no/such.nmea".into(), baud: 9600, simulated: false };
        let message = PositionSource::start(&config).unwrap_err().to_string();
        assert!(message.starts_with("no/such.nmea: cannot read positions: "), "{message}");
    });
}

#[cfg(feature = "replay")]
#[test]
fn a_vehicle_of_a_trace_drives_again() {
    run(async {
        let directory = Scratch::new("trace");
        let file = directory.0.join("t.csv");
        let rows =
            "timestep_time;vehicle_id;vehicle_x;vehicle_y;vehicle_speed\n0;a;0;0;1\n0;b;5;5;2\n1;b;7;5;2\n";
        std::fs::write(&file, rows).unwrap();
        let config = |station: &str| PositionConfig::Trace {
            file: file.clone(),
            station: station.to_owned(),
            speed: 1000.0,
            geographic: None,
            origin: None,
        };
        let message = PositionSource::start(&config("c")).unwrap_err().to_string();
        assert!(message.ends_with("no station \"c\"; it has a, b"), "{message}");
        let mut source = PositionSource::start(&config("b")).unwrap();
        assert_eq!(source.update().await.fix.unwrap().speed, Some(200));
        while source.update().await.fix.is_some() {}
        assert_eq!(source.counters().fixes, 2);
    });
}

#[cfg(feature = "replay")]
#[test]
fn a_trace_in_degrees_or_about_an_origin_is_driven_where_the_configuration_says() {
    run(async {
        let directory = Scratch::new("trace-place");
        let file = directory.0.join("t.csv");
        std::fs::write(&file, "time;id;x;y\n0;a;6.5;49.5\n9;a;6.5;49.5\n").unwrap();
        let place = |geographic, origin| PositionConfig::Trace {
            file: file.clone(),
            station: "a".to_owned(),
            speed: 1.0,
            geographic,
            origin,
        };
        let mut source = PositionSource::start(&place(Some(true), None)).unwrap();
        assert_eq!(source.update().await.fix.unwrap().position.degrees(), (49.5, 6.5));
        let mut source = PositionSource::start(&place(Some(false), Some((48.0, 11.0)))).unwrap();
        let (latitude, longitude) = source.update().await.fix.unwrap().position.degrees();
        assert!((latitude - 48.0).abs() < 0.001 && (longitude - 11.0).abs() < 0.001);
    });
}

/// A directory of its own, removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("roadcast-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}
