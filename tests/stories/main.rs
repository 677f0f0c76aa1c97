//! Stories told to the real binary: each starts its own server and acts as its clients.
//!
//! One module a subject. The order is the order in which a person meets the subjects.
#![allow(clippy::unwrap_used, clippy::expect_used)]
#![allow(clippy::disallowed_methods, reason = "stories wait for real processes in real time")]

mod account;
mod account_data;
mod aliases;
mod application_services;
mod crash;
mod creation;
mod cross_signing;
mod dehydrated_devices;
mod delayed_events;
mod device_keys;
mod devices;
mod directory;
mod discovery;
mod ephemeral;
mod errors;
mod filters;
mod history;
mod idle;
mod key_backup;
mod limits;
mod login;
mod media;
mod membership;
mod messages;
mod openid;
mod notifications;
mod operations;
mod owned_state;
mod power;
mod profiles;
mod push;
mod push_rules;
mod registration;
mod relations;
mod rendezvous;
mod reports;
mod retention;
mod sliding_sync;
mod sticky_events;
mod sync_membership;
mod sync_rooms;
mod thread_subscriptions;
mod timestamps;
mod to_device;
mod unread;
mod visibility;
mod voip;
