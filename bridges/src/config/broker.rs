//! `[broker]`: a broker by MQTT 5.

use v2x_settings::{Section, SettingsError};

use super::selection::selection;
use crate::broker::BrokerSettings;
use crate::broker::address::{BrokerAddress, BrokerAddressError};
use crate::broker::topic::Topics;
use crate::budget::BudgetLimits;

pub(super) fn read(top: &Section<'_>, bridge: &str) -> Result<Option<BrokerSettings>, SettingsError> {
    let Some(section) = top.table("broker", KEYS)? else { return Ok(None) };
    let url = section.string("url", URL_RIGHT)?;
    let url = section.need("url", url, URL_RIGHT)?;
    let wrong = |right: BrokerAddressError| section.wrong("url", format!("{url:?}"), right.to_string());
    let address: BrokerAddress = url.parse().map_err(wrong)?;
    let ca = section.path("ca")?;
    if ca.is_some() && !address.tls {
        return Err(section.contradiction("ca", "url = \"mqtt://..\"", "an authority is for mqtts:// alone"));
    }
    let username = section.string("username", "a user name")?;
    let password_file = section.path("password_file")?;
    if password_file.is_some() && username.is_none() {
        return Err(section.contradiction(
            "password_file",
            "no username",
            "a password is a user's: give username",
        ));
    }
    let client_id =
        section.string("client_id", CLIENT_RIGHT)?.unwrap_or_else(|| format!("roadcast-{bridge}"));
    if client_id.is_empty() || client_id.len() > 128 || client_id.chars().any(char::is_control) {
        return Err(section.wrong("client_id", format!("{client_id:?}"), CLIENT_RIGHT.to_owned()));
    }
    let prefix = section.string("prefix", PREFIX_RIGHT)?.unwrap_or_else(|| "roadcast".to_owned());
    let topics = Topics::new(&prefix)
        .ok_or_else(|| section.wrong("prefix", format!("{prefix:?}"), PREFIX_RIGHT.to_owned()))?;
    let budget = BudgetLimits {
        messages_s: section.integer("messages_s", 1..=100_000)?.unwrap_or(500),
        bytes_s: section.integer("bytes_s", 1_398..=100_000_000)?.unwrap_or(500_000),
    };
    Ok(Some(BrokerSettings {
        address,
        ca,
        client_id,
        username,
        password_file,
        topics,
        send: selection(&section, "send")?,
        receive: selection(&section, "receive")?,
        budget,
        queue: section.integer("queue", 1..=100_000)?.unwrap_or(1_000),
    }))
}

const KEYS: &[&str] = &[
    "url",
    "ca",
    "client_id",
    "username",
    "password_file",
    "prefix",
    "send",
    "receive",
    "messages_s",
    "bytes_s",
    "queue",
];
const URL_RIGHT: &str = "an address such as \"mqtts://broker.example:8883\"";
const CLIENT_RIGHT: &str = "a name of 1 to 128 characters that no other client of the broker has";
const PREFIX_RIGHT: &str =
    "levels of letters, digits, -, _ and . with slashes between them, such as \"roadcast\"";
