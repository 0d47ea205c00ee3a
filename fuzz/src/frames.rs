//! What comes off the air, parser by parser: frame, credential, link layer. Nothing here is signed; `station` signs.

use bytes::Bytes;
use testkit::START;
use v2x_core::{TrustStore, read_delta};
use v2x_proto::credential::{CredentialFields, CredentialView, encode_credential};
use v2x_proto::envelope::{SignedView, SignerRef, TbsView, encode_signed, signed_len};
use v2x_proto::hop::{self, HopHeader};
use v2x_proto::link::ieee80211::{self, BROADCAST, QosData};
use v2x_proto::link::radiotap::{self, Transmit};
use v2x_proto::payload;

use crate::files;
use crate::signer::world;

/// A frame: hop header, envelope, signed fields, payload. What is read is written again and read to the same.
pub fn frame(data: &[u8]) {
    let Ok((header, length)) = hop::parse(data) else { return };
    reread_header(&header);
    let Ok(signed) = SignedView::parse(&data[length..]) else { return };
    reread_envelope(&signed);
    if let SignerRef::Credential(bytes) = signed.signer {
        credential(bytes);
    }
    let Ok(tbs) = TbsView::parse(signed.tbs) else { return };
    reread_fields(&tbs);
    let Ok(message) = payload::decode(tbs.message_type, Bytes::copy_from_slice(tbs.payload)) else { return };
    message.check().expect("a decoded message is in range");
    let mut bytes = Vec::new();
    message.encode(&mut bytes);
    assert_eq!(bytes.len(), message.encoded_len());
    // Compared as text: a field may hold NaN, which is not equal to itself.
    let again = payload::decode(tbs.message_type, bytes.into()).expect("what was encoded decodes");
    assert_eq!(format!("{again:?}"), format!("{message:?}"));
}

/// A credential by itself, its signed fields, and a revocation delta.
pub fn credential(data: &[u8]) {
    if let Ok(view) = CredentialView::parse(data) {
        view.fields.check().expect("fields that were read are in range");
        let mut tbs = Vec::new();
        view.fields.encode(&mut tbs);
        assert_eq!(CredentialFields::parse(&tbs), Ok(view.fields));
        let mut bytes = Vec::new();
        encode_credential(&mut bytes, &tbs, view.signature);
        let again = CredentialView::parse(&bytes).expect("what was encoded is read");
        assert_eq!((again.fields, again.signature), (view.fields, view.signature));
    }
    let bytes = Bytes::copy_from_slice(data);
    let _trusted_or_refused = world().authority.trust.check_station(&bytes, START);
    let _read_or_refused = TrustStore::new(std::slice::from_ref(&bytes), &[]);
    let _read_or_refused = read_delta(&bytes);
}

/// One captured frame under a link layer: the first byte chooses which. It is read as the only frame of a capture, so that
/// the codec is reached the way a file reaches it.
pub fn link(data: &[u8]) {
    let Some((&choice, frame)) = data.split_first() else { return };
    files::capture(&files::classic_capture(LINK_TYPES[usize::from(choice) % LINK_TYPES.len()], frame));
}

/// A frame as a monitor interface gives it. What was read, written again as it is sent, reads the same.
pub fn radiotap(data: &[u8]) {
    let Ok((report, body)) = radiotap::read(data) else { return };
    assert!(data.ends_with(body));
    let transmit = Transmit { rate_half_mbps: report.rate_half_mbps, power_dbm: report.tx_power_dbm };
    let mut room = [0; Transmit::MAX_LEN];
    let bytes = [transmit.encode(&mut room), body].concat();
    let (again, behind) = radiotap::read(&bytes).expect("what was encoded is read");
    assert_eq!(behind, body);
    assert_eq!((again.rate_half_mbps, again.tx_power_dbm), (report.rate_half_mbps, report.tx_power_dbm));
    let Ok(frame) = radiotap::strip_body(&report, body) else { return };
    let (Some(BROADCAST), Some(user_priority)) = (frame.bssid, frame.user_priority) else { return };
    let header = QosData {
        destination: frame.destination,
        source: frame.stripped.source,
        user_priority,
        sequence: frame.sequence,
        ether_type: frame.stripped.ether_type,
    };
    let bytes = [&header.encode()[..], frame.stripped.payload].concat();
    assert_eq!(ieee80211::read(&bytes, false), Ok(frame));
}

fn reread_header(header: &HopHeader) {
    let mut bytes = Vec::new();
    header.encode(&mut bytes);
    assert_eq!(hop::parse(&bytes), Ok((*header, bytes.len())));
}

fn reread_envelope(signed: &SignedView<'_>) {
    let mut bytes = Vec::new();
    encode_signed(&mut bytes, signed.tbs, signed.signature, signed.signer);
    assert_eq!(bytes.len(), signed_len(signed.tbs.len(), signed.signer));
    assert_eq!(SignedView::parse(&bytes), Ok(*signed));
}

fn reread_fields(tbs: &TbsView<'_>) {
    let mut bytes = Vec::new();
    tbs.encode(&mut bytes);
    assert_eq!(TbsView::parse(&bytes), Ok(*tbs));
    assert!(tbs.expiry_us() >= tbs.generation_time_us);
    assert_eq!(tbs.requests().count() * 3, tbs.credential_requests.len());
}

/// Ethernet, 802.11, cooked 1, radiotap, cooked 2, and an unknown one (tcpdump.org/linktypes.html).
pub const LINK_TYPES: [u32; 6] = [1, 105, 113, 127, 276, 147];
