//! The SQL that looks readings up.

use suoke_health::Milli;
use suoke_health::catalogue;
use suoke_health::view::{Status, StoredReading};
use suoke_store::{Row, Sql, StoreError, Value, params};

use crate::read::{Filter, Point};

/// What a [`StoredReading`] is made of.
pub(super) const COLUMNS: &str = "r.id, r.device_id, r.client_id, r.type, r.value_milli, r.value2_milli, \
     r.original_value, r.original_value2, r.original_unit, r.effective_ms, r.end_ms, \
     r.offset_minutes, r.context, r.data, r.quality, r.status, r.supersedes, r.source, \
     r.source_rank, r.shadowed, r.created_ms, r.changed_ms";

/// Sorts after every id.
const AFTER_ALL: &str = "g";

/// The first 48 bits of an id name its instant; the largest that they can.
const ID_MS_MAX: i64 = 0xffff_ffff_ffff;

/// A page by the index of types: only what counts, newest first.
pub(crate) async fn by_type(
    sql: &impl Sql,
    user_id: &str,
    kind: &str,
    filter: &Filter<'_>,
    limit: u32,
) -> Result<Vec<StoredReading>, StoreError> {
    let to_ms = filter.to_ms.unwrap_or(i64::MAX);
    let (before_ms, before_id) = match &filter.before {
        Some(cursor) => (cursor.effective_ms, cursor.id.as_str()),
        None => (i64::MAX, AFTER_ALL),
    };
    let mut values = params![
        user_id,
        kind,
        filter.from_ms.unwrap_or(i64::MIN),
        to_ms,
        before_ms,
        before_id,
        limit
    ];
    let device = match filter.device {
        Some(device) => {
            values.push(device.into());
            "AND r.device_id = ?8 "
        }
        None => "",
    };
    let text = format!(
        "SELECT {COLUMNS} FROM readings AS r WHERE r.user_id = ?1 AND r.type = ?2 \
         AND r.status = 'final' AND r.effective_ms >= ?3 AND r.effective_ms < ?4 \
         AND r.effective_ms <= ?5 AND (r.effective_ms < ?5 OR r.id < ?6) {device}\
         ORDER BY r.effective_ms DESC, r.id DESC LIMIT ?7"
    );
    stored(sql.query(&text, values).await?)
}

/// A page by the primary key: ids begin with their instant.
pub(crate) async fn by_id(
    sql: &impl Sql,
    user_id: &str,
    filter: &Filter<'_>,
    limit: u32,
) -> Result<Vec<StoredReading>, StoreError> {
    let end = filter.to_ms.map(|to_ms| first_id(to_ms.max(1)));
    let cursor = filter.before.as_ref().map(|cursor| cursor.id.clone());
    let end = [end, cursor].into_iter().flatten().min();
    let mut values = params![
        user_id,
        first_id(filter.from_ms.unwrap_or(0)),
        end.unwrap_or_else(|| AFTER_ALL.to_owned()),
        filter.from_ms.unwrap_or(i64::MIN),
        filter.to_ms.unwrap_or(i64::MAX),
        limit
    ];
    let mut more = String::new();
    if !filter.include_all {
        more.push_str("AND r.status = 'final' ");
    }
    if !filter.types.is_empty() {
        values.push(Value::Text(json_list(filter.types)));
        more.push_str(&format!(
            "AND r.type IN (SELECT value FROM json_each(?{})) ",
            values.len()
        ));
    }
    if let Some(device) = filter.device {
        values.push(device.into());
        more.push_str(&format!("AND r.device_id = ?{} ", values.len()));
    }
    let text = format!(
        "SELECT {COLUMNS} FROM readings AS r WHERE r.user_id = ?1 AND r.id >= ?2 AND r.id < ?3 \
         AND r.effective_ms >= ?4 AND r.effective_ms < ?5 {more}ORDER BY r.id DESC LIMIT ?6"
    );
    stored(sql.query(&text, values).await?)
}

/// One reading.
pub(crate) async fn one(
    sql: &impl Sql,
    user_id: &str,
    id: &str,
) -> Result<Option<StoredReading>, StoreError> {
    Ok(by_ids(sql, user_id, &[id]).await?.pop())
}

/// Readings by their ids, whatever their status. Ids begin with their instant, so that
/// only the partitions of these months are looked at.
pub(crate) async fn by_ids(
    sql: &impl Sql,
    user_id: &str,
    ids: &[&str],
) -> Result<Vec<StoredReading>, StoreError> {
    let (first_ms, last_ms) = span(ids);
    let text = format!(
        "SELECT {COLUMNS} FROM readings AS r WHERE r.user_id = ?1 \
         AND r.id IN (SELECT value FROM json_each(?2)) \
         AND r.effective_ms >= ?3 AND r.effective_ms <= ?4"
    );
    let values = params![user_id, json_list(ids), first_ms, last_ms];
    stored(sql.query(&text, values).await?)
}

