//! End-to-end encryption: keys of devices and users, messages between devices, key backups.
//!
//! Deliberately absent: other servers' users. What is asked about them is reported as a failure of
//! their server.

mod backup_keys;
mod backup_versions;
mod claim_keys;
mod cross_signing;
mod dehydrated_devices;
mod failures;
mod key_changes;
mod query_keys;
mod signatures;
mod to_device;
mod upload_keys;

pub(crate) use self::{
    backup_keys::{
        delete_backup_keys, delete_backup_keys_for_room, delete_backup_keys_for_session,
        get_backup_keys, get_backup_keys_for_room, get_backup_keys_for_session, put_backup_keys,
        put_backup_keys_for_room, put_backup_keys_for_session,
    },
    backup_versions::{
        create_backup_version, delete_backup_version, get_backup_version,
        get_latest_backup_version, update_backup_version,
    },
    claim_keys::claim_keys,
    cross_signing::upload_cross_signing_keys,
    dehydrated_devices::{
        delete_dehydrated_device, get_dehydrated_device, get_dehydrated_events,
        put_dehydrated_device,
    },
    key_changes::get_key_changes,
    query_keys::query_keys,
    signatures::upload_signatures,
    to_device::send_to_device,
    upload_keys::upload_keys,
};
