//! `[outbound_networking]`, `[outbound_http]`, `[outbound_redis]` and `[outbound_pg]`

use std::net::IpAddr;

use host_spanned_toml::Table;
use ipnet::IpNet;

/// More connections than a host can have.
const CONNECTIONS_MAX: u64 = 1_000_000;
/// A day: no statement takes longer.
const STATEMENT_MS_MAX: u64 = 24 * 60 * 60 * 1_000;

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

/// Bounds of outbound PostgreSQL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutboundPostgres {
    /// Connections open at the same time; 0 allows none.
    pub max_connections: Option<usize>,
    /// How long one statement may take.
    pub statement_ms_max: Option<u64>,
}

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

pub(crate) fn read_postgres(root: &Table<'_>) -> OutboundPostgres {
    let Some(table) = root.table("outbound_pg") else {
        return OutboundPostgres::default();
    };
    let postgres = OutboundPostgres {
        max_connections: read_max(&table, "max_connections"),
        statement_ms_max: table.integer("statement_ms_max", 1..=STATEMENT_MS_MAX),
    };
    table.finish();
    postgres
}

fn read_max(table: &Table<'_>, key: &'static str) -> Option<usize> {
    let max = table.integer(key, 0..=CONNECTIONS_MAX)?;
    usize::try_from(max).ok()
}
