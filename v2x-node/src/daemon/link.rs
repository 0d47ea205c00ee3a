//! The configured link as a radio.

mod injection;

use std::io;

use radio_adapters::fault::{FaultConfig, FaultRates};
use radio_adapters::packet::{PacketConfig, PacketRadio, Rejoin};
#[cfg(feature = "pnet")]
use radio_adapters::pnet::PnetRadio;
use radio_adapters::tap::{Tap, TapLink, TapWatch};
use radio_adapters::udp::{UdpConfig, UdpInterface, UdpRadio};
use radio_adapters::{OpenError, Radio, fault};

use crate::config::{Fault, LinkConfig, Medium};
use crate::daemon::keeper::{KeeperError, KeeperProcess};
use crate::error::Complaint;
use crate::rights::permitted::{self, PermittedError};

/// The link cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// The machine refuses it.
    #[error("link: {0}")]
    Open(#[from] OpenError),
    /// Root does not permit it.
    #[error("link: {0}")]
    Permitted(#[from] PermittedError),
    /// Its cell cannot be joined.
    #[error("link: {0}")]
    Keeper(#[from] KeeperError),
}

impl Complaint for LinkError {}

/// Has the keeper join the cell of the link, or tune its monitor interface, if it is to. Returns what was changed for that.
///
/// # Errors
/// [`LinkError`]: root does not permit the interface, or what keeps it from joining.
pub fn join(config: &LinkConfig, keeper: Option<&mut KeeperProcess>) -> Result<Option<String>, LinkError> {
    let Some(plan) = &config.join else { return Ok(None) };
    match &config.medium {
        Medium::Packet { interface, ethertype, .. } => permitted::check(interface, *ethertype)?,
        Medium::Auto { interface, beside } => permitted::check(interface, beside.ethertype)?,
        Medium::Monitor(on) => permitted::check(&on.monitor, on.ethertype)?,
        _ => return Ok(None),
    }
    let keeper = keeper.filter(|keeper| keeper.plan() == plan).ok_or(KeeperError::OtherPlan)?;
    Ok(Some(keeper.begin()?))
}

/// Opens the radio and puts its wrappers around it. To be called within a tokio runtime with IO enabled.
///
/// The tap is outermost: its capture holds the frames as the station had them, trouble included, which is what
/// explains what the station did. Its watch says what becomes of the file; the file is whole when the watch is dropped.
///
/// # Errors
/// [`LinkError`]: what is missing on this machine and what would help, or a capture that cannot be written.
pub fn open(config: &LinkConfig) -> Result<(Box<dyn Radio>, Option<TapWatch>), LinkError> {
    open_kept(config, None)
}

/// The same, of a link whose cell is kept: by `rejoin` it leaves and joins when the kernel's table of neighbours is nearly
/// full.
///
/// # Errors
/// As [`open`].
pub fn open_kept(
    config: &LinkConfig,
    rejoin: Option<Box<dyn Rejoin>>,
) -> Result<(Box<dyn Radio>, Option<TapWatch>), LinkError> {
    let mut radio = open_medium(&config.medium, config.wait, rejoin)?;
    if let Some(trouble) = &config.fault {
        let wrapped = fault::Fault::new(radio, &fault_config(trouble));
        let refused = |error| failed("making trouble (link.fault)", io::Error::other(error));
        radio = Box::new(wrapped.map_err(refused)?);
    }
    let Some(file) = &config.tap else { return Ok((radio, None)) };
    let tell = Box::new(|line| tracing::warn!("{line}"));
    let (tap, watch) = Tap::create(radio, &tap_link(&config.medium), file, tell)
        .map_err(|error| failed("opening link.tap", error))?;
    Ok((Box::new(tap), Some(watch)))
}

fn tap_link(medium: &Medium) -> TapLink {
    match medium {
        Medium::Udp { interface, .. } => TapLink::new(interface),
        Medium::Packet { interface, ethertype, .. } => {
            TapLink { ether_type: *ethertype, ..TapLink::new(interface) }
        }
        Medium::Monitor(injection) => {
            TapLink { ether_type: injection.ethertype, ..TapLink::new(&injection.monitor) }
        }
        Medium::Auto { interface, beside } => {
            TapLink { ether_type: beside.ethertype, ..TapLink::new(interface) }
        }
        #[cfg(feature = "pnet")]
        Medium::Pnet { interface, ethertype } => {
            TapLink { ether_type: *ethertype, ..TapLink::new(interface) }
        }
    }
}

fn open_medium(
    medium: &Medium,
    wait: bool,
    rejoin: Option<Box<dyn Rejoin>>,
) -> Result<Box<dyn Radio>, LinkError> {
    match medium {
        Medium::Udp { interface, group, receive_buffer } => {
            let interface = match interface.parse() {
                Ok(address) => UdpInterface::Address(address),
                Err(_) => UdpInterface::Name(interface.clone()),
            };
            let mut udp = UdpConfig::new(*group, interface);
            udp.receive_buffer = receive_buffer.unwrap_or(udp.receive_buffer);
            udp.wait = wait;
            Ok(Box::new(UdpRadio::open(&udp)?))
        }
        Medium::Packet { interface, ethertype, receive_buffer } => {
            permitted::check(interface, *ethertype)?;
            let mut packet = PacketConfig::new(interface.clone());
            packet.ether_type = *ethertype;
            packet.receive_buffer = receive_buffer.unwrap_or(packet.receive_buffer);
            packet.wait = wait;
            let radio = PacketRadio::open(packet)?;
            Ok(Box::new(match rejoin {
                Some(rejoin) => radio.rejoining(rejoin),
                None => radio,
            }))
        }
        Medium::Monitor(on) => {
            permitted::check(&on.monitor, on.ethertype)?;
            Ok(injection::monitor(on, wait)?)
        }
        Medium::Auto { interface, beside } => {
            permitted::check(interface, beside.ethertype)?;
            permitted::check(&beside.monitor, beside.ethertype)?;
            Ok(injection::auto(interface, beside, wait)?)
        }
        #[cfg(feature = "pnet")]
        Medium::Pnet { interface, ethertype } => {
            permitted::check(interface, *ethertype)?;
            Ok(Box::new(PnetRadio::open(interface, *ethertype, wait)?))
        }
    }
}

fn failed(step: &str, source: io::Error) -> OpenError {
    OpenError::System { step: step.to_owned(), source }
}

fn fault_config(trouble: &Fault) -> FaultConfig {
    let receive = FaultRates {
        loss: trouble.receive_loss,
        duplication: trouble.duplicate,
        reordering: trouble.reorder,
        corruption: trouble.corrupt,
        hold_back: HOLD_BACK,
    };
    FaultConfig { seed: trouble.seed, receive, send: FaultRates::default() }
}

/// Later frames that may overtake one that is held back.
const HOLD_BACK: usize = 4;

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddrV4};

    use bytes::BytesMut;
    use radio_adapters::{AccessCategory, RadioExt, TxFrame};

    use super::*;

    #[test]
    fn a_link_is_opened_with_its_wrappers() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
        runtime.block_on(async {
            let tap = std::env::temp_dir().join(format!("roadcast-link-{}.pcapng", std::process::id()));
            let medium = Medium::Udp {
                interface: "lo".to_owned(),
                // A port that only this test and this process use.
                group: SocketAddrV4::new(Ipv4Addr::new(239, 255, 77, 78), port()),
                receive_buffer: Some(65_536),
            };
            let fault = Fault { receive_loss: 0.0, duplicate: 1.0, reorder: 0.0, corrupt: 0.0, seed: 1 };
            let plain =
                LinkConfig { medium: medium.clone(), join: None, wait: false, fault: None, tap: None };
            let wrapped =
                LinkConfig { medium, join: None, wait: false, fault: Some(fault), tap: Some(tap.clone()) };
            let (mut sender, _) = open(&plain).unwrap();
            let (mut receiver, watch) = open(&wrapped).unwrap();
            sender.send(&TxFrame::new(b"hello", AccessCategory::BestEffort)).await.unwrap();
            let mut twice = BytesMut::new();
            receiver.recv(&mut twice).await.unwrap();
            receiver.recv(&mut twice).await.unwrap();
            assert_eq!(&twice[..], b"hellohello");
            drop((receiver, watch));
            assert!(std::fs::metadata(&tap).unwrap().len() > 100);
            std::fs::remove_file(tap).unwrap();
        });
    }

    #[test]
    fn frames_of_another_protocol_are_not_listened_to() {
        for ethertype in [0x0800, 0x0806, 0x8947] {
            let medium = Medium::Packet { interface: "lo".to_owned(), ethertype, receive_buffer: None };
            let config = LinkConfig { medium, join: None, wait: true, fault: None, tap: None };
            let error = open(&config).unwrap_err();
            assert!(
                matches!(error, LinkError::Permitted(PermittedError::EtherType(found)) if found == ethertype)
            );
        }
    }

    #[test]
    fn what_cannot_be_opened_is_named() {
        let medium =
            Medium::Packet { interface: "no-such-if".to_owned(), ethertype: 0x88B5, receive_buffer: None };
        let error = open(&LinkConfig { medium, join: None, wait: false, fault: None, tap: None })
            .unwrap_err()
            .to_string();
        assert!(error.starts_with("link: no network interface \"no-such-if\""), "{error}");
    }

    fn port() -> u16 {
        20_000 + (std::process::id() % 20_000) as u16
    }
}
