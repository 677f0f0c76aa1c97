//! `GET /capabilities`.
//!
//! Everything is spelled out, also what equals the default: clients look for it.

use std::{collections::BTreeMap, sync::Arc};

use axum::{Json, extract::State};
use hearth_accounts::Accounts;
use hearth_base::limits::{DELAYED_EVENT_DELAY_MS_MAX, DELAYED_EVENTS_MAX};
use hearth_http::Ruma;
use hearth_rules::owned_state;
use ruma::{RoomVersionId, api::client::discovery::get_capabilities::v3::Request};
use serde_json::{Value, json};

use crate::Settings;

/// Versions of rooms that this server creates and joins.
const ROOM_VERSIONS: [RoomVersionId; 7] = [
    RoomVersionId::V6,
    RoomVersionId::V7,
    RoomVersionId::V8,
    RoomVersionId::V9,
    RoomVersionId::V10,
    RoomVersionId::V11,
    RoomVersionId::V12,
];

pub(crate) async fn capabilities(
    State(settings): State<Arc<Settings>>,
    State(accounts): State<Accounts>,
    Ruma { caller, .. }: Ruma<Request>,
) -> Json<Value> {
    let stable = ROOM_VERSIONS.map(|version| (version.to_string(), "stable"));
    let unstable = owned_state::VERSIONS.map(|version| (version.to_owned(), "unstable"));
    let available: BTreeMap<_, _> = stable.into_iter().chain(unstable).collect();
    let switch = |enabled: bool| json!({ "enabled": enabled });
    let mut capabilities = json!({
        "capabilities": {
            "m.room_versions": {
                "default": settings.default_room_version,
                "available": available,
            },
            "m.change_password": switch(true),
            "m.set_displayname": switch(true),
            "m.set_avatar_url": switch(true),
            "m.profile_fields": switch(true),
            "uk.tcpip.msc4133.profile_fields": switch(true),
            "m.3pid_changes": switch(accounts.sends_mail()),
            "m.get_login_token": switch(true),
            "org.matrix.msc4140.delayed_events": {
                "max_delay_ms": DELAYED_EVENT_DELAY_MS_MAX,
                "max_scheduled": DELAYED_EVENTS_MAX,
            },
            "m.forget_forced_upon_leave": switch(false),
        }
    });
    if caller.is_admin {
        let moderation = json!({ "lock": true, "suspend": true });
        capabilities["capabilities"]["m.account_moderation"] = moderation;
    }
    Json(capabilities)
}
