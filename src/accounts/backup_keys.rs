//! The keys in a key backup: written, read and deleted as a whole, by room, or one session.
//!
//! A key replaces another only if it is better (specification, backup algorithm): verified rather
//! than not, then with the lower first message index, then forwarded less often.

use std::collections::BTreeMap;

use hearth_base::limits::{
    BACKUP_SESSIONS_MAX, ENCRYPTION_KEY_BYTES_MAX, IDENTIFIER_BYTES_MAX, STORE_PAGE_ROWS_MAX,
};
use hearth_store::{Batch, Direction, KeyRange, Snapshot};
use ruma::{
    OwnedRoomId, OwnedUserId, RoomId, UInt, UserId,
    api::client::backup::{KeyBackupData, RoomKeyBackup},
    serde::Raw,
};
use serde::{Deserialize, Serialize, de::IgnoredAny};
use serde_json::value::RawValue;

use crate::{
    Accounts, AccountsError,
    key_backups::{BackupRow, last_version, read_backup},
    tables::{BACKUP_KEYS, BACKUPS},
};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BackupKeyRow {
    is_verified: bool,
    first_message_index: u64,
    forwarded_count: u64,
    json: String,
}

/// What makes one key better than another. `session_data` depends on the algorithm and is the
/// clients' business.
#[derive(Deserialize)]
struct Rank {
    is_verified: bool,
    first_message_index: UInt,
    forwarded_count: UInt,
    #[serde(rename = "session_data")]
    _session_data: IgnoredAny,
}

impl BackupKeyRow {
    fn new(key: &Raw<KeyBackupData>) -> Result<Self, AccountsError> {
        let json = key.json().get();
        if json.len() > ENCRYPTION_KEY_BYTES_MAX {
            return Err(AccountsError::TooLarge("the backed-up key"));
        }
        let rank: Rank = key
            .deserialize_as_unchecked()
            .map_err(|error| AccountsError::BadJson(format!("malformed backup key: {error}")))?;
        Ok(Self {
            is_verified: rank.is_verified,
            first_message_index: rank.first_message_index.into(),
            forwarded_count: rank.forwarded_count.into(),
            json: json.to_owned(),
        })
    }

    fn is_better_than(&self, other: &Self) -> bool {
        let rank = |key: &Self| (!key.is_verified, key.first_message_index, key.forwarded_count);
        rank(self) < rank(other)
    }

    fn into_raw(self) -> Option<Raw<KeyBackupData>> {
        RawValue::from_string(self.json).ok().map(Raw::from_json)
    }
}

/// The state of a backup after a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupState {
    /// Changes with every change of the keys.
    pub etag: String,
    /// Number of keys.
    pub count: u64,
}

impl BackupState {
    fn new(row: &BackupRow) -> Self {
        Self { etag: row.etag.to_string(), count: row.count }
    }
}

impl Accounts {
    /// Adds keys to the present version, where they are better than what is there.
    ///
    /// # Errors
    /// [`AccountsError::WrongBackupVersion`] if `version` is not the present one,
    /// [`AccountsError::NotFound`] if there is no backup, [`AccountsError::BadJson`] for a
    /// malformed key, [`AccountsError::TooLarge`] for too many or too large ones.
    pub async fn put_backup_keys(
        &self,
        user: &UserId,
        version: &str,
        rooms: &BTreeMap<OwnedRoomId, RoomKeyBackup>,
    ) -> Result<BackupState, AccountsError> {
        let mut keys = Vec::new();
        for (room, backup) in rooms {
            for (session, key) in &backup.sessions {
                if keys.len() == BACKUP_SESSIONS_MAX {
                    return Err(AccountsError::TooLarge("the number of keys"));
                }
                if session.len() > IDENTIFIER_BYTES_MAX {
                    return Err(AccountsError::invalid("a session id is too long"));
                }
                keys.push((room.as_ref(), session.as_str(), BackupKeyRow::new(key)?));
            }
        }
        let keys: &[(&RoomId, &str, BackupKeyRow)] = &keys;
        self.decide(|snapshot| async move {
            let snapshot = snapshot.as_ref();
            let current = last_version(snapshot, user, false).await?;
            let (number, before) = current.ok_or(AccountsError::NotFound("key backup"))?;
            if number.to_string() != version {
                let current = Some(number.to_string());
                return Err(AccountsError::WrongBackupVersion { current });
            }
            let mut batch = Batch::new();
            let mut after = before.clone();
            let rows = keys.iter().map(|(room, session, _)| (user, number, *room, *session));
            let known = BACKUP_KEYS.get_many(snapshot, rows).await?;
            for ((room, session, key), known) in keys.iter().zip(known) {
                if known.as_ref().is_none_or(|known| key.is_better_than(known)) {
                    BACKUP_KEYS.put(&mut batch, &(user, number, *room, *session), key)?;
                    after.count += u64::from(known.is_none());
                }
            }
            if !batch.is_empty() {
                after.etag += 1;
                BACKUPS.replace(&mut batch, &(user, number), Some(&before), Some(&after))?;
            }
            Ok((batch, BackupState::new(&after)))
        })
        .await
    }

