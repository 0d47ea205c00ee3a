//! Streams of updates between two bridges: what a peer asks is answered, and what it offers is fetched from it.

use std::io::{self, SeekFrom};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::LocalBoxFuture;
use tokio::fs::File;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};
use tokio::time::timeout;
use v2x_api::Right;

use super::fetch::{FetchFault, LONGEST_PIECE, Piece, STALL};
use super::manifest::{ContentHash, Manifest};
use super::pace::Pace;
use super::protocol::{LinkAnswer, LinkRequest, LinkStream, Streams};
use super::source::{ContentSource, PieceFault, Sink};
use super::unit::{self, FollowError, Offered, Unit};

/// What a peer's streams are answered with.
#[derive(Clone)]
pub struct Host {
    /// The unit.
    pub unit: Arc<Unit>,
    /// The peer's name.
    pub peer: String,
    /// What the peer may do.
    pub rights: Option<Right>,
    /// What opens streams to it.
    pub back: Arc<dyn Streams>,
}

impl core::fmt::Debug for Host {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Host").field("peer", &self.peer).finish_non_exhaustive()
    }
}

impl Host {
    /// Answers the requests of one stream until it ends.
    ///
    /// # Errors
    /// It broke, or something that is no request came.
    pub async fn serve(&self, mut stream: LinkStream) -> io::Result<()> {
        while let Some(request) = stream.read().await? {
            // Content is as fast as the link; each question besides may cost a signature or a file.
            if !matches!(request, LinkRequest::Content { .. }) {
                tokio::time::sleep(PACE).await;
            }
            match request {
                LinkRequest::Offer { manifest } => self.offer(&manifest, &mut stream).await?,
                LinkRequest::Content { sha256, offset, length } => {
                    self.content(&sha256, Piece { offset, length }, &mut stream).await?;
                }
                LinkRequest::Manifests {} => {
                    let hex = |it: &Manifest| data_encoding::HEXLOWER.encode(it.encoded());
                    let manifests = self.unit.manifests().iter().map(hex).collect();
                    stream.write(&LinkAnswer::Manifests { manifests }).await?;
                }
                LinkRequest::Report {} if self.rights.is_some_and(|right| right >= Right::Read) => {
                    stream.write(&LinkAnswer::Report(self.unit.report())).await?;
                }
                LinkRequest::Report {} => {
                    let error =
                        "a report needs the right read: rights of this peer in the unit's configuration";
                    stream.write(&refused("right_missing", error)).await?;
                }
            }
        }
        Ok(())
    }

    async fn offer(&self, hex: &str, stream: &mut LinkStream) -> io::Result<()> {
        let bytes = data_encoding::HEXLOWER.decode(hex.as_bytes()).unwrap_or_default();
        let manifest = match self.unit.hear(&bytes, &self.peer) {
            Ok((manifest, Offered::Wanted)) => manifest,
            Ok((_, Offered::Running)) => return stream.write(&offered("running")).await,
            Ok((_, Offered::Kept)) => return stream.write(&offered("kept")).await,
            Err(error) => return stream.write(&refused(error.name(), &error.to_string())).await,
        };
        stream.write(&offered("wanted")).await?;
        let source = PeerSource::new(Arc::clone(&self.back), self.unit.settings().bytes_s);
        let mut follow = std::pin::pin!(self.unit.follow(&manifest, Some(Box::new(source))));
        let followed = loop {
            match timeout(PROGRESS_EVERY, follow.as_mut()).await {
                Ok(followed) => break followed,
                Err(_) => {
                    let (have, size) = self.unit.fetching().unwrap_or((manifest.size, manifest.size));
                    stream.write(&LinkAnswer::Progress { have, size }).await?;
                }
            }
        };
        let answer = match followed {
            Ok(result) => {
                unit::tell(&manifest, &result);
                LinkAnswer::Result(result)
            }
            Err(error) => {
                tracing::warn!(target: "operator", "{manifest:?} of {}: {error}", self.peer);
                refused(error.name(), &error.to_string())
            }
        };
        stream.write(&answer).await
    }

    async fn content(&self, sha256: &str, piece: Piece, stream: &mut LinkStream) -> io::Result<()> {
        let found = ContentHash::parse(sha256).and_then(|hash| self.unit.content(hash));
        serve_content(found, piece, self.unit.settings().bytes_s, stream).await
    }
}

/// Gives a piece of a file of content, at most so fast, or says that there is none.
///
/// # Errors
/// The stream broke, or the file.
pub async fn serve_content(
    found: Option<(std::path::PathBuf, u64)>,
    piece: Piece,
    bytes_s: Option<u64>,
    stream: &mut LinkStream,
) -> io::Result<()> {
    let Piece { offset, length } = piece;
    let end = offset.checked_add(u64::from(length));
    let inside = |size: u64| length > 0 && length <= LONGEST_PIECE && end.is_some_and(|end| end <= size);
    let Some((path, _)) = found.filter(|(_, size)| inside(*size)) else {
        let error = "no such content here, or not so much of it, or not for others";
        return stream.write(&refused("unknown_content", error)).await;
    };
    let mut file = File::open(path).await?;
    file.seek(SeekFrom::Start(offset)).await?;
    stream.write(&LinkAnswer::Content { length }).await?;
    let mut file = file.take(length.into());
    let mut buffer = vec![0; CHUNK];
    let (mut pace, began) = (Pace::new(bytes_s), Instant::now());
    while file.limit() > 0 {
        match file.read(&mut buffer).await? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            length => {
                stream.write_bytes(&buffer[..length]).await?;
                tokio::time::sleep(pace.after(length, began.elapsed())).await;
            }
        }
    }
    Ok(())
}

