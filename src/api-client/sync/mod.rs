//! `GET /sync`: reading the request; the answer is [`hearth_sync`]'s.

mod body;
mod sliding;

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    extract::{RawQuery, State},
    response::{IntoResponse, Response},
};
use hearth_accounts::Accounts;
use hearth_http::{ApiError, Ruma};
use hearth_rooms::RoomsError;
use hearth_sync::{Sync, SyncError};
use ruma::{
    UserId,
    api::{
        client::{
            filter::FilterDefinition,
            sync::sync_events::v3::{Filter, Request},
        },
        error::ErrorCode,
    },
    presence::PresenceState,
};

use self::body::Body;
pub(crate) use self::sliding::slide;
use crate::error::Error;

/// What clients from before the specification had it (MSC4222) call `use_state_after`.
const OLD_USE_STATE_AFTER: &str = "org.matrix.msc4222.use_state_after=true";

pub(crate) async fn sync(
    State(sync): State<Sync>,
    State(accounts): State<Accounts>,
    RawQuery(query): RawQuery,
    Ruma { request, caller }: Ruma<Request>,
) -> Result<Response, Error> {
    let old_names = query.is_some_and(|query| query.split('&').any(|p| p == OLD_USE_STATE_AFTER));
    let request = hearth_sync::Request {
        filter: filter(&accounts, &caller.user, request.filter).await?,
        since: request.since.as_deref().map(str::parse).transpose()?,
        full_state: request.full_state,
        use_state_after: request.use_state_after || old_names,
        timeout: request.timeout.unwrap_or(Duration::ZERO),
        set_presence: known_presence(request.set_presence)?,
        // Application services may sync without a device; nothing is sent to that one.
        device_id: caller.device.clone().unwrap_or_else(|| "".into()),
        user_id: caller.user.clone(),
    };
    let response = sync.sync(&request).await?;
    Ok(Json(Body::new(&response, old_names)).into_response())
}

impl From<SyncError> for Error {
    fn from(error: SyncError) -> Self {
        match error {
            SyncError::UnknownPos => {
                ApiError::bad_request(ErrorCode::UnknownPos, error.to_string()).into()
            }
            SyncError::BadToken(_) => ApiError::invalid_param(error.to_string()).into(),
            SyncError::Rooms(error) => error.into(),
            SyncError::Accounts(error) => error.into(),
            error => ApiError::internal(error).into(),
        }
    }
}

/// The filter that a request brings or names.
async fn filter(
    accounts: &Accounts,
    user_id: &UserId,
    filter: Option<Filter>,
) -> Result<Arc<FilterDefinition>, Error> {
    let definition = match filter {
        None => FilterDefinition::default(),
        Some(Filter::FilterDefinition(definition)) => definition,
        Some(Filter::FilterId(id)) => accounts
            .filter(user_id, &id)
            .await?
            .ok_or_else(|| RoomsError::InvalidParam(format!("there is no filter {id:?}")))?,
        Some(_) => return Err(RoomsError::InvalidParam("no such filter".to_owned()).into()),
    };
    Ok(Arc::new(definition))
}

fn known_presence(presence: PresenceState) -> Result<PresenceState, Error> {
    match presence {
        PresenceState::Online | PresenceState::Offline | PresenceState::Unavailable => Ok(presence),
        other => Err(RoomsError::InvalidParam(format!("there is no presence {other}")).into()),
    }
}
