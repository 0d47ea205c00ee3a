use super::super::source::Source;
use super::super::source::tests::EXAMPLE;
use super::super::teller::FromSource;
use super::*;
use crate::config::{CorrectionSource, Corrections, Login};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{Receiver, channel};
use tokio::task::JoinHandle;
use v2x_core::Position;

fn run<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap().block_on(test)
}

async fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}

fn caster(listener: &TcpListener) -> Caster {
    let port = listener.local_addr().unwrap().port();
    let login = Some(Login { user: "me".to_owned(), password: "secret".to_owned() });
    Caster { host: "127.0.0.1".to_owned(), port, mount: "MNT".to_owned(), login, tls: None }
}

/// A client that comes back at once, and what it tells.
fn start(
    caster: Caster,
    tls: Option<Tls>,
    here: Option<Here>,
    silence: Duration,
) -> (JoinHandle<()>, Receiver<FromSource>) {
    let (sender, said) = channel(16);
    let mut client = Client::new(caster, tls, Teller::new(sender), DeadlineTimer::new().unwrap(), here);
    (client.patience, client.silence) = (Patience::at_least(Duration::ZERO), silence);
    (tokio::spawn(client.run()), said)
}

/// Reads a request to its end.
async fn request(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(request).unwrap()
}

/// Takes one connection, reads its request, sends `answer` and closes.
async fn answer(listener: &TcpListener, answer: &[u8]) -> String {
    let (mut stream, _) = listener.accept().await.unwrap();
    let request = request(&mut stream).await;
    stream.write_all(answer).await.unwrap();
    request
}

/// Why it stopped next, without when it is asked again.
async fn why(said: &mut Receiver<FromSource>) -> String {
    loop {
        if let FromSource::Down { why, .. } = said.recv().await.unwrap() {
            return why.trim_end_matches("; asked again in 0 s").to_owned();
        }
    }
}

