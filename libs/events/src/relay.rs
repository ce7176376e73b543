//! The relay: what somebody has not acknowledged is published again.
//!
//! Who must acknowledge an event stands in the application itself: every
//! component that listens to its type and notes what it has handled. Their notes
//! may be in any database.

pub(crate) mod decide;
mod subscriptions;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Serialize;
use suoke_guest::log;
use suoke_store::Database;

use crate::bus::Bus;
use crate::error::EventError;
use crate::queries::relay as queries;
use decide::{Answer, Due, Required, Verdict, verdict};

pub use subscriptions::subscriptions;

/// The databases that have event tables.
pub const LABELS: [&str; 5] = ["ai", "care", "health", "identity", "platform"];

/// How many events are looked at together.
const PAGE_EVENTS: u32 = 500;

/// How many events are read whole at a time.
const PAYLOADS_AT_ONCE: usize = 20;

/// When the bus fails, events wait so long; it is no attempt.
const HELD_MS: i64 = 5_000;

/// A component that listens to a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// The channel, which is the type of its events.
    pub channel: String,
    /// The component's name in the manifest.
    pub component: String,
    /// Whether it notes what it has handled.
    pub acknowledges: bool,
}

/// How much a run does at most.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Events of each database that are looked at.
    pub events_max: u32,
    /// Rows of each table that are deleted.
    pub pruned_max: u32,
    /// How long what is done, or given up, is kept.
    pub retention_ms: i64,
}

/// What a run did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Relayed {
    /// Events that everybody has handled.
    pub done: usize,
    /// Events that were published again.
    pub published: usize,
    /// Events that the bus did not take.
    pub held: usize,
    /// Events that are dead letters now.
    pub dead: usize,
}

/// Opens every database that has event tables.
///
/// # Errors
/// When the manifest does not grant one, or it cannot be opened.
pub async fn open_all() -> Result<Vec<Database>, EventError> {
    let mut dbs = Vec::with_capacity(LABELS.len());
    for label in LABELS {
        dbs.push(Database::open(label).await?);
    }
    Ok(dbs)
}

/// Looks at every event whose turn has come at `now_ms`: all have handled it, or
/// it is published again, 2, 4, 8, … seconds apart, or it is given up after its
/// attempts. Then deletes what was done, or given up, long enough ago.
///
/// # Errors
/// When a database fails; a bus that fails only holds the events back.
pub async fn run(
    dbs: &mut [Database],
    bus: &impl Bus,
    subscriptions: &[Subscription],
    now_ms: i64,
    limits: Limits,
) -> Result<Relayed, EventError> {
    let required = required(subscriptions);
    let mut relayed = Relayed::default();
    for index in 0..dbs.len() {
        let mut looked_at = 0;
        while looked_at < limits.events_max {
            let due = page(dbs, index, now_ms).await?;
            if due.is_empty() {
                break;
            }
            looked_at += PAGE_EVENTS;
            relay_page(dbs, index, bus, &required, &due, now_ms, &mut relayed).await?;
        }
    }
    prune(dbs, now_ms - limits.retention_ms, limits.pruned_max).await?;
    Ok(relayed)
}

/// Who must acknowledge what.
pub(crate) fn required(subscriptions: &[Subscription]) -> Required {
    let mut required = Required::new();
    for subscription in subscriptions.iter().filter(|one| one.acknowledges) {
        let consumers = required.entry(subscription.channel.clone()).or_default();
        consumers.insert(subscription.component.clone());
    }
    required
}

fn json<T: Serialize + ?Sized>(value: &T) -> Result<String, EventError> {
    serde_json::to_string(value).map_err(EventError::work)
}

async fn page(dbs: &[Database], index: usize, now_ms: i64) -> Result<Vec<Due>, EventError> {
    match dbs.get(index) {
        Some(db) => Ok(queries::due(db, now_ms, PAGE_EVENTS).await?),
        None => Ok(Vec::new()),
    }
}

