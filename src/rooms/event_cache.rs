//! Events that were read or written lately.
//!
//! Invariant: nobody whose snapshot has a redaction gets the event as it was before. From before a
//! redaction is committed until the cache has forgotten the event, it is read from the store.

use std::{
    collections::HashSet,
    sync::atomic::{AtomicI64, Ordering},
};

use hearth_base::{EventNid, StreamPosition};
use moka::sync::Cache;
use parking_lot::RwLock;

use crate::Event;

/// The cache.
pub(crate) struct EventCache {
    events: Cache<EventNid, Event>,
    /// What is being redacted.
    redacting: RwLock<HashSet<EventNid>>,
    /// The position of the last redaction, for readers of older snapshots.
    last_redaction: AtomicI64,
}

impl EventCache {
    /// A cache of so many bytes.
    pub(crate) fn new(bytes: u64) -> Self {
        let event_bytes = |_: &EventNid, event: &Event| {
            u32::try_from(event.pdu().json().len() * 2 + 500).unwrap_or(u32::MAX)
        };
        Self {
            events: Cache::builder().weigher(event_bytes).max_capacity(bytes).build(),
            redacting: RwLock::default(),
            last_redaction: AtomicI64::new(0),
        }
    }

    pub(crate) fn get(&self, nid: EventNid) -> Option<Event> {
        let is_redacted = self.redacting.read().contains(&nid);
        self.events.get(&nid).filter(|_| !is_redacted)
    }

    /// Remembers an event that was just written.
    pub(crate) fn insert(&self, event: Event) {
        self.events.insert(event.nid(), event);
    }

    /// Remembers what a snapshot at `position` said of an event, unless a redaction changes it.
    pub(crate) fn insert_read(&self, position: StreamPosition, event: &Event) {
        if self.redacting.read().contains(&event.nid()) {
            return;
        }
        self.events.insert(event.nid(), event.clone());
        // Checked afterwards: a redaction first moves its position, then forgets.
        if position < self.last_redaction() {
            self.events.invalidate(&event.nid());
        }
    }

    /// The position of the last redaction.
    pub(crate) fn last_redaction(&self) -> StreamPosition {
        StreamPosition(self.last_redaction.load(Ordering::SeqCst))
    }

    /// Keeps everybody from events that are about to be redacted, until what is returned is
    /// dropped.
    pub(crate) fn redact(&self, nids: HashSet<EventNid>) -> Redacting<'_> {
        self.redacting.write().extend(&nids);
        Redacting { cache: self, nids }
    }
}

/// Events that are being redacted.
pub(crate) struct Redacting<'a> {
    cache: &'a EventCache,
    nids: HashSet<EventNid>,
}

impl Redacting<'_> {
    /// Whether there are any.
    pub(crate) fn is_empty(&self) -> bool {
        self.nids.is_empty()
    }

    /// They were, at `position`.
    pub(crate) fn committed(&self, position: StreamPosition) {
        if !self.is_empty() {
            self.cache.last_redaction.fetch_max(position.0, Ordering::SeqCst);
        }
    }
}

impl Drop for Redacting<'_> {
    fn drop(&mut self) {
        for nid in &self.nids {
            self.cache.events.invalidate(nid);
        }
        if !self.nids.is_empty() {
            self.cache.redacting.write().retain(|nid| !self.nids.contains(nid));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{message, public_room, rooms, user};

    #[tokio::test]
    async fn what_is_being_redacted_is_not_remembered() {
        let (rooms, alice) = (rooms(), user("alice"));
        let room = public_room(&rooms, &alice).await;
        let sent = rooms.send(&room, message(&alice, "a secret")).await.unwrap();
        let snapshot = rooms.snapshot().await.unwrap();
        let event = rooms.event(snapshot.as_ref(), sent.nid).await.unwrap();
        let cache = rooms.event_cache();
        assert!(cache.get(sent.nid).is_some());
        let redacting = cache.redact([sent.nid].into());
        assert!(cache.get(sent.nid).is_none());
        cache.insert_read(snapshot.position(), &event);
        redacting.committed(snapshot.position().next());
        drop(redacting);
        assert!(cache.get(sent.nid).is_none());
        cache.insert_read(snapshot.position(), &event);
        assert!(cache.get(sent.nid).is_none(), "the snapshot is older than the redaction");
        cache.insert_read(snapshot.position().next(), &event);
        assert!(cache.get(sent.nid).is_some());
    }
}
