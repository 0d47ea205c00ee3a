//! `roadcast web`, and what a browser sends it, byte by byte.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A running `roadcast web` at a port that was free.
pub struct Web {
    process: Child,
    pub port: u16,
}

impl Web {
    pub fn start(socket: &Path, more: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_roadcast"));
        command.args(["web", "--listen", "127.0.0.1:0", "--socket"]).arg(socket).args(more);
        let mut process = command.env_remove("ROADCAST_LOG").stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim().strip_prefix("web: http://127.0.0.1:").and_then(|rest| rest.strip_suffix('/'));
        Self { port: port.expect(&line).parse().unwrap(), process }
    }

    pub fn id(&self) -> u32 {
        self.process.id()
    }

    pub fn connect(&self) -> TcpStream {
        connect(self.port)
    }

    /// The answer to a request of this method and path, with these headers, and `Host` if they have none.
    pub fn ask(&self, line: &str, headers: &[&str], body: &str) -> Answered {
        let host = format!("Host: 127.0.0.1:{}", self.port);
        let host = headers.iter().all(|header| !header.starts_with("Host:")).then_some(host);
        let mut head = vec![format!("{line} HTTP/1.1")];
        head.extend(host);
        head.extend(headers.iter().map(|header| (*header).to_owned()));
        if !body.is_empty() {
            head.push(format!("Content-Length: {}", body.len()));
        }
        head.push("Connection: close".to_owned());
        let text = self.exchange(format!("{}\r\n\r\n{body}", head.join("\r\n")).as_bytes());
        Answered::parse(&text).0
    }

    pub fn get(&self, path: &str) -> Answered {
        self.ask(&format!("GET {path}"), &[], "")
    }

    /// All that comes back before the connection ends.
    pub fn exchange(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect();
        stream.write_all(bytes).unwrap();
        let mut text = Vec::new();
        // A server that refuses what it did not read to the end resets the connection.
        drop(stream.read_to_end(&mut text));
        String::from_utf8(text).unwrap()
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

pub fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream
}

/// An answer of HTTP.
#[derive(Debug)]
pub struct Answered {
    pub status: u16,
    /// Lower case.
    pub head: String,
    pub body: String,
}

impl Answered {
    /// The first answer of a text, and what follows it.
    pub fn parse(text: &str) -> (Self, &str) {
        let (head, rest) = text.split_once("\r\n\r\n").expect(text);
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let head = head.to_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length = length.map_or(0, |length| length.parse().unwrap()).min(rest.len());
        let (body, rest) = rest.split_at(length);
        (Self { status, head, body: body.to_owned() }, rest)
    }

    pub fn has(&self, header: &str) -> bool {
        self.head.lines().any(|line| line == header)
    }
}

/// A WebSocket of a browser.
pub struct Socket {
    pub stream: BufReader<TcpStream>,
}

impl Socket {
    /// Opens `/ws` with these headers.
    pub fn open(port: u16, more: &[&str]) -> Result<Self, Answered> {
        let mut stream = BufReader::new(connect(port));
        let more: String = more.iter().map(|header| format!("{header}\r\n")).collect();
        let head = format!(
            "GET /ws HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{more}\r\n"
        );
        stream.get_mut().write_all(head.as_bytes()).unwrap();
        let mut text = String::new();
        while !text.ends_with("\r\n\r\n") {
            assert_ne!(stream.read_line(&mut text).unwrap(), 0, "{text}");
        }
        let answered = Answered::parse(&text).0;
        if answered.status != 101 {
            return Err(answered);
        }
        // The example of RFC 6455, 1.3.
        assert!(answered.has("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo="), "{answered:?}");
        Ok(Self { stream })
    }

    /// Sends a whole frame.
    pub fn send(&mut self, opcode: u8, payload: &[u8]) {
        self.stream.get_mut().write_all(&frame(opcode, payload)).unwrap();
    }

    pub fn say(&mut self, text: &str) {
        self.send(1, text.as_bytes());
    }

    /// The next frame: its opcode and what it holds.
    pub fn frame(&mut self) -> (u8, Vec<u8>) {
        let mut head = [0; 2];
        self.stream.read_exact(&mut head).unwrap();
        let mut length = u64::from(head[1]);
        if head[1] >= 126 {
            let mut long = [0; 8];
            let from = if head[1] == 126 { 6 } else { 0 };
            self.stream.read_exact(&mut long[from..]).unwrap();
            length = u64::from_be_bytes(long);
        }
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        self.stream.read_exact(&mut payload).unwrap();
        (head[0] & 0x0F, payload)
    }

    /// The next text.
    pub fn text(&mut self) -> String {
        let (opcode, payload) = self.frame();
        let text = String::from_utf8_lossy(&payload).into_owned();
        assert_eq!(opcode, 1, "{text}");
        text
    }

    /// The code with which the other side closes, now.
    pub fn closed(&mut self) -> u16 {
        let (opcode, payload) = self.frame();
        assert_eq!(opcode, 8, "{}", String::from_utf8_lossy(&payload));
        u16::from_be_bytes([payload[0], payload[1]])
    }
}

/// A frame as a browser sends it, masked with zeros.
pub fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x80 | opcode];
    match payload.len() {
        length @ 0..126 => bytes.push(0x80 | u8::try_from(length).unwrap()),
        length => {
            bytes.push(0x80 | 126);
            bytes.extend(u16::try_from(length).unwrap().to_be_bytes());
        }
    }
    bytes.extend([0; 4]);
    bytes.extend(payload);
    bytes
}
