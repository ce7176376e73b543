//! Says what a person's newest readings mean.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use suoke_guest::{ApiError, Reply, Request, clock, reply};
use suoke_health::assessment::{
    ASSESSED_TYPES, Assessed, DISCLAIMER, NOTICE_OF_MINORS, Newest, SCORED_TYPES, assess, is_scored,
};
use suoke_health::baseline::{BASELINE_DAYS, Baseline};
use suoke_health::calendar::{Calendar, Span};
use suoke_health::catalogue::{ReadingType, find};
use suoke_health::classes::Person;
use suoke_health::news2::{AGE_MS_MAX, Score};
use suoke_health::night;
use suoke_health::profile::Profile;
use suoke_health::view::StoredReading;
use suoke_readings::days::days;
use suoke_readings::{Cause, Filter, READINGS_MAX, latest, nights, note_access, profile, select};
use suoke_store::{Database, Sql, StoreError};

/// The name in events, and the route.
const COMPONENT: &str = "health-assessment";
const RESOURCE: &str = "/api/v1/health/assessment";
/// The pressure, and the height that no class is of.
const PRESSURE: &str = "blood_pressure";
const HEIGHT: &str = "body_height";

suoke_guest::http_service!(route);

/// The query.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    user_id: Option<String>,
}

/// The answer.
#[derive(Debug, Serialize)]
struct Shown {
    assessed_at: String,
    vitals: Vec<Assessed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    news2: Option<Score>,
    #[serde(skip_serializing_if = "Option::is_none")]
    notice: Option<&'static str>,
    disclaimer: &'static str,
}

async fn route(request: Request) -> Result<Reply, ApiError> {
    request.allow(&["GET"])?;
    let who = suoke_identity::caller(&request)?;
    let asked: Asked = request.query()?;
    let user_id = who.subject(asked.user_id.as_deref())?;
    let mut db = Database::open("health").await?;
    look(&mut db, &request, (&who.user_id, &user_id), clock::now_ms()).await
}

/// Answers; that somebody else looks is noted before.
async fn look(
    db: &mut Database,
    request: &Request,
    (by, user_id): (&str, &str),
    now_ms: i64,
) -> Result<Reply, ApiError> {
    let cause = Cause::request(COMPONENT, request);
    note_access(db, cause, by, &[user_id], RESOURCE).await?;
    answer(db, request, user_id, now_ms).await
}

async fn answer(
    db: &Database,
    request: &Request,
    user_id: &str,
    now_ms: i64,
) -> Result<Reply, ApiError> {
    let profile = profile(db, user_id).await?.profile;
    let newest = newest(db, user_id, &profile, now_ms).await?;
    let person = Person::of(&profile, now_ms);
    let found = assess(&newest, &person, now_ms);
    let lang = request.lang();
    let of_minors = lang.pick(NOTICE_OF_MINORS.1, NOTICE_OF_MINORS.0);
    let shown = Shown {
        assessed_at: clock::rfc3339(now_ms),
        vitals: found.vitals,
        news2: found.news2,
        notice: person.is_minor().then_some(of_minors),
        disclaimer: lang.pick(DISCLAIMER.1, DISCLAIMER.0),
    };
    Ok(reply::json(&shown)?.header("content-language", lang.tag()))
}

async fn newest(
    sql: &impl Sql,
    user_id: &str,
    profile: &Profile,
    now_ms: i64,
) -> Result<Newest, StoreError> {
    let mut types = ASSESSED_TYPES.to_vec();
    types.push(HEIGHT);
    let readings = latest(sql, user_id, &types).await?;
    let two = Filter {
        types: &[PRESSURE],
        limit: 2,
        ..Filter::default()
    };
    let pressure_before = select(sql, user_id, &two).await?.into_iter().nth(1);
    let kinds: Vec<&'static ReadingType> = readings
        .iter()
        .filter_map(|reading| find(reading.kind.key))
        .collect();
    let calendar = Calendar::new(profile.tz());
    // Whole days that ended a day ago.
    let span = Span {
        start_ms: calendar.days_before(now_ms, BASELINE_DAYS + 1),
        end_ms: calendar.days_before(now_ms, 1),
    };
    let mut baselines = HashMap::new();
    for kind in kinds {
        for metric in kind.metrics {
            let usual = match night::is_sleep(kind.key) {
                true => nights(sql, user_id, kind, calendar, span).await?,
                false => days(sql, user_id, metric.key, span, false).await?.days,
            };
            let figures = usual.iter().map(|day| &day.figures);
            if let Some(baseline) = Baseline::of(kind.key, figures) {
                baselines.insert(metric.key, baseline);
            }
        }
    }
    Ok(Newest {
        recent: recent(sql, user_id, &readings, now_ms).await?,
        readings,
        pressure_before,
        baselines,
        height_cm: profile.height_cm,
    })
}

/// The readings of the last hour of the kinds whose newest one does not count for the
/// score.
async fn recent(
    sql: &impl Sql,
    user_id: &str,
    newest: &[StoredReading],
    now_ms: i64,
) -> Result<Vec<StoredReading>, StoreError> {
    let mut recent = Vec::new();
    for reading in newest {
        if !SCORED_TYPES.contains(&reading.kind.key) || is_scored(reading) {
            continue;
        }
        let hour = Filter {
            types: &[reading.kind.key],
            from_ms: Some(now_ms - AGE_MS_MAX),
            limit: READINGS_MAX,
            ..Filter::default()
        };
        recent.extend(select(sql, user_id, &hour).await?);
    }
    Ok(recent)
}

#[cfg(test)]
mod tests;
