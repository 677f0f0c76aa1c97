//! Accounts, as the settings want them.

use std::{path::PathBuf, time::Duration};

use hearth_accounts::{Accounts, TurnSettings};
use hearth_base::{Clock, Random};
use hearth_mail::Mail;
use hearth_store::Store;
use ruma::api::appservice::Registration;

use super::mail::account_mail;
use crate::{
    config::{Settings, Voip},
    wiring::WiringError,
};

/// The accounts in a store; `mail` sends their letters.
///
/// # Errors
/// A registration of an application service cannot be read.
pub fn open_accounts(
    settings: &Settings,
    store: &Store,
    clock: &Clock,
    random: &Random,
    mail: Option<&Mail>,
) -> Result<Accounts, WiringError> {
    let accounts = hearth_accounts::Settings {
        registration_tokens: settings.registration.tokens.clone(),
        shared_secret: settings.registration.shared_secret.clone(),
        application_services: application_services(settings)?,
        turn: turn(&settings.voip),
        mail: mail.map(|mail| account_mail(settings, mail)),
        ..hearth_accounts::Settings::new(settings.server_name.clone())
    };
    Ok(Accounts::new(store.clone(), clock.clone(), random.clone(), accounts)?)
}

fn application_services(settings: &Settings) -> Result<Vec<Registration>, WiringError> {
    let read = |path: &PathBuf| {
        let text = std::fs::read_to_string(path).map_err(|error| error.to_string());
        let parsed =
            text.and_then(|text| serde_norway::from_str(&text).map_err(|error| error.to_string()));
        parsed.map_err(|reason| WiringError::Registration { path: path.clone(), reason })
    };
    settings.appservice.registration_files.iter().map(read).collect()
}

fn turn(settings: &Voip) -> Option<TurnSettings> {
    Some(TurnSettings {
        uris: Some(settings.turn_uris.clone()).filter(|uris| !uris.is_empty())?,
        shared_secret: settings.turn_shared_secret.clone()?,
        lifetime: Duration::from_secs(settings.turn_lifetime_seconds.into()),
    })
}
