//! Batches, whose entries stand each for itself, and transactions, which are done
//! wholly or not at all.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::Value;
use suoke_events::{Event, announce};
use suoke_fhir::bundle::{self as bundles, Entry, EntryResponse, Kind, find_reference};
use suoke_fhir::import::Imported;
use suoke_fhir::json::at;
use suoke_fhir::outcome::{self, IssueType};
use suoke_fhir::terms;
use suoke_guest::{Reply, Request};
use suoke_store::{Database, Sql, Transaction};

use crate::failed::Failed;
use crate::write::{self, Change, New};
use crate::{Desk, Found, address, answer, get, methods, read};

/// What an entry asks for.
enum Task {
    Create {
        user_id: String,
        new: Box<New>,
    },
    /// A Patient that is there already: accounts are not made here.
    Known {
        user_id: String,
    },
    Update {
        user_id: String,
        id: String,
        imported: Box<Imported>,
        if_match: Option<String>,
    },
    Delete {
        user_id: String,
        id: String,
        if_match: Option<String>,
    },
    Get {
        segments: Vec<String>,
        pairs: Vec<(String, String)>,
    },
}

/// What was made of the entries, by their places.
type Answers = BTreeMap<usize, EntryResponse>;

/// `POST /fhir`.
pub async fn process(
    db: &mut Database,
    desk: &Desk,
    request: &Request,
    resource: Value,
) -> Result<Reply, Failed> {
    let (kind, entries) = bundles::entries(resource)?;
    let wants_all = answer::prefers(request, "return=representation");
    let names = names(desk, &entries)?;
    let places: HashSet<&str> = entries
        .iter()
        .map(|entry| entry.full_url.as_str())
        .collect();
    let mut tasks = Vec::with_capacity(entries.len());
    let mut answers = Answers::new();
    for entry in &entries {
        let known = if kind == Kind::Transaction {
            Some(&places)
        } else {
            None
        };
        match task(desk, entry, &names, known) {
            Ok(task) => tasks.push((entry.index, task)),
            Err(failed) if kind == Kind::Batch => {
                answers.insert(entry.index, failed_entry(&failed));
            }
            Err(failed) => return Err(failed.within(&entry.place())),
        }
    }
    let work = Work {
        desk,
        request,
        wants_all,
    };
    match kind {
        Kind::Batch => work.batch(db, tasks, &mut answers).await?,
        Kind::Transaction => {
            once(&tasks)?;
            let events = db
                .transaction(async |tx| work.transaction(tx, tasks, &mut answers).await)
                .await?;
            announce(&events).await;
        }
    }
    answer::resource(
        200,
        &bundles::responses(kind, answers.into_values().collect()),
    )
}

/// The Patients that entries bring along, by the names that other entries give them.
fn names(desk: &Desk, entries: &[Entry]) -> Result<HashMap<String, String>, Failed> {
    let mut names = HashMap::new();
    for entry in entries
        .iter()
        .filter(|entry| at(&entry.resource, "resourceType") == "Patient")
    {
        if entry.full_url.is_empty() {
            continue;
        }
        if let Ok(user_id) = known_patient(desk, entry)
            && names
                .insert(entry.full_url.clone(), format!("Patient/{user_id}"))
                .is_some()
        {
            let message = "two entries have the same `fullUrl`";
            return Err(Failed::new(
                400,
                IssueType::Duplicate,
                &format!("{}.fullUrl", entry.place()),
                message,
            ));
        }
    }
    Ok(names)
}

/// The account of a Patient that an entry would create if it were not there.
fn known_patient(desk: &Desk, entry: &Entry) -> Result<String, Failed> {
    let condition = entry
        .if_none_exist
        .as_deref()
        .map(write::condition)
        .transpose()?;
    match condition {
        Some((Some(system), user_id)) if system == terms::USER_ID => {
            read::subject(desk, Some(&user_id))
        }
        _ => {
            let message = "Patients are accounts and not made here: name one by \
                `ifNoneExist` identifier=urn:suoke:user-id|<id>";
            Err(Failed::new(
                422,
                IssueType::NotSupported,
                "Patient",
                message,
            ))
        }
    }
}

