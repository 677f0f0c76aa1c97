//! The bytes of a node. They are hashed to name it, so each node has exactly one form.
//!
//! The first byte names shape and version.
//! - Leaf: for each entry the key (16 bytes) and the event number (varint), up to the end.
//! - Branch: a bitmap of its children (2 bytes, big-endian, bit `n` for nibble `n`), the count of
//!   entries below (varint), the ids of the children (16 bytes each).
//!
//! A varint has 7 bits a byte, the lowest first, and no superfluous byte.

use hearth_base::EventNid;

use crate::node::{BRANCH_CHILDREN, Branch, Entry, LEAF_ENTRIES_MAX, Shape};
use crate::{Key, Node, NodeId};

const LEAF_VERSION_1: u8 = 0x01;
const BRANCH_VERSION_1: u8 = 0x81;

/// The bytes are not those of a node: the store is damaged, or was written by a newer version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a node of a state map: {0}")]
pub struct Corrupt(&'static str);

impl Node {
    /// The bytes to store, at most 417.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        match &self.0 {
            Shape::Leaf(entries) => leaf_bytes(entries),
            Shape::Branch(branch) => branch_bytes(branch),
        }
    }

    /// Reads [`Node::to_bytes`] back.
    ///
    /// # Errors
    /// [`Corrupt`] for any other bytes. That a node is the one a row promises is for the reader of
    /// the row to check, with [`StateHasher::node_id`](crate::StateHasher::node_id).
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Corrupt> {
        let mut input = Input(bytes);
        match input.take::<1>()? {
            [LEAF_VERSION_1] => input.leaf().map(Shape::Leaf).map(Node),
            [BRANCH_VERSION_1] => input.branch().map(Shape::Branch).map(Node),
            _ => Err(Corrupt("unknown version")),
        }
    }
}

fn leaf_bytes(entries: &[Entry]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(1 + entries.len() * 21);
    bytes.push(LEAF_VERSION_1);
    for (key, event) in entries {
        bytes.extend_from_slice(&key.0);
        push_varint(&mut bytes, event.0);
    }
    bytes
}

fn branch_bytes(branch: &Branch) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(8 + BRANCH_CHILDREN * 16);
    let bitmap = (0..)
        .zip(branch.children.iter())
        .fold(0_u16, |bitmap, (nibble, child)| bitmap | u16::from(child.is_some()) << nibble);
    bytes.push(BRANCH_VERSION_1);
    bytes.extend_from_slice(&bitmap.to_be_bytes());
    push_varint(&mut bytes, branch.count);
    for child in branch.children.iter().flatten() {
        bytes.extend_from_slice(&child.0);
    }
    bytes
}

fn push_varint(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// What is left to read.
struct Input<'a>(&'a [u8]);

