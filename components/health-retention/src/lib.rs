//! Deletes health data that nobody may or needs to keep any longer.

mod queries;

use suoke_guest::cron::Tick;
use suoke_guest::{ApiError, clock, log, variables};
use suoke_readings::{LABEL, blobs};
use suoke_store::Database;

use queries::Of;

/// Length of a day.
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
/// No month is shorter: so far ahead lies this month or the next.
const AHEAD_MS: i64 = 28 * DAY_MS;
/// Rows of one transaction: others wait no longer than this takes.
const ROWS_MAX: u32 = 2_000;
/// Transactions of one run; what is left waits for the next.
const PIECES_MAX: u32 = 1_000;
/// People of one run.
const USERS_MAX: u32 = 1_000_000;
/// Bytes without a row that one run deletes: their keys are about 20 MB of the memory of
/// an instance.
const KEYS_MAX: usize = 200_000;
/// How old samples are before they are missed: their reading is being stored.
const SAMPLES_AGE_MS: i64 = DAY_MS;
/// For how long it is known how far an import came that nobody goes on with. After that
/// it begins anew, and finds its readings stored.
const IMPORTS_AGE_MS: i64 = 365 * DAY_MS;
/// Longer than an upload may take: after it, bytes without a row have none.
const UPLOAD_MS_MAX: u64 = 60_000;

suoke_guest::scheduled!(tick);

/// For how long what is kept.
#[derive(Clone, Copy, Debug)]
struct Kept {
    /// Days that readings are kept after their measurement.
    readings_days: u32,
    /// Days that deleted readings are kept, so that they do not come back.
    deleted_days: u32,
}

/// How much was deleted.
#[derive(Debug, Default, PartialEq, Eq)]
struct Swept {
    deleted: u64,
    old: u64,
    days: u64,
    alerts: u64,
    imports: u64,
    blobs: u64,
    bytes: u64,
}

async fn tick(_: Tick) -> Result<(), ApiError> {
    let kept = Kept {
        readings_days: days("health_retention_days").await?,
        deleted_days: days("health_deleted_days").await?,
    };
    let mut db = Database::open(LABEL).await?;
    let wait = async || clock::wait_ms(UPLOAD_MS_MAX).await;
    let now_ms = clock::now_ms();
    make_room_ahead(&db, now_ms).await?;
    let swept = sweep(&mut db, kept, now_ms, ROWS_MAX, wait).await?;
    if swept != Swept::default() {
        log::info(
            "health data over its time is deleted",
            &[
                ("deleted_readings", &swept.deleted.to_string()),
                ("old_readings", &swept.old.to_string()),
                ("old_days", &swept.days.to_string()),
                ("old_alerts", &swept.alerts.to_string()),
                ("old_imports", &swept.imports.to_string()),
                ("blobs", &swept.blobs.to_string()),
                ("bytes_without_row", &swept.bytes.to_string()),
            ],
        );
    }
    Ok(())
}

async fn days(name: &str) -> Result<u32, ApiError> {
    let text = variables::get(name).await?;
    let days = text.trim().parse().ok().filter(|days| *days > 0);
    days.ok_or_else(|| {
        ApiError::internal(format!(
            "variable {name}: must be a number of days, at least 1"
        ))
    })
}

/// Makes the partitions of this month and of the next before its first reading comes,
/// where the database has them: no request waits for that.
async fn make_room_ahead(db: &Database, now_ms: i64) -> Result<(), ApiError> {
    let instants = [now_ms, now_ms + AHEAD_MS];
    Ok(db.ensure_partitions("readings", &instants).await?)
}

/// Deletes piece by piece; what breaks off goes on with the next run.
async fn sweep(
    db: &mut Database,
    kept: Kept,
    now_ms: i64,
    rows_max: u32,
    wait: impl AsyncFnOnce(),
) -> Result<Swept, ApiError> {
    let deleted_before_ms = now_ms - i64::from(kept.deleted_days) * DAY_MS;
    // Whole days: the figures of a day go with its readings.
    let old_before_ms =
        (now_ms - i64::from(kept.readings_days) * DAY_MS).div_euclid(DAY_MS) * DAY_MS;
    let mut swept = Swept::default();
    let mut pieces = 0;
    while pieces < PIECES_MAX {
        let rows = queries::purge_deleted(db, deleted_before_ms, rows_max).await?;
        swept.deleted += rows;
        pieces += 1;
        if rows < u64::from(rows_max) {
            break;
        }
    }
    for (of, before_ms, rows) in [
        (Of::Readings, old_before_ms, &mut swept.old),
        (Of::Days, old_before_ms, &mut swept.days),
        (Of::Alerts, old_before_ms, &mut swept.alerts),
        (Of::Imports, now_ms - IMPORTS_AGE_MS, &mut swept.imports),
    ] {
        *rows = sweep_people(db, of, before_ms, rows_max, &mut pieces).await?;
    }
    for _ in 0..PIECES_MAX {
        let old = blobs::sweep_old(db, old_before_ms, rows_max).await?;
        let samples = blobs::sweep_samples(db, now_ms - SAMPLES_AGE_MS, rows_max).await?;
        swept.blobs += old + samples;
        if old + samples == 0 {
            break;
        }
    }
    swept.bytes = blobs::sweep_bytes(db, KEYS_MAX, wait).await?;
    Ok(swept)
}

/// Deletes what is old of a kind, one person after the other: each of them is a range of
/// the primary key. How many rows.
async fn sweep_people(
    db: &Database,
    of: Of,
    before_ms: i64,
    rows_max: u32,
    pieces: &mut u32,
) -> Result<u64, ApiError> {
    let (mut last, mut swept) = (String::new(), 0);
    for _ in 0..USERS_MAX {
        let Some(user_id) = queries::next_user(db, of, &last).await? else {
            break;
        };
        while *pieces < PIECES_MAX {
            let rows = queries::delete(db, of, &user_id, before_ms, rows_max).await?;
            swept += rows;
            if rows == 0 {
                break;
            }
            *pieces += 1;
        }
        last = user_id;
    }
    Ok(swept)
}

#[cfg(test)]
mod tests;
