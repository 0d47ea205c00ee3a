//! The radio's word on the frames that were injected.
//!
//! The kernel gives it to every monitor interface of the radio, as a frame received, before the call that injects returns. It is
//! of no hurry, and the stations that hear the frame may wait for this processor: so it has a socket of its own that wakes
//! nobody, and is read in a later turn. The kernel's stamp says when it came.

use std::io;

use bytes::BytesMut;
use socket2::{Domain, Socket, Type};

use super::flights::Flights;
use super::reading::{Reading, Wanted};
use crate::bpf;
use crate::packet::{ignore_outgoing, link_layer_address};
use crate::radio::Counters;
use crate::socket;

/// What the kernel has said and nobody has read.
#[derive(Debug)]
pub(super) struct Statuses {
    socket: Socket,
    /// Where the reader may put what `scratch` has no room for: frames that long are none of this station's.
    beyond: BytesMut,
    looked_ns: u64,
}

impl Statuses {
    /// Listens on the interface of this index for what is said of frames of this EtherType.
    ///
    /// # Errors
    /// The kernel's own. Without the filter there is no socket either: what it does not take, the link's own reads.
    pub(super) fn open(index: u32, ether_type: u16) -> io::Result<Self> {
        let socket = Socket::new(Domain::PACKET, Type::RAW, None)?;
        socket::prepare(&socket, RECEIVE_BUFFER)?;
        ignore_outgoing(&socket)?;
        bpf::attach_sent(&socket, ether_type)?;
        socket.set_nonblocking(true)?;
        socket.bind(&link_layer_address(libc::ETH_P_ALL as u16, index))?;
        Ok(Self { socket, beyond: BytesMut::new(), looked_ns: 0 })
    }

    /// Reads what has come of `flights`, if it is time for that.
    pub(super) fn read(
        &mut self,
        now_ns: u64,
        wanted: &Wanted,
        scratch: &mut [u8],
        flights: &mut Flights,
        counters: &mut Counters,
    ) {
        if now_ns < self.looked_ns + LOOK_EVERY_NS || !flights.is_due(now_ns) {
            return;
        }
        self.looked_ns = now_ns;
        for _ in 0..MOST_IN_A_ROW {
            self.beyond.clear();
            let Ok(received) = socket::receive(&self.socket, scratch, None, &mut self.beyond) else { break };
            counters.filtered += 1;
            let Some(frame) = scratch.get(..received.length) else { continue };
            let Reading::Sent { payload, on_air } = Reading::of(frame, wanted) else { continue };
            let at_ns = received.kernel_receive_ns.unwrap_or(received.user_receive_ns);
            counters.confirmed += u64::from(on_air && flights.land(payload, at_ns));
        }
        flights.expire(now_ns);
    }
}

/// Statuses read in one go: a frame has one, and as many frames are remembered.
const MOST_IN_A_ROW: usize = 32;
/// Between two looks in vain.
const LOOK_EVERY_NS: u64 = 2_000_000;
/// Bytes of statuses that may wait: those of the frames that are remembered, with what the kernel takes beside them.
const RECEIVE_BUFFER: usize = 1 << 18;
