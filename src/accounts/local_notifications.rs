//! Notification settings of one device (MSC3890): account data that goes when the device goes.

use hearth_store::{Batch, Snapshot};
use ruma::{DeviceId, UserId};

use crate::{
    Accounts, AccountsError,
    account_data::{DELETED, read_account_data},
};

/// The types that clients give this account data, with the device after a dot.
const KINDS: [&str; 2] =
    ["org.matrix.msc3890.local_notification_settings", "m.local_notification_settings"];

impl Accounts {
    /// Deletes what a device kept for itself.
    pub(crate) async fn delete_local_notification_settings(
        &self,
        snapshot: &dyn Snapshot,
        batch: &mut Batch,
        user: &UserId,
        device: &DeviceId,
    ) -> Result<(), AccountsError> {
        for kind in KINDS {
            let kind = format!("{kind}.{device}");
            let row = read_account_data(snapshot, user, None, &kind).await?;
            if let Some(row) = row.filter(|row| row.value != DELETED) {
                self.write_account_data(batch, user, None, &kind, Some(&row), DELETED)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{json, value::to_raw_value};

    use crate::testing::fixture;

    #[tokio::test]
    async fn the_settings_of_a_device_go_with_it() {
        let fixture = fixture();
        let alice = fixture.user("alice").await;
        let accounts = &fixture.accounts;
        let kind = |device| format!("org.matrix.msc3890.local_notification_settings.{device}");
        let content = to_raw_value(&json!({ "is_silenced": true })).unwrap();
        for device in ["A", "B"] {
            fixture.session(&alice, device).await;
            accounts.set_account_data(&alice, None, &kind(device), &content).await.unwrap();
        }
        accounts.delete_devices(&alice, &["A".into()]).await.unwrap();
        assert!(accounts.account_data(&alice, None, &kind("A")).await.unwrap().is_none());
        assert!(accounts.account_data(&alice, None, &kind("B")).await.unwrap().is_some());
    }
}
