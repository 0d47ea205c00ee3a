//! Connections: how many, how long, and how much of a request is read.

use core::convert::Infallible;
use core::pin::pin;
use core::time::Duration;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::hosts::Local;
use super::patience::{pause, within};
use super::route;
use super::site::Site;
use super::stall::Impatient;
use crate::daemon::listening::Listening;

/// Serves a site until the future ends; connections end with it. To be called within a tokio runtime that has timers.
///
/// # Errors
/// The event loop does not take the socket.
pub async fn serve(listening: Listening, site: Site, until: impl Future<Output = ()>) -> io::Result<()> {
    let site = Arc::new(site);
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    let mut until = pin!(until);
    match listening {
        Listening::Tcp(listener) => {
            let listener = TcpListener::from_std(listener)?;
            loop {
                let accepted = tokio::select! {
                    accepted = listener.accept() => accepted,
                    () = &mut until => return Ok(()),
                };
                let local = accepted.and_then(|(stream, _)| {
                    stream.set_nodelay(true)?;
                    Ok((Local::Tcp(stream.local_addr()?), stream))
                });
                match (local, Arc::clone(&places).try_acquire_owned()) {
                    (Ok((local, stream)), Ok(place)) => {
                        tokio::spawn(connection(stream, local, Arc::clone(&site), place));
                    }
                    (Ok((_, stream)), Err(_)) => drop(stream.try_write(FULL)),
                    (Err(_), _) => pause(AFTER_AN_ERROR).await,
                }
            }
        }
        // Its file, if it is this process's, is removed when this ends.
        Listening::Unix(listener, _bound) => {
            let listener = UnixListener::from_std(listener)?;
            loop {
                let accepted = tokio::select! {
                    accepted = listener.accept() => accepted,
                    () = &mut until => return Ok(()),
                };
                match (accepted, Arc::clone(&places).try_acquire_owned()) {
                    (Ok((stream, _)), Ok(place)) => {
                        tokio::spawn(connection(stream, Local::Unix, Arc::clone(&site), place));
                    }
                    (Ok((stream, _)), Err(_)) => drop(stream.try_write(FULL)),
                    (Err(_), _) => pause(AFTER_AN_ERROR).await,
                }
            }
        }
    }
}

/// Serves a connection until it ends or becomes a session, which has a place of its own.
async fn connection(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    local: Local,
    site: Arc<Site>,
    _place: OwnedSemaphorePermit,
) {
    let is_session = Arc::new(AtomicBool::new(false));
    let stream = Impatient::new(stream, Arc::clone(&is_session));
    let service = service_fn(move |request| {
        let site = Arc::clone(&site);
        async move { Ok::<_, Infallible>(route::answer(site, local, request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_PATIENCE)
        .max_buf_size(LONGEST_HEAD)
        .max_headers(MOST_HEADERS)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    // How it ends is the browser's affair.
    if within(LONGEST_CONNECTION, &mut connection).await.is_none() {
        connection.as_mut().graceful_shutdown();
        let _ended = within(HEADER_PATIENCE, connection).await;
    }
    // What is left of it now has become one.
    is_session.store(true, Relaxed);
}

/// Connections at a time, sessions besides.
const MOST_CONNECTIONS: usize = 64;
/// Until the head of a request is whole, also of the next one on a connection.
const HEADER_PATIENCE: Duration = Duration::from_secs(10);
/// A browser makes a new one.
const LONGEST_CONNECTION: Duration = Duration::from_secs(600);
/// Bytes of a request's head, more than browsers send.
const LONGEST_HEAD: usize = 16 * 1024;
const MOST_HEADERS: usize = 64;
/// Descriptors may be free again then.
const AFTER_AN_ERROR: Duration = Duration::from_millis(100);
const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/plain\r\ncontent-length: 44\r\nretry-after: 1\r\n\
    connection: close\r\n\r\n64 connections are the most at a time: wait\n";

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
    use tokio::time::Instant;

    use super::super::stall::WRITE_STALL;
    use super::super::{Pages, SiteSource, Tokens};
    use super::*;
    use crate::config::{ListenAddress, WebConfig};

    /// One page of this many bytes.
    struct Page(usize);

    impl Pages for Page {
        fn page(&self, path: &str, _query: Option<&str>) -> Option<(&'static str, Bytes)> {
            (path == "/page").then(|| ("text/plain", vec![b'x'; self.0].into()))
        }
    }

    /// A connection that has asked for a page, and the place that it holds. The clock stands still unless all wait.
    async fn asked(length: usize) -> (DuplexStream, Arc<Semaphore>) {
        let web = WebConfig::at(ListenAddress::parse("127.0.0.1:8080").unwrap());
        let site = Arc::new(Site::new(SiteSource::Pages(Arc::new(Page(length))), &web, Tokens::default()));
        let places = Arc::new(Semaphore::new(1));
        let place = Arc::clone(&places).try_acquire_owned().unwrap();
        let (mut reader, stream) = duplex(1000);
        tokio::spawn(connection(stream, Local::Unix, site, place));
        reader.write_all(b"GET /page HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
        (reader, places)
    }

    #[tokio::test(start_paused = true)]
    async fn who_reads_nothing_of_an_answer_loses_its_place() {
        let began = Instant::now();
        let (reader, places) = asked(100_000).await;
        drop(places.acquire().await.unwrap());
        let held = began.elapsed();
        assert!(held >= WRITE_STALL && held < WRITE_STALL + Duration::from_secs(1), "{held:?}");
        drop(reader);
    }

    #[tokio::test(start_paused = true)]
    async fn who_reads_slowly_reads_it_whole() {
        let (mut reader, _places) = asked(10_000).await;
        let (mut read, mut buffer) = (Vec::new(), [0; 1000]);
        while !read.ends_with(&[b'x'; 10_000]) {
            pause(WRITE_STALL - Duration::from_secs(1)).await;
            let length = reader.read(&mut buffer).await.unwrap();
            assert!(length > 0, "it was cut after {} bytes", read.len());
            read.extend_from_slice(&buffer[..length]);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_s_writes_wait_by_the_session_s_own_rule() {
        let is_session = Arc::new(AtomicBool::new(false));
        let (_reader, stream) = duplex(10);
        let mut stream = Impatient::new(stream, Arc::clone(&is_session));
        let stalled = stream.write_all(&[0; 100]).await.unwrap_err();
        assert_eq!(stalled.kind(), io::ErrorKind::TimedOut);
        is_session.store(true, Relaxed);
        assert!(within(2 * WRITE_STALL, stream.write_all(&[0; 100])).await.is_none());
    }

    #[test]
    fn the_refusal_beyond_the_most_is_an_answer_of_http() {
        let text = std::str::from_utf8(FULL).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{}", body.len());
        assert!(body.starts_with(&format!("{MOST_CONNECTIONS} connections")));
    }
}
