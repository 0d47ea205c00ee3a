//! Commands that ask a running bridge, or a broker.

use std::io::{self, Write as _};
use std::path::PathBuf;

use clap::Args;
use serde_json::{Map, Value};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::net::UnixStream;
use tokio::net::unix::OwnedReadHalf;
use tokio::sync::mpsc;

use crate::broker::follow::{self, Follow};
use crate::config::Config;
use crate::error::BridgeError;
use crate::hub::Heard;
use crate::socket;

/// Which running bridge is asked.
#[derive(Args, Debug)]
pub struct AskArgs {
    /// Its socket; by default the one of this user, or /run/roadcast/bridge.sock
    #[arg(long, value_name = "PATH")]
    pub socket: Option<PathBuf>,
    /// Print JSON, for programs
    #[arg(long)]
    pub json: bool,
}

/// What of a broker is followed.
#[derive(Args, Debug)]
pub struct FollowArgs {
    /// The configuration: its [broker], of which `receive` says what
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    /// Share the messages with all who name this group: each gets a part
    #[arg(long, value_name = "NAME")]
    pub group: Option<String>,
    /// Only print the filters, for other clients
    #[arg(long)]
    pub filters: bool,
}

/// `roadcast-bridge status`.
pub(crate) async fn status(args: &AskArgs) -> Result<(), BridgeError> {
    let answer = ask(args, "status").await?;
    let status = answer.get("status").and_then(Value::as_object).cloned().unwrap_or_default();
    let text = if args.json { format!("{:#}\n", Value::Object(status)) } else { table(&status) };
    print(&text)
}

/// `roadcast-bridge metrics`.
pub(crate) async fn metrics(args: &AskArgs) -> Result<(), BridgeError> {
    let answer = ask(args, "metrics").await?;
    print(answer.get("metrics").and_then(Value::as_str).unwrap_or_default())
}

/// `roadcast-bridge listen`.
pub(crate) async fn listen(args: &AskArgs) -> Result<(), BridgeError> {
    let mut lines = connect(args, "listen").await?;
    while let Some(line) = lines.next_line().await? {
        print(&format!("{line}\n"))?;
    }
    Ok(())
}

/// `roadcast-bridge follow`.
pub(crate) async fn follow(args: &FollowArgs) -> Result<(), BridgeError> {
    let config = Config::load(&args.config)?;
    let Some(broker) = &config.broker else {
        let missing = format!("{}: no [broker] to follow", args.config.display());
        return Err(BridgeError::Refused(missing));
    };
    let follow = Follow::new(broker, args.group.as_deref())?;
    if args.filters {
        return print(&follow.filters().iter().map(|filter| format!("{filter}\n")).collect::<String>());
    }
    let (to, mut messages) = mpsc::channel(follow::ROOM);
    let follower = follow.run(to);
    tokio::pin!(follower);
    loop {
        tokio::select! {
            () = &mut follower => return Ok(()),
            message = messages.recv() => {
                let Some(message) = message else { return Ok(()) };
                let heard = Heard { from: broker.address.to_string(), message };
                print(&format!("{}\n", socket::line_of(&heard)))?;
            }
        }
    }
}

async fn ask(args: &AskArgs, what: &str) -> Result<Value, BridgeError> {
    let line = connect(args, what).await?.next_line().await?.unwrap_or_default();
    let answer: Value = serde_json::from_str(&line).unwrap_or(Value::Null);
    match answer.get("ok") {
        Some(Value::Bool(true)) => Ok(answer),
        _ => {
            let error = answer.get("error").and_then(Value::as_str);
            Err(BridgeError::Refused(error.unwrap_or("no answer that this program understands").to_owned()))
        }
    }
}

async fn connect(args: &AskArgs, what: &str) -> Result<Lines<BufReader<OwnedReadHalf>>, BridgeError> {
    let path = args.socket.clone().unwrap_or_else(socket::default_path);
    let no_bridge = |source| BridgeError::NoBridge { path: path.clone(), source };
    let (from, mut to) = UnixStream::connect(&path).await.map_err(no_bridge)?.into_split();
    to.write_all(format!("{{\"bridge\":\"{what}\"}}\n").as_bytes()).await.map_err(no_bridge)?;
    // The write half must live as long as the reader: dropping it would end the connection in one direction only.
    to.forget();
    Ok(BufReader::new(from).lines())
}

/// The status for people: a block for each section, a line for each of several.
fn table(status: &Map<String, Value>) -> String {
    let mut out = String::new();
    for (section, value) in status {
        match value {
            Value::Array(items) if items.is_empty() => out.push_str(&format!("{section}: none\n")),
            Value::Array(items) => {
                items.iter().for_each(|item| out.push_str(&format!("{section} {}\n", line(item))))
            }
            other => out.push_str(&format!("{section} {}\n", line(other))),
        }
    }
    out
}

fn line(value: &Value) -> String {
    match value {
        Value::Object(object) => {
            let name = object.get("name").and_then(Value::as_str).map(|name| format!("{name}: "));
            let others = object
                .iter()
                .filter(|(key, value)| *key != "name" && !value.is_null() && value.as_u64() != Some(0));
            let others: Vec<String> = others.map(|(key, value)| format!("{key} {}", line(value))).collect();
            format!("{}{}", name.unwrap_or_default(), others.join(", "))
        }
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn print(text: &str) -> Result<(), BridgeError> {
    let mut out = io::stdout().lock();
    Ok(out.write_all(text.as_bytes()).and_then(|()| out.flush())?)
}
