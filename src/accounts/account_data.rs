//! Account data: what clients keep for a user, globally and for each room.
//!
//! Every change has a position, and an index by user and position makes reading what changed cost
//! as much as changed. Tags and push rules are account data with rules of their own.
//!
//! Account data without content is deleted account data (MSC3391): its row stays, so that clients
//! learn of the deletion, and shows nowhere else.

use std::collections::{BTreeMap, BTreeSet};

use hearth_base::{
    StreamPosition,
    limits::{ACCOUNT_DATA_BYTES_MAX, IDENTIFIER_BYTES_MAX},
};
use hearth_store::{Batch, Fact, Snapshot, Stamped};
use ruma::{
    EventId, OwnedRoomId, OwnedUserId, RoomId, UserId,
    events::{AnyGlobalAccountDataEventContent, AnyRoomAccountDataEventContent},
    serde::{JsonObject, Raw},
};
use serde_json::value::{RawValue, to_raw_value};

use crate::{
    Accounts, AccountsError,
    tables::{ACCOUNT_DATA, ACCOUNT_DATA_CHANGES},
};

/// Types that clients change through endpoints of their own (specification, client config).
const RESERVED_TYPES: [&str; 2] = ["m.push_rules", FULLY_READ];
const FULLY_READ: &str = "m.fully_read";
pub(crate) const IGNORED_USERS: &str = "m.ignored_user_list";
/// The content of deleted account data.
pub(crate) const DELETED: &str = "{}";

/// Account data by type.
pub type DataByType<C> = BTreeMap<String, Raw<C>>;

/// What changed in a span of positions: the present content of each changed type.
#[derive(Clone, Debug, Default)]
pub struct AccountDataChanges {
    /// Global account data by type.
    pub global: DataByType<AnyGlobalAccountDataEventContent>,
    /// Account data of rooms by room and type.
    pub rooms: BTreeMap<OwnedRoomId, DataByType<AnyRoomAccountDataEventContent>>,
}

impl AccountDataChanges {
    fn add(&mut self, room: &str, kind: String, json: String) -> Option<()> {
        let json = RawValue::from_string(json).ok()?;
        if room.is_empty() {
            self.global.insert(kind, Raw::from_json(json));
        } else {
            let room = OwnedRoomId::try_from(room).ok()?;
            self.rooms.entry(room).or_default().insert(kind, Raw::from_json(json));
        }
        Some(())
    }
}

impl Accounts {
    /// Whether clients may not write the type as plain account data.
    #[must_use]
    pub fn is_reserved_account_data(kind: &str) -> bool {
        RESERVED_TYPES.contains(&kind)
    }

    /// Account data of one type, global or of a room.
    ///
    /// # Errors
    /// The store failed.
    pub async fn account_data(
        &self,
        user: &UserId,
        room: Option<&RoomId>,
        kind: &str,
    ) -> Result<Option<Box<RawValue>>, AccountsError> {
        let snapshot = self.snapshot().await?;
        let row = ACCOUNT_DATA.get(snapshot.as_ref(), &(user, room_part(room), kind)).await?;
        let content = row.map(|row| row.value).filter(|content| content != DELETED);
        Ok(content.and_then(|content| RawValue::from_string(content).ok()))
    }

    /// Writes account data of one type, global or of a room. An empty object deletes it.
    ///
    /// # Errors
    /// [`AccountsError::Forbidden`] for a reserved type, [`AccountsError::TooLarge`],
    /// [`AccountsError::Invalid`] if the content is not an object.
    pub async fn set_account_data(
        &self,
        user: &UserId,
        room: Option<&RoomId>,
        kind: &str,
        content: &RawValue,
    ) -> Result<(), AccountsError> {
        if Self::is_reserved_account_data(kind) {
            return Err(AccountsError::forbidden("this type has an endpoint of its own"));
        }
        if kind.is_empty() || kind.len() > IDENTIFIER_BYTES_MAX {
            return Err(AccountsError::invalid("not a usable type of account data"));
        }
        let object: JsonObject = serde_json::from_str(content.get())
            .map_err(|_| AccountsError::invalid("account data must be an object"))?;
        if object.is_empty() {
            return self.delete_account_data(user, room, kind).await;
        }
        self.put_account_data(user, room, kind, content.get()).await
    }

    /// Deletes account data of one type, global or of a room (MSC3391); nothing happens if there
    /// is none.
    ///
    /// # Errors
    /// [`AccountsError::Forbidden`] for a reserved type, or the store failed.
    pub async fn delete_account_data(
        &self,
        user: &UserId,
        room: Option<&RoomId>,
        kind: &str,
    ) -> Result<(), AccountsError> {
        if Self::is_reserved_account_data(kind) {
            return Err(AccountsError::forbidden("this type has an endpoint of its own"));
        }
        if self.account_data(user, room, kind).await?.is_none() {
            return Ok(());
        }
        self.put_account_data(user, room, kind, DELETED).await
    }

