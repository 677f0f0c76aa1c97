//! The HTTP side: the parts behind the routes of the APIs.

use std::sync::Arc;

use axum::Router;
use hearth_api_client::{
    ClientApi, Registration, ServerNotices, Settings as ApiSettings, Support, Terms,
};
use ruma::api::client::discovery::discover_support::{Contact, ContactRole};

use crate::{
    config::{RegistrationMode, Settings, SupportContact, SupportRole, WellKnown},
    parts::{Parts, retention, server_notices},
};

/// The client-server API on the server's parts.
pub fn client_api(settings: &Settings, parts: &Parts) -> Router {
    let api = ApiSettings {
        registration: match settings.registration.mode {
            RegistrationMode::Open => Registration::Open,
            RegistrationMode::Token => Registration::Token,
            RegistrationMode::Closed => Registration::Closed,
        },
        guests: settings.registration.guests,
        require_email: settings.registration.require_email,
        password_characters_min: settings.registration.min_password_characters,
        terms: settings.registration.terms_url.as_ref().map(|url| Terms {
            url: url.to_string(),
            version: settings.registration.terms_version.clone(),
        }),
        default_room_version: settings.rooms.default_version.clone(),
        client_base_url: settings.well_known.client_base_url.as_ref().map(ToString::to_string),
        server_address: settings.well_known.server.as_ref().map(ToString::to_string),
        policy_server_key: settings.well_known.policy_server_key.clone(),
        retention: retention(settings),
        support: support(&settings.well_known),
        server_notices: server_notices(settings),
        ..ApiSettings::new(settings.server_name.clone())
    };
    let api = ClientApi {
        accounts: parts.accounts.clone(),
        rooms: parts.rooms.clone(),
        media: parts.media.clone(),
        previews: parts.previews.clone(),
        search: parts.search.clone(),
        sync: parts.sync.clone(),
        push: parts.push.clone(),
        bus: parts.bus.clone(),
        sso: parts.sso.clone(),
        outgoing: parts.outgoing.clone(),
        identity: parts.identity.clone(),
        settings: Arc::new(api),
        tasks: parts.tasks.clone(),
    };
    hearth_api_client::resume_departures(&api);
    hearth_api_client::router(api)
}

fn support(settings: &WellKnown) -> Support {
    Support {
        page: settings.support_page.as_ref().map(ToString::to_string),
        contacts: settings.support_contacts.iter().filter_map(contact).collect(),
    }
}

/// Whom to write to; nobody, where neither address is set.
fn contact(settings: &SupportContact) -> Option<Contact> {
    let role = match settings.role {
        SupportRole::Admin => ContactRole::Admin,
        SupportRole::Security => ContactRole::Security,
    };
    let mut contact = match (&settings.email, &settings.matrix_id) {
        (Some(email), _) => Contact::with_email_address(role, email.clone()),
        (None, Some(user)) => Contact::with_matrix_id(role, user.clone()),
        (None, None) => return None,
    };
    contact.matrix_id.clone_from(&settings.matrix_id);
    Some(contact)
}

/// As whom and where the server speaks to its users.
fn server_notices(settings: &Settings) -> Option<ServerNotices> {
    let user_id = server_notices::user_id(settings)?;
    Some(ServerNotices { user_id, room_name: settings.server_notices.room_name.clone() })
}
