//! A connection as a guest holds it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use deadpool::managed::Object;
use tokio::sync::{Mutex, OwnedMutexGuard, OwnedSemaphorePermit, Semaphore};

use crate::bindings::spin::postgres::postgres::{Error, ParameterValue};
use crate::error::query_failed;
use crate::parameter::{Parameter, parameters};
use crate::server::{Connection, Manager, Server};
use crate::statement::Kind;
use crate::work::{Answer, Cancel, Failure, Work, is_cancelled};
use crate::{Shared, Stats};

/// Makes a connection as good as new but for its prepared statements: what a
/// guest has set, locked, listened to or made for its session is gone.
const CLEAN: &str = "CLOSE ALL; SET SESSION AUTHORIZATION DEFAULT; RESET ALL; UNLISTEN *; \
     SELECT pg_advisory_unlock_all(); DISCARD TEMP; DISCARD SEQUENCES";
/// How long that may take, and a cancelled statement to end.
const CLEAN_MAX: Duration = Duration::from_secs(5);

/// A connection that a guest has open. It is taken from the pool for the guest
/// alone, and goes back when the guest drops it or its call ends.
#[derive(Clone)]
pub struct Session {
    source: Arc<Source>,
    slot: Arc<Mutex<Slot>>,
    call_ended: Arc<AtomicBool>,
}

/// Where a session's connections come from.
struct Source {
    shared: Arc<Shared>,
    server: Arc<Server>,
    /// How many connections the component may have.
    permits: Arc<Semaphore>,
}

enum Slot {
    /// A connection is taken when it is needed.
    Empty,
    Held(Box<Held>),
    /// The connection was lost with what the guest had set up on it; another one
    /// would do something else than the guest means.
    Lost,
}

/// A connection out of the pool. It goes back when this is dropped.
struct Held {
    connection: Option<Object<Manager>>,
    in_transaction: bool,
    source: Arc<Source>,
    permit: Option<OwnedSemaphorePermit>,
}

/// What a statement has given.
struct Done {
    answer: Answer,
    /// Whether the connection is in a state that is known.
    usable: bool,
}

impl Session {
    /// A session with a connection.
    ///
    /// # Errors
    /// `connection-failed` when none can be had.
    pub(crate) async fn open(
        shared: Arc<Shared>,
        server: Arc<Server>,
        permits: Arc<Semaphore>,
    ) -> Result<Self, Error> {
        let source = Arc::new(Source {
            shared,
            server,
            permits,
        });
        let held = source.take().await?;
        Ok(Self {
            source,
            slot: Arc::new(Mutex::new(Slot::Held(Box::new(held)))),
            call_ended: Arc::default(),
        })
    }

    /// Runs a statement and gives its rows.
    ///
    /// # Errors
    /// As the server says it, or when a bound is reached.
    pub(crate) async fn query(
        &self,
        sql: String,
        values: Vec<ParameterValue>,
    ) -> Result<Answer, Error> {
        self.run(&sql, values, true).await
    }

    /// Runs a statement and counts the rows that it has touched.
    ///
    /// # Errors
    /// As the server says it, or when a bound is reached.
    pub(crate) async fn execute(
        &self,
        sql: String,
        values: Vec<ParameterValue>,
    ) -> Result<u64, Error> {
        Ok(self.run(&sql, values, false).await?.affected)
    }

    /// Gives the connection back: what the guest left open must not reach its
    /// next caller.
    pub(crate) fn end_call(&self) {
        match self.slot.try_lock() {
            Ok(mut slot) => *slot = Slot::Empty,
            // Somebody still waits for a statement; they or the next will see it.
            Err(_) => self.call_ended.store(true, Ordering::Relaxed),
        }
    }

    async fn run(
        &self,
        sql: &str,
        values: Vec<ParameterValue>,
        keep_rows: bool,
    ) -> Result<Answer, Error> {
        let parameters = parameters(values)?;
        let kind = Kind::of(sql);
        if kind == Kind::Copy {
            return Err(query_failed(
                "COPY is not offered to components: use INSERT and SELECT",
            ));
        }
        if sql.contains('\0') {
            return Err(query_failed("the statement holds a NUL character"));
        }
        let mut slot = self.slot.clone().lock_owned().await;
        if self.call_ended.swap(false, Ordering::Relaxed) {
            *slot = Slot::Empty;
        }
        if matches!(*slot, Slot::Empty) {
            *slot = Slot::Held(Box::new(self.source.take().await?));
        }
        let mut running = Running {
            slot,
            interrupted: true,
        };
        let Slot::Held(held) = &mut *running.slot else {
            running.interrupted = false;
            return Err(Error::ConnectionFailed(
                "the connection was lost; open another one".to_owned(),
            ));
        };
        let outcome = held.run(sql, &parameters, keep_rows).await;
        running.interrupted = false;
        match outcome {
            Ok(done) => {
                held.note(kind);
                if !done.usable {
                    running.lose();
                }
                Ok(done.answer)
            }
            Err(failure) => {
                if !failure.usable {
                    running.lose();
                }
                Err(failure.error)
            }
        }
    }
}

