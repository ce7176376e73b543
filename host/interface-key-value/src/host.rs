//! The functions that guests call.

use std::sync::Arc;

use host_engine::State;
use host_sqlite::SqliteError;
use wasmtime::component::{Accessor, FutureReader, Resource, StreamReader};

use crate::bindings::spin::key_value::key_value::{Error, Host, HostStore, HostStoreWithStore};
use crate::{OpenStore, Own, STORES_MAX, SqliteStore, View};

type Call<'a> = &'a Accessor<State, Own>;
type Outcome<T> = wasmtime::Result<Result<T, Error>>;

impl From<SqliteError> for Error {
    fn from(error: SqliteError) -> Self {
        match error {
            SqliteError::Full => Self::StoreTableFull,
            other => Self::Other(other.to_string()),
        }
    }
}

impl Host for View<'_> {}

impl HostStore for View<'_> {
    async fn drop(&mut self, store: Resource<OpenStore>) -> wasmtime::Result<()> {
        self.table.delete(store)?;
        self.granted.open = self.granted.open.saturating_sub(1);
        Ok(())
    }
}

fn store(call: Call<'_>, store: &Resource<OpenStore>) -> wasmtime::Result<Arc<SqliteStore>> {
    call.with(|mut access| Ok(access.get().table.get(store)?.0.clone()))
}

impl HostStoreWithStore<State> for Own {
    async fn open(call: Call<'_>, label: String) -> Outcome<Resource<OpenStore>> {
        call.with(|mut access| {
            let view = access.get();
            let Some(store) = view.granted.stores.get(&label) else {
                return Ok(Err(Error::AccessDenied));
            };
            if view.granted.open >= STORES_MAX {
                return Ok(Err(Error::StoreTableFull));
            }
            view.granted.open += 1;
            Ok(Ok(view.table.push(OpenStore(store.clone()))?))
        })
    }

    async fn get(
        call: Call<'_>,
        this: Resource<OpenStore>,
        key: String,
    ) -> Outcome<Option<Vec<u8>>> {
        Ok(store(call, &this)?.get(key).await.map_err(Error::from))
    }

    async fn set(
        call: Call<'_>,
        this: Resource<OpenStore>,
        key: String,
        value: Vec<u8>,
    ) -> Outcome<()> {
        Ok(store(call, &this)?
            .set(key, value)
            .await
            .map_err(Error::from))
    }

    async fn delete(call: Call<'_>, this: Resource<OpenStore>, key: String) -> Outcome<()> {
        Ok(store(call, &this)?.delete(key).await.map_err(Error::from))
    }

    async fn exists(call: Call<'_>, this: Resource<OpenStore>, key: String) -> Outcome<bool> {
        Ok(store(call, &this)?.exists(key).await.map_err(Error::from))
    }

    async fn get_keys(
        call: Call<'_>,
        this: Resource<OpenStore>,
    ) -> wasmtime::Result<(StreamReader<String>, FutureReader<Result<(), Error>>)> {
        let (keys, outcome) = match store(call, &this)?.keys().await {
            Ok(keys) => (keys, Ok(())),
            Err(error) => (Vec::new(), Err(Error::from(error))),
        };
        call.with(|mut access| {
            let keys = StreamReader::new(&mut access, keys)?;
            let outcome =
                FutureReader::new(&mut access, async move { wasmtime::error::Ok(outcome) })?;
            Ok((keys, outcome))
        })
    }
}
