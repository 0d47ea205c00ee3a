//! What a node does next, worked out ahead of its turn.
//!
//! A node is a function of its inputs. So what it does with inputs that are already certain may be worked out early, on another
//! thread, and its outputs kept until the world comes to each of these inputs: whatever the world then does with them, it
//! does in the order in which it would have done everything. See `window` for which inputs are certain.

use std::collections::VecDeque;

use v2x_core::{Event, Input, Instant, Node, Output};
use v2x_recording::transcript;

/// Outputs of a node that the world has not come to.
#[derive(Debug, Default)]
pub(super) struct Foreseen {
    steps: VecDeque<Step>,
    /// Of all steps, each ending with a timeout.
    outputs: VecDeque<Output>,
    /// Transcripts of all outputs, and how far they were taken.
    text: Vec<u8>,
    read: usize,
    /// The outputs of a step are being taken.
    open: bool,
}

/// A node's answer to one input.
#[derive(Clone, Copy, Debug)]
struct Step {
    at_ns: u64,
    of: Cause,
    text_end: usize,
}

/// What a node answered to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// A frame, and the timeout that its verification asks for.
    Frame,
    /// A position.
    Fix,
    /// A deadline.
    Timeout,
    /// Anything else, which is never foreseen.
    Other,
}

impl Cause {
    pub(super) fn of(input: &Input) -> Self {
        match input {
            Input::Fix(_) => Self::Fix,
            Input::Timeout => Self::Timeout,
            _ => Self::Other,
        }
    }
}

/// How a node's answer ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answer {
    /// When it wants to be woken, ns.
    pub(super) deadline_ns: u64,
    /// It sends something, or will.
    pub(super) sends: bool,
}

impl Foreseen {
    /// Takes what a node says to an input it got at `at_ns`.
    pub(super) fn keep(&mut self, at_ns: u64, of: Cause, station: u32, node: &mut Node) -> Answer {
        let mut sends = false;
        let deadline_ns = loop {
            let output = node.poll_output();
            if let Output::Timeout(deadline, _) = output {
                self.outputs.push_back(output);
                break deadline.as_nanos();
            }
            note(at_ns, station, &output, &mut self.text);
            sends |= matches!(output, Output::Transmit(_) | Output::Event(Event::Sent(_)));
            self.outputs.push_back(output);
        };
        self.steps.push_back(Step { at_ns, of, text_end: self.text.len() });
        Answer { deadline_ns, sends }
    }

    /// Nothing of it is left.
    pub(super) fn is_empty(&self) -> bool {
        self.steps.is_empty() && !self.open
    }

    /// The world comes to an input: whether its outputs are known. Their transcripts go to `text`.
    ///
    /// # Panics
    /// Another input was foreseen: a fault of the software, so no result could be trusted.
    pub(super) fn take(&mut self, now: Instant, of: Cause, text: &mut Vec<u8>) -> bool {
        let Some(step) = self.steps.pop_front() else { return false };
        assert!(
            (step.at_ns, step.of) == (now.as_nanos(), of) && !self.open,
            "invariant: a station gets the input that was foreseen: {of:?} at {now:?}, not {step:?}"
        );
        text.extend_from_slice(&self.text[self.read..step.text_end]);
        self.read = step.text_end;
        if self.steps.is_empty() {
            self.text.clear();
            self.read = 0;
        }
        self.open = true;
        true
    }

    /// The next output of the input that was [taken](Self::take); `None` when the node has to be asked.
    pub(super) fn poll(&mut self) -> Option<Output> {
        if !self.open {
            return None;
        }
        let output = self.outputs.pop_front().expect("invariant: a step ends with a timeout");
        self.open = !matches!(output, Output::Timeout(..));
        Some(output)
    }
}

/// Writes an output into the text whose digest a world's result has.
pub(super) fn note(now_ns: u64, station: u32, output: &Output, text: &mut Vec<u8>) {
    text.extend_from_slice(&now_ns.to_le_bytes());
    text.extend_from_slice(&station.to_le_bytes());
    transcript::write(output, text);
}
