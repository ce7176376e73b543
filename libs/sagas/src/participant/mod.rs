//! Taking part in a saga: do a step's work once, and take it back once.
//!
//! A participant is a function that subscribes to the command of a step. It
//! hands each event to [`take_part`] with two pieces of work, and the barrier
//! sees to the rest, in one transaction with the work: a command that comes
//! again, an undo that overtakes its do, a do that comes after its undo.
//!
//! ```no_run
//! use suoke_events::{Event, EventError};
//! use suoke_sagas::messages::Command;
//! use suoke_sagas::participant::{Before, Work, take_part};
//! use suoke_store::{Database, Sql, Transaction, params};
//!
//! const CONSUMER: &str = "notification-send";
//!
//! # const _: &str = r#"
//! suoke_events::subscriber!(CONSUMER, "care", on_event);
//! # "#;
//! async fn on_event(db: &mut Database, event: &Event) -> Result<Vec<Event>, EventError> {
//!     take_part(db, CONSUMER, "notification-send", event, send, cancel).await
//! }
//!
//! async fn send(tx: &Transaction<'_>, command: &Command) -> Result<Work, EventError> {
//!     // … write what the step writes
//!     Work::done(&serde_json::json!({ "notification_id": "n1" }))
//! }
//!
//! async fn cancel(tx: &Transaction<'_>, command: &Command, before: Before) -> Result<Work, EventError> {
//!     let Before::Done(output) = before else {
//!         return Ok(Work::undone()); // it was never sent
//!     };
//!     // … take back what `output` names
//!     Ok(Work::undone())
//! }
//! ```
//!
//! What a piece of work gives decides how the saga goes on:
//!
//! | it gives | the barrier | the orchestrator |
//! |---|---|---|
//! | [`Work::done`] | keeps the output, answers it again whenever asked | goes on; later steps read the output |
//! | [`Work::refused`] | rolls the work back | undoes the saga |
//! | [`Work::failed`] | rolls the work back | asks again after a while, then undoes the saga |
//! | [`Work::later`] | waits for [`answer`] | asks again when the step's time is over |
//! | an error that is permanent, such as a context that does not fit | rolls the work back | as with [`Work::refused`]; the reason names no data |
//! | another error | rolls everything back, the inbox too | knows nothing; the event is delivered again |
//!
//! Undo is called once, with what happened [`Before`]: also where nothing did,
//! because a step that never came may have traces elsewhere, such as a status. An
//! undo that is refused waits for an operator.
//!
//! The table `saga_participations` comes with the [`LABELS`].

mod queries;

use serde::Serialize;
use serde_json::Value;
use suoke_events::{Event, EventError, consume, outbox};
use suoke_guest::clock;
use suoke_store::{Database, StoreError, Transaction};

use crate::messages::{Action, Command, Outcome, Reply};

/// How large an output may be, as JSON: what is longer belongs into a row.
pub const OUTPUT_SIZE_BYTES_MAX: usize = 16 * 1024;

/// How long a reason may be, in bytes.
pub(crate) const REASON_SIZE_BYTES_MAX: usize = 500;

/// The labels whose functions take part in sagas.
pub const LABELS: [&str; 4] = ["ai", "care", "health", "identity"];

/// How long a participant remembers what it did: longer than any saga is kept,
/// because without it a step would be done, and not undone, once more.
const MEMORY_MS: i64 = 400 * 24 * 60 * 60 * 1000;

/// How much is forgotten at once.
const FORGET_ROWS_MAX: u32 = 1_000;

/// What a piece of work came to; see the [module](self).
#[derive(Debug)]
pub struct Work {
    result: WorkResult,
    events: Vec<Event>,
}

#[derive(Debug)]
enum WorkResult {
    Done(Value),
    Refused(String),
    Failed(String),
    Later(String),
}

/// What a participant had done when it is told to undo.
#[derive(Clone, Debug, PartialEq)]
pub enum Before {
    /// The work, with this output.
    Done(Value),
    /// A work that was begun and not answered.
    Begun,
    /// Nothing: the command never came, or was refused.
    Nothing,
}

