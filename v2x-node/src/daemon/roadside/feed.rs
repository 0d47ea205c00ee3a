//! The socket a controller connects to: lines in, lines out, bounded in every direction.
//!
//! A Unix socket is made at start and taken away at the end; each connection is a client. On UDP each sender's address
//! is one. More connections than [`MOST_CLIENTS`] are turned away; of more senders of datagrams the one not heard for longest
//! makes room.

use core::net::SocketAddr;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

use radio_adapters::clock;
use radio_adapters::timer::DeadlineTimer;
use tokio::net::{UdpSocket, UnixListener, UnixStream};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::{JoinHandle, JoinSet};
use v2x_apps::roadside::ClientId;
use v2x_apps::roadside::line::{self, LONGEST_LINE, Line, LineError};

use crate::config::FeedAddress;
use crate::daemon::lines::{Lines, TooLong};
use crate::daemon::position::wait_until;
use crate::daemon::unix_socket::{Access, BindError, Bound};
use crate::error::Complaint;

/// An open feed. Dropping it ends its connections and removes its socket.
#[derive(Debug)]
pub struct Feed {
    incoming: Receiver<(ClientId, Did)>,
    clients: BTreeMap<ClientId, Sender<String>>,
    task: JoinHandle<()>,
    /// Removed with the feed.
    _socket: Option<Bound>,
    unsent: u64,
}

/// What comes from a client.
#[derive(Debug)]
pub enum FromClient {
    /// A line, or why it is none.
    Line(Result<Line, LineError>),
    /// Nothing more.
    Gone,
}

#[derive(Debug)]
enum Did {
    /// It is there; lines for it go here.
    Come(Sender<String>),
    Say(Result<Line, LineError>),
    Go,
}

/// Why a feed cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("roadside.feed: cannot listen on {address}: {source}; {right}")]
pub struct FeedError {
    address: FeedAddress,
    source: io::Error,
    right: &'static str,
}

impl Complaint for FeedError {}

impl Feed {
    /// Listens. To be called within a tokio runtime with IO enabled.
    ///
    /// # Errors
    /// [`FeedError`]: an address that is not this machine's or taken, a directory that is not there.
    pub fn open(address: &FeedAddress) -> Result<Self, FeedError> {
        let (sender, incoming) = channel(MOST_WAITING);
        let failed = |right| move |source| FeedError { address: address.clone(), source, right };
        let (task, socket) = match address {
            FeedAddress::Unix(path) => {
                let (socket, listener) = listen(path).map_err(failed(
                    "it has to be a name in a directory that exists, and that no other unit listens on",
                ))?;
                let timer = DeadlineTimer::new().map_err(failed("the kernel has to give a timer"))?;
                (tokio::spawn(accept(listener, timer, sender)), Some(socket))
            }
            FeedAddress::Udp(address) => {
                let bind = || {
                    let socket = std::net::UdpSocket::bind(address)?;
                    socket.set_nonblocking(true)?;
                    UdpSocket::from_std(socket)
                };
                let socket = bind()
                    .map_err(failed("it has to be an address of this machine and a port not in use"))?;
                (tokio::spawn(datagrams(socket, sender)), None)
            }
        };
        Ok(Self { incoming, clients: BTreeMap::new(), task, _socket: socket, unsent: 0 })
    }

    /// The next thing that comes from a client; may be dropped and called again without losing one. Never ends.
    pub async fn next(&mut self) -> (ClientId, FromClient) {
        loop {
            match self.incoming.recv().await {
                Some((client, Did::Come(sender))) => drop(self.clients.insert(client, sender)),
                Some((client, Did::Say(line))) => return (client, FromClient::Line(line)),
                Some((client, Did::Go)) => {
                    self.clients.remove(&client);
                    return (client, FromClient::Gone);
                }
                None => core::future::pending().await,
            }
        }
    }

    /// Sends a line, unless the client does not read.
    pub fn send(&mut self, client: ClientId, line: String) {
        let sent = self.clients.get(&client).is_some_and(|sender| sender.try_send(line).is_ok());
        self.unsent += u64::from(!sent);
    }

