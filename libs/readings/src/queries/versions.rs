//! The SQL that looks readings up with what they corrected.

use suoke_health::view::StoredReading;
use suoke_store::{Sql, StoreError, Value, params};

use super::read::{COLUMNS, by_ids, json_list, one, stored};
use crate::versions::{Bound, Corrected, Matching};

/// A page of one type.
pub(crate) async fn page(
    sql: &impl Sql,
    user_id: &str,
    kind: &str,
    wanted: &Matching<'_>,
    limit: u32,
) -> Result<Vec<StoredReading>, StoreError> {
    let mut values = params![user_id, kind];
    let mut text = format!(
        "SELECT {COLUMNS} FROM readings AS r WHERE r.user_id = ?1 AND r.type = ?2 {}",
        conditions(wanted, &mut values)
    );
    let (after, order) = if wanted.is_ascending {
        (">", "ASC")
    } else {
        ("<", "DESC")
    };
    if let Some(cursor) = &wanted.after {
        let at = next(&mut values, cursor.effective_ms);
        let id = next(&mut values, cursor.id.as_str());
        text.push_str(&format!(
            "AND r.effective_ms {after}= {at} AND (r.effective_ms {after} {at} OR r.id {after} {id}) "
        ));
    }
    let limit = next(&mut values, limit);
    text.push_str(&format!(
        "ORDER BY r.effective_ms {order}, r.id {order} LIMIT {limit}"
    ));
    stored(sql.query(&text, values).await?)
}

/// How many readings of all types there are.
pub(crate) async fn count(
    sql: &impl Sql,
    user_id: &str,
    wanted: &Matching<'_>,
) -> Result<u64, StoreError> {
    let mut values = params![user_id, json_list(wanted.types)];
    let text = format!(
        "SELECT COUNT(*) FROM readings AS r WHERE r.user_id = ?1 \
         AND r.type IN (SELECT value FROM json_each(?2)) {}",
        conditions(wanted, &mut values)
    );
    let count: i64 = sql.query_one(&text, values).await?;
    Ok(count.unsigned_abs())
}

/// What holds for each reading, without types and places.
fn conditions(wanted: &Matching<'_>, values: &mut Vec<Value>) -> String {
    let mut text = if wanted.deleted {
        // What was corrected before is deleted with the last version, and is no thing of
        // its own.
        "AND r.status = 'entered_in_error' AND NOT EXISTS (SELECT 1 FROM readings AS s \
         WHERE s.user_id = r.user_id AND s.supersedes = r.id) "
            .to_owned()
    } else {
        "AND r.status = 'final' ".to_owned()
    };
    text.push_str(match wanted.corrected {
        Corrected::Any => "",
        Corrected::Only => "AND r.supersedes IS NOT NULL ",
        Corrected::Never => "AND r.supersedes IS NULL ",
    });
    for bounds in wanted.bounds {
        let each = bounds.iter().map(|bound| {
            let (column, comparison, ms) = match bound {
                Bound::StartFrom(ms) => ("r.effective_ms", ">=", ms),
                Bound::StartBefore(ms) => ("r.effective_ms", "<", ms),
                Bound::EndFrom(ms) => ("COALESCE(r.end_ms, r.effective_ms)", ">=", ms),
                Bound::EndBefore(ms) => ("COALESCE(r.end_ms, r.effective_ms)", "<", ms),
            };
            format!("{column} {comparison} {}", next(values, *ms))
        });
        let each: Vec<String> = each.collect();
        text.push_str(&format!("AND ({}) ", each.join(" OR ")));
    }
    text
}

/// Adds a value and gives its placeholder.
fn next(values: &mut Vec<Value>, value: impl Into<Value>) -> String {
    values.push(value.into());
    format!("?{}", values.len())
}

/// The newest versions by the ids that clients gave.
pub(crate) async fn by_client_ids(
    sql: &impl Sql,
    user_id: &str,
    client_ids: &[&str],
    limit: u32,
) -> Result<Vec<StoredReading>, StoreError> {
    let values = params![user_id, json_list(client_ids), limit];
    let ids: Vec<String> = sql.query(OF_CLIENT_IDS, values).await?;
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let mut found = by_ids(sql, user_id, &ids).await?;
    found.sort_by(|one, other| other.id.cmp(&one.id));
    Ok(found)
}

/// The ids of what clients gave these ids.
pub(super) const OF_CLIENT_IDS: &str = "SELECT id FROM readings WHERE user_id = ?1 \
     AND client_id <> '' AND client_id IN (SELECT value FROM json_each(?2)) \
     AND status = 'final' ORDER BY client_id, id DESC LIMIT ?3";

/// The reading that corrects another one.
pub(crate) async fn successor(
    sql: &impl Sql,
    user_id: &str,
    id: &str,
) -> Result<Option<StoredReading>, StoreError> {
    let next: Option<String> = sql.query_optional(SUCCESSOR, params![user_id, id]).await?;
    match next {
        Some(next) => one(sql, user_id, &next).await,
        None => Ok(None),
    }
}

/// The id of what corrects a reading.
pub(super) const SUCCESSOR: &str =
    "SELECT id FROM readings WHERE user_id = ?1 AND supersedes = ?2 ORDER BY id LIMIT 1";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queries::blobs::USED;
    use crate::testing::health;
    use futures::executor::block_on;
    use suoke_store::{Database, Row};

    #[test]
    fn what_few_readings_have_is_found_by_an_index() {
        // PostgreSQL chooses by what is in the tables.
        if Database::tests_use_postgres() {
            return;
        }
        block_on(async {
            let db = health().await;
            for (text, index) in [
                (OF_CLIENT_IDS, "readings_of_client_id"),
                (SUCCESSOR, "readings_superseding"),
                (USED, "readings_of_blob"),
            ] {
                let text = format!("EXPLAIN QUERY PLAN {text}");
                let values = params!["u", "[]", 1].into_iter();
                let values = values.take(text.matches('?').count().min(3)).collect();
                let rows: Vec<Row> = db.query(&text, values).await.unwrap();
                let plan: Vec<String> = rows.iter().map(|row| row.get("detail").unwrap()).collect();
                assert!(plan.iter().any(|step| step.contains(index)), "{plan:?}");
            }
        });
    }
}
