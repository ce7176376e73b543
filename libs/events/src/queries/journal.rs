//! What operators look at and begin anew. Ids come as JSON arrays.

use suoke_store::{Sql, StoreError, Value, params};

use crate::journal::{Entry, Filter};
use crate::replay::Letter;

suoke_store::from_row!(Entry {
    id,
    kind,
    aggregate,
    sequence,
    correlation_id,
    created_at,
    attempts,
    done_at,
    dead_at,
    last_error
});

suoke_store::from_row!(Letter {
    event_id,
    consumer,
    kind,
    reason,
    attempts,
    first_failed_at,
    dead_at
});

/// The columns of an [`Entry`].
const ENTRY: &str = "id, type AS kind, aggregate, sequence, correlation_id, created_at, \
     attempts, done_at, dead_at, last_error";

/// Conditions that are joined by AND, with their values.
struct Conditions {
    text: String,
    values: Vec<Value>,
}

impl Conditions {
    fn new(text: &str, values: Vec<Value>) -> Self {
        let text = text.to_owned();
        Self { text, values }
    }

    /// Adds `condition`, which ends before its placeholder, when there is a value.
    fn and(&mut self, condition: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.values.push(value.into());
            let place = self.values.len();
            self.text.push_str(&format!(" AND {condition} ?{place}"));
        }
    }

    fn and_filter(&mut self, filter: &Filter) {
        self.and("type =", filter.kind.as_deref());
        self.and("aggregate =", filter.subject.as_deref());
        self.and("correlation_id =", filter.correlation.as_deref());
        self.and("created_at >=", filter.from_ms);
        self.and("created_at <", filter.to_ms);
    }
}

/// Events before the one with the id `before`, newest first.
pub(crate) async fn list(
    sql: &impl Sql,
    filter: &Filter,
    before: Option<&str>,
    limit: u32,
) -> Result<Vec<Entry>, StoreError> {
    let mut conditions = Conditions::new("true", params![limit]);
    conditions.and_filter(filter);
    conditions.and("id <", before);
    let text = conditions.text;
    let text = format!("SELECT {ENTRY} FROM event_outbox WHERE {text} ORDER BY id DESC LIMIT ?1");
    sql.query(&text, conditions.values).await
}

/// One event.
pub(crate) async fn find(sql: &impl Sql, id: &str) -> Result<Option<Entry>, StoreError> {
    let text = format!("SELECT {ENTRY} FROM event_outbox WHERE id = ?1");
    sql.query_optional(&text, params![id]).await
}

/// Who has handled an event, and when.
pub(crate) struct Handled {
    pub(crate) consumer: String,
    pub(crate) processed_at: i64,
}

suoke_store::from_row!(Handled {
    consumer,
    processed_at
});

pub(crate) async fn handled(sql: &impl Sql, id: &str) -> Result<Vec<Handled>, StoreError> {
    sql.query(
        "SELECT consumer, processed_at FROM event_inbox WHERE event_id = ?1",
        params![id],
    )
    .await
}

/// Who has failed with an event.
pub(crate) struct Failure {
    pub(crate) consumer: String,
    pub(crate) reason: String,
    pub(crate) attempts: u32,
    pub(crate) last_failed_at: i64,
    pub(crate) dead_at: Option<i64>,
}

suoke_store::from_row!(Failure {
    consumer,
    reason,
    attempts,
    last_failed_at,
    dead_at
});

pub(crate) async fn failures(sql: &impl Sql, id: &str) -> Result<Vec<Failure>, StoreError> {
    sql.query(
        "SELECT consumer, reason, attempts, last_failed_at, dead_at FROM event_failures \
         WHERE event_id = ?1",
        params![id],
    )
    .await
}

/// The dead letters before the one of `before`, an event and a consumer, in the
/// order of their events, newest first: what is to be selected, and the values.
fn letters_of(
    columns: &str,
    consumer: Option<&str>,
    event_id: Option<&str>,
    before: Option<(&str, &str)>,
    limit: u32,
) -> (String, Vec<Value>) {
    let mut conditions = Conditions::new("dead_at IS NOT NULL", params![limit]);
    conditions.and("consumer =", consumer);
    conditions.and("event_id =", event_id);
    if let Some((event, consumer)) = before {
        conditions.values.extend(params![event, consumer]);
        let last = conditions.values.len();
        let condition = format!(" AND (event_id, consumer) < (?{}, ?{last})", last - 1);
        conditions.text.push_str(&condition);
    }
    let text = conditions.text;
    let text = format!(
        "SELECT {columns} FROM event_failures WHERE {text} \
         ORDER BY event_id DESC, consumer DESC LIMIT ?1"
    );
    (text, conditions.values)
}

/// Dead letters without their payloads.
pub(crate) async fn letters(
    sql: &impl Sql,
    consumer: Option<&str>,
    before: Option<(&str, &str)>,
    limit: u32,
) -> Result<Vec<Letter>, StoreError> {
    let columns = "event_id, consumer, type AS kind, reason, attempts, first_failed_at, dead_at";
    let (text, values) = letters_of(columns, consumer, None, before, limit);
    sql.query(&text, values).await
}