    /// Lines that clients did not take.
    pub fn unsent(&self) -> u64 {
        self.unsent
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn listen(path: &Path) -> io::Result<(Bound, UnixListener)> {
    let socket = Bound::at(path, Access::Umask).map_err(|error| match error {
        BindError::Refused(source) => source,
        error => io::Error::other(error),
    })?;
    let listener = UnixListener::from_std(socket.listener()?)?;
    Ok((socket, listener))
}

/// Takes connections for as long as there is a feed. One that cannot be taken (no descriptors left) is tried again: the
/// controller is lost for good otherwise.
async fn accept<L: Listen>(listener: L, mut timer: DeadlineTimer, sender: Sender<(ClientId, Did)>) {
    let mut connections = JoinSet::new();
    let mut number = 0;
    let mut told = Told::Nothing;
    loop {
        let stream = tokio::select! {
            accepted = listener.take() => accepted,
            Some(_) = connections.join_next() => continue,
        };
        let stream = match stream {
            Ok(stream) => stream,
            Err(error) => {
                told.tell(Told::Failed, || {
                    format!("no connection can be taken, trying on: {error} (raise the limit of open files)")
                });
                if wait_until(&mut timer, clock::monotonic_ns() + ACCEPT_AGAIN_NS).await.is_err() {
                    // Without its timer it yields at least.
                    tokio::task::yield_now().await;
                }
                continue;
            }
        };
        if connections.len() >= MOST_CLIENTS {
            told.tell(Told::Full, || format!("a client turned away: {MOST_CLIENTS} are connected"));
            continue;
        }
        told = Told::Nothing;
        number += 1;
        connections.spawn(connection(stream, ClientId(number), sender.clone()));
    }
}

/// A listening socket.
trait Listen {
    /// The next connection.
    async fn take(&self) -> io::Result<UnixStream>;
}

impl Listen for UnixListener {
    async fn take(&self) -> io::Result<UnixStream> {
        self.accept().await.map(|(stream, _)| stream)
    }
}

/// What was last told of connections that were not taken: each once until one is taken again.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    Nothing,
    Failed,
    Full,
}

impl Told {
    fn tell(&mut self, what: Self, words: impl FnOnce() -> String) {
        if *self != what {
            *self = what;
            tracing::warn!("roadside.feed: {}", words());
        }
    }
}

async fn connection(stream: UnixStream, client: ClientId, sender: Sender<(ClientId, Did)>) {
    let (lines_out, mut outgoing) = channel(MOST_WAITING_OUT);
    if sender.send((client, Did::Come(lines_out))).await.is_err() {
        return;
    }
    let mut lines = Lines::new(LONGEST_LINE);
    let mut buffer = vec![0; 4096];
    let mut pending: Vec<u8> = Vec::new();
    loop {
        let heard = tokio::select! {
            ready = stream.readable() => match ready.and_then(|()| stream.try_read(&mut buffer)) {
                Ok(0) => break,
                Ok(length) => take(&mut lines, &buffer[..length]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                Err(_) => break,
            },
            Some(line) = outgoing.recv() => {
                // A client that does not read gets whole lines or none.
                if pending.len() + line.len() <= MOST_PENDING {
                    pending.extend_from_slice(line.as_bytes());
                }
                continue;
            },
            ready = stream.writable(), if !pending.is_empty() => {
                match ready.and_then(|()| stream.try_write(&pending)) {
                    Ok(length) => drop(pending.drain(..length)),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    // It may have closed its reading end alone.
                    Err(_) => pending.clear(),
                }
                continue;
            }
        };
        for line in heard {
            if sender.send((client, Did::Say(line))).await.is_err() {
                return;
            }
        }
    }
    // When the receiver is gone, so is the feed.
    drop(sender.send((client, Did::Go)).await);
}

fn take(lines: &mut Lines, bytes: &[u8]) -> Vec<Result<Line, LineError>> {
    lines.push(bytes);
    core::iter::from_fn(|| lines.next()).map(parse).collect()
}

fn parse(line: Result<Vec<u8>, TooLong>) -> Result<Line, LineError> {
    line.map_err(|TooLong| LineError::TooLong).and_then(|line| line::parse(&line))
}

async fn datagrams(socket: UdpSocket, sender: Sender<(ClientId, Did)>) {
    let socket = Arc::new(socket);
    let mut peers: Vec<Peer> = Vec::new();
    let mut senders = JoinSet::new();
    let mut number = 0;
    let mut buffer = vec![0; LONGEST_LINE + 1];
    let mut told = Told::Nothing;
    loop {
        // An error here is an earlier datagram's to a peer that is gone.
        let Ok((length, address)) = socket.recv_from(&mut buffer).await else { continue };
        while senders.try_join_next().is_some() {}
        let now = clock::monotonic_ns();
        let known = peers.iter().position(|peer| peer.address == address);
        let at = if let Some(at) = known {
            at
        } else {
            if peers.len() >= MOST_CLIENTS {
                let oldest = (0..peers.len()).min_by_key(|at| peers[*at].heard).unwrap_or_default();
                if now - peers[oldest].heard <= IDLE_NS {
                    // Whoever came first may be anybody: a controller that comes later is heard all the same.
                    told.tell(Told::Full, || {
                        format!(
                            "more than {MOST_CLIENTS} senders of datagrams within a second (a controller sends all from one port)"
                        )
                    });
                }
                let gone = peers.swap_remove(oldest).client;
                if sender.send((gone, Did::Go)).await.is_err() {
                    return;
                }
            }
            number += 1;
            let (lines_out, outgoing) = channel(MOST_WAITING_OUT);
            senders.spawn(answer(Arc::clone(&socket), address, outgoing));
            let client = ClientId(number);
            if sender.send((client, Did::Come(lines_out))).await.is_err() {
                return;
            }
            peers.push(Peer { address, client, heard: now });
            peers.len() - 1
        };
        peers[at].heard = now;
        let client = peers[at].client;
        let heard = if length > LONGEST_LINE {
            vec![Err(LineError::TooLong)]
        } else {
            // The end of a datagram ends its last line.
            let mut lines = Lines::new(LONGEST_LINE);
            lines.push(&buffer[..length]);
            core::iter::from_fn(|| lines.last()).map(parse).collect()
        };
        for line in heard {
            if sender.send((client, Did::Say(line))).await.is_err() {
                return;
            }
        }
    }
}

struct Peer {
    address: SocketAddr,
    client: ClientId,
    heard: u64,
}

async fn answer(socket: Arc<UdpSocket>, address: SocketAddr, mut outgoing: Receiver<String>) {
    while let Some(line) = outgoing.recv().await {
        // A datagram may get lost in any case.
        drop(socket.send_to(line.as_bytes(), address).await);
    }
}

/// Controllers, and programs that watch them.
pub const MOST_CLIENTS: usize = 8;
/// Lines taken from sockets and not handled yet; the rest waits in the kernel.
const MOST_WAITING: usize = 64;
const MOST_WAITING_OUT: usize = 64;
/// Bytes for a client that does not read.
const MOST_PENDING: usize = 64 * 1024;
/// Descriptors come back with the end of something else, of which nothing here is told.
const ACCEPT_AGAIN_NS: u64 = 200_000_000;
/// A sender of datagrams that was silent for this long makes room for another.
const IDLE_NS: u64 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    fn run<T>(test: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap().block_on(test)
    }

    fn place(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("roadcast-feed-{name}-{}", std::process::id()))
    }

