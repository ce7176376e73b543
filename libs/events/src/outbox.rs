//! The outbox: events are stored with the state and published after it.

use suoke_guest::{clock, log};
use suoke_store::{Database, Transaction};

use crate::bus::{Bus, RedisBus};
use crate::envelope::Event;
use crate::error::EventError;
use crate::queries::{self, Pending};

/// How long the producer itself has for publishing before the relay may.
const FIRST_ATTEMPT_MS: i64 = 2_000;

/// After so many attempts an event is a dead letter,
const ATTEMPTS_MAX: i64 = 10;

/// or after so long.
const AGE_MS_MAX: i64 = 6 * 60 * 60 * 1000;

/// Stores an event in the transaction of the state it tells about and gives it
/// the next number of its aggregate. Announce it after the commit.
///
/// # Errors
/// When it is too large or the database fails.
pub async fn outbox(tx: &Transaction<'_>, mut event: Event) -> Result<Event, EventError> {
    let sequence = queries::next_sequence(tx, event.aggregate()).await?;
    event.sequence = Some(sequence);
    let payload = String::from_utf8_lossy(&event.to_message()?).into_owned();
    let now = clock::now_ms();
    let sequence = i64::try_from(sequence).unwrap_or(i64::MAX);
    queries::insert_outbox(tx, &event, payload, sequence, now, now + FIRST_ATTEMPT_MS).await?;
    Ok(event)
}

/// Publishes events that were just committed, as well as it can: what fails is
/// logged and left to the relay, because the state is safe already.
pub async fn announce(db: &Database, events: &[Event]) {
    if events.is_empty() {
        return;
    }
    match RedisBus::open().await {
        Ok(bus) => announce_on(&bus, db, events).await,
        Err(error) => left_to_relay(&error, events.len()),
    }
}

/// [`announce`] on a given bus.
pub async fn announce_on(bus: &impl Bus, db: &Database, events: &[Event]) {
    let mut published = Vec::with_capacity(events.len());
    for event in events {
        let sent = match event.to_message() {
            Ok(message) => bus.publish(&event.kind, &message).await,
            Err(error) => Err(error),
        };
        if let Err(error) = sent {
            left_to_relay(&error, events.len() - published.len());
            break;
        }
        published.push(event.id.as_str());
    }
    if let Err(error) = mark(db, &published, clock::now_ms()).await {
        left_to_relay(&error, published.len());
    }
}

fn left_to_relay(error: &EventError, count: usize) {
    let (cause, count) = (error.to_string(), count.to_string());
    log::warn(
        "events left to the relay",
        &[("cause", &cause), ("events", &count)],
    );
}

async fn mark(db: &Database, ids: &[&str], now_ms: i64) -> Result<(), EventError> {
    if ids.is_empty() {
        return Ok(());
    }
    let ids = serde_json::to_string(ids).map_err(EventError::work)?;
    Ok(queries::mark_published(db, ids, now_ms).await?)
}

/// What a run of the relay did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Relayed {
    /// Events that were published.
    pub published: usize,
    /// Events that will be tried again.
    pub retried: usize,
    /// Events that became dead letters.
    pub dead: usize,
}

/// Publishes what is due at `now_ms`, at most `limit` events: the relay's work.
/// Attempts are 2, 4, 8, … seconds apart; after 10, or 6 hours, an event is a
/// dead letter.
///
/// # Errors
/// When the database fails.
pub async fn publish_pending(
    db: &Database,
    bus: &impl Bus,
    limit: u32,
    now_ms: i64,
) -> Result<Relayed, EventError> {
    let mut relayed = Relayed::default();
    let mut published = Vec::new();
    let due = queries::pending(db, now_ms, limit).await?;
    for event in &due {
        match bus.publish(&event.kind, event.payload.as_bytes()).await {
            Ok(()) => published.push(event.id.as_str()),
            Err(error) => {
                let dead_at = is_exhausted(event, now_ms).then_some(now_ms);
                let next = now_ms + backoff_ms(event.attempts);
                queries::mark_failed(db, &event.id, next, dead_at, &error.to_string()).await?;
                match dead_at {
                    Some(_) => relayed.dead += 1,
                    None => relayed.retried += 1,
                }
            }
        }
    }
    relayed.published = published.len();
    mark(db, &published, now_ms).await?;
    Ok(relayed)
}

