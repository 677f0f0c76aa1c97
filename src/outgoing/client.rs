//! How the HTTP client is made.

use std::sync::Arc;

use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject},
};

use crate::{
    OutgoingError, Resolver,
    guard::Guard,
    limits::{CONNECT_TIME_MAX, HEADER_LINES_MAX, IDLE_CONNECTIONS_MAX, IDLE_TIME_MAX},
    resolver::GuardedResolver,
};

/// Who we say we are: some sites answer only to those who say.
const USER_AGENT: &str = concat!("Hearth/", env!("CARGO_PKG_VERSION"), " (bot; Matrix homeserver)");

/// TLS that trusts Mozilla's authorities and those in `more`, each the content of a PEM file.
pub(crate) fn tls(more: &[Vec<u8>]) -> Result<ClientConfig, OutgoingError> {
    let refused = |error: &dyn std::fmt::Display| {
        OutgoingError::Settings(format!("certificate authority: {error}"))
    };
    let mut roots = RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    for file in more {
        for certificate in CertificateDer::pem_slice_iter(file) {
            let certificate = certificate.map_err(|error| refused(&error))?;
            roots.add(certificate).map_err(|error| refused(&error))?;
        }
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| OutgoingError::Settings(error.to_string()))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

#[allow(clippy::disallowed_methods, reason = "the one place that makes the guarded client")]
pub(crate) fn build_client(
    tls: ClientConfig,
    guard: Arc<Guard>,
    resolver: Arc<dyn Resolver>,
) -> Result<reqwest::Client, OutgoingError> {
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .dns_resolver(GuardedResolver { guard, resolver })
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .no_proxy()
        .http1_only()
        .http1_max_headers(HEADER_LINES_MAX)
        .connect_timeout(CONNECT_TIME_MAX)
        .pool_idle_timeout(IDLE_TIME_MAX)
        .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX)
        .user_agent(USER_AGENT)
        .build()
        .map_err(|error| OutgoingError::Settings(error.to_string()))
}
