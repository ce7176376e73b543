//! Looks at new readings and keeps the alerts of the person they belong to.

mod queries;
mod watch;

use serde::Deserialize;
use suoke_events::{Event, EventError, consume};
use suoke_guest::clock;
use suoke_health::alerts::{AGE_MS_MAX, ALERTING_TYPES};
use suoke_readings::events::{CORRECTED, DELETED, RECORDED};
use suoke_store::Database;

use crate::watch::News;

/// The name in the inbox.
const CONSUMER: &str = "health-alerts";

suoke_events::subscriber!(CONSUMER, "health", on_event);

/// What is new: the parts of the three events that count here.
#[derive(Deserialize)]
struct Changed {
    user_id: String,
    /// Of a batch.
    #[serde(default)]
    types: Vec<ChangedType>,
    /// Of a single reading.
    #[serde(default, rename = "type")]
    kind: Option<String>,
}

/// The new readings of a type.
#[derive(Deserialize)]
struct ChangedType {
    #[serde(rename = "type")]
    kind: String,
    /// When the oldest was taken.
    #[serde(default)]
    first_ms: Option<i64>,
    /// When the newest was taken.
    last_ms: i64,
}

impl Changed {
    /// The types to look at: old readings alert nobody.
    fn news(&self, now_ms: i64) -> Vec<News<'_>> {
        let oldest_ms = now_ms.saturating_sub(AGE_MS_MAX);
        let fresh = self.types.iter().filter(|it| it.last_ms >= oldest_ms);
        let of_batch = fresh.map(|it| News {
            kind: it.kind.as_str(),
            first_ms: it.first_ms,
        });
        let of_one = self.kind.as_deref().map(|kind| News {
            kind,
            first_ms: None,
        });
        let mut news: Vec<News<'_>> = of_batch
            .chain(of_one)
            .filter(|new| ALERTING_TYPES.contains(&new.kind))
            .collect();
        // Of a type that is named twice the one that reaches further back.
        news.sort_unstable_by_key(|new| (new.kind, new.first_ms.unwrap_or(i64::MAX)));
        news.dedup_by_key(|new| new.kind);
        news
    }
}

async fn on_event(db: &mut Database, event: &Event) -> Result<Vec<Event>, EventError> {
    on_event_at(db, event, clock::now_ms()).await
}

async fn on_event_at(
    db: &mut Database,
    event: &Event,
    now_ms: i64,
) -> Result<Vec<Event>, EventError> {
    event.expect_kind(&[RECORDED, CORRECTED, DELETED])?;
    let changed: Changed = event.data_as()?;
    let news = changed.news(now_ms);
    let told: Result<_, EventError> = consume(db, CONSUMER, event, async |tx| {
        watch::look(tx, event, &changed.user_id, &news, now_ms).await
    })
    .await;
    Ok(told?.unwrap_or_default())
}

#[cfg(test)]
mod tests;
