//! What a caller wants to be done later.

use serde::Deserialize;
use serde_json::{Map, Value};
use suoke_guest::{ApiError, Invalid, Request, clock};
use suoke_jobs::{
    DATA_SIZE_BYTES_MAX, NewJob, RETRIES_MAX, Schedule, ScheduleError, UNIQUE_KEY_BYTES_MAX, When,
};

/// How often an event that nobody acknowledges is delivered again, unless the
/// caller says otherwise.
const RETRIES_DEFAULT: u32 = 3;

/// How far ahead a job may be: about ten years.
const AHEAD_SECONDS_MAX: i64 = 10 * 366 * 24 * 60 * 60;

/// How long a type may be.
const TYPE_BYTES_MAX: usize = 64;

/// The body of a new job.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    data: Map<String, Value>,
    run_at: Option<String>,
    delay_seconds: Option<i64>,
    schedule: Option<String>,
    time_zone: Option<String>,
    unique_key: Option<String>,
    retries_max: Option<u32>,
}

/// Reads and checks the body; everything that is wrong is told at once.
pub(crate) async fn read(request: &mut Request, now_ms: i64) -> Result<NewJob, ApiError> {
    let body: Body = request.json().await?;
    let mut invalid = Invalid::new();
    invalid.check(
        is_type(&body.kind),
        "type",
        "invalid_value",
        "must be names of a-z, 0-9, - and _ with dots between them, at most 64 characters",
    );
    let data_bytes = serde_json::to_vec(&body.data)?.len();
    invalid.check(
        data_bytes <= DATA_SIZE_BYTES_MAX,
        "data",
        "too_long",
        "must be at most 65536 bytes long",
    );
    let is_key = |key: &str| (1..=UNIQUE_KEY_BYTES_MAX).contains(&key.len());
    invalid.check(
        body.unique_key.as_deref().is_none_or(is_key),
        "unique_key",
        "out_of_range",
        "must be 1 to 128 bytes long",
    );
    let retries_max = body.retries_max.unwrap_or(RETRIES_DEFAULT);
    invalid.check(
        retries_max <= RETRIES_MAX,
        "retries_max",
        "out_of_range",
        "must be between 0 and 10",
    );
    let when = when(&body, now_ms, &mut invalid);
    invalid.finish()?;
    Ok(NewJob {
        kind: body.kind,
        data: body.data,
        // Without a time, `finish` has failed.
        when: when.unwrap_or(When::At(now_ms)),
        unique_key: body.unique_key,
        retries_max,
        correlation_id: request.id().to_owned(),
    })
}

/// When it runs: at an instant, after a while, by a schedule, or at once.
fn when(body: &Body, now_ms: i64, invalid: &mut Invalid) -> Option<When> {
    let given = [
        body.run_at.is_some(),
        body.delay_seconds.is_some(),
        body.schedule.is_some(),
    ];
    if given.into_iter().filter(|given| *given).count() > 1 {
        let message = "only one of run_at, delay_seconds and schedule can be given";
        invalid.check(false, "run_at", "conflict", message);
        return None;
    }
    let is_fine = body.time_zone.is_none() || body.schedule.is_some();
    let message = "goes with schedule; run_at has an offset of its own";
    invalid.check(is_fine, "time_zone", "conflict", message);
    if let Some(expression) = &body.schedule {
        return again(expression, body.time_zone.as_deref(), invalid);
    }
    if let Some(text) = &body.run_at {
        let run_at = clock::parse_rfc3339(text);
        let is_fine = run_at.is_some_and(|at| at - now_ms <= AHEAD_SECONDS_MAX * 1000);
        let message = "must be an RFC 3339 instant of the next ten years";
        invalid.check(is_fine, "run_at", "invalid_value", message);
        return run_at.map(When::At);
    }
    let seconds = body.delay_seconds.unwrap_or(0);
    let is_fine = (0..=AHEAD_SECONDS_MAX).contains(&seconds);
    let message = "must be between 0 and 316224000";
    invalid.check(is_fine, "delay_seconds", "out_of_range", message);
    is_fine.then(|| When::At(now_ms + seconds * 1000))
}

fn again(expression: &str, time_zone: Option<&str>, invalid: &mut Invalid) -> Option<When> {
    let time_zone = time_zone.unwrap_or("UTC");
    match Schedule::parse(expression, time_zone) {
        Ok(schedule) => Some(When::Again {
            expression: expression.to_owned(),
            time_zone: time_zone.to_owned(),
            schedule: Box::new(schedule),
        }),
        Err(error) => {
            let field = match error {
                ScheduleError::Expression(_) => "schedule",
                ScheduleError::TimeZone => "time_zone",
            };
            invalid.check(false, field, "invalid_value", &error.to_string());
            None
        }
    }
}

/// Whether a text can be the type of an event, and so a channel.
fn is_type(text: &str) -> bool {
    let is_fine =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
    let mut parts = text.split('.');
    text.len() <= TYPE_BYTES_MAX && parts.all(|part| !part.is_empty() && part.bytes().all(is_fine))
}
