//! A batch on its way into the store: what to insert, what it makes out of date,
//! what to answer.

use crate::bucket::DAY_MS;
use crate::identity::reading_id;
use crate::reading::{Reading, Samples, check};
use crate::sleep;
use crate::submission::Submission;
use crate::violation::{Code, Violation};
use serde::Serialize;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};

/// A reading that may be inserted.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Its identity, and the id it gets if it is new.
    pub id: String,
    /// The reading.
    pub reading: Reading,
    /// The samples that it refers to.
    pub samples: Option<Samples>,
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

/// What became of a candidate in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is stored now.
    Created,
    /// It is stored now, in the place of the reading it supersedes.
    Updated,
    /// It was stored before.
    Duplicate,
    /// It contradicts what is stored.
    Refused(Violation),
}

impl Fate {
    /// Whether there is a new row.
    pub fn is_new(&self) -> bool {
        matches!(self, Self::Created | Self::Updated)
    }

    /// The refusal of a reading whose identity is stored with another value.
    pub fn value_conflict() -> Self {
        Self::Refused(value_conflict())
    }

    /// The refusal of a correction of what cannot be corrected.
    pub fn not_correctable() -> Self {
        let message = "there is no such reading of this type that counts; look it up anew";
        Self::Refused(Violation::new("supersedes", Code::NotCorrectable, message))
    }

    /// The refusal of a reading that was deleted.
    pub fn deleted() -> Self {
        let message = "this reading was deleted; to store it anew, send it with a new client_id";
        Self::Refused(Violation::new("client_id", Code::Deleted, message))
    }

    /// The refusal of a waveform whose blob is not there.
    pub fn unknown_blob() -> Self {
        let message = "there is no such blob; send it first with POST /api/v1/health/blobs";
        Self::Refused(Violation::new("data.blob", Code::UnknownBlob, message))
    }
}

fn value_conflict() -> Violation {
    let message = "another value is stored under this identity; to correct it, send supersedes \
         with the id of the reading";
    Violation::new("value", Code::ValueConflict, message)
}

/// What became of one item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It is stored now.
    Created,
    /// It is stored now, in the place of the reading it supersedes.
    Updated,
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
    /// Items that are stored now: `created` or `updated`.
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
            candidates: Vec::with_capacity(submission.drafts.len()),
        };
        let mut known = HashMap::<String, usize>::with_capacity(submission.drafts.len());
        for draft in submission.drafts {
            let item = match check(draft, now_ms) {
                Ok(reading) => batch.place(user_id, reading, &mut known),
                Err(violation) => Item::Refused(violation),
            };
            batch.items.push(item);
        }
        let mut readings: Vec<_> = batch
            .candidates
            .iter_mut()
            .map(|candidate| &mut candidate.reading)
            .collect();
        sleep::flag(&mut readings);
        batch
    }

    /// A valid reading becomes a candidate, unless it is one already.
    fn place(
        &mut self,
        user_id: &str,
        mut reading: Reading,
        known: &mut HashMap<String, usize>,
    ) -> Item {
        let samples = reading.waveform.take().map(|waveform| {
            let (data, samples) = waveform.place(user_id);
            reading.data = Some(data);
            samples
        });
        match known.entry(reading_id(user_id, &reading)) {
            Entry::Occupied(entry) => {
                let place = *entry.get();
                let same = self.candidates.get(place).map(|first| &first.reading);
                if same.is_some_and(|first| first.has_same_value(&reading)) {
                    Item::Repeat(place)
                } else {
                    Item::Refused(value_conflict())
                }
            }
            Entry::Vacant(entry) => {
                let place = self.candidates.len();
                let id = entry.key().clone();
                entry.insert(place);
                self.candidates.push(Candidate {
                    id,
                    reading,
                    samples,
                });
                Item::Candidate(place)
            }
        }
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

    /// The days that new readings fall into; `fates` has one for each candidate.
    pub fn dirty_days(&self, fates: &[Fate]) -> Vec<DirtyDay> {
        let readings = self.stored_now(fates).map(|candidate| &candidate.reading);
        dirty_days(readings.map(|reading| (reading.kind.key, reading.effective_ms)))
    }

    /// What to tell about new readings; `fates` has one for each candidate.
    pub fn recorded(&self, user_id: &str, fates: &[Fate]) -> Recorded {
        let mut types = BTreeMap::<&'static str, RecordedType>::new();
        for candidate in self.stored_now(fates) {
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
            count: self.stored_now(fates).count(),
            types: types.into_values().collect(),
        }
    }

    /// The answer; `fates` has one for each candidate.
    pub fn outcome(&self, fates: &[Fate]) -> Outcome {
        let results: Vec<_> = self
            .items
            .iter()
            .enumerate()
            .map(|(index, item)| self.result(index, item, fates))
            .collect();
        let count = |status| {
            results
                .iter()
                .filter(|result| result.status == status)
                .count()
        };
        Outcome {
            accepted: count(Status::Created) + count(Status::Updated),
            duplicated: count(Status::Duplicate),
            rejected: count(Status::Rejected),
            results,
        }
    }

    fn result(&self, index: usize, item: &Item, fates: &[Fate]) -> ItemResult {
        let (place, repeats) = match item {
            Item::Candidate(place) => (*place, false),
            Item::Repeat(place) => (*place, true),
            Item::Refused(violation) => return refused(index, violation),
        };
        let status = match fates.get(place) {
            Some(Fate::Refused(violation)) => return refused(index, violation),
            Some(Fate::Created) if !repeats => Status::Created,
            Some(Fate::Updated) if !repeats => Status::Updated,
            _ => Status::Duplicate,
        };
        ItemResult {
            index,
            id: self.candidates.get(place).map(|known| known.id.clone()),
            status,
            error: None,
        }
    }

    fn stored_now<'a>(&'a self, fates: &'a [Fate]) -> impl Iterator<Item = &'a Candidate> {
        let both = self.candidates.iter().zip(fates);
        both.filter(|(_, fate)| fate.is_new())
            .map(|(candidate, _)| candidate)
    }
}

