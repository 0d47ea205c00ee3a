//! A station's figures for Prometheus: OpenMetrics, or its older text format for who does not ask for that.
//!
//! Names follow the Prometheus conventions; `docs/metrics.md` lists them, and a test holds both ways. Label values are names of
//! classes, stages, reasons, sources and states: never a station's, of which there is no end.

mod figures;

use prometheus_client::encoding::{prometheus_text, text};
use prometheus_client::registry::Registry;
use v2x_api::Stats;

use self::figures::Figures;

/// How metrics are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// OpenMetrics 1.0.
    OpenMetrics,
    /// The text format of Prometheus, version 0.0.4.
    Prometheus,
}

impl Format {
    /// The format for who sends this as `Accept`.
    #[must_use]
    pub fn accepted(accept: &str) -> Self {
        if accept.contains("application/openmetrics-text") { Self::OpenMetrics } else { Self::Prometheus }
    }

    /// Its media type.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// The figures as text.
#[must_use]
pub fn exposition(stats: Stats, format: Format) -> String {
    let mut registry = Registry::with_prefix("roadcast");
    registry.register_collector(Box::new(Figures(stats)));
    let mut text = String::with_capacity(USUAL_BYTES);
    let written = match format {
        Format::OpenMetrics => text::encode(&mut text, &registry),
        Format::Prometheus => prometheus_text::encode(&mut text, &registry),
    };
    written.expect("a String takes all text, and every histogram has a bucket");
    text
}

const USUAL_BYTES: usize = 64 * 1024;

#[cfg(test)]
mod tests;
