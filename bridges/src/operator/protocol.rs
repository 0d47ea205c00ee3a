//! What bridges say to each other about updates: a line of JSON each way on a stream, behind some of them bytes of content.
//!
//! A stream is for one request after another, of who opened it.

use std::io;
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::io::{
    AsyncBufRead, AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _,
    BufReader,
};
use tokio::time::timeout;

use super::versions::ApplyResult;

/// A request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum LinkRequest {
    /// Here is a manifest: fetch its content from me, and say how it ends.
    Offer {
        /// The manifest, hex.
        manifest: String,
    },
    /// Bytes of content.
    Content {
        /// Its hash, hex.
        sha256: String,
        /// Where they begin.
        offset: u64,
        /// How many, at most [`LONGEST_PIECE`](super::fetch::LONGEST_PIECE).
        length: u32,
    },
    /// Which manifests there are.
    Manifests {},
    /// What runs.
    Report {},
}

/// An answer, or one of several to an offer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum LinkAnswer {
    /// Not done.
    Refused {
        /// The reason's name.
        reason: String,
        /// For people.
        error: String,
    },
    /// An offer is taken up, runs already, or is for other units and kept for them: `wanted`, `running` or `kept`.
    Offered {
        /// Which.
        state: String,
    },
    /// How far the content of an offer is fetched.
    Progress {
        /// Bytes that are there.
        have: u64,
        /// Bytes of all of it.
        size: u64,
    },
    /// How an offer ended.
    Result(ApplyResult),
    /// So many bytes follow.
    Content {
        /// Bytes.
        length: u32,
    },
    /// The manifests.
    Manifests {
        /// Each, hex.
        manifests: Vec<String>,
    },
    /// What runs.
    Report(Value),
}

/// The two halves of a stream.
#[allow(missing_debug_implementations, reason = "what a stream is of, only its maker knows")]
pub struct ByteStream {
    /// What comes.
    pub from: Box<dyn AsyncRead + Send + Unpin>,
    /// What goes.
    pub to: Box<dyn AsyncWrite + Send + Unpin>,
}

/// What opens streams to one peer.
pub trait Streams: Send + Sync {
    /// A new stream.
    fn open(&self) -> BoxFuture<'_, io::Result<ByteStream>>;
}

/// A stream that requests are sent on, or answered.
#[allow(missing_debug_implementations, reason = "as of the stream")]
pub struct LinkStream {
    from: BufReader<Box<dyn AsyncRead + Send + Unpin>>,
    to: Box<dyn AsyncWrite + Send + Unpin>,
}

impl LinkStream {
    /// On a stream.
    #[must_use]
    pub fn new(stream: ByteStream) -> Self {
        Self { from: BufReader::with_capacity(BUFFER, stream.from), to: stream.to }
    }

    /// The next line; `None` at the end of the stream.
    ///
    /// # Errors
    /// It broke, or the line is none of what is expected or too long.
    pub async fn read<T: for<'de> Deserialize<'de>>(&mut self) -> io::Result<Option<T>> {
        let Some(line) = line(&mut self.from).await? else { return Ok(None) };
        let invalid = |error: serde_json::Error| io::Error::new(io::ErrorKind::InvalidData, error);
        serde_json::from_slice(&line).map(Some).map_err(invalid)
    }

    /// As [`read`](Self::read), within `most`, and something must come.
    ///
    /// # Errors
    /// As [`read`](Self::read); nothing came.
    pub async fn read_within<T: for<'de> Deserialize<'de>>(&mut self, most: Duration) -> io::Result<T> {
        let read = timeout(most, self.read()).await;
        read.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??
            .ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))
    }

    /// Writes a line.
    ///
    /// # Errors
    /// It broke.
    pub async fn write<T: Serialize + Sync>(&mut self, message: &T) -> io::Result<()> {
        let mut line = serde_json::to_vec(message).map_err(io::Error::other)?;
        line.push(b'\n');
        timeout(WRITE_TIMEOUT, self.to.write_all(&line)).await??;
        self.to.flush().await
    }

    /// Writes bytes behind a line.
    ///
    /// # Errors
    /// It broke.
    pub async fn write_bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        timeout(WRITE_TIMEOUT, self.to.write_all(bytes)).await??;
        self.to.flush().await
    }

    /// Some of the bytes behind a line.
    ///
    /// # Errors
    /// It broke, or ended.
    pub async fn read_some(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self.from.read(into).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            length => Ok(length),
        }
    }
}

async fn line(from: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let length = from.take(LONGEST_LINE).read_until(b'\n', &mut line).await?;
    match line.pop() {
        None => Ok(None),
        Some(b'\n') => Ok(Some(line)),
        Some(_) if length as u64 == LONGEST_LINE => {
            Err(io::Error::new(io::ErrorKind::InvalidData, "a line is too long"))
        }
        Some(_) => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

/// The manifests of a full shelf, in hex, are half of it.
const LONGEST_LINE: u64 = 128 << 10;
const BUFFER: usize = 64 << 10;
/// A peer that takes nothing for so long is left.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(bytes: &[u8]) -> LinkStream {
        let from = Box::new(io::Cursor::new(bytes.to_vec()));
        LinkStream::new(ByteStream { from, to: Box::new(tokio::io::sink()) })
    }

    #[tokio::test]
    async fn requests_are_lines_and_bytes_may_follow() {
        let mut stream =
            of(b"{\"content\":{\"sha256\":\"ab\",\"offset\":7,\"length\":3}}\nxyz{\"report\":{}}\n");
        let content = LinkRequest::Content { sha256: "ab".to_owned(), offset: 7, length: 3 };
        assert_eq!(stream.read().await.unwrap(), Some(content));
        let mut bytes = [0; 3];
        assert_eq!(stream.read_some(&mut bytes).await.unwrap(), 3);
        assert_eq!(&bytes, b"xyz");
        assert_eq!(stream.read().await.unwrap(), Some(LinkRequest::Report {}));
        assert_eq!(stream.read::<LinkRequest>().await.unwrap(), None);
    }

    #[tokio::test]
    async fn what_is_no_request_ends_the_stream_with_why() {
        let endless = vec![b'x'; LONGEST_LINE as usize + 1];
        let cases: [(&[u8], &str); 6] = [
            (b"{}\n", "expected value"),
            (b"{\"report\":{\"x\":1}}\n", "unknown field"),
            (b"{\"offer\":{\"manifest\":\"00\",\"path\":\"/etc/passwd\"}}\n", "unknown field"),
            (b"{\"content\":{\"sha256\":\"ab\",\"offset\":-1,\"length\":3}}\n", "invalid value"),
            (b"{\"report\":{}}", "unexpected end of file"),
            (&endless, "too long"),
        ];
        for (bytes, why) in cases {
            let error = of(bytes).read::<LinkRequest>().await.unwrap_err().to_string();
            assert!(error.contains(why), "{error}, not {why}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
            runtime.block_on(async {
                let mut stream = of(&bytes);
                while let Ok(Some(_)) = stream.read::<LinkRequest>().await {}
                let mut stream = of(&bytes);
                while let Ok(Some(_)) = stream.read::<LinkAnswer>().await {}
            });
        }
    }
}
