//! Room state as a persistent map: a content-addressed 16-way hash trie.
//!
//! A map goes from a [`Key`], which stands for an event type and a state key, to the number of
//! the event that holds that state. It is known by its [`Root`]. Nodes are immutable and named by
//! the keyed hash of their bytes; a sub-tree with at most 16 entries is one leaf. So the shape
//! depends on the contents alone, and **two maps are equal exactly when their roots are**. A
//! change writes one node a level, and [`diff`] skips whatever two maps share.
//!
//! There is no I/O here. Operations read nodes from a cache ([`Nodes`]); when it lacks some they
//! return [`Missing`] with every node they can see they need, and the caller loads these and calls
//! again. A cold read costs one load a level, and a tree has at most 32 levels: a caller that is
//! still asked for nodes after 32 loads has a damaged store.
//!
//! What an event says, which room it is in and where nodes are stored is deliberately absent.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod codec;
mod diff;
mod hasher;
mod node;
mod nodes;
mod read;
mod root;
mod update;

#[cfg(test)]
mod model_tests;
#[cfg(test)]
mod size_tests;

pub use codec::Corrupt;
pub use diff::{Change, diff};
pub use hasher::{Key, NodeId, StateHasher};
pub use node::Node;
pub use nodes::{Layered, Missing, Nodes};
pub use read::{entries, get, get_many};
pub use root::{Root, StateRoot};
pub use update::{Update, update};
