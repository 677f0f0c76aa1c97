//! The HTTP side: the parts behind the routes of the APIs.

use std::sync::Arc;

use axum::Router;
use hearth_api_client::{ClientApi, Registration, Settings as ApiSettings};

use crate::{
    config::{RegistrationMode, Settings},
    parts::{Parts, retention},
};

/// The client-server API on the server's parts.
pub fn client_api(settings: &Settings, parts: &Parts) -> Router {
    let api = ApiSettings {
        registration: match settings.registration.mode {
            RegistrationMode::Open => Registration::Open,
            RegistrationMode::Token => Registration::Token,
            RegistrationMode::Closed => Registration::Closed,
        },
        default_room_version: settings.rooms.default_version.clone(),
        client_base_url: settings.well_known.client_base_url.as_ref().map(ToString::to_string),
        server_address: settings.well_known.server.as_ref().map(ToString::to_string),
        policy_server_key: settings.well_known.policy_server_key.clone(),
        retention: retention(settings),
        ..ApiSettings::new(settings.server_name.clone())
    };
    hearth_api_client::router(ClientApi {
        accounts: parts.accounts.clone(),
        rooms: parts.rooms.clone(),
        media: parts.media.clone(),
        sync: parts.sync.clone(),
        bus: parts.bus.clone(),
        settings: Arc::new(api),
        tasks: parts.tasks.clone(),
    })
}
