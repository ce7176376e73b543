//! Who looked at the health of somebody else. The event goes through the outbox, whose
//! transaction is over before anything is shown; the audit keeps it.

use suoke_events::{Event, EventError, announce, outbox_all};
use suoke_guest::{ApiError, FieldError};
use suoke_store::{Database, Transaction};

use crate::cause::Cause;
use crate::events::{self, Accessed};

/// How long the id of a person may be, in bytes.
const USER_ID_SIZE_BYTES_MAX: usize = 100;

/// Notes that `by` asked for the health data of `people`, and by which route: to be
/// called once for a request, before it is answered, with a database that can be written.
/// What is one's own is not noted. The event names no value, and is there also where
/// nothing was found: that is told, too.
///
/// # Errors
/// 400 where a person's id can be none, and 503 when the event cannot be stored: then
/// nothing may be shown.
pub async fn note_access(
    db: &mut Database,
    cause: Cause<'_>,
    by: &str,
    people: &[&str],
    resource: &str,
) -> Result<(), ApiError> {
    let others = people.iter().copied().filter(|user_id| *user_id != by);
    let others: Vec<&str> = others.collect();
    if others.is_empty() {
        return Ok(());
    }
    if !others.iter().all(|user_id| can_be_id(user_id)) {
        let message = "must be a user's id";
        let error = FieldError::new("user_id", "invalid_value", message);
        return Err(ApiError::invalid(vec![error]));
    }
    let stored = store(db, cause, by, &others, resource).await;
    let stored = stored.map_err(|error| {
        ApiError::unavailable(format!("an access to health data was not noted: {error}"))
    })?;
    announce(&stored).await;
    Ok(())
}

async fn store(
    db: &mut Database,
    cause: Cause<'_>,
    by: &str,
    others: &[&str],
    resource: &str,
) -> Result<Vec<Event>, EventError> {
    let each = others.iter().map(|user_id| {
        let data = Accessed {
            user_id: (*user_id).to_owned(),
            by: by.to_owned(),
            resource: resource.to_owned(),
        };
        let event = Event::new(events::ACCESSED, cause.component(), &data)?;
        Ok(cause.of(event.about(events::subject(user_id))))
    });
    let noted = each.collect::<Result<Vec<Event>, EventError>>()?;
    let work = async |tx: &Transaction<'_>| outbox_all(tx, noted).await;
    match others {
        [user_id] => db.transaction_of(user_id, work).await,
        _ => db.transaction(work).await,
    }
}

fn can_be_id(user_id: &str) -> bool {
    let is_short = (1..=USER_ID_SIZE_BYTES_MAX).contains(&user_id.len());
    is_short && user_id.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use serde_json::json;
    use suoke_guest::Request;
    use suoke_store::{Sql, params};

    use super::*;
    use crate::testing::{events, health};

    async fn note(db: &mut Database, by: &str, people: &[&str]) -> Result<(), ApiError> {
        let request = Request::new("GET", "/x?type=heart_rate");
        let cause = Cause::request("test", &request);
        note_access(db, cause, by, people, "/api/v1/health/x").await
    }

    #[test]
    fn whoever_looks_at_somebody_else_is_noted_with_the_route() {
        block_on(async {
            let mut db = health().await;
            note(&mut db, "operator", &["u1"]).await.unwrap();
            let data = json!({"user_id": "u1", "by": "operator", "resource": "/api/v1/health/x"});
            let expected = ("health.data.accessed".to_owned(), data);
            assert_eq!(events(&db).await, [expected]);
            let (aggregate, correlation): (String, Option<String>) = {
                let text = "SELECT aggregate, correlation_id FROM event_outbox";
                let row: suoke_store::Row = db.query_one(text, params![]).await.unwrap();
                (
                    row.get("aggregate").unwrap(),
                    row.get("correlation_id").unwrap(),
                )
            };
            assert_eq!(aggregate, "readings/u1");
            assert!(correlation.is_some());
        });
    }

    #[test]
    fn what_is_ones_own_is_not_noted() {
        block_on(async {
            let mut db = health().await;
            note(&mut db, "u1", &["u1"]).await.unwrap();
            note(&mut db, "u1", &[]).await.unwrap();
            assert_eq!(events(&db).await, []);
            note(&mut db, "u1", &["u1", "u2", "u3"]).await.unwrap();
            let whose = |event: &(_, serde_json::Value)| event.1["user_id"].clone();
            let noted: Vec<_> = events(&db).await.iter().map(whose).collect();
            assert_eq!(noted, ["u2", "u3"]);
        });
    }

    #[test]
    fn what_cannot_be_noted_is_refused_for_now() {
        block_on(async {
            let mut db = health().await;
            db.execute("DROP TABLE event_outbox", params![])
                .await
                .unwrap();
            let refused = note(&mut db, "operator", &["u1"]).await.unwrap_err();
            assert_eq!(refused.status(), 503);
            assert_eq!(refused.header_value("retry-after"), Some("1"));
            assert!(note(&mut db, "u1", &["u1"]).await.is_ok());
        });
    }

    #[test]
    fn nobody_has_an_id_that_can_be_none() {
        block_on(async {
            let mut db = health().await;
            for odd in ["", "a b", "张", "a\nb", &"a".repeat(101)] {
                let refused = note(&mut db, "operator", &[odd]).await.unwrap_err();
                assert_eq!((refused.status(), events(&db).await.len()), (400, 0));
            }
        });
    }
}
