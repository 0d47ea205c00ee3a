//! `roadcast publish`: has a running daemon sign and send one message.

use std::io::Write;

use clap::Args;
use serde_json::{Value, json};
use v2x_api::{PublishRequest, digest, message_type};
use v2x_proto::v1::MessageType;
use v2x_proto::{Class, Digest};

use crate::commands::hazard::{Daemon, parse};
use crate::commands::span::whole;
use crate::error::Error;

/// `roadcast publish`.
#[derive(Args, Clone, Debug)]
pub struct PublishArgs {
    /// Type of the message, as in the schema: vru, echo, sign_info ...
    #[arg(value_name = "TYPE", value_parser = parse_type)]
    message_type: MessageType,
    /// The message as JSON, its fields named as in the schema
    #[arg(long, value_name = "JSON", value_parser = parse_payload)]
    payload: Value,
    /// Seal it to this neighbour alone, by its digest (16 hex digits, as `roadcast neighbours` shows it)
    #[arg(long, value_name = "DIGEST", value_parser = parse_digest)]
    to: Option<Digest>,
    /// Deadline class, D0 to D5; default: the only one of its type, or D5
    #[arg(long, value_name = "CLASS", value_parser = parse::class)]
    class: Option<Class>,
    /// How long it is of use, milliseconds
    #[arg(long, value_name = "N", value_parser = whole(1..=600_000_u32, "milliseconds"))]
    lifetime_ms: Option<u32>,
    #[command(flatten)]
    daemon: Daemon,
}

/// Runs the command.
///
/// # Errors
/// No daemon, or the station's refusal.
pub fn run(args: &PublishArgs, out: &mut dyn Write) -> Result<(), Error> {
    let asked = PublishRequest {
        message_type: args.message_type,
        payload: args.payload.clone(),
        class: args.class,
        lifetime_ms: args.lifetime_ms,
        hops: None,
        area: None,
        to: args.to,
    };
    let published = args.daemon.connect()?.publish(&asked)?;
    let (message, bytes, sent_us) = (&published.message, published.bytes, published.sent_us);
    if args.daemon.json() {
        writeln!(out, "{}", json!({ "message": message, "bytes": bytes, "sent_us": sent_us }))?;
    } else {
        writeln!(out, "{message} sent, {bytes} bytes, {sent_us:.0} us after it was made")?;
    }
    Ok(())
}

fn parse_type(text: &str) -> Result<MessageType, String> {
    message_type(text)
        .ok_or_else(|| "expected a type of message as in the schema, such as vru or echo".to_owned())
}

fn parse_payload(text: &str) -> Result<Value, String> {
    match serde_json::from_str(text) {
        Ok(Value::Object(object)) => Ok(Value::Object(object)),
        Ok(_) => Err("expected an object, such as {\"token\":7}".to_owned()),
        Err(error) => {
            Err(format!("no JSON at column {}; expected an object, such as {{\"token\":7}}", error.column()))
        }
    }
}

fn parse_digest(text: &str) -> Result<Digest, String> {
    digest(text).ok_or_else(|| "expected 16 hex digits, as `roadcast neighbours` shows a digest".to_owned())
}

/// Shown under `roadcast publish --help`.
pub const HELP: &str = "Examples:
  roadcast publish vru --payload '{\"profile\":\"pedestrian\",\"speed\":120}'
  roadcast publish echo --payload '{\"token\":7}' --to 00112233aabbccdd";