    /// All keys of a version, or those of a room.
    ///
    /// # Errors
    /// [`AccountsError::NotFound`] if there is no such version.
    pub async fn backup_keys(
        &self,
        user: &UserId,
        version: &str,
        room: Option<&RoomId>,
    ) -> Result<BTreeMap<OwnedRoomId, RoomKeyBackup>, AccountsError> {
        let snapshot = self.snapshot().await?;
        let (version, _) = read_backup(snapshot.as_ref(), user, version).await?;
        let range = range(user, version, room);
        let mut sessions: BTreeMap<OwnedRoomId, BTreeMap<_, _>> = BTreeMap::new();
        for ((_, _, room, session), row) in BACKUP_KEYS.scan_all(snapshot.as_ref(), &range).await? {
            if let Some(key) = row.into_raw() {
                sessions.entry(room).or_default().insert(session, key);
            }
        }
        let backup = |(room, sessions)| (room, RoomKeyBackup::new(sessions));
        Ok(sessions.into_iter().map(backup).collect())
    }

    /// One key of a version; `None` if it has no such key.
    ///
    /// # Errors
    /// [`AccountsError::NotFound`] if there is no such version.
    pub async fn backup_key(
        &self,
        user: &UserId,
        version: &str,
        room: &RoomId,
        session: &str,
    ) -> Result<Option<Raw<KeyBackupData>>, AccountsError> {
        let snapshot = self.snapshot().await?;
        let (version, _) = read_backup(snapshot.as_ref(), user, version).await?;
        let row = BACKUP_KEYS.get(snapshot.as_ref(), &(user, version, room, session)).await?;
        Ok(row.and_then(BackupKeyRow::into_raw))
    }

    /// Deletes all keys of a version, those of a room, or one.
    ///
    /// # Errors
    /// [`AccountsError::NotFound`] if there is no such version.
    pub async fn delete_backup_keys(
        &self,
        user: &UserId,
        version: &str,
        room: Option<&RoomId>,
        session: Option<&str>,
    ) -> Result<BackupState, AccountsError> {
        loop {
            let (state, is_done) = self
                .decide(|snapshot| async move {
                    let snapshot = snapshot.as_ref();
                    let (number, before) = read_backup(snapshot, user, version).await?;
                    let part = (user, number, room, session);
                    let (keys, is_done) = next_deleted(snapshot, part).await?;
                    let mut batch = Batch::new();
                    let mut after = before.clone();
                    for key in &keys {
                        BACKUP_KEYS.delete(&mut batch, key);
                        after.count = after.count.saturating_sub(1);
                    }
                    if !batch.is_empty() {
                        after.etag += 1;
                        let (before, after) = (Some(&before), Some(&after));
                        BACKUPS.replace(&mut batch, &(user, number), before, after)?;
                    }
                    Ok((batch, (BackupState::new(&after), is_done)))
                })
                .await?;
            if is_done {
                return Ok(state);
            }
        }
    }
}

