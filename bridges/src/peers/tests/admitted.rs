//! Who is let in, and what of the others is read.

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use testkit::Authority;
use v2x_core::{CredentialRequest, Permissions, WireTime};

use super::super::records::{self, Hello};
use super::raw::{Raw, beat, closed};
use super::*;
use crate::peers::hello::HELLO_TIMEOUT;

#[tokio::test]
async fn a_bridge_of_an_unknown_key_gets_nothing_and_is_counted() {
    let first = unit(1, settings(vec![peer(2, Vec::new())])).await;
    let stranger = unit(3, settings(vec![peer(1, first.peers.addresses())])).await;
    let mut listener = first.hub.listen();
    stranger.tell(&message(Class::D3, 0));
    let status = stranger.until(1, |peer| peer["state"] == "refused").await;
    assert_eq!(status["waiting"], 1, "what is for a peer that does not let it in waits: {status}");
    assert!(listener.try_recv().is_err());
    let own = first.own();
    assert!(own["not_admitted"]["unknown_key"].as_u64() > Some(0), "{own}");
    assert!(own["last_not_admitted"].as_str().unwrap().starts_with(&key(3).to_string()), "{own}");
    let refused = stranger.peers.connect("unit-1", MESSAGES_ALPN).await.unwrap_err();
    assert!(refused.to_string().starts_with("peer unit-1 does not admit this bridge"), "{refused}");
    let unknown = stranger.peers.connect("unit-9", MESSAGES_ALPN).await.unwrap_err();
    assert_eq!(unknown.to_string(), "no peer \"unit-9\"; peers here: unit-1");
}

/// Files of an authority of now, and credentials of it.
struct Office {
    folder: std::path::PathBuf,
    authority: v2x_core::Authority,
}

impl Office {
    fn new(name: &str) -> Self {
        let folder =
            std::env::temp_dir().join(format!("roadcast-bridge-office-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let request = Self::request(
            &signing_key(102),
            Permissions::MANAGEMENT | Permissions::HAZARD | Permissions::ISSUE,
            600,
        );
        let request = CredentialRequest { not_before_s: request.not_before_s - 600, ..request };
        let authority = v2x_core::Authority::new(signing_key(101), signing_key(102), &request).unwrap();
        std::fs::write(folder.join("root.cred"), &authority.root).unwrap();
        std::fs::write(folder.join("issuer.cred"), &authority.issuer).unwrap();
        Self { folder, authority }
    }

    fn request(key: &SigningKey, permissions: Permissions, duration_min: u32) -> CredentialRequest {
        let now_s = u32::try_from(clock::now().as_micros() / 1_000_000).unwrap();
        CredentialRequest { permissions, not_before_s: now_s - 1, duration_min, ..Authority::request(key) }
    }

    fn credential(&self, seed: u8, permissions: Permissions) -> Bytes {
        self.authority.issue(&Self::request(&signing_key(seed), permissions, 60)).unwrap()
    }

    /// A unit that lets holders of its credentials in.
    async fn unit(&self, seed: u8, handlers: Handlers) -> Unit {
        self.start(seed, handlers).await.unwrap()
    }

    async fn start(&self, seed: u8, handlers: Handlers) -> Result<Unit, PeersError> {
        let terms = PeerTerms {
            send: every_class(),
            receive: every_class(),
            rights: Some(v2x_api::Right::Read),
            ..PeerTerms::default()
        };
        let (roots, issuers) = (vec![self.folder.join("root.cred")], vec![self.folder.join("issuer.cred")]);
        let revocation = vec![self.folder.join("operator.rev")];
        let admission = Some(AdmissionSettings { roots, issuers, revocation, terms });
        let settings = PeersSettings { admission, ..settings(Vec::new()) };
        let hub = Hub::new();
        let peers = Peers::start(&settings, &signing_key(seed), &hub, handlers, None).await?;
        Ok(Unit { peers, hub })
    }

    /// Publishes a list that names credentials.
    fn revoke(&self, hashes: &[[u8; 32]]) {
        let issued_s = u32::try_from(clock::now().as_micros() / 1_000_000).unwrap();
        let request = v2x_core::RevocationRequest {
            series: 0,
            from_number: 0,
            to_number: 1,
            issued_s,
            next_s: issued_s + 3600,
            whole_series: false,
            digests: hashes.iter().map(v2x_proto::Digest::of_hash).collect(),
        };
        let delta = v2x_core::revoke(&self.authority.issuer, &signing_key(102), &request).unwrap();
        std::fs::write(self.folder.join("operator.rev"), crate::pem::block("ROADCAST REVOCATION", &delta))
            .unwrap();
    }
}

impl Drop for Office {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.folder).unwrap();
    }
}

