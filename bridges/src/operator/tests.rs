//! A unit and its operator together, over streams of the test's own.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::io::{AsyncWriteExt as _, DuplexStream, duplex};
use tokio::sync::{Mutex, mpsc};
use v2x_api::Right;

use super::authority::TestAuthority;
use super::bundle;
use super::command::CommandLine;
use super::fixture::{Folder, NOW, manifest, manifest_for, operator_keys};
use super::kind::ContentKind;
use super::manifest::{ContentHash, Manifest};
use super::part;
use super::protocol::{ByteStream, LinkAnswer, LinkRequest, LinkStream, Streams};
use super::push::{Accept, PushEnd, push, report};
use super::serve::{Host, PeerSource, pull};
use super::settings::{ApplyCommands, OperatorSettings, OwnPlace, Places};
use super::source::DirectorySource;
use super::unit::{FollowError, Offered, Unit};
use super::versions::{APPLIED, ApplyResult, Standing};

mod links;

/// One side of a link. What it opens, the other accepts.
#[derive(Clone)]
struct Side {
    open: mpsc::Sender<DuplexStream>,
    accept: Arc<Mutex<mpsc::Receiver<DuplexStream>>>,
    /// Bytes that may still come through a stream that this side opens; then the link breaks.
    left: Arc<AtomicU64>,
}

fn link() -> (Side, Side) {
    let ((to_b, at_b), (to_a, at_a)) = (mpsc::channel(16), mpsc::channel(16));
    let side = |open, accept| Side {
        open,
        accept: Arc::new(Mutex::new(accept)),
        left: Arc::new(AtomicU64::new(u64::MAX)),
    };
    (side(to_b, at_a), side(to_a, at_b))
}

fn halves(stream: DuplexStream, left: Arc<AtomicU64>) -> ByteStream {
    let (from, to) = tokio::io::split(stream);
    ByteStream { from: Box::new(Breaking { from, left }), to: Box::new(to) }
}

impl Streams for Side {
    fn open(&self) -> BoxFuture<'_, io::Result<ByteStream>> {
        Box::pin(async {
            let (ours, theirs) = duplex(1 << 16);
            self.open.send(theirs).await.map_err(|_| io::Error::from(io::ErrorKind::NotConnected))?;
            Ok(halves(ours, Arc::clone(&self.left)))
        })
    }
}

impl Accept for Side {
    fn accept(&mut self) -> BoxFuture<'_, io::Result<ByteStream>> {
        Box::pin(async {
            let stream = self.accept.lock().await.recv().await;
            let stream = stream.ok_or_else(|| io::Error::from(io::ErrorKind::NotConnected))?;
            Ok(halves(stream, Arc::new(AtomicU64::new(u64::MAX))))
        })
    }
}

/// A stream that breaks after so many bytes.
struct Breaking<R> {
    from: R,
    left: Arc<AtomicU64>,
}