/// A dead letter as it is delivered again.
pub(crate) struct WholeLetter {
    pub(crate) event_id: String,
    pub(crate) consumer: String,
    pub(crate) kind: String,
    /// The event; empty when the outbox beside it has it.
    pub(crate) payload: String,
}

suoke_store::from_row!(WholeLetter {
    event_id,
    consumer,
    kind,
    payload
});

/// Dead letters with their payloads: few at a time.
pub(crate) async fn whole_letters(
    sql: &impl Sql,
    consumer: Option<&str>,
    event_id: Option<&str>,
    before: Option<(&str, &str)>,
    limit: u32,
) -> Result<Vec<WholeLetter>, StoreError> {
    let columns = "event_id, consumer, type AS kind, payload";
    let (text, values) = letters_of(columns, consumer, event_id, before, limit);
    sql.query(&text, values).await
}

/// An event that was given up.
pub(crate) struct GivenUp {
    pub(crate) position: i64,
    pub(crate) id: String,
}

suoke_store::from_row!(GivenUp { position, id });

/// Events after a position that were given up, oldest first.
pub(crate) async fn given_up(
    sql: &impl Sql,
    event_id: Option<&str>,
    after: i64,
    limit: u32,
) -> Result<Vec<GivenUp>, StoreError> {
    let text = "position > ?2 AND dead_at IS NOT NULL";
    let mut conditions = Conditions::new(text, params![limit, after]);
    conditions.and("id =", event_id);
    let text = conditions.text;
    let text =
        format!("SELECT position, id FROM event_outbox WHERE {text} ORDER BY position LIMIT ?1");
    sql.query(&text, conditions.values).await
}

/// Which of these events have a dead letter here; `ids` is a JSON array.
pub(crate) async fn lettered(sql: &impl Sql, ids: &str) -> Result<Vec<String>, StoreError> {
    sql.query(
        "SELECT DISTINCT event_id FROM event_failures \
         WHERE event_id IN (SELECT value FROM json_each(?1)) AND dead_at IS NOT NULL",
        params![ids],
    )
    .await
}

/// A dead letter is an ordinary failure again.
pub(crate) async fn revive(
    sql: &impl Sql,
    event_id: &str,
    consumer: &str,
) -> Result<(), StoreError> {
    sql.execute(
        "UPDATE event_failures SET dead_at = NULL WHERE event_id = ?1 AND consumer = ?2",
        params![event_id, consumer],
    )
    .await
}

/// Begins a new round of deliveries; gives the events that are here.
pub(crate) async fn restart(
    sql: &impl Sql,
    ids: &str,
    now_ms: i64,
) -> Result<Vec<String>, StoreError> {
    sql.query(
        "UPDATE event_outbox SET done_at = NULL, dead_at = NULL, attempts = 0, \
         started_at = CASE WHEN started_at < ?2 THEN ?2 ELSE started_at + 1 END, next_attempt_at = ?2, last_error = NULL \
         WHERE id IN (SELECT value FROM json_each(?1)) RETURNING id",
        params![ids, now_ms],
    )
    .await
}

/// Takes in an event whose producer keeps no outbox, to deliver it again.
pub(crate) async fn adopt(
    sql: &impl Sql,
    letter: &WholeLetter,
    attempts_max: u32,
    now_ms: i64,
) -> Result<(), StoreError> {
    sql.execute(
        "INSERT INTO event_outbox (id, type, aggregate, sequence, payload, created_at, \
         started_at, attempts_max, next_attempt_at) \
         VALUES (?1, ?2, 'adopted/' || ?1, 1, ?3, ?4, ?4, ?5, ?4) ON CONFLICT DO NOTHING",
        params![
            &letter.event_id,
            &letter.kind,
            &letter.payload,
            now_ms,
            attempts_max
        ],
    )
    .await
}

/// An event that is to be delivered again.
pub(crate) struct Chosen {
    pub(crate) position: i64,
    pub(crate) id: String,
    pub(crate) aggregate: String,
    pub(crate) sequence: i64,
}

suoke_store::from_row!(Chosen {
    position,
    id,
    aggregate,
    sequence
});

/// The events that a replay means; `kinds` is a JSON array. What is put to `type`
/// and `created_at` keeps their indexes out: with them, every page would sort all
/// events of the type or of the time.
fn chosen_of(filter: &Filter, kinds: &str, after: i64, limit: u32) -> (String, Vec<Value>) {
    let mut conditions = Conditions::new(
        "position > ?2 AND type || '' IN (SELECT value FROM json_each(?3))",
        params![limit, after, kinds],
    );
    conditions.and("type || '' =", filter.kind.as_deref());
    conditions.and("aggregate =", filter.subject.as_deref());
    conditions.and("correlation_id =", filter.correlation.as_deref());
    conditions.and("created_at + 0 >=", filter.from_ms);
    conditions.and("created_at + 0 <", filter.to_ms);
    let text = conditions.text;
    let text = format!(
        "SELECT position, id, aggregate, sequence FROM event_outbox \
         WHERE {text} ORDER BY position LIMIT ?1"
    );
    (text, conditions.values)
}

