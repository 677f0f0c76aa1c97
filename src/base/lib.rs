//! What every layer shares: internal numbers, limits, time, randomness, secrets, and what is
//! forgotten after a while.
//!
//! Nothing here does I/O, and nothing here knows what a room is for.

pub mod clock;
mod expiring;
pub mod limits;
mod nid;
pub mod random;
mod secret;

pub use clock::Clock;
pub use expiring::Expiring;
pub use nid::{EventNid, RoomNid, StreamPosition};
pub use random::Random;
pub use secret::Secret;
