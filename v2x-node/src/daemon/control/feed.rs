//! The station's events for programs that watch them. Where nobody watches, each costs a look at one number.

use core::time::Duration;
use std::collections::VecDeque;

use bytes::Bytes;
use hashbrown::HashMap;
use radio_adapters::LinkAddress;
use v2x_api::{Answer, AnsweredMessage, DroppedFrame};
use v2x_core::{
    Anchor, DropReason, Dropped, Event as StationEvent, ForwardCause, Instant, MessageId, Node, Received,
    Transmit, TrustLevel, Way, limits,
};
use v2x_proto::Digest;
use v2x_proto::link::Origin;

use super::client::Move;
use super::desk::{Event, News};
use super::message_view::{HeardMessage, OwnMessage};
use super::neighbour_view::NeighbourSeen;
use super::topic::Topic;
use super::view::View;
use crate::daemon::station::monotonic;

/// Passes the station's events on to the programs that watch them.
#[derive(Debug, Default)]
pub struct EventFeed {
    news: Option<News>,
    /// Stations that are not trusted.
    standings: HashMap<Digest, TrustLevel>,
    /// Neighbours of which news wait, oldest first, and what.
    moved: VecDeque<Digest>,
    moves: HashMap<Digest, Move>,
    /// How many of the table's entries are passed on, while a watch begins.
    presented: Option<usize>,
    /// Own messages that are signed and not handed to the link yet, oldest first, with their credentials where a program wants
    /// them.
    signed: VecDeque<(MessageId, Option<Bytes>)>,
    drops: HashMap<&'static str, Sample>,
}

/// Of the drops for one reason.
#[derive(Clone, Copy, Debug)]
struct Sample {
    /// When the second began in which `told` were told.
    began: Instant,
    told: u32,
    suppressed: u64,
}

impl EventFeed {
    /// Events go to these programs from now on.
    pub fn begin(&mut self, news: News) {
        self.news = Some(news);
    }

    /// Takes an event of the station; credentials that programs want are looked up in its `node`.
    pub fn event(&mut self, event: &StationEvent, node: Option<&Node>, anchor: &Anchor) {
        if let StationEvent::Suspicion(suspicion) = event {
            self.note_standing(suspicion.digest, suspicion.standing);
        }
        let Some(news) = &self.news else { return };
        match event {
            StationEvent::Received(received) => {
                if news.is_watched(Topic::Messages) {
                    let standing = self.standing(received);
                    let credential = credential_of(&received.id.signer, news, node);
                    let received = detached(received);
                    let heard = HeardMessage { received, standing, anchor: *anchor, credential };
                    news.push(Event::Heard(Box::new(heard)));
                }
                if received.way.is_afar() {
                    self.tell_afar(received.way, Some(received.id), "delivered", None);
                } else if news.is_watched(Topic::Neighbours) {
                    self.move_it(received.id.signer, Move::Updated);
                }
            }
            StationEvent::Dropped(dropped) => {
                if news.is_watched(Topic::Drops) {
                    self.dropped(dropped);
                }
                self.tell_afar(dropped.way, dropped.claimed, "dropped", Some(dropped.reason));
            }
            StationEvent::Forwarded(forwarded) if forwarded.cause == ForwardCause::Afar => {
                self.tell_afar(forwarded.way, Some(forwarded.id), "aired", None);
            }
            StationEvent::Sent(sent) if news.is_own_watched() => {
                if self.signed.len() == MOST_SIGNED {
                    self.signed.pop_front();
                }
                self.signed.push_back((sent.id, credential_of(&sent.id.signer, news, node)));
            }
            StationEvent::NeighbourAdded(digest) if news.is_watched(Topic::Neighbours) => {
                self.move_it(*digest, Move::New);
            }
            StationEvent::Suspicion(suspicion) if news.is_watched(Topic::Neighbours) => {
                self.move_it(suspicion.digest, Move::Updated);
            }
            StationEvent::NeighbourLost(digest) if news.is_watched(Topic::Neighbours) => {
                self.move_it(*digest, Move::Lost);
            }
            _ => {}
        }
    }