/// Understands an entry. `places` are the names of all entries, where they may name
/// each other.
fn task(
    desk: &Desk,
    entry: &Entry,
    names: &HashMap<String, String>,
    places: Option<&HashSet<&str>>,
) -> Result<Task, Failed> {
    let (path, query) = entry.url.split_once('?').unwrap_or((&entry.url, ""));
    let path = path
        .strip_prefix(desk.address.base.as_str())
        .unwrap_or(path);
    let segments = address::segments(path)?;
    let pairs = address::pairs(query);
    let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
    match (entry.method.as_str(), parts.as_slice()) {
        ("GET" | "HEAD", parts) => {
            if !methods(parts)?.contains(&"GET") {
                return Err(not_here());
            }
            Ok(Task::Get { segments, pairs })
        }
        ("POST", ["Observation"]) => {
            let (user_id, imported) = observation(desk, entry, names, places)?;
            if imported.is_error {
                let message = "what was entered in error is not stored anew";
                return Err(Failed::new(
                    422,
                    IssueType::BusinessRule,
                    "Observation.status",
                    message,
                ));
            }
            let unless = entry
                .if_none_exist
                .as_deref()
                .map(write::condition)
                .transpose()?;
            let new = Box::new(New {
                reading: imported.reading,
                unless,
            });
            Ok(Task::Create { user_id, new })
        }
        ("POST", ["Patient"]) => known_patient(desk, entry).map(|user_id| Task::Known { user_id }),
        ("PUT", ["Observation", id]) => {
            let (user_id, imported) = observation(desk, entry, names, places)?;
            write::if_named(id, &entry.resource)?;
            Ok(Task::Update {
                user_id,
                id: (*id).to_owned(),
                imported: Box::new(imported),
                if_match: entry.if_match.clone(),
            })
        }
        ("DELETE", ["Observation", id]) => Ok(Task::Delete {
            user_id: read::subject_of(desk, &pairs)?,
            id: (*id).to_owned(),
            if_match: entry.if_match.clone(),
        }),
        _ => Err(not_here()),
    }
}

fn not_here() -> Failed {
    let message = "this is not done here: see the CapabilityStatement at metadata";
    Failed::new(405, IssueType::NotSupported, "Bundle.request", message)
}

/// The Observation of an entry. Whatever it refers to inside of the bundle must be
/// there.
fn observation(
    desk: &Desk,
    entry: &Entry,
    names: &HashMap<String, String>,
    places: Option<&HashSet<&str>>,
) -> Result<(String, Imported), Failed> {
    let is_lost = |reference: &str| {
        let is_here = places.is_some_and(|places| places.contains(reference));
        reference.starts_with("urn:") && !is_here
    };
    if find_reference(&entry.resource, &is_lost).is_some() {
        let message = "a reference names no entry of this transaction";
        return Err(Failed::new(400, IssueType::Value, "Observation", message));
    }
    let subject = entry
        .resource
        .pointer("/subject/reference")
        .and_then(Value::as_str);
    let subject = subject.and_then(|reference| names.get(reference));
    write::understood(desk, &entry.resource, subject.map(String::as_str))
}

/// Fails where two entries change the same Observation.
fn once(tasks: &[(usize, Task)]) -> Result<(), Failed> {
    let mut seen = HashSet::new();
    for (index, task) in tasks {
        let (Task::Update { id, .. } | Task::Delete { id, .. }) = task else {
            continue;
        };
        if !seen.insert(id) {
            let message = "a transaction changes an Observation once";
            return Err(Failed::new(
                400,
                IssueType::Duplicate,
                &format!("Bundle.entry[{index}]"),
                message,
            ));
        }
    }
    Ok(())
}

/// Who works on entries, and how it is answered.
struct Work<'a> {
    desk: &'a Desk,
    request: &'a Request,
    wants_all: bool,
}

/// What a person's entries create, with their places.
type Created = BTreeMap<String, (Vec<usize>, Vec<New>)>;

/// Observations that are to be created, by person, and what else is asked for.
fn by_person(tasks: Vec<(usize, Task)>) -> (Created, Vec<(usize, Task)>) {
    let mut created = Created::new();
    let mut rest = Vec::new();
    for (index, task) in tasks {
        match task {
            Task::Create { user_id, new } => {
                let (indexes, all) = created.entry(user_id).or_default();
                indexes.push(index);
                all.push(*new);
            }
            task => rest.push((index, task)),
        }
    }
    (created, rest)
}

