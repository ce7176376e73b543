//! Recomputes the figures of the days whose readings changed.

mod queries;
mod recompute;
mod work;

use std::time::{Duration, Instant};

use suoke_guest::cron::Tick;
use suoke_guest::log;
use suoke_store::{Database, StoreError};

use recompute::{Bounds, recompute};

/// How long a tick goes on; the rest waits for the next.
const TICK_MS_MAX: u64 = 200_000;

suoke_guest::scheduled!(tick);

async fn tick(_: Tick) -> Result<(), StoreError> {
    let mut db = Database::open(suoke_readings::LABEL).await?;
    let days = recompute_all(&mut db, Bounds::default()).await?;
    if days > 0 {
        log::info("days recomputed", &[("days", &days.to_string())]);
    }
    Ok(())
}

/// Recomputes transaction by transaction until no mark is left, and says how many days
/// of a metric got figures.
async fn recompute_all(db: &mut Database, bounds: Bounds) -> Result<u64, StoreError> {
    let begun = Instant::now();
    let mut total = 0;
    while begun.elapsed() < Duration::from_millis(TICK_MS_MAX) {
        let done = recompute(db, bounds).await?;
        total += done.days;
        if done.marks == 0 {
            break;
        }
    }
    Ok(total)
}

#[cfg(test)]
mod tests;
