//! `$lastn` and `$stats`.

use std::collections::HashSet;

use serde_json::{Value, json};
use suoke_fhir::bundle::{self as bundles, Page};
use suoke_fhir::date::written;
use suoke_fhir::json::at;
use suoke_fhir::observation::{Shown, observation};
use suoke_fhir::outcome::{Issue, IssueType};
use suoke_fhir::search::{all_kinds, patient_id};
use suoke_fhir::stats::{self, Period, Statistic, Values};
use suoke_fhir::terms;
use suoke_health::catalogue::ReadingType;
use suoke_readings::{Matching, POINTS_MAX, matching, profile, series, unshadowed};
use suoke_store::Sql;

use crate::failed::Failed;
use crate::search::Criteria;
use crate::{Desk, read, search};

/// What `$lastn` heeds beside `max`; what names single readings or pages is refused.
const LASTN_HEEDED: [&str; 6] = ["category", "code", "date", "patient", "status", "subject"];
const LASTN_REFUSED: [&str; 3] = ["_cursor", "_id", "identifier"];
/// Most readings of a code that `$lastn` shows.
const LAST_MAX: u32 = 100;
/// Most codes of `$stats`.
const CODES_MAX: usize = 16;
/// The longest duration of `$stats`, in hours: ten years.
const HOURS_MAX: f64 = 87_660.0;
const HOUR_MS: f64 = 3_600_000.0;

/// The newest readings of each code.
pub async fn lastn(
    sql: &impl Sql,
    desk: &Desk,
    pairs: &[(String, String)],
    is_strict: bool,
) -> Result<Value, Failed> {
    let wanted = pairs
        .iter()
        .find(|(name, _)| name == "max")
        .map(|(_, value)| value.parse::<u32>());
    let most = match wanted {
        None => 1,
        Some(Ok(most)) if most > 0 => most.min(LAST_MAX),
        Some(_) => {
            return Err(Failed::new(
                400,
                IssueType::Value,
                "max",
                "a number of 1 or more is needed",
            ));
        }
    };
    let rest: Vec<_> = pairs
        .iter()
        .filter(|(name, _)| name != "max")
        .cloned()
        .collect();
    let refused = |(name, value): &&(String, String)| {
        !value.is_empty() && LASTN_REFUSED.contains(&bare(name))
    };
    if let Some((name, _)) = rest.iter().find(refused) {
        let message = "$lastn shows the newest of each code: search for single ones";
        return Err(Failed::new(400, IssueType::NotSupported, name, message));
    }
    let (user_id, search) = search::understood(sql, desk, &rest, is_strict).await?;
    let mut page = Page::default();
    // None where no reading has the statuses that are asked for.
    if let Some(criteria) = Criteria::of(&search)? {
        for kind in search.kinds.unwrap_or_else(all_kinds) {
            let newest = newest(sql, &user_id, kind, &criteria, most).await?;
            let entries = newest.into_iter().map(|shown| {
                let address = desk.address.of_resource("Observation", &shown.id);
                (address, observation(&user_id, &shown), "match")
            });
            page.entries.extend(entries);
        }
    }
    page.total = u64::try_from(page.entries.len()).ok();
    let heeded = search.used.into_iter();
    let heeded = heeded.filter(|(name, _)| LASTN_HEEDED.contains(&bare(name)));
    let max = ("max".to_owned(), most.to_string());
    let used: Vec<_> = heeded.chain([max]).collect();
    page.links
        .push(("self", desk.address.of_search("Observation/$lastn", &used)));
    Ok(bundles::searchset(page, desk.now_ms))
}

/// The name of a parameter without its modifier.
fn bare(name: &str) -> &str {
    name.split_once(':').map_or(name, |(bare, _)| bare)
}

/// The newest readings of one kind.
async fn newest(
    sql: &impl Sql,
    user_id: &str,
    kind: &str,
    criteria: &Criteria,
    most: u32,
) -> Result<Vec<Shown>, Failed> {
    let wanted = Matching {
        types: &[kind],
        bounds: &criteria.bounds,
        corrected: criteria.corrected,
        after: None,
        is_ascending: false,
        limit: most,
        deleted: criteria.deleted,
    };
    let mut newest = Vec::new();
    for reading in matching(sql, user_id, &wanted).await? {
        newest.push(read::shown(sql, user_id, reading).await?);
    }
    Ok(newest)
}

