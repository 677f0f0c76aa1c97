//! What a client asks before it does anything else: versions, capabilities, where the server is,
//! and what it does not have.

mod auth_metadata;
mod capabilities;
#[cfg(test)]
mod tests;
mod versions;
mod voip;
mod well_known;

pub(crate) use self::{
    auth_metadata::auth_metadata,
    capabilities::capabilities,
    versions::versions,
    voip::turn_server,
    well_known::{homeserver, policy_server, server_address, support},
};
