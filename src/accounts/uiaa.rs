//! User-interactive authentication: sessions that collect completed stages.
//!
//! A session is bound to one operation and, if the request has one, to one user; it is kept in
//! memory for a while and ends when it is complete. It never holds what was used to complete a
//! stage (CVE-2023-41335).

use std::time::Duration;

use hearth_base::{Clock, Expiring, limits::UIAA_SESSIONS_MAX};
use ruma::{
    OwnedUserId, UserId,
    api::client::uiaa::{AuthData, AuthFlow, AuthType, ThirdpartyIdCredentials, UserIdentifier},
};
use sha2::{Digest, Sha256};

use crate::{Accounts, AccountsError, ProvenEmail};

/// How long a session waits for its completion.
const LIFETIME: Duration = Duration::from_secs(30 * 60);
const SESSION_ID_LENGTH: usize = 24;

/// What is to be authenticated. All requests of one session must ask for the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation([u8; 32]);

impl Operation {
    /// The operation of a request: method, path, and body without its `auth`.
    #[must_use]
    pub fn new(method: &str, path: &str, body_without_auth: &[u8]) -> Self {
        let mut hasher = Sha256::new();
        for part in [method.as_bytes(), path.as_bytes(), body_without_auth] {
            hasher.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            hasher.update(part);
        }
        Self(hasher.finalize().into())
    }
}

/// What became of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InteractiveAuth {
    /// A flow is complete: go ahead.
    Complete {
        /// The address that one of its stages proved.
        email: Option<ProvenEmail>,
    },
    /// The client has to complete (more) stages: answer 401 with this.
    Incomplete(Challenge),
}

/// What a client needs to know to go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// The session.
    pub session: String,
    /// Stages done so far.
    pub completed: Vec<AuthType>,
    /// Why the stage of this request was not completed.
    pub failure: Option<StageFailure>,
}

/// Why a stage was not completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StageFailure {
    /// Wrong password, wrong user or wrong token.
    Refused,
    /// The e-mail address is not proven yet.
    Unproven,
    /// No flow has this stage.
    UnknownStage,
}

pub(crate) struct UiaaSessions(Expiring<UiaaSession>);

struct UiaaSession {
    operation: Operation,
    user: Option<OwnedUserId>,
    completed: Vec<AuthType>,
    /// What the stage of the e-mail address proved.
    email: Option<ProvenEmail>,
}

impl UiaaSessions {
    pub(crate) fn new(clock: Clock) -> Self {
        let sessions_max = usize::try_from(UIAA_SESSIONS_MAX).unwrap_or(usize::MAX);
        Self(Expiring::new(clock, LIFETIME, sessions_max))
    }
}

impl Accounts {
    /// Authenticates one request of an operation that needs more than an access token.
    ///
    /// `user` is whose request it is; none at registration. Without `auth` a session begins.
    ///
    /// # Errors
    /// [`AccountsError::Forbidden`] if the session does not exist, or it or the credentials are
    /// another user's, or it is another operation's.
    pub async fn authenticate_interactively(
        &self,
        flows: &[AuthFlow],
        operation: &Operation,
        user: Option<&UserId>,
        auth: Option<&AuthData>,
    ) -> Result<InteractiveAuth, AccountsError> {
        let Some(auth) = auth else {
            let session = self.begin_session(operation, user);
            return Ok(incomplete(session, Vec::new(), None));
        };
        let session = match auth.session() {
            Some(session) => session.to_owned(),
            // A client that knows the flow may complete its only stage at once.
            None => self.begin_session(operation, user),
        };
        let mut completed = self.check_session(&session, operation, user)?;
        if let Some(stage) = auth.auth_type() {
            let failure = self.complete_stage(flows, &session, user, &stage, auth).await?;
            if failure.is_some() {
                return Ok(incomplete(session, completed, failure));
            }
            completed = self.note_completed(&session, stage).unwrap_or(completed);
        }
        let done = |flow: &AuthFlow| flow.stages.iter().all(|stage| completed.contains(stage));
        if !flows.iter().any(done) {
            return Ok(incomplete(session, completed, None));
        }
        // Of two requests that complete one session only one goes ahead.
        match self.0.uiaa.0.take(&session) {
            Some(session) => Ok(InteractiveAuth::Complete { email: session.email }),
            None => Err(unknown_session()),
        }
    }

    /// Whose request a session is to authenticate; `None` if there is no such session.
    #[must_use]
    pub fn interactive_user(&self, session: &str) -> Option<Option<OwnedUserId>> {
        self.0.uiaa.0.with(session, |session| session.user.clone())
    }

