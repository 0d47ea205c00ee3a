//! Links that inject frames on a monitor interface.

use radio_adapters::auto::AutoRadio;
use radio_adapters::monitor::{MonitorConfig, MonitorRadio};
use radio_adapters::packet::PacketConfig;
use radio_adapters::{OpenError, Radio};

use crate::config::Injection;

/// On a monitor interface alone.
pub(super) fn monitor(injection: &Injection, wait: bool) -> Result<Box<dyn Radio>, OpenError> {
    Ok(Box::new(MonitorRadio::open(config(injection, wait))?))
}

/// On an interface in OCB, with a monitor interface beside it while there is one.
pub(super) fn auto(interface: &str, injection: &Injection, wait: bool) -> Result<Box<dyn Radio>, OpenError> {
    let mut packet = PacketConfig::new(interface);
    packet.ether_type = injection.ethertype;
    packet.receive_buffer = injection.receive_buffer.unwrap_or(packet.receive_buffer);
    packet.wait = wait;
    let radio = AutoRadio::open(packet, config(injection, true))?;
    if !radio.injects() {
        tracing::warn!(
            "no monitor interface {} beside {interface} yet: until there is one, every frame goes through the kernel's OCB mode, as \
             best effort",
            injection.monitor
        );
    }
    Ok(Box::new(radio))
}

fn config(injection: &Injection, wait: bool) -> MonitorConfig {
    let mut config = MonitorConfig::new(&injection.monitor);
    config.ether_type = injection.ethertype;
    config.width_mhz = injection.width_mhz;
    config.rate = injection.rate;
    config.of_cells = injection.of_cells;
    config.receive_buffer = injection.receive_buffer.unwrap_or(config.receive_buffer);
    config.wait = wait;
    config
}
