//! Versions of a user's key backup.
//!
//! A version's number never comes twice: deleted versions leave a mark.

use std::collections::BTreeMap;

use hearth_store::{Batch, Direction, Snapshot};
use ruma::{UserId, api::client::backup::BackupAlgorithm, serde::Raw};
use serde::{Deserialize, Serialize, de::IgnoredAny};
use serde_json::value::RawValue;

use crate::{
    Accounts, AccountsError,
    tables::{BACKUP_KEYS, BACKUPS},
};

/// Keys deleted by one batch.
const DELETED_IN_A_BATCH: usize = 1_000;
/// Largest algorithm with its data in bytes.
const ALGORITHM_BYTES_MAX: usize = 65_536;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BackupRow {
    /// JSON with `algorithm` and `auth_data`.
    pub(crate) algorithm: String,
    /// Grows with every change of the keys.
    pub(crate) etag: u64,
    /// Number of keys.
    pub(crate) count: u64,
    pub(crate) is_deleted: bool,
}

/// A version of a key backup.
#[derive(Clone, Debug)]
pub struct BackupVersion {
    /// Its name.
    pub version: String,
    /// The algorithm and its data.
    pub algorithm: Raw<BackupAlgorithm>,
    /// Changes with every change of the keys.
    pub etag: String,
    /// Number of keys.
    pub count: u64,
}

impl BackupVersion {
    fn new(version: u64, row: BackupRow) -> Option<Self> {
        let algorithm = Raw::from_json(RawValue::from_string(row.algorithm).ok()?);
        let (version, etag) = (version.to_string(), row.etag.to_string());
        (!row.is_deleted).then_some(Self { version, algorithm, etag, count: row.count })
    }
}

impl Accounts {
    /// Begins a new version of the backup, and returns its name.
    ///
    /// # Errors
    /// [`AccountsError::Invalid`] if the algorithm is malformed, [`AccountsError::TooLarge`].
    pub async fn create_backup_version(
        &self,
        user: &UserId,
        algorithm: &Raw<BackupAlgorithm>,
    ) -> Result<String, AccountsError> {
        algorithm_name(algorithm)?;
        let row = &BackupRow {
            algorithm: algorithm.json().get().to_owned(),
            etag: 0,
            count: 0,
            is_deleted: false,
        };
        let version = self
            .decide(|snapshot| async move {
                let last = last_version(snapshot.as_ref(), user, true).await?;
                let version = last.map_or(1, |(version, _)| version + 1);
                let mut batch = Batch::new();
                BACKUPS.insert(&mut batch, &(user, version), row)?;
                Ok((batch, version))
            })
            .await?;
        Ok(version.to_string())
    }

    /// The present version of the backup.
    ///
    /// # Errors
    /// The store failed.
    pub async fn latest_backup_version(
        &self,
        user: &UserId,
    ) -> Result<Option<BackupVersion>, AccountsError> {
        let snapshot = self.snapshot().await?;
        let last = last_version(snapshot.as_ref(), user, false).await?;
        Ok(last.and_then(|(version, row)| BackupVersion::new(version, row)))
    }

    /// One version of the backup.
    ///
    /// # Errors
    /// The store failed.
    pub async fn backup_version(
        &self,
        user: &UserId,
        version: &str,
    ) -> Result<Option<BackupVersion>, AccountsError> {
        let Some(version) = parse_version(version) else {
            return Ok(None);
        };
        let snapshot = self.snapshot().await?;
        let row = BACKUPS.get(snapshot.as_ref(), &(user, version)).await?;
        Ok(row.and_then(|row| BackupVersion::new(version, row)))
    }

