//! `roadcast dump`: frames from a link or a capture, one line each.

mod decode;
mod line;
mod payload;
mod verify;

use std::io::Write;
use std::net::SocketAddrV4;
use std::path::PathBuf;

use bytes::BytesMut;
use clap::{ArgGroup, Args};
use radio_adapters::clock::ClockPair;
use radio_adapters::{Radio, RadioExt};
use tokio::signal::unix::{SignalKind, signal};

use self::line::{Arrival, Style};
use self::verify::{Signature, Verifier};
use crate::config::{LinkConfig, Medium, StationConfig};
use crate::daemon::link;
use crate::error::{Complaint, Error};
use crate::key_files;

/// `roadcast dump`
#[derive(Args, Clone, Debug)]
#[command(group = ArgGroup::new("source").required(true))]
pub struct DumpArgs {
    /// Capture to read: pcapng or pcap, plain or gzip
    #[cfg(feature = "replay")]
    #[arg(group = "source", value_name = "FILE")]
    file: Option<PathBuf>,
    /// Interface to listen on: raw frames, or UDP multicast with --group
    #[arg(long, group = "source", value_name = "IF")]
    interface: Option<String>,
    /// Listen on the link of a station's configuration, with its trusted authorities
    #[arg(long, group = "source", value_name = "FILE")]
    config: Option<PathBuf>,
    /// UDP multicast group and port, such as 239.255.77.77:47808
    #[arg(long, value_name = "GROUP:PORT", requires = "interface")]
    group: Option<SocketAddrV4>,
    /// EtherType of the frames
    #[arg(long, value_name = "TYPE", default_value = "0x88B5", value_parser = parse_ethertype)]
    ethertype: u16,
    /// Verify signatures: a pinned root; may be given more than once
    #[arg(long, value_name = "FILE", conflicts_with = "config")]
    root: Vec<PathBuf>,
    /// Verify signatures: an issuer below a root; may be given more than once
    #[arg(long, value_name = "FILE", requires = "root")]
    issuer: Vec<PathBuf>,
    /// Stop after this many frames
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// One JSON object per line
    #[arg(long)]
    json: bool,
    /// Show every field of the payload
    #[arg(long, conflicts_with = "json")]
    full: bool,
}

/// Why there is nothing to decode.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DumpError {
    /// The capture cannot be read.
    #[cfg(feature = "replay")]
    #[error(transparent)]
    Capture(#[from] v2x_replay::source::TraceError),
}

impl Complaint for DumpError {}

/// Decodes until the capture ends, --count is reached, or a signal asks to stop.
///
/// # Errors
/// A source that cannot be opened, credentials that are not valid, or output that cannot be written. Frames that
/// do not decode are shown, not errors.
pub fn run(args: &DumpArgs, out: &mut dyn Write) -> Result<(), Error> {
    let style = if args.json { Style::Json } else { Style::Line { full: args.full } };
    let mut printer = Printer { verifier: None, style, left: args.count.unwrap_or(u64::MAX), out };
    if !args.root.is_empty() {
        printer.verifier = Some(Verifier::new(key_files::load_trust(&args.root, &args.issuer)?));
    }
    #[cfg(feature = "replay")]
    if let Some(file) = &args.file {
        return capture(file, args.ethertype, &mut printer);
    }
    let medium = match &args.config {
        Some(file) => {
            let config = StationConfig::load(file)?;
            let identity = &config.identity;
            printer.verifier =
                Some(Verifier::new(key_files::load_trust(&identity.roots, &identity.issuers)?));
            config.link.medium
        }
        None => medium(args),
    };
    let failed = |source| Error::System { what: "starting the event loop", source };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().map_err(failed)?;
    runtime.block_on(listen(medium, &mut printer))
}

fn medium(args: &DumpArgs) -> Medium {
    let interface = args.interface.clone().unwrap_or_default();
    match args.group {
        Some(group) => Medium::Udp { interface, group, receive_buffer: None },
        None => Medium::Packet { interface, ethertype: args.ethertype, receive_buffer: None },
    }
}