/// What the marks of a page are made of.
#[derive(Default)]
struct Decided<'a> {
    done: Vec<&'a Due>,
    published: Vec<(&'a Due, i64)>,
    held: Vec<&'a Due>,
    held_reason: String,
    dead: Vec<(&'a Due, Vec<String>)>,
}

async fn relay_page(
    dbs: &mut [Database],
    index: usize,
    bus: &impl Bus,
    required: &Required,
    due: &[Due],
    now_ms: i64,
    relayed: &mut Relayed,
) -> Result<(), EventError> {
    let answers = answers(dbs, due).await?;
    let nobody = BTreeMap::new();
    let mut decided = Decided::default();
    let mut publish = Vec::new();
    for event in due {
        let given = answers.get(&event.id).unwrap_or(&nobody);
        match verdict(event, required, given, now_ms) {
            Verdict::Done => decided.done.push(event),
            Verdict::Publish { next_attempt_at } => publish.push((event, next_attempt_at)),
            Verdict::Dead { missing } => decided.dead.push((event, missing)),
        }
    }
    let reasons = reasons(dbs, &decided.dead).await?;
    let Some(db) = dbs.get_mut(index) else {
        return Ok(());
    };
    publish_all(db, bus, publish, &mut decided).await?;
    relayed.done += decided.done.len();
    relayed.published += decided.published.len();
    relayed.held += decided.held.len();
    relayed.dead += decided.dead.len();
    mark(db, &decided, &reasons, now_ms).await
}

/// What each consumer said to each event, in any database.
async fn answers(
    dbs: &[Database],
    due: &[Due],
) -> Result<HashMap<String, BTreeMap<String, Answer>>, EventError> {
    let ids = json(&due.iter().map(|event| &event.id).collect::<Vec<_>>())?;
    let mut answers: HashMap<String, BTreeMap<String, Answer>> = HashMap::new();
    for db in dbs {
        for row in queries::answers(db, &ids).await? {
            let given = answers.entry(row.event_id).or_default();
            if row.handled {
                given.insert(row.consumer, Answer::Handled);
            } else {
                given.entry(row.consumer).or_insert(Answer::Refused);
            }
        }
    }
    Ok(answers)
}

/// Why consumers failed, by event and consumer.
type Reasons = HashMap<(String, String), String>;

async fn reasons(dbs: &[Database], dead: &[(&Due, Vec<String>)]) -> Result<Reasons, EventError> {
    let mut reasons = Reasons::new();
    if dead.is_empty() {
        return Ok(reasons);
    }
    let ids = json(&dead.iter().map(|(event, _)| &event.id).collect::<Vec<_>>())?;
    for db in dbs {
        for row in queries::failed(db, &ids).await? {
            reasons.insert((row.event_id, row.consumer), row.reason);
        }
    }
    Ok(reasons)
}

/// Publishes until the bus fails; what is left over is held.
async fn publish_all<'a>(
    db: &Database,
    bus: &impl Bus,
    events: Vec<(&'a Due, i64)>,
    decided: &mut Decided<'a>,
) -> Result<(), EventError> {
    for chunk in events.chunks(PAYLOADS_AT_ONCE) {
        if !decided.held_reason.is_empty() {
            decided.held.extend(chunk.iter().map(|(event, _)| *event));
            continue;
        }
        let ids = json(&chunk.iter().map(|(event, _)| &event.id).collect::<Vec<_>>())?;
        let payloads = queries::payloads(db, &ids).await?;
        let payloads: HashMap<_, _> = payloads
            .iter()
            .map(|row| (row.id.as_str(), row.payload.as_bytes()))
            .collect();
        for (event, next_attempt_at) in chunk {
            // A row that is gone meanwhile needs nothing.
            let Some(payload) = payloads.get(event.id.as_str()) else {
                continue;
            };
            if !decided.held_reason.is_empty() {
                decided.held.push(event);
            } else if let Err(error) = bus.publish(&event.kind, payload).await {
                decided.held_reason = error.to_string();
                decided.held.push(event);
            } else {
                decided.published.push((event, *next_attempt_at));
            }
        }
    }
    Ok(())
}

/// Writes down what was decided, in one transaction.
async fn mark(
    db: &mut Database,
    decided: &Decided<'_>,
    reasons: &Reasons,
    now_ms: i64,
) -> Result<(), EventError> {
    let done: Vec<_> = decided.done.iter().copied().map(round).collect();
    let published: Vec<_> = decided
        .published
        .iter()
        .map(|(event, next)| (&event.id, event.started_at, next))
        .collect();
    let held: Vec<_> = decided.held.iter().map(|event| &event.id).collect();
    let (done, published, held) = (json(&done)?, json(&published)?, json(&held)?);
    if !decided.held.is_empty() {
        let fields = [("cause", decided.held_reason.as_str())];
        log::warn("the relay waits for the bus", &fields);
    }
    db.transaction(async |tx| {
        queries::mark_done(tx, &done, now_ms).await?;
        queries::mark_published(tx, &published).await?;
        queries::mark_held(tx, &held, now_ms + HELD_MS, &decided.held_reason).await?;
        for (event, missing) in &decided.dead {
            let told = told(event, missing);
            if !queries::mark_dead(tx, event, &told, now_ms).await? {
                continue;
            }
            let fields = [("event.id", event.id.as_str()), ("cause", told.as_str())];
            log::error("event is a dead letter", &fields);
            for consumer in missing {
                let key = (event.id.clone(), consumer.clone());
                let reason = reasons.get(&key).cloned();
                let reason = reason.unwrap_or_else(|| unacknowledged(event));
                queries::bury(tx, event, consumer, &reason, now_ms).await?;
            }
        }
        Ok(())
    })
    .await
}

fn round(event: &Due) -> (&str, i64) {
    (&event.id, event.started_at)
}

fn unacknowledged(event: &Due) -> String {
    format!("no acknowledgement after {} deliveries", event.attempts)
}

/// Why the event itself is given up.
fn told(event: &Due, missing: &[String]) -> String {
    if missing.is_empty() {
        return "a consumer refused it".to_owned();
    }
    format!("{} of {}", unacknowledged(event), missing.join(", "))
}

/// Deletes what was done or given up before `before_ms`. An acknowledgement and a
/// dead letter stay as long as their event could be delivered again.
async fn prune(dbs: &[Database], before_ms: i64, limit: u32) -> Result<(), EventError> {
    let mut kept: BTreeSet<String> = BTreeSet::new();
    let mut is_complete = true;
    for db in dbs {
        prune_ended(dbs, db, before_ms, limit).await?;
        queries::prune_failures(db, before_ms, limit).await?;
        let left = queries::kept(db, before_ms, limit).await?;
        is_complete &= left.len() < limit as usize;
        kept.extend(left);
    }
    // Too many to know them all: the next runs have deleted more of them.
    if is_complete {
        let kept = json(&kept)?;
        for db in dbs {
            queries::prune_letters(db, before_ms, &kept, limit).await?;
            queries::prune_inbox(db, before_ms, &kept, limit).await?;
        }
    }
    Ok(())
}

/// Deletes events of `db` that have ended. Their failures, in any database, go
/// before them: without its event a letter would promise a redrive that cannot be.
async fn prune_ended(
    dbs: &[Database],
    db: &Database,
    before_ms: i64,
    limit: u32,
) -> Result<(), EventError> {
    let ended = queries::ended(db, before_ms, limit).await?;
    if ended.is_empty() {
        return Ok(());
    }
    let ids = json(&ended)?;
    for db in dbs {
        queries::delete_failures(db, &ids).await?;
    }
    Ok(queries::delete_ended(db, &ids, before_ms).await?)
}

#[cfg(test)]
mod tests;
