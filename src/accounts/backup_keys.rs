//! The keys in a key backup: written, read and deleted as a whole, by room, or one session.
//!
//! A key replaces another only if it is better (specification, backup algorithm): verified rather
//! than not, then with the lower first message index, then forwarded less often.

use std::collections::BTreeMap;

use hearth_base::limits::{BACKUP_SESSIONS_MAX, ENCRYPTION_KEY_BYTES_MAX, IDENTIFIER_BYTES_MAX};
use hearth_store::{Batch, KeyRange};
use ruma::{
    OwnedRoomId, RoomId, UserId,
    api::client::backup::{KeyBackupData, RoomKeyBackup},
    serde::Raw,
};
use serde::{Deserialize, Serialize};
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

impl BackupKeyRow {
    fn new(key: &Raw<KeyBackupData>) -> Result<Self, AccountsError> {
        let json = key.json().get();
        if json.len() > ENCRYPTION_KEY_BYTES_MAX {
            return Err(AccountsError::TooLarge("the backed-up key"));
        }
        let data = key
            .deserialize()
            .map_err(|error| AccountsError::invalid(format!("malformed backup key: {error}")))?;
        Ok(Self {
            is_verified: data.is_verified,
            first_message_index: data.first_message_index.into(),
            forwarded_count: data.forwarded_count.into(),
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
    /// [`AccountsError::NotFound`] if there is no backup, [`AccountsError::Invalid`] for a
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
        for ((_, _, room, session), row) in
            BACKUP_KEYS.scan_all(snapshot.as_ref(), &range).await?
        {
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
                    let range = range(user, number, room);
                    let direction = hearth_store::Direction::Forward;
                    let limit = BACKUP_SESSIONS_MAX;
                    let rows = BACKUP_KEYS.scan(snapshot, &range, direction, limit).await?;
                    let is_done = rows.is_empty() || session.is_some();
                    let rows = match (room, session) {
                        (Some(room), Some(session)) => {
                            let key = (user, number, room, session);
                            let row = BACKUP_KEYS.get(snapshot, &key).await?;
                            let owned = (user.to_owned(), number, room.to_owned(), session.to_owned());
                            row.map(|row| (owned, row)).into_iter().collect()
                        }
                        _ => rows,
                    };
                    let mut batch = Batch::new();
                    let mut after = before.clone();
                    for (key, _) in &rows {
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

fn range(user: &UserId, version: u64, room: Option<&RoomId>) -> KeyRange {
    match room {
        Some(room) => BACKUP_KEYS.prefix(&(user, version, room)),
        None => BACKUP_KEYS.prefix(&(user, version)),
    }
}

