//! Password hashes: argon2id, off the runtime, a bounded number at once.
//!
//! Checking the password of an unknown user costs the same as that of a known one. Passwords are
//! neither stored nor logged.

use std::sync::Arc;

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{self, PasswordHasher, PasswordVerifier},
};
use hearth_base::{Random, limits::PASSWORD_BYTES_MAX};
use hearth_store::{Keyspace, StoreError};
use tokio::sync::Semaphore;

use crate::AccountsError;

/// Most hashes computed at once: each takes a core and its memory.
const CONCURRENT_HASHES_MAX: usize = 4;

/// The cost of one hash. The default takes about 50 ms of one core (OWASP's recommendation).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordCost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub iterations: u32,
}

impl Default for PasswordCost {
    fn default() -> Self {
        Self { memory_kib: 19 * 1024, iterations: 2 }
    }
}

pub(crate) struct PasswordHashing {
    argon2: Argon2<'static>,
    random: Random,
    permits: Arc<Semaphore>,
}

impl PasswordHashing {
    pub(crate) fn new(cost: PasswordCost, random: Random) -> Result<Self, AccountsError> {
        let params = Params::new(cost.memory_kib, cost.iterations, 1, None)
            .map_err(|error| AccountsError::invalid(format!("password cost: {error}")))?;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Self {
            argon2: Argon2::new(Algorithm::Argon2id, Version::V0x13, params),
            random,
            permits: Arc::new(Semaphore::new(cores.min(CONCURRENT_HASHES_MAX))),
        })
    }

    /// The PHC string of a new password.
    pub(crate) async fn hash(&self, password: &str) -> Result<String, AccountsError> {
        if password.is_empty() {
            return Err(AccountsError::invalid("the password is empty"));
        }
        if password.len() > PASSWORD_BYTES_MAX {
            return Err(AccountsError::TooLarge("the password"));
        }
        let salt = self.random.bytes::<16>();
        self.run(password, move |argon2, password| {
            argon2.hash_password_with_salt(password, &salt).map(|hash| hash.to_string())
        })
        .await
    }

    /// Whether the password is the one of the PHC string. Without one: no, after the same work.
    pub(crate) async fn verify(
        &self,
        password: &str,
        hash: Option<String>,
    ) -> Result<bool, AccountsError> {
        if password.len() > PASSWORD_BYTES_MAX {
            return Ok(false);
        }
        let salt = self.random.bytes::<16>();
        self.run(password, move |argon2, password| {
            let Some(hash) = hash else {
                return argon2.hash_password_with_salt(password, &salt).map(|_| false);
            };
            match argon2.verify_password(password, hash.as_str()) {
                Ok(()) => Ok(true),
                Err(password_hash::Error::PasswordInvalid) => Ok(false),
                Err(error) => Err(error),
            }
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        password: &str,
        work: impl FnOnce(&Argon2<'_>, &[u8]) -> password_hash::Result<T> + Send + 'static,
    ) -> Result<T, AccountsError> {
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        let (argon2, password) = (self.argon2.clone(), password.as_bytes().to_vec());
        let done = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work(&argon2, &password)
        });
        let failed = |reason| StoreError::corrupt(Keyspace::Accounts, reason);
        done.await
            .map_err(|error| AccountsError::Store(StoreError::Unavailable(error.to_string())))?
            .map_err(|error| failed(format!("password hash: {error}")).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_verifies() {
        let cost = PasswordCost { memory_kib: 64, iterations: 1 };
        let hashing = PasswordHashing::new(cost, Random::seeded(1)).unwrap();
        let hash = hashing.hash("wonderland").await.unwrap();
        assert!(hash.starts_with("$argon2id$") && !hash.contains("wonderland"));
        assert!(hashing.verify("wonderland", Some(hash.clone())).await.unwrap());
        assert!(!hashing.verify("Wonderland", Some(hash)).await.unwrap());
        assert!(!hashing.verify("wonderland", None).await.unwrap());
        assert!(hashing.verify("wonderland", Some("rubbish".into())).await.is_err());
        assert!(hashing.hash(&"x".repeat(PASSWORD_BYTES_MAX + 1)).await.is_err());
    }
}
