//! Partitions of months, where the database has them.

mod queries;

use std::collections::BTreeSet;
use std::sync::Mutex;

use crate::database::Database;
use crate::error::StoreError;

/// Shorter than any month: each instant of one is known after the first.
const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// Days that are remembered.
const DAYS_MAX: usize = 4096;

/// The days whose partitions were there: schema, table and day. They never go away again
/// while somebody writes into them.
static KNOWN: Mutex<BTreeSet<(String, String, i64)>> = Mutex::new(BTreeSet::new());

/// Makes the partitions of these instants, as far as they are not known.
pub(crate) async fn ensure(
    database: &Database,
    table: &str,
    instants_ms: &[i64],
) -> Result<(), StoreError> {
    let schema = database.connection().schema().unwrap_or_default();
    let key = |day: i64| (schema.to_owned(), table.to_owned(), day);
    let mut days: BTreeSet<i64> = instants_ms.iter().map(|at| at.div_euclid(DAY_MS)).collect();
    if let Ok(known) = KNOWN.lock() {
        days.retain(|day| !known.contains(&key(*day)));
    }
    if days.is_empty() {
        return Ok(());
    }
    queries::ensure_months(database, table, days.iter().map(|day| day * DAY_MS)).await?;
    if let Ok(mut known) = KNOWN.lock() {
        if known.len() + days.len() > DAYS_MAX {
            known.clear();
        }
        known.extend(days.into_iter().map(key));
    }
    Ok(())
}
