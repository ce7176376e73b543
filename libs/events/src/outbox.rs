//! The outbox: events are stored with the state and published after it.

use std::collections::BTreeMap;

use suoke_guest::{clock, log};
use suoke_store::{Sql, StoreError, Transaction};

use crate::bus::{Bus, RedisBus};
use crate::envelope::Event;
use crate::error::EventError;
use crate::message;
use crate::queries::outbox as queries;

/// How long the producer itself has for publishing before the relay may.
const FIRST_ATTEMPT_MS: i64 = 2_000;

/// How often the relay publishes an event that somebody does not acknowledge.
pub const ATTEMPTS_MAX: u32 = 10;

/// What became of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The event.
    pub id: String,
    /// How often the relay has published it.
    pub attempts: u32,
    /// When the last subscriber had handled it, in milliseconds since the epoch.
    pub done_at: Option<i64>,
    /// When it was given up for at least one subscriber.
    pub dead_at: Option<i64>,
}

/// Stores an event in the transaction of the state it tells about and gives it
/// the next number of its aggregate. Announce it after the commit.
///
/// # Errors
/// When it is too large, consumers would refuse an attribute, or the database fails.
pub async fn outbox(tx: &Transaction<'_>, event: Event) -> Result<Event, EventError> {
    outbox_with(tx, event, ATTEMPTS_MAX).await
}

/// [`outbox`] for an event that is a dead letter after `attempts_max` deliveries.
///
/// # Errors
/// When it is too large, consumers would refuse an attribute, or the database fails.
pub async fn outbox_with(
    tx: &Transaction<'_>,
    event: Event,
    attempts_max: u32,
) -> Result<Event, EventError> {
    let mut stored = store(tx, vec![event], attempts_max).await?;
    stored
        .pop()
        .ok_or_else(|| EventError::work("nothing stored"))
}

/// [`outbox`] for many events, with few statements.
///
/// # Errors
/// When one is too large, consumers would refuse an attribute, or the database fails.
pub async fn outbox_all(
    tx: &Transaction<'_>,
    events: Vec<Event>,
) -> Result<Vec<Event>, EventError> {
    store(tx, events, ATTEMPTS_MAX).await
}

async fn store(
    tx: &Transaction<'_>,
    mut events: Vec<Event>,
    attempts_max: u32,
) -> Result<Vec<Event>, EventError> {
    for event in &events {
        event.check()?;
    }
    let mut next = first_sequences(tx, &events).await?;
    for event in &mut events {
        if let Some(number) = next.get_mut(event.aggregate()) {
            event.sequence = Some(*number);
            *number += 1;
        }
    }
    let mut rows = Vec::with_capacity(events.len());
    for event in &events {
        rows.push(queries::NewRow {
            id: &event.id,
            kind: &event.kind,
            aggregate: event.aggregate(),
            sequence: event.sequence.unwrap_or_default(),
            correlation_id: event.correlationid.as_deref(),
            payload: String::from_utf8_lossy(&event.to_message()?).into_owned(),
        });
    }
    let now = clock::now_ms();
    queries::insert(tx, rows, attempts_max, now, now + FIRST_ATTEMPT_MS).await?;
    Ok(events)
}

/// Reserves numbers for every aggregate: the first of each.
async fn first_sequences(
    tx: &Transaction<'_>,
    events: &[Event],
) -> Result<BTreeMap<String, u64>, StoreError> {
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    for event in events {
        *counts.entry(event.aggregate()).or_default() += 1;
    }
    let mut first = BTreeMap::new();
    for (aggregate, count) in counts {
        let last = queries::reserve_sequences(tx, aggregate, count).await?;
        first.insert(
            aggregate.to_owned(),
            (last + 1).saturating_sub(count.into()),
        );
    }
    Ok(first)
}

/// What became of events that this database holds; others are left out.
///
/// # Errors
/// When the database fails.
pub async fn outcomes(sql: &impl Sql, ids: &[&str]) -> Result<Vec<Outcome>, EventError> {
    let ids = serde_json::to_string(ids).map_err(EventError::work)?;
    Ok(queries::outcomes(sql, ids).await?)
}

/// Publishes events that were just committed, as well as it can: what fails is
/// logged and left to the relay, because the state is safe already.
pub async fn announce(events: &[Event]) {
    if events.is_empty() {
        return;
    }
    match RedisBus::open().await {
        Ok(bus) => announce_on(&bus, events).await,
        Err(error) => left_to_relay(&error, events.len()),
    }
}

/// [`announce`] on a given bus.
pub async fn announce_on(bus: &impl Bus, events: &[Event]) {
    for (index, event) in events.iter().enumerate() {
        let sent = match event.to_message() {
            Ok(message) => bus.publish(&event.kind, &message).await,
            Err(error) => Err(error),
        };
        if let Err(error) = sent {
            return left_to_relay(&error, events.len() - index);
        }
    }
}

/// [`announce`] for many events: those of one type share messages of up to
/// [`BATCH_EVENTS_MAX`](crate::BATCH_EVENTS_MAX) events.
pub async fn announce_batch(events: &[Event]) {
    if events.is_empty() {
        return;
    }
    match RedisBus::open().await {
        Ok(bus) => announce_batch_on(&bus, events).await,
        Err(error) => left_to_relay(&error, events.len()),
    }
}

