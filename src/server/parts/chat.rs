//! What chat users have beyond Matrix.

use hearth_accounts::Accounts;
use hearth_base::{Clock, Random};
use hearth_bus::Bus;
use hearth_chat::{Chat, Lower};
use hearth_rooms::Rooms;
use hearth_store::Store;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Starts notifying people, and ending what ends by itself.
pub(super) fn open_chat(
    (store, accounts, rooms, bus): (&Store, &Accounts, &Rooms, &Bus),
    clock: &Clock,
    random: &Random,
    tasks: &TaskTracker,
    shutdown: &CancellationToken,
) -> Chat {
    let lower = Lower {
        store: store.clone(),
        accounts: accounts.clone(),
        rooms: rooms.clone(),
        bus: bus.clone(),
        clock: clock.clone(),
        random: random.clone(),
    };
    Chat::new(lower, tasks, shutdown)
}
