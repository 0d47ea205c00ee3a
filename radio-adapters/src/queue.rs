//! A bounded queue of whole records, from the station to the thread that writes them.
//!
//! One side hands over, the other takes. Handing over copies into memory that was there before: it allocates nothing, locks
//! nothing and wakes nobody. A record that has no room is refused whole.

use rtrb::{Consumer, Producer, RingBuffer};

/// A queue with room for `bytes`; each record takes its length and four more.
pub fn queue(bytes: usize) -> (Queue, Records) {
    let (mut ring, mut taken) = RingBuffer::new(bytes);
    // Through all of it once, so that no page is missing when the station hands over its first records.
    let mut whole = vec![0; bytes];
    ring.push_entire_slice(&whole).expect("invariant: the ring is empty");
    taken.pop_entire_slice(&mut whole).expect("invariant: the ring is full");
    (Queue { ring, bytes }, Records { ring: taken, length: None, record: Vec::with_capacity(FIRST_RECORD) })
}

/// The side that hands over.
#[derive(Debug)]
pub struct Queue {
    ring: Producer<u8>,
    bytes: usize,
}

impl Queue {
    /// Hands over one record, made of `parts`; false when there is no room for all of it.
    #[must_use = "a record that is refused has to be counted"]
    pub fn push(&mut self, parts: &[&[u8]]) -> bool {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        let Ok(prefix) = u32::try_from(length) else { return false };
        if self.ring.slots() < PREFIX_BYTES + length {
            return false;
        }
        let room = "invariant: only this side takes room away";
        self.ring.push_entire_slice(&prefix.to_le_bytes()).expect(room);
        for part in parts {
            self.ring.push_entire_slice(part).expect(room);
        }
        true
    }

    /// Whether everything that was handed over has been taken.
    pub fn is_empty(&self) -> bool {
        self.ring.slots() == self.bytes
    }
}

/// The side that takes.
#[derive(Debug)]
pub struct Records {
    ring: Consumer<u8>,
    /// Of the record whose prefix was taken and that is not whole yet.
    length: Option<usize>,
    record: Vec<u8>,
}

impl Records {
    /// Takes the next record.
    pub fn take(&mut self) -> Option<&[u8]> {
        let length = match self.length {
            Some(length) => length,
            None => {
                let mut prefix = [0; PREFIX_BYTES];
                self.ring.pop_entire_slice(&mut prefix).ok()?;
                u32::from_le_bytes(prefix) as usize
            }
        };
        self.length = Some(length);
        if self.ring.slots() < length {
            return None;
        }
        self.record.resize(length, 0);
        self.ring.pop_entire_slice(&mut self.record).ok()?;
        self.length = None;
        Some(&self.record)
    }
}

/// Length of the record that follows, little-endian.
const PREFIX_BYTES: usize = 4;
/// Longer than nearly all records.
const FIRST_RECORD: usize = 4096;

#[cfg(test)]
mod tests {
    use std::thread;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_record_without_room_is_refused_whole() {
        let (mut queue, mut records) = queue(16);
        assert!(queue.push(&[b"ab", b"", b"cd"]));
        assert!(!queue.push(&[b"too", b"long"]), "4 + 7 bytes, and 8 are left");
        assert!(queue.push(&[b"1234"]));
        assert!(!queue.push(&[]), "not even its prefix has room");
        assert!(!queue.is_empty());
        assert_eq!(records.take(), Some(&b"abcd"[..]));
        assert_eq!(records.take(), Some(&b"1234"[..]));
        assert_eq!(records.take(), None);
        assert!(queue.is_empty());
    }

    proptest! {
        #[test]
        fn records_come_out_whole_and_in_order(
            sizes in proptest::collection::vec(0usize..40, 1..200),
            room in 4usize..100,
        ) {
            let (mut queue, mut records) = queue(room);
            let (mut handed, mut taken) = (Vec::new(), Vec::new());
            for (number, size) in sizes.into_iter().enumerate() {
                let record = vec![number as u8; size];
                let (first, second) = record.split_at(size / 2);
                if queue.push(&[first, second]) {
                    handed.push(record);
                } else {
                    while let Some(record) = records.take() {
                        taken.push(record.to_vec());
                    }
                }
            }
            while let Some(record) = records.take() {
                taken.push(record.to_vec());
            }
            prop_assert_eq!(taken, handed);
        }
    }

    #[test]
    fn two_threads_share_a_queue() {
        let (mut queue, mut records) = queue(64);
        let writer = thread::spawn(move || {
            let mut next = 0u32;
            while next < 10_000 {
                match records.take() {
                    Some(record) => {
                        assert_eq!(record, [next.to_le_bytes(), next.to_be_bytes()].concat());
                        next += 1;
                    }
                    None => thread::yield_now(),
                }
            }
        });
        for number in 0..10_000u32 {
            while !queue.push(&[&number.to_le_bytes(), &number.to_be_bytes()]) {
                thread::yield_now();
            }
        }
        writer.join().unwrap();
    }
}
