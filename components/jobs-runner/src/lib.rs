//! Runs jobs that are due: they become events.

use suoke_events::{EventError, announce_batch};
use suoke_guest::cron::Tick;
use suoke_guest::{clock, log};
use suoke_jobs::{LABEL, runner};
use suoke_store::Database;

suoke_guest::scheduled!(tick);

async fn tick(_: Tick) -> Result<(), EventError> {
    let mut db = Database::open(LABEL).await?;
    let ran = runner::run(&mut db, clock::now_ms()).await?;
    announce_batch(&ran.events).await;
    if ran.dead > 0 {
        log::error("jobs can never run", &[("jobs", &ran.dead.to_string())]);
    }
    Ok(())
}
