//! The audit in SQL: streams of the type `audit`.

use suoke_store::{Sql, StoreError, Value};

/// An entry as it is stored.
pub(crate) struct EntryRow {
    pub(crate) position: i64,
    pub(crate) id: String,
    pub(crate) stream_id: String,
    pub(crate) kind: String,
    pub(crate) data: String,
    pub(crate) metadata: String,
    pub(crate) created_at: i64,
}

suoke_store::from_row!(EntryRow {
    position,
    id,
    stream_id,
    kind,
    data,
    metadata,
    created_at
});

/// Which entries are wanted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    /// Those before this position.
    pub(crate) before: Option<i64>,
    pub(crate) actor: Option<String>,
    pub(crate) kind: Option<String>,
    pub(crate) subject: Option<String>,
    pub(crate) from_ms: Option<i64>,
    pub(crate) to_ms: Option<i64>,
}

/// Entries, newest first. Conditions that nobody asked for are left out, so that each of
/// the others finds its index; times become positions, which entries are ordered by.
pub(crate) async fn page(
    sql: &impl Sql,
    wanted: &Wanted,
    limit: u32,
) -> Result<Vec<EntryRow>, StoreError> {
    let mut text = String::from(
        "SELECT position, id, stream_id, type AS kind, data, metadata, created_at \
         FROM stream_events WHERE stream_type = 'audit'",
    );
    let mut values: Vec<Value> = Vec::new();
    let mut add = |condition: &str, value: Option<Value>| {
        if let Some(value) = value {
            values.push(value);
            text.push_str(" AND ");
            text.push_str(&condition.replace("?", &format!("?{}", values.len())));
        }
    };
    add("position < ?", wanted.before.map(Value::from));
    add(
        "json_extract(metadata, '$.actor') = ?",
        wanted.actor.as_ref().map(Value::from),
    );
    add("type = ?", wanted.kind.as_ref().map(Value::from));
    add("stream_id = ?", wanted.subject.as_ref().map(Value::from));
    add(
        "position >= (SELECT position FROM stream_events \
         WHERE stream_type = 'audit' AND created_at >= ? ORDER BY created_at, position LIMIT 1)",
        wanted.from_ms.map(Value::from),
    );
    add(
        "position <= (SELECT position FROM stream_events WHERE stream_type = 'audit' \
         AND created_at <= ? ORDER BY created_at DESC, position DESC LIMIT 1)",
        wanted.to_ms.map(Value::from),
    );
    values.push(Value::from(limit));
    text.push_str(&format!(" ORDER BY position DESC LIMIT ?{}", values.len()));
    sql.query(&text, values).await
}
