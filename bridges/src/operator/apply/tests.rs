use std::cell::Cell;
use std::fs;
use std::time::Duration;

use super::super::authority::TestAuthority;
use super::super::command::CommandLine;
use super::super::fixture::{Folder, NOW, manifest, operator_keys};
use super::super::settings::{OwnPlace, Places};
use super::super::versions::{Judged, Refusal};
use super::*;

/// A unit: its folder, and settings that lead into it.
struct TestUnit {
    folder: Folder,
    settings: OperatorSettings,
}

impl TestUnit {
    fn new() -> Self {
        let folder = Folder::new();
        let places = Places {
            configuration: Some(folder.path("rsu-7.toml")),
            roots: vec![folder.path("root.cred")],
            issuers: vec![folder.path("issuer.cred")],
            revocation: vec![folder.path("operator.rev")],
            own: Some(OwnPlace::Pool(folder.path("rsu-7"))),
        };
        let settings = OperatorSettings {
            names: vec!["rsu-7".to_owned()],
            keys: operator_keys(),
            directory: folder.path("state"),
            sources: Vec::new(),
            every: Duration::from_secs(3_600),
            announce: false,
            longest_bundle: 1 << 20,
            bytes_s: None,
            places,
            commands: ApplyCommands { longest: Duration::from_secs(600), ..ApplyCommands::default() },
            daemon: None,
        };
        fs::write(folder.path("rsu-7.toml"), "former = true\n").unwrap();
        TestAuthority::new(1).write(folder.at());
        Self { folder, settings }
    }

    fn versions(&self) -> Versions {
        Versions::open(&self.settings.directory).unwrap()
    }

    /// Puts content where a fetch would have.
    fn fetched(&self, kind: ContentKind, version: u64, content: &[u8]) -> Manifest {
        let manifest = manifest(kind, version, content);
        let mut versions = self.versions();
        versions.follow(&manifest).unwrap();
        fs::write(part::path_of(versions.directory(), manifest.hash), content).unwrap();
        manifest
    }

    async fn apply_until(
        &self,
        manifest: &Manifest,
        stop: &dyn Fn(&'static str) -> bool,
    ) -> Result<ApplyResult, ApplyStop> {
        let mut versions = self.versions();
        let applier = Applier { settings: &self.settings, now: &|| NOW, stop };
        applier.recover(&mut versions)?;
        applier.apply(manifest, &mut versions).await
    }

    async fn apply(&self, kind: ContentKind, version: u64, content: &[u8]) -> ApplyResult {
        let manifest = self.fetched(kind, version, content);
        self.apply_until(&manifest, &|_| false).await.unwrap()
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path(name)).unwrap_or_default()
    }
}

fn shell(script: &str) -> Option<CommandLine> {
    CommandLine::new(["/bin/sh", "-c", script, "sh", "{file}"].map(str::to_owned).to_vec())
}

fn pool(seeds: &[u8]) -> String {
    let texts = seeds.iter().map(|seed| TestAuthority::new(1).station_texts(*seed));
    texts.map(|(credential, key)| credential + &key).collect()
}

#[tokio::test]
async fn software_is_given_to_its_command_and_its_end_is_reported() {
    let mut unit = TestUnit::new();
    let log = unit.folder.path("installed");
    unit.settings.commands.software = shell(&format!("cat \"$1\" >> {}; echo installed", log.display()));
    let result = unit.apply(ContentKind::Software, 4, b"bundle 4").await;
    assert_eq!((&*result.result, result.exit, &*result.detail), (APPLIED, Some(0), "installed"));
    assert_eq!(unit.read("installed"), "bundle 4");
    let running = unit.versions().standing().of(ContentKind::Software).running.unwrap();
    assert_eq!((running.version, running.since_unix_s), (4, unix_s(NOW)));
}

