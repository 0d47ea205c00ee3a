//! Asks the machine's chronyd how good the clock is, over its command port on the loopback interface.
//!
//! A question every few seconds, and whatever has come is read when the next second begins: nobody waits. No chronyd, or one without
//! the port, costs a datagram that nobody takes.

use core::time::Duration;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use v2x_core::Instant;

use super::timekeeper::tracking::{self, Tracking};

/// The question that is out, and the socket it went by.
#[derive(Debug)]
pub struct ChronyPort {
    address: SocketAddr,
    socket: Option<UdpSocket>,
    sequence: u32,
    asked: Option<Instant>,
}

impl ChronyPort {
    /// Of the chronyd whose command port is at `address`, on the loopback interface. Numbers of requests start at `seed`.
    pub fn new(address: SocketAddr, seed: u32) -> Self {
        Self { address, socket: None, sequence: seed, asked: None }
    }

    /// Asks when it is time to, at `now`.
    pub fn ask(&mut self, now: Instant) {
        if self.asked.is_some_and(|asked| now < asked + ASK_EVERY) {
            return;
        }
        self.asked = Some(now);
        self.sequence = self.sequence.wrapping_add(1);
        let request = tracking::request(self.sequence);
        let sent = match &self.socket {
            // An error that the last datagram caused: nobody was there.
            Some(socket) => socket.send(&request),
            None => open(self.address).and_then(|socket| {
                let sent = socket.send(&request);
                self.socket = Some(socket);
                sent
            }),
        };
        if let Err(error) = sent {
            tracing::debug!("chrony at {}: {error}", self.address);
        }
    }

    /// The answer to the last question, with the time at which it was asked. What else came is dropped.
    pub fn answer(&mut self) -> Option<(Instant, Tracking)> {
        let socket = self.socket.as_ref()?;
        let mut datagram = [0; LONGEST_ANSWER];
        for _ in 0..MOST_DATAGRAMS {
            let length = match socket.recv(&mut datagram) {
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return None,
                Err(_) => continue,
            };
            match tracking::answer(&datagram[..length], self.sequence) {
                Ok(answer) => return self.asked.map(|asked| (asked, answer)),
                Err(error) => tracing::debug!("chrony at {}: {error}", self.address),
            }
        }
        None
    }
}

fn open(address: SocketAddr) -> io::Result<UdpSocket> {
    let own: SocketAddr = match address {
        SocketAddr::V4(_) => (Ipv4Addr::LOCALHOST, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::LOCALHOST, 0).into(),
    };
    let socket = UdpSocket::bind(own)?;
    socket.set_nonblocking(true)?;
    // Only this peer's datagrams are taken then.
    socket.connect(address)?;
    Ok(socket)
}

const ASK_EVERY: Duration = Duration::from_secs(4);
/// Longer than any answer to a tracking request; what is cut off would not have been one.
const LONGEST_ANSWER: usize = 512;
/// Datagrams read in one go; one is due.
const MOST_DATAGRAMS: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> Instant {
        Instant::from_millis(secs * 1000)
    }

    #[test]
    fn asks_every_four_seconds_and_takes_the_answer_to_the_last_question() {
        let chronyd = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let mut port = ChronyPort::new(chronyd.local_addr().unwrap(), u32::MAX);
        assert!(port.answer().is_none());
        let mut asked = Vec::new();
        for second in 0..9 {
            port.ask(at(second));
            chronyd.set_nonblocking(true).unwrap();
            let mut request = [0; 200];
            if let Ok((length, from)) = chronyd.recv_from(&mut request) {
                asked.push(second);
                let mut answer = request[..length].to_vec();
                answer[1] = 2;
                (answer[6], answer[7]) = (0, 5);
                // The sequence number moves, the request's place of it becomes the status.
                let sequence = answer[8..12].to_vec();
                answer[8..12].fill(0);
                answer[16..20].copy_from_slice(&sequence);
                for _ in 0..20 {
                    chronyd.send_to(b"noise", from).unwrap();
                }
                chronyd.send_to(&answer, from).unwrap();
                let answers: Vec<_> = (0..4).filter_map(|_| port.answer()).collect();
                assert_eq!(answers.len(), 1, "behind the noise, in bounded portions");
                assert_eq!(answers[0].0, at(second));
            }
        }
        assert_eq!(asked, [0, 4, 8]);
    }

    #[test]
    fn nobody_at_the_port_is_no_error() {
        let gone = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        let mut port = ChronyPort::new(gone, 1);
        for second in 0..20 {
            port.ask(at(second));
            assert!(port.answer().is_none());
        }
    }
}
