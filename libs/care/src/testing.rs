//! Consultations, commands and answers for the tests of participants.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops where it fails"
)]

use serde_json::json;
use suoke_events::subscriber::deliver;
use suoke_events::{Event, EventError};
use suoke_sagas::messages::{AGENT_TASK_RESULT, Action, Command, Outcome, Reply, SAGA_REPLY};
use suoke_store::{Database, Sql, params};

/// The consultation of [`care`].
pub const CONSULTATION: &str = "018f0000-0000-7000-8000-000000000001";
/// Who asked.
pub const USER: &str = "u1";

/// A database `care` with one consultation.
///
/// # Panics
/// When it cannot be made.
pub async fn care(status: &str, complaint: &str) -> Database {
    let db = Database::open_in_memory("care").await.unwrap();
    db.execute(
        "INSERT INTO consultations \
         (id, user_id, status, chief_complaint, agent, created_at, updated_at) \
         VALUES (?1, ?2, ?3, ?4, 'xiaoai', 1, 1)",
        params![CONSULTATION, USER, status, complaint],
    )
    .await
    .unwrap();
    db
}

/// A command of the saga of that consultation.
///
/// # Panics
/// When it cannot be made.
#[must_use]
pub fn command(kind: &str, participant: &str, action: Action, complaint: &str) -> Event {
    let context = json!({
        "consultation_id": CONSULTATION,
        "user_id": USER,
        "agent": "xiaoai",
        "chief_complaint": complaint,
        "outputs": { (crate::REPORT_STEP): { (crate::REPORT_PARTICIPANT): {
            "report_id": "r1", "is_emergency": false, "red_flags": [], "syndromes": ["heart_kidney"],
        } } },
    });
    let is_agent = kind == crate::commands::AGENT_TASK_ASSIGN;
    let command = Command {
        saga_id: crate::saga_id(CONSULTATION),
        saga: crate::SAGA.to_owned(),
        step: kind.replace('.', "_"),
        action,
        attempt: 1,
        participants: vec![participant.to_owned()],
        reply_to: if is_agent {
            AGENT_TASK_RESULT
        } else {
            SAGA_REPLY
        }
        .to_owned(),
        reason: Some("a step failed".to_owned()),
        context: context.as_object().unwrap().clone(),
    };
    Event::new(kind, "saga-orchestrator", &command).unwrap()
}

/// The order to take a step back of a saga that started with the consultation's id alone.
///
/// # Panics
/// When it cannot be made.
#[must_use]
pub fn bare_undo(kind: &str, participant: &str) -> Event {
    let mut event = command(kind, participant, Action::Undo, "");
    event.data["context"] = json!({ "consultation_id": CONSULTATION });
    event
}

/// The answer among what a participant told.
#[must_use]
pub fn reply(told: &[Event]) -> Option<Reply> {
    let mut replies = told
        .iter()
        .filter(|event| [SAGA_REPLY, AGENT_TASK_RESULT].contains(&event.kind.as_str()));
    replies.next().and_then(|event| event.data_as().ok())
}

/// How many rows a question finds.
///
/// # Panics
/// When the statement fails.
pub async fn count(db: &Database, sql: &str) -> i64 {
    db.query_one(sql, params![]).await.unwrap()
}

/// Delivers a command whose context names nothing, which is refused; an event that is no
/// command and a message that is no event, which fail for good: how many dead letters the
/// consumer has then.
///
/// # Panics
/// When the database fails, or one of them comes to another end.
pub async fn dead_letters_of_bad_data(
    db: &mut Database,
    consumer: &str,
    kind: &str,
    participant: &str,
    work: impl AsyncFn(&mut Database, &Event) -> Result<Vec<Event>, EventError>,
) -> i64 {
    let mut event = command(kind, participant, Action::Do, "");
    event.data["context"] = json!({});
    let answered = deliver(db, consumer, &event.to_message().unwrap(), &work).await;
    let reply = reply(&answered.next).unwrap();
    assert_eq!((reply.outcome, reply.retry), (Outcome::Failed, false));
    let no_command = Event::new(kind, "somebody", &json!({})).unwrap();
    let messages = [no_command.to_message().unwrap(), b"poison".to_vec()];
    for message in messages {
        let failure = deliver(db, consumer, &message, &work).await.failure;
        assert!(failure.is_some_and(|failure| failure.is_permanent()));
    }
    count(
        db,
        "SELECT count(*) FROM event_failures WHERE dead_at IS NOT NULL",
    )
    .await
}

/// The status of that consultation.
///
/// # Panics
/// When it is gone.
pub async fn status(db: &Database) -> String {
    let text = "SELECT status FROM consultations WHERE id = ?1";
    db.query_one(text, params![CONSULTATION]).await.unwrap()
}