type BackupKey = (OwnedUserId, u64, OwnedRoomId, String);

/// The keys that one batch deletes of a version, a room or a session, and whether none follow.
async fn next_deleted(
    snapshot: &dyn Snapshot,
    (user, version, room, session): (&UserId, u64, Option<&RoomId>, Option<&str>),
) -> Result<(Vec<BackupKey>, bool), AccountsError> {
    if let (Some(room), Some(session)) = (room, session) {
        let row = BACKUP_KEYS.get(snapshot, &(user, version, room, session)).await?;
        let key = (user.to_owned(), version, room.to_owned(), session.to_owned());
        return Ok((row.map(|_| key).into_iter().collect(), true));
    }
    let (range, limit) = (range(user, version, room), STORE_PAGE_ROWS_MAX);
    let rows = BACKUP_KEYS.scan(snapshot, &range, Direction::Forward, limit).await?;
    let is_done = rows.len() < limit;
    Ok((rows.into_iter().map(|(key, _)| key).collect(), is_done))
}

fn range(user: &UserId, version: u64, room: Option<&RoomId>) -> KeyRange {
    match room {
        Some(room) => BACKUP_KEYS.prefix(&(user, version, room)),
        None => BACKUP_KEYS.prefix(&(user, version)),
    }
}

#[cfg(test)]
mod tests {
    use ruma::{api::client::backup::BackupAlgorithm, room_id};
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::{Fixture, fixture, raw};

    fn algorithm(public_key: &str) -> Raw<BackupAlgorithm> {
        let auth_data = json!({ "public_key": public_key, "signatures": {} });
        raw(&json!({
            "algorithm": "m.megolm_backup.v1.curve25519-aes-sha2", "auth_data": auth_data,
        }))
    }

    fn key(is_verified: bool, first_message_index: u32, forwarded_count: u32) -> Value {
        json!({
            "is_verified": is_verified,
            "first_message_index": first_message_index,
            "forwarded_count": forwarded_count,
            "session_data": { "ephemeral": "eHh4", "ciphertext": "eHh4", "mac": "eHh4" },
        })
    }

    async fn put(
        fixture: &Fixture,
        user: &UserId,
        version: &str,
        sessions: &[(&str, Value)],
    ) -> Result<BackupState, AccountsError> {
        let sessions = sessions.iter().map(|(id, key)| ((*id).to_owned(), raw(key))).collect();
        let room = room_id!("!r:example.org").to_owned();
        let rooms = BTreeMap::from([(room, RoomKeyBackup::new(sessions))]);
        fixture.accounts.put_backup_keys(user, version, &rooms).await
    }

    #[tokio::test]
    async fn a_key_is_replaced_by_a_better_one_only() {
        let fixture = fixture();
        let alice = fixture.user("alice").await;
        let accounts = &fixture.accounts;
        let version = accounts.create_backup_version(&alice, &algorithm("eHh4")).await.unwrap();
        let room = room_id!("!r:example.org");
        let steps = [
            (key(false, 5, 5), true),
            (key(false, 5, 5), false),
            (key(false, 6, 0), false),
            (key(false, 5, 4), true),
            (key(false, 4, 9), true),
            (key(true, 9, 9), true),
            (key(false, 0, 0), false),
            (key(true, 8, 9), true),
        ];
        let mut kept = Value::Null;
        for (step, is_taken) in steps {
            let before = accounts.backup_version(&alice, &version).await.unwrap().unwrap();
            let state = put(&fixture, &alice, &version, &[("s", step.clone())]).await.unwrap();
            assert_eq!(state.count, 1);
            assert_eq!(state.etag != before.etag, is_taken, "{step}");
            if is_taken {
                kept = step;
            }
            let stored = accounts.backup_key(&alice, &version, room, "s").await.unwrap().unwrap();
            assert_eq!(serde_json::to_value(stored).unwrap(), kept);
        }
    }

