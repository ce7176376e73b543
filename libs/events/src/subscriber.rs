//! Functions that run on messages: `spin:redis/inbound-redis`.

use suoke_guest::{clock, log};
use suoke_store::Database;

use crate::envelope::Event;
use crate::error::EventError;
use crate::message::{self, Letter};
use crate::outbox;
use crate::queries::failures as queries;

/// How long the reason of a failure may be, in characters.
const REASON_CHARS_MAX: usize = 1000;

/// What `wit-bindgen` makes of the interface.
#[cfg(target_family = "wasm")]
#[doc(hidden)]
pub mod bindings {
    spin_sdk::wit_bindgen::generate!({
        path: "../../wit/deps/spin-redis",
        inline: "package suoke:events; world subscriber { export spin:redis/inbound-redis@3.0.0; }",
        world: "suoke:events/subscriber",
        runtime_path: "::spin_sdk::wit_bindgen::rt",
        default_bindings_module: "suoke_events::subscriber::bindings",
        export_macro_name: "export_subscriber",
        pub_export_macro: true,
        generate_all,
    });
}

/// What a message led to.
#[derive(Debug, Default)]
pub struct Delivered {
    /// Events that the work stored in the outbox: they want to be announced.
    pub next: Vec<Event>,
    /// The first failure; it is stored and logged already.
    pub failure: Option<EventError>,
}

/// Opens the database, delivers the message and announces what follows.
///
/// # Errors
/// When the database cannot be opened, the message is no event of ours or the
/// work fails: for the host, which counts it.
pub async fn handle(
    consumer: &str,
    label: &str,
    message: &[u8],
    work: impl AsyncFn(&mut Database, &Event) -> Result<Vec<Event>, EventError>,
) -> Result<(), EventError> {
    let mut db = open(label).await?;
    finish(deliver(&mut db, consumer, message, work).await).await
}

/// [`handle`] for work that takes a batch at once.
///
/// # Errors
/// Like [`handle`].
pub async fn handle_batch(
    consumer: &str,
    label: &str,
    message: &[u8],
    work: impl AsyncFn(&mut Database, &[Event]) -> Result<Vec<Event>, EventError>,
) -> Result<(), EventError> {
    let mut db = open(label).await?;
    finish(deliver_batch(&mut db, consumer, message, work).await).await
}

async fn open(label: &str) -> Result<Database, EventError> {
    let opened = Database::open(label).await;
    Ok(opened.inspect_err(|error| {
        let cause = error.to_string();
        log::error("message not handled", &[("cause", &cause)]);
    })?)
}

async fn finish(delivered: Delivered) -> Result<(), EventError> {
    outbox::announce(&delivered.next).await;
    delivered.failure.map_or(Ok(()), Err)
}

/// Does the work for each event of a message. A failure is logged and stored for
/// the consumer, and does not keep the other events of a batch back.
pub async fn deliver(
    db: &mut Database,
    consumer: &str,
    message: &[u8],
    work: impl AsyncFn(&mut Database, &Event) -> Result<Vec<Event>, EventError>,
) -> Delivered {
    let mut delivered = Delivered::default();
    for read in message::read(message) {
        match read {
            Ok(event) => {
                let done = work(db, &event).await;
                delivered.note(db, consumer, &event, done).await;
            }
            Err(odd) => delivered.fail(db, consumer, &odd.letter, odd.error).await,
        }
    }
    delivered
}

/// Does the work for the events of a message at once. When it fails, each event
/// is tried alone, so that one alone is the dead letter.
pub async fn deliver_batch(
    db: &mut Database,
    consumer: &str,
    message: &[u8],
    work: impl AsyncFn(&mut Database, &[Event]) -> Result<Vec<Event>, EventError>,
) -> Delivered {
    let mut delivered = Delivered::default();
    let mut events = Vec::new();
    for read in message::read(message) {
        match read {
            Ok(event) => events.push(event),
            Err(odd) => delivered.fail(db, consumer, &odd.letter, odd.error).await,
        }
    }
    if events.len() > 1
        && let Ok(next) = work(db, &events).await
    {
        delivered.next = next;
        return delivered;
    }
    for event in &events {
        let done = work(db, std::slice::from_ref(event)).await;
        delivered.note(db, consumer, event, done).await;
    }
    delivered
}