impl Input<'_> {
    fn leaf(mut self) -> Result<Box<[Entry]>, Corrupt> {
        let mut entries: Vec<Entry> = Vec::with_capacity(LEAF_ENTRIES_MAX);
        while !self.0.is_empty() {
            let key = Key(self.take()?);
            if entries.len() == LEAF_ENTRIES_MAX {
                return Err(Corrupt("too many entries in a leaf"));
            }
            if entries.last().is_some_and(|(last, _)| *last >= key) {
                return Err(Corrupt("entries out of order"));
            }
            entries.push((key, EventNid(self.varint()?)));
        }
        if entries.is_empty() {
            return Err(Corrupt("empty leaf"));
        }
        Ok(entries.into())
    }

    fn branch(mut self) -> Result<Branch, Corrupt> {
        let bitmap = u16::from_be_bytes(self.take()?);
        let count = self.varint()?;
        if count <= LEAF_ENTRIES_MAX as u64 {
            return Err(Corrupt("too few entries below a branch"));
        }
        if bitmap == 0 {
            return Err(Corrupt("branch without children"));
        }
        let mut children = Box::new([None; BRANCH_CHILDREN]);
        for (nibble, child) in children.iter_mut().enumerate() {
            if bitmap >> nibble & 1 == 1 {
                *child = Some(NodeId(self.take()?));
            }
        }
        if !self.0.is_empty() {
            return Err(Corrupt("bytes after the end"));
        }
        Ok(Branch { count, children })
    }

    fn varint(&mut self) -> Result<u64, Corrupt> {
        let mut number = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let [byte] = self.take()?;
            let bits = u64::from(byte & 0x7f);
            if bits << shift >> shift != bits {
                return Err(Corrupt("number too large"));
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                let superfluous = byte == 0 && shift > 0;
                return if superfluous { Err(Corrupt("number too long")) } else { Ok(number) };
            }
        }
        Err(Corrupt("number too long"))
    }

    fn take<const LEN: usize>(&mut self) -> Result<[u8; LEN], Corrupt> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(Corrupt("cut short"))?;
        self.0 = rest;
        Ok(*taken)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn leaf(entries: impl IntoIterator<Item = Entry>) -> Node {
        Node(Shape::Leaf(entries.into_iter().collect()))
    }

    fn any_node() -> impl Strategy<Value = Node> {
        let entries = prop::collection::btree_map(any::<[u8; 16]>(), any::<u64>(), 1..=16);
        let leaves = entries.prop_map(|entries: BTreeMap<_, _>| {
            leaf(entries.into_iter().map(|(key, event)| (Key(key), EventNid(event))))
        });
        let children = prop::array::uniform16(any::<Option<[u8; 16]>>())
            .prop_filter("a branch has children", |children| children.iter().any(Option::is_some));
        let branches = (17..=u64::MAX, children).prop_map(|(count, children)| {
            let children = Box::new(children.map(|child| child.map(NodeId)));
            Node(Shape::Branch(Branch { count, children }))
        });
        prop_oneof![leaves, branches]
    }

    proptest! {
        #[test]
        fn nodes_survive_the_round_trip(node in any_node()) {
            let bytes = node.to_bytes();
            prop_assert!(bytes.len() <= 417);
            prop_assert_eq!(Node::from_bytes(&bytes), Ok(node));
        }

        #[test]
        fn arbitrary_bytes_are_refused_or_the_only_form(
            mut bytes in prop::collection::vec(any::<u8>(), 0..450),
            tag in prop::option::of(prop_oneof![Just(LEAF_VERSION_1), Just(BRANCH_VERSION_1)]),
        ) {
            if let (Some(first), Some(tag)) = (bytes.first_mut(), tag) {
                *first = tag;
            }
            if let Ok(node) = Node::from_bytes(&bytes) {
                prop_assert_eq!(node.to_bytes(), bytes);
            }
        }

        #[test]
        fn damaged_nodes_are_refused_or_the_only_form(
            node in any_node(), at in any::<prop::sample::Index>(), flip in 1..=u8::MAX,
            cut in any::<prop::sample::Index>(),
        ) {
            let mut bytes = node.to_bytes();
            let at = at.index(bytes.len());
            bytes[at] ^= flip;
            for bytes in [&bytes[..], &bytes[..cut.index(bytes.len())]] {
                if let Ok(node) = Node::from_bytes(bytes) {
                    prop_assert_eq!(node.to_bytes(), bytes);
                }
            }
        }
    }

    #[test]
    fn each_malformation_is_named() {
        let entry = |key: u8| [&[key; 16][..], &[5]].concat();
        let leaf = |keys: &[u8]| {
            [vec![LEAF_VERSION_1], keys.iter().flat_map(|key| entry(*key)).collect()].concat()
        };
        let branch =
            |head: &[u8], tail: usize| [&[BRANCH_VERSION_1], head, &vec![9; tail]].concat();
        let number = |bytes: &[u8]| [&[LEAF_VERSION_1], &[1; 16][..], bytes].concat();
        let seventeen: Vec<u8> = (0..17).collect();
        let cases = [
            (vec![], "cut short"),
            (vec![0x02], "unknown version"),
            (leaf(&[]), "empty leaf"),
            (leaf(&seventeen), "too many entries in a leaf"),
            (leaf(&[2, 1]), "entries out of order"),
            (leaf(&[1, 1]), "entries out of order"),
            (number(&[]), "cut short"),
            (number(&[0x80, 0]), "number too long"),
            (number(&[0xff; 9]), "cut short"),
            (number(&[0xff; 10]), "number too large"),
            (branch(&[0, 1, 16], 16), "too few entries below a branch"),
            (branch(&[0, 0, 17], 0), "branch without children"),
            (branch(&[0, 3, 17], 31), "cut short"),
            (branch(&[0, 3, 17], 33), "bytes after the end"),
        ];
        for (bytes, why) in cases {
            assert_eq!(Node::from_bytes(&bytes), Err(Corrupt(why)), "{bytes:?}");
        }
    }

    /// Stored data depends on these bytes: they may change only with the version.
    #[test]
    fn the_form_is_fixed() {
        let node = leaf([(Key([1; 16]), EventNid(5)), (Key([2; 16]), EventNid(300))]);
        let bytes = [&[1][..], &[1; 16], &[5], &[2; 16], &[0xac, 0x02]].concat();
        assert_eq!(node.to_bytes(), bytes);

        let mut children = Box::new([None; 16]);
        children[0] = Some(NodeId([7; 16]));
        children[15] = Some(NodeId([8; 16]));
        let node = Node(Shape::Branch(Branch { count: 128, children }));
        let bytes = [&[0x81, 0x80, 0x01, 0x80, 0x01][..], &[7; 16], &[8; 16]].concat();
        assert_eq!(node.to_bytes(), bytes);
    }
}
