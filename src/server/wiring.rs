//! A homeserver without sockets: its parts and its routes, taken down in reverse.

use std::time::Duration;

use axum::{Router, routing::get};
use hearth_base::Random;
use tokio_util::sync::CancellationToken;

use crate::{
    api::client_api,
    chat_api::chat_api,
    client_address::ClientAddress,
    config::Settings,
    data_dir::{DataDir, DataDirError},
    parts::Parts,
    request_log::log_requests,
};

/// How long the end of the process waits for work beside requests.
const TASKS_TIMEOUT: Duration = Duration::from_secs(10);

/// A homeserver without sockets.
pub struct Homeserver {
    client: Router,
    parts: Parts,
    _data_dir: DataDir,
}

/// Why the parts do not come together.
#[derive(Debug, thiserror::Error)]
pub enum WiringError {
    /// The data directory cannot be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The store in it cannot be opened.
    #[error(transparent)]
    OpenStore(#[from] hearth_store_rocks::OpenError),
    /// The store cannot be read or written.
    #[error(transparent)]
    Store(#[from] hearth_store::StoreError),
    /// The settings of accounts are not usable.
    #[error(transparent)]
    Accounts(#[from] hearth_accounts::AccountsError),
    /// The settings of login through other providers are not usable.
    #[error(transparent)]
    Sso(#[from] hearth_sso::SsoError),
    /// The directory of media cannot be used.
    #[error("the media directory cannot be used: {0}")]
    Media(String),
    /// Letters cannot be sent like this.
    #[error(transparent)]
    Mail(#[from] hearth_mail::MailError),
    /// The index of messages cannot be used.
    #[error(transparent)]
    Search(#[from] hearth_search::SearchError),
    /// Requests to elsewhere cannot be made.
    #[error("outgoing requests: {0}")]
    Outgoing(String),
    /// The registration of an application service cannot be used.
    #[error("the registration {}: {reason}", path.display())]
    Registration {
        /// Its file.
        path: std::path::PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The process ended while it started.
    #[error("interrupted")]
    Interrupted,
}

impl Homeserver {
    /// Opens the data directory and constructs everything on top of it. Long polls answer when
    /// `shutdown` is cancelled.
    ///
    /// # Errors
    /// See [`WiringError`].
    pub async fn open(
        settings: &Settings,
        shutdown: &CancellationToken,
    ) -> Result<Self, WiringError> {
        let random = Random::system();
        let data_dir = DataDir::open(&settings.data_dir, &settings.server_name, &random)?;
        let parts = Parts::open(settings, &data_dir, shutdown).await?;
        let routes = client_api(settings, &parts).route("/health", get(async || "ok"));
        let routes = match chat_api(settings, &parts, shutdown) {
            Some(chat) => routes.merge(chat),
            None => routes,
        };
        let client = ClientAddress::new(&settings.listen.trusted_proxies).apply(routes);
        Ok(Self { client: log_requests(client, &random), parts, _data_dir: data_dir })
    }

    /// What clients reach.
    pub fn client_router(&self) -> Router {
        self.client.clone()
    }

    /// What other servers reach: for now the same.
    pub fn federation_router(&self) -> Router {
        self.client.clone()
    }

    /// Writes out what is in flight and lets go of the data directory.
    ///
    /// # Errors
    /// See [`WiringError`].
    pub async fn close(self) -> Result<(), WiringError> {
        self.parts.tasks.close();
        if tokio::time::timeout(TASKS_TIMEOUT, self.parts.tasks.wait()).await.is_err() {
            tracing::warn!("work beside requests did not end in time");
        }
        Ok(self.parts.store.close().await?)
    }
}