#[tokio::test]
async fn a_command_that_fails_hangs_or_is_missing_is_named_and_the_version_before_runs_on() {
    let mut unit = TestUnit::new();
    unit.settings.commands.software = shell("true");
    unit.apply(ContentKind::Software, 1, b"1").await;
    for (version, line, longest, name, text) in [
        (
            2,
            shell("echo no room >&2; exit 7"),
            600_000,
            "command_failed",
            "the command ended with code 7: no room",
        ),
        (3, shell("sleep 600"), 50, "command_too_long", "the command ended with its time over"),
        (
            4,
            CommandLine::new(vec!["/none/rauc".to_owned()]),
            600_000,
            "command_missing",
            "/none/rauc: cannot be started",
        ),
        (5, shell("kill -KILL $$"), 600_000, "command_failed", "the command ended with a signal"),
    ] {
        unit.settings.commands.software = line;
        unit.settings.commands.longest = Duration::from_millis(longest);
        let result = unit.apply(ContentKind::Software, version, b"next").await;
        assert_eq!(result.result, name);
        assert!(result.detail.starts_with(text), "{}", result.detail);
        let kind = unit.versions().standing().of(ContentKind::Software);
        assert_eq!((kind.running.unwrap().version, kind.floor), (1, version));
    }
}

#[tokio::test]
async fn a_bundle_that_started_this_program_anew_is_not_installed_again() {
    let mut unit = TestUnit::new();
    let log = unit.folder.path("installed");
    unit.settings.commands.software = shell(&format!("echo once >> {}", log.display()));
    unit.settings.commands.software_running = shell("echo 9");
    let manifest = unit.fetched(ContentKind::Software, 9, b"nine");
    unit.apply_until(&manifest, &|step| step == "ran").await.unwrap_err();
    assert_eq!(unit.apply_until(&manifest, &|_| false).await.unwrap().result, APPLIED);
    assert_eq!(unit.read("installed"), "once\n");
}

#[tokio::test]
async fn what_never_ends_is_given_up_after_some_attempts() {
    let mut unit = TestUnit::new();
    unit.settings.commands.software = shell("true");
    let manifest = unit.fetched(ContentKind::Software, 2, b"reboots the machine");
    for _ in 0..MOST_ATTEMPTS {
        unit.apply_until(&manifest, &|step| step == "ran").await.unwrap_err();
    }
    let result = unit.apply_until(&manifest, &|_| false).await.unwrap();
    assert_eq!(result.result, "interrupted");
    assert_eq!(unit.versions().standing().of(ContentKind::Software).running, None);
}

#[tokio::test]
async fn a_pool_is_put_in_place_with_its_keys_for_their_owner_alone() {
    use std::os::unix::fs::MetadataExt as _;
    let unit = TestUnit::new();
    let result = unit.apply(ContentKind::Credentials, 1, pool(&[1, 2, 3]).as_bytes()).await;
    assert_eq!((&*result.result, &*result.detail), (APPLIED, NOBODY_TOLD));
    let fewer = unit.apply(ContentKind::Credentials, 2, pool(&[4, 5]).as_bytes()).await;
    assert_eq!(fewer.result, APPLIED);
    let names = unit.folder.names();
    let keys: Vec<&String> = names.iter().filter(|name| name.ends_with(".key")).collect();
    assert_eq!(keys, ["rsu-7-1.key", "rsu-7-2.key"]);
    for key in keys {
        assert_eq!(fs::metadata(unit.folder.path(key)).unwrap().mode() & 0o777, 0o600);
    }
    let former = fs::metadata(unit.folder.path("rsu-7-3.key.former")).unwrap();
    assert_eq!(former.mode() & 0o777, 0o600, "kept for going back, and still nobody else's");
}

#[tokio::test]
async fn content_that_no_station_would_take_changes_nothing() {
    let unit = TestUnit::new();
    let before = unit.read("root.cred");
    for (version, content) in
        [(1, "junk".to_owned()), (2, TestAuthority::new(3).root_text()), (3, pool(&[1]))]
    {
        let result = unit.apply(ContentKind::Trust, version, content.as_bytes()).await;
        assert_eq!(result.result, "bad_content");
        assert_eq!(unit.read("root.cred"), before);
    }
}