fn is_exhausted(event: &Pending, now_ms: i64) -> bool {
    event.attempts + 1 >= ATTEMPTS_MAX || now_ms - event.created_at >= AGE_MS_MAX
}

/// 2, 4, 8, … seconds.
fn backoff_ms(attempts: i64) -> i64 {
    let exponent = u32::try_from(attempts).unwrap_or(0).min(14);
    2_000 * 2_i64.pow(exponent)
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use suoke_store::{Sql, StoreError, params};

    use super::*;
    use crate::bus::MemoryBus;

    async fn care() -> Database {
        Database::open_in_memory("care").await.unwrap()
    }

    async fn store(db: &mut Database, subject: &str) -> Event {
        let event = Event::new("test", "c", &1).unwrap().about(subject);
        db.transaction(async |tx| outbox(tx, event).await)
            .await
            .unwrap()
    }

    async fn unpublished(db: &Database) -> i64 {
        db.query_one(
            "SELECT count(*) FROM event_outbox WHERE published_at IS NULL",
            params![],
        )
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
    fn a_rolled_back_event_never_was() {
        block_on(async {
            let mut db = care().await;
            let event = Event::new("test", "c", &1).unwrap().about("a");
            let failed: Result<(), EventError> = db
                .transaction(async |tx| {
                    outbox(tx, event).await?;
                    Err(StoreError::Full.into())
                })
                .await;
            assert!(failed.is_err());
            assert_eq!(unpublished(&db).await, 0);
            assert_eq!(store(&mut db, "a").await.sequence, Some(1));
        });
    }

    #[test]
    fn what_is_announced_is_published_once_on_its_channel() {
        block_on(async {
            let (bus, mut db) = (MemoryBus::new(), care().await);
            let event = store(&mut db, "a").await;
            announce_on(&bus, &db, std::slice::from_ref(&event)).await;
            let sent = bus.take();
            assert_eq!(sent.len(), 1);
            assert_eq!(sent[0].0, "test");
            assert_eq!(Event::parse(&sent[0].1).unwrap(), event);
            assert_eq!(unpublished(&db).await, 0);
            let later = clock::now_ms() + 60_000;
            let relayed = publish_pending(&db, &bus, 10, later).await.unwrap();
            assert_eq!((relayed, bus.take().len()), (Relayed::default(), 0));
        });
    }

    #[test]
    fn what_the_bus_refuses_is_relayed_later() {
        block_on(async {
            let (bus, mut db) = (MemoryBus::new(), care().await);
            let events = [store(&mut db, "a").await, store(&mut db, "a").await];
            bus.set_broken(true);
            announce_on(&bus, &db, &events).await;
            assert_eq!(unpublished(&db).await, 2);
            bus.set_broken(false);
            let now = clock::now_ms();
            assert_eq!(
                publish_pending(&db, &bus, 10, now).await.unwrap().published,
                0
            );
            assert_eq!(
                publish_pending(&db, &bus, 10, now + 3_000)
                    .await
                    .unwrap()
                    .published,
                2
            );
            let sent = bus.take();
            assert_eq!(Event::parse(&sent[0].1).unwrap().id, events[0].id);
            assert_eq!(unpublished(&db).await, 0);
        });
    }

    #[test]
    fn ten_refusals_make_a_dead_letter() {
        block_on(async {
            let (bus, mut db) = (MemoryBus::new(), care().await);
            store(&mut db, "a").await;
            bus.set_broken(true);
            let start = clock::now_ms() + 10_000;
            let (mut tries, mut waited) = (0, 0);
            loop {
                let relayed = publish_pending(&db, &bus, 10, start + waited)
                    .await
                    .unwrap();
                tries += relayed.retried + relayed.dead;
                if relayed.dead == 1 {
                    break;
                }
                waited += 1_000;
            }
            // 2 + 4 + … + 512 s passed between the ten tries.
            assert_eq!((tries, waited), (10, 1_022_000));
            bus.set_broken(false);
            let relayed = publish_pending(&db, &bus, 10, start + AGE_MS_MAX * 2)
                .await
                .unwrap();
            assert_eq!(relayed, Relayed::default());
        });
    }
}
