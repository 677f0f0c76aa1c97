//! Requests that need user-interactive authentication (specification, client-server API).

use axum::extract::{FromRef, FromRequest, Request};
use hearth_accounts::{Accounts, Challenge, InteractiveAuth, Operation, ProvenEmail, StageFailure};
use hearth_bus::{Bucket, Bus};
use http::StatusCode;
use ruma::{
    UserId,
    api::{
        IncomingRequest, Metadata,
        client::uiaa::{AuthData, AuthFlow, AuthType},
        error::ErrorCode,
    },
};
use serde_json::{Map, Value, json};

use crate::{
    ApiError, Authenticate, CallerOf,
    request::{Received, receive},
};

/// A request, who makes it, and what exactly it asks for: the stages that a client completes are
/// good for that and nothing else.
pub struct Interactive<R>
where
    R: Metadata,
    R::Authentication: Authenticate,
{
    /// The request.
    pub request: R,
    /// Who makes it.
    pub caller: CallerOf<R>,
    /// What it asks for: method, path and body without `auth`.
    pub operation: Operation,
    bus: Bus,
}

impl<R, S> FromRequest<S> for Interactive<R>
where
    R: IncomingRequest + Send,
    R::Authentication: Authenticate,
    Accounts: FromRef<S>,
    Bus: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        let bus = Bus::from_ref(state);
        let Received { request, caller, path, body } = receive::<R, S>(request, state).await?;
        let operation = Operation::new(R::METHOD.as_str(), &path, &without_auth(&body));
        Ok(Self { request, caller, operation, bus })
    }
}

impl<R> Interactive<R>
where
    R: Metadata,
    R::Authentication: Authenticate,
{
    /// Goes on when the client has completed one of the flows.
    ///
    /// # Errors
    /// 401 with the flows and what was completed, as long as none is complete; 429 after too many
    /// wrong passwords.
    pub async fn require(
        &self,
        accounts: &Accounts,
        flows: &[AuthFlow],
        user: Option<&UserId>,
        auth: Option<&AuthData>,
    ) -> Result<(), ApiError> {
        let operation = &self.operation;
        let guessing = user.filter(|_| matches!(auth, Some(AuthData::Password(_))));
        if let Some(user) = guessing {
            self.bus.rate_limits().check(Bucket::FailedLogins, user.as_str())?;
        }
        let result = accounts.authenticate_interactively(flows, operation, user, auth).await;
        let is_refused = matches!(&result, Ok(InteractiveAuth::Incomplete(challenge))
            if matches!(challenge.failure, Some(StageFailure::Refused)));
        if let Some(user) = guessing.filter(|_| !is_refused) {
            self.bus.rate_limits().give_back(Bucket::FailedLogins, user.as_str());
        }
        match result? {
            InteractiveAuth::Complete { .. } => Ok(()),
            InteractiveAuth::Incomplete(challenge) => Err(challenged(flows, challenge, json!({}))),
        }
    }

    /// The same for somebody without an account at hand, whose e-mail address a stage may prove.
    /// `params` is what the stages tell the client.
    ///
    /// # Errors
    /// As [`Interactive::require`].
    pub async fn prove(
        &self,
        accounts: &Accounts,
        flows: &[AuthFlow],
        params: Value,
        auth: Option<&AuthData>,
    ) -> Result<Option<ProvenEmail>, ApiError> {
        match accounts.authenticate_interactively(flows, &self.operation, None, auth).await? {
            InteractiveAuth::Complete { email } => Ok(email),
            InteractiveAuth::Incomplete(challenge) => Err(challenged(flows, challenge, params)),
        }
    }
}

/// What is left to do, as a 401.
fn challenged(flows: &[AuthFlow], challenge: Challenge, params: Value) -> ApiError {
    let error = match challenge.failure {
        None => ApiError::unspecific(StatusCode::UNAUTHORIZED),
        Some(StageFailure::Refused) => {
            let message = "wrong credentials";
            ApiError::new(StatusCode::UNAUTHORIZED, ErrorCode::Forbidden, message)
        }
        // Clients know this code for an address whose link was not followed yet.
        Some(StageFailure::Unproven) => {
            ApiError::unauthorized("the e-mail address is not confirmed yet")
        }
        Some(StageFailure::UnknownStage) => {
            let message = "no flow has this stage";
            ApiError::new(StatusCode::UNAUTHORIZED, ErrorCode::Unrecognized, message)
        }
    };
    let completed: Vec<&str> = challenge.completed.iter().map(AuthType::as_str).collect();
    error
        .with("flows", json!(flows))
        .with("params", params)
        .with("session", challenge.session)
        .with("completed", completed)
}

/// The body as it would be without `auth`; one that is no object stays as it is.
fn without_auth(body: &[u8]) -> Vec<u8> {
    let Ok(mut object) = serde_json::from_slice::<Map<String, Value>>(body) else {
        return body.to_vec();
    };
    object.remove("auth");
    Value::Object(object).to_string().into_bytes()
}
