//! What durable work is compared with: SQLite alone, one row in each transaction.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use rusqlite::Connection;

const MEASURED: Duration = Duration::from_secs(2);
/// About as long as an event.
const ROW: [u8; 500] = [b'x'; 500];

/// Commits a second in a new database, in the mode that the host uses.
pub(crate) fn per_second(folder: &Path) -> Result<f64> {
    let path = folder.join("commits.db");
    let connection = Connection::open(&path)?;
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE row (bytes BLOB);",
    )?;
    let mut insert = connection.prepare("INSERT INTO row VALUES (?1)")?;
    let started = Instant::now();
    let mut count = 0_u32;
    while started.elapsed() < MEASURED {
        insert.execute([&ROW])?;
        count += 1;
    }
    Ok(f64::from(count) / started.elapsed().as_secs_f64())
}
