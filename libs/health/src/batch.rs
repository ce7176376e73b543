//! A batch on its way into the store: what to insert, what it makes out of date,
//! what to answer.

use crate::bucket::DAY_MS;
use crate::identity::{identity, reading_id};
use crate::reading::{Reading, check};
use crate::submission::Submission;
use crate::violation::Violation;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap, HashSet};

/// A reading that may be inserted.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The id it gets if it is new.
    pub id: String,
    /// Its key within (user, device).
    pub identity: String,
    /// The reading.
    pub reading: Reading,
}

/// What becomes of one item of the request.
#[derive(Clone, Debug)]
enum Item {
    /// The candidate at this place.
    Candidate(usize),
    /// The same as the candidate at this place, which came before.
    Repeat(usize),
    Refused(Violation),
}

/// The items of a request, checked.
#[derive(Clone, Debug)]
pub struct Batch {
    items: Vec<Item>,
    candidates: Vec<Candidate>,
}

/// What became of one item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It is stored now.
    Created,
    /// It was stored before.
    Duplicate,
    /// It is not valid.
    Rejected,
}

/// The answer for one item.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ItemResult {
    /// Its place in the request.
    pub index: usize,
    /// Its id, or that of the reading it repeats.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// What became of it.
    pub status: Status,
    /// What is wrong with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Violation>,
}

/// The answer for the whole request.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Outcome {
    /// Items that are stored now.
    pub accepted: usize,
    /// Items that were stored before.
    pub duplicated: usize,
    /// Items that are not valid.
    pub rejected: usize,
    /// One for each item, in their order.
    pub results: Vec<ItemResult>,
}

/// A day of UTC whose readings of a type changed, and the exact span of those that
/// did: who recomputes figures finds the days of the person's own clock from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DirtyDay {
    /// The type of the readings.
    pub kind: &'static str,
    /// Days since the Unix epoch, rounded down.
    pub utc_day: i64,
    /// The first reading that changed.
    pub from_ms: i64,
    /// The last reading that changed.
    pub to_ms: i64,
}

/// The days of UTC that readings of these types and instants fall into.
pub fn dirty_days(changed: impl IntoIterator<Item = (&'static str, i64)>) -> Vec<DirtyDay> {
    let mut days = BTreeMap::<(&'static str, i64), DirtyDay>::new();
    for (kind, at_ms) in changed {
        let utc_day = at_ms.div_euclid(DAY_MS);
        let day = days.entry((kind, utc_day)).or_insert(DirtyDay {
            kind,
            utc_day,
            from_ms: at_ms,
            to_ms: at_ms,
        });
        day.from_ms = day.from_ms.min(at_ms);
        day.to_ms = day.to_ms.max(at_ms);
    }
    days.into_values().collect()
}

/// Data of the event `health.reading.recorded`: what is new, without the values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Recorded {
    /// Whose readings.
    pub user_id: String,
    /// How many.
    pub count: usize,
    /// By type.
    pub types: Vec<RecordedType>,
}

/// The new readings of one type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RecordedType {
    /// The type.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// How many.
    pub count: usize,
    /// The oldest, in milliseconds since the Unix epoch.
    pub first_ms: i64,
    /// The newest, in milliseconds since the Unix epoch.
    pub last_ms: i64,
}

impl Batch {
    /// Checks every item; the clock of the server is `now_ms`.
    pub fn prepare(submission: Submission, user_id: &str, now_ms: i64) -> Self {
        let mut batch = Self {
            items: Vec::with_capacity(submission.drafts.len()),
            candidates: Vec::new(),
        };
        let mut known = HashMap::<(String, String), usize>::new();
        for draft in submission.drafts {
            let item = match check(draft, now_ms) {
                Err(violation) => Item::Refused(violation),
                Ok(reading) => {
                    let identity = identity(user_id, &reading);
                    let next = batch.candidates.len();
                    let place = *known
                        .entry((reading.device_id.clone(), identity.clone()))
                        .or_insert(next);
                    if place == next {
                        let id = reading_id(
                            user_id,
                            &reading.device_id,
                            &identity,
                            reading.effective_ms,
                        );
                        batch.candidates.push(Candidate {
                            id,
                            identity,
                            reading,
                        });
                        Item::Candidate(place)
                    } else {
                        Item::Repeat(place)
                    }
                }
            };
            batch.items.push(item);
        }
        batch
    }

    /// What to insert, each identity once.
    pub fn candidates(&self) -> &[Candidate] {
        &self.candidates
    }

    /// The violation of a request whose only item is not valid.
    pub fn only_violation(&self) -> Option<&Violation> {
        match self.items.as_slice() {
            [Item::Refused(violation)] => Some(violation),
            _ => None,
        }
    }

    /// The days that the candidates with these ids fall into.
    pub fn dirty_days(&self, created: &HashSet<String>) -> Vec<DirtyDay> {
        let readings = self.created(created).map(|candidate| &candidate.reading);
        dirty_days(readings.map(|reading| (reading.kind.key, reading.effective_ms)))
    }

    /// What to tell about the candidates with these ids.
    pub fn recorded(&self, user_id: &str, created: &HashSet<String>) -> Recorded {
        let mut types = BTreeMap::<&'static str, RecordedType>::new();
        for candidate in self.created(created) {
            let (kind, at) = (candidate.reading.kind.key, candidate.reading.effective_ms);
            let entry = types.entry(kind).or_insert(RecordedType {
                kind,
                count: 0,
                first_ms: at,
                last_ms: at,
            });
            entry.count += 1;
            entry.first_ms = entry.first_ms.min(at);
            entry.last_ms = entry.last_ms.max(at);
        }
        Recorded {
            user_id: user_id.to_owned(),
            count: created.len(),
            types: types.into_values().collect(),
        }
    }

