//! Readings as they are stored.

use suoke_health::Milli;
use suoke_health::catalogue;
use suoke_health::view::StoredReading;
use suoke_store::{Sql, StoreError};

use crate::cursor::Cursor;
use crate::queries::read as queries;

/// Most readings of one [`select`].
pub const READINGS_MAX: u32 = 1_000;
/// Most points of one [`series`]: a day of one reading a second.
pub const POINTS_MAX: u32 = 86_400;

/// Which readings of a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter<'a> {
    /// Keys of the catalogue; none for all types.
    pub types: &'a [&'a str],
    /// First instant, inclusive.
    pub from_ms: Option<i64>,
    /// Last instant, exclusive.
    pub to_ms: Option<i64>,
    /// Of this device only; `""` for readings that name none.
    pub device: Option<&'a str>,
    /// After the last reading of an earlier page.
    pub before: Option<Cursor>,
    /// How many at most; at most [`READINGS_MAX`] are given.
    pub limit: u32,
    /// Also what was corrected or deleted.
    pub include_all: bool,
}

impl Default for Filter<'_> {
    fn default() -> Self {
        Self {
            types: &[],
            from_ms: None,
            to_ms: None,
            device: None,
            before: None,
            limit: READINGS_MAX,
            include_all: false,
        }
    }
}

/// One reading of a [`series`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Point {
    /// When, in milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// When it ended, where that was sent: a sleep with all that lay in between.
    pub end_ms: Option<i64>,
    /// The value, or the systolic pressure.
    pub value: Milli,
    /// The diastolic pressure.
    pub value2: Option<Milli>,
    /// How much its source counts ([`suoke_health::source::rank`]).
    pub rank: u8,
    /// Whether nothing speaks against it.
    pub is_plausible: bool,
    /// Circumstances, as JSON.
    pub context: Option<String>,
}

/// The readings that a filter lets pass, newest first. Those of before 1970 come
/// last, and among themselves in the order of their ids unless types are named.
///
/// # Errors
/// When the database fails.
pub async fn select(
    sql: &impl Sql,
    user_id: &str,
    filter: &Filter<'_>,
) -> Result<Vec<StoredReading>, StoreError> {
    let limit = filter.limit.min(READINGS_MAX);
    if filter.types.is_empty() || filter.include_all {
        return queries::by_id(sql, user_id, filter, limit).await;
    }
    let mut found = Vec::new();
    for kind in filter.types {
        found.extend(queries::by_type(sql, user_id, kind, filter, limit).await?);
    }
    found.sort_by(|one: &StoredReading, other| {
        (other.effective_ms, &other.id).cmp(&(one.effective_ms, &one.id))
    });
    found.truncate(limit as usize);
    Ok(found)
}

/// One reading, whatever its status.
///
/// # Errors
/// When the database fails.
pub async fn find(
    sql: &impl Sql,
    user_id: &str,
    id: &str,
) -> Result<Option<StoredReading>, StoreError> {
    queries::one(sql, user_id, id).await
}

/// The newest reading that counts of each type; types without any are left out.
///
/// # Errors
/// When the database fails.
pub async fn latest(
    sql: &impl Sql,
    user_id: &str,
    types: &[&str],
) -> Result<Vec<StoredReading>, StoreError> {
    queries::latest(sql, user_id, types).await
}

/// The readings of one type in `[from_ms, to_ms)` that count, in the order of time.
/// Of more than [`POINTS_MAX`] the newest are given.
///
/// # Errors
/// When the database fails.
pub async fn series(
    sql: &impl Sql,
    user_id: &str,
    kind: &str,
    from_ms: i64,
    to_ms: i64,
) -> Result<Vec<Point>, StoreError> {
    let kind = catalogue::find(kind).map_or(kind, |kind| kind.key);
    let mut points = queries::series(sql, user_id, kind, from_ms, to_ms, POINTS_MAX).await?;
    points.reverse();
    Ok(points)
}

#[cfg(test)]
mod tests;
