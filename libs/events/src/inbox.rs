//! The inbox: one effect for each consumer and event, however often it comes.

use suoke_guest::clock;
use suoke_store::{Database, StoreError, Transaction};

use crate::envelope::Event;
use crate::queries;

/// Whether a consumer meets an event for the first time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// It does: do the work in the same transaction.
    Fresh,
    /// It has done the work already.
    Seen,
}

/// Notes in the transaction of the work that `consumer` takes the event.
///
/// # Errors
/// When the database fails.
pub async fn inbox(
    tx: &Transaction<'_>,
    consumer: &str,
    event_id: &str,
) -> Result<Delivery, StoreError> {
    let fresh = queries::insert_inbox(tx, consumer, event_id, clock::now_ms()).await?;
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

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use proptest::prelude::*;
    use suoke_store::{Sql, params};

    use super::*;
    use crate::error::EventError;

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

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
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
