//! `[[roadside.adverts]]`: services the unit advertises.

use std::net::SocketAddrV6;

use v2x_apps::roadside::content::Advert;

use v2x_settings::{Section, SettingsError};

pub(super) fn read(section: &Section<'_>) -> Result<Vec<Advert>, SettingsError> {
    let keys = &["service_id", "description", "channel", "address"];
    section.tables("adverts", keys, MAX_ADVERTS)?.iter().map(advert).collect()
}

fn advert(section: &Section<'_>) -> Result<Advert, SettingsError> {
    let Some(service_id) = section.integer("service_id", 0..=LARGEST_PSID)? else {
        return Err(section.missing("service_id", format!("an IEEE 1609.12 PSID, 0 to {LARGEST_PSID}")));
    };
    let right = "an IPv6 address and port, such as \"[2001:db8::1]:8080\"";
    let address = match section.string("address", right)? {
        None => None,
        Some(text) => match text.parse::<SocketAddrV6>() {
            Ok(address) if address.port() != 0 => Some(address),
            _ => return Err(section.wrong("address", format!("{text:?}"), right.to_owned())),
        },
    };
    Ok(Advert {
        service_id,
        description: short_text(section, "description", LONGEST_TEXT)?,
        channel: section.integer("channel", 1..=200)?,
        address,
    })
}

/// Text of at most `longest` bytes, empty when it is absent.
pub(super) fn short_text(
    section: &Section<'_>,
    key: &'static str,
    longest: usize,
) -> Result<String, SettingsError> {
    let right = format!("text of at most {longest} bytes");
    match section.string(key, &right)? {
        Some(text) if text.len() > longest => Err(section.wrong(key, format!("{} bytes", text.len()), right)),
        other => Ok(other.unwrap_or_default()),
    }
}

const MAX_ADVERTS: usize = 16;
/// `v2x.v1.RsuAdvert` and `Service` allow at most this.
const LONGEST_TEXT: usize = 32;
const LARGEST_PSID: u32 = 270_549_119;
