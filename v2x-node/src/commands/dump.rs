//! `roadcast dump`: frames from a link or a capture, one line each.

mod decode;
mod line;
mod payload;
mod text;
mod verify;

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::PathBuf;

use bytes::BytesMut;
use clap::{ArgGroup, Args};
use radio_adapters::clock::{ClockPair, monotonic_ns};
use radio_adapters::timer::DeadlineTimer;
use radio_adapters::{Radio, RadioExt};
use tokio::signal::unix::{SignalKind, signal};
#[cfg(feature = "replay")]
use v2x_replay::source::capture::{self, Filter};

#[cfg(feature = "replay")]
use self::decode::Fault;
use self::line::{Arrival, Style};
use self::verify::{Signature, Verdict, Verifier};
use crate::commands::span::whole;
use crate::config::{LinkConfig, Medium, StationConfig};
use crate::daemon::link;
use crate::daemon::link_news::LinkNews;
use crate::error::{Complaint, Error};
use crate::key_files;

/// `roadcast dump`
#[derive(Args, Clone, Debug)]
#[command(group = ArgGroup::new("source").required(true))]
pub struct DumpArgs {
    /// Capture to read: pcapng or pcap, plain or gzip; - is standard input
    #[cfg(feature = "replay")]
    #[arg(group = "source", value_name = "FILE")]
    file: Option<PathBuf>,
    /// Interface to listen on: raw frames, or UDP multicast with --group
    #[arg(long, group = "source", value_name = "IF")]
    interface: Option<String>,
    /// Listen on the link of a station's configuration, with its trusted authorities
    #[arg(long, group = "source", value_name = "FILE")]
    config: Option<PathBuf>,
    /// UDP multicast group and port, such as 239.255.77.77:47808; of a capture, show only what came to it
    #[arg(long, value_name = "GROUP:PORT", conflicts_with = "config", value_parser = parse_group)]
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
    #[arg(long, value_name = "N", value_parser = whole(1..=u64::MAX, "frames"))]
    count: Option<u64>,
    /// One JSON object per line
    #[arg(long)]
    json: bool,
    /// Show every field of the payload
    #[arg(long, conflicts_with = "json")]
    full: bool,
}

