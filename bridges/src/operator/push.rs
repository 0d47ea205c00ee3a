//! The operator's side of a link: offering a bundle to a unit, and asking what runs there.

use std::io;
use std::path::Path;
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde_json::Value;
use tokio::task::JoinSet;

use super::bundle;
use super::fetch::{Piece, STALL};
use super::manifest::ContentHash;
use super::protocol::{ByteStream, LinkAnswer, LinkRequest, LinkStream, Streams};
use super::serve::serve_content;
use super::versions::ApplyResult;

/// How an offer ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PushEnd {
    /// It was fetched, and applied or not.
    Ended(ApplyResult),
    /// It runs there already.
    Running,
    /// It is for others, and the unit keeps the manifest for them.
    Kept,
    /// The unit refused it: the reason's name and its text.
    Refused {
        /// The name.
        reason: String,
        /// For people.
        error: String,
    },
}

/// Streams that the other side opens.
pub trait Accept: Send {
    /// The next one.
    fn accept(&mut self) -> BoxFuture<'_, io::Result<ByteStream>>;
}

/// Offers a manifest and gives its content, from a directory, to the unit that asks for it. `progress` hears how many bytes of
/// how many are there.
///
/// # Errors
/// The link broke: offered again, it goes on where it was.
pub async fn push(
    streams: &dyn Streams,
    accept: &mut dyn Accept,
    manifest: &[u8],
    directory: &Path,
    progress: &mut dyn FnMut(u64, u64),
) -> io::Result<PushEnd> {
    let fields = super::manifest::parse(manifest).map_err(io::Error::other)?;
    let hash = fields.sha256[..].try_into().map(ContentHash).map_err(io::Error::other)?;
    let content =
        Content { hash, path: bundle::directory_of(directory).join(hash.to_string()), size: fields.size };
    let mut stream = LinkStream::new(streams.open().await?);
    stream.write(&LinkRequest::Offer { manifest: data_encoding::HEXLOWER.encode(manifest) }).await?;
    tokio::select! {
        end = follow(stream, progress) => end,
        error = give(accept, &content) => Err(error),
    }
}

/// Reads what the unit says until it ended.
async fn follow(mut stream: LinkStream, progress: &mut dyn FnMut(u64, u64)) -> io::Result<PushEnd> {
    loop {
        match stream.read_within(SILENCE).await? {
            LinkAnswer::Offered { state } if state == "running" => return Ok(PushEnd::Running),
            LinkAnswer::Offered { state } if state == "kept" => return Ok(PushEnd::Kept),
            LinkAnswer::Offered { .. } => {}
            LinkAnswer::Progress { have, size } => progress(have, size),
            LinkAnswer::Result(result) => return Ok(PushEnd::Ended(result)),
            LinkAnswer::Refused { reason, error } => return Ok(PushEnd::Refused { reason, error }),
            LinkAnswer::Content { .. } | LinkAnswer::Manifests { .. } | LinkAnswer::Report(_) => {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "an answer to another question"));
            }
        }
    }
}

/// Gives the content to the streams that the unit opens, until no more come.
async fn give(accept: &mut dyn Accept, content: &Content) -> io::Error {
    let mut serving = JoinSet::new();
    loop {
        tokio::select! {
            opened = accept.accept() => match opened {
                Ok(stream) if serving.len() < MOST_STREAMS => {
                    serving.spawn(content.clone().serve(LinkStream::new(stream)));
                }
                Ok(_) => {}
                Err(error) => return error,
            },
            Some(_) = serving.join_next() => {}
        }
    }
}

/// The one content that an offer is about: the directory may hold another unit's keys.
#[derive(Clone, Debug)]
struct Content {
    hash: ContentHash,
    path: std::path::PathBuf,
    size: u64,
}

impl Content {
    async fn serve(self, mut stream: LinkStream) {
        while let Ok(Some(LinkRequest::Content { sha256, offset, length })) = stream.read().await {
            let asked = ContentHash::parse(&sha256) == Some(self.hash);
            let found = asked.then(|| (self.path.clone(), self.size));
            if serve_content(found, Piece { offset, length }, None, &mut stream).await.is_err() {
                return;
            }
        }
    }
}

/// What runs at a unit.
///
/// # Errors
/// The link broke, or the unit refused.
pub async fn report(streams: &dyn Streams) -> io::Result<Value> {
    let mut stream = LinkStream::new(streams.open().await?);
    stream.write(&LinkRequest::Report {}).await?;
    match stream.read_within(STALL).await? {
        LinkAnswer::Report(report) => Ok(report),
        LinkAnswer::Refused { error, .. } => Err(io::Error::new(io::ErrorKind::PermissionDenied, error)),
        _ => Err(io::Error::new(io::ErrorKind::InvalidData, "an answer to another question")),
    }
}

/// A unit says each second how far it is.
const SILENCE: Duration = Duration::from_secs(10);
/// Streams of a unit at once; it uses one.
const MOST_STREAMS: usize = 8;
