//! Keys and node ids, and the keyed hash that makes them.
//!
//! The hash is keyed with a secret of the server, so nobody outside can look for state keys whose
//! hashes begin alike and so grow a deep tree. Each purpose has its own key derived from the
//! secret.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Nibbles of a [`Key`], which bound the depth of the trie.
pub(crate) const KEY_NIBBLES: usize = 32;

/// What stands for an event type and a state key in the map; made by [`StateHasher::key`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Key(pub [u8; 16]);

impl Key {
    /// The nibble that chooses the child of a branch at `depth`; 0 beyond the end of the key.
    pub(crate) fn nibble(&self, depth: usize) -> usize {
        let byte = self.0.get(depth / 2).copied().unwrap_or_default();
        let nibble = if depth.is_multiple_of(2) { byte >> 4 } else { byte & 0x0f };
        usize::from(nibble)
    }
}

/// The name of a node: the keyed hash of its bytes; made by [`StateHasher::node_id`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NodeId(pub [u8; 16]);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({:032x})", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NodeId({:032x})", u128::from_be_bytes(self.0))
    }
}

/// Makes keys and node ids under a secret of the server, which must never change.
#[derive(Clone)]
pub struct StateHasher {
    key_secret: [u8; 32],
    node_secret: [u8; 32],
}

impl StateHasher {
    /// A hasher for the server's 32-byte secret.
    #[must_use]
    pub fn new(secret: [u8; 32]) -> Self {
        Self {
            key_secret: blake3::derive_key("hearth statemap 1 key", &secret),
            node_secret: blake3::derive_key("hearth statemap 1 node", &secret),
        }
    }

    /// The key of a piece of state.
    #[must_use]
    pub fn key(&self, event_type: &str, state_key: &str) -> Key {
        let mut hash = blake3::Hasher::new_keyed(&self.key_secret);
        // The length goes first: both strings may hold any character, so none can separate them.
        hash.update(&(event_type.len() as u64).to_be_bytes());
        hash.update(event_type.as_bytes());
        hash.update(state_key.as_bytes());
        Key(first_half(&hash.finalize()))
    }

    /// The id of a node with these bytes.
    #[must_use]
    pub fn node_id(&self, bytes: &[u8]) -> NodeId {
        NodeId(first_half(&blake3::keyed_hash(&self.node_secret, bytes)))
    }
}

impl fmt::Debug for StateHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StateHasher(…)")
    }
}

fn first_half(hash: &blake3::Hash) -> [u8; 16] {
    std::array::from_fn(|at| hash.as_bytes()[at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_tell_type_and_state_key_apart() {
        let hasher = StateHasher::new([7; 32]);
        let pairs =
            [("ab", "c"), ("a", "bc"), ("", "abc"), ("abc", ""), ("a\0", "b"), ("a", "\0b")];
        for (at, (event_type, state_key)) in pairs.iter().enumerate() {
            for (other_type, other_key) in &pairs[at + 1..] {
                assert_ne!(hasher.key(event_type, state_key), hasher.key(other_type, other_key));
            }
        }
        assert_eq!(hasher.key("a", "b"), hasher.clone().key("a", "b"));
    }

    #[test]
    fn another_secret_or_purpose_gives_another_hash() {
        let (one, two) = (StateHasher::new([1; 32]), StateHasher::new([2; 32]));
        assert_ne!(one.key("a", "b"), two.key("a", "b"));
        assert_ne!(one.node_id(b"node"), two.node_id(b"node"));
        assert_ne!(one.key("", "").0, one.node_id(&[0; 8]).0);
    }

    #[test]
    fn nibbles_go_from_the_first_byte_high_half_first() {
        let key = Key(u128::to_be_bytes(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef));
        for depth in 0..KEY_NIBBLES {
            assert_eq!(key.nibble(depth), depth % 16);
        }
        assert_eq!(key.nibble(KEY_NIBBLES), 0);
    }

    #[test]
    fn debug_hides_the_secret() {
        assert_eq!(format!("{:?}", StateHasher::new([0x5a; 32])), "StateHasher(…)");
    }
}
