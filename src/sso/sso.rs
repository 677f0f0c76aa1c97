//! The handle: a login from its beginning to its end.

use std::sync::Arc;

use hearth_accounts::Accounts;
use hearth_base::{Clock, Random};
use hearth_outgoing::Outgoing;
use ruma::OwnedUserId;
use url::Url;

use crate::{
    Provider, Settings, SsoError, Target, account::account, exchange::Connection,
    pending::PendingLogins,
};

/// Path of the callback below the public base URL.
const CALLBACK_PATH: &str = "_hearth/sso/callback";
/// Longest `code` or `state` of a provider in bytes.
const PARAMETER_BYTES_MAX: usize = 8_192;

/// Login through other providers. Cheap to clone.
#[derive(Clone)]
pub struct Sso(Arc<Parts>);

struct Parts {
    accounts: Accounts,
    connections: Vec<Connection>,
    pending: PendingLogins,
    trusted_redirects: Vec<Url>,
    is_public_address_secure: bool,
}

/// What a browser is sent to a provider for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To log in, and go back to a client.
    LogIn(Target),
    /// To complete the `m.login.sso` stage of a user-interactive session.
    Confirm {
        /// The session.
        session: String,
    },
}

/// What a browser brings back from a provider.
#[derive(Clone, Debug, Default)]
pub struct Callback {
    /// Which login it is.
    pub state: String,
    /// What proves it.
    pub code: Option<String>,
    /// Why there is no proof.
    pub error: Option<String>,
    /// Who the provider says it is (RFC 9207).
    pub issuer: Option<String>,
}

/// What came of a login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// Who it is.
    pub user: OwnedUserId,
    /// What it was for.
    pub purpose: Purpose,
}

impl Sso {
    /// Login through the providers of the settings; nothing is asked of them yet.
    ///
    /// # Errors
    /// [`SsoError::Settings`] if they cannot be used.
    pub fn new(
        settings: Settings,
        accounts: Accounts,
        outgoing: &Outgoing,
        clock: &Clock,
        random: &Random,
    ) -> Result<Self, SsoError> {
        let callback = callback_url(&settings)?;
        let mut connections = Vec::new();
        for provider in settings.providers {
            check(&provider, &connections)?;
            let callback = callback.clone();
            let callback = callback.ok_or_else(|| {
                let message = "oidc needs well_known.client_base_url, where browsers come back to";
                SsoError::Settings(message.to_owned())
            })?;
            connections.push(Connection::new(provider, outgoing.clone(), clock.clone(), callback)?);
        }
        Ok(Self(Arc::new(Parts {
            accounts,
            connections,
            pending: PendingLogins::new(clock.clone(), random.clone()),
            trusted_redirects: settings.trusted_redirects,
            is_public_address_secure: callback.is_some_and(|url| url.scheme() == "https"),
        })))
    }

    /// The providers, in the order of the settings.
    pub fn providers(&self) -> impl Iterator<Item = &Provider> {
        self.0.connections.iter().map(|connection| &connection.provider)
    }

    /// Whether browsers reach this server through TLS, so that cookies can insist on it.
    #[must_use]
    pub fn is_public_address_secure(&self) -> bool {
        self.0.is_public_address_secure
    }

    /// What is to identify a browser from the beginning of a login to its end.
    #[must_use]
    pub fn new_browser(&self) -> String {
        self.0.pending.new_browser()
    }

    /// Where a client wants the browser in the end, if that can be.
    ///
    /// # Errors
    /// [`SsoError::BadRedirect`].
    pub fn target(&self, redirect_url: &str) -> Result<Target, SsoError> {
        Target::parse(redirect_url, &self.0.trusted_redirects)
    }

    /// Where to send the browser, which a cookie of this value identifies.
    ///
    /// # Errors
    /// [`SsoError::UnknownProvider`], or the provider cannot be used.
    pub async fn begin(
        &self,
        provider: &str,
        purpose: Purpose,
        browser: &str,
    ) -> Result<Url, SsoError> {
        let mut connections = self.0.connections.iter().enumerate();
        let found = connections.find(|(_, connection)| connection.provider.id == provider);
        let (index, connection) = found.ok_or(SsoError::UnknownProvider)?;
        let (state, pending) = self.0.pending.begin(index, purpose, browser);
        connection.authorization_url(state, &pending).await
    }

