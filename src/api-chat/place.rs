//! The room that a request is about, as of one moment, and whether whoever asks is in it.

use std::sync::Arc;

use hearth_rooms::{Event, EventRequest, Room, RoomHead, Snapshot, Transaction};
use hearth_rules::PowerLevels;
use http::StatusCode;
use ruma::{EventId, RoomId, UserId, events::TimelineEventType};
use serde_json::{Value, value::to_raw_value};

use crate::{ChatApi, Problem, views::Role};

/// A room as of one moment.
pub(crate) struct Place {
    pub(crate) snapshot: Arc<dyn Snapshot>,
    pub(crate) room: Room,
    pub(crate) head: RoomHead,
}

impl Place {
    /// A room, for whomever.
    ///
    /// # Errors
    /// 404 if there is none.
    pub(crate) async fn find(api: &ChatApi, room_id: &RoomId) -> Result<Self, Problem> {
        let room = api.rooms.room(room_id).await?;
        let room = room.ok_or_else(|| Problem::not_found("there is no such room"))?;
        let snapshot = api.rooms.snapshot().await?;
        let head = api.rooms.head(snapshot.as_ref(), room.nid()).await?;
        Ok(Self { snapshot, room, head })
    }

    /// A room that the user is in.
    ///
    /// # Errors
    /// 404 if there is none, 403 if the user is not in it.
    pub(crate) async fn joined(
        api: &ChatApi,
        room_id: &RoomId,
        user_id: &UserId,
    ) -> Result<Self, Problem> {
        let place = Self::find(api, room_id).await?;
        place.check_joined(api, user_id).await?;
        Ok(place)
    }

    /// The room of a message, and the message, for somebody who is in the room.
    ///
    /// # Errors
    /// 404 if there is no such message, or it is not for the user.
    pub(crate) async fn of_message(
        api: &ChatApi,
        message_id: &EventId,
        user_id: &UserId,
    ) -> Result<(Self, Event), Problem> {
        let unknown = || Problem::not_found("there is no such message");
        let snapshot = api.rooms.snapshot().await?;
        let event = api.rooms.event_by_id(snapshot.as_ref(), message_id).await?;
        let event = event.ok_or_else(unknown)?;
        let room = api.rooms.room_by_nid(snapshot.as_ref(), event.room()).await?;
        let head = api.rooms.head(snapshot.as_ref(), room.nid()).await?;
        let place = Self { snapshot, room, head };
        // Who is not in the room must not learn that the message is.
        if place.check_joined(api, user_id).await.is_err() {
            return Err(unknown());
        }
        let mut visibility =
            api.rooms.visibility(place.snapshot.as_ref(), &place.room, user_id).await?;
        if !visibility.may_see(&event).await? {
            return Err(unknown());
        }
        drop(visibility);
        Ok((place, event))
    }

    async fn check_joined(&self, api: &ChatApi, user_id: &UserId) -> Result<(), Problem> {
        if api.rooms.is_joined(self.snapshot.as_ref(), self.room.nid(), user_id).await? {
            return Ok(());
        }
        let detail = "you are not a member of this room";
        Err(Problem::new(StatusCode::FORBIDDEN, "not-a-member", detail))
    }

    /// Who may do what.
    ///
    /// # Errors
    /// The store failed.
    pub(crate) async fn levels(&self, api: &ChatApi) -> Result<PowerLevels, Problem> {
        let (snapshot, head) = (self.snapshot.as_ref(), &self.head);
        Ok(api.rooms.power_levels(snapshot, &self.room, head).await?)
    }

    /// Refuses who has less than a role.
    ///
    /// # Errors
    /// 403.
    pub(crate) async fn check_role(
        &self,
        api: &ChatApi,
        user_id: &UserId,
        least: Role,
    ) -> Result<PowerLevels, Problem> {
        let levels = self.levels(api).await?;
        if Role::of(&levels, user_id) >= least {
            return Ok(levels);
        }
        Err(Problem::forbidden(match least {
            Role::Owner => "this is for the owner of the room",
            _ => "this is for admins of the room",
        }))
    }
}

/// A state event as a request.
///
/// # Errors
/// The content cannot be written.
pub(crate) fn state_event(
    sender: &UserId,
    event_type: &str,
    content: &Value,
) -> Result<EventRequest, Problem> {
    let event = message_event(sender, event_type, content, None)?;
    Ok(EventRequest { state_key: Some(String::new()), ..event })
}

/// An event that is no state, as a request.
///
/// # Errors
/// The content cannot be written.
pub(crate) fn message_event(
    sender: &UserId,
    event_type: &str,
    content: &Value,
    transaction: Option<Transaction>,
) -> Result<EventRequest, Problem> {
    Ok(EventRequest {
        sender: sender.to_owned(),
        event_type: TimelineEventType::from(event_type),
        state_key: None,
        content: to_raw_value(content).map_err(Problem::internal)?,
        redacts: None,
        transaction,
        origin_server_ts: None,
    })
}
