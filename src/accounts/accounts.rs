//! The handle, its settings, and how a change is decided and committed.

use std::{sync::Arc, time::Duration};

use hearth_base::{
    Clock, Expiring, Random, Secret,
    limits::{ACCOUNT_CONFLICT_RETRIES_MAX, LOGIN_TOKENS_MAX, REGISTRATION_NONCES_MAX},
};
use hearth_store::{Batch, CommitError, Snapshot, Store};
use ruma::{OwnedServerName, OwnedUserId, ServerName, UserId, api::appservice::Registration};

use crate::{
    AccountMail, AccountsError, PasswordCost, application_services::ApplicationServices,
    email_sessions::EmailSessions, last_seen::LastSeen, passwords::PasswordHashing,
    tokens::SessionCache, turn::TurnSettings, uiaa::UiaaSessions,
};

/// What an administrator decides about accounts.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The server part of every local user id.
    pub server_name: OwnedServerName,
    /// Registration tokens that may be used any number of times.
    pub registration_tokens: Vec<Secret>,
    /// The secret of the Synapse-compatible registration endpoint, if it is on.
    pub shared_secret: Option<Secret>,
    /// How long an access token is valid whose client asked for a refresh token.
    pub access_token_lifetime: Duration,
    /// The application services of this server.
    pub application_services: Vec<Registration>,
    /// What one hash of a password costs.
    pub password_cost: PasswordCost,
    /// The TURN servers that users may use.
    pub turn: Option<TurnSettings>,
    /// What sends letters, if anything does.
    pub mail: Option<AccountMail>,
}

impl Settings {
    /// The defaults: no registration tokens, no shared secret, no application services, access
    /// tokens of one hour, no TURN servers.
    #[must_use]
    pub fn new(server_name: OwnedServerName) -> Self {
        Self {
            server_name,
            registration_tokens: Vec::new(),
            shared_secret: None,
            access_token_lifetime: Duration::from_secs(60 * 60),
            application_services: Vec::new(),
            password_cost: PasswordCost::default(),
            turn: None,
            mail: None,
        }
    }
}

/// Users and what belongs to them. Cheap to clone.
#[derive(Clone)]
pub struct Accounts(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) random: Random,
    pub(crate) settings: Settings,
    pub(crate) passwords: PasswordHashing,
    pub(crate) sessions: SessionCache,
    pub(crate) last_seen: LastSeen,
    pub(crate) login_tokens: Expiring<OwnedUserId>,
    pub(crate) registration_nonces: Expiring<()>,
    pub(crate) uiaa: UiaaSessions,
    pub(crate) email_sessions: EmailSessions,
    pub(crate) application_services: ApplicationServices,
}

impl Accounts {
    /// The accounts in `store`.
    ///
    /// # Errors
    /// [`AccountsError::Invalid`] if the registration of an application service is not usable.
    pub fn new(
        store: Store,
        clock: Clock,
        random: Random,
        settings: Settings,
    ) -> Result<Self, AccountsError> {
        let application_services =
            ApplicationServices::new(&settings.application_services, &settings.server_name)?;
        Ok(Self(Arc::new(Inner {
            passwords: PasswordHashing::new(settings.password_cost, random.clone())?,
            sessions: SessionCache::new(),
            last_seen: LastSeen::new(),
            login_tokens: Expiring::new(
                clock.clone(),
                crate::login_tokens::LIFETIME,
                LOGIN_TOKENS_MAX,
            ),
            registration_nonces: Expiring::new(
                clock.clone(),
                crate::shared_secret::NONCE_LIFETIME,
                REGISTRATION_NONCES_MAX,
            ),
            uiaa: UiaaSessions::new(clock.clone()),
            email_sessions: EmailSessions::new(&clock),
            application_services,
            store,
            clock,
            random,
            settings,
        })))
    }

    /// The server part of every local user id.
    #[must_use]
    pub fn server_name(&self) -> &ServerName {
        &self.0.settings.server_name
    }

    /// Whether the user id is one of this server's.
    #[must_use]
    pub fn is_local(&self, user: &UserId) -> bool {
        user.server_name() == self.server_name()
    }

    pub(crate) async fn snapshot(&self) -> Result<Arc<dyn Snapshot>, AccountsError> {
        Ok(self.0.store.snapshot().await?)
    }

    /// Commits what `plan` decides on a fresh snapshot; on conflict it decides again.
    pub(crate) async fn decide<T, F>(
        &self,
        mut plan: impl FnMut(Arc<dyn Snapshot>) -> F,
    ) -> Result<T, AccountsError>
    where
        F: Future<Output = Result<(Batch, T), AccountsError>>,
    {
        for _ in 0..ACCOUNT_CONFLICT_RETRIES_MAX {
            let (batch, decided) = plan(self.snapshot().await?).await?;
            if batch.is_empty() {
                return Ok(decided);
            }
            match self.0.store.commit(batch).await {
                Ok(_) => return Ok(decided),
                Err(CommitError::Conflict { .. }) => {}
                Err(CommitError::Store(error)) => return Err(error.into()),
            }
        }
        Err(AccountsError::Conflict)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use crate::{NewSession, NewUser, Operation, testing::fixture};

    fn assert_send<T: Send>(_: T) {}

    /// Request handlers run on any thread.
    #[tokio::test]
    async fn futures_can_be_sent_to_other_threads() {
        let accounts = fixture().accounts;
        let user = accounts.new_user_id("alice").unwrap();
        assert_send(accounts.create_user(&user, NewUser::default()));
        assert_send(accounts.open_session(NewSession::new(&user)));
        assert_send(accounts.refresh_session("", None));
        assert_send(accounts.authenticate(""));
        assert_send(accounts.set_locked(&user, true));
        assert_send(accounts.deactivate(&user, true));
        assert_send(accounts.set_profile_field(&user, "", None));
        assert_send(accounts.push_rules(&user));
        assert_send(accounts.delete_tag(&user, ruma::room_id!("!r:example.org"), ""));
        assert_send(accounts.delete_devices(&user, &[]));
        assert_send(accounts.upload_signatures(&user, &BTreeMap::new()));
        assert_send(accounts.put_backup_keys(&user, "", &BTreeMap::new()));
        assert_send(accounts.delete_backup_keys(&user, "", None, None));
        let operation = Operation::new("", "", b"");
        assert_send(accounts.authenticate_interactively(&[], &operation, None, None));
    }
}