impl Delivered {
    async fn note(
        &mut self,
        db: &Database,
        consumer: &str,
        event: &Event,
        done: Result<Vec<Event>, EventError>,
    ) {
        match done {
            Ok(next) => self.next.extend(next),
            Err(error) => self.fail(db, consumer, &Letter::of(event), error).await,
        }
    }

    /// Stores and logs a failure; what cannot ever succeed is a dead letter.
    async fn fail(&mut self, db: &Database, consumer: &str, letter: &Letter, error: EventError) {
        let cause = error.to_string();
        let reason: String = cause.chars().take(REASON_CHARS_MAX).collect();
        let now_ms = clock::now_ms();
        let dead_at = error.is_permanent().then_some(now_ms);
        let stored = queries::record(db, consumer, letter, &reason, dead_at, now_ms).await;
        let unstored = stored.err().map(|error| error.to_string());
        let mut fields = vec![
            ("event.id", letter.id.as_str()),
            ("event.type", letter.kind.as_str()),
            ("cause", &cause),
        ];
        if let Some(unstored) = &unstored {
            fields.push(("not_stored", unstored));
        }
        log::error("event failed", &fields);
        self.failure.get_or_insert(error);
    }
}

/// Makes `async fn(&mut Database, &Event) -> Result<Vec<Event>, EventError>` what
/// a component does with each event of its channels:
/// `subscriber!(CONSUMER, "label", on_event)`. `CONSUMER` is the component's name
/// in the manifest; the database of the label holds its inbox. Whatever the work
/// does, it must [`consume`](crate::consume) the event; the events that it gives
/// back are announced. Natively nothing is exported.
#[macro_export]
macro_rules! subscriber {
    ($consumer:expr, $label:expr, $work:expr) => {
        $crate::__subscriber!(handle, $consumer, $label, $work);
    };
}

