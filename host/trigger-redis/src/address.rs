//! Where to subscribe: `redis[s]://[user[:password]@]host[:port]`.

use std::fmt;

use redis::ConnectionAddr;

/// A server, as its address says.
#[derive(Clone)]
pub(crate) struct Address {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) tls: bool,
    pub(crate) username: Option<String>,
    pub(crate) password: Option<String>,
}

impl Address {
    /// Reads an address.
    ///
    /// # Errors
    /// With what is wrong with it.
    pub(crate) fn parse(address: &str) -> Result<Self, String> {
        if address.is_empty() {
            return Err("it is empty".to_owned());
        }
        let client = redis::Client::open(address).map_err(|error| {
            // The message says what is wrong and leaves out what was written: it can hold a password.
            error
                .detail()
                .map_or_else(|| error.to_string(), str::to_owned)
        })?;
        let info = client.get_connection_info();
        let (host, port, tls) = match info.addr() {
            ConnectionAddr::Tcp(host, port) => (host, *port, false),
            ConnectionAddr::TcpTls { host, port, .. } => (host, *port, true),
            _ => return Err("a host is needed, not a socket in the file system".to_owned()),
        };
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Ok(Self {
            host: host.clone(),
            port,
            tls,
            username: owned(info.redis_settings().username()),
            password: owned(info.redis_settings().password()),
        })
    }
}

/// The address without its credentials.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "rediss" } else { "redis" };
        write!(f, "{scheme}://{}:{}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_kept_and_never_shown() {
        let address = Address::parse("rediss://events:s3cret@cache.example:7000").unwrap();
        assert_eq!(address.to_string(), "rediss://cache.example:7000");
        assert_eq!(address.username.as_deref(), Some("events"));
        assert_eq!(address.password.as_deref(), Some("s3cret"));
    }

    #[test]
    fn the_port_of_redis_is_the_default() {
        let address = Address::parse("redis://cache.example").unwrap();
        assert_eq!(address.to_string(), "redis://cache.example:6379");
    }

    #[test]
    fn what_is_no_address_is_refused_without_its_password() {
        for text in [
            "",
            "cache:6379",
            "http://u:s3cret@h",
            "unix:///run/redis.sock",
        ] {
            let reason = Address::parse(text).err().unwrap();
            assert!(!reason.contains("s3cret"), "{reason}");
        }
    }
}
