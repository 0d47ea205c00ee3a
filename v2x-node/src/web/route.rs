//! Requests of HTTP and their answers.

use core::time::Duration;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::header::{
    ACCEPT, ALLOW, AUTHORIZATION, CONNECTION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER,
    SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
    WWW_AUTHENTICATE,
};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::json;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use v2x_api::{Answer, BAD_REQUEST, LONGEST_REQUEST, Right};

use super::answer::{line, refusal, secure, whole};
use super::door::{Door, DoorError};
use super::hosts::Local;
use super::metrics::{self, Format};
use super::patience::within;
use super::session;
use super::site::{MOST_SESSIONS, Site, SiteSource};

/// Answers a request that came in at `local`.
pub(super) async fn answer(
    site: Arc<Site>,
    local: Local,
    request: Request<Incoming>,
) -> Response<Full<Bytes>> {
    let path = request.uri().path().to_owned();
    if let Err(foreign) = site.hosts.check(request.uri(), request.headers(), local, path == "/") {
        return refusal(StatusCode::FORBIDDEN, foreign.reason(), &foreign.to_string());
    }
    let question = GET_ROUTES.iter().find(|(route, ..)| *route == path);
    let served = match (path.as_str(), &site.source) {
        ("/metrics", SiteSource::Daemon(_)) => true,
        _ if site.metrics_only => false,
        ("/", _) => true,
        ("/api" | "/ws", SiteSource::Daemon(_)) => true,
        (_, SiteSource::Daemon(_)) => question.is_some(),
        (path, SiteSource::Pages(pages)) => pages.page(path, request.uri().query()).is_some(),
    };
    if !served {
        let there = if site.metrics_only { "only /metrics is served here" } else { WHAT_THERE_IS };
        return refusal(StatusCode::NOT_FOUND, "not_found", there);
    }
    let allowed = if path == "/api" { "POST" } else { "GET, HEAD" };
    let fits = match *request.method() {
        Method::GET => path != "/api",
        Method::HEAD => path != "/api" && path != "/ws",
        Method::POST => path == "/api",
        _ => false,
    };
    if !fits {
        let error = format!("{path} takes {allowed}");
        let mut refused = refusal(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", &error);
        refused.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
        return refused;
    }
    // It holds nothing of the station, and a browser that opens it brings no token yet.
    if path == "/" {
        return site.page.answer();
    }
    if path == "/ws" {
        return upgrade(&site, request);
    }
    let right = match right_of(&site, request.headers()) {
        Ok(right) => right,
        Err(refused) => return *refused,
    };
    match &site.source {
        SiteSource::Daemon(sockets) if path == "/metrics" => scrape(&site, sockets, request.headers()).await,
        SiteSource::Daemon(sockets) if path == "/api" => post(&site, sockets, right, request).await,
        SiteSource::Daemon(sockets) => {
            let (_, noun, verb, after) = question.expect("what is served by GET is in the table");
            let mut asked = json!({ *noun: verb });
            match request.uri().query().map(after_of) {
                None => {}
                Some(Some(from)) if *after => asked["after"] = from.into(),
                Some(_) => {
                    let error = if *after { AFTER_RIGHT } else { "this path takes no query" };
                    return refusal(StatusCode::BAD_REQUEST, BAD_REQUEST, error);
                }
            }
            ask(&site, sockets, right.min(Right::Read), asked.to_string().as_bytes()).await
        }
        SiteSource::Pages(pages) => match pages.page(&path, request.uri().query()) {
            Some((kind, body)) => whole(StatusCode::OK, kind, body),
            None => refusal(StatusCode::NOT_FOUND, "not_found", WHAT_THERE_IS),
        },
    }
}

/// What who sends these headers may do.
fn right_of(site: &Site, headers: &HeaderMap) -> Result<Right, Box<Response<Full<Bytes>>>> {
    if site.tokens.is_empty() {
        return Ok(Right::Read);
    }
    let (reason, error) = match bearer(headers) {
        None => ("token_missing", "a token is needed: Authorization: Bearer TOKEN"),
        Some(token) => match site.tokens.right_of(token) {
            Some(right) => return Ok(right),
            None => ("token_unknown", "this token is not one of this server's"),
        },
    };
    let mut refused = refusal(StatusCode::UNAUTHORIZED, reason, error);
    refused.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"roadcast\""));
    Err(Box::new(refused))
}

fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.as_bytes().split_at_checked(BEARER.len())?;
    scheme.eq_ignore_ascii_case(BEARER).then(|| token.trim_ascii())
}

/// Asks the daemon one thing.
async fn ask(site: &Site, sockets: &[PathBuf], right: Right, request: &[u8]) -> Response<Full<Bytes>> {
    match question(site, sockets, right, request).await {
        Ok(answer) => line(status_of(&answer), answer),
        Err(refused) => *refused,
    }
}

