//! `roadcast-bridge keys` and configurations with keys, as people meet them: the program itself.

#![allow(clippy::unwrap_used, reason = "helpers of tests, which clippy does not take for tests")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn bridge(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_roadcast-bridge")).args(words).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("roadcast-bridge-cli-{}-{name}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn file(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

#[test]
fn a_key_is_made_once_shown_as_often_as_wanted_and_its_owner_s_alone() {
    let folder = Folder::new("keys");
    let file = folder.file("bridge.key");
    let made = bridge(&["keys", "new", "--out", &file]);
    assert!(made.status.success(), "{}", text(&made.stderr));
    let key = text(&made.stdout);
    assert_eq!((key.trim_end().len(), key.lines().count()), (52 + 1 + 4, 1), "{key}");
    assert_eq!(text(&bridge(&["keys", "show", &file]).stdout), key);
    let again = bridge(&["keys", "new", "--out", &file]);
    assert_eq!(again.status.code(), Some(2));
    assert!(text(&again.stderr).contains("is there already, and is left alone"), "{}", text(&again.stderr));
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let exposed = bridge(&["keys", "show", &file]);
    assert_eq!(exposed.status.code(), Some(2));
    let said = text(&exposed.stderr);
    assert!(
        said.contains("others can read this private key (mode 0644)") && !said.contains("PRIVATE KEY"),
        "{said}"
    );
}

#[test]
fn a_mistyped_key_of_a_peer_is_one_line_at_the_start_with_file_line_and_what_would_be_right() {
    let folder = Folder::new("mistyped");
    let made = text(&bridge(&["keys", "new", "--out", &folder.file("bridge.key")]).stdout);
    let right = made.trim_end();
    let first = if right.starts_with('y') { "b" } else { "y" };
    let wrong = format!("{first}{}", &right[1..]);
    for (key, code) in [(right, 0), (wrong.as_str(), 2)] {
        let config = folder.file("bridge.toml");
        let peer = format!("[peers]\n[[peer]]\nname = \"rsu-8\"\nkey = \"{key}\"\n");
        fs::write(&config, format!("[bridge]\nname = \"rsu-7\"\nkey = \"bridge.key\"\n{peer}")).unwrap();
        let checked = bridge(&["run", "--config", &config, "--check"]);
        assert_eq!(checked.status.code(), Some(code), "{}", text(&checked.stderr));
        if code != 0 {
            let said = text(&checked.stderr);
            assert!(
                said.contains("bridge.toml:7: peer[1].key: found")
                    && said.contains("a character is mistyped"),
                "{said}"
            );
            assert_eq!(said.lines().count(), 1, "{said}");
        }
    }
}

#[test]
fn the_examples_pass_their_check() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    for (command, file) in [("run", "bridge.toml"), ("relay", "relay.toml")] {
        let checked = bridge(&[command, "--config", examples.join(file).to_str().unwrap(), "--check"]);
        assert!(checked.status.success(), "{}", text(&checked.stderr));
    }
}
