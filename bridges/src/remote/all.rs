//! `roadcast remote all`: every unit of the configuration at once.

use std::ffi::OsString;
use std::io::{self, IsTerminal as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use clap::Parser;
use terminal_size::{Height, Width, terminal_size};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{sleep, timeout};

use super::error::RemoteError;
use super::link::UnitLink;
use super::site;
use super::table::{as_json, lines};
use super::watch::Fleet;
use crate::peers::Peers;

/// What is asked of all.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "roadcast remote all",
    no_binary_name = true,
    disable_version_flag = true,
    max_term_width = 80
)]
pub(super) enum AllCommand {
    /// Show every unit as a row of a table: its verdict, clock, position, drops,
    /// deadlines missed, when it answered last, and the path to it
    Top {
        /// Print the table once and end, as where standard output is no terminal
        #[arg(long)]
        once: bool,
        /// Print it once, as JSON
        #[arg(long)]
        json: bool,
    },
    /// Serve the same as a page on this machine
    Web {
        /// Where to listen: an address of the loopback interface with its port
        #[arg(long, value_name = "ADDRESS", default_value_t = LISTEN)]
        listen: SocketAddr,
    },
}

impl AllCommand {
    /// Reads the words after `all`.
    pub fn parse(words: &[OsString]) -> Result<Self, RemoteError> {
        let parsed = Self::try_parse_from(words)
            .map_err(|error| RemoteError::Usage(error.to_string().trim_end().to_owned()))?;
        match parsed {
            Self::Web { listen } if !listen.ip().is_loopback() => Err(RemoteError::Usage(format!(
                "--listen {listen}: other machines reach this address, and everybody could read there: expected one of the loopback \
                 interface, such as {LISTEN}"
            ))),
            parsed => Ok(parsed),
        }
    }

    /// Does it, until it is ended.
    pub async fn run(self, peers: &Peers, station: Option<&str>) -> Result<(), RemoteError> {
        let units = || {
            Fleet::watch(
                peers.names().iter().map(|name| UnitLink::new(peers, name, station)).collect(),
                EVERY,
            )
        };
        let mut ends = Vec::new();
        for kind in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()] {
            ends.push(signal(kind).map_err(|error| RemoteError::local("", "no signals", &error))?);
        }
        let ended = async {
            let [interrupt, term, hangup] = &mut ends[..] else { return };
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = term.recv() => {}
                _ = hangup.recv() => {}
            }
        };
        match self {
            Self::Top { once, json } if once || json || !io::stdout().is_terminal() => {
                let fleet = units();
                // What does not answer by then is shown so.
                drop(timeout(LONGEST_FIRST, fleet.first()).await);
                let text =
                    if json { format!("{}\n", as_json(&fleet.rows())) } else { shown(&fleet, usize::MAX) };
                print(&text)
            }
            Self::Top { .. } => {
                let table = async {
                    let fleet = units();
                    loop {
                        let (columns, rows) = terminal_size()
                            .map_or((80, 24), |(Width(columns), Height(rows))| {
                                (columns.into(), usize::from(rows))
                            });
                        screen(&lines(&fleet.rows(), columns), rows)?;
                        sleep(REDRAW).await;
                    }
                };
                print(ALTERNATE_SCREEN)?;
                let outcome = tokio::select! {
                    outcome = table => outcome,
                    () = ended => Ok(()),
                };
                print(USUAL_SCREEN)?;
                outcome
            }
            Self::Web { listen } => {
                let failed = |error: io::Error| RemoteError::Usage(format!("--listen {listen}: {error}"));
                let listener = TcpListener::bind(listen).await.map_err(failed)?;
                let address = listener.local_addr().map_err(failed)?;
                print(&format!("web: http://{address}/\n"))?;
                tokio::select! {
                    () = site::serve(listener, address, units()) => {}
                    () = ended => {}
                }
                Ok(())
            }
        }
    }
}

fn shown(fleet: &Fleet, columns: usize) -> String {
    lines(&fleet.rows(), columns).iter().map(|line| format!("{line}\n")).collect()
}

/// Replaces what is on the screen.
fn screen(lines: &[String], rows: usize) -> Result<(), RemoteError> {
    let mut text = "\x1b[H".to_owned();
    for (number, line) in lines.iter().take(rows.max(1)).enumerate() {
        text.push_str(if number > 0 { "\r\n" } else { "" });
        text.push_str(line);
        // The rest of the row is of the table before.
        text.push_str("\x1b[K");
    }
    text.push_str("\x1b[J");
    print(&text)
}

fn print(text: &str) -> Result<(), RemoteError> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(RemoteError::output)
}

const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8081);
/// How often a unit is asked: two answers of some 20 kB each, through a carrier's network.
const EVERY: Duration = Duration::from_secs(5);
const REDRAW: Duration = Duration::from_secs(1);
/// Until the first answer or failure of each: that of a dial takes half a minute.
const LONGEST_FIRST: Duration = Duration::from_secs(35);
const ALTERNATE_SCREEN: &str = "\x1b[?1049h\x1b[?25l";
const USUAL_SCREEN: &str = "\x1b[?25h\x1b[?1049l";

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<AllCommand, String> {
        let words: Vec<_> = line.split_whitespace().map(OsString::from).collect();
        AllCommand::parse(&words).map_err(|error| error.to_string())
    }

    #[test]
    fn a_page_is_served_on_loopback_alone() {
        assert!(matches!(parse("web"), Ok(AllCommand::Web { listen }) if listen == LISTEN));
        assert!(matches!(parse("web --listen [::1]:0"), Ok(AllCommand::Web { .. })));
        assert!(
            parse("web --listen 0.0.0.0:8081").unwrap_err().contains("other machines reach this address")
        );
        assert!(matches!(parse("top --json"), Ok(AllCommand::Top { once: false, json: true })));
        assert!(parse("doctor").unwrap_err().contains("doctor"));
    }
}