    /// Moves the marker up to which a user has read a room (specification, fully read markers).
    ///
    /// # Errors
    /// The store failed.
    pub async fn set_fully_read(
        &self,
        user: &UserId,
        room: &RoomId,
        event: &EventId,
    ) -> Result<(), AccountsError> {
        let content = to_raw_value(&BTreeMap::from([("event_id", event)]))
            .map_err(|error| AccountsError::invalid(error.to_string()))?;
        self.put_account_data(user, Some(room), FULLY_READ, content.get()).await
    }

    async fn put_account_data(
        &self,
        user: &UserId,
        room: Option<&RoomId>,
        kind: &str,
        content: &str,
    ) -> Result<(), AccountsError> {
        self.decide(|snapshot| async move {
            let mut batch = Batch::new();
            let snapshot = snapshot.as_ref();
            let before = ACCOUNT_DATA.get(snapshot, &(user, room_part(room), kind)).await?;
            self.write_account_data(&mut batch, user, room, kind, before.as_ref(), content)?;
            Ok((batch, ()))
        })
        .await
    }

    /// All account data of a user, for an initial sync.
    ///
    /// # Errors
    /// The store failed.
    pub async fn all_account_data(
        &self,
        user: &UserId,
    ) -> Result<AccountDataChanges, AccountsError> {
        let snapshot = self.snapshot().await?;
        let range = ACCOUNT_DATA.prefix(&(user,));
        let mut all = AccountDataChanges::default();
        for ((_, room, kind), row) in ACCOUNT_DATA.scan_all(snapshot.as_ref(), &range).await? {
            if row.value != DELETED {
                all.add(&room, kind, row.value);
            }
        }
        Ok(all)
    }

    /// Account data of one room.
    ///
    /// # Errors
    /// The store failed.
    pub async fn room_account_data(
        &self,
        user: &UserId,
        room: &RoomId,
    ) -> Result<DataByType<AnyRoomAccountDataEventContent>, AccountsError> {
        let snapshot = self.snapshot().await?;
        let range = ACCOUNT_DATA.prefix(&(user, room.as_str()));
        let mut all = AccountDataChanges::default();
        for ((_, room, kind), row) in ACCOUNT_DATA.scan_all(snapshot.as_ref(), &range).await? {
            if row.value != DELETED {
                all.add(&room, kind, row.value);
            }
        }
        Ok(all.rooms.remove(room).unwrap_or_default())
    }

    /// What changed after `since`, up to and including `upto`. A type that changed again after
    /// `upto` is left for the next time.
    ///
    /// # Errors
    /// The store failed.
    pub async fn account_data_changes(
        &self,
        user: &UserId,
        since: StreamPosition,
        upto: StreamPosition,
    ) -> Result<AccountDataChanges, AccountsError> {
        let snapshot = self.snapshot().await?;
        let snapshot = snapshot.as_ref();
        let range = ACCOUNT_DATA_CHANGES.between(&(user, since.next()), &(user, upto.next()));
        let changed = ACCOUNT_DATA_CHANGES.scan_all(snapshot, &range).await?;
        let keys =
            changed.iter().map(|((_, _, room, kind), ())| (user, room.as_str(), kind.as_str()));
        let rows = ACCOUNT_DATA.get_many(snapshot, keys).await?;
        let mut changes = AccountDataChanges::default();
        for (((_, _, room, kind), ()), row) in changed.into_iter().zip(rows) {
            if let Some(row) = row {
                changes.add(&room, kind, row.value);
            }
        }
        Ok(changes)
    }

    /// The users that a user ignores (specification, ignoring users).
    ///
    /// # Errors
    /// The store failed.
    pub async fn ignored_users(
        &self,
        user: &UserId,
    ) -> Result<BTreeSet<OwnedUserId>, AccountsError> {
        let content = self.account_data(user, None, IGNORED_USERS).await?;
        Ok(content.map(|content| ignored(content.get())).unwrap_or_default())
    }

    /// Replaces the row that was read by new content, with its fact and its place in the index.
    pub(crate) fn write_account_data(
        &self,
        batch: &mut Batch,
        user: &UserId,
        room: Option<&RoomId>,
        kind: &str,
        before: Option<&Stamped<String>>,
        json: &str,
    ) -> Result<(), AccountsError> {
        if json.len() > ACCOUNT_DATA_BYTES_MAX {
            return Err(AccountsError::TooLarge("the account data"));
        }
        let part = room_part(room);
        let fact = batch
            .fact(Fact::AccountData { user: user.to_owned(), room: room.map(ToOwned::to_owned) });
        ACCOUNT_DATA.replace(batch, &(user, part, kind), fact, before, &json.to_owned())?;
        if let Some(before) = before {
            ACCOUNT_DATA_CHANGES.delete(batch, &(user, before.position, part, kind));
        }
        ACCOUNT_DATA_CHANGES.put(batch, &(user, fact, part, kind), &())?;
        Ok(())
    }
}

