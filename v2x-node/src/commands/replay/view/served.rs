//! The page of a recorded thing over HTTP.

use std::io::Write;
use std::sync::Arc;

use bytes::Bytes;
use tokio::signal::unix::{SignalKind, signal};

use super::story::Story;
use crate::commands::replay::error::ReplayError;
use crate::commands::web::at;
use crate::config::{ListenAddress, WebConfig};
use crate::daemon::listening::{ListenError, Listening};
use crate::error::Error;
use crate::web::server;
use crate::web::{Pages, Site, SiteSource, Tokens};

impl Pages for Story {
    fn page(&self, path: &str, query: Option<&str>) -> Option<(&'static str, Bytes)> {
        match path {
            "/view/meta" => Some(("application/json", self.meta_text().into())),
            "/view/frames" => {
                let (from_s, to_s) = span(query)?;
                Some(("application/x-ndjson", self.frames(from_s, to_s).into()))
            }
            _ => None,
        }
    }
}

/// Opens the address first, so that a port that is taken is told before a long recording is read, then serves what `story` makes until
/// SIGTERM or Ctrl-C. Without tokens: other machines do not reach it.
pub(super) fn serve(
    address: Option<&ListenAddress>,
    story: impl FnOnce() -> Result<Story, ReplayError>,
    out: &mut dyn Write,
) -> Result<(), Error> {
    let system = |what| move |source| Error::System { what, source };
    let usual = || ListenAddress::parse("127.0.0.1:8080").expect("an address and a port");
    let wanted = address.cloned().unwrap_or_else(usual);
    if wanted.is_open() {
        return Err(ReplayError::OpenView { address: wanted.to_string() }.into());
    }
    let listening = Listening::open(&wanted)?;
    let address = listening.address().map_err(system("asking for the listening address"))?;
    let story = story()?;
    writeln!(out, "web: {} ({})", at(&address), story.size())?;
    out.flush()?;
    let site = Site::new(SiteSource::Pages(Arc::new(story)), &WebConfig::at(wanted), Tokens::default());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(system("starting the event loop"))?;
    runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate()).map_err(system("listening for signals"))?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(system("listening for signals"))?;
        let until = async {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        };
        let refused = |source| ListenError::Refused { address: address.clone(), source };
        Ok(server::serve(listening, site, until).await.map_err(refused)?)
    })
}

/// `from` and `to`, seconds; by default all.
fn span(query: Option<&str>) -> Option<(f64, f64)> {
    let (mut from_s, mut to_s) = (0.0, f64::MAX);
    for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=')?;
        let value: f64 = value.parse().ok().filter(|value: &f64| value.is_finite())?;
        match name {
            "from" => from_s = value,
            "to" => to_s = value,
            _ => return None,
        }
    }
    Some((from_s, to_s))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_span_is_two_finite_numbers_or_all() {
        assert_eq!(span(None), Some((0.0, f64::MAX)));
        assert_eq!(span(Some("from=1.5&to=3")), Some((1.5, 3.0)));
        for wrong in ["from", "from=x", "from=NaN", "to=1e999", "at=3", "from=1;to=2"] {
            assert_eq!(span(Some(wrong)), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn any_query_is_a_span_or_none(query in ".*") {
            if let Some((from_s, to_s)) = span(Some(&query)) {
                prop_assert!(from_s.is_finite() && to_s.is_finite());
            }
        }
    }
}