    /// The answer. Candidates that were not created repeat a stored reading, whose
    /// id is in `stored` by (device, identity).
    pub fn outcome(
        &self,
        created: &HashSet<String>,
        stored: &HashMap<(String, String), String>,
    ) -> Outcome {
        let results = self
            .items
            .iter()
            .enumerate()
            .map(|(index, item)| self.result(index, item, created, stored));
        let results: Vec<_> = results.collect();
        let count = |status| {
            results
                .iter()
                .filter(|result| result.status == status)
                .count()
        };
        Outcome {
            accepted: count(Status::Created),
            duplicated: count(Status::Duplicate),
            rejected: count(Status::Rejected),
            results,
        }
    }

    fn result(
        &self,
        index: usize,
        item: &Item,
        created: &HashSet<String>,
        stored: &HashMap<(String, String), String>,
    ) -> ItemResult {
        let (place, repeats) = match item {
            Item::Candidate(place) => (*place, false),
            Item::Repeat(place) => (*place, true),
            Item::Refused(violation) => {
                let error = Some(violation.clone());
                return ItemResult {
                    index,
                    id: None,
                    status: Status::Rejected,
                    error,
                };
            }
        };
        let candidate = self.candidates.get(place);
        let is_new = candidate.is_some_and(|candidate| created.contains(&candidate.id));
        let id = candidate.map(|candidate| {
            let key = (
                candidate.reading.device_id.clone(),
                candidate.identity.clone(),
            );
            let known = if is_new { None } else { stored.get(&key) };
            known.unwrap_or(&candidate.id).clone()
        });
        let status = if is_new && !repeats {
            Status::Created
        } else {
            Status::Duplicate
        };
        ItemResult {
            index,
            id,
            status,
            error: None,
        }
    }

    fn created<'a>(&'a self, created: &'a HashSet<String>) -> impl Iterator<Item = &'a Candidate> {
        self.candidates
            .iter()
            .filter(|candidate| created.contains(&candidate.id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::submission::parse;

    const BODY: &str = r#"{"device_id":"w","readings":[
        {"type":"heart_rate","value":72,"unit":"bpm","effective_at":"1970-01-01T00:00:01Z"},
        {"type":"heart_rate","value":20000,"unit":"bpm","effective_at":"1970-01-01T00:00:02Z"},
        {"type":"heart_rate","value":72,"unit":"bpm","effective_at":"1970-01-01T00:00:01Z"},
        {"client_id":"c","type":"steps","value":10,"unit":"count","effective_at":"1970-01-01T00:05:00Z"},
        {"type":"heart_rate","value":80,"unit":"bpm","effective_at":"1970-01-01T00:04:59.999Z"}]}"#;

    fn batch() -> Batch {
        Batch::prepare(parse(BODY.as_bytes()).unwrap(), "u", 1_000_000)
    }

    fn ids(batch: &Batch) -> Vec<String> {
        batch
            .candidates()
            .iter()
            .map(|candidate| candidate.id.clone())
            .collect()
    }

    #[test]
    fn counts_new_repeated_and_refused_items() {
        let batch = batch();
        let created: HashSet<_> = ids(&batch).into_iter().collect();
        assert_eq!(created.len(), 3);
        let outcome = batch.outcome(&created, &HashMap::new());
        assert_eq!(
            (outcome.accepted, outcome.duplicated, outcome.rejected),
            (3, 1, 1)
        );
        assert_eq!(outcome.results[2].id, outcome.results[0].id);
        let refused = serde_json::to_value(&outcome.results[1]).unwrap();
        assert_eq!(refused["error"]["code"], "out_of_range");
        assert_eq!(refused["error"]["field"], "value");
        assert_eq!(refused["status"], "rejected");
    }

    #[test]
    fn names_the_stored_reading_that_is_repeated() {
        let batch = batch();
        let stored = HashMap::from([(("w".to_owned(), "c".to_owned()), "old".to_owned())]);
        let created: HashSet<_> = ids(&batch).into_iter().take(1).collect();
        let outcome = batch.outcome(&created, &stored);
        assert_eq!(
            (outcome.accepted, outcome.duplicated, outcome.rejected),
            (1, 3, 1)
        );
        assert_eq!(outcome.results[3].id.as_deref(), Some("old"));
    }

    #[test]
    fn only_new_readings_make_days_dirty_and_are_told() {
        let batch = batch();
        let created: HashSet<_> = ids(&batch).into_iter().collect();
        let dirty: Vec<_> = batch
            .dirty_days(&created)
            .into_iter()
            .map(|day| (day.kind, day.utc_day, day.from_ms, day.to_ms))
            .collect();
        assert_eq!(
            dirty,
            [
                ("heart_rate", 0, 1_000, 299_999),
                ("steps", 0, 300_000, 300_000)
            ]
        );
        let recorded = serde_json::to_value(batch.recorded("u", &created)).unwrap();
        assert_eq!(
            recorded,
            serde_json::json!({"user_id": "u", "count": 3, "types": [
                {"type": "heart_rate", "count": 2, "first_ms": 1_000, "last_ms": 299_999},
                {"type": "steps", "count": 1, "first_ms": 300_000, "last_ms": 300_000}]})
        );
        assert!(batch.dirty_days(&HashSet::new()).is_empty());
    }

    #[test]
    fn one_reading_alone_shows_its_violation() {
        let single = |body: &str| Batch::prepare(parse(body.as_bytes()).unwrap(), "u", 0);
        assert_eq!(
            single("{}")
                .only_violation()
                .map(|violation| violation.field.as_str()),
            Some("type")
        );
        assert!(batch().only_violation().is_none());
    }
}
