//! Control messages: what the kernel reports about a received packet besides its bytes (cmsg(3)).
//!
//! Read as plain bytes, so neither pointer arithmetic nor alignment matters.

/// What was found; unknown control messages are skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Control {
    /// `SCM_TIMESTAMPNS`: when the kernel took the packet, ns of `CLOCK_REALTIME`.
    pub(crate) realtime_ns: Option<u64>,
    /// `SO_RXQ_OVFL`: packets this socket has dropped since it was opened, modulo 2^32.
    pub(crate) dropped: Option<u32>,
}

/// Reads a control buffer as `recvmsg` filled it. Stops at the first inconsistent length.
pub(crate) fn parse(mut bytes: &[u8]) -> Control {
    let mut control = Control::default();
    while let Some((header, _)) = bytes.split_at_checked(HEADER) {
        let length = usize::from_ne_bytes(array(header, 0));
        let level = i32::from_ne_bytes(array(header, WORD));
        let kind = i32::from_ne_bytes(array(header, WORD + 4));
        let Some(data) = bytes.get(HEADER..length) else {
            break;
        };
        match (level, kind) {
            (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS) => control.realtime_ns = timespec_ns(data),
            (libc::SOL_SOCKET, libc::SO_RXQ_OVFL) => {
                control.dropped = data.try_into().ok().map(u32::from_ne_bytes);
            }
            _ => {}
        }
        bytes = bytes.get(length.next_multiple_of(WORD)..).unwrap_or_default();
    }
    control
}

fn timespec_ns(data: &[u8]) -> Option<u64> {
    let (seconds, nanoseconds) = data.split_at_checked(data.len() / 2)?;
    let word = |bytes: &[u8]| match bytes.len() {
        8 => Some(i64::from_ne_bytes(array(bytes, 0))),
        4 => Some(i64::from(i32::from_ne_bytes(array(bytes, 0)))),
        _ => None,
    };
    let seconds = u64::try_from(word(seconds)?).ok()?;
    let nanoseconds = u64::try_from(word(nanoseconds)?).ok()?;
    seconds.checked_mul(1_000_000_000)?.checked_add(nanoseconds)
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut array = [0; N];
    array.copy_from_slice(&bytes[at..at + N]);
    array
}

/// `cmsghdr` is a length in a machine word, then level and kind; data follows word-aligned.
const WORD: usize = size_of::<usize>();
const HEADER: usize = WORD + 8;

/// Room for both messages above and one more, bytes.
pub(crate) const CONTROL_BYTES: usize = 128;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn message(kind: i32, data: &[u8]) -> Vec<u8> {
        let mut bytes = (HEADER + data.len()).to_ne_bytes().to_vec();
        bytes.extend(libc::SOL_SOCKET.to_ne_bytes());
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(data);
        bytes.resize(bytes.len().next_multiple_of(WORD), 0);
        bytes
    }

    #[test]
    fn stamp_and_drop_count_are_read_in_either_order() {
        let stamp = [7i64.to_ne_bytes(), 9i64.to_ne_bytes()].concat();
        let stamp = message(libc::SCM_TIMESTAMPNS, &stamp);
        let drops = message(libc::SO_RXQ_OVFL, &5u32.to_ne_bytes());
        let expected = Control { realtime_ns: Some(7_000_000_009), dropped: Some(5) };
        assert_eq!(parse(&[stamp.clone(), drops.clone()].concat()), expected);
        assert_eq!(parse(&[drops, message(99, b"other"), stamp].concat()), expected);
    }

    #[test]
    fn a_negative_stamp_is_no_stamp() {
        let stamp = [(-1i64).to_ne_bytes(), 9i64.to_ne_bytes()].concat();
        assert_eq!(parse(&message(libc::SCM_TIMESTAMPNS, &stamp)), Control::default());
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _read = parse(&bytes);
        }

        #[test]
        fn arbitrary_lengths_are_read_without_panic(length in any::<usize>(), tail in prop::collection::vec(any::<u8>(), 0..64)) {
            let _read = parse(&[length.to_ne_bytes().to_vec(), tail].concat());
        }
    }
}
