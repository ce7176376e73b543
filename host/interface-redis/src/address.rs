//! Where a connection leads: `redis://[user[:password]@]host[:port][/database]`.

use host_app::AllowedHosts;

const DEFAULT_PORT: u16 = 6379;

/// The part of an address that decides whether it may be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Destination {
    pub(crate) scheme: String,
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Destination {
    /// Reads an address. Sockets in the file system are no destination: no
    /// component can be allowed to use one.
    pub(crate) fn parse(address: &str) -> Option<Self> {
        let url = redis::parse_redis_url(address)?;
        if !matches!(url.scheme(), "redis" | "rediss") {
            return None;
        }
        let host = url.host_str().filter(|host| !host.is_empty())?;
        Some(Self {
            scheme: url.scheme().to_owned(),
            host: host.to_owned(),
            port: url.port().unwrap_or(DEFAULT_PORT),
        })
    }

    pub(crate) fn is_allowed(&self, hosts: &AllowedHosts) -> bool {
        hosts.allows(&self.scheme, &self.host, self.port)
    }

    pub(crate) fn is_named(&self, hosts: &AllowedHosts) -> bool {
        hosts.names(&self.scheme, &self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(address: &str) -> Option<(String, String, u16)> {
        Destination::parse(address).map(|to| (to.scheme, to.host, to.port))
    }

    #[test]
    fn scheme_host_and_port_are_read() {
        let expected = |scheme: &str, host: &str, port| Some((scheme.into(), host.into(), port));
        assert_eq!(
            parsed("redis://cache.example"),
            expected("redis", "cache.example", 6379)
        );
        assert_eq!(
            parsed("rediss://user:secret@10.0.0.1:7000/3"),
            expected("rediss", "10.0.0.1", 7000)
        );
        assert_eq!(parsed("redis://[::1]:1"), expected("redis", "[::1]", 1));
    }

    #[test]
    fn other_addresses_are_none() {
        for address in [
            "",
            "cache.example:6379",
            "http://cache.example",
            "redis://",
            "redis:///0",
            "unix:///run/redis.sock",
            "redis+unix:///run/redis.sock",
        ] {
            assert_eq!(parsed(address), None, "{address}");
        }
    }

    #[test]
    fn only_listed_destinations_are_allowed() {
        let hosts = AllowedHosts::parse(&["redis://cache.example:6379"]).unwrap();
        let allowed = |address| Destination::parse(address).is_some_and(|to| to.is_allowed(&hosts));
        assert!(allowed("redis://cache.example"));
        assert!(allowed("redis://user:secret@cache.example:6379/2"));
        assert!(!allowed("rediss://cache.example"));
        assert!(!allowed("redis://cache.example:6380"));
        assert!(!allowed("redis://cache.example@evil.example"));
    }
}
