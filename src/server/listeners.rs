//! The sockets: plain HTTP for clients, TLS for other servers, and their orderly end.
//!
//! Invariant: a client has a bounded time to send its headers, and the shutdown has a bounded
//! time to drain, so neither a slow nor a dead peer holds anything for ever.

use std::{
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use axum::{Router, extract::connect_info::IntoMakeServiceWithConnectInfo};
use axum_server::{
    Handle, Server,
    accept::NoDelayAcceptor,
    tls_rustls::{RustlsAcceptor, RustlsConfig},
};
use hyper_util::rt::TokioTimer;
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem, pem::PemObject},
};
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::config::{FederationListen, Listen};

/// Longest time from connection, or from one request, to the end of the next one's headers.
const HEADERS_TIME_MAX: Duration = Duration::from_secs(120);
/// Longest time that open requests have to finish after the shutdown began.
const DRAIN_TIME_MAX: Duration = Duration::from_secs(10);

/// Sockets that are bound and do not accept yet.
pub struct Listeners {
    client: TcpListener,
    federation: Option<(TcpListener, RustlsConfig)>,
}

/// Why a socket cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The address is taken or not ours.
    #[error("cannot listen on {address}: {source}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// The certificate or the key cannot be used.
    #[error("{}: {reason}", file.display())]
    Tls {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The socket failed while it was served.
    #[error("listener: {0}")]
    Io(#[from] io::Error),
}

impl Listeners {
    /// Binds what the settings ask for.
    ///
    /// # Errors
    /// See [`ListenError`].
    pub async fn bind(settings: &Listen) -> Result<Self, ListenError> {
        let federation = match &settings.federation {
            Some(federation) => Some((bind(federation.address).await?, tls(federation)?)),
            None => None,
        };
        Ok(Self { client: bind(settings.client).await?, federation })
    }

    /// The address clients reach, with the port that was chosen if the settings said port 0.
    ///
    /// # Errors
    /// When the socket has gone.
    pub fn client_address(&self) -> io::Result<SocketAddr> {
        self.client.local_addr()
    }

    /// Serves until `shutdown`, then stops accepting and gives open requests
    /// [`DRAIN_TIME_MAX`] to finish.
    ///
    /// # Errors
    /// When a socket fails.
    pub async fn serve(
        self,
        client: Router,
        federation: Router,
        shutdown: CancellationToken,
    ) -> Result<(), ListenError> {
        let mut servers = JoinSet::new();
        let (server, make_service) = prepare(self.client, client, &shutdown);
        servers.spawn(server.acceptor(NoDelayAcceptor::new()).serve(make_service));
        if let Some((listener, tls)) = self.federation {
            let acceptor = RustlsAcceptor::new(tls).acceptor(NoDelayAcceptor::new());
            let (server, make_service) = prepare(listener, federation, &shutdown);
            servers.spawn(server.acceptor(acceptor).serve(make_service));
        }
        while let Some(ended) = servers.join_next().await {
            shutdown.cancel();
            ended.map_err(io::Error::other)??;
        }
        Ok(())
    }
}

type MakeService = IntoMakeServiceWithConnectInfo<Router, SocketAddr>;

/// A server of `router` that ends with `shutdown`, and what it needs to know peers' addresses.
fn prepare(
    listener: TcpListener,
    router: Router,
    shutdown: &CancellationToken,
) -> (Server<SocketAddr>, MakeService) {
    let handle = Handle::new();
    let mut server = Server::from_listener(listener).handle(handle.clone());
    let timer = TokioTimer::new();
    server.http_builder().http1().timer(timer.clone()).header_read_timeout(HEADERS_TIME_MAX);
    server.http_builder().http2().timer(timer);
    let shutdown = shutdown.clone();
    tokio::spawn(async move {
        shutdown.cancelled().await;
        handle.graceful_shutdown(Some(DRAIN_TIME_MAX));
    });
    (server, router.into_make_service_with_connect_info())
}

async fn bind(address: SocketAddr) -> Result<TcpListener, ListenError> {
    TcpListener::bind(address).await.map_err(|source| ListenError::Bind { address, source })
}

fn tls(settings: &FederationListen) -> Result<RustlsConfig, ListenError> {
    let chain = certificates(&settings.certificate_file)
        .map_err(|error| unusable(&settings.certificate_file, &error))?;
    let key = PrivateKeyDer::from_pem_file(&settings.key_file)
        .map_err(|error| unusable(&settings.key_file, &error))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(|error| unusable(&settings.certificate_file, &error))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(RustlsConfig::from_config(Arc::new(config)))
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, pem::Error> {
    let chain = CertificateDer::pem_file_iter(file)?.collect::<Result<Vec<_>, _>>()?;
    if chain.is_empty() { Err(pem::Error::NoItemsFound) } else { Ok(chain) }
}

fn unusable(file: &Path, reason: &dyn std::fmt::Display) -> ListenError {
    ListenError::Tls { file: file.to_owned(), reason: reason.to_string() }
}
