//! Where a request comes from.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use ipnet::IpNet;

/// How many proxies one after the other are believed.
const HOPS_MAX: usize = 16;

/// The part of an IPv6 address that names a customer rather than a device.
const IPV6_PREFIX_BITS: u32 = 64;

/// Why a text names no networks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("gateway_trusted_proxies: \"{0}\" is no network: write for example \"10.0.0.0/8 ::1\"")]
pub struct NetworkError(String);

/// Proxies whose word about their clients counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpNet>);

impl FromStr for TrustedProxies {
    type Err = NetworkError;

    /// Addresses and networks with spaces or commas between them; an empty text
    /// trusts nobody.
    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let words = text.split([' ', ',']).filter(|word| !word.is_empty());
        let nets: Result<Vec<IpNet>, NetworkError> = words
            .map(|word| {
                let net = word.parse::<IpNet>().ok();
                net.or_else(|| word.parse::<IpAddr>().ok().map(IpNet::from))
                    .ok_or_else(|| NetworkError(word.to_owned()))
            })
            .collect();
        Ok(Self(nets?))
    }
}

impl TrustedProxies {
    /// Whether this is one of them.
    #[must_use]
    pub fn contains(&self, ip: IpAddr) -> bool {
        self.0.iter().any(|net| net.contains(&ip))
    }

    /// The client: the peer, or whom trusted proxies name in `X-Forwarded-For`,
    /// read from the right up to the first address that is not trusted. What
    /// stands further left may be anybody's invention.
    #[must_use]
    pub fn client(&self, peer: IpAddr, forwarded_for: &[&str]) -> IpAddr {
        let mut client = peer.to_canonical();
        let named = forwarded_for.iter().rev().flat_map(|list| list.rsplit(','));
        for word in named.take(HOPS_MAX) {
            let Some(next) = address(word).filter(|_| self.contains(client)) else {
                break;
            };
            client = next;
        }
        client
    }
}

/// An address with or without a port: `1.2.3.4`, `1.2.3.4:5`, `::1`, `[::1]:5`.
#[must_use]
pub fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let ip = text.parse::<SocketAddr>().map(|address| address.ip());
    ip.or_else(|_| bare.unwrap_or(text).parse::<IpAddr>())
        .ok()
        .map(|ip| ip.to_canonical())
}

/// The name under which an address is counted: of IPv6, the network that a
/// customer has to themselves.
#[must_use]
pub fn counted_as(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => {
            let mask = u128::MAX << (128 - IPV6_PREFIX_BITS);
            format!("{}/64", Ipv6Addr::from_bits(ip.to_bits() & mask))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn client(trusted: &str, peer: &str, forwarded_for: &[&str]) -> String {
        let trusted: TrustedProxies = trusted.parse().unwrap();
        trusted
            .client(address(peer).unwrap(), forwarded_for)
            .to_string()
    }

    #[test]
    fn nobody_but_trusted_proxies_is_believed() {
        for (trusted, peer, forwarded_for, expected) in [
            ("", "203.0.113.5:99", vec!["1.1.1.1"], "203.0.113.5"),
            (
                "10.0.0.0/8",
                "203.0.113.5:99",
                vec!["1.1.1.1"],
                "203.0.113.5",
            ),
            ("10.0.0.0/8", "10.0.0.1:99", vec!["1.1.1.1"], "1.1.1.1"),
            (
                "10.0.0.0/8",
                "10.0.0.1:99",
                vec!["9.9.9.9, 1.1.1.1"],
                "1.1.1.1",
            ),
            (
                "10.0.0.0/8",
                "10.0.0.1:99",
                vec!["1.1.1.1, 10.0.0.2"],
                "1.1.1.1",
            ),
            (
                "10.0.0.0/8",
                "10.0.0.1:99",
                vec!["9.9.9.9", "1.1.1.1"],
                "1.1.1.1",
            ),
            (
                "10.0.0.0/8",
                "10.0.0.1:99",
                vec!["1.1.1.1", "evil"],
                "10.0.0.1",
            ),
            ("10.0.0.0/8", "10.0.0.1:99", vec![], "10.0.0.1"),
            (
                "::1, 10.0.0.1",
                "[::1]:99",
                vec!["[2001:db8::1]:7"],
                "2001:db8::1",
            ),
            (
                "10.0.0.1",
                "[::ffff:10.0.0.1]:99",
                vec!["::ffff:1.1.1.1"],
                "1.1.1.1",
            ),
            (
                "0.0.0.0/0",
                "10.0.0.1:99",
                vec!["a, 1.1.1.1, 2.2.2.2"],
                "1.1.1.1",
            ),
        ] {
            assert_eq!(client(trusted, peer, &forwarded_for), expected);
        }
    }

    #[test]
    fn a_chain_without_end_is_not_followed() {
        let long = "1.1.1.1,".repeat(10_000) + "2.2.2.2";
        assert_eq!(client("0.0.0.0/0", "10.0.0.1", &[&long]), "1.1.1.1");
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in ["10.0.0.0/33", "localhost", "10.0.0.0/8;1.1.1.1", "*"] {
            assert!(text.parse::<TrustedProxies>().is_err(), "{text}");
        }
    }

    #[test]
    fn devices_of_one_network_are_counted_together() {
        let name = |text: &str| counted_as(address(text).unwrap());
        assert_eq!(name("2001:db8:1:2:3::4"), "2001:db8:1:2::/64");
        assert_eq!(name("2001:db8:1:2::5"), name("2001:db8:1:2:ffff::"));
        assert_ne!(name("2001:db8:1:3::"), name("2001:db8:1:2::"));
        assert_eq!(name("::ffff:1.2.3.4"), "1.2.3.4");
    }

    proptest! {
        #[test]
        fn without_trust_the_peer_is_the_client(text in ".{0,80}", peer in any::<u32>()) {
            let peer = IpAddr::from(peer.to_be_bytes());
            prop_assert_eq!(TrustedProxies::default().client(peer, &[&text]), peer);
        }
    }
}
