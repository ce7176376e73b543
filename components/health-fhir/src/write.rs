//! Observations that are created, corrected and entered in error.

mod same;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::iter;

use serde_json::Value;
use suoke_events::{Event, announce};
use suoke_fhir::import::{self, Imported};
use suoke_fhir::json::{at, set};
use suoke_fhir::observation::{Shown, joined_client_id};
use suoke_fhir::outcome::{Issue, IssueType};
use suoke_fhir::search::patient_id;
use suoke_fhir::terms;
use suoke_guest::{Reply, Request};
use suoke_health::Violation;
use suoke_health::batch::{Batch, Status as Fate};
use suoke_health::submission::{Draft, Submission};
use suoke_health::view::{Status, StoredReading};
use suoke_readings::{Cause, by_client_ids, find, record_in, remove_in};
use suoke_store::{Database, Transaction};

use crate::failed::Failed;
use crate::{COMPONENT, Desk, address, answer, read};

/// What was written, and the status that says so.
pub struct Written {
    /// 200 or 201.
    pub status: u16,
    /// The Observation.
    pub shown: Shown,
}

/// An Observation that is to be created.
pub struct New {
    /// The reading, as our own API takes it.
    pub reading: Value,
    /// The identifier that may not be there yet: system and value.
    pub unless: Option<(String, String)>,
}

impl New {
    /// The identifier that may not be there yet, as it is stored.
    pub fn condition(&self) -> Option<String> {
        let (system, value) = self.unless.as_ref()?;
        Some(joined_client_id(Some(system), value))
    }
}

/// Reads an Observation, and whose it is. `subject` stands for a reference that is
/// known by another name.
pub fn understood(
    desk: &Desk,
    resource: &Value,
    subject: Option<&str>,
) -> Result<(String, Imported), Failed> {
    let imported = import::reading(resource)?;
    let reference = subject.unwrap_or(&imported.subject);
    let named = patient_id(reference).ok_or_else(|| {
        let message = "a Patient is needed, such as `Patient/<id>`";
        Failed::new(400, IssueType::Value, "Observation.subject", message)
    })?;
    let user_id =
        read::subject(desk, Some(named)).map_err(|failed| failed.within("Observation.subject"))?;
    if !suoke_guest::ids::is_id(&user_id) {
        let message = "there is no such Patient";
        return Err(Failed::new(
            422,
            IssueType::NotFound,
            "Observation.subject",
            message,
        ));
    }
    Ok((user_id, imported))
}

/// The identifier of `If-None-Exist`.
pub fn condition(text: &str) -> Result<(String, String), Failed> {
    let pairs = address::pairs(text.trim_start_matches('?'));
    let named = match pairs.as_slice() {
        [(name, value)] if name == "identifier" => value.split_once('|'),
        _ => None,
    };
    match named.filter(|(_, value)| !value.is_empty()) {
        Some((system, value)) => Ok((system.to_owned(), value.to_owned())),
        None => {
            let message = "`identifier=system|value` alone is supported";
            let issue = Issue::new(IssueType::NotSupported, "If-None-Exist", message);
            Err(Failed::with(400, issue))
        }
    }
}

/// `POST Observation`.
pub async fn create(
    db: &mut Database,
    desk: &Desk,
    request: &Request,
    resource: Value,
) -> Result<Reply, Failed> {
    let (user_id, imported) = understood(desk, &resource, None)?;
    if imported.is_error {
        return Err(entered_in_error());
    }
    let unless = request.header("if-none-exist").map(condition).transpose()?;
    let new = [New {
        reading: imported.reading,
        unless,
    }];
    make_room(db, desk, &user_id, new.iter().map(|new| &new.reading)).await?;
    let (mut results, events) = db
        .transaction_of(&user_id, async |tx| {
            creates(tx, desk, request, &user_id, &new).await
        })
        .await?;
    announce(&events).await;
    let written = results.pop().ok_or_else(read::absent)??;
    answer::written(
        request,
        written.status,
        &read::found(desk, &user_id, &written.shown),
    )
}

