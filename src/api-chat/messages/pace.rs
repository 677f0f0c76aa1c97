//! How fast one person may write: no more than so many messages in any span of time. A bucket that
//! refills would let nearly twice as many through.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use hearth_base::Clock;
use hearth_bus::RetryAfter;
use parking_lot::Mutex;
use ruma::{OwnedUserId, UserId};

/// Most messages of one user in any span.
const MESSAGES_MAX: usize = 10;
/// The span, in milliseconds.
const SPAN_MS: u64 = 10_000;
/// Most users whose pace is remembered; who wrote nothing for a while is forgotten first.
const USERS_MAX: usize = 100_000;

/// How fast everybody writes. Cheap to clone.
#[derive(Clone)]
pub struct Pace(Option<Arc<Inner>>);

struct Inner {
    clock: Clock,
    /// When the last messages of each user were sent, in Unix milliseconds.
    sent: Mutex<HashMap<OwnedUserId, VecDeque<u64>>>,
}

impl Pace {
    /// No limit.
    #[must_use]
    pub const fn unlimited() -> Self {
        Self(None)
    }

    /// 10 messages in 10 seconds.
    #[must_use]
    pub fn limited(clock: Clock) -> Self {
        Self(Some(Arc::new(Inner { clock, sent: Mutex::default() })))
    }

    /// Counts a message of the user.
    ///
    /// # Errors
    /// It is one too many, and was not counted.
    pub fn count(&self, user: &UserId) -> Result<(), RetryAfter> {
        let Some(inner) = &self.0 else {
            return Ok(());
        };
        let now_ms = inner.clock.now_ms();
        let is_old = |at_ms: &u64| at_ms.saturating_add(SPAN_MS) <= now_ms;
        let mut sent = inner.sent.lock();
        if sent.len() >= USERS_MAX && !sent.contains_key(user) {
            sent.retain(|_, times| times.back().is_some_and(|last| !is_old(last)));
        }
        let times = sent.entry(user.to_owned()).or_default();
        while times.front().is_some_and(is_old) {
            times.pop_front();
        }
        match times.front() {
            Some(first) if times.len() >= MESSAGES_MAX => {
                let ms = first.saturating_add(SPAN_MS).saturating_sub(now_ms).max(1);
                Err(RetryAfter { ms })
            }
            _ => {
                times.push_back(now_ms);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ruma::user_id;

    use super::*;

    #[test]
    fn no_span_has_more_than_ten() {
        let clock = Clock::manual(1_000_000);
        let pace = Pace::limited(clock.clone());
        let user = user_id!("@u:hearth");
        for _ in 0..MESSAGES_MAX {
            pace.count(user).unwrap();
            clock.advance(Duration::from_millis(500));
        }
        assert_eq!(pace.count(user), Err(RetryAfter { ms: 5_000 }));
        pace.count(user_id!("@other:hearth")).unwrap();
        clock.advance(Duration::from_secs(5));
        pace.count(user).unwrap();
        assert_eq!(pace.count(user), Err(RetryAfter { ms: 500 }));
        assert!(Pace::unlimited().count(user).is_ok());
    }
}