    /// Notes that the user of a session has completed a stage elsewhere than in a request of the
    /// client, on a page of this server for example. Returns whether the session is the user's.
    pub fn complete_interactive_stage(
        &self,
        session: &str,
        user: &UserId,
        stage: AuthType,
    ) -> bool {
        if self.interactive_user(session).flatten().as_deref() != Some(user) {
            return false;
        }
        self.note_completed(session, stage).is_some()
    }

    fn begin_session(&self, operation: &Operation, user: Option<&UserId>) -> String {
        let id = self.0.random.alphanumeric(SESSION_ID_LENGTH);
        let session = UiaaSession {
            operation: operation.clone(),
            user: user.map(ToOwned::to_owned),
            completed: Vec::new(),
            email: None,
        };
        self.0.uiaa.0.insert(id.clone(), session);
        id
    }

    /// The completed stages of a session, if it is this operation's and this user's.
    fn check_session(
        &self,
        session: &str,
        operation: &Operation,
        user: Option<&UserId>,
    ) -> Result<Vec<AuthType>, AccountsError> {
        let found = self.0.uiaa.0.with(session, |session| {
            let same = session.operation == *operation && session.user.as_deref() == user;
            same.then(|| session.completed.clone())
        });
        let changed = || AccountsError::forbidden("the operation changed during authentication");
        found.ok_or_else(unknown_session)?.ok_or_else(changed)
    }

    fn note_completed(&self, session: &str, stage: AuthType) -> Option<Vec<AuthType>> {
        self.0.uiaa.0.with(session, |session| {
            if !session.completed.contains(&stage) {
                session.completed.push(stage);
            }
            session.completed.clone()
        })
    }

    async fn complete_stage(
        &self,
        flows: &[AuthFlow],
        session: &str,
        user: Option<&UserId>,
        stage: &AuthType,
        auth: &AuthData,
    ) -> Result<Option<StageFailure>, AccountsError> {
        if !flows.iter().any(|flow| flow.stages.contains(stage)) {
            return Ok(Some(StageFailure::UnknownStage));
        }
        let passed = match auth {
            AuthData::Dummy(_) | AuthData::Terms(_) => true,
            AuthData::Password(auth) => {
                self.is_users_password(user, &auth.identifier, &auth.password).await?
            }
            AuthData::RegistrationToken(auth) => self.use_registration_token(&auth.token).await?,
            AuthData::EmailIdentity(auth) => {
                let ThirdpartyIdCredentials { sid, client_secret, .. } = &auth.thirdparty_id_creds;
                let proven = self.take_proven_email(sid.as_str(), client_secret.as_str());
                return Ok(proven.map_or(Some(StageFailure::Unproven), |proven| {
                    self.0.uiaa.0.with(session, |session| session.email = Some(proven));
                    None
                }));
            }
            _ => return Ok(Some(StageFailure::UnknownStage)),
        };
        Ok((!passed).then_some(StageFailure::Refused))
    }

    async fn is_users_password(
        &self,
        user: Option<&UserId>,
        identifier: &UserIdentifier,
        password: &str,
    ) -> Result<bool, AccountsError> {
        let named = self.identified_user(identifier).await?;
        let is_right = self.verify_password(named.as_deref(), password).await?;
        let is_other = user.is_some_and(|user| named.as_deref() != Some(user));
        if is_right && is_other {
            let reason = "these are the credentials of another user";
            return Err(AccountsError::forbidden(reason));
        }
        Ok(is_right)
    }
}

fn incomplete(
    session: String,
    completed: Vec<AuthType>,
    failure: Option<StageFailure>,
) -> InteractiveAuth {
    InteractiveAuth::Incomplete(Challenge { session, completed, failure })
}

fn unknown_session() -> AccountsError {
    AccountsError::forbidden("unknown authentication session")
}

#[cfg(test)]
mod tests {
    use ruma::api::client::uiaa::{Dummy, MatrixUserIdentifier, Password, RegistrationToken};
    use serde_json::json;

    use super::*;
    use crate::testing::{Fixture, fixture, fixture_with, settings};

    fn flow(stages: &[AuthType]) -> Vec<AuthFlow> {
        vec![AuthFlow::new(stages.to_vec())]
    }

    fn password(user: &str, password: &str, session: Option<&str>) -> AuthData {
        let identifier: MatrixUserIdentifier =
            serde_json::from_value(json!({ "user": user })).unwrap();
        let identifier = UserIdentifier::Matrix(identifier);
        let mut auth = Password::new(identifier, password.to_owned());
        auth.session = session.map(str::to_owned);
        AuthData::Password(auth)
    }

