//! `hearth serve`: from settings to an orderly end.

use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::CommandError;
use crate::{
    config::Settings, listeners::Listeners, logging, metrics, shutdown, wiring::Homeserver,
};

/// Runs a homeserver until SIGTERM or SIGINT.
pub(super) fn serve(settings: Settings) -> Result<(), CommandError> {
    logging::start(&settings.log)?;
    if settings.testing.allow_private_addresses {
        warn!("testing.allow_private_addresses IS ON: never run a real server like this");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(run(settings))
}

async fn run(settings: Settings) -> Result<(), CommandError> {
    let shutdown = shutdown::on_signal()?;
    if let Some(address) = settings.listen.metrics {
        let exporter = metrics::start(address)?;
        tokio::spawn(async move {
            if exporter.await.is_err() {
                error!(%address, "nobody answers /metrics any more");
            }
        });
    }
    let homeserver = Homeserver::open(&settings, &shutdown).await?;
    let served = listen(&settings, &homeserver, shutdown).await;
    homeserver.close().await?;
    served?;
    info!("stopped; everything is written");
    Ok(())
}

async fn listen(
    settings: &Settings,
    homeserver: &Homeserver,
    shutdown: CancellationToken,
) -> Result<(), CommandError> {
    let listeners = Listeners::bind(&settings.listen).await?;
    let address = listeners.client_address()?;
    info!(server_name = %settings.server_name, "listening on http://{address}");
    let (client, federation) = (homeserver.client_router(), homeserver.federation_router());
    Ok(listeners.serve(client, federation, shutdown).await?)
}
