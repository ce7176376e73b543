//! `[outbound_networking]`, `[outbound_http]` and `[outbound_redis]`

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use host_spanned_toml::Table;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// More connections than a host can have.
const CONNECTIONS_MAX: u64 = 1_000_000;

/// Bounds of all outbound connections.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutboundNetworking {
    /// Networks no component may connect to, whatever its manifest allows.
    pub block_networks: Vec<IpNet>,
    /// Whether every network that is not of the public internet is blocked.
    pub block_private: bool,
    /// Sockets open at the same time; 0 allows none.
    pub max_socket_connections: Option<usize>,
    /// Connections of all kinds open at the same time; 0 allows none.
    pub max_total_connections: Option<usize>,
}

/// Bounds of outbound HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboundHttp {
    /// Whether connections are kept and used again.
    pub connection_pooling: bool,
    /// Connections open at the same time; 0 allows none.
    pub max_connections: Option<usize>,
}

impl Default for OutboundHttp {
    fn default() -> Self {
        Self {
            connection_pooling: true,
            max_connections: None,
        }
    }
}

/// Bounds of outbound Redis.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutboundRedis {
    /// Connections open at the same time; 0 allows none.
    pub max_connections: Option<usize>,
}

impl OutboundNetworking {
    /// Whether an address must not be connected to. To be asked of the address
    /// that a name has led to, not of the name.
    pub fn blocks(&self, address: IpAddr) -> bool {
        let address = reached_by(address);
        let listed = |networks: &[IpNet]| networks.iter().any(|n| n.contains(&address));
        listed(&self.block_networks) || (self.block_private && is_private(address))
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

pub(crate) fn read_networking(root: &Table<'_>) -> OutboundNetworking {
    let mut networking = OutboundNetworking::default();
    let Some(table) = root.table("outbound_networking") else {
        return networking;
    };
    for (text, value) in table.strings("block_networks") {
        let address = || text.parse::<IpAddr>().ok().map(IpNet::from);
        if text == "private" {
            networking.block_private = true;
        } else if let Some(network) = text.parse::<IpNet>().ok().or_else(address) {
            networking.block_networks.push(network.trunc());
        } else {
            value.fail(
                format!("{text:?} is not a network"),
                "write a network such as \"10.0.0.0/8\" or \"fd00::/8\", or \"private\"",
            );
        }
    }
    networking.max_socket_connections = read_max(&table, "max_socket_connections");
    networking.max_total_connections = read_max(&table, "max_total_connections");
    table.finish();
    networking
}

pub(crate) fn read_http(root: &Table<'_>) -> OutboundHttp {
    let mut http = OutboundHttp::default();
    let Some(table) = root.table("outbound_http") else {
        return http;
    };
    if let Some(pooling) = table.boolean("connection_pooling") {
        http.connection_pooling = pooling;
    }
    http.max_connections = read_max(&table, "max_connections");
    // The older name of the same bound.
    let older = table.get("max_concurrent_requests");
    if let Some(older) = older.as_ref().filter(|_| http.max_connections.is_some()) {
        older.fail_key(
            "max_connections bounds the same",
            "keep max_connections only",
        );
    }
    if older.is_some() {
        let older = read_max(&table, "max_concurrent_requests");
        http.max_connections = http.max_connections.or(older);
    }
    table.finish();
    http
}

pub(crate) fn read_redis(root: &Table<'_>) -> OutboundRedis {
    let Some(table) = root.table("outbound_redis") else {
        return OutboundRedis::default();
    };
    let redis = OutboundRedis {
        max_connections: read_max(&table, "max_connections"),
    };
    table.finish();
    redis
}

fn read_max(table: &Table<'_>, key: &'static str) -> Option<usize> {
    let max = table.integer(key, 0..=CONNECTIONS_MAX)?;
    usize::try_from(max).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocks(networking: &OutboundNetworking, address: &str) -> bool {
        networking.blocks(address.parse().expect(address))
    }

    #[test]
    fn private_networks_are_all_that_are_not_public() {
        let networking = OutboundNetworking {
            block_private: true,
            ..OutboundNetworking::default()
        };
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
            assert!(blocks(&networking, private), "{private}");
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
            assert!(!blocks(&networking, public), "{public}");
        }
    }

    #[test]
    fn listed_networks_are_blocked() {
        let networking = OutboundNetworking {
            block_networks: vec!["1.0.0.0/8".parse().expect("network")],
            ..OutboundNetworking::default()
        };
        assert!(blocks(&networking, "1.2.3.4"));
        assert!(blocks(&networking, "::ffff:1.2.3.4"));
        assert!(!blocks(&networking, "10.0.0.1"));
    }
}
