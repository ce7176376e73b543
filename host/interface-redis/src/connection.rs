//! A connection as a guest holds it.

use std::sync::Arc;

use host_embedded_redis::EmbeddedRedis;
use redis::Value;
use tokio::sync::{Mutex, Semaphore};

use crate::bindings::spin::redis::redis::Error;
use crate::reply;
use crate::server::{OwnConnection, Server};

/// Commands after which a server sends messages nobody has asked for.
const NOT_OFFERED: [&str; 9] = [
    "MONITOR",
    "PSUBSCRIBE",
    "PSYNC",
    "PUNSUBSCRIBE",
    "SSUBSCRIBE",
    "SUBSCRIBE",
    "SUNSUBSCRIBE",
    "SYNC",
    "UNSUBSCRIBE",
];

/// Commands that change what later commands on the connection mean, or that
/// hold it up: they must not meet those of other guests.
const NEED_OWN_CONNECTION: [&str; 26] = [
    "ASKING",
    "AUTH",
    "BLMOVE",
    "BLMPOP",
    "BLPOP",
    "BRPOP",
    "BRPOPLPUSH",
    "BZMPOP",
    "BZPOPMAX",
    "BZPOPMIN",
    "CLIENT",
    "DEBUG",
    "DISCARD",
    "EXEC",
    "HELLO",
    "MULTI",
    "QUIT",
    "READONLY",
    "READWRITE",
    "RESET",
    "SELECT",
    "UNWATCH",
    "WAIT",
    "WATCH",
    "XREAD",
    "XREADGROUP",
];

/// A connection that a guest has open.
#[derive(Clone)]
pub struct OpenConnection {
    link: Arc<Link>,
}

enum Link {
    Embedded(EmbeddedRedis),
    Server {
        server: Arc<Server>,
        /// How many connections of their own the component's guests may have.
        permits: Arc<Semaphore>,
        /// There once the guest has used a command that needs it.
        own: Mutex<Option<Arc<OwnConnection>>>,
    },
}

impl OpenConnection {
    pub(crate) fn embedded(redis: EmbeddedRedis) -> Self {
        Self {
            link: Arc::new(Link::Embedded(redis)),
        }
    }

    pub(crate) fn server(server: Arc<Server>, permits: Arc<Semaphore>) -> Self {
        Self {
            link: Arc::new(Link::Server {
                server,
                permits,
                own: Mutex::new(None),
            }),
        }
    }

    /// Runs one command.
    ///
    /// # Errors
    /// When the server refuses it or cannot be reached, or its reply is larger
    /// than `reply_bytes_max`.
    pub(crate) async fn command(
        &self,
        name: &str,
        args: &[Vec<u8>],
        reply_bytes_max: usize,
    ) -> Result<Value, Error> {
        let value = match &*self.link {
            Link::Embedded(redis) => reply::from_embedded(redis.call(name, args).await)?,
            Link::Server {
                server,
                permits,
                own,
            } => on_server(server, permits, own, name, args).await?,
        };
        if reply::size_bytes(&value) > reply_bytes_max {
            return Err(Error::Other(format!(
                "query result exceeds limit of {reply_bytes_max} bytes"
            )));
        }
        Ok(value)
    }
}

async fn on_server(
    server: &Server,
    permits: &Arc<Semaphore>,
    own: &Mutex<Option<Arc<OwnConnection>>>,
    name: &str,
    args: &[Vec<u8>],
) -> Result<Value, Error> {
    if is_one_of(name, &NOT_OFFERED) {
        return Err(Error::Other(format!(
            "{name} is not offered here: a component receives messages through a redis trigger"
        )));
    }
    let mut command = redis::cmd(name);
    for arg in args {
        command.arg(arg.as_slice());
    }
    let mut slot = own.lock().await;
    if slot.is_none() && is_one_of(name, &NEED_OWN_CONNECTION) {
        *slot = Some(Arc::new(server.own_connection(permits).await?));
    }
    let Some(mine) = slot.clone() else {
        drop(slot);
        return server.command(&command).await;
    };
    drop(slot);
    let outcome = mine.command(&command).await;
    outcome.map_err(|(error, usable)| {
        if !usable && let Ok(mut slot) = own.try_lock() {
            *slot = None;
        }
        error
    })
}

fn is_one_of(name: &str, names: &[&str]) -> bool {
    names.iter().any(|known| known.eq_ignore_ascii_case(name))
}