/// Content of a peer, over a stream that is opened when it is first asked.
pub struct PeerSource {
    streams: Arc<dyn Streams>,
    stream: Option<LinkStream>,
    pace: Pace,
    began: Instant,
}

impl PeerSource {
    /// Of the peer that these lead to, at most so many bytes a second.
    #[must_use]
    pub fn new(streams: Arc<dyn Streams>, bytes_s: Option<u64>) -> Self {
        Self { streams, stream: None, pace: Pace::new(bytes_s), began: Instant::now() }
    }

    async fn read(&mut self, hash: ContentHash, piece: Piece, sink: &mut Sink<'_>) -> Result<(), PieceFault> {
        let broke = |error: io::Error| PieceFault::Broke(error.to_string());
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => {
                let opened = timeout(STALL, self.streams.open()).await.map_err(|_| FetchFault::Stalled)?;
                LinkStream::new(opened.map_err(broke)?)
            }
        };
        let Piece { offset, length } = piece;
        let request = LinkRequest::Content { sha256: hash.to_string(), offset, length };
        stream.write(&request).await.map_err(broke)?;
        match stream.read_within(STALL).await {
            Ok(LinkAnswer::Content { length: comes }) if comes == length => {}
            Ok(LinkAnswer::Content { .. }) => return Err(FetchFault::TooMuch.into()),
            Ok(LinkAnswer::Refused { reason, .. }) if reason == "unknown_content" => {
                return Err(PieceFault::Lacks);
            }
            Ok(_) => return Err(PieceFault::Broke("an answer to another question".to_owned())),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => return Err(FetchFault::Stalled.into()),
            Err(error) => return Err(broke(error)),
        }
        let (mut left, mut buffer) = (length as usize, vec![0; CHUNK]);
        while left > 0 {
            let most = left.min(CHUNK);
            let read = timeout(STALL, stream.read_some(&mut buffer[..most])).await;
            let came = read.map_err(|_| FetchFault::Stalled)?.map_err(broke)?;
            sink(&buffer[..came])?;
            left -= came;
            tokio::time::sleep(self.pace.after(came, self.began.elapsed())).await;
        }
        self.stream = Some(stream);
        Ok(())
    }
}

impl core::fmt::Debug for PeerSource {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("PeerSource").finish_non_exhaustive()
    }
}

impl ContentSource for PeerSource {
    fn piece<'a>(
        &'a mut self,
        hash: ContentHash,
        piece: Piece,
        sink: &'a mut Sink<'_>,
    ) -> LocalBoxFuture<'a, Result<(), PieceFault>> {
        Box::pin(self.read(hash, piece, sink))
    }
}

/// Asks the peer behind these streams which manifests it has, and follows what is newer here, kind by kind.
///
/// # Errors
/// The peer cannot be asked; what it has and this unit does not want is counted.
pub async fn pull(unit: &Arc<Unit>, peer: &str, streams: &Arc<dyn Streams>) -> io::Result<()> {
    let mut stream = LinkStream::new(timeout(STALL, streams.open()).await??);
    stream.write(&LinkRequest::Manifests {}).await?;
    let LinkAnswer::Manifests { manifests } = stream.read_within(STALL).await? else {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "an answer to another question"));
    };
    let mut wanted: Vec<Manifest> = Vec::new();
    for hex in manifests.iter().take(super::shelf::MOST_MANIFESTS) {
        let bytes = data_encoding::HEXLOWER.decode(hex.as_bytes()).unwrap_or_default();
        if let Ok((manifest, Offered::Wanted)) = unit.hear(&bytes, peer) {
            wanted.push(manifest);
        }
    }
    // The newest of each kind alone, and what says who is believed first.
    wanted.sort_by_key(|it| (it.kind, core::cmp::Reverse(it.version)));
    wanted.dedup_by_key(|it| it.kind);
    for manifest in wanted.iter().filter(|it| unit.is_untried(it)) {
        let source = PeerSource::new(Arc::clone(streams), unit.settings().bytes_s);
        match unit.follow(manifest, Some(Box::new(source))).await {
            Ok(result) => unit::tell(manifest, &result),
            Err(FollowError::Piece(PieceFault::Lacks)) => {}
            Err(error) => tracing::warn!(target: "operator", "{manifest:?} of {peer}: {error}"),
        }
    }
    Ok(())
}

fn offered(state: &str) -> LinkAnswer {
    LinkAnswer::Offered { state: state.to_owned() }
}

fn refused(reason: &str, error: &str) -> LinkAnswer {
    LinkAnswer::Refused { reason: reason.to_owned(), error: error.to_owned() }
}

/// Bytes that are read or sent at once.
const CHUNK: usize = 64 << 10;
/// Fifty questions a second of each stream.
const PACE: Duration = Duration::from_millis(20);
/// How often an operator hears how far it is.
const PROGRESS_EVERY: Duration = Duration::from_secs(1);