    #[tokio::test]
    async fn what_is_in_the_session_data_is_up_to_the_clients() {
        let fixture = fixture();
        let alice = fixture.user("alice").await;
        let version =
            fixture.accounts.create_backup_version(&alice, &algorithm("eHh4")).await.unwrap();
        let mut strange = key(false, 0, 0);
        strange["session_data"] = json!({ "a": "b" });
        let keys = [("s", strange.clone())];
        let state = put(&fixture, &alice, &version, &keys).await.unwrap();
        assert_eq!(state.count, 1);
        strange.as_object_mut().unwrap().remove("session_data");
        let refused = put(&fixture, &alice, &version, &[("t", strange)]).await;
        assert!(matches!(refused, Err(AccountsError::BadJson(_))));
    }

    #[tokio::test]
    async fn keys_are_read_and_deleted_at_three_levels() {
        let fixture = fixture();
        let alice = fixture.user("alice").await;
        let accounts = &fixture.accounts;
        let room = room_id!("!r:example.org");
        let version = accounts.create_backup_version(&alice, &algorithm("eHh4")).await.unwrap();
        let keys = ["a", "b", "c"].map(|id| (id, key(false, 0, 0)));
        assert_eq!(put(&fixture, &alice, &version, &keys).await.unwrap().count, 3);
        let all = accounts.backup_keys(&alice, &version, None).await.unwrap();
        assert_eq!(all[room].sessions.len(), 3);
        let other = room_id!("!o:example.org");
        assert!(accounts.backup_keys(&alice, &version, Some(other)).await.unwrap().is_empty());
        let delete = async |room: Option<&RoomId>, session: Option<&str>| {
            accounts.delete_backup_keys(&alice, &version, room, session).await.unwrap().count
        };
        assert_eq!(delete(Some(room), Some("a")).await, 2);
        assert_eq!(delete(Some(room), Some("a")).await, 2);
        assert_eq!(delete(Some(other), None).await, 2);
        assert_eq!(delete(Some(room), None).await, 0);
        assert_eq!(delete(None, None).await, 0);
        assert!(accounts.backup_key(&alice, &version, room, "b").await.unwrap().is_none());
    }

    #[tokio::test]
    async fn only_the_present_version_takes_keys_and_none_comes_twice() {
        let fixture = fixture();
        let alice = fixture.user("alice").await;
        let accounts = &fixture.accounts;
        let keys = [("s", key(false, 0, 0))];
        assert!(matches!(put(&fixture, &alice, "1", &keys).await, Err(AccountsError::NotFound(_))));
        let create =
            || async { accounts.create_backup_version(&alice, &algorithm("eHh4")).await.unwrap() };
        let (first, second) = (create().await, create().await);
        let refused = put(&fixture, &alice, &first, &keys).await;
        let Err(AccountsError::WrongBackupVersion { current }) = refused else { panic!("taken") };
        assert_eq!(current.as_ref(), Some(&second));
        put(&fixture, &alice, &second, &keys).await.unwrap();
        accounts.delete_backup_version(&alice, &second).await.unwrap();
        assert!(accounts.backup_keys(&alice, &second, None).await.is_err());
        let latest = accounts.latest_backup_version(&alice).await.unwrap().unwrap();
        assert_eq!(latest.version, first);
        assert_ne!(create().await, second);
    }

    #[tokio::test]
    async fn the_algorithm_of_a_version_stays() {
        let fixture = fixture();
        let alice = fixture.user("alice").await;
        let accounts = &fixture.accounts;
        let version = accounts.create_backup_version(&alice, &algorithm("eHh4")).await.unwrap();
        accounts.update_backup_version(&alice, &version, &algorithm("eXl5")).await.unwrap();
        let other = raw(&json!({ "algorithm": "org.example", "auth_data": {} }));
        let refused = accounts.update_backup_version(&alice, &version, &other).await;
        assert!(matches!(refused, Err(AccountsError::Invalid(_))));
        let unknown = accounts.update_backup_version(&alice, "01", &other).await;
        assert!(matches!(unknown, Err(AccountsError::NotFound(_))));
    }
}
