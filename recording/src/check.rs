//! Feeds a station's recording to a fresh node and compares every output, byte for byte.
//!
//! A node is a function of its configuration, identity, seed and inputs. So a recording checks either that this
//! version of the software decides as the recording software did, or that the recording is genuine. The station's
//! private key is not in a recording: the node is given the signatures that the recorded frames carry, each verified
//! against the station's credential. A message that was signed and never transmitted has no signature in the recording
//! and needs none, since none of its outputs shows it.
//!
//! A recording that breaks off is checked up to there, with a warning.
//!
//! One that was begun anew while the station ran (`lost_inputs` in its header) cannot be checked this way: the station knew
//! neighbours, events and numbers that a fresh node does not. It is read whole, each input is handed over, and the outputs that are the
//! same are counted; those that differ are a warning and no difference.

mod error;
mod reader;
mod signatures;

use core::fmt;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use ed25519_dalek::VerifyingKey;
use v2x_core::{
    Anchor, Config, CredentialError, HazardCommand, Identity, Input, Instant, Node, Output, Pool, Position,
    SequenceStarts, TrustStore, WireTime,
};
use v2x_proto::credential::CredentialView;
use v2x_proto::v1;

use crate::record;
use crate::transcript;
use signatures::{Forged, RecordedHost, RecordedKey, RecordedOpener, Signatures};

pub use error::CheckError;
pub use reader::{ReadStep, RecordReader, shown};

/// Checks a recording in a file.
///
/// # Errors
/// [`CheckError`]: the recording cannot be read or is none of this version. A recording whose outputs differ is no
/// error but [`CheckOutcome::difference`].
pub fn check(path: &Path) -> Result<CheckOutcome, CheckError> {
    check_with(&path.display().to_string(), || File::open(path).map(BufReader::new), &mut Nobody)
}

/// Checks a recording in a file while somebody looks on.
///
/// # Errors
/// As [`check`].
pub fn check_watched(path: &Path, onlooker: &mut dyn Onlooker) -> Result<CheckOutcome, CheckError> {
    check_with(&path.display().to_string(), || File::open(path).map(BufReader::new), onlooker)
}

/// Checks a recording in memory; errors name it `name`.
///
/// # Errors
/// As [`check`].
pub fn check_bytes(bytes: &[u8], name: &str) -> Result<CheckOutcome, CheckError> {
    check_with(name, || Ok(bytes), &mut Nobody)
}

/// Looks on while the recorded inputs are handed to the node. What it sees before a difference is what was.
pub trait Onlooker {
    /// The node gave this output to the input that it handles.
    fn output(&mut self, now: Instant, node: &Node, output: &Output);

    /// The node has handled an input, and all its outputs were seen.
    fn handled(&mut self, now: Instant, node: &Node);
}

struct Nobody;

impl Onlooker for Nobody {
    fn output(&mut self, _: Instant, _: &Node, _: &Output) {}

    fn handled(&mut self, _: Instant, _: &Node) {}
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckOutcome {
    /// The software that wrote the recording.
    pub software: String,
    /// Inputs handed to the node.
    pub inputs: u64,
    /// Outputs that were the same.
    pub outputs: u64,
    /// Time from the first input to the last, ns.
    pub recorded_ns: u64,
    /// The first difference, after which nothing was compared.
    pub difference: Option<Difference>,
    /// Warnings.
    pub warnings: Vec<String>,
}

/// Where a node's outputs first differ from the recorded ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The record in the file, from 1, the header not counted.
    pub record: u64,
    /// When the input before it was handled, the station's own clock, ns.
    pub at_ns: u64,
    /// That input in words.
    pub input: String,
    /// What the recording has, in words; `None` when it has no output there.
    pub recorded: Option<String>,
    /// What the node gave, in words; `None` when it gave none.
    pub found: Option<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { record, at_ns, input, recorded, found } = self;
        let text = |side: &Option<String>| side.clone().unwrap_or_else(|| "no output".to_owned());
        writeln!(f, "first difference at record {record}, t = {:.9} s", *at_ns as f64 / 1e9)?;
        writeln!(f, "  after input: {input}")?;
        writeln!(f, "  recorded:    {}", text(recorded))?;
        write!(f, "  found:       {}", text(found))
    }
}

