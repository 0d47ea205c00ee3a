//! The programs of `examples/python` against running daemons.
//!
//! Real time passes here, so no test depends on how much: each program is read until it printed what is expected, and one that
//! is read in vain for a minute is ended with its daemon.

#![allow(clippy::unwrap_used, reason = "helpers of tests, which clippy does not take for tests")]

mod town;

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use town::Town;

struct Example {
    process: Child,
    input: Option<ChildStdin>,
    lines: BufReader<ChildStdout>,
}

impl Example {
    fn start(name: &str, socket: &Path, more: &[&str]) -> Self {
        let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../examples/python").join(name);
        let mut command = Command::new("python3");
        command.arg(script).arg(socket).args(more);
        let mut process =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap());
        let input = process.stdin.take();
        Self { process, input, lines }
    }

    /// The next line with these words.
    fn until(&mut self, words: &str) -> String {
        let mut before = String::new();
        loop {
            let mut line = String::new();
            assert!(
                self.lines.read_line(&mut line).unwrap() > 0,
                "it ended without {words:?} after:\n{before}"
            );
            if line.contains(words) {
                return line;
            }
            before += &line;
        }
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

#[test]
fn neighbours_messages_and_hazards_are_ten_lines_of_python() {
    let town = Town::new("python");
    town.vehicle("a", Some(49.6116), "");
    town.vehicle("b", Some(49.6143), "[control]\nsocket = \"roadcast/b.sock\"");
    let mut a = town.start(&["--config", "a.toml"]);
    let mut b = town.start(&["--config", "b.toml"]);
    a.until("sending");
    b.until("sending");
    let socket = |name: &str| town.directory.join(format!("roadcast/{name}.sock"));
    let near = Example::start("neighbours.py", &socket("b"), &[]).until(" trusted");
    assert!(near.contains(" m trusted"), "{near}");
    let latency = Example::start("latency.py", &socket("b"), &[]).until("D2 ");
    assert!(latency.contains(" ms "), "{latency}");
    let mut heard = Example::start("hazard.py", &socket("b"), &["stationary-vehicle"]);
    heard.until("declared as ");
    heard.until("new ");
    let mut declared = Example::start("hazard.py", &socket("a"), &[]);
    let event = declared.until("declared as ").trim().rsplit(' ').next().unwrap().to_owned();
    let line = heard.until(&event);
    assert!(line.starts_with("new ") && line.contains("accident"), "{line}");
    a.end();
    b.end();
}

#[test]
fn a_position_is_ten_lines_of_python() {
    let town = Town::new("pyfix");
    town.station("a", "vehicle", &[], "source = \"control\"", "");
    let mut a = town.start(&["--config", "a.toml"]);
    a.until("control socket: /");
    let mut feed = Example::start("position.py", &town.directory.join("roadcast/a.sock"), &[]);
    feed.input.as_mut().unwrap().write_all(b"49.6116 6.1319 13.9 90\n").unwrap();
    feed.until("taken");
    a.until("sending");
    a.end();
}

#[test]
fn signals_of_a_bus_are_decoded_as_their_file_says() {
    let program = "
import sys
sys.path.insert(0, sys.argv[1])
import can
signals = can.read_dbc(sys.argv[2])
data = (2220 | ((-650 & 0xfff) << 16) | (1 << 31)).to_bytes(8, 'little')
print([round(can.decode(data, *layout), 6) for name, *layout in signals[291]])
turned = (-1234 & 0xffff).to_bytes(2, 'big') + bytes(2)
print([round(can.decode(turned, *layout), 6) for name, *layout in signals[512]])
print(can.decode(bytes(1), *signals[512][0][1:]))
";
    let town = Town::new("dbc");
    let dbc = town.directory.join("car.dbc");
    std::fs::write(
        &dbc,
        "VERSION \"\"\n\nBO_ 291 Motion: 8 ECU\n SG_ WheelSpeed : 0|16@1+ (0.01,0) [0|163.82] \"m/s\" X\n \
         SG_ AccelX : 16|12@1- (0.01,0) [-20|20] \"m/s2\" X\n SG_ Brake : 31|1@1+ (1,0) [0|1] \"\" X\n\n\
         BO_ 512 Steer: 4 ECU\n SG_ Angle : 7|16@0- (0.1,-10) [-700|700] \"deg\" X\n",
    )
    .unwrap();
    let examples = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../examples/python");
    let output = Command::new("python3").arg("-c").arg(program).arg(examples).arg(&dbc).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let expected = "[22.2, -6.5, 1.0]\n[-133.4]\nNone\n";
    assert_eq!(said, expected, "{}", String::from_utf8_lossy(&output.stderr));
}
