//! The host's loop over a node's outputs that the contract asks for after every input.

use v2x_core::{Input, Instant, Node, Output, TimerKind};

/// Polls `node` until it returns its deadline, which is returned; `each` gets every output, the deadline last.
pub fn drain(node: &mut Node, mut each: impl FnMut(Output)) -> (Instant, TimerKind) {
    loop {
        let output = node.poll_output();
        let deadline = if let Output::Timeout(at, kind) = output { Some((at, kind)) } else { None };
        each(output);
        if let Some(deadline) = deadline {
            return deadline;
        }
    }
}

/// Drains `node`, sends `Timeout` at `now` for as long as something is due, and returns the first deadline after it.
pub fn settle(node: &mut Node, now: Instant, mut each: impl FnMut(Output)) -> Instant {
    loop {
        let (deadline, _) = drain(node, &mut each);
        if deadline > now {
            return deadline;
        }
        node.handle_input(now, Input::Timeout);
    }
}