impl Work<'_> {
    /// Each entry for itself: what fails is told and stops nothing else.
    async fn batch(
        &self,
        db: &mut Database,
        tasks: Vec<(usize, Task)>,
        answers: &mut Answers,
    ) -> Result<(), Failed> {
        let (created, rest) = by_person(tasks);
        for (user_id, (indexes, new)) in created {
            let (results, events) = db
                .transaction(async |tx| {
                    write::creates(tx, self.desk, self.request, &user_id, &new).await
                })
                .await?;
            announce(&events).await;
            for (index, result) in indexes.into_iter().zip(results) {
                let answer = match result {
                    Ok(written) => self.written(&user_id, written.status, &written.shown),
                    Err(failed) => failed_entry(&failed),
                };
                answers.insert(index, answer);
            }
        }
        for (index, task) in rest {
            let answer = match task {
                Task::Get { segments, pairs } => self.read(db, &segments, &pairs).await,
                task => self.change_alone(db, task).await,
            };
            answers.insert(index, answer.or_else(told)?);
        }
        Ok(())
    }

    async fn change_alone(&self, db: &mut Database, task: Task) -> Result<EntryResponse, Failed> {
        let (answer, events) = db
            .transaction(async |tx| self.change(tx, &task).await)
            .await?;
        announce(&events).await;
        Ok(answer)
    }

    /// All or nothing: deletions, creations, corrections, and then what is read.
    async fn transaction(
        &self,
        tx: &Transaction<'_>,
        tasks: Vec<(usize, Task)>,
        answers: &mut Answers,
    ) -> Result<Vec<Event>, Failed> {
        let place = |index: usize| format!("Bundle.entry[{index}]");
        let mut events = Vec::new();
        let (created, rest) = by_person(tasks);
        let (deletions, rest): (Vec<_>, Vec<_>) = rest
            .into_iter()
            .partition(|(_, task)| matches!(task, Task::Delete { .. }));
        let (reads, changes): (Vec<_>, Vec<_>) = rest
            .into_iter()
            .partition(|(_, task)| matches!(task, Task::Get { .. }));
        for (index, task) in deletions {
            let (answer, told) = self
                .change(tx, &task)
                .await
                .map_err(|failed| failed.within(&place(index)))?;
            events.extend(told);
            answers.insert(index, answer);
        }
        for (user_id, (indexes, new)) in created {
            let (results, told) =
                write::creates(tx, self.desk, self.request, &user_id, &new).await?;
            events.extend(told);
            for (index, result) in indexes.into_iter().zip(results) {
                let written = result.map_err(|failed| failed.within(&place(index)))?;
                answers.insert(
                    index,
                    self.written(&user_id, written.status, &written.shown),
                );
            }
        }
        for (index, task) in changes {
            let (answer, told) = self
                .change(tx, &task)
                .await
                .map_err(|failed| failed.within(&place(index)))?;
            events.extend(told);
            answers.insert(index, answer);
        }
        for (index, task) in reads {
            if let Task::Get { segments, pairs } = task {
                let found = self.read(tx, &segments, &pairs).await;
                answers.insert(index, found.map_err(|failed| failed.within(&place(index)))?);
            }
        }
        Ok(events)
    }

    /// A correction, a deletion, or a Patient that is there.
    async fn change(
        &self,
        tx: &Transaction<'_>,
        task: &Task,
    ) -> Result<(EntryResponse, Vec<Event>), Failed> {
        match task {
            Task::Update {
                user_id,
                id,
                imported,
                if_match,
            } => {
                let change = Change {
                    id,
                    user_id,
                    if_match: if_match.as_deref(),
                };
                let (shown, events) =
                    write::corrected(tx, self.desk, self.request, &change, imported).await?;
                Ok((self.written(user_id, 200, &shown), events))
            }
            Task::Delete {
                user_id,
                id,
                if_match,
            } => {
                let change = Change {
                    id,
                    user_id,
                    if_match: if_match.as_deref(),
                };
                let (shown, events) = write::deleted(tx, self.desk, self.request, &change).await?;
                let answer = EntryResponse {
                    status: 204,
                    etag: Some(shown.etag()),
                    ..EntryResponse::default()
                };
                Ok((answer, events))
            }
            Task::Known { user_id } => {
                let found = read::patient(tx, self.desk, user_id).await?;
                let answer = EntryResponse {
                    status: 200,
                    location: Some(format!("Patient/{user_id}")),
                    etag: found.etag,
                    resource: self.wants_all.then_some(found.resource),
                    ..EntryResponse::default()
                };
                Ok((answer, Vec::new()))
            }
            Task::Create { .. } | Task::Get { .. } => Err(not_here()),
        }
    }

    async fn read(
        &self,
        sql: &impl Sql,
        segments: &[String],
        pairs: &[(String, String)],
    ) -> Result<EntryResponse, Failed> {
        let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
        let Found {
            resource,
            etag,
            modified_ms,
            ..
        } = get(sql, self.desk, &parts, pairs, false).await?;
        Ok(EntryResponse {
            status: 200,
            etag,
            modified_ms,
            resource: Some(resource),
            ..EntryResponse::default()
        })
    }

    fn written(
        &self,
        user_id: &str,
        status: u16,
        shown: &suoke_fhir::observation::Shown,
    ) -> EntryResponse {
        let found = read::found(self.desk, user_id, shown);
        EntryResponse {
            status,
            location: Some(format!(
                "Observation/{}/_history/{}",
                shown.id, shown.version
            )),
            etag: found.etag,
            modified_ms: found.modified_ms,
            resource: self.wants_all.then_some(found.resource),
            outcome: None,
        }
    }
}

/// A failure of an entry that stops nothing else; ours stops everything.
fn told(failed: Failed) -> Result<EntryResponse, Failed> {
    if failed.status >= 500 {
        Err(failed)
    } else {
        Ok(failed_entry(&failed))
    }
}

fn failed_entry(failed: &Failed) -> EntryResponse {
    EntryResponse {
        status: failed.status,
        outcome: Some(outcome::errors(&failed.issues)),
        ..EntryResponse::default()
    }
}
