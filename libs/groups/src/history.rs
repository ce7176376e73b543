//! The history of a group: a stream of type `group` with who came, left and changed,
//! and the events that tell others of it.

use serde::Serialize;
use serde_json::json;
use suoke_events::streams::{self, NewEvent, StreamEvent};
use suoke_events::{Event, EventError, outbox};
use suoke_guest::ApiError;
use suoke_store::{Sql, Transaction};

use crate::access::Actor;

/// The type of the streams.
const STREAM_TYPE: &str = "group";

/// Writes down what happened, in the stream and in the outbox.
pub(crate) async fn tell<T: Serialize>(
    tx: &Transaction<'_>,
    actor: &Actor<'_>,
    group_id: &str,
    kind: &str,
    data: &T,
) -> Result<Event, EventError> {
    let event = Event::new(kind, actor.component, data)?.about(format!("group/{group_id}"));
    let event = actor.tie(event);
    let noted = NewEvent {
        kind: kind.to_owned(),
        data: event.data.clone(),
        metadata: json!({ "actor": actor.user_id, "event_id": &event.id }),
    };
    let version = streams::version(tx, STREAM_TYPE, group_id).await?;
    streams::append(tx, STREAM_TYPE, group_id, version, &[noted]).await?;
    outbox(tx, event).await
}

/// What happened to a group after a version of its history, oldest first; for who
/// manages it.
///
/// # Errors
/// 404 for who does not belong to it, 403 for members and viewers.
pub async fn history(
    sql: &impl Sql,
    actor: &Actor<'_>,
    group_id: &str,
    after_version: u64,
    limit: u32,
) -> Result<Vec<StreamEvent>, ApiError> {
    actor.manage(sql, group_id).await?;
    Ok(streams::read(sql, STREAM_TYPE, group_id, after_version, limit).await?)
}