#[cfg(feature = "replay")]
fn capture(file: &std::path::Path, ethertype: u16, printer: &mut Printer<'_>) -> Result<(), Error> {
    let mut reader = v2x_replay::source::capture::open(file, ethertype).map_err(DumpError::from)?;
    for captured in &mut reader {
        let arrival = Arrival {
            unix_ns: captured.time_ns,
            source: captured.source,
            interface: &captured.interface,
            signal_dbm: None,
        };
        if printer.frame(&captured.frame, &arrival)? == Enough::Yes {
            return Ok(());
        }
    }
    let counts = reader.counts();
    if counts.frames == 0 {
        let foreign = counts.foreign;
        tracing::warn!("{}: no frames of EtherType {ethertype:#06x}, {foreign} others", file.display());
    }
    if let Some(cut) = reader.cut() {
        tracing::warn!("{}: breaks off: {cut}; what came before is shown", file.display());
    }
    Ok(())
}

async fn listen(medium: Medium, printer: &mut Printer<'_>) -> Result<(), Error> {
    let failed = |source| Error::System { what: "waiting for signals", source };
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let (mut radio, _) = link::open(&LinkConfig { medium, fault: None, tap: None })?;
    let description = radio.describe();
    tracing::info!("listening on {description}");
    let mut buffer = BytesMut::new();
    loop {
        buffer.clear();
        let meta = tokio::select! {
            received = radio.recv(&mut buffer) => match received {
                Ok(meta) => meta,
                Err(source) => return Err(Error::System { what: "receiving", source }),
            },
            _ = interrupt.recv() => return Ok(()),
            _ = terminate.recv() => return Ok(()),
        };
        let arrived_ns = meta.kernel_receive_ns.unwrap_or(meta.user_receive_ns);
        let arrival = Arrival {
            unix_ns: ClockPair::now().realtime_of(arrived_ns),
            source: meta.source.0,
            interface: &description,
            signal_dbm: meta.signal_dbm,
        };
        let enough = printer.frame(&buffer, &arrival)?;
        // A reader may be watching: output must not wait for the next frame.
        printer.out.flush()?;
        if enough == Enough::Yes {
            return Ok(());
        }
    }
}

struct Printer<'o> {
    verifier: Option<Verifier>,
    style: Style,
    left: u64,
    out: &'o mut dyn Write,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Enough {
    No,
    Yes,
}

impl Printer<'_> {
    fn frame(&mut self, frame: &[u8], arrival: &Arrival<'_>) -> Result<Enough, Error> {
        let decoded = decode::decode(frame);
        let signature = match (&decoded, &mut self.verifier) {
            (Ok(decoded), Some(verifier)) => verifier.check(decoded),
            _ => Signature::Unchecked,
        };
        line::write(self.out, self.style, frame, arrival, &decoded, &signature)?;
        self.left = self.left.saturating_sub(1);
        Ok(if self.left == 0 { Enough::Yes } else { Enough::No })
    }
}

fn parse_ethertype(text: &str) -> Result<u16, String> {
    let number = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => u16::from_str_radix(digits, 16),
        None => text.parse(),
    };
    match number {
        Ok(number) if number >= 0x0600 => Ok(number),
        _ => Err("expected an EtherType, 0x0600 to 0xFFFF".to_owned()),
    }
}

/// Shown below the options.
pub const HELP: &str = "Each line: time (UTC), sender's link address, class, message, signer/number,
position, hops left/signed, size, the state of its signature, then the payload.
A frame that does not decode is shown with the reason and the byte where the
undecodable part starts.

Examples:
  roadcast dump night.pcapng --root keys/root.cred --issuer keys/issuer.cred
  roadcast dump --interface wlan0 --count 10
  roadcast dump --interface lo --group 239.255.77.77:47808 --json
  roadcast dump --config car-1.toml | grep hazard";

#[cfg(test)]
mod tests;