impl<R: tokio::io::AsyncRead + Unpin> tokio::io::AsyncRead for Breaking<R> {
    fn poll_read(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
        into: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        let left = self.left.load(Relaxed);
        if left == 0 {
            return std::task::Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        let most = into.remaining().min(usize::try_from(left).unwrap_or(usize::MAX));
        let mut limited = into.take(most);
        let polled = std::pin::Pin::new(&mut self.from).poll_read(cx, &mut limited);
        let came = limited.filled().len();
        // `take` shares the memory, and the reader below initialised what it filled.
        into.initialize_unfilled_to(came);
        into.advance(came);
        if left != u64::MAX {
            self.left.fetch_sub(came as u64, Relaxed);
        }
        polled
    }
}

struct TestUnit {
    folder: Folder,
    unit: Arc<Unit>,
}

impl TestUnit {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut OperatorSettings)) -> Self {
        let folder = Folder::new();
        TestAuthority::new(1).write(folder.at());
        let installed = folder.path("installed");
        let words = ["/bin/sh", "-c", "cat \"$1\" > \"$2\"", "sh", "{file}", installed.to_str().unwrap()];
        let mut settings = OperatorSettings {
            names: vec!["rsu-7".to_owned(), "north".to_owned()],
            keys: operator_keys(),
            directory: folder.path("state"),
            sources: Vec::new(),
            every: Duration::from_secs(3_600),
            announce: false,
            longest_bundle: 64 << 20,
            bytes_s: None,
            places: Places {
                roots: vec![folder.path("root.cred")],
                issuers: vec![folder.path("issuer.cred")],
                own: Some(OwnPlace::Pool(folder.path("rsu-7"))),
                ..Places::default()
            },
            commands: ApplyCommands {
                software: CommandLine::new(words.map(str::to_owned).to_vec()),
                longest: Duration::from_secs(600),
                ..ApplyCommands::default()
            },
            daemon: None,
        };
        change(&mut settings);
        Self { unit: Unit::new(settings, || NOW), folder }
    }

    /// Answers a side of a link until the test ends.
    fn serve(&self, side: &Side, rights: Option<Right>) {
        let host = Host {
            unit: Arc::clone(&self.unit),
            peer: "operator".to_owned(),
            rights,
            back: Arc::new(side.clone()),
        };
        let mut side = side.clone();
        tokio::spawn(async move {
            while let Ok(stream) = side.accept().await {
                let host = host.clone();
                tokio::spawn(async move { drop(host.serve(LinkStream::new(stream)).await) });
            }
        });
    }

    fn installed(&self) -> Vec<u8> {
        fs::read(self.folder.path("installed")).unwrap_or_default()
    }

    fn standing(&self) -> Standing {
        Standing::read(&self.unit.settings().directory).unwrap()
    }

    fn count(&self, reason: &str) -> u64 {
        self.unit.report()["refused"][reason].as_u64().unwrap_or(0)
    }

    async fn offer(&self, bundle: &Path, manifest: &Manifest) -> io::Result<PushEnd> {
        let (operator, unit) = link();
        self.serve(&unit, Some(Right::Read));
        let mut accept = operator.clone();
        push(&operator, &mut accept, manifest.encoded(), bundle, &mut |_, _| {}).await
    }
}

/// Content in a bundle: its directory, and the manifest.
fn bundle_of(folder: &Folder, kind: ContentKind, version: u64, content: &[u8]) -> (PathBuf, Manifest) {
    let (file, directory) = (folder.path("content"), folder.path("bundle"));
    fs::write(&file, content).unwrap();
    let manifest = manifest(kind, version, content);
    bundle::write(&directory, &manifest, &file).unwrap();
    (directory, manifest)
}

fn content(length: usize) -> Vec<u8> {
    (0..length).map(|place| (place * 31 % 251) as u8).collect()
}

fn ended(end: PushEnd) -> ApplyResult {
    match end {
        PushEnd::Ended(result) => result,
        other => panic!("{other:?}"),
    }
}

