//! Reports a person's day, week or month.

mod collect;
mod count;
mod queries;

use chrono::{Datelike, NaiveDate};
use serde::Deserialize;
use suoke_guest::{ApiError, FieldError, Lang, Reply, Request, clock, reply};
use suoke_health::calendar::Calendar;
use suoke_readings::profile;
use suoke_report::{Language, Period, content_security_policy, make, page};
use suoke_store::Database;

/// Years whose days may be asked for.
const YEARS: std::ops::RangeInclusive<i32> = 1900..=2200;

suoke_guest::http_service!(route);

/// The query.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    period: Option<String>,
    date: Option<String>,
    format: Option<String>,
    lang: Option<String>,
}

/// The query, checked.
#[derive(Debug, PartialEq, Eq)]
struct Wanted {
    period: Period,
    date: Option<NaiveDate>,
    is_page: bool,
    language: Language,
}

async fn route(request: Request) -> Result<Reply, ApiError> {
    request.allow(&["GET"])?;
    let who = suoke_identity::caller(&request)?;
    let wanted = wanted(&request)?;
    let db = Database::open("health").await?;
    answer(&db, &who.user_id, &wanted, clock::now_ms()).await
}

fn wanted(request: &Request) -> Result<Wanted, ApiError> {
    let asked: Asked = request.query()?;
    let period = asked.period.as_deref().unwrap_or("week");
    let period =
        Period::parse(period).ok_or_else(|| wrong("period", "must be day, week or month"))?;
    let date = match asked.date.as_deref() {
        Some(text) => {
            Some(date(text).ok_or_else(|| wrong("date", "must be YYYY-MM-DD, from 1900 to 2200"))?)
        }
        None => None,
    };
    let accepts_page = || {
        let accept = request.header("accept").unwrap_or_default();
        accept.contains("text/html")
    };
    let is_page = match asked.format.as_deref() {
        Some("html") => true,
        Some("json") => false,
        Some(_) => return Err(wrong("format", "must be json or html")),
        None => accepts_page(),
    };
    let language = match (asked.lang.as_deref(), request.lang()) {
        (Some("zh"), _) | (None, Lang::ZhCn) => Language::Chinese,
        (Some("en"), _) | (None, Lang::En) => Language::English,
        (Some(_), _) => return Err(wrong("lang", "must be zh or en")),
    };
    Ok(Wanted {
        period,
        date,
        is_page,
        language,
    })
}

fn wrong(field: &str, message: &str) -> ApiError {
    ApiError::invalid(vec![FieldError::new(field, "invalid_value", message)])
}

/// `YYYY-MM-DD` with all its digits.
fn date(text: &str) -> Option<NaiveDate> {
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    (date.to_string() == text && YEARS.contains(&date.year())).then_some(date)
}

async fn answer(
    db: &Database,
    user_id: &str,
    wanted: &Wanted,
    now_ms: i64,
) -> Result<Reply, ApiError> {
    let profile = profile(db, user_id).await?.profile;
    let calendar = Calendar::new(profile.tz());
    let date = wanted.date.unwrap_or_else(|| calendar.date_of(now_ms));
    let span = wanted.period.span(calendar, date);
    let input = collect::input(db, user_id, &profile, wanted.period, span, now_ms).await?;
    let report = make(input);
    let reply = if wanted.is_page {
        Reply::new(200)
            .header("content-type", "text/html; charset=utf-8")
            .header("content-security-policy", content_security_policy())
            .header("content-language", wanted.language.tag())
            .body(page(&report, wanted.language).into_bytes())
    } else {
        reply::json(&report)?
    };
    Ok(reply
        .header("cache-control", "private, no-store")
        .header("vary", "accept, accept-language"))
}

#[cfg(test)]
mod tests;