    /// Takes a browser back.
    ///
    /// # Errors
    /// See [`SsoError`].
    pub async fn finish(&self, callback: Callback, browser: &str) -> Result<Finished, SsoError> {
        let Callback { state, code, error, issuer } = callback;
        if [&Some(state.clone()), &code]
            .into_iter()
            .flatten()
            .any(|text| text.len() > PARAMETER_BYTES_MAX)
        {
            return Err(SsoError::UnknownLogin);
        }
        let pending = self.0.pending.finish(&state, browser).ok_or(SsoError::UnknownLogin)?;
        let connection =
            self.0.connections.get(pending.provider).ok_or(SsoError::UnknownProvider)?;
        let provider = &connection.provider;
        if issuer.is_some_and(|issuer| issuer != provider.issuer) {
            return Err(SsoError::provider("the answer is another issuer's"));
        }
        let Some(code) = code else {
            return Err(SsoError::Refused(error.unwrap_or_else(|| "it gave no reason".to_owned())));
        };
        let identity = connection.identity(code, &pending).await?;
        let user = match &pending.purpose {
            Purpose::LogIn(_) => account(&self.0.accounts, provider, &identity).await?,
            // Nobody makes a new account by confirming something.
            Purpose::Confirm { .. } => {
                let known = Provider { allow_registration: false, ..provider.clone() };
                account(&self.0.accounts, &known, &identity).await?
            }
        };
        Ok(Finished { user, purpose: pending.purpose })
    }
}

fn callback_url(settings: &Settings) -> Result<Option<Url>, SsoError> {
    let Some(mut base) = settings.public_base_url.clone() else {
        return Ok(None);
    };
    if !base.path().ends_with('/') {
        let path = format!("{}/", base.path());
        base.set_path(&path);
    }
    let url = base.join(CALLBACK_PATH);
    url.map(Some).map_err(|error| SsoError::Settings(error.to_string()))
}

fn check(provider: &Provider, before: &[Connection]) -> Result<(), SsoError> {
    let id = &provider.id;
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    if id.is_empty() || id.len() > 255 || !id.bytes().all(allowed) {
        return Err(SsoError::Settings(format!("oidc: `{id}` cannot be an id")));
    }
    if before.iter().any(|connection| connection.provider.id == *id) {
        return Err(SsoError::Settings(format!("oidc: two providers have the id `{id}`")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use hearth_base::Secret;
    use hearth_store::{MemoryEngine, Store};
    use ruma::server_name;

    use super::*;

    fn provider(id: &str, issuer: &str) -> Provider {
        Provider {
            id: id.to_owned(),
            name: id.to_owned(),
            icon: None,
            brand: None,
            issuer: issuer.to_owned(),
            client_id: "hearth".to_owned(),
            client_secret: Some(Secret::new("secret")),
            scopes: vec!["profile".to_owned()],
            localpart: "{preferred_username}".to_owned(),
            display_name: None,
            allow_registration: true,
        }
    }

    fn sso(base: Option<&str>, providers: Vec<Provider>) -> Result<Sso, SsoError> {
        let (clock, random) = (Clock::manual(0), Random::seeded(1));
        let settings = hearth_accounts::Settings::new(server_name!("example.org").to_owned());
        let store = Store::new(MemoryEngine::new());
        let accounts = Accounts::new(store, clock.clone(), random.clone(), settings).unwrap();
        let outgoing = Outgoing::new(hearth_outgoing::Settings::default()).unwrap();
        let public_base_url = base.map(|base| Url::parse(base).unwrap());
        let settings = Settings { providers, public_base_url, trusted_redirects: Vec::new() };
        Sso::new(settings, accounts, &outgoing, &clock, &random)
    }

    fn assert_send<T: Send>(_: T) {}

    #[tokio::test]
    async fn futures_can_be_sent_to_other_threads() {
        let sso = sso(None, Vec::new()).unwrap();
        let purpose = Purpose::Confirm { session: "s".to_owned() };
        assert_send(sso.begin("main", purpose, "browser"));
        assert_send(sso.finish(Callback::default(), "browser"));
    }

    #[tokio::test]
    async fn settings_that_cannot_work_are_refused() {
        let good = provider("main", "https://id.example.org");
        assert!(sso(Some("https://m.example.org"), vec![good.clone()]).is_ok());
        assert!(sso(None, Vec::new()).is_ok());
        assert!(sso(None, vec![good.clone()]).is_err(), "nowhere to come back to");
        for broken in [
            provider("", "https://id.example.org"),
            provider("a/b", "https://id.example.org"),
            provider("other", "id.example.org"),
            provider("main", "https://id.example.org"),
        ] {
            let both = vec![good.clone(), broken];
            assert!(matches!(sso(Some("https://m.example.org"), both), Err(SsoError::Settings(_))));
        }
    }
}
