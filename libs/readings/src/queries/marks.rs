//! The SQL of marks.

use suoke_health::batch::DirtyDay;
use suoke_store::{Sql, StoreError, Value, params};

/// Most marks of one statement: its text is the same for full ones.
const ROWS_MAX: usize = 100;

/// What happens where a mark is there: its span grows.
const GROW: &str = "ON CONFLICT (user_id, type, utc_day) DO UPDATE SET \
     from_ms = CASE WHEN excluded.from_ms < dirty_days.from_ms \
     THEN excluded.from_ms ELSE dirty_days.from_ms END, \
     to_ms = CASE WHEN excluded.to_ms > dirty_days.to_ms \
     THEN excluded.to_ms ELSE dirty_days.to_ms END";

/// Marks days of a person.
pub(crate) async fn mark(
    sql: &impl Sql,
    user_id: &str,
    days: &[DirtyDay],
    now_ms: i64,
) -> Result<(), StoreError> {
    for chunk in days.chunks(ROWS_MAX) {
        let mut values: Vec<Value> = params![user_id, now_ms];
        let mut rows = Vec::with_capacity(chunk.len());
        for day in chunk {
            let at = values.len();
            rows.push(format!(
                "(?1, ?{}, ?{}, ?{}, ?{}, ?2)",
                at + 1,
                at + 2,
                at + 3,
                at + 4
            ));
            values.extend(params![day.kind, day.utc_day, day.from_ms, day.to_ms]);
        }
        let text = format!(
            "INSERT INTO dirty_days (user_id, type, utc_day, from_ms, to_ms, marked_ms) \
             VALUES {} {GROW}",
            rows.join(", ")
        );
        sql.execute(&text, values).await?;
    }
    Ok(())
}

/// Marks every day of a person that holds readings. Days are rounded down, also
/// before 1970: the remainder is made positive first.
pub(crate) async fn mark_all(sql: &impl Sql, user_id: &str, now_ms: i64) -> Result<(), StoreError> {
    let text = format!(
        "INSERT INTO dirty_days (user_id, type, utc_day, from_ms, to_ms, marked_ms) \
         SELECT user_id, type, utc_day, min(effective_ms), max(effective_ms), ?2 FROM \
         (SELECT user_id, type, effective_ms, \
          (effective_ms - (effective_ms % 86400000 + 86400000) % 86400000) / 86400000 AS utc_day \
          FROM readings WHERE user_id = ?1 AND status = 'final') AS days \
         WHERE 1 = 1 GROUP BY user_id, type, utc_day {GROW}"
    );
    sql.execute(&text, params![user_id, now_ms]).await
}
