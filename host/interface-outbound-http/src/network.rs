//! Networks that a component does not reach by chance.

use std::net::IpAddr;

use ipnet::IpNet;

/// The networks that are not part of the public internet: loopback, private,
/// link-local, shared, benchmark, documentation and multicast addresses
/// (RFC 6890, RFC 4193, RFC 6598).
const PRIVATE: [&str; 21] = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/3",
    "::/127",
    "64:ff9b::/96",
    "100::/64",
    "2001:db8::/32",
    "2002::/16",
    "fc00::/7",
    "fe80::/10",
    "ff00::/8",
];

/// A list of networks.
#[derive(Clone, Debug, Default)]
pub struct BlockedNetworks {
    networks: Vec<IpNet>,
}

impl BlockedNetworks {
    /// No network.
    pub fn none() -> Self {
        Self::default()
    }

    /// Every network that is not part of the public internet.
    pub fn private() -> Self {
        Self {
            networks: PRIVATE
                .iter()
                .filter_map(|network| network.parse().ok())
                .collect(),
        }
    }

    /// The given networks.
    pub fn new(networks: Vec<IpNet>) -> Self {
        Self { networks }
    }

    /// These networks and those of `other`.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.networks.extend(other.networks);
        self
    }

    /// Whether an address lies in one of the networks.
    pub fn contain(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.networks
            .iter()
            .any(|network| network.contains(&address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_private_network_is_known() {
        let private = BlockedNetworks::private();
        assert_eq!(private.networks.len(), PRIVATE.len());
        for address in [
            "127.0.0.1",
            "10.1.2.3",
            "172.31.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "::1",
            "fd00::1",
            "fe80::1",
            "::ffff:127.0.0.1",
            "64:ff9b::7f00:1",
        ] {
            assert!(
                private.contain(address.parse().unwrap()),
                "{address} is not blocked"
            );
        }
        for address in ["1.1.1.1", "172.32.0.1", "2606:4700::1111"] {
            assert!(
                !private.contain(address.parse().unwrap()),
                "{address} is blocked"
            );
        }
    }
}
