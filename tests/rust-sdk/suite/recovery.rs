//! A key backup is made, and restored on a device that was not there.

use anyhow::{Context, Result};
use hearth_rust_sdk::Person;
use matrix_sdk::RoomState;

use crate::unique;

#[tokio::test(flavor = "multi_thread")]
async fn a_new_device_reads_old_messages_with_the_recovery_key() -> Result<()> {
    let alice = Person::register(&unique("alice")).await?;
    let room = alice.create_room("Diary", &[], true).await?;
    let entry = alice.say(&room, "Dear diary").await?;
    let recovery = alice.client.encryption().recovery();
    let key = recovery.enable().wait_for_backups_to_upload().await.context("enable")?;
    assert!(alice.client.encryption().backups().are_enabled().await);

    let phone = alice.another_device().await?;
    phone.room_in(&room, RoomState::Joined).await?;
    let encryption = phone.client.encryption();
    encryption.recovery().recover(&key).await.context("recover")?;
    assert!(encryption.backups().are_enabled().await);
    encryption.backups().download_room_keys_for_room(&room).await?;
    assert_eq!(phone.reads(&room, &entry).await?, ("Dear diary".to_owned(), true));
    Ok(())
}
