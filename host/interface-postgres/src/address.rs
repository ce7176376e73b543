//! Where a connection leads: `postgres://user:password@host:port/database?options`
//! or `host=… user=… dbname=…`.

use std::net::{IpAddr, SocketAddr};

use host_app::{AllowedHosts, Networks};
use tokio_postgres::Config;
use tokio_postgres::config::Host;

use crate::bindings::spin::postgres::postgres::Error;

const SCHEME: &str = "postgres";
const DEFAULT_PORT: u16 = 5432;

/// An address that a component may use.
#[derive(Clone)]
pub(crate) struct Address {
    config: Config,
    servers: Vec<Server>,
    /// Whether an entry of `allowed_outbound_hosts` names every server.
    pub(crate) named: bool,
}

/// One of the servers of an address: the first that answers is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Server {
    /// What a certificate has to be for.
    name: String,
    /// Where it is, if the address says so.
    ip: Option<IpAddr>,
    port: u16,
}

impl Address {
    /// Reads an address and asks for permission.
    ///
    /// # Errors
    /// `connection-failed` when it is none, leads to a socket in the file
    /// system, or to a server that is not allowed.
    pub(crate) fn permitted(address: &str, hosts: &AllowedHosts) -> Result<Self, Error> {
        let config: Config = address
            .parse()
            .map_err(|error| Error::ConnectionFailed(crate::error::chain(&error)))?;
        let servers = servers(&config)?;
        let mut named = true;
        for server in &servers {
            // An address beside a name is where the connection really goes.
            let ip = server.ip.map(|ip| ip.to_string());
            for host in [Some(server.name.as_str()), ip.as_deref()]
                .into_iter()
                .flatten()
            {
                if !hosts.allows(SCHEME, host, server.port) {
                    return Err(Error::ConnectionFailed(format!(
                        "address {SCHEME}://{host}:{} is not permitted",
                        server.port
                    )));
                }
                named &= hosts.names(SCHEME, host, server.port);
            }
        }
        Ok(Self {
            config,
            servers,
            named,
        })
    }

    /// Looks the servers up and leaves out what lies in blocked networks: the
    /// check is made on what is connected to, so a name cannot change in between.
    ///
    /// # Errors
    /// When no server is left.
    pub(crate) async fn resolved(&self, blocked: &Networks) -> Result<Config, String> {
        let mut config = without_servers(&self.config);
        let mut refused = None;
        let mut any = false;
        for server in &self.servers {
            match server.resolved(blocked).await {
                Ok(addresses) => {
                    for address in addresses {
                        config.host(&server.name).hostaddr(address.ip());
                        config.port(address.port());
                        any = true;
                    }
                }
                Err(reason) => refused = Some(reason),
            }
        }
        match refused {
            Some(reason) if !any => Err(reason),
            _ => Ok(config),
        }
    }

    /// What may be written to a log: the first server.
    pub(crate) fn place(&self) -> String {
        let first = self.servers.first();
        first.map_or_else(String::new, |to| format!("{}:{}", to.name, to.port))
    }
}

impl Server {
    async fn resolved(&self, blocked: &Networks) -> Result<Vec<SocketAddr>, String> {
        let found: Vec<SocketAddr> = match self.ip {
            Some(ip) => vec![SocketAddr::new(ip, self.port)],
            None => tokio::net::lookup_host((self.name.as_str(), self.port))
                .await
                .map_err(|error| format!("{:?} cannot be looked up: {error}", self.name))?
                .collect(),
        };
        blocked
            .leave_out(&self.name, found.into_iter())
            .map_err(|error| error.to_string())
    }
}

fn servers(config: &Config) -> Result<Vec<Server>, Error> {
    let refused = |reason: &str| Err(Error::ConnectionFailed(reason.to_owned()));
    let (hosts, ips, ports) = (
        config.get_hosts(),
        config.get_hostaddrs(),
        config.get_ports(),
    );
    if hosts.is_empty() && ips.is_empty() {
        return refused("the address names no host");
    }
    if !hosts.is_empty() && !ips.is_empty() && hosts.len() != ips.len() {
        return refused("the address has not as many hosts as hostaddrs");
    }
    let count = hosts.len().max(ips.len());
    if ports.len() > 1 && ports.len() != count {
        return refused("the address has not as many ports as hosts");
    }
    let mut servers = Vec::with_capacity(count);
    for index in 0..count {
        let ip = ips.get(index).copied();
        let name = match (hosts.get(index), ip) {
            (Some(Host::Tcp(name)), _) => name.clone(),
            (None, Some(ip)) => ip.to_string(),
            _ => return refused("Unix sockets are not supported on WebAssembly"),
        };
        let port = ports.get(index).or_else(|| ports.first());
        let port = port.copied().unwrap_or(DEFAULT_PORT);
        servers.push(Server { name, ip, port });
    }
    Ok(servers)
}

