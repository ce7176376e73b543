//! The orchestrator: inputs reach sagas through the database, and what follows
//! leaves through the outbox, in one transaction for each input.

mod sweep;

use serde::Serialize;
use suoke_events::{Event, EventError, consume, outbox_all};
use suoke_guest::clock;
use suoke_store::{Database, Transaction};

use crate::definition::Definition;
use crate::machine::{Effects, Ignored, Input, Note, Saga, Status, advance};
use crate::messages::{
    AGENT_TASK_RESULT, CancelRequest, Reply, SAGA_CANCEL, SAGA_REPLY, SAGA_START, StartRequest,
};
use crate::queries::{self, SagaRow};

pub use sweep::{Swept, sweep};

/// The label that sagas are stored in.
pub const LABEL: &str = "platform";

/// The component that says what sagas say.
pub const COMPONENT: &str = "saga-orchestrator";

/// The data of the events that tell how far a saga is.
#[derive(Debug, Serialize)]
struct Progress<'a> {
    saga_id: &'a str,
    saga: &'a str,
    status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

/// What an operator's wish came to.
#[derive(Debug)]
pub enum Operated {
    /// There is no such saga.
    Missing,
    /// It does not fit where the saga stands.
    Refused(&'static str),
    /// It is done; these events are to be announced.
    Done(Vec<Event>),
}

/// Handles an event that is about a saga: what starts one, answers, asks for
/// its end. Gives the events to announce.
///
/// # Errors
/// A permanent one when the event starts nothing and answers nothing that there
/// is; a transient one when it came before what it is about, or the database
/// fails.
pub async fn on_event(
    db: &mut Database,
    consumer: &str,
    event: &Event,
) -> Result<Vec<Event>, EventError> {
    on_event_at(db, consumer, event, clock::now_ms()).await
}

async fn on_event_at(
    db: &mut Database,
    consumer: &str,
    event: &Event,
    now_ms: i64,
) -> Result<Vec<Event>, EventError> {
    let input = Wanted::of(event)?;
    let done = consume(db, consumer, event, async |tx| match input {
        Wanted::Start(starts) => {
            let mut told = Vec::new();
            for (definition, saga) in starts {
                told.extend(start(tx, &definition, saga, event, now_ms).await?);
            }
            Ok(told)
        }
        Wanted::Input(id, input) => {
            let missing = missing(&id, &input, event);
            match handle(tx, &id, input, Some(event), now_ms).await? {
                Operated::Done(told) => Ok(told),
                // It is late or came twice: that is what it is noted for.
                Operated::Refused(_) => Ok(Vec::new()),
                Operated::Missing => Err(missing),
            }
        }
        Wanted::Nothing => Ok(Vec::new()),
    })
    .await?;
    Ok(done.unwrap_or_default())
}

/// Does what an operator wants: [`Input::Cancel`], [`Input::Retry`] or
/// [`Input::Abandon`].
///
/// # Errors
/// When the database fails.
pub async fn operate(
    db: &mut Database,
    id: &str,
    input: Input,
    now_ms: i64,
) -> Result<Operated, EventError> {
    db.transaction(async |tx| handle(tx, id, input, None, now_ms).await)
        .await
}

/// What an event wants.
enum Wanted {
    Start(Vec<(Definition, Saga)>),
    Input(String, Input),
    Nothing,
}

impl Wanted {
    fn of(event: &Event) -> Result<Self, EventError> {
        match event.kind.as_str() {
            SAGA_REPLY => {
                let reply: Reply = event.data_as()?;
                Ok(Self::Input(reply.saga_id.clone(), Input::Reply(reply)))
            }
            // Agents also work for others than sagas.
            AGENT_TASK_RESULT if event.data.get("saga_id").is_none() => Ok(Self::Nothing),
            AGENT_TASK_RESULT => {
                let reply: Reply = event.data_as()?;
                Ok(Self::Input(reply.saga_id.clone(), Input::Reply(reply)))
            }
            SAGA_CANCEL => {
                let request: CancelRequest = event.data_as()?;
                Ok(Self::Input(request.saga_id, Input::Cancel))
            }
            SAGA_START => {
                let request: StartRequest = event.data_as()?;
                let definitions = definitions(|one| one.name == request.saga)?;
                if definitions.is_empty() {
                    let reason = format!("there is no saga \"{}\" that starts", request.saga);
                    return Err(unfit(event, reason));
                }
                Self::start(event, definitions, &request.data)
            }
            kind => {
                let definitions = definitions(|one| one.starts_on == kind)?;
                let data = event.data.as_object();
                match data {
                    _ if definitions.is_empty() => {
                        Err(unfit(event, format!("no saga starts on \"{kind}\"")))
                    }
                    None => Err(unfit(event, "its data is no object".to_owned())),
                    Some(data) => Self::start(event, definitions, data),
                }
            }
        }
    }

