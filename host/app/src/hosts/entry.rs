//! One entry of `allowed_outbound_hosts` and its grammar.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::ops::Range;

use ipnet::IpNet;

use super::{CHAINING_DOMAIN, HostsError, Target};

/// Longest domain of the DNS.
const DOMAIN_BYTES_MAX: usize = 253;

/// `scheme://host:port`
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) scheme: Scheme,
    pub(super) host: Host,
    pub(super) port: Port,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    Any,
    Named(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Host {
    Any,
    /// The application itself, through its listener.
    ToSelf,
    /// A domain, lower case.
    Domain(String),
    /// All domains that end in this one, which starts with a dot.
    Subdomains(String),
    Address(IpAddr),
    Network(IpNet),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Port {
    Any,
    One(u16),
    /// The end is not included and may be 65536.
    Range(Range<u32>),
}

/// What is wrong with a part of an entry, and how to write it.
type Fault = (String, String);

fn fault<T>(reason: impl Into<String>, mend: impl Into<String>) -> Result<T, Fault> {
    Err((reason.into(), mend.into()))
}

impl Entry {
    pub(super) fn parse(entry: &str) -> Result<Self, HostsError> {
        Self::parse_parts(entry).map_err(|(reason, mend)| HostsError {
            entry: entry.to_owned(),
            reason,
            mend,
        })
    }

    fn parse_parts(entry: &str) -> Result<Self, Fault> {
        if entry.eq_ignore_ascii_case("insecure:allow-all") {
            return fault(
                "this word has no meaning any more",
                "write \"*://*:*\" if every destination is to be allowed",
            );
        }
        let Some((scheme, rest)) = entry.split_once("://") else {
            return fault(
                "it has no scheme",
                format!("write \"https://{entry}\", or another scheme, or \"*://\" for all"),
            );
        };
        let scheme = Scheme::parse(scheme)?;
        let (host, port) = split_port(rest)?;
        let host = Host::parse(host)?;
        let port = match port {
            Some(port) => Port::parse(port)?,
            None => Port::of_scheme(&scheme)?,
        };
        Ok(Self { scheme, host, port })
    }
}

/// Cuts `host[:port][/]` in two. Colons of an IPv6 address are not a port's.
fn split_port(rest: &str) -> Result<(&str, Option<&str>), Fault> {
    let authority = rest.strip_suffix('/').unwrap_or(rest);
    if authority.starts_with('{') {
        return fault(
            "lists of hosts are not supported",
            "write one entry for each host",
        );
    }
    let after_host = authority.rfind(']').unwrap_or(0);
    let tail = authority.get(after_host..).unwrap_or_default();
    let Some(colon) = tail.rfind(':').map(|colon| colon + after_host) else {
        return Ok((authority, None));
    };
    let host = authority.get(..colon).unwrap_or_default();
    let port = authority.get(colon + 1..).unwrap_or_default();
    let bare_ipv6 = after_host == 0 && host.contains(':') && !host.contains('/');
    if bare_ipv6 {
        return fault(
            "an IPv6 address must stand in brackets",
            "write \"[address]:port\", such as \"http://[::1]:8080\"",
        );
    }
    if port.contains('/') && !host.contains(':') {
        return fault("it has a path", "end the entry after the port");
    }
    if port.contains('/') {
        // An IPv6 network without a port, such as `ff00::/8`.
        return Ok((authority, None));
    }
    Ok((host, Some(port)))
}

impl Scheme {
    fn parse(scheme: &str) -> Result<Self, Fault> {
        if scheme == "*" {
            return Ok(Self::Any);
        }
        if scheme.starts_with('{') {
            return fault(
                "lists of schemes are not supported",
                "write one entry for each scheme",
            );
        }
        if scheme.is_empty() || !scheme.chars().all(|c| c.is_ascii_alphabetic()) {
            return fault(
                format!("the scheme {scheme:?} is not a word of letters"),
                "write a scheme such as \"https\", or \"*\" for all",
            );
        }
        Ok(Self::Named(scheme.to_ascii_lowercase()))
    }

    pub(super) fn allows(&self, scheme: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Named(named) => named.eq_ignore_ascii_case(scheme),
        }
    }
}

impl Host {
    /// Whether the entry is no wildcard.
    pub(super) fn is_named(&self) -> bool {
        matches!(self, Self::Domain(_) | Self::Address(_) | Self::Network(_))
    }

    fn parse(host: &str) -> Result<Self, Fault> {
        match host {
            "" => {
                return fault(
                    "it has no host",
                    "write a host after \"://\", or \"*\" for all",
                );
            }
            "*" => return Ok(Self::Any),
            _ => {}
        }
        let host = host.to_ascii_lowercase();
        if host == "self" || host == "self.alt" {
            return Ok(Self::ToSelf);
        }
        if let Some(address) = parse_address(&host) {
            return Ok(address);
        }
        if host.contains('/') {
            return fault(
                "it has a path, or a network that cannot be read",
                "end the entry after the host and port; \
                 write a network as \"10.0.0.0/8\" or \"[fd00::]/8\"",
            );
        }
        if let Some(domain) = host.strip_prefix("*.") {
            check_domain(domain)?;
            return Ok(Self::Subdomains(format!(".{domain}")));
        }
        check_domain(&host)?;
        Ok(Self::Domain(host))
    }

    pub(super) fn allows(&self, target: &Target) -> bool {
        match (self, target) {
            (Self::Any, _) => true,
            (Self::Domain(domain), Target::Domain(target)) => domain == target,
            (Self::Subdomains(suffix), Target::Domain(target)) => {
                target.len() > suffix.len() && target.ends_with(suffix.as_str())
            }
            (Self::Address(address), Target::Address(target)) => address == target,
            (Self::Network(network), Target::Address(target)) => network.contains(target),
            _ => false,
        }
    }

    pub(super) fn allows_self(&self) -> bool {
        matches!(self, Self::Any | Self::ToSelf)
    }

    pub(super) fn chaining_target(&self) -> Option<&str> {
        match self {
            Self::Domain(domain) => domain.strip_suffix(CHAINING_DOMAIN)?.strip_suffix('.'),
            Self::Subdomains(suffix) => {
                (suffix.strip_prefix('.')? == CHAINING_DOMAIN).then_some("*")
            }
            _ => None,
        }
    }
}

/// An address or a network, if the host is one.
fn parse_address(host: &str) -> Option<Host> {
    let (address, bits) = match host.split_once('/') {
        Some((address, bits)) => (address, Some(bits)),
        None => (host, None),
    };
    // Brackets may stand around the address alone or around the whole network.
    let (address, bits) = match (address.strip_prefix('['), bits) {
        (None, bits) => (address, bits),
        (Some(inner), None) => (inner.strip_suffix(']')?, None),
        (Some(inner), Some(bits)) => match inner.strip_suffix(']') {
            Some(inner) => (inner, Some(bits)),
            None => (inner, Some(bits.strip_suffix(']')?)),
        },
    };
    let bracketed = host.starts_with('[');
    let address = if bracketed {
        IpAddr::V6(address.parse::<Ipv6Addr>().ok()?)
    } else {
        address.parse::<IpAddr>().ok()?
    };
    let Some(bits) = bits else {
        return Some(Host::Address(address.to_canonical()));
    };
    let bits: u8 = bits.parse().ok()?;
    // Targets are canonical, so a network of mapped addresses is one of IPv4.
    let (address, bits) = match (address, address.to_canonical()) {
        (IpAddr::V6(_), IpAddr::V4(mapped)) if bits >= 96 => (IpAddr::V4(mapped), bits - 96),
        _ => (address, bits),
    };
    Some(Host::Network(IpNet::new(address, bits).ok()?.trunc()))
}

fn check_domain(domain: &str) -> Result<(), Fault> {
    if domain.contains('*') {
        return fault(
            format!("{domain:?} has a \"*\" in its middle"),
            "a \"*\" stands for the whole host, or for subdomains as in \"*.example.com\"",
        );
    }
    if !domain.is_ascii() {
        return fault(
            format!("{domain:?} has letters outside of ASCII"),
            "write the domain in its ASCII form, which starts with \"xn--\"",
        );
    }
    let well_formed = |label: &str| {
        !label.is_empty()
            && label
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
    };
    // A last label that is a number is read as an IPv4 address by some clients.
    let last_is_number = domain
        .rsplit('.')
        .next()
        .is_some_and(|last| last.starts_with("0x") || last.chars().all(|c| c.is_ascii_digit()));
    if domain.len() > DOMAIN_BYTES_MAX || last_is_number || !domain.split('.').all(well_formed) {
        return fault(
            format!("{domain:?} is neither a domain nor an address"),
            "write a domain, an IPv4 address, \"[IPv6 address]\", or a network such as \"10.0.0.0/8\"",
        );
    }
    Ok(())
}

impl Port {
    fn parse(port: &str) -> Result<Self, Fault> {
        if port == "*" {
            return Ok(Self::Any);
        }
        if port.starts_with('{') {
            return fault(
                "lists of ports are not supported",
                "write one entry for each port",
            );
        }
        let mend = "write a number up to 65535, a range such as \"8000..8100\", or \"*\"";
        if let Some((start, end)) = port.split_once("..") {
            let (Some(start), Some(end)) = (number(start), number(end)) else {
                return fault(
                    format!("the range of ports {port:?} is not of numbers"),
                    mend,
                );
            };
            if start >= end {
                return fault(
                    format!("the range of ports {port:?} is empty"),
                    "put the lower port first; the port after \"..\" is not included",
                );
            }
            return Ok(Self::Range(start..end));
        }
        match number(port).and_then(|port| u16::try_from(port).ok()) {
            Some(port) => Ok(Self::One(port)),
            None => fault(format!("the port {port:?} is not a port number"), mend),
        }
    }

    fn of_scheme(scheme: &Scheme) -> Result<Self, Fault> {
        let name = match scheme {
            Scheme::Any => "*",
            Scheme::Named(name) => name.as_str(),
        };
        match name {
            "http" => Ok(Self::One(80)),
            "https" => Ok(Self::One(443)),
            "redis" => Ok(Self::One(6379)),
            "postgres" => Ok(Self::One(5432)),
            "mysql" => Ok(Self::One(3306)),
            "mqtt" => Ok(Self::One(1883)),
            _ => fault(
                format!("it has no port, and the scheme {name:?} has no usual one"),
                "add \":\" and a port, or \":*\" for all",
            ),
        }
    }

    pub(super) fn allows(&self, port: u16) -> bool {
        match self {
            Self::Any => true,
            Self::One(one) => *one == port,
            Self::Range(range) => range.contains(&u32::from(port)),
        }
    }
}

/// A number up to 65536, in digits only.
fn number(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.len() <= 5 && text.chars().all(|c| c.is_ascii_digit());
    let number: u32 = digits.then(|| text.parse().ok())??;
    (number <= 65_536).then_some(number)
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.scheme {
            Scheme::Any => f.write_str("*://")?,
            Scheme::Named(scheme) => write!(f, "{scheme}://")?,
        }
        match &self.host {
            Host::Any => f.write_str("*")?,
            Host::ToSelf => f.write_str("self")?,
            Host::Domain(domain) => f.write_str(domain)?,
            Host::Subdomains(suffix) => write!(f, "*{suffix}")?,
            Host::Address(IpAddr::V4(address)) => write!(f, "{address}")?,
            Host::Address(IpAddr::V6(address)) => write!(f, "[{address}]")?,
            Host::Network(IpNet::V4(network)) => write!(f, "{network}")?,
            Host::Network(IpNet::V6(network)) => {
                write!(f, "[{}]/{}", network.addr(), network.prefix_len())?;
            }
        }
        match &self.port {
            Port::Any => f.write_str(":*"),
            Port::One(port) => write!(f, ":{port}"),
            Port::Range(range) => write!(f, ":{}..{}", range.start, range.end),
        }
    }
}
