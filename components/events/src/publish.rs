//! `POST /events`: an event from outside.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use suoke_events::{EVENT_SIZE_BYTES_MAX, Event, EventError, announce, outbox};
use suoke_guest::{ApiError, Reply, Request, reply};
use suoke_store::Database;

use crate::check;

/// Where events from outside are stored.
const LABEL: &str = "platform";

/// What is asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Publish {
    #[serde(rename = "type")]
    kind: String,
    data: Value,
    subject: Option<String>,
}

/// What is answered.
#[derive(Serialize)]
struct Published {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    sequence: Option<u64>,
    correlation_id: Option<String>,
}

pub(crate) async fn publish(mut request: Request) -> Result<Reply, ApiError> {
    let asked: Publish = request.json_within(EVENT_SIZE_BYTES_MAX).await?;
    let event = event(asked, &request)?;
    let mut db = Database::open(LABEL).await?;
    let event = store(&mut db, event).await?;
    announce(std::slice::from_ref(&event)).await;
    let location = format!("/api/v1/events/{}", event.id);
    let published = Published {
        id: event.id,
        kind: event.kind,
        sequence: event.sequence,
        correlation_id: event.correlationid,
    };
    Ok(reply::accepted(&published)?.header("location", location))
}

fn event(asked: Publish, request: &Request) -> Result<Event, ApiError> {
    check::name("type", &asked.kind)?;
    let event = Event::new(&asked.kind, "events", &asked.data)?.from_request(request);
    Ok(match asked.subject {
        Some(subject) => {
            check::subject(&subject)?;
            event.about(subject)
        }
        None => event,
    })
}

async fn store(db: &mut Database, event: Event) -> Result<Event, ApiError> {
    let stored = db.transaction(async |tx| outbox(tx, event).await).await;
    stored.map_err(|error| match error {
        // The envelope comes on top of a body that was just small enough.
        EventError::TooLarge { size_bytes_max, .. } => ApiError::too_large(size_bytes_max),
        other => other.into(),
    })
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use suoke_events::journal::{self, Filter};

    use super::*;

    fn ask(body: &str) -> Result<Event, ApiError> {
        let mut request = Request::new("POST", "/events")
            .with_header("x-request-id", "r1")
            .with_json(body);
        let asked: Publish = block_on(request.json())?;
        event(asked, &request)
    }

    #[test]
    fn an_event_from_outside_is_stored_with_its_request() {
        let event = ask(r#"{"type":"test","data":{"a":1},"subject":"thing/1"}"#).unwrap();
        block_on(async {
            let mut db = Database::open_in_memory(LABEL).await.unwrap();
            let event = store(&mut db, event).await.unwrap();
            assert_eq!(event.sequence, Some(1));
            let filter = Filter {
                correlation: Some("r1".to_owned()),
                ..Filter::default()
            };
            let found = journal::list(&[db], &filter, None, 9).await.unwrap();
            assert_eq!((found.len(), &found[0].id), (1, &event.id));
        });
    }

    #[test]
    fn what_is_no_event_is_refused_with_its_field() {
        for (body, field) in [
            (r#"{"data":1}"#, "type"),
            (r#"{"type":"test"}"#, "data"),
            (r#"{"type":"a b","data":1}"#, "type"),
            (r#"{"type":"","data":1}"#, "type"),
            (r#"{"type":"t","data":1,"subject":""}"#, "subject"),
            (r#"{"type":"t","data":1,"id":"x"}"#, "id"),
        ] {
            let error = ask(body).unwrap_err();
            let told = (error.status(), error.errors()[0].field.as_str());
            assert_eq!(told, (400, field), "{body}");
        }
    }

    #[test]
    fn a_subject_is_as_long_as_consumers_accept() {
        let body = |subject: String| {
            let body = serde_json::json!({ "type": "t", "data": 1, "subject": subject });
            ask(&body.to_string())
        };
        let longest = body(format!("{}ab", "中".repeat(170))).unwrap();
        assert!(Event::parse(&longest.to_message().unwrap()).is_ok());
        let error = body("中".repeat(171)).unwrap_err();
        assert_eq!(
            (error.status(), error.errors()[0].field.as_str()),
            (400, "subject")
        );
    }

    #[test]
    fn an_event_that_is_too_large_is_refused() {
        block_on(async {
            let mut db = Database::open_in_memory(LABEL).await.unwrap();
            let large = Event::new("t", "events", &"x".repeat(EVENT_SIZE_BYTES_MAX)).unwrap();
            assert_eq!(store(&mut db, large).await.unwrap_err().status(), 413);
        });
    }
}
