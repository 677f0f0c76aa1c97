//! What connections of sliding sync (MSC4186) were told, for the sync crate to know after a
//! restart; here it is only bytes.
//!
//! A connection has several versions: the one that its client has by its last request, and those
//! of answers that the client may or may not have got. Versions of one connection only grow.

use std::collections::BTreeMap;

use hearth_store::{Batch, CommitError};
use ruma::{DeviceId, UserId};

use crate::{Accounts, AccountsError, tables::SYNC_CONNECTIONS};

/// Most connections of a device; a new one ends the one that changed longest ago.
const CONNECTIONS_MAX: usize = 16;
/// Most versions of a connection that are kept; a new one ends the oldest.
const VERSIONS_MAX: usize = 4;

impl Accounts {
    /// The versions of a connection, the oldest first.
    ///
    /// # Errors
    /// The store failed.
    pub async fn sync_connection(
        &self,
        user: &UserId,
        device: &DeviceId,
        connection: &str,
    ) -> Result<Vec<(u64, Vec<u8>)>, AccountsError> {
        let snapshot = self.snapshot().await?;
        let range = SYNC_CONNECTIONS.prefix(&(user, device, connection));
        let rows = SYNC_CONNECTIONS.scan_all(snapshot.as_ref(), &range).await?;
        Ok(rows.into_iter().map(|((_, _, _, version), told)| (version, told)).collect())
    }

    /// Adds a version to a connection, and forgets those before `acknowledged`.
    ///
    /// # Errors
    /// The store failed.
    pub async fn put_sync_connection(
        &self,
        user: &UserId,
        device: &DeviceId,
        connection: &str,
        version: u64,
        acknowledged: u64,
        told: &Vec<u8>,
    ) -> Result<(), AccountsError> {
        let mut batch = Batch::new();
        let known = self.sync_connection(user, device, connection).await?;
        let newest = known.len().saturating_sub(VERSIONS_MAX - 1);
        for (at, (old, _)) in known.iter().enumerate() {
            if *old < acknowledged || at < newest {
                SYNC_CONNECTIONS.delete(&mut batch, &(user, device, connection, *old));
            }
        }
        if known.is_empty() {
            self.end_oldest_connections(&mut batch, user, device).await?;
        }
        SYNC_CONNECTIONS.put(&mut batch, &(user, device, connection, version), told)?;
        self.commit_connections(batch).await
    }

    /// Ends all connections of a device.
    pub(crate) async fn delete_sync_connections(
        &self,
        user: &UserId,
        device: &DeviceId,
    ) -> Result<(), AccountsError> {
        let snapshot = self.snapshot().await?;
        let range = SYNC_CONNECTIONS.prefix(&(user, device));
        let mut batch = Batch::new();
        for (key, _) in SYNC_CONNECTIONS.scan_all(snapshot.as_ref(), &range).await? {
            SYNC_CONNECTIONS.delete(&mut batch, &key);
        }
        self.commit_connections(batch).await
    }

    async fn end_oldest_connections(
        &self,
        batch: &mut Batch,
        user: &UserId,
        device: &DeviceId,
    ) -> Result<(), AccountsError> {
        let snapshot = self.snapshot().await?;
        let range = SYNC_CONNECTIONS.prefix(&(user, device));
        let mut connections = BTreeMap::<String, Vec<u64>>::new();
        for ((_, _, name, version), _) in
            SYNC_CONNECTIONS.scan_all(snapshot.as_ref(), &range).await?
        {
            connections.entry(name).or_default().push(version);
        }
        let mut by_age: Vec<_> = connections.into_iter().collect();
        by_age.sort_by_key(|(_, versions)| versions.iter().max().copied());
        let spare = (by_age.len() + 1).saturating_sub(CONNECTIONS_MAX);
        for (name, versions) in by_age.into_iter().take(spare) {
            for version in versions {
                SYNC_CONNECTIONS.delete(batch, &(user, device, name.as_str(), version));
            }
        }
        Ok(())
    }

    async fn commit_connections(&self, batch: Batch) -> Result<(), AccountsError> {
        if batch.is_empty() {
            return Ok(());
        }
        match self.0.store.commit(batch).await {
            // Another request of the same connection was faster; its client has no use for both.
            Ok(_) | Err(CommitError::Conflict { .. }) => Ok(()),
            Err(CommitError::Store(error)) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::fixture;

    #[tokio::test]
    async fn versions_and_connections_are_bounded_and_end_with_their_device() {
        let fixture = fixture();
        let alice = fixture.user("alice").await;
        fixture.session(&alice, "A").await;
        let accounts = &fixture.accounts;
        let put = |name: &'static str, version, acknowledged| {
            let (accounts, alice) = (accounts.clone(), alice.clone());
            async move {
                let told = vec![7];
                accounts
                    .put_sync_connection(&alice, "A".into(), name, version, acknowledged, &told)
                    .await
                    .unwrap();
            }
        };
        let versions = async |name: &str| {
            let rows = accounts.sync_connection(&alice, "A".into(), name).await.unwrap();
            rows.into_iter().map(|(version, _)| version).collect::<Vec<_>>()
        };
        for version in 1..=6 {
            put("main", version, 0).await;
        }
        assert_eq!(versions("main").await, [3, 4, 5, 6]);
        put("main", 7, 6).await;
        assert_eq!(versions("main").await, [6, 7]);
        let names =
            ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p"];
        for (version, name) in (10..).zip(names) {
            put(name, version, 0).await;
        }
        assert_eq!(versions("main").await, [0; 0]);
        assert_eq!(versions("a").await, [10]);
        accounts.delete_devices(&alice, &["A".into()]).await.unwrap();
        assert_eq!(versions("p").await, [0; 0]);
    }
}
