//! A bounded map in memory whose entries are forgotten after a fixed time.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use parking_lot::Mutex;

use crate::Clock;

/// Entries under random names. When it is full the oldest entry makes room.
pub struct Expiring<V> {
    clock: Clock,
    lifetime_ms: u64,
    entries_max: usize,
    entries: Mutex<Entries<V>>,
}

struct Entries<V> {
    values: HashMap<String, (u64, V)>,
    /// Every name that was inserted, oldest first, with the time at which it expires.
    order: VecDeque<(u64, String)>,
}

impl<V> Expiring<V> {
    /// An empty map of at most `entries_max` entries.
    #[must_use]
    pub fn new(clock: Clock, lifetime: Duration, entries_max: usize) -> Self {
        let entries = Entries { values: HashMap::new(), order: VecDeque::new() };
        Self {
            clock,
            lifetime_ms: u64::try_from(lifetime.as_millis()).unwrap_or(u64::MAX),
            entries_max,
            entries: Mutex::new(entries),
        }
    }

    /// Puts an entry in.
    pub fn insert(&self, name: String, value: V) {
        let now = self.clock.now_ms();
        let mut entries = self.entries.lock();
        let expires = now.saturating_add(self.lifetime_ms);
        entries.order.push_back((expires, name.clone()));
        entries.values.insert(name, (expires, value));
        while entries.order.len() > self.entries_max
            || entries.order.front().is_some_and(|(expires, _)| *expires <= now)
        {
            let Some((_, oldest)) = entries.order.pop_front() else {
                break;
            };
            entries.values.remove(&oldest);
        }
    }

    /// Takes the entry out, if it has not expired.
    pub fn take(&self, name: &str) -> Option<V> {
        let now = self.clock.now_ms();
        let (expires, value) = self.entries.lock().values.remove(name)?;
        (expires > now).then_some(value)
    }

    /// Reads or changes the entry, if it has not expired.
    pub fn with<T>(&self, name: &str, change: impl FnOnce(&mut V) -> T) -> Option<T> {
        let now = self.clock.now_ms();
        let mut entries = self.entries.lock();
        let (expires, value) = entries.values.get_mut(name)?;
        (*expires > now).then(|| change(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_expire_and_the_oldest_makes_room() {
        let clock = Clock::manual(0);
        let map = Expiring::new(clock.clone(), Duration::from_millis(10), 2);
        for name in ["a", "b", "c"] {
            map.insert(name.to_owned(), name.len());
        }
        assert_eq!(map.take("a"), None);
        assert_eq!(map.take("b"), Some(1));
        assert_eq!(map.take("b"), None);
        assert_eq!(map.with("c", |value| *value), Some(1));
        clock.advance(Duration::from_millis(10));
        assert_eq!(map.with("c", |value| *value), None);
        assert_eq!(map.take("c"), None);
    }
}
