//! Whose request it is, by address: the peer's, unless the peer is a proxy that we trust.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use axum::{
    Router,
    extract::{ConnectInfo, Request, State},
    middleware::{Next, from_fn_with_state},
    response::Response,
};
use http::{HeaderMap, HeaderName};

use crate::config::Network;

/// The header in which each proxy appends the address it was asked from.
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The rule by which a client's address is found.
#[derive(Clone, Debug)]
pub struct ClientAddress {
    trusted_proxies: Arc<[Network]>,
}

impl ClientAddress {
    /// Believes nobody but these.
    #[must_use]
    pub fn new(trusted_proxies: &[Network]) -> Self {
        Self { trusted_proxies: trusted_proxies.into() }
    }

    /// Replaces the peer's address, `ConnectInfo<SocketAddr>`, by the client's in each request.
    pub fn apply(self, router: Router) -> Router {
        router.layer(from_fn_with_state(self, replace))
    }

    /// The right-most address that no trusted proxy has: everything to its left is hearsay.
    fn resolve(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        let lines = headers.get_all(FORWARDED_FOR).into_iter().filter_map(|v| v.to_str().ok());
        let said: Vec<&str> = lines.flat_map(|line| line.split(',')).collect();
        for said in said.into_iter().rev() {
            if !self.trusted_proxies.iter().any(|network| network.contains(client)) {
                break;
            }
            let Ok(address) = said.trim().parse::<IpAddr>() else {
                break;
            };
            client = address.to_canonical();
        }
        client
    }
}

async fn replace(State(rule): State<ClientAddress>, mut request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0);
    if let Some(peer) = peer {
        let client = SocketAddr::new(rule.resolve(peer.ip(), request.headers()), peer.port());
        request.extensions_mut().insert(ConnectInfo(client));
    }
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(trusted: &[&str], peer: &str, forwarded: &[&str]) -> String {
        let trusted: Vec<Network> = trusted.iter().map(|text| text.parse().unwrap()).collect();
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append(FORWARDED_FOR, line.parse().unwrap());
        }
        ClientAddress::new(&trusted).resolve(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn a_stranger_cannot_choose_its_address() {
        assert_eq!(resolve(&[], "192.0.2.1", &["198.51.100.1"]), "192.0.2.1");
        assert_eq!(resolve(&["10.0.0.0/8"], "192.0.2.1", &["198.51.100.1"]), "192.0.2.1");
    }

    #[test]
    fn a_trusted_proxy_names_its_client() {
        let trusted = ["127.0.0.1", "10.0.0.0/8"];
        assert_eq!(resolve(&trusted, "127.0.0.1", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(resolve(&trusted, "::ffff:127.0.0.1", &["198.51.100.1"]), "198.51.100.1");
        let lied = ["203.0.113.9, 198.51.100.1", "10.0.0.7"];
        assert_eq!(resolve(&trusted, "127.0.0.1", &lied), "198.51.100.1");
        assert_eq!(resolve(&trusted, "127.0.0.1", &["nonsense"]), "127.0.0.1");
        assert_eq!(resolve(&trusted, "127.0.0.1", &[]), "127.0.0.1");
    }
}