impl Source {
    /// A connection of the pool, if the component may have one more.
    async fn take(self: &Arc<Self>) -> Result<Held, Error> {
        let options = &self.shared.options;
        let wait = Duration::from_millis(options.wait_ms_max);
        let permit = tokio::time::timeout(wait, self.permits.clone().acquire_owned());
        let Ok(Ok(permit)) = permit.await else {
            Stats::count(&self.shared.stats.waits_timed_out);
            return Err(Error::ConnectionFailed(format!(
                "too many connections: all {} of the component are in use",
                options.connections_per_component_max
            )));
        };
        let connection = self.server.connection(&self.shared.stats).await?;
        Ok(Held {
            connection: Some(connection),
            in_transaction: false,
            source: self.clone(),
            permit: Some(permit),
        })
    }
}

/// A statement on its way. When the guest that waits for it goes away, the
/// statement is stopped and its connection is used no more.
struct Running {
    slot: OwnedMutexGuard<Slot>,
    interrupted: bool,
}

impl Running {
    fn lose(&mut self) {
        if let Slot::Held(mut held) = std::mem::replace(&mut *self.slot, Slot::Lost) {
            held.abandon();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.interrupted {
            self.lose();
        }
    }
}

impl Held {
    async fn run(
        &mut self,
        sql: &str,
        parameters: &[Parameter],
        keep_rows: bool,
    ) -> Result<Done, Failure> {
        let source = self.source.clone();
        let options = &source.shared.options;
        let Some(connection) = self.connection.as_deref_mut() else {
            return Err(Failure::lost("the connection was lost"));
        };
        let cancel = Cancel {
            token: connection.client.cancel_token(),
            tls: source.server.tls.clone(),
        };
        let work = Work {
            connection,
            retry: !self.in_transaction,
            cancel: &cancel,
            keep_rows,
            bytes_max: options.result_bytes_max,
        };
        let mut work = std::pin::pin!(work.run(sql, parameters));
        let deadline = Duration::from_millis(options.statement_ms_max);
        if let Ok(outcome) = tokio::time::timeout(deadline, &mut work).await {
            return outcome.map(|answer| Done {
                answer,
                usable: true,
            });
        }
        Stats::count(&source.shared.stats.statements_stopped);
        let ended = tokio::time::timeout(CLEAN_MAX, async {
            cancel.send().await;
            work.as_mut().await
        });
        // Only a statement that was stopped by this has not outrun it: else the
        // next one might be stopped instead.
        let stopped = match ended.await {
            // It is done, a commit for good: whoever heard otherwise would do it again.
            Ok(Ok(answer)) => {
                return Ok(Done {
                    answer,
                    usable: false,
                });
            }
            Ok(Err(failure)) => failure.usable && is_cancelled(&failure.error),
            Err(_) => false,
        };
        Err(Failure {
            error: query_failed(format!(
                "the statement was stopped after {} ms",
                options.statement_ms_max
            )),
            usable: stopped,
        })
    }

    /// What a statement that went well has done to the connection.
    fn note(&mut self, kind: Kind) {
        match kind {
            Kind::Begin => self.in_transaction = true,
            Kind::End => self.in_transaction = false,
            Kind::Copy | Kind::Other => {}
        }
    }

    /// Stops what is running and closes the connection.
    fn abandon(&mut self) {
        let Some(connection) = self.connection.take() else {
            return;
        };
        Stats::count(&self.source.shared.stats.abandoned);
        let connection = Object::take(connection);
        let cancel = Cancel {
            token: connection.client.cancel_token(),
            tls: self.source.server.tls.clone(),
        };
        let permit = self.permit.take();
        self.source.server.runtime.spawn(async move {
            // The server would go on without being told.
            let _ = tokio::time::timeout(CLEAN_MAX, cancel.send()).await;
            drop((connection, permit));
        });
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else {
            return;
        };
        if self.in_transaction {
            Stats::count(&self.source.shared.stats.transactions_left_open);
        }
        let (in_transaction, permit) = (self.in_transaction, self.permit.take());
        self.source.server.runtime.spawn(async move {
            let cleaned = tokio::time::timeout(CLEAN_MAX, clean(&connection, in_transaction)).await;
            if !matches!(cleaned, Ok(Ok(()))) {
                // Out of the pool: it is closed.
                drop(Object::take(connection));
            }
            drop(permit);
        });
    }
}

async fn clean(connection: &Connection, in_transaction: bool) -> Result<(), tokio_postgres::Error> {
    if in_transaction {
        connection.client.batch_execute("ROLLBACK").await?;
    }
    connection.client.batch_execute(CLEAN).await
}
