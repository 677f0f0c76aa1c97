//! The HTTP client that the OpenID Connect library is given.
//!
//! The issuer is an address that the administrator wrote down, so it may be a private one. What its
//! discovery document names at another origin has to be public.

use std::pin::Pin;

use bytes::Bytes;
use hearth_outgoing::{Limits, Outgoing, OutgoingError};
use http::{Request, Response};
use openidconnect::AsyncHttpClient;
use url::{Origin, Url};

/// Sends requests on behalf of one provider.
#[derive(Clone)]
pub(crate) struct ProviderHttp {
    outgoing: Outgoing,
    issuer: Origin,
}

impl ProviderHttp {
    pub(crate) fn new(outgoing: Outgoing, issuer: &Url) -> Self {
        Self { outgoing, issuer: issuer.origin() }
    }

    async fn send(self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, OutgoingError> {
        let url = Url::parse(&request.uri().to_string())
            .map_err(|error| OutgoingError::BadUrl(error.to_string()))?;
        let is_issuer = url.origin() == self.issuer;
        let client = if is_issuer { self.outgoing.configured() } else { self.outgoing.clone() };
        let answer = client.request(request.map(Bytes::from), Limits::default()).await?;
        let mut response = Response::new(answer.body.to_vec());
        *response.status_mut() = answer.status;
        *response.headers_mut() = answer.headers;
        Ok(response)
    }
}

impl<'c> AsyncHttpClient<'c> for ProviderHttp {
    type Error = OutgoingError;
    type Future =
        Pin<Box<dyn Future<Output = Result<Response<Vec<u8>>, OutgoingError>> + Send + 'c>>;

    fn call(&'c self, request: Request<Vec<u8>>) -> Self::Future {
        Box::pin(self.clone().send(request))
    }
}
