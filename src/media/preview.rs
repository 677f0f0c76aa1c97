//! Previews of the pages that messages link to.
//!
//! Invariant: whatever page and picture are, they are fetched by [`Outgoing`], so never from an
//! address that is not public, and within bounds of size and time; of a page only text is taken
//! over, of its picture only what begins like one of the formats that are decoded.
//!
//! Deliberately absent: scripts and style sheets, oEmbed, and cookies.

use std::{collections::HashMap, sync::Arc};

use futures::{
    FutureExt,
    future::{BoxFuture, Shared, WeakShared},
};
use hearth_outgoing::{Fetched, Limits, Outgoing, OutgoingError};
use http::{HeaderMap, HeaderValue, header};
use parking_lot::Mutex;
use serde_json::{Map, Value, json};
use tokio::sync::Semaphore;
use url::Url;

use crate::{
    Media, MediaError,
    limits::{
        PREVIEW_FRESH_MS, PREVIEW_PAGE_BYTES_MAX, PREVIEW_PICTURE_BYTES_MAX, PREVIEW_REDIRECTS_MAX,
        PREVIEW_TIME_MAX, PREVIEW_URL_BYTES_MAX, PREVIEWS_FETCHED_MAX,
    },
    page::{Page, read_page},
    preview_rows::Picture,
    tables::ContentHash,
};

/// What an administrator decides about previews.
#[derive(Clone, Debug, Default)]
pub struct PreviewSettings {
    /// Hosts of which previews are made, `*` in them standing for anything; empty: all.
    pub allow: Vec<String>,
    /// Hosts of which none are made; stronger than `allow`.
    pub deny: Vec<String>,
}

/// Previews of pages. Cheap to clone.
#[derive(Clone)]
pub struct Previews(Arc<Parts>);

struct Parts {
    media: Media,
    outgoing: Outgoing,
    settings: PreviewSettings,
    /// One permit a page that may be fetched at the same time.
    fetches: Semaphore,
    /// Pages that are being fetched: who wants the same one waits for the same answer.
    fetching: Mutex<HashMap<ContentHash, WeakShared<Fetching>>>,
}

type Fetching = BoxFuture<'static, Result<Arc<str>, PreviewError>>;

/// Why there is no preview.
#[derive(Clone, Debug, thiserror::Error)]
pub enum PreviewError {
    /// It is not the URL of a page.
    #[error("there are no previews of such URLs: {0}")]
    BadUrl(String),
    /// The address may not be fetched.
    #[error("previews of this address are not allowed")]
    Forbidden,
    /// Nobody answers there, or not with a page.
    #[error("there is no preview: {0}")]
    NoPage(String),
    /// Media failed.
    #[error("media: {0}")]
    Media(Arc<MediaError>),
}

impl From<MediaError> for PreviewError {
    fn from(error: MediaError) -> Self {
        Self::Media(Arc::new(error))
    }
}

impl From<OutgoingError> for PreviewError {
    fn from(error: OutgoingError) -> Self {
        match error {
            OutgoingError::Forbidden => Self::Forbidden,
            OutgoingError::BadUrl(reason) => Self::BadUrl(reason),
            error => Self::NoPage(error.to_string()),
        }
    }
}

impl Previews {
    /// Previews that are kept among `media` and fetched with `outgoing`.
    #[must_use]
    pub fn new(media: Media, outgoing: Outgoing, settings: PreviewSettings) -> Self {
        Self(Arc::new(Parts {
            media,
            outgoing,
            settings,
            fetches: Semaphore::new(PREVIEWS_FETCHED_MAX),
            fetching: Mutex::new(HashMap::new()),
        }))
    }

    /// The preview of a URL as a JSON object of Open Graph properties; one that is kept will do if
    /// it is fresh, or not older than `ts_ms`.
    ///
    /// # Errors
    /// See [`PreviewError`].
    pub async fn get(&self, url: &str, ts_ms: Option<u64>) -> Result<Arc<str>, PreviewError> {
        let url = self.checked(url)?;
        let key = *blake3::hash(url.as_str().as_bytes()).as_bytes();
        if let Some(kept) = self.0.media.preview_row(&key).await? {
            let now_ms = self.0.media.0.clock.now_ms();
            let is_fresh = now_ms < kept.fetched_at_ms.saturating_add(PREVIEW_FRESH_MS);
            if is_fresh || ts_ms.is_some_and(|ts_ms| kept.fetched_at_ms >= ts_ms) {
                return Ok(kept.json.into());
            }
        }
        self.shared(key, url).await
    }

    /// The URL without its fragment, if a preview of it may be made.
    fn checked(&self, url: &str) -> Result<Url, PreviewError> {
        if url.len() > PREVIEW_URL_BYTES_MAX {
            return Err(PreviewError::BadUrl("it is too long".to_owned()));
        }
        let bad = |error: url::ParseError| PreviewError::BadUrl(error.to_string());
        let mut url = Url::parse(url).map_err(bad)?;
        url.set_fragment(None);
        let plain = matches!(url.scheme(), "http" | "https") && url.username().is_empty();
        let Some(host) = url.host_str().filter(|_| plain && url.password().is_none()) else {
            return Err(PreviewError::BadUrl("it is not that of a public page".to_owned()));
        };
        let PreviewSettings { allow, deny } = &self.0.settings;
        let listed = |hosts: &[String]| hosts.iter().any(|pattern| matches(pattern, host));
        if listed(deny) || (!allow.is_empty() && !listed(allow)) {
            return Err(PreviewError::Forbidden);
        }
        Ok(url)
    }

