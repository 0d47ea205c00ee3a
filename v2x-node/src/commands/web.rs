//! `roadcast web`: the live map, the API and metrics of a running daemon, over HTTP.

use std::io::{self, Write};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::PathBuf;

use clap::Args;
use nix::sys::prctl;
use radio_adapters::privilege::{self, CapabilitySet};
use tokio::io::AsyncReadExt as _;
use tokio::net::UnixStream;
use tokio::signal::unix::{SignalKind, signal};
use v2x_api::{Client, ClientError, Right};

use crate::commands::client::sockets;
use crate::config::{ListenAddress, MOST_NAMES, MOST_TOKENS, StationConfig, TokenFile, WebConfig};
use crate::daemon::listening::{ListenError, Listening};
use crate::error::{Complaint, Error};
use crate::web::server::serve;
use crate::web::{Site, SiteSource, Tokens};

/// `roadcast web`.
#[derive(Args, Clone, Debug)]
pub struct WebArgs {
    /// Control socket of the daemon; default without --config: the only one found
    #[arg(long, value_name = "PATH", conflicts_with = "config")]
    socket: Vec<PathBuf>,
    /// Configuration of the daemon, which names its socket and has the section web
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where to listen: 127.0.0.1:8080 (the default), 8080 or unix:PATH
    #[arg(long, value_name = "ADDRESS", value_parser = listen_address)]
    listen: Option<ListenAddress>,
    /// A file with a token that is accepted, and what it permits: read (the default),
    /// declare or administer
    #[arg(long, value_name = "[RIGHT=]FILE", value_parser = token_file)]
    token_file: Vec<TokenFile>,
    /// A host name, besides the address and localhost, under which browsers may ask
    #[arg(long, value_name = "NAME")]
    name: Vec<String>,
    /// Serve /metrics and nothing else
    #[arg(long)]
    metrics_only: bool,
    /// The socket is standard input, and the end is that of standard output: of `roadcast run --web`
    #[arg(long, hide = true)]
    inherited: bool,
}

/// Shown under `roadcast web --help`.
pub const HELP: &str = "It is a process of its own, without rights, and asks the daemon by its control
socket: nothing of HTTP is parsed in the station's process. `roadcast run --web`
starts it beside the station.

Without a token everybody who reaches it may read, so it listens on loopback or
a Unix socket only. With tokens each request needs one, and may do what its
right permits: Authorization: Bearer TOKEN, or /#token=TOKEN for the page. A
file holds one token, readable by its owner alone:
  (umask 077; openssl rand -hex 32 > web.token)

Requests under other host names, and from pages of other sites, are refused.

Exit codes: 0 ended on request (SIGTERM or Ctrl-C); 2 bad input, no daemon, or
the port is taken.

Examples:
  roadcast web
  roadcast web --config car-1.toml --listen 127.0.0.1:9000
  roadcast run car-1.toml --web 127.0.0.1:8080
  roadcast web --listen 0.0.0.0:8080 --token-file declare=web.token
  roadcast web --metrics-only --listen unix:/run/roadcast/metrics.sock
  curl -H \"Authorization: Bearer $(cat web.token)\" localhost:8080/api/stats";

/// It would be open to the network.
#[derive(Debug, thiserror::Error)]
#[error("web: {address}: other machines reach this address: {right}")]
pub(crate) struct OpenWithoutToken {
    pub address: ListenAddress,
    /// What is accepted.
    pub right: &'static str,
}

impl Complaint for OpenWithoutToken {}

/// More than one server takes.
#[derive(Debug, thiserror::Error)]
#[error("--token-file and --name: at most {MOST_TOKENS} tokens and {MOST_NAMES} names")]
struct TooMany;

impl Complaint for TooMany {}

/// Serves until it is asked to stop.
///
/// # Errors
/// No daemon to ask, a token or an address that cannot be used.
pub fn run(args: &WebArgs, out: &mut dyn Write) -> Result<(), Error> {
    let system = |what| move |source| Error::System { what, source };
    let configured = match &args.config {
        Some(config) => StationConfig::load(config)?.web,
        None => None,
    };
    let web = args.over(configured);
    if web.tokens.len() > MOST_TOKENS || web.names.len() > MOST_NAMES {
        return Err(TooMany.into());
    }
    let daemon = if args.socket.is_empty() { sockets(args.config.as_deref())? } else { args.socket.clone() };
    let tokens = Tokens::load(&web.tokens)?;
    if web.listen.is_open() && tokens.is_empty() {
        let right = "give --token-file, or listen on 127.0.0.1";
        return Err(OpenWithoutToken { address: web.listen, right }.into());
    }
    let listening = match args.inherited {
        true => Listening::inherited().map_err(system("taking over the listening socket"))?,
        false => Listening::open(&web.listen)?,
    };
    // What follows reads what strangers send.
    privilege::give_up(CapabilitySet(u64::MAX)).map_err(system("giving up capabilities"))?;
    prctl::set_no_new_privs().map_err(|errno| system("giving up new privileges")(errno.into()))?;
    let address = listening.address().map_err(system("asking for the listening address"))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(system("starting the event loop"))?;
    runtime.block_on(async {
        let [mut terminate, mut interrupt] = [
            signal(SignalKind::terminate()).map_err(system("listening for signals"))?,
            signal(SignalKind::interrupt()).map_err(system("listening for signals"))?,
        ];
        let mut station = match args.inherited {
            true => Some(standard_output().map_err(system("watching for the station's end"))?),
            false => None,
        };
        if station.is_none() {
            writeln!(out, "web: {}", at(&address))?;
            // A program that asks is told the same, each time.
            if let Some(error) = unanswered(&daemon) {
                writeln!(out, "no daemon yet: {error}")?;
            }
            out.flush()?;
        }
        let until = async {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
                () = ended(&mut station) => {}
            }
        };
        let site = Site::new(SiteSource::Daemon(daemon), &web, tokens);
        let refused = |source| ListenError::Refused { address: address.clone(), source };
        Ok(serve(listening, site, until).await.map_err(refused)?)
    })
}