#[tokio::test]
async fn a_configuration_is_checked_beside_its_place_and_its_former_faults_do_not_count() {
    let mut unit = TestUnit::new();
    // As `roadcast run --check`: 1 for a fault of the machine, 2 for a configuration that cannot be used.
    unit.settings.commands.check = shell("grep -q broken \"$1\" && exit 2; exit 1");
    let result = unit.apply(ContentKind::Configuration, 1, b"next = true\n").await;
    assert_eq!((&*result.result, &*unit.read("rsu-7.toml")), (APPLIED, "next = true\n"));
    let result = unit.apply(ContentKind::Configuration, 2, b"broken = true\n").await;
    assert_eq!((&*result.result, result.exit), ("check_failed", Some(2)));
    assert_eq!(unit.read("rsu-7.toml"), "next = true\n");
    assert!(!unit.folder.names().iter().any(|name| name.contains("candidate")));
}

#[tokio::test]
async fn a_daemon_that_does_not_start_with_it_gets_its_former_configuration_back() {
    let mut unit = TestUnit::new();
    let log = unit.folder.path("starts");
    let script = format!("cat \"$1\" >> {}; grep -q former \"$1\"", log.display());
    unit.settings.commands.restart = shell(&script);
    let result = unit.apply(ContentKind::Configuration, 1, b"next = true\n").await;
    assert_eq!((&*result.result, result.exit), ("command_failed", Some(1)));
    assert_eq!(unit.read("rsu-7.toml"), "former = true\n");
    assert_eq!(unit.read("starts"), "next = true\nformer = true\n", "and started again with it");
}

#[tokio::test]
async fn trust_that_makes_the_check_worse_is_taken_back() {
    let mut unit = TestUnit::new();
    let before = unit.read("root.cred");
    let script = format!("cmp -s {} - <<'END'\n{before}END\n", unit.folder.path("root.cred").display());
    unit.settings.commands.check = shell(&script);
    let other = TestAuthority::new(2);
    let text = other.root_text() + &other.issuer_text();
    let result = unit.apply(ContentKind::Trust, 1, text.as_bytes()).await;
    assert_eq!(result.result, "check_failed");
    assert_eq!(unit.read("root.cred"), before);
}

#[tokio::test]
async fn after_a_power_cut_at_any_step_the_files_are_the_former_or_the_next_and_it_ends_well() {
    let contents: [(ContentKind, String, &str); 4] = [
        (
            ContentKind::Trust,
            TestAuthority::new(2).root_text() + &TestAuthority::new(2).issuer_text(),
            "root.cred",
        ),
        (ContentKind::Credentials, pool(&[1, 2]), "rsu-7-2.key"),
        (ContentKind::Revocation, TestAuthority::new(1).delta_text(9), "operator.rev"),
        (ContentKind::Configuration, "next = true\n".to_owned(), "rsu-7.toml"),
    ];
    for (kind, content, file) in contents {
        for cut in 0.. {
            let unit = TestUnit::new();
            let before = unit.read(file);
            let manifest = unit.fetched(kind, 6, content.as_bytes());
            let (steps, last) = (Cell::new(0), Cell::new(""));
            let stop = |name| {
                steps.set(steps.get() + 1);
                last.set(name);
                steps.get() > cut
            };
            let first = unit.apply_until(&manifest, &stop).await;
            // What the next start finds.
            let mut versions = unit.versions();
            let standing = versions.standing().of(kind);
            let ended = standing.applying.is_none() && standing.running.is_some();
            Applier { settings: &unit.settings, now: &|| NOW, stop: &|_| false }
                .recover(&mut versions)
                .unwrap();
            drop(versions);
            if !ended {
                assert_eq!(unit.read(file), before, "{kind}, cut at {cut} ({})", last.get());
                let again = unit.apply_until(&manifest, &|_| false).await.unwrap();
                assert_eq!(again.result, APPLIED, "{kind}, cut at {cut}");
            }
            assert_ne!(unit.read(file), before, "{kind}, cut at {cut}");
            let older = manifest_below(kind);
            let judged = unit.versions().standing().judge(&older, &unit.settings.names, Some(1 << 20), NOW);
            assert_eq!(judged, Err(Refusal::Older { offered: 5, floor: 6 }));
            let same = unit.versions().standing().judge(&manifest, &unit.settings.names, Some(1 << 20), NOW);
            assert_eq!(same, Ok(Judged::Running));
            if first.is_ok() {
                assert!(cut >= 6, "{kind} has only {cut} steps");
                break;
            }
        }
    }
}

fn manifest_below(kind: ContentKind) -> Manifest {
    manifest(kind, 5, b"older")
}
