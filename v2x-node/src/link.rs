//! The configured link as a radio.

use radio_adapters::packet::{PacketConfig, PacketRadio};
use radio_adapters::udp::{UdpConfig, UdpInterface, UdpRadio};
use radio_adapters::{OpenError, Radio};

use crate::config::{LinkConfig, Medium};

/// Opens the radio and puts its wrappers around it. To be called within a tokio runtime with IO enabled.
///
/// # Errors
/// [`OpenError`]: what is missing on this machine, and what would help.
pub fn open(config: &LinkConfig) -> Result<Box<dyn Radio>, OpenError> {
    match &config.medium {
        Medium::Udp { interface, group, receive_buffer } => {
            let interface = match interface.parse() {
                Ok(address) => UdpInterface::Address(address),
                Err(_) => UdpInterface::Name(interface.clone()),
            };
            let mut udp = UdpConfig::new(*group, interface);
            udp.receive_buffer = receive_buffer.unwrap_or(udp.receive_buffer);
            Ok(Box::new(UdpRadio::open(&udp)?))
        }
        Medium::Packet { interface, ethertype, receive_buffer } => {
            let mut packet = PacketConfig::new(interface.clone());
            packet.ether_type = *ethertype;
            packet.receive_buffer = receive_buffer.unwrap_or(packet.receive_buffer);
            Ok(Box::new(PacketRadio::open(packet)?))
        }
    }
}
