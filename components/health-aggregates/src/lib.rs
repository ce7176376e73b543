//! Shows a person the figures of their readings by time, and where they go.

mod aggregates;
mod asked;
mod special;
mod trends;

use suoke_guest::{ApiError, Reply, Request, clock, reply};
use suoke_health::catalogue::ReadingType;
use suoke_readings::{Cause, LABEL, note_access};
use suoke_store::Database;

/// The name in events.
const COMPONENT: &str = "health-aggregates";

suoke_guest::http_service!(route);

/// What is asked for, by whom, and about whom.
struct Look {
    by: String,
    user_id: String,
    question: Question,
}

enum Question {
    Trends(&'static ReadingType, u32),
    Buckets(asked::Buckets),
}

async fn route(request: Request) -> Result<Reply, ApiError> {
    request.allow(&["GET"])?;
    let now_ms = clock::now_ms();
    let look = look(&request, now_ms)?;
    let mut db = if look.user_id == look.by {
        Database::open_for_reading(LABEL).await?
    } else {
        // That somebody else looked is written.
        Database::open(LABEL).await?
    };
    answer(&mut db, &request, &look, now_ms).await
}

fn look(request: &Request, now_ms: i64) -> Result<Look, ApiError> {
    let who = suoke_identity::caller(request)?;
    let (user_id, question);
    if request.path().ends_with("/trends") {
        let asked: asked::Trends = request.query()?;
        user_id = who.subject(asked.user_id.as_deref())?;
        let (kind, days) = asked.check()?;
        question = Question::Trends(kind, days);
    } else {
        let asked: asked::Aggregates = request.query()?;
        user_id = who.subject(asked.user_id.as_deref())?;
        question = Question::Buckets(asked.check(now_ms)?);
    }
    Ok(Look {
        by: who.user_id,
        user_id,
        question,
    })
}

async fn answer(
    db: &mut Database,
    request: &Request,
    look: &Look,
    now_ms: i64,
) -> Result<Reply, ApiError> {
    let resource = match look.question {
        Question::Trends(..) => "/api/v1/health/trends",
        Question::Buckets(_) => "/api/v1/health/aggregates",
    };
    let cause = Cause::request(COMPONENT, request);
    let user_id = look.user_id.as_str();
    note_access(db, cause, &look.by, &[user_id], resource).await?;
    match &look.question {
        Question::Trends(kind, days) => {
            reply::json(&trends::shown(&*db, user_id, kind, *days, now_ms).await?)
        }
        Question::Buckets(asked) => reply::json(&aggregates::shown(&*db, user_id, asked).await?),
    }
}

#[cfg(test)]
mod tests;
