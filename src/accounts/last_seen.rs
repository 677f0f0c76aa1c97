//! When and from where a device was used last.
//!
//! Written in the background, at most once a few minutes for each device: no request waits for it,
//! and losing the last one in a crash harms nobody.

use std::{net::IpAddr, time::Duration};

use hearth_base::limits::SESSION_CACHE_ENTRIES_MAX;
use hearth_store::{Batch, CommitError, StoreError};
use moka::sync::Cache;
use ruma::{DeviceId, OwnedDeviceId, OwnedUserId, UserId};
use serde::{Deserialize, Serialize};

use crate::{Accounts, Authenticated, tables::LAST_SEEN};

/// The shortest time between two writes for one device.
const WRITE_INTERVAL: Duration = Duration::from_secs(3 * 60);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LastSeenRow {
    pub(crate) at_ms: u64,
    pub(crate) ip: String,
}

/// What was noted last of each device, which may be on its way to the store.
pub(crate) struct LastSeen(Cache<(OwnedUserId, OwnedDeviceId), LastSeenRow>);

impl LastSeen {
    pub(crate) fn new() -> Self {
        Self(Cache::new(SESSION_CACHE_ENTRIES_MAX))
    }

    /// What was noted of a device, unless that is long ago.
    pub(crate) fn recent(&self, user: &UserId, device: &DeviceId) -> Option<LastSeenRow> {
        self.0.get(&(user.to_owned(), device.to_owned()))
    }
}

impl Accounts {
    /// Notes that a device was used just now. Returns at once.
    pub fn seen(&self, who: &Authenticated, ip: IpAddr) {
        let Some(device) = &who.device else { return };
        let key = (who.user.clone(), device.clone());
        let at_ms = self.0.clock.now_ms();
        let interval_ms = WRITE_INTERVAL.as_secs() * 1_000;
        let last = self.0.last_seen.0.get(&key);
        if last.is_some_and(|last| at_ms < last.at_ms.saturating_add(interval_ms)) {
            return;
        }
        let row = LastSeenRow { at_ms, ip: ip.to_string() };
        self.0.last_seen.0.insert(key.clone(), row.clone());
        let accounts = self.clone();
        tokio::spawn(async move {
            if let Err(error) = accounts.write_seen(&key, &row).await {
                tracing::debug!(%error, "a device's last use was not noted");
            }
        });
    }

    async fn write_seen(
        &self,
        (user, device): &(OwnedUserId, OwnedDeviceId),
        row: &LastSeenRow,
    ) -> Result<(), StoreError> {
        let mut batch = Batch::new();
        LAST_SEEN.put(&mut batch, &(user.clone(), device.clone()), row)?;
        match self.0.store.commit(batch).await {
            Ok(_) | Err(CommitError::Conflict { .. }) => Ok(()),
            Err(CommitError::Store(error)) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Authentication, testing::fixture};

    #[tokio::test]
    async fn writes_are_coalesced() {
        let fixture = fixture();
        let alice = fixture.user("alice").await;
        let session = fixture.session(&alice, "A").await;
        let accounts = &fixture.accounts;
        let Authentication::Valid(who) =
            accounts.authenticate(&session.access_token).await.unwrap()
        else {
            panic!("not valid");
        };
        let seen =
            || async { accounts.device(&alice, "A".into()).await.unwrap().unwrap().last_seen_ip };
        accounts.seen(&who, [10, 0, 0, 1].into());
        while seen().await.is_none() {
            tokio::task::yield_now().await;
        }
        accounts.seen(&who, [10, 0, 0, 2].into());
        assert_eq!(seen().await.as_deref(), Some("10.0.0.1"));
        fixture.clock.advance(WRITE_INTERVAL);
        accounts.seen(&who, [10, 0, 0, 3].into());
        while seen().await.as_deref() != Some("10.0.0.3") {
            tokio::task::yield_now().await;
        }
    }
}
