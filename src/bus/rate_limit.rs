//! Who has to slow down: token buckets, kept as the time at which a bucket is full again (GCRA).
//!
//! A key costs one number. When there are too many keys, full buckets are dropped, which loses
//! nothing; when none is full, a new key passes unrecorded: refusing strangers would let an
//! attacker with many addresses lock everybody out.

use std::sync::atomic::{AtomicU64, Ordering};

use dashmap::DashMap;
use hearth_base::Clock;

use crate::limits::{RATE_LIMIT_KEY_BYTES_MAX, RATE_LIMIT_KEYS_MAX};

/// Slowest refill of one token, in microseconds: a day.
const REFILL_US_MAX: f64 = 86_400.0 * 1_000_000.0;
/// Least time between two searches for full buckets, in microseconds.
const SWEEP_EVERY_US: u64 = 1_000_000;

/// What is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Bucket {
    /// Events sent, by user.
    Messages,
    /// Joins and knocks, by user.
    Joins,
    /// Invites sent, by user.
    Invites,
    /// Uploads and downloads, by user.
    Media,
    /// Attempts to log in, by address and by account.
    Logins,
    /// Wrong passwords, by account.
    FailedLogins,
    /// Attempts to register, by address.
    Registrations,
    /// Letters that somebody asks for, by address and by recipient.
    Letters,
    /// Reports, by user.
    Reports,
    /// Changes of a user's own account, by user.
    AccountChanges,
    /// What has to look at much: searches, hierarchies; by user.
    Searches,
    /// Receipts, typing and presence, by user.
    Ephemeral,
    /// Whatever else the specification limits, by user or address.
    Requests,
}

/// How fast a bucket refills and how much it holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// Tokens a second; what is not above 0 counts as one a day.
    pub per_second: f64,
    /// Tokens of a full bucket, at least 1.
    pub burst: u32,
}

/// The rate of each bucket.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rates {
    /// See [`Bucket::Messages`].
    pub messages: Rate,
    /// See [`Bucket::Joins`].
    pub joins: Rate,
    /// See [`Bucket::Invites`].
    pub invites: Rate,
    /// See [`Bucket::Media`].
    pub media: Rate,
    /// See [`Bucket::Logins`].
    pub logins: Rate,
    /// See [`Bucket::FailedLogins`].
    pub failed_logins: Rate,
    /// See [`Bucket::Registrations`].
    pub registrations: Rate,
    /// See [`Bucket::Letters`].
    pub letters: Rate,
    /// See [`Bucket::Reports`].
    pub reports: Rate,
    /// See [`Bucket::AccountChanges`].
    pub account_changes: Rate,
    /// See [`Bucket::Searches`].
    pub searches: Rate,
    /// See [`Bucket::Ephemeral`].
    pub ephemeral: Rate,
    /// See [`Bucket::Requests`].
    pub requests: Rate,
}

/// Too fast: the next attempt can succeed after this time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryAfter {
    /// Milliseconds from now, at least 1.
    pub ms: u64,
}

/// The buckets of every key.
pub struct RateLimits {
    clock: Clock,
    rates: Option<Rates>,
    keys_max: usize,
    /// When each bucket is full again, in microseconds since the Unix epoch.
    full_at_us: DashMap<(Bucket, String), u64>,
    swept_at_us: AtomicU64,
}

impl RateLimits {
    pub(crate) fn new(clock: Clock, rates: Option<Rates>) -> Self {
        Self {
            clock,
            rates,
            keys_max: RATE_LIMIT_KEYS_MAX,
            full_at_us: DashMap::new(),
            swept_at_us: AtomicU64::new(0),
        }
    }

