//! Batches, whose entries stand each for itself, and transactions, which are done
//! wholly or not at all.

use std::collections::{BTreeMap, HashSet};

use serde_json::Value;
use suoke_events::{Event, announce};
use suoke_fhir::bundle::{self as bundles, EntryResponse, Kind};
use suoke_fhir::observation::Shown;
use suoke_fhir::outcome::{self, Issue, IssueType};
use suoke_guest::{Reply, Request};
use suoke_store::{Database, Sql, Transaction};

use crate::failed::Failed;
use crate::task::{Task, names, not_here, once, only_person, task};
use crate::write::{self, Change, New};
use crate::{Desk, Found, answer, get, read};

/// Most entries of a bundle that read: each may show a page.
const READS_MAX: usize = 20;

/// Most entries of a bundle that compute figures: each reads many readings.
const STATS_MAX: usize = 4;

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
    few_reads(&tasks)?;
    let work = Work {
        desk,
        request,
        wants_all,
    };
    make_room(db, desk, &tasks).await?;
    match kind {
        Kind::Batch => work.batch(db, tasks, &mut answers).await?,
        Kind::Transaction => {
            once(&tasks)?;
            let person = only_person(&tasks);
            let all = async |tx: &Transaction<'_>| work.transaction(tx, tasks, &mut answers).await;
            let events = match &person {
                Some(user_id) => db.transaction_of(user_id, all).await?,
                None => db.transaction(all).await?,
            };
            announce(&events).await;
        }
    }
    answer::resource(
        200,
        &bundles::responses(kind, answers.into_values().collect()),
    )
}

/// Fails where entries read too much.
fn few_reads(tasks: &[(usize, Task)]) -> Result<(), Failed> {
    let segments = tasks.iter().filter_map(|(_, task)| match task {
        Task::Get { segments, .. } => Some(segments),
        _ => None,
    });
    let is_stats = |segments: &Vec<String>| segments.last().is_some_and(|last| last == "$stats");
    let (mut reads, mut stats) = (0, 0);
    for segments in segments {
        reads += 1;
        stats += usize::from(is_stats(segments));
    }
    if reads <= READS_MAX && stats <= STATS_MAX {
        return Ok(());
    }
    let message =
        format!("at most {READS_MAX} entries of a bundle read, {STATS_MAX} of them with $stats");
    let issue = Issue::new(IssueType::TooCostly, "Bundle.entry", message);
    Err(Failed::with(413, issue))
}

/// Makes the partitions that readings of the entries go into.
async fn make_room(db: &Database, desk: &Desk, tasks: &[(usize, Task)]) -> Result<(), Failed> {
    let mut written = BTreeMap::<&str, Vec<&Value>>::new();
    for (_, task) in tasks {
        if let Some((user_id, reading)) = task.writes() {
            written.entry(user_id).or_default().push(reading);
        }
    }
    for (user_id, readings) in written {
        write::make_room(db, desk, user_id, readings.into_iter()).await?;
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
            let done = db
                .transaction_of(&user_id, async |tx| {
                    write::creates(tx, self.desk, self.request, &user_id, &new).await
                })
                .await;
            let (results, events) = match done {
                Ok(done) => done,
                // Nothing of this person is done, and what others sent stays.
                Err(failed) if failed.status < 500 => {
                    let each = indexes.into_iter();
                    answers.extend(each.map(|index| (index, failed_entry(&failed))));
                    continue;
                }
                Err(failed) => return Err(failed),
            };
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
        let user_id = task.user_id().unwrap_or_default();
        let (answer, events) = db
            .transaction_of(user_id, async |tx| self.change(tx, &task).await)
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

    fn written(&self, user_id: &str, status: u16, shown: &Shown) -> EntryResponse {
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