#[test]
fn a_caster_s_messages_come_and_its_end_is_told_with_the_wait() {
    run(async {
        let listener = listener().await;
        let corrections =
            Corrections { source: CorrectionSource::Ntrip(caster(&listener)), per_second: 10, gga: false };
        let mut source = Source::start(&corrections, None).unwrap();
        let chunk =
            [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n19\r\n".as_slice(), &EXAMPLE, b"\r\n"];
        let request = answer(&listener, &chunk.concat()).await;
        assert!(request.starts_with("GET /MNT HTTP/1.1\r\n") && request.contains("Authorization: Basic "));
        assert_eq!(source.next().await, FromSource::Up);
        assert_eq!(source.next().await, FromSource::Message(Bytes::from_static(&EXAMPLE)));
        let why = "the caster hung up; asked again in 10 s".to_owned();
        assert_eq!(source.next().await, FromSource::Down { why, news: true });
    });
}

#[test]
fn a_caster_that_hangs_up_again_and_again_is_told_of_once() {
    run(async {
        let listener = listener().await;
        let (task, mut said) = start(caster(&listener), None, None, SILENCE);
        let mut news = Vec::new();
        for _ in 0..20 {
            answer(&listener, &[b"ICY 200 OK\r\n\r\n".as_slice(), &EXAMPLE].concat()).await;
            loop {
                match said.recv().await.unwrap() {
                    FromSource::Message(_) => {}
                    FromSource::Up => news.push("up".to_owned()),
                    FromSource::Down { why, news: is_news } => {
                        news.extend(is_news.then_some(why));
                        break;
                    }
                }
            }
        }
        assert_eq!(news, ["up", "the caster hung up; asked again in 0 s"]);
        task.abort();
    });
}

#[test]
fn a_caster_that_hangs_up_before_any_message_is_told_as_such() {
    run(async {
        let listener = listener().await;
        let (task, mut said) = start(caster(&listener), None, None, SILENCE);
        for (body, told) in [
            ("", "the caster accepted and hung up before any message"),
            ("<html>log in</html>", "the caster hung up after 19 bytes, without a whole RTCM 3 message"),
        ] {
            answer(&listener, format!("HTTP/1.1 200 OK\r\n\r\n{body}").as_bytes()).await;
            assert_eq!(why(&mut said).await, told);
        }
        task.abort();
    });
}

#[test]
fn a_caster_of_version_1_is_asked_in_its_words_after_it_refused() {
    run(async {
        let listener = listener().await;
        let (task, mut said) = start(caster(&listener), None, None, SILENCE);
        assert!(answer(&listener, b"HTTP/1.1 400 Bad Request\r\n\r\n").await.contains("GET /MNT HTTP/1.1"));
        assert_eq!(
            why(&mut said).await,
            "the caster answers \"HTTP/1.1 400 Bad Request\" where \"200 OK\" was expected"
        );
        let request = answer(&listener, &[b"ICY 200 OK\r\n\r\n".as_slice(), &EXAMPLE].concat()).await;
        assert!(request.starts_with("GET /MNT HTTP/1.0\r\n"), "{request}");
        assert_eq!(said.recv().await, Some(FromSource::Up));
        // The caster answered in version 1, so the next request uses version 1.
        assert!(answer(&listener, b"").await.contains("HTTP/1.0"));
        assert!(answer(&listener, b"").await.contains("HTTP/1.1"), "closed without a word: the other one");
        task.abort();
    });
}

/// Takes one connection and its request, sends `answer`, and returns the request and the next three lines.
async fn told_after(listener: &TcpListener, answer: &[u8]) -> (String, [String; 3]) {
    let (stream, _) = listener.accept().await.unwrap();
    let mut stream = BufReader::new(stream);
    let request = request(&mut stream).await;
    stream.write_all(answer).await.unwrap();
    let mut lines = [const { String::new() }; 3];
    for line in &mut lines {
        stream.read_line(line).await.unwrap();
    }
    (request, lines)
}

#[test]
fn a_caster_is_told_where_the_unit_is_once_it_has_answered_and_again_and_again() {
    run(async {
        let listener = listener().await;
        let position = Position { latitude: 496_116_000, longitude: 61_319_000 };
        let place = Place { position, altitude_cm: Some(30_000) };
        let here = Here::new(place, Duration::from_millis(1)).unwrap();
        let (task, mut said) = start(caster(&listener), None, Some(here), SILENCE);
        // It knows version 1 only, and sends nothing before it has the position.
        let refused = answer(&listener, b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        let gga = refused.lines().find_map(|line| line.strip_prefix("Ntrip-GGA: ")).unwrap();
        let (request, lines) = told_after(&listener, b"ICY 200 OK\r\n").await;
        assert!(!request.contains("GGA"), "{request}");
        for line in lines.iter().map(String::as_str).chain([gga]) {
            assert!(line.contains(",4936.696000,N,00607.914000,E,1,"), "{line:?}");
            assert!(nmea::parse_str(line.trim_end()).is_ok(), "{line:?}");
        }
        assert!(lines.iter().all(|line| line.ends_with("\r\n")), "{lines:?}");
        // The connection before left its timer set: the next caster, too, is sent nothing before it answers.
        let (_, lines) = told_after(&listener, b"HTTP/1.1 200 OK\r\n\r\n").await;
        assert!(lines[0].starts_with("$GPGGA,"), "{lines:?}");
        let downs = core::iter::from_fn(|| said.try_recv().ok());
        assert!(downs.into_iter().all(|said| matches!(said, FromSource::Down { .. })));
        task.abort();
    });
}

/// What is told of a caster that has sent `pieces`, and then nothing more, without closing.
fn left(pieces: &[&[u8]]) -> String {
    run(async {
        let (sender, _said) = channel(16);
        let (mut teller, mut reply) = (Teller::new(sender), Reply::new());
        teller.restart();
        for piece in pieces {
            let mut body = Vec::new();
            reply.feed(piece, |bytes| body.extend_from_slice(bytes)).unwrap();
            teller.read(&body).await.unwrap();
        }
        silent(&teller, &mut reply).to_string()
    })
}

#[test]
fn a_caster_that_is_connected_and_sends_no_corrections_is_left_with_the_reason() {
    let filler = [0xd3, 0x00, 0x00, 0x47, 0xea, 0x4b];
    for (pieces, expected) in [
        (&[][..], "no answer for 15 s"),
        (&[&b"HTTP/1.1 200 OK\r\nServer: x\r\n"[..]], "no end of its answer's header for 15 s"),
        (&[b"HTTP/1.1 401 Unauthorized\r\n"], "the caster refuses the user or the password"),
        (&[b"ICY 200 OK\r\n"], "nothing for 15 s"),
        (&[b"ICY 200 OK\r\n\r\n", &EXAMPLE], "nothing for 15 s"),
        (&[b"ICY 200 OK\r\n\r\n", &EXAMPLE[..24]], "no whole RTCM 3 message for 15 s, only 24 other bytes"),
        (&[b"ICY 200 OK\r\n\r\n", &filler, &filler], "no RTCM 3 message for 15 s, only 2 filler frames"),
    ] {
        assert_eq!(left(pieces), expected);
    }
}

/// The unit must not hang on a caster that drips: only messages count.
#[test]
fn a_caster_that_drips_a_byte_at_a_time_is_left_all_the_same() {
    run(async {
        let listener = listener().await;
        let (task, mut said) = start(caster(&listener), None, None, Duration::from_millis(50));
        let (stream, _) = listener.accept().await.unwrap();
        let drip = async {
            // A byte for each byte of the request, and then for as long as it is connected.
            let (mut read, mut write) = tokio::io::split(stream);
            write.write_all(b"ICY 200 OK\r\n").await.unwrap();
            let mut last = [0; 1];
            while write.write_all(&[0xd3]).await.is_ok() && read.read(&mut last).await.is_ok_and(|n| n > 0) {}
            pending().await
        };
        let why = tokio::select! { why = why(&mut said) => why, () = drip => String::new() };
        assert!(why.contains(" for 15 s"), "{why}");
        task.abort();
    });
}

#[test]
fn an_address_that_does_not_answer_and_a_name_that_is_none_are_told_as_such() {
    run(async {
        let taken = listener().await;
        let port = taken.local_addr().unwrap().port();
        drop(taken);
        let place = caster(&listener().await);
        let gone = Caster { port, ..place.clone() };
        let (task, mut said) = start(gone, None, None, SILENCE);
        assert_eq!(why(&mut said).await, format!("cannot connect to 127.0.0.1:{port}: Connection refused"));
        task.abort();
        let nowhere = Caster { host: "no name.invalid".to_owned(), ..place };
        let (task, mut said) = start(nowhere, None, None, SILENCE);
        let why = why(&mut said).await;
        assert!(why.starts_with("no address of no name.invalid: "), "{why}");
        task.abort();
    });
}

#[test]
fn a_caster_with_an_address_of_ipv6_is_reached() {
    run(async {
        // Machines without IPv6 have nothing to test.
        let Ok(listener) = TcpListener::bind("[::1]:0").await else { return };
        let port = listener.local_addr().unwrap().port();
        let six = Caster { host: "[::1]".to_owned(), port, mount: "M".to_owned(), login: None, tls: None };
        let (task, mut said) = start(six, None, None, SILENCE);
        let request = answer(&listener, &[b"ICY 200 OK\r\n".as_slice(), &EXAMPLE].concat()).await;
        assert!(request.contains(&format!("\r\nHost: [::1]:{port}\r\n")), "{request}");
        assert_eq!(said.recv().await, Some(FromSource::Up));
        task.abort();
    });
}

#[cfg(feature = "tls")]
mod tls {
    use std::path::{Path, PathBuf};
    use std::sync::Arc;

    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
    use tokio_rustls::TlsAcceptor;
    use tokio_rustls::rustls::ServerConfig;
    use tokio_rustls::rustls::crypto::ring;
    use tokio_rustls::rustls::pki_types::PrivateKeyDer;

    use super::*;

    /// An authority, and its certificate in a file.
    fn authority(name: &str) -> (CertifiedIssuer<'static, KeyPair>, PathBuf) {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let path = std::env::temp_dir().join(format!("roadcast-{name}-{}.pem", std::process::id()));
        std::fs::write(&path, issuer.pem()).unwrap();
        (issuer, path)
    }

    /// A caster's end, with this certificate of an authority's.
    fn acceptor(issuer: &CertifiedIssuer<'static, KeyPair>, params: CertificateParams) -> TlsAcceptor {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, issuer).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }

    /// What is told first of a caster with this certificate, by who believes `believed`.
    fn first(
        issuer: &CertifiedIssuer<'static, KeyPair>,
        params: CertificateParams,
        believed: &Path,
    ) -> FromSource {
        run(async {
            let listener = listener().await;
            let tls = Tls::new(Some(believed)).unwrap();
            let (task, mut said) = start(caster(&listener), Some(tls), None, SILENCE);
            let acceptor = acceptor(issuer, params);
            let serve = async {
                let (stream, _) = listener.accept().await.unwrap();
                if let Ok(mut stream) = acceptor.accept(stream).await {
                    let request = request(&mut stream).await;
                    assert!(request.contains("Authorization: Basic "), "{request}");
                    let answer = [b"HTTP/1.1 200 OK\r\n\r\n".as_slice(), &EXAMPLE].concat();
                    stream.write_all(&answer).await.unwrap();
                    stream.flush().await.unwrap();
                }
                pending::<()>().await;
            };
            let first =
                tokio::select! { first = said.recv() => first.unwrap(), () = serve => panic!("served") };
            task.abort();
            first
        })
    }

    fn named(name: &str) -> CertificateParams {
        CertificateParams::new(vec![name.to_owned()]).unwrap()
    }

    #[test]
    fn corrections_come_over_tls_from_whom_an_authority_vouches_for_and_from_nobody_else() {
        let (known, path) = authority("known");
        let (other, _) = authority("other");
        assert_eq!(first(&known, named("127.0.0.1"), &path), FromSource::Up);
        let told = |issuer, name| match first(issuer, named(name), &path) {
            FromSource::Down { why, .. } => why,
            other => panic!("{other:?}"),
        };
        let unknown = told(&other, "127.0.0.1");
        let words = "no TLS with the caster: none of the authorities believed has signed its certificate";
        assert!(unknown.starts_with(words) && unknown.contains("corrections_ca"), "{unknown}");
        let elsewhere = told(&known, "caster.example");
        let words = "its certificate is for another name than the host in roadside.corrections";
        assert!(elsewhere.contains(words) && elsewhere.contains("caster.example"), "{elsewhere}");
    }

    #[test]
    fn a_certificate_that_has_ended_or_not_begun_names_the_clock_too() {
        let (known, path) = authority("dates");
        let told = |from: i32, until: i32| {
            let mut params = named("127.0.0.1");
            (params.not_before, params.not_after) =
                (rcgen::date_time_ymd(from, 1, 1), rcgen::date_time_ymd(until, 1, 1));
            match first(&known, params, &path) {
                FromSource::Down { why, .. } => why,
                other => panic!("{other:?}"),
            }
        };
        let ended = told(2020, 2021);
        assert!(ended.contains("its certificate has expired, or this machine's clock is ahead"), "{ended}");
        let coming = told(4000, 4001);
        assert!(
            coming.contains("its certificate is not valid yet, or this machine's clock is behind"),
            "{coming}"
        );
    }

    #[test]
    fn a_caster_without_tls_and_a_file_without_authorities_are_told_as_such() {
        let (_, path) = authority("plain");
        let plain = run(async {
            let listener = listener().await;
            let tls = Tls::new(Some(&path)).unwrap();
            let (task, mut said) = start(caster(&listener), Some(tls), None, SILENCE);
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
            let why = why(&mut said).await;
            task.abort();
            why
        });
        assert!(plain.starts_with("no TLS with the caster: it answers without TLS on this port"), "{plain}");
        std::fs::write(&path, "no certificate\n").unwrap();
        let empty = Tls::new(Some(&path)).unwrap_err().to_string();
        assert!(
            empty.starts_with("roadside.corrections_ca: ") && empty.contains("no certificate in it"),
            "{empty}"
        );
        let nowhere = Tls::new(Some(Path::new("/nowhere/ca.pem"))).unwrap_err().to_string();
        assert!(nowhere.starts_with("roadside.corrections_ca: /nowhere/ca.pem: "), "{nowhere}");
    }
}