    const LINE: &[u8] = b"{\"intersection\":7,\"groups\":[{\"group\":1,\"phase\":\"dark\"}]}\n";

    async fn line(feed: &mut Feed) -> (ClientId, Result<Line, LineError>) {
        loop {
            if let (client, FromClient::Line(line)) = feed.next().await {
                return (client, line);
            }
        }
    }

    #[test]
    fn a_stream_of_lines_is_read_answered_and_its_end_noticed() {
        run(async {
            let path = place("stream");
            let mut feed = Feed::open(&FeedAddress::Unix(path.clone())).unwrap();
            let mut client = UnixStream::connect(&path).await.unwrap();
            let long = vec![b' '; LONGEST_LINE + 1];
            client.write_all(&[LINE, &long[..], b"\n", LINE].concat()).await.unwrap();
            let (id, first) = line(&mut feed).await;
            assert_eq!(first.unwrap().intersection, 7);
            assert_eq!(line(&mut feed).await.1, Err(LineError::TooLong));
            assert!(line(&mut feed).await.1.is_ok());
            feed.send(id, "hello\n".to_owned());
            let mut hello = [0; 6];
            client.read_exact(&mut hello).await.unwrap();
            assert_eq!(&hello, b"hello\n");
            drop(client);
            assert!(matches!(feed.next().await, (gone, FromClient::Gone) if gone == id));
            feed.send(id, "nobody\n".to_owned());
            assert_eq!(feed.unsent(), 1);
            drop(feed);
            assert!(!path.exists());
        });
    }