/// Why none of the daemon's sockets answers; `None` when one does.
fn unanswered(sockets: &[PathBuf]) -> Option<ClientError> {
    let mut last = None;
    for socket in sockets {
        match Client::connect(socket) {
            Ok(_) => return None,
            Err(error) => last = Some(error),
        }
    }
    last
}

/// The address as a browser takes it.
pub(crate) fn at(address: &ListenAddress) -> String {
    match address {
        ListenAddress::Tcp(address) => format!("http://{address}/"),
        ListenAddress::Unix(_) => address.to_string(),
    }
}

impl WebArgs {
    /// What the configuration says, unless an option says otherwise.
    fn over(&self, configured: Option<WebConfig>) -> WebConfig {
        let usual = ListenAddress::parse("127.0.0.1:8080").expect("an address and a port");
        let mut web = configured.unwrap_or_else(|| WebConfig::at(usual));
        if let Some(listen) = &self.listen {
            web.listen = listen.clone();
        }
        web.tokens.extend_from_slice(&self.token_file);
        web.names.extend_from_slice(&self.name);
        web.metrics_only |= self.metrics_only;
        web
    }
}

/// The end of the station's that this process has as standard output.
fn standard_output() -> io::Result<UnixStream> {
    let stream = StdUnixStream::from(io::stdout().as_fd().try_clone_to_owned()?);
    stream.set_nonblocking(true)?;
    UnixStream::from_std(stream)
}

/// Returns once the station has ended; never for a process that none started.
async fn ended(station: &mut Option<UnixStream>) {
    let Some(station) = station else { return core::future::pending().await };
    // It says nothing: there is but its end.
    let _end = station.read(&mut [0]).await;
}

pub(crate) fn listen_address(text: &str) -> Result<ListenAddress, String> {
    ListenAddress::parse(text).ok_or_else(|| format!("expected {}", ListenAddress::RIGHT))
}

fn token_file(text: &str) -> Result<TokenFile, String> {
    let is_word = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphabetic());
    let (right, file) = match text.split_once('=') {
        Some((word, file)) if is_word(word) => match Right::parse(word) {
            Some(right) => (Some(right), file),
            None => {
                return Err(format!(
                    "{word:?} is no right: expected read, declare or administer; a file of that name is ./{text}"
                ));
            }
        },
        _ => (None, text),
    };
    if file.is_empty() {
        return Err("expected a file, or read=FILE, declare=FILE, administer=FILE".to_owned());
    }
    Ok(TokenFile { file: file.into(), right: right.unwrap_or(Right::Read) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_file_has_a_right_before_it_or_may_read() {
        for (text, right, file) in [
            ("a.token", Right::Read, "a.token"),
            ("declare=a.token", Right::Declare, "a.token"),
            ("administer=/b=c", Right::Administer, "/b=c"),
            ("./all=a", Right::Read, "./all=a"),
        ] {
            assert_eq!(token_file(text), Ok(TokenFile { file: file.into(), right }), "{text}");
        }
        assert!(token_file("read=").is_err() && token_file("").is_err());
        assert!(token_file("all=a").unwrap_err().starts_with("\"all\" is no right: expected read, "));
    }

    #[test]
    fn an_option_is_over_the_configuration() {
        let listen = ListenAddress::parse("unix:/run/web.sock").unwrap();
        let configured = WebConfig { names: vec!["a.example".to_owned()], ..WebConfig::at(listen) };
        let args = WebArgs {
            socket: Vec::new(),
            config: None,
            listen: ListenAddress::parse("9000"),
            token_file: vec![token_file("a").unwrap()],
            name: vec!["b.example".to_owned()],
            metrics_only: true,
            inherited: false,
        };
        let web = args.over(Some(configured));
        assert_eq!(web.listen.to_string(), "127.0.0.1:9000");
        assert_eq!((web.names.len(), web.tokens.len(), web.metrics_only), (2, 1, true));
        let web = WebArgs { listen: None, ..args }.over(None);
        assert_eq!(at(&web.listen), "http://127.0.0.1:8080/");
    }
}
