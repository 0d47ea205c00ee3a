//! `roadcast web` in front of the control socket, and a program that watches through its WebSocket.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;

use tokio::sync::oneshot;
use v2x_node::config::{ListenAddress, WebConfig};
use v2x_node::daemon::listening::Listening;
use v2x_node::web::server::serve;
use v2x_node::web::{Site, SiteSource, Tokens};

/// A server on a loopback port: the program that `ROADCAST` names, as a child, or a thread of this process.
pub struct Web {
    address: SocketAddr,
    running: Running,
}

enum Running {
    Child(Child),
    Thread(Option<oneshot::Sender<()>>, Option<JoinHandle<()>>),
}

impl Web {
    /// In front of the control socket at `socket`.
    pub fn start(socket: &Path) -> Result<Self, String> {
        let place = || ListenAddress::parse("127.0.0.1:0").expect("an address and a port");
        let Some(program) = std::env::var_os("ROADCAST") else {
            let listening = Listening::open(&place()).map_err(|error| error.to_string())?;
            let ListenAddress::Tcp(address) = listening.address().map_err(|error| error.to_string())? else {
                return Err("no TCP port".to_owned());
            };
            let (end, ended) = oneshot::channel();
            let daemon = vec![socket.to_owned()];
            let thread = std::thread::Builder::new().name("web".to_owned());
            let thread = thread.spawn(move || serve_until(listening, daemon, &WebConfig::at(place()), ended));
            let thread = thread.map_err(|error| error.to_string())?;
            return Ok(Self { address, running: Running::Thread(Some(end), Some(thread)) });
        };
        let mut command = Command::new(program);
        command.args(["web", "--listen", "127.0.0.1:0", "--socket"]).arg(socket).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|error| format!("ROADCAST: {error}"))?;
        let mut line = String::new();
        let output = child.stdout.take().expect("it is piped");
        // Kept before anything can fail, so that the child ends with it.
        let unknown = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut web = Self { address: unknown, running: Running::Child(child) };
        BufReader::new(output).read_line(&mut line).map_err(|error| error.to_string())?;
        let address = line.trim().strip_prefix("web: http://").and_then(|rest| rest.strip_suffix('/'));
        web.address = address
            .and_then(|address| address.parse().ok())
            .ok_or_else(|| format!("ROADCAST printed {line:?}, expected where it listens"))?;
        Ok(web)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        match &mut self.running {
            Running::Child(child) => {
                drop(child.kill());
                drop(child.wait());
            }
            Running::Thread(end, thread) => {
                drop(end.take());
                drop(thread.take().map(JoinHandle::join));
            }
        }
    }
}

/// As the program's own process does it.
fn serve_until(listening: Listening, daemon: Vec<PathBuf>, web: &WebConfig, ended: oneshot::Receiver<()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let site = Site::new(SiteSource::Daemon(daemon), web, Tokens::default());
    let served = runtime.and_then(|runtime| {
        let until = async { drop(ended.await) };
        runtime.block_on(serve(listening, site, until))
    });
    if let Err(error) = served {
        eprintln!("subscribers: the web server: {error}");
    }
}

/// A program's end of a WebSocket.
pub struct WebSocket(BufReader<TcpStream>);

impl WebSocket {
    /// Opens one and sends its only line.
    pub fn open(address: SocketAddr, line: &str) -> io::Result<Self> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        // The key's value is the example of RFC 6455 1.3: any 16 bytes would do.
        let upgrade = format!(
            "GET /ws HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        stream.write_all(upgrade.as_bytes())?;
        let mut reader = BufReader::new(stream);
        let mut head = String::new();
        // To the empty line.
        while reader.read_line(&mut head)? > 2 {}
        if !head.starts_with("HTTP/1.1 101 ") {
            return Err(io::Error::other(head));
        }
        // A text frame, masked with zeros (RFC 6455 5.2): shorter than 126 bytes.
        let length = u8::try_from(line.len()).ok().filter(|length| *length < 126);
        let length = length.ok_or_else(|| io::Error::other("a line of more than 125 bytes"))?;
        let frame = [&[0x81, 0x80 | length, 0, 0, 0, 0], line.as_bytes()].concat();
        reader.get_mut().write_all(&frame)?;
        Ok(Self(reader))
    }

    /// Appends the next text; nothing once the server has closed.
    pub fn read(&mut self, text: &mut String) -> io::Result<usize> {
        let [first, length] = self.bytes()?;
        let length = match length & 0x7f {
            126 => u64::from(u16::from_be_bytes(self.bytes()?)),
            127 => u64::from_be_bytes(self.bytes()?),
            length => u64::from(length),
        };
        if first & 0x0f != TEXT {
            return Ok(0);
        }
        (&mut self.0).take(length).read_to_string(text)
    }

    fn bytes<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.0.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}

/// The opcode of a frame of text.
const TEXT: u8 = 1;