    async fn begin(fixture: &Fixture, operation: &Operation, user: &UserId) -> String {
        let flows = flow(&[AuthType::Password]);
        let accounts = &fixture.accounts;
        let begun = accounts.authenticate_interactively(&flows, operation, Some(user), None).await;
        let InteractiveAuth::Incomplete(challenge) = begun.unwrap() else { panic!("complete") };
        challenge.session
    }

    #[tokio::test]
    async fn a_password_completes_the_session_once() {
        let fixture = fixture();
        let alice = fixture.user("alice").await;
        fixture.user("bob").await;
        let operation = Operation::new("DELETE", "/devices/A", b"{}");
        let session = begin(&fixture, &operation, &alice).await;
        let flows = flow(&[AuthType::Password]);
        let attempt = async |user: &str, secret: &str| {
            let auth = password(user, secret, Some(&session));
            let accounts = &fixture.accounts;
            accounts.authenticate_interactively(&flows, &operation, Some(&alice), Some(&auth)).await
        };
        for (user, secret) in [("alice", "wrong"), ("bob", "wrong"), ("nobody", "secret")] {
            let InteractiveAuth::Incomplete(challenge) = attempt(user, secret).await.unwrap()
            else {
                panic!("{user} got through");
            };
            assert_eq!(challenge.failure, Some(StageFailure::Refused));
            assert!(challenge.completed.is_empty());
        }
        assert!(matches!(attempt("bob", "secret").await, Err(AccountsError::Forbidden(_))));
        assert_eq!(
            attempt("alice", "secret").await.unwrap(),
            InteractiveAuth::Complete { email: None }
        );
        assert!(attempt("alice", "secret").await.is_err(), "the session has ended");
    }

    #[tokio::test]
    async fn a_session_is_bound_to_its_operation_and_user() {
        let fixture = fixture();
        let alice = fixture.user("alice").await;
        let bob = fixture.user("bob").await;
        let operation = Operation::new("DELETE", "/devices/A", b"{}");
        let flows = flow(&[AuthType::Password]);
        let session = begin(&fixture, &operation, &alice).await;
        let others = [
            (Operation::new("DELETE", "/devices/B", b"{}"), &alice),
            (Operation::new("POST", "/devices/A", b"{}"), &alice),
            (Operation::new("DELETE", "/devices/A", b"{\"x\":1}"), &alice),
            (operation.clone(), &bob),
        ];
        for (other, user) in others {
            let auth = password(user.localpart(), "secret", Some(&session));
            let accounts = &fixture.accounts;
            let refused =
                accounts.authenticate_interactively(&flows, &other, Some(user), Some(&auth)).await;
            assert!(matches!(refused, Err(AccountsError::Forbidden(_))));
        }
        fixture.clock.advance(LIFETIME);
        let auth = password("alice", "secret", Some(&session));
        let accounts = &fixture.accounts;
        let late = accounts
            .authenticate_interactively(&flows, &operation, Some(&alice), Some(&auth))
            .await;
        assert!(late.is_err());
    }

    #[tokio::test]
    async fn stages_add_up_and_a_dummy_alone_completes_at_once() {
        let tokens = vec![hearth_base::Secret::new("friends")];
        let fixture = fixture_with(crate::Settings { registration_tokens: tokens, ..settings() });
        let accounts = &fixture.accounts;
        let operation = Operation::new("POST", "/register", b"{}");
        let dummy = AuthData::Dummy(Dummy::new());
        let one = flow(&[AuthType::Dummy]);
        let done = accounts
            .authenticate_interactively(&one, &operation, None, Some(&dummy))
            .await
            .unwrap();
        assert_eq!(done, InteractiveAuth::Complete { email: None });

        let both = flow(&[AuthType::RegistrationToken, AuthType::Dummy]);
        let token = AuthData::RegistrationToken(RegistrationToken::new("friends".to_owned()));
        let first =
            accounts.authenticate_interactively(&both, &operation, None, Some(&token)).await;
        let InteractiveAuth::Incomplete(challenge) = first.unwrap() else { panic!("complete") };
        assert_eq!(challenge.completed, [AuthType::RegistrationToken]);
        let mut dummy = Dummy::new();
        dummy.session = Some(challenge.session);
        let auth = AuthData::Dummy(dummy);
        let second =
            accounts.authenticate_interactively(&both, &operation, None, Some(&auth)).await;
        assert_eq!(second.unwrap(), InteractiveAuth::Complete { email: None });
    }
}