    /// Takes a token of `key` in `bucket`.
    ///
    /// # Errors
    /// There is none: nothing was taken.
    pub fn check(&self, bucket: Bucket, key: &str) -> Result<(), RetryAfter> {
        let Some(rates) = &self.rates else {
            return Ok(());
        };
        let rate = rates.of(bucket);
        let now_us = self.clock.now_ms().saturating_mul(1_000);
        let key = bounded(bucket, key);
        if let Some(mut full_at_us) = self.full_at_us.get_mut(&key) {
            *full_at_us = rate.take(*full_at_us, now_us)?;
            return Ok(());
        }
        if self.has_room(now_us) {
            let mut full_at_us = self.full_at_us.entry(key).or_insert(0);
            *full_at_us = rate.take(*full_at_us, now_us)?;
        }
        Ok(())
    }

    /// Gives back a token that [`RateLimits::check`] took: what it was for turned out not to count.
    pub fn give_back(&self, bucket: Bucket, key: &str) {
        let Some(rates) = &self.rates else {
            return;
        };
        if let Some(mut full_at_us) = self.full_at_us.get_mut(&bounded(bucket, key)) {
            *full_at_us = full_at_us.saturating_sub(rates.of(bucket).refill_us());
        }
    }

    fn has_room(&self, now_us: u64) -> bool {
        if self.full_at_us.len() < self.keys_max {
            return true;
        }
        let swept_at_us = self.swept_at_us.load(Ordering::Relaxed);
        if now_us < swept_at_us.saturating_add(SWEEP_EVERY_US) {
            return false;
        }
        self.swept_at_us.store(now_us, Ordering::Relaxed);
        self.full_at_us.retain(|_, full_at_us| *full_at_us > now_us);
        self.full_at_us.len() < self.keys_max
    }
}

fn bounded(bucket: Bucket, key: &str) -> (Bucket, String) {
    (bucket, key[..key.floor_char_boundary(RATE_LIMIT_KEY_BYTES_MAX)].to_owned())
}

impl Rates {
    /// The same rate for every bucket.
    #[must_use]
    pub const fn all(rate: Rate) -> Self {
        Self {
            messages: rate,
            joins: rate,
            invites: rate,
            media: rate,
            logins: rate,
            failed_logins: rate,
            registrations: rate,
            letters: rate,
            reports: rate,
            account_changes: rate,
            searches: rate,
            ephemeral: rate,
            requests: rate,
        }
    }

    const fn of(&self, bucket: Bucket) -> Rate {
        match bucket {
            Bucket::Messages => self.messages,
            Bucket::Joins => self.joins,
            Bucket::Invites => self.invites,
            Bucket::Media => self.media,
            Bucket::Logins => self.logins,
            Bucket::FailedLogins => self.failed_logins,
            Bucket::Registrations => self.registrations,
            Bucket::Letters => self.letters,
            Bucket::Reports => self.reports,
            Bucket::AccountChanges => self.account_changes,
            Bucket::Searches => self.searches,
            Bucket::Ephemeral => self.ephemeral,
            Bucket::Requests => self.requests,
        }
    }
}