/// Events after a position, oldest first; `kinds` is a JSON array.
pub(crate) async fn chosen(
    sql: &impl Sql,
    filter: &Filter,
    kinds: &str,
    after: i64,
    limit: u32,
) -> Result<Vec<Chosen>, StoreError> {
    let (text, values) = chosen_of(filter, kinds, after, limit);
    sql.query(&text, values).await
}

/// The first `limit` times of the events that a replay means, as a JSON array.
pub(crate) async fn times(
    sql: &impl Sql,
    filter: &Filter,
    kinds: &str,
    limit: i64,
) -> Result<String, StoreError> {
    let mut conditions = Conditions::new(
        "type || '' IN (SELECT value FROM json_each(?2))",
        params![limit, kinds],
    );
    conditions.and("type || '' =", filter.kind.as_deref());
    conditions.and("aggregate =", filter.subject.as_deref());
    conditions.and("correlation_id =", filter.correlation.as_deref());
    conditions.and("created_at >=", filter.from_ms);
    conditions.and("created_at <", filter.to_ms);
    let text = conditions.text;
    let text = format!(
        "SELECT '[' || coalesce(string_agg(CAST(created_at AS TEXT), ','), '') || ']' \
         FROM (SELECT created_at FROM event_outbox \
         WHERE {text} ORDER BY created_at LIMIT ?1) AS chosen"
    );
    sql.query_one(&text, conditions.values).await
}

/// Forgets that a consumer has met these events.
pub(crate) async fn forget(sql: &impl Sql, consumer: &str, ids: &str) -> Result<(), StoreError> {
    for table in ["event_inbox", "event_failures"] {
        let text = format!(
            "DELETE FROM {table} WHERE consumer = ?1 \
             AND event_id IN (SELECT value FROM json_each(?2))"
        );
        sql.execute(&text, params![consumer, ids]).await?;
    }
    Ok(())
}

/// An aggregate whose order a consumer begins anew.
pub(crate) struct Rewound {
    pub(crate) aggregate: String,
    pub(crate) last_sequence: i64,
}

suoke_store::from_row!(Rewound {
    aggregate,
    last_sequence
});

/// Sets a consumer that needs order back before the first of the chosen events;
/// `firsts` is a JSON array of `[aggregate, sequence]`.
pub(crate) async fn rewind(
    sql: &impl Sql,
    consumer: &str,
    firsts: &str,
) -> Result<Vec<Rewound>, StoreError> {
    sql.query(
        "UPDATE event_positions SET last_sequence = first.sequence - 1 \
         FROM (SELECT value ->> 0 AS aggregate, CAST(value ->> 1 AS INTEGER) AS sequence \
         FROM json_each(?2)) AS first WHERE event_positions.consumer = ?1 \
         AND event_positions.aggregate = first.aggregate \
         AND event_positions.last_sequence >= first.sequence \
         RETURNING event_positions.aggregate, event_positions.last_sequence",
        params![consumer, firsts],
    )
    .await
}

/// Every event of an aggregate after a number.
pub(crate) async fn later(sql: &impl Sql, rewound: &Rewound) -> Result<Vec<String>, StoreError> {
    sql.query(
        "SELECT id FROM event_outbox WHERE aggregate = ?1 AND sequence > ?2",
        params![&rewound.aggregate, rewound.last_sequence],
    )
    .await
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use suoke_store::Database;

    use super::*;

    struct Plan {
        detail: String,
    }

    suoke_store::from_row!(Plan { detail });

    #[test]
    fn a_page_of_a_replay_sorts_nothing() {
        if Database::tests_use_postgres() {
            // The plan is SQLite's.
            return;
        }
        let by_type = Filter {
            kind: Some("t".to_owned()),
            ..Filter::default()
        };
        let by_time = Filter {
            from_ms: Some(1),
            to_ms: Some(2),
            ..by_type.clone()
        };
        block_on(async {
            let db = Database::open_in_memory("care").await.unwrap();
            for filter in [Filter::default(), by_type, by_time] {
                let (text, values) = chosen_of(&filter, r#"["t"]"#, 0, 500);
                let text = format!("EXPLAIN QUERY PLAN {text}");
                let plan: Vec<Plan> = db.query(&text, values).await.unwrap();
                let plan: Vec<String> = plan.into_iter().map(|step| step.detail).collect();
                let plan = plan.join("\n");
                assert!(plan.contains("INTEGER PRIMARY KEY (rowid>?)"), "{plan}");
                assert!(!plan.contains("TEMP B-TREE"), "{plan}");
            }
        });
    }
}