    fn start(
        event: &Event,
        definitions: Vec<Definition>,
        data: &serde_json::Map<String, serde_json::Value>,
    ) -> Result<Self, EventError> {
        let mut starts = Vec::with_capacity(definitions.len());
        for definition in definitions {
            let saga = Saga::new(&definition, data.clone())
                .map_err(|error| unfit(event, error.to_string()))?;
            starts.push((definition, saga));
        }
        Ok(Self::Start(starts))
    }
}

fn definitions(wanted: impl Fn(&Definition) -> bool) -> Result<Vec<Definition>, EventError> {
    let mut definitions = Definition::all().map_err(EventError::work)?;
    definitions.retain(|one| one.enabled && wanted(one));
    Ok(definitions)
}

fn unfit(event: &Event, reason: String) -> EventError {
    EventError::Data {
        id: event.id.clone(),
        reason,
    }
}

/// A reply to nothing will never be one to something; a cancellation may have
/// overtaken the start.
fn missing(id: &str, input: &Input, event: &Event) -> EventError {
    let reason = format!("there is no saga \"{id}\"");
    if *input == Input::Cancel {
        return EventError::work(format!("{reason} yet"));
    }
    unfit(event, reason)
}

/// Starts a saga unless it has started.
async fn start(
    tx: &Transaction<'_>,
    definition: &Definition,
    mut saga: Saga,
    event: &Event,
    now_ms: i64,
) -> Result<Vec<Event>, EventError> {
    let Ok(effects) = advance(definition, &mut saga, Input::Start, now_ms) else {
        return Ok(Vec::new());
    };
    let correlation_id = event.correlationid.as_deref().unwrap_or(&event.id);
    let origin = queries::Origin {
        saga: &definition.name,
        definition: serde_json::to_string(definition).map_err(EventError::work)?,
        correlation_id,
        traceparent: event.traceparent.as_deref(),
        started_by: &event.id,
    };
    if !queries::insert(tx, origin, written(definition, &saga, now_ms)?, now_ms).await? {
        return Ok(Vec::new());
    }
    let speaker = Speaker {
        correlation_id,
        traceparent: event.traceparent.as_deref(),
        cause: &event.id,
    };
    tell(tx, definition, &saga, effects, &speaker, now_ms).await
}

/// Lets an input happen to a saga that has started.
async fn handle(
    tx: &Transaction<'_>,
    id: &str,
    input: Input,
    cause: Option<&Event>,
    now_ms: i64,
) -> Result<Operated, EventError> {
    match queries::find(tx, id).await? {
        None => Ok(Operated::Missing),
        Some(row) => handle_row(tx, &row, input, cause, now_ms).await,
    }
}

async fn handle_row(
    tx: &Transaction<'_>,
    row: &SagaRow,
    input: Input,
    cause: Option<&Event>,
    now_ms: i64,
) -> Result<Operated, EventError> {
    let definition: Definition = serde_json::from_str(&row.definition).map_err(EventError::work)?;
    let mut saga: Saga = serde_json::from_str(&row.state).map_err(EventError::work)?;
    let effects = match advance(&definition, &mut saga, input, now_ms) {
        Ok(effects) => effects,
        Err(Ignored(reason)) => return Ok(Operated::Refused(reason)),
    };
    let written = written(&definition, &saga, now_ms)?;
    if !queries::update(tx, written, row.revision, now_ms).await? {
        let message = format!(
            "saga \"{}\" was changed by somebody else meanwhile",
            saga.id
        );
        return Err(EventError::work(message));
    }
    let speaker = Speaker {
        correlation_id: &row.correlation_id,
        traceparent: row.traceparent.as_deref(),
        cause: cause.map_or(&row.started_by, |cause| &cause.id),
    };
    tell(tx, &definition, &saga, effects, &speaker, now_ms)
        .await
        .map(Operated::Done)
}

fn written<'a>(
    definition: &'a Definition,
    saga: &'a Saga,
    now_ms: i64,
) -> Result<queries::Written<'a>, EventError> {
    Ok(queries::Written {
        id: &saga.id,
        status: saga.status.as_str(),
        step: definition
            .steps
            .get(saga.step)
            .map_or("", |step| step.name.as_str()),
        state: serde_json::to_string(saga).map_err(EventError::work)?,
        reason: saga.reason.as_deref(),
        due_at: saga.due_at_ms,
        ended_at: saga.status.is_final().then_some(now_ms),
    })
}

/// What the events of a saga have in common.
struct Speaker<'a> {
    correlation_id: &'a str,
    traceparent: Option<&'a str>,
    cause: &'a str,
}

impl Speaker<'_> {
    fn event<T: Serialize>(&self, kind: &str, id: &str, data: &T) -> Result<Event, EventError> {
        let mut event = Event::new(kind, COMPONENT, data)?.about(format!("saga/{id}"));
        event.correlationid = Some(self.correlation_id.to_owned());
        event.causationid = Some(self.cause.to_owned());
        event.traceparent = self.traceparent.map(str::to_owned);
        Ok(event)
    }
}

/// Writes the log and puts commands and news into the outbox.
async fn tell(
    tx: &Transaction<'_>,
    definition: &Definition,
    saga: &Saga,
    effects: Effects,
    speaker: &Speaker<'_>,
    now_ms: i64,
) -> Result<Vec<Event>, EventError> {
    queries::append_log(tx, &saga.id, &effects.notes, now_ms).await?;
    let mut events = Vec::new();
    for command in &effects.commands {
        // A command names its step, and the step the type of its event.
        let step = definition
            .steps
            .iter()
            .find(|step| step.name == command.step);
        let kind = step.map(|step| step.command.as_str()).unwrap_or_default();
        events.push(speaker.event(kind, &saga.id, command)?);
    }
    for note in &effects.notes {
        events.extend(news(definition, saga, note, speaker)?);
    }
    outbox_all(tx, events).await
}

/// The event that tells of a note, if it is one that others want to know.
fn news(
    definition: &Definition,
    saga: &Saga,
    note: &Note,
    speaker: &Speaker<'_>,
) -> Result<Option<Event>, EventError> {
    let Some(kind) = note.kind.event_type() else {
        return Ok(None);
    };
    let progress = Progress {
        saga_id: &saga.id,
        saga: &definition.name,
        status: saga.status,
        step: note.step.as_deref(),
        reason: note.reason.as_deref(),
    };
    speaker.event(kind, &saga.id, &progress).map(Some)
}

#[cfg(test)]
mod tests;
