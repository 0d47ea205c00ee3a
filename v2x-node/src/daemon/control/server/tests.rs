//! What a daemon's end takes, and what no client can make it do. Clients are plain sockets of threads.

mod clients;
mod lines;
mod programs;
mod watches;

use core::future::poll_fn;
use core::time::Duration;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream as Stream;
use std::thread;

use radio_adapters::timer::DeadlineTimer;

use v2x_api::{Client as Program, ClientError, LONGEST_REQUEST};

use super::*;
use crate::daemon::control::scratch::Scratch;
use crate::daemon::control::socket::listen;
use crate::daemon::station::monotonic;
use crate::daemon::unix_socket::Access;

/// Serves `program`, run in a thread of its own, until it ends: each request is answered with `answer`, after which
/// `then` may do more.
fn serve<T: Send + 'static>(
    name: &str,
    program: impl FnOnce(&Path) -> T + Send + 'static,
    mut then: impl FnMut(&mut Server, Asked),
) -> T {
    let scratch = Scratch::new(name);
    let path = scratch.path("s.sock");
    let bound = listen(&path, Access::Owner).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    runtime.block_on(async {
        let mut server = Server::new(bound, Right::Declare).unwrap();
        let (done, ended) = tokio::sync::oneshot::channel::<()>();
        let program = thread::spawn(move || {
            let result = program(&path);
            drop(done);
            result
        });
        let mut ended = core::pin::pin!(ended);
        loop {
            tokio::select! {
                biased;
                asked = poll_fn(|cx| server.poll(cx, Instant::ZERO)) => then(&mut server, asked),
                _ = &mut ended => return program.join().unwrap(),
            }
        }
    })
}

/// Says done to everything.
fn agree(server: &mut Server, asked: Asked) {
    server.answer(asked.client, asked.id, Answer::done(), Instant::ZERO);
}

fn all(id: Option<RequestId>) -> Watching {
    Watching { id, filter: Filter::All }
}

fn tell(server: &mut Server, answer: Answer) {
    server.tell(Told::new(Topic::Hazards, Instant::ZERO, answer), Instant::ZERO);
}

fn lines(stream: &Stream) -> impl Iterator<Item = String> {
    BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok)
}

/// A server, served by hand.
fn with_server(name: &str, test: impl FnOnce(&mut Served, &Path)) {
    let scratch = Scratch::new(name);
    let path = scratch.path("s.sock");
    let bound = listen(&path, Access::Owner).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    let server = runtime.block_on(async { Server::new(bound, Right::Declare).unwrap() });
    test(&mut Served { server, runtime }, &path);
}

/// A server and its event loop.
struct Served {
    server: Server,
    runtime: tokio::runtime::Runtime,
}

impl core::ops::Deref for Served {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

impl core::ops::DerefMut for Served {
    fn deref_mut(&mut self) -> &mut Server {
        &mut self.server
    }
}

/// The next request.
fn next(served: &mut Served) -> Asked {
    let Served { server, runtime } = served;
    runtime.block_on(poll_fn(|cx| server.poll(cx, Instant::ZERO)))
}

/// Moves what can be moved at `now`.
fn turn(served: &mut Served, now: Instant) {
    let Served { server, runtime } = served;
    runtime.block_on(async {
        poll_fn(|cx| {
            server.poll_bytes(cx, now);
            Poll::Ready(())
        })
        .await;
        // The event loop looks at the sockets.
        tokio::task::yield_now().await;
        poll_fn(|cx| {
            server.poll_bytes(cx, now);
            Poll::Ready(())
        })
        .await;
    });
}
