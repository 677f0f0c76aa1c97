//! Requests: what is sent, whether a redirect is followed, what comes back.
//!
//! Invariant: every URL, the first as every redirect's, goes through [`Outgoing::send`], which
//! checks it.

use std::{error::Error as _, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use reqwest::Response;
use url::{Host, Url};

use crate::{Limits, Outgoing, OutgoingError, body, resolver::ForbiddenHost};

/// An answer, whatever its status.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, as it came.
    pub body: Bytes,
    /// Where it came from, after all redirects.
    pub url: Url,
}

impl Outgoing {
    /// Gets `url`, following redirects. `headers` go to every host on the way: no secrets.
    ///
    /// # Errors
    /// See [`OutgoingError`]. An answer that says that something went wrong is an answer.
    pub async fn get(
        &self,
        url: &Url,
        headers: HeaderMap,
        limits: Limits,
    ) -> Result<Fetched, OutgoingError> {
        let answer = async {
            let answer = self.follow(url.clone(), headers, limits).await?;
            fetched(answer, limits).await
        };
        within(limits.time_max, answer).await
    }

    /// As [`Outgoing::get`], but of a body that is too large it takes the beginning.
    ///
    /// # Errors
    /// See [`Outgoing::get`].
    pub async fn get_start(
        &self,
        url: &Url,
        headers: HeaderMap,
        limits: Limits,
    ) -> Result<Fetched, OutgoingError> {
        let answer = async {
            let answer = self.follow(url.clone(), headers, limits).await?;
            let (status, url) = (answer.status(), answer.url().clone());
            let headers = answer.headers().clone();
            let body = body::read_start(answer, limits.body_bytes_max).await?;
            Ok(Fetched { status, headers, body, url })
        };
        within(limits.time_max, answer).await
    }

    /// Posts `body`, which is JSON. A redirect is an answer like any other.
    ///
    /// # Errors
    /// See [`Outgoing::get`].
    pub async fn post_json(
        &self,
        url: &Url,
        body: Bytes,
        mut headers: HeaderMap,
        limits: Limits,
    ) -> Result<Fetched, OutgoingError> {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let request = async {
            let answer = self.send(Method::POST, url, headers, body).await?;
            fetched(answer, limits).await
        };
        within(limits.time_max, request).await
    }

    /// Sends any request, for those who have built one. A redirect is an answer like any other.
    ///
    /// # Errors
    /// See [`Outgoing::get`].
    pub async fn request(
        &self,
        request: Request<Bytes>,
        limits: Limits,
    ) -> Result<Fetched, OutgoingError> {
        let (parts, body) = request.into_parts();
        let url = Url::parse(&parts.uri.to_string())
            .map_err(|error| OutgoingError::BadUrl(error.to_string()))?;
        let request = async {
            let answer = self.send(parts.method, &url, parts.headers, body).await?;
            fetched(answer, limits).await
        };
        within(limits.time_max, request).await
    }

    async fn follow(
        &self,
        mut url: Url,
        headers: HeaderMap,
        limits: Limits,
    ) -> Result<Response, OutgoingError> {
        for _ in 0..=limits.redirects_max {
            let answer = self.send(Method::GET, &url, headers.clone(), Bytes::new()).await?;
            if !is_redirect(answer.status()) {
                return Ok(answer);
            }
            let location = answer.headers().get(header::LOCATION);
            let location = location.and_then(|location| str::from_utf8(location.as_bytes()).ok());
            let next = location.and_then(|location| url.join(location).ok());
            url = next.ok_or(OutgoingError::Redirects)?;
        }
        Err(OutgoingError::Redirects)
    }

    /// Sends one request to a URL that may be asked; the answer's body has yet to come.
    async fn send(
        &self,
        method: Method,
        url: &Url,
        mut headers: HeaderMap,
        body: Bytes,
    ) -> Result<Response, OutgoingError> {
        self.check(url)?;
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let request = self.0.client.request(method, url.clone()).headers(headers);
        let request = if body.is_empty() { request } else { request.body(body) };
        let answer = request.send().await.map_err(classify)?;
        body::check_headers(answer.headers())?;
        Ok(answer)
    }

    /// A literal address is never resolved, so it is judged here; names are judged when they are.
    fn check(&self, url: &Url) -> Result<(), OutgoingError> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(OutgoingError::BadUrl("it is neither http nor https".to_owned()));
        }
        let address = match url.host() {
            None => return Err(OutgoingError::BadUrl("it has no host".to_owned())),
            Some(Host::Domain(_)) => return Ok(()),
            Some(Host::Ipv4(address)) => address.into(),
            Some(Host::Ipv6(address)) => address.into(),
        };
        if self.0.guard.allows(address) { Ok(()) } else { Err(OutgoingError::Forbidden) }
    }
}

const fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

async fn fetched(answer: Response, limits: Limits) -> Result<Fetched, OutgoingError> {
    let (status, url) = (answer.status(), answer.url().clone());
    let headers = answer.headers().clone();
    let body = body::read(answer, limits.body_bytes_max).await?;
    Ok(Fetched { status, headers, body, url })
}

async fn within<T>(
    time_max: Duration,
    request: impl Future<Output = Result<T, OutgoingError>>,
) -> Result<T, OutgoingError> {
    tokio::time::timeout(time_max, request).await.unwrap_or(Err(OutgoingError::TimedOut))
}

/// What became of a request that failed. The URL, which may hold a secret, is left out.
pub(crate) fn classify(error: reqwest::Error) -> OutgoingError {
    let error = error.without_url();
    let mut cause = error.source();
    let mut reason = error.to_string();
    while let Some(inner) = cause {
        if inner.is::<ForbiddenHost>() {
            return OutgoingError::Forbidden;
        }
        reason = inner.to_string();
        cause = inner.source();
    }
    match () {
        () if error.is_timeout() => OutgoingError::TimedOut,
        () if error.is_builder() => OutgoingError::BadUrl(reason),
        () => OutgoingError::Unreachable(reason),
    }
}
