//! From names to addresses, with those that may not be reached taken out.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use futures::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::{guard::Guard, limits::ADDRESSES_MAX};

/// Finds the addresses of a host.
pub trait Resolver: Send + Sync {
    /// The addresses of `host`, the preferred one first.
    fn resolve(&self, host: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>>;
}

/// Resolves as the machine does: its hosts file, its name servers.
#[derive(Clone, Copy, Debug)]
pub struct SystemResolver;

impl Resolver for SystemResolver {
    fn resolve(&self, host: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        Box::pin(async move {
            let found = tokio::net::lookup_host((host, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// A host has addresses, and none of them may be reached.
#[derive(Debug, thiserror::Error)]
#[error("the address is not allowed")]
pub(crate) struct ForbiddenHost;

/// A resolver that knows no forbidden address.
pub(crate) struct GuardedResolver {
    pub guard: Arc<Guard>,
    pub resolver: Arc<dyn Resolver>,
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let found = self.resolver.resolve(name.as_str().to_owned());
        let guard = self.guard.clone();
        Box::pin(async move {
            let found = found.await?;
            if found.is_empty() {
                return Err(io::Error::other("the host has no address").into());
            }
            let allowed = found.into_iter().filter(|address| guard.allows(*address));
            // Port 0 stands for the one that the URL has.
            let allowed = allowed.map(|address| SocketAddr::new(address, 0));
            let allowed: Vec<_> = allowed.take(ADDRESSES_MAX).collect();
            if allowed.is_empty() {
                return Err(ForbiddenHost.into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}