/// [`announce_batch`] on a given bus.
pub async fn announce_batch_on(bus: &impl Bus, events: &[Event]) {
    let mut kinds: BTreeMap<&str, Vec<&Event>> = BTreeMap::new();
    for event in events {
        kinds.entry(&event.kind).or_default().push(event);
    }
    for (kind, events) in kinds {
        if let Err(error) = publish_batches(bus, kind, &events).await {
            left_to_relay(&error, events.len());
        }
    }
}

async fn publish_batches(bus: &impl Bus, kind: &str, events: &[&Event]) -> Result<(), EventError> {
    for message in message::write_batches(events)? {
        bus.publish(kind, &message).await?;
    }
    Ok(())
}

fn left_to_relay(error: &EventError, count: usize) {
    let (cause, count) = (error.to_string(), count.to_string());
    log::warn(
        "events left to the relay",
        &[("cause", &cause), ("events", &count)],
    );
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use suoke_store::{Database, params};

    use super::*;
    use crate::bus::MemoryBus;

    async fn care() -> Database {
        Database::open_in_memory("care").await.unwrap()
    }

    fn event(subject: &str) -> Event {
        Event::new("test", "c", &1).unwrap().about(subject)
    }

    async fn store(db: &mut Database, subject: &str) -> Event {
        db.transaction(async |tx| outbox(tx, event(subject)).await)
            .await
            .unwrap()
    }

    async fn count(db: &Database) -> i64 {
        db.query_one("SELECT count(*) FROM event_outbox", params![])
            .await
            .unwrap()
    }

    #[test]
    fn each_aggregate_counts_for_itself() {
        block_on(async {
            let mut db = care().await;
            let mut numbers = Vec::new();
            for subject in ["a", "b", "a", "a"] {
                numbers.push(store(&mut db, subject).await.sequence.unwrap());
            }
            assert_eq!(numbers, [1, 1, 2, 3]);
        });
    }

    #[test]
    fn many_are_numbered_as_if_they_came_alone() {
        block_on(async {
            let mut db = care().await;
            store(&mut db, "a").await;
            let events: Vec<Event> = (0..130)
                .map(|at| event(if at % 2 == 0 { "a" } else { "b" }))
                .collect();
            let stored = db
                .transaction(async |tx| outbox_all(tx, events).await)
                .await
                .unwrap();
            let numbers: Vec<u64> = stored.iter().map(|event| event.sequence.unwrap()).collect();
            assert_eq!(numbers[..4], [2, 1, 3, 2]);
            assert_eq!(numbers[129], 65);
            assert_eq!(count(&db).await, 131);
            let nothing = db
                .transaction(async |tx| outbox_all(tx, Vec::new()).await)
                .await;
            assert!(nothing.unwrap().is_empty());
        });
    }

    #[test]
    fn a_rolled_back_event_never_was() {
        block_on(async {
            let mut db = care().await;
            let failed: Result<(), EventError> = db
                .transaction(async |tx| {
                    outbox(tx, event("a")).await?;
                    Err(StoreError::Full.into())
                })
                .await;
            assert!(failed.is_err());
            assert_eq!(count(&db).await, 0);
            assert_eq!(store(&mut db, "a").await.sequence, Some(1));
        });
    }

    #[test]
    fn what_every_consumer_would_refuse_is_never_stored() {
        block_on(async {
            let mut db = care().await;
            let mut binary = event("a");
            let none = serde_json::Value::Null;
            binary.extensions.insert("data_base64".to_owned(), none);
            let mut nameless = event("a");
            nameless.kind.clear();
            for (odd, attribute) in [
                (event(&"中".repeat(171)), "subject"),
                (event(""), "subject"),
                (nameless, "type"),
                (binary, "data_base64"),
            ] {
                assert!(Event::parse(&odd.to_message().unwrap()).is_err());
                let stored = db.transaction(async |tx| outbox(tx, odd).await).await;
                let error = stored.unwrap_err().to_string();
                assert!(error.contains(attribute), "{error}");
            }
            assert_eq!(count(&db).await, 0);
        });
    }

    #[test]
    fn the_outcome_of_a_new_event_is_open() {
        block_on(async {
            let mut db = care().await;
            let event = store(&mut db, "a").await;
            let outcomes = outcomes(&db, &[&event.id, "other"]).await.unwrap();
            assert_eq!(outcomes.len(), 1);
            assert_eq!((outcomes[0].done_at, outcomes[0].dead_at), (None, None));
        });
    }

    #[test]
    fn what_is_announced_is_published_once_on_its_channel() {
        block_on(async {
            let (bus, mut db) = (MemoryBus::new(), care().await);
            let event = store(&mut db, "a").await;
            announce_on(&bus, std::slice::from_ref(&event)).await;
            let sent = bus.take();
            assert_eq!((sent.len(), sent[0].0.as_str()), (1, "test"));
            assert_eq!(Event::parse(&sent[0].1).unwrap(), event);
        });
    }

    #[test]
    fn many_of_one_type_are_one_message() {
        block_on(async {
            let bus = MemoryBus::new();
            let mut events: Vec<Event> = (0..100).map(|_| event("a")).collect();
            events.push(Event::new("other", "c", &1).unwrap());
            announce_batch_on(&bus, &events).await;
            let channels: Vec<String> = bus.take().into_iter().map(|(name, _)| name).collect();
            assert_eq!(channels, ["other", "test"]);
        });
    }

    #[test]
    fn a_bus_that_refuses_breaks_nothing() {
        block_on(async {
            let bus = MemoryBus::new();
            bus.set_broken(true);
            announce_on(&bus, &[event("a")]).await;
            announce_batch_on(&bus, &[event("a")]).await;
            assert!(bus.take().is_empty());
        });
    }
}
