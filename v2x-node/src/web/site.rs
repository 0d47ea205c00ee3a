//! What is served, and to whom.

use core::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::Semaphore;

use super::hosts::Hosts;
use super::page::Page;
use super::token::Tokens;
use crate::config::WebConfig;
use crate::web_page::view_page;

/// What a server has to serve.
#[derive(Debug)]
pub struct Site {
    pub(super) source: SiteSource,
    pub(super) tokens: Tokens,
    pub(super) hosts: Hosts,
    pub(super) metrics_only: bool,
    pub(super) page: Page,
    /// Browser sessions that may still begin.
    pub(super) sessions: Arc<Semaphore>,
    /// Single questions to the daemon that may still begin.
    pub(super) questions: Semaphore,
}

/// Where answers come from.
#[derive(Clone)]
pub enum SiteSource {
    /// A daemon, at the first of these control sockets that answers.
    Daemon(Vec<PathBuf>),
    /// Answers that this process has, such as a recorded thing's, which the page asks for.
    Pages(Arc<dyn Pages>),
}

impl fmt::Debug for SiteSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Daemon(sockets) => f.debug_tuple("Daemon").field(sockets).finish(),
            Self::Pages(_) => f.write_str("Pages"),
        }
    }
}

/// Answers by path.
pub trait Pages: Send + Sync {
    /// The answer to a GET: its media type and its bytes. `None`: there is nothing at this path.
    fn page(&self, path: &str, query: Option<&str>) -> Option<(&'static str, Bytes)>;
}

impl Site {
    /// Serves what `web` says.
    #[must_use]
    pub fn new(source: SiteSource, web: &WebConfig, tokens: Tokens) -> Self {
        Self {
            tokens,
            hosts: Hosts::new(&web.names),
            metrics_only: web.metrics_only,
            page: match &source {
                SiteSource::Daemon(_) => Page::map(),
                SiteSource::Pages(_) => Page::of(view_page()),
            },
            source,
            sessions: Arc::new(Semaphore::new(MOST_SESSIONS)),
            questions: Semaphore::new(MOST_QUESTIONS),
        }
    }
}

/// Sessions at a time; a page has one, and another while a station is selected. A daemon takes 64 programs: some places are left
/// for those that are no browsers.
pub(super) const MOST_SESSIONS: usize = 32;
/// Single questions at a time; others wait for a moment.
const MOST_QUESTIONS: usize = 8;
