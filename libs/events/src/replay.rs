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
use crate::queries::journal::{self as queries, WholeLetter};
use crate::relay::Subscription;

/// How many events are begun anew together.
const PAGE_EVENTS: u32 = 500;

/// How many dead letters are read whole at a time.
const PAGE_LETTERS: u32 = 50;

/// How many dead letters one call redrives, to a page.
const LETTERS_MAX: usize = 1_000;

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
}

/// What a redrive did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Redriven {
    /// Dead letters that are delivered again.
    pub letters: usize,
    /// Events without a dead letter that were given up all the same, because
    /// somebody acknowledged them late: the relay looks at them again.
    pub restarted: usize,
    /// Dead letters of messages that are no events: nobody could read them.
    pub unreadable: usize,
    /// Whether there are more: call it again.
    pub is_more: bool,
}

/// What a replay did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Events that are delivered again.
    pub events: usize,
    /// When there are more than `events_max`: the instant before which all of
    /// them are delivered again, and to go on from, in milliseconds.
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
        letters.extend(queries::letters(db, consumer, before, limit).await?);
    }
    let key = |letter: &Letter| (letter.event_id.clone(), letter.consumer.clone());
    letters.sort_by_key(|letter| std::cmp::Reverse(key(letter)));
    // The same one may lie in the producer's and in the consumer's database.
    letters.dedup_by_key(|letter| key(letter));
    letters.truncate(limit as usize);
    Ok(letters)
}

/// Delivers dead letters again: those of a consumer, of an event, or all, about
/// 1,000 in one call. An event that was given up and has no dead letter any more
/// is looked at again, too, unless only a consumer is named.
///
/// # Errors
/// When a database fails; what was begun is done by calling it again.
pub async fn redrive(
    dbs: &mut [Database],
    consumer: Option<&str>,
    event_id: Option<&str>,
    now_ms: i64,
) -> Result<Redriven, EventError> {
    let mut keys = BTreeSet::new();
    let mut redriven = Redriven::default();
    for index in 0..dbs.len() {
        let mut before: Option<(String, String)> = None;
        while let Some(db) = dbs.get(index) {
            let last = before.as_ref();
            let last = last.map(|(event, consumer)| (event.as_str(), consumer.as_str()));
            let page = queries::whole_letters(db, consumer, event_id, last, PAGE_LETTERS).await?;
            let Some(last) = page.last() else { break };
            if keys.len() >= LETTERS_MAX {
                redriven.letters = keys.len();
                redriven.is_more = true;
                return Ok(redriven);
            }
            before = Some((last.event_id.clone(), last.consumer.clone()));
            let count = page.len();
            let again = restart_letters(dbs, index, page, now_ms).await?;
            redriven.unreadable += count - again.len();
            keys.extend(again);
        }
    }
    redriven.letters = keys.len();
    if event_id.is_some() || consumer.is_none() {
        redriven.restarted = restart_given_up(dbs, event_id, now_ms).await?;
    }
    Ok(redriven)
}

/// Makes the events of a page of letters of one database due again, and the
/// letters ordinary failures; gives the event and the consumer of each. Letters
/// that are no events stay.
async fn restart_letters(
    dbs: &mut [Database],
    index: usize,
    mut letters: Vec<WholeLetter>,
    now_ms: i64,
) -> Result<Vec<(String, String)>, EventError> {
    let ids: BTreeSet<&str> = letters.iter().map(|one| one.event_id.as_str()).collect();
    let ids = serde_json::to_string(&ids).map_err(EventError::work)?;
    let known = restart_everywhere(dbs, &ids, now_ms).await?;
    letters.retain(|letter| {
        known.contains(&letter.event_id) || Event::parse(letter.payload.as_bytes()).is_ok()
    });
    let Some(db) = dbs.get_mut(index).filter(|_| !letters.is_empty()) else {
        return Ok(Vec::new());
    };
    db.transaction(async |tx| {
        for letter in &letters {
            if !known.contains(&letter.event_id) {
                queries::adopt(tx, letter, ATTEMPTS_MAX, now_ms).await?;
            }
            queries::revive(tx, &letter.event_id, &letter.consumer).await?;
        }
        Ok::<_, EventError>(())
    })
    .await?;
    // Before, so that a crash in between loses no letter; and again, because a
    // relay that looked in between still saw the letter and gave the event up.
    restart_everywhere(dbs, &ids, now_ms).await?;
    let keys = letters.into_iter();
    Ok(keys
        .map(|letter| (letter.event_id, letter.consumer))
        .collect())
}

/// Makes events due again, wherever they are; gives those that are anywhere.
async fn restart_everywhere(
    dbs: &[Database],
    ids: &str,
    now_ms: i64,
) -> Result<BTreeSet<String>, EventError> {
    let mut known = BTreeSet::new();
    for db in dbs {
        known.extend(queries::restart(db, ids, now_ms).await?);
    }
    Ok(known)
}

/// Makes events due again that were given up and have no dead letter: whoever it
/// was given up for has acknowledged it since.
async fn restart_given_up(
    dbs: &[Database],
    event_id: Option<&str>,
    now_ms: i64,
) -> Result<usize, EventError> {
    let mut restarted = 0;
    for db in dbs {
        let mut after = 0;
        loop {
            let page = queries::given_up(db, event_id, after, PAGE_EVENTS).await?;
            let Some(last) = page.last() else { break };
            after = last.position;
            let mut ids: BTreeSet<String> = page.into_iter().map(|event| event.id).collect();
            let all = serde_json::to_string(&ids).map_err(EventError::work)?;
            for other in dbs {
                for id in queries::lettered(other, &all).await? {
                    ids.remove(&id);
                }
            }
            let ids = serde_json::to_string(&ids).map_err(EventError::work)?;
            restarted += queries::restart(db, &ids, now_ms).await?.len();
        }
    }
    Ok(restarted)
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
    let more_from_ms = more_from(dbs, filter, &kinds, events_max).await?;
    let mut filter = filter.clone();
    filter.to_ms = more_from_ms.or(filter.to_ms);
    let mut events = 0;
    for index in 0..dbs.len() {
        let mut after = 0;
        while let Some(db) = dbs.get(index) {
            let chosen = queries::chosen(db, &filter, &kinds, after, PAGE_EVENTS).await?;
            let Some(last) = chosen.last() else { break };
            after = last.position;
            events += restart_for(dbs, index, consumer, &chosen, now_ms).await?;
        }
    }
    Ok(Replayed {
        events,
        more_from_ms,
    })
}

/// The instant before which at most `events_max` of the events lie, in all
/// databases together; none when all of them are no more. Those of one
/// millisecond are never parted: then it may be more, or there would be no end.
async fn more_from(
    dbs: &[Database],
    filter: &Filter,
    kinds: &str,
    events_max: usize,
) -> Result<Option<i64>, EventError> {
    let limit = i64::try_from(events_max).unwrap_or(i64::MAX);
    let limit = limit.saturating_add(1);
    let mut times: Vec<i64> = Vec::new();
    for db in dbs {
        let stored = queries::times(db, filter, kinds, limit).await?;
        let stored: Vec<i64> = serde_json::from_str(&stored).map_err(EventError::work)?;
        times.extend(stored);
    }
    times.sort_unstable();
    let (first, over) = (times.first(), times.get(events_max));
    Ok(over.map(|&over| if first == Some(&over) { over + 1 } else { over }))
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

#[cfg(test)]
mod tests;
