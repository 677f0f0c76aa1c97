//! What an administrator decides about login through other providers.

use hearth_base::Secret;
use ruma::{OwnedMxcUri, api::client::session::get_login_types::v3::IdentityProviderBrand};
use url::Url;

/// Which providers there are.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The providers, in the order in which clients show them.
    pub providers: Vec<Provider>,
    /// Where browsers reach this server; needed when there is a provider.
    pub public_base_url: Option<Url>,
    /// Addresses that may get a login token without asking the user: everything at the same
    /// origin whose path begins with the address's.
    pub trusted_redirects: Vec<Url>,
}

/// An OpenID Connect provider.
#[derive(Clone, Debug)]
pub struct Provider {
    /// What clients and this server call it in paths.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Its picture.
    pub icon: Option<OwnedMxcUri>,
    /// A known brand that clients can show it as.
    pub brand: Option<IdentityProviderBrand>,
    /// Who it says it is, to the letter: its discovery document is below this address.
    pub issuer: String,
    /// What it calls this server.
    pub client_id: String,
    /// By what it knows this server; without one, PKCE alone has to do.
    pub client_secret: Option<Secret>,
    /// What this server asks to know, besides `openid`.
    pub scopes: Vec<String>,
    /// The localpart of a new user, with names of claims in braces.
    pub localpart: String,
    /// The display name of a new user, with names of claims in braces; without one it is the
    /// localpart.
    pub display_name: Option<String>,
    /// Whether people who have no account yet get one.
    pub allow_registration: bool,
}
