//! Sagas as operators see them: without the data they work with.

use serde::Serialize;
use suoke_guest::{clock, page};
use suoke_sagas::{LogLine, Summary};

use crate::cursor::Cursor;

/// A saga.
#[derive(Debug, Serialize)]
pub(crate) struct Shown {
    saga_id: String,
    saga: String,
    status: String,
    step: String,
    reason: Option<String>,
    correlation_id: String,
    due_at: Option<String>,
    created_at: String,
    updated_at: String,
    ended_at: Option<String>,
}

/// A saga with its log.
#[derive(Debug, Serialize)]
pub(crate) struct Full {
    #[serde(flatten)]
    saga: Shown,
    log: Vec<Line>,
}

/// A line of the log.
#[derive(Debug, Serialize)]
struct Line {
    at: String,
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    participant: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// A part of the list.
#[derive(Debug, Serialize)]
pub(crate) struct PageOfSagas {
    sagas: Vec<Shown>,
    next_cursor: Option<String>,
}

pub(crate) fn saga(saga: Summary) -> Shown {
    Shown {
        saga_id: saga.id,
        saga: saga.saga,
        status: saga.status,
        step: saga.step,
        reason: saga.reason,
        correlation_id: saga.correlation_id,
        due_at: saga.due_at.map(clock::rfc3339),
        created_at: clock::rfc3339(saga.created_at),
        updated_at: clock::rfc3339(saga.updated_at),
        ended_at: saga.ended_at.map(clock::rfc3339),
    }
}

pub(crate) fn full(found: Summary, lines: Vec<LogLine>) -> Full {
    let line = |line: LogLine| Line {
        at: clock::rfc3339(line.at),
        kind: line.kind,
        step: line.step,
        participant: line.participant,
        attempt: line.attempt,
        reason: line.reason,
    };
    Full {
        saga: saga(found),
        log: lines.into_iter().map(line).collect(),
    }
}

/// At most `limit` of the sagas, and where the list goes on.
pub(crate) fn page(mut sagas: Vec<Summary>, limit: u32) -> PageOfSagas {
    let last = page::cut(&mut sagas, limit).map(|saga| Cursor {
        created_at: saga.created_at,
        id: saga.id.clone(),
    });
    PageOfSagas {
        sagas: sagas.into_iter().map(saga).collect(),
        next_cursor: last.map(|cursor| cursor.text()),
    }
}
