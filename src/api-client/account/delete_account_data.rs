//! `DELETE` of account data, global and of rooms (MSC3391).

use axum::extract::State;
use hearth_accounts::Accounts;
use hearth_http::{Ruma, RumaResponse};
use ruma::{
    OwnedRoomId, OwnedUserId,
    api::{
        IncomingRequest,
        auth_scheme::AccessToken,
        client::config::{set_global_account_data, set_room_account_data},
        error::DeserializationError,
    },
    metadata,
};
use serde::{
    Deserialize,
    de::value::{Error as ValueError, SeqDeserializer},
};

use super::{account_data::check_not_reserved, own::check_own};
use crate::error::Error;

/// `DELETE /user/{userId}/account_data/{type}`.
pub(crate) struct DeleteGlobal {
    user_id: OwnedUserId,
    event_type: String,
}

/// `DELETE /user/{userId}/rooms/{roomId}/account_data/{type}`.
pub(crate) struct DeleteOfRoom {
    user_id: OwnedUserId,
    room_id: OwnedRoomId,
    event_type: String,
}

metadata! {
    @for DeleteGlobal,
    method: DELETE,
    rate_limited: false,
    authentication: AccessToken,
    path: "/_matrix/client/unstable/org.matrix.msc3391\
           /user/{user_id}/account_data/{event_type}",
}

metadata! {
    @for DeleteOfRoom,
    method: DELETE,
    rate_limited: false,
    authentication: AccessToken,
    path: "/_matrix/client/unstable/org.matrix.msc3391\
           /user/{user_id}/rooms/{room_id}/account_data/{event_type}",
}

impl IncomingRequest for DeleteGlobal {
    type EndpointError = <set_global_account_data::v3::Request as IncomingRequest>::EndpointError;
    type OutgoingResponse = set_global_account_data::v3::Response;

    fn try_from_http_request_inner(
        _: http::Request<&[u8]>,
        path_args: &[&str],
    ) -> Result<Self, DeserializationError> {
        let (user_id, event_type) = arguments(path_args)?;
        Ok(Self { user_id, event_type })
    }
}

impl IncomingRequest for DeleteOfRoom {
    type EndpointError = <set_room_account_data::v3::Request as IncomingRequest>::EndpointError;
    type OutgoingResponse = set_room_account_data::v3::Response;

    fn try_from_http_request_inner(
        _: http::Request<&[u8]>,
        path_args: &[&str],
    ) -> Result<Self, DeserializationError> {
        let (user_id, room_id, event_type) = arguments(path_args)?;
        Ok(Self { user_id, room_id, event_type })
    }
}

fn arguments<'a, T: Deserialize<'a>>(path_args: &[&'a str]) -> Result<T, ValueError> {
    T::deserialize(SeqDeserializer::<_, ValueError>::new(path_args.iter().copied()))
}

pub(crate) async fn delete_global_account_data(
    State(accounts): State<Accounts>,
    Ruma { request, caller }: Ruma<DeleteGlobal>,
) -> Result<RumaResponse<set_global_account_data::v3::Response>, Error> {
    check_own(&caller, &request.user_id)?;
    check_not_reserved(&request.event_type)?;
    accounts.delete_account_data(&caller.user, None, &request.event_type).await?;
    Ok(RumaResponse(set_global_account_data::v3::Response::new()))
}

pub(crate) async fn delete_room_account_data(
    State(accounts): State<Accounts>,
    Ruma { request, caller }: Ruma<DeleteOfRoom>,
) -> Result<RumaResponse<set_room_account_data::v3::Response>, Error> {
    check_own(&caller, &request.user_id)?;
    check_not_reserved(&request.event_type)?;
    let room = Some(&*request.room_id);
    accounts.delete_account_data(&caller.user, room, &request.event_type).await?;
    Ok(RumaResponse(set_room_account_data::v3::Response::new()))
}
