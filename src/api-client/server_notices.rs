//! `/_synapse/admin/v1/send_server_notice`: the server speaks to a user, in a room of their own
//! (specification, "Server Notices"). Scripts written for Synapse rely on its shape.
//!
//! The same as `PUT` with a transaction id makes one event of a repeated request.

use std::sync::Arc;

use axum::extract::State;
use hearth_accounts::Accounts;
use hearth_base::limits::IDENTIFIER_BYTES_MAX;
use hearth_http::{ApiError, Caller, Extended, RumaResponse};
use hearth_rooms::{
    CreateRoom, EventRequest, Invitation, Profile, Room, Rooms, RoomsError, Transaction,
};
use ruma::{
    OwnedTransactionId, OwnedUserId, UserId,
    api::{
        IncomingRequest, auth_scheme::AccessToken, client::message::send_message_event::v3,
        client::room::create_room::v3::RoomPreset, error::DeserializationError,
    },
    events::{TimelineEventType, room::member::MembershipState, tag::TagInfo},
    metadata,
};
use serde::Deserialize;
use serde_json::{Map, Value, json, value::RawValue};

use crate::{ServerNotices, Settings, error::Error};

const TAG: &str = "m.server_notice";
/// Below everybody else's: whoever gets notices does not answer them.
const USERS_LEVEL: i32 = -10;

/// `POST`: each request makes an event.
pub(crate) struct SendNotice;

/// `PUT`: a repeated request makes no second event.
pub(crate) struct SendNoticeOnce(OwnedTransactionId);

metadata! {
    @for SendNotice,
    method: POST,
    rate_limited: false,
    authentication: AccessToken,
    path: "/_synapse/admin/v1/send_server_notice",
}

metadata! {
    @for SendNoticeOnce,
    method: PUT,
    rate_limited: false,
    authentication: AccessToken,
    path: "/_synapse/admin/v1/send_server_notice/{txn_id}",
}

impl IncomingRequest for SendNotice {
    type EndpointError = <v3::Request as IncomingRequest>::EndpointError;
    type OutgoingResponse = v3::Response;

    fn try_from_http_request_inner(
        _: http::Request<&[u8]>,
        _: &[&str],
    ) -> Result<Self, DeserializationError> {
        Ok(Self)
    }
}

impl IncomingRequest for SendNoticeOnce {
    type EndpointError = <v3::Request as IncomingRequest>::EndpointError;
    type OutgoingResponse = v3::Response;

    fn try_from_http_request_inner(
        _: http::Request<&[u8]>,
        path_args: &[&str],
    ) -> Result<Self, DeserializationError> {
        Ok(Self(path_args.iter().copied().collect::<String>().into()))
    }
}

/// What is said, and to whom.
#[derive(Deserialize)]
struct Notice {
    user_id: OwnedUserId,
    content: Box<RawValue>,
    #[serde(rename = "type", default = "message")]
    event_type: TimelineEventType,
    state_key: Option<String>,
}

fn message() -> TimelineEventType {
    TimelineEventType::RoomMessage
}

pub(crate) async fn send(
    State(rooms): State<Rooms>,
    State(accounts): State<Accounts>,
    State(settings): State<Arc<Settings>>,
    Extended { caller, body, .. }: Extended<SendNotice>,
) -> Result<RumaResponse<v3::Response>, Error> {
    let notice = read(&accounts, &caller, body).await?;
    Speaker::new(&rooms, &accounts, &settings)?.say(notice, None).await
}

pub(crate) async fn send_once(
    State(rooms): State<Rooms>,
    State(accounts): State<Accounts>,
    State(settings): State<Arc<Settings>>,
    Extended { request, caller, body }: Extended<SendNoticeOnce>,
) -> Result<RumaResponse<v3::Response>, Error> {
    let notice = read(&accounts, &caller, body).await?;
    if request.0.as_str().len() > IDENTIFIER_BYTES_MAX {
        return Err(ApiError::invalid_param("the transaction id is too long").into());
    }
    let transaction = Transaction {
        device_id: caller.device.clone().unwrap_or_else(|| "".into()),
        transaction_id: request.0,
        scope: format!("send_server_notice/{}", caller.user),
    };
    Speaker::new(&rooms, &accounts, &settings)?.say(notice, Some(transaction)).await
}