    #[test]
    fn datagrams_are_lines_of_their_sender() {
        run(async {
            let port = 40_000 + (std::process::id() % 20_000) as u16;
            let address = FeedAddress::Udp(SocketAddr::from(([127, 0, 0, 1], port)));
            let mut feed = Feed::open(&address).unwrap();
            let client = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            client.connect(("127.0.0.1", port)).await.unwrap();
            client.send(&[LINE, b"x\n"].concat()).await.unwrap();
            let (id, first) = line(&mut feed).await;
            assert!(first.is_ok() && line(&mut feed).await.1.is_err());
            feed.send(id, "hello\n".to_owned());
            let mut hello = [0; 6];
            assert_eq!(client.recv(&mut hello).await.unwrap(), 6);
            let taken = Feed::open(&address).unwrap_err().to_string();
            assert!(taken.contains(&format!("cannot listen on udp:127.0.0.1:{port}: ")), "{taken}");
        });
    }

    /// A socket that finds no descriptor some times.
    struct Scarce(UnixListener, core::cell::Cell<u32>);

    impl Listen for Scarce {
        async fn take(&self) -> io::Result<UnixStream> {
            match self.1.get() {
                0 => self.0.take().await,
                left => {
                    self.1.set(left - 1);
                    Err(nix::errno::Errno::EMFILE.into())
                }
            }
        }
    }

    #[test]
    fn a_controller_is_heard_again_after_the_descriptors_had_run_out() {
        run(async {
            let path = place("scarce");
            let listener = UnixListener::bind(&path).unwrap();
            let (sender, mut incoming) = channel(MOST_WAITING);
            let scarce = Scarce(listener, core::cell::Cell::new(2));
            let accept = accept(scarce, DeadlineTimer::new().unwrap(), sender);
            let hears = async {
                let mut client = UnixStream::connect(&path).await.unwrap();
                client.write_all(LINE).await.unwrap();
                assert!(matches!(incoming.recv().await, Some((ClientId(1), Did::Come(_)))));
                assert!(matches!(incoming.recv().await, Some((ClientId(1), Did::Say(Ok(_))))));
            };
            tokio::select! { () = accept => panic!("it ended"), () = hears => {} }
            std::fs::remove_file(path).unwrap();
        });
    }

    #[test]
    fn a_client_too_many_is_turned_away_and_a_left_socket_replaced() {
        run(async {
            let path = place("many");
            drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
            let mut feed = Feed::open(&FeedAddress::Unix(path.clone())).unwrap();
            let mut clients = Vec::new();
            for _ in 0..MOST_CLIENTS {
                let mut client = UnixStream::connect(&path).await.unwrap();
                client.write_all(LINE).await.unwrap();
                clients.push(client);
                assert!(line(&mut feed).await.1.is_ok());
            }
            let mut last = UnixStream::connect(&path).await.unwrap();
            assert_eq!(last.read(&mut [0; 1]).await.unwrap(), 0);
            let taken = Feed::open(&FeedAddress::Unix(path.clone())).unwrap_err().to_string();
            assert!(taken.contains("another process listens there"), "{taken}");
        });
    }

    #[test]
    fn what_cannot_be_listened_on_is_told_with_what_could() {
        run(async {
            let nowhere = Feed::open(&FeedAddress::Unix("/nowhere/x.sock".into())).unwrap_err().to_string();
            assert!(
                nowhere.starts_with("roadside.feed: cannot listen on unix:/nowhere/x.sock: "),
                "{nowhere}"
            );
            let path = place("file");
            std::fs::write(&path, "").unwrap();
            let file = Feed::open(&FeedAddress::Unix(path.clone())).unwrap_err().to_string();
            assert!(file.contains("there is a file of that name"), "{file}");
            std::fs::remove_file(path).unwrap();
        });
    }
}
