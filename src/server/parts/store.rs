//! The store of a data directory.

use hearth_store::{SCHEMA_VERSION, Store, migrate};
use hearth_store_rocks::RocksEngine;

use crate::{config::Settings, data_dir::DataDir, wiring::WiringError};

/// How many bytes of new rows are kept in memory before they become files.
const WRITE_BUFFER_BYTES: usize = 16 * 1024 * 1024;

/// The store of a data directory, in the present schema.
///
/// # Errors
/// See [`WiringError`].
pub async fn open_store(settings: &Settings, data_dir: &DataDir) -> Result<Store, WiringError> {
    let (path, cache_bytes) = (data_dir.store(), settings.store.cache_bytes);
    let opened = tokio::task::spawn_blocking(move || {
        let write_buffer_bytes = WRITE_BUFFER_BYTES;
        RocksEngine::open(path, hearth_store_rocks::Settings { cache_bytes, write_buffer_bytes })
    });
    let engine = opened.await.map_err(|_| WiringError::Interrupted)??;
    let store = Store::new(engine);
    migrate(&store, SCHEMA_VERSION, &[]).await?;
    Ok(store)
}