    /// Changes the data of a version's algorithm, for example its signatures.
    ///
    /// # Errors
    /// [`AccountsError::NotFound`], or [`AccountsError::Invalid`] if the algorithm is another.
    pub async fn update_backup_version(
        &self,
        user: &UserId,
        version: &str,
        algorithm: &Raw<BackupAlgorithm>,
    ) -> Result<(), AccountsError> {
        let name = &algorithm_name(algorithm)?;
        self.decide(|snapshot| async move {
            let (version, before) = read_backup(snapshot.as_ref(), user, version).await?;
            let stored = RawValue::from_string(before.algorithm.clone()).map(Raw::from_json);
            if stored.is_ok_and(|stored| algorithm_name(&stored).is_ok_and(|old| old != *name)) {
                return Err(AccountsError::invalid("the algorithm cannot be changed"));
            }
            let after =
                BackupRow { algorithm: algorithm.json().get().to_owned(), ..before.clone() };
            let mut batch = Batch::new();
            BACKUPS.replace(&mut batch, &(user, version), Some(&before), Some(&after))?;
            Ok((batch, ()))
        })
        .await
    }

    /// Deletes a version with its keys.
    ///
    /// # Errors
    /// [`AccountsError::NotFound`].
    pub async fn delete_backup_version(
        &self,
        user: &UserId,
        version: &str,
    ) -> Result<(), AccountsError> {
        let version = self
            .decide(|snapshot| async move {
                let (version, before) = read_backup(snapshot.as_ref(), user, version).await?;
                let after = BackupRow { is_deleted: true, count: 0, ..before.clone() };
                let mut batch = Batch::new();
                BACKUPS.replace(&mut batch, &(user, version), Some(&before), Some(&after))?;
                Ok((batch, version))
            })
            .await?;
        let range = &BACKUP_KEYS.prefix(&(user, version));
        loop {
            let deleted = self
                .decide(|snapshot| async move {
                    let limit = DELETED_IN_A_BATCH;
                    let snapshot = snapshot.as_ref();
                    let rows = BACKUP_KEYS.scan(snapshot, range, Direction::Forward, limit).await?;
                    let mut batch = Batch::new();
                    for (key, _) in &rows {
                        BACKUP_KEYS.delete(&mut batch, key);
                    }
                    Ok((batch, rows.len()))
                })
                .await?;
            if deleted < DELETED_IN_A_BATCH {
                return Ok(());
            }
        }
    }
}

fn parse_version(version: &str) -> Option<u64> {
    // "01" is not the name of version 1.
    version.parse().ok().filter(|number: &u64| number.to_string() == version)
}

/// A version that is not deleted.
pub(crate) async fn read_backup(
    snapshot: &dyn Snapshot,
    user: &UserId,
    version: &str,
) -> Result<(u64, BackupRow), AccountsError> {
    let missing = || AccountsError::NotFound("key backup");
    let version = parse_version(version).ok_or_else(missing)?;
    let row = BACKUPS.get(snapshot, &(user, version)).await?;
    let row = row.filter(|row| !row.is_deleted).ok_or_else(missing)?;
    Ok((version, row))
}

/// The last version; on request also if it is deleted.
pub(crate) async fn last_version(
    snapshot: &dyn Snapshot,
    user: &UserId,
    with_deleted: bool,
) -> Result<Option<(u64, BackupRow)>, AccountsError> {
    // Users make few versions, and the last one is nearly always the one.
    let range = BACKUPS.prefix(&(user,));
    let rows = BACKUPS.scan(snapshot, &range, Direction::Backward, usize::MAX).await?;
    let mut rows = rows.into_iter().filter(|(_, row)| with_deleted || !row.is_deleted);
    Ok(rows.next().map(|((_, version), row)| (version, row)))
}

/// What the server knows of an algorithm: the data is the clients' business.
#[derive(Deserialize)]
struct Algorithm {
    algorithm: String,
    #[serde(rename = "auth_data")]
    _auth_data: BTreeMap<String, IgnoredAny>,
}

fn algorithm_name(algorithm: &Raw<BackupAlgorithm>) -> Result<String, AccountsError> {
    if algorithm.json().get().len() > ALGORITHM_BYTES_MAX {
        return Err(AccountsError::TooLarge("the data of the algorithm"));
    }
    let parsed = algorithm.deserialize_as_unchecked::<Algorithm>();
    parsed
        .map(|parsed| parsed.algorithm)
        .map_err(|error| AccountsError::invalid(format!("malformed backup algorithm: {error}")))
}
