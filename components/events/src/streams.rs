//! `/api/v1/streams/:type/:id`: event-sourced streams.

use serde::{Deserialize, Serialize};
use suoke_events::EventError;
use suoke_events::streams::{self, NewEvent, StreamEvent};
use suoke_guest::{ApiError, FieldError, Reply, Request, reply};
use suoke_store::Database;

use crate::check;

/// Where streams are stored.
const LABEL: &str = "platform";

/// How many events are appended at once.
const EVENTS_MAX: usize = 100;

/// The query of a stream.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    after: Option<u64>,
    limit: Option<u32>,
}

#[derive(Serialize)]
struct Stream {
    stream_type: String,
    stream_id: String,
    version: u64,
    events: Vec<StreamEvent>,
    next_after: Option<u64>,
}

/// What is asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Append {
    expected_version: u64,
    events: Vec<NewEvent>,
}

#[derive(Serialize)]
struct Appended {
    version: u64,
}

pub(crate) async fn read(request: &Request, kind: &str, id: &str) -> Result<Reply, ApiError> {
    let page: Page = request.query()?;
    let limit = check::limit(page.limit)?;
    let db = Database::open(LABEL).await?;
    let after = page.after.unwrap_or(0);
    // First: an append in between would name a version whose event is not shown.
    let version = streams::version(&db, kind, id).await?;
    let events = streams::read(&db, kind, id, after, limit).await?;
    let is_full = events.len() == limit as usize;
    let next_after = events.last().filter(|_| is_full).map(|event| event.version);
    reply::json(&Stream {
        stream_type: kind.to_owned(),
        stream_id: id.to_owned(),
        version,
        events,
        next_after,
    })
}

pub(crate) async fn append(mut request: Request, kind: &str, id: &str) -> Result<Reply, ApiError> {
    let asked: Append = request.json().await?;
    let mut db = Database::open(LABEL).await?;
    let version = append_to(&mut db, kind, id, &asked).await?;
    let location = format!(
        "/api/v1/streams/{kind}/{id}?after={}",
        asked.expected_version
    );
    reply::created(&location, &Appended { version })
}

async fn append_to(
    db: &mut Database,
    kind: &str,
    id: &str,
    asked: &Append,
) -> Result<u64, ApiError> {
    if !(1..=EVENTS_MAX).contains(&asked.events.len()) {
        let error = FieldError::new("events", "out_of_range", "must be 1 to 100 events");
        return Err(ApiError::invalid(vec![error]));
    }
    for (index, event) in asked.events.iter().enumerate() {
        check::name(&format!("events[{index}].type"), &event.kind)?;
    }
    let expected = asked.expected_version;
    let appended = db
        .transaction(async |tx| streams::append(tx, kind, id, expected, &asked.events).await)
        .await;
    appended.map_err(|error| match error {
        EventError::Conflict { actual, .. } => {
            let detail =
                format!("The stream has version {actual}: read what is new, and decide again.");
            ApiError::conflict("concurrency_conflict", detail)
                .zh(format!("流的版本已是 {actual}：请读取新事件后重试。"))
        }
        other => other.into(),
    })
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use serde_json::json;

    use super::*;

    fn append(expected_version: u64, kinds: &[&str]) -> Append {
        let events = kinds.iter().map(|kind| NewEvent {
            kind: (*kind).to_owned(),
            data: json!({}),
            metadata: json!({}),
        });
        Append {
            expected_version,
            events: events.collect(),
        }
    }

    #[test]
    fn of_two_who_have_seen_the_same_version_the_second_is_told() {
        block_on(async {
            let mut db = Database::open_in_memory(LABEL).await.unwrap();
            let first = append_to(&mut db, "usage", "u1", &append(0, &["a", "b"])).await;
            assert_eq!(first.unwrap(), 2);
            let second = append_to(&mut db, "usage", "u1", &append(0, &["c"])).await;
            let error = second.unwrap_err();
            assert_eq!(
                (error.status(), error.code()),
                (409, "concurrency_conflict")
            );
        });
    }

    #[test]
    fn what_cannot_be_appended_is_refused_with_its_field() {
        block_on(async {
            let mut db = Database::open_in_memory(LABEL).await.unwrap();
            let many = vec!["a"; EVENTS_MAX + 1];
            for (asked, field) in [
                (append(0, &[]), "events"),
                (append(0, &many), "events"),
                (append(0, &["a", "b c"]), "events[1].type"),
            ] {
                let error = append_to(&mut db, "usage", "u1", &asked).await.unwrap_err();
                let told = (error.status(), error.errors()[0].field.as_str());
                assert_eq!(told, (400, field));
            }
        });
    }
}
