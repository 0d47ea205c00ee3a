//! `roadcast remote all web`: one page for people of this machine, and what it asks for.

use core::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use data_encoding::BASE64;
use http_body_util::Full;
use hyper::header::{ALLOW, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use super::table::as_json;
use super::watch::Fleet;

/// Serves the units for ever.
pub(super) async fn serve(listener: TcpListener, address: SocketAddr, fleet: Fleet) {
    let (fleet, policy) = (Arc::new(fleet), policy());
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file descriptors: some come back.
            sleep(AFTER_AN_ERROR).await;
            continue;
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
        let (fleet, policy) = (Arc::clone(&fleet), policy.clone());
        tokio::spawn(async move {
            let units = || as_json(&fleet.rows()).to_string();
            connection(stream, address, &policy, units).await;
            drop(place);
        });
    }
}

/// Serves a connection until it ends, which is soon: the page makes a new one.
async fn connection(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    address: SocketAddr,
    policy: &HeaderValue,
    units: impl Fn() -> String,
) {
    let service = service_fn(|request: Request<hyper::body::Incoming>| {
        let answer =
            answer(request.method(), request.uri().path(), request.headers(), address, policy, &units);
        async move { Ok::<_, Infallible>(answer) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .max_buf_size(LONGEST_HEAD)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    // How it ends is the browser's affair.
    if timeout(LONGEST_CONNECTION, &mut connection).await.is_err() {
        connection.as_mut().graceful_shutdown();
        drop(timeout(PATIENCE, connection).await);
    }
}

/// The answer to a request. A page of another site cannot ask here: neither by its own name for this machine, nor from a browser that
/// says whose page it is.
fn answer(
    method: &Method,
    path: &str,
    headers: &HeaderMap,
    address: SocketAddr,
    policy: &HeaderValue,
    units: impl FnOnce() -> String,
) -> Response<Full<Bytes>> {
    if !is_ours(headers, address) {
        return plain(
            StatusCode::FORBIDDEN,
            "this server answers under the address it prints, and under localhost",
        );
    }
    let foreign = headers
        .get("sec-fetch-site")
        .is_some_and(|site| !matches!(site.as_bytes(), b"same-origin" | b"none"));
    if foreign && path != "/" {
        return plain(StatusCode::FORBIDDEN, "pages of other sites may not ask here");
    }
    if !matches!(path, "/" | "/units") {
        return plain(StatusCode::NOT_FOUND, "there are / and /units");
    }
    if !matches!(*method, Method::GET | Method::HEAD) {
        let mut refused = plain(StatusCode::METHOD_NOT_ALLOWED, "GET and HEAD are taken");
        refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return refused;
    }
    match path {
        "/" => {
            let mut page =
                whole(StatusCode::OK, "text/html; charset=utf-8", Bytes::from_static(PAGE.as_bytes()));
            page.headers_mut().insert(CONTENT_SECURITY_POLICY, policy.clone());
            page
        }
        _ => whole(StatusCode::OK, "application/json", units().into()),
    }
}

/// Whether the one `Host` names the address, or this machine by its loopback name, with the port.
fn is_ours(headers: &HeaderMap, address: SocketAddr) -> bool {
    let mut hosts = headers.get_all(HOST).iter();
    let (Some(host), None) = (hosts.next().and_then(|host| host.to_str().ok()), hosts.next()) else {
        return false;
    };
    let local = format!("localhost:{}", address.port());
    host.eq_ignore_ascii_case(&local)
        || host == address.to_string()
        || (address.port() == 80 && host == address.ip().to_string())
}

fn plain(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    whole(status, "text/plain; charset=utf-8", Bytes::from_static(text.as_bytes()))
}

fn whole(status: StatusCode, kind: &'static str, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    for (name, value) in SECURITY {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    response
}

/// Content Security Policy (level 3): the page's own script, known by its hash, and no other; nothing from or to elsewhere.
fn policy() -> HeaderValue {
    let script = PAGE.split_once("<script>").and_then(|(_, rest)| rest.split_once("</script>"));
    let (script, _) = script.expect("the page has a script");
    let hash = BASE64.encode(&Sha256::digest(script));
    let policy = format!(
        "default-src 'none'; script-src 'sha256-{hash}'; style-src 'unsafe-inline'; connect-src 'self'; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'"
    );
    HeaderValue::try_from(policy).expect("Base64 and words are a header's characters")
}

const PAGE: &str = include_str!("page.html");
const SECURITY: [(&str, &str); 7] = [
    ("cache-control", "no-store"),
    ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
];
/// People of one machine.
const MOST_CONNECTIONS: usize = 32;
const PATIENCE: Duration = Duration::from_secs(10);
/// What is served is small, and a browser makes a new connection: one that asks and does not read holds its place no longer than this
/// and [`PATIENCE`].
const LONGEST_CONNECTION: Duration = Duration::from_secs(30);
/// Bytes of a request's head, more than browsers send.
const LONGEST_HEAD: usize = 16 * 1024;
const AFTER_AN_ERROR: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};
    use tokio::time::Instant;

    use super::*;

    const ASKED: &[u8] = b"GET /units HTTP/1.1\r\nHost: localhost:8099\r\n\r\n";

    #[tokio::test(start_paused = true)]
    async fn who_reads_nothing_of_an_answer_loses_its_place() {
        let began = Instant::now();
        let (mut reader, stream) = duplex(1000);
        reader.write_all(ASKED).await.unwrap();
        let address = "127.0.0.1:8099".parse().unwrap();
        connection(stream, address, &policy(), || "x".repeat(100_000)).await;
        assert_eq!(began.elapsed().as_secs(), (LONGEST_CONNECTION + PATIENCE).as_secs());
    }

    #[tokio::test(start_paused = true)]
    async fn a_page_asks_every_second_until_its_connection_is_closed_between_two_answers() {
        let (mut reader, stream) = duplex(10_000);
        let address = "127.0.0.1:8099".parse().unwrap();
        let policy = policy();
        let page = async {
            for asked in 0.. {
                if reader.write_all(ASKED).await.is_err() {
                    return asked;
                }
                let mut answer = [0; 10_000];
                match reader.read(&mut answer).await.unwrap() {
                    0 => return asked,
                    length => assert!(answer[..length].ends_with(b"{}")),
                }
                sleep(Duration::from_secs(1)).await;
            }
            unreachable!()
        };
        let (asked, ()) = tokio::join!(page, connection(stream, address, &policy, || "{}".to_owned()));
        assert!((29..=31).contains(&asked), "{asked}");
    }

    fn status(method: Method, path: &str, headers: &[(&'static str, &str)]) -> u16 {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(HeaderName::from_static(name), value.parse().unwrap());
        }
        let address = "127.0.0.1:8099".parse().unwrap();
        answer(&method, path, &map, address, &policy(), || "{}".to_owned()).status().as_u16()
    }

    #[test]
    fn the_page_and_its_units_are_there_under_this_machine_s_names_alone() {
        let here = ("host", "127.0.0.1:8099");
        assert_eq!(status(Method::GET, "/", &[here]), 200);
        assert_eq!(status(Method::HEAD, "/units", &[("host", "LOCALHOST:8099")]), 200);
        assert_eq!(status(Method::GET, "/units", &[here, ("sec-fetch-site", "same-origin")]), 200);
        for host in ["evil.example:8099", "127.0.0.1", "127.0.0.1:80", "localhost", "localhost.evil:8099"] {
            assert_eq!(status(Method::GET, "/units", &[("host", host)]), 403, "{host}");
        }
        assert_eq!(status(Method::GET, "/units", &[]), 403);
        assert_eq!(status(Method::GET, "/units", &[here, here]), 403);
        for site in ["cross-site", "same-site", "what"] {
            assert_eq!(status(Method::GET, "/units", &[here, ("sec-fetch-site", site)]), 403);
        }
        assert_eq!(status(Method::GET, "/other", &[here]), 404);
        assert_eq!(status(Method::POST, "/units", &[here]), 405);
    }

    #[test]
    fn the_page_loads_nothing_and_puts_texts_in_as_texts() {
        for outside in
            ["src=", "@import", "http://", "https://", "import(", "eval(", "innerHTML", "insertAdjacentHTML"]
        {
            assert!(!PAGE.contains(outside), "{outside}");
        }
        assert_eq!(PAGE.matches("<script>").count(), 1);
        let policy = policy();
        let policy = policy.to_str().unwrap();
        assert!(
            policy.starts_with("default-src 'none'; script-src 'sha256-") && !policy.contains("unsafe-eval"),
            "{policy}"
        );
    }
}