/// What `$stats` asks for.
struct Wanted {
    user_id: String,
    kinds: Vec<(&'static ReadingType, Option<usize>)>,
    statistics: Vec<Statistic>,
    period: Period,
}

/// The figures of each code.
pub async fn stats(
    sql: &impl Sql,
    desk: &Desk,
    pairs: &[(String, String)],
) -> Result<Value, Failed> {
    let wanted = read_stats(sql, desk, pairs).await?;
    let mut parameters = Vec::new();
    for (kind, only) in &wanted.kinds {
        let Period { from_ms, to_ms } = wanted.period;
        let points = series(sql, &wanted.user_id, kind.key, from_ms, to_ms).await?;
        if u32::try_from(points.len()).is_ok_and(|count| count >= POINTS_MAX) {
            let message = format!("more than {POINTS_MAX} readings: name a shorter span");
            return Err(Failed::new(413, IssueType::TooCostly, "duration", &message));
        }
        let points = unshadowed(kind.key, points);
        for (at, metric) in kind.metrics.iter().enumerate() {
            if only.is_some_and(|only| only != at) {
                continue;
            }
            let value = |point: &suoke_readings::Point| match at {
                0 => Some(point.value.to_f64()),
                _ => point.value2.map(suoke_health::Milli::to_f64),
            };
            let values = Values {
                kind,
                metric,
                values: points.iter().filter_map(value).collect(),
            };
            let figures = stats::observation(
                &wanted.user_id,
                values,
                wanted.period,
                &wanted.statistics,
                desk.now_ms,
            );
            parameters.push(json!({ "name": "statistics", "resource": figures }));
        }
    }
    Ok(json!({ "resourceType": "Parameters", "parameter": parameters }))
}

async fn read_stats(
    sql: &impl Sql,
    desk: &Desk,
    pairs: &[(String, String)],
) -> Result<Wanted, Failed> {
    let all = |name: &str| -> Vec<&str> {
        let own = pairs.iter().filter(|(known, _)| known == name);
        own.flat_map(|(_, value)| value.split(','))
            .filter(|value| !value.is_empty())
            .collect()
    };
    let subject = all("subject").into_iter().chain(all("patient")).next();
    let needed =
        |name: &str| Failed::new(400, IssueType::Required, name, "this parameter is needed");
    let subject = subject.ok_or_else(|| needed("subject"))?;
    let subject = patient_id(subject)
        .ok_or_else(|| Failed::new(400, IssueType::Value, "subject", "a Patient is needed"))?;
    let user_id = read::subject(desk, Some(subject))?;
    let system = all("system").first().copied();
    let codes: Vec<&str> = all("code").into_iter().chain(all("coding")).collect();
    let kinds = kinds_of(system, codes)?;
    if kinds.is_empty() {
        return Err(needed("code"));
    }
    let statistics = all("statistic").into_iter().map(|code| {
        let message = "average, maximum, minimum, count, median, std-dev, sum, variance, 20-percent and 80-percent are known";
        Statistic::parse(code).ok_or_else(|| Failed::new(400, IssueType::CodeInvalid, "statistic", message))
    });
    let statistics: Vec<Statistic> = statistics.collect::<Result<_, _>>()?;
    if statistics.is_empty() {
        return Err(needed("statistic"));
    }
    let period = period(sql, desk, &user_id, &all("duration"), &all("period")).await?;
    Ok(Wanted {
        user_id,
        kinds,
        statistics,
        period,
    })
}

/// The kinds of codes, and the figure of each that is meant alone; each of them once.
fn kinds_of(
    system: Option<&str>,
    codes: Vec<&str>,
) -> Result<Vec<(&'static ReadingType, Option<usize>)>, Failed> {
    let mut kinds: Vec<(&'static ReadingType, Option<usize>)> = Vec::new();
    let (mut seen, mut known) = (HashSet::new(), HashSet::new());
    let fits = |count: usize| {
        let message = format!("at most {CODES_MAX} codes are computed at once");
        (count <= CODES_MAX)
            .then_some(())
            .ok_or_else(|| Failed::new(413, IssueType::TooCostly, "code", &message))
    };
    for code in codes.into_iter().filter(|code| seen.insert(*code)) {
        let (system, code) = code
            .split_once('|')
            .map_or((system, code), |(system, code)| (Some(system), code));
        let found = of_code(system, code);
        if found.is_empty() {
            let message = "no code that is known here";
            return Err(Failed::new(400, IssueType::CodeInvalid, "code", message));
        }
        let new = found.into_iter();
        kinds.extend(new.filter(|(kind, only)| known.insert((kind.key, *only))));
        fits(kinds.len())?;
    }
    Ok(kinds)
}

/// The kinds of a code, or the one figure of a panel that it names.
fn of_code(system: Option<&str>, code: &str) -> Vec<(&'static ReadingType, Option<usize>)> {
    let kinds = terms::kinds_of_code(system, code)
        .into_iter()
        .filter(|kind| !kind.key.ends_with("_waveform"));
    let found: Vec<_> = kinds.map(|kind| (kind, None)).collect();
    if !found.is_empty() || system.is_some_and(|system| system != terms::LOINC) {
        return found;
    }
    let panels = suoke_health::catalogue::all()
        .iter()
        .filter(|kind| kind.is_panel());
    let of_panel = panels.filter_map(|kind| {
        let at = kind
            .metrics
            .iter()
            .position(|metric| metric.loinc == code)?;
        Some((kind, Some(at)))
    });
    of_panel.collect()
}

/// The last hours, or from one date to another; without either, all there is.
async fn period(
    sql: &impl Sql,
    desk: &Desk,
    user_id: &str,
    durations: &[&str],
    periods: &[&str],
) -> Result<Period, Failed> {
    let wrong = |name: &str, message: &str| Failed::new(400, IssueType::Value, name, message);
    if let Some(duration) = durations.first() {
        let hours = duration
            .parse::<f64>()
            .ok()
            .filter(|hours| *hours > 0.0 && *hours <= HOURS_MAX);
        let hours = hours
            .ok_or_else(|| wrong("duration", "a number of hours is needed, at most ten years"))?;
        return Ok(Period {
            from_ms: desk.now_ms.saturating_sub((hours * HOUR_MS) as i64),
            to_ms: desk.now_ms.saturating_add(1),
        });
    }
    let Some(period) = periods.first() else {
        return Ok(Period {
            from_ms: suoke_health::reading::OLDEST_MS,
            to_ms: desk.now_ms.saturating_add(1),
        });
    };
    let zone = profile(sql, user_id).await?.profile.tz();
    let clock = |local: chrono::NaiveDateTime| search::local_ms(&zone, local);
    let message = "`start/end` is needed, two dates";
    let (start, end) = period
        .split_once('/')
        .ok_or_else(|| wrong("period", message))?;
    let start = suoke_fhir::date::span(start, &clock).ok_or_else(|| wrong("period", message))?;
    let end = suoke_fhir::date::span(end, &clock).ok_or_else(|| wrong("period", message))?;
    Ok(Period {
        from_ms: start.from_ms,
        to_ms: end.to_ms,
    })
}

/// The parameters of a resource `Parameters`, as a query would write them.
pub fn parameters(resource: &Value) -> Result<Vec<(String, String)>, Issue> {
    if at(resource, "resourceType") != "Parameters" {
        let message = "a resource Parameters is needed here, or a form";
        return Err(Issue::new(
            IssueType::Structure,
            "Parameters.resourceType",
            message,
        ));
    }
    let given = at(resource, "parameter")
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let each = given.iter().filter_map(|parameter| {
        let name = at(parameter, "name").as_str()?;
        let (_, value) = parameter
            .as_object()?
            .iter()
            .find(|(key, _)| key.starts_with("value"))?;
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Object(members) if members.contains_key("code") => {
                let system = members
                    .get("system")
                    .and_then(Value::as_str)
                    .unwrap_or_default();
                format!("{system}|{}", members.get("code")?.as_str()?)
            }
            Value::Object(members) if members.contains_key("reference") => {
                members.get("reference")?.as_str()?.to_owned()
            }
            Value::Object(members) => {
                let part = |name: &str| members.get(name).and_then(Value::as_str);
                let now = written(suoke_guest::clock::now_ms(), 0);
                format!("{}/{}", part("start")?, part("end").unwrap_or(&now))
            }
            other => other.to_string(),
        };
        Some((name.to_owned(), text))
    });
    Ok(each.collect())
}
