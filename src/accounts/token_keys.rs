//! The keys that sign what proves a session to others than this store: tokens that can be verified
//! with a public key.
//!
//! The newest key signs. Older ones verify until nothing that they signed can be valid any more.
//! What the tokens look like is up to whoever makes them.

use std::time::Duration;

use hearth_store::{Batch, Direction};

use crate::{Accounts, AccountsError, tables::TOKEN_KEYS};

/// Most keys at a time; there are more only if they are rotated faster than tokens expire.
const TOKEN_KEYS_MAX: usize = 100;

/// How long keys are used.
#[derive(Clone, Copy, Debug)]
pub struct KeyRotation {
    /// After which time another key signs.
    pub every: Duration,
    /// How long a key verifies after that.
    pub keep: Duration,
}

/// An Ed25519 key.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenKey {
    /// When it was made, in Unix milliseconds; no two keys have the same.
    pub created_ms: u64,
    /// The secret.
    pub seed: [u8; 32],
}

impl std::fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenKey").field("created_ms", &self.created_ms).finish_non_exhaustive()
    }
}

impl KeyRotation {
    /// Whether it is time for a key after this one.
    #[must_use]
    pub fn is_due(&self, key: &TokenKey, now_ms: u64) -> bool {
        now_ms >= key.created_ms.saturating_add(millis(self.every))
    }
}

impl Accounts {
    /// The keys that may have signed what is still valid, the one that signs now first. Rotates
    /// them if it is time.
    ///
    /// # Errors
    /// The store failed.
    pub async fn token_keys(&self, rotation: KeyRotation) -> Result<Vec<TokenKey>, AccountsError> {
        self.decide(|snapshot| async move {
            let range = TOKEN_KEYS.all();
            let rows = TOKEN_KEYS
                .scan(snapshot.as_ref(), &range, Direction::Backward, TOKEN_KEYS_MAX)
                .await?;
            let now_ms = self.0.clock.now_ms();
            let mut batch = Batch::new();
            let key = |((created_ms,), seed)| TokenKey { created_ms, seed };
            let mut keys: Vec<_> = rows.into_iter().map(key).collect();
            if keys.first().is_none_or(|newest| rotation.is_due(newest, now_ms)) {
                let new = TokenKey { created_ms: now_ms, seed: self.0.random.bytes() };
                TOKEN_KEYS.insert(&mut batch, &(new.created_ms,), &new.seed)?;
                keys.insert(0, new);
            }
            let mut successor_ms = u64::MAX;
            keys.retain(|key| {
                let is_needed = successor_ms.saturating_add(millis(rotation.keep)) >= now_ms;
                if !is_needed {
                    TOKEN_KEYS.delete(&mut batch, &(key.created_ms,));
                }
                successor_ms = key.created_ms;
                is_needed
            });
            Ok((batch, keys))
        })
        .await
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::fixture;

    const HOUR: Duration = Duration::from_secs(60 * 60);

    #[tokio::test]
    async fn a_key_signs_until_another_does_and_verifies_a_while_longer() {
        let fixture = fixture();
        let rotation = KeyRotation { every: 10 * HOUR, keep: 2 * HOUR };
        let keys = async || fixture.accounts.token_keys(rotation).await.unwrap();
        let first = keys().await;
        assert_eq!(first.len(), 1);
        fixture.clock.advance(9 * HOUR);
        assert_eq!(keys().await, first);
        fixture.clock.advance(HOUR);
        let second = keys().await;
        assert_eq!(second[1..], first);
        assert_ne!(second[0].seed, first[0].seed);
        fixture.clock.advance(2 * HOUR);
        assert_eq!(keys().await, second);
        fixture.clock.advance(HOUR);
        assert_eq!(keys().await, second[..1]);
        assert!(!format!("{second:?}").contains("seed"));
    }
}
