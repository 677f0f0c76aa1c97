//! Which addresses may be reached.
//!
//! Invariant: an address is public only if it is known to be; what wraps an IPv4 address is judged
//! by that address. Sources: IANA's registries of special-purpose addresses (RFC 6890).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// IPv4 networks that are not public.
const SPECIAL_V4: [Ipv4Net; 15] = [
    v4(0, 0, 0, 0, 8),       // this network
    v4(10, 0, 0, 0, 8),      // private
    v4(100, 64, 0, 0, 10),   // carrier-grade NAT
    v4(127, 0, 0, 0, 8),     // loopback
    v4(169, 254, 0, 0, 16),  // link-local, and the metadata services of clouds
    v4(172, 16, 0, 0, 12),   // private
    v4(192, 0, 0, 0, 24),    // protocol assignments
    v4(192, 0, 2, 0, 24),    // documentation
    v4(192, 88, 99, 0, 24),  // relays of 6to4
    v4(192, 168, 0, 0, 16),  // private
    v4(198, 18, 0, 0, 15),   // benchmarks
    v4(198, 51, 100, 0, 24), // documentation
    v4(203, 0, 113, 0, 24),  // documentation
    v4(224, 0, 0, 0, 4),     // multicast
    v4(240, 0, 0, 0, 4),     // reserved, broadcast
];

/// The only part of IPv6 that has public addresses.
const GLOBAL_V6: Ipv6Net = v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3);

/// What is not public within [`GLOBAL_V6`].
const SPECIAL_V6: [Ipv6Net; 4] = [
    v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23), // protocol assignments, Teredo
    v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32), // documentation
    v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16), // 6to4
    v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20), // documentation
];

/// The well-known prefix under which a translator (NAT64) reaches an IPv4 address.
const NAT64: Ipv6Net = v6([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96);

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix_bits: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix_bits)
}

const fn v6(parts: [u16; 8], prefix_bits: u8) -> Ipv6Net {
    let [a, b, c, d, e, f, g, h] = parts;
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, e, f, g, h), prefix_bits)
}

/// The rule by which an address may be reached.
#[derive(Debug)]
pub(crate) struct Guard {
    allow: Vec<IpNet>,
    deny: Vec<IpNet>,
    allow_all: bool,
}

impl Guard {
    pub(crate) const fn new(allow: Vec<IpNet>, deny: Vec<IpNet>, allow_all: bool) -> Self {
        Self { allow, deny, allow_all }
    }

    /// Whether `address` may be reached: not if it is denied; else if all are allowed, it is
    /// allowed, or public.
    pub(crate) fn allows(&self, address: IpAddr) -> bool {
        let address = unwrapped(address);
        let listed = |networks: &[IpNet]| networks.iter().any(|network| network.contains(&address));
        !listed(&self.deny) && (self.allow_all || listed(&self.allow) || is_public(address))
    }
}

/// The IPv4 address that an IPv6 address stands for, if it does.
fn unwrapped(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(wrapped) if NAT64.contains(&wrapped) => {
            let [.., a, b, c, d] = wrapped.octets();
            IpAddr::V4(Ipv4Addr::new(a, b, c, d))
        }
        address => address,
    }
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !SPECIAL_V4.iter().any(|network| network.contains(&address)),
        IpAddr::V6(address) => {
            let is_special = SPECIAL_V6.iter().any(|network| network.contains(&address));
            GLOBAL_V6.contains(&address) && !is_special
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(guard: &Guard, address: &str) -> bool {
        guard.allows(address.parse().unwrap())
    }

    #[test]
    fn only_public_addresses_are_allowed() {
        let guard = Guard::new(vec![], vec![], false);
        let public = ["1.1.1.1", "100.128.0.1", "172.32.0.1", "198.20.0.1", "2606:4700::1111"];
        let public = public.into_iter().chain(["::ffff:1.1.1.1", "64:ff9b::1.1.1.1"]);
        for address in public {
            assert!(allows(&guard, address), "{address}");
        }
        let special = [
            "0.0.0.0",
            "0.1.2.3",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "127.8.8.8",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.19.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.250",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::10.0.0.1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ];
        for address in special {
            assert!(!allows(&guard, address), "{address}");
        }
    }

    #[test]
    fn lists_change_what_is_allowed_and_denial_wins() {
        let nets = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
        let guard = Guard::new(nets(&["10.0.0.0/8"]), nets(&["10.1.0.0/16", "1.1.1.1/32"]), false);
        assert!(allows(&guard, "10.2.0.1") && allows(&guard, "::ffff:10.2.0.1"));
        assert!(!allows(&guard, "10.1.0.1") && !allows(&guard, "::ffff:10.1.0.1"));
        assert!(!allows(&guard, "1.1.1.1") && !allows(&guard, "127.0.0.1"));

        let open = Guard::new(vec![], nets(&["127.0.0.2/32"]), true);
        assert!(allows(&open, "127.0.0.1") && !allows(&open, "127.0.0.2"));
    }
}