fn check_with<R: Read>(
    name: &str,
    mut open: impl FnMut() -> io::Result<R>,
    onlooker: &mut dyn Onlooker,
) -> Result<CheckOutcome, CheckError> {
    let mut open = || open().map_err(|source| CheckError::Read { name: name.to_owned(), source });
    // The node signs before it transmits, so the signatures are gathered in a reading of their own.
    let (header, mut reader) = RecordReader::open(open()?, name)?;
    let mut signatures = Signatures::default();
    while let ReadStep::Record(_, _, record) = reader.step()? {
        if let v1::record::Record::Output(output) = record {
            signatures.gather(&output.entry);
        }
    }
    let forged = Forged::default();
    let node = station(&header, signatures, forged.clone())
        .map_err(|what| CheckError::Header { name: name.to_owned(), what })?;
    let (_, mut reader) = RecordReader::open(open()?, name)?;
    let mut comparison = Comparison::new(node, forged, shown(&header.software));
    comparison.joined = header.lost_inputs.map(Joined::after);
    loop {
        let step = reader.step()?;
        let bad = |record, offset, what, outputs| {
            Err(CheckError::Record { name: name.to_owned(), record, offset, what, outputs })
        };
        let more = match step {
            ReadStep::Record(number, offset, v1::record::Record::Input(recorded)) => {
                match record::decode(recorded) {
                    Ok((now, input)) => comparison.input(number, now, input, onlooker),
                    Err(error) => return bad(number, offset, error.to_string(), comparison.outcome.outputs),
                }
            }
            ReadStep::Record(number, _, v1::record::Record::Output(output)) => {
                comparison.output(number, &output.entry)
            }
            ReadStep::Bad(number, offset, what) => {
                return bad(number, offset, what, comparison.outcome.outputs);
            }
            ReadStep::CutShort(offset) => {
                comparison
                    .warn(format!("breaks off inside the record at byte {offset}; checked up to there"));
                false
            }
            ReadStep::End => false,
        };
        if !more {
            return Ok(comparison.finish());
        }
    }
}

/// The station as it was when the recording began.
fn station(header: &v1::RecordingHeader, signatures: Signatures, forged: Forged) -> Result<Node, String> {
    let config: Config = serde_json::from_str(&header.config_json)
        .map_err(|error| format!("the configuration does not read: {error}"))?;
    let credential = |error: CredentialError| error.to_string();
    let trust = TrustStore::new(&header.roots, &header.issuers).map_err(credential)?;
    let signatures = Arc::new(signatures);
    let host = RecordedHost { signatures: Arc::clone(&signatures), forged: forged.clone() };
    let identity = |bytes: &Bytes, starts| {
        let key = CredentialView::parse(bytes)
            .ok()
            .and_then(|view| VerifyingKey::from_bytes(&view.fields.public_key).ok())
            .ok_or("the station's credential does not read")?;
        let signer = RecordedKey::new(key, Arc::clone(&signatures), forged.clone());
        let identity = Identity::recorded(bytes.clone(), Box::new(signer), starts).map_err(credential)?;
        let Some(key) = identity.encryption_key().copied() else { return Ok(identity) };
        let opener = RecordedOpener::new(key, Arc::clone(&signatures));
        identity.with_opener(Box::new(opener)).map_err(credential)
    };
    let pool = if header.pool.is_empty() {
        Pool::from(identity(&header.credential, SequenceStarts::default())?)
    } else {
        if !header.pool.iter().any(|one| one.credential == header.credential) {
            return Err("the station's credential is not in its pool".to_owned());
        }
        let recorded = header.pool.iter().map(|one| {
            let starts = <[u32; 6]>::try_from(one.sequence_starts.as_slice())
                .map_err(|_| "a credential of the pool has not six starts of sequences")?;
            identity(&one.credential, SequenceStarts(starts))
        });
        Pool::new(recorded.collect::<Result<_, String>>()?).map_err(|error| error.to_string())?
    };
    let anchor = Anchor {
        instant: Instant::from_nanos(header.anchor_instant_ns),
        wire: WireTime::from_micros(header.anchor_wire_us),
    };
    Ok(Node::with_host(config, pool, trust, header.seed, anchor, Box::new(host)))
}

/// A node beside its recording.
struct Comparison {
    node: Node,
    forged: Forged,
    outcome: CheckOutcome,
    /// Outputs the node gave that the recording has not shown yet.
    given: VecDeque<Vec<u8>>,
    input: Option<(Instant, String)>,
    first: Option<Instant>,
    joined: Option<Joined>,
}

/// What is counted where the recording was begun in the middle of the station's life.
struct Joined {
    lost_inputs: u64,
    unlike: u64,
}

impl Joined {
    fn after(lost_inputs: u64) -> Self {
        Self { lost_inputs, unlike: 0 }
    }
}

impl Comparison {
    fn new(node: Node, forged: Forged, software: String) -> Self {
        let outcome = CheckOutcome {
            software,
            inputs: 0,
            outputs: 0,
            recorded_ns: 0,
            difference: None,
            warnings: Vec::new(),
        };
        Self { node, forged, outcome, given: VecDeque::new(), input: None, first: None, joined: None }
    }

