//! Randomness as a parameter, so that tests can repeat a run.
#![allow(clippy::disallowed_methods, reason = "the one place that asks the machine")]

use std::sync::Arc;

use parking_lot::Mutex;
use rand::{Rng, RngExt, SeedableRng, distr::Alphanumeric, rngs::StdRng};

/// A source of unpredictable bytes. Cheap to clone.
#[derive(Clone)]
pub struct Random(Source);

#[derive(Clone)]
enum Source {
    System,
    Seeded(Arc<Mutex<StdRng>>),
}

impl Random {
    /// The operating system's generator; the only one fit for secrets.
    #[must_use]
    pub const fn system() -> Self {
        Self(Source::System)
    }

    /// The same bytes for the same seed: for tests.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self(Source::Seeded(Arc::new(Mutex::new(StdRng::seed_from_u64(seed)))))
    }

    /// `N` random bytes.
    #[must_use]
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        match &self.0 {
            Source::System => rand::rng().fill_bytes(&mut bytes),
            Source::Seeded(rng) => rng.lock().fill_bytes(&mut bytes),
        }
        bytes
    }

    /// `length` characters of `a-zA-Z0-9`, about 6 bits each.
    #[must_use]
    pub fn alphanumeric(&self, length: usize) -> String {
        let draw = |rng: &mut dyn FnMut() -> u8| (0..length).map(|_| char::from(rng())).collect();
        match &self.0 {
            Source::System => draw(&mut || rand::rng().sample(Alphanumeric)),
            Source::Seeded(rng) => draw(&mut || rng.lock().sample(Alphanumeric)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_itself() {
        assert_eq!(Random::seeded(1).bytes::<16>(), Random::seeded(1).bytes::<16>());
        assert_eq!(Random::seeded(1).alphanumeric(9), Random::seeded(1).alphanumeric(9));
        assert_ne!(Random::seeded(1).bytes::<16>(), Random::seeded(2).bytes::<16>());
    }

    #[test]
    fn the_system_does_not() {
        assert_ne!(Random::system().bytes::<16>(), Random::system().bytes::<16>());
        assert_eq!(Random::system().alphanumeric(43).len(), 43);
    }
}
