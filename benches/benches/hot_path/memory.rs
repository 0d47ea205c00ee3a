//! The memory of a neighbour, and of a station without any.

use core::fmt;

use benches::fleet::CENTRE;
use benches::heap;
use testkit::{Authority, anchor};
use v2x_core::limits::NEIGHBOURS;
use v2x_core::{Config, Heard, Instant, KeyCache, MessageId, NeighbourTable, Node};
use v2x_proto::Class;

/// Bytes of heap.
#[derive(Debug)]
pub struct Memory {
    /// Neighbour table and key cache, full, a neighbour.
    pub bytes_per_neighbour: f64,
    /// A node that has heard no other: tables are allocated once, at their full size.
    pub bytes_per_node: i64,
}

/// Fills the tables and asks the allocator.
pub fn run() -> Memory {
    let authority = Authority::of_cars();
    let wire = anchor().wire;
    let trusted: Vec<_> = (0..NEIGHBOURS as u32)
        .map(|number| authority.trust.check_station(&authority.credential(number), wire))
        .collect::<Result<_, _>>()
        .expect("invariant: the authority's constants are valid");
    let ((table, keys), used) = heap::measured(|| {
        let (mut table, mut keys) = (NeighbourTable::new(), KeyCache::new());
        for trusted in &trusted {
            let id = MessageId { signer: trusted.digest(), class: Class::D2, sequence: 1 };
            table.hear(&heard(id), None);
            keys.insert(trusted.clone());
            keys.prove(&id.signer);
        }
        (table, keys)
    });
    assert_eq!((table.len(), keys.len()), (NEIGHBOURS, NEIGHBOURS), "both tables are full");
    let identity = authority.identity(1);
    let trust = authority.trust.clone();
    let (node, of_node) = heap::measured(|| Node::new(Config::vehicle(), identity, trust, 1, anchor()));
    drop(node);
    Memory {
        bytes_per_neighbour: used.bytes_kept as f64 / NEIGHBOURS as f64,
        bytes_per_node: of_node.bytes_kept,
    }
}

fn heard(id: MessageId) -> Heard {
    Heard {
        id,
        generation: anchor().wire,
        position: CENTRE,
        at: Instant::ZERO,
        wire: anchor().wire,
        link: [2; 6],
        direct: true,
        signal_dbm: None,
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "memory: heap, {NEIGHBOURS} neighbours")?;
        writeln!(f, "  a neighbour and its key       {:10.0} B", self.bytes_per_neighbour)?;
        write!(f, "  a node that heard nobody      {:10} B", self.bytes_per_node)
    }
}
