//! Room aliases of this server: names that people can type, each of one room.
//!
//! An alias is a row, not an event; `m.room.canonical_alias` only points to some of them. Asking
//! other servers for their aliases is deliberately absent.

use hearth_base::RoomNid;
use hearth_store::{Batch, CommitError, Snapshot};
use ruma::{
    OwnedRoomAliasId, OwnedUserId, RoomAliasId, UserId,
    events::{StateEventType, TimelineEventType},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    Room, Rooms, RoomsError,
    new_room::state_event,
    tables::{ALIASES, ROOM_ALIASES},
};

/// What an alias stands for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alias {
    /// The room.
    pub room: RoomNid,
    /// Who made it, and may delete it again.
    pub creator: OwnedUserId,
}

impl Rooms {
    /// Gives a room another alias.
    ///
    /// # Errors
    /// [`RoomsError::InUse`] if a room has it, [`RoomsError::InvalidParam`] if it is not one of
    /// this server, or the store failed.
    pub async fn create_alias(
        &self,
        room: &Room,
        alias: &RoomAliasId,
        creator: &UserId,
    ) -> Result<(), RoomsError> {
        let mut batch = Batch::new();
        self.put_alias(&mut batch, alias, room.nid(), creator)?;
        match self.store().commit(batch).await {
            Ok(_) => Ok(()),
            Err(CommitError::Conflict { .. }) => Err(RoomsError::InUse("alias")),
            Err(CommitError::Store(error)) => Err(error.into()),
        }
    }

    /// Adds the rows of a new alias to a batch, which is a conflict if there is such an alias.
    pub(crate) fn put_alias(
        &self,
        batch: &mut Batch,
        alias: &RoomAliasId,
        room: RoomNid,
        creator: &UserId,
    ) -> Result<(), RoomsError> {
        if alias.server_name() != self.server_name() {
            return Err(RoomsError::InvalidParam(format!("{alias} is not of this server")));
        }
        let row = Alias { room, creator: creator.to_owned() };
        ALIASES.insert(batch, &(alias,), &row)?;
        Ok(ROOM_ALIASES.put(batch, &(room, alias), &())?)
    }

    /// Takes an alias away from its room, and out of the room's `m.room.canonical_alias` if the
    /// user has the power for that.
    ///
    /// # Errors
    /// [`RoomsError::NotFound`] if there is no such alias, [`RoomsError::Forbidden`] unless the
    /// user made it or may send `m.room.canonical_alias`, or the store failed.
    pub async fn delete_alias(
        &self,
        alias: &RoomAliasId,
        user_id: &UserId,
    ) -> Result<(), RoomsError> {
        let snapshot = self.snapshot().await?;
        let row = ALIASES.get(snapshot.as_ref(), &(alias,)).await?;
        let row = row.ok_or(RoomsError::NotFound("alias"))?;
        let room = self.room_by_nid(snapshot.as_ref(), row.room).await?;
        let has_power = self.may_change_aliases(snapshot.as_ref(), &room, user_id).await?;
        if row.creator != *user_id && !has_power {
            return Err(RoomsError::Forbidden("only its creator may delete this alias".to_owned()));
        }
        let mut batch = Batch::new();
        ALIASES.replace(&mut batch, &(alias,), Some(&row), None)?;
        ROOM_ALIASES.delete(&mut batch, &(row.room, alias));
        match self.store().commit(batch).await {
            Ok(_) => {}
            Err(CommitError::Conflict { .. }) => return Err(RoomsError::NotFound("alias")),
            Err(CommitError::Store(error)) => return Err(error.into()),
        }
        if has_power {
            self.retract_aliases(&room, &[alias.to_owned()], user_id).await?;
        }
        Ok(())
    }

    /// The room that an alias of this server stands for.
    ///
    /// # Errors
    /// The store failed.
    pub async fn resolve_alias(&self, alias: &RoomAliasId) -> Result<Option<Room>, RoomsError> {
        let snapshot = self.snapshot().await?;
        match ALIASES.get(snapshot.as_ref(), &(alias,)).await? {
            Some(row) => self.room_by_nid(snapshot.as_ref(), row.room).await.map(Some),
            None => Ok(None),
        }
    }

    /// The aliases of a room on this server, in their order as text.
    ///
    /// # Errors
    /// The store failed.
    pub async fn aliases_of(
        &self,
        snapshot: &dyn Snapshot,
        room: RoomNid,
    ) -> Result<Vec<OwnedRoomAliasId>, RoomsError> {
        let rows = ROOM_ALIASES.scan_all(snapshot, &ROOM_ALIASES.prefix(&(room,))).await?;
        Ok(rows.into_iter().map(|((_, alias), ())| alias).collect())
    }

    async fn may_change_aliases(
        &self,
        snapshot: &dyn Snapshot,
        room: &Room,
        user_id: &UserId,
    ) -> Result<bool, RoomsError> {
        if !self.is_joined(snapshot, room.nid(), user_id).await? {
            return Ok(false);
        }
        let head = self.head(snapshot, room.nid()).await?;
        let levels = self.power_levels(snapshot, room, &head).await?;
        Ok(levels.may_send(user_id, &TimelineEventType::RoomCanonicalAlias, true))
    }