#[tokio::test]
async fn a_credential_of_the_operator_s_authority_lets_its_key_in_as_a_guest() {
    let office = Office::new("guest");
    let first = office.unit(1, Handlers::new()).await;
    let file = office.folder.join("van.cred");
    std::fs::write(&file, office.credential(7, Permissions::MANAGEMENT)).unwrap();
    let van = PeersSettings { credential: Some(file), ..settings(vec![peer(1, first.peers.addresses())]) };
    let van = unit(7, van).await;
    let mut listeners = [&first, &van].map(|unit| unit.hub.listen());
    van.connected(1).await;
    let [there, back] = [message(Class::D3, 0), message(Class::D2, 0)];
    van.tell(&there);
    assert_eq!(heard(&mut listeners[0]).await.message.frame(), there.frame());
    first.tell(&back);
    assert_eq!(heard(&mut listeners[1]).await.message.frame(), back.frame());
    let names = first.peers.names();
    assert!(names.len() == 1 && names[0].starts_with("credential-"), "{names:?}");
}

#[tokio::test]
async fn credentials_that_do_not_do_are_each_counted_and_nothing_of_their_bridges_is_taken() {
    let office = Office::new("wrong");
    let first = office.unit(1, Handlers::new()).await;
    let mut listener = first.hub.listen();
    let other = Office::new("other");
    let good = office.credential(7, Permissions::MANAGEMENT);
    let foreign = {
        let request = Office::request(&signing_key(8), Permissions::MANAGEMENT, 60);
        let [root, issuer] = [103, 104].map(signing_key);
        let of_issuer = Office::request(&issuer, Permissions::MANAGEMENT | Permissions::ISSUE, 600);
        v2x_core::Authority::new(root, issuer, &of_issuer).unwrap().issue(&request).unwrap()
    };
    for (seed, credential) in [
        (7, Bytes::new()),
        (8, good),
        (7, office.credential(7, Permissions::HAZARD)),
        (8, foreign),
        (7, Bytes::from_static(b"garbage")),
    ] {
        let raw = Raw::new(seed).await;
        let connection = raw.dial(&first, MESSAGES_ALPN).await;
        let (mut send, _receive) = connection.open_bi().await.unwrap();
        // Sent ahead of the hello: it is not read.
        connection.send_datagram(message(Class::D3, 0).frame().clone()).unwrap();
        records::write(&mut send, &Hello { credential, ..Hello::default() }).await.unwrap();
        assert_eq!(closed(&connection).await, Some(Close::NotAdmitted));
    }
    drop(other);
    let counts = &first.own()["not_admitted"];
    assert_eq!((&counts["no_credential"], &counts["bad_credential"]), (&1.into(), &4.into()), "{counts}");
    assert!(listener.try_recv().is_err());
}

#[tokio::test]
async fn a_credential_that_ends_ends_the_connection() {
    let office = Office::new("ends");
    let first = office.unit(1, Handlers::new()).await;
    let now_s = u32::try_from(clock::now().as_micros() / 1_000_000).unwrap();
    // Valid for a minute, of which two seconds are left.
    let request = CredentialRequest {
        not_before_s: now_s - 58,
        ..Office::request(&signing_key(7), Permissions::MANAGEMENT, 1)
    };
    let credential = office.authority.issue(&request).unwrap();
    let raw = Raw::new(7).await;
    let (connection, send, _receive) = raw.call(&first, Hello { credential, ..Hello::default() }).await;
    let beats = tokio::spawn(beat(send));
    assert_eq!(closed(&connection).await, Some(Close::Expired));
    assert!(clock::now() >= WireTime::from_secs(now_s + 2));
    beats.abort();
}

#[tokio::test]
async fn a_credential_that_the_operator_revokes_ends_the_connection_and_lets_nobody_in_again() {
    let office = Office::new("revoked");
    let first = office.unit(1, Handlers::new()).await;
    let credential = office.credential(7, Permissions::MANAGEMENT);
    let hello = || Hello { credential: credential.clone(), ..Hello::default() };
    let raw = Raw::new(7).await;
    let (connection, send, _receive) = raw.call(&first, hello()).await;
    let beats = tokio::spawn(beat(send));
    office.revoke(&[v2x_core::credential_hash(&credential)]);
    assert_eq!(closed(&connection).await, Some(Close::Revoked));
    beats.abort();
    let again = raw.dial(&first, MESSAGES_ALPN).await;
    let (mut send, _receive) = again.open_bi().await.unwrap();
    records::write(&mut send, &hello()).await.unwrap();
    assert_eq!(closed(&again).await, Some(Close::NotAdmitted));
    let own = first.own();
    assert_eq!(own["not_admitted"]["revoked"], 1, "{own}");
    assert!(own["last_not_admitted"].as_str().unwrap().ends_with("its credential is revoked"), "{own}");
}

