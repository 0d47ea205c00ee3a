//! The page, and what a browser may do with it.

use bytes::Bytes;
use data_encoding::BASE64;
use http_body_util::Full;
use hyper::header::{CONTENT_SECURITY_POLICY, HeaderValue};
use hyper::{Response, StatusCode};
use sha2::{Digest as _, Sha256};

use super::answer::whole;
use crate::web_page::page;

/// One file with its scripts and styles inside.
#[derive(Debug)]
pub(super) struct Page {
    text: &'static str,
    policy: HeaderValue,
}

impl Page {
    /// The map.
    pub(super) fn map() -> Self {
        Self::of(page())
    }

    /// The page of this text.
    pub(super) fn of(text: &'static str) -> Self {
        Self { text, policy: policy(text) }
    }

    /// The answer to who opens it.
    pub(super) fn answer(&self) -> Response<Full<Bytes>> {
        let mut answer =
            whole(StatusCode::OK, "text/html; charset=utf-8", Bytes::from_static(self.text.as_bytes()));
        answer.headers_mut().insert(CONTENT_SECURITY_POLICY, self.policy.clone());
        answer
    }
}

/// Content Security Policy (level 3): the page's own scripts, known by their hashes, and no others; nothing from elsewhere, and
/// nothing sent elsewhere.
fn policy(text: &str) -> HeaderValue {
    let hashes: String =
        scripts(text).map(|script| format!(" 'sha256-{}'", BASE64.encode(&Sha256::digest(script)))).collect();
    let scripts = if hashes.is_empty() { " 'none'".to_owned() } else { hashes };
    let policy = format!(
        "default-src 'none'; script-src{scripts}; style-src 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    HeaderValue::try_from(policy).expect("Base64 and words are a header's characters")
}

/// What stands between each `<script ...>` and its end.
fn scripts(text: &str) -> impl Iterator<Item = &str> {
    text.split("<script").skip(1).filter_map(|rest| {
        let (_, body) = rest.split_once('>')?;
        Some(body.split_once("</script>")?.0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web_page::view_page;

    #[test]
    fn a_script_is_known_by_its_hash_and_no_other_may_run() {
        let two = "<p><script>let a;</script><script type=\"module\">\n</script><script>never ended";
        assert_eq!(scripts(two).collect::<Vec<_>>(), ["let a;", "\n"]);
        let said = policy("<script>alert('Hello, world.');</script>");
        // The example of CSP level 3, 6.7.3.3 "Does element match source list for type and source".
        let expected = "script-src 'sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng=';";
        assert!(said.to_str().unwrap().contains(expected), "{said:?}");
        assert!(policy("<p>").to_str().unwrap().contains("script-src 'none';"));
    }

    #[test]
    fn the_page_s_own_script_may_run() {
        for text in [page(), view_page()] {
            let Page { policy, .. } = Page::of(text);
            let hash = BASE64.encode(&Sha256::digest(scripts(text).next().unwrap()));
            assert!(policy.to_str().unwrap().contains(&format!("script-src 'sha256-{hash}';")), "{policy:?}");
        }
    }
}
