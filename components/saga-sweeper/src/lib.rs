//! Time passes for sagas: steps that take too long are tried again or undone,
//! and what a crash left behind goes on.

use suoke_events::{EventError, announce_batch};
use suoke_guest::cron::Tick;
use suoke_guest::{clock, ids, log};
use suoke_sagas::orchestrator::{self, LABEL};
use suoke_sagas::participant;
use suoke_store::Database;

suoke_guest::scheduled!(tick);

async fn tick(_: Tick) -> Result<(), EventError> {
    let now_ms = clock::now_ms();
    let mut db = Database::open(LABEL).await?;
    // Sagas first: they do not wait for the databases of participants.
    let swept = sweep(&mut db, now_ms).await;
    for label in participant::LABELS {
        forget(&Database::open(label).await?, now_ms).await?;
    }
    swept
}

/// A bounded piece in each sweep; where nothing is that old it only reads an index.
async fn forget(db: &Database, now_ms: i64) -> Result<(), EventError> {
    participant::forget_old(db, now_ms).await?;
    Ok(())
}

/// Lets time pass for sagas.
async fn sweep(db: &mut Database, now_ms: i64) -> Result<(), EventError> {
    // Each run is another owner: one that hangs keeps its leases to itself.
    let swept = orchestrator::sweep(db, &ids::new_id(), now_ms).await?;
    announce_batch(&swept.events).await;
    if swept.advanced + swept.deleted > 0 {
        let (advanced, deleted) = (swept.advanced.to_string(), swept.deleted.to_string());
        log::info(
            "sagas swept",
            &[("advanced", &advanced), ("deleted", &deleted)],
        );
    }
    if swept.failed > 0 {
        let message = format!("{} sagas cannot go on; the log says why", swept.failed);
        return Err(EventError::work(message));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