    /// A frame went to the kernel.
    pub fn transmitted(&mut self, frame: &Transmit, on_air: Instant) {
        let Some(news) = self.news.as_ref().filter(|news| news.is_own_watched()) else { return };
        // A repetition is no news.
        let place = self.signed.iter().position(|(signed, _)| *signed == frame.id);
        if let Some((_, credential)) = place.and_then(|place| self.signed.remove(place))
            && frame.origin == Origin::Own
        {
            let bytes = Bytes::copy_from_slice(&frame.bytes);
            let own = OwnMessage { id: frame.id, frame: bytes, stamps: frame.stamps, on_air, credential };
            news.push(Event::Sent(Box::new(own)));
        }
    }

    /// A program watches neighbours from now on: those there are, are told first. Programs that know of them are not told again.
    pub fn present(&mut self) {
        self.presented = Some(0);
    }

    /// Whether something waits for [`pass_on`](Self::pass_on).
    pub fn has_news(&self) -> bool {
        !self.moved.is_empty() || self.presented.is_some()
    }

    /// Passes on some of the neighbours that moved.
    pub fn pass_on(&mut self, node: &Node, now: Instant) {
        let Some(news) = &self.news else { return };
        if !news.is_watched(Topic::Neighbours) {
            self.moved.clear();
            self.moves.clear();
            self.presented = None;
            return;
        }
        news.push(Event::View(Box::new(View::of(node, now))));
        if let Some(from) = self.presented {
            let mut count = 0;
            for neighbour in node.neighbours().skip(from).take(AT_ONCE) {
                if !news
                    .push(Event::Neighbour(Move::Present, Box::new(NeighbourSeen::by(neighbour, node, now))))
                {
                    break;
                }
                count += 1;
            }
            let end = count == 0 && from >= node.neighbour_table().len();
            self.presented = (!end).then_some(from + count);
        }
        for _ in 0..AT_ONCE {
            let Some(digest) = self.moved.front().copied() else { break };
            let change = self.moves.get(&digest).copied();
            let told = match (change, NeighbourSeen::of(&digest, node, now)) {
                (Some(change), Some(seen)) if change != Move::Lost => {
                    news.push(Event::Neighbour(change, Box::new(seen)))
                }
                (Some(Move::Lost), _) => news.push(Event::Gone(digest)),
                // It was evicted meanwhile, which an event of its own tells.
                _ => true,
            };
            if !told {
                break;
            }
            self.moved.pop_front();
            self.moves.remove(&digest);
        }
    }

    /// Where the station is, for programs that watch messages.
    pub fn place(&self, view: &View) {
        if let Some(news) = self.news.as_ref().filter(|news| news.is_watched(Topic::Messages)) {
            news.push(Event::View(Box::new(*view)));
        }
    }

    /// Once a second: what was kept for programs that watch no longer, is not for the next that does.
    pub fn forget(&mut self) {
        let Some(news) = &self.news else { return };
        if !news.is_watched(Topic::Drops) {
            self.drops.clear();
        }
        if !news.is_own_watched() {
            self.signed.clear();
        }
    }

    fn move_it(&mut self, digest: Digest, change: Move) {
        if let Some(before) = self.moves.get_mut(&digest) {
            let new = *before == Move::New && change == Move::Updated;
            *before = if new { Move::New } else { change };
            return;
        }
        // As many as the table holds, and those that left it.
        if self.moves.len() < 2 * limits::MAX_NEIGHBOURS {
            self.moves.insert(digest, change);
            self.moved.push_back(digest);
        }
    }

    fn note_standing(&mut self, digest: Digest, standing: TrustLevel) {
        if standing == TrustLevel::Trusted {
            self.standings.remove(&digest);
        } else if self.standings.len() < limits::MAX_NEIGHBOURS || self.standings.contains_key(&digest) {
            self.standings.insert(digest, standing);
        }
    }

    fn standing(&self, received: &Received) -> TrustLevel {
        let known = self.standings.get(&received.id.signer).copied().unwrap_or_default();
        if received.suspect { known.max(TrustLevel::Suspect) } else { known }
    }

