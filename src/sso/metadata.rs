//! What a provider publishes about itself: its endpoints and its keys, kept for a while.

use std::{sync::Arc, time::Duration};

use hearth_base::Clock;
use openidconnect::{IssuerUrl, core::CoreProviderMetadata};
use parking_lot::Mutex;

use crate::{SsoError, http_client::ProviderHttp};

/// How long what a provider said is believed without asking again.
const LIFETIME: Duration = Duration::from_secs(60 * 60);

/// The discovery document of one provider.
pub(crate) struct Metadata {
    clock: Clock,
    issuer: String,
    known: Mutex<Option<(u64, Arc<CoreProviderMetadata>)>>,
}

impl Metadata {
    pub(crate) fn new(clock: Clock, issuer: String) -> Self {
        Self { clock, issuer, known: Mutex::new(None) }
    }

    /// The document, fetched when there is none or it is old. It is the issuer's, to the letter.
    pub(crate) async fn get(
        &self,
        http: &ProviderHttp,
    ) -> Result<Arc<CoreProviderMetadata>, SsoError> {
        let now = self.clock.now_ms();
        if let Some((until, known)) = self.known.lock().as_ref()
            && now < *until
        {
            return Ok(Arc::clone(known));
        }
        let issuer = IssuerUrl::new(self.issuer.clone()).map_err(SsoError::provider)?;
        let found = CoreProviderMetadata::discover_async(issuer, http).await;
        let found = Arc::new(found.map_err(SsoError::provider)?);
        if found.issuer().as_str() != self.issuer {
            return Err(SsoError::provider("the discovery document is another issuer's"));
        }
        let lifetime_ms = u64::try_from(LIFETIME.as_millis()).unwrap_or(u64::MAX);
        *self.known.lock() = Some((now.saturating_add(lifetime_ms), Arc::clone(&found)));
        Ok(found)
    }

    /// Asks again next time: a signature did not verify, so the keys may have changed.
    pub(crate) fn forget(&self) {
        *self.known.lock() = None;
    }
}
