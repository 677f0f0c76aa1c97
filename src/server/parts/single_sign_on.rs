//! Login through other providers, as the settings want it.

use hearth_accounts::Accounts;
use hearth_base::{Clock, Random};
use hearth_outgoing::Outgoing;
use hearth_sso::{Provider, Sso};

use crate::{
    config::{Oidc, Settings},
    wiring::WiringError,
};

/// The providers of the settings.
///
/// # Errors
/// They cannot be used.
pub(super) fn open_sso(
    settings: &Settings,
    accounts: &Accounts,
    outgoing: &Outgoing,
    clock: &Clock,
    random: &Random,
) -> Result<Sso, WiringError> {
    let sso = hearth_sso::Settings {
        providers: settings.oidc.iter().map(provider).collect(),
        public_base_url: settings.well_known.client_base_url.clone(),
        trusted_redirects: settings.sso.trusted_redirects.clone(),
    };
    Ok(Sso::new(sso, accounts.clone(), outgoing, clock, random)?)
}

fn provider(settings: &Oidc) -> Provider {
    let settings = settings.clone();
    Provider {
        id: settings.id,
        name: settings.name,
        icon: settings.icon,
        brand: settings.brand.map(Into::into),
        issuer: settings.issuer,
        client_id: settings.client_id,
        client_secret: settings.client_secret,
        scopes: settings.scopes,
        localpart: settings.localpart,
        display_name: settings.display_name,
        allow_registration: settings.allow_registration,
    }
}
