//! What happened: every event of every database, and who has done what with it.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use suoke_store::Database;

use crate::error::EventError;
use crate::queries::{journal as queries, relay};
use crate::relay::{Subscription, required};

/// Which events are meant; nothing given means all.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Of this type,
    pub kind: Option<String>,
    /// about this aggregate,
    pub subject: Option<String>,
    /// set off by this request,
    pub correlation: Option<String>,
    /// stored from this instant on, in milliseconds since the epoch,
    pub from_ms: Option<i64>,
    /// and before this one.
    pub to_ms: Option<i64>,
}

/// A stored event, without its data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The event.
    pub id: String,
    /// Its type.
    pub kind: String,
    /// What its sequence counts: the subject, or the type.
    pub aggregate: String,
    /// Its number.
    pub sequence: u64,
    /// The request that set it off.
    pub correlation_id: Option<String>,
    /// When it was stored, in milliseconds since the epoch.
    pub created_at: i64,
    /// How often the relay has published it in this round.
    pub attempts: u32,
    /// When everybody had handled it.
    pub done_at: Option<i64>,
    /// When it was given up for somebody.
    pub dead_at: Option<i64>,
    /// Why it waits or was given up.
    pub last_error: Option<String>,
}

impl Entry {
    /// `done`, `dead` or `pending`.
    #[must_use]
    pub fn state(&self) -> &'static str {
        match (self.done_at, self.dead_at) {
            (_, Some(_)) => "dead",
            (Some(_), None) => "done",
            (None, None) => "pending",
        }
    }
}

/// Where an event stands with one consumer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Delivery {
    /// The consumer.
    pub consumer: String,
    /// `handled`, `dead`, `failed` or `waiting`.
    pub state: &'static str,
    /// When it came to that, in milliseconds since the epoch.
    pub at_ms: Option<i64>,
    /// How often it has failed.
    pub failures: u32,
    /// Why it failed last.
    pub reason: Option<String>,
}

/// An event with its data and its deliveries.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// The event.
    pub entry: Entry,
    /// The label of the database that holds it.
    pub label: String,
    /// The event as it goes over its channel.
    pub event: Value,
    /// Each consumer that must handle it or has met it, by name.
    pub deliveries: Vec<Delivery>,
}

/// The events of all databases before the one with the id `before`, newest first.
///
/// # Errors
/// When a database fails.
pub async fn list(
    dbs: &[Database],
    filter: &Filter,
    before: Option<&str>,
    limit: u32,
) -> Result<Vec<Entry>, EventError> {
    let mut entries = Vec::new();
    for db in dbs {
        entries.extend(queries::list(db, filter, before, limit).await?);
    }
    entries.sort_by(|a, b| b.id.cmp(&a.id));
    entries.truncate(limit as usize);
    Ok(entries)
}

/// One event and where it stands with each consumer.
///
/// # Errors
/// When a database fails.
pub async fn find(
    dbs: &[Database],
    subscriptions: &[Subscription],
    id: &str,
) -> Result<Option<Found>, EventError> {
    for db in dbs {
        let Some(entry) = queries::find(db, id).await? else {
            continue;
        };
        let ids = serde_json::to_string(&[id]).map_err(EventError::work)?;
        let payload = relay::payloads(db, &ids).await?.pop();
        let payload = payload.map(|row| row.payload).unwrap_or_default();
        return Ok(Some(Found {
            label: db.label().to_owned(),
            event: serde_json::from_str(&payload).unwrap_or_default(),
            deliveries: deliveries(dbs, subscriptions, &entry).await?,
            entry,
        }));
    }
    Ok(None)
}

async fn deliveries(
    dbs: &[Database],
    subscriptions: &[Subscription],
    entry: &Entry,
) -> Result<Vec<Delivery>, EventError> {
    let waiting = |consumer: &String| Delivery {
        consumer: consumer.clone(),
        state: "waiting",
        at_ms: None,
        failures: 0,
        reason: None,
    };
    let required = required(subscriptions);
    let required = required.get(&entry.kind).into_iter().flatten();
    let mut deliveries: BTreeMap<String, Delivery> = required
        .map(|consumer| (consumer.clone(), waiting(consumer)))
        .collect();
    for db in dbs {
        for failure in queries::failures(db, &entry.id).await? {
            let known = deliveries.entry(failure.consumer.clone());
            let known = known.or_insert_with_key(waiting);
            // A dead letter in one database outweighs a failure in another.
            let is_dead = failure.dead_at.is_some() || known.state == "dead";
            known.state = if is_dead { "dead" } else { "failed" };
            known.at_ms = Some(failure.dead_at.unwrap_or(failure.last_failed_at));
            known.failures = known.failures.max(failure.attempts);
            known.reason = Some(failure.reason);
        }
    }
    for db in dbs {
        for handled in queries::handled(db, &entry.id).await? {
            let known = deliveries.entry(handled.consumer.clone());
            let known = known.or_insert_with_key(waiting);
            (known.state, known.at_ms) = ("handled", Some(handled.processed_at));
        }
    }
    Ok(deliveries.into_values().collect())
}
