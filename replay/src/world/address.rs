//! Stations and their link addresses.

/// The link address of a station: locally administered, its number in the last four bytes.
pub fn link_address(station: u32) -> [u8; 6] {
    let [a, b, c, d] = station.to_be_bytes();
    [0x02, 0x00, a, b, c, d]
}

/// The station of a link address that [`link_address`] made.
pub fn station_of(address: &[u8; 6]) -> u32 {
    let [_, _, a, b, c, d] = *address;
    u32::from_be_bytes([a, b, c, d])
}
