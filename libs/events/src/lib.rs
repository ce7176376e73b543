//! Events: CloudEvents 1.0 that are stored with the state they tell about and
//! take effect once for each consumer.
//!
//! A producer writes state and event in one transaction and announces the
//! event after the commit; a consumer notes the event in its inbox in the
//! transaction of its work, which is its acknowledgement:
//!
//! ```no_run
//! use suoke_events::{Event, EventError, announce, consume, outbox};
//! use suoke_store::Database;
//!
//! # async fn producer() -> Result<(), EventError> {
//! let mut db = Database::open("care").await?;
//! let event = Event::new("diagnosis.request", "agent-xiaoai-worker", &"data")?.about("consultation/c1");
//! let event = db.transaction(async |tx| outbox(tx, event).await).await?;
//! announce(&[event]).await;
//! # Ok(()) }
//!
//! const CONSUMER: &str = "diagnosis-worker";
//!
//! suoke_events::subscriber!(CONSUMER, "care", on_event);
//!
//! async fn on_event(db: &mut Database, event: &Event) -> Result<Vec<Event>, EventError> {
//!     event.expect_kind(&["diagnosis.request"])?;
//!     let next = Event::new("diagnosis.completed", CONSUMER, &"data")?.caused_by(event);
//!     let done: Result<_, EventError> =
//!         consume(db, CONSUMER, event, async |tx| outbox(tx, next).await).await;
//!     Ok(done?.into_iter().collect())
//! }
//! # fn main() {}
//! ```
//!
//! The channel of an event is its type. Delivery is at least once and in any
//! order; `sequence` counts the events of one aggregate from 1, and
//! [`consume_in_order`] keeps it. An event that a subscriber does not
//! acknowledge is published again by the relay. What can never succeed
//! ([`EventError::is_permanent`]) is a dead letter of its consumer at once.

mod bus;
mod envelope;
mod error;
mod inbox;
pub mod journal;
mod message;
mod outbox;
mod queries;
pub mod relay;
pub mod replay;
pub mod streams;
pub mod subscriber;
pub mod types;

#[cfg(not(target_family = "wasm"))]
pub use bus::MemoryBus;
pub use bus::{Bus, LazyBus, RedisBus};
pub use envelope::{ATTRIBUTE_SIZE_BYTES_MAX, EVENT_SIZE_BYTES_MAX, Event};
pub use error::EventError;
pub use inbox::{Delivery, consume, consume_all, consume_in_order, inbox};
pub use message::{BATCH_EVENTS_MAX, BATCH_SIZE_BYTES_MAX};
pub use outbox::{
    ATTEMPTS_MAX, Outcome, announce, announce_batch, announce_batch_on, announce_on, outbox,
    outbox_all, outbox_with, outcomes,
};
