//! Time passes for sagas: steps that take too long are tried again or undone,
//! and what a crash left behind goes on.

use suoke_events::{EventError, announce_batch};
use suoke_guest::cron::Tick;
use suoke_guest::{clock, ids, log};
use suoke_sagas::orchestrator::{self, LABEL};
use suoke_sagas::participant;
use suoke_store::Database;

suoke_guest::scheduled!(tick);

/// How often participants forget what was done long ago,
const FORGET_EVERY_MS: u64 = 60 * 60 * 1000;

/// in the first firing of this schedule of that time.
const SCHEDULE_MS: u64 = 10_000;

async fn tick(tick: Tick) -> Result<(), EventError> {
    let mut db = Database::open(LABEL).await?;
    // Each run is another owner: one that hangs keeps its leases to itself.
    let swept = orchestrator::sweep(&mut db, &ids::new_id(), clock::now_ms()).await?;
    announce_batch(&swept.events).await;
    if tick.scheduled_at_ms % FORGET_EVERY_MS < SCHEDULE_MS {
        for label in participant::LABELS {
            let db = Database::open(label).await?;
            participant::forget_old(&db, clock::now_ms()).await?;
        }
    }
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
