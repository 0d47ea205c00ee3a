//! `roadcast-bridge remote`: units driven from here.

use std::env;
use std::path::PathBuf;

use crate::config::Config;
use crate::error::BridgeError;
use crate::peers::{Peers, read_key};
use crate::remote::{Order, RemoteArgs, RemoteError};

/// Does what the command line asks for, and returns the exit code.
///
/// # Errors
/// The configuration cannot be used, or the unit is not reached or refuses.
pub async fn remote(args: &RemoteArgs) -> Result<u8, BridgeError> {
    let asked = match args.order()? {
        Order::Help(help) => return Ok(help.run().await?),
        Order::Ask(asked) => asked,
    };
    let file = match &args.config {
        Some(file) => file.clone(),
        None => usual_file()?,
    };
    let config = Config::load(&file)?;
    let (Some(settings), Some(key)) = (&config.peers, &config.bridge.key) else {
        return Err(RemoteError::Usage(format!(
            "{}: no [peers]: a [[peer]] names each unit and its key",
            file.display()
        ))
        .into());
    };
    // An endpoint of its own: a bridge may run on this machine, and goes on.
    let peers = Peers::dial_only(settings, &read_key(key)?).await?;
    let code = asked.run(&peers).await;
    peers.close().await;
    Ok(code?)
}

/// The first that is there.
fn usual_file() -> Result<PathBuf, RemoteError> {
    let home = env::var_os("HOME").map(|home| PathBuf::from(home).join(".config"));
    let own =
        env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).filter(|folder| folder.is_absolute()).or(home);
    let places =
        own.into_iter().chain([PathBuf::from("/etc")]).map(|folder| folder.join("roadcast/bridge.toml"));
    let places: Vec<_> = places.collect();
    let there = places.iter().find(|file| file.exists()).cloned();
    there.ok_or_else(|| {
        let looked: Vec<_> = places.iter().map(|file| file.display().to_string()).collect();
        RemoteError::Usage(format!(
            "no configuration at {}: name one with --config FILE",
            looked.join(" or ")
        ))
    })
}
