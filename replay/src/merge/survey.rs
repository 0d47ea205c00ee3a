//! A first reading of every recording: whose it is, how long, and roughly how far its clock is from the others'.

use std::collections::{BTreeSet, VecDeque};
use std::path::{Path, PathBuf};

use hashbrown::HashMap;
use v2x_proto::Digest;
use v2x_recording::check::{CheckError, shown};

use super::error::MergeError;
use super::tape::{FrameFacts, Tape, TapeEvent};

/// What a reading of a whole recording shows.
#[derive(Debug)]
pub(super) struct Surveyed {
    pub(super) path: PathBuf,
    pub(super) name: String,
    pub(super) software: String,
    pub(super) version: u32,
    pub(super) lost_inputs: Option<u64>,
    pub(super) cut: Option<String>,
    /// The station's credentials.
    pub(super) own: BTreeSet<Digest>,
    /// First and last time on its own clock, ns.
    pub(super) span_ns: [i64; 2],
    /// Messages of its own that it sent, each transmission counted.
    pub(super) sent: u64,
    /// Frames with a signed message that it heard.
    pub(super) heard: u64,
    /// Of those it sent, with the test flag.
    pub(super) sent_test: u64,
    /// How far its clock was beyond the signed time when it sent and heard the first messages, ns.
    sent_after: Vec<i64>,
    heard_after: HashMap<Digest, Vec<i64>>,
}

impl Surveyed {
    /// Reads a recording to its end.
    ///
    /// # Errors
    /// The file cannot be read, or is no recording of a version that is read.
    pub(super) fn read(path: &Path) -> Result<Self, CheckError> {
        let mut tape = Tape::open(path)?;
        let mut found = Self {
            path: path.to_owned(),
            name: path.display().to_string(),
            software: shown(&tape.header.software),
            version: tape.header.version,
            lost_inputs: tape.header.lost_inputs,
            cut: None,
            own: tape.own().into_iter().collect(),
            span_ns: [i64::MAX, i64::MIN],
            sent: 0,
            heard: 0,
            sent_test: 0,
            sent_after: Vec::new(),
            heard_after: HashMap::new(),
        };
        while let Some((at_ns, event)) = tape.next()? {
            let [first, last] = found.span_ns;
            found.span_ns = [first.min(at_ns), last.max(at_ns)];
            match event {
                TapeEvent::Sent(facts, _) if facts.signer == facts.forwarder => {
                    found.sent += 1;
                    found.sent_test += u64::from(facts.test);
                    note(&mut found.sent_after, at_ns, &facts);
                }
                TapeEvent::Heard(facts) => {
                    found.heard += 1;
                    let room = found.heard_after.len() < MAX_SIGNERS;
                    if room || found.heard_after.contains_key(&facts.signer) {
                        note(found.heard_after.entry(facts.signer).or_default(), at_ns, &facts);
                    }
                }
                TapeEvent::Own(own) => found.own.extend(own.into_iter().take(MAX_OWN)),
                _ => {}
            }
        }
        found.cut = tape.cut;
        Ok(found)
    }

    /// How far its clock is ahead of another station's, by what it heard of that, ns.
    fn ahead_of(&self, other: &Self) -> Option<i64> {
        let sent = median(&other.sent_after)?;
        let heard = other.own.iter().find_map(|own| median(self.heard_after.get(own)?))?;
        Some(heard.saturating_sub(sent))
    }
}

fn note(list: &mut Vec<i64>, at_ns: i64, facts: &FrameFacts) {
    if list.len() < SAMPLES {
        let generated = i64::try_from(facts.generation_us).unwrap_or(i64::MAX).saturating_mul(1000);
        list.push(at_ns.saturating_sub(generated));
    }
}

fn median(list: &[i64]) -> Option<i64> {
    let mut sorted = list.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied()
}

/// Refuses recordings that do not belong together.
///
/// # Errors
/// [`MergeError::SameStation`], [`MergeError::TestMixed`].
pub(super) fn check(all: &[Surveyed]) -> Result<(), MergeError> {
    for (number, one) in all.iter().enumerate() {
        for other in &all[..number] {
            if let Some(digest) = one.own.intersection(&other.own).next() {
                return Err(MergeError::SameStation {
                    one: other.name.clone(),
                    other: one.name.clone(),
                    digest: *digest,
                });
            }
        }
    }
    let test = all.iter().find(|one| one.sent_test > 0);
    let service = all.iter().find(|one| one.sent_test < one.sent);
    match (test, service) {
        (Some(test), Some(service)) => {
            Err(MergeError::TestMixed { test: test.name.clone(), service: service.name.clone() })
        }
        _ => Ok(()),
    }
}

/// How far each clock is roughly ahead of the first, ns: by the signed times in the first frames heard. Stations that are not
/// connected by such are taken to have set their clocks right.
pub(super) fn rough_offsets(all: &[Surveyed]) -> Vec<i64> {
    let mut found: Vec<Option<i64>> = vec![None; all.len()];
    for start in 0..all.len() {
        if found[start].is_some() {
            continue;
        }
        found[start] = Some(0);
        let mut next = VecDeque::from([(start, 0i64)]);
        while let Some((known, offset)) = next.pop_front() {
            for (other, surveyed) in all.iter().enumerate() {
                if found[other].is_some() {
                    continue;
                }
                let ahead = surveyed
                    .ahead_of(&all[known])
                    .or_else(|| Some(all[known].ahead_of(surveyed)?.saturating_neg()));
                if let Some(ahead) = ahead {
                    let offset = offset.saturating_add(ahead);
                    found[other] = Some(offset);
                    next.push_back((other, offset));
                }
            }
        }
    }
    found.into_iter().map(Option::unwrap_or_default).collect()
}

/// First messages whose median tells how far a clock is off: one that lies about its time decides nothing.
const SAMPLES: usize = 15;
/// Signers whose first messages are noted.
const MAX_SIGNERS: usize = 65_536;
/// Credentials in one renewal; more than a pool holds.
const MAX_OWN: usize = 1_024;