/// [`subscriber!`] for `async fn(&mut Database, &[Event])`, which takes the events
/// of a batch at once, with [`consume_all`](crate::consume_all).
#[macro_export]
macro_rules! batch_subscriber {
    ($consumer:expr, $label:expr, $work:expr) => {
        $crate::__subscriber!(handle_batch, $consumer, $label, $work);
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __subscriber {
    ($handle:ident, $consumer:expr, $label:expr, $work:expr) => {
        async fn __suoke_handle(message: ::std::vec::Vec<u8>) -> Result<(), $crate::EventError> {
            $crate::subscriber::$handle($consumer, $label, &message, $work).await
        }

        #[cfg(target_family = "wasm")]
        mod __suoke_subscriber {
            use $crate::subscriber::bindings;

            struct Subscriber;

            impl bindings::exports::spin::redis::inbound_redis::Guest for Subscriber {
                async fn handle_message(
                    message: Vec<u8>,
                ) -> Result<(), bindings::spin::redis::redis::Error> {
                    match super::__suoke_handle(message).await {
                        Ok(()) => Ok(()),
                        Err(error) => Err(bindings::spin::redis::redis::Error::Other(
                            error.to_string(),
                        )),
                    }
                }
            }

            bindings::export_subscriber!(Subscriber with_types_in $crate::subscriber::bindings);
        }

        #[cfg(not(target_family = "wasm"))]
        const _: fn() = || {
            let _ = __suoke_handle;
        };
    };
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use suoke_store::{Sql, params};

    use super::*;
    use crate::{consume, consume_all, outbox};

    #[derive(Debug, PartialEq)]
    struct Failed {
        event_id: String,
        reason: String,
        attempts: i64,
        dead: bool,
    }

    suoke_store::from_row!(Failed {
        event_id,
        reason,
        attempts,
        dead
    });

    async fn failures(db: &Database) -> Vec<Failed> {
        let text = "SELECT event_id, reason, attempts, dead_at IS NOT NULL AS dead \
             FROM event_failures ORDER BY event_id";
        db.query(text, params![]).await.unwrap()
    }

    fn event(number: i64) -> Event {
        Event::new("test", "c", &number).unwrap()
    }

    /// Handles numbers from 0 on, is out of order for 13, and answers with an event.
    async fn on_event(db: &mut Database, event: &Event) -> Result<Vec<Event>, EventError> {
        let number: u32 = event.data_as()?;
        if number == 13 {
            return Err(EventError::work("out of order"));
        }
        let next = Event::new("next", "a", &number)?.caused_by(event);
        let done: Result<_, EventError> =
            consume(db, "a", event, async |tx| outbox(tx, next).await).await;
        Ok(done?.into_iter().collect())
    }

    async fn on_events(db: &mut Database, events: &[Event]) -> Result<Vec<Event>, EventError> {
        for event in events {
            let _: u32 = event.data_as()?;
        }
        let done: Result<Option<()>, EventError> =
            consume_all(db, "a", events, async |_, _| Ok(())).await;
        done.map(|_| Vec::new())
    }

    #[test]
    fn what_goes_well_leaves_no_failure_and_tells_what_follows() {
        block_on(async {
            let mut db = Database::open_in_memory("care").await.unwrap();
            let message = event(1).to_message().unwrap();
            let delivered = deliver(&mut db, "a", &message, on_event).await;
            assert_eq!(
                (delivered.next.len(), delivered.failure.is_none()),
                (1, true)
            );
            let again = deliver(&mut db, "a", &message, on_event).await;
            assert_eq!((again.next.len(), again.failure.is_none()), (0, true));
            assert_eq!(failures(&db).await, []);
        });
    }

    #[test]
    fn poison_is_a_dead_letter_with_its_reason_and_keeps_nothing_back() {
        block_on(async {
            let mut db = Database::open_in_memory("care").await.unwrap();
            let batch = serde_json::json!([event(-1), event(2), {"id": "e"}, event(3)]);
            for _ in 0..2 {
                let delivered = deliver(&mut db, "a", batch.to_string().as_bytes(), on_event).await;
                assert!(delivered.failure.is_some_and(|error| error.is_permanent()));
            }
            let failures = failures(&db).await;
            assert_eq!(failures.len(), 2);
            for failed in &failures {
                assert_eq!((failed.attempts, failed.dead), (2, true), "{failed:?}");
            }
            assert!(failures[1].reason.contains("\"specversion\": is missing"));
            let handled: i64 = db
                .query_one("SELECT count(*) FROM event_inbox", params![])
                .await
                .unwrap();
            assert_eq!(handled, 2);
        });
    }

    #[test]
    fn a_passing_failure_is_counted_and_mended_by_a_later_delivery() {
        block_on(async {
            let mut db = Database::open_in_memory("care").await.unwrap();
            let mut event = event(13);
            let message = event.to_message().unwrap();
            for _ in 0..3 {
                let delivered = deliver(&mut db, "a", &message, on_event).await;
                assert!(delivered.failure.is_some_and(|error| !error.is_permanent()));
            }
            let expected = Failed {
                event_id: event.id.clone(),
                reason: "out of order".to_owned(),
                attempts: 3,
                dead: false,
            };
            assert_eq!(failures(&db).await, [expected]);
            event.data = 14.into();
            deliver(&mut db, "a", &event.to_message().unwrap(), on_event).await;
            assert_eq!(failures(&db).await, []);
        });
    }

    #[test]
    fn one_unfit_event_of_a_batch_is_the_dead_letter_alone() {
        block_on(async {
            let mut db = Database::open_in_memory("care").await.unwrap();
            let events = [event(1), event(-1), event(2)];
            let batch = serde_json::to_vec(&events).unwrap();
            let delivered = deliver_batch(&mut db, "a", &batch, on_events).await;
            assert!(delivered.failure.is_some_and(|error| error.is_permanent()));
            let failures = failures(&db).await;
            assert_eq!((failures.len(), &failures[0].event_id), (1, &events[1].id));
            let delivered = deliver_batch(&mut db, "a", b"poison", on_events).await;
            assert!(delivered.failure.is_some());
        });
    }

    #[test]
    fn without_a_host_there_is_no_database() {
        let done = block_on(handle("a", "care", b"{}", on_event));
        assert!(done.is_err_and(|error| !error.is_permanent()));
    }
}
