//! Blobs in a bucket of an S3 service.
//!
//! Invariants: the service is asked only through [`Outgoing`], whose answers are bounded in bytes
//! and time; neither key nor token is ever printed.
//!
//! Deliberately absent: making the bucket, credentials of the machine's own, and moving what is in
//! files: the locations are the same, so any tool that copies a directory to a bucket does it.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use futures::TryStreamExt;
use hearth_base::Secret;
use hearth_outgoing::{Limits, Outgoing, OutgoingError};
use http::{Request, Response};
use object_store::{
    BackoffConfig, ClientOptions, RetryConfig,
    aws::AmazonS3Builder,
    client::{
        HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody,
        HttpResponse, HttpService,
    },
};
use url::Url;

use crate::{
    MediaError, Storage,
    limits::{S3_ANSWER_BYTES_MAX, S3_PART_BYTES, S3_PAUSE_MAX, S3_READ_BYTES, S3_RETRIES_MAX},
};

/// Which bucket, and how to get into it.
#[derive(Clone, Debug)]
pub struct S3Settings {
    /// Its name.
    pub bucket: String,
    /// The service's address; `None` is Amazon's in the region.
    pub endpoint: Option<Url>,
    /// The region that requests are signed for.
    pub region: String,
    /// Whether the bucket stands in the path, not in the host's name.
    pub path_style: bool,
    /// Who asks.
    pub access_key_id: String,
    /// What requests are signed with.
    pub secret_access_key: Secret,
    /// Longest that one request takes, and that a failed one is repeated.
    pub timeout: Duration,
}

/// Blobs in a bucket, which exists. It is not asked for before something is read or written.
///
/// # Errors
/// The settings do not name a bucket.
pub fn s3_blobs(settings: S3Settings, outgoing: &Outgoing) -> Result<Storage, MediaError> {
    let requests = Requests { outgoing: outgoing.configured(), time_max: settings.timeout };
    let retry = RetryConfig {
        backoff: BackoffConfig { max_backoff: S3_PAUSE_MAX, ..BackoffConfig::default() },
        max_retries: S3_RETRIES_MAX,
        retry_timeout: settings.timeout,
    };
    let mut builder = AmazonS3Builder::new()
        .with_virtual_hosted_style_request(!settings.path_style)
        .with_region(settings.region)
        .with_access_key_id(settings.access_key_id)
        .with_secret_access_key(settings.secret_access_key.expose())
        .with_allow_http(true)
        .with_retry(retry)
        .with_http_connector(requests);
    if let Some(endpoint) = settings.endpoint {
        builder =
            builder.with_endpoint(endpoint_of(endpoint, &settings.bucket, settings.path_style)?);
    }
    let bucket = builder.with_bucket_name(settings.bucket).build()?;
    Ok(Storage { objects: Arc::new(bucket), part_bytes: S3_PART_BYTES, read_bytes: S3_READ_BYTES })
}

/// The address of the service, or that of the bucket if it has a host name of its own.
fn endpoint_of(mut endpoint: Url, bucket: &str, path_style: bool) -> Result<String, MediaError> {
    if !path_style {
        let host = endpoint.host_str().map(|host| format!("{bucket}.{host}"));
        endpoint
            .set_host(host.as_deref())
            .map_err(|error| MediaError::Settings(error.to_string()))?;
    }
    Ok(endpoint.as_str().trim_end_matches('/').to_owned())
}

/// The requests of the object store, sent as all others.
#[derive(Clone)]
struct Requests {
    outgoing: Outgoing,
    time_max: Duration,
}

impl std::fmt::Debug for Requests {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Requests").field("time_max", &self.time_max).finish_non_exhaustive()
    }
}

impl HttpConnector for Requests {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

#[async_trait]
impl HttpService for Requests {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let (head, body) = request.into_parts();
        let request = Request::from_parts(head, whole(body).await?);
        let limits = Limits {
            body_bytes_max: S3_ANSWER_BYTES_MAX,
            time_max: self.time_max,
            redirects_max: 0,
        };
        let answer = self.outgoing.request(request, limits).await;
        let answer = answer.map_err(|error| HttpError::new(kind(&error), error))?;
        let mut response = Response::new(answer.body.into());
        *response.status_mut() = answer.status;
        *response.headers_mut() = answer.headers;
        Ok(response)
    }
}

async fn whole(body: HttpRequestBody) -> Result<Bytes, HttpError> {
    if let Some(bytes) = body.as_bytes() {
        return Ok(bytes.clone());
    }
    let pieces: Vec<Bytes> = http_body_util::BodyDataStream::new(body).try_collect().await?;
    Ok(pieces.concat().into())
}

/// What the object store decides by whether to ask again.
const fn kind(error: &OutgoingError) -> HttpErrorKind {
    match error {
        OutgoingError::TimedOut => HttpErrorKind::Timeout,
        OutgoingError::Unreachable(_) => HttpErrorKind::Interrupted,
        _ => HttpErrorKind::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_stands_in_the_path_or_in_the_host() {
        let endpoint = || Url::parse("https://s3.example.org:9000/").unwrap();
        let in_path = endpoint_of(endpoint(), "files", true).unwrap();
        assert_eq!(in_path, "https://s3.example.org:9000");
        let in_host = endpoint_of(endpoint(), "files", false).unwrap();
        assert_eq!(in_host, "https://files.s3.example.org:9000");
        let address = Url::parse("http://127.0.0.1:9000").unwrap();
        assert!(endpoint_of(address, "fi les", false).is_err());
    }
}