/// Everything an address says but where it leads.
fn without_servers(from: &Config) -> Config {
    let mut to = Config::new();
    if let Some(user) = from.get_user() {
        to.user(user);
    }
    if let Some(password) = from.get_password() {
        to.password(password);
    }
    if let Some(name) = from.get_dbname() {
        to.dbname(name);
    }
    if let Some(options) = from.get_options() {
        to.options(options);
    }
    if let Some(timeout) = from.get_connect_timeout() {
        to.connect_timeout(*timeout);
    }
    if let Some(timeout) = from.get_tcp_user_timeout() {
        to.tcp_user_timeout(*timeout);
    }
    if let Some(interval) = from.get_keepalives_interval() {
        to.keepalives_interval(interval);
    }
    if let Some(retries) = from.get_keepalives_retries() {
        to.keepalives_retries(retries);
    }
    to.application_name(from.get_application_name().unwrap_or("suoke"))
        .ssl_mode(from.get_ssl_mode())
        .ssl_negotiation(from.get_ssl_negotiation())
        .keepalives(from.get_keepalives())
        .keepalives_idle(from.get_keepalives_idle())
        .target_session_attrs(from.get_target_session_attrs())
        .channel_binding(from.get_channel_binding())
        .load_balance_hosts(from.get_load_balance_hosts());
    to
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The error of an address where only `db.example:5432` is allowed.
    fn refused(address: &str) -> Option<String> {
        let hosts = AllowedHosts::parse(&["postgres://db.example:5432"]).unwrap();
        match Address::permitted(address, &hosts) {
            Err(Error::ConnectionFailed(text)) => Some(text),
            Err(other) => panic!("{other:?}"),
            Ok(_) => None,
        }
    }

    #[test]
    fn only_listed_servers_are_permitted() {
        for address in [
            "postgres://db.example",
            "postgresql://me:secret@db.example:5432/life?sslmode=disable",
            "host=db.example user=me dbname=life",
            "host=db.example,db.example port=5432",
        ] {
            assert_eq!(refused(address), None, "{address}");
        }
        for (address, named) in [
            ("postgres://db.example:5433", "db.example:5433"),
            ("postgres://me:secret@evil.example/db", "evil.example:5432"),
            ("host=db.example,evil.example", "evil.example:5432"),
            ("host=db.example hostaddr=10.0.0.1", "10.0.0.1:5432"),
            ("hostaddr=10.0.0.1", "10.0.0.1:5432"),
            ("host=db.example port=1,2", ""),
        ] {
            let text = refused(address).unwrap();
            assert!(!text.contains("secret"), "{text}");
            if !named.is_empty() {
                assert_eq!(text, format!("address postgres://{named} is not permitted"));
            }
        }
    }

    #[test]
    fn sockets_in_the_file_system_are_refused() {
        for address in [
            "host=/run/postgresql user=me",
            "postgres://%2Frun%2Fpostgresql/life",
            "postgres:///life?host=/run",
        ] {
            let text = refused(address).unwrap();
            assert_eq!(
                text, "Unix sockets are not supported on WebAssembly",
                "{address}"
            );
        }
        assert_eq!(refused("user=me").unwrap(), "the address names no host");
        assert!(refused("postgres://db.example:port").is_some());
    }

    #[tokio::test]
    async fn servers_in_blocked_networks_are_left_out() {
        let hosts = AllowedHosts::parse(&["postgres://*:*"]).unwrap();
        let address = "postgres://me:secret@10.0.0.1,1.1.1.1/life?application_name=test";
        let address = Address::permitted(address, &hosts).unwrap();
        assert!(!address.named);
        let config = address.resolved(&Networks::private()).await.unwrap();
        assert_eq!(
            config.get_hostaddrs(),
            ["1.1.1.1".parse::<IpAddr>().unwrap()]
        );
        assert_eq!(config.get_dbname(), Some("life"));
        assert_eq!(config.get_application_name(), Some("test"));
        let one = Address::permitted("postgres://10.0.0.1", &hosts).unwrap();
        let reason = one.resolved(&Networks::private()).await.unwrap_err();
        assert!(reason.contains("blocked network"), "{reason}");
    }
}