/// Makes the partitions that readings of a person go into, before the transaction that
/// writes them and says what is wrong with some.
pub async fn make_room(
    db: &Database,
    desk: &Desk,
    user_id: &str,
    readings: impl Iterator<Item = &Value>,
) -> Result<(), Failed> {
    let submission = Submission {
        single: false,
        drafts: readings.filter_map(|reading| draft(reading).ok()).collect(),
    };
    let batch = Batch::prepare(submission, user_id, desk.now_ms);
    Ok(suoke_readings::make_room(db, &batch).await?)
}

/// Creates Observations of one person after [`make_room()`]; what cannot be is told for
/// each.
pub async fn creates(
    tx: &Transaction<'_>,
    desk: &Desk,
    request: &Request,
    user_id: &str,
    new: &[New],
) -> Result<(Vec<Result<Written, Failed>>, Vec<Event>), Failed> {
    let known = existing(tx, user_id, new).await?;
    let firsts = firsts(new);
    let mut drafts = Vec::new();
    for (at, (new, known)) in new.iter().zip(&known).enumerate() {
        if known.is_empty() && !firsts.contains_key(&at) {
            drafts.push(draft(&new.reading)?);
        }
    }
    let submission = Submission {
        single: false,
        drafts,
    };
    let batch = Batch::prepare(submission, user_id, desk.now_ms);
    let cause = Cause::request(COMPONENT, request);
    let (outcome, events) = record_in(tx, &batch, user_id, desk.now_ms, cause).await?;
    let mut outcomes = outcome.results.into_iter();
    let mut results: Vec<Result<Written, Failed>> = Vec::with_capacity(new.len());
    for (at, known) in known.into_iter().enumerate() {
        let first = firsts.get(&at).and_then(|first| results.get(*first));
        let result = match (known.as_slice(), first) {
            ([reading], _) => {
                let shown = read::shown(tx, user_id, reading.clone()).await?;
                Ok(Written { status: 200, shown })
            }
            ([_, ..], _) => Err(several()),
            ([], Some(Ok(first))) => Ok(Written {
                status: 200,
                shown: first.shown.clone(),
            }),
            ([], Some(Err(_))) => Err(not_first()),
            ([], None) => match outcomes.next() {
                Some(item) => {
                    outcome_of(tx, user_id, item.id.as_deref(), item.status, item.error).await?
                }
                None => Err(read::absent()),
            },
        };
        results.push(result);
    }
    Ok((results, events))
}

/// The places of those whose condition stands before, and where it does: the first one
/// makes what the others ask for.
fn firsts(new: &[New]) -> HashMap<usize, usize> {
    let (mut seen, mut firsts) = (HashMap::new(), HashMap::new());
    for (at, new) in new.iter().enumerate() {
        let Some(condition) = new.condition() else {
            continue;
        };
        match seen.entry(condition) {
            Entry::Occupied(first) => drop(firsts.insert(at, *first.get())),
            Entry::Vacant(place) => drop(place.insert(at)),
        }
    }
    firsts
}

/// What became of one reading, as an Observation or what is wrong with it.
async fn outcome_of(
    tx: &Transaction<'_>,
    user_id: &str,
    id: Option<&str>,
    fate: Fate,
    error: Option<Violation>,
) -> Result<Result<Written, Failed>, Failed> {
    if let Some(violation) = error {
        return Ok(Err(refused(&violation)));
    }
    let id = id.unwrap_or_default();
    if fate != Fate::Duplicate {
        let Some(reading) = find(tx, user_id, id).await? else {
            return Ok(Err(read::absent()));
        };
        let shown = read::shown(tx, user_id, reading).await?;
        return Ok(Ok(Written { status: 201, shown }));
    }
    let shown = read::newest(tx, user_id, id).await?;
    // None where its correction was deleted, and is gone.
    match shown.filter(|shown| shown.reading.status != Status::EnteredInError) {
        Some(shown) => Ok(Ok(Written { status: 200, shown })),
        None => {
            let message =
                "this reading was entered in error: send what is right with another identifier";
            let issue = Issue::new(IssueType::Conflict, "Observation", message);
            Ok(Err(Failed::with(409, issue)))
        }
    }
}

