//! A Unix socket of this machine that stands for the control socket of a unit.

use std::fs;
use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, copy};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use super::error::RemoteError;
use super::link::{Carried, Opens};
use super::opening::RemoteRefusal;
use super::visit::refuse;

/// The socket; its file is removed when this is dropped.
#[derive(Debug)]
pub(super) struct Tunnel {
    listener: UnixListener,
    path: PathBuf,
    /// The directory that is its own.
    folder: Option<PathBuf>,
}

impl Tunnel {
    /// At this path, for this user alone.
    pub fn at(path: &Path) -> Result<Self, RemoteError> {
        let failed = |error: io::Error| RemoteError::local(path, "no socket can be made there", &error);
        let place = path.parent().filter(|place| !place.as_os_str().is_empty()).unwrap_or(Path::new("."));
        // Made in a directory of our own, and then linked to its name: at no moment may others use it, and nothing is replaced.
        let (listener, made, folder) = bind_in(place, "bound")?;
        let linked = fs::set_permissions(&made, fs::Permissions::from_mode(0o600))
            .and_then(|()| fs::hard_link(&made, path));
        drop((fs::remove_file(&made), fs::remove_dir(folder)));
        linked.map_err(failed)?;
        Ok(Self { listener, path: path.to_owned(), folder: None })
    }

    /// In a new directory that only this user may enter, under a name that tells people what it is.
    pub fn private(name: &str) -> Result<Self, RemoteError> {
        let place = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|place| place.is_dir());
        let (listener, path, folder) = bind_in(&place.unwrap_or_else(std::env::temp_dir), name)?;
        Ok(Self { listener, path, folder: Some(folder) })
    }

    /// The socket.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Serves programs for ever. `first`: a control connection that is open already.
    pub async fn serve<O: Opens>(&self, unit: Arc<O>, first: Carried<O::From, O::To>) {
        let first = Arc::new(Mutex::new(Some(first)));
        let places = Arc::new(Semaphore::new(MOST_PROGRAMS));
        loop {
            let Ok((local, _)) = self.listener.accept().await else {
                // Out of file descriptors: some come back.
                sleep(AFTER_AN_ERROR).await;
                continue;
            };
            let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
            let (unit, first) = (Arc::clone(&unit), Arc::clone(&first));
            tokio::spawn(async move {
                let ready = first.lock().unwrap_or_else(PoisonError::into_inner).take();
                program(local, &*unit, ready).await;
                drop(place);
            });
        }
    }
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        // Nothing is left to do about what cannot be removed.
        drop(fs::remove_file(&self.path));
        if let Some(folder) = &self.folder {
            drop(fs::remove_dir(folder));
        }
    }
}

/// A socket in a directory of its own below `place`, both of them new.
fn bind_in(place: &Path, name: &str) -> Result<(UnixListener, PathBuf, PathBuf), RemoteError> {
    let mut random = [0; 6];
    let drawn = getrandom::fill(&mut random);
    let folder = place.join(format!("roadcast-remote-{}", data_encoding::HEXLOWER.encode(&random)));
    let failed =
        |error: io::Error| RemoteError::local(&folder, "no directory for a socket can be made there", &error);
    drawn.map_err(|error| failed(error.into()))?;
    fs::DirBuilder::new().mode(0o700).create(&folder).map_err(failed)?;
    let path = folder.join(format!("{}.sock", &name[..name.floor_char_boundary(LONGEST_NAME)]));
    match UnixListener::bind(&path) {
        Ok(listener) => Ok((listener, path, folder)),
        Err(error) => {
            drop(fs::remove_dir(&folder));
            Err(RemoteError::local(&path, "no socket can be made there", &error))
        }
    }
}

/// Carries the connection of one program.
async fn program<O: Opens>(mut local: UnixStream, unit: &O, ready: Option<Carried<O::From, O::To>>) {
    let opened = match ready {
        Some(ready) => Ok(ready),
        None => unit.open().await,
    };
    match opened {
        Ok(carried) => carry(local, carried).await,
        Err(error) => {
            tracing::warn!(target: "remote", "{error}");
            refuse(&mut local, &RemoteRefusal::new(error.reason(), error.to_string())).await;
        }
    }
}

/// Both directions, until the unit ends, or the program is gone.
async fn carry<R: AsyncRead + Unpin, W: AsyncWrite + Unpin>(local: UnixStream, carried: Carried<R, W>) {
    let (read, mut from, mut to) = carried.into_parts();
    let (mut reader, mut writer) = local.into_split();
    let requests = async {
        drop(copy(&mut reader, &mut to).await);
        drop(to.shutdown().await);
        // It may still read answers, until it closes the other half too.
        while !has_hung_up(reader.as_ref()) {
            sleep(LOOK_EVERY).await;
        }
    };
    let answers = async {
        writer.write_all(&read).await?;
        copy(&mut from, &mut writer).await
    };
    tokio::select! {
        () = requests => {}
        _ = answers => {}
    }
    drop(timeout(LOOK_EVERY, writer.shutdown()).await);
}

fn has_hung_up(stream: &UnixStream) -> bool {
    let mut fds = [PollFd::new(stream.as_fd(), PollFlags::empty())];
    match poll(&mut fds, PollTimeout::ZERO) {
        Ok(0) => false,
        Ok(_) => {
            fds[0].revents().is_some_and(|found| found.intersects(PollFlags::POLLHUP | PollFlags::POLLERR))
        }
        Err(_) => true,
    }
}

