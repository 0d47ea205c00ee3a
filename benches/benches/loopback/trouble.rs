//! What is wrong with a station's outputs, made inside its own process.

use std::fs::{self, File, OpenOptions};
use std::io::{self, PipeReader, Read as _, Write as _};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing: no recording, and standard output is read.
    None,
    /// Standard output is a pipe that is full and that nobody reads.
    Pipe,
    /// Recording and report are on a file system that is full.
    Disk,
    /// The recording goes to a FIFO that is full and that nobody reads.
    Fifo,
    /// Ten programs watch its messages, neighbours and figures, two of which never read.
    Subscribers,
    /// A bridge takes all that the receiver hears and hands in 500 messages a second from afar: made by
    /// [`bridge`](crate::loopback::bridge), outside the stations' processes.
    Bridge,
}

impl Trouble {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::Pipe, Self::Disk, Self::Fifo, Self::Subscribers, Self::Bridge];

    /// Its name in the results.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Pipe => "pipe",
            Self::Disk => "disk",
            Self::Fifo => "fifo",
            Self::Subscribers => "subscribers",
            Self::Bridge => "bridge",
        }
    }

    /// By its name.
    pub fn parse(name: &str) -> Result<Self, String> {
        let all = [Self::None].into_iter().chain(Self::ALL);
        all.into_iter().find(|trouble| trouble.name() == name).ok_or_else(|| format!("no trouble {name:?}"))
    }

    /// Makes it for the station of this `config`; lasts as long as what is returned. `folder` is the station's own; what is mounted there is seen by this process
    /// alone, which `ip netns exec` gave a mount namespace.
    pub fn make(self, config: &Path, folder: &Path) -> io::Result<Made> {
        let mut made = Made::default();
        match self {
            Self::None | Self::Bridge => {}
            Self::Pipe => {
                let (reader, writer) = io::pipe()?;
                let writer = OwnedFd::from(writer);
                fill(&writer)?;
                (made.output, made.reader) = (Some(writer), Some(reader));
            }
            Self::Disk => {
                let status = Command::new("mount")
                    .args(["-t", "tmpfs", "-o", "size=64k", "none"])
                    .arg(folder)
                    .status()?;
                if !status.success() {
                    return Err(io::Error::other("mount failed"));
                }
                // Until nothing more fits.
                let _full = fs::write(folder.join("other"), vec![0; 128 * 1024]);
                (made.record, made.json) = (Some(folder.join("a.rec")), Some(folder.join("a.json")));
            }
            Self::Fifo => {
                let path = folder.join("fifo");
                if !path.exists() {
                    mkfifo(&path, Mode::S_IRUSR | Mode::S_IWUSR)?;
                }
                let both = OpenOptions::new().read(true).write(true).open(&path)?;
                fill(&both)?;
                (made.record, made.fifo) = (Some(path), Some(both));
            }
            Self::Subscribers => {
                for number in 0..SUBSCRIBERS {
                    let name = v2x_api::socket::default_name(config);
                    thread::spawn(move || subscribe(&name, number >= SUBSCRIBERS - DEAF));
                }
            }
        }
        Ok(made)
    }
}

/// Watches a station until it ends, or only asks to and never reads.
fn subscribe(name: &Path, deaf: bool) {
    let stream = loop {
        let places = v2x_api::socket::directories();
        match places.iter().find_map(|place| UnixStream::connect(place.join(name)).ok()) {
            Some(stream) => break stream,
            None => thread::sleep(Duration::from_millis(20)),
        }
    };
    let asks = b"{\"messages\":\"watch\"}\n{\"neighbours\":\"watch\"}\n{\"stats\":\"watch\"}\n";
    if (&stream).write_all(asks).is_err() {
        return;
    }
    let mut bytes = [0; 16 * 1024];
    while !deaf && (&stream).read(&mut bytes).is_ok_and(|read| read > 0) {}
    if deaf {
        // It stays connected as long as the process lives.
        loop {
            thread::park();
        }
    }
}

/// Programs that watch, and of these, those that never read.
const SUBSCRIBERS: usize = 10;
const DEAF: usize = 2;

/// Trouble that was made.
#[derive(Debug, Default)]
pub struct Made {
    /// Where the station is to record.
    pub record: Option<PathBuf>,
    /// Where it is to write its report.
    pub json: Option<PathBuf>,
    /// What it is to print to.
    pub output: Option<OwnedFd>,
    reader: Option<PipeReader>,
    fifo: Option<File>,
}

/// Writes until nothing more fits.
fn fill(pipe: &impl AsFd) -> io::Result<()> {
    let mut file = File::from(pipe.as_fd().try_clone_to_owned()?);
    let flags = OFlag::from_bits_retain(fcntl(&file, FcntlArg::F_GETFL)?);
    fcntl(&file, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
    while file.write(&[0; 4096]).is_ok() {}
    while file.write(&[0]).is_ok() {}
    fcntl(&file, FcntlArg::F_SETFL(flags))?;
    Ok(())
}