/// The readings that each condition finds.
async fn existing(
    tx: &Transaction<'_>,
    user_id: &str,
    new: &[New],
) -> Result<Vec<Vec<StoredReading>>, Failed> {
    let client_ids: Vec<String> = new.iter().filter_map(New::condition).collect();
    let texts: Vec<&str> = client_ids.iter().map(String::as_str).collect();
    let found = by_client_ids(tx, user_id, &texts).await?;
    let mut known = Vec::with_capacity(new.len());
    for new in new {
        let Some((system, value)) = &new.unless else {
            known.push(Vec::new());
            continue;
        };
        if system == terms::READING_ID {
            let reading = find(tx, user_id, value).await?;
            known.push(
                reading
                    .filter(|reading| reading.status == Status::Final)
                    .into_iter()
                    .collect(),
            );
            continue;
        }
        let client_id = joined_client_id(Some(system), value);
        let same = found
            .iter()
            .filter(|reading| reading.client_id == client_id);
        known.push(same.cloned().collect());
    }
    Ok(known)
}

fn draft(reading: &Value) -> Result<Draft, Failed> {
    serde_json::from_value(reading.clone()).map_err(|_| {
        let issue = Issue::new(
            IssueType::Structure,
            "Observation",
            "this is no Observation",
        );
        Failed::with(400, issue)
    })
}

fn refused(violation: &Violation) -> Failed {
    let issue = import::issue(violation);
    let status = match violation.code.as_str() {
        "value_conflict" | "not_correctable" | "deleted" => 409,
        "unknown_type" | "invalid_type" | "invalid_text" | "invalid_timestamp"
        | "missing_offset" | "missing_field" => 400,
        _ => 422,
    };
    Failed::with(status, issue)
}

fn several() -> Failed {
    let message = "several Observations have this identifier";
    Failed::new(412, IssueType::Duplicate, "If-None-Exist", message)
}

fn not_first() -> Failed {
    let message = "an entry before with this condition was not created: send this one again";
    Failed::new(409, IssueType::Conflict, "If-None-Exist", message)
}

fn entered_in_error() -> Failed {
    let message = "what was entered in error is not stored anew";
    Failed::new(422, IssueType::BusinessRule, "Observation.status", message)
}

/// `PUT Observation/{id}`.
pub async fn update(
    db: &mut Database,
    desk: &Desk,
    request: &Request,
    id: &str,
    resource: Value,
) -> Result<Reply, Failed> {
    let (user_id, imported) = understood(desk, &resource, None)?;
    if_named(id, &resource)?;
    let change = Change {
        id,
        user_id: &user_id,
        if_match: request.header("if-match"),
    };
    if !imported.is_error {
        make_room(db, desk, &user_id, iter::once(&imported.reading)).await?;
    }
    let (shown, events) = db
        .transaction_of(&user_id, async |tx| {
            corrected(tx, desk, request, &change, &imported).await
        })
        .await?;
    announce(&events).await;
    answer::written(request, 200, &read::found(desk, &user_id, &shown))
}

/// Fails where the resource bears another id than its address.
pub fn if_named(id: &str, resource: &Value) -> Result<(), Failed> {
    if at(resource, "id") == id {
        return Ok(());
    }
    let message = "the resource bears the id of its address";
    Err(Failed::new(
        400,
        IssueType::Value,
        "Observation.id",
        message,
    ))
}

/// Which Observation is changed, of whom, and which version the caller has seen.
pub struct Change<'a> {
    /// The Observation.
    pub id: &'a str,
    /// Whose it is.
    pub user_id: &'a str,
    /// `If-Match`.
    pub if_match: Option<&'a str>,
}

