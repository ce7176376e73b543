//! Imports in SQL; every question names whose import it is.

use suoke_store::{FromRow, Row, Sql, StoreError, params};

use crate::owners::Rejected;

/// Refused lines in one statement.
const ROWS_MAX: usize = 200;

/// How far an import has come.
pub(crate) struct Import {
    pub(crate) next_line: i64,
    pub(crate) accepted: i64,
    pub(crate) duplicated: i64,
    pub(crate) rejected: i64,
    pub(crate) created_ms: i64,
    pub(crate) changed_ms: i64,
}

suoke_store::from_row!(Import {
    next_line,
    accepted,
    duplicated,
    rejected,
    created_ms,
    changed_ms
});

impl Import {
    /// One that begins.
    pub(crate) fn new(now_ms: i64) -> Self {
        Self {
            next_line: 1,
            accepted: 0,
            duplicated: 0,
            rejected: 0,
            created_ms: now_ms,
            changed_ms: now_ms,
        }
    }
}

impl FromRow for Rejected {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            line: row.get("line")?,
            code: row.get("code")?,
            message: row.get("message")?,
        })
    }
}

pub(crate) async fn find(
    sql: &impl Sql,
    user_id: &str,
    id: &str,
) -> Result<Option<Import>, StoreError> {
    sql.query_optional(
        "SELECT next_line, accepted, duplicated, rejected, created_ms, changed_ms \
         FROM imports WHERE user_id = ?1 AND id = ?2",
        params![user_id, id],
    )
    .await
}

pub(crate) async fn put(
    sql: &impl Sql,
    user_id: &str,
    id: &str,
    import: &Import,
    now_ms: i64,
) -> Result<(), StoreError> {
    sql.execute(
        "INSERT INTO imports (user_id, id, next_line, accepted, duplicated, rejected, \
         created_ms, changed_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) \
         ON CONFLICT (user_id, id) DO UPDATE SET next_line = excluded.next_line, \
         accepted = excluded.accepted, duplicated = excluded.duplicated, \
         rejected = excluded.rejected, changed_ms = excluded.changed_ms",
        params![
            user_id,
            id,
            import.next_line,
            import.accepted,
            import.duplicated,
            import.rejected,
            import.created_ms,
            now_ms
        ],
    )
    .await
}

pub(crate) async fn put_rejects(
    sql: &impl Sql,
    user_id: &str,
    id: &str,
    rejected: &[Rejected],
) -> Result<(), StoreError> {
    for chunk in rejected.chunks(ROWS_MAX) {
        let mut values = params![user_id, id];
        let mut rows = Vec::with_capacity(chunk.len());
        for each in chunk {
            let at = values.len();
            rows.push(format!("(?1,?2,?{},?{},?{})", at + 1, at + 2, at + 3));
            let line = i64::try_from(each.line).unwrap_or(i64::MAX);
            values.extend(params![line, &each.code, &each.message]);
        }
        let text = format!(
            "INSERT INTO import_rejects (user_id, import_id, line, code, message) VALUES {}",
            rows.join(",")
        );
        sql.execute(&text, values).await?;
    }
    Ok(())
}

/// The refused lines behind a line, in order.
pub(crate) async fn rejects(
    sql: &impl Sql,
    user_id: &str,
    id: &str,
    after_line: i64,
    limit: u32,
) -> Result<Vec<Rejected>, StoreError> {
    sql.query(
        "SELECT line, code, message FROM import_rejects \
         WHERE user_id = ?1 AND import_id = ?2 AND line > ?3 ORDER BY line LIMIT ?4",
        params![user_id, id, after_line, limit],
    )
    .await
}

/// The refused lines from a line on and before another.
pub(crate) async fn rejects_between(
    sql: &impl Sql,
    user_id: &str,
    id: &str,
    from_line: i64,
    to_line: i64,
) -> Result<Vec<Rejected>, StoreError> {
    sql.query(
        "SELECT line, code, message FROM import_rejects WHERE user_id = ?1 \
         AND import_id = ?2 AND line >= ?3 AND line < ?4 ORDER BY line",
        params![user_id, id, from_line, to_line],
    )
    .await
}
