//! Rooms, as the settings want them.

use std::time::Duration;

use hearth_base::{Clock, Random};
use hearth_rooms::{Retention, Rooms};
use hearth_statemap::StateHasher;
use hearth_store::Store;
use tokio_util::task::TaskTracker;

use crate::{
    config::{self, Settings},
    data_dir::DataDir,
    wiring::WiringError,
};

/// How many bytes of parsed events are kept in memory.
const EVENT_CACHE_BYTES: u64 = 12 * 1024 * 1024;
/// How many nodes of room state are kept in memory, about 300 bytes each.
const STATE_CACHE_NODES: u64 = 20_000;

/// The rooms in a store.
///
/// # Errors
/// The data directory has no usable signing key.
pub fn open_rooms(
    settings: &Settings,
    data_dir: &DataDir,
    store: &Store,
    clock: &Clock,
    random: &Random,
    tasks: &TaskTracker,
) -> Result<Rooms, WiringError> {
    let rooms = hearth_rooms::Settings {
        server_name: settings.server_name.clone(),
        default_version: settings.rooms.default_version.clone(),
        event_cache_bytes: EVENT_CACHE_BYTES,
        state_cache_nodes: STATE_CACHE_NODES,
    };
    Ok(Rooms::new(
        store.clone(),
        rooms,
        clock.clone(),
        random.clone(),
        data_dir.signing_key()?,
        StateHasher::new(*data_dir.state_secret()),
        tasks.clone(),
    ))
}

/// How long messages are kept; `None` if all are.
pub fn retention(settings: &Settings) -> Option<Retention> {
    let config::Retention {
        enabled,
        interval_ms,
        default_max_lifetime_ms,
        lowest_max_lifetime_ms,
        highest_max_lifetime_ms,
    } = settings.retention;
    enabled.then(|| Retention {
        interval: Duration::from_millis(interval_ms.max(1)),
        default_max_lifetime_ms,
        lowest_max_lifetime_ms,
        highest_max_lifetime_ms,
    })
}
