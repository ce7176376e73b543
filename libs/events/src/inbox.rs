//! The inbox: one effect for each consumer and event, however often it comes.

use std::collections::HashSet;

use suoke_guest::clock;
use suoke_store::{Database, StoreError, Transaction};

use crate::envelope::{self, Event};
use crate::error::EventError;
use crate::queries::inbox as queries;

/// Whether a consumer meets an event for the first time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// It does: do the work in the same transaction.
    Fresh,
    /// It has done the work already.
    Seen,
}

/// Notes in the transaction of the work that `consumer` takes the event. The
/// note is the acknowledgement: also a consumer without any work must leave it.
///
/// # Errors
/// When the database fails.
pub async fn inbox(
    tx: &Transaction<'_>,
    consumer: &str,
    event_id: &str,
) -> Result<Delivery, StoreError> {
    let fresh = queries::insert(tx, consumer, event_id, clock::now_ms()).await?;
    Ok(if fresh {
        Delivery::Fresh
    } else {
        Delivery::Seen
    })
}

/// Does the work of a consumer at most once for an event: inbox and work are
/// one transaction. `None` when it was done before.
///
/// # Errors
/// The error of the work, or the store's.
pub async fn consume<T, E>(
    db: &mut Database,
    consumer: &str,
    event: &Event,
    work: impl AsyncFnOnce(&Transaction<'_>) -> Result<T, E>,
) -> Result<Option<T>, E>
where
    E: From<StoreError>,
{
    db.transaction(async |tx| match inbox(tx, consumer, &event.id).await? {
        Delivery::Seen => Ok(None),
        Delivery::Fresh => work(tx).await.map(Some),
    })
    .await
}

/// [`consume`] for a batch in one transaction: the work gets the events that
/// the consumer meets for the first time. `None` when there are none.
///
/// # Errors
/// The error of the work, or the store's; then none of the events is taken.
pub async fn consume_all<T, E>(
    db: &mut Database,
    consumer: &str,
    events: &[Event],
    work: impl AsyncFnOnce(&Transaction<'_>, &[&Event]) -> Result<T, E>,
) -> Result<Option<T>, E>
where
    E: From<StoreError>,
{
    // An array of texts always becomes JSON.
    let ids: Vec<&str> = events.iter().map(|event| event.id.as_str()).collect();
    let ids = serde_json::to_string(&ids).unwrap_or_default();
    db.transaction(async |tx| {
        let fresh = queries::insert_all(tx, consumer, ids, clock::now_ms()).await?;
        let mut fresh: HashSet<&str> = fresh.iter().map(String::as_str).collect();
        // Taken out of the set: a batch may hold the same event twice.
        let chosen: Vec<&Event> = events
            .iter()
            .filter(|event| fresh.remove(event.id.as_str()))
            .collect();
        if chosen.is_empty() {
            return Ok(None);
        }
        work(tx, &chosen).await.map(Some)
    })
    .await
}

/// [`consume`] for a consumer that needs the events of each aggregate in the
/// order of their `sequence`, from 1 on. What comes too early is a failure that
/// another delivery mends.
///
/// # Errors
/// [`EventError::TooEarly`], the error of the work, or the store's.
pub async fn consume_in_order<T>(
    db: &mut Database,
    consumer: &str,
    event: &Event,
    work: impl AsyncFnOnce(&Transaction<'_>) -> Result<T, EventError>,
) -> Result<Option<T>, EventError> {
    let sequence = event
        .sequence
        .ok_or_else(|| envelope::wrong("sequence", "is missing, and the order depends on it"))?;
    db.transaction(async |tx| {
        let delivery = inbox(tx, consumer, &event.id).await?;
        let expected = queries::position(tx, consumer, event.aggregate()).await? + 1;
        if sequence == expected {
            queries::set_position(tx, consumer, event.aggregate(), sequence).await?;
        }
        match delivery {
            Delivery::Fresh if sequence > expected => Err(EventError::TooEarly {
                id: event.id.clone(),
                sequence,
                expected,
            }),
            Delivery::Fresh if sequence == expected => work(tx).await.map(Some),
            _ => Ok(None),
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use proptest::prelude::*;
    use suoke_store::{Sql, params};

    use super::*;

    async fn effects(db: &Database) -> Vec<String> {
        db.query(
            "SELECT aggregate FROM event_sequences ORDER BY aggregate",
            params![],
        )
        .await
        .unwrap()
    }

    async fn deliver(db: &mut Database, consumer: &str, event: &Event) -> Option<()> {
        // The effect is not idempotent by itself: doing it twice breaks a rule.
        let effect = format!("{consumer}:{}", event.id);
        let done: Result<Option<()>, StoreError> = consume(db, consumer, event, async |tx| {
            tx.execute(
                "INSERT INTO event_sequences (aggregate, last) VALUES (?1, 1)",
                params![effect],
            )
            .await
        })
        .await;
        done.unwrap()
    }

    #[test]
    fn failed_work_leaves_no_trace_and_can_be_repeated() {
        block_on(async {
            let mut db = Database::open_in_memory("care").await.unwrap();
            let event = Event::new("test", "c", &1).unwrap();
            let failed: Result<Option<()>, EventError> =
                consume(&mut db, "a", &event, async |_| Err(EventError::work("no"))).await;
            assert!(failed.is_err());
            assert_eq!(deliver(&mut db, "a", &event).await, Some(()));
            assert_eq!(deliver(&mut db, "a", &event).await, None);
            assert_eq!(deliver(&mut db, "b", &event).await, Some(()));
        });
    }

    fn numbered(sequence: u64) -> Event {
        let mut event = Event::new("test", "c", &sequence).unwrap().about("a");
        event.sequence = Some(sequence);
        event
    }

    #[test]
    fn a_batch_is_one_transaction_and_each_event_is_taken_once() {
        block_on(async {
            let mut db = Database::open_in_memory("care").await.unwrap();
            let events: Vec<Event> = (1..=3).map(numbered).collect();
            assert_eq!(deliver(&mut db, "a", &events[1]).await, Some(()));
            let batch = [
                events[0].clone(),
                events[1].clone(),
                events[0].clone(),
                events[2].clone(),
            ];
            let failed: Result<Option<()>, EventError> =
                consume_all(&mut db, "a", &batch, async |_, _| {
                    Err(EventError::work("no"))
                })
                .await;
            assert!(failed.is_err());
            let seen = async |_: &Transaction<'_>, fresh: &[&Event]| {
                let numbers = fresh.iter().filter_map(|event| event.sequence);
                Ok::<Vec<u64>, EventError>(numbers.collect())
            };
            let done = consume_all(&mut db, "a", &batch, seen).await.unwrap();
            assert_eq!(done, Some(vec![1, 3]));
            assert_eq!(consume_all(&mut db, "a", &batch, seen).await.unwrap(), None);
        });
    }

    #[test]
    fn order_without_a_number_is_refused_for_good() {
        block_on(async {
            let mut db = Database::open_in_memory("care").await.unwrap();
            let event = Event::new("test", "c", &1).unwrap();
            let failed = consume_in_order(&mut db, "a", &event, async |_| Ok(())).await;
            assert!(failed.is_err_and(|error| error.is_permanent()));
        });
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn order_is_kept_however_the_events_come(
            deliveries in proptest::collection::vec(1u64..=6, 0..60)
        ) {
            block_on(async {
                let mut db = Database::open_in_memory("care").await.unwrap();
                let events: Vec<Event> = (1..=6).map(numbered).collect();
                let mut last = 0;
                for sequence in deliveries {
                    let event = &events[usize::try_from(sequence).unwrap() - 1];
                    let done = consume_in_order(&mut db, "a", event, async |_| Ok(())).await;
                    match done {
                        Ok(Some(())) => {
                            assert_eq!(sequence, last + 1);
                            last = sequence;
                        }
                        Ok(None) => assert!(sequence <= last),
                        Err(error) => {
                            assert!(!error.is_permanent() && sequence > last + 1, "{error}");
                        }
                    }
                }
            });
        }

        #[test]
        fn any_duplication_and_order_has_one_effect_each(
            deliveries in proptest::collection::vec((0usize..3, 0usize..5), 0..40)
        ) {
            block_on(async {
                let mut db = Database::open_in_memory("care").await.unwrap();
                let events: Vec<Event> =
                    (0..5).map(|number| Event::new("test", "c", &number).unwrap()).collect();
                let mut expected = std::collections::BTreeSet::new();
                for (consumer, index) in deliveries {
                    let consumer = ["a", "b", "c"][consumer];
                    let fresh = expected.insert(format!("{consumer}:{}", events[index].id));
                    let done = deliver(&mut db, consumer, &events[index]).await;
                    assert_eq!(done.is_some(), fresh);
                }
                let expected: Vec<String> = expected.into_iter().collect();
                assert_eq!(effects(&db).await, expected);
            });
        }
    }
}