impl Work {
    /// The work is done; later steps can read `output`. One that is larger than
    /// [`OUTPUT_SIZE_BYTES_MAX`] makes it a refused work.
    ///
    /// # Errors
    /// When the output cannot be written as JSON.
    pub fn done<T: Serialize>(output: &T) -> Result<Self, EventError> {
        let output = serde_json::to_value(output).map_err(EventError::work)?;
        let size_bytes = output.to_string().len();
        if size_bytes > OUTPUT_SIZE_BYTES_MAX {
            return Ok(Self::refused(format!(
                "output of {size_bytes} bytes: at most {OUTPUT_SIZE_BYTES_MAX} are accepted; \
                 store the rest in a row and give its id"
            )));
        }
        Ok(WorkResult::Done(output).into())
    }

    /// The undo is done.
    #[must_use]
    pub fn undone() -> Self {
        WorkResult::Done(Value::Null).into()
    }

    /// It cannot be done, now or later. The reason is logged and shown to
    /// operators: no personal data.
    #[must_use]
    pub fn refused(reason: impl Into<String>) -> Self {
        WorkResult::Refused(reason.into()).into()
    }

    /// It cannot be done now. The reason is logged and shown to operators: no
    /// personal data.
    #[must_use]
    pub fn failed(reason: impl Into<String>) -> Self {
        WorkResult::Failed(reason.into()).into()
    }

    /// It is begun; [`answer`] with the same key, such as the id of what it is
    /// about, tells how it went. Another attempt begins it again.
    #[must_use]
    pub fn later(answer_key: impl Into<String>) -> Self {
        WorkResult::Later(answer_key.into()).into()
    }

    /// The same, and an event that tells of it: it goes to the outbox with the
    /// work, set off by the command. Work that fails tells nothing.
    #[must_use]
    pub fn telling(mut self, event: Event) -> Self {
        self.events.push(event);
        self
    }
}

impl From<WorkResult> for Work {
    fn from(result: WorkResult) -> Self {
        Self {
            result,
            events: Vec::new(),
        }
    }
}

