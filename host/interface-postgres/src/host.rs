//! The functions that guests call.

use std::sync::Arc;

use host_engine::State;
use tokio::sync::Semaphore;
use wasmtime::component::{Accessor, FutureReader, Resource, StreamReader};

use crate::address::Address;
use crate::bindings::spin::postgres::postgres::{
    Column, DbValue, Error, Host, HostConnection, HostConnectionBuilder,
    HostConnectionBuilderWithStore, HostConnectionWithStore, ParameterValue, RowSet,
};
use crate::server::Server;
use crate::session::Session;
use crate::{Builder, Own, Shared, View, tls};

type Call<'a> = &'a Accessor<State, Own>;
type Outcome<T> = wasmtime::Result<Result<T, Error>>;

/// Columns, rows as a stream, and how the stream ended.
type Streamed = (
    Vec<Column>,
    StreamReader<Vec<DbValue>>,
    FutureReader<Result<(), Error>>,
);

/// What is needed to open a connection, away from the store of the instance.
struct Admitted {
    shared: Arc<Shared>,
    server: Arc<Server>,
    permits: Arc<Semaphore>,
}

impl Admitted {
    async fn open(self) -> Result<Session, Error> {
        Session::open(self.shared, self.server, self.permits).await
    }
}

impl View<'_> {
    fn admit(&mut self, address: &str, root: Option<Arc<str>>) -> Result<Admitted, Error> {
        let granted = &*self.granted;
        self.room()?;
        let to = Address::permitted(address, &granted.hosts).inspect_err(|_| {
            tracing::warn!(
                component = %granted.component,
                "connection to a PostgreSQL server refused: the address is none, or not in allowed_outbound_hosts"
            );
        })?;
        Ok(Admitted {
            shared: granted.shared.clone(),
            server: granted.shared.servers.get(address, to, root)?,
            permits: granted.permits.clone(),
        })
    }

    fn room(&self) -> Result<(), Error> {
        let max = self.granted.shared.options.connections_per_instance_max;
        if self.granted.open.len() < max {
            return Ok(());
        }
        Err(Error::ConnectionFailed(format!(
            "too many connections: {max} are open already; drop those that are not used"
        )))
    }

    fn keep(&mut self, session: Result<Session, Error>) -> Outcome<Resource<Session>> {
        let session = match self.room().and(session) {
            Ok(session) => session,
            Err(error) => return Ok(Err(error)),
        };
        let resource = self.table.push(session.clone())?;
        self.granted.open.push((resource.rep(), session));
        Ok(Ok(resource))
    }

    async fn open(&mut self, address: &str, root: Option<Arc<str>>) -> Outcome<Resource<Session>> {
        let session = match self.admit(address, root) {
            Ok(admitted) => admitted.open().await,
            Err(error) => Err(error),
        };
        self.keep(session)
    }
}

async fn open(call: Call<'_>, address: &str, root: Option<Arc<str>>) -> Outcome<Resource<Session>> {
    let admitted = call.with(|mut access| access.get().admit(address, root));
    let session = match admitted {
        Ok(admitted) => admitted.open().await,
        Err(error) => Err(error),
    };
    call.with(|mut access| access.get().keep(session))
}

impl Host for View<'_> {}

impl HostConnectionBuilder for View<'_> {
    async fn new(&mut self, address: String) -> wasmtime::Result<Resource<Builder>> {
        let max = self.granted.shared.options.connections_per_instance_max;
        if self.granted.builders >= max {
            return Err(wasmtime::error::format_err!(
                "more than {max} builders of connections are open; drop those that are not used"
            ));
        }
        let builder = self.table.push(Builder {
            address,
            root: None,
        })?;
        self.granted.builders += 1;
        Ok(builder)
    }

    async fn set_ca_root(&mut self, this: Resource<Builder>, certificate: String) -> Outcome<()> {
        if let Err(reason) = tls::certificates(&certificate) {
            return Ok(Err(Error::Other(format!(
                "invalid root certificate: {reason}"
            ))));
        }
        self.table.get_mut(&this)?.root = Some(certificate.into());
        Ok(Ok(()))
    }

    async fn build(&mut self, this: Resource<Builder>) -> Outcome<Resource<Session>> {
        let Builder { address, root } = self.table.get(&this)?.clone();
        self.open(&address, root).await
    }

    async fn drop(&mut self, this: Resource<Builder>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        self.granted.builders = self.granted.builders.saturating_sub(1);
        Ok(())
    }
}

impl HostConnectionBuilderWithStore<State> for Own {
    async fn build_async(call: Call<'_>, this: Resource<Builder>) -> Outcome<Resource<Session>> {
        let builder =
            call.with(|mut access| wasmtime::error::Ok(access.get().table.get(&this)?.clone()))?;
        open(call, &builder.address, builder.root).await
    }
}

impl HostConnection for View<'_> {
    async fn open(&mut self, address: String) -> Outcome<Resource<Session>> {
        View::open(self, &address, None).await
    }

    async fn query(
        &mut self,
        this: Resource<Session>,
        statement: String,
        params: Vec<ParameterValue>,
    ) -> Outcome<RowSet> {
        let session = self.table.get(&this)?.clone();
        let answer = session.query(statement, params).await;
        Ok(answer.map(|answer| RowSet {
            columns: answer.columns,
            rows: answer.rows,
        }))
    }

    async fn execute(
        &mut self,
        this: Resource<Session>,
        statement: String,
        params: Vec<ParameterValue>,
    ) -> Outcome<u64> {
        let session = self.table.get(&this)?.clone();
        Ok(session.execute(statement, params).await)
    }

    async fn drop(&mut self, this: Resource<Session>) -> wasmtime::Result<()> {
        let rep = this.rep();
        self.granted.open.retain(|(open, _)| *open != rep);
        self.table.delete(this)?;
        Ok(())
    }
}

fn session(call: Call<'_>, this: &Resource<Session>) -> wasmtime::Result<Session> {
    call.with(|mut access| Ok(access.get().table.get(this)?.clone()))
}

impl HostConnectionWithStore<State> for Own {
    async fn open_async(call: Call<'_>, address: String) -> Outcome<Resource<Session>> {
        open(call, &address, None).await
    }

    async fn query_async(
        call: Call<'_>,
        this: Resource<Session>,
        statement: String,
        params: Vec<ParameterValue>,
    ) -> Outcome<Streamed> {
        let answer = match session(call, &this)?.query(statement, params).await {
            Ok(answer) => answer,
            Err(error) => return Ok(Err(error)),
        };
        call.with(|mut access| {
            let rows = StreamReader::new(&mut access, answer.rows)?;
            let ended = FutureReader::new(&mut access, async { wasmtime::error::Ok(Ok(())) })?;
            Ok(Ok((answer.columns, rows, ended)))
        })
    }

    async fn execute_async(
        call: Call<'_>,
        this: Resource<Session>,
        statement: String,
        params: Vec<ParameterValue>,
    ) -> Outcome<u64> {
        Ok(session(call, &this)?.execute(statement, params).await)
    }
}
