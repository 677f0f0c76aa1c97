//! Every part of the server, constructed from the ones below it, and taken down in reverse.
//!
//! The order of construction is the dependency graph. Settings become each crate's own small
//! settings here, and nowhere else.

use axum::{Router, routing::get};
use hearth_base::Random;
use tokio_util::sync::CancellationToken;

use crate::{
    client_address::ClientAddress,
    config::Settings,
    data_dir::{DataDir, DataDirError},
    request_log::log_requests,
};

/// A homeserver without sockets.
pub struct Homeserver {
    client: Router,
    _data_dir: DataDir,
}

/// Why the parts do not come together.
#[derive(Debug, thiserror::Error)]
pub enum WiringError {
    /// The data directory cannot be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
}

impl Homeserver {
    /// Opens the data directory and constructs everything on top of it. Long polls answer when
    /// `shutdown` is cancelled.
    ///
    /// # Errors
    /// See [`WiringError`].
    pub async fn open(
        settings: &Settings,
        _shutdown: &CancellationToken,
    ) -> Result<Self, WiringError> {
        let random = Random::system();
        let data_dir = DataDir::open(&settings.data_dir, &settings.server_name, &random)?;
        let routes = Router::new().route("/health", get(async || "ok"));
        let client = ClientAddress::new(&settings.listen.trusted_proxies).apply(routes);
        Ok(Self {
            client: log_requests(client, &random),
            _data_dir: data_dir,
        })
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
        Ok(())
    }
}
