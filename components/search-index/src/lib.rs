//! Keeps the search index: a consultation and its record as they stand when something
//! happens to them, and nothing of a person who is erased.

mod documents;
mod queries;

use std::borrow::Borrow;

use serde::Deserialize;
use suoke_care::{SAGA, consultation_of};
use suoke_events::types::{ConsultationCreated, HEALTH_CONSULTATION, USER_DELETED};
use suoke_events::{Event, EventError, consume};
use suoke_guest::{ApiError, clock};
use suoke_search::elastic::Client;
use suoke_search::store;
use suoke_store::{Database, StoreError, erased};

use documents::Documents;

/// The name in the inbox.
const CONSUMER: &str = "search-index";

/// The saga of a consultation ended: its report and its record are there to stay.
const SAGA_COMPLETED: &str = "saga.completed";
/// It was taken back.
const SAGA_COMPENSATED: &str = "saga.compensated";
/// An operator let it be.
const SAGA_FAILED: &str = "saga.failed";

suoke_events::subscriber!(CONSUMER, "health", on_event);

/// Whom the event is about.
#[derive(Deserialize)]
struct About {
    user_id: String,
}

/// Which saga the event is about.
#[derive(Deserialize)]
struct Ended {
    saga_id: String,
    saga: String,
}

/// Where documents are kept beside the database.
trait Server {
    /// Stores documents of an owner in place of what they were before.
    async fn put(&self, found: &Documents) -> Result<(), EventError>;
    /// Removes everything of an owner.
    async fn remove(&self, owner: &str) -> Result<(), EventError>;
}

impl Server for Client {
    async fn put(&self, found: &Documents) -> Result<(), EventError> {
        self.ensure().await.map_err(failed)?;
        let done = Client::put(self, &found.owner, &found.documents).await;
        done.map_err(failed)
    }

    async fn remove(&self, owner: &str) -> Result<(), EventError> {
        Client::remove(self, owner, None).await.map_err(failed)
    }
}

async fn on_event(db: &mut Database, event: &Event) -> Result<Vec<Event>, EventError> {
    let server = Client::load().await.map_err(failed)?;
    // Another service's consultations: they are read, never written.
    handle(db, server.as_ref(), event, async || {
        Database::open("care").await
    })
    .await
}

/// The consultation is read as it stands now: whichever of its events comes last, or
/// again, the index becomes the same.
async fn handle<C: Borrow<Database>>(
    db: &mut Database,
    server: Option<&impl Server>,
    event: &Event,
    open_care: impl AsyncFnOnce() -> Result<C, StoreError>,
) -> Result<Vec<Event>, EventError> {
    event.expect_kind(&[
        HEALTH_CONSULTATION,
        SAGA_COMPLETED,
        SAGA_COMPENSATED,
        SAGA_FAILED,
        USER_DELETED,
    ])?;
    if event.kind == USER_DELETED {
        forget(db, server, event).await?;
        return Ok(Vec::new());
    }
    let documents = match consultation(event)? {
        Some(id) => {
            let care = open_care().await?;
            // What cannot be taken back any more is noted with the person's health.
            let with_record = event.kind == SAGA_COMPLETED;
            documents::of(care.borrow(), db, &id, with_record).await?
        }
        None => None,
    };
    index(db, server, event, documents).await?;
    Ok(Vec::new())
}

/// The id of the consultation that an event is about; none for other sagas.
fn consultation(event: &Event) -> Result<Option<String>, EventError> {
    if event.kind == HEALTH_CONSULTATION {
        let told: ConsultationCreated = event.data_as()?;
        return Ok(Some(told.consultation_id));
    }
    let told: Ended = event.data_as()?;
    let id = consultation_of(&told.saga_id).filter(|_| told.saga == SAGA);
    Ok(id.map(str::to_owned))
}

/// Stores the documents. The server comes first: what it refuses comes again.
async fn index(
    db: &mut Database,
    server: Option<&impl Server>,
    event: &Event,
    found: Option<Documents>,
) -> Result<(), EventError> {
    if let (Some(server), Some(found)) = (server, &found)
        && !erased::is_erased(db, &found.owner).await?
    {
        server.put(found).await?;
    }
    let done: Result<_, EventError> = consume(db, CONSUMER, event, async |tx| {
        let Some(found) = &found else {
            return Ok(());
        };
        if erased::is_erased(tx, &found.owner).await? {
            return Ok(());
        }
        for document in &found.documents {
            store::put(tx, &found.owner, document).await?;
        }
        Ok(())
    })
    .await;
    // Erased while it was sent: it is taken back, also where the event was seen before
    // and the server did not do it then.
    if let (Some(server), Some(found)) = (server, &found)
        && erased::is_erased(db, &found.owner).await?
    {
        server.remove(&found.owner).await?;
    }
    done?;
    Ok(())
}

/// Deletes what the server knows of a person. What the database knows, `health-erasure`
/// deletes; the tombstone keeps it from coming back.
async fn forget(
    db: &mut Database,
    server: Option<&impl Server>,
    event: &Event,
) -> Result<(), EventError> {
    let About { user_id } = event.data_as()?;
    let now_ms = clock::now_ms();
    // A transaction that waits for those under way: nothing comes behind it.
    let noted: Result<_, EventError> = db
        .transaction(async |tx| Ok(erased::note(tx, &user_id, now_ms).await?))
        .await;
    noted?;
    if let Some(server) = server {
        server.remove(&user_id).await?;
    }
    let done: Result<_, EventError> = consume(db, CONSUMER, event, async |_| Ok(())).await;
    done?;
    Ok(())
}

fn failed(error: ApiError) -> EventError {
    EventError::work(error)
}

#[cfg(test)]
mod tests;
