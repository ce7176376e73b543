//! A component that messages go to.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use bytes::Bytes;
use host_app::{Failure, FailureKind};
use host_engine::{Function, LoadError, Pool};
use host_telemetry::{MessageMetrics, TriggerKind};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::bindings::{legacy, v3};
use crate::stats::{ComponentStats, count};

/// Length of an event's id in a log line.
const EVENT_ID_CHARS_MAX: usize = 128;

/// A component with an export for messages.
pub struct RedisFunction {
    pool: Pool<Guest>,
    stats: ComponentStats,
    metrics: MessageMetrics,
}

enum Guest {
    V3(v3::Subscriber),
    Legacy(legacy::Subscriber),
}

/// Why a component cannot handle messages.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// It exports nothing that messages could go to.
    #[error(transparent)]
    None(#[from] LoadError),
    /// It is not clear where messages go.
    #[error(
        "component {0:?} cannot be started by a redis trigger: it exports both `spin:redis/inbound-redis@3.0.0` and `fermyon:spin/inbound-redis`; keep one of them"
    )]
    Two(String),
}

impl RedisFunction {
    /// Finds the export that handles messages.
    ///
    /// # Errors
    /// When the component has none, or two.
    pub fn new(function: Arc<Function>) -> Result<Self, ExportError> {
        let pre = function.instance_pre();
        let v3 = v3::SubscriberPre::new(pre.clone()).ok();
        let legacy = legacy::SubscriberPre::new(pre.clone()).ok();
        let pool = match (v3, legacy) {
            (Some(_), Some(_)) => return Err(ExportError::Two(function.id().to_string())),
            (Some(v3), None) => Pool::new(
                function,
                Box::new(move |store| {
                    let v3 = v3.clone();
                    Box::pin(async move { Ok(Guest::V3(v3.instantiate_async(store).await?)) })
                }),
            ),
            (None, Some(legacy)) => Pool::single_use(
                function,
                Box::new(move |store| {
                    let legacy = legacy.clone();
                    Box::pin(
                        async move { Ok(Guest::Legacy(legacy.instantiate_async(store).await?)) },
                    )
                }),
            ),
            (None, None) => {
                return Err(ExportError::None(LoadError::WrongExport {
                    component: function.id().to_string(),
                    trigger: "a redis trigger",
                    wanted: "`spin:redis/inbound-redis@3.0.0` (spin-sdk 7: `#[redis_subscriber]`) or `fermyon:spin/inbound-redis`",
                }));
            }
        };
        Ok(Self {
            metrics: pool.function().metrics().messages(),
            pool,
            stats: ComponentStats::default(),
        })
    }

    /// The component.
    pub fn function(&self) -> &Arc<Function> {
        self.pool.function()
    }

    /// What has happened to its messages.
    pub fn stats(&self) -> &ComponentStats {
        &self.stats
    }

    /// Drops instances that have been idle for longer than they may be.
    pub fn trim(&self) {
        self.pool.trim();
    }

    /// Runs the component for one message.
    ///
    /// # Errors
    /// When it fails, or answers with an error of its own.
    pub async fn invoke(&self, payload: &[u8]) -> Result<(), Failure> {
        let outcome = self.call(payload.to_vec()).await.flatten();
        let metrics = self.function().metrics();
        match &outcome {
            Ok(()) => metrics.call_ended(TriggerKind::Redis, "ok"),
            Err(failure) => {
                metrics.call_ended(TriggerKind::Redis, failure.kind.as_str());
                metrics.failed(failure.kind.as_str());
            }
        }
        outcome
    }

    /// The outer error is the platform's, the inner one the component's.
    async fn call(&self, payload: Vec<u8>) -> Result<Result<(), Failure>, Failure> {
        self.pool
            .run(async move |accessor, guest| {
                let refused = match guest {
                    Guest::V3(guest) => {
                        let guest = guest.spin_redis_inbound_redis();
                        let answer = guest.call_handle_message(accessor, payload).await?;
                        answer.err().map(|error| error.to_string())
                    }
                    Guest::Legacy(guest) => {
                        let guest = guest.fermyon_spin_inbound_redis();
                        let answer = guest.call_handle_message(accessor, payload).await?;
                        answer.err().map(|error| error.to_string())
                    }
                };
                Ok(refused.map_or(Ok(()), |text| Err(Failure::new(FailureKind::Guest, text))))
            })
            .await
    }

