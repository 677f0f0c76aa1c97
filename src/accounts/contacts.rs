//! What a user's account data says of other users: direct rooms (`m.direct`), whom the user ignores
//! (`m.ignored_user_list`), and whether anybody may invite them (`m.invite_permission_config`).
//!
//! Clients write all of it as they like. A change here keeps whatever else is there, also what
//! another device writes at the same time.

use std::collections::BTreeMap;

use hearth_store::Batch;
use ruma::{OwnedRoomId, OwnedUserId, RoomId, UserId};
use serde_json::{Map, Value, json};

use crate::{
    Accounts, AccountsError,
    account_data::{IGNORED_USERS, read_account_data},
};

const DIRECT: &str = "m.direct";
/// Where a user refuses all invites (specification, "Invite permission").
const INVITES: &str = "m.invite_permission_config";

impl Accounts {
    /// The direct rooms of a user, each with whom it is with.
    ///
    /// # Errors
    /// The store failed.
    pub async fn direct_rooms(
        &self,
        user: &UserId,
    ) -> Result<BTreeMap<OwnedRoomId, OwnedUserId>, AccountsError> {
        let content = self.account_data(user, None, DIRECT).await?;
        let content = content.map(|content| object(content.get())).unwrap_or_default();
        let mut rooms = BTreeMap::new();
        for (other, of_other) in content {
            let Ok(other) = OwnedUserId::try_from(other) else {
                continue;
            };
            let named = of_other.as_array().into_iter().flatten().filter_map(Value::as_str);
            let named = named.filter_map(|room| OwnedRoomId::try_from(room).ok());
            rooms.extend(named.map(|room| (room, other.clone())));
        }
        Ok(rooms)
    }

    /// Makes a room a direct room of the user with another, the first of them.
    ///
    /// # Errors
    /// The store failed, or the account data would be too large.
    pub async fn add_direct_room(
        &self,
        user: &UserId,
        other: &UserId,
        room: &RoomId,
    ) -> Result<(), AccountsError> {
        self.change_contacts(user, DIRECT, |content| {
            let rooms = content.entry(other.as_str()).or_insert_with(|| json!([]));
            match rooms.as_array_mut() {
                Some(rooms) => {
                    rooms.retain(|known| known != room.as_str());
                    rooms.insert(0, room.as_str().into());
                }
                None => *rooms = json!([room]),
            }
        })
        .await
    }

    /// Makes a room no direct room of the user any more.
    ///
    /// # Errors
    /// The store failed.
    pub async fn remove_direct_room(
        &self,
        user: &UserId,
        room: &RoomId,
    ) -> Result<(), AccountsError> {
        self.change_contacts(user, DIRECT, |content| {
            for rooms in content.values_mut().filter_map(Value::as_array_mut) {
                rooms.retain(|known| known != room.as_str());
            }
            content.retain(|_, rooms| rooms.as_array().is_none_or(|rooms| !rooms.is_empty()));
        })
        .await
    }

    /// Makes a user ignore another, or not any more.
    ///
    /// # Errors
    /// The store failed, or the account data would be too large.
    pub async fn set_ignored(
        &self,
        user: &UserId,
        other: &UserId,
        ignored: bool,
    ) -> Result<(), AccountsError> {
        self.change_contacts(user, IGNORED_USERS, |content| {
            let users = content.entry("ignored_users").or_insert_with(|| json!({}));
            if !users.is_object() {
                *users = json!({});
            }
            let Some(users) = users.as_object_mut() else {
                return;
            };
            match ignored {
                true => drop(users.insert(other.to_string(), json!({}))),
                false => drop(users.remove(other.as_str())),
            }
        })
        .await
    }

    /// Makes everybody's invites to a user be refused, or not any more.
    ///
    /// # Errors
    /// The store failed, or the account data would be too large.
    pub async fn set_do_not_disturb(
        &self,
        user: &UserId,
        wanted: bool,
    ) -> Result<(), AccountsError> {
        self.change_contacts(user, INVITES, |content| match wanted {
            true => drop(content.insert("default_action".to_owned(), json!("block"))),
            false => drop(content.remove("default_action")),
        })
        .await
    }

    /// Whether everybody's invites to a user are refused.
    ///
    /// # Errors
    /// The store failed.
    pub async fn do_not_disturb(&self, user: &UserId) -> Result<bool, AccountsError> {
        let content = self.account_data(user, None, INVITES).await?;
        let content = content.map(|content| object(content.get())).unwrap_or_default();
        Ok(content.get("default_action") == Some(&json!("block")))
    }

    /// Changes an object in a user's account data, whatever else changes it meanwhile.
    async fn change_contacts(
        &self,
        user: &UserId,
        kind: &str,
        change: impl Fn(&mut Map<String, Value>) + Sync,
    ) -> Result<(), AccountsError> {
        let change = &change;
        self.decide(|snapshot| async move {
            let mut batch = Batch::new();
            let before = read_account_data(snapshot.as_ref(), user, None, kind).await?;
            let content = before.as_ref().map(|row| object(&row.value)).unwrap_or_default();
            let mut changed = content.clone();
            change(&mut changed);
            if changed != content {
                let json = Value::Object(changed).to_string();
                self.write_account_data(&mut batch, user, None, kind, before.as_ref(), &json)?;
            }
            Ok((batch, ()))
        })
        .await
    }
}

/// What is no object says nothing.
fn object(json: &str) -> Map<String, Value> {
    serde_json::from_str(json).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use ruma::{room_id, user_id};
    use serde_json::value::to_raw_value;

    use super::*;
    use crate::testing::fixture;

    #[tokio::test]
    async fn direct_rooms_are_added_beside_what_clients_wrote() {
        let fixture = fixture();
        let accounts = &fixture.accounts;
        let alice = fixture.user("alice").await;
        let (bob, carol) = (user_id!("@bob:example.org"), user_id!("@carol:example.org"));
        let (first, second) = (room_id!("!a:example.org"), room_id!("!b:example.org"));
        let wild = json!({ bob.as_str(): [first], "nobody": ["x"], carol.as_str(): 7 });
        let wild = to_raw_value(&wild).unwrap();
        accounts.set_account_data(&alice, None, DIRECT, &wild).await.unwrap();
        let (a, b) = tokio::join!(
            accounts.add_direct_room(&alice, carol, second),
            accounts.add_direct_room(&alice, bob, second),
        );
        assert!(a.is_ok() && b.is_ok());
        let rooms = accounts.direct_rooms(&alice).await.unwrap();
        assert_eq!(rooms[first], bob);
        assert_eq!(rooms.len(), 2);
        accounts.remove_direct_room(&alice, second).await.unwrap();
        let rooms = accounts.direct_rooms(&alice).await.unwrap();
        assert_eq!(rooms.into_keys().collect::<Vec<_>>(), [first]);
    }

    #[tokio::test]
    async fn users_are_ignored_and_heard_again() {
        let fixture = fixture();
        let accounts = &fixture.accounts;
        let alice = fixture.user("alice").await;
        let bob = user_id!("@bob:example.org");
        accounts.set_ignored(&alice, bob, true).await.unwrap();
        accounts.set_ignored(&alice, bob, true).await.unwrap();
        assert!(accounts.ignored_users(&alice).await.unwrap().contains(bob));
        accounts.set_ignored(&alice, bob, false).await.unwrap();
        assert!(accounts.ignored_users(&alice).await.unwrap().is_empty());
    }
}