#[tokio::test]
async fn a_file_that_is_no_revocation_delta_is_refused_at_the_start() {
    let office = Office::new("norev");
    let file = office.folder.join("operator.rev");
    std::fs::write(&file, "junk").unwrap();
    let started = office.start(1, Handlers::new()).await;
    let error = started.err().expect("junk is no delta").to_string();
    assert!(
        error.contains("operator.rev: no revocation delta; expected") && !error.contains('\n'),
        "{error}"
    );
}

#[tokio::test]
async fn a_stranger_that_says_nothing_is_heard_no_longer_than_a_hello_may_take() {
    let office = Office::new("mute");
    let first = office.unit(1, Handlers::new()).await;
    let raw = Raw::new(7).await;
    let began = tokio::time::Instant::now();
    let connection = raw.dial(&first, MESSAGES_ALPN).await;
    assert_eq!(closed(&connection).await, Some(Close::NoHello));
    assert!(began.elapsed() >= HELLO_TIMEOUT, "it had the whole time");
    assert_eq!(first.own()["not_admitted"]["no_hello"], 1);
}

#[tokio::test]
async fn a_hello_above_its_bound_or_of_garbage_closes_the_connection() {
    let office = Office::new("garbage");
    let first = office.unit(1, Handlers::new()).await;
    for bytes in [[&[0xff, 0xff][..], &[7; 6000]].concat(), vec![0, 3, 0xff, 0xff, 0xff]] {
        let raw = Raw::new(7).await;
        let connection = raw.dial(&first, MESSAGES_ALPN).await;
        let (mut send, _receive) = connection.open_bi().await.unwrap();
        // Cut off when the connection is closed meanwhile.
        let _cut = send.write_all(&bytes).await.err();
        assert_eq!(closed(&connection).await, Some(Close::Malformed));
    }
    assert_eq!(first.own()["not_admitted"]["malformed_hello"], 2);
}

#[tokio::test]
async fn a_stranger_can_open_one_stream_and_no_other() {
    let office = Office::new("streams");
    let first = office.unit(1, Handlers::new()).await;
    let raw = Raw::new(7).await;
    let connection = raw.dial(&first, MESSAGES_ALPN).await;
    let (_send, _receive) = connection.open_bi().await.unwrap();
    assert!(connection.open_bi().now_or_never().is_none(), "a second");
    assert!(connection.open_uni().now_or_never().is_none(), "one for messages");
}

/// Sends who it serves.
#[derive(Debug)]
struct Told(mpsc::Sender<PeerIdentity>);

impl Handler for Told {
    fn serve(&self, peer: PeerIdentity, connection: Connection) -> BoxFuture<'static, ()> {
        let sender = self.0.clone();
        async move {
            sender.send(peer).await.unwrap();
            let (mut send, mut receive) = connection.accept_bi().await.unwrap();
            let asked = receive.read_to_end(100).await.unwrap();
            send.write_all(&asked).await.unwrap();
            send.finish().unwrap();
            connection.closed().await;
        }
        .boxed()
    }
}

#[tokio::test]
async fn a_handler_serves_connections_of_its_protocol_for_those_who_are_let_in() {
    let (sender, mut told) = mpsc::channel(1);
    let handlers =
        || Handlers::from([(REMOTE_ALPN.to_vec(), Arc::new(Told(sender.clone())) as Arc<dyn Handler>)]);
    let mut operator = peer(2, Vec::new());
    operator.terms.rights = Some(v2x_api::Right::Administer);
    let hub = Hub::new();
    let peers =
        Peers::start(&settings(vec![operator]), &signing_key(1), &hub, handlers(), None).await.unwrap();
    let first = Unit { peers, hub };
    let dialled = settings(vec![peer(1, first.peers.addresses())]);
    for peers in
        [Peers::dial_only(&dialled, &signing_key(2)).await.unwrap(), unit(2, dialled.clone()).await.peers]
    {
        let connection = peers.connect("unit-1", REMOTE_ALPN).await.unwrap();
        let expected =
            PeerIdentity { name: "unit-2".to_owned(), key: key(2), rights: Some(v2x_api::Right::Administer) };
        assert_eq!(told.recv().await, Some(expected));
        let (mut send, mut receive) = connection.open_bi().await.unwrap();
        send.write_all(b"question").await.unwrap();
        send.finish().unwrap();
        assert_eq!(receive.read_to_end(100).await.unwrap(), b"question");
    }
    let stranger = Peers::dial_only(&dialled, &signing_key(3)).await.unwrap();
    let error = stranger.connect("unit-1", REMOTE_ALPN).await.unwrap_err();
    assert_eq!(error, ConnectError::NotAdmitted { name: "unit-1".to_owned() });
    let error = unit(2, dialled).await.peers.connect("unit-1", OPERATOR_ALPN).await.unwrap_err();
    assert!(matches!(error, ConnectError::NotReached { .. }), "{error}");
    assert!(told.try_recv().is_err());
}
