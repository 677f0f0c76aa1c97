//! The two exchanges with a provider: where to send the browser, and who came back.

use std::sync::Arc;

use hearth_base::Clock;
use hearth_outgoing::Outgoing;
use openidconnect::{
    AccessTokenHash, AuthenticationFlow, AuthorizationCode, ClientId, ClientSecret, CsrfToken,
    EndpointMaybeSet, EndpointNotSet, EndpointSet, Nonce, OAuth2TokenResponse, PkceCodeChallenge,
    PkceCodeVerifier, RedirectUrl, Scope, TokenResponse,
    core::{CoreClient, CoreProviderMetadata, CoreResponseType, CoreTokenResponse},
};
use url::Url;

use crate::{
    Provider, SsoError,
    claims::{self, Identity, UserInfo},
    http_client::ProviderHttp,
    metadata::Metadata,
    pending::Pending,
};

type Client = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// A provider that can be talked to.
pub(crate) struct Connection {
    pub(crate) provider: Provider,
    http: ProviderHttp,
    metadata: Metadata,
    callback: Url,
}

impl Connection {
    pub(crate) fn new(
        provider: Provider,
        outgoing: Outgoing,
        clock: Clock,
        callback: Url,
    ) -> Result<Self, SsoError> {
        let issuer = Url::parse(&provider.issuer).ok();
        let issuer = issuer.filter(|url| matches!(url.scheme(), "http" | "https"));
        let issuer = issuer.ok_or_else(|| {
            SsoError::Settings(format!("oidc `{}`: the issuer is not a URL", provider.id))
        })?;
        Ok(Self {
            http: ProviderHttp::new(outgoing, &issuer),
            metadata: Metadata::new(clock, provider.issuer.clone()),
            callback,
            provider,
        })
    }

    /// Where to send the browser.
    pub(crate) async fn authorization_url(
        &self,
        state: String,
        pending: &Pending,
    ) -> Result<Url, SsoError> {
        let client = self.client(self.metadata.get(&self.http).await?)?;
        let verifier = PkceCodeVerifier::new(pending.verifier.clone());
        let nonce = Nonce::new(pending.nonce.clone());
        let scopes = self.provider.scopes.iter().filter(|scope| *scope != "openid");
        let (url, ..) = client
            .authorize_url(
                AuthenticationFlow::<CoreResponseType>::AuthorizationCode,
                || CsrfToken::new(state),
                || nonce,
            )
            .add_scopes(scopes.cloned().map(Scope::new))
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier))
            .url();
        Ok(url)
    }

    /// Who came back with this code.
    pub(crate) async fn identity(
        &self,
        code: String,
        pending: &Pending,
    ) -> Result<Identity, SsoError> {
        let client = self.client(self.metadata.get(&self.http).await?)?;
        let answer = client
            .exchange_code(AuthorizationCode::new(code))
            .map_err(SsoError::provider)?
            .set_pkce_verifier(PkceCodeVerifier::new(pending.verifier.clone()))
            .request_async(&self.http)
            .await
            .map_err(SsoError::provider)?;
        let mut identity = self.verified(&client, &answer, pending)?;
        let subject = openidconnect::SubjectIdentifier::new(identity.subject.clone());
        // Not every provider has it; what there is has to be about the same person.
        if let Ok(request) = client.user_info(answer.access_token().clone(), Some(subject)) {
            let info: UserInfo =
                request.request_async(&self.http).await.map_err(SsoError::provider)?;
            identity.claims.extend(claims::of_user_info(&info));
        }
        Ok(identity)
    }

    /// Signature, issuer, audience, times and nonce of the ID token have to be right. The library
    /// asks the machine for the time.
    fn verified(
        &self,
        client: &Client,
        answer: &CoreTokenResponse,
        pending: &Pending,
    ) -> Result<Identity, SsoError> {
        let token = answer.id_token();
        let token = token.ok_or_else(|| SsoError::provider("there is no ID token"))?;
        let verifier = client.id_token_verifier();
        let nonce = Nonce::new(pending.nonce.clone());
        let found = token.claims(&verifier, &nonce).map_err(|error| {
            self.metadata.forget();
            SsoError::provider(error)
        })?;
        if let Some(expected) = found.access_token_hash() {
            let algorithm = token.signing_alg().map_err(SsoError::provider)?;
            let key = token.signing_key(&verifier).map_err(SsoError::provider)?;
            let hash = AccessTokenHash::from_token(answer.access_token(), algorithm, key);
            if hash.map_err(SsoError::provider)? != *expected {
                return Err(SsoError::provider("the access token is another ID token's"));
            }
        }
        if found.issuer().as_str() != self.provider.issuer {
            return Err(SsoError::provider("the ID token is another issuer's"));
        }
        let subject = found.subject().as_str().to_owned();
        Ok(Identity { subject, claims: claims::of_verified_token(token) })
    }

    fn client(&self, metadata: Arc<CoreProviderMetadata>) -> Result<Client, SsoError> {
        let secret = self.provider.client_secret.as_ref();
        let secret = secret.map(|secret| ClientSecret::new(secret.expose().to_owned()));
        let id = ClientId::new(self.provider.client_id.clone());
        let callback = RedirectUrl::from_url(self.callback.clone());
        let metadata = Arc::unwrap_or_clone(metadata);
        Ok(CoreClient::from_provider_metadata(metadata, id, secret).set_redirect_uri(callback))
    }
}
