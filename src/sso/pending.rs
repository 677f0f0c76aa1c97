//! Logins that are under way: kept in memory from the redirect to the callback.

use std::time::Duration;

use hearth_base::{Clock, Expiring, Random};
use subtle::ConstantTimeEq;

use crate::Purpose;

/// How long somebody may take at the provider.
const LIFETIME: Duration = Duration::from_secs(15 * 60);
/// Most logins under way; the oldest make room.
const LOGINS_MAX: usize = 10_000;
const SECRET_LENGTH: usize = 43;
/// Length of a PKCE verifier (RFC 7636: 43 to 128).
const VERIFIER_LENGTH: usize = 64;

/// A login under way.
#[derive(Clone, Debug)]
pub(crate) struct Pending {
    /// Index of the provider.
    pub(crate) provider: usize,
    pub(crate) purpose: Purpose,
    pub(crate) nonce: String,
    pub(crate) verifier: String,
    browser: String,
}

pub(crate) struct PendingLogins {
    random: Random,
    logins: Expiring<Pending>,
}

impl PendingLogins {
    pub(crate) fn new(clock: Clock, random: Random) -> Self {
        Self { random, logins: Expiring::new(clock, LIFETIME, LOGINS_MAX) }
    }

    /// A login of a browser, which a cookie of this value identifies, and its `state`.
    pub(crate) fn begin(
        &self,
        provider: usize,
        purpose: Purpose,
        browser: &str,
    ) -> (String, Pending) {
        let state = self.random.alphanumeric(SECRET_LENGTH);
        let pending = Pending {
            provider,
            purpose,
            nonce: self.random.alphanumeric(SECRET_LENGTH),
            verifier: self.random.alphanumeric(VERIFIER_LENGTH),
            browser: browser.to_owned(),
        };
        self.logins.insert(state.clone(), pending.clone());
        (state, pending)
    }

    /// The login of this `state`, if the same browser began it. It is over by that.
    pub(crate) fn finish(&self, state: &str, browser: &str) -> Option<Pending> {
        let is_same = |pending: &mut Pending| {
            bool::from(pending.browser.as_bytes().ct_eq(browser.as_bytes()))
        };
        // Another browser must not be able to end the login.
        self.logins.with(state, is_same).filter(|is_same| *is_same)?;
        self.logins.take(state)
    }

    /// What identifies a new browser.
    pub(crate) fn new_browser(&self) -> String {
        self.random.alphanumeric(SECRET_LENGTH)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_finished_once_by_the_browser_that_began_it() {
        let clock = Clock::manual(0);
        let logins = PendingLogins::new(clock.clone(), Random::seeded(1));
        let purpose = Purpose::Confirm { session: "s".to_owned() };
        let (state, begun) = logins.begin(0, purpose.clone(), "browser");
        assert!(logins.finish(&state, "another").is_none());
        assert!(logins.finish("another", "browser").is_none());
        assert_eq!(logins.finish(&state, "browser").unwrap().nonce, begun.nonce);
        assert!(logins.finish(&state, "browser").is_none());
        let (state, _) = logins.begin(0, purpose, "browser");
        clock.advance(LIFETIME);
        assert!(logins.finish(&state, "browser").is_none());
    }
}
