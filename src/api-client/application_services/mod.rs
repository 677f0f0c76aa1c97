//! What this server asks application services for on behalf of a client: whether they are there,
//! and what they know of third-party networks.

mod call;
mod ping;
mod third_party;

pub(crate) use self::{
    ping::ping,
    third_party::{
        location_of_alias, locations_of_protocol, protocol, protocols, user_of_id,
        users_of_protocol,
    },
};

/// What clients call a network of a service, as `third_party_instance_id`.
pub(crate) fn instance_id(service: &str, network: &str) -> String {
    format!("{service}|{network}")
}
