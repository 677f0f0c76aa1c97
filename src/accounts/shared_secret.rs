//! Registration with a shared secret, as Synapse's `/_synapse/admin/v1/register` does it.
//!
//! The MAC is HMAC-SHA1 over nonce, user name, password, `admin` or `notadmin` and, if given, the
//! user type, with zero bytes in between. A nonce works once, within a minute.

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

use crate::{Accounts, AccountsError};

/// How long a nonce waits for its use.
pub(crate) const NONCE_LIFETIME: Duration = Duration::from_secs(60);

const NONCE_LENGTH: usize = 43;

/// What the registrar asks for, and proves.
#[derive(Clone, Copy)]
pub struct SharedSecretRegistration<'a> {
    /// The nonce, from [`Accounts::registration_nonce`].
    pub nonce: &'a str,
    /// The user name as it was sent.
    pub username: &'a str,
    /// The password.
    pub password: &'a str,
    /// Whether the user becomes an administrator.
    pub admin: bool,
    /// The user type, if one was sent.
    pub user_type: Option<&'a str>,
    /// The MAC in hexadecimal.
    pub mac: &'a str,
}

impl Accounts {
    /// A nonce for one registration; `None` if the endpoint is off.
    #[must_use]
    pub fn registration_nonce(&self) -> Option<String> {
        self.0.settings.shared_secret.as_ref()?;
        let nonce = self.0.random.alphanumeric(NONCE_LENGTH);
        self.0.registration_nonces.insert(nonce.clone(), ());
        Some(nonce)
    }

    /// Checks the proof, and uses up its nonce.
    ///
    /// # Errors
    /// [`AccountsError::Invalid`] for an unknown nonce, [`AccountsError::Forbidden`] for a wrong
    /// MAC or if the endpoint is off.
    pub fn verify_shared_secret(
        &self,
        registration: &SharedSecretRegistration<'_>,
    ) -> Result<(), AccountsError> {
        let secret = self.0.settings.shared_secret.as_ref();
        let secret = secret.ok_or_else(|| AccountsError::forbidden("no shared secret is set"))?;
        let nonce = self.0.registration_nonces.take(registration.nonce);
        nonce.ok_or_else(|| AccountsError::invalid("unrecognised nonce"))?;
        let wrong = || AccountsError::forbidden("HMAC incorrect");
        let mac = from_hex(registration.mac).ok_or_else(wrong)?;
        // The comparison within is constant-time.
        authentication_code(secret.expose(), registration)?.verify_slice(&mac).map_err(|_| wrong())
    }
}

fn authentication_code(
    secret: &str,
    registration: &SharedSecretRegistration<'_>,
) -> Result<Hmac<Sha1>, AccountsError> {
    let mut mac = Hmac::<Sha1>::new_from_slice(secret.as_bytes())
        .map_err(|error| AccountsError::invalid(error.to_string()))?;
    let admin = if registration.admin { "admin" } else { "notadmin" };
    let SharedSecretRegistration { nonce, username, password, .. } = registration;
    let parts = [nonce, *username, *password, admin].into_iter().chain(registration.user_type);
    for (index, part) in parts.enumerate() {
        if index > 0 {
            mac.update(&[0]);
        }
        mac.update(part.as_bytes());
    }
    Ok(mac)
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .map(|digit| digit.to_digit(16).and_then(|value| u8::try_from(value).ok()))
        .collect();
    let digits = digits?;
    let (pairs, rest) = digits.as_chunks::<2>();
    rest.is_empty().then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

#[cfg(test)]
mod tests {
    use hearth_base::Secret;

    use super::*;
    use crate::testing::{Fixture, fixture, fixture_with, settings};

    fn with_secret() -> Fixture {
        fixture_with(crate::Settings { shared_secret: Some(Secret::new("shared")), ..settings() })
    }

    fn proof<'a>(nonce: &'a str, mac: &'a str) -> SharedSecretRegistration<'a> {
        SharedSecretRegistration {
            nonce,
            username: "alice",
            password: "wonderland",
            admin: false,
            user_type: None,
            mac,
        }
    }

    fn mac_of(registration: &SharedSecretRegistration<'_>) -> String {
        let code = authentication_code("shared", registration).unwrap().finalize().into_bytes();
        code.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// From Python: `hmac.new(b"shared", b"n\0alice\0wonderland\0notadmin", sha1)`.
    #[test]
    fn the_mac_is_synapses() {
        let plain = proof("n", "");
        assert_eq!(mac_of(&plain), "3573802fd12ef20468ae98206321eeb9176abe6e");
        let typed = SharedSecretRegistration { admin: true, user_type: Some("bot"), ..plain };
        assert_eq!(mac_of(&typed), "9d0c745bd36fa5ad48363994e66e6e980fd3ae1d");
    }

    #[tokio::test]
    async fn a_nonce_works_once_and_expires() {
        let fixture = with_secret();
        let accounts = &fixture.accounts;
        let nonce = accounts.registration_nonce().unwrap();
        let mac = mac_of(&proof(&nonce, ""));
        accounts.verify_shared_secret(&proof(&nonce, &mac)).unwrap();
        let again = accounts.verify_shared_secret(&proof(&nonce, &mac));
        assert!(matches!(again, Err(AccountsError::Invalid(_))));
        let nonce = accounts.registration_nonce().unwrap();
        let mac = mac_of(&proof(&nonce, ""));
        fixture.clock.advance(NONCE_LIFETIME);
        assert!(accounts.verify_shared_secret(&proof(&nonce, &mac)).is_err());
    }

    #[tokio::test]
    async fn what_is_proven_is_what_is_asked() {
        let accounts = with_secret().accounts;
        for mac in ["", "zz", "abc", "é"] {
            let nonce = accounts.registration_nonce().unwrap();
            assert!(accounts.verify_shared_secret(&proof(&nonce, mac)).is_err());
        }
        let nonce = accounts.registration_nonce().unwrap();
        let mac = mac_of(&proof(&nonce, ""));
        let admin = SharedSecretRegistration { admin: true, ..proof(&nonce, &mac) };
        assert!(matches!(accounts.verify_shared_secret(&admin), Err(AccountsError::Forbidden(_))));
        assert!(fixture().accounts.registration_nonce().is_none());
    }
}
