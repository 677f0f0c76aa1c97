//! The identity servers that may be asked.

use hearth_identity::Identity;
use hearth_outgoing::Outgoing;
use url::Url;

use crate::{
    config::{IdentityServer, Settings},
    wiring::WiringError,
};

/// Who is asked about addresses.
///
/// # Errors
/// A server has no address of its own, and its name makes none.
pub(super) fn open_identity(
    settings: &Settings,
    outgoing: &Outgoing,
) -> Result<Identity, WiringError> {
    let place = |server: &IdentityServer| {
        let usual = || Url::parse(&format!("https://{}", server.name));
        let url = server.url.clone().map_or_else(usual, Ok);
        let unusable =
            |error| WiringError::Outgoing(format!("identity server {}: {error}", server.name));
        Ok::<_, WiringError>((server.name.clone(), url.map_err(unusable)?))
    };
    let servers = settings.identity_server.iter().map(place).collect::<Result<_, _>>()?;
    Ok(Identity::new(outgoing, servers))
}
