//! What no station does, for the tests on simulated radios (`tests/radio-vm`): frames of many senders from one radio.
//!
//! ```text
//! air flood INTERFACE SENDERS FRAMES INTERVAL_MS    FRAMES frames from each of SENDERS addresses, an interval apart
//! ```

use std::future::poll_fn;
use std::process::ExitCode;

use radio_adapters::clock::monotonic_ns;
use radio_adapters::packet::{PacketConfig, PacketRadio};
use radio_adapters::timer::DeadlineTimer;
use radio_adapters::{AccessCategory, LinkAddress, RadioExt as _, TxFrame};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words[..] {
        ["flood", interface, senders, frames, interval_ms] => {
            numbers([senders, frames, interval_ms]).and_then(|numbers| flood(interface, numbers))
        }
        _ => Err("expected: air flood INTERFACE SENDERS FRAMES INTERVAL_MS".to_owned()),
    };
    match done {
        Ok(said) => {
            println!("{said}");
            ExitCode::SUCCESS
        }
        Err(wrong) => {
            eprintln!("air: {wrong}");
            ExitCode::from(2)
        }
    }
}

fn numbers<const N: usize>(words: [&str; N]) -> Result<[u16; N], String> {
    let mut numbers = [0; N];
    for (number, word) in numbers.iter_mut().zip(words) {
        *number = word.parse().map_err(|_| format!("found {word:?}, expected a number up to 65535"))?;
    }
    Ok(numbers)
}

fn flood(interface: &str, [senders, frames, interval_ms]: [u16; 3]) -> Result<String, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
    runtime.map_err(|error| error.to_string())?.block_on(async {
        let mut radio = PacketRadio::open(PacketConfig::new(interface)).map_err(|error| error.to_string())?;
        let mut timer = DeadlineTimer::new().map_err(|error| error.to_string())?;
        for _ in 0..frames {
            for sender in 0..senders {
                let [high, low] = sender.to_be_bytes();
                let frame = TxFrame::new(NO_MESSAGE, AccessCategory::BestEffort)
                    .from_source(Some(LinkAddress([0x02, 0xba, 0xd0, 0, high, low])));
                radio.send(&frame).await.map_err(|error| format!("{interface}: {error}"))?;
                let next = timer.set(Some(monotonic_ns() + 1_000_000 * u64::from(interval_ms)));
                next.map_err(|error| error.to_string())?;
                poll_fn(|cx| timer.poll_expired(cx)).await.map_err(|error| error.to_string())?;
            }
        }
        Ok(format!("{frames} frames of {senders} senders"))
    })
}

/// A station drops it by its first byte.
const NO_MESSAGE: &[u8] = b"another protocol";