    /// Hands an input to the node; false when a difference came to light.
    fn input(&mut self, record: u64, now: Instant, input: Input, onlooker: &mut dyn Onlooker) -> bool {
        if let Some(joined) = &mut self.joined {
            joined.unlike += self.given.len() as u64;
            self.given.clear();
        }
        if let Some(entry) = self.given.pop_front() {
            return self.differ(record, None, Some(transcript::describe(&entry)));
        }
        let first = *self.first.get_or_insert(now);
        self.outcome.inputs += 1;
        self.outcome.recorded_ns = self.outcome.recorded_ns.max(now.nanos_since(first));
        self.input = Some((now, describe_input(&input)));
        self.node.handle_input(now, input);
        loop {
            let output = self.node.poll_output();
            if matches!(output, Output::Timeout(..)) {
                break;
            }
            let mut entry = Vec::new();
            transcript::write(&output, &mut entry);
            self.given.push_back(entry);
            onlooker.output(now, &self.node, &output);
        }
        onlooker.handled(now, &self.node);
        if self.forged.take() {
            let recorded = Some("a frame whose signature does not hold under the station's key".to_owned());
            return self.differ(record, recorded, Some("a frame to be signed".to_owned()));
        }
        true
    }

    /// Compares an output; false when it differs.
    fn output(&mut self, record: u64, entry: &[u8]) -> bool {
        if let Some(joined) = &mut self.joined {
            match self.given.iter().position(|given| given == entry) {
                Some(found) => {
                    self.given.remove(found);
                    self.outcome.outputs += 1;
                }
                None => joined.unlike += 1,
            }
            return true;
        }
        match self.given.pop_front() {
            Some(given) if given == entry => {
                self.outcome.outputs += 1;
                true
            }
            given => self.differ(
                record,
                Some(transcript::describe(entry)),
                given.map(|given| transcript::describe(&given)),
            ),
        }
    }

    fn differ(&mut self, record: u64, recorded: Option<String>, found: Option<String>) -> bool {
        let (at, input) = self.input.clone().unwrap_or((Instant::ZERO, "none".to_owned()));
        self.outcome.difference = Some(Difference { record, at_ns: at.as_nanos(), input, recorded, found });
        false
    }

    fn warn(&mut self, warning: String) {
        self.outcome.warnings.push(warning);
    }

    fn finish(mut self) -> CheckOutcome {
        if let Some(Joined { lost_inputs, unlike }) = self.joined.take() {
            self.warn(format!(
                "begun anew while the station ran, after {lost_inputs} lost inputs: the station knew more than a fresh one, so outputs are counted and not judged; {unlike} are not the same"
            ));
            self.given.clear();
        }
        if self.outcome.difference.is_none() && !self.given.is_empty() {
            // A station writes outputs as they come, so the last may be missing when it was stopped hard.
            let count = self.given.len();
            self.warn(format!("ends before the outputs of its last input: {count} not compared"));
        }
        self.outcome
    }
}

fn describe_input(input: &Input) -> String {
    match input {
        Input::Frame(frame) => {
            let source: Vec<String> = frame.link_source.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("a frame of {} bytes from {}", frame.bytes.len(), source.join(":"))
        }
        Input::Fix(None) => "the position was lost".to_owned(),
        Input::Fix(Some(fix)) => {
            let degrees = |units: i32| f64::from(units) / 1e7;
            let Position { latitude, longitude } = fix.position;
            format!("a position: {:.7}, {:.7}", degrees(latitude), degrees(longitude))
        }
        Input::Vehicle(state) => format!("what the vehicle said at {:?}", state.time),
        Input::Clock { wire, state } => format!("the clock: {wire:?}, {}", state.name()),
        Input::Send(request) => {
            format!("a message to send: type {}, {}", request.message_type, request.class.name())
        }
        Input::Hazard { command, .. } => match command {
            HazardCommand::New(draft) => {
                format!("a new hazard of {}, cause {}", draft.class.name(), draft.cause)
            }
            HazardCommand::Update(id, _) => format!("an update of hazard {id}"),
            HazardCommand::Cancel(id) => format!("the end of hazard {id}"),
            HazardCommand::Negate(id) => format!("a negation of hazard {id}"),
        },
        Input::Revocation(delta) => format!("a revocation delta of {} bytes", delta.len()),
        Input::Trust { roots, issuers } => {
            format!("{} roots and {} issuers to trust", roots.len(), issuers.len())
        }
        Input::Identities(identities) => format!("{} credentials to use", identities.len()),
        Input::Link { ready } => format!("the link {}", if *ready { "takes frames" } else { "is full" }),
        Input::ChannelLoad { busy_permille, source } => {
            format!("the channel: busy {busy_permille} thousandths by {}", source.name())
        }
        Input::Timeout => "a timeout".to_owned(),
    }
}
