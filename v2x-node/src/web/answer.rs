//! Answers over HTTP, each with the headers that keep a browser from doing more with it than is meant.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use serde_json::json;
use v2x_api::VERSION;

/// An answer with a body. Not to be kept by any cache: it is of now, and may be for one reader alone.
pub(super) fn whole(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    secure(response.headers_mut());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// A line of a daemon.
pub(super) fn line(status: StatusCode, line: Bytes) -> Response<Full<Bytes>> {
    whole(status, JSON, [&line[..], b"\n"].concat())
}

/// A refusal of ours, in the words of the protocol: a stable name of the reason, and a text with what would be right.
pub(super) fn refusal(status: StatusCode, reason: &str, error: &str) -> Response<Full<Bytes>> {
    line(status, refusal_line(reason, error).into())
}

/// The same as a line.
pub(super) fn refusal_line(reason: &str, error: &str) -> String {
    json!({ "v": VERSION, "ok": false, "reason": reason, "error": error }).to_string()
}

/// Headers of every answer.
pub(super) fn secure(headers: &mut HeaderMap) {
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    for (name, value) in SECURITY {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
}

pub(super) const JSON: &str = "application/json";

const SECURITY: [(&str, &str); 6] = [
    ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
];