fn refused(end: PushEnd) -> String {
    match end {
        PushEnd::Refused { reason, .. } => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_an_operator_pushes_is_fetched_applied_and_reported() {
    let (unit, desk) = (TestUnit::new(), Folder::new());
    let bytes = content(3 << 20);
    let (bundle, manifest) = bundle_of(&desk, ContentKind::Software, 12, &bytes);
    let result = ended(unit.offer(&bundle, &manifest).await.unwrap());
    assert_eq!((&*result.result, result.version, result.exit), (APPLIED, 12, Some(0)));
    assert_eq!(unit.installed(), bytes);
    assert_eq!(unit.offer(&bundle, &manifest).await.unwrap(), PushEnd::Running);

    let (operator, side) = link();
    unit.serve(&side, Some(Right::Read));
    let report = report(&operator).await.unwrap();
    let software = report["kinds"].as_array().unwrap().iter().find(|it| it["name"] == "software").unwrap();
    assert_eq!((&software["version"], &software["last_result"]), (&12.into(), &"applied".into()));
    assert_eq!(software["sha256"], manifest.hash.to_string());
}

#[tokio::test]
async fn a_link_that_breaks_anywhere_goes_on_where_it_was() {
    let (unit, desk) = (TestUnit::new(), Folder::new());
    let bytes = content((2 << 20) + 77);
    let (bundle, manifest) = bundle_of(&desk, ContentKind::Software, 3, &bytes);
    let mut last = 0;
    // The answer's line is part of what comes.
    for most in [10, 40, 100_000, 1_048_600, 1] {
        let (operator, side) = link();
        side.left.store(most, Relaxed);
        unit.serve(&side, None);
        let mut accept = operator.clone();
        let end = push(&operator, &mut accept, manifest.encoded(), &bundle, &mut |_, _| {}).await.unwrap();
        assert_eq!(refused(end), "broke");
        let have = part::have(&unit.unit.settings().directory, manifest.hash);
        assert!(
            have >= last && have < bytes.len() as u64 && have <= last + most,
            "{have} after {last}, {most}"
        );
        last = have;
        assert!(unit.installed().is_empty(), "nothing half-fetched is used");
    }
    assert!(last > 1_000_000);
    let result = ended(unit.offer(&bundle, &manifest).await.unwrap());
    assert_eq!((&*result.result, unit.installed() == bytes), (APPLIED, true));
}

#[tokio::test]
async fn what_is_old_over_foreign_or_for_others_is_refused_by_name_and_counted() {
    let (unit, desk) = (TestUnit::new(), Folder::new());
    let (bundle, twelve) = bundle_of(&desk, ContentKind::Software, 12, b"twelve");
    unit.offer(&bundle, &twelve).await.unwrap();
    let other = manifest(ContentKind::Software, 12, b"another twelve");
    let eleven = manifest(ContentKind::Software, 11, b"eleven");
    let south = manifest_for("south", ContentKind::Software, 13, b"x");
    let nowhere = manifest(ContentKind::Revocation, 1, b"x");
    for (offered, reason) in
        [(&eleven, "older"), (&other, "other_content"), (&south, "not_for_us"), (&nowhere, "not_configured")]
    {
        assert_eq!(refused(unit.offer(&bundle, offered).await.unwrap()), reason);
        assert_eq!(unit.count(reason), 1);
    }
    // By another key, changed on the way, and none at all.
    let stranger = ed25519_dalek::SigningKey::from_bytes(&[9; 32]);
    let draft = super::manifest::ManifestDraft {
        target: "rsu-7".to_owned(),
        kind: ContentKind::Software,
        version: 99,
        hash: ContentHash::of(b"x"),
        size: 1,
        ends: NOW + Duration::from_secs(9),
    };
    let foreign = Manifest::sign(&draft, &stranger).unwrap();
    let mut changed = manifest(ContentKind::Software, 99, b"x").encoded().to_vec();
    *changed.last_mut().unwrap() ^= 1;
    for (bytes, reason) in [
        (&foreign.encoded()[..], "unknown_key"),
        (&changed, "bad_signature"),
        (b"junk", "malformed"),
        (b"", "malformed"),
    ] {
        let error = unit.unit.hear(bytes, "air").unwrap_err();
        assert_eq!(error.name(), reason);
    }
    let late = Unit::new(unit.unit.settings().clone(), || NOW + Duration::from_secs(7_200));
    let thirteen = manifest(ContentKind::Software, 13, b"x");
    assert_eq!(late.hear(thirteen.encoded(), "air").unwrap_err().name(), "expired");
    assert_eq!(unit.installed(), b"twelve");
}

/// A peer that answers each request for content as the test says.
fn bad_peer(answer: impl Fn(u32) -> Vec<u8> + Send + Sync + 'static) -> Arc<dyn Streams> {
    let (here, mut there) = link();
    tokio::spawn(async move {
        let answer = Arc::new(answer);
        while let Ok(stream) = there.accept().await {
            let answer = Arc::clone(&answer);
            tokio::spawn(async move {
                let ByteStream { from, mut to } = stream;
                let mut requests = LinkStream::new(ByteStream { from, to: Box::new(tokio::io::sink()) });
                while let Ok(Some(LinkRequest::Content { length, .. })) = requests.read().await {
                    if to.write_all(&answer(length)).await.is_err() {
                        return;
                    }
                    if answer(length).is_empty() {
                        return;
                    }
                }
            });
        }
    });
    Arc::new(here)
}

fn line(answer: &LinkAnswer) -> Vec<u8> {
    let mut line = serde_json::to_vec(answer).unwrap();
    line.push(b'\n');
    line
}

#[tokio::test]
async fn a_peer_that_gives_too_much_other_bytes_or_nothing_is_named_and_nothing_of_it_is_used() {
    type Answer = Box<dyn Fn(u32) -> Vec<u8> + Send + Sync>;
    let content_of = |length| line(&LinkAnswer::Content { length });
    let cases: [(&str, Answer); 6] = [
        ("too_much", Box::new(move |length| content_of(length + 1))),
        ("too_much", Box::new(move |_| content_of(u32::MAX))),
        ("wrong_hash", Box::new(move |length| [content_of(length), vec![7; length as usize]].concat())),
        (
            "broke",
            Box::new(move |length| [content_of(length), vec![7; length as usize / 2], Vec::new()].concat()),
        ),
        ("broke", Box::new(|_| b"{\"content\":{\"length\":7,\"path\":\"/etc/passwd\"}}\n".to_vec())),
        (
            "unknown_content",
            Box::new(|_| {
                line(&LinkAnswer::Refused { reason: "unknown_content".to_owned(), error: String::new() })
            }),
        ),
    ];
    for (place, (reason, answer)) in cases.into_iter().enumerate() {
        let unit = TestUnit::new();
        let manifest = manifest(ContentKind::Software, 5, &content(1_000));
        // The fourth stops in the middle: what it sent, and then no more.
        let streams = if place == 3 {
            let half = Arc::new(AtomicU64::new(0));
            bad_peer(move |length| if half.fetch_add(1, Relaxed) == 0 { answer(length) } else { Vec::new() })
        } else {
            bad_peer(answer)
        };
        let source = PeerSource::new(streams, None);
        let error = unit.unit.follow(&manifest, Some(Box::new(source))).await.unwrap_err();
        assert_eq!(error.name(), reason, "{place}: {error}");
        assert!(unit.installed().is_empty());
        let kind = unit.standing().of(ContentKind::Software);
        assert_eq!(kind.floor, 0, "{place}: nothing was begun");
        assert_eq!(kind.last, None, "{place}: a bad source says nothing about the content");
        assert!(unit.unit.is_untried(&manifest));
        assert_eq!(unit.unit.report()["fetch_fault"], reason);
        if reason == "wrong_hash" {
            let left = part::have(&unit.unit.settings().directory, manifest.hash);
            assert_eq!(left, 0, "what is not the content is gone");
        }
        // And the next source may do better.
        let (bundle, _) = bundle_of(&unit.folder, ContentKind::Software, 5, &content(1_000));
        let source = DirectorySource::new(bundle);
        let result = unit.unit.follow(&manifest, Some(Box::new(source))).await;
        assert!(result.is_ok_and(|result| result.result == APPLIED), "{place}");
    }
}

#[tokio::test]
async fn a_part_that_was_damaged_on_the_disk_is_fetched_once_more() {
    let (unit, desk) = (TestUnit::new(), Folder::new());
    let bytes = content(5_000);
    let (bundle, manifest) = bundle_of(&desk, ContentKind::Software, 2, &bytes);
    let directory = &unit.unit.settings().directory;
    fs::create_dir_all(directory).unwrap();
    fs::write(directory.join(format!("{}.part", manifest.hash)), vec![0; 4_096]).unwrap();
    let source = DirectorySource::new(bundle);
    let result = unit.unit.follow(&manifest, Some(Box::new(source))).await.unwrap();
    assert_eq!((&*result.result, unit.installed() == bytes), (APPLIED, true));
}

#[tokio::test]
async fn a_unit_gets_what_is_newer_from_its_neighbour_and_keys_are_never_passed_on() {
    let (first, second, desk) = (TestUnit::new(), TestUnit::new(), Folder::new());
    let (bundle, software) = bundle_of(&desk, ContentKind::Software, 4, &content(70_000));
    first.offer(&bundle, &software).await.unwrap();
    let (credential, key) = TestAuthority::new(1).station_texts(7);
    let (_, pool) = bundle_of(&desk, ContentKind::Credentials, 1, (credential + &key).as_bytes());
    let result = ended(first.offer(&bundle, &pool).await.unwrap());
    assert_eq!(result.result, APPLIED);
    let directory = &first.unit.settings().directory;
    assert!(part::path_of(directory, software.hash).exists());
    assert!(
        !part::path_of(directory, pool.hash).exists(),
        "keys are where the daemon reads them, and nowhere else"
    );

    let (here, there) = link();
    first.serve(&there, None);
    let streams: Arc<dyn Streams> = Arc::new(here);
    pull(&second.unit, "rsu-6", &streams).await.unwrap();
    assert_eq!(second.installed(), content(70_000));
    assert_eq!(second.standing().of(ContentKind::Credentials).running, None);
    // A peer without the right to read hears nothing of what runs.
    let error = report(&*streams).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
    // And for its own sake: that hash is not given to anybody.
    let source = PeerSource::new(streams, None);
    let error = second.unit.follow(&pool, Some(Box::new(source))).await.unwrap_err();
    assert_eq!(error.name(), "unknown_content");
}

#[tokio::test]
async fn what_failed_is_not_tried_again_each_time_a_neighbour_has_it() {
    let failing = TestUnit::with(|settings| {
        let script = "echo again >> \"$2\"; exit 1";
        let log = settings.directory.with_file_name("tries");
        let words = ["/bin/sh", "-c", script, "sh", "{file}", log.to_str().unwrap()];
        settings.commands.software = CommandLine::new(words.map(str::to_owned).to_vec());
    });
    let (first, desk) = (TestUnit::new(), Folder::new());
    let (bundle, software) = bundle_of(&desk, ContentKind::Software, 4, b"four");
    first.offer(&bundle, &software).await.unwrap();
    let (here, there) = link();
    first.serve(&there, None);
    let streams: Arc<dyn Streams> = Arc::new(here);
    for _ in 0..3 {
        pull(&failing.unit, "rsu-6", &streams).await.unwrap();
    }
    let tries = || fs::read_to_string(failing.folder.path("tries")).unwrap();
    assert_eq!(tries(), "again\n");
    // The operator itself may.
    let result = ended(failing.offer(&bundle, &software).await.unwrap());
    assert_eq!((&*result.result, &*tries()), ("command_failed", "again\nagain\n"));
}

#[tokio::test]
async fn a_manifest_from_the_air_is_known_as_newer_until_its_content_runs() {
    let (unit, desk) = (TestUnit::new(), Folder::new());
    let newer = |unit: &TestUnit| {
        let report = unit.unit.report();
        let software =
            report["kinds"].as_array().unwrap().iter().find(|it| it["name"] == "software").unwrap();
        (software["known_newer"].clone(), software["known_from"].clone())
    };
    let (bundle, software) = bundle_of(&desk, ContentKind::Software, 4, b"four");
    assert_eq!(unit.unit.hear(software.encoded(), "air 0102").unwrap().1, Offered::Wanted);
    assert_eq!(newer(&unit), (4.into(), "air 0102".into()));
    unit.unit.news().await;
    let five = manifest(ContentKind::Software, 5, b"five");
    unit.unit.hear(five.encoded(), "air 0304").unwrap();
    unit.unit.hear(software.encoded(), "air 0506").unwrap();
    assert_eq!(newer(&unit), (5.into(), "air 0304".into()));
    unit.offer(&bundle, &software).await.unwrap();
    assert_eq!(newer(&unit), (5.into(), "air 0304".into()), "four runs, and five is newer still");
    let (bundle, five) = bundle_of(&desk, ContentKind::Software, 5, b"five");
    unit.offer(&bundle, &five).await.unwrap();
    assert_eq!(newer(&unit), (serde_json::Value::Null, serde_json::Value::Null));
}

#[tokio::test]
async fn a_unit_that_announces_keeps_manifests_for_others_and_has_no_content_of_theirs() {
    let relay = TestUnit::with(|settings| settings.announce = true);
    let south = manifest_for("south", ContentKind::Software, 4, b"four");
    let desk = Folder::new();
    assert_eq!(relay.offer(desk.at(), &south).await.unwrap(), PushEnd::Kept);
    assert_eq!(relay.unit.manifests(), std::slice::from_ref(&south));
    // Also after a restart.
    let again = Unit::new(relay.unit.settings().clone(), || NOW);
    assert_eq!(again.manifests(), std::slice::from_ref(&south));
    assert_eq!(again.content(south.hash), None);
}

#[tokio::test]
async fn one_thing_is_applied_at_a_time() {
    let begun = Folder::new();
    let (mark, go) = (begun.path("begun"), begun.path("go"));
    let unit = TestUnit::with(|settings| {
        let script = "touch \"$1\"; until [ -e \"$2\" ]; do sleep 0.01; done";
        let words = ["/bin/sh", "-c", script, "sh", mark.to_str().unwrap(), go.to_str().unwrap()];
        settings.commands.software = CommandLine::new(words.map(str::to_owned).to_vec());
    });
    let desk = Folder::new();
    let (bundle, software) = bundle_of(&desk, ContentKind::Software, 4, b"four");
    let source = || Some(Box::new(DirectorySource::new(bundle.clone())) as Box<_>);
    let first = unit.unit.follow(&software, source());
    let second = async {
        while !mark.exists() {
            tokio::task::yield_now().await;
        }
        let other = Unit::new(unit.unit.settings().clone(), || NOW);
        let busy = [
            unit.unit.follow(&software, source()).await.unwrap_err(),
            // Another program of this machine: `operator apply`.
            other.follow(&software, source()).await.unwrap_err(),
        ];
        fs::write(&go, "").unwrap();
        busy.map(|error: FollowError| error.name())
    };
    let (result, busy) = tokio::join!(first, second);
    assert_eq!((&*result.unwrap().result, busy), (APPLIED, ["busy", "busy"]));
}

#[tokio::test]
async fn what_had_come_whole_before_a_restart_is_applied_without_its_source() {
    let (unit, desk) = (TestUnit::new(), Folder::new());
    let (bundle, software) = bundle_of(&desk, ContentKind::Software, 4, b"four");
    let directory = &unit.unit.settings().directory;
    {
        let mut versions = super::versions::Versions::open(directory).unwrap();
        versions.follow(&software).unwrap();
    }
    fs::copy(bundle.join(software.hash.to_string()), part::path_of(directory, software.hash)).unwrap();
    unit.unit.resume().await;
    assert_eq!(unit.installed(), b"four");
    assert_eq!(unit.standing().of(ContentKind::Software).running.unwrap().version, 4);
}

#[tokio::test]
async fn any_bytes_of_a_peer_end_its_stream_and_nothing_else() {
    let unit = TestUnit::new();
    let (peer, side) = link();
    unit.serve(&side, Some(Right::Read));
    let requests: [&[u8]; 6] = [
        b"\xff\xfe\n",
        b"{\"content\":{\"sha256\":\"../../etc/passwd\",\"offset\":0,\"length\":10}}\n",
        b"{\"content\":{\"sha256\":\"\",\"offset\":18446744073709551615,\"length\":4294967295}}\n",
        b"{\"offer\":{\"manifest\":\"zz\"}}\n",
        b"[[[[[[[[\n",
        b"{\"manifests\":{}}\n",
    ];
    for request in requests {
        let ByteStream { from, mut to } = peer.open().await.unwrap();
        to.write_all(request).await.unwrap();
        to.shutdown().await.unwrap();
        let mut answers = LinkStream::new(ByteStream { from, to });
        let mut said = Vec::new();
        while let Ok(Some(answer)) = answers.read::<LinkAnswer>().await {
            said.push(answer);
        }
        let is_answered = request.starts_with(b"{");
        assert_eq!(said.len(), usize::from(is_answered), "{said:?}");
    }
    // The others are not touched by it.
    assert!(report(&peer).await.is_ok());
}
