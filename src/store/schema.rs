//! The version of what is stored, and the ordered steps from one version to the next.

use std::{future::Future, pin::Pin};

use crate::{Batch, CommitError, Keyspace, Store, StoreError, Table};

/// Always key `()`-like: one row that holds the version.
const VERSION: Table<(u8,), u32> = Table::new(Keyspace::Meta, 3, 1);

/// What this version of Hearth writes.
pub const SCHEMA_VERSION: u32 = 1;

/// What a step of a migration is doing.
pub type Migrating = Pin<Box<dyn Future<Output = Result<(), StoreError>> + Send>>;

/// One step: it turns data of version `from` into version `from + 1`, and may be interrupted and
/// run again.
pub struct Migration {
    /// The version it starts from.
    pub from: u32,
    /// What it does.
    pub run: fn(Store) -> Migrating,
}

/// Brings a store to version `to` through `migrations`, each at most once; an empty store starts
/// at `to`.
///
/// # Errors
/// [`StoreError::NewerSchema`] if the store is from a newer version; otherwise what a step failed
/// with.
pub async fn migrate(store: &Store, to: u32, migrations: &[Migration]) -> Result<u32, StoreError> {
    let snapshot = store.snapshot().await?;
    let Some(mut version) = VERSION.get(snapshot.as_ref(), &(0,)).await? else {
        write(store, to).await?;
        return Ok(to);
    };
    if version > to {
        return Err(StoreError::NewerSchema { found: version, known: to });
    }
    while version < to {
        let step = migrations.iter().find(|step| step.from == version).ok_or_else(|| {
            StoreError::corrupt(Keyspace::Meta, format!("no migration from version {version}"))
        })?;
        (step.run)(store.clone()).await?;
        version += 1;
        write(store, version).await?;
        tracing::info!(version, "migrated the store");
    }
    Ok(version)
}

async fn write(store: &Store, version: u32) -> Result<(), StoreError> {
    let mut batch = Batch::new();
    VERSION.put(&mut batch, &(0,), &version)?;
    match store.commit(batch).await {
        Ok(_) => Ok(()),
        Err(CommitError::Store(error)) => Err(error),
        Err(conflict) => Err(StoreError::corrupt(Keyspace::Meta, conflict)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryEngine;

    const NOTES: Table<(u32,), u32> = Table::new(Keyspace::Meta, 250, 1);

    fn note(store: Store, step: u32) -> Migrating {
        Box::pin(async move {
            let mut batch = Batch::new();
            NOTES.put(&mut batch, &(step,), &step)?;
            store.commit(batch).await.map(drop).map_err(|_| StoreError::Closed)
        })
    }

    #[tokio::test]
    async fn steps_run_in_order_and_once() {
        let store = Store::new(MemoryEngine::new());
        assert_eq!(migrate(&store, 1, &[]).await.unwrap(), 1);
        let steps = [
            Migration { from: 2, run: |store| note(store, 2) },
            Migration { from: 1, run: |store| note(store, 1) },
        ];
        assert_eq!(migrate(&store, 3, &steps).await.unwrap(), 3);
        assert_eq!(migrate(&store, 3, &[]).await.unwrap(), 3);
        let snapshot = store.snapshot().await.unwrap();
        assert_eq!(NOTES.scan_all(snapshot.as_ref(), &NOTES.all()).await.unwrap().len(), 2);
    }

    #[tokio::test]
    async fn a_newer_store_and_a_gap_are_refused() {
        let store = Store::new(MemoryEngine::new());
        migrate(&store, 5, &[]).await.unwrap();
        let newer = migrate(&store, 4, &[]).await.unwrap_err();
        assert!(matches!(newer, StoreError::NewerSchema { found: 5, known: 4 }));
        assert!(migrate(&store, 6, &[]).await.is_err());
    }
}
