//! Recomputes the five-minute buckets whose readings changed.

mod queries;

use suoke_guest::cron::Tick;
use suoke_guest::{clock, ids, log};
use suoke_store::{Database, StoreError};

/// Length of a bucket: that of `suoke_health::bucket`.
const BUCKET_MS: i64 = suoke_health::bucket::FIVE_MINUTES_MS;
/// Buckets of one transaction: writers wait no longer than this takes.
const BUCKETS_MAX: u32 = 2_000;
/// Transactions of one tick; the rest waits for the next.
const BATCHES_MAX: u32 = 500;

suoke_guest::scheduled!(tick);

async fn tick(_: Tick) -> Result<(), StoreError> {
    let mut db = Database::open("health").await?;
    let buckets = recompute_all(&mut db, BUCKETS_MAX).await?;
    if buckets > 0 {
        log::info("buckets recomputed", &[("buckets", &buckets.to_string())]);
    }
    Ok(())
}

/// Recomputes batch by batch until no mark is left.
async fn recompute_all(db: &mut Database, buckets_max: u32) -> Result<u64, StoreError> {
    let mut total = 0;
    for _ in 0..BATCHES_MAX {
        let buckets = recompute(db, buckets_max).await?;
        total += buckets;
        if buckets < u64::from(buckets_max) {
            break;
        }
    }
    Ok(total)
}

/// Recomputes one batch from the readings, exactly, whatever came late.
async fn recompute(db: &mut Database, buckets_max: u32) -> Result<u64, StoreError> {
    let run = ids::new_id();
    let now_ms = clock::now_ms();
    db.transaction(async |tx| {
        let claimed = queries::claim(tx, &run, buckets_max).await?;
        if claimed > 0 {
            queries::delete_claimed_figures(tx, &run).await?;
            queries::insert_figures(tx, &run, BUCKET_MS, now_ms).await?;
            queries::release(tx, &run).await?;
        }
        Ok(claimed)
    })
    .await
}

#[cfg(test)]
mod tests;
