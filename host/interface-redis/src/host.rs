//! The functions that guests call.

use host_engine::State;
use wasmtime::component::{Accessor, Resource};

use crate::address::Destination;
use crate::bindings::spin::redis::redis::{
    Error, Host, HostConnection, HostConnectionWithStore, RedisParameter, RedisResult,
};
use crate::connection::OpenConnection;
use crate::{Own, View, reply};

type Call<'a> = &'a Accessor<State, Own>;
type This = Resource<OpenConnection>;
type Outcome<T> = wasmtime::Result<Result<T, Error>>;

impl Host for View<'_> {}

impl HostConnection for View<'_> {
    async fn drop(&mut self, connection: This) -> wasmtime::Result<()> {
        self.table.delete(connection)?;
        self.granted.open = self.granted.open.saturating_sub(1);
        Ok(())
    }
}

/// Runs a command with the connection behind a handle. A handle that is none is a trap.
async fn run(
    call: Call<'_>,
    this: &This,
    name: &str,
    args: &[Vec<u8>],
) -> wasmtime::Result<Result<redis::Value, Error>> {
    let (connection, reply_bytes_max) = call.with(|mut access| {
        let view = access.get();
        let connection = view.table.get(this)?.clone();
        wasmtime::error::Ok((connection, view.granted.shared.options.reply_bytes_max))
    })?;
    Ok(connection.command(name, args, reply_bytes_max).await)
}

/// A key, and what is done with it.
fn keyed<V: Into<Vec<u8>>>(key: String, values: impl IntoIterator<Item = V>) -> Vec<Vec<u8>> {
    let mut args = vec![key.into_bytes()];
    args.extend(values.into_iter().map(Into::into));
    args
}

impl HostConnectionWithStore<State> for Own {
    async fn open(call: Call<'_>, address: String) -> Outcome<This> {
        call.with(|mut access| {
            let view = access.get();
            let granted = &mut *view.granted;
            let destination = Destination::parse(&address)
                .filter(|destination| destination.is_allowed(&granted.hosts));
            let Some(destination) = destination else {
                tracing::warn!(
                    component = %granted.component,
                    "connection to a Redis server refused: the address is not in allowed_outbound_hosts"
                );
                return Ok(Err(Error::InvalidAddress));
            };
            if granted.open >= granted.shared.options.connections_per_instance_max {
                return Ok(Err(Error::TooManyConnections));
            }
            let named = destination.is_named(&granted.hosts);
            let connection = granted
                .shared
                .connection(&address, named, &granted.own_connections);
            match connection {
                Ok(connection) => {
                    granted.open += 1;
                    Ok(Ok(view.table.push(connection)?))
                }
                Err(error) => Ok(Err(error)),
            }
        })
    }

    async fn publish(call: Call<'_>, this: This, channel: String, payload: Vec<u8>) -> Outcome<()> {
        let outcome = run(call, &this, "PUBLISH", &keyed(channel, [payload])).await?;
        Ok(outcome.map(drop))
    }

    async fn get(call: Call<'_>, this: This, key: String) -> Outcome<Option<Vec<u8>>> {
        let outcome = run(call, &this, "GET", &[key.into_bytes()]).await?;
        Ok(outcome.and_then(reply::optional_bytes))
    }

    async fn set(call: Call<'_>, this: This, key: String, value: Vec<u8>) -> Outcome<()> {
        let outcome = run(call, &this, "SET", &keyed(key, [value])).await?;
        Ok(outcome.map(drop))
    }

    async fn incr(call: Call<'_>, this: This, key: String) -> Outcome<i64> {
        let outcome = run(call, &this, "INCR", &[key.into_bytes()]).await?;
        Ok(outcome.and_then(|value| reply::integer(&value)))
    }

    async fn del(call: Call<'_>, this: This, keys: Vec<String>) -> Outcome<u32> {
        let keys: Vec<_> = keys.into_iter().map(String::into_bytes).collect();
        let outcome = run(call, &this, "DEL", &keys).await?;
        Ok(outcome.and_then(|value| reply::count(&value)))
    }

    async fn sadd(call: Call<'_>, this: This, key: String, values: Vec<String>) -> Outcome<u32> {
        let outcome = run(call, &this, "SADD", &keyed(key, values)).await?;
        Ok(outcome.and_then(|value| reply::count(&value)))
    }

    async fn smembers(call: Call<'_>, this: This, key: String) -> Outcome<Vec<String>> {
        let outcome = run(call, &this, "SMEMBERS", &[key.into_bytes()]).await?;
        Ok(outcome.and_then(reply::texts))
    }

    async fn srem(call: Call<'_>, this: This, key: String, values: Vec<String>) -> Outcome<u32> {
        let outcome = run(call, &this, "SREM", &keyed(key, values)).await?;
        Ok(outcome.and_then(|value| reply::count(&value)))
    }

    async fn execute(
        call: Call<'_>,
        this: This,
        command: String,
        arguments: Vec<RedisParameter>,
    ) -> Outcome<Vec<RedisResult>> {
        let bytes = |argument| match argument {
            RedisParameter::Int64(number) => number.to_string().into_bytes(),
            RedisParameter::Binary(bytes) => bytes,
        };
        let arguments: Vec<_> = arguments.into_iter().map(bytes).collect();
        let outcome = run(call, &this, &command, &arguments).await?;
        Ok(outcome.and_then(reply::flatten))
    }
}
