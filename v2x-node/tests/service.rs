//! A station as a service of systemd: what it tells its manager, and the credentials it is handed.

#![allow(clippy::unwrap_used, reason = "all of this crate is tests")]

mod town;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use town::Town;

/// A vehicle whose identity is in the folder `given`, as systemd hands it over: root's files, which an access list opens to the
/// service's user, so that the group's rights show its mask.
fn with_given_keys(name: &str, mode: u32) -> Town {
    let town = Town::new(name);
    town.vehicle("car", Some(49.6116), "");
    let given = town.directory.join("given");
    fs::create_dir(&given).unwrap();
    for file in ["car.cred", "car.key", "root.cred", "issuer.cred"] {
        let path = given.join(format!("keys_{file}"));
        fs::copy(town.directory.join("keys").join(file), &path).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
    }
    let file = town.directory.join("car.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(file, text.replace("\"keys/", "\"credential:keys_")).unwrap();
    town
}

#[test]
fn a_service_tells_its_manager_that_it_is_ready_reads_its_files_again_and_ends() {
    let town = with_given_keys("service", 0o440);
    let (socket, given) = (town.directory.join("notify"), town.directory.join("given"));
    let manager = UnixDatagram::bind(&socket).unwrap();
    manager.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let mut told = String::new();
    let mut until = |text: &str| {
        let mut bytes = [0; 1024];
        while !told.contains(text) {
            let length = manager.recv(&mut bytes).unwrap();
            told.push_str(str::from_utf8(&bytes[..length]).unwrap());
        }
        core::mem::take(&mut told)
    };
    let environment = [
        ("NOTIFY_SOCKET", socket.to_str().unwrap()),
        ("WATCHDOG_USEC", "30000000"),
        ("CREDENTIALS_DIRECTORY", given.to_str().unwrap()),
    ];
    let daemon = town.start_with(&["car.toml"], &environment);
    assert!(until("READY=1").starts_with("READY=1\nSTATUS=sending; neighbours 0\nWATCHDOG=1\n"));
    assert_eq!(until("WATCHDOG=1"), "WATCHDOG=1\n");
    kill(Pid::from_raw(daemon.id().try_into().unwrap()), Signal::SIGHUP).unwrap();
    until("RELOADING=1\nMONOTONIC_USEC=");
    until("READY=1\n");
    daemon.end();
    until("STOPPING=1\n");
}

#[test]
fn a_credential_that_was_not_handed_over_is_named_and_one_that_others_read_is_refused() {
    let town = with_given_keys("handed", 0o440);
    let given = town.directory.join("given");
    let outside = town.bad(2, &["run", "car.toml"]);
    assert!(
        outside.contains("credential:keys_car.cred: given to a service alone (LoadCredential="),
        "{outside}"
    );
    let bad =
        |environment: &str| town.bad_with(2, &["run", "car.toml"], &[("CREDENTIALS_DIRECTORY", environment)]);
    fs::set_permissions(given.join("keys_car.key"), Permissions::from_mode(0o444)).unwrap();
    let exposed = bad(given.to_str().unwrap());
    assert!(exposed.contains("keys_car.key: others can read this private key (mode 0444)"), "{exposed}");
    fs::remove_file(given.join("keys_car.key")).unwrap();
    let missing = bad(given.to_str().unwrap());
    assert!(
        missing.contains("credential:keys_car.key: not among the credentials that this service was given"),
        "{missing}"
    );
    let file = town.directory.join("car.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("credential:keys_car.key", "credential:../car.key")).unwrap();
    let wrong = bad(given.to_str().unwrap());
    assert!(
        wrong.contains("car.toml:4: identity.key: found \"credential:../car.key\", expected the name"),
        "{wrong}"
    );
}