/// The first and the last instant that ids begin with.
fn span(ids: &[&str]) -> (i64, i64) {
    let (mut first_ms, mut last_ms) = (i64::MAX, i64::MIN);
    for id in ids {
        let Some(ms) = instant(id) else {
            return (i64::MIN, i64::MAX);
        };
        // All instants before 1970 begin with 0.
        first_ms = first_ms.min(if ms == 0 { i64::MIN } else { ms });
        last_ms = last_ms.max(ms);
    }
    (first_ms, last_ms)
}

/// The instant that an id begins with; none where it is no id of a reading, or of one
/// later than ids can say.
fn instant(id: &str) -> Option<i64> {
    let (high, low) = id.get(..13)?.split_once('-')?;
    let ms = i64::from_str_radix(&format!("{high}{low}"), 16).ok()?;
    (high.len() == 8 && ms < ID_MS_MAX).then_some(ms)
}

/// The newest reading of each type.
pub(crate) async fn latest(
    sql: &impl Sql,
    user_id: &str,
    types: &[&str],
) -> Result<Vec<StoredReading>, StoreError> {
    let text = format!(
        "SELECT {COLUMNS} FROM readings AS r WHERE r.user_id = ?1 AND r.id IN \
         (SELECT (SELECT n.id FROM readings AS n WHERE n.user_id = ?1 \
          AND n.type = wanted.value AND n.status = 'final' \
          ORDER BY n.effective_ms DESC, n.id DESC LIMIT 1) FROM json_each(?2) AS wanted)"
    );
    stored(sql.query(&text, params![user_id, json_list(types)]).await?)
}

/// Points of one type, newest first.
pub(crate) async fn series(
    sql: &impl Sql,
    user_id: &str,
    kind: &str,
    from_ms: i64,
    to_ms: i64,
    limit: u32,
) -> Result<Vec<Point>, StoreError> {
    let rows: Vec<Row> = sql
        .query(
            "SELECT effective_ms, end_ms, value_milli, value2_milli, source_rank, quality, context \
             FROM readings WHERE user_id = ?1 AND type = ?2 AND status = 'final' \
             AND effective_ms >= ?3 AND effective_ms < ?4 \
             ORDER BY effective_ms DESC, id DESC LIMIT ?5",
            params![user_id, kind, from_ms, to_ms, limit],
        )
        .await?;
    let mut points = Vec::with_capacity(rows.len());
    for row in rows {
        let value2: Option<i64> = row.get("value2_milli")?;
        let quality: String = row.get("quality")?;
        points.push(Point {
            at_ms: row.get("effective_ms")?,
            end_ms: row.get("end_ms")?,
            value: Milli(row.get("value_milli")?),
            value2: value2.map(Milli),
            rank: row.get("source_rank")?,
            is_plausible: quality == "ok",
            context: row.get("context")?,
        });
    }
    Ok(points)
}

/// The smallest id of an instant.
fn first_id(ms: i64) -> String {
    let text = format!("{:012x}", ms.clamp(0, ID_MS_MAX));
    match text.split_at_checked(8) {
        Some((high, low)) => format!("{high}-{low}"),
        None => text,
    }
}

/// Texts as one parameter for `json_each`.
pub(crate) fn json_list(texts: &[&str]) -> String {
    serde_json::to_string(texts).unwrap_or_default()
}

/// Rows as readings. A kind that left the catalogue is not shown; its row stays.
pub(super) fn stored(rows: Vec<Row>) -> Result<Vec<StoredReading>, StoreError> {
    let mut readings = Vec::with_capacity(rows.len());
    for row in rows {
        let kind: String = row.get("type")?;
        let Some(kind) = catalogue::find(&kind) else {
            continue;
        };
        let second: Option<i64> = row.get("value2_milli")?;
        let values = [Some(row.get("value_milli")?), second];
        let originals: [Option<f64>; 2] = [row.get("original_value")?, row.get("original_value2")?];
        let status: String = row.get("status")?;
        let shadowed: i64 = row.get("shadowed")?;
        readings.push(StoredReading {
            id: row.get("id")?,
            kind,
            values: values.into_iter().flatten().map(Milli).collect(),
            effective_ms: row.get("effective_ms")?,
            end_ms: row.get("end_ms")?,
            offset_minutes: row.get("offset_minutes")?,
            original_values: originals.into_iter().flatten().collect(),
            original_unit: row.get("original_unit")?,
            context: row.get("context")?,
            data: row.get("data")?,
            client_id: row.get("client_id")?,
            device_id: row.get("device_id")?,
            source: row.get("source")?,
            source_rank: row.get("source_rank")?,
            shadowed: shadowed == 1,
            quality: row.get("quality")?,
            status: Status::parse(&status).unwrap_or(Status::Final),
            supersedes: row.get("supersedes")?,
            created_ms: row.get("created_ms")?,
            changed_ms: row.get("changed_ms")?,
        });
    }
    Ok(readings)
}