fn refused(index: usize, violation: &Violation) -> ItemResult {
    ItemResult {
        index,
        id: None,
        status: Status::Rejected,
        error: Some(violation.clone()),
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

    #[test]
    fn counts_new_repeated_and_refused_items() {
        let batch = batch();
        let outcome = batch.outcome(&[Fate::Created, Fate::Updated, Fate::Created]);
        assert_eq!(
            (outcome.accepted, outcome.duplicated, outcome.rejected),
            (3, 1, 1)
        );
        assert_eq!(outcome.results[2].id, outcome.results[0].id);
        assert_eq!(outcome.results[2].status, Status::Duplicate);
        assert_eq!(outcome.results[3].status, Status::Updated);
        let refused = serde_json::to_value(&outcome.results[1]).unwrap();
        assert_eq!(refused["error"]["code"], "out_of_range");
        assert_eq!(refused["error"]["field"], "value");
        assert_eq!(refused["status"], "rejected");
    }

    #[test]
    fn what_the_store_refuses_is_refused_for_its_repeats_too() {
        let batch = batch();
        let outcome = batch.outcome(&[Fate::value_conflict(), Fate::Duplicate, Fate::Created]);
        assert_eq!(
            (outcome.accepted, outcome.duplicated, outcome.rejected),
            (1, 1, 3)
        );
        let code = |at: usize| outcome.results[at].error.as_ref().map(|error| error.code);
        assert_eq!(code(0), Some(Code::ValueConflict));
        assert_eq!(code(2), Some(Code::ValueConflict));
    }

    #[test]
    fn one_identity_with_two_values_is_a_conflict_within_a_batch() {
        let item = |value| {
            format!(
                r#"{{"client_id":"c","type":"steps","value":{value},"unit":"count",
                "effective_at":"1970-01-01T00:05:00Z"}}"#
            )
        };
        let body = format!(r#"{{"readings":[{},{},{}]}}"#, item(1), item(2), item(1));
        let batch = Batch::prepare(parse(body.as_bytes()).unwrap(), "u", 1_000_000);
        let outcome = batch.outcome(&[Fate::Created]);
        let statuses: Vec<_> = outcome.results.iter().map(|result| result.status).collect();
        assert_eq!(
            statuses,
            [Status::Created, Status::Rejected, Status::Duplicate]
        );
        assert_eq!(
            outcome.results[1].error.as_ref().map(|error| error.code),
            Some(Code::ValueConflict)
        );
    }

    #[test]
    fn only_new_readings_make_days_dirty_and_are_told() {
        let batch = batch();
        let all = [Fate::Created, Fate::Updated, Fate::Created];
        let dirty: Vec<_> = batch
            .dirty_days(&all)
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
        let recorded = serde_json::to_value(batch.recorded("u", &all)).unwrap();
        assert_eq!(
            recorded,
            serde_json::json!({"user_id": "u", "count": 3, "types": [
                {"type": "heart_rate", "count": 2, "first_ms": 1_000, "last_ms": 299_999},
                {"type": "steps", "count": 1, "first_ms": 300_000, "last_ms": 300_000}]})
        );
        let none = vec![Fate::Duplicate; 3];
        assert!(batch.dirty_days(&none).is_empty());
        assert_eq!(batch.recorded("u", &none).count, 0);
    }

    #[test]
    fn days_before_1970_are_rounded_down() {
        let days = dirty_days([("steps", -1), ("steps", 0), ("steps", -DAY_MS)]);
        let shown: Vec<_> = days
            .iter()
            .map(|day| (day.utc_day, day.from_ms, day.to_ms))
            .collect();
        assert_eq!(shown, [(-1, -DAY_MS, -1), (0, 0, 0)]);
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
