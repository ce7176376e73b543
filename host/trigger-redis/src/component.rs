//! A component that messages go to.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use host_app::{Failure, FailureKind};
use host_engine::{Function, LoadError, Pool};
use host_telemetry::TriggerKind;
use serde::Deserialize;

use crate::bindings::{legacy, v3};
use crate::stats::{ComponentStats, count};

/// Length of an event's id in a log line.
const EVENT_ID_CHARS_MAX: usize = 128;

/// A component with an export for messages.
pub struct RedisFunction {
    pool: Pool<Guest>,
    stats: ComponentStats,
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
    pub(crate) async fn handle(&self, channel: &str, payload: &Bytes) {
        match self.invoke(payload).await {
            Ok(()) => count(&self.stats.handled),
            Err(failure) => {
                self.stats.failed.fetch_add(1, Ordering::Relaxed);
                tracing::error!(
                    component = %self.function().id(),
                    channel,
                    event.id = event_id(payload),
                    kind = failure.kind.as_str(),
                    cause = failure.cause,
                    "component failed to handle a message"
                );
            }
        }
    }
}

/// The `id` of a CloudEvent: it names the message without showing it.
fn event_id(payload: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Event {
        id: String,
    }

    let event: Event = serde_json::from_slice(payload).ok()?;
    Some(event.id.chars().take(EVENT_ID_CHARS_MAX).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_text_id_of_a_json_object_is_shown() {
        let id = |payload: &str| event_id(payload.as_bytes());
        assert_eq!(
            id(r#"{"id":"42","data":{"secret":1}}"#).as_deref(),
            Some("42")
        );
        assert_eq!(
            id(&format!(r#"{{"id":"{}"}}"#, "x".repeat(999)))
                .unwrap()
                .len(),
            128
        );
        for payload in [r#"{"id":42}"#, "[]", "id", "", "{}"] {
            assert_eq!(id(payload), None, "{payload}");
        }
    }
}