impl DumpArgs {
    /// Whether it listens to a link, rather than read a file.
    pub(crate) fn listens(&self) -> bool {
        self.interface.is_some() || self.config.is_some()
    }
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
        return capture(file, args, &mut printer);
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

fn parse_group(text: &str) -> Result<SocketAddrV4, String> {
    let group: SocketAddrV4 = text.parse().map_err(|_| match text.parse::<Ipv4Addr>() {
        Ok(group) => format!("{group} needs a port, such as {group}:47808"),
        Err(_) => "expected an IPv4 group and its port, such as 239.255.77.77:47808".to_owned(),
    })?;
    if !group.ip().is_multicast() {
        return Err(format!("{} is no multicast group; expected one of 224.0.0.0/4", group.ip()));
    }
    Ok(group)
}

fn medium(args: &DumpArgs) -> Medium {
    let interface = args.interface.clone().unwrap_or_default();
    match args.group {
        Some(group) => Medium::Udp { interface, group, receive_buffer: None },
        None => Medium::Packet { interface, ethertype: args.ethertype, receive_buffer: None },
    }
}

#[cfg(feature = "replay")]
fn capture(file: &std::path::Path, args: &DumpArgs, printer: &mut Printer<'_>) -> Result<(), Error> {
    let filter = Filter { ether_type: args.ethertype, group: args.group };
    let mut reader = capture::open(file, filter).map_err(DumpError::from)?;
    let mut frames = 0u64;
    for captured in &mut reader {
        frames += 1;
        let arrival = Arrival {
            unix_ns: captured.time_ns.unwrap_or(0),
            source: captured.source,
            interface: &captured.interface,
            signal_dbm: None,
            trailing: 0,
        };
        let enough = match captured.missing {
            0 => {
                let (frame, trailing) = decode::without_trailer(&captured.frame);
                printer.frame(frame, &Arrival { trailing, ..arrival })?
            }
            missing => printer.clipped(&captured.frame, missing, &arrival)?,
        };
        if enough == Enough::Yes {
            return Ok(());
        }
    }
    let (tally, packets) = (reader.tally(), reader.packets());
    if frames == 0 {
        let wanted = match args.group {
            Some(group) => format!("no datagrams to {group}"),
            None => {
                format!("no frames of EtherType {:#06x} and none of a link over UDP", args.ethertype)
            }
        };
        tracing::warn!("{}: {wanted} among {packets} packets", file.display());
    }
    if tally.total() > 0 {
        tracing::warn!("{}: {} of {packets} packets not shown: {tally}", file.display(), tally.total());
    }
    if let Some(cut) = reader.cut() {
        tracing::warn!(
            "{}: breaks off after {packets} packets: {cut}; what came before is shown",
            file.display()
        );
    }
    Ok(())
}

async fn listen(medium: Medium, printer: &mut Printer<'_>) -> Result<(), Error> {
    let failed = |source| Error::System { what: "waiting for signals", source };
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let over_udp = matches!(medium, Medium::Udp { .. });
    let (mut radio, _) = link::open(&LinkConfig { medium, join: None, wait: false, fault: None, tap: None })?;
    tell(&listening(&radio.describe(), over_udp));
    let mut news = LinkNews::default();
    let mut look = DeadlineTimer::new().map_err(|source| Error::System { what: "making a timer", source })?;
    let mut buffer = BytesMut::new();
    loop {
        for line in news.changes(&radio.state(), &radio.counters()) {
            tell(&line);
        }
        look.set(Some(monotonic_ns() + LOOK_NS))
            .map_err(|source| Error::System { what: "setting a timer", source })?;
        buffer.clear();
        let meta = tokio::select! {
            received = radio.recv(&mut buffer) => match received {
                Ok(meta) => meta,
                Err(source) => return Err(Error::System { what: "receiving", source }),
            },
            _ = look.expired() => continue,
            _ = interrupt.recv() => return Ok(()),
            _ = terminate.recv() => return Ok(()),
        };
        let description = radio.describe();
        let (frame, trailing) = decode::without_trailer(&buffer);
        let arrived_ns = meta.kernel_receive_ns.unwrap_or(meta.user_receive_ns);
        let arrival = Arrival {
            unix_ns: ClockPair::now().realtime_of(arrived_ns),
            source: meta.source.0,
            interface: &description,
            signal_dbm: meta.signal_dbm,
            trailing,
        };
        let enough = printer.frame(frame, &arrival)?;
        // A reader may be watching: output must not wait for the next frame.
        printer.out.flush()?;
        if enough == Enough::Yes {
            return Ok(());
        }
    }
}

/// Says a line on standard error. That nobody reads it is no reason to end.
fn tell(line: &str) {
    drop(writeln!(std::io::stderr(), "{line}"));
}

/// What is listened for, and how to listen for the other kind: a listener on the wrong one waits for ever.
fn listening(description: &str, over_udp: bool) -> String {
    let other = if over_udp {
        "stations that use raw frames (link.kind = \"packet\") are heard without --group"
    } else {
        "stations that use UDP are heard with --group, such as --group 239.255.77.77:47808"
    };
    format!("listening on {description}; {other}")
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
    /// Shows a frame of which the capture has the beginning alone.
    #[cfg(feature = "replay")]
    fn clipped(&mut self, frame: &[u8], missing: u32, arrival: &Arrival<'_>) -> Result<Enough, Error> {
        let whole = frame.len() as u64 + u64::from(missing);
        let reason = format!("the capture kept {} of {whole} bytes (snap length)", frame.len());
        let fault = Fault { offset: frame.len(), reason, refusal: None };
        let verdict = Verdict { signature: Signature::Unchecked, refusal: None };
        line::write(self.out, self.style, frame, arrival, &Err(fault), &verdict)?;
        Ok(self.shown())
    }

    fn shown(&mut self) -> Enough {
        self.left = self.left.saturating_sub(1);
        if self.left == 0 { Enough::Yes } else { Enough::No }
    }

    fn frame(&mut self, frame: &[u8], arrival: &Arrival<'_>) -> Result<Enough, Error> {
        let decoded = decode::decode(frame);
        let signature = match (&decoded, &mut self.verifier) {
            (Ok(decoded), Some(verifier)) => verifier.check(decoded),
            _ => Signature::Unchecked,
        };
        let refusal = match (&decoded, &mut self.verifier) {
            (Ok(decoded), verifier) => {
                let signer = verifier.as_mut().and_then(|verifier| verifier.signer(decoded));
                decoded.refusal(signer, arrival.wire_time()).or_else(|| signature.refusal())
            }
            (Err(fault), _) => fault.refusal,
        };
        line::write(self.out, self.style, frame, arrival, &decoded, &Verdict { signature, refusal })?;
        Ok(self.shown())
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

/// How often the link is looked at while no frame comes.
const LOOK_NS: u64 = 500_000_000;

/// Shown below the options.
pub const HELP: &str = "Each line: time (UTC), sender's link address, class, message, signer/number,
position, hops left/signed, size, the state of its signature, then the payload.
A frame that does not decode is shown with the reason and the byte where the
undecodable part starts. After \"stations drop it\" comes the reason, with the
field at fault, for which every station refuses the frame, whatever else it has
heard, and though its signature be valid; its age is judged by the time of its
arrival.

Examples:
  roadcast dump night.pcapng --root keys/root.cred --issuer keys/issuer.cred
  tcpdump -i eth0 -w - | roadcast dump -
  roadcast dump --interface wlan0 --count 10
  roadcast dump --interface lo --group 239.255.77.77:47808 --json
  roadcast dump --config car-1.toml | grep hazard";

#[cfg(test)]
mod tests;
