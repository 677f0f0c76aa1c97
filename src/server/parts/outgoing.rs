//! Requests to elsewhere, as the settings allow them.

use std::path::PathBuf;

use hearth_outgoing::Outgoing;

use crate::{
    config::{Network, Settings},
    wiring::WiringError,
};

/// The client for requests to elsewhere.
///
/// # Errors
/// A certificate cannot be read, or the client cannot be built.
pub(super) fn open_outgoing(settings: &Settings) -> Result<Outgoing, WiringError> {
    let networks = |networks: &[Network]| networks.iter().map(Network::net).collect();
    let read = |path: &PathBuf| {
        let unreadable = |error| WiringError::Outgoing(format!("{}: {error}", path.display()));
        std::fs::read(path).map_err(unreadable)
    };
    let authorities = settings.federation.trusted_ca_files.iter().map(read);
    let outgoing = hearth_outgoing::Settings {
        allow: networks(&settings.outgoing.allow),
        deny: networks(&settings.outgoing.deny),
        allow_private_addresses: settings.testing.allow_private_addresses,
        certificate_authorities: authorities.collect::<Result<_, _>>()?,
    };
    Outgoing::new(outgoing).map_err(|error| WiringError::Outgoing(error.to_string()))
}
