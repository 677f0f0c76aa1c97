//! Which keys changed since a version, without looking at the others.

use std::{
    collections::{BTreeMap, HashMap},
    hash::Hash,
};

use crate::Version;

/// The version of the last change of each key, and the keys by that version.
#[derive(Debug)]
pub(crate) struct Changes<K> {
    versions: HashMap<K, Version>,
    keys: BTreeMap<Version, K>,
}

impl<K> Default for Changes<K> {
    fn default() -> Self {
        Self { versions: HashMap::new(), keys: BTreeMap::new() }
    }
}

impl<K: Clone + Eq + Hash> Changes<K> {
    /// Notes that `key` changed at `version`, which is larger than all before.
    pub fn touch(&mut self, key: &K, version: Version) {
        if let Some(before) = self.versions.insert(key.clone(), version) {
            self.keys.remove(&before);
        }
        self.keys.insert(version, key.clone());
    }

    /// The keys that changed after `version`, the latest change last.
    pub fn since(&self, version: Version) -> Vec<K> {
        let after = Version(version.0.saturating_add(1));
        self.keys.range(after..).map(|(_, key)| key.clone()).collect()
    }

    /// Forgets the key that changed longest ago while there are more than `max`, and returns it.
    pub fn forget_beyond(&mut self, max: usize) -> Option<K> {
        if self.keys.len() <= max {
            return None;
        }
        let (_, key) = self.keys.pop_first()?;
        self.versions.remove(&key);
        Some(key)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_oldest_is_forgotten_first() {
        let mut changes = Changes::default();
        for (version, key) in ["a", "b", "a", "c"].iter().enumerate() {
            changes.touch(key, Version(version as u64 + 1));
        }
        assert_eq!(changes.since(Version(0)), ["b", "a", "c"]);
        assert_eq!(changes.forget_beyond(2), Some("b"));
        assert_eq!(changes.forget_beyond(2), None);
        assert_eq!(changes.since(Version(3)), ["c"]);
    }

    proptest! {
        #[test]
        fn it_is_the_scan_it_replaces(
            keys in prop::collection::vec(0_u8..8, 0..40),
            since in 0_u64..50,
        ) {
            let mut changes = Changes::default();
            let mut model = HashMap::new();
            for (version, key) in (1..).map(Version).zip(keys) {
                changes.touch(&key, version);
                model.insert(key, version);
            }
            let mut expected: Vec<_> =
                model.into_iter().filter(|(_, version)| version.0 > since).collect();
            expected.sort_by_key(|(_, version)| *version);
            let expected: Vec<_> = expected.into_iter().map(|(key, _)| key).collect();
            prop_assert_eq!(changes.since(Version(since)), expected);
        }
    }
}
