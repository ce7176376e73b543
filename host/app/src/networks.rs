//! Lists of networks, by address, and those that components may not connect to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// A list of networks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks {
    listed: Vec<IpNet>,
    private: bool,
}

impl Networks {
    /// The given networks.
    pub fn new(listed: Vec<IpNet>) -> Self {
        Self {
            listed,
            private: false,
        }
    }

    /// Every network that is not part of the public internet.
    pub fn private() -> Self {
        Self {
            listed: Vec::new(),
            private: true,
        }
    }

    /// These networks and those of `other`.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.listed.extend(other.listed);
        self.private |= other.private;
        self
    }

    /// Whether an address lies in one of the networks. To be asked of the
    /// address that a name has led to, not of the name.
    pub fn contain(&self, address: IpAddr) -> bool {
        let address = reached_by(address);
        self.listed.iter().any(|network| network.contains(&address))
            || (self.private && is_private(address))
    }

    /// What is left of the addresses that `host` has led to.
    ///
    /// # Errors
    /// When nothing is left.
    pub fn leave_out(
        &self,
        host: &str,
        addresses: impl Iterator<Item = SocketAddr>,
    ) -> Result<Vec<SocketAddr>, Blocked> {
        let left: Vec<_> = addresses
            .filter(|address| !self.contain(address.ip()))
            .collect();
        if left.is_empty() {
            return Err(Blocked(host.to_owned()));
        }
        Ok(left)
    }
}

/// A host may not be connected to: all its addresses are in blocked networks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is in a blocked network; if it is a private one, name the host in allowed_outbound_hosts"
)]
pub struct Blocked(String);

/// The networks that outbound connections may not enter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboundNetworks {
    /// Networks that no connection enters.
    pub blocked: Networks,
    /// Networks that a connection enters only where an entry of
    /// `allowed_outbound_hosts` names the host.
    pub unnamed_blocked: Networks,
}

impl Default for OutboundNetworks {
    fn default() -> Self {
        Self {
            blocked: Networks::default(),
            unnamed_blocked: Networks::private(),
        }
    }
}

impl OutboundNetworks {
    /// The networks that a connection may not enter; `named` when an entry names
    /// its host.
    pub fn blocked_for(&self, named: bool) -> Networks {
        let blocked = self.blocked.clone();
        if named {
            blocked
        } else {
            blocked.and(self.unnamed_blocked.clone())
        }
    }
}

/// The address a packet ends at: some IPv6 addresses stand for IPv4 ones.
fn reached_by(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address.to_canonical() else {
        return address.to_canonical();
    };
    let embedded = match v6.segments() {
        // NAT64 and 6to4.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => {
            Ipv4Addr::from_bits((u32::from(high) << 16) | u32::from(low))
        }
        _ => return IpAddr::V6(v6),
    };
    IpAddr::V4(embedded)
}

fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => PRIVATE_IPV4
            .iter()
            .any(|([a, b, c, d], bits)| within_ipv4(v4, Ipv4Addr::new(*a, *b, *c, *d), *bits)),
        IpAddr::V6(v6) => PRIVATE_IPV6
            .iter()
            .any(|(start, bits)| within_ipv6(v6, Ipv6Addr::from_bits(*start), *bits)),
    }
}

fn within_ipv4(address: Ipv4Addr, start: Ipv4Addr, bits: u8) -> bool {
    Ipv4Net::new(start, bits).is_ok_and(|network| network.contains(&address))
}

fn within_ipv6(address: Ipv6Addr, start: Ipv6Addr, bits: u8) -> bool {
    Ipv6Net::new(start, bits).is_ok_and(|network| network.contains(&address))
}

/// The IANA registry of special-purpose IPv4 addresses, and multicast.
const PRIVATE_IPV4: [([u8; 4], u8); 14] = [
    ([0, 0, 0, 0], 8),
    ([10, 0, 0, 0], 8),
    ([100, 64, 0, 0], 10),
    ([127, 0, 0, 0], 8),
    ([169, 254, 0, 0], 16),
    ([172, 16, 0, 0], 12),
    ([192, 0, 0, 0], 24),
    ([192, 0, 2, 0], 24),
    ([192, 168, 0, 0], 16),
    ([198, 18, 0, 0], 15),
    ([198, 51, 100, 0], 24),
    ([203, 0, 113, 0], 24),
    ([224, 0, 0, 0], 4),
    ([240, 0, 0, 0], 4),
];

/// The IANA registry of special-purpose IPv6 addresses, and multicast.
const PRIVATE_IPV6: [(u128, u8); 10] = [
    (0, 127),
    (0x0064_ff9b_0001 << 80, 48),
    (0x0100 << 112, 64),
    (0x2001 << 112, 23),
    (0x2001_0db8 << 96, 32),
    (0x3fff << 112, 20),
    (0x5f00 << 112, 16),
    (0xfc00 << 112, 7),
    (0xfe80 << 112, 10),
    (0xff00 << 112, 8),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_networks_are_all_that_are_not_public() {
        let networks = Networks::private();
        for private in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.169.254",
            "172.31.255.255",
            "192.168.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:10.0.0.1",
            "64:ff9b::10.0.0.1",
            "64:ff9b:1::1",
            "2002:7f00:1::",
            "2001:db8::1",
            "fd00::1",
            "fe80::1",
            "ff02::1",
        ] {
            assert!(networks.contain(private.parse().unwrap()), "{private}");
        }
        for public in [
            "1.1.1.1",
            "100.128.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "::2",
            "2606:4700::1111",
            "64:ff9b::1.1.1.1",
        ] {
            assert!(!networks.contain(public.parse().unwrap()), "{public}");
        }
    }

    #[test]
    fn addresses_in_blocked_networks_are_left_out() {
        let addresses = ["10.0.0.1:80", "1.1.1.1:80"].map(|address| address.parse().unwrap());
        let networks = OutboundNetworks::default();
        let left = |named| {
            let blocked = networks.blocked_for(named);
            blocked.leave_out("mixed.example", addresses.into_iter())
        };
        assert_eq!(left(false), Ok(vec![addresses[1]]));
        assert_eq!(left(true), Ok(addresses.to_vec()));
        let refused = Networks::private().leave_out("db.example", addresses.into_iter().take(1));
        assert_eq!(refused, Err(Blocked("db.example".to_owned())));
    }

    #[test]
    fn lists_are_joined() {
        let listed = Networks::new(vec!["1.0.0.0/8".parse().unwrap()]);
        let holds = |networks: &Networks, address: &str| networks.contain(address.parse().unwrap());
        assert!(holds(&listed, "1.2.3.4"));
        assert!(holds(&listed, "::ffff:1.2.3.4"));
        assert!(!holds(&listed, "10.0.0.1"));
        assert!(holds(&listed.and(Networks::private()), "10.0.0.1"));
    }
}