    /// What became of a frame from afar; nothing for one by air.
    fn tell_afar(&self, way: Way, id: Option<MessageId>, outcome: &str, reason: Option<DropReason>) {
        let Some(news) = self.news.as_ref().filter(|news| way.is_afar() && news.is_watched(Topic::Afar))
        else {
            return;
        };
        let line = Answer {
            message: id.map(|id| AnsweredMessage::Name(id.to_string())),
            peer: way.peer(),
            outcome: Some(outcome.to_owned()),
            reason: reason.map(|reason| reason.name().to_owned()),
            ..Answer::watch("afar")
        };
        news.tell(Topic::Afar, line);
    }

    fn dropped(&mut self, dropped: &Dropped) {
        let (reason, now) = (dropped.reason.name(), monotonic());
        let sample = self.drops.entry(reason).or_insert(Sample { began: now, told: 0, suppressed: 0 });
        if now.since(sample.began) >= Duration::from_secs(1) {
            (sample.began, sample.told) = (now, 0);
        }
        if sample.told == DROPS_PER_SECOND {
            sample.suppressed += 1;
            return;
        }
        sample.told += 1;
        let suppressed = core::mem::take(&mut sample.suppressed);
        let hex: String = dropped.head.start().iter().map(|byte| format!("{byte:02x}")).collect();
        let frame = DroppedFrame {
            reason: reason.to_owned(),
            field: dropped.field.map(ToOwned::to_owned),
            link_address: LinkAddress(dropped.link_source).to_string(),
            claimed: dropped.claimed.map(|id| id.to_string()),
            bytes: Some(u64::from(dropped.head.len)),
            header: Some(hex),
            signal_dbm: dropped.signal_dbm,
            afar: dropped.way.is_afar(),
            suppressed,
        };
        if let Some(news) = &self.news {
            news.tell(Topic::Drops, Answer { drop: Some(Box::new(frame)), ..Answer::watch("drop") });
        }
    }
}

/// Of a signer, where a program wants it and the station has it.
fn credential_of(signer: &Digest, news: &News, node: Option<&Node>) -> Option<Bytes> {
    let node = node.filter(|_| news.is_credential_watched())?;
    node.credential_of(signer).map(Bytes::copy_from_slice)
}

/// The message in memory of its own.
fn detached(received: &Received) -> Received {
    let frame = Bytes::copy_from_slice(&received.frame);
    let (start, length) = (received.payload.as_ptr().addr(), received.payload.len());
    let start = start.wrapping_sub(received.frame.as_ptr().addr());
    let part = start.checked_add(length).filter(|end| *end <= frame.len()).map(|end| frame.slice(start..end));
    let payload = part.unwrap_or_else(|| Bytes::copy_from_slice(&received.payload));
    Received { payload, frame, ..received.clone() }
}

/// Neighbours passed on in one turn: some ten microseconds.
const AT_ONCE: usize = 32;
/// Frames told a second of those dropped for one reason.
const DROPS_PER_SECOND: u32 = 4;
/// Own messages on their way to the link: what its queues hold.
const MOST_SIGNED: usize = limits::MAX_SEND_QUEUE * 6;

#[cfg(test)]
mod tests {
    use v2x_core::{FrameHead, WireTime};

    use super::*;

    #[test]
    fn a_watch_of_drops_is_not_told_of_what_another_did_not_read() {
        let (news, mut told) = News::alone();
        let anchor = Anchor { instant: Instant::ZERO, wire: WireTime::from_secs(1000) };
        let mut feed = EventFeed::default();
        feed.begin(news.clone());
        let dropped = StationEvent::Dropped(Dropped {
            reason: DropReason::Stale,
            field: None,
            link_source: [2; 6],
            claimed: None,
            head: FrameHead::of(&[0xab; 300]),
            signal_dbm: None,
            way: Way::Air,
        });
        news.watch_only(&[Topic::Drops]);
        for _ in 0..3 * DROPS_PER_SECOND {
            feed.event(&dropped, None, &anchor);
        }
        // Its watch ends, and another begins later.
        news.watch_only(&[]);
        feed.forget();
        while told.try_recv().is_ok() {}
        news.watch_only(&[Topic::Drops]);
        feed.event(&dropped, None, &anchor);
        let Ok(Event::Told(first)) = told.try_recv() else { panic!("nothing is told") };
        assert_eq!(first.answer().drop.as_ref().map(|drop| drop.suppressed), Some(0));
    }
}