/// Programs at a time: as many as a unit lets a peer have.
const MOST_PROGRAMS: usize = 16;
/// Bytes of a name: the path of a Unix socket has at most 107.
const LONGEST_NAME: usize = 24;
const LOOK_EVERY: Duration = Duration::from_millis(500);
const AFTER_AN_ERROR: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use tokio::io::{
        AsyncBufReadExt as _, AsyncReadExt as _, BufReader, DuplexStream, ReadHalf, WriteHalf, duplex, split,
    };
    use tokio::sync::mpsc;

    use super::super::link::greet;
    use super::*;

    /// Opens pipes, whose other ends it gives to the test; `None`: the unit is not there.
    struct Pipes(Option<mpsc::UnboundedSender<DuplexStream>>);

    impl Opens for Pipes {
        type From = ReadHalf<DuplexStream>;
        type To = WriteHalf<DuplexStream>;

        async fn open(&self) -> Result<Carried<Self::From, Self::To>, RemoteError> {
            let away = || RemoteError::Silent { peer: "rsu-7".to_owned(), why: "away".to_owned() };
            let given = self.0.as_ref().ok_or_else(away)?;
            let (ours, mut theirs) = duplex(4096);
            let (from, to) = split(ours);
            theirs
                .write_all(b"{\"v\":1,\"ok\":true,\"station\":\"rsu-7\",\"rights\":\"read\"}\n")
                .await
                .unwrap();
            let carried = greet("rsu-7", None, from, to).await?;
            let mut first = [0; 8];
            theirs.read_exact(&mut first).await.unwrap();
            assert_eq!(&first, b"{\"v\":1}\n");
            given.send(theirs).unwrap();
            Ok(carried)
        }
    }

    #[tokio::test]
    async fn each_program_has_a_connection_and_its_lines_pass_both_ways() {
        let (give, mut given) = mpsc::unbounded_channel();
        let unit = Arc::new(Pipes(Some(give)));
        let first = unit.open().await.unwrap();
        let tunnel = Tunnel::private("rsu-7").unwrap();
        let (path, folder) = (tunnel.path().to_owned(), tunnel.path().parent().unwrap().to_owned());
        assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
        let serving = tokio::spawn(async move { tunnel.serve(unit, first).await });
        for number in 0..3 {
            let mut program = UnixStream::connect(&path).await.unwrap();
            program.write_all(format!("ask {number}\n").as_bytes()).await.unwrap();
            let mut unit = BufReader::new(given.recv().await.unwrap());
            let mut line = String::new();
            unit.read_line(&mut line).await.unwrap();
            assert_eq!(line, format!("ask {number}\n"));
            // A half that is closed, and answers that still come.
            program.shutdown().await.unwrap();
            assert_eq!(unit.read_line(&mut line).await.unwrap(), 0);
            unit.get_mut().write_all(b"answer\n").await.unwrap();
            drop(unit);
            let mut answer = String::new();
            program.read_to_string(&mut answer).await.unwrap();
            assert_eq!(answer, "answer\n");
        }
        serving.abort();
        drop(serving.await);
        assert!(!folder.exists(), "nothing is left behind");
    }

    #[tokio::test]
    async fn a_program_that_goes_away_ends_its_connection() {
        let (give, mut given) = mpsc::unbounded_channel();
        let unit = Arc::new(Pipes(Some(give)));
        let first = unit.open().await.unwrap();
        let mut theirs = given.recv().await.unwrap();
        let tunnel = Tunnel::private("rsu-7").unwrap();
        let path = tunnel.path().to_owned();
        let serving = tokio::spawn(async move { tunnel.serve(unit, first).await });
        drop(UnixStream::connect(&path).await.unwrap());
        // Both ways: what is written there has no reader any longer.
        assert_eq!(theirs.read(&mut [0; 8]).await.unwrap(), 0);
        while theirs.write_all(b"watched\n").await.is_ok() {
            tokio::task::yield_now().await;
        }
        serving.abort();
    }

    #[tokio::test]
    async fn a_unit_that_is_away_is_told_in_the_words_of_the_protocol() {
        let (give, _given) = mpsc::unbounded_channel();
        let first = Pipes(Some(give)).open().await.unwrap();
        let tunnel = Tunnel::private("rsu-7").unwrap();
        let path = tunnel.path().to_owned();
        let serving = tokio::spawn(async move { tunnel.serve(Arc::new(Pipes(None)), first).await });
        let taken = UnixStream::connect(&path).await.unwrap();
        let mut program = UnixStream::connect(&path).await.unwrap();
        let mut line = String::new();
        program.read_to_string(&mut line).await.unwrap();
        let answer: Value = serde_json::from_str(&line).unwrap();
        assert_eq!((&answer["ok"], &answer["reason"]), (&false.into(), &"unit_unreachable".into()));
        assert_eq!(answer["error"], "peer rsu-7 gives no answer: away");
        drop(taken);
        serving.abort();
    }

    #[tokio::test]
    async fn a_socket_at_a_path_is_its_user_s_alone_and_replaces_nothing() {
        let folder = std::env::temp_dir().join(format!("roadcast-tunnel-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("rsu-7.sock");
        fs::write(&path, "").unwrap();
        let said = Tunnel::at(&path).unwrap_err().to_string();
        assert!(said.contains("rsu-7.sock: no socket can be made there: File exists"), "{said}");
        fs::remove_file(&path).unwrap();
        let tunnel = Tunnel::at(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(UnixStream::connect(&path).await.is_ok());
        drop(tunnel);
        assert!(!path.exists());
        fs::remove_dir_all(folder).unwrap();
    }
}
