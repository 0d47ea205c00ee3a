//! One message and one receiver.

/// What became of one message for one station it was meant for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PairOutcome {
    /// When the message was meant to be sent, ns.
    pub sent_ns: u64,
    /// The station.
    pub station: u32,
    /// From the sender at that time, m.
    pub distance_m: f32,
    /// Since that time, ns; `None` when it was never delivered.
    pub latency_ns: Option<u64>,
    /// Late, or never delivered.
    pub missed: bool,
    /// Why it was never delivered.
    pub reason: &'static str,
}
