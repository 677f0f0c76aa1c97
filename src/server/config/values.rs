//! Values of settings that are more than their TOML type, checked as they are read.

use std::{net::IpAddr, str::FromStr};

use hearth_base::Secret;
use ipnet::IpNet;
use ruma::{RoomVersionId, UserId};
use serde::{Deserialize, Deserializer, de::Error};
use tracing_subscriber::EnvFilter;
use url::Url;

/// Room versions that a room can be created with.
const ROOM_VERSIONS: [RoomVersionId; 7] = [
    RoomVersionId::V6,
    RoomVersionId::V7,
    RoomVersionId::V8,
    RoomVersionId::V9,
    RoomVersionId::V10,
    RoomVersionId::V11,
    RoomVersionId::V12,
];

/// A token bucket: `per_second` on average, `burst` at once.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(try_from = "RawRate")]
pub struct Rate {
    /// How many a second are allowed in the long run; more than 0.
    pub per_second: f64,
    /// How many are allowed at once; at least 1.
    pub burst: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRate {
    per_second: f64,
    burst: u32,
}

impl TryFrom<RawRate> for Rate {
    type Error = &'static str;

    fn try_from(RawRate { per_second, burst }: RawRate) -> Result<Self, Self::Error> {
        if !per_second.is_finite() || per_second <= 0.0 {
            return Err("`per_second` must be more than 0");
        }
        if burst == 0 {
            return Err("`burst` must be at least 1");
        }
        Ok(Self { per_second, burst })
    }
}

/// One address, or a network such as `10.0.0.0/8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network(IpNet);

impl Network {
    /// Whether the address is in the network. An IPv4 address may come mapped into IPv6.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }

    /// The network as others know it.
    #[must_use]
    pub const fn net(&self) -> IpNet {
        self.0
    }
}

impl FromStr for Network {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let address = text.parse::<IpAddr>().map(IpNet::from);
        let network = address.or_else(|_| text.parse());
        network.map(Self).map_err(|_| "expected an address, or a network such as 10.0.0.0/8")
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

pub(super) fn room_version<'de, D>(from: D) -> Result<RoomVersionId, D::Error>
where
    D: Deserializer<'de>,
{
    let version = RoomVersionId::deserialize(from)?;
    if !ROOM_VERSIONS.contains(&version) {
        return Err(D::Error::custom("rooms can be created in versions 6 to 12"));
    }
    Ok(version)
}

/// The part of a user id before the colon, of this server.
pub(super) fn localpart<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    let localpart = String::deserialize(from)?;
    UserId::parse(format!("@{localpart}:localhost")).map_err(D::Error::custom)?;
    Ok(Some(localpart))
}

pub(super) fn log_level<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let level = String::deserialize(from)?;
    EnvFilter::try_new(&level).map_err(D::Error::custom)?;
    Ok(level)
}

pub(super) fn web_address<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Url>, D::Error> {
    let url = Url::parse(&String::deserialize(from)?).map_err(D::Error::custom)?;
    if !["http", "https"].contains(&url.scheme()) {
        return Err(D::Error::custom("expected an http or https address"));
    }
    Ok(Some(url))
}

/// What paths begin with: nothing, or a slash and words.
pub(super) fn base_path<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let path = String::deserialize(from)?;
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"/_-.".contains(&byte);
    let is_path = path.starts_with('/') && !path.ends_with('/') && !path.contains("//");
    if path.is_empty() || (is_path && path.bytes().all(is_allowed)) {
        return Ok(path);
    }
    Err(D::Error::custom("expected nothing, or a path such as /api"))
}

pub(super) fn addresses<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Url>, D::Error> {
    let addresses = Vec::<String>::deserialize(from)?;
    addresses.iter().map(|address| Url::parse(address).map_err(D::Error::custom)).collect()
}

pub(super) fn default_scopes() -> Vec<String> {
    vec!["profile".to_owned()]
}

pub(super) fn default_localpart() -> String {
    "{preferred_username}".to_owned()
}

pub(super) const fn yes() -> bool {
    true
}

pub(super) fn secret<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Secret>, D::Error> {
    not_empty(Secret::deserialize(from)?).map(Some)
}

pub(super) fn secrets<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Secret>, D::Error> {
    Vec::<Secret>::deserialize(from)?.into_iter().map(not_empty).collect()
}

/// An empty secret is a mistake that would let everybody in.
fn not_empty<E: Error>(secret: Secret) -> Result<Secret, E> {
    if secret.expose().is_empty() { Err(E::custom("must not be empty")) } else { Ok(secret) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_an_address_or_a_range() {
        let one: Network = "127.0.0.1".parse().unwrap();
        assert!(one.contains("127.0.0.1".parse().unwrap()));
        assert!(one.contains("::ffff:127.0.0.1".parse().unwrap()));
        assert!(!one.contains("127.0.0.2".parse().unwrap()));
        let range: Network = "fd00::/8".parse().unwrap();
        assert!(range.contains("fd12::1".parse().unwrap()));
        assert!(!range.contains("10.0.0.1".parse().unwrap()));
        assert!("localhost".parse::<Network>().is_err());
    }
}