/// Content and position of one type, to be replaced by [`Accounts::write_account_data`].
pub(crate) async fn read_account_data(
    snapshot: &dyn Snapshot,
    user: &UserId,
    room: Option<&RoomId>,
    kind: &str,
) -> Result<Option<Stamped<String>>, AccountsError> {
    Ok(ACCOUNT_DATA.get(snapshot, &(user, room_part(room), kind)).await?)
}

/// The users that the content of `m.ignored_user_list` names; a client may write anything there.
pub(crate) fn ignored(content: &str) -> BTreeSet<OwnedUserId> {
    #[derive(serde::Deserialize)]
    struct Content {
        ignored_users: BTreeMap<String, serde::de::IgnoredAny>,
    }
    let Ok(content) = serde_json::from_str::<Content>(content) else {
        return BTreeSet::new();
    };
    let ids = content.ignored_users.into_keys();
    ids.filter_map(|id| OwnedUserId::try_from(id).ok()).collect()
}

/// The part of a key that says which room; empty is none.
fn room_part(room: Option<&RoomId>) -> &str {
    room.map_or("", RoomId::as_str)
}

#[cfg(test)]
mod tests {
    use ruma::{event_id, room_id, user_id};
    use serde_json::json;

    use super::*;
    use crate::testing::fixture;

    #[tokio::test]
    async fn changes_are_read_by_position() {
        let fixture = fixture();
        let accounts = &fixture.accounts;
        let alice = fixture.user("alice").await;
        let room = room_id!("!r:example.org");
        let set = async |room: Option<&RoomId>, kind: &str, value: i32| {
            let content = to_raw_value(&json!({ "v": value })).unwrap();
            accounts.set_account_data(&alice, room, kind, &content).await.unwrap();
            accounts.snapshot().await.unwrap().position()
        };
        let start = accounts.snapshot().await.unwrap().position();
        let first = set(None, "a", 1).await;
        let second = set(Some(room), "b", 2).await;
        let third = set(None, "a", 3).await;

        let changes = accounts.account_data_changes(&alice, start, third).await.unwrap();
        assert_eq!(changes.global["a"].json().get(), "{\"v\":3}");
        assert_eq!(changes.rooms[room]["b"].json().get(), "{\"v\":2}");
        let changes = accounts.account_data_changes(&alice, first, second).await.unwrap();
        assert!(changes.global.is_empty() && changes.rooms.len() == 1);
        let changes = accounts.account_data_changes(&alice, third, third).await.unwrap();
        assert!(changes.global.is_empty() && changes.rooms.is_empty());
        let all = accounts.all_account_data(&alice).await.unwrap();
        assert!(all.global.contains_key("m.push_rules") && all.global.contains_key("a"));
        assert_eq!(accounts.room_account_data(&alice, room).await.unwrap().len(), 1);
        let bob = user_id!("@alice:example.orga");
        assert!(accounts.all_account_data(bob).await.unwrap().global.is_empty());
    }

    #[tokio::test]
    async fn the_fully_read_marker_moves() {
        let fixture = fixture();
        let accounts = &fixture.accounts;
        let alice = fixture.user("alice").await;
        let room = room_id!("!r:example.org");
        for event in [event_id!("$a"), event_id!("$b")] {
            accounts.set_fully_read(&alice, room, event).await.unwrap();
            let content = accounts.account_data(&alice, Some(room), FULLY_READ).await.unwrap();
            assert_eq!(content.unwrap().get(), format!("{{\"event_id\":\"{event}\"}}"));
        }
    }

    #[tokio::test]
    async fn what_is_no_account_data_is_refused() {
        let fixture = fixture();
        let accounts = &fixture.accounts;
        let alice = fixture.user("alice").await;
        let object = to_raw_value(&json!({})).unwrap();
        let list = to_raw_value(&json!([])).unwrap();
        let large = to_raw_value(&json!({ "x": "x".repeat(ACCOUNT_DATA_BYTES_MAX) })).unwrap();
        for (kind, content) in [
            ("m.push_rules", &object),
            ("m.fully_read", &object),
            ("", &object),
            ("a", &list),
            ("a", &large),
        ] {
            assert!(accounts.set_account_data(&alice, None, kind, content).await.is_err());
        }
    }

    #[tokio::test]
    async fn ignored_users_are_read_with_forbearance() {
        let fixture = fixture();
        let accounts = &fixture.accounts;
        let alice = fixture.user("alice").await;
        assert!(accounts.ignored_users(&alice).await.unwrap().is_empty());
        for (content, count) in [
            (json!({ "ignored_users": { "@bob:example.org": {}, "rubbish": {} } }), 1),
            (json!({ "ignored_users": 5 }), 0),
            (json!({}), 0),
        ] {
            let content = to_raw_value(&content).unwrap();
            accounts.set_account_data(&alice, None, IGNORED_USERS, &content).await.unwrap();
            assert_eq!(accounts.ignored_users(&alice).await.unwrap().len(), count);
        }
    }
}