impl Rate {
    fn refill_us(self) -> u64 {
        let refill_us =
            if self.per_second > 0.0 { 1_000_000.0 / self.per_second } else { REFILL_US_MAX };
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 1 and a day"
        )]
        let whole = refill_us.clamp(1.0, REFILL_US_MAX) as u64;
        whole
    }

    /// When the bucket is full again after one more token is taken.
    fn take(self, full_at_us: u64, now_us: u64) -> Result<u64, RetryAfter> {
        let refill_us = self.refill_us();
        let capacity_us = refill_us.saturating_mul(u64::from(self.burst.max(1)));
        let full_at_us = full_at_us.max(now_us).saturating_add(refill_us);
        let missing_us = (full_at_us - now_us).saturating_sub(capacity_us);
        if missing_us > 0 {
            return Err(RetryAfter { ms: missing_us.div_ceil(1_000) });
        }
        Ok(full_at_us)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn limits(rate: Rate) -> (RateLimits, Clock) {
        let clock = Clock::manual(1_700_000_000_000);
        (RateLimits::new(clock.clone(), Some(Rates::all(rate))), clock)
    }

    const TWO_A_SECOND: Rate = Rate { per_second: 2.0, burst: 3 };

    #[test]
    fn a_burst_passes_then_the_rate_holds() {
        let (limits, clock) = limits(TWO_A_SECOND);
        for _ in 0..3 {
            limits.check(Bucket::Messages, "@u:hearth").unwrap();
        }
        let refused = limits.check(Bucket::Messages, "@u:hearth");
        assert_eq!(refused, Err(RetryAfter { ms: 500 }));
        clock.advance(Duration::from_millis(500));
        limits.check(Bucket::Messages, "@u:hearth").unwrap();
        assert!(limits.check(Bucket::Messages, "@u:hearth").is_err());
    }

    #[test]
    fn buckets_and_keys_do_not_touch_each_other() {
        let (limits, _) = limits(Rate { burst: 1, ..TWO_A_SECOND });
        limits.check(Bucket::Logins, "a").unwrap();
        limits.check(Bucket::Logins, "b").unwrap();
        limits.check(Bucket::Registrations, "a").unwrap();
        assert!(limits.check(Bucket::Logins, "a").is_err());
    }

    #[test]
    fn what_is_given_back_was_not_taken() {
        let (limits, _) = limits(Rate { burst: 1, ..TWO_A_SECOND });
        for _ in 0..10 {
            limits.check(Bucket::FailedLogins, "a").unwrap();
            limits.give_back(Bucket::FailedLogins, "a");
        }
        limits.give_back(Bucket::FailedLogins, "stranger");
        limits.check(Bucket::FailedLogins, "a").unwrap();
        assert!(limits.check(Bucket::FailedLogins, "a").is_err());
    }

    #[test]
    fn no_rates_no_limits_and_no_memory() {
        let limits = RateLimits::new(Clock::manual(0), None);
        for _ in 0..1_000 {
            limits.check(Bucket::Logins, "a").unwrap();
        }
        assert!(limits.full_at_us.is_empty());
    }

    #[test]
    fn memory_is_bounded_and_full_buckets_make_room() {
        let (mut limits, clock) = limits(TWO_A_SECOND);
        limits.keys_max = 10;
        for number in 0..50 {
            limits.check(Bucket::Media, &number.to_string()).unwrap();
        }
        assert_eq!(limits.full_at_us.len(), 10);
        clock.advance(Duration::from_secs(2));
        limits.check(Bucket::Media, "late").unwrap();
        assert_eq!(limits.full_at_us.len(), 1);
    }

    #[test]
    fn a_rate_of_zero_lets_a_burst_through() {
        let (limits, _) = limits(Rate { per_second: 0.0, burst: 1 });
        limits.check(Bucket::Media, &"ä".repeat(5_000)).unwrap();
        assert!(limits.check(Bucket::Media, &"ä".repeat(6_000)).is_err());
    }

    proptest! {
        #[test]
        fn waiting_as_told_is_enough_and_no_window_exceeds_the_rate(
            per_second in 0.1_f64..100.0,
            burst in 1_u32..20,
            pauses_ms in prop::collection::vec(0_u64..2_000, 1..100),
        ) {
            let (limits, clock) = limits(Rate { per_second, burst });
            let start_ms = clock.now_ms();
            let mut passed = 0_u32;
            for pause_ms in pauses_ms {
                clock.advance(Duration::from_millis(pause_ms));
                if let Err(retry) = limits.check(Bucket::Media, "k") {
                    clock.advance(Duration::from_millis(retry.ms));
                    prop_assert_eq!(limits.check(Bucket::Media, "k"), Ok(()));
                }
                passed += 1;
            }
            let seconds = (clock.now_ms() - start_ms) as f64 / 1_000.0;
            // A refill is cut to whole microseconds: a tenth of a promille of slack at most.
            let most = f64::from(burst) + seconds * per_second * 1.0002;
            prop_assert!(f64::from(passed) <= most + 1e-6);
        }
    }
}
