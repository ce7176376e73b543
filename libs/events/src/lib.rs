//! Events: CloudEvents 1.0 that are stored with the state they tell about and
//! take effect once for each consumer.
//!
//! A producer writes state and event in one transaction and announces the
//! event after the commit; a consumer notes the event in its inbox in the
//! transaction of its work:
//!
//! ```no_run
//! use suoke_events::{Event, EventError, announce, consume, outbox};
//! use suoke_store::Database;
//!
//! # async fn producer() -> Result<(), EventError> {
//! let mut db = Database::open("care").await?;
//! let event = Event::new("diagnosis.request", "agent-xiaoai-worker", &"data")?.about("consultation/c1");
//! let event = db.transaction(async |tx| outbox(tx, event).await).await?;
//! announce(&db, &[event]).await;
//! # Ok(()) }
//!
//! # async fn consumer(payload: Vec<u8>) -> Result<(), EventError> {
//! let event = Event::parse(&payload)?;
//! let mut db = Database::open("care").await?;
//! let done = consume(&mut db, "diagnosis-worker", &event, async |tx| {
//!     outbox(tx, Event::new("diagnosis.completed", "diagnosis-worker", &"data")?.caused_by(&event)).await
//! })
//! .await?;
//! if let Some(next) = done {
//!     announce(&db, &[next]).await;
//! }
//! # Ok(()) }
//! ```
//!
//! [`subscriber!`] makes an `async fn(Event)` what a component does with each
//! message. The channel of an event is its type. Delivery is at least once and in any
//! order; `sequence` counts the events of one aggregate from 1.

mod bus;
mod envelope;
mod error;
mod inbox;
mod outbox;
mod queries;
pub mod subscriber;
pub mod types;

#[cfg(not(target_family = "wasm"))]
pub use bus::MemoryBus;
pub use bus::{Bus, RedisBus};
pub use envelope::{EVENT_SIZE_BYTES_MAX, Event};
pub use error::EventError;
pub use inbox::{Delivery, consume, inbox};
pub use outbox::{Relayed, announce, announce_on, outbox, publish_pending};