/// Handles a command of a saga: inbox, barrier, work and answer in one
/// transaction. Gives the events to announce after it.
///
/// `do_work` and `undo_work` write through the transaction they are given and
/// do nothing else that could not be repeated.
///
/// # Errors
/// A permanent one when the event is no command, the error of the work unless that
/// is permanent, or the store's; nothing has happened then.
pub async fn take_part(
    db: &mut Database,
    consumer: &str,
    participant: &str,
    event: &Event,
    do_work: impl AsyncFnOnce(&Transaction<'_>, &Command) -> Result<Work, EventError>,
    undo_work: impl AsyncFnOnce(&Transaction<'_>, &Command, Before) -> Result<Work, EventError>,
) -> Result<Vec<Event>, EventError> {
    let command: Command = event.data_as()?;
    let is_asked = command.participants.iter().any(|name| name == participant);
    let part = Part {
        consumer,
        participant,
        event,
        command: &command,
    };
    let done = consume(db, consumer, event, async |tx| match command.action {
        _ if !is_asked => Ok(Vec::new()),
        Action::Do => part.forwards(tx, do_work).await,
        Action::Undo => part.backwards(tx, undo_work).await,
    })
    .await?;
    Ok(done.unwrap_or_default())
}

/// One command and who handles it.
struct Part<'a> {
    consumer: &'a str,
    participant: &'a str,
    event: &'a Event,
    command: &'a Command,
}

impl Part<'_> {
    async fn forwards(
        &self,
        tx: &Transaction<'_>,
        work: impl AsyncFnOnce(&Transaction<'_>, &Command) -> Result<Work, EventError>,
    ) -> Result<Vec<Event>, EventError> {
        let command = self.command;
        let found = queries::find(tx, self.participant, &command.saga_id, &command.step).await?;
        match found.as_ref().map(|row| row.state.as_str()) {
            Some("done") => {
                let output = found.map(|row| row.output).unwrap_or_default();
                let output = serde_json::from_str(&output).map_err(EventError::work)?;
                return self.reply(tx, WorkResult::Done(output)).await;
            }
            Some("undone") => {
                let late = WorkResult::Refused("the step is undone already".to_owned());
                return self.reply(tx, late).await;
            }
            // A work that was begun is begun again: its message may be lost.
            _ => {}
        }
        queries::savepoint(tx).await?;
        let done = answerable(work(tx, command).await)?;
        let (state, output, key) = match &done.result {
            WorkResult::Done(output) => ("done", output.to_string(), None),
            WorkResult::Later(key) => ("begun", "null".to_owned(), Some(key.as_str())),
            WorkResult::Refused(_) | WorkResult::Failed(_) => {
                queries::roll_back(tx).await?;
                return self.reply(tx, done.result).await;
            }
        };
        queries::release(tx).await?;
        self.put(tx, state, &output, key).await?;
        self.tell(tx, done).await
    }

    async fn backwards(
        &self,
        tx: &Transaction<'_>,
        work: impl AsyncFnOnce(&Transaction<'_>, &Command, Before) -> Result<Work, EventError>,
    ) -> Result<Vec<Event>, EventError> {
        let command = self.command;
        let found = queries::find(tx, self.participant, &command.saga_id, &command.step).await?;
        let before = match &found {
            None => Before::Nothing,
            Some(row) if row.state == "undone" => return self.reply(tx, undone()).await,
            Some(row) if row.state == "begun" => Before::Begun,
            Some(row) => Before::Done(serde_json::from_str(&row.output).map_err(EventError::work)?),
        };
        queries::savepoint(tx).await?;
        let done = answerable(work(tx, command, before).await)?;
        match &done.result {
            WorkResult::Done(_) => {}
            WorkResult::Later(_) => return Err(EventError::work("an undo cannot answer later")),
            WorkResult::Refused(_) | WorkResult::Failed(_) => {
                queries::roll_back(tx).await?;
                return self.reply(tx, done.result).await;
            }
        }
        queries::release(tx).await?;
        self.put(tx, "undone", "null", None).await?;
        let done = Work {
            result: undone(),
            ..done
        };
        self.tell(tx, done).await
    }

    async fn put(
        &self,
        tx: &Transaction<'_>,
        state: &str,
        output: &str,
        key: Option<&str>,
    ) -> Result<(), EventError> {
        let now = clock::now_ms();
        queries::put(tx, self.participant, self.command, state, output, key, now).await?;
        Ok(())
    }

    /// The work's events and the answer, if it is time for one.
    async fn tell(&self, tx: &Transaction<'_>, done: Work) -> Result<Vec<Event>, EventError> {
        let mut told = Vec::with_capacity(done.events.len() + 1);
        for event in done.events {
            told.push(outbox(tx, event.caused_by(self.event)).await?);
        }
        told.extend(self.reply(tx, done.result).await?);
        Ok(told)
    }

    async fn reply(
        &self,
        tx: &Transaction<'_>,
        result: WorkResult,
    ) -> Result<Vec<Event>, EventError> {
        let command = self.command;
        let Some(verdict) = Verdict::of(result) else {
            return Ok(Vec::new());
        };
        let reply = verdict.reply(
            &command.saga_id,
            &command.step,
            command.action,
            self.participant,
            command.attempt,
        );
        let event = reply_event(&reply, &command.reply_to, self.consumer, self.event)?;
        Ok(vec![outbox(tx, event).await?])
    }
}

/// Answers works that were begun with [`Work::later`] under this key, in the
/// transaction that learns how they went; gives the events to announce. Nothing
/// is answered twice, and nothing that was undone meanwhile. Work that was
/// refused or failed is forgotten: another attempt begins anew.
///
/// # Errors
/// When the database fails.
pub async fn answer(
    tx: &Transaction<'_>,
    consumer: &str,
    participant: &str,
    answer_key: &str,
    work: Work,
    cause: &Event,
) -> Result<Vec<Event>, EventError> {
    let rows = queries::begun(tx, participant, answer_key).await?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let mut told = Vec::new();
    for event in work.events {
        told.push(outbox(tx, event.caused_by(cause)).await?);
    }
    let Some(verdict) = Verdict::of(work.result) else {
        return Ok(told);
    };
    for row in rows {
        if verdict.outcome == Outcome::Ok {
            let output = verdict.output.to_string();
            queries::finish(tx, participant, &row, &output, clock::now_ms()).await?;
        } else {
            queries::forget(tx, participant, &row).await?;
        }
        let reply = verdict.clone().reply(
            &row.saga_id,
            &row.step,
            Action::Do,
            participant,
            row.attempt,
        );
        let event = reply_event(&reply, &row.reply_to, consumer, cause)?;
        told.push(outbox(tx, event).await?);
    }
    Ok(told)
}

/// Forgets, in a bounded piece, what was done so long ago that no saga asks for it
/// any more; how many rows that were.
///
/// # Errors
/// When the database fails.
pub async fn forget_old(db: &Database, now_ms: i64) -> Result<u64, StoreError> {
    let before_ms = now_ms.saturating_sub(MEMORY_MS);
    if !queries::has_old(db, before_ms).await? {
        return Ok(0);
    }
    queries::delete_old(db, before_ms, FORGET_ROWS_MAX).await
}

/// What is answered.
#[derive(Clone)]
struct Verdict {
    outcome: Outcome,
    retry: bool,
    output: Value,
    reason: Option<String>,
}

impl Verdict {
    /// Nothing yet for what is answered later.
    fn of(result: WorkResult) -> Option<Self> {
        let failed = |retry, mut reason: String| {
            crate::text::shorten(&mut reason, REASON_SIZE_BYTES_MAX);
            Some(Self {
                outcome: Outcome::Failed,
                retry,
                output: Value::Null,
                reason: Some(reason),
            })
        };
        match result {
            WorkResult::Later(_) => None,
            WorkResult::Refused(reason) => failed(false, reason),
            WorkResult::Failed(reason) => failed(true, reason),
            WorkResult::Done(output) => Some(Self {
                outcome: Outcome::Ok,
                retry: false,
                output,
                reason: None,
            }),
        }
    }

    fn reply(
        self,
        saga_id: &str,
        step: &str,
        action: Action,
        participant: &str,
        attempt: u32,
    ) -> Reply {
        Reply {
            saga_id: saga_id.to_owned(),
            step: step.to_owned(),
            action,
            participant: participant.to_owned(),
            attempt,
            outcome: self.outcome,
            retry: self.retry,
            output: self.output,
            reason: self.reason,
        }
    }
}

fn reply_event(
    reply: &Reply,
    reply_to: &str,
    consumer: &str,
    cause: &Event,
) -> Result<Event, EventError> {
    let event = Event::new(reply_to, consumer, reply)?;
    Ok(event
        .about(format!("saga/{}", reply.saga_id))
        .caused_by(cause))
}

/// A permanent error is a refusal: as a dead letter nobody would answer it, and the
/// saga would learn nothing but that its time is over.
fn answerable(worked: Result<Work, EventError>) -> Result<Work, EventError> {
    match worked {
        Err(error) if error.is_permanent() => Ok(Work::refused(refusal(&error))),
        worked => worked,
    }
}

/// Why an error is permanent, without the values of the data that it may quote:
/// operators read it.
fn refusal(error: &EventError) -> String {
    match error {
        EventError::TooLarge { .. } | EventError::UnknownVersion { .. } => error.to_string(),
        EventError::Attribute { attribute, .. } => {
            format!("event attribute \"{attribute}\" is not what the step needs")
        }
        _ => "the data of the command is not what the step needs; \
              compare the saga's context with what its participant reads"
            .to_owned(),
    }
}

fn undone() -> WorkResult {
    WorkResult::Done(Value::Null)
}

#[cfg(test)]
mod tests;
