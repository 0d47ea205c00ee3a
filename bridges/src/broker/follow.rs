//! A client of back offices: what is published in a region, alone or shared among workers, each message once.
//!
//! It starts clean each time and rebuilds its state from what is retained. As a member of a group it gets a part of what is published
//! while it is there; and of what is retained mosquitto gives everything to every member. So each worker drops what it had, and what
//! workers do with an event must be harmless when two do it. A message is not verified here: its payload is the signed frame.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;
use v2x_core::WireTime;

use super::arrival;
use super::link::{Link, LinkEvent, LinkSettings, Subscription};
use super::link_error::LinkError;
use super::reconnect::Reconnect;
use super::settings::{BrokerSettings, BrokerSetupError};
use super::topic::Topics;
use crate::clock;
use crate::message::{AirMessage, MessageHead, Subject};

/// What is followed.
#[derive(Debug)]
pub struct Follow {
    link: LinkSettings,
    topics: Topics,
    filters: Vec<String>,
    how: Subscription,
    newest: NewestOnly,
}

impl Follow {
    /// What `settings` receive; as a member of `group`, which shares it, if there is one.
    ///
    /// # Errors
    /// [`BrokerSetupError`]: a file that cannot be used, or a name that no group can have.
    pub fn new(settings: &BrokerSettings, group: Option<&str>) -> Result<Self, BrokerSetupError> {
        let mut link = settings.link(None)?;
        // A broker ends the connection of a client when another comes with its name.
        let mut random = [0; 4];
        if getrandom::fill(&mut random).is_err() {
            tracing::warn!(target: "broker", "no randomness: workers of one configuration have one name, and end each other's connections");
        }
        link.client_id = format!("{}-{:08x}", link.client_id, u32::from_be_bytes(random));
        let filters = settings.topics.filters(&settings.receive);
        let (filters, how) = match group {
            None => (filters, Subscription::Own),
            Some(group) if Topics::new(group).is_some() && !group.contains('/') => {
                let shared = filters.iter().map(|filter| format!("$share/{group}/{filter}"));
                (shared.collect(), Subscription::Shared)
            }
            Some(group) => return Err(BrokerSetupError::Group(group.chars().take(64).collect())),
        };
        Ok(Self {
            link,
            topics: settings.topics.clone(),
            filters,
            how,
            newest: NewestOnly::new(MOST_SUBJECTS),
        })
    }

    /// What is subscribed to.
    #[must_use]
    pub fn filters(&self) -> &[String] {
        &self.filters
    }

    /// Gives each message to `to`, until nobody takes them. Connections that end are made again.
    pub async fn run(mut self, to: mpsc::Sender<AirMessage>) {
        let mut reconnect = Reconnect::new();
        while !to.is_closed() {
            let began = Instant::now();
            let (up, error) = match Link::open(&self.link).await {
                Ok(link) => {
                    let Err(error) = self.serve(link, &to).await else { return };
                    (began.elapsed(), error)
                }
                Err(error) => (Duration::ZERO, error),
            };
            tracing::warn!(target: "broker", address = %self.link.address, "broker lost: it {error}");
            tokio::select! {
                () = tokio::time::sleep(reconnect.wait(up, Instant::now())) => {}
                () = to.closed() => return,
            }
        }
    }

    /// Until the link ends, which is the error, or nobody takes messages.
    async fn serve(&mut self, mut link: Link, to: &mpsc::Sender<AirMessage>) -> Result<(), LinkError> {
        if !self.filters.is_empty() && link.subscribe(self.filters.clone(), self.how).is_err() {
            return Err(LinkError::Closed);
        }
        loop {
            let event = tokio::select! {
                event = link.next() => event?,
                () = to.closed() => break,
            };
            match event {
                LinkEvent::Arrived(arrival) => {
                    let Ok(message) = arrival::read(&self.topics, arrival) else { continue };
                    if self.newest.is_news(message.head(), clock::now()) && to.send(message).await.is_err() {
                        break;
                    }
                }
                LinkEvent::Subscribed(refused) => {
                    if let Some(first) = refused.first() {
                        tracing::warn!(target: "broker", address = %self.link.address, filters = refused.len(), first, "the broker does not take subscriptions: its rules for this client");
                    }
                }
                LinkEvent::Taken(_) | LinkEvent::NotTaken(..) => {}
            }
        }
        link.close().await;
        Ok(())
    }
}

/// Lets the newest of each subject pass, once: a retained message comes again after each connection, and to each worker.
#[derive(Debug)]
pub struct NewestOnly {
    most: usize,
    subjects: HashMap<Subject, (MessageHead, WireTime)>,
    ends: BTreeSet<(WireTime, Subject)>,
}

impl NewestOnly {
    /// Remembers at most `most` subjects, at least one; of more, those that end first are forgotten.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { most: most.max(1), subjects: HashMap::new(), ends: BTreeSet::new() }
    }

    /// Whether a message says something new, which is then known. What has ended is never new.
    pub fn is_news(&mut self, head: &MessageHead, now: WireTime) -> bool {
        while let Some((end, subject)) = self.ends.first().copied()
            && end <= now
        {
            self.ends.pop_first();
            self.subjects.remove(&subject);
        }
        if head.expires <= now {
            return false;
        }
        let subject = head.subject();
        let mut until = head.expires;
        if let Some((known, end)) = self.subjects.get(&subject) {
            if !head.is_newer_than(known) {
                return false;
            }
            self.ends.remove(&(*end, subject));
            // An older state may end later than the newer one, and come again.
            until = until.max(*end);
        }
        self.subjects.insert(subject, (head.clone(), until));
        self.ends.insert((until, subject));
        if self.subjects.len() > self.most
            && let Some((_, first)) = self.ends.pop_first()
        {
            self.subjects.remove(&first);
        }
        true
    }
}

/// Messages that wait for who takes them; meanwhile the broker waits.
pub const ROOM: usize = 1024;
/// Hazards of a country, with room.
const MOST_SUBJECTS: usize = 100_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::sample::Declarer;

    #[test]
    fn only_what_is_newer_passes_and_an_end_is_not_taken_back() {
        let declarer = Declarer::new(3);
        let [old, new, end] = [declarer.hazard(1, 0), declarer.hazard(1, 5), declarer.end(1, 9)];
        let now = old.head().generation;
        let mut newest = NewestOnly::new(10);
        assert!(
            newest.is_news(new.head(), now)
                && !newest.is_news(old.head(), now)
                && !newest.is_news(new.head(), now)
        );
        assert!(newest.is_news(end.head(), now) && !newest.is_news(new.head(), now));
        assert!(!newest.is_news(old.head(), old.head().expires), "what has ended is never news");
    }

    #[test]
    fn of_too_many_those_that_end_first_are_forgotten() {
        let declarer = Declarer::new(3);
        let hazards: Vec<_> = (1..=4).map(|event| declarer.living(event, 0, 10_000 * event)).collect();
        let now = hazards[0].head().generation;
        let mut newest = NewestOnly::new(3);
        assert!(hazards.iter().all(|hazard| newest.is_news(hazard.head(), now)));
        assert!(!newest.is_news(hazards[3].head(), now), "it ends last");
        assert!(newest.is_news(hazards[0].head(), now), "it was forgotten");
        assert_eq!((newest.subjects.len(), newest.ends.len()), (3, 3));
    }
}