impl Change<'_> {
    /// The newest version, if it is the one that the caller has seen.
    async fn newest(&self, tx: &Transaction<'_>) -> Result<Shown, Failed> {
        let shown = read::newest(tx, self.user_id, self.id).await?;
        let shown = shown
            .filter(|shown| shown.id == self.id)
            .ok_or_else(read::absent)?;
        let current = shown.version.to_string();
        let is_seen = |tag: &str| {
            let tag = tag.trim();
            tag == "*" || tag.trim_start_matches("W/").trim_matches('"') == current
        };
        if self
            .if_match
            .is_none_or(|tags| tags.split(',').any(is_seen))
        {
            return Ok(shown);
        }
        let message = "it was changed meanwhile: read it again and decide anew";
        Err(Failed::new(412, IssueType::Conflict, "If-Match", message))
    }
}

/// A correction takes the place of what was said before, after [`make_room()`]. Saying the
/// same again changes nothing.
pub async fn corrected(
    tx: &Transaction<'_>,
    desk: &Desk,
    request: &Request,
    change: &Change<'_>,
    imported: &Imported,
) -> Result<(Shown, Vec<Event>), Failed> {
    if imported.is_error {
        return deleted(tx, desk, request, change).await;
    }
    let shown = change.newest(tx).await?;
    if shown.reading.status != Status::Final {
        let message = "it was entered in error: create another one";
        return Err(Failed::new(409, IssueType::Conflict, "", message));
    }
    let mut reading = imported.reading.clone();
    set(&mut reading, "supersedes", shown.reading.id.as_str());
    let drafts = vec![draft(&reading)?];
    let batch = Batch::prepare(
        Submission {
            single: false,
            drafts,
        },
        change.user_id,
        desk.now_ms,
    );
    if let Some(violation) = batch.only_violation() {
        return Err(refused(violation));
    }
    let says_the_same = |candidate: &suoke_health::batch::Candidate| {
        same::is_same(&candidate.reading, &shown.reading)
    };
    if batch.candidates().first().is_some_and(says_the_same) {
        return Ok((shown, Vec::new()));
    }
    let cause = Cause::request(COMPONENT, request);
    let (outcome, events) = record_in(tx, &batch, change.user_id, desk.now_ms, cause).await?;
    let item = outcome
        .results
        .into_iter()
        .next()
        .ok_or_else(read::absent)?;
    let written = outcome_of(
        tx,
        change.user_id,
        item.id.as_deref(),
        item.status,
        item.error,
    )
    .await??;
    Ok((written.shown, events))
}

/// `DELETE Observation/{id}`.
pub async fn delete(
    db: &mut Database,
    desk: &Desk,
    request: &Request,
    id: &str,
) -> Result<Reply, Failed> {
    let user_id = read::subject_of(desk, &address::pairs(request.query_string()))?;
    let change = Change {
        id,
        user_id: &user_id,
        if_match: request.header("if-match"),
    };
    let (shown, events) = db
        .transaction_of(&user_id, async |tx| {
            deleted(tx, desk, request, &change).await
        })
        .await?;
    announce(&events).await;
    Ok(Reply::new(204).header("etag", shown.etag()))
}

/// What was wrong is entered in error from now on; doing it twice changes nothing.
pub async fn deleted(
    tx: &Transaction<'_>,
    desk: &Desk,
    request: &Request,
    change: &Change<'_>,
) -> Result<(Shown, Vec<Event>), Failed> {
    let shown = change.newest(tx).await?;
    let cause = Cause::request(COMPONENT, request);
    let (_, events) = remove_in(tx, change.user_id, &shown.reading.id, desk.now_ms, cause).await?;
    let shown = read::newest(tx, change.user_id, change.id)
        .await?
        .ok_or_else(read::absent)?;
    Ok((shown, events))
}
