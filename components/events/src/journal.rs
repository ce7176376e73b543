//! `GET /api/v1/events`: what happened.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use suoke_events::journal::{self, Delivery, Entry, Filter, Found};
use suoke_events::relay;
use suoke_guest::{ApiError, Reply, Request, clock, reply};

use crate::check;

/// The query of the list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    #[serde(rename = "type")]
    kind: Option<String>,
    subject: Option<String>,
    correlation: Option<String>,
    from: Option<String>,
    to: Option<String>,
    limit: Option<u32>,
    cursor: Option<String>,
}

/// One event of the list; its data is shown alone.
#[derive(Serialize)]
struct EntryView {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    aggregate: String,
    sequence: u64,
    correlation_id: Option<String>,
    time: String,
    state: &'static str,
    attempts: u32,
    done_at: Option<String>,
    dead_at: Option<String>,
    last_error: Option<String>,
}

#[derive(Serialize)]
struct Listed {
    events: Vec<EntryView>,
    next_cursor: Option<String>,
}

#[derive(Serialize)]
struct FoundView {
    #[serde(flatten)]
    entry: EntryView,
    database: String,
    event: Value,
    deliveries: Vec<DeliveryView>,
}

#[derive(Serialize)]
struct DeliveryView {
    consumer: String,
    state: &'static str,
    at: Option<String>,
    failures: u32,
    reason: Option<String>,
}

impl From<Entry> for EntryView {
    fn from(entry: Entry) -> Self {
        Self {
            state: entry.state(),
            id: entry.id,
            kind: entry.kind,
            aggregate: entry.aggregate,
            sequence: entry.sequence,
            correlation_id: entry.correlation_id,
            time: clock::rfc3339(entry.created_at),
            attempts: entry.attempts,
            done_at: entry.done_at.map(clock::rfc3339),
            dead_at: entry.dead_at.map(clock::rfc3339),
            last_error: entry.last_error,
        }
    }
}

impl From<Delivery> for DeliveryView {
    fn from(delivery: Delivery) -> Self {
        Self {
            consumer: delivery.consumer,
            state: delivery.state,
            at: delivery.at_ms.map(clock::rfc3339),
            failures: delivery.failures,
            reason: delivery.reason,
        }
    }
}

impl From<Found> for FoundView {
    fn from(found: Found) -> Self {
        let deliveries = found.deliveries.into_iter();
        Self {
            entry: found.entry.into(),
            database: found.label,
            event: found.event,
            deliveries: deliveries.map(DeliveryView::from).collect(),
        }
    }
}

pub(crate) async fn list(request: &Request) -> Result<Reply, ApiError> {
    let page: Page = request.query()?;
    let limit = check::limit(page.limit)?;
    let filter = Filter {
        kind: page.kind,
        subject: page.subject,
        correlation: page.correlation,
        from_ms: check::instant("from", page.from.as_deref())?,
        to_ms: check::instant("to", page.to.as_deref())?,
    };
    let dbs = relay::open_all().await?;
    let entries = journal::list(&dbs, &filter, page.cursor.as_deref(), limit).await?;
    let is_full = entries.len() == limit as usize;
    let next_cursor = entries.last().filter(|_| is_full);
    let next_cursor = next_cursor.map(|entry| entry.id.clone());
    let events = entries.into_iter().map(EntryView::from).collect();
    reply::json(&Listed {
        events,
        next_cursor,
    })
}

pub(crate) async fn one(id: &str) -> Result<Reply, ApiError> {
    let dbs = relay::open_all().await?;
    let found = journal::find(&dbs, &relay::subscriptions(), id).await?;
    let found = found.ok_or_else(|| {
        ApiError::not_found("There is no such event: it never was, or it was done long ago.")
            .zh("没有这个事件。")
    })?;
    reply::json(&FoundView::from(found))
}