/// The notice of an administrator to somebody who has an account here.
async fn read(
    accounts: &Accounts,
    caller: &Caller,
    body: Map<String, Value>,
) -> Result<Notice, Error> {
    if !caller.is_admin {
        return Err(ApiError::forbidden("only administrators speak for the server").into());
    }
    // By way of text, since part of it is kept as it is.
    let text = Value::Object(body).to_string();
    let notice: Notice =
        serde_json::from_str(&text).map_err(|error| ApiError::bad_json(error.to_string()))?;
    match accounts.user(&notice.user_id).await? {
        Some(user) if !user.is_deactivated => Ok(notice),
        _ => Err(ApiError::not_found("there is no such user here").into()),
    }
}

/// The server, speaking.
struct Speaker<'a> {
    rooms: &'a Rooms,
    accounts: &'a Accounts,
    notices: &'a ServerNotices,
}

impl<'a> Speaker<'a> {
    fn new(
        rooms: &'a Rooms,
        accounts: &'a Accounts,
        settings: &'a Settings,
    ) -> Result<Self, Error> {
        match &settings.server_notices {
            Some(notices) => Ok(Self { rooms, accounts, notices }),
            None => Err(ApiError::unrecognized().into()),
        }
    }

    async fn say(
        &self,
        notice: Notice,
        transaction: Option<Transaction>,
    ) -> Result<RumaResponse<v3::Response>, Error> {
        let room = self.room_for(&notice.user_id).await?;
        let event = EventRequest {
            sender: self.notices.user_id.clone(),
            event_type: notice.event_type,
            state_key: notice.state_key,
            content: notice.content,
            redacts: None,
            transaction,
            origin_server_ts: None,
        };
        let sent = self.rooms.send(&room, event).await?;
        Ok(RumaResponse(v3::Response::new(sent.event_id)))
    }

    /// The user's room, where the user is or is invited to.
    async fn room_for(&self, user_id: &UserId) -> Result<Room, Error> {
        let snapshot = self.rooms.snapshot().await?;
        let Some(room) = self.rooms.notice_room(snapshot.as_ref(), user_id).await? else {
            return self.new_room(user_id).await;
        };
        let row = self.rooms.membership(snapshot.as_ref(), room.nid(), user_id).await?;
        let is_there = row.is_some_and(|row| {
            matches!(row.value.state, MembershipState::Join | MembershipState::Invite)
        });
        if !is_there {
            let invitation = Invitation {
                sender: self.notices.user_id.clone(),
                user_id: user_id.to_owned(),
                profile: self.profile(user_id).await?,
                reason: None,
                is_direct: false,
            };
            self.rooms.invite(&room, invitation).await?;
        }
        Ok(room)
    }

    async fn new_room(&self, user_id: &UserId) -> Result<Room, Error> {
        let levels = json!({ "users_default": USERS_LEVEL });
        let creation = json!({ "m.federate": false });
        let request = CreateRoom {
            profile: self.profile(&self.notices.user_id).await?,
            creation_content: fields(creation),
            preset: Some(RoomPreset::PrivateChat),
            name: Some(self.notices.room_name.clone()),
            invite: vec![(user_id.to_owned(), self.profile(user_id).await?)],
            power_levels: fields(levels),
            ..CreateRoom::new(self.notices.user_id.clone())
        };
        match self.rooms.create_notice_room(request, user_id).await {
            Ok(room) => {
                self.accounts.set_tag(user_id, room.id(), TAG, &TagInfo::new()).await?;
                Ok(room)
            }
            // Somebody else was faster.
            Err(RoomsError::InUse(_)) => {
                let snapshot = self.rooms.snapshot().await?;
                let room = self.rooms.notice_room(snapshot.as_ref(), user_id).await?;
                Ok(room.ok_or(RoomsError::Busy)?)
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn profile(&self, user_id: &UserId) -> Result<Profile, Error> {
        crate::rooms::profile_of(self.accounts, user_id).await
    }
}

fn fields(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}
