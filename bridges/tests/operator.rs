//! The commands of the operator, as people run them.

#![allow(clippy::unwrap_used, reason = "helpers of tests, which clippy does not take for tests")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A folder of the test's own, removed with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("roadcast-bridge-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_roadcast-bridge"));
        command.arg("operator").args(arguments).current_dir(&self.0).output().unwrap()
    }

    /// What a command prints that ends well.
    fn good(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "{arguments:?}: {errors}{}",
            String::from_utf8_lossy(&output.stdout)
        );
        String::from_utf8(output.stdout).unwrap()
    }

    /// What a command prints that ends with this code.
    fn bad(&self, code: i32, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let all = [output.stdout, output.stderr].concat();
        let all = String::from_utf8(all).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {all}");
        all
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.0.join(name), text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.join(name)).unwrap_or_default()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

/// A unit's configuration that installs a bundle by copying it.
fn unit(folder: &Folder, key: &str) {
    folder.write(
        "bridge.toml",
        &format!(
            "[bridge]\nname = \"rsu-7\"\n[operator]\nkeys = [{key:?}]\ndirectory = \"state\"\n[operator.apply]\n\
             software = [\"/bin/sh\", \"-c\", \"cat \\\"$1\\\" > {}; echo installed\", \"sh\", \"{{file}}\"]\n\
             software_running = [\"cat\", {:?}]\n",
            folder.0.join("installed").display(),
            folder.0.join("installed"),
        ),
    );
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_bundle_is_signed_checked_carried_on_a_stick_and_applied() {
    let folder = Folder::new("operator-stick");
    let key = folder.good(&["keys", "new"]);
    let key = key.trim();
    assert_eq!(mode(&folder.0.join("operator.key")), 0o600);
    assert_eq!(folder.good(&["keys", "show"]).trim(), key);
    unit(&folder, key);
    assert!(
        folder.good(&["status", "--config", "bridge.toml"]).contains("nothing came from the operator yet")
    );

    folder.write("bundle", "version 12\n");
    let sign = ["sign", "--target", "rsu-7", "--kind", "software", "--out", "stick", "bundle", "--version"];
    folder.good(&[&sign[..], &["12"]].concat());
    let verified = folder.good(&["verify", "--operator-key", key, "stick"]);
    assert!(
        verified.contains("rsu-7-software-12.manifest: good: software 12 for rsu-7, until 2"),
        "{verified}"
    );
    let applied = folder.good(&["apply", "--config", "bridge.toml", "stick"]);
    assert!(
        applied.contains("software 12 for rsu-7") && applied.contains(": applied: installed"),
        "{applied}"
    );
    assert_eq!(folder.read("installed"), "version 12\n");
    let status = folder.good(&["status", "--config", "bridge.toml"]);
    assert!(status.starts_with("software      12 since 2") && status.contains("runs version 12"), "{status}");
    let json = folder.good(&["status", "--json", "--config", "bridge.toml"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["kinds"][4]["last_result"], "applied");
    assert!(folder.good(&["apply", "--config", "bridge.toml", "stick"]).contains("runs already"));

    // An older stick, and one that another signed.
    fs::remove_dir_all(folder.0.join("stick")).unwrap();
    folder.good(&[&sign[..], &["11"]].concat());
    let older = folder.bad(1, &["apply", "--config", "bridge.toml", "stick"]);
    assert!(older.contains("version 11 is below version 12, which was applied here"), "{older}");
    let stranger = folder.good(&["keys", "new", "--out", "stranger.key"]);
    folder.good(&[&sign[..], &["13", "--key", "stranger.key"]].concat());
    let foreign = folder.bad(1, &["apply", "--config", "bridge.toml", "stick/rsu-7-software-13.manifest"]);
    assert!(foreign.contains("none of the operator's keys"), "{foreign}");
    let mixed = folder.bad(1, &["verify", "--operator-key", stranger.trim(), "stick"]);
    assert!(mixed.contains("13.manifest: good") && mixed.contains("1 of 2 did not end well"), "{mixed}");
    assert_eq!(folder.read("installed"), "version 12\n");
}

#[test]
fn what_is_wrong_with_a_bundle_is_one_line() {
    let folder = Folder::new("operator-wrong");
    let key = folder.good(&["keys", "new"]);
    unit(&folder, key.trim());
    folder.write("bundle", "x");
    let sign = |more: &[&str], code| {
        let usual = ["sign", "--kind", "software", "--out", "stick", "--target"];
        folder.bad(code, &[&usual[..], more].concat())
    };
    assert!(sign(&["a b", "--version", "1", "bundle"], 2).contains("field `target` is out of its range"));
    assert!(sign(&["a", "--version", "0", "bundle"], 2).contains("0 is not in 1..=9007199254740991"));
    assert!(sign(&["a", "--version", "18446744073709551615", "bundle"], 2).contains("is not in"));
    assert!(sign(&["a", "--version", "1", "none"], 2).contains("none: No such file"));
    assert!(
        sign(&["a", "--version", "1", "--until", "2020-01-01T00:00:00Z", "bundle"], 2).contains("is over")
    );
    folder.write("empty", "");
    assert!(sign(&["a", "--version", "1", "empty"], 2).contains("empty: empty"));
    assert!(
        folder.bad(2, &["apply", "--config", "bridge.toml", "."]).contains("no file ending in .manifest")
    );

    // Content that was damaged on the stick.
    folder.good(&[
        "sign",
        "--kind",
        "software",
        "--out",
        "stick",
        "--target",
        "rsu-7",
        "--version",
        "1",
        "bundle",
    ]);
    for entry in fs::read_dir(folder.0.join("stick")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none() {
            assert_eq!(mode(&path), 0o600, "it may hold keys");
            fs::write(path, "y").unwrap();
        }
    }
    assert!(folder.bad(1, &["verify", "--operator-key", key.trim(), "stick"]).contains("another hash"));
    let damaged = folder.bad(1, &["apply", "--config", "bridge.toml", "stick"]);
    assert!(damaged.contains("another hash than the manifest says"), "{damaged}");
    assert_eq!(folder.read("installed"), "");

    // Without a table of the operator's, and with what others wrote into the state.
    folder.write("none.toml", "[bridge]\nname = \"rsu-7\"\n");
    assert!(folder.bad(2, &["status", "--config", "none.toml"]).contains("no [operator]"));
    folder.write("state/versions.json", "{");
    let stopped = folder.bad(1, &["apply", "--config", "bridge.toml", "stick"]);
    assert!(stopped.contains("damaged") && stopped.contains("remove it to begin anew"), "{stopped}");
}

/// Builds a package without maintainer scripts: the bundle `NAME`.
fn package(folder: &Folder, name: &str, version: u64) {
    let tree = folder.0.join(format!("{name}.tree"));
    fs::create_dir_all(tree.join("DEBIAN")).unwrap();
    fs::set_permissions(tree.join("DEBIAN"), fs::Permissions::from_mode(0o755)).unwrap();
    let control = format!(
        "Package: roadcast-trial\nVersion: {version}\nArchitecture: all\nMaintainer: Nobody <nobody@roadcast.invalid>\n\
         Description: what this test installs\n"
    );
    fs::write(tree.join("DEBIAN/control"), control).unwrap();
    fs::create_dir_all(tree.join("usr/share/roadcast-trial")).unwrap();
    fs::write(tree.join("usr/share/roadcast-trial/version"), format!("{version}\n")).unwrap();
    let built = Command::new("dpkg-deb").arg("--build").arg(&tree).arg(folder.0.join(name)).output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
}

/// A unit's configuration that installs a bundle with dpkg, into a folder in place of the system.
fn unit_with_dpkg(folder: &Folder, key: &str) {
    for part in ["updates", "info", "triggers"] {
        fs::create_dir_all(folder.0.join("root/var/lib/dpkg").join(part)).unwrap();
    }
    folder.write("root/var/lib/dpkg/status", "");
    let path = |name: &str| folder.0.join(name).display().to_string();
    let (root, log) = (format!("--root={}", path("root")), format!("--log={}", path("dpkg.log")));
    let admin = format!("--admindir={}", path("root/var/lib/dpkg"));
    // As it would be for the system, and three options more: who runs the tests need not be root.
    folder.write(
        "bridge.toml",
        &format!(
            "[bridge]\nname = \"rsu-7\"\n[operator]\nkeys = [{key:?}]\ndirectory = \"state\"\n[operator.apply]\n\
             software = [\"dpkg\", {root:?}, {log:?}, \"--force-not-root,bad-path\", \"-i\", \"{{file}}\"]\n\
             software_running = [\"dpkg-query\", {admin:?}, \"--show\", \"--showformat=${{Version}}\", \"roadcast-trial\"]\n",
        ),
    );
}

#[test]
fn a_bundle_that_is_a_package_is_installed_by_dpkg_and_one_that_is_none_leaves_the_former() {
    let has = |program: &str| Command::new(program).arg("--version").output().is_ok();
    if !["dpkg", "dpkg-deb", "dpkg-query"].into_iter().all(has) {
        assert!(std::env::var_os("ROADCAST_CI").is_none(), "dpkg is missing");
        eprintln!("skipped: needs dpkg");
        return;
    }
    let folder = Folder::new("operator-dpkg");
    let key = folder.good(&["keys", "new"]);
    unit_with_dpkg(&folder, key.trim());
    let apply = |version: u64, name: &str| {
        let version = version.to_string();
        let stick = format!("stick-{version}");
        let sign =
            ["sign", "--target", "rsu-7", "--kind", "software", "--out", &stick, "--version", &version];
        folder.good(&[&sign[..], &[name]].concat());
        folder.run(&["apply", "--config", "bridge.toml", &stick])
    };
    let installed = || folder.read("root/usr/share/roadcast-trial/version");
    for version in [4, 5] {
        let name = format!("package-{version}");
        package(&folder, &name, version);
        let applied = apply(version, &name);
        let said = String::from_utf8_lossy(&applied.stdout).into_owned();
        assert!(applied.status.success() && said.contains(": applied: "), "{applied:?}");
        assert_eq!(installed(), format!("{version}\n"));
        let status = folder.good(&["status", "--config", "bridge.toml"]);
        assert!(status.contains(&format!("runs {version}")), "{status}");
    }

    folder.write("no-package", "signed, and no package");
    let refused = apply(6, "no-package");
    let said = String::from_utf8([refused.stdout, refused.stderr].concat()).unwrap();
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains("command_failed: the command ended with code 1"), "{said}");
    assert!(said.contains("dpkg-deb: error: "), "{said}");
    assert_eq!(installed(), "5\n");
    let status = folder.good(&["status", "--config", "bridge.toml"]);
    assert!(status.starts_with("software      5 since 2") && status.contains("runs 5"), "{status}");
    assert!(folder.read("dpkg.log").contains("status installed roadcast-trial:all 5"));
}
