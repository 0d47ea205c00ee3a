//! The fields that entries of a transcript are made of.

use v2x_core::{EventId, MessageId};
use v2x_proto::{Class, Digest};

/// The unread rest of an entry.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(len)?;
        self.0 = tail;
        Some(head)
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.take(4)?.try_into().ok().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.take(8)?.try_into().ok().map(u64::from_le_bytes)
    }

    pub(super) fn bytes(&mut self) -> Option<&'a [u8]> {
        let len = self.u32()?;
        self.take(len as usize)
    }

    pub(super) fn digest(&mut self) -> Option<Digest> {
        self.take(8)?.try_into().ok().map(Digest)
    }

    pub(super) fn id(&mut self) -> Option<MessageId> {
        let signer = self.digest()?;
        let class = Class::try_from(self.u8()?).ok()?;
        Some(MessageId { signer, class, sequence: self.u32()? })
    }

    pub(super) fn event_id(&mut self) -> Option<EventId> {
        Some(EventId { origin: self.digest()?, number: self.u32()? })
    }

    pub(super) fn optional_id(&mut self) -> Option<String> {
        Some(if self.u8()? == 0 { String::new() } else { format!(", {}", self.id()?) })
    }
}

pub(super) fn write_id(id: &MessageId, out: &mut Vec<u8>) {
    out.extend_from_slice(&id.signer.0);
    out.push(id.class as u8);
    out.extend_from_slice(&id.sequence.to_le_bytes());
}

pub(super) fn write_event_id(id: &EventId, out: &mut Vec<u8>) {
    out.extend_from_slice(&id.origin.0);
    out.extend_from_slice(&id.number.to_le_bytes());
}

pub(super) fn write_optional_id(id: Option<&MessageId>, out: &mut Vec<u8>) {
    out.push(u8::from(id.is_some()));
    if let Some(id) = id {
        write_id(id, out);
    }
}

pub(super) fn write_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    out.extend_from_slice(bytes);
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
