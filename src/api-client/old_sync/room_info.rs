//! What an initial sync says about a room.

use hearth_accounts::Accounts;
use hearth_http::Caller;
use hearth_rooms::{Direction, Event, Membership, Room, Rooms, Side, Snapshot};
use ruma::{
    api::client::room::Visibility,
    events::{AnyStateEvent, AnyTimelineEvent, room::member::MembershipState},
    serde::Raw,
};
use serde_json::{Value, json};

use crate::{error::Error, rooms::render};

/// Who reads, and what they read from.
pub(super) struct Reader<'a> {
    pub(super) rooms: &'a Rooms,
    pub(super) accounts: &'a Accounts,
    pub(super) snapshot: &'a dyn Snapshot,
    pub(super) caller: &'a Caller,
    /// Most messages of each room.
    pub(super) limit: usize,
}

impl Reader<'_> {
    /// A room that the user may read, up to their leaving if they left.
    pub(super) async fn room(
        &self,
        room: &Room,
        membership: Option<&MembershipState>,
        upto: Side,
    ) -> Result<Value, Error> {
        let (rooms, snapshot, user_id) = (self.rooms, self.snapshot, &self.caller.user);
        let state = rooms.readable_state(snapshot, room, user_id).await?;
        let mut events = rooms.state_without_members(snapshot, room.nid(), state).await?;
        events.extend(rooms.state_members(snapshot, room.nid(), state).await?);
        let viewer = render::viewer(rooms, self.caller);
        let state: Vec<Raw<AnyStateEvent>> =
            render::state(rooms, snapshot, &events, &viewer).await?;
        let mut info = json!({
            "room_id": room.id(),
            "messages": self.messages(room, upto).await?,
            "state": state,
            "visibility": self.visibility(room).await?,
            "account_data": self.account_data(room).await?,
        });
        if let Some(membership) = membership {
            info["membership"] = membership.as_str().into();
        }
        Ok(info)
    }

    /// A room that the user is invited to, or knocks on.
    pub(super) async fn invite(&self, room: &Room, row: &Membership) -> Result<Value, Error> {
        let (rooms, snapshot) = (self.rooms, self.snapshot);
        let event = rooms.event(snapshot, row.event).await?;
        let viewer = render::viewer(rooms, self.caller);
        let invite: Vec<Raw<AnyTimelineEvent>> =
            render::timeline(rooms, snapshot, &[event], &viewer).await?;
        Ok(json!({
            "room_id": room.id(),
            "membership": row.state,
            "invite": invite.first(),
        }))
    }

    /// The last messages of a room, the oldest first.
    async fn messages(&self, room: &Room, upto: Side) -> Result<Value, Error> {
        let (rooms, snapshot, user_id) = (self.rooms, self.snapshot, &self.caller.user);
        let (backward, all) = (Direction::Backward, |_: &Event| true);
        let page = rooms.page(snapshot, room, user_id, upto, None, backward, self.limit, &all);
        let mut page = page.await?;
        page.events.reverse();
        let viewer = render::viewer(rooms, self.caller);
        let chunk: Vec<Raw<AnyTimelineEvent>> =
            render::timeline(rooms, snapshot, &page.events, &viewer).await?;
        let mut messages = json!({ "end": upto.to_string(), "chunk": chunk });
        if let Some(start) = page.next {
            messages["start"] = start.to_string().into();
        }
        Ok(messages)
    }

    async fn visibility(&self, room: &Room) -> Result<Visibility, Error> {
        let is_published = self.rooms.is_published(self.snapshot, room.nid()).await?;
        Ok(if is_published { Visibility::Public } else { Visibility::Private })
    }

    async fn account_data(&self, room: &Room) -> Result<Vec<Value>, Error> {
        let data = self.accounts.room_account_data(&self.caller.user, room.id()).await?;
        let events = data.iter();
        Ok(events.map(|(kind, content)| json!({ "type": kind, "content": content })).collect())
    }
}
