//! Requests to application services: where, and with which token.

use hearth_accounts::ApplicationService;
use http::{
    HeaderMap, HeaderValue,
    header::{AUTHORIZATION, InvalidHeaderValue},
};
use url::Url;

/// The address of something of a service below `/_matrix/app/v1/`; none if the service has none.
pub(super) fn url(service: &ApplicationService, segments: &[&str]) -> Option<Url> {
    let base = service.registration.url.as_deref()?;
    let mut url = Url::parse(base).ok()?;
    let mut path = url.path_segments_mut().ok()?;
    path.pop_if_empty().extend(["_matrix", "app", "v1"]).extend(segments);
    drop(path);
    Some(url)
}

/// The header by which a service knows this server.
pub(super) fn headers(service: &ApplicationService) -> Result<HeaderMap, InvalidHeaderValue> {
    let token = HeaderValue::try_from(format!("Bearer {}", service.registration.hs_token))?;
    Ok(HeaderMap::from_iter([(AUTHORIZATION, token)]))
}