    /// Sends an `m.room.canonical_alias` without the aliases, if the present one names any.
    pub(crate) async fn retract_aliases(
        &self,
        room: &Room,
        aliases: &[OwnedRoomAliasId],
        user_id: &UserId,
    ) -> Result<(), RoomsError> {
        let snapshot = self.snapshot().await?;
        let snapshot = snapshot.as_ref();
        let head = self.head(snapshot, room.nid()).await?;
        let key = StateEventType::RoomCanonicalAlias;
        let present = self.state_event(snapshot, room.nid(), head.state, key, "").await?;
        let content = present.and_then(|event| event.pdu().content_as());
        let Some(content) = content.and_then(|content| without_aliases(content, aliases)) else {
            return Ok(());
        };
        let content = Value::Object(content);
        let request = state_event(user_id, "m.room.canonical_alias", "", &content)?;
        match self.send(room, request).await {
            // The power was lost meanwhile; the alias is gone all the same.
            Ok(_) | Err(RoomsError::Forbidden(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// The content of an `m.room.canonical_alias` without aliases; `None` if it names none of them.
fn without_aliases(
    mut content: Map<String, Value>,
    aliases: &[OwnedRoomAliasId],
) -> Option<Map<String, Value>> {
    let is_alias =
        |value: &Value| aliases.iter().any(|alias| value.as_str() == Some(alias.as_str()));
    let mut changed = false;
    if content.get("alias").is_some_and(is_alias) {
        content.remove("alias");
        changed = true;
    }
    if let Some(others) = content.get_mut("alt_aliases").and_then(Value::as_array_mut) {
        let before = others.len();
        others.retain(|value| !is_alias(value));
        changed |= others.len() != before;
    }
    changed.then_some(content)
}

#[cfg(test)]
mod tests {
    use ruma::room_alias_id;
    use serde_json::json;

    use super::*;
    use crate::testing::{event, join, public_room, rooms, user};

    fn without(content: Value) -> Option<Value> {
        let Value::Object(content) = content else {
            return None;
        };
        let alias = room_alias_id!("#a:example.org").to_owned();
        without_aliases(content, &[alias]).map(Value::Object)
    }

    #[test]
    fn an_alias_is_taken_out_wherever_it_is_named() {
        let both = json!({ "alias": "#a:example.org", "alt_aliases": ["#b:x", "#a:example.org"] });
        assert_eq!(without(both), Some(json!({ "alt_aliases": ["#b:x"] })));
        let main = json!({ "alias": "#a:example.org", "other": 1 });
        assert_eq!(without(main), Some(json!({ "other": 1 })));
    }

    #[tokio::test]
    async fn an_alias_is_made_once_and_only_here() {
        let (rooms, alice) = (rooms(), user("alice"));
        let room = public_room(&rooms, &alice).await;
        let alias = room_alias_id!("#a:example.org");
        rooms.create_alias(&room, alias, &alice).await.unwrap();
        let again = rooms.create_alias(&room, alias, &alice).await.unwrap_err();
        assert!(matches!(again, RoomsError::InUse("alias")));
        let foreign = rooms.create_alias(&room, room_alias_id!("#a:other.org"), &alice).await;
        assert!(matches!(foreign.unwrap_err(), RoomsError::InvalidParam(_)));
        let found = rooms.resolve_alias(alias).await.unwrap().unwrap();
        assert_eq!(found.id(), room.id());
        let snapshot = rooms.snapshot().await.unwrap();
        let all = rooms.aliases_of(snapshot.as_ref(), room.nid()).await.unwrap();
        assert_eq!(all, [alias]);
    }

    #[tokio::test]
    async fn only_its_creator_and_the_powerful_delete_an_alias() {
        let (rooms, alice, bob) = (rooms(), user("alice"), user("bob"));
        let room = public_room(&rooms, &alice).await;
        join(&rooms, &room, &bob).await.unwrap();
        let (a, b) = (room_alias_id!("#a:example.org"), room_alias_id!("#b:example.org"));
        rooms.create_alias(&room, a, &alice).await.unwrap();
        rooms.create_alias(&room, b, &bob).await.unwrap();
        let canonical = json!({ "alias": b, "alt_aliases": [a] });
        let canonical = event(&alice, "m.room.canonical_alias", Some(""), canonical);
        rooms.send(&room, canonical).await.unwrap();

        let refused = rooms.delete_alias(a, &bob).await.unwrap_err();
        assert!(matches!(refused, RoomsError::Forbidden(_)));
        rooms.delete_alias(b, &alice).await.unwrap();
        let gone = rooms.delete_alias(b, &alice).await.unwrap_err();
        assert!(matches!(gone, RoomsError::NotFound(_)));
        assert!(rooms.resolve_alias(b).await.unwrap().is_none());

        let snapshot = rooms.snapshot().await.unwrap();
        let head = rooms.head(snapshot.as_ref(), room.nid()).await.unwrap();
        let key = StateEventType::RoomCanonicalAlias;
        let left = rooms.state_event(snapshot.as_ref(), room.nid(), head.state, key, "").await;
        let left = left.unwrap().unwrap().pdu().content_as::<Value>().unwrap();
        assert_eq!(left, json!({ "alt_aliases": [a] }));
    }

    #[test]
    fn other_contents_stay() {
        assert_eq!(without(json!({ "alias": "#b:x", "alt_aliases": ["#c:x"] })), None);
        assert_eq!(without(json!({ "alias": 7, "alt_aliases": "#a:example.org" })), None);
    }
}
