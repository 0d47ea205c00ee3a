//! Daemons that would sign with one credential on one machine, as a user meets it.
//!
//! Real time passes here, so no test depends on how much: each step waits until a daemon printed what it expects,
//! and a reader that waits in vain for a minute fails.

#![allow(clippy::unwrap_used, reason = "helpers of tests, which clippy does not take for tests")]

mod town;

use std::fs;
use std::process::Command;

use town::Town;

#[test]
fn a_second_daemon_with_the_credential_of_the_first_ends_at_once_and_names_it() {
    let town = Town::new("lock");
    town.vehicle("a", Some(49.6116), "");
    town.vehicle("other", Some(49.6116), "");
    // Copies of the files, in another directory, under another name.
    fs::create_dir(town.directory.join("copy")).unwrap();
    for file in ["a.cred", "a.key"] {
        fs::copy(town.directory.join("keys").join(file), town.directory.join("copy").join(file)).unwrap();
    }
    let config = fs::read_to_string(town.directory.join("a.toml")).unwrap();
    let copied = config.replace("keys/a.", "copy/a.");
    fs::write(town.directory.join("b.toml"), format!("{copied}[control]\nenabled = false\n")).unwrap();

    let mut first = town.start(&["a.toml"]);
    let name = first.until("vehicle ").split(' ').nth(1).unwrap().to_owned();
    first.until("sending");
    let complaint = town.bad(2, &["run", "b.toml", "--seconds", "5"]);
    let expected = format!(
        "credential {name}: another daemon on this machine signs with it (process {}, control socket ",
        first.id()
    );
    assert!(complaint.contains(&expected) && complaint.contains("a.sock)"), "{complaint}");
    // The same configuration again: what is wrong is not the socket.
    let complaint = town.bad(2, &["run", "a.toml", "--seconds", "5"]);
    let expected = format!(
        "roadcast: credential {name}: this station runs already (process {}, control socket ",
        first.id()
    );
    assert!(
        complaint.starts_with(&expected) && complaint.contains("a.sock); stop that daemon"),
        "{complaint}"
    );
    // Not with another environment either, as a service has it.
    let mut command = Command::new(env!("CARGO_BIN_EXE_roadcast"));
    command.args(["run", "b.toml", "--seconds", "5"]).current_dir(&town.directory);
    let output = command.env_remove("XDG_RUNTIME_DIR").output().unwrap();
    let complaint = String::from_utf8(output.stderr).unwrap();
    let process =
        format!("credential {name}: another daemon on this machine signs with it (process {}", first.id());
    assert!(output.status.code() == Some(2) && complaint.contains(&process), "{complaint}");

    // Another credential is no reason not to start, and the first goes on.
    let mut other = town.start(&["other.toml"]);
    other.until("heard car");
    first.until("heard car");
    // Killed: the kernel gives the lock up, and what is left in the directories stops nobody.
    drop(first);
    let mut second = town.start(&["b.toml"]);
    second.until("sending");
    second.end();
    other.end();
}
