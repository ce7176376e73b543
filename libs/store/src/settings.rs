//! Which database a component uses: variables of the application.

#[cfg(not(target_family = "wasm"))]
use crate::connection::Connection;
#[cfg(not(target_family = "wasm"))]
use crate::error::StoreError;

/// The database that is written to.
#[cfg(not(target_family = "wasm"))]
pub(crate) async fn connect(label: &str) -> Result<Connection, StoreError> {
    Connection::open(label).await
}

/// A replica, if there is one.
#[cfg(not(target_family = "wasm"))]
#[expect(clippy::unused_async, reason = "the same shape as in a component")]
pub(crate) async fn connect_for_reading(_: &str) -> Result<Option<Connection>, StoreError> {
    Ok(None)
}

#[cfg(target_family = "wasm")]
pub(crate) use spin::{connect, connect_for_reading};

#[cfg(target_family = "wasm")]
mod spin {
    use std::sync::Mutex;
    use std::time::{Duration, Instant};

    use spin_sdk::variables::{self, Error};

    use crate::connection::Connection;
    use crate::error::StoreError;
    use crate::postgres;

    /// How long a replica that was not reached is left alone.
    const REPLICA_PAUSE: Duration = Duration::from_secs(10);

    /// What the variables say: they stay as they are while the application runs.
    static SETTINGS: Mutex<Option<Settings>> = Mutex::new(None);
    /// When the replica was not reached.
    static REPLICA_LOST: Mutex<Option<Instant>> = Mutex::new(None);

    /// URLs of servers; none where SQLite is used.
    #[derive(Clone)]
    struct Settings {
        primary: Option<String>,
        replica: Option<String>,
    }

    async fn settings(label: &str) -> Result<Settings, StoreError> {
        if let Ok(known) = SETTINGS.lock()
            && let Some(known) = known.as_ref()
        {
            return Ok(known.clone());
        }
        let read = Settings {
            primary: variable("database_url", label).await?,
            replica: variable("database_read_url", label).await?,
        };
        if let Ok(mut known) = SETTINGS.lock() {
            *known = Some(read.clone());
        }
        Ok(read)
    }

    /// A variable; none where it is empty or the component has no such one. What cannot be
    /// read must not lead to another database.
    async fn variable(name: &str, label: &str) -> Result<Option<String>, StoreError> {
        match variables::get(name).await {
            Ok(value) => Ok(Some(value).filter(|value| !value.is_empty())),
            Err(Error::Undefined(_) | Error::InvalidName(_)) => Ok(None),
            Err(Error::Provider(reason) | Error::Other(reason)) => Err(StoreError::Unavailable {
                label: label.to_owned(),
                reason: format!("the variable {name} cannot be read: {reason}"),
            }),
        }
    }

    pub(crate) async fn connect(label: &str) -> Result<Connection, StoreError> {
        match settings(label).await?.primary {
            None => Connection::open(label).await,
            Some(url) => {
                let connection = postgres::Connection::open(&url, label).await?;
                Ok(Connection::Postgres(Box::new(connection)))
            }
        }
    }

    pub(crate) async fn connect_for_reading(label: &str) -> Result<Option<Connection>, StoreError> {
        let settings = settings(label).await?;
        let (Some(primary), Some(replica)) = (settings.primary, settings.replica) else {
            return Ok(None);
        };
        let lost = REPLICA_LOST.lock().ok().and_then(|lost| *lost);
        if lost.is_some_and(|lost| lost.elapsed() < REPLICA_PAUSE) {
            return Ok(None);
        }
        let opened = postgres::Connection::open_for_reading(&replica, &primary, label).await?;
        if opened.is_primary()
            && let Ok(mut lost) = REPLICA_LOST.lock()
        {
            *lost = Some(Instant::now());
        }
        Ok(Some(Connection::Postgres(Box::new(opened))))
    }
}
