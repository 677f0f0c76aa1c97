//! The chat API on the server's parts.

use std::{sync::Arc, time::Duration};

use axum::Router;
use hearth_api_chat::{
    ChatApi, DirectRooms, Hub, Pace, Registration, Settings as ChatSettings, Terms, Tokens,
};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::{
    config::{self, RegistrationMode, Settings},
    parts::Parts,
};

/// The chat API; `None` if it is off.
pub fn chat_api(settings: &Settings, parts: &Parts, stop: &CancellationToken) -> Option<Router> {
    let chat = settings.chat.enabled.then_some(&settings.chat)?;
    let tokens = Tokens::new(
        parts.accounts.clone(),
        parts.clock.clone(),
        settings.server_name.clone(),
        Duration::from_secs(chat.token_lifetime_seconds),
    );
    Some(hearth_api_chat::router(ChatApi {
        accounts: parts.accounts.clone(),
        rooms: parts.rooms.clone(),
        chat: parts.chat.clone(),
        media: parts.media.clone(),
        search: parts.search.clone(),
        sync: parts.sync.clone(),
        hub: Hub::new(stop.clone()),
        direct_rooms: DirectRooms::default(),
        bus: parts.bus.clone(),
        tokens,
        pace: match settings.rate_limit.enabled {
            true => Pace::limited(parts.clock.clone()),
            false => Pace::unlimited(),
        },
        settings: Arc::new(chat_settings(settings, chat)),
        tasks: parts.tasks.clone(),
    }))
}

fn chat_settings(settings: &Settings, chat: &config::Chat) -> ChatSettings {
    let registration = match settings.registration.mode {
        // An address is proven in steps that only the Matrix API has.
        _ if settings.registration.require_email => Registration::Closed,
        RegistrationMode::Open => Registration::Open,
        RegistrationMode::Token => Registration::Token,
        RegistrationMode::Closed => Registration::Closed,
    };
    ChatSettings {
        base_path: chat.base_path.clone(),
        allowed_origins: chat.allowed_origins.iter().map(origin).collect(),
        registration,
        password_characters_min: settings.registration.min_password_characters,
        terms: settings.registration.terms_url.as_ref().map(|url| Terms {
            url: url.to_string(),
            version: settings.registration.terms_version.clone(),
        }),
        guest_absence: match chat.guest_absence_seconds {
            0 => None,
            seconds => Some(Duration::from_secs(seconds)),
        },
        ..ChatSettings::new(settings.server_name.clone())
    }
}

fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}
