//! What a station hands to its writers costs no allocation. Alone in its program, because the count is the process's.

use std::alloc::System;
use std::io::{Read as _, Write as _};

use bytes::Bytes;
use radio_adapters::queue::queue;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use v2x_core::{DropReason, Dropped, Event, FrameHead, Input, Instant, Output, ReceivedFrame, Way};
use v2x_node::console::Console;
use v2x_recording::record;

#[global_allocator]
static HEAP: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

#[test]
fn handing_over_allocates_nothing() {
    let (mut queue, mut records) = queue(1 << 20);
    let mut buffer = Vec::with_capacity(8192);
    let (mut reader, pipe) = std::io::pipe().unwrap();
    let mut console = Console::start("out", pipe, |_| ()).unwrap();
    let frame = Input::Frame(ReceivedFrame {
        bytes: Bytes::from_static(&[7; 1400]),
        link_source: [2; 6],
        kernel_receive: Some(Instant::from_nanos(1)),
        user_receive: Some(Instant::from_nanos(2)),
        signal_dbm: Some(-70),
        way: Way::Air,
    });
    let dropped = Event::Dropped(Dropped {
        reason: DropReason::Stale,
        link_source: [2; 6],
        claimed: None,
        field: None,
        head: FrameHead::default(),
        signal_dbm: None,
        way: Way::Air,
    });
    let output = Output::Event(dropped);
    // The thread has begun when its first line is here; it writes what follows without allocating.
    writeln!(console, "begun").unwrap();
    reader.read_exact(&mut [0; 6]).unwrap();
    let heap = Region::new(HEAP);
    let mut handed = 0;
    for number in 0..1000 {
        let now = Instant::from_nanos(number);
        for write in [
            &|buffer: &mut Vec<u8>| record::write_input(now, &frame, buffer) as _,
            &|buffer: &mut Vec<u8>| record::write_input(now, &Input::Timeout, buffer),
            &|buffer: &mut Vec<u8>| record::write_output(&output, buffer),
        ] as [&dyn Fn(&mut Vec<u8>); 3]
        {
            buffer.clear();
            write(&mut buffer);
            handed += u64::from(queue.push(&[&[1], &buffer]));
        }
        writeln!(console, "{number} s  neighbours 1").unwrap();
    }
    let change = heap.change();
    assert_eq!((change.allocations, change.reallocations), (0, 0));
    assert!(handed > 1000, "{handed}");
    let taken = core::iter::from_fn(|| records.take().map(<[u8]>::len)).count();
    assert_eq!(taken as u64, handed);
}