async fn question(
    site: &Site,
    sockets: &[PathBuf],
    right: Right,
    request: &[u8],
) -> Result<Bytes, Box<Response<Full<Bytes>>>> {
    let Some(Ok(_place)) = within(PLACE_PATIENCE, site.questions.acquire()).await else {
        return Err(Box::new(busy("too many requests at a time: try again")));
    };
    let asked = async { Door::open(sockets, right).await?.ask(request).await };
    asked.await.map_err(|error: DoorError| {
        let status = match &error {
            DoorError::Refused(line) => status_of(line),
            _ => StatusCode::BAD_GATEWAY,
        };
        Box::new(line(status, error.line()))
    })
}

fn busy(error: &str) -> Response<Full<Bytes>> {
    let mut refused = refusal(StatusCode::SERVICE_UNAVAILABLE, "busy", error);
    refused.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    refused
}

/// The status under which a daemon's line is an answer.
fn status_of(line: &[u8]) -> StatusCode {
    let Ok(answer) = serde_json::from_slice::<Answer>(line) else { return StatusCode::BAD_GATEWAY };
    match (answer.ok, answer.reason.as_deref()) {
        (Some(true), _) => StatusCode::OK,
        (_, Some(BAD_REQUEST)) => StatusCode::BAD_REQUEST,
        (_, Some("right_missing" | "rights_not_held")) => StatusCode::FORBIDDEN,
        (_, Some("busy")) => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::CONFLICT,
    }
}

async fn post(
    site: &Site,
    sockets: &[PathBuf],
    right: Right,
    request: Request<Incoming>,
) -> Response<Full<Bytes>> {
    // No form of another page's can send it without asking first.
    let kind = request.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    let kind = kind.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    if !kind.eq_ignore_ascii_case(b"application/json") {
        let error = "Content-Type is to be application/json";
        return refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, "media_type", error);
    }
    let body = Limited::new(request.into_body(), LONGEST_REQUEST).collect();
    let body = match within(BODY_PATIENCE, body).await {
        Some(Ok(body)) => body.to_bytes(),
        Some(Err(error)) if error.is::<LengthLimitError>() => {
            let error = format!("a request has at most {LONGEST_REQUEST} bytes");
            return refusal(StatusCode::PAYLOAD_TOO_LARGE, "too_large", &error);
        }
        Some(Err(_)) => return refusal(StatusCode::BAD_REQUEST, BAD_REQUEST, "the body was cut"),
        None => return refusal(StatusCode::REQUEST_TIMEOUT, "idle", "the body did not come within 10 s"),
    };
    if body.trim_ascii().is_empty() {
        // To the daemon a blank line asks nothing, and nothing would come.
        return refusal(
            StatusCode::BAD_REQUEST,
            BAD_REQUEST,
            r#"the body is empty; expected one request, such as {"hazard":"list"}"#,
        );
    }
    match question(site, sockets, right, &body).await {
        Ok(answer) if is_watch(&answer) => {
            let error = "a watch has more than one answer: ask for it over the WebSocket, /ws";
            refusal(StatusCode::BAD_REQUEST, BAD_REQUEST, error)
        }
        Ok(answer) => line(status_of(&answer), answer),
        Err(refused) => *refused,
    }
}

fn is_watch(answer: &[u8]) -> bool {
    serde_json::from_slice::<Answer>(answer).is_ok_and(|answer| answer.watch.is_some())
}

async fn scrape(site: &Site, sockets: &[PathBuf], headers: &HeaderMap) -> Response<Full<Bytes>> {
    let answer = match question(site, sockets, Right::Read, br#"{"v":1,"stats":"now"}"#).await {
        Ok(answer) => answer,
        Err(refused) => return *refused,
    };
    let stats = serde_json::from_slice::<Answer>(&answer).ok().and_then(|answer| answer.stats);
    let Some(stats) = stats else { return line(StatusCode::BAD_GATEWAY, answer) };
    let accepted = headers.get(ACCEPT).and_then(|accepted| accepted.to_str().ok()).unwrap_or_default();
    let format = Format::accepted(accepted);
    whole(StatusCode::OK, format.media_type(), metrics::exposition(*stats, format))
}