    /// Fetches a preview, or waits for somebody who is doing so.
    fn shared(&self, key: ContentHash, url: Url) -> Shared<Fetching> {
        let mut fetching = self.0.fetching.lock();
        if let Some(running) = fetching.get(&key).and_then(WeakShared::upgrade) {
            return running;
        }
        fetching.retain(|_, running| running.upgrade().is_some());
        let previews = self.clone();
        let fetch = async move { previews.fetch(key, &url).await };
        let shared = fetch.boxed().shared();
        if let Some(weak) = shared.downgrade() {
            fetching.insert(key, weak);
        }
        shared
    }

    async fn fetch(&self, key: ContentHash, url: &Url) -> Result<Arc<str>, PreviewError> {
        let permit = self.0.fetches.acquire().await;
        let _permit = permit.map_err(|error| PreviewError::NoPage(error.to_string()))?;
        let fetched = self.get_url(url, PREVIEW_PAGE_BYTES_MAX, "text/html,*/*;q=0.5").await?;
        let (mut card, picture) = if is_html(&fetched) {
            self.of_page(fetched).await?
        } else if content_type(&fetched).starts_with("image/") {
            // The page was cut off where pages are: the picture may be larger.
            (Map::new(), self.picture(&fetched.url).await?)
        } else {
            (Map::new(), None)
        };
        if let Some(picture) = &picture {
            picture.describe(&mut card);
        }
        let json = Value::Object(card).to_string();
        self.0.media.keep_preview(key, &json, picture).await?;
        Ok(json.into())
    }

    async fn of_page(
        &self,
        fetched: Fetched,
    ) -> Result<(Map<String, Value>, Option<Picture>), PreviewError> {
        let url = fetched.url.clone();
        let clock = self.0.media.0.clock.clone();
        let read = tokio::task::spawn_blocking(move || {
            read_page(&fetched.body, &content_type(&fetched), &clock)
        });
        let page = read.await.map_err(|error| PreviewError::NoPage(error.to_string()))?;
        let picture = match page.picture.as_deref().and_then(|at| url.join(at).ok()) {
            // A page without its picture is a preview nevertheless.
            Some(at) => self.picture(&at).await.unwrap_or_else(|error| {
                tracing::debug!(%error, "a preview goes without its picture");
                None
            }),
            None => None,
        };
        Ok((card(page, &url), picture))
    }

    /// Fetches a picture and keeps it; `None` if it is of no format that is known.
    async fn picture(&self, url: &Url) -> Result<Option<Picture>, PreviewError> {
        let fetched =
            self.0.outgoing.get(url, accepting("image/*"), limits(PREVIEW_PICTURE_BYTES_MAX));
        let fetched = fetched.await?;
        if !fetched.status.is_success() {
            return Err(PreviewError::NoPage(fetched.status.to_string()));
        }
        Ok(self.0.media.keep_picture(fetched.body).await?)
    }

    async fn get_url(
        &self,
        url: &Url,
        bytes_max: u64,
        accept: &'static str,
    ) -> Result<Fetched, PreviewError> {
        let fetched = self.0.outgoing.get_start(url, accepting(accept), limits(bytes_max)).await?;
        if !fetched.status.is_success() {
            return Err(PreviewError::NoPage(format!("the page answers {}", fetched.status)));
        }
        Ok(fetched)
    }
}

fn accepting(types: &'static str) -> HeaderMap {
    HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(types))])
}

const fn limits(body_bytes_max: u64) -> Limits {
    Limits { body_bytes_max, time_max: PREVIEW_TIME_MAX, redirects_max: PREVIEW_REDIRECTS_MAX }
}

fn content_type(fetched: &Fetched) -> String {
    let declared = fetched.headers.get(header::CONTENT_TYPE);
    declared.and_then(|value| value.to_str().ok()).unwrap_or_default().to_ascii_lowercase()
}

fn is_html(fetched: &Fetched) -> bool {
    let content_type = content_type(fetched);
    content_type.starts_with("text/html") || content_type.starts_with("application/xhtml+xml")
}

/// What clients are shown of a page.
fn card(page: Page, url: &Url) -> Map<String, Value> {
    let mut card: Map<_, _> =
        page.properties.into_iter().map(|(name, text)| (name, Value::String(text))).collect();
    let mut or_else = |name: &str, text: Option<String>| {
        if let Some(text) = text {
            card.entry(name).or_insert(json!(text));
        }
    };
    or_else("og:title", page.title);
    or_else("og:description", page.description);
    or_else("og:url", Some(url.to_string()));
    card
}

/// Whether a host matches a pattern in which `*` stands for anything.
fn matches(pattern: &str, host: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern.eq_ignore_ascii_case(host),
        Some((start, end)) => {
            let (host, start) = (host.to_ascii_lowercase(), start.to_ascii_lowercase());
            let rest = host.strip_prefix(&start);
            rest.is_some_and(|rest| rest.ends_with(&end.to_ascii_lowercase()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_match_patterns() {
        assert!(matches("example.org", "EXAMPLE.org"));
        assert!(matches("*.example.org", "a.b.example.org"));
        assert!(!matches("*.example.org", "example.org"));
        assert!(!matches("*.example.org", "badexample.org"));
        assert!(matches("*", "anything") && matches("10.*", "10.1.2.3"));
    }
}
