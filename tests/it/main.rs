//! Integration tests.

#![allow(clippy::unwrap_used, reason = "all of this crate is tests")]

// Dependencies between crates run one way, and nothing banned is in the tree.
mod arrows;

// Dependencies within a crate run one way too.
mod walls;

// The workspace as cargo sees it.
mod workspace;

// The committed protobuf code is what the schema gives.
mod generated;

// nanopb's sizes are the schema's.
mod nanopb;

// Wireshark names all that is on the wire.
mod dissector;

// What is said of the wire is what the code does.
mod wire_doc;

// The threat model names tests that exist.
mod security;

// Golden vectors of everything on the wire, read by a second implementation too.
mod golden;

// The node's contract, line by line.
mod contract;

// What the vehicle's bus says, in beacons.
mod vehicle;

// A change of pseudonym as an eavesdropper sees it.
mod pseudonym;

// What an eavesdropper links where positions say nothing.
mod car_park;

// Credentials replaced while a station runs.
mod renewal;

// Messages sealed to one station.
mod confidential;

// Signers with something wrong about them.
mod signers;

// Every way out of the receive path, and the order of its checks.
mod receive;

// Rates, demotion, roles, and what may go unverified.
mod rates;

// What each sender gets of a processor that cannot verify all.
mod shares;

// What a node does about stations that lie.
mod plausibility;

// Stations that others try to have taken for liars.
mod framing;

// Traces through worlds of stations, in virtual time.
mod replay;

// Recordings checked by a fresh node, whole, cut and damaged.
mod recording;

// Recordings of several stations on one clock, against the world that made them.
mod merge;

// Awareness as it is heard on the air.
mod awareness;

// What is signed holds to the last bit.
mod mutation;

// Attackers that record, change their names and set their clocks.
mod attacks;

// Two stations with one credential, and outsiders that feign one.
mod credential_clone;

// Fifty stations at once: requests are answered once, and make no station send more.
mod crowd;

// What is left of the security rows of the conformance suites.
mod conformance;

// No order of inputs makes a table grow past its bound.
mod bounds;

// Which stations know each other's credentials, and how they learn them.
mod together;
mod trust;

// The neighbour table of a whole node.
mod neighbour;

// Stations on live links, in real time.
mod live;

// The daemon's control handler, and the programs at its control socket.
mod control;

// Credentials that end before their time, and authorities that are replaced.
mod reserve;
mod revocation;

// Clocks that are wrong, and clocks that are set.
mod clock;

// Messages of several hops through many stations.
mod forward;

// Frames that another station heard far away.
mod afar;

// A vehicle and the signals on its road.
mod infrastructure;

// How busy the channel is as the link reports it.
mod channel_load;

// When frames leave a busy channel's gate.
mod congestion;

// Events and alerts among several stations.
mod hazard;

// A roadside unit's application, its station, and a car that hears it.
mod roadside;
