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
    let days: BTreeSet<i64> = instants_ms.iter().map(|at| at.div_euclid(DAY_MS)).collect();
    for day in days {
        let key = (schema.to_owned(), table.to_owned(), day);
        if KNOWN.lock().is_ok_and(|known| known.contains(&key)) {
            continue;
        }
        queries::ensure_month(database, table, day * DAY_MS).await?;
        if let Ok(mut known) = KNOWN.lock() {
            if known.len() >= DAYS_MAX {
                known.clear();
            }
            known.insert(key);
        }
    }
    Ok(())
}
