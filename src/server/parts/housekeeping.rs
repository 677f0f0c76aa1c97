//! What is done now and then, whether anybody asks or not: space is given back.

use std::time::Duration;

use hearth_accounts::Accounts;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// How long lies between two rounds.
const INTERVAL: Duration = Duration::from_secs(10 * 60);

/// Deletes what has expired, until the server ends.
pub(super) async fn keep_house(accounts: Accounts, shutdown: CancellationToken) {
    let mut rounds = interval(INTERVAL);
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while shutdown.run_until_cancelled(rounds.tick()).await.is_some() {
        match accounts.delete_expired().await {
            Ok(deleted) => tracing::debug!(deleted, "expired rows deleted"),
            Err(error) => tracing::warn!(%error, "expired rows stay"),
        }
    }
}