    /// Runs the component for one message, counts how it went, and says so in
    /// the log when it went wrong. The message itself is never logged.
    pub(crate) async fn handle(&self, channel: &str, payload: &Bytes, arrived: Instant) {
        let outcome = self.invoke(payload).await;
        self.metrics.handled(arrived.elapsed());
        match outcome {
            Ok(()) => count(&self.stats.handled),
            Err(failure) => {
                self.stats.failed.fetch_add(1, Ordering::Relaxed);
                let events = Events::of(payload);
                tracing::error!(
                    component = %self.function().id(),
                    channel,
                    event.id = events.as_ref().map(|events| &*events.first_id),
                    event.count = events.as_ref().map(|events| events.count),
                    kind = failure.kind.as_str(),
                    cause = failure.cause,
                    "component failed to handle a message"
                );
            }
        }
    }
}

/// The CloudEvents of a message, one or a batch: they name it without showing it.
#[derive(Debug, PartialEq, Eq)]
struct Events {
    first_id: String,
    count: u64,
}

impl Events {
    /// `None` for a message that is neither an event nor an array of events.
    fn of(payload: &[u8]) -> Option<Self> {
        let mut events = serde_json::Deserializer::from_slice(payload);
        let mut found = events.deserialize_any(EventsVisitor).ok()?;
        events.end().ok()?;
        if let Some((end, _)) = found.first_id.char_indices().nth(EVENT_ID_CHARS_MAX) {
            found.first_id.truncate(end);
        }
        Some(found)
    }
}

/// Reads the first id and counts the rest, without keeping what is between.
struct EventsVisitor;

impl<'de> Visitor<'de> for EventsVisitor {
    type Value = Events;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an event or an array of events")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Events, A::Error> {
        let event = Event::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Events {
            first_id: event.id,
            count: 1,
        })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut events: A) -> Result<Events, A::Error> {
        let first: Option<Event> = events.next_element()?;
        let first = first.ok_or_else(|| A::Error::custom("an empty array"))?;
        let mut count = 1;
        while events.next_element::<IgnoredAny>()?.is_some() {
            count += 1;
        }
        Ok(Events {
            first_id: first.id,
            count,
        })
    }
}

#[derive(Deserialize)]
struct Event {
    id: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(payload: &str) -> Option<(String, u64)> {
        let events = Events::of(payload.as_bytes())?;
        Some((events.first_id, events.count))
    }

    #[test]
    fn only_a_text_id_of_an_event_is_shown() {
        let event = r#"{"id":"42","data":{"secret":1}}"#;
        assert_eq!(events(event), Some(("42".to_owned(), 1)));
        for payload in [
            r#"{"id":42}"#,
            "id",
            "",
            "{}",
            r#"{"id":"1"} {"id":"2"}"#,
            "\"id\"",
        ] {
            assert_eq!(events(payload), None, "{payload}");
        }
    }

    #[test]
    fn a_batch_is_named_by_its_first_event_and_its_size() {
        let batch = r#"[{"data":[1],"id":"a"},{"id":"b"},{"other":1}]"#;
        assert_eq!(events(batch), Some(("a".to_owned(), 3)));
        for payload in ["[]", "[1]", r#"[{"id":1}]"#, r#"[{"id":"a"}"#] {
            assert_eq!(events(payload), None, "{payload}");
        }
    }

    #[test]
    fn a_long_id_is_cut_between_characters() {
        for letter in ["x", "健"] {
            let (id, _) = events(&format!(r#"{{"id":"{}"}}"#, letter.repeat(999))).unwrap();
            assert_eq!(id, letter.repeat(EVENT_ID_CHARS_MAX));
        }
    }
}