/// Begins a session, if there is a place for it.
fn upgrade(site: &Arc<Site>, mut request: Request<Incoming>) -> Response<Full<Bytes>> {
    let headers = request.headers();
    let Some(key) = websocket_key(headers) else {
        let error = "/ws is for WebSockets (RFC 6455, version 13)";
        let mut refused = refusal(StatusCode::UPGRADE_REQUIRED, "no_websocket", error);
        refused.headers_mut().insert(UPGRADE, HeaderValue::from_static("websocket"));
        refused.headers_mut().insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        return refused;
    };
    let accept = derive_accept_key(key);
    let offered: Vec<&str> = headers
        .get_all(SEC_WEBSOCKET_PROTOCOL)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(',').map(str::trim))
        .collect();
    let named = offered.contains(&SUBPROTOCOL);
    let offered_token = offered.iter().find_map(|offered| offered.strip_prefix(TOKEN_PREFIX));
    if offered_token.is_some() && !named {
        // One of those offered has to be answered, and a token never is.
        let error = "offer the subprotocol \"roadcast\" too, beside that with the token";
        return refusal(StatusCode::BAD_REQUEST, BAD_REQUEST, error);
    }
    let brought = bearer(headers).or(offered_token.map(str::as_bytes));
    let right = match brought {
        None if site.tokens.is_empty() => Some(Right::Read),
        // Its first frame is to bring one.
        None => None,
        Some(_) => match right_of_brought(site, brought) {
            Ok(right) => Some(right),
            Err(refused) => return *refused,
        },
    };
    let Ok(place) = Arc::clone(&site.sessions).try_acquire_owned() else {
        return busy(&format!("{MOST_SESSIONS} sessions are the most at a time: close a page"));
    };
    let upgraded = hyper::upgrade::on(&mut request);
    tokio::spawn(session::run(Arc::clone(site), upgraded, right, place));
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    secure(headers);
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    let accept = HeaderValue::try_from(accept).expect("Base64 is a header's characters");
    headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    if named {
        headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    }
    response
}

fn right_of_brought(site: &Site, brought: Option<&[u8]>) -> Result<Right, Box<Response<Full<Bytes>>>> {
    if site.tokens.is_empty() {
        return Ok(Right::Read);
    }
    brought.and_then(|token| site.tokens.right_of(token)).ok_or_else(|| {
        let error = "this token is not one of this server's";
        Box::new(refusal(StatusCode::UNAUTHORIZED, "token_unknown", error))
    })
}

/// The key of a handshake (RFC 6455, 4.2.1), if these headers are one's.
fn websocket_key(headers: &HeaderMap) -> Option<&[u8]> {
    let has = |name: HeaderName, wanted: &str| {
        let mut words = headers
            .get_all(name)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(',').map(str::trim));
        words.any(|word| word.eq_ignore_ascii_case(wanted))
    };
    let asked = has(CONNECTION, "upgrade") && has(UPGRADE, "websocket") && has(SEC_WEBSOCKET_VERSION, "13");
    let key = headers.get(SEC_WEBSOCKET_KEY)?.as_bytes();
    // 16 bytes in Base64.
    (asked && key.len() == 24).then_some(key)
}

/// The name after which a list goes on, as it stands in a query.
fn after_of(query: &str) -> Option<String> {
    let after = query.strip_prefix("after=")?.replace("%2F", "/").replace("%2f", "/");
    let fits = |byte: u8| byte.is_ascii_hexdigit() || byte == b'/';
    (after.len() <= LONGEST_NAME && after.bytes().all(fits)).then_some(after)
}

/// Path, noun and verb of its request, and whether it takes `after`.
const GET_ROUTES: [(&str, &str, &str, bool); 6] = [
    ("/api/neighbours", "neighbours", "list", true),
    ("/api/hazards", "hazard", "list", true),
    ("/api/signals", "signals", "list", false),
    ("/api/stats", "stats", "now", false),
    ("/api/status", "station", "status", false),
    ("/api/drops", "drops", "list", false),
];
const WHAT_THERE_IS: &str = "there are /, /api, /api/neighbours, /api/hazards, /api/signals, /api/stats, /api/status, /api/drops, /ws and /metrics";
const AFTER_RIGHT: &str = "the only query is after=NAME, with more_after of the answer before";
const BEARER: &[u8] = b"Bearer ";
/// The WebSocket subprotocol of the control protocol's lines.
const SUBPROTOCOL: &str = "roadcast";
/// Begins the subprotocol by which a page, which cannot set headers, brings its token.
const TOKEN_PREFIX: &str = "token.";
/// Of an event: 16 digits, a slash and a number.
const LONGEST_NAME: usize = 40;
/// How long a question waits for its place.
const PLACE_PATIENCE: Duration = Duration::from_secs(2);
const BODY_PATIENCE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_refusal_of_the_daemon_has_a_status_of_http() {
        for (reason, status) in [
            ("bad_request", 400),
            ("right_missing", 403),
            ("rights_not_held", 403),
            ("busy", 503),
            ("hazard_unknown", 409),
        ] {
            let line = super::super::answer::refusal_line(reason, "no");
            assert_eq!(status_of(line.as_bytes()).as_u16(), status, "{reason}");
        }
        assert_eq!(status_of(br#"{"v":1,"ok":true}"#), StatusCode::OK);
        assert_eq!(status_of(b"HTTP/1.0 400"), StatusCode::BAD_GATEWAY);
    }

    proptest! {
        #[test]
        fn a_query_is_the_name_of_something_or_nothing(query in "[ -~]{0,60}") {
            if let Some(after) = after_of(&query) {
                prop_assert!(after.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'/'));
            }
            prop_assert_eq!(after_of("after=3f01020304050607%2f12"), Some("3f01020304050607/12".to_owned()));
        }
    }
}
