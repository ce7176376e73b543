//! Beginning anew: dead letters for whoever could not handle them, past events
//! for a consumer that came later.
//!
//! Nothing is published here: the events are due again, and the relay brings
//! them. Whoever has handled one already ignores it.

use std::collections::{BTreeMap, BTreeSet};

use suoke_store::Database;

use crate::envelope::Event;
use crate::error::EventError;
use crate::journal::Filter;
use crate::outbox::ATTEMPTS_MAX;
use crate::queries::journal as queries;
use crate::relay::Subscription;

/// How many events are begun anew together.
const PAGE_EVENTS: u32 = 500;

/// How many dead letters one call redrives.
const LETTERS_MAX: u32 = 1_000;

/// An event that a consumer could not handle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// The event, or a made-up id where the message was none.
    pub event_id: String,
    /// The consumer.
    pub consumer: String,
    /// The type of the event.
    pub kind: String,
    /// Why.
    pub reason: String,
    /// How often it was tried.
    pub attempts: u32,
    /// When it failed first, in milliseconds since the epoch.
    pub first_failed_at: i64,
    /// When it was given up.
    pub dead_at: Option<i64>,
    /// The event; empty when the outbox beside it has it.
    pub payload: String,
}

/// What a redrive did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Redriven {
    /// Dead letters that are delivered again.
    pub letters: usize,
    /// Dead letters of messages that are no events: nobody could read them.
    pub unreadable: usize,
}

/// What a replay did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Events that are delivered again.
    pub events: usize,
    /// When there are more than `events_max`: from when on, in milliseconds.
    pub more_from_ms: Option<i64>,
}

/// The dead letters of all databases before the one of `before`, an event and a
/// consumer, in the order of their events, newest first.
///
/// # Errors
/// When a database fails.
pub async fn dead_letters(
    dbs: &[Database],
    consumer: Option<&str>,
    before: Option<(&str, &str)>,
    limit: u32,
) -> Result<Vec<Letter>, EventError> {
    let mut letters = Vec::new();
    for db in dbs {
        letters.extend(queries::letters(db, consumer, None, before, limit).await?);
    }
    let key = |letter: &Letter| (letter.event_id.clone(), letter.consumer.clone());
    letters.sort_by_key(|letter| std::cmp::Reverse(key(letter)));
    // The same one may lie in the producer's and in the consumer's database.
    letters.dedup_by_key(|letter| key(letter));
    letters.truncate(limit as usize);
    Ok(letters)
}

/// Delivers dead letters again: those of a consumer, of an event, or all, at
/// most 1,000.
///
/// # Errors
/// When a database fails; what was begun is done by calling it again.
pub async fn redrive(
    dbs: &mut [Database],
    consumer: Option<&str>,
    event_id: Option<&str>,
    now_ms: i64,
) -> Result<Redriven, EventError> {
    let mut redriven = BTreeSet::new();
    let mut unreadable = 0;
    for index in 0..dbs.len() {
        let Some(db) = dbs.get(index) else { continue };
        let letters = queries::letters(db, consumer, event_id, None, LETTERS_MAX).await?;
        let (readable, odd): (Vec<_>, Vec<_>) = letters.into_iter().partition(is_readable);
        unreadable += odd.len();
        if readable.is_empty() {
            continue;
        }
        restart_letters(dbs, index, &readable, now_ms).await?;
        let keys = readable.into_iter();
        redriven.extend(keys.map(|letter| (letter.event_id, letter.consumer)));
    }
    Ok(Redriven {
        letters: redriven.len(),
        unreadable,
    })
}

/// Whether somebody may handle it some day.
fn is_readable(letter: &Letter) -> bool {
    letter.payload.is_empty() || Event::parse(letter.payload.as_bytes()).is_ok()
}

/// Makes the events of the letters of one database due again, and the letters
/// ordinary failures; in this order, so that a crash between loses nothing.
async fn restart_letters(
    dbs: &mut [Database],
    index: usize,
    letters: &[Letter],
    now_ms: i64,
) -> Result<(), EventError> {
    let ids: BTreeSet<&str> = letters.iter().map(|one| one.event_id.as_str()).collect();
    let json = serde_json::to_string(&ids).map_err(EventError::work)?;
    let mut known = BTreeSet::new();
    for db in dbs.iter() {
        known.extend(queries::restart(db, &json, now_ms).await?);
    }
    let Some(db) = dbs.get_mut(index) else {
        return Ok(());
    };
    db.transaction(async |tx| {
        for letter in letters {
            if !known.contains(&letter.event_id) && !letter.payload.is_empty() {
                queries::adopt(tx, letter, ATTEMPTS_MAX, now_ms).await?;
            }
            queries::revive(tx, &letter.event_id, &letter.consumer).await?;
        }
        Ok(())
    })
    .await
}

/// Delivers past events again to one consumer, which forgets that it has met
/// them. A consumer that needs order gets all later events of an aggregate, too.
///
/// # Errors
/// When a database fails; what was begun is done by calling it again.
pub async fn replay(
    dbs: &mut [Database],
    subscriptions: &[Subscription],
    consumer: &str,
    filter: &Filter,
    events_max: usize,
    now_ms: i64,
) -> Result<Replayed, EventError> {
    let own = subscriptions.iter().filter(|one| one.component == consumer);
    let kinds: BTreeSet<&str> = own.map(|one| one.channel.as_str()).collect();
    let kinds = serde_json::to_string(&kinds).map_err(EventError::work)?;
    let mut events = 0;
    for index in 0..dbs.len() {
        let mut after = 0;
        while let Some(db) = dbs.get(index) {
            let chosen = queries::chosen(db, filter, &kinds, after, PAGE_EVENTS).await?;
            let (Some(first), Some(last)) = (chosen.first(), chosen.last()) else {
                break;
            };
            if events >= events_max {
                let entry = queries::find(db, &first.id).await?;
                let more_from_ms = entry.map(|entry| entry.created_at);
                return Ok(Replayed {
                    events,
                    more_from_ms,
                });
            }
            after = last.position;
            events += restart_for(dbs, index, consumer, &chosen, now_ms).await?;
        }
    }
    Ok(Replayed {
        events,
        more_from_ms: None,
    })
}

/// Makes the consumer forget a page of events, wherever it keeps its inbox, and
/// then makes them due again.
async fn restart_for(
    dbs: &mut [Database],
    index: usize,
    consumer: &str,
    chosen: &[queries::Chosen],
    now_ms: i64,
) -> Result<usize, EventError> {
    let mut firsts: BTreeMap<&str, i64> = BTreeMap::new();
    for event in chosen {
        let first = firsts.entry(&event.aggregate).or_insert(event.sequence);
        *first = event.sequence.min(*first);
    }
    let firsts: Vec<_> = firsts.into_iter().collect();
    let firsts = serde_json::to_string(&firsts).map_err(EventError::work)?;
    let mut ids: BTreeSet<String> = chosen.iter().map(|event| event.id.clone()).collect();
    let mut rewound = Vec::new();
    for db in dbs.iter() {
        rewound.extend(queries::rewind(db, consumer, &firsts).await?);
    }
    if let Some(db) = dbs.get(index) {
        for aggregate in &rewound {
            ids.extend(queries::later(db, aggregate).await?);
        }
    }
    let json = serde_json::to_string(&ids).map_err(EventError::work)?;
    for db in dbs.iter_mut() {
        db.transaction(async |tx| queries::forget(tx, consumer, &json).await)
            .await?;
    }
    if let Some(db) = dbs.get(index) {
        queries::restart(db, &json, now_ms).await?;
    }
    Ok(ids.len())
}
