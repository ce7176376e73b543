//! Opens a consultation and tells the agents.

mod agent;
mod queries;

use serde::{Deserialize, Serialize};
use suoke_events::types::{ConsultationCreated, HEALTH_CONSULTATION};
use suoke_events::{Event, outbox};
use suoke_guest::{ApiError, Invalid, Reply, Request, clock, ids, reply};
use suoke_store::{Database, erased};

use agent::Agent;

suoke_guest::http_service!(route);

/// How long a complaint may be, in characters.
const COMPLAINT_CHARS_MAX: usize = 2000;

/// How large a body may be: the longest complaint, escaped.
const BODY_SIZE_BYTES_MAX: usize = 64 * 1024;

/// What is asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Create {
    chief_complaint: String,
    #[serde(default)]
    agent: Agent,
}

/// What is answered.
#[derive(Serialize)]
struct Created {
    consultation_id: String,
    status: &'static str,
    agent: &'static str,
    created_at: String,
}

async fn route(mut request: Request) -> Result<Reply, ApiError> {
    request.allow(&["POST"])?;
    let who = suoke_identity::caller(&request)?;
    let asked: Create = request.json_within(BODY_SIZE_BYTES_MAX).await?;
    let complaint = checked(&asked.chief_complaint)?;
    let mut db = Database::open("care").await?;
    let (created, event) = create(&mut db, &request, &who.user_id, complaint, asked.agent).await?;
    suoke_events::announce(&[event]).await;
    let location = format!("/api/v1/consultations/{}", created.consultation_id);
    reply::created(&location, &created)
}

/// The complaint without blank ends.
fn checked(complaint: &str) -> Result<&str, ApiError> {
    let complaint = complaint.trim();
    let length = complaint.chars().count();
    let mut invalid = Invalid::new();
    invalid.check(
        length > 0,
        "chief_complaint",
        "required",
        "must not be empty",
    );
    invalid.check(
        length <= COMPLAINT_CHARS_MAX,
        "chief_complaint",
        "too_long",
        "must have at most 2000 characters",
    );
    let is_text = |letter: char| !letter.is_control() || matches!(letter, '\n' | '\r' | '\t');
    invalid.check(
        complaint.chars().all(is_text),
        "chief_complaint",
        "invalid_text",
        "must not have control characters",
    );
    invalid.finish()?;
    Ok(complaint)
}

/// Writes the consultation and its event in one transaction.
async fn create(
    db: &mut Database,
    request: &Request,
    user_id: &str,
    complaint: &str,
    agent: Agent,
) -> Result<(Created, Event), ApiError> {
    let (id, now) = (ids::new_id(), clock::now_ms());
    let told = ConsultationCreated {
        consultation_id: id.clone(),
        user_id: user_id.to_owned(),
        agent: agent.name().to_owned(),
        chief_complaint: complaint.to_owned(),
    };
    let event = Event::new(HEALTH_CONSULTATION, "consultation-create", &told)?
        .about(format!("consultation/{id}"))
        .from_request(request);
    let event: Result<Event, ApiError> = db
        .transaction(async |tx| {
            // A token may be good for a moment longer than its user is there.
            if erased::is_erased(tx, user_id).await? {
                let detail = "This account is erased: no consultation was opened.";
                return Err(
                    ApiError::unauthorized("account_erased", detail).zh("账户已注销，未创建问诊。")
                );
            }
            queries::insert(tx, &told, now).await?;
            Ok(outbox(tx, event).await?)
        })
        .await;
    let created = Created {
        consultation_id: id,
        status: "created",
        agent: agent.name(),
        created_at: clock::rfc3339(now),
    };
    Ok((created, event?))
}

#[cfg(test)]
mod tests;
